//! Binning alone, for benchmarks: points that already lie on the device are binned once more into the tiles that a
//! finished session has left. Neither the host nor the bus is in the way, so this is the shader's own speed.

use std::time::Instant;

use super::bin;
use super::device::Gpu;
use super::resident::DeviceCounts;
use crate::backend::Again;
use crate::error::Result;
use crate::tile::WorldPoint;

/// Most points taken: half a GiB on the device.
const MOST: usize = 1 << 26;

/// Bins `points` again, as many as are taken; the counts are wrong afterwards.
pub(super) fn run(gpu: &Gpu, device: &DeviceCounts, points: &[Vec<WorldPoint>]) -> Result<Again> {
    let mut batches: Vec<(wgpu::Buffer, u32)> = Vec::new();
    let (mut batch, mut taken) = (Vec::new(), 0);
    let mut pieces = points.iter().take_while(|piece| {
        taken += piece.len();
        taken <= MOST || taken == piece.len()
    });
    loop {
        let piece = pieces.next();
        batch.extend_from_slice(piece.map_or(&[], Vec::as_slice));
        while batch.len() >= device.batch || (piece.is_none() && !batch.is_empty()) {
            let rest = batch.split_off(batch.len().min(device.batch));
            let buffer = gpu.upload("points again", bytemuck::cast_slice(&batch), wgpu::BufferUsages::STORAGE)?;
            batches.push((buffer, batch.len() as u32));
            batch = rest;
        }
        if piece.is_none() {
            break;
        }
    }
    let bin = || {
        let mut encoder = gpu.encoder();
        for (buffer, points) in &batches {
            bin::encode(gpu, &mut encoder, (buffer, *points), device.zoom, &device.table, device.pool(device.zoom), 0)?;
        }
        gpu.wait(&gpu.submit(encoder)?)
    };
    // Once for the uploads, which the first submission carries out.
    bin()?;
    let start = Instant::now();
    bin()?;
    let points = batches.iter().map(|b| u64::from(b.1)).sum();
    Ok(Again { points, seconds: start.elapsed().as_secs_f64() })
}
