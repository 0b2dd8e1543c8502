//! Counts of the host, painted on the processor. All cores of the current rayon pool.

use std::sync::Arc;

use super::{shade, spread};
use crate::backend::host::{isolation, surroundings};
use crate::backend::paint::{all_stats, of_zoom};
use crate::backend::{AroundSink, BackendReport, HeldCounts, Memory, Paint, Plan, SpreadZoom, TileSink};
use crate::counts::{Histogram, Isolation, ZoomStats};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::shade::{Form, Kernel, ShadeTable};
use crate::store::CountStore;
use crate::tile::PixelIndex;

/// Counts on the host and the processor that paints them.
#[derive(Debug)]
pub struct CpuPaint {
    counts: Arc<CountStore>,
    stats: Vec<ZoomStats>,
    plan: Plan,
    report: BackendReport,
    kept: spread::Kept,
}

impl CpuPaint {
    /// Paints `counts`, wherever they come from; call its methods within the rayon pool that shall do the work.
    pub fn new(counts: impl Into<Arc<CountStore>>, memory: Memory, monitor: Arc<Monitor>) -> Result<Self> {
        let counts = counts.into();
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        Self::counted(counts.clone(), Plan::of_counts(&counts, memory, monitor), report)
    }

    /// Paints `counts` that were made as `report` tells.
    pub(super) fn counted(counts: Arc<CountStore>, plan: Plan, report: BackendReport) -> Result<Self> {
        let stats = all_stats(&counts)?;
        Ok(Self { counts, stats, plan, report, kept: spread::Kept::default() })
    }

    fn colour<I: PixelIndex>(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        let lookup = shade::Lookup::<I>::new(table);
        let counts = zoom.own().unwrap_or(&self.counts);
        match zoom.kernel() {
            kernel if !kernel.keeps_counts() => {
                spread::coloured_new_counts(self.spreading(zoom.z()), kernel, &lookup, sink)
            }
            Kernel { radius, form: Form::Rows(rows), .. } if *radius > 0 => {
                spread::zoom(self.spreading(zoom.z()), (*radius, rows), &lookup, sink)
            }
            _ => {
                let index = |count| lookup.index(count);
                shade::zoom((counts, zoom.z()), index, lookup.hides_some(), &self.plan.monitor, sink)
            }
        }
    }

    fn spreading(&self, z: u8) -> spread::Work<'_> {
        let Plan { memory, monitor, .. } = &self.plan;
        spread::Work { counts: &self.counts, z, memory, monitor, kept: &self.kept }
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
        isolation::zoom(&self.counts, z, least, &self.plan.memory)
    }

    fn spread(&self, z: u8, kernel: &Kernel) -> Result<SpreadZoom> {
        if kernel.keeps_counts() {
            return Ok(SpreadZoom::kept(z, of_zoom(&self.stats, z)?, kernel));
        }
        let before = of_zoom(&self.stats, z)?;
        let stats = match &kernel.form {
            Form::Rows(_) => spread::stats(self.spreading(z), kernel)?,
            Form::Weights { .. } => {
                before.with_bells(spread::largest_of_bells(self.spreading(z), kernel, before.max)?, kernel.unit())
            }
        };
        Ok(SpreadZoom::made_anew(z, stats, kernel))
    }

    fn histogram(&self, zoom: &SpreadZoom) -> Result<Histogram> {
        if !zoom.kernel().keeps_counts() {
            return spread::histogram(self.spreading(zoom.z()), zoom.kernel());
        }
        zoom.own().unwrap_or(&self.counts).histogram(zoom.z())
    }

    fn tiles(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        if table.is_wide() { self.colour::<u16>(zoom, table, sink) } else { self.colour::<u8>(zoom, table, sink) }
    }

    fn surroundings(&self, zoom: &SpreadZoom, radius: u32, table: &ShadeTable, sink: &dyn AroundSink) -> Result<()> {
        let Plan { memory, monitor, .. } = &self.plan;
        surroundings((&self.counts, zoom.z()), radius, |count| table.index(count), (memory, monitor), sink)
    }

    fn report(&self) -> BackendReport {
        BackendReport { spilled_bytes: self.counts.spilled(), ..self.report.clone() }
    }
}
