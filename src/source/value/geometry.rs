//! A place in one cell: well-known text and binary, GeoJSON, and pairs (`pair`).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Cell, pair, text};
use crate::project::Coordinate;
use crate::rows::Reason;
use crate::source::cell::{Axis, Geometry, Srid, Verdict};
use crate::source::options::{Decimal, Order, Unit};

/// Reads a cell that holds a whole place.
///
/// `axes` are those of easting and northing, `srid` the reference system that the rows name: one that names another ends
/// the run, as no map shows two, and so does one that names none, unless that is the system of those.
pub(in crate::source) fn geometry(
    bytes: &[u8],
    geometry: Geometry,
    axes: [Axis; 2],
    unit: Unit,
    decimal: Decimal,
    srid: Option<Srid>,
) -> Result<Coordinate, Verdict> {
    let cell = text::bare(bytes);
    if text::is_missing(cell) {
        return Err(Reason::Missing.into());
    }
    let projected = axes.contains(&Axis::Projected);
    let geometry = match geometry {
        Geometry::Any(order) => kind(cell, order)?,
        known => known,
    };
    let (numbers, named) = match geometry {
        Geometry::Wkt | Geometry::Wkb | Geometry::GeoJson => formal(cell, geometry, unit)?,
        Geometry::Pair(order) => (pair::read(cell, projected, unit, decimal)?.ordered(order), None),
        Geometry::Any(_) => return Err(Reason::NotANumber.into()),
    };
    // Degrees of WGS 84 are what a row without a system holds.
    let degrees = || srid.is_none() && named == Some(4326) && !projected;
    if named != srid.map(|srid| srid.number) && !degrees() {
        let told = |number: Option<u32>, none: &str| {
            number.map_or(none.to_owned(), |number| format!("the reference system SRID={number}"))
        };
        if named.is_some() || srid.is_some_and(|srid| !srid.bare) {
            return Err(Verdict::Ends(format!(
                "names {}, and others name {}; an input has one: split it by system and give each \
                 part its --crs",
                told(named, "no reference system"),
                told(srid.map(|srid| srid.number), "none")
            )));
        }
    }
    let [x, y] = numbers;
    Ok(Coordinate { x, y })
}

/// How a cell is written whose column nothing is known of.
fn kind(cell: &[u8], order: Option<Order>) -> Result<Geometry, Verdict> {
    let digits = cell.strip_prefix(b"\\x").or_else(|| cell.strip_prefix(b"0x")).unwrap_or(cell);
    match cell.first() {
        _ if digits.len() > 20 && digits.iter().all(u8::is_ascii_hexdigit) => Ok(Geometry::Wkb),
        Some(b'{') => Ok(Geometry::GeoJson),
        Some(byte) if byte.is_ascii_alphabetic() => Ok(Geometry::Wkt),
        _ => match order {
            Some(order) => Ok(Geometry::Pair(order)),
            None if pair::read(cell, true, Unit::Degrees, Decimal::Point).is_ok() => Err(Verdict::Ends(
                "it holds two numbers, and nothing tells which is the longitude; give --order lonlat or --order latlon"
                    .into(),
            )),
            None => Err(Reason::NotANumber.into()),
        },
    }
}

/// Two numbers, and the number of a reference system.
pub(super) type Named = ([f64; 2], Option<u32>);

/// Reads a bare cell of a format that has easting and northing in a fixed order; a pair is none.
pub(super) fn formal(cell: &[u8], geometry: Geometry, unit: Unit) -> Result<Named, Reason> {
    match geometry {
        Geometry::Wkt => wkt(cell, unit),
        Geometry::Wkb => wkb(cell, unit),
        Geometry::GeoJson => Ok((geojson(cell, unit)?, None)),
        Geometry::Pair(_) | Geometry::Any(_) => Err(Reason::NotANumber),
    }
}

/// Reads one number of a geometry whose format has its own: a point for the mark, no letters. Programs write their
/// country's comma there, too, and nothing else can be meant.
fn plain(text: &[u8], unit: Unit) -> Cell {
    super::cell(text, Axis::Projected, unit, Decimal::Point, true)
}

