//! Twin of `shade.wgsl`: counts of a tile to palette indices by threshold search. Tiles with few lit pixels stay
//! lists from here to the PNG.

use rayon::prelude::*;

use crate::backend::TileSink;
use crate::backend::sparse::LIST_MAX;
use crate::counts::{Lit, row_major};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::ShadeTable;
use crate::store::CountStore;
use crate::tile::{TILE_PIXELS, TileCoord, TileIndices};

/// Tiles per piece of parallel work.
const PIECE: usize = 16;
const LOW: usize = 4096;

/// The threshold search with its frequent answers ready.
pub(super) struct Lookup<'a> {
    low: Vec<u8>,
    table: &'a ShadeTable,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(table: &'a ShadeTable) -> Self {
        Self { low: (0..LOW as u32).map(|count| table.index(count)).collect(), table }
    }

    #[inline]
    pub(super) fn index(&self, count: u32) -> u8 {
        match self.low.get(count as usize) {
            Some(&index) => index,
            None => self.table.index(count),
        }
    }
}

/// Buffers of one thread.
pub(super) struct Scratch {
    lit: Vec<Lit>,
    list: Vec<(u16, u8)>,
    raster: Box<[u8; TILE_PIXELS]>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { lit: Vec::new(), list: Vec::new(), raster: Box::new([0; TILE_PIXELS]) }
    }
}

/// Colours the tiles (ascending Morton codes) of zoom `z` as they are, without spread.
pub(super) fn zoom(
    counts: &CountStore,
    z: u8,
    tiles: &[u64],
    lookup: &Lookup<'_>,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    tiles.par_chunks(PIECE).try_for_each_init(Scratch::default, |scratch, codes| {
        monitor.check()?;
        for &code in codes {
            let tile = TileCoord::from_morton(z, code);
            let from = monitor.now();
            scratch.lit.clear();
            counts.read(tile, &mut scratch.lit)?;
            let list = scratch.lit.len() <= LIST_MAX;
            if list {
                scratch.list.clear();
                scratch.list.extend(scratch.lit.iter().map(|l| (row_major(l.pixel), lookup.index(l.count))));
                scratch.list.sort_unstable();
            } else {
                scratch.raster.fill(0);
                for l in &scratch.lit {
                    scratch.raster[usize::from(row_major(l.pixel))] = lookup.index(l.count);
                }
            }
            monitor.record(Stage::Shade, from, monitor.now());
            let indices = if list { TileIndices::Lit(&scratch.list) } else { TileIndices::Raster(&scratch.raster) };
            sink.put(tile, indices)?;
        }
        Ok(())
    })
}
