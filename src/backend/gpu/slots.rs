//! Slots: where the dense tiles of counts lie on the device. A pool is a row of buffers, each within the largest
//! binding, that grows as tiles come; slots are numbered across them.

use super::buffer::Buffer;
use super::device::Gpu;
use super::shader::GROUP;
use super::timing::Commands;
use crate::error::{Error, Result};
use crate::tile::TILE_PIXELS;

/// Bytes of one tile of counts.
pub(super) const TILE_BYTES: u64 = 4 * TILE_PIXELS as u64;
/// Slots that tiles of the highest zoom may have: slot and pixel share a u32 in bin, whose last value means "none".
pub(super) const MAX_SLOTS: u32 = 65_535;
/// Jobs per dispatch: one workgroup row each.
pub(super) const MAX_JOBS: usize = 65_535;

/// Tiles of one zoom with their slots, ascending by Morton code.
pub(super) type ZoomSlots = [(u64, u32)];

/// Slots in buffers.
#[derive(Debug)]
pub(super) struct SlotPool {
    buffers: Vec<(Buffer, u32)>,
    sizes: BufferSizes,
    capacity: u32,
    released: usize,
    spare: Vec<Buffer>,
}

/// How a pool may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BufferSizes {
    /// Slots of the first buffer; each next one has twice as many.
    pub(super) first: u32,
    /// Most slots in a buffer.
    pub(super) most: u32,
    /// Buffers; the device has no memory for more.
    pub(super) buffers: usize,
}

/// Up to [`GROUP`] neighbouring buffers, padded with buffers that no slot lies in.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) buffers: [&'a Buffer; GROUP],
    /// First slot of each buffer.
    pub(super) starts: [u32; GROUP],
    /// Slot after the last.
    pub(super) end: u32,
}

impl SlotPool {
    /// An empty pool.
    pub(super) fn new(gpu: &Gpu, sizes: BufferSizes) -> Result<Self> {
        let spare =
            (1..GROUP).map(|_| gpu.buffer("no slots", 4, wgpu::BufferUsages::STORAGE)).collect::<Result<_>>()?;
        Ok(Self { buffers: Vec::new(), sizes, capacity: 0, released: 0, spare })
    }

    /// Number of buffers.
    pub(super) fn len(&self) -> usize {
        self.buffers.len()
    }

    /// Gives back the memory of all slots.
    pub(super) fn release(&mut self) {
        self.released += self.buffers.len();
        self.buffers.clear();
        self.capacity = 0;
    }

    /// Buffers there are and were.
    pub(super) fn made(&self) -> usize {
        self.released + self.buffers.len()
    }

    /// Slots there are.
    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Grows to at least `slots`, by up to `spare` slots more so as not to grow for every tile; `false` when the
    /// device has no memory for it.
    pub(super) fn ensure(&mut self, gpu: &Gpu, slots: u32, spare: u32) -> Result<bool> {
        use wgpu::BufferUsages as Usage;
        while self.capacity < slots {
            if self.buffers.len() >= self.sizes.buffers {
                return Ok(false);
            }
            let doubled = self.sizes.first << self.buffers.len().min(16);
            let needed = slots - self.capacity;
            let size = doubled.min(needed.saturating_add(spare)).max(needed).min(self.sizes.most).max(1);
            let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
            let Some(buffer) = gpu.try_buffer("slots", u64::from(size) * TILE_BYTES, usage)? else {
                return Ok(false);
            };
            self.buffers.push((buffer, self.capacity));
            self.capacity += size;
        }
        Ok(true)
    }

    /// Buffer and place in it of a slot.
    pub(super) fn locate(&self, slot: u32) -> Result<(usize, u32)> {
        let at = self.buffers.partition_point(|b| b.1 <= slot);
        match at.checked_sub(1) {
            Some(at) if slot < self.capacity => Ok((at, slot - self.buffers[at].1)),
            _ => Err(Error::Internal(format!("slot {slot} is not on the device"))),
        }
    }

    /// The buffer at `at`.
    pub(super) fn buffer(&self, at: usize) -> Result<&Buffer> {
        self.buffers.get(at).map(|b| &b.0).ok_or_else(|| Error::Internal(format!("no slot buffer {at}")))
    }

    /// The buffers in groups that one dispatch can bind.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        self.buffers.chunks(GROUP).enumerate().filter_map(|(nth, chunk)| {
            let end = self.buffers.get((nth + 1) * GROUP).map_or(self.capacity, |next| next.1);
            let first = &chunk.first()?.0;
            let mut group = Group { buffers: [first; GROUP], starts: [end; GROUP], end };
            for (at, place) in group.buffers.iter_mut().enumerate() {
                match chunk.get(at) {
                    Some((buffer, start)) => (*place, group.starts[at]) = (buffer, *start),
                    None => *place = self.spare.get(at - 1)?,
                }
            }
            Some(group)
        })
    }

    /// Sets the first `slots` tiles back to zero.
    pub(super) fn clear(&self, gpu: &Gpu, encoder: &mut Commands, slots: u32) {
        for (buffer, start) in self.buffers.iter().take_while(|b| b.1 < slots) {
            let used = (u64::from(slots - start) * TILE_BYTES).min(buffer.size());
            gpu.clear(encoder, buffer, used);
        }
    }
}
