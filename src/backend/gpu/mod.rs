//! The GPU session. Points stream to the device and are binned at once while the lit tiles fit it (`resident`);
//! else they wait in buckets that are worked off one by one (`buckets`). Tiles are coloured on the device from
//! either (`tiles`). Every stage is a shader and a file here of the same name; `device` talks to wgpu.
//!
//! Gives the same bytes as the CPU session, on every adapter and under any limits.

mod adapter;
mod again;
mod batches;
mod bin;
mod buckets;
mod device;
mod halo;
mod memory;
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

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

pub use adapter::{AdapterDescription, AdapterKind, Choice, adapters, choose};

use self::device::Gpu;
use self::memory::MemoryPlan;
use self::resident::Resident;
use super::{Again, Backend, BackendReport, Plan, PointPush, TileSink};
use crate::counts::ZoomStats;
use crate::error::{Error, Result};
use crate::shade::ShadeTable;
use crate::store::{CountPart, CountStore, PointStore};
use crate::tile::WorldPoint;

/// Buckets are tiles of this zoom, as on the CPU.
const BUCKET_ZOOM: u8 = 7;
/// Tiles with fewer points than this do not go through the shaders when points wait in buckets anyway: a dense
/// tile is 64 Ki pixels whatever is in it.
const DENSE_MIN: usize = 500;

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
    /// Points below which a tile is counted by the host when points wait in buckets.
    pub dense_min: Option<usize>,
}

/// Where the counts are.
#[derive(Debug)]
enum Counts {
    /// On the device, or still waiting.
    Device,
    /// On the host.
    Host(CountStore),
}

/// What changes while points come.
#[derive(Debug)]
struct Session {
    device: Resident,
    /// What was counted on the device before points had to wait in buckets.
    base: CountPart,
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
    spilled: AtomicBool,
    session: Mutex<Session>,
    counts: Counts,
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
        Ok(Self {
            points: PointStore::new(limits.bucket_zoom.unwrap_or(BUCKET_ZOOM).min(plan.zooms.max)),
            dense_min: limits.dense_min.unwrap_or(DENSE_MIN).min(super::sparse::LIST_MAX),
            session: Mutex::new(Session { device, base: CountPart::default() }),
            pushed: AtomicU64::new(0),
            spilled: AtomicBool::new(false),
            counts: Counts::Device,
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

    /// Hands a chunk to the device; `false` when points go to buckets from now on, this chunk first.
    fn add(&self, session: &mut Session, points: &[WorldPoint], tiles: &[u64]) -> Result<bool> {
        if self.spilled.load(Ordering::Acquire) {
            return Ok(false);
        }
        if session.device.add(&self.gpu, points, tiles)? {
            return Ok(true);
        }
        session.base = session.device.unload(&self.gpu, &self.plan)?;
        self.spilled.store(true, Ordering::Release);
        Ok(false)
    }
}

/// Adds to the points of the run; counts are u32, so a run's points are too.
fn count_points(all: &AtomicU64, more: u64) -> Result<()> {
    let all = all.fetch_add(more, Ordering::Relaxed) + more;
    if all > u64::from(u32::MAX) {
        return Err(Error::Limit(format!(
            "{all} points are more than one run can count (4,294,967,295); split the input"
        )));
    }
    Ok(())
}

/// A lock that another thread's panic does not turn into one here.
fn lock(session: &Mutex<Session>) -> Result<MutexGuard<'_, Session>> {
    session.lock().map_err(|_| Error::Internal("a thread died while it handed points to the device".into()))
}

impl Backend for GpuBackend {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(push::GpuPush::new(self))
    }

    fn finish(&mut self) -> Result<Vec<ZoomStats>> {
        let mut session = lock(&self.session)?;
        let Session { device, base } = &mut *session;
        if !self.spilled.load(Ordering::Acquire) {
            if let Some(stats) = device.finish(&self.gpu, &self.plan)? {
                return Ok(stats);
            }
            *base = device.unload(&self.gpu, &self.plan)?;
            self.spilled.store(true, Ordering::Release);
        }
        let mut report = self.report.clone();
        let counts = self.buckets().count(device, std::mem::take(base), &mut report)?;
        drop(session);
        let stats = (0..=self.plan.zooms.max).map(|z| counts.stats(z).cloned()).collect();
        (self.counts, self.report) = (Counts::Host(counts), report);
        stats
    }

    fn tiles(&mut self, tables: &[ShadeTable], sink: &dyn TileSink) -> Result<()> {
        let session = lock(&self.session)?;
        let painter =
            tiles::Painter { gpu: &self.gpu, plan: &self.plan, memory: self.memory, sink, dense_min: self.dense_min };
        match &self.counts {
            Counts::Device => painter.resident(&session.device, tables),
            Counts::Host(counts) => painter.stored(counts, tables),
        }
    }

    fn bin_again(&self, points: &[Vec<WorldPoint>]) -> Result<Option<Again>> {
        let session = lock(&self.session)?;
        let resident = matches!(self.counts, Counts::Device) && !self.spilled.load(Ordering::Acquire);
        if resident { again::run(&self.gpu, &session.device, points).map(Some) } else { Ok(None) }
    }

    fn report(&self) -> BackendReport {
        let mut report = self.report.clone();
        if let Ok(session) = lock(&self.session) {
            report.batches = session.device.batches.sent;
            report.slot_buffers = session.device.pools.iter().map(|pool| pool.len() as u64).sum();
        }
        report.shaders = self.gpu.work();
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_up_to_32_bits() {
        let all = AtomicU64::new(u64::from(u32::MAX) - 5);
        assert!(count_points(&all, 5).is_ok());
        assert!(matches!(count_points(&all, 1), Err(Error::Limit(_))));
    }
}
