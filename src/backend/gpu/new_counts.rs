//! Kernels that make new counts (sums, and everything weighted): from the counts of a zoom on the host to those of its
//! spread pixels, on the host again. Few pixels are spread there; the others go through `spread.wgsl` or `blur.wgsl`.

use rayon::prelude::*;

use super::device::Gpu;
use super::memory::MemoryPlan;
use super::readback;
use super::slots::TILE_BYTES;
use super::spread::{self, Planes};
use crate::backend::sparse::Borders;
use crate::backend::{Plan, sparse};
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
        let spread = if kernel.radius > 0 { spread::plane_bytes(kernel) } else { 0 };
        // Counts, and indices of at most two bytes.
        let fitting = self.memory.shade_bytes / (spread + TILE_BYTES + TILE_BYTES / 2);
        let bound = self.memory.binding / spread.max(TILE_BYTES);
        fitting.min(bound).clamp(1, 256) as u32
    }

    /// Room for the tiles of one submission with their surroundings, and for what they become.
    pub(super) fn planes(&self, kernel: &Kernel) -> Result<(Planes, wgpu::Buffer)> {
        use wgpu::BufferUsages as Usage;
        let tiles = self.chunk(kernel);
        let planes = Planes::new(self.gpu, kernel, tiles)?;
        let bytes = u64::from(tiles) * TILE_BYTES;
        Ok((planes, self.gpu.buffer("spread counts", bytes, Usage::STORAGE | Usage::COPY_SRC)?))
    }

    /// Whether a tile with that many lit pixels in it and around it is spread by the host.
    pub(super) fn goes_by_list(&self, near: usize, kernel: &Kernel) -> bool {
        self.dense_min > 0 && sparse::few(near, kernel.area())
    }

    /// The counts of zoom `z`, all of which the host has, after a kernel that makes new ones; in ascending parts.
    pub(super) fn new_counts(&self, z: u8, counts: &CountStore, kernel: &Kernel) -> Result<Vec<CountPart>> {
        use wgpu::BufferUsages as Usage;
        let (planes, rasters) = self.planes(kernel)?;
        let borders = Borders::new(counts, z, kernel.radius)?;
        let mut parts = Vec::new();
        for codes in borders.reached().chunks(self.chunk(kernel) as usize) {
            self.plan.monitor.check()?;
            // Few pixels are spread at once, the others wait for the device.
            let tiles: Vec<Result<Vec<Lit>, Vec<u32>>> = codes
                .par_iter()
                .map_init(Default::default, |(lit, near): &mut (Vec<_>, Vec<_>), &code| {
                    let tile = TileCoord::from_morton(z, code);
                    borders.gather(counts, tile, lit, near, |count| count)?;
                    if self.goes_by_list(near.len(), kernel) {
                        let mut lit = Vec::new();
                        sparse::lit_of_list(&sparse::new_counts(near, kernel), &mut lit);
                        return Ok(Ok(lit));
                    }
                    Ok(Err(plane_of(near, kernel)))
                })
                .collect::<Result<_>>()?;
            let dense: Vec<&[u32]> = tiles.iter().filter_map(|tile| tile.as_ref().err()).map(Vec::as_slice).collect();
            let mut view = None;
            if !dense.is_empty() {
                let mut encoder = self.gpu.encoder();
                let staging = self.gpu.upload_parts("counts", &dense, Usage::COPY_SRC)?;
                encoder.copy_buffer_to_buffer(&staging, 0, &planes.buffer, 0, staging.size());
                spread::encode(self.gpu, &mut encoder, &planes, dense.len(), &rasters)?;
                let copy = readback::start(self.gpu, &mut encoder, &rasters, dense.len() as u64 * TILE_BYTES)?;
                view = Some(copy.map(self.gpu.submit(encoder)?).view(self.gpu)?);
            }
            let mut rasters =
                view.as_ref().map_or(&[][..], |view| bytemuck::cast_slice(view)).chunks_exact(TILE_PIXELS);
            let lits: Vec<(u64, Result<Vec<Lit>, &[u32]>)> = codes
                .iter()
                .zip(tiles)
                .map(|(&code, tile)| (code, tile.or_else(|_| Err(rasters.next().unwrap_or_default()))))
                .collect();
            let mut part = counts.part();
            let lits = lits.into_par_iter().map(|(code, tile)| match tile {
                Ok(lit) => Ok((code, lit)),
                Err(raster) => {
                    let wrong = |_| Error::Internal(format!("spread lost tile {}", TileCoord::from_morton(z, code)));
                    let mut lit = Vec::new();
                    sparse::lit_of(raster.try_into().map_err(wrong)?, &mut lit);
                    Ok((code, lit))
                }
            });
            for (code, lit) in lits.collect::<Result<Vec<_>>>()? {
                part.push(code, &lit)?;
            }
            parts.push(part);
        }
        Ok(parts)
    }
}

/// Level 0 of a plane.
pub(super) fn plane_of(near: &[(i32, i32, u32)], kernel: &Kernel) -> Vec<u32> {
    let (radius, side) = (kernel.radius as i32, spread::side(kernel.radius) as usize);
    let mut plane = vec![0; side * side];
    for &(x, y, count) in near {
        plane[(y + radius) as usize * side + (x + radius) as usize] = count << kernel.shift();
    }
    plane
}
