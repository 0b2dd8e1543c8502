//! The CPU session: the yardstick. Points wait in buckets, every bucket is partitioned down to its tiles and
//! binned (`bin`), zooms are summed in the count store, spread where that makes new counts (`spread`), and coloured
//! from it (`spread`, `shade`).
//! All cores of the current rayon pool; the result does not depend on how many there are.

mod bin;
mod shade;
mod spread;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::host::{BUCKET_ZOOM, count_points, isolation};
use super::{Backend, BackendReport, Plan, PointPush, TileSink};
use crate::counts::{Histogram, Isolation, ZoomStats};
use crate::error::{Error, Result};
use crate::monitor::Stage;
use crate::shade::{Form, Kernel, ShadeTable};
use crate::store::{CountPart, CountStore, PointSink, PointStore, Vault};
use crate::tile::{PixelIndex, WorldPoint};

/// A session on the processor.
#[derive(Debug)]
pub struct CpuBackend {
    plan: Plan,
    points: PointStore,
    pushed: AtomicU64,
    flushes: AtomicU64,
    /// Counts of the highest zoom that were made while points still came, by bucket.
    early: Mutex<BTreeMap<u64, Vec<CountPart>>>,
    vault: Arc<Vault>,
    counts: CountStore,
    /// What is spread while tiles are coloured, indexed by zoom; empty before `spread`.
    kernels: Vec<Kernel>,
    /// Statistics that colours are made from, indexed by zoom, where those kernels make counts of their own.
    spread: Vec<Option<ZoomStats>>,
    report: BackendReport,
}

impl CpuBackend {
    /// Begins a session; call it and its methods within the rayon pool that shall do the work.
    pub fn new(plan: Plan) -> Self {
        let zoom = plan.zooms.max;
        let report = BackendReport { backend: "cpu", threads: rayon::current_num_threads(), ..Default::default() };
        let vault = Arc::new(plan.memory.vault());
        Self {
            points: PointStore::with_room(zoom.min(BUCKET_ZOOM), plan.memory.points()),
            pushed: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            early: Mutex::default(),
            counts: CountStore::in_vault(zoom, vault.clone()),
            kernels: Vec::new(),
            spread: Vec::new(),
            vault,
            plan,
            report,
        }
    }

    /// The counts, complete after `finish`.
    pub fn counts(&self) -> &CountStore {
        &self.counts
    }

    /// Takes the points of one bucket out of the store and counts them, about `most` at a time. Parts of one round
    /// do not overlap, those of several rounds may.
    fn bin_bucket(&self, bucket: u64, most: usize, share: bool) -> Result<Vec<Vec<CountPart>>> {
        let mut rounds = Vec::new();
        loop {
            self.plan.monitor.check()?;
            let codes = self.points.take_some(bucket, most)?;
            if codes.is_empty() {
                return Ok(rounds);
            }
            let (root, zoom) = (self.points.zoom(), self.plan.zooms.max);
            let bin = || bin::bin(codes, root, zoom, share, || self.counts.part());
            rounds.push(self.plan.monitor.time(Stage::Bin, bin)?);
        }
    }

    /// Turns the fullest buckets of a full store into counts, on the thread that brought one point too many.
    fn flush(&self) -> Result<()> {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let most = self.plan.memory.piece(self.report.threads);
        for bucket in self.points.fullest()? {
            let parts = self.bin_bucket(bucket, most, false)?.into_iter().flatten();
            self.early.lock().map_err(poisoned)?.entry(bucket).or_default().extend(parts);
        }
        Ok(())
    }

