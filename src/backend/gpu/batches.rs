//! Points on their way to the device: a ring of mapped buffers. Some are filled while the device works on those
//! before them. Threads reserve a stretch of the open batch, copy into it without any lock, and tell when they are
//! done; who is the last to do so sends a full batch.

use std::sync::mpsc::{Receiver, channel};

use super::buffer::Buffer;
use super::device::Gpu;
use super::memory::RING;
use super::tally::Move;
use super::timing::Commands;
use crate::error::{Error, Result};
use crate::tile::WorldPoint;

const POINT: u64 = size_of::<WorldPoint>() as u64;

/// Points of the smallest batch that a device with little memory gets along with.
const LEAST: usize = 1 << 10;

/// One batch's place: written by the host, copied, read by the device.
#[derive(Debug)]
struct Place {
    host: Buffer,
    device: Buffer,
    /// Set while the buffer is mapped again after its last use.
    remap: Option<(wgpu::SubmissionIndex, Receiver<Result<(), wgpu::BufferAsyncError>>)>,
    /// Points reserved.
    filled: usize,
    /// Threads that still copy.
    writers: usize,
    /// Whether the host may write into it.
    mapped: bool,
}

/// A reserved stretch of a batch. It must come back by [`Batches::commit`], or nothing is ever sent again.
pub(super) struct Stretch {
    view: wgpu::BufferViewMut,
    place: usize,
    /// Points that fit.
    pub(super) points: usize,
}

impl Stretch {
    /// Copies as many points as fit.
    pub(super) fn write(&mut self, points: &[WorldPoint]) {
        self.view.copy_from_slice(bytemuck::cast_slice(&points[..self.points]));
    }
}

/// The ring.
#[derive(Debug)]
pub(super) struct Batches {
    places: Vec<Place>,
    current: usize,
    /// Places there are room for.
    ring: usize,
    batch: usize,
    /// Batches sent so far.
    pub(super) sent: u64,
}

impl Batches {
    /// A ring of batches of `batch` points; buffers are made when they are needed.
    pub(super) fn new(batch: usize) -> Self {
        Self { places: Vec::new(), current: 0, ring: RING, batch, sent: 0 }
    }

    /// Whether no thread still copies.
    pub(super) fn written(&self) -> bool {
        self.places.iter().all(|place| place.writers == 0)
    }

    /// Reserves room for up to `wanted` points; `None` while the whole ring waits for threads that still copy.
    pub(super) fn reserve(&mut self, gpu: &Gpu, wanted: usize) -> Result<Option<Stretch>> {
        if self.places.len() <= self.current {
            self.grow(gpu)?;
        }
        let batch = self.batch;
        let place = self.place(self.current)?;
        let points = wanted.min(batch - place.filled);
        if points == 0 {
            return Ok(None);
        }
        if let Some((submission, mapped)) = place.remap.take() {
            gpu.wait(&submission)?;
            mapped.try_recv().map_err(|e| gpu.failed(&e))?.map_err(|e| gpu.failed(&e))?;
            place.mapped = true;
        }
        let from = place.filled as u64 * POINT;
        let view = place.host.get_mapped_range_mut(from..from + points as u64 * POINT).map_err(|e| gpu.failed(&e))?;
        place.filled += points;
        place.writers += 1;
        let place = self.current;
        if self.place(place)?.filled == batch {
            self.current = (place + 1) % self.ring;
        }
        Ok(Some(Stretch { view, place, points }))
    }

    /// Makes one place more. A device without memory for it gets along with those it has, or with smaller ones.
    fn grow(&mut self, gpu: &Gpu) -> Result<()> {
        use wgpu::BufferUsages as Usage;
        loop {
            let bytes = self.batch as u64 * POINT;
            let host = gpu.create("points, host", bytes, Usage::MAP_WRITE | Usage::COPY_SRC, true)?;
            let device = gpu.create("points", bytes, Usage::STORAGE | Usage::COPY_DST, false)?;
            if let (Some(host), Some(device)) = (host, device) {
                self.places.push(Place { host, device, remap: None, filled: 0, writers: 0, mapped: true });
                return Ok(());
            }
            if !self.places.is_empty() {
                (self.ring, self.current) = (self.places.len(), 0);
                return Ok(());
            }
            if self.batch <= LEAST {
                return Err(gpu.full(bytes));
            }
            gpu.drain()?;
            self.batch = (self.batch / 2).max(LEAST);
        }
    }

    /// Takes a stretch back that is written; gives its batch when that must be sent.
    pub(super) fn commit(&mut self, stretch: Stretch) -> Result<Option<usize>> {
        let Stretch { view, place: at, .. } = stretch;
        drop(view);
        let batch = self.batch;
        let place = self.place(at)?;
        place.writers -= 1;
        Ok((place.writers == 0 && place.filled == batch).then_some(at))
    }

    /// Batches with points that were not sent: the open one, and those that the device had no memory for. No thread
    /// may still copy.
    pub(super) fn unsent(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|&at| self.places[at].filled > 0).collect()
    }

    /// Gives back the memory of the ring. No thread may still copy, and nothing may be unsent.
    pub(super) fn release(&mut self) {
        self.places.clear();
        (self.current, self.ring) = (0, RING);
    }

    fn place(&mut self, at: usize) -> Result<&mut Place> {
        self.places.get_mut(at).ok_or_else(|| Error::Internal("no batch of points is open".into()))
    }

    /// Sends a batch as far as it is filled: `work` encodes what shall happen with the device's copy of so many
    /// points. When it fails, the points are still there.
    pub(super) fn send(
        &mut self,
        gpu: &Gpu,
        at: usize,
        work: impl FnOnce(&mut Commands, &Buffer, u32) -> Result<()>,
    ) -> Result<()> {
        let place = self.place(at)?;
        let filled = place.filled;
        if std::mem::take(&mut place.mapped) {
            place.host.unmap();
        }
        let mut encoder = gpu.encoder();
        gpu.copy(&mut encoder, &place.host, &place.device, filled as u64 * POINT, Move::Up);
        gpu.tally.note(Move::Host, filled as u64 * POINT);
        work(&mut encoder, &place.device, filled as u32)?;
        let submission = gpu.submit(encoder)?;
        place.filled = 0;
        let (send, mapped) = channel();
        place.host.map_async(wgpu::MapMode::Write, .., move |result| {
            // Nobody listens any more when the run ended early.
            let _ = send.send(result);
        });
        place.remap = Some((submission, mapped));
        self.sent += 1;
        if at == self.current {
            self.current = (at + 1) % self.ring;
        }
        Ok(())
    }
}
