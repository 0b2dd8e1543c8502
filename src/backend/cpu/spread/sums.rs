//! Kernels that make new counts: sums over a mask, and separable kernels of the sum or of the largest. Every step is
//! over integers and gives the bytes of the definition in `shade/spread.rs`; what is saved is work on pixels that no
//! lit one reaches, and width where numbers are known to be small.

use super::rows::{Plane, Raster, Row, WIDTH, WORD, Words, reached, reaching};
use crate::backend::host::{settle, weigh};
use crate::shade::{Form, Kernel, SpreadOp, WEIGHT_ONE};

/// Bits that weights have behind the point. Those of a sum come to 1, so sums of numbers of 16 bits fit 32.
const WHOLE: u32 = WEIGHT_ONE.ilog2();

/// What becomes of counts as they are made.
pub(super) trait Take {
    /// Takes a stretch of a row, whole words, whose first pixel has that row-major place. Implementors that do much are
    /// `#[inline(always)]`, so that they are compiled for the processor that the sums are.
    fn take(&mut self, first: usize, counts: &[u32]);
}

impl<F: FnMut(usize, &[u32])> Take for F {
    #[inline(always)]
    fn take(&mut self, first: usize, counts: &[u32]) {
        self(first, counts);
    }
}

/// Whether this processor has what [`Sums::spread_wide`] is compiled for.
#[cfg(target_arch = "x86_64")]
pub(in crate::backend::cpu) fn wide() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx2") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt")
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// For each lit row of the plane, what those before a pixel come to, one more than the row has.
    before: Vec<u32>,
    /// Each lit row after the first step of a separable kernel, as columns of the tile.
    across: Vec<u32>,
    /// Of sums the same in two halves; the high one only of rows that need it.
    low: Vec<u16>,
    high: Vec<u16>,
    /// The largest number of each row.
    most: Vec<u32>,
    /// The weights at the distances -radius to radius.
    weights: Vec<u32>,
}

impl Sums {
    /// Gives `each` the counts that the kernel makes of those in the plane: stretches of rows, whole words, with the
    /// row-major place of their first pixel. What has no counts is left out. `raster` is room for them where a kernel does not
    /// make row after row.
    pub(super) fn spread(&mut self, plane: &Plane<u32>, kernel: &Kernel, raster: &mut Raster<u32>, each: impl Take) {
        #[cfg(target_arch = "x86_64")]
        if wide() {
            #[expect(unsafe_code, reason = "the processor was asked whether it has these instructions")]
            return unsafe { self.spread_wide(plane, kernel, raster, each) };
        }
        self.spread_anywhere(plane, kernel, raster, each);
    }

