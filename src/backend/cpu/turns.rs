//! Turns: few threads at a time turn waiting points into counts while others bring more.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::monitor::Monitor;

/// Threads that turn points into counts at once while more come: each needs buffers of its own.
const FLUSHING: usize = 16;
/// How long a thread waits for its turn before it asks whether to go on.
const PATIENCE: Duration = Duration::from_millis(50);

/// Who is at it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    flushing: Mutex<usize>,
    flushed: Condvar,
}

impl Turns {
    /// Does `work` once fewer than 16 others are at theirs. Fails with what it fails with, and where `monitor` is cancelled.
    pub(super) fn take(&self, monitor: &Monitor, work: impl FnOnce() -> Result<()>) -> Result<()> {
        {
            let mut flushing = self.flushing();
            while *flushing >= FLUSHING {
                monitor.check()?;
                let woken = self.flushed.wait_timeout(flushing, PATIENCE);
                flushing = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            *flushing += 1;
        }
        let done = work();
        *self.flushing() -= 1;
        self.flushed.notify_one();
        done
    }

    fn flushing(&self) -> MutexGuard<'_, usize> {
        self.flushing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
