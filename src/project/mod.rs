//! From coordinates to world points: the last place where a position is a float.
//!
//! `area` tells what lies where its system is not used, `mercator` holds the closed forms for EPSG:4326 and EPSG:3857, `crs` what a person may name, `other` every
//! other system through the library PROJ (`context`). Where coordinates come from and where points go is left to others.

mod area;
#[cfg(feature = "proj")]
mod context;
mod crs;
mod frame;
pub(crate) mod grids;
pub(crate) mod mercator;
#[cfg(feature = "proj")]
mod other;
#[cfg(not(feature = "proj"))]
#[path = "other_absent.rs"]
mod other;

pub use crate::tile::mercator::MAX_LATITUDE;
pub use area::{AreaOfUse, Lies};
pub use crs::Crs;
pub use frame::frame;
pub use mercator::WORLD_HALF_WIDTH;

use crate::error::Result;
use crate::rows::{LeftOut, Reason};
use crate::tile::WorldPoint;

/// The version of the library for other reference systems, where it is built in.
pub fn library() -> Option<String> {
    other::version()
}

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

    /// Why a coordinate is no point of the map, if it is none.
    pub fn judge(&mut self, coordinate: Coordinate) -> Option<Reason> {
        let (mut points, mut left_out) = (Vec::new(), LeftOut::default());
        self.project(&[coordinate], &mut points, &mut left_out).ok()?;
        left_out.iter().find(|(_, rows)| *rows > 0).map(|(reason, _)| reason)
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