    /// The same steps with vectors twice as wide, and what came with them.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn spread_wide(&mut self, plane: &Plane<u32>, kernel: &Kernel, raster: &mut Raster<u32>, each: impl Take) {
        self.spread_anywhere(plane, kernel, raster, each);
    }

    #[inline(always)]
    fn spread_anywhere(&mut self, plane: &Plane<u32>, kernel: &Kernel, raster: &mut Raster<u32>, mut each: impl Take) {
        if let Form::Weights { weights, shift } = &kernel.form {
            self.weights.clear();
            self.weights.extend(weights.iter().rev());
            self.weights.extend(&weights[1..]);
            match kernel.op {
                SpreadOp::Max => {
                    self.across::<true>(plane, *shift);
                    self.largest_down(plane, each);
                }
                SpreadOp::Add => {
                    if *shift == WHOLE {
                        self.across_whole(plane);
                    } else {
                        self.across::<false>(plane, *shift);
                    }
                    self.sums_down(plane, each);
                }
            }
            return;
        }
        raster.clear();
        match &kernel.form {
            Form::Rows(mask) if mask.iter().any(|&half| half as usize != plane.radius) => {
                self.mask(plane, mask, raster);
            }
            _ => self.square(plane, raster),
        }
        raster.stretches().for_each(|(first, counts)| each.take(first, counts));
    }

    /// What those before each pixel of each lit row come to. Such sums may run over where a halo repeats columns; their
    /// differences are right all the same, since no mask holds more than all points.
    #[inline(always)]
    fn sum_rows(&mut self, plane: &Plane<u32>) {
        self.before.clear();
        self.before.reserve(plane.rows.len() * (plane.side + 1));
        for row in &plane.rows {
            let mut sum = 0u32;
            self.before.push(0);
            self.before.extend(plane.row(row.y).iter().map(|count| {
                sum = sum.wrapping_add(*count);
                sum
            }));
        }
    }

    /// Sums over a mask: each of its rows is the difference of two sums from the row's start.
    #[inline(always)]
    fn mask(&mut self, plane: &Plane<u32>, mask: &[u32], raster: &mut Raster<u32>) {
        self.sum_rows(plane);
        let radius = plane.radius;
        for (row, before) in plane.rows.iter().zip(self.before.chunks_exact(plane.side + 1)) {
            for y in reached(row.y, radius) {
                let half = mask[(y + radius).abs_diff(row.y)] as usize;
                let to = raster.row(y, row.reach);
                for run in row.reach.runs() {
                    let (first, last) = (run.start + radius - half, run.start + radius + half + 1);
                    for ((to, &first), &last) in to[run].iter_mut().zip(&before[first..]).zip(&before[last..]) {
                        *to = to.wrapping_add(last.wrapping_sub(first));
                    }
                }
            }
        }
    }

    /// Sums over a square: what enters it from the south is added, what leaves it in the north taken away.
    #[inline(always)]
    fn square(&mut self, plane: &Plane<u32>, raster: &mut Raster<u32>) {
        self.sum_rows(plane);
        let (radius, wide) = (plane.radius, plane.side + 1);
        let mut sums = [0u32; WIDTH];
        let (mut entered, mut left) = (0, 0);
        let mut all = Words::default();
        for y in 0..WIDTH {
            while let Some(row) = plane.rows.get(entered).filter(|row| row.y <= y + 2 * radius) {
                for run in row.reach.runs() {
                    let before = &self.before[entered * wide + run.start..];
                    let width = 2 * radius + 1;
                    for ((sum, &first), &last) in sums[run].iter_mut().zip(before).zip(&before[width..]) {
                        *sum = sum.wrapping_add(last.wrapping_sub(first));
                    }
                }
                all = all.with(row.reach);
                entered += 1;
            }
            while let Some(row) = plane.rows.get(left).filter(|row| row.y < y) {
                for run in row.reach.runs() {
                    let before = &self.before[left * wide + run.start..];
                    let width = 2 * radius + 1;
                    for ((sum, &first), &last) in sums[run].iter_mut().zip(before).zip(&before[width..]) {
                        *sum = sum.wrapping_sub(last.wrapping_sub(first));
                    }
                }
                left += 1;
            }
            if entered > left {
                let to = raster.row(y, all);
                all.runs().for_each(|run| to[run.clone()].copy_from_slice(&sums[run]));
            } else {
                all = Words::default();
            }
        }
    }

    /// The first step of a separable kernel, along each lit row.
    #[inline(always)]
    fn across<const MAX: bool>(&mut self, plane: &Plane<u32>, shift: u32) {
        let op = if MAX { SpreadOp::Max } else { SpreadOp::Add };
        let mut sums = [0u64; WIDTH];
        self.begin(plane);
        for ((row, to), most) in plane.rows.iter().zip(self.across.chunks_exact_mut(WIDTH)).zip(&mut self.most) {
            let part =
                |sum: &mut u64, count: u32, weight: u32| join::<MAX>(sum, weigh(u64::from(count) << shift, weight, op));
            along(plane, row, &self.weights, &mut sums, part);
            for run in row.reach.runs() {
                for (to, &sum) in to[run.clone()].iter_mut().zip(&sums[run]) {
                    *to = settle(sum, op) as u32;
                    *most = (*most).max(*to);
                }
            }
        }
    }

    /// The same of a sum whose counts are moved up by as many bits as weights have behind the point: nothing is rounded, and
    /// what counts are moved up by leaves room for them in 32 bits.
    #[inline(always)]
    fn across_whole(&mut self, plane: &Plane<u32>) {
        self.begin(plane);
        for ((row, to), most) in plane.rows.iter().zip(self.across.chunks_exact_mut(WIDTH)).zip(&mut self.most) {
            along(plane, row, &self.weights, to, |sum: &mut u32, count, weight| *sum += count * weight);
            for run in row.reach.runs() {
                *most = to[run].iter().fold(*most, |most, &sum| most.max(sum));
            }
        }
    }

    /// Room for the first step. What lies outside of a row's words is never looked at, and stays what it was.
    #[inline(always)]
    fn begin(&mut self, plane: &Plane<u32>) {
        if self.across.len() < plane.rows.len() * WIDTH {
            self.across.resize(plane.rows.len() * WIDTH, 0);
        }
        self.most.clear();
        self.most.resize(plane.rows.len(), 0);
    }

    /// The second step of the largest, down the columns.
    #[inline(always)]
    fn largest_down(&self, plane: &Plane<u32>, mut each: impl Take) {
        let (mut sums, mut settled) = ([0u64; WIDTH], [0u32; WIDTH]);
        for (y, rows, lit) in reaching(plane) {
            lit.runs().for_each(|run| sums[run].fill(0));
            for at in rows {
                let row = &plane.rows[at];
                let weight = self.weights[row.y - y];
                for run in row.reach.runs() {
                    let from = &self.across[at * WIDTH..][run.clone()];
                    for (sum, &value) in sums[run].iter_mut().zip(from) {
                        join::<true>(sum, weigh(value.into(), weight, SpreadOp::Max));
                    }
                }
            }
            for run in lit.runs() {
                let settled = &mut settled[run.clone()];
                for (to, &sum) in settled.iter_mut().zip(&sums[run.clone()]) {
                    *to = settle(sum, SpreadOp::Max) as u32;
                }
                each.take(y * WIDTH + run.start, settled);
            }
        }
    }

    /// The second step of a sum: the halves of what the first one left are summed up apart, each within 32 bits.
    #[inline(always)]
    fn sums_down(&mut self, plane: &Plane<u32>, mut each: impl Take) {
        if self.low.len() < self.across.len() {
            self.low.resize(self.across.len(), 0);
            self.high.resize(self.across.len(), 0);
        }
        for ((at, row), &most) in plane.rows.iter().enumerate().zip(&self.most) {
            for run in row.reach.runs() {
                let run = at * WIDTH + run.start..at * WIDTH + run.end;
                let from = &self.across[run.clone()];
                self.low[run.clone()].iter_mut().zip(from).for_each(|(to, &value)| *to = value as u16);
                if most >> 16 > 0 {
                    self.high[run].iter_mut().zip(from).for_each(|(to, &value)| *to = (value >> 16) as u16);
                }
            }
        }
        let (mut low, mut high) = ([0u32; WIDTH], [0u32; WIDTH]);
        for (y, rows, lit) in reaching(plane) {
            let is_wide = self.most[rows.clone()].iter().any(|most| most >> 16 > 0);
            for run in lit.runs() {
                // Half a unit ahead, so that what is cut off at the end is rounded.
                low[run.clone()].fill(1 << 15);
                if is_wide {
                    high[run].fill(0);
                }
            }
            for at in rows {
                let row = &plane.rows[at];
                let weight = self.weights[row.y - y];
                let own = at * WIDTH..(at + 1) * WIDTH;
                weighted(&mut low, &self.low[own.clone()], row.reach, weight);
                if self.most[at] >> 16 > 0 {
                    weighted(&mut high, &self.high[own], row.reach, weight);
                }
            }
            for run in lit.runs() {
                let settled = low[run.clone()].iter_mut();
                if is_wide {
                    settled.zip(&high[run.clone()]).for_each(|(low, high)| *low = high + (*low >> 16));
                } else {
                    settled.for_each(|low| *low >>= 16);
                }
                each.take(y * WIDTH + run.start, &low[run]);
            }
        }
    }
}

