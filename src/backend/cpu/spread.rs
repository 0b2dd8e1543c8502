//! Twin of `spread.wgsl` and `blur.wgsl`: each lit pixel reaches its neighbours. A tile needs its neighbours' pixels
//! within the radius; columns wrap at the antimeridian, rows do not. A zoom is worked off area by area
//! (`host/borders.rs`), each by all threads, so that memory is bounded.
//!
//! Where the largest count of a mask wins, no new counts come up, and indices rise with counts: the largest index is
//! the index of the largest count. Then this twin colours first and spreads indices ([`zoom`]), the shader spreads
//! counts and colours after, and both give the same. Every other kernel makes counts of its own, anew for each purpose
//! ([`stats`] or [`largest_of_bells`], [`histogram`], [`coloured_new_counts`]), which costs less than to pack and keep up to 65,536 of them a
//! tile.

mod bound;
pub(super) mod largest;
pub(super) mod rows;
pub(super) mod sums;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use self::bound::Bound;
use self::largest::Largest;
use self::rows::{Plane, Raster, WORD, Words};
use self::sums::{Sums, Take};
use super::shade::Lookup;
use crate::account::Held;
use crate::backend::host::{Borders, for_each_area};
use crate::backend::{Memory, TileSink};
use crate::counts::{Histogram, Lit, Value, ZoomStats};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::{Form, Kernel, SpreadOp};
use crate::store::{CountStore, Gatherer};
use crate::tile::{PixelIndex, TileCoord};

/// Tiles that are worked off without asking who is free.
const PIECE: usize = 8;
/// Into how many parts for each thread an area is cut at least: tiles cost what lies in them, and the last part shall not
/// keep one thread busy while the others wait.
const PARTS: usize = 32;
/// Pieces that a part has at least if there are as many: its buffers take about as long as some tiles.
const LEAST: usize = 64;

/// The tiles of an area for all threads.
pub(super) fn pieces(reached: &[u64]) -> impl IndexedParallelIterator<Item = &[u64]> {
    let most = reached.len() / (PIECE * PARTS * rayon::current_num_threads());
    reached.par_chunks(PIECE).with_max_len(most.max(LEAST))
}

/// Counts of a zoom that are to be spread, and what that may take.
pub(super) struct Work<'a, V = u32> {
    pub(super) counts: &'a CountStore<V>,
    pub(super) z: u8,
    pub(super) memory: &'a Memory,
    pub(super) monitor: &'a Monitor,
    pub(super) kept: &'a Kept<V>,
}

impl<V> Clone for Work<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Work<'_, V> {}

/// The borders of zooms that are one area each, from when a zoom's statistics are found to when it is coloured: as many as
/// one zoom may take, where the account has room for them.
#[derive(Debug)]
pub(super) struct Kept<V = u32>(Mutex<Vec<Whole<V>>>);

impl<V> Default for Kept<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// A zoom that is one area.
#[derive(Debug)]
struct Whole<V> {
    z: u8,
    radius: u32,
    borders: Borders<V>,
    reached: Vec<u64>,
    held: Held,
}

impl<V: Value> Kept<V> {
    fn take(&self, z: u8, radius: u32) -> Option<Whole<V>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|whole| (whole.z, whole.radius) == (z, radius))?;
        Some(kept.swap_remove(at))
    }

    /// Keeps a zoom if those that are kept take at most `room` bytes with it.
    fn keep(&self, whole: Whole<V>, room: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().map(|whole| whole.held.bytes()).sum::<u64>() + whole.held.bytes() <= room {
            kept.push(whole);
        }
    }
}