/// Both, or the first reason why not.
fn both(cells: [Cell; 2]) -> Result<[f64; 2], Reason> {
    match cells {
        [Cell::Number(x), Cell::Number(y)] => Ok([x, y]),
        [Cell::Missing, _] | [_, Cell::Missing] => Err(Reason::Missing),
        _ => Err(Reason::NotANumber),
    }
}

/// The other shapes of well-known text; that one of them begins like another does no harm, as a blank, a bracket or the
/// name of a dimension must follow.
const SHAPES: [&str; 17] = [
    "LINESTRING",
    "LINEARRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
    "CIRCULARSTRING",
    "COMPOUNDCURVE",
    "CURVEPOLYGON",
    "MULTICURVE",
    "MULTISURFACE",
    "CURVE",
    "SURFACE",
    "POLYHEDRALSURFACE",
    "TIN",
    "TRIANGLE",
];

/// What is behind `word`, in any case, without blanks.
fn strip<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word.as_bytes()).then(|| text::trim_start(rest))
}

fn wkt(cell: &[u8], unit: Unit) -> Result<Named, Reason> {
    let (srid, text) = match strip(cell, "SRID") {
        Some(rest) => {
            let rest = strip(rest, "=").ok_or(Reason::NotANumber)?;
            let end = memchr::memchr(b';', rest).ok_or(Reason::NotANumber)?;
            let srid = std::str::from_utf8(text::trim(&rest[..end])).ok().and_then(|srid| srid.parse().ok());
            let srid: u32 = srid.ok_or(Reason::NotANumber)?;
            // PostGIS writes 0 where it knows none.
            (Some(srid).filter(|srid| *srid > 0), text::trim_start(&rest[end + 1..]))
        }
        None => (None, cell),
    };
    let Some(rest) = strip(text, "POINT") else {
        let shape = SHAPES.iter().any(|shape| strip(text, shape).is_some_and(|rest| dimensions(rest).is_some()));
        return Err(if shape { Reason::NotAPoint } else { Reason::NotANumber });
    };
    let (rest, numbers) = dimensions(rest).ok_or(Reason::NotANumber)?;
    if rest.eq_ignore_ascii_case(b"EMPTY") {
        return Err(Reason::Missing);
    }
    let inner = rest.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")).ok_or(Reason::NotANumber)?;
    let mut words = inner.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let found = [words.next(), words.next()];
    let further: Vec<_> = words.take(3).map(|word| plain(word, Unit::Degrees)).collect();
    let [Some(x), Some(y)] = found else { return Err(Reason::NotANumber) };
    // PostGIS writes a height without a name for it, and a height may be missing.
    let count = further.len() + 2;
    if further.contains(&Cell::Bad) || count > 4 || numbers.is_some_and(|numbers| numbers != count) {
        return Err(Reason::NotANumber);
    }
    Ok((both([plain(x, unit), plain(y, unit)])?, srid))
}

/// Takes the name of further dimensions off, and says how many numbers they ask for; what follows is a bracket or a word.
fn dimensions(text: &[u8]) -> Option<(&[u8], Option<usize>)> {
    for (name, numbers) in [("ZM", Some(4)), ("Z", Some(3)), ("M", Some(3)), ("", None)] {
        if let Some(rest) = strip(text, name)
            && (rest.starts_with(b"(") || rest.eq_ignore_ascii_case(b"EMPTY"))
        {
            return Some((rest, numbers));
        }
    }
    None
}

/// The codes of well-known binary end here.
const WKB_KINDS: u32 = 17;

