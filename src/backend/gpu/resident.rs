//! What lies on the device: the dense tiles of the highest zoom, into which points are binned as they come, and
//! their parents, summed there; their counts never leave ([`DeviceCounts`]). When the tiles do not fit, what was binned
//! is packed and handed to the host.

use std::borrow::Cow;
use std::sync::Mutex;

use super::batches::{Batches, Stretch};
use super::bin;
use super::buffer::Buffer;
use super::device::Gpu;
use super::locks::poisoned;
use super::memory::MemoryPlan;
use super::pack::{self, Packing};
use super::slots::{MAX_SLOTS, SlotPool, ZoomSlots};
use super::stats::{self, TileInfo};
use super::table::{Seen, TileTable};
use super::{add, reduce};
use crate::backend::Plan;
use crate::counts::ZoomStats;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::store::{CountPart, CountStore};
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
    /// Held while slots are taken and given back when they outgrow the device: whose memory is used up by slots has
    /// none for reading them.
    reserve: Option<Buffer>,
    unbinned_tiles: u64,
    /// Tiles of each zoom with their slots; filled by `settle`.
    zooms: Vec<Vec<(u64, u32)>>,
}

/// Counts that lie on the device when all points are binned and reduced. Nothing changes them any more.
#[derive(Debug)]
pub(super) struct DeviceCounts {
    /// The zoom points were binned at.
    pub(super) zoom: u8,
    /// Points of a batch.
    pub(super) batch: usize,
    pub(super) table: TileTable,
    pools: [SlotPool; 2],
    zooms: Vec<ResidentZoom>,
    /// Bytes of one readback of packed counts.
    pack_bytes: u64,
    /// The radius up to which the tiles that each tile reaches are known.
    reach: u32,
}

/// One zoom's tiles on the device.
#[derive(Debug, Default)]
struct ResidentZoom {
    slots: Vec<(u64, u32)>,
    infos: Vec<TileInfo>,
}

impl DeviceCounts {
    /// The pool of a zoom.
    pub(super) fn pool(&self, z: u8) -> &SlotPool {
        &self.pools[usize::from(z & 1)]
    }

    /// The tiles of a zoom with their slots.
    pub(super) fn slots(&self, z: u8) -> &ZoomSlots {
        self.zooms.get(usize::from(z)).map_or(&[], |zoom| &zoom.slots)
    }

    /// Whether tiles of zoom `z` are on the device.
    pub(super) fn has(&self, z: u8) -> bool {
        !self.slots(z).is_empty()
    }

