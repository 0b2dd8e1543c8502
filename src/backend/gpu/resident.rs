//! The session while all lit tiles fit the device: points are binned as they come, zooms are summed there, and
//! counts never leave. When the tiles do not fit, what was binned is packed and handed to the host.

use super::batches::Batches;
use super::bin;
use super::device::Gpu;
use super::memory::MemoryPlan;
use super::slots::SlotPool;
use super::stats::{self, TileInfo};
use super::table::{Seen, TileTable};
use super::{pack, reduce};
use crate::backend::Plan;
use crate::counts::ZoomStats;
use crate::error::Result;
use crate::monitor::Stage;
use crate::store::CountPart;
use crate::tile::WorldPoint;

/// Everything that lies on the device.
#[derive(Debug)]
pub(super) struct Resident {
    zoom: u8,
    memory: MemoryPlan,
    pub(super) table: TileTable,
    pub(super) batches: Batches,
    /// Tiles of even and of odd zooms: neighbours in the pyramid never share a buffer.
    pub(super) pools: [SlotPool; 2],
    /// Tiles seen of each zoom.
    seen: Vec<Seen>,
    /// Slots needed over all zooms.
    needed: u32,
    unbinned_tiles: u64,
    /// Tiles of each zoom, their slots and what stats found; filled by `finish`.
    pub(super) zooms: Vec<ResidentZoom>,
}

/// One zoom's tiles on the device.
#[derive(Debug, Default)]
pub(super) struct ResidentZoom {
    pub(super) slots: Vec<(u64, u32)>,
    pub(super) infos: Vec<TileInfo>,
}

impl Resident {
    /// Nothing there yet.
    pub(super) fn new(gpu: &Gpu, plan: &Plan, memory: MemoryPlan) -> Result<Self> {
        let zoom = plan.zooms.max;
        Ok(Self {
            zoom,
            memory,
            table: TileTable::new(gpu, zoom)?,
            batches: Batches::new(memory.batch),
            pools: [SlotPool::new(gpu, memory.per_buffer)?, SlotPool::new(gpu, memory.per_buffer)?],
            seen: (0..=zoom).map(Seen::new).collect(),
            needed: 0,
            unbinned_tiles: 0,
            zooms: Vec::new(),
        })
    }

    /// The zoom points are binned at.
    pub(super) fn zoom(&self) -> u8 {
        self.zoom
    }

    /// Points of a batch.
    pub(super) fn batch(&self) -> usize {
        self.memory.batch
    }

    /// The pool of a zoom.
    pub(super) fn pool(&self, zoom: u8) -> &SlotPool {
        &self.pools[usize::from(zoom & 1)]
    }

    /// Bins `points`, all of whose tiles are in `tiles` or were in an earlier call's. `false` when the tiles do
    /// not fit; nothing of `points` was taken then.
    pub(super) fn add(&mut self, gpu: &Gpu, points: &[WorldPoint], tiles: &[u64]) -> Result<bool> {
        for &tile in tiles {
            let (mut code, mut z) = (tile, usize::from(self.zoom));
            while self.seen[z].insert(code) {
                self.needed += 1;
                if z == usize::from(self.zoom) {
                    if self.needed > self.memory.slots {
                        return Ok(false);
                    }
                    self.table.insert(tile, self.table.len() as u32);
                    self.unbinned_tiles += 1;
                }
                if z == 0 {
                    break;
                }
                (code, z) = (code >> 2, z - 1);
            }
        }
        let spare = self.memory.slots.saturating_sub(self.needed) / 2;
        let slots = self.table.len() as u32;
        if self.needed > self.memory.slots || !self.pools[usize::from(self.zoom & 1)].ensure(gpu, slots, spare)? {
            return Ok(false);
        }
        self.feed(gpu, points)?;
        Ok(true)
    }

    /// Sends points whose tiles have slots.
    pub(super) fn feed(&mut self, gpu: &Gpu, mut points: &[WorldPoint]) -> Result<()> {
        while !points.is_empty() {
            let taken = self.batches.fill(gpu, points)?;
            points = &points[taken..];
            if self.batches.is_full() {
                self.send(gpu)?;
            }
        }
        Ok(())
    }

    /// Sends the batch as far as it is filled.
    pub(super) fn send(&mut self, gpu: &Gpu) -> Result<()> {
        self.table.upload(gpu)?;
        let (zoom, table, pool) = (self.zoom, &self.table, &self.pools[usize::from(self.zoom & 1)]);
        let tiles = std::mem::take(&mut self.unbinned_tiles);
        self.batches
            .send(gpu, |encoder, buffer, points| bin::encode(gpu, encoder, (buffer, points), zoom, table, pool, tiles))
    }

