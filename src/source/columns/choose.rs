//! Decides which columns are read: what was asked for, else the fixed ranking of whole names, else pairs of names that
//! stand out, else a geometry; and refuses where none does, with what would help.

use super::cells::{Cell, Measure, Sheet, most, shown_cell};
use super::chosen::{Chosen, Picked, Table};
use super::column_ref::ColumnRef;
use super::lookup::{by_name, list, one, places};
use super::names::{Family, Name, Side};
use super::pairs::{self, Best, Pair};
use super::{geometry, hemisphere, longer, names, scale, suggest};
use crate::source::cell::Axis;
use crate::source::notice::Notice;
use crate::source::options::{Decimal, Unit};
use crate::source::take::{Place, Take};
use crate::source::{Header, ReadOptions};

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
];

const METRES: Ranking = &[
    (&["easting", "eastings", "east"], &["northing", "northings", "north"]),
    (&["location_easting_osgr", "easting_osgr"], &["location_northing_osgr", "northing_osgr"]),
    (&["x_coord", "xcoord", "coord_x", "x_coordinate"], &["y_coord", "ycoord", "coord_y", "y_coordinate"]),
    (&["utm_x", "utm_easting"], &["utm_y", "utm_northing"]),
];

/// The last resort of both: they may be either.
const PLANE: Ranking = &[(&["x"], &["y"])];

/// What was taken from a sheet before the rows were looked at.
enum Taken {
    Two(Picked),
    One(geometry::Found),
}

pub(super) fn choose(table: &Table<'_>, options: &ReadOptions, projected: bool) -> Result<Chosen, String> {
    let mut sheet = Sheet::new(table, options, projected);
    let longer = longer::Longer::of(&sheet);
    let taken = match pick(&mut sheet) {
        Err(problem) => {
            // Values are looked at to tell columns apart, and these may stand beside their names.
            let Some(extra) = longer.extra() else { return Err(problem) };
            let mut shifted = Sheet::new(table, options, projected);
            shifted.shift = extra;
            match pick(&mut shifted) {
                Ok(Taken::Two(picked)) if longer::fits(&shifted, &picked) => {
                    sheet = shifted;
                    Taken::Two(picked)
                }
                _ => return Err(problem),
            }
        }
        Ok(taken) => taken,
    };
    match taken {
        Taken::One(found) => found.chosen(&sheet),
        Taken::Two(mut picked) => {
            longer.align(&mut sheet, &mut picked)?;
            two(&sheet, picked)
        }
    }
}

/// Whether a record names columns of coordinates: a header, wherever it stands.
pub(super) fn is_header(record: &[Vec<u8>], options: &ReadOptions, projected: bool) -> bool {
    let names: Vec<String> = record.iter().map(|name| super::names::decode(name)).collect();
    let has = |wanted: &str| names.iter().any(|name| name.to_lowercase() == wanted.trim().to_lowercase());
    if let Some(ColumnRef::Name(name)) = &options.geometry {
        return has(name);
    }
    if let (Some(ColumnRef::Name(x)), Some(ColumnRef::Name(y))) = (&options.x, &options.y) {
        return has(x) && has(y);
    }
    let rankings = if projected { [METRES, PLANE] } else { [DEGREES, PLANE] };
    let any = |side: &[&str]| side.iter().any(|name| has(name));
    if rankings.iter().flat_map(|ranking| ranking.iter()).any(|(xs, ys)| any(xs) && any(ys)) {
        return true;
    }
    // Words that stand in rows as well make no header.
    let alone = |name: &String| {
        matches!(
            name.to_lowercase().as_str(),
            "wkt" | "geom" | "geometry" | "the_geom" | "coordinates" | "latlon" | "latlng"
        )
    };
    pairs::find(&pairs::parse_all(&names)).iter().any(|pair| !pair.common && !pair.weak)
        || (!projected && names.iter().any(alone))
        || (names.len() == 1 && names.iter().any(|name| super::names::geometry(name).is_some()))
}

