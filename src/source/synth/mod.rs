//! Synthetic points of national scale: towns, roads, countryside and hot spots of Great Britain as CSV.
//!
//! The same seed gives the same bytes on every machine: a named generator (`ChaCha8`), integers, plain f64
//! arithmetic and crate `libm`; no two of these differ between platforms. `country` holds what points are drawn
//! from.

mod country;
mod outline;
mod shape;

use std::io::Write;
use std::sync::atomic::Ordering;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use self::country::Country;
pub use self::shape::Shape;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};

/// Points between two looks at the monitor, and per write.
const PIECE: u64 = 1 << 14;

/// A position in millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    lon: i32,
    lat: i32,
}

impl Place {
    fn from_degrees(lon: f64, lat: f64) -> Self {
        // The offset makes the cast a floor; all of Great Britain lies within it.
        let floor = |degrees: f64| ((degrees + 512.0) * 1e6) as i32 - 512_000_000;
        Self { lon: floor(lon), lat: floor(lat) }
    }
}

/// Writes `n` points as CSV to `out`: columns lon and lat, six decimals. Of 100 points 62 lie in towns, by
/// population, 25 along roads between them, 10 in the countryside and 3 on 2,000 hot spots.
///
/// Fails with [`Error::Output`] when `out` does, and with [`Error::Interrupted`] once `monitor` is cancelled.
pub fn synth(n: u64, seed: u64, out: &mut dyn Write, monitor: &Monitor) -> Result<()> {
    synth_shaped(Shape::Towns, n, seed, out, monitor)
}

/// The same for points of another shape.
pub fn synth_shaped(shape: Shape, n: u64, seed: u64, out: &mut dyn Write, monitor: &Monitor) -> Result<()> {
    let failed = |e: std::io::Error| Error::Output(format!("cannot write synthetic points: {e}"));
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    let country = Country::new(&mut rng)?;
    let mut sorted = match shape {
        Shape::Sorted => Some(in_order(n, &country, &mut rng, monitor)?.into_iter()),
        _ => None,
    };
    let mut text = b"lon,lat\n".to_vec();
    let mut done = 0;
    while done < n {
        monitor.check()?;
        let piece = PIECE.min(n - done);
        for _ in 0..piece {
            let place = match &mut sorted {
                Some(places) => places.next().map_or(Place { lon: 0, lat: 0 }, shape::place),
                None => shape::draw(shape, &country, &mut rng),
            };
            push_degrees(&mut text, place.lon, b',');
            push_degrees(&mut text, place.lat, b'\n');
        }
        monitor.time(Stage::Write, || out.write_all(&text)).map_err(failed)?;
        text.clear();
        done += piece;
        monitor.points.fetch_add(piece, Ordering::Relaxed);
    }
    out.write_all(&text).and_then(|()| out.flush()).map_err(failed)
}

/// The keys of `n` points, ascending.
fn in_order(n: u64, country: &Country, rng: &mut ChaCha8Rng, monitor: &Monitor) -> Result<Vec<u64>> {
    let mut keys: Vec<u64> = Vec::new();
    let too_many = |_| Error::Limit(format!("no memory to sort {n} points; ask for fewer, or for another shape"));
    keys.try_reserve_exact(usize::try_from(n).unwrap_or(usize::MAX)).map_err(too_many)?;
    for nth in 0..n {
        if nth % PIECE == 0 {
            monitor.check()?;
        }
        keys.push(shape::key(draw(country, rng)));
    }
    keys.par_sort_unstable();
    Ok(keys)
}

/// Whether a file that begins with `head` looks like one of these: the columns, and six decimals in every field.
pub fn is_synth(head: &[u8]) -> bool {
    let six = |field: &[u8]| field.iter().rev().position(|&b| b == b'.') == Some(6);
    let mut rows = head.split_inclusive(|&b| b == b'\n').filter_map(|row| row.strip_suffix(b"\n"));
    rows.next() == Some(b"lon,lat")
        && rows.all(|row| {
            let mut fields = row.split(|&b| b == b',');
            matches!((fields.next(), fields.next(), fields.next()), (Some(x), Some(y), None) if six(x) && six(y))
        })
}

fn draw(country: &Country, rng: &mut ChaCha8Rng) -> Place {
    let word = rng.next_u64();
    let (kind, choice) = ((word as u32) >> 16, (word >> 32) as u32);
    match (kind * 100) >> 16 {
        0..62 => country.town(choice, [rng.next_u64(), rng.next_u64()]),
        62..87 => country.road(choice, rng.next_u64()),
        87..97 => country.countryside(choice, rng.next_u64()),
        _ => country.hot_spot(choice),
    }
}