    /// What is known of the tiles of a zoom, and at least those neighbours that a kernel of that radius reaches.
    pub(super) fn infos(&self, gpu: &Gpu, z: u8, radius: u32) -> Result<Cow<'_, [TileInfo]>> {
        if radius > self.reach {
            let mut found = stats::run(gpu, &[(self.slots(z), self.pool(z))], radius)?;
            return Ok(found.pop().map_or(Cow::Borrowed(&[]), |(_, infos)| Cow::Owned(infos)));
        }
        Ok(Cow::Borrowed(self.zooms.get(usize::from(z)).map_or(&[], |zoom| &zoom.infos)))
    }

    /// The tiles of zoom `z` that are on the device, packed, in a part like those of `counts`.
    pub(super) fn packed(&self, gpu: &Gpu, monitor: &Monitor, z: u8, counts: &CountStore) -> Result<CountPart> {
        let new_part = || counts.part();
        let packing = Packing { bytes: self.pack_bytes, monitor, new_part: &new_part };
        match self.zooms.get(usize::from(z)) {
            Some(zoom) => pack::run(gpu, &zoom.slots, &zoom.infos, self.pool(z), &packing),
            None => Ok(counts.part()),
        }
    }
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
            pools: [SlotPool::new(gpu, memory.sizes)?, SlotPool::new(gpu, memory.sizes)?],
            seen: (0..=zoom).map(Seen::new).collect(),
            needed: 0,
            reserve: None,
            unbinned_tiles: 0,
            zooms: Vec::new(),
        })
    }

    /// The pool of a zoom.
    fn pool(&self, zoom: u8) -> &SlotPool {
        &self.pools[usize::from(zoom & 1)]
    }

    /// Gives tiles of the highest zoom slots; those that have one keep it. `false` when they do not fit.
    pub(super) fn add(&mut self, gpu: &Gpu, tiles: &[u64]) -> Result<bool> {
        for &tile in tiles {
            let (mut code, mut z) = (tile, usize::from(self.zoom));
            while self.seen[z].insert(code) {
                self.needed += 1;
                if z == usize::from(self.zoom) {
                    if self.needed > self.memory.slots || self.table.len() >= MAX_SLOTS as usize {
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
        self.hold_reserve(gpu)?;
        let spare = self.memory.slots.saturating_sub(self.needed) / 2;
        let slots = self.table.len() as u32;
        Ok(self.needed <= self.memory.slots && self.pools[usize::from(self.zoom & 1)].ensure(gpu, slots, spare)?)
    }

    fn hold_reserve(&mut self, gpu: &Gpu) -> Result<()> {
        if self.reserve.is_none() {
            let bytes = (self.memory.pack_bytes + self.memory.shade_bytes).min(self.memory.binding);
            self.reserve = gpu.try_buffer("reserve", bytes & !3, wgpu::BufferUsages::COPY_DST)?;
        }
        Ok(())
    }

    /// Takes a written stretch of points back and sends its batch when it is full.
    pub(super) fn commit(&mut self, gpu: &Gpu, stretch: Stretch) -> Result<()> {
        match self.batches.commit(stretch)? {
            Some(batch) => self.send(gpu, batch),
            None => Ok(()),
        }
    }

    /// Sends points whose tiles have slots, when no other thread does.
    fn feed(&mut self, gpu: &Gpu, mut points: &[WorldPoint]) -> Result<()> {
        while !points.is_empty() {
            let stretch = self.batches.reserve(gpu, points.len())?;
            let mut stretch = stretch.ok_or_else(|| Error::Internal("the ring of batches is held".into()))?;
            stretch.write(points);
            points = &points[stretch.points..];
            self.commit(gpu, stretch)?;
        }
        Ok(())
    }

    /// Sends what was not sent yet. No thread may still copy.
    fn flush(&mut self, gpu: &Gpu) -> Result<()> {
        self.batches.unsent().into_iter().try_for_each(|batch| self.send(gpu, batch))
    }

    fn send(&mut self, gpu: &Gpu, batch: usize) -> Result<()> {
        self.table.upload(gpu)?;
        let (zoom, table, pool) = (self.zoom, &self.table, &self.pools[usize::from(self.zoom & 1)]);
        let tiles = self.unbinned_tiles;
        self.batches.send(gpu, batch, |encoder, buffer, points| {
            bin::encode(gpu, encoder, (buffer, points), zoom, table, pool, tiles)
        })?;
        self.unbinned_tiles = 0;
        Ok(())
    }

    /// Gives the tiles of all zooms slots; `false` when they do not fit after all.
    pub(super) fn settle(&mut self, gpu: &Gpu) -> Result<bool> {
        self.flush(gpu)?;
        let mut next = [0u32; 2];
        let mut zooms = vec![self.table.sorted()];
        next[usize::from(self.zoom & 1)] = self.table.len() as u32;
        for z in (0..self.zoom).rev() {
            let mut codes: Vec<u64> = zooms[zooms.len() - 1].iter().map(|s| s.0 >> 2).collect();
            codes.dedup();
            let from = &mut next[usize::from(z & 1)];
            let slots = codes.into_iter().zip(*from..).collect::<Vec<_>>();
            *from += slots.len() as u32;
            zooms.push(slots);
        }
        zooms.reverse();
        for (pool, slots) in self.pools.iter_mut().zip(next) {
            if !pool.ensure(gpu, slots, 0)? {
                return Ok(false);
            }
        }
        self.zooms = zooms;
        self.reserve = None;
        Ok(self.pools.iter().map(SlotPool::capacity).sum::<u32>() <= self.memory.slots.max(self.needed))
    }

    /// Sums all zooms after [`settle`](Self::settle). `counts` holds the tiles of the highest zoom that are not here
    /// and gets those of their parents that are not here either; what they come to in the others is added here. Gives
    /// what lies here now, the statistics of all zooms, and how many tiles were summed into their parents on the host.
    pub(super) fn finish(
        self,
        gpu: &Gpu,
        plan: &Plan,
        counts: &mut CountStore,
    ) -> Result<(DeviceCounts, Vec<ZoomStats>, u64)> {
        let mut reduced = 0;
        plan.monitor.time(Stage::Bin, || gpu.wait(&gpu.submit(gpu.encoder())?))?;
        for z in (0..self.zoom).rev() {
            plan.monitor.check()?;
            plan.monitor.time(Stage::Reduce, || {
                let (slots, pool) = (self.zooms[usize::from(z)].as_slice(), self.pool(z));
                let mut encoder = gpu.encoder();
                let children = (self.zooms[usize::from(z) + 1].as_slice(), self.pool(z + 1));
                reduce::encode(gpu, &mut encoder, children, (slots, pool))?;
                // The device sums while the host does.
                gpu.submit(encoder)?;
                let adding = Mutex::new(add::Adding::new(pool));
                counts.reduce_where(z, |code, lit| match reduce::find(slots, code) {
                    Some(slot) => adding.lock().map_err(poisoned)?.push(pool, slot, lit).map(|()| false),
                    None => Ok(true),
                })?;
                adding.into_inner().map_err(poisoned)?.send(gpu, pool)
            })?;
            reduced += counts.stats(z + 1)?.tiles;
        }
        let found = plan.monitor.time(Stage::Reduce, || {
            let lists: Vec<_> = (0..=self.zoom).zip(&self.zooms).map(|(z, at)| (&**at, self.pool(z))).collect();
            stats::run(gpu, &lists, plan.reach)
        })?;
        let Self { zoom, memory, table, pools, zooms, .. } = self;
        let mut device = DeviceCounts {
            zoom,
            batch: memory.batch,
            table,
            pools,
            zooms: Vec::with_capacity(zooms.len()),
            pack_bytes: memory.pack_bytes,
            reach: plan.reach,
        };
        let mut all = Vec::with_capacity(found.len());
        for ((z, slots), (mut stats, infos)) in (0..).zip(zooms).zip(found) {
            stats.merge(counts.stats(z)?)?;
            all.push(stats);
            device.zooms.push(ResidentZoom { slots, infos });
        }
        Ok((device, all, reduced))
    }

    /// Packs what is binned of the highest zoom and forgets it. No thread may still copy.
    pub(super) fn unload(&mut self, gpu: &Gpu, packing: &Packing<'_>) -> Result<CountPart> {
        self.reserve = None;
        self.flush(gpu)?;
        let slots: Vec<(u64, u32)> = {
            let capacity = self.pool(self.zoom).capacity();
            // Tiles that were refused may be in the table without a slot; no point of theirs was taken.
            self.table.sorted().into_iter().filter(|s| s.1 < capacity).collect()
        };
        let part = self.read(gpu, &slots, packing)?;
        self.table.clear();
        self.zooms.clear();
        self.unbinned_tiles = 0;
        Ok(part)
    }

    fn read(&self, gpu: &Gpu, slots: &ZoomSlots, packing: &Packing<'_>) -> Result<CountPart> {
        if slots.is_empty() {
            return Ok((packing.new_part)());
        }
        let pool = self.pool(self.zoom);
        let found = stats::run(gpu, &[(slots, pool)], 0)?;
        let Some((_, infos)) = found.first() else { return Ok((packing.new_part)()) };
        pack::run(gpu, slots, infos, pool, packing)
    }

    /// Counts the points of some tiles (ascending) and packs them: one pass.
    pub(super) fn pass(
        &mut self,
        gpu: &Gpu,
        tiles: &[u64],
        points: impl Iterator<Item = WorldPoint>,
        packing: &Packing<'_>,
    ) -> Result<CountPart> {
        self.table.clear();
        for (&tile, slot) in tiles.iter().zip(0..) {
            self.table.insert(tile, slot);
        }
        let slots: Vec<(u64, u32)> = tiles.iter().copied().zip(0..).collect();
        self.unbinned_tiles = tiles.len() as u64;
        let mut encoder = gpu.encoder();
        self.pool(self.zoom).clear(gpu, &mut encoder, tiles.len() as u32);
        gpu.submit(encoder)?;
        let mut chunk = Vec::with_capacity(CHUNK);
        let mut points = points.peekable();
        while points.peek().is_some() {
            packing.monitor.check()?;
            chunk.clear();
            chunk.extend(points.by_ref().take(CHUNK));
            self.feed(gpu, &chunk)?;
        }
        self.flush(gpu)?;
        self.read(gpu, &slots, packing)
    }

    /// Tiles of the highest zoom that one pass can take, as many of `wanted` as fit.
    pub(super) fn room(&mut self, gpu: &Gpu, wanted: u32) -> Result<u32> {
        // The other pool is not needed in passes, but what it holds stays allocated.
        let other = self.pools[usize::from(!self.zoom & 1)].capacity();
        let wanted = wanted.min(self.memory.slots.saturating_sub(other)).max(1);
        // Tiles that take all there is could not be read.
        self.hold_reserve(gpu)?;
        let pool = &mut self.pools[usize::from(self.zoom & 1)];
        let mut some = wanted;
        while !pool.ensure(gpu, some, 0)? && some > pool.capacity() && some > 1 {
            some /= 2;
        }
        self.reserve = None;
        if pool.capacity() == 0 {
            // The ring gets along with less, too.
            self.batches.release();
            gpu.drain()?;
            if !pool.ensure(gpu, 1, 0)? {
                return Err(gpu.exhausted());
            }
        }
        Ok(wanted.min(pool.capacity()))
    }

    /// Gives back the memory of tiles and batches, none of which is needed any more.
    pub(super) fn release(&mut self, gpu: &Gpu) -> Result<()> {
        self.batches.release();
        for pool in &mut self.pools {
            pool.release();
        }
        gpu.drain()
    }
}

/// Points handed to the ring at a time.
pub(super) const CHUNK: usize = 1 << 14;
