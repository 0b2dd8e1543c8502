//! The end of a reading before the end of its input: one thread failed or panicked, or the person asked to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// The longest that a thread waits for something without a look at whether to stop.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

/// Shared by the threads of one reading.
#[derive(Debug)]
pub(super) struct Stop<'a> {
    raised: AtomicBool,
    monitor: &'a Monitor,
    threads: usize,
}

impl<'a> Stop<'a> {
    pub(super) fn new(monitor: &'a Monitor) -> Self {
        Self { raised: AtomicBool::new(false), monitor, threads: 1 }
    }

    /// The same for so many threads that read.
    pub(super) fn of(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Threads that read.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Where the run tells what it does.
    pub(super) fn monitor(&self) -> &'a Monitor {
        self.monitor
    }

    /// Ends the reading at every thread's next check.
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }

    /// Fails once the reading is to end. What a thread says that stopped because of another is not the reason: the
    /// reader keeps the first error.
    pub(super) fn check(&self) -> Result<()> {
        self.monitor.check()?;
        if self.raised.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Raises this flag when the guard is dropped before [`Guard::disarm`]: by an error or a panic.
    pub(super) fn guard(&self) -> Guard<'_> {
        Guard(Some(self))
    }
}

/// See [`Stop::guard`].
pub(super) struct Guard<'a>(Option<&'a Stop<'a>>);

impl Guard<'_> {
    /// All went well.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(stop) = self.0 {
            stop.raise();
        }
    }
}
