//! Counts that lie on the device, on the host or on both, painted on the device; tiles of few pixels whose counts are on
//! the host are painted there. How tiles are made is the business of `tiles` and `new_counts`.

use std::sync::{Arc, OnceLock};

use super::again;
use super::device::Gpu;
use super::memory::MemoryPlan;
use super::new_counts::Work;
use super::opening::{OpenDevice, Opened};
use super::options::GpuOptions;
use super::resident::DeviceCounts;
use super::tally::Step;
use super::tiles::Painter;
use crate::backend::host::{isolation, surroundings};
use crate::backend::paint::{all_stats, of_zoom};
use crate::backend::{Again, AroundSink, BackendReport, HeldCounts, Memory, Paint, Plan, SpreadZoom, TileSink};
use crate::counts::{Histogram, Isolation, ZoomStats};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::shade::{Kernel, ShadeTable};
use crate::store::CountStore;
use crate::tile::WorldPoint;

/// Counts and the GPU that paints them.
#[derive(Debug)]
pub struct GpuPaint {
    gpu: Gpu,
    memory: MemoryPlan,
    dense_min: usize,
    plan: Plan,
    /// Counts that are on the device, if any are.
    device: Option<DeviceCounts>,
    /// Counts that are on the host: of all tiles, or of those that are not on the device.
    counts: Arc<CountStore>,
    /// Zooms that lie in both places, put together on the host when a kernel first had to look over their borders.
    joined: Vec<OnceLock<CountStore>>,
    stats: Vec<ZoomStats>,
    report: BackendReport,
}

/// What a finished session leaves.
pub(super) struct Counted {
    pub(super) gpu: Gpu,
    pub(super) memory: MemoryPlan,
    pub(super) dense_min: usize,
    pub(super) plan: Plan,
    pub(super) device: Option<DeviceCounts>,
    pub(super) counts: Arc<CountStore>,
    pub(super) stats: Vec<ZoomStats>,
    pub(super) report: BackendReport,
}

/// Paints `counts`, wherever they come from, on an open device; call it and its methods within the rayon pool that shall
/// do the host's share.
pub fn paint(device: OpenDevice, counts: CountStore, memory: Memory, monitor: &Arc<Monitor>) -> Result<Box<dyn Paint>> {
    Ok(Box::new(GpuPaint::on(device, counts, memory, monitor.clone())?))
}

impl GpuPaint {
    /// Paints `counts`, wherever they come from, on the adapter that `options` ask for; call its methods within the
    /// rayon pool that shall do the host's share.
    pub fn new(
        counts: impl Into<Arc<CountStore>>,
        memory: Memory,
        monitor: Arc<Monitor>,
        options: &GpuOptions,
    ) -> Result<Self> {
        Self::on(OpenDevice::open(options, &monitor)?, counts, memory, monitor)
    }

    /// The same on a device that is open.
    fn on(
        device: OpenDevice,
        counts: impl Into<Arc<CountStore>>,
        memory: Memory,
        monitor: Arc<Monitor>,
    ) -> Result<Self> {
        let counts = counts.into();
        let plan = Plan::of_counts(&counts, memory, monitor);
        let Opened { gpu, memory: device_memory, dense_min, report, .. } =
            Opened::of(device, rayon::current_num_threads());
        let stats = all_stats(&counts)?;
        Ok(Self::counted(Counted { gpu, memory: device_memory, dense_min, plan, device: None, counts, stats, report }))
    }

    /// Paints what was counted.
    pub(super) fn counted(counted: Counted) -> Self {
        let Counted { gpu, memory, dense_min, plan, device, counts, stats, report } = counted;
        let joined = stats.iter().map(|_| OnceLock::new()).collect();
        Self { gpu, memory, dense_min, plan, device, counts, joined, stats, report }
    }

