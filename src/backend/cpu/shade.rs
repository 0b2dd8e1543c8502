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

/// Bits up to which every count has its answer.
const LOW_BITS: u32 = 12;
const LOW: usize = 1 << LOW_BITS;
/// Bits behind the first by which larger counts are told apart.
const STEP_BITS: u32 = 8;

/// The threshold search with its frequent answers ready.
pub(super) struct Lookup<'a, I> {
    /// For each small count its index; behind them for larger counts the index at the start of each step of a 256th of a
    /// power of two, and whether another begins within it.
    ready: Box<[(I, bool); READY]>,
    table: &'a ShadeTable,
}

impl<'a, I: PixelIndex> Lookup<'a, I> {
    pub(super) fn new(table: &'a ShadeTable) -> Self {
        let low = (0..LOW as u32).map(|count| (I::from_wide(table.index(count)), false));
        let mut ready = Box::new([(I::default(), true); READY]);
        let all = low.chain((LOW_BITS..u32::BITS).flat_map(|octave| steps(table, octave)));
        ready.iter_mut().zip(all).for_each(|(to, answer)| *to = answer);
        Self { ready, table }
    }

    #[inline(always)]
    pub(super) fn index(&self, count: u32) -> I {
        // No branch: counts on both sides of the border come in turn.
        let octave = u32::BITS - 1 - (count | LOW as u32).leading_zeros();
        let step = (count >> (octave - STEP_BITS)) + ((octave - LOW_BITS) << STEP_BITS) + BEHIND;
        let at = if count < LOW as u32 { count } else { step };
        match self.ready[at as usize % READY] {
            (index, false) => index,
            _ => I::from_wide(self.table.index(count)),
        }
    }

    /// Whether a lit pixel may have no colour.
    pub(super) fn hides_some(&self) -> bool {
        self.table.hides_some()
    }
}

/// Room for all answers, a power of two.
const READY: usize = (LOW + ((u32::BITS - LOW_BITS) << STEP_BITS) as usize).next_power_of_two();
/// Where the steps of the first power of two begin, which count from 2^[`STEP_BITS`].
const BEHIND: u32 = LOW as u32 - (1 << STEP_BITS);

/// The steps of the counts from 2^octave to the next power of two.
fn steps<I: PixelIndex>(table: &ShadeTable, octave: u32) -> impl Iterator<Item = (I, bool)> {
    let width = octave - STEP_BITS;
    (1u32 << STEP_BITS..2 << STEP_BITS).map(move |step| {
        let first = step << width;
        let (from, to) = (table.index(first), table.index(first | ((1 << width) - 1)));
        (I::from_wide(from), from != to)
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shade::Span;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_lookup_is_the_search(
            thresholds in proptest::collection::btree_set(
                prop_oneof![1u32..9_000, (0u32..32, any::<u32>()).prop_map(|(by, n)| n >> by)], 1..200),
            counts in proptest::collection::vec((0u32..32, any::<u32>()).prop_map(|(by, n)| n >> by), 100),
        ) {
            let thresholds: Vec<u32> = thresholds.into_iter().filter(|&t| t > 0).collect();
            let span = Span { lo: 1, hi: u64::from(u32::MAX) };
            let palette = vec![[0; 4]; thresholds.len() + 1];
            let table = ShadeTable { thresholds, palette, span, error: 0, smooth: false };
            let lookup = Lookup::<u16>::new(&table);
            let near = table.thresholds.iter().flat_map(|&t| [t - 1, t, t.saturating_add(1)]);
            for count in counts.into_iter().chain(near).chain([u32::MAX]) {
                prop_assert_eq!(lookup.index(count), table.index(count), "{}", count);
            }
        }
    }
}
