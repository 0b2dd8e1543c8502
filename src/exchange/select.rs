//! Which cells of a zoom are wanted: those in a box, and of those the ones with enough points.

use crate::counts::{Lit, Value, row_major};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::store::CountStore;
use crate::tile::{Frame, MAX_ZOOM, TileCoord, WorldPoint};

/// Steps along a side of the world.
const WORLD: i64 = 1 << 32;

/// What is wanted of a zoom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection {
    pub(super) zoom: u8,
    /// Cells of fewer points are left out.
    pub(super) least: u32,
    /// Cells whose centre lies outside are none of the export.
    pub(super) frame: Option<Frame>,
}

/// What is left out of the wanted part of the world for having too few points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Few {
    pub(super) cells: u64,
    pub(super) points: u64,
}

impl Selection {
    /// Whether all there is is wanted.
    pub(super) fn is_all(&self) -> bool {
        self.least <= 1 && self.frame.is_none()
    }

    /// Calls `each` with every tile of which something is wanted, and with that, in Morton order.
    pub(super) fn read<V: Value>(
        &self,
        store: &CountStore<V>,
        monitor: &Monitor,
        few: &mut Few,
        mut each: impl FnMut(TileCoord, &[Lit<V>]) -> Result<()>,
    ) -> Result<()> {
        let mut all = Vec::new();
        for chunk in 0..store.chunks(self.zoom)? {
            monitor.check()?;
            self.read_chunk(store, chunk, &mut all, few, &mut each)?;
        }
        Ok(())
    }

    /// The same for the tiles of one chunk.
    pub(super) fn read_chunk<V: Value>(
        &self,
        store: &CountStore<V>,
        chunk: usize,
        all: &mut Vec<Lit<V>>,
        few: &mut Few,
        mut each: impl FnMut(TileCoord, &[Lit<V>]) -> Result<()>,
    ) -> Result<()> {
        let z = self.zoom;
        let mut some = Vec::new();
        let wanted = |code| self.frame.is_none_or(|frame| meets(&frame, TileCoord::from_morton(z, code)));
        store.read_chunk_where(z, chunk, wanted, all, |code, lit| {
            let tile = TileCoord::from_morton(z, code);
            if self.is_all() {
                return each(tile, lit);
            }
            some.clear();
            for l in lit {
                if self.frame.is_some_and(|frame| !frame.holds(centre(tile, l.pixel))) {
                    continue;
                }
                if l.count.count() < self.least {
                    few.cells += 1;
                    few.points += u64::from(l.count.count());
                } else {
                    some.push(*l);
                }
            }
            if some.is_empty() { Ok(()) } else { each(tile, &some) }
        })
    }
}

/// The middle of a pixel, given by its Morton code, in steps; at the highest zoom a pixel is one step.
fn centre(tile: TileCoord, pixel: u16) -> WorldPoint {
    let place = u32::from(row_major(pixel));
    let shift = MAX_ZOOM - tile.z;
    let at = |tile: u32, pixel: u32| (((tile << 8) | pixel) << shift) + ((1 << shift) >> 1);
    WorldPoint { x: at(tile.x, place & 0xff), y: at(tile.y, place >> 8) }
}

/// Whether a tile and a frame have anything in common.
fn meets(frame: &Frame, tile: TileCoord) -> bool {
    let side = WORLD >> tile.z;
    let (west, north) = (i64::from(tile.x) * side, i64::from(tile.y) * side);
    let across =
        ((west - frame.west).rem_euclid(WORLD) as u64) < frame.width || (frame.west - west).rem_euclid(WORLD) < side;
    across && north < frame.north + frame.height as i64 && frame.north < north + side
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::pixel_morton;
    use proptest::prelude::*;

    proptest! {
        /// A tile that is stepped over has no pixel whose centre is in the box.
        #[test]
        fn tiles_that_hold_a_wanted_pixel_are_met(
            (west, width) in (0i64..WORLD, 1u64..1 << 33),
            (north, height) in (0i64..WORLD, 1u64..1 << 32),
            z in 0u8..=MAX_ZOOM,
            x in any::<u32>(),
            y in any::<u32>(),
        ) {
            let frame = Frame { west, north, width: width.min(1 << 32), height };
            let tile = WorldPoint { x, y }.tile(z);
            let holds = |row_major: u16| frame.holds(centre(tile, pixel_morton(row_major)));
            if (0..=u16::MAX).step_by(251).any(holds) {
                prop_assert!(meets(&frame, tile));
            }
        }
    }

    #[test]
    fn a_pixel_belongs_to_the_tile_its_centre_lies_in() {
        for z in [0, 7, 16, 24] {
            let tile = TileCoord { z, x: (1u32 << z) - 1, y: 0 };
            for row_major in [0u16, 255, 256, u16::MAX] {
                let middle = centre(tile, pixel_morton(row_major));
                assert_eq!((middle.tile(z), middle.pixel(z)), (tile, row_major));
            }
        }
    }
}
