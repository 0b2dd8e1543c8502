//! The working folder: a hidden sibling of the output, private to who runs tilefire, taken by one run at a time. What
//! a killed run left in it is settled by the next one. Everything in it is reached through one open handle.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Shape;
use super::entry::Kind;
use super::files::unwritable;
use super::gate::Leftover;
use super::handle::Handle;
use super::nameless;
use crate::error::{Error, Result};

/// First line of the lock file, by which a working folder is known as ours.
const MARK: &str = "tilefire working folder; safe to delete while no tilefire runs\n";
/// Longest name that most file systems take, in bytes.
const NAME_MAX: usize = 255;

/// Parts of a working folder: the output being made, the one it replaces, and what is being removed.
pub(super) const NEW: &str = "new";
pub(super) const OLD: &str = "old";
const TRASH: &str = "trash";
const LOCK: &str = "lock";

/// How often who waits for another thread looks whether it is done.
const LOOK: Duration = Duration::from_millis(2);

/// States of a working folder.
const IN_USE: u8 = 0;
const CLEARING: u8 = 1;
const CLEARED: u8 = 2;

/// A working folder that is taken.
#[derive(Debug)]
pub(super) struct Working {
    /// The folder that holds the output and this one.
    pub(super) parent: Handle,
    pub(super) dir: Handle,
    name: OsString,
    shape: Shape,
    lock: Mutex<Option<File>>,
    state: AtomicU8,
    /// Folders made on the way to the output, outermost first.
    pub(super) made_parents: Mutex<Vec<PathBuf>>,
}

