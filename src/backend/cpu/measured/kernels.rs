//! Kernels on sums and counts. Sums over a mask are whole numbers and exact; bells are sums of numbers of 64 bits as IEEE
//! 754 has them, added up in one order: from west to east, then from north to south. A pixel out of reach adds nothing,
//! so that order is the same whatever tile a pixel is seen from, and there is no seam.

use crate::backend::cpu::spread::Work;
use crate::backend::cpu::spread::rows::{Plane, Raster, Row, WIDTH, reached, reaching};
#[cfg(target_arch = "x86_64")]
use crate::backend::cpu::spread::sums::wide;
use crate::backend::host::Borders;
use crate::counts::{Lit, Measure, Measuring, Weighed, level};
use crate::error::Result;
use crate::shade::{Form, Kernel, SpreadOp, WEIGHT_ONE};
use crate::tile::TileCoord;

/// Pixels that are looked at together.
const WORD: usize = 8;

/// What a kernel makes of pixels: their sums and their counts, of bells weighted by [`WEIGHT_ONE`] to the power of two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) sums: &'a [f64],
    pub(super) counts: &'a [f64],
}

/// What becomes of what a kernel makes.
pub(super) trait Take {
    /// Takes a stretch of a row, whole words, whose first pixel has that row-major place. Implementors that do much are
    /// `#[inline(always)]`, so that they are compiled for the processor that kernels are.
    fn take(&mut self, first: usize, made: Made<'_>);
}

impl<F: FnMut(usize, Made<'_>)> Take for F {
    #[inline(always)]
    fn take(&mut self, first: usize, made: Made<'_>) {
        self(first, made);
    }
}

/// What is drawn of what a kernel makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    measure: Measure,
    /// The least count that is drawn.
    least: f64,
    /// A count at which alpha begins to rise, and 1 by how much more takes it to its own; without bells it is its own.
    edge: f64,
    rise: f64,
    /// 1 by what a lone point counts in the middle of its bell.
    lone: f64,
}

impl Drawn {
    pub(super) fn new(kernel: &Kernel, measuring: Measuring) -> Self {
        let Measuring { measure, least, .. } = measuring;
        let Form::Weights { weights, .. } = &kernel.form else {
            return Self { measure, least: least.into(), edge: 0.0, rise: 1.0, lone: 1.0 };
        };
        let weight = |at: Option<&u32>| f64::from(at.copied().unwrap_or(WEIGHT_ONE));
        let middle = weight(weights.first());
        let (lone, edge) = (middle * middle, middle * weight(weights.last()));
        let least = if least > 1 { lone * f64::from(least) } else { edge };
        let rise = if lone > edge { 1.0 / (lone - edge) } else { 1.0 };
        Self { measure, least, edge, rise, lone: 1.0 / lone }
    }

    /// The value of a pixel that has a count, in steps.
    #[inline(always)]
    fn value(&self, sum: f64, count: f64) -> f64 {
        match self.measure {
            Measure::Mean | Measure::Share => sum / count,
            Measure::Count => count * self.lone,
            Measure::Sum | Measure::Difference => sum * self.lone,
        }
    }

    /// Calls `each` with the value of every pixel that is drawn.
    #[inline(always)]
    pub(super) fn values(&self, Made { sums, counts }: Made<'_>, mut each: impl FnMut(f64)) {
        for (&sum, &count) in sums.iter().zip(counts) {
            if count >= self.least && count > 0.0 {
                each(self.value(sum, count));
            }
        }
    }

    /// The smallest and the largest value of those that are drawn, beside those so far.
    #[inline(always)]
    pub(super) fn ends(&self, Made { sums, counts }: Made<'_>, ends: &mut (f64, f64)) {
        let (mut low, mut high) = ([ends.0; WORD], [ends.1; WORD]);
        let least = self.least.max(f64::MIN_POSITIVE);
        // Loops without branches, which are done eight pixels at a time; stretches are whole words.
        for (sums, counts) in sums.as_chunks::<WORD>().0.iter().zip(counts.as_chunks::<WORD>().0) {
            for at in 0..WORD {
                let is_drawn = counts[at] >= least;
                let value = self.value(sums[at], counts[at]);
                let (below, above) = if is_drawn { (value, value) } else { (f64::INFINITY, f64::NEG_INFINITY) };
                low[at] = if below < low[at] { below } else { low[at] };
                high[at] = if above > high[at] { above } else { high[at] };
            }
        }
        *ends = (low.into_iter().fold(ends.0, f64::min), high.into_iter().fold(ends.1, f64::max));
    }

