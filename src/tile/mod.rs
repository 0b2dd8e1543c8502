//! The integer geometry everything else speaks: positions, tiles, zooms, Morton and Hilbert order.
//! No floats but for showing an extent in degrees, no files, no GPU.

mod extent;
mod grid;
mod indices;
mod large;
pub mod mercator;
mod morton;
mod points;

pub use extent::{Extent, LonLatBounds};
pub use grid::{Frame, Grid, MAX_PICTURE};
pub use indices::{PixelIndex, TileIndices};
pub use large::{LARGE_SIDE, LargeTile, corner, side_of};
pub use morton::{hilbert_id, hilbert_tile, interleave, morton, morton_point};
pub use points::{PointBuffer, Points};

use std::fmt;
use std::str::FromStr;

/// Pixels along one side of a count tile.
pub const TILE_SIDE: u32 = 256;
/// Pixels of a count tile.
pub const TILE_PIXELS: usize = 1 << 16;
/// Highest zoom whose pixels a [`WorldPoint`] resolves: 32 bits less 8 within the tile.
pub const MAX_ZOOM: u8 = 24;

/// A position on the Web Mercator world square, 2^32 steps a side: x to the east, y to the south,
/// (0, 0) the north-west corner. The pixel at zoom z of a 256-pixel pyramid is `x >> (24 - z)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct WorldPoint {
    /// Steps from the antimeridian to the east.
    pub x: u32,
    /// Steps from the northern edge to the south.
    pub y: u32,
}

impl WorldPoint {
    /// The tile of zoom `z` that holds the point.
    pub fn tile(self, z: u8) -> TileCoord {
        let shift = 32 - u32::from(z);
        TileCoord { z, x: self.x.checked_shr(shift).unwrap_or(0), y: self.y.checked_shr(shift).unwrap_or(0) }
    }

    /// The pixel within that tile in row-major order (`row * 256 + column`).
    pub fn pixel(self, z: u8) -> u16 {
        let shift = u32::from(MAX_ZOOM - z);
        ((((self.y >> shift) & 0xff) << 8) | ((self.x >> shift) & 0xff)) as u16
    }
}

/// A tile address in the XYZ scheme: column x from the west, row y from the north, both below 2^z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileCoord {
    /// Zoom.
    pub z: u8,
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
}

impl TileCoord {
    /// Place of the tile along the Morton curve of its zoom: bits of x and y interleaved, y the higher.
    pub fn morton(self) -> u64 {
        interleave(self.x) | (interleave(self.y) << 1)
    }

    /// The tile of zoom `z` at place `code` of the Morton curve.
    pub fn from_morton(z: u8, code: u64) -> Self {
        let p = morton_point(code);
        Self { z, x: p.x, y: p.y }
    }

    /// The tile one zoom up that covers this one; the root is its own parent.
    pub fn parent(self) -> Self {
        Self { z: self.z.saturating_sub(1), x: self.x >> 1, y: self.y >> 1 }
    }

    /// The neighbour `dx` columns east and `dy` rows south. Columns wrap at the antimeridian, rows do not.
    pub fn neighbour(self, dx: i32, dy: i32) -> Option<Self> {
        let side = 1i64 << self.z;
        let y = i64::from(self.y) + i64::from(dy);
        if !(0..side).contains(&y) {
            return None;
        }
        let x = (i64::from(self.x) + i64::from(dx)).rem_euclid(side);
        Some(Self { z: self.z, x: x as u32, y: y as u32 })
    }
}

impl fmt::Display for TileCoord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.z, self.x, self.y)
    }
}

/// Zooms from `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ZoomRange {
    /// Lowest zoom.
    pub min: u8,
    /// Highest zoom, at most [`MAX_ZOOM`].
    pub max: u8,
}

impl ZoomRange {
    /// A range, or why it is none.
    pub fn new(min: u8, max: u8) -> Result<Self, String> {
        if min > max {
            return Err(format!("zoom range {min}..{max} runs backwards; write the lower zoom first"));
        }
        if max > MAX_ZOOM {
            return Err(format!("zoom {max} is too high; the highest is {MAX_ZOOM}"));
        }
        Ok(Self { min, max })
    }

    /// The zooms, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = u8> {
        self.min..=self.max
    }

    /// Whether `z` is in the range.
    pub fn contains(self, z: u8) -> bool {
        (self.min..=self.max).contains(&z)
    }
}

impl FromStr for ZoomRange {
    type Err = String;

    /// `0..10`, `0..=10`, `0-10` (both ends included) or one number.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            part.trim().parse::<u8>().map_err(|_| format!("'{text}' is no zoom range; write 0..10, 0-10 or one number"))
        };
        match text.split_once("..=").or_else(|| text.split_once("..")).or_else(|| text.split_once('-')) {
            Some((min, max)) => Self::new(number(min)?, number(max)?),
            None => number(text).and_then(|z| Self::new(z, z)),
        }
    }
}

impl fmt::Display for ZoomRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.min, self.max)
    }
}
