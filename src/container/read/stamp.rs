//! Knowing a tile set again: which files lie at its path, and when they were last changed. Equal stamps mean that
//! nobody replaced or rewrote the set; what to do when they differ is decided by whoever looks.

use std::fs::{self, Metadata};
use std::hash::Hasher;
use std::io;
use std::path::Path;

use super::folder::METADATA;

/// State of the file at a path, or of a folder and the metadata in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    root: Identity,
    metadata: Option<Identity>,
    folder: bool,
}

/// Device, number, length and times of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity([u64; 7]);

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let root = fs::metadata(path)?;
        let folder = root.is_dir();
        let metadata = folder.then(|| fs::metadata(path.join(METADATA)).ok()).flatten();
        Ok(Self { root: Identity::of(&root), metadata: metadata.as_ref().map(Identity::of), folder })
    }

    pub(super) fn is_folder(&self) -> bool {
        self.folder
    }

    /// A number for the state.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = twox_hash::XxHash3_64::with_seed(0);
        for word in self.root.0 {
            hash.write_u64(word);
        }
        hash.finish()
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        // The time of change too: a copy that keeps the time of modification cannot set it.
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()].map(|t| t as u64);
        Self([file.dev(), file.ino(), file.len(), times[0], times[1], times[2], times[3]])
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        let nanoseconds = |time: io::Result<std::time::SystemTime>| {
            time.ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos() as u64)
        };
        Self([0, 0, file.len(), nanoseconds(file.modified()), 0, nanoseconds(file.created()), 0])
    }
}