    /// Leaves the level of each pixel and the step of its alpha, of `fades` steps; 0 where it is not drawn.
    #[inline(always)]
    pub(super) fn levels(
        &self,
        Made { sums, counts }: Made<'_>,
        fades: u16,
        levels: &mut [u32; WIDTH],
        steps: &mut [u32; WIDTH],
    ) {
        let (least, most) = (self.least.max(f64::MIN_POSITIVE), f64::from(fades));
        for (((&sum, &count), level), step) in sums.iter().zip(counts).zip(levels).zip(steps) {
            *level = level::of(self.value(sum, count));
            let share = (count - self.edge) * self.rise * most + 0.5;
            let share = if share > most { most } else { share };
            // There are instructions for numbers with a sign.
            *step = if count >= least { (share as i32).cast_unsigned() } else { 0 };
        }
    }
}

/// Buffers of a thread that spreads sums and counts.
#[derive(Debug, Default)]
pub(super) struct Spreading {
    lit: Vec<Lit<Weighed>>,
    plane: Plane<Weighed>,
    /// The weights at the distances -radius to radius.
    weights: Vec<f64>,
    /// A row of the plane.
    row: Both,
    /// Each lit row of the plane after the first step of a bell, as columns of the tile.
    across: Both,
    /// The same with the strength of each pixel, where the strongest wins.
    ranked: Vec<Ranked>,
    /// For each lit row what those before a pixel come to, one more than the row has.
    before: Vec<Weighed>,
    masked: Raster<Weighed>,
}

/// Sums and counts, each on their own.
#[derive(Debug, Default)]
struct Both {
    sums: Vec<f64>,
    counts: Vec<f64>,
}

impl Both {
    fn fit(&mut self, len: usize) {
        if self.sums.len() < len {
            self.sums.resize(len, 0.0);
            self.counts.resize(len, 0.0);
        }
    }
}

/// A strength, and the sum and count that it is of.
type Ranked = (f64, f64, f64);

impl Spreading {
    /// Takes a tile and its surroundings.
    pub(super) fn gather(
        &mut self,
        work: Work<'_, Weighed>,
        borders: &Borders<Weighed>,
        code: u64,
        kernel: &Kernel,
    ) -> Result<()> {
        self.plane.begin(kernel.radius);
        let tile = TileCoord::from_morton(work.z, code);
        borders.for_each_near(work.counts, tile, &mut self.lit, |x, y, pixel| self.plane.set(x, y, pixel))?;
        self.plane.end();
        Ok(())
    }

    /// Gives `each` what the kernel makes: stretches of rows, whole words, with the row-major place of their first pixel.
    pub(super) fn spread(&mut self, kernel: &Kernel, measure: Measure, each: impl Take) {
        #[cfg(target_arch = "x86_64")]
        if wide() {
            #[expect(unsafe_code, reason = "the processor was asked whether it has these instructions")]
            return unsafe { self.spread_wide(kernel, measure, each) };
        }
        self.spread_anywhere(kernel, measure, each);
    }