fn pick(sheet: &mut Sheet<'_>) -> Result<Taken, String> {
    let options = sheet.options;
    let flags = sheet.flags();
    if options.geometry.is_some() {
        if options.x.is_some() || options.y.is_some() {
            return Err(format!(
                "--geometry names one column for both coordinates; leave out {} and {}",
                flags[0], flags[1]
            ));
        }
        return geometry::asked(sheet).map(Taken::One);
    }
    if let (Some(ColumnRef::Number(x)), Some(ColumnRef::Number(y))) = (&options.x, &options.y) {
        let (x, y) = (x.saturating_sub(1), y.saturating_sub(1));
        let fields = sheet.first().len();
        if x.max(y) >= fields {
            let few = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
            return Err(format!("there is no column #{}: the first record has {few}", x.max(y) + 1));
        }
        // Two blanks name nothing, so they are a row that lacks its coordinates.
        let blank = [x, y].iter().all(|&i| sheet.first().get(i).is_some_and(|cell| cell.trim_ascii().is_empty()));
        sheet.header = match options.header {
            Header::Yes => true,
            Header::No => false,
            Header::Auto => !(sheet.numeric(x) || sheet.numeric(y) || blank),
        };
        same(sheet, x, y)?;
        return Ok(Taken::Two(Picked { x, y, by_place: true, notices: Vec::new() }));
    }
    if options.header == Header::No {
        return Err(format!("without a header columns have no names; {}", suggest::places(sheet)));
    }
    match named(sheet) {
        // What was taken for a name is a place itself.
        Ok(Taken::One(found)) if options.header == Header::Auto && found.is_named_by_a_place(sheet) => {
            sheet.header = false;
            geometry::by_content(sheet)?.map(Taken::One).ok_or_else(|| "no column holds places".to_owned())
        }
        Ok(taken) => Ok(taken),
        Err(_) if options.header == Header::Auto && looks_like_data(sheet) => {
            let list = list(&sheet.names);
            sheet.header = false;
            if let Some(found) = geometry::by_content(sheet)? {
                return Ok(Taken::One(found));
            }
            Err(format!("the first record looks like data, not like a header ({list}); {}", suggest::places(sheet)))
        }
        Err(problem) => Err(problem),
    }
}

fn looks_like_data(sheet: &Sheet<'_>) -> bool {
    (0..sheet.first().len()).filter(|&i| sheet.numeric(i)).count() >= 2
}

/// The columns by their names.
fn named(sheet: &Sheet<'_>) -> Result<Taken, String> {
    let flags = sheet.flags();
    let all = &sheet.names;
    let given = |wanted: &ColumnRef, flag: &str| match wanted {
        ColumnRef::Number(number) if *number <= all.len() => Ok(number.saturating_sub(1)),
        ColumnRef::Number(_) => Err(format!("there is no column {wanted}: columns found: {}", list(all))),
        ColumnRef::Name(name) => by_name(all, name, flag),
    };
    match (&sheet.options.x, &sheet.options.y) {
        (Some(x), Some(y)) => {
            let (x, y) = (given(x, flags[0])?, given(y, flags[1])?);
            same(sheet, x, y)?;
            let notices = other_axis(sheet, Some(x), Some(y));
            Ok(Taken::Two(Picked { x, y, by_place: false, notices }))
        }
        (None, None) => automatic(sheet),
        (x, y) => {
            let asked = match (x, y) {
                (Some(x), _) => format!("{} {x} was given without {}", flags[0], flags[1]),
                (_, Some(y)) => format!("{} {y} was given without {}", flags[1], flags[0]),
                _ => String::new(),
            };
            let one = match (x, y) {
                (Some(x), _) => Some((Side::X, given(x, flags[0])?)),
                (_, Some(y)) => Some((Side::Y, given(y, flags[1])?)),
                _ => None,
            };
            let parsed = pairs::parse_all(all);
            // The partner by name, else whatever would have been taken.
            let partner = one.and_then(|(side, column)| {
                let pairs = pairs::find(&parsed);
                let mut found =
                    pairs.iter().filter(|pair| if side == Side::X { pair.x == column } else { pair.y == column });
                found.next().map(|pair| (pair.x, pair.y))
            });
            let (x, y) = match (partner, automatic(sheet)) {
                (Some(pair), _) => pair,
                (None, Ok(Taken::Two(picked))) => match one {
                    Some((Side::X, column)) => (column, picked.y),
                    Some((Side::Y, column)) => (picked.x, column),
                    None => (picked.x, picked.y),
                },
                (None, Ok(Taken::One(_))) => return Err(format!("{asked}; name both")),
                (None, Err(problem)) => return Err(format!("{asked}; {problem}")),
            };
            same(sheet, x, y)?;
            let notices = other_axis(sheet, Some(x), Some(y));
            Ok(Taken::Two(Picked { x, y, by_place: false, notices }))
        }
    }
}

