//! Web Mercator in closed form, for degrees and for metres of EPSG:3857: coordinate -> step of the world square.
//!
//! Additions, multiplications and divisions of f64 only, each rounded by itself and in a fixed order, so that a
//! position is the same on every operating system; free of branches, so that several latitudes go at once.

use std::f64::consts::{LN_2, PI};

use super::Coordinate;
use crate::rows::{LeftOut, Reason};
use crate::tile::WorldPoint;
use crate::tile::mercator::{MAX_LATITUDE, STEPS};

/// Half the width of the map in metres of EPSG:3857: pi times the equatorial radius of WGS 84, 6,378,137 m.
pub const WORLD_HALF_WIDTH: f64 = 20_037_508.342_789_244;
/// The largest northing a latitude can have in metres of EPSG:3857, as f64 arithmetic (and PROJ) gives it at
/// 90 degrees. The formula has no end, but whatever lies beyond is not a point on earth.
const POLE_NORTHING: f64 = 242_528_681.0;

/// Coordinates worked on at once: loops long enough for the compiler to take several numbers per instruction,
/// arrays small enough for the nearest cache.
const GROUP: usize = 128;

/// The largest integer not above `v`, brought to 0 to 2^32 - 1.
///
/// Adding 2^52 leaves no room for a fraction, so that the sum's low bits are `v` rounded; where that went up, one
/// is taken off. (A cast would do, but not for several numbers at once.)
#[inline]
fn floor(v: f64) -> u32 {
    const ROOM: f64 = 4_503_599_627_370_496.0;
    let v = if v > 0.0 { v } else { 0.0 };
    let v = if v < STEPS - 1.0 { v } else { STEPS - 1.0 };
    let rounded = v + ROOM;
    (rounded.to_bits() as u32).wrapping_sub(u32::from(rounded - ROOM > v))
}

/// `X = floor((lon/360 + 0.5) * 2^32)`; 2^32, where longitude 180 lands, goes to the last column.
#[inline]
fn column(longitude: f64) -> u32 {
    floor((longitude / 360.0 + 0.5) * STEPS)
}

/// `Y = floor((0.5 - ln((1+s)/(1-s)) / (4 pi)) * 2^32)`, `s = sin(lat)`; rounding beyond either edge goes to the
/// first or last row.
#[inline]
fn row(latitude: f64) -> u32 {
    const PER_LOG: f64 = STEPS / (4.0 * PI);
    let s = sine(latitude * (PI / 180.0));
    floor(STEPS / 2.0 - PER_LOG * log_ratio(1.0 + s, 1.0 - s))
}

/// sin(x) for |x| <= 1.4845, the map's largest latitude: the Taylor series up to x^21, whose next term is below
/// 4e-19.
#[inline]
fn sine(x: f64) -> f64 {
    const C: [f64; 10] = [
        1.0 / 51_090_942_171_709_440_000.0,
        -1.0 / 121_645_100_408_832_000.0,
        1.0 / 355_687_428_096_000.0,
        -1.0 / 1_307_674_368_000.0,
        1.0 / 6_227_020_800.0,
        -1.0 / 39_916_800.0,
        1.0 / 362_880.0,
        -1.0 / 5040.0,
        1.0 / 120.0,
        -1.0 / 6.0,
    ];
    let square = x * x;
    let mut sum = C[0];
    for c in &C[1..] {
        sum = sum * square + c;
    }
    x + x * (square * sum)
}

/// ln(a/b) for positive a and b within a factor of 2^20 of 1.
///
/// With e the difference of their binary logarithms to the nearest integer, a' = a / 2^e lies within a factor of
/// two of b, so that a' - b is exact, and ln(a/b) = e ln 2 + 2 artanh((a' - b) / (a' + b)).
#[inline]
fn log_ratio(a: f64, b: f64) -> f64 {
    /// 2 / (2k + 1), the series of 2 artanh(z) / z in z^2; |z| <= 0.22, the next term is below 1e-18 of the sum.
    const C: [f64; 14] = [
        2.0 / 27.0,
        2.0 / 25.0,
        2.0 / 23.0,
        2.0 / 21.0,
        2.0 / 19.0,
        2.0 / 17.0,
        2.0 / 15.0,
        2.0 / 13.0,
        2.0 / 11.0,
        2.0 / 9.0,
        2.0 / 7.0,
        2.0 / 5.0,
        2.0 / 3.0,
        2.0,
    ];
    // The upper half of an f64's bits, read as a fixed-point number with 20 places, is its logarithm to 0.09.
    let high = |v: f64| (v.to_bits() >> 32) as i32;
    let e = high(a).wrapping_sub(high(b)).wrapping_add(1 << 19) >> 20;
    let a = a * f64::from_bits(u64::from((1023 - e) as u32) << 52);
    let z = (a - b) / (a + b);
    let square = z * z;
    let mut sum = C[0];
    for c in &C[1..] {
        sum = sum * square + c;
    }
    f64::from(e) * LN_2 + z * sum
}