/// The hidden name beside `name`. A name that leaves no room for more is cut and told apart by a number.
pub(super) fn hidden_name(name: &OsStr) -> OsString {
    const AROUND: (&str, &str) = (".", ".tilefire");
    let mut hidden = OsString::from(AROUND.0);
    if AROUND.0.len() + name.len() + AROUND.1.len() <= NAME_MAX {
        hidden.push(name);
    } else {
        // FNV-1a, the same on every machine, so that the next run finds the folder.
        let number = name
            .as_encoded_bytes()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325u64, |number, byte| (number ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        hidden.push(name.to_string_lossy().chars().take(40).collect::<String>());
        hidden.push(format!("-{number:016x}"));
    }
    hidden.push(AROUND.1);
    hidden
}

impl Working {
    /// Makes the working folder of the output `out` in `parent`, or takes over a dead run's. Notes in `notices` what a
    /// person should know.
    pub(super) fn take(
        parent: Handle,
        out: &Path,
        name: &OsStr,
        shape: Shape,
        notices: &mut Vec<String>,
    ) -> Result<Self> {
        let name = hidden_name(name);
        let place = parent.path().join(&name);
        let foreign = || {
            Err(Error::Output(format!(
                "{} is in the way: tilefire works there, but did not make it; move it away",
                place.display()
            )))
        };
        let busy = || {
            Err(Error::Output(format!(
                "{} is being written by another tilefire; wait for it or choose another output",
                out.display()
            )))
        };
        // A run that ends between our opening and our locking takes the file away: then once more.
        for _ in 0..100 {
            match parent.make_folder(&name, true) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(unwritable(out, parent.path(), e)),
            }
            let dir = match parent.folder(&name) {
                Ok(dir) => dir,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                // A file, a link to who knows where, or somebody else's folder.
                Err(_) => return foreign(),
            };
            let known = match dir.kind(LOCK).map_err(|e| Error::io("open", &place, e))? {
                Some(Kind::File) => true,
                Some(_) => return foreign(),
                None => false,
            };
            let entries = || dir.entries().map_err(|e| Error::io("read", &place, e));
            if !known && !entries()?.iter().all(is_left_over) {
                // Another run may have made its lock by now.
                if dir.kind(LOCK).is_ok_and(|kind| kind.is_none()) {
                    return foreign();
                }
            }
            if !dir.make_private().map_err(|e| Error::io("open", &place, e))? {
                return foreign();
            }
            let mut file = match dir.file(LOCK) {
                Ok(file) => file,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => {
                    let _ = parent.remove_folder(&name);
                    return Err(unwritable(out, parent.path(), e));
                }
            };
            let locked = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => return busy(),
                Err(TryLockError::Error(e)) if has_no_locks(&e) => false,
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &place.join(LOCK), e)),
            };
            if !dir.still_has(&file, LOCK) {
                continue;
            }
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(|e| Error::io("read", &place.join(LOCK), e))?;
            if !MARK.starts_with(&text) && !text.starts_with(MARK) {
                return foreign();
            }
            // New, or cut short by a kill.
            let mut rest = MARK.get(text.len()..).unwrap_or_default().to_owned();
            if !locked {
                if text.lines().skip(1).last().is_some_and(is_alive) {
                    return busy();
                }
                rest.push_str(&this_process());
                notices.push(format!(
                    "{}: its file system has no locks; let no two tilefire write there at once",
                    out.display()
                ));
            }
            file.write_all(rest.as_bytes()).map_err(|e| Error::io("write", &place.join(LOCK), e))?;
            return Ok(Self {
                parent,
                dir,
                name,
                shape,
                lock: Mutex::new(Some(file)),
                state: AtomicU8::new(IN_USE),
                made_parents: Mutex::default(),
            });
        }
        Err(Error::Output(format!("{} changes hands all the time; choose another output", place.display())))
    }

    /// Whether `part` is there.
    pub(super) fn has(&self, part: &str) -> Result<bool> {
        self.dir.kind(part).map(|kind| kind.is_some()).map_err(|e| Error::io("open", &self.dir.path().join(part), e))
    }

    /// Removes what a killed run left, all but the lock.
    pub(super) fn settle(&self) -> Result<()> {
        // It may be much, and a program that is to end meanwhile must not do the same from another thread.
        self.state.store(CLEARING, Ordering::Release);
        let cleared = self.clear_contents();
        self.state.store(IN_USE, Ordering::Release);
        cleared
    }

    fn clear_contents(&self) -> Result<()> {
        let entries = self.dir.entries().map_err(|e| Error::io("read", self.dir.path(), e))?;
        for (name, _) in entries.iter().filter(|entry| is_left_over(entry)) {
            self.dir.remove_file(name).map_err(|e| Error::io("remove", &self.dir.path().join(name), e))?;
        }
        if self.has(TRASH)? {
            (self.shape.remove)(&self.dir, TRASH)?;
        }
        if self.has(OLD)? {
            // Renamed first: whatever is called `old` is whole and could be put back.
            let renaming = |e| Error::io("rename", &self.dir.path().join(OLD), e);
            self.dir.rename(OLD, &self.dir, TRASH).map_err(renaming)?;
            (self.shape.remove)(&self.dir, TRASH)?;
        }
        if self.has(NEW)? {
            (self.shape.remove)(&self.dir, NEW)?;
        }
        Ok(())
    }

    /// Removes the working folder, or waits for the thread that does: who says afterwards that it is gone, and ends the
    /// process, must not do so while it goes.
    pub(super) fn clear(&self) -> Result<()> {
        loop {
            if let Some(cleared) = self.try_clear() {
                return cleared;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Removes the working folder; `None` while another thread is at it.
    fn try_clear(&self) -> Option<Result<()>> {
        match self.state.compare_exchange(IN_USE, CLEARING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                let cleared = self.clear_now();
                self.state.store(if cleared.is_ok() { CLEARED } else { IN_USE }, Ordering::Release);
                Some(cleared)
            }
            Err(CLEARED) => Some(Ok(())),
            Err(_) => None,
        }
    }

    fn clear_now(&self) -> Result<()> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            return Ok(());
        }
        self.clear_contents()?;
        let place = || self.place();
        self.dir.remove_file(LOCK).map_err(|e| Error::io("remove", &place().join(LOCK), e))?;
        let removed = self.parent.remove_folder(&self.name);
        *lock = None;
        for folder in self.made_parents.lock().unwrap_or_else(PoisonError::into_inner).drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
        match removed {
            // The next run may be at its door already.
            Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Err(Error::io("remove", &place(), e))
            }
            _ => Ok(()),
        }
    }

    fn place(&self) -> PathBuf {
        self.parent.path().join(&self.name)
    }
}

