//! Web Mercator in closed form, for degrees and for metres of EPSG:3857: coordinate -> step of the world square.
//!
//! Plain f64 arithmetic and crate `libm` only, so that a position is the same on every operating system.

use std::f64::consts::PI;

use super::{Coordinate, LeftOut};
use crate::tile::WorldPoint;

/// Latitude of the northern and southern edge of the map in degrees: atan(sinh(pi)).
pub const MAX_LATITUDE: f64 = 85.051_128_779_806_6;
/// Half the width of the map in metres of EPSG:3857: pi times the equatorial radius of WGS 84, 6,378,137 m.
pub const WORLD_HALF_WIDTH: f64 = 20_037_508.342_789_244;
/// The largest northing a latitude can have in metres of EPSG:3857, as f64 arithmetic (and PROJ) gives it at
/// 90 degrees. The formula has no end, but whatever lies beyond is not a point on earth.
const POLE_NORTHING: f64 = 242_528_681.0;
/// Steps along one side of the world square.
const STEPS: f64 = 4_294_967_296.0;

/// `X = floor((lon/360 + 0.5) * 2^32)`; the cast floors what is positive and takes 2^32, where longitude 180
/// lands, to the last column.
#[inline]
fn column(longitude: f64) -> u32 {
    ((longitude / 360.0 + 0.5) * STEPS) as u32
}

/// `Y = floor((0.5 - ln((1+s)/(1-s)) / (4 pi)) * 2^32)`, `s = sin(lat)`; the cast takes rounding beyond either
/// edge back to the first or last row.
#[inline]
fn row(latitude: f64) -> u32 {
    let s = libm::sin(latitude * (PI / 180.0));
    ((0.5 - libm::log((1.0 + s) / (1.0 - s)) / (4.0 * PI)) * STEPS) as u32
}

/// Appends the world points of longitudes and latitudes in degrees (EPSG:4326).
pub(super) fn from_degrees(batch: &[Coordinate], out: &mut Vec<WorldPoint>, left_out: &mut LeftOut) {
    out.reserve(batch.len());
    for c in batch {
        // Written so that NaN fails the test.
        if !(c.x.abs() <= 180.0 && c.y.abs() <= 90.0) {
            left_out.out_of_range += 1;
        } else if c.y.abs() > MAX_LATITUDE {
            left_out.outside_mercator += 1;
        } else {
            out.push(WorldPoint { x: column(c.x), y: row(c.y) });
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
            left_out.out_of_range += 1;
        } else if c.y.abs() > WORLD_HALF_WIDTH {
            left_out.outside_mercator += 1;
        } else {
            let x = (c.x / (2.0 * WORLD_HALF_WIDTH) + 0.5) * STEPS;
            let y = (0.5 - c.y / (2.0 * WORLD_HALF_WIDTH)) * STEPS;
            out.push(WorldPoint { x: x as u32, y: y as u32 });
        }
    }
}

#[cfg(test)]
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

    #[test]
    fn the_edges_of_the_map_are_on_it() {
        assert_eq!(degrees(0.0, MAX_LATITUDE).0[0].y, 0);
        assert!(degrees(0.0, -MAX_LATITUDE).0[0].y >= u32::MAX - 1);
        assert_eq!(degrees(0.0, MAX_LATITUDE + 1e-9).1, LeftOut { out_of_range: 0, outside_mercator: 1 });
        assert_eq!(degrees(0.0, -90.0).1, LeftOut { out_of_range: 0, outside_mercator: 1 });
    }

    #[test]
    fn what_is_no_place_on_earth_is_out_of_range() {
        let beyond = [(180.1, 0.0), (-180.000_001, 0.0), (0.0, 90.000_001), (0.0, -91.0), (200.0, 88.0)];
        let odd = [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::INFINITY, 0.0), (0.0, f64::NEG_INFINITY)];
        for (lon, lat) in beyond.into_iter().chain(odd) {
            assert_eq!(degrees(lon, lat), (vec![], LeftOut { out_of_range: 1, outside_mercator: 0 }), "{lon} {lat}");
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
            (out.len(), left.out_of_range, left.outside_mercator)
        };
        assert_eq!(left(WORLD_HALF_WIDTH, -WORLD_HALF_WIDTH), (1, 0, 0));
        assert_eq!(left(0.0, WORLD_HALF_WIDTH + 0.01), (0, 0, 1));
        assert_eq!(left(0.0, 3e8), (0, 1, 0));
        assert_eq!(left(WORLD_HALF_WIDTH + 0.01, 0.0), (0, 1, 0));
        assert_eq!(left(0.0, f64::NAN), (0, 1, 0));
    }
}
