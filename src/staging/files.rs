//! The few calls on files that differ between operating systems: swapping two paths, renaming without replacing,
//! flushing a whole file system, and knowing a file again. What they are for is told in staging. And single files that
//! appear when they are complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Renames, or says what could not be.
pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| Error::io("rename", from, e))
}

/// Renames, but not over something that appeared there meanwhile.
pub(super) fn rename_new(from: &Path, to: &Path) -> Result<()> {
    let appeared = || Error::Output(format!("{} appeared while tilefire worked; nothing was written", to.display()));
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::EXIST) => return Err(appeared()),
            Err(_) => {} // Not every file system can: the plain way below tells what is wrong.
        }
    }
    if fs::symlink_metadata(to).is_ok() { Err(appeared()) } else { rename(from, to) }
}

/// Swaps two paths in one step, so that OUT is never absent; false where the system cannot.
pub(super) fn exchange(a: &Path, b: &Path) -> Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok())
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    {
        let _ = (a, b);
        Ok(false)
    }
}

/// Flushes everything on the file system of `folder` to the disk.
pub(super) fn sync_filesystem(folder: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let handle = File::open(folder).map_err(|e| Error::io("open", folder, e))?;
        rustix::fs::syncfs(&handle).map_err(|e| Error::io("flush", folder, e.into()))?;
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    rustix::fs::sync();
    // Elsewhere the operating system decides when the files reach the disk.
    let _ = folder;
    Ok(())
}

/// Makes the renames in `folder` last. Not every system lets a folder be opened or flushed; then it is left to it.
pub(super) fn sync_folder(folder: Option<&Path>) -> Result<()> {
    let folder = folder.filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(handle) = File::open(folder) {
        let _ = handle.sync_all();
    }
    Ok(())
}

/// Whether the open `file` is still the one at `path`.
pub(super) fn same_file(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |m: fs::Metadata| (m.dev(), m.ino());
        file.metadata().ok().map(id).is_some_and(|open| fs::metadata(path).ok().map(id) == Some(open))
    }
    #[cfg(not(unix))]
    {
        // An open file cannot be removed there.
        let _ = file;
        path.exists()
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

/// That nothing can be made where `out` is to be. The hidden name that was tried is nobody's business.
pub(super) fn unwritable(out: &Path, answer: &io::Error) -> Error {
    Error::Output(format!("cannot write {}: {answer}; choose another place", out.display()))
}

/// Fills a file beside its place and renames it when it is complete, so that a half-written one never carries the name;
/// gives its size. Whether the name is free is for the caller to see.
pub fn write_whole(out: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<u64> {
    has_folder(out)?;
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".tilefire-")
        .tempfile_in(folder)
        .map_err(|e| unwritable(out, &e.kind().into()))?;
    let mut buffer = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    fill(&mut buffer)?;
    buffer.flush().map_err(|e| Error::io("write", out, e))?;
    drop(buffer);
    let bytes = file.as_file().metadata().map_err(|e| Error::io("read", out, e))?.len();
    let file = file.persist(out).map_err(|e| Error::io("write", out, e.error))?;
    open_to_all(&file);
    Ok(bytes)
}

/// Temporary files are made readable by their owner only; the finished file is an ordinary one.
fn open_to_all(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = file.set_permissions(fs::Permissions::from_mode(0o644));
    }
    #[cfg(not(unix))]
    let _ = file;
}
