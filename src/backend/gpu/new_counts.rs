//! Kernels that make new counts (sums, and everything weighted): from the counts of a zoom on the host to those of its
//! spread pixels, on the host again. Few pixels are spread there; the others go through `spread.wgsl` or `blur.wgsl`.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::device::Gpu;
use super::memory::{MemoryPlan, as_many};
use super::planes::{self, Planes};
use super::readback;
use super::slots::TILE_BYTES;
use super::spread;
use super::tally::Move;
use crate::backend::Plan;
use crate::backend::host::{self, for_each_area};
use crate::counts::Lit;
use crate::error::{Error, Result};
use crate::shade::Kernel;
use crate::store::{CountPart, CountStore};
use crate::tile::{TILE_PIXELS, TileCoord};

/// What tiles are worked on with.
pub(super) struct Work<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) plan: &'a Plan,
    pub(super) memory: MemoryPlan,
    /// Tiles with fewer lit pixels stay with the host if their counts are there.
    pub(super) dense_min: usize,
}

impl Work<'_> {
    /// Tiles of one submission.
    pub(super) fn chunk(&self, kernel: &Kernel) -> u32 {
        let spread = if kernel.radius > 0 { planes::plane_bytes(kernel) } else { 0 };
        // Counts, and indices of at most two bytes.
        let fitting = self.memory.shade_bytes / (spread + TILE_BYTES + TILE_BYTES / 2);
        let bound = self.memory.binding / spread.max(TILE_BYTES);
        fitting.min(bound).clamp(1, 256) as u32
    }

    /// Room for the tiles of one submission with their surroundings, and for what they become; for fewer where the device
    /// has little memory.
    pub(super) fn planes(&self, kernel: &Kernel) -> Result<(Planes, Buffer)> {
        use wgpu::BufferUsages as Usage;
        let make = |tiles| {
            let planes = Planes::new(self.gpu, kernel, tiles)?;
            let bytes = u64::from(tiles) * TILE_BYTES;
            Ok((planes, self.gpu.buffer("spread counts", bytes, Usage::STORAGE | Usage::COPY_SRC)?))
        };
        // A tile with its surroundings on its way up, what it becomes, and the way down.
        let spare = 2 * planes::plane_bytes(kernel) + 8 * TILE_BYTES;
        as_many(self.chunk(kernel), make, || self.gpu.room("a tile on its way", spare))
    }

    /// Whether a tile with that many lit pixels in it and around it is spread by the host.
    pub(super) fn goes_by_list(&self, near: usize, kernel: &Kernel) -> bool {
        self.dense_min > 0 && host::few(near, kernel.area())
    }

    /// The counts of zoom `z`, all of which the host has, after a kernel that makes new ones; in ascending parts.
    pub(super) fn new_counts(&self, z: u8, counts: &CountStore, kernel: &Kernel) -> Result<Vec<CountPart>> {
        let (planes, rasters) = self.planes(kernel)?;
        let mut parts = Vec::new();
        for_each_area(counts, z, kernel.radius, &self.plan.memory, |borders| {
            for codes in borders.reached().chunks(planes.tiles as usize) {
                self.plan.monitor.check()?;
                let mut tiles: Vec<Spread> = codes
                    .par_iter()
                    .map_init(Default::default, |(lit, near): &mut (Vec<_>, Vec<_>), &code| {
                        borders.gather(counts, TileCoord::from_morton(z, code), lit, near, |count| count)?;
                        if !self.goes_by_list(near.len(), kernel) {
                            return Ok(Spread::Waits(plane_of(near, kernel)));
                        }
                        let mut done = Vec::new();
                        host::lit_of_list(&host::new_counts(near, kernel), &mut done);
                        Ok(Spread::Done(done))
                    })
                    .collect::<Result<_>>()?;
                let mut waiting: Vec<_> = tiles.iter_mut().filter(|tile| matches!(tile, Spread::Waits(_))).collect();
                self.spread_waiting(&mut waiting, &planes, &rasters)?;
                let mut part = counts.part();
                for (&code, tile) in codes.iter().zip(&tiles) {
                    if let Spread::Done(lit) = tile {
                        part.push(code, lit)?;
                    }
                }
                parts.push(part);
            }
            Ok(())
        })?;
        Ok(parts)
    }

    /// Spreads on the device what waits for it, or half of it at a time where it has no memory for more.
    fn spread_waiting(&self, waiting: &mut [&mut Spread], planes: &Planes, rasters: &Buffer) -> Result<()> {
        match self.spread_at_once(waiting, planes, rasters) {
            Err(Error::DeviceFull { .. }) if waiting.len() > 1 => {
                let (some, rest) = waiting.split_at_mut(waiting.len() / 2);
                self.spread_waiting(some, planes, rasters)?;
                self.spread_waiting(rest, planes, rasters)
            }
            done => done,
        }
    }

    fn spread_at_once(&self, waiting: &mut [&mut Spread], planes: &Planes, rasters: &Buffer) -> Result<()> {
        if waiting.is_empty() {
            return Ok(());
        }
        let words: Vec<&[u32]> = waiting.iter().map(|tile| tile.plane()).collect();
        let mut encoder = self.gpu.encoder();
        let staging = self.gpu.upload_parts("counts", &words, wgpu::BufferUsages::COPY_SRC)?;
        self.gpu.copy(&mut encoder, &staging, &planes.buffer, staging.size(), Move::Copied);
        spread::encode(self.gpu, &mut encoder, planes, words.len(), rasters)?;
        let copy = readback::start(self.gpu, &mut encoder, rasters, words.len() as u64 * TILE_BYTES)?;
        let view = copy.map(self.gpu.submit(encoder)?).view(self.gpu)?;
        let all: &[u32] = bytemuck::cast_slice(&view);
        waiting.par_iter_mut().zip(all.par_chunks_exact(TILE_PIXELS)).try_for_each(|(tile, raster)| {
            let raster = raster.try_into().map_err(|_| Error::Internal("a spread tile has the wrong size".into()))?;
            let mut lit = Vec::new();
            host::lit_of(raster, &mut lit);
            **tile = Spread::Done(lit);
            Ok(())
        })
    }
}

/// A tile on its way to new counts.
enum Spread {
    /// Spread by the host, or by the device.
    Done(Vec<Lit>),
    /// Its counts with their surroundings, to be spread by the device.
    Waits(Vec<u32>),
}

impl Spread {
    fn plane(&self) -> &[u32] {
        if let Self::Waits(plane) = self { plane } else { &[] }
    }
}

/// Level 0 of a plane.
pub(super) fn plane_of(near: &[(i32, i32, u32)], kernel: &Kernel) -> Vec<u32> {
    let (radius, side) = (kernel.radius as i32, planes::side(kernel.radius) as usize);
    let mut plane = vec![0; side * side];
    for &(x, y, count) in near {
        plane[(y + radius) as usize * side + (x + radius) as usize] = count << kernel.shift();
    }
    plane
}
