//! Twin of `spread.wgsl` and `blur.wgsl`: each lit pixel reaches its neighbours. A tile needs its neighbours' pixels
//! within the radius; columns wrap at the antimeridian, rows do not.
//!
//! Where the largest count of a mask wins, no new counts come up, and indices rise with counts: the largest index is
//! the index of the largest count. Then this twin colours first and spreads indices ([`zoom`]), the shader spreads
//! counts and colours after, and both give the same. Every other kernel makes counts of its own ([`new_counts`]).

use rayon::prelude::*;

use super::shade::{Lookup, raster};
use crate::backend::TileSink;
use crate::backend::host::{self, Borders, few, leave, leave_list, settle, stamp, weigh};
use crate::counts::Lit;
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::{Form, Kernel, SpreadOp};
use crate::store::{CountPart, CountStore};
use crate::tile::{PixelIndex, TILE_PIXELS, TILE_SIDE, TileCoord, TileIndices};

const PIECE: usize = 8;
/// Tiles whose new counts are made and kept together.
const COUNT_PIECE: usize = 64;

/// Colours and spreads all tiles of zoom `z`, lit ones and those that spread lights. `rows` are the half-widths of the
/// mask's rows.
pub(super) fn zoom<I: PixelIndex>(
    counts: &CountStore,
    z: u8,
    (radius, rows): (u32, &[u32]),
    lookup: &Lookup<'_, I>,
    monitor: &Monitor,
    sink: &dyn TileSink,
) -> Result<()> {
    let from = monitor.now();
    let borders = Borders::new(counts, z, radius)?;
    let reached = borders.reached();
    monitor.record(Stage::Shade, from, monitor.now());
    reached.par_chunks(PIECE).try_for_each_init(Scratch::default, |scratch, codes| {
        monitor.check()?;
        for &code in codes {
            let tile = TileCoord::from_morton(z, code);
            let from = monitor.now();
            scratch.gather(counts, &borders, tile, lookup)?;
            let indices = scratch.spread(rows);
            monitor.record(Stage::Shade, from, monitor.now());
            if let Some(indices) = indices {
                sink.put(tile, indices)?;
            }
        }
        Ok(())
    })
}

/// The counts of zoom `z` after a kernel that makes new ones, in ascending parts.
pub(super) fn new_counts(counts: &CountStore, z: u8, kernel: &Kernel, monitor: &Monitor) -> Result<Vec<CountPart>> {
    let borders = Borders::new(counts, z, kernel.radius)?;
    let pieces = borders.reached();
    let pieces = pieces.par_chunks(COUNT_PIECE).map_init(Counting::default, |scratch, codes| {
        let mut part = counts.part();
        for &code in codes {
            monitor.check()?;
            scratch.tile(counts, &borders, TileCoord::from_morton(z, code), kernel)?;
            part.push(code, &scratch.lit)?;
        }
        Ok(part)
    });
    pieces.collect()
}

struct Scratch<I> {
    lit: Vec<Lit>,
    /// Lit pixels of the tile and its surroundings: column, row, index.
    near: Vec<(i32, i32, I)>,
    list: Vec<(u16, I)>,
    wide: Vec<I>,
    wider: Vec<I>,
    raster: Box<[I; TILE_PIXELS]>,
}

impl<I: PixelIndex> Default for Scratch<I> {
    fn default() -> Self {
        Self {
            lit: Vec::new(),
            near: Vec::new(),
            list: Vec::new(),
            wide: Vec::new(),
            wider: Vec::new(),
            raster: raster(),
        }
    }
}

impl<I: PixelIndex> Scratch<I> {
    fn gather(
        &mut self,
        counts: &CountStore,
        borders: &Borders,
        tile: TileCoord,
        lookup: &Lookup<'_, I>,
    ) -> Result<()> {
        borders.gather(counts, tile, &mut self.lit, &mut self.near, |count| lookup.index(count))?;
        if lookup.hides_some() {
            self.near.retain(|n| n.2.is_lit());
        }
        Ok(())
    }

