//! A box in degrees as a frame of the world square: its edges at the nearest step.

use crate::tile::mercator::{STEPS, column, row};
use crate::tile::{Frame, LonLatBounds};

/// The frame of a box; latitudes beyond the map's edges are taken for these, and a west to the east of east means a box
/// across the antimeridian. The box must have a width and a height.
pub fn frame(bounds: &LonLatBounds) -> Frame {
    let x = |longitude: f64| libm::round(column(longitude)) as i64;
    let y = |latitude: f64| (libm::round(row(latitude)) as i64).clamp(0, STEPS as i64);
    let (west, mut east, north, south) = (x(bounds.west), x(bounds.east), y(bounds.north), y(bounds.south));
    if east < west {
        east += STEPS as i64;
    }
    Frame { west, north, width: (east - west).max(1) as u64, height: (south - north).max(1) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::mercator::MAX_LATITUDE;

    #[test]
    fn edges_are_steps() {
        let world = LonLatBounds { west: -180.0, south: -MAX_LATITUDE, east: 180.0, north: MAX_LATITUDE };
        assert_eq!(frame(&world), Frame::WORLD);
        assert_eq!(frame(&LonLatBounds { south: -90.0, north: 90.0, ..world }), Frame::WORLD);
        let quarter = frame(&LonLatBounds { west: 0.0, north: 0.0, ..world });
        assert_eq!(quarter, Frame { west: 1 << 31, north: 1 << 31, width: 1 << 31, height: 1 << 31 });
        let across = frame(&LonLatBounds { west: 170.0, east: -170.0, ..world });
        assert_eq!((across.width, across.west + across.width as i64), (238_609_294, (1 << 32) + 119_304_647));
    }
}
