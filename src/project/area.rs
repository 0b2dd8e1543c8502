//! Where a reference system is used, and how far off that a coordinate lies: eastings that lost their thousands, degrees
//! under a projected system, or the system of another country are places all the same, in some sea. What a person is told
//! of it is left to `source`.

use super::{Coordinate, Crs, other};
use crate::error::Result;

/// Where a system is used: its box as its registry has it.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaOfUse {
    crs: Crs,
    projected: bool,
    /// West, south, east, north, in degrees; east is below west across the antimeridian. `None` where it is not known.
    bounds: Option<[f64; 4]>,
    /// Whether the zero of a projected system is a place well within.
    zero_within: bool,
}

/// How a coordinate lies to the area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// In it, beside its border, or nobody knows.
    Within,
    /// Beyond its border by more than a tenth of its width or height.
    Off,
    /// At the zero of a grid, where nothing of it is, or as degrees are under a projected system.
    AtZero,
    /// Beyond its border by more than its whole width or height.
    Far,
}

/// Shares of the area's width and height that a place may lie beyond the border.
const BESIDE: f64 = 0.1;
const FAR: f64 = 1.0;
/// A grid's zero is this near in its units, where coordinates lost their thousands.
const ZERO: f64 = 1000.0;

impl AreaOfUse {
    /// The area of `crs`; `None` where every coordinate is within. Fails on a system that is not known.
    pub fn of(crs: &Crs, projected: bool) -> Result<Option<Self>> {
        let mut area = match crs {
            Crs::Wgs84 => return Ok(None),
            Crs::WebMercator => Self { crs: crs.clone(), projected, bounds: None, zero_within: true },
            Crs::Other(text) => {
                let Some(bounds) = other::area_of_use(text)? else { return Ok(None) };
                Self { crs: crs.clone(), projected, bounds: Some(bounds), zero_within: false }
            }
        };
        if projected && let Some(bounds) = area.bounds {
            let zero = other::to_degrees_one(&area.crs.to_string(), Coordinate::default())?;
            area.zero_within = zero.is_some_and(|at| beyond(bounds, at) < -BESIDE);
        }
        Ok(Some(area))
    }

    /// Whether its coordinates are eastings and northings.
    pub fn is_projected(&self) -> bool {
        self.projected
    }

    /// Its box, for a person.
    pub fn shown(&self) -> String {
        let side = |value: f64, [positive, negative]: [char; 2]| {
            format!("{:.1} {}", value.abs(), if value < 0.0 { negative } else { positive })
        };
        self.bounds.map_or_else(String::new, |[west, south, east, north]| {
            format!(
                "{} to {}, {} to {}",
                side(west, ['E', 'W']),
                side(east, ['E', 'W']),
                side(south, ['N', 'S']),
                side(north, ['N', 'S'])
            )
        })
    }

    /// How a coordinate lies to it. One that the system has no place for is not told here: it is left out by itself.
    pub fn lies(&self, coordinate: Coordinate) -> Lies {
        let Coordinate { x, y } = coordinate;
        let degrees = x.abs() <= 180.0 && y.abs() <= 90.0;
        if self.projected && (degrees || !self.zero_within && x.abs() < ZERO && y.abs() < ZERO) {
            return Lies::AtZero;
        }
        let Some(bounds) = self.bounds else { return Lies::Within };
        match other::to_degrees_one(&self.crs.to_string(), coordinate) {
            Ok(Some(at)) => match beyond(bounds, at) {
                far if far > FAR => Lies::Far,
                off if off > BESIDE => Lies::Off,
                _ => Lies::Within,
            },
            _ => Lies::Within,
        }
    }
}

