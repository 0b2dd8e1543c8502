//! Results on their way to the host: copied to a mappable buffer in the submission that makes them, mapped when
//! the device is done. Several may be on their way at once; `view` waits for one.

use std::sync::mpsc::{Receiver, channel};

use super::buffer::Buffer;
use super::device::Gpu;
use super::tally::Move;
use super::timing::Commands;
use crate::error::Result;

/// A copy that was encoded but not submitted yet.
#[derive(Debug)]
pub(super) struct Copy(Buffer);

/// A copy whose mapping is under way.
#[derive(Debug)]
pub(super) struct Reading {
    buffer: Buffer,
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// Encodes the copy of the first `bytes` of `buffer`.
pub(super) fn start(gpu: &Gpu, encoder: &mut Commands, buffer: &Buffer, bytes: u64) -> Result<Copy> {
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    let copy = gpu.buffer("read back", bytes, usage)?;
    gpu.copy(encoder, buffer, &copy, bytes, Move::Down);
    Ok(Copy(copy))
}

impl Copy {
    /// Asks for the mapping; call it after the submission.
    pub(super) fn map(self, submission: wgpu::SubmissionIndex) -> Reading {
        let (send, mapped) = channel();
        self.0.map_async(wgpu::MapMode::Read, .., move |result| {
            // Nobody listens any more when the run ended early.
            let _ = send.send(result);
        });
        Reading { buffer: self.0, submission, mapped }
    }
}

impl Reading {
    /// Waits until the device is done with it.
    pub(super) fn wait(&self, gpu: &Gpu) -> Result<()> {
        gpu.wait(&self.submission)
    }

    /// Waits and gives the bytes; once only.
    pub(super) fn view(&self, gpu: &Gpu) -> Result<wgpu::BufferView> {
        gpu.wait(&self.submission)?;
        match self.mapped.try_recv() {
            Ok(Ok(())) => self.buffer.get_mapped_range(..).map_err(|e| gpu.failed(&e)),
            Ok(Err(e)) => Err(gpu.failed(&e)),
            Err(e) => Err(gpu.failed(&e)),
        }
    }
}