impl<V: Value> Work<'_, V> {
    /// Calls `each` with the borders of each area and the tiles that are reached in it; they are kept where the zoom is to be
    /// gone through `again`.
    pub(super) fn areas(
        &self,
        radius: u32,
        (stage, again): (Stage, Again),
        mut each: impl FnMut(&Borders<V>, &[u64]) -> Result<()>,
    ) -> Result<()> {
        let room = if again == Again::Yes { self.memory.borders() } else { 0 };
        if let Some(whole) = self.kept.take(self.z, radius) {
            each(&whole.borders, &whole.reached)?;
            self.kept.keep(whole, room);
            return Ok(());
        }
        let mut from = self.monitor.now();
        for_each_area(self.counts, self.z, radius, self.memory, |borders| {
            let reached = borders.reached();
            self.monitor.record(stage, from, self.monitor.now());
            each(&borders, &reached)?;
            let bytes = borders.bytes() + size_of_val(&*reached) as u64;
            if borders.are_all()
                && bytes <= room
                && let Some(held) = self.memory.account.try_take(bytes)
            {
                self.kept.keep(Whole { z: self.z, radius, borders, reached, held }, room);
            }
            from = self.monitor.now();
            Ok(())
        })
    }
}

/// Whether a zoom is to be gone through once more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// Colours and spreads all tiles of the zoom, lit ones and those that spread lights. `rows` are the half-widths of the
/// mask's rows.
pub(super) fn zoom<I: PixelIndex>(
    work: Work<'_>,
    (radius, rows): (u32, &[u32]),
    lookup: &Lookup<'_, I>,
    sink: &dyn TileSink,
) -> Result<()> {
    let monitor = work.monitor;
    work.areas(radius, (Stage::Shade, Again::No), |borders, reached| {
        pieces(reached).try_for_each_init(Indices::default, |scratch, codes| {
            monitor.check()?;
            for &code in codes {
                let tile = TileCoord::from_morton(work.z, code);
                let from = monitor.now();
                scratch.gather(work, borders, (tile, radius), lookup)?;
                scratch.spread(rows);
                let indices = scratch.raster.leave(&mut scratch.list);
                monitor.record(Stage::Shade, from, monitor.now());
                if let Some(indices) = indices {
                    sink.put(tile, indices)?;
                }
            }
            Ok(())
        })
    })
}

