//! Sums of weights and their means, painted on the processor. What a pixel comes to becomes a whole number in the same
//! order, its level (`counts/level.rs`), as soon as nothing is added to it any more; from there on it is what a count is
//! to everything behind it. Where kernels make new values, sum and count are spread each, and the measure is taken of
//! what that makes (`kernels`); they are made anew for each purpose, as bells of counts are.

mod kernels;
mod lookup;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use self::kernels::{Drawn, Made, Spreading, Take};
use self::lookup::LevelLookup;
use super::shade;
use super::spread::largest::Largest;
use super::spread::rows::{Plane, Raster, WIDTH, Words};
use super::spread::{self, Again, Kept, pieces};
use crate::backend::host::{isolation, surroundings};
use crate::backend::paint::of_zoom;
use crate::backend::{AroundSink, BackendReport, HeldCounts, Paint, Plan, SpreadZoom, TileSink};
use crate::counts::{Distinct, Histogram, Isolation, Lit, Measuring, Unit, Weighed, ZoomStats, level};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::{Form, Kernel, ShadeTable};
use crate::store::{CountStore, Gatherer};
use crate::tile::{PixelIndex, TileCoord};

/// Sums on the host and the processor that paints them.
#[derive(Debug)]
pub(super) struct MeasuredPaint {
    counts: CountStore<Weighed>,
    measuring: Measuring,
    stats: Vec<ZoomStats>,
    /// Of each zoom the smallest and the largest value, where any is drawn.
    extremes: Vec<Option<(f64, f64)>>,
    /// What all weights come to.
    weight: i64,
    plan: Plan,
    report: BackendReport,
    kept: Kept<Weighed>,
}

/// The smallest and the largest level of some pixels, and which there are if they are few.
#[derive(Debug, Clone, Default)]
struct Levels {
    min: u32,
    max: u32,
    distinct: Distinct,
    lit: u64,
    tiles: u64,
    /// What the sums of all pixels come to, drawn or not.
    weight: i64,
}

impl Levels {
    #[inline(always)]
    fn add(&mut self, level: u32) {
        self.min = if self.lit == 0 { level } else { self.min.min(level) };
        self.max = self.max.max(level);
        self.lit += 1;
        if !self.distinct.is_many() {
            self.distinct.add(level);
        }
    }

    fn merge(&mut self, other: &Self) {
        if other.lit > 0 {
            self.min = if self.lit == 0 { other.min } else { self.min.min(other.min) };
        }
        self.max = self.max.max(other.max);
        self.lit += other.lit;
        self.tiles += other.tiles;
        self.weight = self.weight.wrapping_add(other.weight);
        self.distinct.merge(&other.distinct);
    }
}

impl MeasuredPaint {
    /// Paints `counts` that were made as `report` tells.
    pub(super) fn counted(
        counts: CountStore<Weighed>,
        measuring: Measuring,
        plan: Plan,
        report: BackendReport,
    ) -> Result<Self> {
        let unit = Unit { step: Some(measuring.step), ..Unit::POINTS };
        let (mut weight, mut extremes) = (None, Vec::new());
        let stats = (0..=counts.max_zoom()).map(|z| {
            plan.monitor.check()?;
            let (levels, of_zoom) = plan.monitor.time(Stage::Reduce, || levels(&counts, z, measuring))?;
            extremes.push(of_zoom);
            let Levels { min, max, distinct, weight: of_zoom, .. } = levels;
            let weight = *weight.get_or_insert(of_zoom);
            if of_zoom != weight {
                return Err(Error::Internal(format!("zoom {z} adds up to {of_zoom} steps, and zoom 0 to {weight}")));
            }
            Ok(ZoomStats { max, min, distinct, unit, ..counts.stats(z)?.clone() })
        });
        let stats = stats.collect::<Result<_>>()?;
        let weight = weight.unwrap_or(0);
        Ok(Self { counts, measuring, stats, extremes, weight, plan, report, kept: Kept::default() })
    }