fn wkb(cell: &[u8], unit: Unit) -> Result<Named, Reason> {
    let digits = cell.strip_prefix(b"\\x").or_else(|| cell.strip_prefix(b"0x")).unwrap_or(cell);
    // A byte for the order, four for the kind, four for the system, eight for each of four numbers.
    let mut bytes = [0u8; 1 + 4 + 4 + 4 * 8];
    if digits.len() % 2 == 1 || digits.len() < 10 {
        return Err(Reason::NotANumber);
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(Reason::NotANumber);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    let little = match bytes[0] {
        0 => false,
        1 => true,
        _ => return Err(Reason::NotANumber),
    };
    let word = |at: usize| {
        let word = bytes[at..].first_chunk().copied().unwrap_or_default();
        if little { u32::from_le_bytes(word) } else { u32::from_be_bytes(word) }
    };
    let double = |at: usize| {
        let word = bytes[at..].first_chunk().copied().unwrap_or_default();
        if little { f64::from_le_bytes(word) } else { f64::from_be_bytes(word) }
    };
    let kind = word(1);
    // Height, measure and system are flags in PostGIS's way, thousands in ISO's.
    let (code, flags) = (kind & 0x0fff_ffff, kind >> 28);
    let (thousands, code) = (code / 1000, code % 1000);
    if thousands > 3 || code == 0 || code > WKB_KINDS || flags & 1 != 0 {
        return Err(Reason::NotANumber);
    }
    if code != 1 {
        // Numbers with zeros in front look alike, but are shorter than a shape with its number of places.
        let shape = digits.len() >= 18 && digits.iter().all(u8::is_ascii_hexdigit);
        return Err(if shape { Reason::NotAPoint } else { Reason::NotANumber });
    }
    let has_srid = flags & 2 != 0;
    let numbers = match thousands {
        0 => 2 + (flags >> 3 & 1) + (flags >> 2 & 1),
        3 => 4,
        _ => 3,
    };
    let at = if has_srid { 9 } else { 5 };
    if digits.len() / 2 != at + 8 * numbers as usize {
        return Err(Reason::NotANumber);
    }
    let (x, y) = (double(at), double(at + 8));
    if x.is_nan() && y.is_nan() {
        return Err(Reason::Missing);
    }
    let number = |value: f64| match super::number::scale(value, unit) {
        Some(value) if value.is_finite() => Cell::Number(value),
        _ => Cell::Bad,
    };
    Ok((both([number(x), number(y)])?, has_srid.then(|| word(5)).filter(|srid| *srid > 0)))
}

/// As much of a GeoJSON object as tells whether it is a point, and where.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(borrow)]
    geometry: Option<&'a RawValue>,
}

fn geojson(cell: &[u8], unit: Unit) -> Result<[f64; 2], Reason> {
    // Python prints such an object with single quotes.
    if memchr::memchr(b'"', cell).is_none() && memchr::memchr(b'\'', cell).is_some() {
        let quoted: Vec<_> = cell.iter().map(|&byte| if byte == b'\'' { b'"' } else { byte }).collect();
        return geojson(&quoted, unit);
    }
    let object: Object = serde_json::from_slice(cell).map_err(|_| Reason::NotANumber)?;
    match object.kind {
        "Feature" => match object.geometry {
            None => Err(Reason::Missing),
            Some(inner) => {
                let inner: Object = serde_json::from_str(inner.get()).map_err(|_| Reason::NotANumber)?;
                point(&inner, unit)
            }
        },
        _ => point(&object, unit),
    }
}

fn point(object: &Object, unit: Unit) -> Result<[f64; 2], Reason> {
    match object.kind {
        "Point" => (),
        "LineString" | "Polygon" | "MultiPoint" | "MultiLineString" | "MultiPolygon" | "GeometryCollection"
        | "FeatureCollection" => return Err(Reason::NotAPoint),
        _ => return Err(Reason::NotANumber),
    }
    let Some(coordinates) = object.coordinates else { return Err(Reason::Missing) };
    // The numbers as they are written, so that they are read like any other.
    let numbers: Vec<&RawValue> = serde_json::from_str(coordinates.get()).map_err(|_| Reason::NotANumber)?;
    match numbers[..] {
        [] => Err(Reason::Missing),
        [_] => Err(Reason::NotANumber),
        [x, y, ..] => both([plain(x.get().as_bytes(), unit), plain(y.get().as_bytes(), unit)]),
    }
}

#[cfg(test)]
#[path = "geometry_tests.rs"]
mod tests;