/// Appends the world points of longitudes and latitudes in degrees (EPSG:4326).
pub(super) fn from_degrees(batch: &[Coordinate], out: &mut Vec<WorldPoint>, left_out: &mut LeftOut) {
    out.reserve(batch.len());
    let mut degrees = [[0.0; GROUP]; 2];
    let mut steps = [[0; GROUP]; 2];
    for group in batch.chunks(GROUP) {
        for (i, c) in group.iter().enumerate() {
            degrees[0][i] = c.x;
            degrees[1][i] = c.y;
        }
        // Whatever comes of a coordinate outside the map is left out below.
        steps[0].iter_mut().zip(&degrees[0]).for_each(|(step, &longitude)| *step = column(longitude));
        steps[1].iter_mut().zip(&degrees[1]).for_each(|(step, &latitude)| *step = row(latitude));
        let inside = |c: &Coordinate| (c.x.abs() <= 180.0) & (c.y.abs() <= MAX_LATITUDE);
        let points = steps[0].iter().zip(&steps[1]).map(|(&x, &y)| WorldPoint { x, y });
        if group.iter().fold(true, |all, c| all & inside(c)) {
            out.extend(points.take(group.len()));
            continue;
        }
        for (c, point) in group.iter().zip(points) {
            if inside(c) {
                out.push(point);
            } else if c.x.abs() <= 180.0 && c.y.abs() <= 90.0 {
                left_out[Reason::OutsideMercator] += 1;
            } else {
                left_out[Reason::OutOfRange] += 1;
            }
        }
    }
}