    fn spreading(&self, z: u8) -> spread::Work<'_, Weighed> {
        let Plan { memory, monitor, .. } = &self.plan;
        spread::Work { counts: &self.counts, z, memory, monitor, kept: &self.kept }
    }

    fn drawn(&self, kernel: &Kernel) -> Drawn {
        Drawn::new(kernel, self.measuring)
    }

    fn colour<I: PixelIndex>(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        let lookup = LevelLookup::<I>::new(table);
        match zoom.kernel() {
            kernel if !kernel.keeps_counts() => self.coloured_new(zoom.z(), kernel, &lookup, sink),
            Kernel { radius, form: Form::Rows(rows), .. } if *radius > 0 => {
                self.strongest(zoom.z(), (*radius, rows), &lookup, sink)
            }
            _ => {
                let index = |pixel: Weighed| self.measuring.level(pixel).map_or(I::default(), |l| lookup.index(l));
                let hides = self.measuring.least > 1 || lookup.hides_some();
                shade::zoom((&self.counts, zoom.z()), index, hides, &self.plan.monitor, sink)
            }
        }
    }

    /// Lets the strongest pixel within a mask win, and colours.
    fn strongest<I: PixelIndex>(
        &self,
        z: u8,
        (radius, rows): (u32, &[u32]),
        lookup: &LevelLookup<'_, I>,
        sink: &dyn TileSink,
    ) -> Result<()> {
        let (work, measuring) = (self.spreading(z), self.measuring);
        work.areas(radius, (Stage::Shade, Again::No), |borders, reached| {
            pieces(reached).try_for_each_init(Strongest::<I>::default, |scratch, codes| {
                work.monitor.check()?;
                for &code in codes {
                    let tile = TileCoord::from_morton(z, code);
                    let from = work.monitor.now();
                    scratch.plane.begin(radius);
                    borders.for_each_near(work.counts, tile, &mut scratch.lit, |x, y, pixel| {
                        if let Some(of_pixel) = measuring.level(pixel) {
                            let strength = measuring.measure.strength(pixel.sum as f64, pixel.count.into());
                            let ranked = u64::from(level::of(strength)) << 32 | u64::from(of_pixel);
                            scratch.plane.set(x, y, ranked);
                        }
                    })?;
                    scratch.plane.end();
                    scratch.ranked.clear();
                    scratch.largest.spread(&scratch.plane, rows, &mut scratch.ranked);
                    scratch.indices.clear();
                    for (first, ranked) in scratch.ranked.stretches() {
                        let (y, x) = (first / WIDTH, first % WIDTH);
                        let row = &mut scratch.indices.row(y, Words::of(x, x + ranked.len()))[x..];
                        for (to, &ranked) in row.iter_mut().zip(ranked).filter(|(_, ranked)| **ranked > 0) {
                            *to = lookup.index(ranked as u32);
                        }
                    }
                    let indices = scratch.indices.leave(&mut scratch.list);
                    work.monitor.record(Stage::Shade, from, work.monitor.now());
                    if let Some(indices) = indices {
                        sink.put(tile, indices)?;
                    }
                }
                Ok(())
            })
        })
    }

    /// Makes new values and colours them.
    fn coloured_new<I: PixelIndex>(
        &self,
        z: u8,
        kernel: &Kernel,
        lookup: &LevelLookup<'_, I>,
        sink: &dyn TileSink,
    ) -> Result<()> {
        let (work, drawn) = (self.spreading(z), self.drawn(kernel));
        let bells = matches!(kernel.form, Form::Weights { .. });
        work.areas(kernel.radius, (Stage::Spread, Again::No), |borders, reached| {
            let none = || (Spreading::default(), Raster::<I>::default(), Vec::new());
            pieces(reached).try_for_each_init(none, |(scratch, indices, list), codes| {
                work.monitor.check()?;
                for &code in codes {
                    let from = work.monitor.now();
                    scratch.gather(work, borders, code, kernel)?;
                    indices.clear();
                    let colouring = Colouring { drawn: &drawn, lookup, indices };
                    scratch.spread(kernel, self.measuring.measure, colouring);
                    let leaves = if bells { indices.words() } else { indices.leave(list) };
                    work.monitor.record(Stage::Spread, from, work.monitor.now());
                    if let Some(leaves) = leaves {
                        sink.put(TileCoord::from_morton(z, code), leaves)?;
                    }
                }
                Ok(())
            })
        })
    }

    /// Adds up something over what a kernel makes of all tiles, piece by piece; `tile` is called behind each, and `done`
    /// with what each piece came to.
    fn fold<T: Send>(
        &self,
        z: u8,
        kernel: &Kernel,
        none: impl Fn() -> T + Sync + Send,
        add: impl Fn(&mut T, &Drawn, &mut Spreading) + Sync,
        (tile, done): (impl Fn(&mut T) -> Result<()> + Sync, impl Fn(T) -> Result<()> + Sync),
    ) -> Result<()> {
        let (work, drawn) = (self.spreading(z), self.drawn(kernel));
        work.areas(kernel.radius, (Stage::Spread, Again::Yes), |borders, reached| {
            let none = || (none(), Spreading::default());
            let pieces = pieces(reached).try_fold(none, |(mut sum, mut scratch), codes| {
                work.monitor.check()?;
                for &code in codes {
                    let from = work.monitor.now();
                    scratch.gather(work, borders, code, kernel)?;
                    add(&mut sum, &drawn, &mut scratch);
                    tile(&mut sum)?;
                    work.monitor.record(Stage::Spread, from, work.monitor.now());
                }
                Ok((sum, scratch))
            });
            pieces.try_for_each(|piece: Result<(T, Spreading)>| piece.and_then(|(sum, _)| done(sum)))
        })
    }

    /// The levels of the smallest and the largest value that bells make; 0 where nothing is drawn.
    fn new_ends(&self, z: u8, kernel: &Kernel) -> Result<(u32, u32)> {
        const NONE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
        let all = Mutex::new(NONE);
        let add = |ends: &mut (f64, f64), drawn: &Drawn, scratch: &mut Spreading| {
            scratch.spread(kernel, self.measuring.measure, Ends { drawn, ends });
        };
        let done = |ends: (f64, f64)| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            *all = (all.0.min(ends.0), all.1.max(ends.1));
            Ok(())
        };
        self.fold(z, kernel, || NONE, add, (|_: &mut (f64, f64)| Ok(()), done))?;
        let (low, high) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(if low <= high { (level::of(low), level::of(high)) } else { (0, 0) })
    }

    fn new_stats(&self, z: u8, kernel: &Kernel) -> Result<ZoomStats> {
        let before = of_zoom(&self.stats, z)?;
        let unit = Unit { step: Some(self.measuring.step), ..kernel.unit() };
        if matches!(kernel.form, Form::Weights { .. }) {
            // Of bells nearly every pixel has a value of its own, and the ends are all there is to know.
            let (min, max) = self.new_ends(z, kernel)?;
            return Ok(ZoomStats { max, min, distinct: Distinct::many(), unit, ..before.clone() });
        }
        // The second is what the tiles before came to.
        let none = || (Levels::default(), 0);
        let all = Mutex::new(none().0);
        let tile = |(levels, before): &mut (Levels, u64)| {
            levels.tiles += u64::from(levels.lit > *before);
            *before = levels.lit;
            Ok(())
        };
        let done = |(levels, _): (Levels, u64)| {
            all.lock().unwrap_or_else(PoisonError::into_inner).merge(&levels);
            Ok(())
        };
        let add = |(levels, _): &mut (Levels, u64), drawn: &Drawn, scratch: &mut Spreading| {
            let each = |_: usize, made: Made<'_>| drawn.values(made, |value| levels.add(level::of(value)));
            scratch.spread(kernel, self.measuring.measure, each);
        };
        self.fold(z, kernel, none, add, (tile, done))?;
        let Levels { min, max, distinct, lit, tiles, .. } = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(ZoomStats { lit, max, min, tiles, distinct, unit, ..before.clone() })
    }
}