/// Fails where one column was named for both.
fn same(sheet: &Sheet<'_>, x: usize, y: usize) -> Result<(), String> {
    let flags = sheet.flags();
    if x != y {
        return Ok(());
    }
    Err(format!(
        "{} and {} name the same column {}; name two, or --geometry {} where both are in it",
        flags[0],
        flags[1],
        sheet.argument(x),
        sheet.argument(x)
    ))
}

/// Notices that a column was asked for whose name says the other coordinate.
fn other_axis(sheet: &Sheet<'_>, x: Option<usize>, y: Option<usize>) -> Vec<Notice> {
    let says = |column: Option<usize>, side| {
        let name = super::names::parse(sheet.names.get(column?)?)?;
        (name.side != side && name.family != Family::Plane).then_some(())
    };
    let mut notices = Vec::new();
    for (column, side, what) in [(x, Side::X, ["latitude", "northing"]), (y, Side::Y, ["longitude", "easting"])] {
        if says(column, side).is_some() {
            let label = column.map(|column| sheet.label(column)).unwrap_or_default();
            let mut notice = Notice::new(
                "axis_names",
                format!(
                    "{} takes column '{label}', whose name says {}: is it the right one?",
                    sheet.flag(side),
                    what[usize::from(sheet.projected)]
                ),
            );
            notice.flag = Some(sheet.flag(side).to_owned());
            notices.push(notice);
        }
    }
    notices
}

/// The best columns of a ranking.
fn ranked(sheet: &Sheet<'_>, ranking: Ranking) -> Result<Option<[usize; 2]>, String> {
    let all = &sheet.names;
    let flags = sheet.flags();
    let best = |side: &[&'static str]| {
        side.iter().map(|name| (*name, places(all, name))).find(|(_, places)| !places.is_empty())
    };
    for (xs, ys) in ranking {
        if let (Some((x, xs)), Some((y, ys))) = (best(xs), best(ys)) {
            return Ok(Some([one(&xs, x, all, flags[0])?, one(&ys, y, all, flags[1])?]));
        }
    }
    Ok(None)
}

