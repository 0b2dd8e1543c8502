//! Points on their way to the device: a ring of mapped buffers. One is filled while the device works on those
//! before it.

use std::sync::mpsc::{Receiver, channel};

use super::device::Gpu;
use super::memory::RING;
use crate::error::{Error, Result};
use crate::tile::WorldPoint;

const POINT: u64 = size_of::<WorldPoint>() as u64;

/// One batch's place: written by the host, copied, read by the device.
#[derive(Debug)]
struct Place {
    host: wgpu::Buffer,
    device: wgpu::Buffer,
    /// Set while the buffer is mapped again after its last use.
    remap: Option<(wgpu::SubmissionIndex, Receiver<Result<(), wgpu::BufferAsyncError>>)>,
}

/// The ring.
#[derive(Debug)]
pub(super) struct Batches {
    places: Vec<Place>,
    current: usize,
    filled: usize,
    batch: usize,
    /// Batches sent so far.
    pub(super) sent: u64,
}

impl Batches {
    /// A ring of batches of `batch` points; buffers are made when they are needed.
    pub(super) fn new(batch: usize) -> Self {
        Self { places: Vec::new(), current: 0, filled: 0, batch, sent: 0 }
    }

    /// Takes as many of `points` as fit into the current batch; gives how many.
    pub(super) fn fill(&mut self, gpu: &Gpu, points: &[WorldPoint]) -> Result<usize> {
        use wgpu::BufferUsages as Usage;
        if self.places.len() <= self.current {
            let bytes = self.batch as u64 * POINT;
            self.places.push(Place {
                host: gpu.mapped("points, host", bytes, Usage::MAP_WRITE | Usage::COPY_SRC)?,
                device: gpu.buffer("points", bytes, Usage::STORAGE | Usage::COPY_DST)?,
                remap: None,
            });
        }
        let taken = points.len().min(self.batch - self.filled);
        if taken == 0 {
            return Ok(0);
        }
        let place = self.place()?;
        if let Some((submission, mapped)) = place.remap.take() {
            gpu.wait(&submission)?;
            mapped.try_recv().map_err(|e| gpu.failed(&e))?.map_err(|e| gpu.failed(&e))?;
        }
        let from = self.filled as u64 * POINT;
        let range = from..from + taken as u64 * POINT;
        let place = self.place()?;
        let mut view = place.host.get_mapped_range_mut(range).map_err(|e| gpu.failed(&e))?;
        view.copy_from_slice(bytemuck::cast_slice(&points[..taken]));
        drop(view);
        self.filled += taken;
        Ok(taken)
    }

    fn place(&mut self) -> Result<&mut Place> {
        self.places.get_mut(self.current).ok_or_else(|| Error::Internal("no batch of points is open".into()))
    }

    /// Whether the batch must be sent before more points fit.
    pub(super) fn is_full(&self) -> bool {
        self.filled == self.batch
    }

    /// Sends what is filled: `work` encodes what shall happen with the device's copy of so many points.
    pub(super) fn send(
        &mut self,
        gpu: &Gpu,
        work: impl FnOnce(&mut wgpu::CommandEncoder, &wgpu::Buffer, u32) -> Result<()>,
    ) -> Result<()> {
        if self.filled == 0 {
            return Ok(());
        }
        let filled = std::mem::take(&mut self.filled);
        let place = self.place()?;
        place.host.unmap();
        let mut encoder = gpu.encoder();
        encoder.copy_buffer_to_buffer(&place.host, 0, &place.device, 0, filled as u64 * POINT);
        work(&mut encoder, &place.device, filled as u32)?;
        let submission = gpu.submit(encoder)?;
        let (send, mapped) = channel();
        place.host.map_async(wgpu::MapMode::Write, .., move |result| {
            // Nobody listens any more when the run ended early.
            let _ = send.send(result);
        });
        place.remap = Some((submission, mapped));
        self.current = (self.current + 1) % RING;
        self.sent += 1;
        Ok(())
    }
}
