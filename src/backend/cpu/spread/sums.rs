//! Kernels that make new counts: sums over a mask, and separable kernels of the sum or of the largest. Every step is
//! over integers and gives the bytes of the definition in `shade/spread.rs`; what is saved is work on pixels that no
//! lit one reaches, and width where numbers are known to be small.

use super::rows::{Plane, Raster, Stretch, WIDTH};
use crate::backend::host::{settle, weigh};
use crate::shade::{Form, Kernel, SpreadOp};

/// The largest number that 16 bits hold. Weights of a sum come to 2^16, so sums of such numbers fit 32 bits.
const NARROW: u32 = u16::MAX as u32;

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// For each lit row of the plane, what those before a pixel come to, one more than the row has.
    before: Vec<u32>,
    /// Each lit row after the first step of a separable kernel, as columns of the tile.
    across: Vec<u32>,
    /// The same where all of it is narrow.
    narrow: Vec<u16>,
    /// Where those rows are lit.
    lit: Vec<Stretch>,
    /// The weights at the distances -radius to radius.
    weights: Vec<u32>,
}

impl Sums {
    /// The counts that the kernel makes of those in the plane; `raster` is dark.
    pub(super) fn spread(&mut self, plane: &Plane<u32>, kernel: &Kernel, raster: &mut Raster<u32>) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the processor was asked whether it has these instructions")]
            return unsafe { self.spread_wide(plane, kernel, raster) };
        }
        self.spread_anywhere(plane, kernel, raster);
    }

    /// The same steps with vectors twice as wide.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn spread_wide(&mut self, plane: &Plane<u32>, kernel: &Kernel, raster: &mut Raster<u32>) {
        self.spread_anywhere(plane, kernel, raster);
    }

    #[inline(always)]
    fn spread_anywhere(&mut self, plane: &Plane<u32>, kernel: &Kernel, raster: &mut Raster<u32>) {
        match &kernel.form {
            Form::Rows(mask) if mask.iter().all(|&half| half as usize == plane.radius) => self.square(plane, raster),
            Form::Rows(mask) => self.mask(plane, mask, raster),
            Form::Weights { weights, shift } => {
                self.weights.clear();
                self.weights.extend(weights.iter().rev());
                self.weights.extend(&weights[1..]);
                let most = match kernel.op {
                    SpreadOp::Max => self.across::<true>(plane, *shift),
                    SpreadOp::Add => self.across::<false>(plane, *shift),
                };
                if most > NARROW || (kernel.op == SpreadOp::Max && most > 0) {
                    match kernel.op {
                        SpreadOp::Max => self.down::<true>(plane, raster),
                        SpreadOp::Add => self.down::<false>(plane, raster),
                    }
                } else {
                    self.down_narrow(plane, raster);
                }
            }
        }
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
                let lit = columns(row.lit, radius, half);
                if lit.is_empty() {
                    continue;
                }
                let (first, last) = (lit.from + radius - half, lit.from + radius + half + 1);
                let to = &mut raster.row(y, lit)[lit.from..lit.to];
                for ((to, &first), &last) in to.iter_mut().zip(&before[first..]).zip(&before[last..]) {
                    *to = to.wrapping_add(last.wrapping_sub(first));
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
        let mut all = Stretch::default();
        for y in 0..WIDTH {
            while let Some(row) = plane.rows.get(entered).filter(|row| row.y <= y + 2 * radius) {
                let lit = columns(row.lit, radius, radius);
                let before = &self.before[entered * wide + lit.from..];
                let width = 2 * radius + 1;
                for ((sum, &first), &last) in sums[lit.from..lit.to].iter_mut().zip(before).zip(&before[width..]) {
                    *sum = sum.wrapping_add(last.wrapping_sub(first));
                }
                all = all.with(lit);
                entered += 1;
            }
            while let Some(row) = plane.rows.get(left).filter(|row| row.y < y) {
                let lit = columns(row.lit, radius, radius);
                let before = &self.before[left * wide + lit.from..];
                let width = 2 * radius + 1;
                for ((sum, &first), &last) in sums[lit.from..lit.to].iter_mut().zip(before).zip(&before[width..]) {
                    *sum = sum.wrapping_sub(last.wrapping_sub(first));
                }
                left += 1;
            }
            if entered > left {
                raster.row(y, all)[all.from..all.to].copy_from_slice(&sums[all.from..all.to]);
            } else {
                all = Stretch::default();
            }
        }
    }

    /// The first step of a separable kernel, along each lit row; gives the largest number it made.
    #[inline(always)]
    fn across<const MAX: bool>(&mut self, plane: &Plane<u32>, shift: u32) -> u32 {
        let (radius, op) = (plane.radius, if MAX { SpreadOp::Max } else { SpreadOp::Add });
        // What lies outside of a row's stretch is never looked at, and stays what it was.
        if self.across.len() < plane.rows.len() * WIDTH {
            self.across.resize(plane.rows.len() * WIDTH, 0);
        }
        self.lit.clear();
        let mut sums = [0u64; WIDTH];
        let mut most = 0;
        for (row, to) in plane.rows.iter().zip(self.across.chunks_exact_mut(WIDTH)) {
            let lit = columns(row.lit, radius, radius);
            self.lit.push(lit);
            let (from, cells) = (lit.from, plane.row(row.y));
            let sums = &mut sums[..lit.to - from];
            sums.fill(0);
            // Pixel by pixel where few are lit, weight by weight where many are.
            if row.pixels * (2 * radius + 16) < sums.len() * (2 * radius + 1) / 2 {
                for (x, &count) in cells.iter().enumerate().take(row.lit.to).skip(row.lit.from) {
                    if count > 0 {
                        let count = u64::from(count) << shift;
                        // The column x of the plane is reached from the columns x - 2 radius to x of the tile.
                        let (first, last) = (x.saturating_sub(2 * radius).max(from), (x + 1).min(lit.to));
                        let weights = &self.weights[2 * radius + first - x..];
                        for (sum, &weight) in sums[first - from..last - from].iter_mut().zip(weights) {
                            join::<MAX>(sum, weigh(count, weight, op));
                        }
                    }
                }
            } else {
                for (at, &weight) in self.weights.iter().enumerate() {
                    for (sum, &count) in sums.iter_mut().zip(&cells[from + at..]) {
                        join::<MAX>(sum, weigh(u64::from(count) << shift, weight, op));
                    }
                }
            }
            for (to, &sum) in to[from..].iter_mut().zip(&*sums) {
                *to = settle(sum, op) as u32;
                most = most.max(*to);
            }
        }
        most
    }

    /// The second step of a separable kernel, down the columns.
    #[inline(always)]
    fn down<const MAX: bool>(&self, plane: &Plane<u32>, raster: &mut Raster<u32>) {
        let (radius, op) = (plane.radius, if MAX { SpreadOp::Max } else { SpreadOp::Add });
        let mut sums = [0u64; WIDTH];
        for (y, rows, lit) in self.rows(plane) {
            sums[lit.from..lit.to].fill(0);
            for at in rows {
                let (weight, own) = (self.weights[plane.rows[at].y - y], self.lit[at]);
                let from = &self.across[at * WIDTH..][own.from..own.to];
                for (sum, &value) in sums[own.from..own.to].iter_mut().zip(from) {
                    join::<MAX>(sum, weigh(value.into(), weight, op));
                }
            }
            for (to, &sum) in raster.row(y, lit)[lit.from..lit.to].iter_mut().zip(&sums[lit.from..lit.to]) {
                *to = settle(sum, op) as u32;
            }
        }
        debug_assert!(radius > 0);
    }

    /// The second step of a sum whose first one left nothing that 16 bits do not hold: products and sums fit 32 bits.
    #[inline(always)]
    fn down_narrow(&mut self, plane: &Plane<u32>, raster: &mut Raster<u32>) {
        if self.narrow.len() < self.across.len() {
            self.narrow.resize(self.across.len(), 0);
        }
        for (row, lit) in self.lit.iter().enumerate() {
            let stretch = row * WIDTH + lit.from..row * WIDTH + lit.to.max(lit.from);
            for (to, &value) in self.narrow[stretch.clone()].iter_mut().zip(&self.across[stretch]) {
                *to = value as u16;
            }
        }
        let mut sums = [0u32; WIDTH];
        for (y, rows, lit) in self.rows(plane) {
            // Half a unit ahead, so that what is cut off at the end is rounded.
            sums[lit.from..lit.to].fill(1 << 15);
            for at in rows {
                let (weight, own) = (self.weights[plane.rows[at].y - y] as u16, self.lit[at]);
                let from = &self.narrow[at * WIDTH..][own.from..own.to];
                for (sum, &value) in sums[own.from..own.to].iter_mut().zip(from) {
                    *sum += u32::from(value) * u32::from(weight);
                }
            }
            for (to, &sum) in raster.row(y, lit)[lit.from..lit.to].iter_mut().zip(&sums[lit.from..lit.to]) {
                *to = sum >> 16;
            }
        }
    }

    /// Every row of the tile that is reached, the lit rows of the plane that reach it, and where they do. Not a call for
    /// each: what a caller does with a row is compiled for the processor that the caller is compiled for.
    #[inline(always)]
    fn rows<'a>(
        &'a self,
        plane: &'a Plane<u32>,
    ) -> impl Iterator<Item = (usize, std::ops::Range<usize>, Stretch)> + 'a {
        let (mut first, mut end) = (0, 0);
        (0..WIDTH).filter_map(move |y| {
            while plane.rows.get(first).is_some_and(|row| row.y < y) {
                first += 1;
            }
            while plane.rows.get(end).is_some_and(|row| row.y <= y + 2 * plane.radius) {
                end += 1;
            }
            let lit = self.lit[first..end].iter().fold(Stretch::default(), |all, &own| all.with(own));
            (!lit.is_empty()).then_some((y, first..end, lit))
        })
    }
}

/// Rows of the tile that the row `y` of the plane reaches.
fn reached(y: usize, radius: usize) -> std::ops::Range<usize> {
    y.saturating_sub(2 * radius)..(y + 1).min(WIDTH)
}

/// Columns of the tile that pixels in that stretch of the plane reach with a mask's row of that half-width.
fn columns(lit: Stretch, radius: usize, half: usize) -> Stretch {
    Stretch { from: lit.from.saturating_sub(radius + half), to: (lit.to + half).saturating_sub(radius).min(WIDTH) }
}

#[inline(always)]
fn join<const MAX: bool>(sum: &mut u64, part: u64) {
    *sum = if MAX { (*sum).max(part) } else { *sum + part };
}