/// Gives `part` each weight and count of a row with the sum that it is part of.
#[inline(always)]
fn along<T: Copy + Default>(
    plane: &Plane<u32>,
    row: &Row,
    weights: &[u32],
    sums: &mut [T],
    part: impl Fn(&mut T, u32, u32),
) {
    let (radius, cells) = (plane.radius, plane.row(row.y));
    row.reach.runs().for_each(|run| sums[run].fill(T::default()));
    // Pixel by pixel where few are lit, weight by weight where many are.
    if row.pixels * (2 * radius + 16) < row.reach.columns() * (2 * radius + 1) / 2 {
        for run in row.lit.runs() {
            for (x, &count) in cells.iter().enumerate().take(run.end).skip(run.start) {
                if count > 0 {
                    // The column x of the plane is reached from the columns x - 2 radius to x of the tile.
                    let (first, last) = (x.saturating_sub(2 * radius), (x + 1).min(WIDTH));
                    let weights = &weights[2 * radius + first - x..];
                    sums[first..last].iter_mut().zip(weights).for_each(|(sum, &weight)| part(sum, count, weight));
                }
            }
        }
        return;
    }
    for run in row.reach.runs() {
        for (at, &weight) in weights.iter().enumerate() {
            let counts = &cells[run.start + at..];
            sums[run.clone()].iter_mut().zip(counts).for_each(|(sum, &count)| part(sum, count, weight));
        }
    }
}

/// Adds numbers of 16 bits times a weight, in those words of a row.
#[inline(always)]
fn weighted(sums: &mut [u32; WIDTH], from: &[u16], words: Words, weight: u32) {
    let (sums, from) = (sums.as_chunks_mut::<WORD>().0, from.as_chunks::<WORD>().0);
    for word in words.each() {
        if let (Some(sums), Some(from)) = (sums.get_mut(word), from.get(word)) {
            sums.iter_mut().zip(from).for_each(|(sum, &value)| *sum += u32::from(value) * weight);
        }
    }
}

#[inline(always)]
fn join<const MAX: bool>(sum: &mut u64, part: u64) {
    *sum = if MAX { (*sum).max(part) } else { *sum + part };
}
