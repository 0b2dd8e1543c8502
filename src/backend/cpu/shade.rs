//! Twin of `shade.wgsl`: counts of a tile to palette indices by threshold search. Tiles with few lit pixels stay
//! lists from here to the PNG.

use rayon::prelude::*;

use crate::backend::TileSink;
use crate::backend::host::{LIST_MAX, leave};
use crate::counts::{Lit, row_major};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::ShadeTable;
use crate::store::CountStore;
use crate::tile::{PixelIndex, TILE_PIXELS, TileCoord, TileIndices};

const LOW: usize = 4096;

/// The threshold search with its frequent answers ready.
pub(super) struct Lookup<'a, I> {
    low: Vec<I>,
    table: &'a ShadeTable,
}

impl<'a, I: PixelIndex> Lookup<'a, I> {
    pub(super) fn new(table: &'a ShadeTable) -> Self {
        Self { low: (0..LOW as u32).map(|count| I::from_wide(table.index(count))).collect(), table }
    }

    #[inline]
    pub(super) fn index(&self, count: u32) -> I {
        match self.low.get(count as usize) {
            Some(&index) => index,
            None => I::from_wide(self.table.index(count)),
        }
    }

    /// Whether a lit pixel may have no colour.
    pub(super) fn hides_some(&self) -> bool {
        self.table.hides_some()
    }
}

/// Buffers of one thread.
struct Scratch<I> {
    lit: Vec<Lit>,
    list: Vec<(u16, I)>,
    raster: Box<[I; TILE_PIXELS]>,
}

impl<I: PixelIndex> Default for Scratch<I> {
    fn default() -> Self {
        Self { lit: Vec::new(), list: Vec::new(), raster: raster() }
    }
}

/// A tile without colours.
#[expect(clippy::unnecessary_box_returns, reason = "128 KiB at most, but more than a stack likes")]
pub(super) fn raster<I: PixelIndex>() -> Box<[I; TILE_PIXELS]> {
    Box::new([I::default(); TILE_PIXELS])
}

/// Colours the tiles of zoom `z` as they are, without spread.
pub(super) fn zoom<I: PixelIndex>(
    counts: &CountStore,
    z: u8,
    lookup: &Lookup<'_, I>,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    (0..counts.chunks(z)?).into_par_iter().try_for_each_init(Scratch::default, |scratch, chunk| {
        monitor.check()?;
        let mut from = monitor.now();
        let Scratch { lit, list, raster } = scratch;
        counts.read_chunk(z, chunk, lit, |code, lit| {
            let indices = colour(lit, lookup, list, raster);
            monitor.record(Stage::Shade, from, monitor.now());
            if let Some(indices) = indices {
                sink.put(TileCoord::from_morton(z, code), indices)?;
            }
            from = monitor.now();
            Ok(())
        })
    })
}

/// Colours a tile; `None` when all its pixels are below what is drawn.
fn colour<'a, I: PixelIndex>(
    lit: &[Lit],
    lookup: &Lookup<'_, I>,
    list: &'a mut Vec<(u16, I)>,
    raster: &'a mut [I; TILE_PIXELS],
) -> Option<TileIndices<'a>> {
    if lit.len() <= LIST_MAX {
        list.clear();
        list.extend(lit.iter().map(|l| (row_major(l.pixel), lookup.index(l.count))));
        if lookup.hides_some() {
            list.retain(|entry| entry.1.is_lit());
        }
        list.sort_unstable();
        return (!list.is_empty()).then(|| I::lit(list));
    }
    raster.fill(I::default());
    for l in lit {
        raster[usize::from(row_major(l.pixel))] = lookup.index(l.count);
    }
    if lookup.hides_some() { leave(raster, list) } else { Some(I::raster(raster)) }
}