/// What the counts that a kernel makes amount to.
pub(super) fn stats(work: Work<'_>, kernel: &Kernel) -> Result<ZoomStats> {
    let stats = Mutex::new(ZoomStats { unit: kernel.unit(), ..ZoomStats::default() });
    let add = |stats: &mut ZoomStats, scratch: &mut Counting| {
        stats.add_counts(scratch.whole(kernel).stretches().map(|s| s.1))
    };
    fold(work, kernel, ZoomStats::default, add, |piece| {
        stats.lock().unwrap_or_else(PoisonError::into_inner).merge(&piece)
    })?;
    Ok(stats.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The largest count that a bell makes in a zoom whose largest is `max`. Tiles that cannot have it, because too few
/// points lie in any stretch of them, are not spread.
pub(super) fn largest_of_bells(work: Work<'_>, kernel: &Kernel, max: u32) -> Result<u32> {
    // Where the largest count lies there is that much at least.
    let largest = AtomicU32::new(Bound::lone(kernel, max));
    if kernel.op == SpreadOp::Max {
        return Ok(largest.into_inner());
    }
    work.areas(kernel.radius, (Stage::Spread, Again::Yes), |borders, reached| {
        let none = || (Bound::new(kernel), Counting::default());
        pieces(reached).try_for_each_init(none, |(bound, scratch), codes| {
            work.monitor.check()?;
            for &code in codes {
                let tile = TileCoord::from_morton(work.z, code);
                if bound.of(borders.sum_near(tile)) <= u64::from(largest.load(Ordering::Relaxed)) {
                    continue;
                }
                bound.begin();
                borders.for_each_near(work.counts, tile, &mut scratch.lit, |x, y, count| bound.add(x, y, count))?;
                if bound.most() > u64::from(largest.load(Ordering::Relaxed)) {
                    scratch.gather(work, borders, code, kernel)?;
                    let mut most = 0;
                    scratch
                        .spread(kernel, |_: usize, counts: &[u32]| most = counts.iter().copied().fold(most, u32::max));
                    largest.fetch_max(most, Ordering::Relaxed);
                }
            }
            Ok(())
        })
    })?;
    Ok(largest.into_inner())
}

/// How many pixels have each of them.
pub(super) fn histogram(work: Work<'_>, kernel: &Kernel) -> Result<Histogram> {
    let gathering = work.counts.gathering();
    let add = |gatherer: &mut Gatherer<'_>, scratch: &mut Counting| {
        scratch.spread(kernel, |_: usize, counts: &[u32]| {
            counts.iter().filter(|count| **count > 0).for_each(|&count| gatherer.add(count));
        });
        gatherer.relieve()
    };
    fold(work, kernel, || gathering.gatherer(), add, Gatherer::close)?;
    gathering.finish()
}

/// Adds up something over the new counts of all tiles, piece by piece; `done` is given what each came to.
fn fold<T: Send>(
    work: Work<'_>,
    kernel: &Kernel,
    none: impl Fn() -> T + Sync + Send,
    add: impl Fn(&mut T, &mut Counting) -> Result<()> + Sync,
    done: impl Fn(T) -> Result<()> + Sync,
) -> Result<()> {
    work.areas(kernel.radius, (Stage::Spread, Again::Yes), |borders, reached| {
        let none = || (none(), Counting::default());
        let pieces = pieces(reached).try_fold(none, |(mut sum, mut scratch), codes| {
            for &code in codes {
                let from = work.monitor.now();
                scratch.gather(work, borders, code, kernel)?;
                add(&mut sum, &mut scratch)?;
                work.monitor.record(Stage::Spread, from, work.monitor.now());
            }
            Ok((sum, scratch))
        });
        pieces.try_for_each(|piece: Result<(T, Counting)>| piece.and_then(|(sum, _)| done(sum)))
    })
}

/// Makes those counts once more and colours them, row by row while they are made.
pub(super) fn coloured_new_counts<I: PixelIndex>(
    work: Work<'_>,
    kernel: &Kernel,
    lookup: &Lookup<'_, I>,
    sink: &dyn TileSink,
) -> Result<()> {
    let (monitor, bells) = (work.monitor, matches!(kernel.form, Form::Weights { .. }));
    work.areas(kernel.radius, (Stage::Spread, Again::No), |borders, reached| {
        let none = || (Counting::default(), Raster::<I>::default(), Vec::new());
        pieces(reached).try_for_each_init(none, |(scratch, indices, list), codes| {
            for &code in codes {
                let from = monitor.now();
                scratch.gather(work, borders, code, kernel)?;
                indices.clear();
                scratch.spread(kernel, Colouring { lookup, indices });
                // Bells light much of a tile, and their encoder asks in which words of a raster.
                let indices = if bells { indices.words() } else { indices.leave(list) };
                monitor.record(Stage::Spread, from, monitor.now());
                if let Some(indices) = indices {
                    sink.put(TileCoord::from_morton(work.z, code), indices)?;
                }
            }
            Ok(())
        })
    })
}

/// Colours counts as they are made.
struct Colouring<'a, I> {
    lookup: &'a Lookup<'a, I>,
    indices: &'a mut Raster<I>,
}

impl<I: PixelIndex> Take for Colouring<'_, I> {
    #[inline(always)]
    fn take(&mut self, first: usize, counts: &[u32]) {
        let (y, x) = (first / rows::WIDTH, first % rows::WIDTH);
        let row = &mut self.indices.row(y, Words::of(x, x + counts.len()))[x..];
        let words = row.as_chunks_mut::<WORD>().0.iter_mut().zip(counts.as_chunks::<WORD>().0);
        for (word, counts) in words.filter(|(_, counts)| counts.iter().fold(0, |all, count| all | count) > 0) {
            *word = self.lookup.indices(counts);
        }
    }
}

/// Buffers of a thread that spreads indices.
struct Indices<I> {
    lit: Vec<Lit>,
    plane: Plane<I>,
    largest: Largest<I>,
    raster: Raster<I>,
    list: Vec<(u16, I)>,
}

impl<I: PixelIndex> Default for Indices<I> {
    fn default() -> Self {
        Self {
            lit: Vec::new(),
            plane: Plane::default(),
            largest: Largest::default(),
            raster: Raster::default(),
            list: Vec::new(),
        }
    }
}

