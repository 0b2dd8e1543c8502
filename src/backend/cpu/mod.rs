//! The CPU session: the yardstick. Points wait in buckets, every bucket is partitioned down to its tiles and
//! binned (`bin`), zooms are summed in the count store, spread where that makes new counts (`spread`), and coloured
//! from it (`spread`, `shade`).
//! All cores of the current rayon pool; the result does not depend on how many there are.

mod bin;
mod shade;
mod spread;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use self::waiting::Waiting;
use super::host::{count_points, isolation};
use super::{Backend, BackendReport, Plan, PointPush, TileSink};
use crate::counts::{Histogram, Isolation, ZoomStats};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::{Form, Kernel, ShadeTable};
use crate::store::{CountStore, PointSink, Vault};
use crate::tile::{PixelIndex, WorldPoint};

/// A session on the processor.
#[derive(Debug)]
pub struct CpuBackend {
    plan: Plan,
    waiting: Waiting,
    pushed: AtomicU64,
    vault: Arc<Vault>,
    counts: CountStore,
    /// What is spread while tiles are coloured, indexed by zoom; empty before `spread`.
    kernels: Vec<Kernel>,
    report: BackendReport,
}

impl CpuBackend {
    /// Begins a session; call it and its methods within the rayon pool that shall do the work.
    pub fn new(plan: Plan) -> Self {
        let zoom = plan.zooms.max;
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        let vault = Arc::new(plan.memory.vault());
        Self {
            waiting: Waiting::new(&plan),
            pushed: AtomicU64::new(0),
            counts: CountStore::in_vault(zoom, vault.clone()),
            kernels: Vec::new(),
            vault,
            plan,
            report,
        }
    }

    /// The counts, complete after `finish`.
    pub fn counts(&self) -> &CountStore {
        &self.counts
    }

    fn bin(&mut self) -> Result<()> {
        let parts = self.waiting.finish(&self.counts)?;
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
        self.counts.set_zoom(self.plan.zooms.max, parts)
    }
}

impl CpuBackend {
    fn colour<I: PixelIndex>(&self, z: u8, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        let lookup = shade::Lookup::<I>::new(table);
        match self.kernels.get(usize::from(z)) {
            Some(Kernel { radius, form: Form::Rows(rows), .. }) if *radius > 0 => {
                spread::zoom(&self.counts, z, (*radius, rows), &lookup, &self.plan.monitor, sink)
            }
            _ => shade::zoom(&self.counts, z, &lookup, &self.plan.monitor, sink),
        }
    }
}

struct CpuPush<'a> {
    sink: PointSink<'a>,
    backend: &'a CpuBackend,
}

impl PointPush for CpuPush<'_> {
    fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        let backend = self.backend;
        count_points(&backend.pushed, points.len() as u64)?;
        backend.plan.monitor.time(Stage::Store, || self.sink.push(points))?;
        backend.waiting.relieve(&backend.counts)
    }

    fn close(&mut self) -> Result<()> {
        self.sink.close()
    }
}

impl Backend for CpuBackend {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(CpuPush { sink: self.waiting.sink(), backend: self })
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

    fn isolation(&mut self, z: u8, least: u32) -> Result<Isolation> {
        isolation::zoom(&self.counts, z, least)
    }

    fn spread(&mut self, kernels: &[Kernel]) -> Result<Vec<ZoomStats>> {
        let monitor = self.plan.monitor.clone();
        self.kernels = kernels.to_vec();
        for z in self.plan.zooms.iter() {
            let Some(kernel) = self.kernels.get_mut(usize::from(z)).filter(|kernel| !kernel.keeps_counts()) else {
                continue;
            };
            let parts = monitor.time(Stage::Spread, || spread::new_counts(&self.counts, z, kernel, &monitor))?;
            self.counts.set_zoom(z, parts)?;
            self.counts.set_unit(z, kernel.unit())?;
            *kernel = Kernel::none();
        }
        (0..=self.plan.zooms.max).map(|z| self.counts.stats(z).cloned()).collect()
    }

    fn histogram(&self, z: u8) -> Result<Histogram> {
        self.counts.histogram(z)
    }

    fn tiles(&mut self, tables: &[ShadeTable], sink: &dyn TileSink) -> Result<()> {
        for z in self.plan.zooms.iter() {
            let table =
                tables.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no colours for zoom {z}")))?;
            if table.is_wide() { self.colour::<u16>(z, table, sink)? } else { self.colour::<u8>(z, table, sink)? }
        }
        Ok(())
    }

    fn report(&self) -> BackendReport {
        BackendReport { flushes: self.waiting.flushes(), spilled_bytes: self.vault.spilled(), ..self.report.clone() }
    }
}