    /// The same steps with vectors twice as wide: the same numbers, since nothing is contracted.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn spread_wide(&mut self, kernel: &Kernel, measure: Measure, each: impl Take) {
        self.spread_anywhere(kernel, measure, each);
    }

    #[inline(always)]
    fn spread_anywhere(&mut self, kernel: &Kernel, measure: Measure, mut each: impl Take) {
        match &kernel.form {
            Form::Rows(mask) => self.mask(mask, each),
            Form::Weights { weights, .. } => {
                self.weights.clear();
                self.weights.extend(weights.iter().rev().chain(&weights[1..]).map(|&weight| f64::from(weight)));
                match kernel.op {
                    SpreadOp::Add => {
                        self.add_across();
                        self.add_down(&mut each);
                    }
                    SpreadOp::Max => {
                        self.win_across(measure);
                        self.win_down(&mut each);
                    }
                }
            }
        }
    }

    /// Sums over a mask, as those of counts (`spread/sums.rs`).
    #[inline(always)]
    fn mask(&mut self, mask: &[u32], mut each: impl Take) {
        let plane = &self.plane;
        self.before.clear();
        for row in &plane.rows {
            let mut sum = Weighed::default();
            self.before.push(sum);
            self.before.extend(plane.row(row.y).iter().map(|pixel| {
                sum = plus(sum, *pixel);
                sum
            }));
        }
        let radius = plane.radius;
        self.masked.clear();
        for (row, before) in plane.rows.iter().zip(self.before.chunks_exact(plane.side + 1)) {
            for y in reached(row.y, radius) {
                let half = mask[(y + radius).abs_diff(row.y)] as usize;
                let to = self.masked.row(y, row.reach);
                for run in row.reach.runs() {
                    let (first, last) = (run.start + radius - half, run.start + radius + half + 1);
                    for ((to, &first), &last) in to[run].iter_mut().zip(&before[first..]).zip(&before[last..]) {
                        *to = plus(*to, minus(last, first));
                    }
                }
            }
        }
        let (mut sums, mut counts) = ([0.0; WIDTH], [0.0; WIDTH]);
        for (first, pixels) in self.masked.stretches() {
            for ((sum, count), pixel) in sums.iter_mut().zip(&mut counts).zip(pixels) {
                (*sum, *count) = (pixel.sum as f64, pixel.count.into());
            }
            each.take(first, Made { sums: &sums[..pixels.len()], counts: &counts[..pixels.len()] });
        }
    }

    /// The first step of a bell that adds up, along each lit row: pixel by pixel where few are lit, weight by weight where
    /// many are. Either way parts are added from the west, and pixels that are dark add nothing.
    #[inline(always)]
    fn add_across(&mut self) {
        let Self { plane, weights, row: whole, across, .. } = self;
        across.fit(plane.rows.len() * WIDTH);
        whole.fit(plane.side);
        let radius = plane.radius;
        let rows = across.sums.chunks_exact_mut(WIDTH).zip(across.counts.chunks_exact_mut(WIDTH));
        for (row, (sums, counts)) in plane.rows.iter().zip(rows) {
            for run in row.reach.runs() {
                sums[run.clone()].fill(0.0);
                counts[run].fill(0.0);
            }
            if row.pixels * (2 * radius + 16) < row.reach.columns() * (2 * radius + 1) / 2 {
                for_each_lit(plane, row, |x, pixel| {
                    let (sum, count) = (pixel.sum as f64, f64::from(pixel.count));
                    let (first, last) = (x.saturating_sub(2 * radius), (x + 1).min(WIDTH));
                    let weights = &weights[2 * radius + first - x..];
                    let to = sums[first..last].iter_mut().zip(&mut counts[first..last]);
                    for ((to_sum, to_count), &weight) in to.zip(weights) {
                        *to_sum += sum * weight;
                        *to_count += count * weight;
                    }
                });
                continue;
            }
            let cells = whole.sums.iter_mut().zip(&mut whole.counts);
            for ((sum, count), pixel) in cells.zip(plane.row(row.y)) {
                (*sum, *count) = (pixel.sum as f64, pixel.count.into());
            }
            for run in row.reach.runs() {
                for (at, &weight) in weights.iter().enumerate() {
                    let from = run.start + at;
                    add(&mut sums[run.clone()], &whole.sums[from..], weight);
                    add(&mut counts[run.clone()], &whole.counts[from..], weight);
                }
            }
        }
    }

    /// The second step, down the columns.
    #[inline(always)]
    fn add_down(&self, each: &mut impl Take) {
        let plane = &self.plane;
        let (mut sums, mut counts) = ([0.0; WIDTH], [0.0; WIDTH]);
        for (y, rows, lit) in reaching(plane) {
            for run in lit.runs() {
                sums[run.clone()].fill(0.0);
                counts[run].fill(0.0);
            }
            for at in rows {
                let row = &plane.rows[at];
                let weight = self.weights[row.y - y];
                for run in row.reach.runs() {
                    let from = at * WIDTH + run.start;
                    add(&mut sums[run.clone()], &self.across.sums[from..], weight);
                    add(&mut counts[run], &self.across.counts[from..], weight);
                }
            }
            for run in lit.runs() {
                each.take(y * WIDTH + run.start, Made { sums: &sums[run.clone()], counts: &counts[run] });
            }
        }
    }

    /// The first step of a bell of which the strongest wins.
    #[inline(always)]
    fn win_across(&mut self, measure: Measure) {
        let plane = &self.plane;
        if self.ranked.len() < plane.rows.len() * WIDTH {
            self.ranked.resize(plane.rows.len() * WIDTH, Default::default());
        }
        let radius = plane.radius;
        for (row, best) in plane.rows.iter().zip(self.ranked.chunks_exact_mut(WIDTH)) {
            row.reach.runs().for_each(|run| best[run].fill(Default::default()));
            for_each_lit(plane, row, |x, pixel| {
                let (sum, count) = (pixel.sum as f64, f64::from(pixel.count));
                let strength = measure.strength(sum, count);
                let (first, last) = (x.saturating_sub(2 * radius), (x + 1).min(WIDTH));
                let weights = &self.weights[2 * radius + first - x..];
                for (to, &weight) in best[first..last].iter_mut().zip(weights) {
                    win(to, (strength * weight, sum * weight, count * weight));
                }
            });
        }
    }

    #[inline(always)]
    fn win_down(&self, each: &mut impl Take) {
        let plane = &self.plane;
        let mut best = [Ranked::default(); WIDTH];
        let (mut sums, mut counts) = ([0.0; WIDTH], [0.0; WIDTH]);
        for (y, rows, lit) in reaching(plane) {
            lit.runs().for_each(|run| best[run].fill(Default::default()));
            for at in rows {
                let row = &plane.rows[at];
                let weight = self.weights[row.y - y];
                for run in row.reach.runs() {
                    let from = &self.ranked[at * WIDTH..][run.clone()];
                    for (to, &(strength, sum, count)) in best[run].iter_mut().zip(from) {
                        win(to, (strength * weight, sum * weight, count * weight));
                    }
                }
            }
            for run in lit.runs() {
                let to = sums[run.clone()].iter_mut().zip(&mut counts[run.clone()]);
                to.zip(&best[run.clone()]).for_each(|((sum, count), best)| (*sum, *count) = (best.1, best.2));
                each.take(y * WIDTH + run.start, Made { sums: &sums[run.clone()], counts: &counts[run] });
            }
        }
    }
}

