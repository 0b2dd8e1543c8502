//! A session that counts: what it holds, and how its threads reach the device. Points go to the device by `give`; when it
//! cannot hold their tiles, `spill` turns the session to buckets. Which points go where is the business of `push` and
//! `buckets`, what comes after the last of them that of `count`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Duration;

use super::device::Gpu;
use super::locks::{lock, poisoned};
use super::memory::MemoryPlan;
use super::opening::{OpenDevice, Opened};
use super::options::GpuOptions;
use super::pack::Packing;
use super::resident::Resident;
use super::table::Seen;
use crate::backend::host::BUCKET_ZOOM;
use crate::backend::{BackendReport, Plan};
use crate::error::{Error, Result};
use crate::store::{BucketKey, CountPart, CountStore, PointStore, Runs};
use crate::tile::WorldPoint;

/// Points that come to a bucket before it is looked through for dense tiles.
const REVIEW_POINTS: usize = 1 << 16;

/// How long a thread waits for another one's batch before it asks whether the device is still well.
const PATIENCE: Duration = Duration::from_millis(50);

/// Points that are counted on a GPU.
#[derive(Debug)]
pub struct GpuCount {
    pub(super) plan: Plan,
    pub(super) gpu: Gpu,
    pub(super) memory: MemoryPlan,
    pub(super) dense_min: usize,
    pub(super) points: PointStore,
    pub(super) pushed: AtomicU64,
    /// Whether all points go to buckets and all counts to the host.
    pub(super) spilled: AtomicBool,
    /// What lies on the device. Whoever reserved a stretch of a batch copies without this lock.
    pub(super) session: Mutex<Resident>,
    /// Told when a stretch was written.
    pub(super) written: Condvar,
    /// Tiles that have become dense, in that order, and how many, so that asking for news costs no lock.
    pub(super) dense: RwLock<Vec<u64>>,
    pub(super) dense_known: AtomicUsize,
    /// Counts of the highest zoom that are on the host already.
    pub(super) early: Runs,
    /// Buckets that were worked off.
    pub(super) worked: Mutex<BTreeSet<BucketKey>>,
    pub(super) flushes: AtomicU64,
    pub(super) passes: AtomicU64,
    /// Counts that are on the host: of all tiles, or of those that are not on the device.
    pub(super) counts: CountStore,
    pub(super) report: BackendReport,
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

    pub(super) fn new_part(&self) -> CountPart {
        self.counts.part()
    }

    pub(super) fn packing<'a>(&'a self, new_part: &'a (dyn Fn() -> CountPart + Sync)) -> Packing<'a> {
        Packing { bytes: self.memory.pack_bytes, monitor: &self.plan.monitor, new_part }
    }

    /// Adds the tiles to `dense` that have become dense since there were `known`; whether there were any.
    pub(super) fn learn(&self, dense: &mut Seen, known: &mut usize) -> Result<bool> {
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
    pub(super) fn make_dense(&self, tiles: &[u64]) -> Result<bool> {
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
    pub(super) fn give(&self, points: &[WorldPoint]) -> Result<usize> {
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
    pub(super) fn spill(&self) -> Result<()> {
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
    pub(super) fn tell_sparse(&mut self, parts: &[CountPart]) {
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
    }
}
