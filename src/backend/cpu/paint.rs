//! Counts of the host, painted on the processor. All cores of the current rayon pool.

use std::sync::Arc;

use super::{shade, spread};
use crate::backend::host::isolation;
use crate::backend::paint::{all_stats, of_zoom};
use crate::backend::{BackendReport, HeldCounts, Paint, SpreadZoom, TileSink};
use crate::counts::{Histogram, Isolation, ZoomStats};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::shade::{Form, Kernel, ShadeTable};
use crate::store::CountStore;
use crate::tile::PixelIndex;

/// Counts on the host and the processor that paints them.
#[derive(Debug)]
pub struct CpuPaint {
    counts: Arc<CountStore>,
    stats: Vec<ZoomStats>,
    monitor: Arc<Monitor>,
    report: BackendReport,
}

impl CpuPaint {
    /// Paints `counts`, wherever they come from; call its methods within the rayon pool that shall do the work.
    pub fn new(counts: impl Into<Arc<CountStore>>, monitor: Arc<Monitor>) -> Result<Self> {
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        Self::counted(counts.into(), monitor, report)
    }

    /// Paints `counts` that were made as `report` tells.
    pub(super) fn counted(counts: Arc<CountStore>, monitor: Arc<Monitor>, report: BackendReport) -> Result<Self> {
        let stats = all_stats(&counts)?;
        Ok(Self { counts, stats, monitor, report })
    }

    fn colour<I: PixelIndex>(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        let lookup = shade::Lookup::<I>::new(table);
        let counts = zoom.own().unwrap_or(&self.counts);
        match zoom.kernel() {
            Kernel { radius, form: Form::Rows(rows), .. } if *radius > 0 => {
                spread::zoom(counts, zoom.z(), (*radius, rows), &lookup, &self.monitor, sink)
            }
            _ => shade::zoom(counts, zoom.z(), &lookup, &self.monitor, sink),
        }
    }
}

impl Paint for CpuPaint {
    fn stats(&self) -> &[ZoomStats] {
        &self.stats
    }

    fn counts(&self, _z: u8) -> Result<HeldCounts<'_>> {
        Ok(HeldCounts::Lent(&self.counts))
    }

    fn isolation(&self, z: u8, least: u32) -> Result<Isolation> {
        isolation::zoom(&self.counts, z, least)
    }

    fn spread(&self, z: u8, kernel: &Kernel) -> Result<SpreadZoom> {
        if kernel.keeps_counts() {
            return Ok(SpreadZoom::kept(z, of_zoom(&self.stats, z)?, kernel));
        }
        let make = || spread::new_counts(&self.counts, z, kernel, &self.monitor);
        SpreadZoom::made(z, &self.counts, self.monitor.time(Stage::Spread, make)?, kernel.unit())
    }

    fn histogram(&self, zoom: &SpreadZoom) -> Result<Histogram> {
        zoom.own().unwrap_or(&self.counts).histogram(zoom.z())
    }

    fn tiles(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        if table.is_wide() { self.colour::<u16>(zoom, table, sink) } else { self.colour::<u8>(zoom, table, sink) }
    }

    fn report(&self) -> BackendReport {
        BackendReport { spilled_bytes: self.counts.spilled(), ..self.report.clone() }
    }
}
