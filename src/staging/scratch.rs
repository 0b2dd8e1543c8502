//! A folder that is used while a command runs and is gone at its end. Those of killed runs are cleared by the next one.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::gate::{self, Leftover};
use super::place::owner;
use crate::error::{Error, Result};

/// Beginning and end of the folder's name, around a part that is different every time.
const AROUND: (&str, &str) = ("tilefire-", ".scratch");
const LOCK: &str = "lock";
/// What that file holds: a folder with another one is none of ours.
const MARK: &[u8] = b"tilefire scratch\n";
/// A folder that is younger than this may be on its way to its lock.
const NEW: Duration = Duration::from_secs(60);

/// A folder of its own, removed with everything in it when it is dropped.
#[derive(Debug)]
pub struct Scratch(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Scratch {
    /// Makes a folder in `place` and removes those there that dead runs of this user left.
    pub fn new(place: &Path) -> Result<Self> {
        let failed = |e| Error::io("create a folder in", place, e);
        remove_dead(place);
        loop {
            let made = tempfile::Builder::new().prefix(AROUND.0).suffix(AROUND.1).tempdir_in(place).map_err(failed)?;
            let mut lock = File::create_new(made.path().join(LOCK)).map_err(failed)?;
            lock.write_all(MARK).map_err(failed)?;
            // Another run may take it for a dead one's before it is locked. Without locks a dead run's folder cannot be
            // told from one in use, and stays.
            if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) || !made.path().exists() {
                continue;
            }
            let folder = Arc::new(Folder { path: made.keep(), lock: Mutex::new(Some(lock)) });
            gate::enter(folder.clone());
            return Ok(Self(folder));
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let cleared = self.0.clear_away();
        gate::leave(&self.0, cleared.is_ok());
    }
}

impl Leftover for Folder {
    fn clear_away(&self) -> Result<()> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            fs::remove_dir_all(&self.path).map_err(|e| Error::io("remove", &self.path, e))?;
            *lock = None;
        }
        Ok(())
    }

    fn place(&self) -> PathBuf {
        self.path.clone()
    }
}

/// Removes folders in `place` that nobody uses any more. Nothing depends on it, so what fails is left.
fn remove_dead(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|name| name.starts_with(AROUND.0) && name.ends_with(AROUND.1));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let lock = path.join(LOCK);
        // A plain file of ours in a folder of ours, both made for nobody else.
        let is_mine = |path: &Path| match owner(path) {
            Some(found) => Some(found.user) == me() && found.mode & 0o022 == 0,
            None => true,
        };
        if !is_mine(&path) || !fs::symlink_metadata(&lock).is_ok_and(|m| m.is_file()) {
            // Without a lock only where it is empty and not being made just now.
            let old = fs::metadata(&path).and_then(|m| m.modified()).is_ok_and(|t| t.elapsed().is_ok_and(|t| t > NEW));
            if is_mine(&path) && old {
                let _ = fs::remove_dir(&path);
            }
            continue;
        }
        let marked = fs::metadata(&lock).is_ok_and(|m| m.len() == MARK.len() as u64)
            && fs::read(&lock).is_ok_and(|found| found == MARK);
        if marked && File::open(&lock).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The user who runs this, where there are users.
fn me() -> Option<u32> {
    #[cfg(unix)]
    {
        Some(rustix::process::geteuid().as_raw())
    }
    #[cfg(not(unix))]
    None
}
