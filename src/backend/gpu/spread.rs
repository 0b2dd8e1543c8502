//! Host side of `spread.wgsl`: the largest count of the mask around each pixel, or their sum. A row of the mask is a run
//! of pixels, and the largest of any run is the larger of two overlapping runs whose lengths are a power of two; so
//! a disc of radius 64 costs 258 reads a pixel, not 12,893. `widen` makes those runs. Weighted kernels are spread by
//! `blur` instead, from the same planes.

use super::buffer::Buffer;
use super::device::Gpu;
use super::planes::Planes;
use super::shader::{Access, Pass, Shader, WORKGROUP, params};
use super::slots::TILE_BYTES;
use super::tally::Handled;
use super::timing::Commands;
use super::{blur, widen};
use crate::error::Result;
use crate::tile::TILE_PIXELS;

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
