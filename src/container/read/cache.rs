//! Leaf directories of all archives that are served, in memory together and no larger than told: what was asked for
//! longest ago goes first. Reading and decoding them is left to `archive`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::directory::Directory;

/// Bytes of directories kept for all archives together.
const MOST: usize = 48 << 20;
/// Bytes that one takes beside its entries, about.
const BESIDE: usize = 160;

/// The directories that are kept.
#[derive(Debug)]
pub struct Directories {
    kept: Mutex<Kept>,
    archives: AtomicU64,
    most: usize,
}

#[derive(Debug, Default)]
struct Kept {
    /// By archive and place in it; with when each was last asked for.
    leaves: HashMap<(u64, u64), (Arc<Directory>, u64)>,
    bytes: usize,
    clock: u64,
}

impl Default for Directories {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Directories {
    fn of(most: usize) -> Self {
        Self { kept: Mutex::default(), archives: AtomicU64::new(0), most }
    }

    /// A number for an archive that was opened; never the same twice.
    pub(super) fn archive(&self) -> u64 {
        self.archives.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn get(&self, archive: u64, place: u64) -> Option<Arc<Directory>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let now = kept.clock;
        let (leaf, used) = kept.leaves.get_mut(&(archive, place))?;
        *used = now;
        Some(leaf.clone())
    }

    pub(super) fn put(&self, archive: u64, place: u64, leaf: Arc<Directory>) {
        let size = leaf.size() + BESIDE;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let now = kept.clock;
        kept.bytes += size;
        if let Some((old, _)) = kept.leaves.insert((archive, place), (leaf, now)) {
            kept.bytes -= old.size() + BESIDE;
        }
        if kept.bytes > self.most {
            kept.shrink(self.most / 4 * 3);
        }
    }

    /// Forgets the directories of an archive that is closed.
    pub(super) fn forget(&self, archive: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.leaves.retain(|(of, _), _| *of != archive);
        kept.bytes = kept.leaves.values().map(|(leaf, _)| leaf.size() + BESIDE).sum();
    }
}

impl Kept {
    /// Forgets the oldest; by a quarter at a time, so that looking for them costs little for each.
    fn shrink(&mut self, most: usize) {
        let mut ages: Vec<(u64, (u64, u64))> = self.leaves.iter().map(|(key, (_, used))| (*used, *key)).collect();
        ages.sort_unstable();
        for (_, key) in ages {
            if self.bytes <= most {
                break;
            }
            if let Some((old, _)) = self.leaves.remove(&key) {
                self.bytes -= old.size() + BESIDE;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_archives_share_the_room_and_the_latest_stay() {
        let leaf = |entries: u8| Arc::new(Directory::decode(&plain(entries)).unwrap());
        let directories = Directories::of(10 * (leaf(8).size() + BESIDE));
        let archives = [directories.archive(), directories.archive()];
        for place in 0..100 {
            directories.put(archives[place as usize % 2], place, leaf(8));
            assert!(directories.get(archives[0], 0).is_some(), "asked for all the time");
            assert!(directories.kept.lock().unwrap().leaves.len() <= 10);
        }
        assert!(directories.get(archives[1], 99).is_some() && directories.get(archives[1], 1).is_none());
        directories.forget(archives[0]);
        assert!(directories.get(archives[0], 0).is_none() && directories.get(archives[1], 99).is_some());
        directories.put(archives[1], 99, leaf(8));
        directories.forget(archives[1]);
        assert_eq!(directories.kept.lock().unwrap().bytes, 0);
    }

    /// A directory of so many tiles in a row.
    fn plain(entries: u8) -> Vec<u8> {
        let n = usize::from(entries);
        let steps = (0..n).map(|i| u8::from(i > 0));
        let places = (0..n).map(|i| u8::from(i == 0));
        [entries].into_iter().chain(steps).chain(vec![1; 2 * n]).chain(places).collect()
    }
}
