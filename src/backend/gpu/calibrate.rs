//! What a device and the way to it can do at most: copies up, down and within, empty submissions, writes into mapped
//! memory. Figures for the model of a benchmark (`bench/model.rs`) and nothing a run depends on.

use std::sync::Arc;
use std::time::Instant;

use super::buffer::Buffer;
use super::device::Gpu;
use super::opening::OpenDevice;
use super::options::GpuOptions;
use super::tally::Move;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// What was measured; speeds in bytes a second, times in seconds, medians where there are several.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Calibration {
    /// Name of the adapter.
    pub adapter: String,
    /// Graphics interface.
    pub interface: String,
    /// Driver name and version.
    pub driver: String,
    /// Lanes of a subgroup, smallest and largest.
    pub lanes: (u32, u32),
    /// Whether passes can be timed.
    pub clock: bool,
    /// From nothing to an open device, memory looked for.
    pub open: f64,
    /// Bytes of device memory that a session plans with.
    pub memory: u64,
    /// Largest binding in bytes.
    pub binding: u64,
    /// Bytes of each copy.
    pub piece: u64,
    /// Host memory that the device reads to device memory.
    pub up: f64,
    /// Device memory to host memory.
    pub down: f64,
    /// Within device memory, bytes read and written.
    pub within: f64,
    /// Device memory set to zero.
    pub clear: f64,
    /// A submission without commands, until the host knows that it is done.
    pub submit: f64,
    /// A small buffer made and filled.
    pub buffer: f64,
    /// Writes into mapped memory: threads, bytes a second.
    pub mapped_writes: Vec<(usize, f64)>,
    /// One thread's reads out of mapped memory.
    pub mapped_reads: f64,
}

/// Copies in a row that are timed together.
const IN_A_ROW: u64 = 8;

/// Measures the adapter that `options` ask for with pieces of `piece` bytes.
pub fn calibrate(options: &GpuOptions, piece: u64, monitor: &Arc<Monitor>) -> Result<Calibration> {
    use wgpu::BufferUsages as Usage;
    let start = Instant::now();
    let options = GpuOptions { timestamps: true, ..options.clone() };
    let OpenDevice { gpu, description, memory, .. } = OpenDevice::open(&options, monitor)?;
    let open = start.elapsed().as_secs_f64();
    let piece = piece.clamp(1 << 16, memory.binding) & !255;
    let gpu = &gpu;
    let host_up = gpu.mapped("up", piece, Usage::MAP_WRITE | Usage::COPY_SRC)?;
    let mapped_writes = [1, 2, 4, 8, 16]
        .into_iter()
        .map(|threads| Ok((threads, piece as f64 / median(5, || write(gpu, &host_up, piece, threads))?)))
        .collect::<Result<Vec<_>>>()?;
    host_up.unmap();
    let device = [
        gpu.buffer("one", piece, Usage::COPY_SRC | Usage::COPY_DST)?,
        gpu.buffer("two", piece, Usage::COPY_SRC | Usage::COPY_DST)?,
    ];
    let host_down = gpu.buffer("down", piece, Usage::MAP_READ | Usage::COPY_DST)?;
    let copies = |from: &Buffer, to: &Buffer, what: Move| {
        let mut commands = gpu.encoder();
        for _ in 0..IN_A_ROW {
            gpu.copy(&mut commands, from, to, piece, what);
        }
        timed(gpu, commands)
    };
    let speed = |seconds: f64| (piece * IN_A_ROW) as f64 / seconds.max(f64::MIN_POSITIVE);
    let up = speed(median(5, || copies(&host_up, &device[0], Move::Up))?);
    let within = 2.0 * speed(median(5, || copies(&device[0], &device[1], Move::Copied))?);
    let down = speed(median(5, || copies(&device[1], &host_down, Move::Down))?);
    let clear = speed(median(5, || {
        let mut commands = gpu.encoder();
        for _ in 0..IN_A_ROW {
            gpu.clear(&mut commands, &device[0], piece);
        }
        timed(gpu, commands)
    })?);
    let submit = median(50, || timed(gpu, gpu.encoder()))?;
    let buffer = median(50, || {
        let start = Instant::now();
        gpu.upload("small", &[0; 64], Usage::UNIFORM)?;
        Ok(start.elapsed().as_secs_f64())
    })?;
    gpu.drain()?;
    Ok(Calibration {
        adapter: description.name,
        interface: description.interface,
        driver: description.driver,
        lanes: description.subgroup_size,
        clock: gpu.has_clock(),
        open,
        memory: memory.budget,
        binding: memory.binding,
        piece,
        up,
        down,
        within,
        clear,
        submit,
        buffer,
        mapped_writes,
        mapped_reads: piece as f64 / median(5, || read(gpu, &host_down, piece))?,
    })
}

/// Seconds from the submission of recorded commands to their end.
fn timed(gpu: &Gpu, commands: super::timing::Commands) -> Result<f64> {
    let ready = gpu.ready(commands);
    let start = Instant::now();
    gpu.wait(&gpu.send(ready)?)?;
    Ok(start.elapsed().as_secs_f64())
}

/// The middle of several measurements, after one to warm up.
fn median(times: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    measure()?;
    let mut all = (0..times.max(1)).map(|_| measure()).collect::<Result<Vec<_>>>()?;
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() / 2])
}

/// Seconds that `threads` threads take to fill a mapped buffer.
fn write(gpu: &Gpu, buffer: &Buffer, bytes: u64, threads: usize) -> Result<f64> {
    let each = (bytes / threads as u64) & !7;
    let from = vec![7u8; each as usize];
    let views = (0..threads as u64)
        .map(|nth| buffer.get_mapped_range_mut(nth * each..(nth + 1) * each).map_err(|e| gpu.failed(&e)))
        .collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        for mut view in views {
            let from = &from;
            scope.spawn(move || view.copy_from_slice(from));
        }
    });
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds that one thread takes to read a buffer that the device wrote.
fn read(gpu: &Gpu, buffer: &Buffer, bytes: u64) -> Result<f64> {
    let (send, mapped) = std::sync::mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |result| {
        let _ = send.send(result);
    });
    gpu.drain()?;
    mapped.try_recv().map_err(|e| gpu.failed(&e))?.map_err(|e| gpu.failed(&e))?;
    let mut to = vec![0u8; bytes as usize];
    let view = buffer.get_mapped_range(..).map_err(|e| gpu.failed(&e))?;
    let start = Instant::now();
    to.copy_from_slice(&view);
    let seconds = start.elapsed().as_secs_f64();
    drop(view);
    buffer.unmap();
    if to.iter().all(|&byte| byte == 0) || to.len() as u64 != bytes {
        return Err(Error::Internal("what came back from the device is not what was sent".into()));
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_there() {
        let adapter = std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into());
        let options = GpuOptions { adapter: Some(adapter), ..GpuOptions::default() };
        let found = match calibrate(&options, 1 << 20, &Arc::default()) {
            Err(Error::NoAdapter(why)) => {
                assert!(std::env::var("TILEFIRE_REQUIRE_GPU").is_err(), "{why}");
                eprintln!("skipped: every_figure_is_there: {why}");
                return;
            }
            found => found.unwrap(),
        };
        let speeds = [found.up, found.down, found.within, found.clear, found.mapped_reads, found.submit, found.buffer];
        assert!(speeds.iter().all(|&figure| figure > 0.0 && figure.is_finite()), "{found:?}");
        assert_eq!(found.mapped_writes.iter().map(|w| w.0).collect::<Vec<_>>(), [1, 2, 4, 8, 16]);
    }
}
