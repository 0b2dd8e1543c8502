//! Twin of `spread.wgsl`: each lit pixel becomes a disc, and where discs overlap the largest count wins.
//!
//! Indices rise with counts, so the largest index of a disc is the index of its largest count: this twin colours
//! first and spreads bytes, the shader spreads counts and colours after, and both give the same. A tile needs its
//! neighbours' pixels within the radius; columns wrap at the antimeridian, rows do not.

use rayon::prelude::*;

use super::shade::Lookup;
use crate::backend::TileSink;
use crate::backend::sparse::{Borders, few, leave, leave_list, stamp};
use crate::counts::Lit;
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::disc_half_width;
use crate::store::CountStore;
use crate::tile::{TILE_PIXELS, TILE_SIDE, TileCoord, TileIndices};

const PIECE: usize = 8;

/// Colours and spreads all tiles of zoom `z`, lit ones and those that spread lights.
pub(super) fn zoom(
    counts: &CountStore,
    z: u8,
    radius: u32,
    lookup: &Lookup<'_>,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    let from = monitor.now();
    let borders = Borders::new(counts, z, radius)?;
    let reached = borders.reached();
    monitor.record(Stage::Shade, from, monitor.now());
    let disc: Vec<u32> = (0..=radius).map_while(|dy| disc_half_width(radius, dy)).collect();
    reached.par_chunks(PIECE).try_for_each_init(Scratch::default, |scratch, codes| {
        monitor.check()?;
        for &code in codes {
            let tile = TileCoord::from_morton(z, code);
            let from = monitor.now();
            scratch.gather(counts, &borders, tile, lookup)?;
            let indices = scratch.spread(&disc);
            monitor.record(Stage::Shade, from, monitor.now());
            if let Some(indices) = indices {
                sink.put(tile, indices)?;
            }
        }
        Ok(())
    })
}

struct Scratch {
    lit: Vec<Lit>,
    /// Lit pixels of the tile and its surroundings: column, row, index.
    near: Vec<(i32, i32, u8)>,
    list: Vec<(u16, u8)>,
    wide: Vec<u8>,
    wider: Vec<u8>,
    raster: Box<[u8; TILE_PIXELS]>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            lit: Vec::new(),
            near: Vec::new(),
            list: Vec::new(),
            wide: Vec::new(),
            wider: Vec::new(),
            raster: Box::new([0; TILE_PIXELS]),
        }
    }
}

impl Scratch {
    fn gather(&mut self, counts: &CountStore, borders: &Borders, tile: TileCoord, lookup: &Lookup<'_>) -> Result<()> {
        borders.gather(counts, tile, &mut self.lit, &mut self.near, |count| lookup.index(count))
    }

    /// The spread tile; `None` when no disc reaches it. `disc[dy]` is the half-width of the disc's row `dy`.
    fn spread(&mut self, disc: &[u32]) -> Option<TileIndices<'_>> {
        if few(self.near.len(), disc) {
            stamp(&self.near, disc, &mut self.list);
            return leave_list(&self.list, &mut self.raster);
        }
        self.dilate(disc);
        leave(&self.raster, &mut self.list)
    }

    /// Dilates a raster of the tile and its halo: rows are widened one pixel at a time, and each row of the disc
    /// takes the widening that fits it.
    fn dilate(&mut self, disc: &[u32]) {
        let radius = disc.len() - 1;
        let side = TILE_SIDE as usize + 2 * radius;
        self.wide.clear();
        self.wide.resize(side * side, 0);
        for &(x, y, index) in &self.near {
            self.wide[(y + radius as i32) as usize * side + (x + radius as i32) as usize] = index;
        }
        self.raster.fill(0);
        for half in 0..=radius as u32 {
            if half > 0 {
                self.wider.clear();
                self.wider.extend_from_slice(&self.wide);
                for (to, from) in self.wider.chunks_exact_mut(side).zip(self.wide.chunks_exact(side)) {
                    for (to, from) in to[1..].iter_mut().zip(from) {
                        *to = (*to).max(*from);
                    }
                    for (to, from) in to.iter_mut().zip(&from[1..]) {
                        *to = (*to).max(*from);
                    }
                }
                std::mem::swap(&mut self.wide, &mut self.wider);
            }
            for dy in (0..disc.len()).filter(|&dy| disc[dy] == half) {
                for start in if dy == 0 { vec![radius] } else { vec![radius - dy, radius + dy] } {
                    let rows = self.wide[start * side..].chunks_exact(side);
                    for (to, from) in self.raster.chunks_exact_mut(TILE_SIDE as usize).zip(rows) {
                        for (to, from) in to.iter_mut().zip(&from[radius..]) {
                            *to = (*to).max(*from);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::sparse::within;
    use proptest::prelude::*;

    proptest! {
        /// Discs drawn one by one and rows widened step by step are the same picture, and the plain definition.
        #[test]
        fn both_ways_draw_the_same_discs(
            radius in 1u32..=64,
            near in proptest::collection::vec((-64i32..320, -64i32..320, 1u8..), 1..40),
        ) {
            let near: std::collections::BTreeMap<_, _> = near
                .into_iter()
                .filter(|&(x, y, _)| within((x, y), radius as i32))
                .map(|(x, y, index)| ((x, y), index))
                .collect();
            let disc: Vec<u32> = (0..=radius).map_while(|dy| disc_half_width(radius, dy)).collect();
            let near = near.into_iter().map(|((x, y), index)| (x, y, index)).collect();
            let mut scratch = Scratch { near, ..Scratch::default() };
            stamp(&scratch.near, &disc, &mut scratch.list);
            scratch.dilate(&disc);
            let mut drawn = [0u8; TILE_PIXELS];
            for &(pixel, index) in &scratch.list {
                drawn[usize::from(pixel)] = index;
            }
            prop_assert!(drawn == *scratch.raster);
            for (pixel, &index) in drawn.iter().enumerate().step_by(17) {
                let (column, row) = ((pixel % 256) as i32, (pixel / 256) as i32);
                let inside = |x: i32, y: i32| {
                    4 * ((x - column).pow(2) + (y - row).pow(2)) <= (2 * radius as i32 + 1).pow(2)
                };
                let expected = scratch.near.iter().filter(|n| inside(n.0, n.1)).map(|n| n.2).max().unwrap_or(0);
                prop_assert_eq!(index, expected);
            }
        }
    }
}
