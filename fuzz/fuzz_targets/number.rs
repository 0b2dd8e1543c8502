//! Any bytes at all are a number, missing or none, the same with blanks around them, and what std reads is read alike.
//! `cargo +nightly fuzz run number`

#![no_main]

use libfuzzer_sys::fuzz_target;
use tilefire::source::value::fuzzing::{coordinate, hemisphere};
use tilefire::source::{Decimal, Unit};

fuzz_target!(|data: &[u8]| {
    for axis in 0..3 {
        hemisphere(data, axis);
        for decimal in [Decimal::Point, Decimal::Comma] {
            for (unit, _) in Unit::ALL {
                let value = coordinate(data, axis, unit, decimal);
                assert!(value.is_none_or(f64::is_finite));
                let padded = [b" \xc2\xa0", data, b"\xe2\x80\xaf\t"].concat();
                let same = coordinate(&padded, axis, unit, decimal);
                // A byte that is cut off from its character may find another one in front of it.
                if std::str::from_utf8(data).is_ok() {
                    assert_eq!(same.map(f64::to_bits), value.map(f64::to_bits));
                }
            }
        }
        let std = std::str::from_utf8(data).ok().and_then(|text| text.trim_ascii().parse::<f64>().ok());
        if let Some(std) = std.filter(|value| value.is_finite()) {
            assert_eq!(coordinate(data, axis, Unit::Degrees, Decimal::Point).map(f64::to_bits), Some(std.to_bits()));
        }
    }
});
