//! The CPU: the yardstick. Points wait in buckets, every bucket is partitioned down to its tiles and binned (`bin`),
//! zooms are summed in the count store. From there they are painted (`paint`): spread where that makes new counts
//! (`spread`), and coloured (`spread`, `shade`).
//! All cores of the current rayon pool; the result does not depend on how many there are.

mod bin;
mod paint;
mod shade;
mod spread;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

pub use self::paint::CpuPaint;
use super::host::{BUCKET_ZOOM, count_points};
use super::{BackendReport, Count, Paint, Plan, PointPush};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::store::{CountPart, CountStore, PointSink, PointStore};
use crate::tile::WorldPoint;

/// Points that are counted on the processor.
#[derive(Debug)]
pub struct CpuCount {
    plan: Plan,
    points: PointStore,
    pushed: AtomicU64,
    flushes: AtomicU64,
    /// Counts of the highest zoom that were made while points still came, by bucket.
    early: Mutex<BTreeMap<u64, Vec<CountPart>>>,
    counts: CountStore,
    report: BackendReport,
}

impl CpuCount {
    /// Begins a session; call it and its methods within the rayon pool that shall do the work.
    pub fn new(plan: Plan) -> Self {
        let zoom = plan.zooms.max;
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        Self {
            points: PointStore::with_room(zoom.min(BUCKET_ZOOM), plan.memory.points()),
            pushed: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            early: Mutex::default(),
            counts: CountStore::in_vault(zoom, Arc::new(plan.memory.vault())),
            plan,
            report,
        }
    }

    /// Takes the points of one bucket out of the store and counts them, about `most` at a time. Parts of one round
    /// do not overlap, those of several rounds may.
    fn bin_bucket(&self, bucket: u64, most: usize, share: bool) -> Result<Vec<Vec<CountPart>>> {
        let mut rounds = Vec::new();
        loop {
            self.plan.monitor.check()?;
            let codes = self.points.take_some(bucket, most)?;
            if codes.is_empty() {
                return Ok(rounds);
            }
            let (root, zoom) = (self.points.zoom(), self.plan.zooms.max);
            let bin = || bin::bin(codes, root, zoom, share, || self.counts.part());
            rounds.push(self.plan.monitor.time(Stage::Bin, bin)?);
        }
    }

    /// Turns the fullest buckets of a full store into counts, on the thread that brought one point too many.
    fn flush(&self) -> Result<()> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let most = self.plan.memory.piece(self.report.threads);
        for bucket in self.points.fullest()? {
            let parts = self.bin_bucket(bucket, most, false)?.into_iter().flatten();
            self.early.lock().map_err(poisoned)?.entry(bucket).or_default().extend(parts);
        }
        Ok(())
    }

    fn bin(&mut self) -> Result<()> {
        let mut early = std::mem::take(&mut *self.early.lock().map_err(poisoned)?);
        let mut buckets: Vec<(u64, Vec<CountPart>)> = Vec::new();
        for (bucket, _) in self.points.buckets()? {
            buckets.push((bucket, early.remove(&bucket).unwrap_or_default()));
        }
        buckets.extend(early);
        buckets.sort_by_key(|b| b.0);
        let most = self.plan.memory.piece(self.report.threads);
        let parts: Vec<Vec<CountPart>> = buckets
            .into_par_iter()
            .map(|(bucket, mut parts)| {
                let mut rounds = self.bin_bucket(bucket, most, true)?;
                if parts.is_empty() && rounds.len() == 1 {
                    return Ok(rounds.swap_remove(0));
                }
                parts.extend(rounds.into_iter().flatten());
                let sum = || CountPart::sum(parts, self.counts.part());
                Ok(vec![self.plan.monitor.time(Stage::Bin, sum)?])
            })
            .collect::<Result<_>>()?;
        let parts: Vec<CountPart> = parts.into_iter().flatten().collect();
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
        self.counts.set_zoom(self.plan.zooms.max, parts)
    }
}

fn poisoned<T>(_: std::sync::PoisonError<T>) -> Error {
    Error::Internal("a thread died while it counted points".into())
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
        if backend.points.is_full() { backend.flush() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        self.sink.close()
    }
}

impl Count for CpuCount {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(CpuPush { sink: self.points.sink(), backend: self })
    }

    fn finish(mut self: Box<Self>) -> Result<Box<dyn Paint>> {
        self.bin()?;
        let monitor = self.plan.monitor.clone();
        for z in (0..self.plan.zooms.max).rev() {
            monitor.check()?;
            monitor.time(Stage::Reduce, || self.counts.reduce(z))?;
        }
        let report = BackendReport { flushes: self.flushes.load(Ordering::Relaxed), ..self.report };
        Ok(Box::new(CpuPaint::counted(Arc::new(self.counts), monitor, report)?))
    }
}
