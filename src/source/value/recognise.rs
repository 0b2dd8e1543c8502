//! What the cells of a column are: places in one of the ways that `geometry` reads, or in one that is told by its name
//! and not read.

use super::{geometry, hemisphere, pair, text};
use crate::rows::Reason;
use crate::source::cell::Geometry;
use crate::source::options::{Decimal, Order, Unit};

/// What a column's cells turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Recognised {
    /// Places.
    Geometry {
        /// How they are written; a pair whose order cannot be told has the latitude first.
        geometry: Geometry,
        /// Whether the order of a pair is told, by letters or by values that no latitude has.
        order_known: bool,
        /// The reference system that the first of them names.
        srid: Option<u32>,
    },
    /// Places that are not read, by what they are.
    Refused(&'static str),
}

/// What at least nine of ten cells are, those that are missing apart.
pub(in crate::source) fn recognise(samples: &[&[u8]]) -> Option<Recognised> {
    let cells: Vec<&[u8]> =
        samples.iter().map(|cell| text::bare(cell)).filter(|cell| !text::is_missing(cell)).collect();
    [Geometry::Wkt, Geometry::Wkb, Geometry::GeoJson]
        .into_iter()
        .find_map(|geometry| formal(&cells, geometry))
        .or_else(|| pairs(&cells))
        .or_else(|| refused(&cells))
}

/// Whether `fits` of `all` are nine of ten.
fn most(fits: usize, all: usize) -> bool {
    fits > 0 && fits.saturating_mul(10) >= all.saturating_mul(9)
}

fn formal(cells: &[&[u8]], geometry: Geometry) -> Option<Recognised> {
    let (mut points, mut shapes, mut empty, mut srid) = (0, 0, 0, None);
    for cell in cells {
        match geometry::formal(cell, geometry, Unit::Degrees) {
            Ok((_, named)) => {
                points += 1;
                srid = srid.or(named);
            }
            Err(Reason::NotAPoint) => shapes += 1,
            Err(Reason::Missing) => empty += 1,
            Err(_) => (),
        }
    }
    match most(points + shapes + empty, cells.len()) {
        true if points > 0 => Some(Recognised::Geometry { geometry, order_known: true, srid }),
        true if shapes > 0 => Some(Recognised::Refused("lines or areas, not points")),
        _ => None,
    }
}

fn pairs(cells: &[&[u8]]) -> Option<Recognised> {
    let (mut fits, mut clear, mut all) = (0, 0, cells.len());
    let (mut told, mut beyond, mut degrees) = (None, [false; 2], true);
    for cell in cells {
        match pair::read(cell, false, Unit::Degrees, Decimal::Point) {
            Ok(pair) => {
                fits += 1;
                clear += usize::from(pair.told.is_some() || pair.parts > 1 || is_clear(cell));
                told = told.or(pair.told);
                for (beyond, value) in beyond.iter_mut().zip(pair.values) {
                    *beyond |= value.abs() > 90.0;
                    degrees &= value.abs() <= 360.0;
                }
            }
            Err(Reason::Missing) => all -= 1,
            Err(_) => (),
        }
    }
    // Times, fractions and numbers with a comma are two numbers too.
    if !most(fits, all) || clear * 2 < fits {
        return None;
    }
    let order = told.or(match beyond {
        [true, false] if degrees => Some(Order::LonLat),
        [false, true] if degrees => Some(Order::LatLon),
        _ => None,
    });
    let geometry = Geometry::Pair(order.unwrap_or(Order::LatLon));
    Some(Recognised::Geometry { geometry, order_known: order.is_some(), srid: None })
}

/// Whether a pair of plain numbers can hardly be anything else: brackets around it, or decimals in both.
fn is_clear(cell: &[u8]) -> bool {
    let decimals = |mark: u8| cell.windows(2).filter(|two| two[0] == mark && two[1].is_ascii_digit()).count();
    matches!(cell.first(), Some(b'(' | b'[' | b'{' | b'<'))
        || decimals(b'.') > 1
        || decimals(b'.') == 0 && decimals(b',') > 1
}

