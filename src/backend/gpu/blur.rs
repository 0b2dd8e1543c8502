//! Host side of `blur.wgsl`: the two steps of a separable kernel, over columns and then over rows.

use super::device::{Gpu, Handled, Stage};
use super::shader::{Access, Kernel, WORKGROUP, params};
use super::spread::Planes;
use crate::error::Result;
use crate::tile::{TILE_PIXELS, TILE_SIDE};

params! {
    /// Side and radius of the planes, words of a level, which step it is, and whether to sum.
    BlurParams { side, radius, level_words, over_rows, add }
}

/// The shader.
pub(super) const KERNEL: Kernel = Kernel {
    name: "blur",
    params: Kernel::params_of::<BlurParams>(),
    bindings: &[
        ("planes", Access::Write, "array<u32>"),
        ("weights", Access::Read, "array<u32>"),
        ("rasters", Access::Write, "array<u32>"),
    ],
    sources: &[include_str!("../../../shaders/blur.wgsl")],
    subgroups: false,
};

/// Spreads the first `tiles` tiles of `planes`, whose level 0 is filled, into `rasters`.
pub(super) fn encode(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    planes: &Planes,
    tiles: usize,
    rasters: &wgpu::Buffer,
) -> Result<()> {
    let (side, radius, level_words, add) = (planes.side, planes.radius, planes.level_words(), planes.add);
    let steps = [(0, side * TILE_SIDE, Handled::tiles(tiles)), (1, TILE_PIXELS as u32, Handled::default())];
    for (over_rows, pixels, handled) in steps {
        let params = BlurParams { side, radius, level_words, over_rows, add };
        let size = (pixels / WORKGROUP, tiles as u32);
        let buffers = [&planes.buffer, &planes.shape, rasters];
        gpu.dispatch(encoder, Stage::Blur, &params, &buffers, size, handled)?;
    }
    Ok(())
}