/// How far a place lies beyond a box, in shares of its width or height, whichever is more; below 0 within.
fn beyond([west, south, east, north]: [f64; 4], at: Coordinate) -> f64 {
    let width = if east > west { east - west } else { east + 360.0 - west };
    let from_west = (at.x - west).rem_euclid(360.0);
    // Beyond the nearer of two sides, or within by the nearer one.
    let across = if width >= 360.0 {
        f64::NEG_INFINITY
    } else if from_west <= width {
        -from_west.min(width - from_west)
    } else {
        (from_west - width).min(360.0 - from_west)
    };
    let along = (south - at.y).max(at.y - north);
    (across / width.max(f64::MIN_POSITIVE)).max(along / (north - south).max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_beyond_a_box_by_shares_of_it() {
        let at = |x, y| Coordinate { x, y };
        let plain = [-10.0, 50.0, 0.0, 60.0];
        for (place, share) in [
            (at(-5.0, 55.0), -0.5),
            (at(-10.0, 55.0), 0.0),
            (at(1.0, 55.0), 0.1),
            (at(-5.0, 65.0), 0.5),
            (at(170.0, 55.0), 17.0),
            (at(-11.0, 40.0), 1.0),
        ] {
            assert!((beyond(plain, place) - share).abs() < 1e-9, "{place:?}: {}", beyond(plain, place));
        }
        let across = [170.0, -50.0, -170.0, -30.0];
        for (x, share) in [(175.0, -0.25), (-175.0, -0.25), (165.0, 0.25), (-165.0, 0.25), (0.0, 8.5)] {
            assert!((beyond(across, at(x, -40.0)) - share).abs() < 1e-9, "{x}: {}", beyond(across, at(x, -40.0)));
        }
        assert!(beyond([-180.0, -90.0, 180.0, 90.0], at(-180.0, 0.0)) < -0.4);
    }

    #[cfg(feature = "proj")]
    #[test]
    fn coordinates_lie_within_off_or_far() {
        let area = |code: &str, projected| AreaOfUse::of(&code.parse().unwrap(), projected).unwrap().unwrap();
        let at = |x, y| Coordinate { x, y };
        let britain = area("EPSG:27700", true);
        for (place, lies) in [
            (at(530_000.0, 180_000.0), Lies::Within),
            // In France, a tenth of the width beyond.
            (at(700_000.0, 100_000.0), Lies::Within),
            (at(530.0, 180.0), Lies::AtZero),
            (at(-0.1, 51.5), Lies::AtZero),
            (at(900_000.0, 100_000.0), Lies::Off),
            (at(652_000.0, 6_862_000.0), Lies::Far),
        ] {
            assert_eq!(britain.lies(place), lies, "{place:?}");
        }
        // Its zero is in the middle of the country.
        let portugal = area("EPSG:3763", true);
        assert_eq!(portugal.lies(at(500.0, 500.0)), Lies::Within);
        assert_eq!(portugal.lies(at(-8.5, 40.5)), Lies::AtZero);
        let america = area("EPSG:4267", false);
        assert_eq!((america.lies(at(-100.0, 40.0)), america.lies(at(140.0, -30.0))), (Lies::Within, Lies::Off));
        // Across the antimeridian.
        let zealand = area("EPSG:2193", true);
        assert_eq!(zealand.lies(at(1_750_000.0, 5_427_000.0)), Lies::Within);
        // Nobody knows where these are used.
        let free = "+proj=aeqd +lat_0=52 +lon_0=5".parse().unwrap();
        assert_eq!(AreaOfUse::of(&free, true).unwrap(), None);
    }

    #[test]
    fn degrees_are_no_metres_of_web_mercator() {
        let area = AreaOfUse::of(&Crs::WebMercator, true).unwrap().unwrap();
        assert_eq!(area.lies(Coordinate { x: -0.1, y: 51.5 }), Lies::AtZero);
        assert_eq!(area.lies(Coordinate { x: -14_000.0, y: 51.5 }), Lies::Within);
        assert_eq!(AreaOfUse::of(&Crs::Wgs84, false).unwrap(), None);
    }
}
