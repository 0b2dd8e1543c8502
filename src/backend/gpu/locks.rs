//! Locks of a session: a thread that died while it held one is an error for the others, not a panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// A lock that another thread's panic does not turn into one here.
pub(super) fn lock<T>(session: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    session.lock().map_err(poisoned)
}

/// The error for a lock that a thread died with.
pub(super) fn poisoned<T>(_: PoisonError<T>) -> Error {
    Error::Internal("a thread died while it handed points to the device".into())
}
