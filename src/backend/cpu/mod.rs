//! The CPU: the yardstick. Points wait in buckets, every bucket is partitioned down to its tiles and binned (`bin`),
//! zooms are summed in the count store. From there they are painted (`paint`): spread where that makes new counts
//! (`spread`), and coloured (`spread`, `shade`). Where points have weights the same is done with pixels that hold a sum
//! beside their count, and what is drawn of them is a measure (`measured`).
//! All cores of the current rayon pool; the result does not depend on how many there are.

mod bin;
mod keyed;
mod measured;
mod paint;
mod shade;
mod spread;
mod turns;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use self::keyed::{CountKeyed, KeyedValue, keyed};
use self::measured::MeasuredPaint;
pub use self::paint::CpuPaint;
use self::waiting::Waiting;
use super::host::{add_weights, count_points};
use super::{BackendReport, Count, Paint, Plan, PointPush};
use crate::counts::{Holds, Measuring, Step, Value, Weighed};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::store::{Coded, CountStore, Heavy, PointSink};
use crate::tile::Points;

/// Points that are counted on the processor, or whose weights are added up there.
#[derive(Debug)]
pub struct CpuCount<P: Coded = u64> {
    plan: Plan,
    waiting: Waiting<P>,
    pushed: AtomicU64,
    /// What absolute weights come to so far, in steps.
    weights: AtomicU64,
    counts: CountStore<P::Value>,
    report: BackendReport,
}

/// A session for `plan`: one that measures weights where it says so, else one that counts. Call it and its methods within
/// the rayon pool that shall do the work.
pub fn count(plan: Plan) -> Box<dyn Count> {
    match plan.measuring {
        Some(measuring) => Box::new(Weighing(CpuCount::<Heavy>::begin(plan), measuring)),
        None => Box::new(CpuCount::new(plan)),
    }
}

/// Paints sums of weights, wherever they come from, by the measure that `plan` says; call it and its methods within the
/// rayon pool that shall do the work.
pub fn measure(counts: CountStore<Weighed>, plan: Plan) -> Result<Box<dyn Paint>> {
    let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
    let measuring = plan.measuring.ok_or_else(|| Error::Internal("sums are painted by no measure".into()))?;
    Ok(Box::new(MeasuredPaint::counted(counts, measuring, plan, report)?))
}

impl CpuCount {
    /// Begins a session that counts; call it and its methods within the rayon pool that shall do the work.
    pub fn new(plan: Plan) -> Self {
        Self::begin(plan)
    }
}

impl<P: Coded> CpuCount<P> {
    fn begin(plan: Plan) -> Self {
        let zoom = plan.zooms.max;
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        Self {
            waiting: Waiting::new(&plan),
            pushed: AtomicU64::new(0),
            weights: AtomicU64::new(0),
            counts: CountStore::in_vault(zoom, Arc::new(plan.memory.vault())),
            plan,
            report,
        }
    }

    fn bin(&mut self) -> Result<()> {
        let parts = self.waiting.finish(&self.counts)?;
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
        self.counts.set_zoom(self.plan.zooms.max, parts)
    }

    /// Everything of all zooms, and what it took.
    fn all(mut self) -> Result<(CountStore<P::Value>, Plan, BackendReport)> {
        self.bin()?;
        let Self { plan, mut counts, waiting, report, .. } = self;
        let report = BackendReport { flushes: waiting.flushes(), ..report };
        drop(waiting);
        plan.memory.account.return_freed();
        for z in (0..plan.zooms.max).rev() {
            plan.monitor.check()?;
            plan.monitor.time(Stage::Reduce, || counts.reduce(z))?;
        }
        Ok((counts, plan, report))
    }
}

struct CpuPush<'a, P: Coded> {
    sink: PointSink<'a, P>,
    backend: &'a CpuCount<P>,
}

impl<P: Coded> PointPush for CpuPush<'_, P> {
    fn push(&mut self, points: Points<'_>) -> Result<()> {
        let backend = self.backend;
        count_points(&backend.pushed, points.len() as u64)?;
        backend.plan.monitor.time(Stage::Store, || match P::Value::HOLDS {
            Holds::Counts => self.sink.push(points.places),
            Holds::Sums => {
                let step = backend.plan.measuring.map_or_else(Step::default, |measuring| measuring.step);
                add_weights(&backend.weights, points.weights, step)?;
                self.sink.push_heavy(points.places, points.weights)
            }
        })?;
        backend.waiting.relieve(&backend.counts)
    }

    fn close(&mut self) -> Result<()> {
        self.sink.close()
    }
}

impl Count for CpuCount {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(CpuPush { sink: self.waiting.sink(), backend: self })
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>> {
        let (counts, plan, report) = self.all()?;
        Ok(Box::new(CpuPaint::counted(Arc::new(counts), plan, report)?))
    }
}

/// A session whose points have weights.
struct Weighing(CpuCount<Heavy>, Measuring);

impl Count for Weighing {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(CpuPush { sink: self.0.waiting.sink(), backend: &self.0 })
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>> {
        let (counts, plan, report) = self.0.all()?;
        Ok(Box::new(MeasuredPaint::counted(counts, self.1, plan, report)?))
    }
}
