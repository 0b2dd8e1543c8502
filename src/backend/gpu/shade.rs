//! Host side of `shade.wgsl`: counts to palette indices, by the zoom's thresholds.

use super::buffer::Buffer;
use super::device::Gpu;
use super::shader::{Access, MORTON, Pass, Shader, WORKGROUP, params};
use super::slots::TILE_BYTES;
use super::tally::Handled;
use super::timing::Commands;
use crate::error::Result;
use crate::shade::ShadeTable;
use crate::tile::TILE_PIXELS;

params! {
    /// How many thresholds there are, the first step of the search, whether counts come in Morton order and whether
    /// indices have 16 bits.
    ShadeParams { thresholds, first_step, morton_order, wide }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "shade",
    params: Shader::params_of::<ShadeParams>(),
    bindings: &[
        ("jobs", Access::Read, "array<vec2<u32>>"),
        ("counts", Access::Read, "array<u32>"),
        ("thresholds", Access::Read, "array<u32>"),
        ("indices", Access::Write, "array<u32>"),
    ],
    sources: &[MORTON, include_str!("../../../shaders/shade.wgsl")],
    subgroups: false,
};

/// A zoom's thresholds on the device.
#[derive(Debug)]
pub(super) struct Thresholds {
    buffer: Buffer,
    len: u32,
    first_step: u32,
    wide: bool,
}

impl Thresholds {
    /// Uploads the thresholds of `table`.
    pub(super) fn new(gpu: &Gpu, table: &ShadeTable) -> Result<Self> {
        let padded = table.padded();
        let buffer = gpu.upload("thresholds", bytemuck::cast_slice(&padded), wgpu::BufferUsages::STORAGE)?;
        let (len, first_step) = (table.thresholds.len() as u32, padded.len() as u32 / 2);
        Ok(Self { buffer, len, first_step, wide: table.is_wide() })
    }
}

/// Colours tiles of `counts`; each job is (tile in counts, tile in indices).
pub(super) fn encode(
    gpu: &Gpu,
    encoder: &mut Commands,
    thresholds: &Thresholds,
    morton_order: bool,
    jobs: &[[u32; 2]],
    counts: &Buffer,
    indices: &Buffer,
) -> Result<()> {
    let list = gpu.upload("shade jobs", bytemuck::cast_slice(jobs), wgpu::BufferUsages::STORAGE)?;
    let params = ShadeParams {
        thresholds: thresholds.len,
        first_step: thresholds.first_step,
        morton_order: u32::from(morton_order),
        wide: u32::from(thresholds.wide),
    };
    let size = (TILE_PIXELS as u32 / 4 / WORKGROUP, jobs.len() as u32);
    let buffers = [&list, counts, &thresholds.buffer, indices];
    let bytes = TILE_BYTES + TILE_PIXELS as u64 * if thresholds.wide { 2 } else { 1 };
    let handled = Handled::tiles(jobs.len()).moving(bytes * jobs.len() as u64);
    gpu.dispatch(encoder, Pass::Shade, &params, &buffers, size, handled)
}
