//! Palette indices on their way from the device to the sink: several readbacks in flight, and while the sink
//! encodes the tiles of one, the device makes those of the next.

use std::collections::VecDeque;
use std::marker::PhantomData;

use rayon::prelude::*;

use super::buffer::Buffer;
use super::device::Gpu;
use super::memory::as_many;
use super::readback::{self, Reading};
use super::slots::TILE_BYTES;
use super::timing::Commands;
use crate::backend::{TileSink, host};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::tile::{PixelIndex, TILE_PIXELS, TileCoord};

/// Readbacks in flight.
const DEPTH: usize = 4;

/// The way out for one zoom, whose indices are of the type `I`.
pub(super) struct Output<'a, I> {
    gpu: &'a Gpu,
    monitor: &'a Monitor,
    sink: &'a dyn TileSink,
    /// Most tiles of a submission.
    pub(super) tiles: usize,
    /// Where shade writes, tile after tile.
    pub(super) indices: Buffer,
    flying: VecDeque<(Reading, Vec<TileCoord>)>,
    kind: PhantomData<I>,
}

impl<'a, I: PixelIndex + bytemuck::Pod> Output<'a, I> {
    /// Bytes of the indices of one tile.
    pub(super) const TILE: usize = TILE_PIXELS * size_of::<I>();

    /// A way out for at most `most` tiles a submission, fewer where the device has little memory.
    pub(super) fn new(gpu: &'a Gpu, most: u32, monitor: &'a Monitor, sink: &'a dyn TileSink) -> Result<Self> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let room = |tiles: u32| {
            let indices = gpu.buffer("indices", u64::from(tiles) * Self::TILE as u64, usage)?;
            Ok((tiles, indices))
        };
        // A tile's counts on their way up, and its indices on their way down.
        let spare = || gpu.room("a tile on its way", 4 * TILE_BYTES);
        let (tiles, indices) = as_many(most, room, spare)?;
        Ok(Self { gpu, monitor, sink, tiles: tiles as usize, indices, flying: VecDeque::new(), kind: PhantomData })
    }

    /// Submits what makes the indices of `tiles` and reads them back.
    pub(super) fn submit(&mut self, mut encoder: Commands, tiles: Vec<TileCoord>) -> Result<()> {
        self.monitor.check()?;
        let bytes = (tiles.len() * Self::TILE) as u64;
        let copy = readback::start(self.gpu, &mut encoder, &self.indices, bytes)?;
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

    /// Does `work` on `items`, or on halves of them where the device has no memory for more at once. `work` submits
    /// what it was given or fails before.
    pub(super) fn in_parts<T>(
        &mut self,
        items: &[T],
        work: &mut dyn FnMut(&[T], &mut Self) -> Result<()>,
    ) -> Result<()> {
        match work(items, self) {
            Err(Error::DeviceFull { .. }) if !self.flying.is_empty() => {
                self.finish()?;
                self.in_parts(items, work)
            }
            Err(Error::DeviceFull { .. }) if items.len() > 1 => {
                let (some, rest) = items.split_at(items.len() / 2);
                self.in_parts(some, work)?;
                self.in_parts(rest, work)
            }
            done => done,
        }
    }

    fn take(&mut self) -> Result<()> {
        let Some((reading, tiles)) = self.flying.pop_front() else { return Ok(()) };
        self.monitor.time(Stage::Shade, || reading.wait(self.gpu))?;
        let view = self.monitor.time(Stage::ReadBack, || reading.view(self.gpu))?;
        let indices: &[I] = bytemuck::cast_slice(&view);
        let (monitor, sink) = (self.monitor, self.sink);
        tiles.par_iter().zip(indices.par_chunks_exact(TILE_PIXELS)).try_for_each_init(
            Vec::new,
            |list, (&tile, indices)| {
                monitor.check()?;
                let raster =
                    indices.try_into().map_err(|_| Error::Internal(format!("tile {tile} has the wrong size")))?;
                let indices = monitor.time(Stage::ReadBack, || host::leave(raster, list));
                indices.map_or(Ok(()), |indices| sink.put(tile, indices))
            },
        )
    }
}
