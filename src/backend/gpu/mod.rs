//! The GPU. Points of dense tiles stream to the device and are binned at once (`resident`); those of sparse
//! tiles wait on the host and are counted there. When the dense tiles do not fit the device, or what waits does not
//! fit its memory, all points wait in buckets that are worked off some at a time (`buckets`). What was
//! counted is painted (`paint`) from where it lies. Every pass is a shader and a file here of the same name; `passes`
//! lists them, `device` runs them, `opening` gets the device.
//!
//! Gives the same bytes as the CPU session, on every adapter and under any limits.

mod adapter;
mod add;
mod again;
mod batches;
mod bin;
mod blur;
mod buckets;
mod buffer;
mod calibrate;
mod description;
mod device;
mod halo;
mod loader;
mod memory;
mod new_counts;
mod opening;
mod options;
mod output;
mod pack;
mod paint;
mod passes;
mod push;
mod readback;
mod reduce;
mod resident;
mod shade;
mod shader;
mod slots;
mod spread;
mod stats;
mod table;
mod tally;
mod tiles;
mod timing;
mod widen;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

pub use adapter::{adapters, choose};
pub use calibrate::{Calibration, calibrate};
pub use description::{AdapterDescription, AdapterKind, Choice};
pub use opening::OpenDevice;
pub use options::{ForcedLimits, GpuOptions};

use self::device::Gpu;
use self::memory::MemoryPlan;
use self::pack::Packing;
use self::paint::Counted;
pub use self::paint::GpuPaint;
use self::resident::Resident;
use self::table::Seen;
use self::tally::Step;
use super::host::BUCKET_ZOOM;
use super::paint::all_stats;
use super::{BackendReport, Count, Paint, Plan, PointPush};
use crate::error::{Error, Result};
use crate::store::{BucketKey, CountPart, CountStore, PointStore, Runs};
use crate::tile::WorldPoint;

/// Tiles with fewer points than this do not go through the shaders: a dense tile is 64 Ki pixels whatever is in it.
const DENSE_MIN: usize = 500;
/// Points that come to a bucket before it is looked through for dense tiles.
const REVIEW_POINTS: usize = 1 << 16;

/// How long a thread waits for another one's batch before it asks whether the device is still well.
const PATIENCE: Duration = Duration::from_millis(50);

/// Points that are counted on a GPU.
#[derive(Debug)]
pub struct GpuCount {
    plan: Plan,
    gpu: Gpu,
    memory: MemoryPlan,
    dense_min: usize,
    points: PointStore,
    pushed: AtomicU64,
    /// Whether all points go to buckets and all counts to the host.
    spilled: AtomicBool,
    /// What lies on the device. Whoever reserved a stretch of a batch copies without this lock.
    session: Mutex<Resident>,
    /// Told when a stretch was written.
    written: Condvar,
    /// Tiles that have become dense, in that order, and how many, so that asking for news costs no lock.
    dense: RwLock<Vec<u64>>,
    dense_known: AtomicUsize,
    /// Counts of the highest zoom that are on the host already.
    early: Runs,
    /// Buckets that were worked off.
    worked: Mutex<BTreeSet<BucketKey>>,
    flushes: AtomicU64,
    passes: AtomicU64,
    /// Counts that are on the host: of all tiles, or of those that are not on the device.
    counts: CountStore,
    report: BackendReport,
}

/// A device that is ready to work.
struct Opened {
    gpu: Gpu,
    memory: MemoryPlan,
    dense_min: usize,
    limits: ForcedLimits,
    report: BackendReport,
}

impl Opened {
    /// Gets a device ready whose host's share is done by `threads` threads.
    fn of(device: OpenDevice, threads: usize) -> Self {
        let OpenDevice { gpu, description, memory, limits } = device;
        let report = BackendReport {
            backend: "gpu",
            adapter: Some(gpu.adapter().to_string()),
            interface: Some(description.interface),
            subgroups: gpu.subgroups,
            threads,
            device_memory: memory.budget,
            ..Default::default()
        };
        let dense_min = limits.dense_min.unwrap_or(DENSE_MIN).min(super::host::LIST_MAX);
        Self { gpu, memory, dense_min, limits, report }
    }
}

impl GpuCount {
    /// Begins on the adapter that `options` ask for; call its methods within the rayon pool that shall do the host's
    /// share.
    pub fn new(plan: Plan, options: &GpuOptions) -> Result<Self> {
        let device = OpenDevice::open(options, &plan.monitor)?;
        Self::on(plan, device, rayon::current_num_threads())
    }

