//! Points that wait on the host in buckets. While the dense tiles fit the device, they are those of tiles that have
//! few: a bucket is looked through now and then for tiles that have become dense, and what is left at the end is
//! counted by the host. When the dense tiles do not fit, or the waiting points outgrow their memory, all points
//! wait, and buckets are worked off some at a time: sparse tiles by the host, the others on the device in as many
//! passes as their tiles need, and counts come back packed.

use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::locks::{lock, poisoned};
use super::resident::CHUNK;
use super::session::GpuCount;
use super::table::Seen;
use crate::backend::host::{self, Runs};
use crate::counts::Lit;
use crate::error::Result;
use crate::monitor::Stage;
use crate::store::{BucketKey, CountPart};
use crate::tile::{WorldPoint, morton_point};

/// A bucket's points by tile: those of dense tiles side by side, the others counted or kept.
struct Split<'a> {
    bucket: BucketKey,
    dense_min: usize,
    /// Tiles that are dense however few points of theirs wait.
    dense: Option<&'a Seen>,
    /// Where sparse tiles are counted; `None` keeps their points in `rest`.
    sparse: Option<CountPart>,
    rest: Vec<u64>,
    lit: Vec<Lit>,
    codes: Vec<u64>,
    /// Dense tiles, ascending, with the end of their codes.
    tiles: Vec<(u64, usize)>,
}

impl Runs<u64> for Split<'_> {
    fn sorted(&mut self, codes: &[u64]) -> Result<()> {
        codes.chunk_by(|a, b| a >> 16 == b >> 16).try_for_each(|tile| {
            if tile.len() >= self.dense_min || self.dense.is_some_and(|dense| dense.contains(tile[0] >> 16)) {
                return self.tile(tile);
            }
            match &mut self.sparse {
                Some(part) => host::push_sorted(part, &mut self.lit, tile),
                None => {
                    self.rest.extend_from_slice(tile);
                    Ok(())
                }
            }
        })
    }

    fn tile(&mut self, codes: &[u64]) -> Result<()> {
        self.codes.extend_from_slice(codes);
        self.tiles.push((codes[0] >> 16, self.codes.len()));
        Ok(())
    }
}

impl Split<'_> {
    fn tiles(&self) -> Vec<u64> {
        self.tiles.iter().map(|t| t.0).collect()
    }

    /// Its dense tiles, each with its codes.
    fn dense(&self) -> impl Iterator<Item = (u64, &[u64])> {
        let starts = std::iter::once(0).chain(self.tiles.iter().map(|t| t.1));
        self.tiles.iter().zip(starts).map(|(&(tile, end), from)| (tile, &self.codes[from..end]))
    }
}

impl GpuCount {
    /// Bits of a code below the pixel of the highest zoom.
    fn drop(&self) -> u32 {
        48 - 2 * u32::from(self.plan.zooms.max)
    }

