//! The GPU session. Points of dense tiles stream to the device and are binned at once (`resident`); those of sparse
//! tiles wait on the host and are counted there. When the dense tiles do not fit the device, or what waits does not
//! fit its memory, all points wait in buckets that are worked off some at a time (`buckets`). Tiles are coloured from
//! either (`tiles`). Every stage is a shader and a file here of the same name; `device` talks to wgpu.
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
use self::new_counts::Work;
use self::pack::{Packing, Parts};
use self::resident::Resident;
use self::table::Seen;
use super::host::{BUCKET_ZOOM, isolation};
use super::{Again, Backend, BackendReport, Plan, PointPush, TileSink};
use crate::counts::{Histogram, Isolation, ZoomStats};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::{Kernel, ShadeTable};
use crate::store::{CountPart, CountStore, PointStore, Vault};
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

/// A session on a GPU.
#[derive(Debug)]
pub struct GpuBackend {
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
    vault: Arc<Vault>,
    /// Counts that are on the host, complete after `finish`: of all tiles, or of those that are not on the device.
    counts: CountStore,
    /// Statistics of all zooms, complete after `finish`.
    stats: Vec<ZoomStats>,
    /// What is spread while tiles are coloured, indexed by zoom; empty before `spread`.
    kernels: Vec<Kernel>,
    report: BackendReport,
}

impl GpuBackend {
    /// Begins a session on the adapter that `options` ask for; call its methods within the rayon pool that shall
    /// do the host's share.
    pub fn new(plan: Plan, options: GpuOptions) -> Result<Self> {
        let wanted = options.adapter.as_deref().map_or(Choice::Auto, Choice::Named);
        let mut found = adapter::enumerate();
        let descriptions: Vec<_> = found.iter().map(|(_, description)| description.clone()).collect();
        let (adapter, description) = found.swap_remove(choose(&descriptions, wanted)?);
        let limits = options.limits;
        let gpu = Gpu::open(&adapter, limits.subgroups)?;
        let memory = MemoryPlan::new(&description, &limits);
        let device = Resident::new(&gpu, &plan, memory)?;
        let report = BackendReport {
            backend: "gpu",
            adapter: Some(gpu.adapter().to_string()),
            interface: Some(description.interface),
            subgroups: gpu.subgroups,
            threads: rayon::current_num_threads(),
            ..Default::default()
        };
        let vault = Arc::new(plan.memory.vault());
        let bucket_zoom = limits.bucket_zoom.unwrap_or(BUCKET_ZOOM).min(plan.zooms.max);
        Ok(Self {
            points: PointStore::with_room(bucket_zoom, plan.memory.points())
                .with_review(limits.review_points.unwrap_or(REVIEW_POINTS)),
            dense_min: limits.dense_min.unwrap_or(DENSE_MIN).min(super::host::LIST_MAX),
            session: Mutex::new(device),
            written: Condvar::new(),
            pushed: AtomicU64::new(0),
            spilled: AtomicBool::new(false),
            dense: RwLock::default(),
            dense_known: AtomicUsize::new(0),
            early: Mutex::default(),
            flushes: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            counts: CountStore::in_vault(plan.zooms.max, vault.clone()),
            stats: Vec::new(),
            kernels: Vec::new(),
            vault,
            plan,
            gpu,
            memory,
            report,
        })
    }

    /// Takes the device away, as a driver reset would.
    #[doc(hidden)]
    pub fn destroy_device_for_test(&self) {
        self.gpu.destroy();
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

impl GpuBackend {
    /// Bins and reduces what is left.
    fn count(&mut self) -> Result<Vec<ZoomStats>> {
        self.settle()?;
        if !self.spilled.load(Ordering::Acquire) && !lock(&self.session)?.settle(&self.gpu)? {
            self.spill()?;
        }
        if self.spilled.load(Ordering::Acquire) {
            self.count_buckets()?;
            return (0..=self.plan.zooms.max).map(|z| self.counts.stats(z).cloned()).collect();
        }
        let sparse = std::mem::take(&mut *self.early.lock().map_err(poisoned)?);
        let sparse: Vec<CountPart> = sparse.into_values().flatten().collect();
        self.tell_sparse(&sparse);
        self.counts.set_zoom(self.plan.zooms.max, sparse)?;
        let mut device = lock(&self.session)?;
        let (stats, reduced) = device.finish(&self.gpu, &self.plan, &mut self.counts)?;
        self.report.host_reduced_tiles = reduced;
        Ok(stats)
    }
}

/// A copy of what the device has of zoom `z`, in the vault of `counts`.
fn packed(device: &Resident, gpu: &Gpu, plan: &Plan, z: u8, counts: &CountStore) -> Result<CountStore> {
    let mut copy = counts.another();
    copy.set_zoom(z, device.packed(gpu, plan, z, counts)?)?;
    Ok(copy)
}

/// A lock that another thread's panic does not turn into one here.
fn lock(session: &Mutex<Resident>) -> Result<MutexGuard<'_, Resident>> {
    session.lock().map_err(poisoned)
}

fn poisoned<T>(_: PoisonError<T>) -> Error {
    Error::Internal("a thread died while it handed points to the device".into())
}

impl Backend for GpuBackend {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(push::GpuPush::new(self))
    }

