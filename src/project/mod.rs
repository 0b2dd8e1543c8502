//! From coordinates to world points: the last place where a position is a float.
//!
//! `mercator` holds the closed forms for EPSG:4326 and EPSG:3857, `crs` what a person may name, `other` the
//! library PROJ for every other system. Where coordinates come from and where points go is left to others.

mod crs;
mod frame;
pub(crate) mod mercator;
#[cfg(feature = "proj")]
mod other;
#[cfg(not(feature = "proj"))]
#[path = "other_absent.rs"]
mod other;

pub use crate::tile::mercator::MAX_LATITUDE;
pub use crs::Crs;
pub use frame::frame;
pub use mercator::WORLD_HALF_WIDTH;

use crate::error::Result;
use crate::tile::WorldPoint;

/// A position as it was read: degrees (x the longitude, y the latitude) or the units of a projected system
/// (x the easting, y the northing).
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Coordinate {
    /// Longitude or easting.
    pub x: f64,
    /// Latitude or northing.
    pub y: f64,
}

/// Coordinates that are numbers but no point of the map, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct LeftOut {
    /// No place on earth: |latitude| > 90, |longitude| > 180, or nothing the reference system can hold.
    pub out_of_range: u64,
    /// On earth, but beyond the northern or southern edge of the Web Mercator square (85.05 degrees).
    pub outside_mercator: u64,
}

impl LeftOut {
    /// Adds what another thread left out.
    pub fn merge(&mut self, other: &Self) {
        self.out_of_range += other.out_of_range;
        self.outside_mercator += other.outside_mercator;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.out_of_range + self.outside_mercator
    }
}

/// Projects batches of coordinates of one reference system. May move between threads; what PROJ needs is made
/// in the thread that projects, at its first batch.
#[derive(Debug, Clone)]
pub struct Projector {
    crs: Crs,
    scratch: Vec<Coordinate>,
}

impl Projector {
    /// A projector for `crs`; fails with [`crate::Error::Crs`] when the system is unknown.
    pub fn new(crs: &Crs) -> Result<Self> {
        if let Crs::Other(text) = crs {
            other::check(text)?;
        }
        Ok(Self { crs: crs.clone(), scratch: Vec::new() })
    }

    /// Appends the world point of each coordinate to `out`, in order; coordinates that are none are left out
    /// and counted in `left_out`. Nothing is clamped into the map.
    pub fn project(&mut self, batch: &[Coordinate], out: &mut Vec<WorldPoint>, left_out: &mut LeftOut) -> Result<()> {
        match &self.crs {
            Crs::Wgs84 => mercator::from_degrees(batch, out, left_out),
            Crs::WebMercator => mercator::from_metres(batch, out, left_out),
            Crs::Other(text) => {
                self.scratch.clear();
                other::to_degrees(text, batch, &mut self.scratch, left_out)?;
                mercator::from_degrees(&self.scratch, out, left_out);
            }
        }
        Ok(())
    }
}