    /// Splits points of a bucket. With `count`, points of sparse tiles are counted.
    fn split<'a>(
        &self,
        bucket: BucketKey,
        mut codes: Vec<u64>,
        dense: Option<&'a Seen>,
        count: bool,
    ) -> Result<Split<'a>> {
        let mut split = Split {
            bucket,
            dense_min: self.dense_min,
            dense,
            sparse: count.then(|| self.new_part()),
            rest: Vec::new(),
            lit: Vec::new(),
            codes: Vec::new(),
            tiles: Vec::new(),
        };
        self.plan.monitor.check()?;
        self.plan.monitor.time(Stage::Bin, || {
            for code in &mut codes {
                *code >>= self.drop();
            }
            let mut scratch = vec![0; codes.len()];
            let tile_bits = 2 * u32::from(self.plan.zooms.max - self.points.zoom());
            let sort_max = self.dense_min.saturating_sub(1).min(host::LIST_MAX);
            host::run(&mut codes, &mut scratch, tile_bits, sort_max, &mut split)
        })?;
        Ok(split)
    }

    /// Brings a bucket's codes of [`split`](Self::split) back to the store.
    fn put_back(&self, bucket: BucketKey, mut codes: Vec<u64>) -> Result<()> {
        for code in &mut codes {
            *code <<= self.drop();
        }
        self.points.put_back(bucket, &codes)
    }

    /// Sends the points of a bucket's dense tiles to the device; what it does not take any more is put back.
    fn send(&self, split: &Split<'_>) -> Result<()> {
        let mut rest = split.codes.as_slice();
        let mut points: Vec<WorldPoint> = Vec::new();
        if self.make_dense(&split.tiles())? {
            while !rest.is_empty() {
                let (some, later) = rest.split_at(rest.len().min(CHUNK));
                points.clear();
                points.extend(some.iter().map(|code| morton_point(code << self.drop())));
                let taken = self.give(&points)?;
                if taken < some.len() {
                    rest = &rest[taken..];
                    break;
                }
                rest = later;
            }
        }
        if rest.is_empty() { Ok(()) } else { self.put_back(split.bucket, rest.to_vec()) }
    }

    /// Looks through a bucket for tiles that have become dense, a piece of it at a time; the points of the others wait
    /// on.
    pub(super) fn review(&self, bucket: BucketKey, dense: &Seen) -> Result<()> {
        let (most, mut left) = (self.piece(self.report.threads), self.points.len(bucket)?);
        loop {
            let codes = self.points.take_some(bucket, most.min(left.max(1)))?;
            left = left.saturating_sub(codes.len());
            if codes.is_empty() || self.spilled.load(Ordering::Acquire) {
                return self.points.put_back(bucket, &codes);
            }
            let mut split = self.split(bucket, codes, Some(dense), false)?;
            self.put_back(bucket, std::mem::take(&mut split.rest))?;
            self.send(&split)?;
            if left == 0 {
                return Ok(());
            }
        }
    }

    /// Points that each of `threads` threads splits at a time: codes, scratch, and what they become.
    fn piece(&self, threads: usize) -> usize {
        self.plan.memory.piece(threads, 48)
    }

    /// Makes room in a full store: by sending dense tiles to the device while that is enough, else by turning the
    /// fullest buckets into counts.
    pub(super) fn relieve(&self, dense: &Seen) -> Result<()> {
        if !self.spilled.load(Ordering::Acquire) {
            for bucket in self.points.fullest()? {
                self.review(bucket, dense)?;
            }
            return if self.points.is_half_full() { self.spill() } else { Ok(()) };
        }
        self.flushes.fetch_add(1, Ordering::Relaxed);
        let buckets = self.points.fullest()?;
        // One bucket at a time: points still come, and other threads may do the same.
        buckets.into_iter().try_for_each(|bucket| self.work_off(&[bucket]))
    }

    /// Counts the points of some buckets (ascending), a piece of each at a time.
    fn work_off(&self, buckets: &[BucketKey]) -> Result<()> {
        let most = self.piece(self.report.threads);
        self.worked.lock().map_err(poisoned)?.extend(buckets);
        loop {
            let take = |&bucket: &BucketKey| match self.points.take_some(bucket, most) {
                Ok(codes) if codes.is_empty() => None,
                codes => Some(codes.and_then(|codes| self.split(bucket, codes, None, true))),
            };
            let splits: Vec<Split<'_>> = match buckets {
                // Perhaps on a thread of no pool.
                [bucket] => take(bucket).into_iter().collect::<Result<_>>()?,
                several => several.par_iter().filter_map(take).collect::<Result<_>>()?,
            };
            if splits.is_empty() {
                return Ok(());
            }
            self.plan.monitor.time(Stage::Bin, || self.passes(&splits))?;
            splits.into_iter().filter_map(|split| split.sparse).try_for_each(|part| self.early.add(part))?;
        }
    }

    /// Counts dense tiles on the device, as many at a time as it takes.
    fn passes(&self, splits: &[Split<'_>]) -> Result<()> {
        let tiles: Vec<(u64, &[u64])> = splits.iter().flat_map(Split::dense).collect();
        let mut rest = tiles.as_slice();
        while !rest.is_empty() {
            let device = &mut lock(&self.session)?;
            let room = device.room(&self.gpu, u32::try_from(rest.len()).unwrap_or(u32::MAX))? as usize;
            let (now, later) = rest.split_at(room.min(rest.len()));
            let codes: Vec<u64> = now.iter().map(|t| t.0).collect();
            let points = now.iter().flat_map(|t| t.1).map(|code| morton_point(code << self.drop()));
            let part = device.pass(&self.gpu, &codes, points, &self.packing(&|| self.new_part()))?;
            self.early.add(part)?;
            self.passes.fetch_add(1, Ordering::Relaxed);
            rest = later;
        }
        Ok(())
    }

    /// No more points will come: what waits goes to the device where it is dense, and is counted where it is not.
    /// May turn the session to buckets.
    pub(super) fn settle(&self) -> Result<()> {
        let (mut dense, mut known) = (Seen::new(self.plan.zooms.max), 0);
        self.learn(&mut dense, &mut known)?;
        if self.points.is_half_full() && !self.spilled.load(Ordering::Acquire) {
            self.relieve(&dense)?;
        }
        let (buckets, together) = (self.points.buckets()?, self.piece(1));
        if buckets.iter().any(|bucket| bucket.1 > together) {
            // A tile is counted here or there, so a bucket is split as a whole, or not at all.
            self.spill()?;
        }
        let mut rest = buckets.as_slice();
        while !rest.is_empty() {
            if self.spilled.load(Ordering::Acquire) {
                return Ok(());
            }
            self.learn(&mut dense, &mut known)?;
            let some;
            (some, rest) = rest.split_at(fitting(rest, together).min(self.report.threads.max(1)));
            let splits: Vec<Split<'_>> = some
                .par_iter()
                .map(|&(bucket, _)| self.split(bucket, self.points.take(bucket)?, Some(&dense), true))
                .collect::<Result<_>>()?;
            for mut split in splits {
                if let Some(part) = split.sparse.take() {
                    self.early.add(part)?;
                }
                self.send(&split)?;
            }
        }
        Ok(())
    }

    /// Counts all buckets and adds what was counted before.
    pub(super) fn count_buckets(&mut self) -> Result<()> {
        let buckets = self.points.buckets()?;
        let together = self.piece(1);
        let mut rest = buckets.as_slice();
        while !rest.is_empty() {
            let some;
            (some, rest) = rest.split_at(fitting(rest, together));
            self.work_off(&some.iter().map(|bucket| bucket.0).collect::<Vec<_>>())?;
        }
        self.report.buckets = self.worked.lock().map_err(poisoned)?.len() as u64;
        let parts = self.early.settle()?;
        self.tell_sparse(&parts);
        let zoom = self.plan.zooms.max;
        let mut counts = self.counts.another();
        counts.set_zoom(zoom, parts)?;
        for z in (0..zoom).rev() {
            self.plan.monitor.check()?;
            self.plan.monitor.time(Stage::Reduce, || counts.reduce(z))?;
            self.report.host_reduced_tiles += counts.stats(z + 1)?.tiles;
        }
        self.counts = counts;
        Ok(())
    }
}

/// How many of the first buckets have at most `together` points in all; at least one.
fn fitting(buckets: &[(BucketKey, usize)], together: usize) -> usize {
    let mut sum = 0usize;
    let fits = |bucket: &&(BucketKey, usize)| {
        sum = sum.saturating_add(bucket.1);
        sum <= together
    };
    buckets.iter().take_while(fits).count().max(1).min(buckets.len())
}