/// Colours what a kernel makes.
struct Colouring<'a, I> {
    drawn: &'a Drawn,
    lookup: &'a LevelLookup<'a, I>,
    indices: &'a mut Raster<I>,
}

impl<I: PixelIndex> Take for Colouring<'_, I> {
    #[inline(always)]
    fn take(&mut self, first: usize, made: Made<'_>) {
        let (y, x) = (first / WIDTH, first % WIDTH);
        let (mut levels, mut steps) = ([0; WIDTH], [0; WIDTH]);
        self.drawn.levels(made, self.lookup.fades(), &mut levels, &mut steps);
        let row = &mut self.indices.row(y, Words::of(x, x + made.sums.len()))[x..];
        let found = row.iter_mut().zip(&levels).zip(&steps).take(made.sums.len());
        for ((to, &level), &step) in found.filter(|(_, step)| **step > 0) {
            *to = self.lookup.faded(level, step);
        }
    }
}

/// The smallest and the largest value that is drawn.
struct Ends<'a> {
    drawn: &'a Drawn,
    ends: &'a mut (f64, f64),
}

impl Take for Ends<'_> {
    #[inline(always)]
    fn take(&mut self, _: usize, made: Made<'_>) {
        self.drawn.ends(made, self.ends);
    }
}

/// Buffers of a thread that lets the strongest pixel win.
struct Strongest<I> {
    lit: Vec<Lit<Weighed>>,
    plane: Plane<u64>,
    largest: Largest<u64>,
    ranked: Raster<u64>,
    indices: Raster<I>,
    list: Vec<(u16, I)>,
}

impl<I: PixelIndex> Default for Strongest<I> {
    fn default() -> Self {
        Self {
            lit: Vec::new(),
            plane: Plane::default(),
            largest: Largest::default(),
            ranked: Raster::default(),
            indices: Raster::default(),
            list: Vec::new(),
        }
    }
}