    /// Sums all zooms; `None` when their tiles do not fit after all.
    pub(super) fn finish(&mut self, gpu: &Gpu, plan: &Plan) -> Result<Option<Vec<ZoomStats>>> {
        plan.monitor.time(Stage::Bin, || {
            self.send(gpu)?;
            gpu.wait(&gpu.submit(gpu.encoder())?)
        })?;
        let mut next = [0u32; 2];
        let mut zooms = vec![ResidentZoom { slots: self.table.sorted(), infos: Vec::new() }];
        next[usize::from(self.zoom & 1)] = self.table.len() as u32;
        for z in (0..self.zoom).rev() {
            let mut codes: Vec<u64> = zooms[zooms.len() - 1].slots.iter().map(|s| s.0 >> 2).collect();
            codes.dedup();
            let from = &mut next[usize::from(z & 1)];
            let slots = codes.into_iter().zip(*from..).collect::<Vec<_>>();
            *from += slots.len() as u32;
            zooms.push(ResidentZoom { slots, infos: Vec::new() });
        }
        zooms.reverse();
        for (pool, slots) in self.pools.iter_mut().zip(next) {
            if !pool.ensure(gpu, slots, 0)? {
                return Ok(None);
            }
        }
        if self.pools.iter().map(SlotPool::capacity).sum::<u32>() > self.memory.slots.max(self.needed) {
            return Ok(None);
        }
        plan.monitor.time(Stage::Reduce, || {
            let mut encoder = gpu.encoder();
            for z in (0..self.zoom).rev() {
                let at = usize::from(z);
                let children = (zooms[at + 1].slots.as_slice(), self.pool(z + 1));
                reduce::encode(gpu, &mut encoder, children, (&zooms[at].slots, self.pool(z)))?;
            }
            gpu.submit(encoder)?;
            let lists: Vec<_> =
                (0..=self.zoom).map(|z| (zooms[usize::from(z)].slots.as_slice(), self.pool(z))).collect();
            let found = stats::run(gpu, &lists, plan.spread)?;
            let mut all = Vec::with_capacity(found.len());
            for (zoom, (stats, infos)) in zooms.iter_mut().zip(found) {
                zoom.infos = infos;
                all.push(stats);
            }
            self.zooms = zooms;
            Ok(Some(all))
        })
    }

    /// Packs what is binned of the highest zoom and forgets it.
    pub(super) fn unload(&mut self, gpu: &Gpu, plan: &Plan) -> Result<CountPart> {
        self.send(gpu)?;
        let slots: Vec<(u64, u32)> = {
            let capacity = self.pool(self.zoom).capacity();
            // Tiles that were refused may be in the table without a slot; no point of theirs was taken.
            self.table.sorted().into_iter().filter(|s| s.1 < capacity).collect()
        };
        let pool = self.pool(self.zoom);
        let found = stats::run(gpu, &[(&slots, pool)], 0)?;
        let Some((_, infos)) = found.first() else { return Ok(CountPart::default()) };
        let part = pack::run(gpu, &slots, infos, pool, self.memory.pack_bytes, &plan.monitor)?;
        self.table.clear();
        Ok(part)
    }

    /// Counts the points of some tiles (ascending) and packs them: one pass.
    pub(super) fn pass(
        &mut self,
        gpu: &Gpu,
        plan: &Plan,
        tiles: &[u64],
        points: impl Iterator<Item = WorldPoint>,
    ) -> Result<CountPart> {
        self.table.clear();
        for (&tile, slot) in tiles.iter().zip(0..) {
            self.table.insert(tile, slot);
        }
        let slots: Vec<(u64, u32)> = tiles.iter().copied().zip(0..).collect();
        self.unbinned_tiles = tiles.len() as u64;
        let mut encoder = gpu.encoder();
        self.pool(self.zoom).clear(&mut encoder, tiles.len() as u32);
        gpu.submit(encoder)?;
        let mut chunk = Vec::with_capacity(CHUNK);
        let mut points = points.peekable();
        while points.peek().is_some() {
            plan.monitor.check()?;
            chunk.clear();
            chunk.extend(points.by_ref().take(CHUNK));
            self.feed(gpu, &chunk)?;
        }
        self.send(gpu)?;
        let pool = self.pool(self.zoom);
        let found = stats::run(gpu, &[(&slots, pool)], 0)?;
        let Some((_, infos)) = found.first() else { return Ok(CountPart::default()) };
        pack::run(gpu, &slots, infos, pool, self.memory.pack_bytes, &plan.monitor)
    }

    /// Tiles of the highest zoom that one pass can take, as many of `wanted` as fit.
    pub(super) fn room(&mut self, gpu: &Gpu, wanted: u32) -> Result<u32> {
        // The other pool is not needed in passes, but what it holds stays allocated.
        let other = self.pools[usize::from(!self.zoom & 1)].capacity();
        let wanted = wanted.min(self.memory.slots.saturating_sub(other)).max(1);
        let pool = &mut self.pools[usize::from(self.zoom & 1)];
        if !pool.ensure(gpu, wanted, 0)? && pool.capacity() == 0 {
            gpu.check()?;
            return Err(gpu.exhausted());
        }
        Ok(wanted.min(pool.capacity()))
    }
}

/// Points handed to the ring at a time.
pub(super) const CHUNK: usize = 1 << 14;
