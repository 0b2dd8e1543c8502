//! The GPU. Points of dense tiles stream to the device and are binned at once (`resident`); those of sparse
//! tiles wait on the host and are counted there. When the dense tiles do not fit the device, or what waits does not
//! fit its memory, all points wait in buckets that are worked off some at a time (`buckets`). What was
//! counted is painted (`paint`) from where it lies. Every stage is a shader and a file here of the same name; `device` talks to wgpu.
//!
//! Gives the same bytes as the CPU session, on every adapter and under any limits.

mod adapter;
mod add;
mod again;
mod batches;
mod bin;
mod blur;
mod buckets;
mod device;
mod halo;
mod memory;
mod new_counts;
mod output;
mod pack;
mod paint;
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
mod tiles;
mod widen;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

pub use adapter::{AdapterDescription, AdapterKind, Choice, adapters, choose};

use self::device::Gpu;
use self::memory::MemoryPlan;
use self::pack::{Packing, Parts};
use self::paint::Counted;
pub use self::paint::GpuPaint;
use self::resident::Resident;
use self::table::Seen;
use super::host::BUCKET_ZOOM;
use super::paint::all_stats;
use super::{BackendReport, Count, Paint, Plan, PointPush};
use crate::error::{Error, Result};
use crate::store::{CountPart, CountStore, PointStore};
use crate::tile::WorldPoint;

/// Tiles with fewer points than this do not go through the shaders: a dense tile is 64 Ki pixels whatever is in it.
const DENSE_MIN: usize = 500;
/// Points that come to a bucket before it is looked through for dense tiles.
const REVIEW_POINTS: usize = 1 << 16;

/// How long a thread waits for another one's batch before it asks whether the device is still well.
const PATIENCE: Duration = Duration::from_millis(50);

/// What the person chose.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Part of the adapter's name, in any case; `None` takes the best real GPU.
    pub adapter: Option<String>,
    /// Limits below the adapter's own.
    pub limits: ForcedLimits,
}

/// Limits forced on a session, by flags or by tests; `None` is what the adapter grants, or the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForcedLimits {
    /// Bytes of device memory.
    pub device_memory: Option<u64>,
    /// Dense tiles in one buffer.
    pub binding_tiles: Option<u32>,
    /// Points in a batch.
    pub batch_points: Option<usize>,
    /// Zoom of the bucket tiles.
    pub bucket_zoom: Option<u8>,
    /// Whether to use subgroup operations; by default where a real GPU has them.
    pub subgroups: Option<bool>,
    /// Points below which a tile is counted by the host.
    pub dense_min: Option<usize>,
    /// Points that come to a bucket before it is looked through for dense tiles.
    pub review_points: Option<usize>,
    /// Buffers of dense tiles after which the device has no memory for more.
    pub slot_buffers: Option<usize>,
}

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
    /// Counts of the highest zoom that are on the host already, by bucket.
    early: Mutex<Parts>,
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
    report: BackendReport,
}

impl Opened {
    /// Opens the adapter that `options` ask for.
    fn new(options: &GpuOptions) -> Result<Self> {
        let wanted = options.adapter.as_deref().map_or(Choice::Auto, Choice::Named);
        let mut found = adapter::enumerate();
        let descriptions: Vec<_> = found.iter().map(|(_, description)| description.clone()).collect();
        let (adapter, description) = found.swap_remove(choose(&descriptions, wanted)?);
        let limits = options.limits;
        let gpu = Gpu::open(&adapter, limits.subgroups)?;
        let memory = MemoryPlan::new(&description, &limits);
        let report = BackendReport {
            backend: "gpu",
            adapter: Some(gpu.adapter().to_string()),
            interface: Some(description.interface),
            subgroups: gpu.subgroups,
            threads: rayon::current_num_threads(),
            ..Default::default()
        };
        let dense_min = limits.dense_min.unwrap_or(DENSE_MIN).min(super::host::LIST_MAX);
        Ok(Self { gpu, memory, dense_min, report })
    }
}

impl GpuCount {
    /// Begins on the adapter that `options` ask for; call its methods within the rayon pool that shall do the host's
    /// share.
    pub fn new(plan: Plan, options: &GpuOptions) -> Result<Self> {
        let Opened { gpu, memory, dense_min, report } = Opened::new(options)?;
        let limits = options.limits;
        let device = Resident::new(&gpu, &plan, memory)?;
        let bucket_zoom = limits.bucket_zoom.unwrap_or(BUCKET_ZOOM).min(plan.zooms.max);
        Ok(Self {
            points: PointStore::with_room(bucket_zoom, plan.memory.points())
                .with_review(limits.review_points.unwrap_or(REVIEW_POINTS)),
            dense_min,
            session: Mutex::new(device),
            written: Condvar::new(),
            pushed: AtomicU64::new(0),
            spilled: AtomicBool::new(false),
            dense: RwLock::default(),
            dense_known: AtomicUsize::new(0),
            early: Mutex::default(),
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
        let bucket_shift = 2 * u32::from(self.plan.zooms.max - self.points.zoom());
        Packing { bytes: self.memory.pack_bytes, monitor: &self.plan.monitor, bucket_shift, new_part }
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
            let Some(mut stretch) = device.batches.reserve(&self.gpu, points.len() - taken)? else {
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
            sent?;
        }
        Ok(taken)
    }

    /// Turns to buckets: what was counted on the device comes to the host.
    fn spill(&self) -> Result<()> {
        let mut device = lock(&self.session)?;
        while !device.batches.written() {
            device = self.written.wait(device).map_err(poisoned)?;
        }
        if self.spilled.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut parts = Parts::new();
        device.unload(&self.gpu, &self.packing(&|| self.new_part()), &mut parts)?;
        self.keep(parts)
    }

    /// Keeps counts of the highest zoom.
    fn keep(&self, parts: Parts) -> Result<()> {
        let mut early = self.early.lock().map_err(poisoned)?;
        for (bucket, parts) in parts {
            early.entry(bucket).or_default().extend(parts);
        }
        Ok(())
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
            let sparse = std::mem::take(&mut *self.early.lock().map_err(poisoned)?);
            let sparse: Vec<CountPart> = sparse.into_values().flatten().collect();
            self.tell_sparse(&sparse);
            self.counts.set_zoom(self.plan.zooms.max, sparse)?;
        }
        let Self { gpu, memory, dense_min, plan, session, mut counts, mut report, flushes, passes, .. } = self;
        let resident = session.into_inner().map_err(poisoned)?;
        report.flushes = flushes.into_inner();
        report.passes = passes.into_inner();
        report.batches = resident.batches.sent;
        report.slot_buffers = resident.pools.iter().map(|pool| pool.len() as u64).sum();
        let (device, stats) = if spilled {
            (None, all_stats(&counts)?)
        } else {
            let (device, stats, reduced) = resident.finish(&gpu, &plan, &mut counts)?;
            report.host_reduced_tiles = reduced;
            (Some(device), stats)
        };
        let (monitor, counts) = (plan.monitor, Arc::new(counts));
        Ok(GpuPaint::counted(Counted { gpu, memory, dense_min, monitor, device, counts, stats, report }))
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