/// Adds numbers times a weight.
#[inline(always)]
fn add(to: &mut [f64], from: &[f64], weight: f64) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from * weight);
}

/// Calls `each` with the lit pixels of a row of the plane, from the west.
#[inline(always)]
fn for_each_lit(plane: &Plane<Weighed>, row: &Row, mut each: impl FnMut(usize, Weighed)) {
    let cells = plane.row(row.y);
    for run in row.lit.runs() {
        for (x, &pixel) in cells.iter().enumerate().take(run.end).skip(run.start) {
            if pixel.count > 0 {
                each(x, pixel);
            }
        }
    }
}

/// The stronger one stays; of two as strong that of more points, then the larger sum: whichever comes first.
#[inline(always)]
fn win(best: &mut Ranked, other: Ranked) {
    let rank = |(strength, sum, count): Ranked| (strength, count, sum);
    if rank(other) > rank(*best) {
        *best = other;
    }
}

/// Such sums may run over where a halo repeats columns; their differences are right all the same.
#[inline(always)]
fn plus(a: Weighed, b: Weighed) -> Weighed {
    Weighed { sum: a.sum.wrapping_add(b.sum), count: a.count.wrapping_add(b.count) }
}

#[inline(always)]
fn minus(a: Weighed, b: Weighed) -> Weighed {
    Weighed { sum: a.sum.wrapping_sub(b.sum), count: a.count.wrapping_sub(b.count) }
}