/// The columns by their names alone.
fn automatic(sheet: &Sheet<'_>) -> Result<Taken, String> {
    let parsed = pairs::parse_all(&sheet.names);
    let all = pairs::find(&parsed);
    let taken = |x, y| Ok(Taken::Two(Picked { x, y, by_place: false, notices: beside(sheet, &all, x, y, false) }));
    let start = all.iter().any(|pair| pair.role == Some(super::names::Role::Start));
    let ranking = if sheet.projected { METRES } else { DEGREES };
    let stop = |x: usize| start && parsed.get(x).and_then(Option::as_ref).is_some_and(|name| name.stop);
    if let Some([x, y]) = ranked(sheet, ranking)?
        && !stop(x)
    {
        parts(sheet, &parsed, x, y)?;
        return taken(x, y);
    }
    let plausible = |pair: &Pair| {
        Measure::of(sheet, pair.x, Axis::Longitude).is_degrees(Side::X)
            && Measure::of(sheet, pair.y, Axis::Latitude).is_degrees(Side::Y)
    };
    let fine = |pair: &Pair| {
        [(pair.x, Side::X), (pair.y, Side::Y)].into_iter().all(|(column, side)| {
            let measure = Measure::of(sheet, column, side.degrees());
            measure.is_degrees(side) && most(measure.fine, measure.numbers)
        })
    };
    let group = |wanted: &dyn Fn(&Pair) -> bool| -> Result<Option<Taken>, String> {
        let group: Vec<&Pair> = all.iter().filter(|pair| wanted(pair)).collect();
        match pairs::best(&group) {
            Best::None => Ok(None),
            Best::One(pair) => {
                parts(sheet, &parsed, pair.x, pair.y)?;
                taken(pair.x, pair.y).map(Some)
            }
            Best::End(pair) => Ok(Some(Taken::Two(Picked {
                x: pair.x,
                y: pair.y,
                by_place: false,
                notices: beside(sheet, &all, pair.x, pair.y, true),
            }))),
            Best::Many => Err(many(sheet, &group)),
        }
    };
    let exact = |pair: &Pair| pair.family == Family::Plane && pair.bare;
    if sheet.projected {
        let kinds: [&dyn Fn(&Pair) -> bool; 2] = [&|pair| pair.family == Family::Grid && !pair.degrees, &|pair| {
            pair.family == Family::Plane && !pair.degrees && !exact(pair)
        }];
        for kind in kinds {
            if let Some(taken) = group(kind)? {
                return Ok(taken);
            }
        }
        if let Some([x, y]) = ranked(sheet, PLANE)? {
            return taken(x, y);
        }
        if let Some(found) = geometry::by_name(sheet)? {
            return Ok(Taken::One(found));
        }
        return Err(none(sheet, &all));
    }
    let kinds: [&dyn Fn(&Pair) -> bool; 3] = [
        &|pair| pair.family == Family::Degrees && !pair.weak,
        &|pair| pair.family == Family::Degrees && pair.weak && fine(pair),
        &|pair| pair.family != Family::Degrees && pair.degrees,
    ];
    for kind in kinds {
        if let Some(taken) = group(kind)? {
            return Ok(taken);
        }
    }
    let planes: Vec<&Pair> =
        all.iter().filter(|pair| pair.family == Family::Plane && !exact(pair) && plausible(pair)).collect();
    let plane = ranked(sheet, PLANE)?;
    let plane_fits = plane.is_some_and(|[x, y]| all.iter().any(|pair| (pair.x, pair.y) == (x, y) && plausible(pair)));
    if let (Some([x, y]), true) = (plane, plane_fits || planes.is_empty()) {
        if !plane_fits && let Some(found) = geometry::by_name(sheet)? {
            return Ok(Taken::One(found));
        }
        let mut picked = Picked { x, y, by_place: false, notices: beside(sheet, &all, x, y, false) };
        picked.notices.extend(either(sheet, x, y)?);
        return Ok(Taken::Two(picked));
    }
    if let Some(Taken::Two(mut picked)) = group(&|pair| planes.contains(&pair))? {
        picked.notices.extend(either(sheet, picked.x, picked.y)?);
        return Ok(Taken::Two(picked));
    }
    if let Some(found) = geometry::by_name(sheet)? {
        return Ok(Taken::One(found));
    }
    Err(none(sheet, &all))
}

