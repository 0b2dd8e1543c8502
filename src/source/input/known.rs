//! A file whose size is known: read at any place from any thread, and held to what it was when it was opened.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::error::{Error, Result};

/// The lock, whatever became of its last holder: a panic ends the reading by other ways.
pub(in crate::source) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By what a file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Identity {
    /// Device and number on it; absent where the system tells none.
    pub(in crate::source) place: Option<(u64, u64)>,
    /// Bytes.
    size: u64,
    changed: Option<SystemTime>,
}

impl Identity {
    pub(super) fn of(meta: &Metadata) -> Self {
        #[cfg(unix)]
        let place = {
            use std::os::unix::fs::MetadataExt;
            Some((meta.dev(), meta.ino()))
        };
        #[cfg(not(unix))]
        let place = None;
        // Not the time at which its state changed: a backup that links it, somebody who renames or removes it, a file
        // system that makes that time up would end runs whose rows are right.
        Self { place, size: meta.len(), changed: meta.modified().ok() }
    }
}

/// A file with a size. It must not change from the moment it is opened until all of it was read.
pub(in crate::source) struct KnownFile {
    path: PathBuf,
    pub(in crate::source) identity: Identity,
    keep: bool,
    /// Whether its path is but a name for messages.
    unnamed: bool,
    file: Mutex<Option<Arc<File>>>,
}

impl KnownFile {
    /// The file that was just opened as `path`; `keep` says whether to keep the handle.
    pub(in crate::source) fn new(path: &Path, file: File, meta: &Metadata, keep: bool) -> Self {
        Self {
            path: path.to_path_buf(),
            identity: Identity::of(meta),
            keep,
            unnamed: false,
            file: Mutex::new(Some(Arc::new(file))),
        }
    }

    /// A file of ours that nobody else can open; messages call it `name`.
    pub(super) fn unnamed(name: &Path, file: File, meta: &Metadata) -> Self {
        Self { unnamed: true, ..Self::new(name, file, meta, true) }
    }

    /// The open file.
    pub(in crate::source) fn handle(&self) -> Result<Arc<File>> {
        let mut file = lock(&self.file);
        if let Some(file) = &*file {
            return Ok(file.clone());
        }
        let failed = |e| Error::io("open", &self.path, e);
        let anew = Arc::new(File::open(&self.path).map_err(failed)?);
        self.compare(&anew.metadata().map_err(failed)?)?;
        *file = Some(anew.clone());
        Ok(anew)
    }

    /// As it was named.
    pub(in crate::source) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nobody can name it.
    pub(in crate::source) fn is_unnamed(&self) -> bool {
        self.unnamed
    }

    /// Its size.
    pub(in crate::source) fn size(&self) -> u64 {
        self.identity.size
    }

    /// Closes the file, unless it is one of those that are kept open or a thread still reads it.
    pub(in crate::source) fn rest(&self) {
        if !self.keep {
            *lock(&self.file) = None;
        }
    }

    /// Fills `buffer` from the byte at `offset` on.
    pub(in crate::source) fn read_at(&self, file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        while !buffer.is_empty() {
            match read_at(file, buffer, offset) {
                Ok(0) => {
                    // Where it does not tell, it ends before this place at least.
                    let now = file.metadata().map_or(offset, |meta| meta.len());
                    return Err(Error::Input(format!(
                        "{} was cut short while it was read: it had {} bytes when it was opened, and has {now} now; run \
                         again once nothing writes to it",
                        self.path.display(),
                        self.identity.size,
                    )));
                }
                Ok(got) => {
                    buffer = &mut buffer[got..];
                    offset += got as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => (),
                Err(e) => return Err(Error::io("read", &self.path, e)),
            }
        }
        Ok(())
    }

    /// Fails when the file, or what its path names by now, is not what was opened. A file that was only removed from
    /// its folder was read as it was.
    pub(in crate::source) fn verify(&self) -> Result<()> {
        if let Some(file) = &*lock(&self.file) {
            self.compare(&file.metadata().map_err(|e| Error::io("read", &self.path, e))?)?;
        }
        if self.unnamed {
            return Ok(());
        }
        match std::fs::metadata(&self.path) {
            Ok(meta) => self.compare(&meta),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io("read", &self.path, e)),
        }
    }

    fn compare(&self, meta: &Metadata) -> Result<()> {
        let (then, now) = (self.identity, Identity::of(meta));
        if then == now {
            return Ok(());
        }
        let how = if then.place != now.place {
            "was replaced by another file".to_owned()
        } else if then.size != now.size {
            let how = if then.size < now.size { "grew" } else { "was cut short" };
            format!("{how} from {} to {} bytes", then.size, now.size)
        } else {
            "was written to".to_owned()
        };
        Err(Error::Input(format!(
            "{} {how} while it was read; run again once nothing writes to it",
            self.path.display()
        )))
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cut_short_is_told_with_the_size_it_has() {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut named, &[b'x'; 1000]).unwrap();
        let file = File::open(named.path()).unwrap();
        let meta = file.metadata().unwrap();
        let known = KnownFile::new(named.path(), file, &meta, true);
        named.as_file().set_len(10).unwrap();
        let problem = known.read_at(&known.handle().unwrap(), &mut [0; 100], 500).unwrap_err().to_string();
        assert!(problem.contains("had 1000 bytes when it was opened, and has 10 now"), "{problem}");
    }
}
