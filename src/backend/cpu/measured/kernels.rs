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

/// What a kernel makes of a pixel: its sum and its count, of bells weighted by [`WEIGHT_ONE`] to the power of two.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Made {
    pub(super) sum: f64,
    pub(super) count: f64,
}

/// What is drawn of what a kernel makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    measure: Measure,
    /// The least count that is drawn.
    least: f64,
    /// Counts between which alpha rises from nothing to its own, and 1 by the distance between them; 0 without bells.
    edge: f64,
    rise: f64,
    /// 1 by what a lone point counts in the middle of its bell.
    lone: f64,
}

impl Drawn {
    pub(super) fn new(kernel: &Kernel, measuring: Measuring) -> Self {
        let Measuring { measure, least, .. } = measuring;
        let Form::Weights { weights, .. } = &kernel.form else {
            return Self { measure, least: least.into(), edge: 0.0, rise: 0.0, lone: 1.0 };
        };
        let weight = |at: Option<&u32>| f64::from(at.copied().unwrap_or(WEIGHT_ONE));
        let middle = weight(weights.first());
        let (lone, edge) = (middle * middle, middle * weight(weights.last()));
        let least = if least > 1 { lone * f64::from(least) } else { edge };
        let rise = if lone > edge { 1.0 / (lone - edge) } else { 0.0 };
        Self { measure, least, edge, rise, lone: 1.0 / lone }
    }

    /// The level of a pixel and its share of alpha; `None` where it is not drawn.
    #[inline(always)]
    pub(super) fn level(&self, Made { sum, count }: Made) -> Option<(u32, f64)> {
        if count < self.least || count <= 0.0 {
            return None;
        }
        let share = if self.rise > 0.0 { ((count - self.edge) * self.rise).min(1.0) } else { 1.0 };
        let value = match self.measure {
            Measure::Mean => sum / count,
            Measure::Count => count * self.lone,
            Measure::Sum => sum * self.lone,
        };
        Some((level::of(value), share))
    }
}

/// Buffers of a thread that spreads sums and counts.
#[derive(Debug, Default)]
pub(super) struct Spreading {
    lit: Vec<Lit<Weighed>>,
    plane: Plane<Weighed>,
    /// The weights at the distances -radius to radius.
    weights: Vec<f64>,
    /// Each lit row of the plane after the first step of a bell, as columns of the tile.
    across: Vec<Made>,
    /// The same with the strength of each pixel, where the strongest wins.
    ranked: Vec<(f64, Made)>,
    /// For each lit row what those before a pixel come to, one more than the row has.
    before: Vec<Weighed>,
    masked: Raster<Weighed>,
}

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
    pub(super) fn spread(&mut self, kernel: &Kernel, measure: Measure, each: impl FnMut(usize, &[Made])) {
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
    fn spread_wide(&mut self, kernel: &Kernel, measure: Measure, each: impl FnMut(usize, &[Made])) {
        self.spread_anywhere(kernel, measure, each);
    }

    #[inline(always)]
    fn spread_anywhere(&mut self, kernel: &Kernel, measure: Measure, mut each: impl FnMut(usize, &[Made])) {
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
    fn mask(&mut self, mask: &[u32], mut each: impl FnMut(usize, &[Made])) {
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
        let mut made = Vec::with_capacity(WIDTH);
        for (first, pixels) in self.masked.stretches() {
            made.clear();
            made.extend(pixels.iter().map(|pixel| Made { sum: pixel.sum as f64, count: pixel.count.into() }));
            each(first, &made);
        }
    }

    /// The first step of a bell that adds up, along each lit row.
    #[inline(always)]
    fn add_across(&mut self) {
        let plane = &self.plane;
        if self.across.len() < plane.rows.len() * WIDTH {
            self.across.resize(plane.rows.len() * WIDTH, Made::default());
        }
        let radius = plane.radius;
        for (row, sums) in plane.rows.iter().zip(self.across.chunks_exact_mut(WIDTH)) {
            row.reach.runs().for_each(|run| sums[run].fill(Made::default()));
            for_each_lit(plane, row, |x, pixel| {
                let (sum, count) = (pixel.sum as f64, f64::from(pixel.count));
                let (first, last) = (x.saturating_sub(2 * radius), (x + 1).min(WIDTH));
                let weights = &self.weights[2 * radius + first - x..];
                for (to, &weight) in sums[first..last].iter_mut().zip(weights) {
                    to.sum += sum * weight;
                    to.count += count * weight;
                }
            });
        }
    }

    /// The second step, down the columns.
    #[inline(always)]
    fn add_down(&self, each: &mut impl FnMut(usize, &[Made])) {
        let plane = &self.plane;
        let mut sums = [Made::default(); WIDTH];
        for (y, rows, lit) in reaching(plane) {
            lit.runs().for_each(|run| sums[run].fill(Made::default()));
            for at in rows {
                let row = &plane.rows[at];
                let weight = self.weights[row.y - y];
                for run in row.reach.runs() {
                    let from = &self.across[at * WIDTH..][run.clone()];
                    for (to, from) in sums[run].iter_mut().zip(from) {
                        to.sum += from.sum * weight;
                        to.count += from.count * weight;
                    }
                }
            }
            for run in lit.runs() {
                each(y * WIDTH + run.start, &sums[run]);
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
                    win(to, (strength * weight, Made { sum: sum * weight, count: count * weight }));
                }
            });
        }
    }

    #[inline(always)]
    fn win_down(&self, each: &mut impl FnMut(usize, &[Made])) {
        let plane = &self.plane;
        let mut best = [(0.0, Made::default()); WIDTH];
        let mut made = [Made::default(); WIDTH];
        for (y, rows, lit) in reaching(plane) {
            lit.runs().for_each(|run| best[run].fill(Default::default()));
            for at in rows {
                let row = &plane.rows[at];
                let weight = self.weights[row.y - y];
                for run in row.reach.runs() {
                    let from = &self.ranked[at * WIDTH..][run.clone()];
                    for (to, &(strength, Made { sum, count })) in best[run].iter_mut().zip(from) {
                        win(to, (strength * weight, Made { sum: sum * weight, count: count * weight }));
                    }
                }
            }
            for run in lit.runs() {
                made[run.clone()].iter_mut().zip(&best[run.clone()]).for_each(|(to, best)| *to = best.1);
                each(y * WIDTH + run.start, &made[run]);
            }
        }
    }
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
fn win(best: &mut (f64, Made), other: (f64, Made)) {
    let rank = |(strength, made): (f64, Made)| (strength, made.count, made.sum);
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