/// Appends the world points of eastings and northings in metres (EPSG:3857). Beyond the eastern or western edge
/// is out of range, as beyond 180 degrees; beyond the northern or southern edge is outside the map up to the
/// northing of the pole, and out of range farther out.
pub(super) fn from_metres(batch: &[Coordinate], out: &mut Vec<WorldPoint>, left_out: &mut LeftOut) {
    out.reserve(batch.len());
    for c in batch {
        if !(c.x.abs() <= WORLD_HALF_WIDTH && c.y.abs() <= POLE_NORTHING) {
            left_out[Reason::OutOfRange] += 1;
        } else if c.y.abs() > WORLD_HALF_WIDTH {
            left_out[Reason::OutsideMercator] += 1;
        } else {
            let x = (c.x / (2.0 * WORLD_HALF_WIDTH) + 0.5) * STEPS;
            let y = (0.5 - c.y / (2.0 * WORLD_HALF_WIDTH)) * STEPS;
            out.push(WorldPoint { x: floor(x), y: floor(y) });
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an independent check")]
mod tests {
    use super::*;

    fn degrees(lon: f64, lat: f64) -> (Vec<WorldPoint>, LeftOut) {
        let (mut out, mut left) = (Vec::new(), LeftOut::default());
        from_degrees(&[Coordinate { x: lon, y: lat }], &mut out, &mut left);
        (out, left)
    }

    #[test]
    fn pixels_are_half_open_to_the_east_and_south() {
        let half = 1 << 31;
        assert_eq!(degrees(0.0, 0.0).0, [WorldPoint { x: half, y: half }]);
        assert_eq!(degrees(-1e-7, 0.0).0[0].x, half - 2);
        assert_eq!(degrees(-180.0, 0.0).0[0].x, 0);
        for lon in [180.0, 179.999_999_999_999_97] {
            assert_eq!(degrees(lon, 0.0).0[0].x, u32::MAX);
        }
    }

    /// The formula as it is written, with crate `libm`.
    fn row_by_libm(latitude: f64) -> u32 {
        let s = libm::sin(latitude * (PI / 180.0));
        ((0.5 - libm::log((1.0 + s) / (1.0 - s)) / (4.0 * PI)) * STEPS) as u32
    }

    #[test]
    fn rows_are_those_of_the_formula_but_for_single_steps() {
        let mut state = 1u64;
        let (mut moved, n) = (0, 1_000_000);
        for _ in 0..n {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let latitude = ((state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * MAX_LATITUDE;
            let (ours, theirs) = (row(latitude), row_by_libm(latitude));
            assert!(ours.abs_diff(theirs) <= 1, "{latitude}: {ours} {theirs}");
            moved += u32::from(ours != theirs);
        }
        assert!(moved <= 20, "{moved} of {n}");
    }

    #[test]
    fn floors_are_floors() {
        for v in [0.0, 0.2, 0.5, 0.999_999_9, 1.0, 1.5, 2.5, 4_294_967_294.999, 4_294_967_295.0, 2_147_483_648.5] {
            assert_eq!(floor(v), v as u32, "{v}");
        }
        assert_eq!((floor(-0.1), floor(4_294_967_296.0), floor(1e12)), (0, u32::MAX, u32::MAX));
    }

    #[test]
    fn a_point_does_not_depend_on_its_neighbours() {
        let batch: Vec<_> = (0..1000)
            .map(|i| Coordinate { x: f64::from(i) * 0.37 - 185.0, y: f64::from(i * 7 % 1000) * 0.18 - 90.0 })
            .collect();
        let (mut all, mut all_left) = (Vec::new(), LeftOut::default());
        from_degrees(&batch, &mut all, &mut all_left);
        let (mut single, mut single_left) = (Vec::new(), LeftOut::default());
        batch.iter().for_each(|&c| from_degrees(&[c], &mut single, &mut single_left));
        assert_eq!((all, all_left), (single, single_left));
        assert!(all_left[Reason::OutOfRange] > 0 && all_left[Reason::OutsideMercator] > 0);
    }

    #[test]
    fn the_edges_of_the_map_are_on_it() {
        assert_eq!(degrees(0.0, MAX_LATITUDE).0[0].y, 0);
        assert!(degrees(0.0, -MAX_LATITUDE).0[0].y >= u32::MAX - 1);
        assert_eq!(degrees(0.0, MAX_LATITUDE + 1e-9).1, LeftOut::from([(Reason::OutsideMercator, 1)]));
        assert_eq!(degrees(0.0, -90.0).1, LeftOut::from([(Reason::OutsideMercator, 1)]));
    }

    #[test]
    fn what_is_no_place_on_earth_is_out_of_range() {
        let beyond = [(180.1, 0.0), (-180.000_001, 0.0), (0.0, 90.000_001), (0.0, -91.0), (200.0, 88.0)];
        let odd = [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::INFINITY, 0.0), (0.0, f64::NEG_INFINITY)];
        for (lon, lat) in beyond.into_iter().chain(odd) {
            assert_eq!(degrees(lon, lat), (vec![], LeftOut::from([(Reason::OutOfRange, 1)])), "{lon} {lat}");
        }
    }

    #[test]
    fn metres_and_degrees_meet() {
        let radius = WORLD_HALF_WIDTH / PI;
        for (lon, lat) in [(-0.1276f64, 51.5072f64), (179.5, -16.2), (-73.98, 40.75), (12.0, 84.9)] {
            let y = radius * (PI / 4.0 + lat.to_radians() / 2.0).tan().ln();
            let (mut out, mut left) = (Vec::new(), LeftOut::default());
            from_metres(&[Coordinate { x: radius * lon.to_radians(), y }], &mut out, &mut left);
            let (p, q) = (out[0], degrees(lon, lat).0[0]);
            assert!(p.x.abs_diff(q.x) <= 1 && p.y.abs_diff(q.y) <= 1, "{p:?} {q:?}");
        }
    }

    #[test]
    fn metres_beyond_the_square_are_told_apart() {
        let left = |x, y| {
            let (mut out, mut left) = (Vec::new(), LeftOut::default());
            from_metres(&[Coordinate { x, y }], &mut out, &mut left);
            (out.len(), left[Reason::OutOfRange], left[Reason::OutsideMercator])
        };
        assert_eq!(left(WORLD_HALF_WIDTH, -WORLD_HALF_WIDTH), (1, 0, 0));
        assert_eq!(left(0.0, WORLD_HALF_WIDTH + 0.01), (0, 0, 1));
        assert_eq!(left(0.0, 3e8), (0, 1, 0));
        assert_eq!(left(WORLD_HALF_WIDTH + 0.01, 0.0), (0, 1, 0));
        assert_eq!(left(0.0, f64::NAN), (0, 1, 0));
    }
}