    /// Begins on a device that is open already, with a pool of `threads` threads.
    pub fn on(plan: Plan, device: OpenDevice, threads: usize) -> Result<Self> {
        let Opened { gpu, memory, dense_min, limits, report } = Opened::of(device, threads);
        let device = Resident::new(&gpu, &plan, memory)?;
        let bucket_zoom = limits.bucket_zoom.unwrap_or(BUCKET_ZOOM).min(plan.zooms.max);
        Ok(Self {
            points: PointStore::within(bucket_zoom, plan.memory.points(), plan.memory.account.clone())
                .with_review(limits.review_points.unwrap_or(REVIEW_POINTS)),
            dense_min,
            session: Mutex::new(device),
            written: Condvar::new(),
            pushed: AtomicU64::new(0),
            spilled: AtomicBool::new(false),
            dense: RwLock::default(),
            dense_known: AtomicUsize::new(0),
            early: Runs::new(plan.zooms.max, plan.memory.work(rayon::current_num_threads()), plan.monitor.clone()),
            worked: Mutex::default(),
            flushes: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            counts: CountStore::in_vault(plan.zooms.max, Arc::new(plan.memory.vault())),
            plan,
            gpu,
            memory,
            report,
        })
    }

    /// What takes the device away, as a driver reset would, also when it was handed on.
    #[doc(hidden)]
    pub fn destroyer_for_test(&self) -> impl Fn() + use<> {
        self.gpu.destroyer()
    }

    fn new_part(&self) -> CountPart {
        self.counts.part()
    }

    fn packing<'a>(&'a self, new_part: &'a (dyn Fn() -> CountPart + Sync)) -> Packing<'a> {
        Packing { bytes: self.memory.pack_bytes, monitor: &self.plan.monitor, new_part }
    }

    /// Adds the tiles to `dense` that have become dense since there were `known`; whether there were any.
    fn learn(&self, dense: &mut Seen, known: &mut usize) -> Result<bool> {
        if self.dense_known.load(Ordering::Acquire) == *known {
            return Ok(false);
        }
        let all = self.dense.read().map_err(poisoned)?;
        for &tile in &all[*known..] {
            dense.insert(tile);
        }
        *known = all.len();
        Ok(true)
    }

    /// Gives tiles a place on the device, so that their points may go there; `false` when points go to buckets from
    /// now on.
    fn make_dense(&self, tiles: &[u64]) -> Result<bool> {
        let mut device = lock(&self.session)?;
        if self.spilled.load(Ordering::Acquire) {
            return Ok(false);
        }
        if device.add(&self.gpu, tiles)? {
            let mut all = self.dense.write().map_err(poisoned)?;
            all.extend_from_slice(tiles);
            self.dense_known.store(all.len(), Ordering::Release);
            return Ok(true);
        }
        drop(device);
        self.spill().map(|()| false)
    }

    /// Hands points of dense tiles to the device; gives how many it took, all unless points go to buckets from now
    /// on.
    fn give(&self, points: &[WorldPoint]) -> Result<usize> {
        let mut taken = 0;
        while taken < points.len() {
            let mut device = lock(&self.session)?;
            if self.spilled.load(Ordering::Acquire) {
                break;
            }
            let reserved = match device.batches.reserve(&self.gpu, points.len() - taken) {
                Err(Error::DeviceFull { .. }) => {
                    drop(device);
                    self.spill()?;
                    break;
                }
                reserved => reserved?,
            };
            let Some(mut stretch) = reserved else {
                // Who sends a batch may fail, and then nobody tells.
                self.gpu.check()?;
                self.plan.monitor.check()?;
                drop(self.written.wait_timeout(device, PATIENCE).map_err(poisoned)?);
                continue;
            };
            drop(device);
            stretch.write(&points[taken..]);
            taken += stretch.points;
            let sent = lock(&self.session)?.commit(&self.gpu, stretch);
            self.written.notify_all();
            match sent {
                // The batch is still there, and sent when the counts have made room for it.
                Err(Error::DeviceFull { .. }) => self.spill()?,
                sent => sent?,
            }
        }
        Ok(taken)
    }

    /// Turns to buckets: what was counted on the device comes to the host.
    fn spill(&self) -> Result<()> {
        let mut device = lock(&self.session)?;
        while !device.batches.written() {
            // Who writes may fail, and then nobody tells.
            self.gpu.check()?;
            self.plan.monitor.check()?;
            device = self.written.wait_timeout(device, PATIENCE).map_err(poisoned)?.0;
        }
        if self.spilled.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.early.add(device.unload(&self.gpu, &self.packing(&|| self.new_part()))?)
    }

    /// Notes for the report what did not go through the shaders.
    fn tell_sparse(&mut self, parts: &[CountPart]) {
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
    }
}

impl GpuCount {
    /// Bins and reduces what is left.
    fn count(mut self) -> Result<GpuPaint> {
        self.settle()?;
        if !self.spilled.load(Ordering::Acquire) && !lock(&self.session)?.settle(&self.gpu)? {
            self.spill()?;
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

/// A lock that another thread's panic does not turn into one here.
fn lock(session: &Mutex<Resident>) -> Result<MutexGuard<'_, Resident>> {
    session.lock().map_err(poisoned)
}

fn poisoned<T>(_: PoisonError<T>) -> Error {
    Error::Internal("a thread died while it handed points to the device".into())
}

impl Count for GpuCount {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(push::GpuPush::new(self))
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>> {
        Ok(Box::new(self.count()?))
    }
}