impl<I: PixelIndex> Indices<I> {
    /// Takes the tile and its surroundings, coloured.
    fn gather(
        &mut self,
        work: Work<'_>,
        borders: &Borders,
        (tile, radius): (TileCoord, u32),
        lookup: &Lookup<'_, I>,
    ) -> Result<()> {
        self.plane.begin(radius);
        borders.for_each_near(work.counts, tile, &mut self.lit, |x, y, count| {
            let index = lookup.index(count);
            if index.is_lit() {
                self.plane.set(x, y, index);
            }
        })?;
        self.plane.end();
        Ok(())
    }

    /// Leaves the spread tile in `raster`. `mask[dy]` is the half-width of the mask's row `dy`.
    fn spread(&mut self, mask: &[u32]) {
        self.raster.clear();
        self.largest.spread(&self.plane, mask, &mut self.raster);
    }
}

/// Buffers of a thread that makes new counts.
#[derive(Default)]
struct Counting {
    lit: Vec<Lit>,
    plane: Plane<u32>,
    sums: Sums,
    raster: Raster<u32>,
    /// Room for a whole tile, where that is asked for.
    whole: Option<Raster<u32>>,
}

impl Counting {
    /// Takes a tile and its surroundings.
    fn gather(&mut self, work: Work<'_>, borders: &Borders, code: u64, kernel: &Kernel) -> Result<()> {
        work.monitor.check()?;
        self.plane.begin(kernel.radius);
        let tile = TileCoord::from_morton(work.z, code);
        borders.for_each_near(work.counts, tile, &mut self.lit, |x, y, count| self.plane.set(x, y, count))?;
        self.plane.end();
        Ok(())
    }

    /// Gives `each` its new counts, as [`Sums::spread`] does.
    fn spread(&mut self, kernel: &Kernel, each: impl Take) {
        self.sums.spread(&self.plane, kernel, &mut self.raster, each);
    }

