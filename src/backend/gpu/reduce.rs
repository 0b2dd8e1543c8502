//! Host side of `reduce.wgsl`: every zoom below the highest from the one above it, while all tiles are resident.
//! Zooms take turns between two pools, so that no dispatch reads and writes the same buffer.

use std::collections::BTreeMap;

use super::device::Gpu;
use super::shader::{Access, Pass, Shader, WORKGROUP, params};
use super::slots::{MAX_JOBS, SlotPool, TILE_BYTES, ZoomSlots};
use super::tally::Handled;
use super::timing::Commands;
use crate::error::{Error, Result};
use crate::tile::TILE_PIXELS;

params! {
    /// Reduce needs no number but its jobs; a uniform must hold something.
    ReduceParams { jobs }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "reduce",
    params: Shader::params_of::<ReduceParams>(),
    bindings: &[
        ("jobs", Access::Read, "array<vec2<u32>>"),
        ("children", Access::Read, "array<vec4<u32>>"),
        ("parents", Access::Write, "array<u32>"),
    ],
    sources: &[include_str!("../../../shaders/reduce.wgsl")],
    subgroups: false,
};

/// Sums the tiles of one zoom into their parents, which are zero.
pub(super) fn encode(
    gpu: &Gpu,
    encoder: &mut Commands,
    (children, child_pool): (&ZoomSlots, &SlotPool),
    (parents, parent_pool): (&ZoomSlots, &SlotPool),
) -> Result<()> {
    let mut jobs: BTreeMap<(usize, usize), Vec<[u32; 2]>> = BTreeMap::new();
    for &(code, slot) in children {
        let parent = find(parents, code >> 2)
            .ok_or_else(|| Error::Internal("a tile on the device has no parent there".into()))?;
        let (from, child) = child_pool.locate(slot)?;
        let (to, parent) = parent_pool.locate(parent)?;
        jobs.entry((from, to)).or_default().push([child, parent * 4 + (code & 3) as u32]);
    }
    for ((from, to), jobs) in jobs {
        for jobs in jobs.chunks(MAX_JOBS) {
            let list = gpu.upload("reduce jobs", bytemuck::cast_slice(jobs), wgpu::BufferUsages::STORAGE)?;
            let params = ReduceParams { jobs: jobs.len() as u32 };
            let buffers = [&list, child_pool.buffer(from)?, parent_pool.buffer(to)?];
            let size = (TILE_PIXELS as u32 / 4 / WORKGROUP, params.jobs);
            let handled = Handled::tiles(jobs.len()).moving(TILE_BYTES / 4 * 5 * jobs.len() as u64);
            gpu.dispatch(encoder, Pass::Reduce, &params, &buffers, size, handled)?;
        }
    }
    Ok(())
}

/// The slot of a tile.
pub(super) fn find(tiles: &ZoomSlots, code: u64) -> Option<u32> {
    tiles.binary_search_by_key(&code, |t| t.0).ok().map(|at| tiles[at].1)
}
