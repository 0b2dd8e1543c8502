//! Host side of `halo.wgsl`: resident tiles with their surroundings, the input of spread.

use super::device::Gpu;
use super::planes::Planes;
use super::shader::{Access, MORTON, Pass, Shader, WORKGROUP, params};
use super::slots::SlotPool;
use super::tally::Handled;
use super::timing::Commands;
use crate::error::Result;

params! {
    /// Side and radius of the planes, and the slots that each bound buffer begins with.
    HaloParams { side, radius, start0, start1, start2, start3, end }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "halo",
    params: Shader::params_of::<HaloParams>(),
    bindings: &[
        ("jobs", Access::Read, "array<u32>"),
        ("counts0", Access::Read, "array<u32>"),
        ("counts1", Access::Read, "array<u32>"),
        ("counts2", Access::Read, "array<u32>"),
        ("counts3", Access::Read, "array<u32>"),
        ("planes", Access::Write, "array<u32>"),
    ],
    sources: &[MORTON, include_str!("../../../shaders/halo.wgsl")],
    subgroups: false,
};

/// Fills level 0 of `planes` from resident tiles; each job names the slots of a tile's surroundings, from
/// north-west to south-east with the tile itself in the middle.
pub(super) fn encode(
    gpu: &Gpu,
    encoder: &mut Commands,
    jobs: &[[u32; 9]],
    pool: &SlotPool,
    planes: &Planes,
) -> Result<()> {
    let list = gpu.upload("halo jobs", bytemuck::cast_slice(jobs), wgpu::BufferUsages::STORAGE)?;
    planes.clear(gpu, encoder);
    for (nth, group) in pool.groups().enumerate() {
        let [start0, start1, start2, start3] = group.starts;
        let (side, radius) = (planes.side, planes.radius);
        let params = HaloParams { side, radius, start0, start1, start2, start3, end: group.end };
        let [counts0, counts1, counts2, counts3] = group.buffers;
        let buffers = [&list, counts0, counts1, counts2, counts3, &planes.buffer];
        let size = ((planes.side * planes.side).div_ceil(WORKGROUP), jobs.len() as u32);
        let handled = if nth == 0 { Handled::tiles(jobs.len()) } else { Handled::more() };
        let handled = handled.moving(8 * u64::from(side * side) * jobs.len() as u64);
        gpu.dispatch(encoder, Pass::Halo, &params, &buffers, size, handled)?;
    }
    Ok(())
}