    fn finish(&mut self) -> Result<Vec<ZoomStats>> {
        self.stats = self.count()?;
        Ok(self.stats.clone())
    }

    fn isolation(&mut self, z: u8, least: u32) -> Result<Isolation> {
        let mut device = lock(&self.session)?;
        if self.counts.chunks(z)? > 0 {
            device.join(&self.gpu, &self.plan, z, &mut self.counts)?;
            return isolation::zoom(&self.counts, z, least, self.plan.memory.borders());
        }
        isolation::zoom(&packed(&device, &self.gpu, &self.plan, z, &self.counts)?, z, least, self.plan.memory.borders())
    }

    fn spread(&mut self, kernels: &[Kernel]) -> Result<Vec<ZoomStats>> {
        let mut device = lock(&self.session)?;
        let monitor = self.plan.monitor.clone();
        self.kernels = kernels.to_vec();
        for z in self.plan.zooms.iter() {
            let Some(kernel) = self.kernels.get_mut(usize::from(z)).filter(|kernel| kernel.radius > 0) else {
                continue;
            };
            if !kernel.keeps_counts() || self.counts.chunks(z)? > 0 {
                device.join(&self.gpu, &self.plan, z, &mut self.counts)?;
            }
            if kernel.keeps_counts() {
                continue;
            }
            let (gpu, plan, memory, dense_min) = (&self.gpu, &self.plan, self.memory, self.dense_min);
            let work = Work { gpu, plan, memory, dense_min };
            let parts = monitor.time(Stage::Spread, || work.new_counts(z, &self.counts, kernel))?;
            self.counts.set_zoom(z, parts)?;
            self.counts.set_unit(z, kernel.unit())?;
            self.stats[usize::from(z)] = self.counts.stats(z)?.clone();
            *kernel = Kernel::none();
        }
        Ok(self.stats.clone())
    }

    fn histogram(&self, z: u8) -> Result<Histogram> {
        let device = lock(&self.session)?;
        let mut histogram = self.counts.histogram(z)?;
        if device.has(z) {
            histogram.merge(&packed(&device, &self.gpu, &self.plan, z, &self.counts)?.histogram(z)?);
        }
        Ok(histogram.settled())
    }

    fn tiles(&mut self, tables: &[ShadeTable], sink: &dyn TileSink) -> Result<()> {
        let device = lock(&self.session)?;
        let (gpu, plan, memory, dense_min) = (&self.gpu, &self.plan, self.memory, self.dense_min);
        let work = Work { gpu, plan, memory, dense_min };
        tiles::Painter { work, sink }.zooms(&device, &self.counts, &self.kernels, tables)
    }

    fn bin_again(&self, points: &[Vec<WorldPoint>]) -> Result<Option<Again>> {
        let device = lock(&self.session)?;
        let resident = !self.spilled.load(Ordering::Acquire);
        if resident { again::run(&self.gpu, &device, points).map(Some) } else { Ok(None) }
    }

    fn report(&self) -> BackendReport {
        let mut report = BackendReport {
            flushes: self.flushes.load(Ordering::Relaxed),
            passes: self.passes.load(Ordering::Relaxed),
            spilled_bytes: self.vault.spilled(),
            shaders: self.gpu.work(),
            ..self.report.clone()
        };
        if let Ok(device) = lock(&self.session) {
            report.batches = device.batches.sent;
            report.slot_buffers = device.pools.iter().map(|pool| pool.len() as u64).sum();
        }
        report
    }
}
