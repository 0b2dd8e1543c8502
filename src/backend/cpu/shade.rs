//! Twin of `shade.wgsl`: counts of a tile to palette indices by threshold search. Tiles with few lit pixels stay
//! lists from here to the PNG.

use rayon::prelude::*;

use crate::backend::TileSink;
use crate::backend::host::{LIST_MAX, leave};
use crate::counts::{Lit, Value, row_major};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::ShadeTable;
use crate::store::CountStore;
use crate::tile::{PixelIndex, TILE_PIXELS, TileCoord, TileIndices};

/// Bits behind the first by which counts are told apart: those below 2^10 all are.
const STEP_BITS: u32 = 9;
/// Keys of counts.
const KEYS: usize = 1 << 15;

/// The key of a count: its highest bits and how many bits it has, which is what a floating-point number begins with. Keys
/// never fall while counts rise. Nothing here branches or looks up, so eight are made at a time.
#[inline(always)]
fn key(count: u32) -> usize {
    const BEHIND: u32 = f32::MANTISSA_DIGITS - 1 - STEP_BITS;
    // That of a half, so that 0 has a key of its own.
    const FIRST: u32 = 0.5f32.to_bits() >> BEHIND;
    // There are instructions for numbers with a sign; those beyond have one key.
    let bits = (count.min(i32::MAX as u32) as i32 as f32).to_bits();
    (bits >> BEHIND).saturating_sub(FIRST) as usize % KEYS
}

/// The threshold search with its answers ready.
pub(super) struct Lookup<'a, I> {
    /// For each key the index of its counts; [`PixelIndex::LAST`] where they have several.
    ready: Box<[I; KEYS]>,
    table: &'a ShadeTable,
}

impl<'a, I: PixelIndex> Lookup<'a, I> {
    pub(super) fn new(table: &'a ShadeTable) -> Self {
        let mut ready = Box::new([I::from_wide(0); KEYS]);
        for (&from, at) in table.thresholds.iter().zip(1..) {
            let to = table.thresholds.get(at).copied().unwrap_or(u32::MAX);
            ready[key(from)..=key(to)].fill(I::from_wide(table.index(from)));
        }
        for &from in &table.thresholds {
            if from > 0 && key(from - 1) == key(from) {
                ready[key(from)] = I::LAST;
            }
        }
        Self { ready, table }
    }

    #[inline(always)]
    pub(super) fn index(&self, count: u32) -> I {
        match self.ready[key(count)] {
            index if index == I::LAST => self.search(count),
            index => index,
        }
    }

    /// The indices of a word of counts.
    #[inline(always)]
    pub(super) fn indices<const N: usize>(&self, counts: &[u32; N]) -> [I; N] {
        // Loops, not `map` and `contains`, of which the compiler makes calls and branches.
        let (mut keys, mut indices) = ([0; N], [I::LAST; N]);
        keys.iter_mut().zip(counts).for_each(|(to, &count)| *to = key(count));
        indices.iter_mut().zip(keys).for_each(|(to, key)| *to = self.ready[key]);
        if indices.iter().fold(0, |unsure, index| unsure | u8::from(*index == I::LAST)) > 0 {
            indices.iter_mut().zip(counts).for_each(|(index, &count)| *index = self.search(count));
        }
        indices
    }

    #[cold]
    fn search(&self, count: u32) -> I {
        I::from_wide(self.table.index(count))
    }

    /// Whether a lit pixel may have no colour.
    pub(super) fn hides_some(&self) -> bool {
        self.table.hides_some()
    }
}

/// Buffers of one thread.
struct Scratch<V, I> {
    lit: Vec<Lit<V>>,
    list: Vec<(u16, I)>,
    raster: Box<[I; TILE_PIXELS]>,
}

impl<V, I: PixelIndex> Default for Scratch<V, I> {
    fn default() -> Self {
        Self { lit: Vec::new(), list: Vec::new(), raster: raster() }
    }
}

/// A tile without colours.
#[expect(clippy::unnecessary_box_returns, reason = "128 KiB at most, but more than a stack likes")]
pub(super) fn raster<I: PixelIndex>() -> Box<[I; TILE_PIXELS]> {
    Box::new([I::default(); TILE_PIXELS])
}

/// Colours the tiles of zoom `z` as they are, without spread: `index` is that of what a pixel holds, and `hides` whether
/// some of them are not drawn.
pub(super) fn zoom<V: Value, I: PixelIndex>(
    (counts, z): (&CountStore<V>, u8),
    index: impl Fn(V) -> I + Sync,
    hides: bool,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    (0..counts.chunks(z)?).into_par_iter().try_for_each_init(Scratch::default, |scratch, chunk| {
        monitor.check()?;
        let mut from = monitor.now();
        let Scratch { lit, list, raster } = scratch;
        counts.read_chunk(z, chunk, lit, |code, lit| {
            let indices = colour(lit, (&index, hides), list, raster);
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
fn colour<'a, V: Value, I: PixelIndex>(
    lit: &[Lit<V>],
    (index, hides): (&impl Fn(V) -> I, bool),
    list: &'a mut Vec<(u16, I)>,
    raster: &'a mut [I; TILE_PIXELS],
) -> Option<TileIndices<'a>> {
    if lit.len() <= LIST_MAX {
        list.clear();
        list.extend(lit.iter().map(|l| (row_major(l.pixel), index(l.count))));
        if hides {
            list.retain(|entry| entry.1.is_lit());
        }
        list.sort_unstable();
        return (!list.is_empty()).then(|| I::lit(list));
    }
    raster.fill(I::default());
    for l in lit {
        raster[usize::from(row_major(l.pixel))] = index(l.count);
    }
    if hides { leave(raster, list) } else { Some(I::raster(raster)) }
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
            let table = ShadeTable { thresholds, palette, span, error: 0, smooth: false, fades: 1 };
            let lookup = Lookup::<u16>::new(&table);
            let near = table.thresholds.iter().flat_map(|&t| [t - 1, t, t.saturating_add(1)]);
            let sides = [0, i32::MAX as u32, 1 << 31, u32::MAX];
            let counts: Vec<u32> = counts.into_iter().chain(near).chain(sides).collect();
            for &count in &counts {
                prop_assert_eq!(lookup.index(count), table.index(count), "{}", count);
            }
            for word in counts.as_chunks::<8>().0 {
                prop_assert_eq!(lookup.indices(word), word.map(|count| table.index(count)));
            }
        }
    }
}
