//! Points that wait for the last row, and what becomes of them: counts of the highest zoom. When memory is full, the
//! thread that brought one point too many turns the fullest buckets into counts at once, a run of them each time;
//! runs are added up when the last row is in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::bin::{self, Binning};
use super::turns::Turns;
use crate::backend::Plan;
use crate::backend::host::BUCKET_ZOOM;
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::store::{BucketKey, Coded, CountPart, CountStore, PointSink, PointStore, Runs};

/// Points worth a piece of parallel work: buckets of fewer are counted together.
pub(super) const GROUP: usize = 1 << 15;

#[derive(Debug)]
pub(super) struct Waiting<P: Coded> {
    points: PointStore<P>,
    runs: Runs<P::Value>,
    flushes: AtomicU64,
    zoom: u8,
    /// Points that a thread takes out of a bucket at a time.
    most: usize,
    monitor: Arc<Monitor>,
    turns: Turns,
}

impl<P: Coded> Waiting<P> {
    pub(super) fn new(plan: &Plan) -> Self {
        let threads = rayon::current_num_threads();
        Self {
            points: PointStore::within(
                plan.zooms.max.min(BUCKET_ZOOM),
                plan.memory.points(),
                plan.memory.account.clone(),
            ),
            runs: Runs::new(plan.zooms.max, plan.memory.work(threads), plan.monitor.clone()),
            flushes: AtomicU64::new(0),
            zoom: plan.zooms.max,
            // Points and scratch.
            most: plan.memory.piece(threads, 2 * size_of::<P>() as u64),
            monitor: plan.monitor.clone(),
            turns: Turns::default(),
        }
    }

    /// One thread's way in.
    pub(super) fn sink(&self) -> PointSink<'_, P> {
        self.points.sink()
    }

    /// Times that points became counts early.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Makes room in a full store by turning its fullest buckets into counts.
    pub(super) fn relieve(&self, counts: &CountStore<P::Value>) -> Result<()> {
        if !self.points.is_full() {
            return Ok(());
        }
        self.turns.take(&self.monitor, || if self.points.is_full() { self.flush(counts) } else { Ok(()) })
    }

    fn flush(&self, counts: &CountStore<P::Value>) -> Result<()> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let mut buckets = self.points.fullest()?;
        buckets.sort_unstable();
        self.bin(&buckets, counts, None, |part| self.runs.add(part))
    }

    /// No more points will come: counts what waits, and adds what was counted before. Gives ascending parts that have
    /// no tile in common.
    pub(super) fn finish(&self, counts: &CountStore<P::Value>) -> Result<Vec<CountPart<P::Value>>> {
        let again = AtomicBool::new(false);
        let groups = groups(&self.points.buckets()?, GROUP);
        let parts: Vec<Vec<CountPart<P::Value>>> = groups
            .into_par_iter()
            .map(|buckets| {
                let mut parts = Vec::new();
                self.bin(&buckets, counts, Some(&again), |part| {
                    parts.push(part);
                    Ok(())
                })?;
                Ok(parts)
            })
            .collect::<Result<_>>()?;
        let parts = parts.into_iter().flatten();
        if self.runs.is_empty() && !again.into_inner() {
            return Ok(parts.collect());
        }
        parts.into_iter().try_for_each(|part| self.runs.add(part))?;
        self.runs.settle()
    }

    /// Takes the points of some buckets (ascending) out of the store and counts them, so many at a time; parts go to
    /// `each` when they are full. With `share`, many points are split between the threads of the current pool; it is
    /// set when some tiles may be in several parts.
    fn bin(
        &self,
        buckets: &[BucketKey],
        counts: &CountStore<P::Value>,
        share: Option<&AtomicBool>,
        mut each: impl FnMut(CountPart<P::Value>) -> Result<()>,
    ) -> Result<()> {
        let root = self.points.zoom();
        let mut binning = Binning::new(counts.part());
        for &bucket in buckets {
            for round in 0.. {
                self.monitor.check()?;
                let mut codes = self.points.take_some(bucket, self.most)?;
                if codes.is_empty() {
                    break;
                }
                let long = codes.len() > bin::SPLIT && share.is_some();
                if round > 0 || long {
                    each(binning.exchange(counts.part())?)?;
                }
                if let Some(again) = share.filter(|_| round > 0) {
                    again.store(true, Ordering::Relaxed);
                }
                if long {
                    let bin = || bin::shared(codes, root, self.zoom, || counts.part());
                    self.monitor.time(Stage::Bin, bin)?.into_iter().try_for_each(&mut each)?;
                } else {
                    self.monitor.time(Stage::Bin, || binning.bucket(&mut codes, root, self.zoom))?;
                }
            }
        }
        each(binning.exchange(counts.part())?)
    }
}

/// Buckets that are counted by one thread, one after the other: of about `most` points together.
pub(super) fn groups(buckets: &[(BucketKey, usize)], most: usize) -> Vec<Vec<BucketKey>> {
    let mut groups: Vec<Vec<BucketKey>> = Vec::new();
    let mut points = most;
    for &(bucket, more) in buckets {
        match groups.last_mut() {
            Some(group) if points + more <= most => group.push(bucket),
            _ => {
                groups.push(vec![bucket]);
                points = 0;
            }
        }
        points += more;
    }
    groups
}
