//! Host side of `spread.wgsl`: the largest count of the disc around each pixel. A row of the disc is a run of
//! pixels, and the largest of any run is the larger of two overlapping runs whose lengths are a power of two; so
//! a disc of radius 64 costs 258 reads a pixel, not 12,893. `widen` makes those runs.

use super::device::{Gpu, Handled, Stage};
use super::shader::{Access, Kernel, WORKGROUP, params};
use super::slots::TILE_BYTES;
use super::widen;
use crate::error::Result;
use crate::shade::disc_half_width;
use crate::tile::{TILE_PIXELS, TILE_SIDE};

params! {
    /// Side and radius of the planes, words of a level, rows of half the disc.
    SpreadParams { side, radius, level_words, rows }
}

/// The shader.
pub(super) const KERNEL: Kernel = Kernel {
    name: "spread",
    params: Kernel::params_of::<SpreadParams>(),
    bindings: &[
        ("planes", Access::Read, "array<u32>"),
        ("disc", Access::Read, "array<vec2<u32>>"),
        ("rasters", Access::Write, "array<u32>"),
    ],
    sources: &[include_str!("../../../shaders/spread.wgsl")],
    subgroups: false,
};

/// The pixels of some tiles with their surroundings, at every run length, and the disc.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) buffer: wgpu::Buffer,
    pub(super) side: u32,
    pub(super) radius: u32,
    pub(super) levels: u32,
    tiles: u32,
    disc: wgpu::Buffer,
    rows: u32,
}

/// Pixels along a tile with its surroundings.
pub(super) fn side(radius: u32) -> u32 {
    TILE_SIDE + 2 * radius
}

/// Run lengths 1, 2, 4 ... up to the disc's widest row.
fn levels(radius: u32) -> u32 {
    (2 * radius + 1).ilog2() + 1
}

/// Bytes of planes that one tile takes.
pub(super) fn plane_bytes(radius: u32) -> u64 {
    4 * u64::from(side(radius)).pow(2) * u64::from(levels(radius))
}

impl Planes {
    /// Planes for up to `tiles` tiles.
    pub(super) fn new(gpu: &Gpu, radius: u32, tiles: u32) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let rows: Vec<[u32; 2]> = (0..=radius)
            .map_while(|dy| disc_half_width(radius, dy))
            .map(|half| [half, (2 * half + 1).ilog2()])
            .collect();
        Ok(Self {
            buffer: gpu.buffer("planes", plane_bytes(radius) * u64::from(tiles), Usage::STORAGE | Usage::COPY_DST)?,
            side: side(radius),
            radius,
            levels: levels(radius),
            tiles,
            disc: gpu.upload("disc", bytemuck::cast_slice(&rows), Usage::STORAGE)?,
            rows: rows.len() as u32,
        })
    }

    /// Words of one level of all tiles.
    pub(super) fn level_words(&self) -> u32 {
        self.side * self.side * self.tiles
    }

    /// Sets level 0 to zero.
    pub(super) fn clear(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.clear_buffer(&self.buffer, 0, Some(4 * u64::from(self.level_words())));
    }
}

/// Spreads the first `tiles` tiles of `planes`, whose level 0 is filled, into `rasters`.
pub(super) fn encode(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    planes: &Planes,
    tiles: usize,
    rasters: &wgpu::Buffer,
) -> Result<()> {
    debug_assert!(rasters.size() >= TILE_BYTES * tiles as u64);
    widen::encode(gpu, encoder, planes, tiles)?;
    let params =
        SpreadParams { side: planes.side, radius: planes.radius, level_words: planes.level_words(), rows: planes.rows };
    let size = (TILE_PIXELS as u32 / WORKGROUP, tiles as u32);
    let buffers = [&planes.buffer, &planes.disc, rasters];
    gpu.dispatch(encoder, Stage::Spread, &params, &buffers, size, Handled::tiles(tiles))
}
