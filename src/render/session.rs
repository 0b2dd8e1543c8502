//! What does the work of a run: the worker threads, the host memory, and the backend on the device that was asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Device, Request, Resources};
use crate::backend::cpu::CpuCount;
use crate::backend::gpu::{self, GpuCount};
use crate::backend::{Count, Memory, Plan};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::{MAX_SPREAD, Style};

/// The worker threads of a run whose numbers are in range.
pub(crate) fn pool(resources: &Resources, style: &Style) -> Result<rayon::ThreadPool> {
    if style.spread.most() > MAX_SPREAD {
        return Err(Error::Usage(format!("--spread {} is too large; the most is {MAX_SPREAD}", style.spread.most())));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(resources.threads.unwrap_or(0))
        .build()
        .map_err(|e| Error::Limit(format!("cannot start the worker threads: {e}; try fewer with --threads")))
}

/// Runs as many of `work` side by side as there are worker threads, each on a thread of its own because it may wait;
/// fails with the first error.
pub(crate) fn on_all_threads<W: FnOnce() -> Result<()> + Send>(mut work: impl FnMut() -> W) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..rayon::current_num_threads()).map(|_| scope.spawn(work())).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::Internal("a thread died while it handed over points".into())))
        })
    })
}

/// Half of the memory that is free, where the system tells; else 2 GiB.
pub(crate) fn default_memory() -> u64 {
    const UNKNOWN: u64 = 2 << 30;
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    let available = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map_or(UNKNOWN, |kib| kib * 1024 / 2)
}

/// The backend for a run, and what to tell when it is not the one a person may have expected.
pub(crate) fn open(
    request: &Request,
    memory: Memory,
    monitor: &Arc<Monitor>,
) -> Result<(Box<dyn Count>, Option<String>)> {
    let reach = request.style.spread.most();
    let plan = Plan { zooms: request.zooms, reach, memory, monitor: monitor.clone() };
    let (device, gpu) = (&request.resources.device, &request.resources.gpu);
    let wanted = gpu.adapter.as_deref().map_or(gpu::Choice::Auto, gpu::Choice::Named);
    match device {
        Device::Cpu => Ok((Box::new(CpuCount::new(plan)), None)),
        Device::Gpu => Ok((Box::new(GpuCount::new(plan, gpu)?), None)),
        Device::Auto => match gpu::choose(&gpu::adapters(), wanted) {
            Ok(_) => Ok((Box::new(GpuCount::new(plan, gpu)?), None)),
            Err(reason) if gpu.adapter.is_some() => Err(reason),
            Err(reason) => Ok((Box::new(CpuCount::new(plan)), Some(format!("using the CPU: {reason}")))),
        },
    }
}

/// Whether there is the device that a person insists on.
pub(super) fn check_device(resources: &Resources) -> Result<()> {
    let wanted = resources.gpu.adapter.as_deref();
    if matches!(resources.device, Device::Gpu) || wanted.is_some() {
        gpu::choose(&gpu::adapters(), wanted.map_or(gpu::Choice::Auto, gpu::Choice::Named))?;
    }
    Ok(())
}

/// Host memory, and the folder beside the output for what does not fit.
pub(crate) fn memory(resources: &Resources, out: &Path) -> Memory {
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Memory::new(resources.memory.unwrap_or_else(default_memory), &folder)
}
