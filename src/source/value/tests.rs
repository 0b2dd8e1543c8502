//! Cells as people write them.

use proptest::prelude::*;

use super::*;
use crate::source::cell::Axis::{Latitude, Longitude, Projected};

fn degrees(text: &[u8], axis: Axis) -> Cell {
    coordinate(text, axis, Unit::Degrees, Decimal::Point)
}

/// The nearest f64 to `over / under`, by a way of its own: forty decimals, parsed.
fn quotient(over: u128, under: u128) -> f64 {
    let (whole, mut rest, mut text) = (over / under, over % under, String::new());
    for _ in 0..40 {
        rest *= 10;
        text.push(char::from(b'0' + (rest / under) as u8));
        rest %= under;
    }
    format!("{whole}.{text}").parse().unwrap()
}

#[test]
fn latitudes_in_every_common_writing() {
    let minutes = quotient(51 * 3600 + 30 * 60 + 26, 3600);
    let half = quotient(51 * 36000 + 30 * 600 + 265, 36000);
    let decimal_minutes = quotient(51 * 6000 + 3044, 6000);
    for (text, value) in [
        ("51.5", 51.5),
        (" 51.5 ", 51.5),
        ("\u{a0}51.5\u{202f}", 51.5),
        ("\u{2007}51.5", 51.5),
        ("51.5\u{b0}", 51.5),
        ("51.5 \u{b0}", 51.5),
        ("51.5\u{ba}", 51.5),
        ("-51.5\u{b0}", -51.5),
        ("51.5\u{c2}\u{b0}", 51.5),
        ("51.5 deg", 51.5),
        ("\u{2212}51.5", -51.5),
        ("\u{2013}51.5", -51.5),
        ("=\"51.5\"", 51.5),
        ("=\"-51.5\"", -51.5),
        ("'51.5", 51.5),
        ("'-51.5", -51.5),
        ("'51.5'", 51.5),
        ("51.5N", 51.5),
        ("51.5n", 51.5),
        ("51.5 N", 51.5),
        ("N51.5", 51.5),
        ("N 51.5", 51.5),
        ("51.5S", -51.5),
        ("S51.5", -51.5),
        ("-51.5S", -51.5),
        ("S-51.5", -51.5),
        ("+51.5N", 51.5),
        ("51.5\u{b0}N", 51.5),
        ("51.5\u{b0} S", -51.5),
        ("51.5 North", 51.5),
        ("south 51.5", -51.5),
        ("51,5 Nord", 51.5),
        ("51.5 S\u{fc}d", -51.5),
        ("5.15e1N", 51.5),
        ("51 30 26 N", minutes),
        ("51 30 26", minutes),
        ("51\u{b0}30'26\"N", minutes),
        ("51\u{b0}30'26\"", minutes),
        ("51\u{b0}30'26''N", minutes),
        ("51\u{b0}30\u{2019}26\u{201d}N", minutes),
        ("51\u{b0}30\u{2032}26\u{2033} S", -minutes),
        ("51\u{ba}30\u{b4}26\u{201c}S", -minutes),
        ("51\u{b0} 30\u{2032} 26.5\u{2033} N", half),
        ("51\u{b0} 30' 26,5\" N", half),
        ("51 \u{b0} 30 ' 26.5 \" N", half),
        ("51\u{b0}\u{a0}30'\u{a0}26\"", minutes),
        ("N51\u{b0}30'26\"", minutes),
        ("51:30:26", minutes),
        ("51:30:26.5", half),
        ("-51:30:26", -minutes),
        ("51:30:26N", minutes),
        ("51d30m26s", minutes),
        ("51d30m26sN", minutes),
        ("51d30m26sS", -minutes),
        ("51d30m26s S", -minutes),
        ("S51d30m26s", -minutes),
        ("N51D30M26S", minutes),
        ("51d30'26\"N", minutes),
        ("51d30m26 S", -minutes),
        ("51 d 30 m 26 s", minutes),
        ("51 deg 30' 26.50\" N", half),
        ("51 deg 30 min 26 sec S", -minutes),
        ("51 degrees 30 minutes 26 seconds", minutes),
        ("N51 30.44", decimal_minutes),
        ("51 30.44", decimal_minutes),
        ("51\u{b0}30.44'N", decimal_minutes),
        ("51:30.44", decimal_minutes),
        ("51-30-26N", minutes),
        ("51-30-26.5000S", -half),
        ("\u{2212}51 30 26", -minutes),
        ("051 30 26", minutes),
        ("51 30", 51.5),
        ("51\u{b0} 30\u{2032}", 51.5),
    ] {
        assert_eq!(degrees(text.as_bytes(), Latitude), Cell::Number(value), "{text}");
    }
    for (text, value) in [
        (&b"51.5\xb0"[..], 51.5),
        (b"51.5\xba", 51.5),
        (b"51.5\xa0", 51.5),
        (b"\xa051.5\xa0\xb0", 51.5),
        (b"51\xb030'26\"S", -minutes),
        (b"51\xb030\x9226\x94N", minutes),
        (b"51\xb0 30\xb4 26\" N", minutes),
        (b"51.5 S\xfcd", -51.5),
        (b"\x9651.5", -51.5),
    ] {
        assert_eq!(degrees(text, Latitude), Cell::Number(value), "{text:x?}");
    }
}

