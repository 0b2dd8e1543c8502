//! Host side of `blur.wgsl`: the two steps of a separable kernel, over columns and then over rows.

use super::buffer::Buffer;
use super::device::Gpu;
use super::planes::Planes;
use super::shader::{Access, Pass, Shader, WORKGROUP, params};
use super::tally::Handled;
use super::timing::Commands;
use crate::error::Result;
use crate::tile::{TILE_PIXELS, TILE_SIDE};

params! {
    /// Side and radius of the planes, words of a level, which step it is, and whether to sum.
    BlurParams { side, radius, level_words, over_rows, add }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "blur",
    params: Shader::params_of::<BlurParams>(),
    bindings: &[
        ("planes", Access::Write, "array<u32>"),
        ("weights", Access::Read, "array<u32>"),
        ("rasters", Access::Write, "array<u32>"),
    ],
    sources: &[include_str!("../../../shaders/blur.wgsl")],
    subgroups: false,
};

/// Spreads the first `tiles` tiles of `planes`, whose level 0 is filled, into `rasters`.
pub(super) fn encode(gpu: &Gpu, encoder: &mut Commands, planes: &Planes, tiles: usize, rasters: &Buffer) -> Result<()> {
    let (side, radius, level_words, add) = (planes.side, planes.radius, planes.level_words(), planes.add);
    let steps = [(0, side * TILE_SIDE, Handled::tiles(tiles)), (1, TILE_PIXELS as u32, Handled::more())];
    for (over_rows, pixels, handled) in steps {
        let params = BlurParams { side, radius, level_words, over_rows, add };
        let handled = handled.moving(8 * u64::from(pixels) * tiles as u64);
        let size = (pixels / WORKGROUP, tiles as u32);
        let buffers = [&planes.buffer, &planes.shape, rasters];
        gpu.dispatch(encoder, Pass::Blur, &params, &buffers, size, handled)?;
    }
    Ok(())
}
