//! Outputs under way, and the gate before the renames that finish one. A program that has to end now, while its threads
//! wait for something that may never come, shuts the gate: from then on no output appears, and what lies in working
//! folders can be cleared from any thread. A library's caller has no use for this; a run ends by its monitor.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Something on disk that is to be gone when the program ends.
pub(super) trait Leftover: std::fmt::Debug + Send + Sync {
    /// Removes it, once; threads may still be at work in it.
    fn clear_away(&self) -> Result<()>;

    /// Where it is, for people.
    fn place(&self) -> PathBuf;
}

/// What a program that was ended leaves.
#[derive(Debug, Default)]
pub struct Left {
    /// Working folders that could not be cleared in time. The next run for the same output clears them.
    pub folders: Vec<PathBuf>,
    /// Outputs that were complete before.
    pub complete: Vec<PathBuf>,
}

#[derive(Debug)]
struct Gate {
    under_way: Vec<Arc<dyn Leftover>>,
    /// Working folders that could not be cleared, and outputs that appeared.
    folders: Vec<PathBuf>,
    complete: Vec<PathBuf>,
}

static GATE: Mutex<Gate> = Mutex::new(Gate { under_way: Vec::new(), folders: Vec::new(), complete: Vec::new() });
/// Set under the lock; read without it by whoever makes files.
static SHUT: AtomicBool = AtomicBool::new(false);

fn gate() -> MutexGuard<'static, Gate> {
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells of something that is to be gone at the end.
pub(super) fn enter(leftover: Arc<dyn Leftover>) {
    gate().under_way.push(leftover);
}

/// Tells that nothing is at work in it any more, and whether it is `gone`.
pub(super) fn leave(leftover: &Arc<impl Leftover + 'static>, gone: bool) {
    let known: Arc<dyn Leftover> = leftover.clone();
    let mut gate = gate();
    gate.under_way.retain(|other| !Arc::ptr_eq(other, &known));
    if !gone {
        gate.folders.push(leftover.place());
    }
}

/// What a run that has ended leaves.
pub fn left() -> Left {
    let gate = gate();
    let complete = gate.complete.iter().filter(|out| out.exists()).cloned().collect();
    Left { folders: gate.folders.clone(), complete }
}

/// Makes the output `out` appear by `renames`; fails with [`Error::Interrupted`] where the program is about to end.
pub(super) fn pass(out: &Path, renames: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut gate = gate();
    check()?;
    renames()?;
    gate.complete.push(out.to_path_buf());
    Ok(())
}

/// `Err(Interrupted)` once the gate is shut; for whoever writes file by file into what is being cleared away then.
pub(crate) fn check() -> Result<()> {
    if SHUT.load(Ordering::Acquire) { Err(Error::Interrupted) } else { Ok(()) }
}

/// Shuts the gate for good and clears away what is under way, for `patience` at most. The program must end then.
pub fn abandon(patience: Duration) -> Left {
    let end = Instant::now() + patience;
    let under_way = loop {
        match GATE.try_lock() {
            Ok(mut gate) => {
                SHUT.store(true, Ordering::Release);
                break std::mem::take(&mut gate.under_way);
            }
            Err(TryLockError::Poisoned(_)) => break Vec::new(),
            // A rename that hangs: nothing to be done, and nothing half done by it either.
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Left::default(),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let (send, cleared) = std::sync::mpsc::channel();
    for (at, leftover) in under_way.iter().cloned().enumerate() {
        let send = send.clone();
        std::thread::spawn(move || {
            // A thread that still writes may put one more file into a folder that is being emptied.
            let mut result = leftover.clear_away();
            while result.is_err() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
                result = leftover.clear_away();
            }
            let _ = send.send((at, result.is_ok()));
        });
    }
    drop(send);
    let mut folders: Vec<Option<PathBuf>> = under_way.iter().map(|leftover| Some(leftover.place())).collect();
    while let Ok((at, gone)) = cleared.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if gone && let Some(folder) = folders.get_mut(at) {
            *folder = None;
        }
    }
    let mut left = left();
    left.folders.extend(folders.into_iter().flatten());
    left
}