impl Leftover for Working {
    fn clear_away(&self) -> Result<()> {
        // Where the run's own thread is at it, it has until the end of the caller's patience.
        self.try_clear().unwrap_or(Err(Error::Interrupted))
    }

    fn place(&self) -> PathBuf {
        self.place()
    }
}

/// Whether an entry of a working folder is a file that was to have no name.
fn is_left_over((name, kind): &(OsString, Kind)) -> bool {
    *kind == Kind::File && name.to_str().is_some_and(nameless::is_left_over)
}

/// Whether a file system refuses locks altogether.
fn has_no_locks(answer: &std::io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let known = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].map(|e| Some(e.raw_os_error()));
        known.contains(&answer.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        answer.kind() == ErrorKind::Unsupported
    }
}

/// A line that tells this process from every other, for file systems without locks.
fn this_process() -> String {
    let (host, boot) = machine();
    format!("process {} since {boot} on {host}\n", std::process::id())
}

/// Whether the process of such a line still runs. One of another machine cannot be asked and is taken to.
fn is_alive(line: &str) -> bool {
    let parts = || {
        let (process, rest) = line.strip_prefix("process ")?.split_once(" since ")?;
        let (since, on) = rest.split_once(" on ")?;
        Some((process.parse::<u32>().ok()?, since, on))
    };
    let Some((process, since, on)) = parts() else { return false };
    let (host, boot) = machine();
    on != host || (since == boot && process != std::process::id() && Path::new(&format!("/proc/{process}")).exists())
}

/// This machine's name and a word that changes whenever it is started, where the system tells.
fn machine() -> (String, String) {
    let read = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    (read("hostname"), read("random/boot_id"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::staging::Flush;

    static ENTERED: AtomicBool = AtomicBool::new(false);

    fn slowly(folder: &Handle, name: &str) -> Result<()> {
        ENTERED.store(true, Ordering::Release);
        std::thread::sleep(Duration::from_millis(200));
        folder.remove_file(name).map_err(|e| Error::io("remove", folder.path(), e))
    }

    fn working(place: &Path) -> Working {
        let shape = Shape { flush: Flush::File, parents: false, check: |_| Ok(()), remove: slowly };
        let parent = Handle::open(place).unwrap();
        Working::take(parent, &place.join("out"), OsStr::new("out"), shape, &mut Vec::new()).unwrap()
    }

    #[test]
    fn whoever_comes_second_to_clear_it_away_waits() {
        let place = tempfile::tempdir().unwrap();
        let working = Arc::new(working(place.path()));
        drop(working.dir.new_file(NEW).unwrap());
        let other = working.clone();
        let first = std::thread::spawn(move || other.clear_away());
        while !ENTERED.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        assert!(working.clear_away().is_err(), "who is not to wait is told that it is not done");
        working.clear().unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "said to be gone, and is not");
        first.join().unwrap().unwrap();
        assert!(working.clear_away().is_ok());
    }

    #[test]
    fn files_that_were_to_have_no_name_stand_in_nobodys_way() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join(".out.tilefire");
        for (lock, names) in [
            (true, [".tmpAb12cD", ".tilefire-0123456789abcdef.spool"]),
            // A version before this one took the lock away and left the rest.
            (false, [".tmpAb12cD", ".tmp123456"]),
        ] {
            fs::create_dir(&dir).unwrap();
            names.iter().for_each(|name| fs::write(dir.join(name), "waiting").unwrap());
            if lock {
                fs::write(dir.join(LOCK), MARK).unwrap();
            }
            let working = working(place.path());
            working.settle().unwrap();
            assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "but the lock");
            working.clear().unwrap();
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
    }
}