    fn bin(&mut self) -> Result<()> {
        let mut early = std::mem::take(&mut *self.early.lock().map_err(poisoned)?);
        let mut buckets: Vec<(u64, Vec<CountPart>)> = Vec::new();
        for (bucket, _) in self.points.buckets()? {
            buckets.push((bucket, early.remove(&bucket).unwrap_or_default()));
        }
        buckets.extend(early);
        buckets.sort_by_key(|b| b.0);
        let most = self.plan.memory.piece(self.report.threads);
        let parts: Vec<Vec<CountPart>> = buckets
            .into_par_iter()
            .map(|(bucket, mut parts)| {
                let mut rounds = self.bin_bucket(bucket, most, true)?;
                if parts.is_empty() && rounds.len() == 1 {
                    return Ok(rounds.swap_remove(0));
                }
                parts.extend(rounds.into_iter().flatten());
                let sum = || CountPart::sum(parts, self.counts.part());
                Ok(vec![self.plan.monitor.time(Stage::Bin, sum)?])
            })
            .collect::<Result<_>>()?;
        let parts: Vec<CountPart> = parts.into_iter().flatten().collect();
        self.report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        self.report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
        self.counts.set_zoom(self.plan.zooms.max, parts)
    }
}

impl CpuBackend {
    fn colour<I: PixelIndex>(&self, z: u8, table: &ShadeTable, sink: &dyn TileSink) -> Result<()> {
        let lookup = shade::Lookup::<I>::new(table);
        match self.kernels.get(usize::from(z)).filter(|kernel| kernel.radius > 0) {
            Some(kernel) if !kernel.keeps_counts() => {
                spread::coloured_new_counts(self.spreading(z), kernel, &lookup, sink)
            }
            Some(Kernel { radius, form: Form::Rows(rows), .. }) => {
                spread::zoom(self.spreading(z), (*radius, rows), &lookup, sink)
            }
            _ => shade::zoom(&self.counts, z, &lookup, &self.plan.monitor, sink),
        }
    }

    fn spreading(&self, z: u8) -> spread::Work<'_> {
        spread::Work { counts: &self.counts, z, room: self.plan.memory.borders(), monitor: &self.plan.monitor }
    }
}

fn poisoned<T>(_: std::sync::PoisonError<T>) -> Error {
    Error::Internal("a thread died while it counted points".into())
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
        if backend.points.is_full() { backend.flush() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<()> {
        self.sink.close()
    }
}

impl Backend for CpuBackend {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        Box::new(CpuPush { sink: self.points.sink(), backend: self })
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
        isolation::zoom(&self.counts, z, least, self.plan.memory.borders())
    }

    fn spread(&mut self, kernels: &[Kernel]) -> Result<Vec<ZoomStats>> {
        self.kernels = kernels.to_vec();
        self.spread = vec![None; kernels.len()];
        for z in self.plan.zooms.iter() {
            let Some(kernel) = kernels.get(usize::from(z)).filter(|kernel| !kernel.keeps_counts()) else { continue };
            if spread::surely_fit(kernel, self.counts.stats(z)?, self.plan.memory.new_counts()) {
                let parts = spread::new_counts(self.spreading(z), kernel)?;
                self.counts.set_zoom(z, parts)?;
                self.counts.set_unit(z, kernel.unit())?;
                self.kernels[usize::from(z)] = Kernel::none();
            } else {
                self.spread[usize::from(z)] = Some(spread::stats(self.spreading(z), kernel)?);
            }
        }
        let of = |z: u8| match self.spread.get(usize::from(z)) {
            Some(Some(stats)) => Ok(stats.clone()),
            _ => self.counts.stats(z).cloned(),
        };
        (0..=self.plan.zooms.max).map(of).collect()
    }

    fn histogram(&self, z: u8) -> Result<Histogram> {
        match self.kernels.get(usize::from(z)) {
            Some(kernel) if !kernel.keeps_counts() => spread::histogram(self.spreading(z), kernel),
            _ => self.counts.histogram(z),
        }
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
        BackendReport {
            flushes: self.flushes.load(Ordering::Relaxed),
            spilled_bytes: self.vault.spilled(),
            ..self.report.clone()
        }
    }
}
