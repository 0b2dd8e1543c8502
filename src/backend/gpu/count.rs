//! From points to counts: a way in for each thread, and what is left to do after the last point.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::locks::{lock, poisoned};
use super::paint::{Counted, GpuPaint};
use super::push::GpuPush;
use super::session::GpuCount;
use super::tally::Step;
use crate::backend::paint::all_stats;
use crate::backend::{Count, Paint, PointPush};
use crate::error::{Error, Result};

/// Bytes without which a session cannot paint what stays on its device: some tiles with wide surroundings on their way up
/// and down.
const ROOM: u64 = 8 << 20;

impl GpuCount {
    /// Whether the device has memory left for what comes after counting.
    fn can_paint(&self) -> Result<bool> {
        match self.gpu.room("to paint", ROOM) {
            Err(Error::DeviceFull { .. }) => Ok(false),
            there => there.map(|()| true),
        }
    }

    /// Bins and reduces what is left.
    fn count(mut self) -> Result<GpuPaint> {
        self.settle()?;
        if !self.spilled.load(Ordering::Acquire) {
            let fits = lock(&self.session)?.settle(&self.gpu)? && self.can_paint()?;
            if !fits {
                self.spill()?;
            }
        }
        let spilled = self.spilled.load(Ordering::Acquire);
        if spilled {
            self.count_buckets()?;
        } else {
            let sparse = self.early.settle()?;
            self.tell_sparse(&sparse);
            self.counts.set_zoom(self.plan.zooms.max, sparse)?;
        }
        let Self { gpu, memory, dense_min, plan, session, mut counts, mut report, flushes, passes, points, .. } = self;
        drop(points);
        plan.memory.account.return_freed();
        let mut resident = session.into_inner().map_err(poisoned)?;
        report.flushes = flushes.into_inner();
        report.passes = passes.into_inner();
        report.batches = resident.batches.sent;
        report.slot_buffers = resident.pools.iter().map(|pool| pool.made() as u64).sum();
        let (device, stats) = if spilled {
            // Painting needs the memory, and nothing lies there any more.
            resident.release(&gpu)?;
            (None, all_stats(&counts)?)
        } else {
            gpu.tally.begin(Step::Reduce);
            let (device, stats, reduced) = resident.finish(&gpu, &plan, &mut counts)?;
            report.host_reduced_tiles = reduced;
            (Some(device), stats)
        };
        let counts = Arc::new(counts);
        Ok(GpuPaint::counted(Counted { gpu, memory, dense_min, plan, device, counts, stats, report }))
    }
}

impl Count for GpuCount {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(GpuPush::new(self))
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>> {
        Ok(Box::new(self.count()?))
    }
}
