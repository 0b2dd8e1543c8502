//! Host side of `stats.wgsl`: a zoom's lit pixels, largest count, sum and different counts, and per tile how many
//! pixels are lit and which neighbours its spread reaches.

use super::device::Gpu;
use super::readback;
use super::shader::{Access, HASH_WORDS, MORTON, Pass, Shader, TOTALS_HEAD, params};
use super::slots::{MAX_JOBS, SlotPool, TILE_BYTES, ZoomSlots};
use super::tally::Handled;
use crate::counts::{DISTINCT_LIMIT, Distinct, Unit, ZoomStats};
use crate::error::Result;

params! {
    /// Where the zoom's totals begin, and the spread radius.
    StatsParams { base, radius }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "stats",
    params: Shader::params_of::<StatsParams>(),
    bindings: &[
        ("jobs", Access::Read, "array<vec2<u32>>"),
        ("counts", Access::Read, "array<vec4<u32>>"),
        ("infos", Access::Write, "array<vec2<u32>>"),
        ("totals", Access::Write, "array<atomic<u32>>"),
    ],
    sources: &[MORTON, include_str!("../../../shaders/stats.wgsl")],
    subgroups: false,
};

/// Words of one zoom's totals.
const ZOOM_WORDS: u32 = TOTALS_HEAD + HASH_WORDS;

/// What the shader found in one tile.
#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct TileInfo {
    /// Lit pixels.
    pub(super) lit: u32,
    /// Neighbours reached by spread, a bit each, in the order of [`REACH`].
    pub(super) reach: u32,
}

/// Neighbours (columns east, rows south) by bit of [`TileInfo::reach`].
pub(super) const REACH: [(i32, i32); 8] = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];

/// Statistics of each zoom and the infos of its tiles, in the order of `zooms`.
pub(super) fn run(
    gpu: &Gpu,
    zooms: &[(&ZoomSlots, &SlotPool)],
    radius: u32,
) -> Result<Vec<(ZoomStats, Vec<TileInfo>)>> {
    use wgpu::BufferUsages as Usage;
    let tiles: usize = zooms.iter().map(|z| z.0.len()).sum();
    let info_bytes = 8 * tiles.max(1) as u64;
    let total_bytes = u64::from(4 * ZOOM_WORDS) * zooms.len().max(1) as u64;
    let infos = gpu.buffer("tile infos", info_bytes, Usage::STORAGE | Usage::COPY_SRC)?;
    let totals = gpu.buffer("zoom totals", total_bytes, Usage::STORAGE | Usage::COPY_SRC)?;
    let mut encoder = gpu.encoder();
    let mut first = 0;
    for (nth, (slots, pool)) in zooms.iter().enumerate() {
        let params = StatsParams { base: nth as u32 * ZOOM_WORDS, radius };
        let mut jobs = vec![Vec::new(); pool.len()];
        for (at, &(_, slot)) in slots.iter().enumerate() {
            let (buffer, local) = pool.locate(slot)?;
            jobs[buffer].push([local, (first + at) as u32]);
        }
        for (buffer, jobs) in jobs.iter().enumerate() {
            for jobs in jobs.chunks(MAX_JOBS) {
                let list = gpu.upload("stats jobs", bytemuck::cast_slice(jobs), Usage::STORAGE)?;
                let buffers = [&list, pool.buffer(buffer)?, &infos, &totals];
                let size = (jobs.len() as u32, 1);
                // Additions but those to the zoom's totals stay in the workgroup's memory.
                let handled = Handled::tiles(jobs.len()).moving(TILE_BYTES * jobs.len() as u64);
                gpu.dispatch(
                    &mut encoder,
                    Pass::Stats,
                    &params,
                    &buffers,
                    size,
                    handled.adding(3 * jobs.len() as u64),
                )?;
            }
        }
        first += slots.len();
    }
    let infos = readback::start(gpu, &mut encoder, &infos, info_bytes)?;
    let totals = readback::start(gpu, &mut encoder, &totals, total_bytes)?;
    let submission = gpu.submit(encoder)?;
    let (infos, totals) = (infos.map(submission.clone()), totals.map(submission));
    let (infos, totals) = (infos.view(gpu)?, totals.view(gpu)?);
    let (infos, totals): (&[TileInfo], &[u32]) = (bytemuck::cast_slice(&infos), bytemuck::cast_slice(&totals));

    let mut rest = infos;
    Ok(zooms
        .iter()
        .zip(totals.chunks_exact(ZOOM_WORDS as usize))
        .map(|((slots, _), totals)| {
            let (own, more) = rest.split_at(slots.len());
            rest = more;
            let (head, set) = totals.split_at(TOTALS_HEAD as usize);
            let distinct = if head[3] as usize > DISTINCT_LIMIT {
                Distinct::many()
            } else {
                Distinct::from_values(set.iter().copied().filter(|&count| count > 0))
            };
            let lit_tiles = own.iter().filter(|info| info.lit > 0).count() as u64;
            let stats = ZoomStats {
                min: 0,
                lit: head[0].into(),
                max: head[1],
                tiles: lit_tiles,
                sum: head[2].into(),
                distinct,
                unit: Unit::POINTS,
            };
            (stats, own.to_vec())
        })
        .collect())
}