#[test]
fn longitudes_have_letters_of_their_own() {
    let small = quotient(7 * 60 + 39, 3600);
    for (text, value) in [
        ("0.1W", -0.1),
        ("-0.1W", -0.1),
        ("0.1E", 0.1),
        ("0.1e", 0.1),
        ("E0.1", 0.1),
        ("1e1E", 10.0),
        ("1e1", 10.0),
        ("000.115988W", -0.115_988),
        ("-0 7 39", -small),
        ("-0:07:39", -small),
        ("\u{2212}0 7 39", -small),
        ("0\u{b0}7'39\"W", -small),
        ("0d7m39s", small),
        ("0D7M39S", small),
        ("0d7m39sW", -small),
        ("0.1 west", -0.1),
        ("0,1 Ouest", -0.1),
        ("0,1 Ost", 0.1),
    ] {
        assert_eq!(degrees(text.as_bytes(), Longitude), Cell::Number(value), "{text}");
    }
    assert!(matches!(degrees(b"-0 0 0", Longitude), Cell::Number(value) if value == 0.0));
}

#[test]
fn words_for_nothing_are_missing_whatever_the_axis() {
    for text in [
        "", "  ", "\t", "\u{a0}", "NA", "na", "N/A", "n/a", "#N/A", "NULL", "null", "None", "nan", "NaN", "\\N", "-",
        "--", "=\"\"", "'", " NA ", "'NULL", "=\"NA\"",
    ] {
        for axis in [Longitude, Latitude, Projected] {
            for decimal in [Decimal::Point, Decimal::Comma, Decimal::CommaAlone] {
                for (unit, _) in Unit::ALL {
                    assert_eq!(coordinate(text.as_bytes(), axis, unit, decimal), Cell::Missing, "{text}");
                }
            }
        }
    }
}