/// What to say of x and y that are taken for degrees; fails where they are on a grid.
fn either(sheet: &Sheet<'_>, x: usize, y: usize) -> Result<Option<Notice>, String> {
    let (a, b) = (Measure::of(sheet, x, Axis::Longitude), Measure::of(sheet, y, Axis::Latitude));
    if a.numbers < 10 || b.numbers < 10 {
        return Ok(None);
    }
    if a.is_degrees(Side::X) && b.is_degrees(Side::Y) {
        if most(a.fine, a.numbers) && most(b.fine, b.numbers) {
            return Ok(None);
        }
    } else if let Some(grids) = suggest::grids(sheet, x, y) {
        return Err(format!(
            "columns '{}' and '{}' hold numbers ({}) that are no degrees; {grids}",
            sheet.label(x),
            sheet.label(y),
            suggest::example(sheet, x, y)
        ));
    }
    let mut notice = Notice::new(
        "xy_degrees",
        format!(
            "columns '{}' and '{}' are taken for degrees ({}); if they are not, give --crs",
            sheet.label(x),
            sheet.label(y),
            suggest::example(sheet, x, y)
        ),
    );
    notice.flag = Some("--crs".into());
    Ok(Some(notice))
}

/// Names the pairs that were passed over, and that what is read is one end of a way.
fn beside(sheet: &Sheet<'_>, all: &[Pair], x: usize, y: usize, end: bool) -> Vec<Notice> {
    let others: Vec<&Pair> = all
        .iter()
        .filter(|pair| ![pair.x, pair.y].iter().any(|column| [x, y].contains(column)))
        .filter(|pair| !sheet.projected || (pair.family != Family::Degrees && !pair.degrees))
        .collect();
    let taken = format!("'{}' and '{}'", sheet.label(x), sheet.label(y));
    let mut notice = match (others.as_slice(), end) {
        ([], false) => return Vec::new(),
        ([], true) => {
            Notice::new("one_end", format!("{taken} are one end of a way, and the only pair of coordinates: read"))
        }
        (others, _) => {
            let names: Vec<String> = others.iter().take(8).map(|pair| said(sheet, pair)).collect();
            let more = if others.len() > 8 { format!(" and {} more", others.len() - 8) } else { String::new() };
            Notice::new("several_pairs", format!("{taken} are read; there are also {}{more}", names.join(", ")))
        }
    };
    notice.flag = others.first().map(|pair| command(sheet, pair));
    vec![notice]
}

/// A pair with the flags that take it.
fn said(sheet: &Sheet<'_>, pair: &Pair) -> String {
    let names = format!("'{}' and '{}'", sheet.label(pair.x), sheet.label(pair.y));
    format!("{names} ({})", command(sheet, pair))
}

fn command(sheet: &Sheet<'_>, pair: &Pair) -> String {
    let degrees = |column: usize, side: Side| Measure::of(sheet, column, side.degrees()).is_degrees(side);
    let grid = match pair.family {
        Family::Degrees => false,
        _ if pair.degrees || sheet.projected => false,
        Family::Grid => true,
        Family::Plane => !(degrees(pair.x, Side::X) && degrees(pair.y, Side::Y)),
    };
    if grid {
        format!("--crs EPSG:... --x {} --y {}", sheet.argument(pair.x), sheet.argument(pair.y))
    } else {
        sheet.command(pair.x, pair.y)
    }
}

fn many(sheet: &Sheet<'_>, pairs: &[&Pair]) -> String {
    let all: Vec<String> = pairs.iter().take(8).map(|pair| said(sheet, pair)).collect();
    let more = if pairs.len() > 8 { format!(" or {} more", pairs.len() - 8) } else { String::new() };
    format!("there are {} pairs of coordinates; choose one: {}{more}", pairs.len(), all.join(", or "))
}