/// The levels of a zoom as it was counted, and its smallest and largest value.
fn levels(counts: &CountStore<Weighed>, z: u8, measuring: Measuring) -> Result<(Levels, Option<(f64, f64)>)> {
    const NONE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
    let none = || ((Levels::default(), NONE), Vec::new());
    let pieces = (0..counts.chunks(z)?).into_par_iter().try_fold(none, |((mut levels, mut ends), mut lit), chunk| {
        counts.read_chunk(z, chunk, &mut lit, |_, lit| {
            for pixel in lit.iter().map(|l| l.count) {
                let value = measuring.measure.value(pixel);
                ends = (ends.0.min(value), ends.1.max(value));
                if pixel.count >= measuring.least {
                    levels.add(level::of(value));
                }
            }
            levels.weight = lit.iter().fold(levels.weight, |sum, l| sum.wrapping_add(l.count.sum));
            Ok(())
        })?;
        Ok::<_, Error>(((levels, ends), lit))
    });
    let all = pieces.map(|piece| piece.map(|(found, _)| found)).try_reduce(
        || (Levels::default(), NONE),
        |(mut a, of_a), (b, of_b)| {
            a.merge(&b);
            Ok((a, (of_a.0.min(of_b.0), of_a.1.max(of_b.1))))
        },
    );
    all.map(|(levels, ends)| (levels, (ends.0 <= ends.1).then_some(ends)))
}

impl Paint for MeasuredPaint {
    fn stats(&self) -> &[ZoomStats] {
        &self.stats
    }

    fn sums(&self) -> Option<&CountStore<Weighed>> {
        Some(&self.counts)
    }

    fn extremes(&self, z: u8) -> Option<(f64, f64)> {
        self.extremes.get(usize::from(z)).copied().flatten()
    }

    fn weight(&self) -> Option<i64> {
        Some(self.weight)
    }

    fn counts(&self, z: u8) -> Result<HeldCounts<'_>> {
        Ok(HeldCounts::Copied(self.counts.points_of(z)?))
    }

    fn isolation(&self, z: u8, least: u32) -> Result<Isolation> {
        isolation::zoom(&self.counts, z, least, &self.plan.memory)
    }

    fn spread(&self, z: u8, kernel: &Kernel) -> Result<SpreadZoom> {
        if kernel.keeps_counts() {
            return Ok(SpreadZoom::kept(z, of_zoom(&self.stats, z)?, kernel));
        }
        Ok(SpreadZoom::made_anew(z, self.new_stats(z, kernel)?, kernel))
    }

    fn histogram(&self, zoom: &SpreadZoom) -> Result<Histogram> {
        let gathering = self.counts.gathering();
        let z = zoom.z();
        if zoom.kernel().keeps_counts() {
            let none = || (gathering.gatherer(), Vec::new());
            let pieces =
                (0..self.counts.chunks(z)?).into_par_iter().try_fold(none, |(mut gatherer, mut lit), chunk| {
                    self.counts.read_chunk(z, chunk, &mut lit, |_, lit| {
                        lit.iter().filter_map(|l| self.measuring.level(l.count)).for_each(|level| gatherer.add(level));
                        gatherer.relieve()
                    })?;
                    Ok((gatherer, lit))
                });
            pieces.try_for_each(|piece: Result<_>| piece.and_then(|(gatherer, _)| gatherer.close()))?;
            return gathering.finish();
        }
        let (kernel, measure) = (zoom.kernel(), self.measuring.measure);
        let add = |gatherer: &mut Gatherer<'_>, drawn: &Drawn, scratch: &mut Spreading| {
            let each = |_: usize, made: Made<'_>| drawn.values(made, |value| gatherer.add(level::of(value)));
            scratch.spread(kernel, measure, each);
        };
        let ends = (|gatherer: &mut Gatherer<'_>| gatherer.relieve(), Gatherer::close);
        self.fold(z, kernel, || gathering.gatherer(), add, ends)?;
        gathering.finish()
    }

    fn tiles(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        if table.is_wide() { self.colour::<u16>(zoom, table, sink) } else { self.colour::<u8>(zoom, table, sink) }
    }

    fn surroundings(&self, zoom: &SpreadZoom, radius: u32, table: &ShadeTable, sink: &dyn AroundSink) -> Result<()> {
        let Plan { memory, monitor, .. } = &self.plan;
        let index = |pixel: Weighed| self.measuring.level(pixel).map_or(0, |level| table.index(level));
        surroundings((&self.counts, zoom.z()), radius, index, (memory, monitor), sink)
    }

    fn report(&self) -> BackendReport {
        BackendReport { spilled_bytes: self.counts.spilled(), ..self.report.clone() }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an independent check")]
mod tests;
