//! Which two columns hold the coordinates: by name or number where one was given, else by a fixed ranking of
//! whole names.

use std::fmt;
use std::str::FromStr;

use super::notice::Notice;
use super::number::{self, Field};
use super::take::{Axis, Place, Take};
use super::{Decimal, Header, ReadOptions, Unit};
use crate::project::Crs;

/// A column as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// By the whole name in the header, without regard to case and surrounding space.
    Name(String),
    /// By its place, from 1.
    Number(usize),
}

impl FromStr for ColumnRef {
    type Err = String;

    /// `#n` is a place, anything else a name.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('#').map(str::parse::<usize>) {
            Some(Ok(number)) if number > 0 => Ok(Self::Number(number)),
            Some(Err(_)) | None if !text.trim().is_empty() => Ok(Self::Name(text.to_owned())),
            _ => Err(format!("'{text}' is no column; write its name or its place from 1 as #1")),
        }
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "#{number}"),
        }
    }
}

/// What columns are chosen by.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code)]
pub(super) struct Table<'a> {
    /// The first record, unquoted: a header or a row.
    pub(super) first: &'a [Vec<u8>],
    /// Up to 1000 records behind it, unquoted.
    pub(super) rows: &'a [Vec<Vec<u8>>],
    /// What separates the decimals.
    pub(super) decimal: Decimal,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
#[allow(dead_code)]
pub(super) struct Chosen {
    /// The fields of a row that are taken.
    pub(super) take: Take,
    /// Names of the columns of longitude and latitude (or easting and northing), or `#number`; twice the same where
    /// both are in one field.
    pub(super) names: [String; 2],
    /// Whether the first record is a header.
    pub(super) header: bool,
    /// The reference system that the data tell.
    pub(super) crs: Option<Crs>,
    /// Fields without a name that each row has before those of the header; `take` counts them already.
    pub(super) shift: usize,
    /// What a person should know of it.
    pub(super) notices: Vec<Notice>,
}

/// Finds the columns, or says in one line what is wrong and which flag helps. The caller puts the input's name before
/// it. `projected`: the coordinates are eastings and northings.
#[allow(dead_code)]
pub(super) fn choose(table: &Table, options: &ReadOptions, projected: bool) -> Result<Chosen, String> {
    let columns = find(&csv::ByteRecord::from(table.first.to_vec()), options, projected)?;
    let axes = if projected { [Axis::Projected; 2] } else { [Axis::Longitude, Axis::Latitude] };
    let place = |column, axis| Place { column, axis, unit: options.unit.unwrap_or(Unit::Degrees), hemisphere: None };
    Ok(Chosen {
        take: Take::Two { x: place(columns.x, axes[0]), y: place(columns.y, axes[1]) },
        names: columns.names,
        header: columns.header,
        crs: None,
        shift: 0,
        notices: Vec::new(),
    })
}

/// Whether a record is a header in which coordinate columns can be found.
#[allow(dead_code)]
pub(super) fn is_header(record: &[Vec<u8>], options: &ReadOptions, projected: bool) -> bool {
    find(&csv::ByteRecord::from(record.to_vec()), options, projected).is_ok_and(|columns| columns.header)
}

/// The columns taken from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// Place of the longitude or easting, from 0.
    pub(super) x: usize,
    /// Place of the latitude or northing, from 0.
    pub(super) y: usize,
    /// Their names, or `#number`.
    pub(super) names: [String; 2],
    /// Whether the first record is a header.
    pub(super) header: bool,
}

