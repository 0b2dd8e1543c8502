//! The CPU: the yardstick. Points wait in buckets, every bucket is partitioned down to its tiles and binned (`bin`),
//! zooms are summed in the count store. From there they are painted (`paint`): spread where that makes new counts
//! (`spread`), and coloured (`spread`, `shade`).
//! All cores of the current rayon pool; the result does not depend on how many there are.

mod bin;
mod paint;
mod shade;
mod spread;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use self::paint::CpuPaint;
use self::waiting::Waiting;
use super::host::count_points;
use super::{BackendReport, Count, Paint, Plan, PointPush};
use crate::error::Result;
use crate::monitor::Stage;
use crate::store::{CountStore, PointSink};
use crate::tile::WorldPoint;

/// Points that are counted on the processor.
#[derive(Debug)]
pub struct CpuCount {
    plan: Plan,
    waiting: Waiting,
    pushed: AtomicU64,
    counts: CountStore,
    report: BackendReport,
}

impl CpuCount {
    /// Begins a session; call it and its methods within the rayon pool that shall do the work.
    pub fn new(plan: Plan) -> Self {
        let zoom = plan.zooms.max;
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        Self {
            waiting: Waiting::new(&plan),
            pushed: AtomicU64::new(0),
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
}

struct CpuPush<'a> {
    sink: PointSink<'a>,
    backend: &'a CpuCount,
}

impl PointPush for CpuPush<'_> {
    fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        let backend = self.backend;
        count_points(&backend.pushed, points.len() as u64)?;
        backend.plan.monitor.time(Stage::Store, || self.sink.push(points))?;
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

    fn finish(mut self: Box<Self>) -> Result<Box<dyn Paint>> {
        self.bin()?;
        let Self { plan, mut counts, waiting, report, .. } = *self;
        let report = BackendReport { flushes: waiting.flushes(), ..report };
        drop(waiting);
        plan.memory.account.return_freed();
        for z in (0..plan.zooms.max).rev() {
            plan.monitor.check()?;
            plan.monitor.time(Stage::Reduce, || counts.reduce(z))?;
        }
        Ok(Box::new(CpuPaint::counted(Arc::new(counts), plan, report)?))
    }
}