/// How a code for places looks, and what it is called.
type Code = (fn(&[u8]) -> bool, &'static str);

/// Those that are known; of two that fit the first.
const CODES: [Code; 10] = [
    (is_line, "lines of several places, not points"),
    (is_object, "JSON objects that are no GeoJSON points"),
    (is_markup, "GML, KML or other XML"),
    (is_plus_code, "plus codes"),
    (is_three_words, "what3words addresses"),
    (is_military_grid, "MGRS grid references"),
    (is_british_grid, "grid references of the Ordnance Survey"),
    (is_maidenhead, "Maidenhead locators"),
    (is_h3, "H3 cells"),
    (is_geohash, "geohashes"),
];

fn refused(cells: &[&[u8]]) -> Option<Recognised> {
    let count = |is: fn(&[u8]) -> bool| cells.iter().filter(|cell| is(cell)).count();
    let lettered = |cell: &[u8]| is_with_o(cell) || pair(cell).is_some_and(|pair| pair.told.is_some());
    if count(is_with_o) > 0 && most(cells.iter().filter(|cell| lettered(cell)).count(), cells.len()) {
        return Some(Recognised::Refused(WITH_O));
    }
    if let Some((_, name)) = CODES.iter().find(|(is, _)| most(count(*is), cells.len())) {
        return Some(Recognised::Refused(name));
    }
    // A line of two places may lack what is never in a word.
    let polylines = most(count(is_polyline), cells.len()) && count(is_no_word) * 2 > cells.len();
    polylines.then_some(Recognised::Refused("encoded polylines"))
}

/// Places with an O, as a person is told of them.
const WITH_O: &str = "places with O, which is east (Ost) in German and west (Oeste, Ouest) in Spanish and French";

fn pair(cell: &[u8]) -> Option<pair::Pair> {
    pair::read(cell, false, Unit::Degrees, Decimal::Point).ok()
}

/// Whether a cell is a pair but for an O beside its longitude.
fn is_with_o(cell: &[u8]) -> bool {
    hemisphere::o_as_e(cell).is_some_and(|text| pair(&text).is_some_and(|pair| pair.told.is_some()))
}

/// `[[x,y],[x,y]]`, or several pairs behind each other.
fn is_line(cell: &[u8]) -> bool {
    let opening = cell.iter().take_while(|byte| b"[({ ".contains(byte)).filter(|byte| **byte != b' ').count();
    let numbers = cell
        .split(|byte| b"[](){},; ".contains(byte))
        .take(64)
        .filter(|word| matches!(super::number::parse(word), super::number::Field::Number(_)));
    opening > 1 && numbers.count() > 3
}

fn is_object(cell: &[u8]) -> bool {
    matches!(cell, [b'{', .., b'}']) && cell.contains(&b':')
}

fn is_markup(cell: &[u8]) -> bool {
    matches!(cell, [b'<', next, .., b'>'] if next.is_ascii_alphabetic())
}

/// Letters and digits of the base 32 of geohashes, both kinds, in one case.
fn is_geohash(cell: &[u8]) -> bool {
    let (mut digits, mut upper, mut lower) = (false, false, false);
    for byte in cell {
        match byte {
            b'0'..=b'9' => digits = true,
            b'a' | b'i' | b'l' | b'o' | b'A' | b'I' | b'L' | b'O' => return false,
            b'a'..=b'z' => lower = true,
            b'A'..=b'Z' => upper = true,
            _ => return false,
        }
    }
    (5..=12).contains(&cell.len()) && digits && upper != lower
}

/// `9C3XGV4C+XV`, or its end with a place's name behind it.
fn is_plus_code(cell: &[u8]) -> bool {
    let code = cell.split(|byte| *byte == b' ').next().unwrap_or(cell);
    let Some(plus) = memchr::memchr(b'+', code) else { return false };
    let known = |byte: &u8| b"23456789CFGHJMPQRVWX0".contains(&byte.to_ascii_uppercase());
    let letters = code.iter().any(u8::is_ascii_alphabetic);
    (2..=8).contains(&plus)
        && plus % 2 == 0
        && code.len() - plus <= 8
        && letters
        && code[..plus].iter().all(known)
        && code[plus + 1..].iter().all(known)
}

/// `///filled.count.soap`
fn is_three_words(cell: &[u8]) -> bool {
    let words: Vec<_> = cell.strip_prefix(b"///").unwrap_or(cell).split(|byte| *byte == b'.').take(4).collect();
    words.len() == 3 && cell.len() < 80 && words.iter().all(|w| w.len() > 3 && w.iter().all(u8::is_ascii_lowercase))
}

/// The rest of a code of an even number of digits, blanks aside.
fn even_digits(rest: &[u8], least: usize, most: usize) -> bool {
    let count = rest.iter().filter(|byte| byte.is_ascii_digit()).count();
    rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ') && count % 2 == 0 && (least..=most).contains(&count)
}

/// `30U XC 99316 10163`
fn is_military_grid(cell: &[u8]) -> bool {
    let digits = cell.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let letters: Vec<_> = cell[digits..].iter().filter(|byte| **byte != b' ').take(3).collect();
    let behind = cell.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    (1..=2).contains(&digits)
        && letters.len() == 3
        && letters.iter().all(|byte| byte.is_ascii_uppercase())
        && behind - digits <= 5
        && even_digits(&cell[behind..], 2, 10)
}

/// `TQ 30080 80450`
fn is_british_grid(cell: &[u8]) -> bool {
    matches!(cell, [a, b, rest @ ..] if b"STNHO".contains(a) && b.is_ascii_uppercase() && even_digits(rest, 4, 10))
}

/// `IO91wm`
fn is_maidenhead(cell: &[u8]) -> bool {
    match cell {
        [a, b, c, d, rest @ ..] => {
            [a, b].iter().all(|byte| (b'A'..=b'R').contains(&byte.to_ascii_uppercase()))
                && c.is_ascii_digit()
                && d.is_ascii_digit()
                && matches!(rest, [e, f, more @ ..] if [e, f].iter().all(|byte| (b'A'..=b'X').contains(&byte.to_ascii_uppercase()))
                    && matches!(more, [] | [b'0'..=b'9', b'0'..=b'9']))
        }
        _ => false,
    }
}

/// `8a195da49b47fff`
fn is_h3(cell: &[u8]) -> bool {
    cell.len() == 15 && cell[0] == b'8' && cell.iter().all(u8::is_ascii_hexdigit) && cell.ends_with(b"f")
        || cell.len() == 15 && cell.starts_with(b"8f") && cell.iter().all(u8::is_ascii_hexdigit)
}

/// A line of places as Google packs it: whole numbers of places that stay on the globe.
fn is_polyline(cell: &[u8]) -> bool {
    let (mut at, mut sums, mut axis, mut value, mut shift) = (0usize, [0i64; 2], 0, 0i64, 0u32);
    for byte in cell.iter().take(1 << 16) {
        if !(63..=126).contains(byte) || shift > 30 {
            return false;
        }
        let chunk = i64::from(byte - 63);
        value |= (chunk & 31) << shift;
        shift += 5;
        if chunk < 32 {
            sums[axis] += if value & 1 == 1 { !(value >> 1) } else { value >> 1 };
            if sums[0].abs() > 9_000_000 || sums[1].abs() > 18_000_000 {
                return false;
            }
            (axis, value, shift, at) = (1 - axis, 0, 0, at + 1);
        }
    }
    at >= 4 && axis == 0 && shift == 0
}

/// Whether a text holds what stands in no word.
fn is_no_word(cell: &[u8]) -> bool {
    cell.iter().any(|byte| b"?@[\\]^`{|}~".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(cells: &[&str]) -> Option<Recognised> {
        recognise(&cells.iter().map(|cell| cell.as_bytes()).collect::<Vec<_>>())
    }

    fn places(geometry: Geometry, order_known: bool, srid: Option<u32>) -> Option<Recognised> {
        Some(Recognised::Geometry { geometry, order_known, srid })
    }

    #[test]
    fn geometries_are_known_by_their_cells() {
        let (lonlat, latlon) = (Geometry::Pair(Order::LonLat), Geometry::Pair(Order::LatLon));
        for (cells, expected) in [
            (&["POINT (-0.1 51.5)", "", "POINT EMPTY"][..], places(Geometry::Wkt, true, None)),
            (&["SRID=27700;POINT(530000 180000)"], places(Geometry::Wkt, true, Some(27700))),
            (&["POINT (-0.1 51.5)", "LINESTRING (0 0, 1 1)"], places(Geometry::Wkt, true, None)),
            (&["POLYGON ((0 0, 1 1, 1 0, 0 0))"], Some(Recognised::Refused("lines or areas, not points"))),
            (&["0101000020E6100000917BBABA63B1BDBF9F56D11F9ABF4940"], places(Geometry::Wkb, true, Some(4326))),
            (&[r#"{"type":"Point","coordinates":[-0.1,51.5]}"#], places(Geometry::GeoJson, true, None)),
            (&["(51.496891, -0.115988)", "(55.973071, -3.295805)"], places(latlon, false, None)),
            (&["51.546373:-0.135296", "55.986049:-3.414569"], places(latlon, false, None)),
            (&["51.546373 -0.135296"], places(latlon, false, None)),
            (&["51.5 100.5", "51.5 -0.1"], places(latlon, true, None)),
            (&["100.5,51.5", "0.1,51.5", "NA"], places(lonlat, true, None)),
            (&["100.5,51.5", "0.1,91.5"], places(latlon, false, None)),
            (&["51.496891N 000.115988W"], places(latlon, true, None)),
            (&["0.1160W, 51.4969N"], places(lonlat, true, None)),
            (&["51\u{b0}30'26\"N 0\u{b0}7'39\"W"], places(latlon, true, None)),
            (&["530000.5 180000.5"], places(latlon, false, None)),
            (&["(51, 0)"], places(latlon, false, None)),
            (&["gcpvj0db", "gcpvj0dc"], Some(Recognised::Refused("geohashes"))),
            (
                &["[[-0.135296,51.546373],[-0.135196,51.546473],[-0.135096,51.546573]]"],
                Some(Recognised::Refused("lines of several places, not points")),
            ),
            (&["_p~iF~ps|U_ulLnnqC_mqNvxq`@"], Some(Recognised::Refused("encoded polylines"))),
            (&["9C3XGV4C+XV", "GV4C+XV London"], Some(Recognised::Refused("plus codes"))),
            (&["///filled.count.soap"], Some(Recognised::Refused("what3words addresses"))),
            (&["30UXC9931610163", "30U XC 99316 10163"], Some(Recognised::Refused("MGRS grid references"))),
            (&["TQ 30080 80450", "TQ3080"], Some(Recognised::Refused("grid references of the Ordnance Survey"))),
            (&["IO91wm", "JN58td12"], Some(Recognised::Refused("Maidenhead locators"))),
            (&["8a195da49b47fff"], Some(Recognised::Refused("H3 cells"))),
            (&["{\"lat\": 51.5, \"lon\": -0.1}"], Some(Recognised::Refused("JSON objects that are no GeoJSON points"))),
            (
                &["<gml:Point><gml:pos>51.5 -0.1</gml:pos></gml:Point>"],
                Some(Recognised::Refused("GML, KML or other XML")),
            ),
        ] {
            assert_eq!(of(cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn what_is_no_place_is_none() {
        for cells in [
            &[][..],
            &["", "NA"],
            &["51.5", "-0.1"],
            &["51,5"],
            &["12:30", "14:15"],
            &["12:30:15"],
            &["2024-05-01 10:15:00"],
            &["2024-05-01"],
            &["01/02/2024", "3/4"],
            &["London", "Paris"],
            &["flat 5", "house"],
            &["530000", "180000"],
            &["0000000212", "0000000312"],
            &["a1b2c3d4", "ffee0011"],
            &["10.0.0.1"],
            &["SW1A 1AA", "EC1A 1BB"],
            &["(51.5, -0.1)", "nowhere"],
            &["HELLO", "WORLD"],
            &["some.words.here and more"],
        ] {
            assert_eq!(of(cells), None, "{cells:?}");
        }
        // Nine of ten are enough, and fewer are not.
        let mut cells = ["POINT (1 2)"; 10];
        cells[3] = "unknown";
        assert_eq!(of(&cells), places(Geometry::Wkt, true, None));
        cells[4] = "unknown";
        assert_eq!(of(&cells), None);
    }

    proptest! {
        #[test]
        fn any_cells_are_judged(cells in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4)) {
            let _ = recognise(&cells.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn any_codes_are_judged(cell in "[-+0-9A-Za-z,.()\\[\\]{}<>:;/ ?~_`]{0,20}") {
            let _ = of(&[&cell]);
        }
    }
}
