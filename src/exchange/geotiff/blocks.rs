//! The blocks of a picture: pixels of map tiles put side by side, then packed. What stands beside a pixel is taken off it
//! first (the predictors 2 and 3 of TIFF), which leaves little to pack.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::counts::{Lit, Step, Value, Weighed, row_major};
use crate::error::{Error, Result};
use crate::store::CountStore;
use crate::tile::{TILE_SIDE, TileCoord};

/// Pixels along a side of a block.
pub(super) const BLOCK: usize = 512;
/// How hard blocks are packed, 0 to 9.
const LEVEL: u32 = 6;

/// Where a block lies: its north-western pixel, counted from that of the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) zoom: u8,
    pub(super) west: u64,
    pub(super) north: u64,
}

/// What a pixel of counts is in a picture.
pub(in crate::exchange) trait Pixel: Value {
    /// Bytes of a pixel.
    const BYTES: usize;

    /// What pixels without points are.
    const DARK: u64;

    /// The bits of the pixel, given what a step of sums is worth.
    fn bits(self, step: Option<Step>) -> u64;

    /// Writes a row of a block, what stands to the west taken off.
    fn put(row: &[u64], out: &mut Vec<u8>);
}

impl Pixel for u32 {
    const BYTES: usize = 4;
    const DARK: u64 = 0;

    fn bits(self, _: Option<Step>) -> u64 {
        self.into()
    }

    /// Numbers less the one before.
    fn put(row: &[u64], out: &mut Vec<u8>) {
        let mut before = 0u32;
        for &bits in row {
            out.extend_from_slice(&(bits as u32).wrapping_sub(before).to_le_bytes());
            before = bits as u32;
        }
    }
}

impl Pixel for Weighed {
    const BYTES: usize = 8;
    /// Not a number: 0 is a sum like any other.
    const DARK: u64 = 0x7ff8 << 48;

    fn bits(self, step: Option<Step>) -> u64 {
        step.map_or(self.sum as f64, |step| step.worth(self.sum as f64)).to_bits()
    }

    /// All highest bytes, then all of the next, and so on; each less the one before.
    fn put(row: &[u64], out: &mut Vec<u8>) {
        let mut before = 0u8;
        for byte in (0..Self::BYTES).rev() {
            for &bits in row {
                let byte = (bits >> (8 * byte)) as u8;
                out.push(byte.wrapping_sub(before));
                before = byte;
            }
        }
    }
}

/// A packed block; `None` where nothing in it is lit.
pub(super) fn encoded<V: Pixel>(store: &CountStore<V>, place: Place, step: Option<Step>) -> Result<Option<Vec<u8>>> {
    let (side, last) = (u64::from(TILE_SIDE), (1u64 << place.zoom) - 1);
    let tiles = |from: u64| from / side..=((from + BLOCK as u64 - 1) / side).min(last);
    let mut pixels: Vec<u64> = Vec::new();
    let mut lit: Vec<Lit<V>> = Vec::new();
    for y in tiles(place.north) {
        for x in tiles(place.west) {
            lit.clear();
            store.read(TileCoord { z: place.zoom, x: x as u32, y: y as u32 }, &mut lit)?;
            for l in &lit {
                let within = u64::from(row_major(l.pixel));
                let column = (x * side + (within & 0xff)).checked_sub(place.west);
                let row = (y * side + (within >> 8)).checked_sub(place.north);
                if let (Some(column), Some(row)) = (column, row)
                    && column < BLOCK as u64
                    && row < BLOCK as u64
                {
                    if pixels.is_empty() {
                        pixels = vec![V::DARK; BLOCK * BLOCK];
                    }
                    pixels[row as usize * BLOCK + column as usize] = l.count.bits(step);
                }
            }
        }
    }
    if pixels.is_empty() {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(pixels.len() * V::BYTES);
    pixels.chunks_exact(BLOCK).for_each(|row| V::put(row, &mut bytes));
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::new(LEVEL));
    let packed = packed.write_all(&bytes).and_then(|()| packed.finish());
    packed.map(Some).map_err(|e| Error::Internal(format!("a block of a picture cannot be packed: {e}")))
}