/// Appends millionths of a degree as degrees with six decimals, and `end`.
fn push_degrees(text: &mut Vec<u8>, millionths: i32, end: u8) {
    let mut digits = [0u8; 12];
    let mut rest = millionths.unsigned_abs();
    let mut at = digits.len() - 1;
    digits[at] = end;
    for place in 0.. {
        if place == 6 {
            at -= 1;
            digits[at] = b'.';
        }
        if place > 6 && rest == 0 {
            break;
        }
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if millionths < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(n: u64, seed: u64) -> String {
        let mut out = Vec::new();
        synth(n, seed, &mut out, &Monitor::default()).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Sorted points are those of the towns in another order; hot ones lie on four places, uniform ones everywhere.
    #[test]
    fn shapes_are_what_they_say() {
        let made = |shape| {
            let mut out = Vec::new();
            synth_shaped(shape, 20_000, 3, &mut out, &Monitor::default()).unwrap();
            let text = String::from_utf8(out).unwrap();
            let degrees = |row: &str| row.split_once(',').map(|(x, y)| (x.parse::<f64>().unwrap(), y.parse().unwrap()));
            text.lines().skip(1).map(|row| degrees(row).unwrap()).collect::<Vec<(f64, f64)>>()
        };
        let bits = |points: &[(f64, f64)]| {
            let mut bits: Vec<_> = points.iter().map(|p| (p.0.to_bits(), p.1.to_bits())).collect();
            bits.sort_unstable();
            bits
        };
        let (towns, sorted) = (made(Shape::Towns), made(Shape::Sorted));
        assert_eq!(bits(&towns), bits(&sorted));
        let south_first = |points: &[(f64, f64)]| points.is_sorted_by(|a, b| a.1 < b.1 + 0.01);
        assert!(south_first(&sorted) && !south_first(&towns));
        let places = |points: &[(f64, f64)]| {
            let mut places = bits(points);
            places.dedup();
            places.len()
        };
        assert!((1_000..3_000).contains(&places(&made(Shape::Hot))), "{}", places(&made(Shape::Hot)));
        let uniform = made(Shape::Uniform);
        assert!(places(&uniform) > 19_900);
        let west = uniform.iter().filter(|p| p.0 < -3.2).count();
        assert!((9_500..10_500).contains(&west) && uniform.iter().all(|p| p.1 > 49.8 && p.1 < 58.8), "{west}");
    }

    #[test]
    fn degrees_have_six_decimals() {
        for (value, text) in
            [(0, "0.000000,"), (-1, "-0.000001,"), (1_234_567, "1.234567,"), (-179_999_999, "-179.999999,")]
        {
            let mut out = Vec::new();
            push_degrees(&mut out, value, b',');
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn a_seed_fixes_every_byte_and_fewer_points_are_a_prefix() {
        let all = made(40_000, 3);
        assert_eq!(all, made(40_000, 3));
        assert!(all.starts_with(&made(1000, 3)) && !all.starts_with(&made(1000, 4)));
        assert_eq!(all.lines().count(), 40_001);
        assert_eq!(made(0, 3), "lon,lat\n");
    }

    #[test]
    fn its_own_points_are_known() {
        let text = made(1000, 5);
        for len in [8, 30, 4096] {
            assert!(is_synth(&text.as_bytes()[..len]));
        }
        for other in ["lon,lat", "lon,lat\n1.5,2.5\n", "lat,lon\n", "x", "lon,lat\n1.000000,2.000000,3\n"] {
            assert!(!is_synth(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn points_lie_in_great_britain_and_in_the_shares_asked_for() {
        let text = made(100_000, 1);
        let points: Vec<(f64, f64)> = text
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').unwrap())
            .map(|(lon, lat)| (lon.parse().unwrap(), lat.parse().unwrap()))
            .collect();
        assert!(points.iter().all(|&(lon, lat)| (-9.0..2.5).contains(&lon) && (49.5..61.0).contains(&lat)));
        let london = points.iter().filter(|p| (p.0 + 0.1276).abs() < 0.5 && (p.1 - 51.5072).abs() < 0.3).count();
        assert!((15_000..40_000).contains(&london), "{london}");
        let mut counts = std::collections::HashMap::new();
        for line in text.lines() {
            *counts.entry(line).or_insert(0u32) += 1;
        }
        let hot: u32 = counts.values().filter(|&&n| n > 1).sum();
        assert!((2_000..4_500).contains(&hot), "{hot}");
    }
}
