//! Host side of `pack.wgsl`: tiles to their lit pixels, as parts for the count store. Reads a few tiles ahead
//! while the ones before are encoded.

use std::collections::VecDeque;

use super::device::Gpu;
use super::readback::{self, Reading};
use super::shader::{Access, Pass, Shader, params};
use super::slots::{SlotPool, TILE_BYTES, ZoomSlots};
use super::stats::TileInfo;
use super::tally::Handled;
use crate::counts::Lit;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::store::CountPart;

params! {
    /// Pack needs no number but its jobs; a uniform must hold something.
    PackParams { jobs }
}

/// The shader.
pub(super) const SHADER: Shader = Shader {
    name: "pack",
    params: Shader::params_of::<PackParams>(),
    bindings: &[
        ("jobs", Access::Read, "array<vec2<u32>>"),
        ("counts", Access::Read, "array<vec4<u32>>"),
        ("pairs", Access::Write, "array<vec2<u32>>"),
    ],
    sources: &[include_str!("../../../shaders/pack.wgsl")],
    subgroups: false,
};

/// Readbacks in flight.
const DEPTH: usize = 3;

/// Tiles read in one go: (code, lit pixels) each.
type Chunk = Vec<(u64, u32)>;

/// Where packed tiles go.
pub(super) struct Packing<'a> {
    /// Bytes of pairs at a time.
    pub(super) bytes: u64,
    pub(super) monitor: &'a Monitor,
    pub(super) new_part: &'a (dyn Fn() -> CountPart + Sync),
}

/// Packs the tiles (ascending codes) of `pool` into a new part.
pub(super) fn run(
    gpu: &Gpu,
    slots: &ZoomSlots,
    infos: &[TileInfo],
    pool: &SlotPool,
    packing: &Packing<'_>,
) -> Result<CountPart> {
    let mut part = (packing.new_part)();
    let mut flying: VecDeque<(Reading, Chunk)> = VecDeque::new();
    let mut most = (packing.bytes / 8).max(1);
    let mut from = 0;
    while from < slots.len() {
        packing.monitor.check()?;
        let (mut to, mut pairs) = (from, 0u64);
        while to < slots.len() && (to == from || pairs + u64::from(infos[to].lit) <= most) {
            pairs += u64::from(infos[to].lit);
            to += 1;
        }
        if pairs > 0 {
            match start(gpu, &slots[from..to], &infos[from..to], pool, pairs) {
                Ok(started) => flying.push_back(started),
                // What is on its way gives its memory back, and fewer tiles need less.
                Err(Error::DeviceFull { .. }) if to - from > 1 || !flying.is_empty() => {
                    match flying.pop_front() {
                        Some((reading, chunk)) => take(gpu, &reading, &chunk, packing.monitor, &mut part)?,
                        None => most = (pairs / 2).max(1),
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        from = to;
        if flying.len() >= DEPTH || from == slots.len() {
            while let Some((reading, chunk)) = flying.pop_front() {
                take(gpu, &reading, &chunk, packing.monitor, &mut part)?;
                if from < slots.len() {
                    break;
                }
            }
        }
    }
    part.sealed()
}

fn start(gpu: &Gpu, slots: &[(u64, u32)], infos: &[TileInfo], pool: &SlotPool, pairs: u64) -> Result<(Reading, Chunk)> {
    use wgpu::BufferUsages as Usage;
    let mut jobs = vec![Vec::new(); pool.len()];
    let mut place = 0;
    for (&(_, slot), info) in slots.iter().zip(infos) {
        let (buffer, local) = pool.locate(slot)?;
        jobs[buffer].push([local, place]);
        place += info.lit;
    }
    let out = gpu.buffer("packed counts", 8 * pairs, Usage::STORAGE | Usage::COPY_SRC)?;
    let mut encoder = gpu.encoder();
    for (buffer, jobs) in jobs.iter().enumerate().filter(|(_, jobs)| !jobs.is_empty()) {
        let list = gpu.upload("pack jobs", bytemuck::cast_slice(jobs), Usage::STORAGE)?;
        let params = PackParams { jobs: jobs.len() as u32 };
        let buffers = [&list, pool.buffer(buffer)?, &out];
        // Each tile is read twice: to know where its pixels go, and to put them there.
        let handled = Handled::tiles(jobs.len()).moving(2 * TILE_BYTES * jobs.len() as u64);
        gpu.dispatch(&mut encoder, Pass::Pack, &params, &buffers, (params.jobs, 1), handled)?;
    }
    let reading = readback::start(gpu, &mut encoder, &out, 8 * pairs)?;
    let submission = gpu.submit(encoder)?;
    let chunk = slots.iter().zip(infos).map(|(slot, info)| (slot.0, info.lit)).collect();
    Ok((reading.map(submission), chunk))
}

fn take(gpu: &Gpu, reading: &Reading, chunk: &Chunk, monitor: &Monitor, part: &mut CountPart) -> Result<()> {
    let view = monitor.time(Stage::ReadBack, || reading.view(gpu))?;
    let mut pairs: &[[u32; 2]] = bytemuck::cast_slice(&view);
    let mut lit = Vec::new();
    for &(code, len) in chunk {
        let (packed, rest) = pairs.split_at(len as usize);
        pairs = rest;
        lit.clear();
        lit.extend(packed.iter().map(|&[pixel, count]| Lit { pixel: pixel as u16, count }));
        part.push(code, &lit)?;
    }
    Ok(())
}