    /// All of its new counts at once.
    fn whole(&mut self, kernel: &Kernel) -> &Raster<u32> {
        let whole = self.whole.get_or_insert_default();
        whole.clear();
        self.sums.spread(&self.plane, kernel, &mut self.raster, |first: usize, counts: &[u32]| {
            let (y, x) = (first / rows::WIDTH, first % rows::WIDTH);
            whole.row(y, Words::of(x, x + counts.len()))[x..x + counts.len()].copy_from_slice(counts);
        });
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::host::{self, stamp, within};
    use crate::shade::{Radius, Spread, SpreadShape};
    use crate::tile::TILE_PIXELS;
    use proptest::prelude::*;

    /// Those within reach of the tile, each place once.
    fn pixels<T>(near: Vec<(i32, i32, T)>, radius: u32) -> Vec<(i32, i32, T)> {
        let near = near.into_iter().filter(|&(x, y, _)| within((x, y), radius as i32));
        let places: std::collections::BTreeMap<_, _> = near.map(|(x, y, value)| ((x, y), value)).collect();
        places.into_iter().map(|((x, y), value)| (x, y, value)).collect()
    }

    proptest! {
        /// Discs drawn one by one and rows widened step by step are the same picture, and the plain definition.
        #[test]
        fn both_ways_draw_the_same_discs(
            radius in 1u32..=64,
            near in proptest::collection::vec((-64i32..320, -64i32..320, 1u8..), 1..40),
        ) {
            let near = pixels(near, radius);
            let Form::Rows(disc) = kernel(SpreadShape::Disc, SpreadOp::Max, radius, 1).form else { unreachable!() };
            let mut scratch = Indices::default();
            stamp(&near, &disc, &mut scratch.list);
            scratch.plane.fill(&near, radius);
            scratch.spread(&disc);
            let mut drawn = [0u8; TILE_PIXELS];
            for &(pixel, index) in &scratch.list {
                drawn[usize::from(pixel)] = index;
            }
            prop_assert!(drawn == *scratch.raster.pixels);
            for (pixel, &index) in drawn.iter().enumerate().step_by(17) {
                let (column, row) = ((pixel % 256) as i32, (pixel / 256) as i32);
                let inside = |x: i32, y: i32| {
                    4 * ((x - column).pow(2) + (y - row).pow(2)) <= (2 * radius as i32 + 1).pow(2)
                };
                let expected = near.iter().filter(|n| inside(n.0, n.1)).map(|n| n.2).max().unwrap_or(0);
                prop_assert_eq!(index, expected);
            }
        }
    }

    fn kernel(shape: SpreadShape, op: SpreadOp, radius: u32, max: u32) -> Kernel {
        Spread { radius: Radius::Fixed(radius), shape, op }.kernel(radius, max)
    }

    proptest! {
        /// No bell reaches more than the bound says, and a lone one no less than it says.
        #[test]
        fn bounds_hold(
            radius in prop_oneof![4 => 1u32..=16, 1 => 17u32..=64],
            near in proptest::collection::vec(
                (prop_oneof![100i32..130, -64i32..320], -64i32..320, prop_oneof![1u32..9, 1u32..50_000_000]), 1..60),
        ) {
            let near = pixels(near, radius);
            let max = near.iter().map(|n| n.2).max().unwrap_or(1);
            let kernel = kernel(SpreadShape::Gaussian, SpreadOp::Add, radius, max);
            let mut bound = Bound::new(&kernel);
            for _ in 0..2 {
                bound.begin();
                near.iter().for_each(|&(x, y, count)| bound.add(x, y, count));
            }
            let mut counting = Counting::default();
            counting.plane.fill(&near, radius);
            let largest = counting.whole(&kernel).pixels.iter().copied().max().unwrap_or(0);
            prop_assert!(u64::from(largest) <= bound.most(), "{largest} of {}", bound.most());
            if near.iter().any(|&(x, y, count)| count == max && within((x, y), 0)) {
                prop_assert!(Bound::lone(&kernel, max) <= largest);
            }
        }
    }

    proptest! {
        /// New counts from a list and from a raster are the same, and the plain definition.
        #[test]
        fn both_ways_make_the_same_counts(
            radius in prop_oneof![4 => 1u32..=6, 1 => Just(64u32)],
            near in proptest::collection::vec((-64i32..320, -64i32..320, prop_oneof![1u32..9, 1u32..50_000_000]), 1..30),
            shape in proptest::sample::select(vec![SpreadShape::Disc, SpreadShape::Square, SpreadShape::Gaussian]),
            op in proptest::sample::select(vec![SpreadOp::Max, SpreadOp::Add]),
        ) {
            let near = pixels(near, radius);
            let kernel = kernel(shape, op, radius, near.iter().map(|n| n.2).max().unwrap_or(1));
            prop_assume!(!kernel.keeps_counts());
            let mut counting = Counting::default();
            let list = host::new_counts(&near, &kernel);
            counting.plane.fill(&near, radius);
            let whole = counting.whole(&kernel);
            let lit: Vec<_> = (0..=u16::MAX).zip(whole.pixels.iter().copied()).filter(|l| l.1 > 0).collect();
            prop_assert!(list == lit);
            let unit = f64::from(1u32 << kernel.shift());
            for (pixel, &count) in whole.pixels.iter().enumerate().step_by(191) {
                let (column, row) = ((pixel % 256) as i32, (pixel / 256) as i32);
                let mut exact = 0f64;
                for &(x, y, count) in &near {
                    let (dx, dy) = (x.abs_diff(column), y.abs_diff(row));
                    let weight = match &kernel.form {
                        Form::Rows(rows) => f64::from(u8::from(rows.get(dy as usize).is_some_and(|half| dx <= *half))),
                        Form::Weights { weights, .. } => {
                            let at = |d: u32| f64::from(weights.get(d as usize).copied().unwrap_or(0)) / 65536.0;
                            at(dx) * at(dy)
                        }
                    };
                    let part = f64::from(count) * weight;
                    exact = if op == SpreadOp::Max { exact.max(part) } else { exact + part };
                }
                // Half a unit for each of two steps.
                let off = (f64::from(count) - exact * unit).abs();
                prop_assert!(off <= if kernel.shift() > 0 { 1.0 } else { 0.0 } + 1e-6 * exact, "{count} for {exact}");
            }
        }
    }
}
