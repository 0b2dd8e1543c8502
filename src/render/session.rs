//! What a run has to work with: the worker threads, the host memory, and the plan for the device that `opening` gets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::allowance::default_memory;
use super::{Drawing, Resources};
use crate::backend::{Memory, Plan};
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

/// What a run is to make.
pub(crate) fn plan_for(drawing: Drawing<'_>, memory: Memory, monitor: &Arc<Monitor>) -> Plan {
    let Drawing { zooms, style, .. } = drawing;
    let measuring = style.weighing.as_ref().map(|weighing| weighing.measuring(style.min_count));
    Plan { zooms, reach: style.spread.most(), measuring, memory, monitor: monitor.clone() }
}

/// Host memory, and the folder beside the output for what does not fit.
pub(crate) fn memory(resources: &Resources, out: &Path) -> Memory {
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Memory::new(resources.memory.unwrap_or_else(default_memory), &folder)
}
