//! The CPU session: the yardstick. Points wait in buckets, every bucket is partitioned down to its tiles and
//! binned (`bin`), zooms are summed in the count store, tiles are coloured from it (`spread`, `shade`).
//! All cores of the current rayon pool; the result does not depend on how many there are.

mod bin;
mod shade;
mod spread;

use rayon::prelude::*;

use super::{Backend, BackendReport, Plan, PointPush, TileSink};
use crate::counts::ZoomStats;
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::ShadeTable;
use crate::store::{CountPart, CountStore, PointSink, PointStore};
use crate::tile::WorldPoint;

/// Buckets are tiles of this zoom (or of the highest, if that is lower): small enough to share work between
/// cores, few enough for a chunk of each to stay open in every thread.
const BUCKET_ZOOM: u8 = 7;

/// A session on the processor.
#[derive(Debug)]
pub struct CpuBackend {
    plan: Plan,
    points: PointStore,
    counts: CountStore,
    report: BackendReport,
}

impl CpuBackend {
    /// Begins a session; call it and its methods within the rayon pool that shall do the work.
    pub fn new(plan: Plan) -> Self {
        let zoom = plan.zooms.max;
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        Self { points: PointStore::new(zoom.min(BUCKET_ZOOM)), counts: CountStore::new(zoom), plan, report }
    }

    /// The counts, complete after `finish`.
    pub fn counts(&self) -> &CountStore {
        &self.counts
    }

    fn bin(&mut self) -> Result<()> {
        let zoom = self.plan.zooms.max;
        let buckets = self.points.buckets()?;
        let points: u64 = buckets.iter().map(|b| b.1 as u64).sum();
        if points > u64::from(u32::MAX) {
            return Err(Error::Limit(format!(
                "{points} points are more than one run can count (4,294,967,295); split the input"
            )));
        }
        let parts: Vec<Vec<CountPart>> = buckets
            .into_par_iter()
            .map(|(bucket, _)| {
                self.plan.monitor.check()?;
                let codes = self.points.take(bucket)?;
                self.plan.monitor.time(Stage::Bin, || bin::bin(codes, self.points.zoom(), zoom))
            })
            .collect::<Result<_>>()?;
        let parts: Vec<CountPart> = parts.into_iter().flatten().collect();
        self.report.buckets = 0;
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
        self.counts.set_zoom(zoom, parts)
    }
}

struct CpuPush<'a> {
    sink: PointSink<'a>,
    plan: &'a Plan,
}

impl PointPush for CpuPush<'_> {
    fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        self.plan.monitor.time(Stage::Store, || self.sink.push(points))
    }

    fn close(&mut self) -> Result<()> {
        self.sink.close()
    }
}

impl Backend for CpuBackend {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(CpuPush { sink: self.points.sink(), plan: &self.plan })
    }

    fn finish(&mut self) -> Result<Vec<ZoomStats>> {
        self.bin()?;
        let monitor = self.plan.monitor.clone();
        for z in (0..self.plan.zooms.max).rev() {
            monitor.check()?;
            monitor.time(Stage::Reduce, || self.counts.reduce(z))?;
        }
        (0..=self.plan.zooms.max).map(|z| self.counts.stats(z).cloned()).collect()
    }

    fn tiles(&mut self, tables: &[ShadeTable], sink: &dyn TileSink) -> Result<()> {
        for z in self.plan.zooms.iter() {
            let table =
                tables.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no colours for zoom {z}")))?;
            let lookup = shade::Lookup::new(table);
            if self.plan.spread == 0 {
                shade::zoom(&self.counts, z, &lookup, &self.plan.monitor, sink)?;
            } else {
                spread::zoom(&self.counts, z, self.plan.spread, &lookup, &self.plan.monitor, sink)?;
            }
        }
        Ok(())
    }

    fn report(&self) -> BackendReport {
        self.report.clone()
    }
}
