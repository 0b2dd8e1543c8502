//! Host side of `spread.wgsl`: the largest count of the mask around each pixel, or their sum. A row of the mask is a run
//! of pixels, and the largest of any run is the larger of two overlapping runs whose lengths are a power of two; so
//! a disc of radius 64 costs 258 reads a pixel, not 12,893. `widen` makes those runs. Weighted kernels are spread by
//! `blur` instead, from the same planes.

use super::buffer::Buffer;
use super::device::Gpu;
use super::shader::{Access, Pass, Shader, WORKGROUP, params};
use super::slots::TILE_BYTES;
use super::tally::Handled;
use super::timing::Commands;
use super::{blur, widen};
use crate::error::Result;
use crate::shade::{Form, Kernel, SpreadOp};
use crate::tile::{TILE_PIXELS, TILE_SIDE};

params! {
    /// Side and radius of the planes, words of a level, rows of half the mask, and whether to sum.
    SpreadParams { side, radius, level_words, rows, add }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "spread",
    params: Shader::params_of::<SpreadParams>(),
    bindings: &[
        ("planes", Access::Read, "array<u32>"),
        ("rows", Access::Read, "array<vec2<u32>>"),
        ("rasters", Access::Write, "array<u32>"),
    ],
    sources: &[include_str!("../../../shaders/spread.wgsl")],
    subgroups: false,
};

/// The pixels of some tiles with their surroundings, at every run length, and the mask; or the same at both steps of a
/// weighted kernel, and its weights.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) buffer: Buffer,
    pub(super) side: u32,
    pub(super) radius: u32,
    pub(super) levels: u32,
    /// 1 where counts are summed, else 0.
    pub(super) add: u32,
    /// Tiles there is room for.
    pub(super) tiles: u32,
    /// Rows of the mask, or the weights.
    pub(super) shape: Buffer,
    rows: u32,
    weighted: bool,
}

/// Pixels along a tile with its surroundings.
pub(super) fn side(radius: u32) -> u32 {
    TILE_SIDE + 2 * radius
}

/// Run lengths 1, 2, 4 ... up to the mask's widest row; or the planes before and after the first step.
fn levels(kernel: &Kernel) -> u32 {
    match kernel.form {
        Form::Rows(_) => (2 * kernel.radius + 1).ilog2() + 1,
        Form::Weights { .. } => 2,
    }
}

/// Bytes of planes that one tile takes.
pub(super) fn plane_bytes(kernel: &Kernel) -> u64 {
    4 * u64::from(side(kernel.radius)).pow(2) * u64::from(levels(kernel))
}

impl Planes {
    /// Planes for up to `tiles` tiles.
    pub(super) fn new(gpu: &Gpu, kernel: &Kernel, tiles: u32) -> Result<Self> {
        use wgpu::BufferUsages as Usage;
        let bytes = plane_bytes(kernel) * u64::from(tiles);
        let (shape, rows) = match &kernel.form {
            Form::Rows(rows) => {
                let rows: Vec<[u32; 2]> = rows.iter().map(|&half| [half, (2 * half + 1).ilog2()]).collect();
                (gpu.upload("rows", bytemuck::cast_slice(&rows), Usage::STORAGE)?, rows.len() as u32)
            }
            Form::Weights { weights, .. } => {
                (gpu.upload("weights", bytemuck::cast_slice(weights), Usage::STORAGE)?, weights.len() as u32)
            }
        };
        Ok(Self {
            buffer: gpu.buffer("planes", bytes, Usage::STORAGE | Usage::COPY_DST)?,
            side: side(kernel.radius),
            radius: kernel.radius,
            levels: levels(kernel),
            add: u32::from(kernel.op == SpreadOp::Add),
            tiles,
            shape,
            rows,
            weighted: matches!(kernel.form, Form::Weights { .. }),
        })
    }

    /// Words of one level of all tiles.
    pub(super) fn level_words(&self) -> u32 {
        self.side * self.side * self.tiles
    }

    /// Sets level 0 to zero.
    pub(super) fn clear(&self, gpu: &Gpu, encoder: &mut Commands) {
        gpu.clear(encoder, &self.buffer, 4 * u64::from(self.level_words()));
    }
}

/// Spreads the first `tiles` tiles of `planes`, whose level 0 is filled, into `rasters`.
pub(super) fn encode(gpu: &Gpu, encoder: &mut Commands, planes: &Planes, tiles: usize, rasters: &Buffer) -> Result<()> {
    debug_assert!(rasters.size() >= TILE_BYTES * tiles as u64);
    if planes.weighted {
        return blur::encode(gpu, encoder, planes, tiles, rasters);
    }
    widen::encode(gpu, encoder, planes, tiles)?;
    let params = SpreadParams {
        side: planes.side,
        radius: planes.radius,
        level_words: planes.level_words(),
        rows: planes.rows,
        add: planes.add,
    };
    let size = (TILE_PIXELS as u32 / WORKGROUP, tiles as u32);
    let buffers = [&planes.buffer, &planes.shape, rasters];
    // Every level of the planes once, and the tiles.
    let planes_bytes = 4 * u64::from(planes.side * planes.side * planes.levels) * tiles as u64;
    let handled = Handled::tiles(tiles).moving(planes_bytes + TILE_BYTES * tiles as u64);
    gpu.dispatch(encoder, Pass::Spread, &params, &buffers, size, handled)
}