#[test]
fn what_contradicts_itself_is_no_number() {
    for text in [
        "-51.5N",
        "+51.5S",
        "N-51.5",
        "S+51.5",
        "51.5E",
        "51.5W",
        "51.5O",
        "O51.5",
        "N51.5N",
        "N51.5S",
        "51.5X",
        "N",
        "S",
        "north",
        "NN",
        "51 60 26 N",
        "51 30 60",
        "51 30 60.5",
        "51.5 30 26",
        "51 30.5 26",
        "51 -30 26",
        "51 30 -26",
        "51 30 26 5",
        "51:30:26:5",
        "51:",
        ":51",
        "51:30:",
        "51::30",
        "51\u{b0}\u{b0}",
        "51'30",
        "51\"",
        "30'26\"",
        "51\u{b0}30\"",
        "51\u{b0}30\u{b0}",
        "51-30",
        "51-30-26",
        "51 30 26 E",
        "51\u{b0}30'26\"O",
        "inf",
        "-inf",
        "Infinity",
        "+Infinity",
        "1e400",
        "-1e400",
        "1e400N",
        "١٢",
        "٥١٫٥٤٦٣٧٣",
        "3.946.166.166",
        "1,2,3",
        "51.5,3",
        "1,234.5",
        "51.5.",
        "..",
        ".",
        ",",
        "+",
        "+-51",
        "-+51",
        "--51",
        "51-",
        "0x10",
        "1_0",
        "=51.5",
        "=\"51.5",
        "\"51.5\"",
        "true",
        "e",
        "51d30m26S",
        "51D30M26S",
        "51d30s",
        "51 30 26 sec m",
        "\u{feff}51",
        "51.5\u{fffd}",
        "51.5%",
        "1/2",
        "51;5",
        "(51.5)",
        "51.5 m",
        "51.5 s m",
        "d",
        "\u{b0}",
        "\u{b0}N",
        "N\u{b0}",
        "51 30 .5",
        "51 N 30",
        "51N30",
        "5 1.5.2",
        "51,",
        ",51",
    ] {
        assert_eq!(degrees(text.as_bytes(), Latitude), Cell::Bad, "{text}");
    }
    for text in ["0.1N", "0.1S", "N0.1", "0.1O", "0 7 39 N", "-0.1E", "+0.1W"] {
        assert_eq!(degrees(text.as_bytes(), Longitude), Cell::Bad, "{text}");
    }
    for text in [&b"\xff"[..], b"51.5\xff", b"\xb0", b"51\xb0\xb0", b"\xc2", b"51.5\xc2", b"\xe2\x80", b"51.5\0", b"\0"]
    {
        assert_eq!(degrees(text, Latitude), Cell::Bad, "{text:x?}");
    }
}

#[test]
fn a_projected_coordinate_is_a_number_alone() {
    for (text, value) in
        [("530000.5", 530_000.5), ("-1e5", -1e5), ("\u{2212}530000", -530_000.0), ("=\"530000\"", 530_000.0)]
    {
        assert_eq!(degrees(text.as_bytes(), Projected), Cell::Number(value), "{text}");
    }
    for text in ["530000E", "N5", "51 30 26", "51:30", "51.5\u{b0}", "1,012", "530,123", "1.234.567", "5 3"] {
        assert_eq!(degrees(text.as_bytes(), Projected), Cell::Bad, "{text}");
    }
}

#[test]
fn commas_may_be_the_mark() {
    let comma = |text: &str, axis| coordinate(text.as_bytes(), axis, Unit::Degrees, Decimal::Comma);
    for (text, value) in [
        ("51,5", 51.5),
        ("-0,1276", -0.1276),
        ("+0,1276", 0.1276),
        (" 51,546373 ", 51.546_373),
        ("51", 51.0),
        ("1,5e1", 15.0),
        ("51,5N", 51.5),
        ("51,5\u{b0}", 51.5),
        ("51 30,44 N", 51.0 + 30.44 / 60.0),
    ] {
        assert_eq!(comma(text, Latitude), Cell::Number(value), "{text}");
    }
    for (text, value) in [
        ("1.234.567,8", 1_234_567.8),
        ("3.946.166.166", 3_946_166_166.0),
        ("601.234,5", 601_234.5),
        ("601.234", 601_234.0),
        ("601,234", 601.234),
        ("-601,234", -601.234),
        ("-601.234", -601_234.0),
    ] {
        assert_eq!(comma(text, Projected), Cell::Number(value), "{text}");
    }
    for text in [
        "51,5,5",
        "1,234.5",
        "12.34,5",
        "1234.567,8",
        "1.23.456",
        ".234,5",
        "51;5",
        ",",
        "1.234.56",
        "601.23",
        "601234.567",
        "0.234",
    ] {
        assert_eq!(comma(text, Projected), Cell::Bad, "{text}");
    }
    for text in ["9.6", "51.507", "-51.507", "\u{2212}51.5", "=\"51.5\"", ".5", "5.", "1.5e1"] {
        assert_eq!(comma(text, Latitude), Cell::Bad, "{text}");
    }
    // Where nobody said that a comma is the mark, points between thousands are as likely a mistake.
    let found = |text: &str, axis| coordinate(text.as_bytes(), axis, Unit::Degrees, Decimal::CommaAlone);
    for text in ["1.234.567,8", "601.234,5", "601.234", "-601.234", "601.23", "1.234", "9.6", "51.507"] {
        assert_eq!((found(text, Projected), found(text, Latitude)), (Cell::Bad, Cell::Bad), "{text}");
    }
    assert_eq!(found("601,234", Projected), Cell::Number(601.234));
    assert_eq!(found("-51,5", Latitude), Cell::Number(-51.5));
    assert_eq!(found("51,5N", Latitude), Cell::Number(51.5));
    // What has letters or marks leaves no doubt.
    assert_eq!(comma("51.5N", Latitude), Cell::Number(51.5));
    assert_eq!(comma("51\u{b0}30'36.0\"N", Latitude), Cell::Number(51.51));
}