    fn work(&self) -> Work<'_> {
        Work { gpu: &self.gpu, plan: &self.plan, memory: self.memory, dense_min: self.dense_min }
    }

    /// What the device has of zoom `z`.
    fn on_device(&self, z: u8) -> Option<&DeviceCounts> {
        self.device.as_ref().filter(|device| device.has(z))
    }

    /// Counts of zoom `z` that the device has, copied into the vault of the host's.
    fn packed(&self, device: &DeviceCounts, z: u8) -> Result<CountStore> {
        let mut copy = self.counts.another();
        copy.set_zoom(z, vec![device.packed(&self.gpu, &self.plan.monitor, z, &self.counts)?])?;
        Ok(copy)
    }

    /// All counts of zoom `z`, of which the device has some and the host the others.
    fn joined(&self, device: &DeviceCounts, z: u8) -> Result<&CountStore> {
        let place =
            self.joined.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no counts for zoom {z}")))?;
        if let Some(joined) = place.get() {
            return Ok(joined);
        }
        let parts = vec![device.packed(&self.gpu, &self.plan.monitor, z, &self.counts)?, self.counts.copy_zoom(z)?];
        let mut joined = self.counts.another();
        joined.set_zoom_summed(z, parts)?;
        // Whoever was quicker has put the same together.
        Ok(place.get_or_init(|| joined))
    }
}

impl Paint for GpuPaint {
    fn stats(&self) -> &[ZoomStats] {
        &self.stats
    }

    fn counts(&self, z: u8) -> Result<HeldCounts<'_>> {
        Ok(match self.on_device(z) {
            None => HeldCounts::Lent(&self.counts),
            Some(device) if self.counts.chunks(z)? == 0 => HeldCounts::Copied(self.packed(device, z)?),
            Some(device) => HeldCounts::Lent(self.joined(device, z)?),
        })
    }

    fn isolation(&self, z: u8, least: u32) -> Result<Isolation> {
        isolation::zoom(&*self.counts(z)?, z, least, &self.plan.memory)
    }

    fn spread(&self, z: u8, kernel: &Kernel) -> Result<SpreadZoom> {
        if kernel.keeps_counts() {
            return Ok(SpreadZoom::kept(z, of_zoom(&self.stats, z)?, kernel));
        }
        self.gpu.tally.begin(Step::Spread);
        let counts = self.counts(z)?;
        let parts = self.plan.monitor.time(Stage::Spread, || self.work().new_counts(z, &counts, kernel))?;
        SpreadZoom::made(z, (&counts, of_zoom(&self.stats, z)?), parts, kernel.unit())
    }

    fn histogram(&self, zoom: &SpreadZoom) -> Result<Histogram> {
        let z = zoom.z();
        if let Some(own) = zoom.own() {
            return own.histogram(z);
        }
        let gathering = self.counts.gathering();
        self.counts.gather(z, &gathering)?;
        if let Some(device) = self.on_device(z) {
            self.packed(device, z)?.gather(z, &gathering)?;
        }
        gathering.finish()
    }

    fn tiles(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        self.gpu.tally.begin(Step::Shade);
        let (z, kernel) = (zoom.z(), zoom.kernel());
        let painter = Painter { work: self.work(), sink };
        match (zoom.own(), self.on_device(z)) {
            (Some(own), _) => painter.zoom(z, None, own, kernel, table),
            // Masks look over borders, so all tiles of a zoom must be in one place.
            (None, Some(device)) if kernel.radius > 0 && self.counts.chunks(z)? > 0 => {
                painter.zoom(z, None, self.joined(device, z)?, kernel, table)
            }
            (None, device) => painter.zoom(z, device, &self.counts, kernel, table),
        }
    }

    /// Adding up colours looks over borders and takes floats: the host does it, from counts that are brought there.
    fn surroundings(&self, zoom: &SpreadZoom, radius: u32, table: &ShadeTable, sink: &dyn AroundSink) -> Result<()> {
        self.gpu.tally.begin(Step::Shade);
        let Plan { memory, monitor, .. } = &self.plan;
        surroundings((&*self.counts(zoom.z())?, zoom.z()), radius, |count| table.index(count), (memory, monitor), sink)
    }

    fn bin_again(&self, points: &[&[WorldPoint]]) -> Result<Option<Again>> {
        self.device.as_ref().map(|device| again::run(&self.gpu, device, points, self.gpu.lanes)).transpose()
    }

    fn report(&self) -> BackendReport {
        let (shaders, transfers) = self.gpu.work();
        BackendReport {
            spilled_bytes: self.counts.spilled(),
            shaders,
            transfers,
            pipelines: self.gpu.compiled(),
            device_peak: self.gpu.account.peak(),
            device_refusals: self.gpu.account.refused(),
            ..self.report.clone()
        }
    }
}
