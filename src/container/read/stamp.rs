//! Knowing a tile set again: which files lie at its path, and when they were last changed. Equal stamps mean that
//! nobody replaced or rewrote the set; what to do when they differ is decided by whoever looks.

use std::hash::Hasher;
use std::io;
use std::path::Path;

use super::Wait;
use super::folder::METADATA;
use super::system::{Identity, look};

/// State of the file at a path, or of a folder and the metadata in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    root: Identity,
    metadata: Option<Identity>,
    folder: bool,
}

impl Stamp {
    /// With [`Wait::Never`] only from what the system has in memory: else `WouldBlock`.
    pub(super) fn of(path: &Path, wait: Wait) -> io::Result<Self> {
        let root = look(path, wait)?;
        let metadata = match root.folder.then(|| look(&path.join(METADATA), wait)) {
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => return Err(e),
            found => found.and_then(Result::ok).map(|found| found.identity),
        };
        Ok(Self { root: root.identity, metadata, folder: root.folder })
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