/// Nothing was found: what would help.
fn none(sheet: &Sheet<'_>, all: &[Pair]) -> String {
    let flags = sheet.flags();
    let planes: Vec<&Pair> =
        all.iter().filter(|pair| pair.family != Family::Degrees && !pair.degrees && !sheet.projected).collect();
    if let [pair, others @ ..] = planes.as_slice() {
        let mut text = format!(
            "columns '{}' and '{}' are eastings and northings by their names ({}), and no --crs says of which system; ",
            sheet.label(pair.x),
            sheet.label(pair.y),
            suggest::example(sheet, pair.x, pair.y)
        );
        text.push_str(&suggest::grids(sheet, pair.x, pair.y).unwrap_or_else(|| "give --crs EPSG:...".into()));
        text.push_str(&format!("; if they are degrees: {}", sheet.command(pair.x, pair.y)));
        if !others.is_empty() {
            text.push_str(&format!(
                " (there are also {})",
                others.iter().take(4).map(|pair| said(sheet, pair)).collect::<Vec<_>>().join(", ")
            ));
        }
        return text;
    }
    if let Some(problem) = geometry::refused(sheet) {
        return problem;
    }
    let [easting, northing] =
        if sheet.projected { ["an easting", "a northing"] } else { ["a longitude", "a latitude"] };
    let help = suggest::named(sheet).unwrap_or_else(|| format!("name them with {} and {}", flags[0], flags[1]));
    let families: &[Family] = if sheet.projected { &[Family::Grid, Family::Plane] } else { &[Family::Degrees] };
    let parsed = pairs::parse_all(&sheet.names);
    let like = |side: Side| {
        let found = parsed
            .iter()
            .position(|name| name.as_ref().is_some_and(|name| name.side == side && families.contains(&name.family)));
        found.map(|column| sheet.label(column))
    };
    let what = match (like(Side::X), like(Side::Y)) {
        (Some(x), None) => format!("column '{x}' is named like {easting}, and none like {northing}"),
        (None, Some(y)) => format!("column '{y}' is named like {northing}, and none like {easting}"),
        _ => format!("no columns named like {easting} and {northing}"),
    };
    format!("{what}; {help}; columns found: {}", list(&sheet.names))
}

/// Fails where a column holds whole degrees and others beside it the minutes and seconds.
fn parts(sheet: &Sheet<'_>, parsed: &[Option<Name>], x: usize, y: usize) -> Result<(), String> {
    let minutes = |column: usize| {
        let chosen = parsed.get(column).and_then(Option::as_ref)?;
        let minute = |word: &String| ["min", "mins", "minute", "minutes", "minuten"].contains(&word.as_str());
        let box_side = |word: &String| word == "max";
        let alike = |name: &&Name| name.side == chosen.side && name.family == chosen.family;
        if parsed.iter().flatten().filter(alike).any(|name| name.stem.iter().any(box_side)) {
            return None;
        }
        parsed.iter().position(|name| {
            name.as_ref().is_some_and(|name| alike(&name) && name.stem.len() == 1 && name.stem.iter().all(minute))
        })
    };
    let whole = |column| {
        let measure = Measure::of(sheet, column, Axis::Projected);
        measure.numbers > 0 && measure.fractions == 0
    };
    match (minutes(x), minutes(y)) {
        (Some(a), Some(b)) if whole(x) && whole(y) => Err(format!(
            "degrees and minutes stand in columns of their own ('{}' and '{}', '{}' and '{}'); put them together first, as \
             51 30 26 or in decimals",
            sheet.label(x),
            sheet.label(a),
            sheet.label(y),
            sheet.label(b)
        )),
        _ => Ok(()),
    }
}

