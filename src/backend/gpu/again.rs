//! Binning alone, for benchmarks: points that already lie on the device are binned once more into the tiles that a
//! finished session has left. Neither the host nor the bus is in the way, and the commands are recorded before the
//! clock starts, so this is the shader's own speed. How many additions the merging of equal pixels leaves is counted on
//! the host, by the same rules.

use std::time::Instant;

use super::bin;
use super::buffer::Buffer;
use super::device::Gpu;
use super::resident::DeviceCounts;
use super::shader::{RUN, WORKGROUP};
use crate::backend::Again;
use crate::error::{Error, Result};
use crate::tile::WorldPoint;

/// Most points taken: half a GiB on the device.
const MOST: usize = 1 << 26;

/// Bins `points` again, as many as are taken; the counts are wrong afterwards. `lanes` is the size of a subgroup.
pub(super) fn run(gpu: &Gpu, device: &DeviceCounts, points: &[&[WorldPoint]], lanes: usize) -> Result<Again> {
    let mut taken = 0;
    let pieces = points.iter().take_while(|piece| {
        taken += piece.len();
        taken <= MOST || taken == piece.len()
    });
    let all: Vec<WorldPoint> = pieces.flat_map(|piece| piece.iter().copied()).collect();
    let mut batches: Vec<(Buffer, u32)> = Vec::new();
    for batch in all.chunks(device.batch) {
        match gpu.upload("points again", bytemuck::cast_slice(batch), wgpu::BufferUsages::STORAGE) {
            Ok(buffer) => batches.push((buffer, batch.len() as u32)),
            // As many as the device has memory for.
            Err(Error::DeviceFull { .. }) if !batches.is_empty() => break,
            Err(error) => return Err(error),
        }
        // The submission carries the upload out, so that uploads do not pile up.
        gpu.submit(gpu.encoder())?;
    }
    let record = || {
        let mut commands = gpu.encoder();
        for (buffer, points) in &batches {
            let (zoom, pool) = (device.zoom, device.pool(device.zoom));
            bin::encode(gpu, &mut commands, (buffer, *points), zoom, &device.table, pool, 0)?;
        }
        Ok::<_, Error>(gpu.ready(commands))
    };
    // Once to warm up: to compile, to carry out what the first submission finds waiting, to raise clocks.
    gpu.wait(&gpu.send(record()?)?)?;
    gpu.drain()?;
    let (before, ready) = (gpu.bin_nanoseconds(), record()?);
    let start = Instant::now();
    gpu.wait(&gpu.send(ready)?)?;
    let seconds = start.elapsed().as_secs_f64();
    gpu.drain()?;
    let points: u64 = batches.iter().map(|b| u64::from(b.1)).sum();
    let took = gpu.bin_nanoseconds().zip(before).map(|(after, before)| after - before);
    let atomics = batches
        .iter()
        .zip(all.chunks(device.batch))
        .map(|(_, batch)| {
            let keys = keys(device, batch);
            if gpu.subgroups { merged_by_subgroups(&keys, lanes) } else { merged(&keys) }
        })
        .sum();
    Ok(Again { points, seconds, device_seconds: took.map(|ns| ns as f64 * 1e-9), atomics })
}

/// The pixels of points, as bin numbers them; `None` for points of tiles that are not on the device.
fn keys(device: &DeviceCounts, points: &[WorldPoint]) -> Vec<Option<u64>> {
    let zoom = device.zoom;
    let mut last = None;
    let key = |point: &WorldPoint| {
        let tile = point.tile(zoom);
        let slot = match last {
            Some((of, slot)) if of == tile => slot,
            _ => device.table.slot(tile.morton()),
        };
        last = Some((tile, slot));
        let shift = 24 - u32::from(zoom);
        slot.map(|slot| {
            u64::from(slot) << 16 | u64::from(point.x >> shift & 0xff) << 8 | u64::from(point.y >> shift & 0xff)
        })
    };
    points.iter().map(key).collect()
}

/// Additions that `merge_portable.wgsl` leaves.
fn merged(keys: &[Option<u64>]) -> u64 {
    let mut additions = 0;
    for run in keys.chunks(RUN as usize) {
        let (mut held, mut oldest) = ([None; 4], 0);
        for key in run.iter().flatten() {
            if !held.contains(&Some(*key)) {
                additions += 1;
                held[oldest] = Some(*key);
                oldest = (oldest + 1) % 4;
            }
        }
    }
    additions
}

/// Additions that `merge_subgroup.wgsl` leaves where subgroups have `lanes` lanes.
fn merged_by_subgroups(keys: &[Option<u64>], lanes: usize) -> u64 {
    let (group, lanes) = (WORKGROUP as usize, lanes.clamp(1, WORKGROUP as usize));
    let mut additions = 0;
    for block in keys.chunks(group * RUN as usize) {
        for first in (0..group).step_by(lanes) {
            let mut held: Vec<Option<u64>> = vec![None; lanes];
            for step in 0..=RUN as usize {
                let mut leaving: Vec<u64> = Vec::new();
                for (lane, held) in held.iter_mut().enumerate() {
                    let next = if step < RUN as usize {
                        block.get(step * group + first + lane).copied().flatten()
                    } else {
                        None
                    };
                    if step == RUN as usize || next != *held {
                        leaving.extend(std::mem::replace(held, next));
                    }
                }
                additions += rounds(&mut leaving);
            }
        }
    }
    additions
}

/// Additions of one call of `merge`: up to four rounds that take out the smallest pixel, then one for each lane left.
fn rounds(leaving: &mut Vec<u64>) -> u64 {
    let mut additions = 0;
    for _ in 0..4 {
        let Some(lead) = leaving.iter().copied().min() else { break };
        let before = leaving.len();
        leaving.retain(|&key| key != lead);
        additions += 1;
        if before - leaving.len() < 2 {
            break;
        }
    }
    additions + leaving.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_pixels_become_one_addition() {
        let spot = vec![Some(7); 4096];
        assert_eq!((merged(&spot), merged_by_subgroups(&spot, 32)), (256, 8));
        let turns: Vec<_> = (0..4096u64).map(|i| Some(i % 4)).collect();
        assert_eq!(merged(&turns), 4 * 256);
        assert_eq!(merged_by_subgroups(&turns, 32), 4 * 8);
        let apart: Vec<_> = (0..4096u64).map(Some).collect();
        assert_eq!((merged(&apart), merged_by_subgroups(&apart, 32)), (4096, 4096));
        assert_eq!((merged(&[None; 100]), merged_by_subgroups(&[None; 100], 32)), (0, 0));
    }
}
