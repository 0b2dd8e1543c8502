//! What staging asks of the operating system beside names in a folder: flushing a file or a file system so that the
//! wait can be given up, and telling why a place takes no output.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::handle::Handle;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// What is flushed before an output appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// The one file that the output is.
    File,
    /// Everything on the file system: per tile, fsync manages a few hundred a second.
    FileSystem,
}

/// The program that flushes in a process of its own, see [`flush_by`].
static FLUSHER: OnceLock<PathBuf> = OnceLock::new();
/// How often a wait for the disk looks for the wish to stop.
const LOOK: Duration = Duration::from_millis(20);
/// A file of fewer bytes is flushed in a moment.
const SMALL: u64 = 8 << 20;

/// Has `program` called with `flush PATH` or `flush --file PATH` to flush the file system or the file, which calls
/// [`flush_here`] and exits with the error's number. A process that waits in such a call cannot end before it does, so
/// one that is to end within a second needs another one to wait.
pub fn flush_by(program: PathBuf) {
    let _ = FLUSHER.set(program);
}

/// Flushes `path`, or the whole file system that it lies on, and waits for that.
pub fn flush_here(path: &Path, file_only: bool) -> io::Result<()> {
    let file = File::open(path)?;
    if file_only {
        return file.sync_all();
    }
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&file)?;
    #[cfg(all(unix, not(target_os = "linux")))]
    rustix::fs::sync();
    // Elsewhere the operating system decides when the files reach the disk.
    Ok(())
}

/// Flushes what lies at `path`, which people know as `out`; ends early when `monitor` is cancelled.
pub(super) fn flush(path: &Path, out: &Path, what: Flush, monitor: &Monitor) -> Result<()> {
    let failed = |e| explain(out, "flush", e, None);
    let file_only = what == Flush::File;
    let small = file_only && fs::symlink_metadata(path).is_ok_and(|m| m.len() < SMALL);
    let waiter = FLUSHER.get().filter(|_| !small).and_then(|program| {
        let mut command = Command::new(program);
        command.arg("flush").args(file_only.then_some("--file")).arg("--").arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    });
    match waiter {
        Some(child) => match wait(child, monitor)? {
            Some(0) => Ok(()),
            Some(number) => Err(failed(io::Error::from_raw_os_error(number))),
            // Killed by somebody.
            None => flush_here(path, file_only).map_err(failed),
        },
        None => flush_here(path, file_only).map_err(failed),
    }
}

/// The exit code of `child`. When `monitor` is cancelled the child is left to itself: it makes and holds nothing.
fn wait(mut child: Child, monitor: &Monitor) -> Result<Option<i32>> {
    let (send, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let code = child.wait().ok().and_then(|status| status.code());
        // Nobody listens any more where the run was stopped.
        let _ = send.send(code);
    });
    loop {
        match ended.recv_timeout(LOOK) {
            Ok(code) => return Ok(code),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => monitor.check()?,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

/// Ok where the folder that is to hold `out` is there.
pub(crate) fn has_folder(out: &Path) -> Result<()> {
    match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            let folder = folder.display();
            Err(Error::Output(format!("{}: there is no folder {folder}; make it first", out.display())))
        }
        _ => Ok(()),
    }
}

/// That nothing can be made where `out` is to be, in `folder`. The hidden name that was tried means nothing to people.
#[expect(clippy::needless_pass_by_value, reason = "it becomes a part of the error")]
pub(super) fn unwritable(out: &Path, folder: &Path, answer: io::Error) -> Error {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match answer.kind() {
        ErrorKind::StorageFull if Handle::open(folder).is_ok_and(|f| f.has_names_left() == Some(false)) => {
            no_names_left(out)
        }
        _ => Error::Output(format!(
            "cannot write {}: the folder {} takes no new files: {answer}; choose another place",
            out.display(),
            folder.display()
        )),
    }
}

/// The error for a call on `out` that failed; `folder` is where it lies, to tell a disk that is full from one that has no
/// names left.
pub(crate) fn explain(out: &Path, action: &'static str, answer: io::Error, folder: Option<&Handle>) -> Error {
    if answer.kind() == ErrorKind::StorageFull && folder.is_some_and(|f| f.has_names_left() == Some(false)) {
        return no_names_left(out);
    }
    Error::io(action, out, answer)
}

fn no_names_left(out: &Path) -> Error {
    Error::Output(format!(
        "cannot write {}: no inodes left on its file system (df -i); a .pmtiles file needs only one",
        out.display()
    ))
}
