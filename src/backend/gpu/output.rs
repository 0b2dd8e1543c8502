//! Palette indices on their way from the device to the sink: several readbacks in flight, and while the sink
//! encodes the tiles of one, the device makes those of the next.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::device::Gpu;
use super::readback::{self, Reading};
use crate::backend::{TileSink, sparse};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::tile::{TILE_PIXELS, TileCoord};

/// Readbacks in flight.
const DEPTH: usize = 4;

/// The way out for one zoom.
pub(super) struct Output<'a> {
    gpu: &'a Gpu,
    monitor: &'a Monitor,
    sink: &'a dyn TileSink,
    /// Where shade writes, tile after tile.
    pub(super) indices: wgpu::Buffer,
    flying: VecDeque<(Reading, Vec<TileCoord>)>,
}

impl<'a> Output<'a> {
    /// A way out for at most `tiles` tiles a submission.
    pub(super) fn new(gpu: &'a Gpu, tiles: u32, monitor: &'a Monitor, sink: &'a dyn TileSink) -> Result<Self> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let indices = gpu.buffer("indices", u64::from(tiles) * TILE_PIXELS as u64, usage)?;
        Ok(Self { gpu, monitor, sink, indices, flying: VecDeque::new() })
    }

    /// Submits what makes the indices of `tiles` and reads them back.
    pub(super) fn submit(&mut self, mut encoder: wgpu::CommandEncoder, tiles: Vec<TileCoord>) -> Result<()> {
        self.monitor.check()?;
        let copy = readback::start(self.gpu, &mut encoder, &self.indices, (tiles.len() * TILE_PIXELS) as u64)?;
        // Some drivers work within the call.
        let submission = self.monitor.time(Stage::Shade, || self.gpu.submit(encoder))?;
        self.flying.push_back((copy.map(submission), tiles));
        while self.flying.len() >= DEPTH {
            self.take()?;
        }
        Ok(())
    }

    /// Hands over everything still in flight.
    pub(super) fn finish(&mut self) -> Result<()> {
        while !self.flying.is_empty() {
            self.take()?;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<()> {
        let Some((reading, tiles)) = self.flying.pop_front() else { return Ok(()) };
        self.monitor.time(Stage::Shade, || reading.wait(self.gpu))?;
        let view = self.monitor.time(Stage::ReadBack, || reading.view(self.gpu))?;
        let bytes: &[u8] = &view;
        let (monitor, sink) = (self.monitor, self.sink);
        tiles.par_iter().zip(bytes.par_chunks_exact(TILE_PIXELS)).try_for_each_init(Vec::new, |list, (&tile, bytes)| {
            monitor.check()?;
            let raster = bytes.try_into().map_err(|_| Error::Internal(format!("tile {tile} has the wrong size")))?;
            let indices = monitor.time(Stage::ReadBack, || sparse::leave(raster, list));
            indices.map_or(Ok(()), |indices| sink.put(tile, indices))
        })
    }
}
