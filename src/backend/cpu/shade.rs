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

/// Colours the tiles of zoom `z` as they are, without spread.
pub(super) fn zoom(
    counts: &CountStore,
    z: u8,
    lookup: &Lookup<'_>,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    (0..counts.chunks(z)?).into_par_iter().try_for_each_init(Scratch::default, |scratch, chunk| {
        monitor.check()?;
        let mut from = monitor.now();
        let Scratch { lit, list, raster } = scratch;
        counts.read_chunk(z, chunk, lit, |code, lit| {
            let short = lit.len() <= LIST_MAX;
            if short {
                list.clear();
                list.extend(lit.iter().map(|l| (row_major(l.pixel), lookup.index(l.count))));
                list.sort_unstable();
            } else {
                raster.fill(0);
                for l in lit {
                    raster[usize::from(row_major(l.pixel))] = lookup.index(l.count);
                }
            }
            monitor.record(Stage::Shade, from, monitor.now());
            let indices = if short { TileIndices::Lit(list) } else { TileIndices::Raster(raster) };
            sink.put(TileCoord::from_morton(z, code), indices)?;
            from = monitor.now();
            Ok(())
        })
    })
}