#[test]
fn where_the_point_is_the_mark_a_comma_is_none() {
    for text in ["9,5", "-9,5", "\u{2212}9,5", "=\"9,5\"", "51,507", "9,5e0"] {
        for axis in [Latitude, Projected] {
            assert_eq!(degrees(text.as_bytes(), axis), Cell::Bad, "{text}");
        }
    }
    assert_eq!(degrees("51,5\u{b0}".as_bytes(), Latitude), Cell::Number(51.5));
    assert_eq!(degrees("51\u{b0}30'36,0\"N".as_bytes(), Latitude), Cell::Number(51.51));
}

#[test]
fn units_are_scaled_to_degrees() {
    for (text, unit, value) in [
        ("515072001", Unit::E7, "51.5072001".parse().unwrap()),
        ("-1159880", Unit::E7, -0.115_988),
        ("51496891", Unit::E6, 51.496_891),
        ("5149689", Unit::E5, 51.49689),
        ("5149689S", Unit::E5, -51.49689),
        ("5.149689e6", Unit::E5, 51.49689),
        ("1073741824", Unit::Semicircles, 90.0),
        ("-2147483648", Unit::Semicircles, -180.0),
        ("1", Unit::Radians, 1f64.to_degrees()),
        ("5132.7824", Unit::DegreesMinutes, quotient(51 * 600_000 + 327_824, 600_000)),
        ("-5132.7824", Unit::DegreesMinutes, -quotient(51 * 600_000 + 327_824, 600_000)),
        ("5132.7824S", Unit::DegreesMinutes, -quotient(51 * 600_000 + 327_824, 600_000)),
        ("S 5132.7824", Unit::DegreesMinutes, -quotient(51 * 600_000 + 327_824, 600_000)),
        ("00008.1178", Unit::DegreesMinutes, quotient(81_178, 600_000)),
        ("30", Unit::DegreesMinutes, 0.5),
        ("6.0", Unit::DegreesMinutes, 0.1),
        ("5130", Unit::DegreesMinutes, 51.5),
    ] {
        assert_eq!(coordinate(text.as_bytes(), Latitude, unit, Decimal::Point), Cell::Number(value), "{text} {unit}");
    }
    for (text, unit) in [
        ("5160.0", Unit::DegreesMinutes),
        ("60", Unit::DegreesMinutes),
        ("5.1e3", Unit::DegreesMinutes),
        ("51 30", Unit::DegreesMinutes),
        ("-5130N", Unit::DegreesMinutes),
        ("51\u{b0}", Unit::E7),
        ("51 30 26", Unit::E7),
        ("1e400", Unit::E7),
        ("inf", Unit::Radians),
        ("1e308", Unit::Radians),
    ] {
        assert_eq!(coordinate(text.as_bytes(), Latitude, unit, Decimal::Point), Cell::Bad, "{text} {unit}");
    }
}