/// Names that go together, best first: of the first pair with both sides present, the best name of each side.
type Ranking = &'static [(&'static [&'static str], &'static [&'static str])];

const DEGREES: Ranking = &[
    (&["lon", "lng", "long", "longitude"], &["lat", "latitude"]),
    (&["decimallongitude", "decimal_longitude"], &["decimallatitude", "decimal_latitude"]),
    (&["lon_deg", "longitude_deg", "longitude (deg)"], &["lat_deg", "latitude_deg", "latitude (deg)"]),
    (&["lon_wgs84", "longitude_wgs84", "wgs84_lon"], &["lat_wgs84", "latitude_wgs84", "wgs84_lat"]),
    (&["geo_lon", "geo_long", "geo_longitude"], &["geo_lat", "geo_latitude"]),
    (&["gps_lon", "gps_long", "gps_longitude"], &["gps_lat", "gps_latitude"]),
    (&["stop_lon"], &["stop_lat"]),
    (&["x"], &["y"]),
];

const METRES: Ranking = &[
    (&["easting", "eastings", "east"], &["northing", "northings", "north"]),
    (&["location_easting_osgr", "easting_osgr"], &["location_northing_osgr", "northing_osgr"]),
    (&["x_coord", "xcoord", "coord_x", "x_coordinate"], &["y_coord", "ycoord", "coord_y", "y_coordinate"]),
    (&["utm_x", "utm_easting"], &["utm_y", "utm_northing"]),
    (&["x"], &["y"]),
];

/// A header's names as a person would write them.
fn names(record: &csv::ByteRecord) -> Vec<String> {
    let name =
        |bytes| String::from_utf8_lossy(bytes).trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').to_owned();
    record.iter().map(name).collect()
}

fn places(names: &[String], wanted: &str) -> Vec<usize> {
    let wanted = wanted.trim().to_lowercase();
    (0..names.len()).filter(|&i| names[i].to_lowercase() == wanted).collect()
}

/// Finds the columns from a file's first record, or says in one line what is wrong and which flag helps. The
/// caller puts the file's name before it.
pub(super) fn find(first: &csv::ByteRecord, options: &ReadOptions, projected: bool) -> Result<Columns, String> {
    find_separated(first, options, projected).map_err(|problem| match other_separator(first) {
        Some(separator) if options.delimiter.is_none() => format!(
            "the fields look separated by {separator}, and only commas are supported yet; convert the file to commas \
             and decimal points first ({problem})"
        ),
        _ => problem,
    })
}

/// What separates the fields of a record in which commas do not.
fn other_separator(first: &csv::ByteRecord) -> Option<&'static str> {
    let more_than_commas = |separator: u8| memchr::memchr_iter(separator, first.as_slice()).count() > first.len();
    [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")]
        .into_iter()
        .find_map(|(separator, name)| more_than_commas(separator).then_some(name))
        .or_else(|| (first.len() == 1 && memchr::memchr(b';', first.as_slice()).is_some()).then_some("semicolons"))
}

fn find_separated(first: &csv::ByteRecord, options: &ReadOptions, projected: bool) -> Result<Columns, String> {
    let flags = if projected { ["--x", "--y"] } else { ["--lon", "--lat"] };
    let numeric = |i: usize| first.get(i).is_some_and(looks_numeric);
    if let (Some(ColumnRef::Number(x)), Some(ColumnRef::Number(y))) = (&options.x, &options.y) {
        let (x, y) = (x - 1, y - 1);
        if x.max(y) >= first.len() {
            return Err(format!(
                "there is no column #{}: the first record has {}",
                x.max(y) + 1,
                plural(first.len(), "field")
            ));
        }
        // Two blanks name nothing, so they are a row that lacks its coordinates.
        let blank = [x, y].iter().all(|&i| first.get(i).is_some_and(|f| f.trim_ascii().is_empty()));
        let header = match options.header {
            Header::Yes => true,
            Header::No => false,
            Header::Auto => !(numeric(x) || numeric(y) || blank),
        };
        let all = names(first);
        let name = |i: usize| if header { all[i].clone() } else { format!("#{}", i + 1) };
        return Ok(Columns { x, y, names: [name(x), name(y)], header });
    }
    if options.header == Header::No {
        return Err(format!(
            "without a header columns have no names; give {0} '#1' {1} '#2' (places from 1)",
            flags[0], flags[1]
        ));
    }
    let all = names(first);
    match by_name(&all, options, projected, flags) {
        Ok([x, y]) => Ok(Columns { x, y, names: [all[x].clone(), all[y].clone()], header: true }),
        Err(_) if options.header == Header::Auto && (0..first.len()).filter(|&i| numeric(i)).count() >= 2 => {
            Err(format!(
                "the first record looks like data, not like a header ({}); give {} '#1' {} '#2' (places from 1)",
                list(&all),
                flags[0],
                flags[1]
            ))
        }
        Err(problem) => Err(problem),
    }
}

fn by_name(all: &[String], options: &ReadOptions, projected: bool, flags: [&str; 2]) -> Result<[usize; 2], String> {
    let given = |wanted: &ColumnRef, flag: &str| match wanted {
        ColumnRef::Number(number) if *number <= all.len() => Ok(number - 1),
        ColumnRef::Number(_) => Err(format!("there is no column {wanted}: columns found: {}", list(all))),
        ColumnRef::Name(name) => {
            // The exact spelling tells `Lon` from `lon` where a file has both.
            let exact: Vec<usize> = (0..all.len()).filter(|&i| all[i] == *name).collect();
            let places = if exact.len() == 1 { exact } else { places(all, name) };
            one(&places, name, all, flag)
        }
    };
    match (&options.x, &options.y) {
        (Some(x), Some(y)) => Ok([given(x, flags[0])?, given(y, flags[1])?]),
        (x, y) => {
            let found = ranked(all, if projected { METRES } else { DEGREES }, flags).map_err(|problem| match (x, y) {
                (Some(x), None) => format!("{} {x} was given without {}; {problem}", flags[0], flags[1]),
                (None, Some(y)) => format!("{} {y} was given without {}; {problem}", flags[1], flags[0]),
                _ => problem,
            });
            match (x, y) {
                (Some(x), None) => Ok([given(x, flags[0])?, found?[1]]),
                (None, Some(y)) => Ok([found?[0], given(y, flags[1])?]),
                _ => found,
            }
        }
    }
}

fn ranked(all: &[String], ranking: Ranking, flags: [&str; 2]) -> Result<[usize; 2], String> {
    let best = |side: &[&'static str]| {
        side.iter().map(|name| (*name, places(all, name))).find(|(_, places)| !places.is_empty())
    };
    for (xs, ys) in ranking {
        if let (Some((x, xs)), Some((y, ys))) = (best(xs), best(ys)) {
            return Ok([one(&xs, x, all, flags[0])?, one(&ys, y, all, flags[1])?]);
        }
    }
    let what = if flags[0] == "--x" { "an easting and a northing" } else { "a longitude and a latitude" };
    Err(format!(
        "no columns named like {what}; name them with {} and {}; columns found: {}",
        flags[0],
        flags[1],
        list(all)
    ))
}

fn one(places: &[usize], name: &str, all: &[String], flag: &str) -> Result<usize, String> {
    match places {
        [place] => Ok(*place),
        [] => Err(format!("there is no column '{name}' ({flag}); columns found: {}", list(all))),
        [first, ..] => Err(format!(
            "{} columns are named '{name}'; choose one by its place, such as {flag} '#{}'; columns found: {}",
            places.len(),
            first + 1,
            list(all)
        )),
    }
}

/// Whether a field is written as a number, NaN and infinities included.
fn looks_numeric(field: &[u8]) -> bool {
    match number::parse(field) {
        Field::Number(_) => true,
        Field::Blank => false,
        Field::NotANumber => fast_float2::parse::<f64, _>(field.trim_ascii()).is_ok(),
    }
}

/// At most 40 names, each cut to 40 characters: enough to choose from, short enough for a line.
fn list(all: &[String]) -> String {
    let mut text = String::new();
    for (i, name) in all.iter().take(40).enumerate() {
        text.push_str(if i == 0 { "" } else { ", " });
        text.extend(name.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }));
    }
    if all.len() > 40 {
        text.push_str(&format!(" and {} more", all.len() - 40));
    }
    text
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Crs;

    fn find_in(first: &[&str], edit: impl FnOnce(&mut ReadOptions)) -> Result<(usize, usize, bool), String> {
        let mut options = ReadOptions::default();
        edit(&mut options);
        let projected = options.crs.is_some();
        find(&csv::ByteRecord::from(first.to_vec()), &options, projected).map(|c| (c.x, c.y, c.header))
    }

    fn column(text: &str) -> Option<ColumnRef> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn names_are_whole_and_without_case_space_or_mark() {
        assert_eq!(find_in(&["\u{feff}LAT", " Lng "], |_| ()), Ok((1, 0, true)));
        assert_eq!(find_in(&["id", "Longitude", "Latitude"], |_| ()), Ok((1, 2, true)));
        assert!(find_in(&["lon1", "lat1", "flat", "colony"], |_| ()).is_err());
    }

    #[test]
    fn the_ranking_decides_and_keeps_pairs_together() {
        assert_eq!(find_in(&["longitude", "latitude", "lon", "lat"], |_| ()), Ok((2, 3, true)));
        assert_eq!(find_in(&["x", "y", "lon", "latitude"], |_| ()), Ok((2, 3, true)));
        assert_eq!(find_in(&["x", "y", "lon"], |_| ()), Ok((0, 1, true)));
        assert!(find_in(&["lon", "y"], |_| ()).is_err());
        assert_eq!(
            find_in(&["x", "y", "northing", "easting", "lon", "lat"], |o| o.crs = Some(Crs::WebMercator)),
            Ok((3, 2, true))
        );
        assert!(find_in(&["lon", "lat"], |o| o.crs = Some(Crs::WebMercator)).unwrap_err().contains("--x and --y"));
    }

    #[test]
    fn a_tie_lists_the_columns_and_the_flag() {
        let problem = find_in(&["lon", "LON", "lat"], |_| ()).unwrap_err();
        assert!(problem.contains("--lon '#1'") && problem.contains("lon, LON, lat"), "{problem}");
        assert_eq!(find_in(&["lon", "LON", "lat"], |o| (o.x, o.y) = (column("LON"), column("lat"))), Ok((1, 2, true)));
        let problem = find_in(&["a", "b"], |_| ()).unwrap_err();
        assert!(problem.contains("a, b") && problem.contains("--lon and --lat"), "{problem}");
    }

    #[test]
    fn another_separator_is_named() {
        for (header, name) in [("id;lon;lat", "semicolons"), ("lon;lat", "semicolons"), ("id\tlon\tlat", "tabs")] {
            let problem = find_in(&[header], |_| ()).unwrap_err();
            assert!(problem.contains(name) && problem.contains(header.split(['\t', ';']).next().unwrap()), "{problem}");
            let problem = find_in(&[header], |o| (o.x, o.y) = (column("#2"), column("#3"))).unwrap_err();
            assert!(problem.contains(name), "{problem}");
        }
        assert!(!find_in(&["a;b", "c"], |_| ()).unwrap_err().contains("semicolons"));
    }

    #[test]
    fn given_columns_are_names_or_places() {
        assert_eq!(find_in(&["a", "b", "c"], |o| (o.x, o.y) = (column("C"), column("#1"))), Ok((2, 0, true)));
        assert_eq!(find_in(&["lon", "lat", "lon1"], |o| o.x = column("lon1")), Ok((2, 1, true)));
        assert!(find_in(&["a", "b"], |o| (o.x, o.y) = (column("#1"), column("#3"))).unwrap_err().contains("#3"));
        assert!("#0".parse::<ColumnRef>().is_err() && "".parse::<ColumnRef>().is_err());
        assert_eq!("#tag".parse(), Ok(ColumnRef::Name("#tag".into())));
    }

    #[test]
    fn a_header_is_told_from_data() {
        let places = |o: &mut ReadOptions| (o.x, o.y) = (column("#2"), column("#1"));
        assert_eq!(find_in(&["1.5", "2.5"], places), Ok((1, 0, false)));
        assert_eq!(find_in(&["lat", "lon"], places), Ok((1, 0, true)));
        assert_eq!(find_in(&["", "2.5"], places), Ok((1, 0, false)));
        assert_eq!(find_in(&["", ""], places), Ok((1, 0, false)));
        assert_eq!(find_in(&["1.5", "2.5"], |o| (places(o), o.header = Header::Yes).0), Ok((1, 0, true)));
        let problem = find_in(&["1.5", "2.5"], |_| ()).unwrap_err();
        assert!(problem.contains("--lon '#1'"), "{problem}");
        assert!(find_in(&["lon", "lat"], |o| o.header = Header::No).unwrap_err().contains("--lon '#1'"));
    }
}
