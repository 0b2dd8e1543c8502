//! The session when the lit tiles do not fit the device: points wait on the host in buckets, buckets are worked
//! off one by one, each in as many passes as its tiles need, and counts come back packed. Tiles with few points
//! are counted on the host.

use rayon::prelude::*;

use super::GpuBackend;
use super::device::Gpu;
use super::resident::Resident;
use crate::backend::sparse::{self, Runs};
use crate::backend::{BackendReport, Plan};
use crate::counts::Lit;
use crate::error::Result;
use crate::monitor::Stage;
use crate::store::{CountPart, CountStore, PointStore};
use crate::tile::morton_point;

/// What the passes need.
pub(super) struct Buckets<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) plan: &'a Plan,
    pub(super) points: &'a PointStore,
    pub(super) dense_min: usize,
}

/// A bucket's points: those of sparse tiles counted, the others side by side.
#[derive(Debug, Default)]
struct Split {
    sparse: CountPart,
    lit: Vec<Lit>,
    dense_min: usize,
    codes: Vec<u64>,
    /// Dense tiles with the end of their codes.
    tiles: Vec<(u64, usize)>,
}

impl Runs for Split {
    fn sorted(&mut self, codes: &[u64]) -> Result<()> {
        codes.chunk_by(|a, b| a >> 16 == b >> 16).try_for_each(|tile| {
            if tile.len() < self.dense_min {
                sparse::push_sorted(&mut self.sparse, &mut self.lit, tile)
            } else {
                self.tile(tile)
            }
        })
    }

    fn tile(&mut self, codes: &[u64]) -> Result<()> {
        self.codes.extend_from_slice(codes);
        self.tiles.push((codes[0] >> 16, self.codes.len()));
        Ok(())
    }
}

impl Buckets<'_> {
    /// Bits of a code below the pixel of the highest zoom.
    fn drop(&self) -> u32 {
        48 - 2 * u32::from(self.plan.zooms.max)
    }

    fn split(&self, bucket: u64) -> Result<Split> {
        self.plan.monitor.check()?;
        let mut codes = self.points.take(bucket)?;
        self.plan.monitor.time(Stage::Bin, || {
            for code in &mut codes {
                *code >>= self.drop();
            }
            let mut scratch = vec![0; codes.len()];
            let mut split = Split { dense_min: self.dense_min, ..Default::default() };
            let tile_bits = 2 * u32::from(self.plan.zooms.max - self.points.zoom());
            let sort_max = self.dense_min.saturating_sub(1).min(sparse::LIST_MAX);
            sparse::run(&mut codes, &mut scratch, tile_bits, sort_max, &mut split)?;
            Ok(split)
        })
    }

    /// Counts all buckets and adds `base`, what was counted before.
    pub(super) fn count(
        &self,
        device: &mut Resident,
        base: CountPart,
        report: &mut BackendReport,
    ) -> Result<CountStore> {
        let buckets = self.points.buckets()?;
        let mut parts = vec![base];
        for some in buckets.chunks(rayon::current_num_threads()) {
            let splits: Vec<Split> = some.par_iter().map(|b| self.split(b.0)).collect::<Result<_>>()?;
            for split in splits {
                report.buckets += 1;
                self.plan.monitor.time(Stage::Bin, || self.passes(device, split, &mut parts, report))?;
            }
        }
        report.sparse_tiles = parts.iter().map(|p| p.sparse_tiles).sum();
        report.sparse_points = parts.iter().map(|p| p.sparse_points).sum();
        let zoom = self.plan.zooms.max;
        let mut counts = CountStore::new(zoom);
        counts.set_zoom_summed(zoom, parts)?;
        for z in (0..zoom).rev() {
            self.plan.monitor.check()?;
            self.plan.monitor.time(Stage::Reduce, || counts.reduce(z))?;
            report.host_reduced_tiles += counts.tiles(z + 1)?.len() as u64;
        }
        Ok(counts)
    }

    fn passes(
        &self,
        device: &mut Resident,
        split: Split,
        parts: &mut Vec<CountPart>,
        report: &mut BackendReport,
    ) -> Result<()> {
        let mut from = 0;
        let mut rest = split.tiles.as_slice();
        while !rest.is_empty() {
            let room = device.room(self.gpu, u32::try_from(rest.len()).unwrap_or(u32::MAX))? as usize;
            let (now, later) = rest.split_at(room.min(rest.len()));
            let to = now.last().map_or(from, |last| last.1);
            let tiles: Vec<u64> = now.iter().map(|t| t.0).collect();
            let points = split.codes[from..to].iter().map(|code| morton_point(code << self.drop()));
            parts.push(device.pass(self.gpu, self.plan, &tiles, points)?);
            report.passes += 1;
            (from, rest) = (to, later);
        }
        parts.push(split.sparse);
        Ok(())
    }
}

impl GpuBackend {
    pub(super) fn buckets(&self) -> Buckets<'_> {
        Buckets { gpu: &self.gpu, plan: &self.plan, points: &self.points, dense_min: self.dense_min }
    }
}