#[test]
fn very_long_cells_end() {
    for text in ["1".repeat(1 << 20), " ".repeat(1 << 20), format!("0.{}1", "0".repeat(1 << 20)), "1 ".repeat(1 << 19)]
    {
        for decimal in [Decimal::Point, Decimal::Comma, Decimal::CommaAlone] {
            let _ = coordinate(text.as_bytes(), Latitude, Unit::E7, decimal);
            let _ = coordinate(text.as_bytes(), Latitude, Unit::Degrees, decimal);
        }
    }
}

fn any_unit() -> impl Strategy<Value = Unit> {
    (0..Unit::ALL.len()).prop_map(|i| Unit::ALL[i].0)
}

proptest! {
    #[test]
    fn plain_decimals_are_what_std_makes_of_them(text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?") {
        // `e5` is five degrees east.
        prop_assume!(!text.starts_with(['e', 'E']));
        let expected = match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(value.to_bits()),
            _ => None,
        };
        for axis in [Longitude, Latitude, Projected] {
            let mut cells = vec![degrees(text.as_bytes(), axis)];
            // A comma in place of the point is the same number; a point is none.
            if !text.contains('.') {
                cells.push(coordinate(text.as_bytes(), axis, Unit::Degrees, Decimal::Comma));
            }
            cells.push(coordinate(text.replace('.', ",").as_bytes(), axis, Unit::Degrees, Decimal::Comma));
            for cell in cells {
                let got = if let Cell::Number(value) = cell { Some(value.to_bits()) } else { None };
                prop_assert_eq!(got, expected, "{} {:?}", text, axis);
            }
        }
    }

    #[test]
    fn scaled_integers_are_the_decimals_they_stand_for(value in -4_000_000_000i64..4_000_000_000) {
        for (unit, places) in [(Unit::E5, 5), (Unit::E6, 6), (Unit::E7, 7)] {
            let expected: f64 = format!("{value}e-{places}").parse().unwrap();
            let got = coordinate(value.to_string().as_bytes(), Longitude, unit, Decimal::Point);
            prop_assert_eq!(got, Cell::Number(expected));
        }
    }

    #[test]
    fn angles_are_rounded_once(d in 0u64..180, m in 0u64..60, s in 0u64..60, f in 0u64..10_000, form in 0usize..6) {
        let expected = quotient(u128::from(((d * 60 + m) * 60 + s) * 10_000 + f), 36_000_000);
        let text = match form {
            0 => format!("{d} {m} {s}.{f:04}"),
            1 => format!("{d}\u{b0}{m}'{s}.{f:04}\"E"),
            2 => format!("E {d}:{m:02}:{s:02},{f:04}"),
            3 => format!("{d}d{m}m{s}.{f:04}s"),
            4 => format!("{d:03}-{m:02}-{s:02}.{f:04}E"),
            _ => format!(" +{d} deg {m}' {s}.{f:04}''"),
        };
        prop_assert_eq!(degrees(text.as_bytes(), Longitude), Cell::Number(expected), "{}", text);
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..24), unit in any_unit()) {
        for axis in [Longitude, Latitude, Projected] {
            for decimal in [Decimal::Point, Decimal::Comma, Decimal::CommaAlone] {
                if let Cell::Number(value) = coordinate(&bytes, axis, unit, decimal) {
                    prop_assert!(value.is_finite());
                }
            }
            let _ = hemisphere(&bytes, axis);
        }
    }

    #[test]
    fn what_looks_like_an_angle_is_judged(text in "[-+ NSEWnsewdmsO0-9.,:'\"\u{b0}\u{a0}\u{2212}\u{2032}]{0,16}", unit in any_unit()) {
        for axis in [Longitude, Latitude, Projected] {
            let _ = coordinate(text.as_bytes(), axis, unit, Decimal::Comma);
            let _ = coordinate(text.as_bytes(), axis, unit, Decimal::Point);
        }
    }
}
