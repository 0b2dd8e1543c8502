//! Knowing a tile set again: which files lie at its path, and when they were last changed. Equal stamps mean that
//! nobody replaced or rewrote the set; what to do when they differ is decided by whoever looks.

use std::fs::File;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Wait;
use super::folder::METADATA;
use super::system::{Identity, look, of_open, open_plain};

/// State of the file at a path and of the log of changes that SQLite may have beside it, or of a folder and the metadata
/// in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    root: Identity,
    /// The metadata, or the log.
    beside: Option<Identity>,
    folder: bool,
}

impl Stamp {
    /// With [`Wait::Never`] only from what the system has in memory: else `WouldBlock`.
    pub(super) fn of(path: &Path, wait: Wait) -> io::Result<Self> {
        let root = look(path, wait)?;
        let beside = if root.folder { Some(path.join(METADATA)) } else { log_of(path) };
        let beside = match beside.map(|beside| look(&beside, wait)) {
            Some(Err(e)) if e.kind() == io::ErrorKind::WouldBlock => return Err(e),
            found => found.and_then(Result::ok).map(|found| found.identity),
        };
        let beside = if root.folder { beside } else { beside.map(Identity::of_content) };
        Ok(Self { root: root.identity, beside, folder: root.folder })
    }

    pub(super) fn is_folder(&self) -> bool {
        self.folder
    }

    /// A number for the state.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hash = twox_hash::XxHash3_64::with_seed(0);
        for word in self.root.0.into_iter().chain(self.beside.iter().flat_map(|beside| beside.0)) {
            hash.write_u64(word);
        }
        hash.finish()
    }
}

/// Where SQLite has the latest changes of a file; a PMTiles file is none of its.
fn log_of(path: &Path) -> Option<PathBuf> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pmtiles")) {
        return None;
    }
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    Some(name.into())
}

/// For how long a folder is looked at in full after it was opened: longer than any step of the times of files, so that
/// whatever came later than the look has a later time.
const FULL: Duration = Duration::from_secs(1);

/// The metadata of an open folder, held so that it need not be looked up for every tile.
#[derive(Debug)]
pub(super) struct Watched {
    metadata: Option<File>,
    since: Instant,
}

impl Watched {
    pub(super) fn of(folder: &Path) -> Self {
        // Elsewhere an open file may not be replaced, and nothing is gained.
        let open = cfg!(target_os = "linux").then(|| open_plain(&folder.join(METADATA)).ok().flatten()).flatten();
        let metadata = open.map(|(file, _)| file);
        Self { metadata, since: Instant::now() }
    }

    /// Whether the folder at `path` or its metadata have changed since `stamp`, without waiting; `None` where a full
    /// look has to tell. Metadata that was put in place of the old one, or taken away, changes the folder's own time.
    pub(super) fn changed(&self, stamp: &Stamp, path: &Path) -> io::Result<Option<bool>> {
        if !cfg!(target_os = "linux") || self.since.elapsed() < FULL {
            return Ok(None);
        }
        let metadata = match &self.metadata {
            Some(file) => Some(of_open(file, Wait::Never)?.identity),
            None => None,
        };
        match look(path, Wait::Never) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(e),
            Err(_) => Ok(Some(true)),
            Ok(now) => Ok(Some(now.identity != stamp.root || metadata != stamp.beside)),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_change_of_a_folder_or_its_metadata_is_seen() {
        let change: [fn(&Path); 5] = [
            |metadata| fs::write(metadata, "{}").unwrap(),
            |metadata| fs::remove_file(metadata).unwrap(),
            |metadata| {
                fs::write(metadata.with_extension("new"), "[]").unwrap();
                fs::rename(metadata.with_extension("new"), metadata).unwrap();
            },
            |metadata| fs::create_dir(metadata.with_file_name("0")).unwrap(),
            |metadata| {
                let folder = metadata.parent().unwrap();
                fs::rename(folder, folder.with_extension("old")).unwrap();
                fs::create_dir(folder).unwrap();
                fs::write(metadata, "[]").unwrap();
            },
        ];
        for (n, change) in change.iter().enumerate() {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().join("set");
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(METADATA), "[]").unwrap();
            let stamp = Stamp::of(&folder, Wait::Allowed).unwrap();
            let mut watched = Watched::of(&folder);
            assert_eq!(watched.changed(&stamp, &folder).unwrap(), None, "just opened");
            watched.since = Instant::now().checked_sub(FULL).unwrap();
            // Longer than a step of the times of files.
            std::thread::sleep(Duration::from_millis(30));
            let seen = watched.changed(&stamp, &folder);
            assert!(matches!(seen, Ok(Some(false))) || seen.is_err(), "{n}: {seen:?}");
            change(&folder.join(METADATA));
            let seen = watched.changed(&stamp, &folder);
            assert!(matches!(seen, Ok(Some(true))) || seen.is_err(), "{n}: {seen:?}");
        }
    }
}
