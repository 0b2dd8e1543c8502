//! Finding an adapter, opening its device and asking how much memory it has: apart from the session that will use it,
//! because a real GPU takes a while to answer and points can be read meanwhile. Adapters are listed once.

use std::sync::Arc;

use super::adapter::{self, choose};
use super::description::{AdapterDescription, AdapterKind, Choice};
use super::device::Gpu;
use super::memory::{MOST, MemoryPlan};
use super::options::{ForcedLimits, GpuOptions};
use super::passes;
use crate::backend::BackendReport;
use crate::backend::host::LIST_MAX;
use crate::error::Result;
use crate::monitor::Monitor;

/// Tiles with fewer points than this do not go through the shaders: a dense tile is 64 Ki pixels whatever is in it.
const DENSE_MIN: usize = 500;
/// Bytes of the first buffers that ask how much memory there is; well within the largest buffer anywhere.
const LARGE: u64 = 1 << 30;
/// Bytes of the last ones.
const SMALL: u64 = 64 << 20;

/// A device that is open and has no session yet.
#[derive(Debug)]
pub struct OpenDevice {
    pub(super) gpu: Gpu,
    pub(super) description: AdapterDescription,
    pub(super) memory: MemoryPlan,
    pub(super) limits: ForcedLimits,
}

impl OpenDevice {
    /// Opens the device of the adapter that `options` ask for. Waits end with an error once `monitor` is cancelled.
    ///
    /// # Errors
    /// [`NoAdapter`](crate::Error::NoAdapter) when none fits, [`Device`](crate::Error::Device) when it cannot be opened.
    pub fn open(options: &GpuOptions, monitor: &Arc<Monitor>) -> Result<Self> {
        let wanted = options.adapter.as_deref().map_or(Ok(Choice::Auto), Choice::named)?;
        let mut found = adapter::enumerate();
        let descriptions: Vec<_> = found.iter().map(|(_, description)| description.clone()).collect();
        let (adapter, description) = found.swap_remove(choose(&descriptions, wanted)?);
        let limits = options.limits;
        let gpu = Gpu::open(&adapter, &limits, options.timestamps, passes::table, monitor)?;
        // The memory of other kinds is the host's: asking for all of it would take it from whoever else needs it.
        let own = matches!(description.kind, AdapterKind::Discrete | AdapterKind::Virtual);
        let free = if own && limits.device_memory.is_none() { Some(free(&gpu, MOST / 7 * 8)?) } else { None };
        let memory = MemoryPlan::new(&description, &limits, free);
        Ok(Self { gpu, description, memory, limits })
    }
}

/// A device that is ready to work.
pub(super) struct Opened {
    pub(super) gpu: Gpu,
    pub(super) memory: MemoryPlan,
    pub(super) dense_min: usize,
    pub(super) limits: ForcedLimits,
    pub(super) report: BackendReport,
}

impl Opened {
    /// Gets a device ready whose host's share is done by `threads` threads.
    pub(super) fn of(device: OpenDevice, threads: usize) -> Self {
        let OpenDevice { gpu, description, memory, limits } = device;
        let report = BackendReport {
            backend: "gpu",
            adapter: Some(gpu.adapter().to_string()),
            interface: Some(description.interface),
            subgroups: gpu.subgroups,
            threads,
            device_memory: memory.budget,
            ..Default::default()
        };
        let dense_min = limits.dense_min.unwrap_or(DENSE_MIN).min(LIST_MAX);
        Self { gpu, memory, dense_min, limits, report }
    }
}

/// Bytes that the device has for buffers, up to `most`, found by asking for them; all are given back.
fn free(gpu: &Gpu, most: u64) -> Result<u64> {
    let mut held = Vec::new();
    let (mut sum, mut piece) = (0, LARGE.min(gpu.limits.max_buffer_size));
    while sum < most && piece >= SMALL {
        match gpu.try_buffer("how much there is", piece, wgpu::BufferUsages::STORAGE)? {
            Some(buffer) => {
                held.push(buffer);
                sum += piece;
            }
            None => piece /= 2,
        }
    }
    drop(held);
    gpu.drain()?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::device;

    #[test]
    fn memory_is_found_and_given_back() {
        let forced = ForcedLimits { device_holds: Some(700 << 20), ..Default::default() };
        let opened = device::tests::device("memory_is_found_and_given_back", forced, passes::table);
        let Some((gpu, _)) = opened else { return };
        for _ in 0..2 {
            assert_eq!(free(&gpu, 8 << 30).unwrap(), 640 << 20);
            assert_eq!(free(&gpu, 200 << 20).unwrap(), 512 << 20, "stops at the first piece beyond the most");
        }
        gpu.check().unwrap();
    }
}