    /// The spread tile; `None` when no mask reaches it. `rows[dy]` is the half-width of the mask's row `dy`.
    fn spread(&mut self, rows: &[u32]) -> Option<TileIndices<'_>> {
        let area: u32 = rows.iter().map(|w| 2 * (2 * w + 1)).sum();
        if few(self.near.len(), area) {
            stamp(&self.near, rows, &mut self.list);
            return leave_list(&self.list, &mut self.raster);
        }
        self.dilate(rows);
        leave(&self.raster, &mut self.list)
    }

    /// Dilates a raster of the tile and its halo: rows are widened one pixel at a time, and each row of the mask
    /// takes the widening that fits it.
    fn dilate(&mut self, rows: &[u32]) {
        let radius = rows.len() - 1;
        let side = TILE_SIDE as usize + 2 * radius;
        self.wide.clear();
        self.wide.resize(side * side, I::default());
        for &(x, y, index) in &self.near {
            self.wide[(y + radius as i32) as usize * side + (x + radius as i32) as usize] = index;
        }
        self.raster.fill(I::default());
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
            for dy in (0..rows.len()).filter(|&dy| rows[dy] == half) {
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

/// Buffers of a thread that makes new counts.
struct Counting {
    lit: Vec<Lit>,
    near: Vec<(i32, i32, u32)>,
    /// The tile and its surroundings.
    plane: Vec<u32>,
    /// For each of its pixels, what those before it in its row come to.
    before: Vec<u32>,
    /// One row of a raster on its way.
    sums: Vec<u64>,
    raster: Box<[u32; TILE_PIXELS]>,
}

impl Default for Counting {
    fn default() -> Self {
        let raster = Box::new([0; TILE_PIXELS]);
        Self { lit: Vec::new(), near: Vec::new(), plane: Vec::new(), before: Vec::new(), sums: Vec::new(), raster }
    }
}

impl Counting {
    /// Leaves the new counts of a tile in `lit`.
    fn tile(&mut self, counts: &CountStore, borders: &Borders, tile: TileCoord, kernel: &Kernel) -> Result<()> {
        borders.gather(counts, tile, &mut self.lit, &mut self.near, |count| count)?;
        if few(self.near.len(), kernel.area()) {
            host::lit_of_list(&host::new_counts(&self.near, kernel), &mut self.lit);
        } else {
            self.raster(kernel);
            host::lit_of(&self.raster, &mut self.lit);
        }
        Ok(())
    }

    fn raster(&mut self, kernel: &Kernel) {
        let radius = kernel.radius as usize;
        let side = TILE_SIDE as usize + 2 * radius;
        self.plane.clear();
        self.plane.resize(side * side, 0);
        for &(x, y, count) in &self.near {
            let at = (y + radius as i32) as usize * side + (x + radius as i32) as usize;
            self.plane[at] = count << kernel.shift();
        }
        match (&kernel.form, kernel.op) {
            (Form::Rows(rows), _) => self.sum_rows(rows, side),
            (Form::Weights { weights, .. }, SpreadOp::Max) => self.weigh_all::<true>(weights, side),
            (Form::Weights { weights, .. }, SpreadOp::Add) => self.weigh_all::<false>(weights, side),
        }
    }

    /// Sums over a mask: each of its rows is the difference of two sums from the row's start. A mask holds no more than
    /// all points, so what comes out fits; sums from a row's start may run over where a halo repeats columns, and their
    /// differences are right all the same.
    fn sum_rows(&mut self, rows: &[u32], side: usize) {
        let (radius, width) = (rows.len() - 1, TILE_SIDE as usize);
        // One more than the plane: what lies before the first pixel comes to nothing.
        let wide = side + 1;
        self.before.clear();
        self.before.resize(side * wide, 0);
        for (row, before) in self.plane.chunks_exact(side).zip(self.before.chunks_exact_mut(wide)) {
            let mut sum = 0u32;
            for (&count, before) in row.iter().zip(&mut before[1..]) {
                sum = sum.wrapping_add(count);
                *before = sum;
            }
        }
        self.raster.fill(0);
        for (dy, &half) in rows.iter().enumerate() {
            let (first, last) = (radius - half as usize, radius + half as usize + 1);
            for start in if dy == 0 { vec![radius] } else { vec![radius - dy, radius + dy] } {
                let from = self.before[start * wide..].chunks_exact(wide);
                for (to, from) in self.raster.chunks_exact_mut(width).zip(from) {
                    for ((to, &first), &last) in to.iter_mut().zip(&from[first..]).zip(&from[last..]) {
                        *to = to.wrapping_add(last.wrapping_sub(first));
                    }
                }
            }
        }
    }

    /// A separable kernel, of the largest or of the sum: over columns in place, then over rows.
    fn weigh_all<const MAX: bool>(&mut self, weights: &[u32], side: usize) {
        let (radius, width) = (weights.len() - 1, TILE_SIDE as usize);
        let op = if MAX { SpreadOp::Max } else { SpreadOp::Add };
        let add = |sums: &mut [u64], from: &[u32], weight: u32| {
            for (sum, &count) in sums.iter_mut().zip(from) {
                let weighed = weigh(count.into(), weight, op);
                *sum = if MAX { (*sum).max(weighed) } else { *sum + weighed };
            }
        };
        self.sums.resize(width, 0);
        for row in self.plane.chunks_exact_mut(side).filter(|row| row.iter().any(|&count| count > 0)) {
            self.sums.fill(0);
            for shift in 0..=2 * radius {
                add(&mut self.sums, &row[shift..], weights[shift.abs_diff(radius)]);
            }
            for (to, &sum) in row.iter_mut().zip(&self.sums) {
                *to = settle(sum, op) as u32;
            }
        }
        for (y, to) in self.raster.chunks_exact_mut(width).enumerate() {
            self.sums.fill(0);
            for shift in 0..=2 * radius {
                add(&mut self.sums, &self.plane[(y + shift) * side..], weights[shift.abs_diff(radius)]);
            }
            for (to, &sum) in to.iter_mut().zip(&self.sums) {
                *to = settle(sum, op) as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::host::within;
    use crate::shade::{Radius, Spread, SpreadShape};
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
            let Form::Rows(disc) = kernel(SpreadShape::Disc, SpreadOp::Max, radius, 1).form else { unreachable!() };
            let near: Vec<(i32, i32, u8)> = near.into_iter().map(|((x, y), index)| (x, y, index)).collect();
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

    fn kernel(shape: SpreadShape, op: SpreadOp, radius: u32, max: u32) -> Kernel {
        Spread { radius: Radius::Fixed(radius), shape, op }.kernel(radius, max)
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
            let near: std::collections::BTreeMap<_, _> = near
                .into_iter()
                .filter(|&(x, y, _)| within((x, y), radius as i32))
                .map(|(x, y, count)| ((x, y), count))
                .collect();
            let near: Vec<_> = near.into_iter().map(|((x, y), count)| (x, y, count)).collect();
            let kernel = kernel(shape, op, radius, near.iter().map(|n| n.2).max().unwrap_or(1));
            prop_assume!(!kernel.keeps_counts());
            let mut counting = Counting { near, ..Counting::default() };
            let list = host::new_counts(&counting.near, &kernel);
            counting.raster(&kernel);
            let lit: Vec<_> = (0..=u16::MAX).zip(counting.raster.iter().copied()).filter(|l| l.1 > 0).collect();
            prop_assert!(list == lit);
            let unit = f64::from(1u32 << kernel.shift());
            for (pixel, &count) in counting.raster.iter().enumerate().step_by(191) {
                let (column, row) = ((pixel % 256) as i32, (pixel / 256) as i32);
                let mut exact = 0f64;
                for &(x, y, count) in &counting.near {
                    let (dx, dy) = (x.abs_diff(column), y.abs_diff(row));
                    let weight = match &kernel.form {
                        Form::Rows(rows) => f64::from(rows.get(dy as usize).is_some_and(|half| dx <= *half) as u32),
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
