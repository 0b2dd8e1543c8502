//! Places as people write them in one cell.

use proptest::prelude::*;

use super::*;
use crate::source::options::Order;

const DEGREES: [Axis; 2] = [Axis::Longitude, Axis::Latitude];
const PROJECTED: [Axis; 2] = [Axis::Projected; 2];
const LONLAT: Geometry = Geometry::Pair(Order::LonLat);
const LATLON: Geometry = Geometry::Pair(Order::LatLon);

fn read(text: &[u8], kind: Geometry) -> Result<(f64, f64), Reason> {
    match geometry(text, kind, DEGREES, Unit::Degrees, Decimal::Point, None) {
        Ok(at) => Ok((at.x, at.y)),
        Err(Verdict::Out(reason)) => Err(reason),
        Err(Verdict::Ends(text)) => panic!("{text}"),
    }
}

#[test]
fn well_known_text() {
    for (text, expected) in [
        ("POINT (-0.1 51.5)", Ok((-0.1, 51.5))),
        ("POINT(-0.1 51.5)", Ok((-0.1, 51.5))),
        ("  point  ( -0.1\t51.5 )  ", Ok((-0.1, 51.5))),
        ("Point(-0.1 51.5)", Ok((-0.1, 51.5))),
        ("POINT Z (-0.1 51.5 30)", Ok((-0.1, 51.5))),
        ("POINTZ(-0.1 51.5 30)", Ok((-0.1, 51.5))),
        ("POINT M (-0.1 51.5 7)", Ok((-0.1, 51.5))),
        ("POINT ZM (-0.1 51.5 30 7)", Ok((-0.1, 51.5))),
        ("point zm(-0.1 51.5 30 7)", Ok((-0.1, 51.5))),
        ("POINT(-0.1 51.5 30)", Ok((-0.1, 51.5))),
        ("SRID=4326;POINT(-0.1 51.5)", Ok((-0.1, 51.5))),
        ("srid = 4326 ; Point (-0.1 51.5)", Ok((-0.1, 51.5))),
        ("SRID=0;POINT(-0.1 51.5)", Ok((-0.1, 51.5))),
        ("POINT (1e-1 5.15e1)", Ok((0.1, 51.5))),
        ("POINT (\u{2212}0.1 51.5)", Ok((-0.1, 51.5))),
        ("POINT(-0,115988 51,496891)", Ok((-0.115_988, 51.496_891))),
        ("POINT EMPTY", Err(Reason::Missing)),
        ("POINT Z EMPTY", Err(Reason::Missing)),
        ("SRID=4326;POINT EMPTY", Err(Reason::Missing)),
        ("POINT(nan nan)", Err(Reason::Missing)),
        ("", Err(Reason::Missing)),
        ("NULL", Err(Reason::Missing)),
        ("LINESTRING (0 0, 1 1)", Err(Reason::NotAPoint)),
        ("SRID=4326;LINESTRING(0 0, 1 1)", Err(Reason::NotAPoint)),
        ("POLYGON Z ((0 0 0, 1 1 1))", Err(Reason::NotAPoint)),
        ("multipoint((0 0))", Err(Reason::NotAPoint)),
        ("GEOMETRYCOLLECTION EMPTY", Err(Reason::NotAPoint)),
        ("POINT", Err(Reason::NotANumber)),
        ("POINT ()", Err(Reason::NotANumber)),
        ("POINT (1)", Err(Reason::NotANumber)),
        ("POINT (1 2", Err(Reason::NotANumber)),
        ("POINT (1 2))", Err(Reason::NotANumber)),
        ("POINT (1, 2)", Err(Reason::NotANumber)),
        ("POINT (1 2 x)", Err(Reason::NotANumber)),
        ("POINT (1 2 3 4 5)", Err(Reason::NotANumber)),
        ("POINT Z (1 2)", Err(Reason::NotANumber)),
        ("POINT ZM (1 2 3)", Err(Reason::NotANumber)),
        ("POINT (1 inf)", Err(Reason::NotANumber)),
        ("POINT (1E 2N)", Err(Reason::NotANumber)),
        ("POINTLESS", Err(Reason::NotANumber)),
        ("LINESTRINGS", Err(Reason::NotANumber)),
        ("SRID=;POINT(1 2)", Err(Reason::NotANumber)),
        ("SRID=x;POINT(1 2)", Err(Reason::NotANumber)),
        ("SRID=99999999999;POINT(1 2)", Err(Reason::NotANumber)),
        ("SRID=4326", Err(Reason::NotANumber)),
        ("51.5", Err(Reason::NotANumber)),
    ] {
        assert_eq!(read(text.as_bytes(), Geometry::Wkt), expected, "{text}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A point in well-known binary.
fn binary(little: bool, kind: u32, srid: Option<u32>, numbers: &[f64]) -> String {
    let mut bytes = vec![u8::from(little)];
    for word in std::iter::once(kind).chain(srid) {
        bytes.extend(if little { word.to_le_bytes() } else { word.to_be_bytes() });
    }
    for number in numbers {
        bytes.extend(if little { number.to_le_bytes() } else { number.to_be_bytes() });
    }
    hex(&bytes)
}

#[test]
fn well_known_binary() {
    for little in [true, false] {
        for (kind, srid, more) in [
            (1, None, 0),
            (1001, None, 1),
            (2001, None, 1),
            (3001, None, 2),
            (0x8000_0001, None, 1),
            (0x4000_0001, None, 1),
            (0xc000_0001, None, 2),
            (0x2000_0001, Some(4326), 0),
            (0xa000_0001, Some(4326), 1),
            (0xe000_0001, Some(0), 2),
        ] {
            let numbers = [-0.1, 51.5, 30.0, 7.0];
            let text = binary(little, kind, srid, &numbers[..2 + more]);
            assert_eq!(read(text.as_bytes(), Geometry::Wkb), Ok((-0.1, 51.5)), "{text}");
            assert_eq!(read(text.to_lowercase().as_bytes(), Geometry::Wkb), Ok((-0.1, 51.5)));
            assert_eq!(read(format!("\\x{text}").as_bytes(), Geometry::Wkb), Ok((-0.1, 51.5)));
            for wrong in [&text[..text.len() - 2], &text[..text.len() - 1], &format!("{text}00"), &text[..10]] {
                assert_eq!(read(wrong.as_bytes(), Geometry::Wkb), Err(Reason::NotANumber), "{wrong}");
            }
        }
        let nothing = binary(little, 1, None, &[f64::NAN, f64::NAN]);
        assert_eq!(read(nothing.as_bytes(), Geometry::Wkb), Err(Reason::Missing));
        let half = binary(little, 1, None, &[1.0, f64::NAN]);
        assert_eq!(read(half.as_bytes(), Geometry::Wkb), Err(Reason::NotANumber));
        let line = binary(little, 2, None, &[1.0, 2.0]);
        assert_eq!(read(line.as_bytes(), Geometry::Wkb), Err(Reason::NotAPoint));
        let unknown = binary(little, 18, None, &[1.0, 2.0]);
        assert_eq!(read(unknown.as_bytes(), Geometry::Wkb), Err(Reason::NotANumber));
    }
    let case = b"0101000020E6100000917BBABA63B1BDBF9F56D11F9ABF4940";
    assert_eq!(read(case, Geometry::Wkb), Ok((-0.115_988, 51.496_891)));
    for text in ["", "01", "0101", "zz01000000", "0201000000", "POINT (1 2)", "0101000020E610000\u{e9}"] {
        let expected = if text.is_empty() { Reason::Missing } else { Reason::NotANumber };
        assert_eq!(read(text.as_bytes(), Geometry::Wkb), Err(expected), "{text}");
    }
}

#[test]
fn geojson_in_a_cell() {
    for (text, expected) in [
        (r#"{"type":"Point","coordinates":[-0.1,51.5]}"#, Ok((-0.1, 51.5))),
        (r#" { "coordinates" : [ -0.1 , 51.5 , 30 ], "bbox": [1], "type" : "Point" } "#, Ok((-0.1, 51.5))),
        ("{'type': 'Point', 'coordinates': [-0.1, 51.5]}", Ok((-0.1, 51.5))),
        (
            r#"{"type":"Feature","properties":{"a":[{}]},"geometry":{"type":"Point","coordinates":[-0.1,51.5]}}"#,
            Ok((-0.1, 51.5)),
        ),
        (r#"{"type":"Feature","geometry":null}"#, Err(Reason::Missing)),
        ("null", Err(Reason::Missing)),
        (r#"{"type":"Point","coordinates":null}"#, Err(Reason::Missing)),
        (r#"{"type":"Point","coordinates":[]}"#, Err(Reason::Missing)),
        (r#"{"type":"Point","coordinates":[null,null]}"#, Err(Reason::Missing)),
        (r#"{"type":"Point"}"#, Err(Reason::Missing)),
        (r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#, Err(Reason::NotAPoint)),
        (r#"{"type":"FeatureCollection","features":[]}"#, Err(Reason::NotAPoint)),
        (r#"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]}}"#, Err(Reason::NotAPoint)),
        (r#"{"type":"Feature","geometry":{"type":"Feature","geometry":null}}"#, Err(Reason::NotANumber)),
        (r#"{"type":"Point","coordinates":[1]}"#, Err(Reason::NotANumber)),
        (r#"{"type":"Point","coordinates":[1,"x"]}"#, Err(Reason::NotANumber)),
        (r#"{"type":"Point","coordinates":[1,1e999]}"#, Err(Reason::NotANumber)),
        (r#"{"type":"Point","coordinates":{"x":1}}"#, Err(Reason::NotANumber)),
        (r#"{"type":"point","coordinates":[1,2]}"#, Err(Reason::NotANumber)),
        (r#"{"lat":1,"lon":2}"#, Err(Reason::NotANumber)),
        ("[1,2]", Err(Reason::NotANumber)),
        ("{", Err(Reason::NotANumber)),
    ] {
        assert_eq!(read(text.as_bytes(), Geometry::GeoJson), expected, "{text}");
    }
    let deep = format!("{{\"type\":\"Point\",\"coordinates\":{}", "[".repeat(1 << 20));
    assert_eq!(read(deep.as_bytes(), Geometry::GeoJson), Err(Reason::NotANumber));
}

#[test]
fn pairs_in_every_common_writing() {
    let (dms_lat, dms_lon) = (51.0 + 30.0 / 60.0 + 26.0 / 3600.0, -459.0 / 3600.0);
    for (text, value) in [
        ("(51.5, -0.1)", (51.5, -0.1)),
        ("51.5,-0.1", (51.5, -0.1)),
        ("51.5, -0.1", (51.5, -0.1)),
        ("51.5 -0.1", (51.5, -0.1)),
        ("51.5\t-0.1", (51.5, -0.1)),
        ("51.5:-0.1", (51.5, -0.1)),
        ("51.5;-0.1", (51.5, -0.1)),
        ("51.5 ; -0.1", (51.5, -0.1)),
        ("51.5/-0.1", (51.5, -0.1)),
        ("51.5|-0.1", (51.5, -0.1)),
        ("[51.5, -0.1]", (51.5, -0.1)),
        ("{51.5, -0.1}", (51.5, -0.1)),
        ("<51.5, -0.1>", (51.5, -0.1)),
        ("[(51.5, -0.1)]", (51.5, -0.1)),
        ("51.5,\u{a0}\u{2212}0.1", (51.5, -0.1)),
        ("51.5\u{b0}, -0.1\u{b0}", (51.5, -0.1)),
        ("51 0", (51.0, 0.0)),
        ("51,-0", (51.0, 0.0)),
        ("51,5 -0,1", (51.5, -0.1)),
        ("51,5; -0,1", (51.5, -0.1)),
        ("51,5, -0,1", (51.5, -0.1)),
        ("51 30 26 -0 7 39", (dms_lat, dms_lon)),
        ("51:30:26 -0:07:39", (dms_lat, dms_lon)),
        ("51 30 -0 6", (51.5, -0.1)),
        ("+51.5-000.1/", (51.5, -0.1)),
        ("+51.5-000.1", (51.5, -0.1)),
        ("51.5 -0.1 30", (51.5, -0.1)),
        ("51.5 -0.1 0.0 4.9", (51.5, -0.1)),
        ("1e-1 2", (0.1, 2.0)),
    ] {
        assert_eq!(read(text.as_bytes(), LONLAT), Ok(value), "{text}");
        assert_eq!(read(text.as_bytes(), LATLON), Ok((value.1, value.0)), "{text}");
    }
    // Letters tell the order.
    for text in [
        "51\u{b0}30'26\"N 0\u{b0}7'39\"W",
        "51\u{b0}30'26\"N, 0\u{b0}7'39\"W",
        "51\u{b0}30'26\"N0\u{b0}7'39\"W",
        "51\u{b0} 30\u{2032} 26\u{2033} N 0\u{b0} 7\u{2032} 39\u{2033} W",
        "51 30 26 N 0 7 39 W",
        "51 30 26N, 0 7 39W",
        "51 30 26 N,0 7 39 W",
        "0 7 39 W / 51 30 26 N",
        "N51 30 26 W0 7 39",
        "N 51\u{b0}30'26\" W 0\u{b0}7'39\"",
        "N51\u{b0}30'26\"W0\u{b0}7'39\"",
        "51:30:26N 0:07:39W",
        "51-30-26N 000-07-39W",
        "51 deg 30' 26\" N, 0 deg 7' 39\" W",
        "51d30m26sN 0d7m39sW",
        "(0\u{b0}7'39\"W, 51\u{b0}30'26\"N)",
    ] {
        for order in [LONLAT, LATLON] {
            assert_eq!(read(text.as_bytes(), order), Ok((dms_lon, dms_lat)), "{text}");
        }
    }
    for text in [
        "51.4969N, 0.1160W",
        "51.4969N 000.1160W",
        "0.1160W 51.4969N",
        "51.4969N0.1160W",
        "N51.4969W0.1160",
        "51.4969, 0.1160W",
    ] {
        assert_eq!(read(text.as_bytes(), LONLAT), Ok((-0.116, 51.4969)), "{text}");
    }
    assert_eq!(read(b"51\xb030'26\"N 0\xb07'39\"W", LONLAT), Ok((dms_lon, dms_lat)));
}

#[test]
fn what_is_no_pair() {
    for text in [
        "",
        " ",
        "()",
        "(,)",
        "NA",
        "nan nan",
        "(None, None)",
        "NULL,NULL",
        "N/A",
        "N/A,N/A",
        "51.5,",
        ",51.5",
        "51.5, NA",
    ] {
        assert_eq!(read(text.as_bytes(), LATLON), Err(Reason::Missing), "{text}");
    }
    for text in [
        "51.5",
        "x",
        "51.5 x",
        "x, y",
        "51.5,,0.1",
        "51.5 , , 0.1",
        "(51.5, 0.1",
        "51.5, 0.1)",
        "51.5N 0.1N",
        "51.5N, 0.1S",
        "51.5W, 0.1E",
        "-51.5N, 0.1W",
        "51,5,0",
        "51,5,0,1",
        "51.5,0.1,30",
        "51 30 26",
        "51 30 0",
        "1 2 3 4 5",
        "51:30:26",
        "10:15:30",
        "2024-05-01",
        "2024-05-01 10:15:00",
        "51.5 0.1 x",
        "51.5 0.1 3 4 5",
        "51 30 60 N 0 7 39 W",
        "1e5",
        "1.2.3.4",
    ] {
        assert_eq!(read(text.as_bytes(), LATLON), Err(Reason::NotANumber), "{text}");
    }
    for text in ["1 ".repeat(1 << 16), "N".repeat(1 << 16), "(".repeat(1 << 16), "1N".repeat(90), "1,".repeat(90)] {
        assert_eq!(read(text.as_bytes(), LATLON), Err(Reason::NotANumber));
    }
}

#[test]
fn commas_units_and_projected_pairs() {
    let read = |text: &str, axes, unit, decimal| {
        geometry(text.as_bytes(), LONLAT, axes, unit, decimal, None).map(|at| (at.x, at.y))
    };
    for text in ["51,5,0,1", "51,5 0,1", "51,5;0,1", "(51,5; 0,1)", "51.5,0.1", "51.5, 0.1"] {
        assert_eq!(read(text, DEGREES, Unit::Degrees, Decimal::Comma), Ok((51.5, 0.1)), "{text}");
    }
    assert_eq!(read("515000000 -1000000", DEGREES, Unit::E7, Decimal::Point), Ok((51.5, -0.1)));
    assert_eq!(read("(530000.5, 180000)", PROJECTED, Unit::Degrees, Decimal::Point), Ok((530_000.5, 180_000.0)));
    assert_eq!(read("530000.5 180000.5", PROJECTED, Unit::Degrees, Decimal::Point), Ok((530_000.5, 180_000.5)));
    assert_eq!(read("5N 6E", PROJECTED, Unit::Degrees, Decimal::Point), Err(Reason::NotANumber.into()));
    let wkt = geometry(b"POINT(-1000000 515000000)", Geometry::Wkt, DEGREES, Unit::E7, Decimal::Comma, None);
    assert_eq!(wkt.map(|at| (at.x, at.y)), Ok((-0.1, 51.5)));
    // A point is the mark in well-known text, whatever the file has.
    let wkt = geometry(b"POINT(530.123 180.456)", Geometry::Wkt, PROJECTED, Unit::Degrees, Decimal::Comma, None);
    assert_eq!(wkt.map(|at| (at.x, at.y)), Ok((530.123, 180.456)));
}

#[test]
fn an_input_has_one_reference_system() {
    let read =
        |text: &str, axes, srid| geometry(text.as_bytes(), Geometry::Wkt, axes, Unit::Degrees, Decimal::Point, srid);
    let of = |number, bare| Some(Srid { number, bare });
    assert!(read("SRID=27700;POINT(1 2)", PROJECTED, of(27700, false)).is_ok());
    assert!(read("POINT(1 2)", PROJECTED, of(27700, true)).is_ok());
    assert!(
        matches!(read("POINT(1 2)", PROJECTED, of(27700, false)), Err(Verdict::Ends(text)) if text.contains("names no reference"))
    );
    assert!(read("SRID=4326;POINT(1 2)", DEGREES, None).is_ok());
    for (axes, srid, named) in [(PROJECTED, of(27700, true), "SRID=27700"), (PROJECTED, None, "none")] {
        match read("SRID=4326;POINT(1 2)", axes, srid) {
            Err(Verdict::Ends(text)) => assert!(text.contains("SRID=4326") && text.contains(named), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    // Only a row that gives a place counts.
    assert_eq!(read("SRID=4326;POINT EMPTY", PROJECTED, of(27700, false)), Err(Reason::Missing.into()));
    let text = binary(true, 0x2000_0001, Some(4326), &[1.0, 2.0]);
    assert!(matches!(
        geometry(text.as_bytes(), Geometry::Wkb, PROJECTED, Unit::Degrees, Decimal::Point, of(27700, true)),
        Err(Verdict::Ends(_))
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for kind in [Geometry::Wkt, Geometry::Wkb, Geometry::GeoJson, LONLAT, LATLON] {
            for axes in [DEGREES, PROJECTED] {
                if let Ok(at) = geometry(&bytes, kind, axes, Unit::Degrees, Decimal::Comma, Some(Srid { number: 4326, bare: true })) {
                    prop_assert!(at.x.is_finite() && at.y.is_finite());
                }
            }
        }
    }

    #[test]
    fn what_looks_like_a_pair_is_judged(text in "[-+ NSEW0-9.,:;/()'\"\u{b0}\u{a0}\u{2212}]{0,30}") {
        for decimal in [Decimal::Point, Decimal::Comma] {
            let _ = geometry(text.as_bytes(), LATLON, DEGREES, Unit::Degrees, decimal, None);
        }
    }

    #[test]
    fn every_writing_gives_the_same_place(x in -180.0..180.0f64, y in -90.0..90.0f64, little: bool) {
        let half = |value: f64, letters: [&str; 2]| format!("{}{}", value.abs(), letters[usize::from(value < 0.0)]);
        for (text, kind) in [
            (format!("POINT ({x} {y})"), Geometry::Wkt),
            (format!("SRID=4326;POINT Z({x} {y} 0)"), Geometry::Wkt),
            (binary(little, 1, None, &[x, y]), Geometry::Wkb),
            (format!("{{\"type\":\"Point\",\"coordinates\":[{x},{y}]}}"), Geometry::GeoJson),
            (format!("{x} {y}"), LONLAT),
            (format!("({y}, {x})"), LATLON),
            (format!("{y}:{x}"), LATLON),
            (format!("{} {}", half(y, ["N", "S"]), half(x, ["E", "W"])), LONLAT),
            (format!("{},{}", half(x, ["E", "W"]), half(y, ["N", "S"])), LATLON),
        ] {
            prop_assert_eq!(read(text.as_bytes(), kind), Ok((x, y)), "{}", text);
        }
    }
}