/// Two columns -> what is taken from a row.
fn two(sheet: &Sheet<'_>, picked: Picked) -> Result<Chosen, String> {
    let Picked { x, y, mut notices, .. } = picked;
    let told = |column: usize| {
        if !sheet.header {
            return None;
        }
        super::names::parse(sheet.names.get(column)?)
    };
    let parsed = [told(x), told(y)];
    let mut places = [Side::X, Side::Y].map(|side| {
        let column = if side == Side::X { x } else { y };
        let axis = if sheet.projected { Axis::Projected } else { side.degrees() };
        Place {
            column,
            axis,
            unit: sheet.options.unit.unwrap_or(Unit::Degrees),
            hemisphere: None,
            silent: false,
            lettered: false,
        }
    });
    thousands(sheet, &places)?;
    if !sheet.projected {
        let halves = hemisphere::find(sheet, &parsed, [x, y])?;
        for (side, half) in [Side::X, Side::Y].into_iter().zip(halves) {
            let i = usize::from(side == Side::Y);
            if let (Some(place), Some(half)) = (places.get_mut(i), half) {
                place.hemisphere = Some(half.column + sheet.shift);
                place.silent = half.silent;
                if !half.silent {
                    notices.push(hemisphere::notice(sheet, place.column, half.column));
                }
            }
        }
        for ((place, name), flag) in places.iter_mut().zip(&parsed).zip(sheet.flags()) {
            if sheet.options.unit.is_none()
                && let Some(unit) = name.as_ref().and_then(|name| name.unit)
            {
                scale::told(sheet, place.column, place.axis, unit)?;
                place.unit = unit;
            }
            let negative = sheet.header && sheet.names.get(place.column).is_some_and(|name| names::says_negative(name));
            let negative = negative || name.as_ref().is_some_and(|name| name.negative);
            if negative && place.hemisphere.is_none() && !sheet.options.accept_doubt {
                unsigned(sheet, place, flag)?;
            }
        }
        places[0].lettered = hemisphere::lettered(sheet, x, places[0].unit)?;
        if sheet.options.unit.is_none() && places.iter().all(|place| place.unit == Unit::Degrees) {
            scale::doubt(sheet, x, y)?;
        }
    }
    let label = |column: usize| match sheet.names.get(column) {
        Some(name) if sheet.header => name.clone(),
        _ => format!("#{}", column + 1),
    };
    let [mut a, mut b] = places;
    a.column += sheet.shift;
    b.column += sheet.shift;
    Ok(Chosen {
        take: Take::Two { x: a, y: b },
        names: [label(x), label(y)],
        header: sheet.header,
        crs: None,
        shift: sheet.shift,
        notices,
    })
}

/// Fails where points stand between thousands, which only a person can say.
fn thousands(sheet: &Sheet<'_>, places: &[Place; 2]) -> Result<(), String> {
    if sheet.options.decimal.is_some() {
        return Ok(());
    }
    for place in places {
        let read = |cell, decimal| super::cells::value(cell, place.axis, place.unit, decimal);
        let (mut filled, mut grouped, mut example) = (0, 0, None);
        for cell in sheet.filled(place.column) {
            filled += 1;
            let largest = match place.axis {
                Axis::Projected => f64::INFINITY,
                Axis::Longitude => 180.0,
                Axis::Latitude => 90.0,
            };
            if read(cell, sheet.decimal()) == Cell::Bad
                && matches!(read(cell, Decimal::Comma), Cell::Number(number) if number.abs() <= largest)
            {
                grouped += 1;
                example = example.or(Some(cell));
            }
        }
        if let Some(cell) = example
            && most(grouped, filled)
        {
            return Err(format!(
                "column '{}' has points between thousands ({}), which could as well be mistakes; give --decimal comma to \
                 read them",
                sheet.label(place.column),
                shown_cell(cell)
            ));
        }
    }
    Ok(())
}

/// Fails where a name says west or south and the numbers have no sign.
fn unsigned(sheet: &Sheet<'_>, place: &Place, flag: &str) -> Result<(), String> {
    let decimal = sheet.decimal();
    let positive = sheet.filled(place.column).find(|cell| {
        matches!(super::cells::value(cell, place.axis, place.unit, decimal), Cell::Number(number) if number > 0.0)
            && !cell.iter().any(u8::is_ascii_alphabetic)
    });
    match positive {
        None => Ok(()),
        Some(cell) => Err(format!(
            "column '{}' says {} by its name, and its numbers have no sign ({}): the map would be mirrored; write them \
             with a minus, or name another column with {flag}; --accept-doubt takes them as they are",
            sheet.label(place.column),
            if place.axis == Axis::Latitude { "south" } else { "west" },
            shown_cell(cell)
        )),
    }
}
