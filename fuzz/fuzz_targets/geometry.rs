//! Any bytes at all are a place, missing or none; a pair with its numbers in the other order is the other order's place;
//! and any cells are recognised or not.
//! `cargo +nightly fuzz run geometry`

#![no_main]

use libfuzzer_sys::fuzz_target;
use tilefire::source::value::fuzzing::{geometry, recognise};
use tilefire::source::{Decimal, Unit};

fuzz_target!(|data: &[u8]| {
    for projected in [false, true] {
        for decimal in [Decimal::Point, Decimal::Comma] {
            for (unit, _) in Unit::ALL {
                let read = |kind| geometry(data, kind, projected, unit, decimal);
                for kind in 0..3 {
                    assert!(read(kind).is_none_or(|(x, y)| x.is_finite() && y.is_finite()));
                }
                // Letters tell the order, or it is the other one.
                let (one, other) = (read(3), read(4));
                assert!(one == other || one == other.map(|(x, y)| (y, x)));
            }
        }
    }
    recognise(&[data]);
    recognise(&data.split(|&byte| byte == b'\n').collect::<Vec<_>>());
});
