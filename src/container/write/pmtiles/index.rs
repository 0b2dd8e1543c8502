//! Which tiles an archive holds and where: from what was written, in any order, to directory entries in Hilbert order.
//! Identical tiles are stored once, whatever the number of tiles and the memory: all of it is sorting.
//!
//! ```text
//! by content          the first tile on the Hilbert curve of those with the same bytes stands for all of them
//! by who stands first such tiles get their places in the archive in their order; the others get the same place
//! by tile             entries; neighbours on the curve with the same content are one
//! ```
//!
//! Two tiles are the same when their length and 128 bits of hash are: of 10^9 different tiles two are taken for one with
//! a probability of 10^-21.

use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;

use crate::container::write::records::watched;
use crate::container::write::spool::Waiting;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::store::{Sorted, Sorter};

/// Tiles with the same content and numbers that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: u64,
    /// Place in the archive, from where its tiles begin.
    pub(super) offset: u64,
    pub(super) length: u64,
    /// How many; 0 in the root for a directory.
    pub(super) run: u64,
}

/// Tiles as they come: hash (two words), length, number, offset.
#[derive(Debug)]
pub(super) struct Index {
    tiles: Sorter<5>,
    room: u64,
    folder: PathBuf,
}

/// Everything about the tiles of a finished archive.
#[derive(Debug)]
pub(super) struct Layout {
    /// Number of the first tile of a content, number, offset in the spool, length.
    contents: Sorted<4>,
    /// Number, offset in the archive, length.
    places: Sorted<3>,
    /// Tiles.
    pub(super) tiles: u64,
    /// Different contents.
    pub(super) different: u64,
    /// Bytes of those.
    pub(super) bytes: u64,
}

impl Index {
    /// An empty index that holds up to `room` bytes in memory and the rest in files in `folder`.
    pub(super) fn new(room: u64, folder: &Path) -> Self {
        // Two of three sorts are under way at once.
        Self { tiles: Sorter::new(room / 2, folder), room: room / 2, folder: folder.to_path_buf() }
    }

    /// What is to be known of a tile's bytes; made outside of any lock.
    pub(super) fn content(bytes: &[u8]) -> [u64; 2] {
        let hash = XxHash3_128::oneshot(bytes);
        [(hash >> 64) as u64, hash as u64]
    }

    /// Adds a tile.
    pub(super) fn add(&mut self, id: u64, content: [u64; 2], at: Waiting) -> Result<()> {
        self.tiles.push([content[0], content[1], at.length, id, at.offset])
    }

    /// No more tiles: gives each its place.
    pub(super) fn layout(self, monitor: &Monitor) -> Result<Layout> {
        let mut contents = Sorter::new(self.room, &self.folder);
        {
            let tiles = self.tiles.sorted()?;
            let mut first: Option<[u64; 5]> = None;
            for tile in watched(tiles.read()?, monitor) {
                let tile = tile?;
                let of = first.filter(|first| first[..3] == tile[..3]).unwrap_or(tile);
                first = Some(of);
                contents.push([of[3], tile[3], tile[4], tile[2]])?;
            }
        }
        let contents = contents.sorted()?;
        let mut places = Sorter::new(self.room, &self.folder);
        let (mut different, mut bytes, mut place) = (0, 0, 0);
        for tile in watched(contents.read()?, monitor) {
            let [first, id, _, length] = tile?;
            if first == id {
                different += 1;
                place = bytes;
                bytes += length;
            }
            places.push([id, place, length])?;
        }
        let places = places.sorted()?;
        Ok(Layout { tiles: places.len(), contents, places, different, bytes })
    }
}

impl Layout {
    /// The entries, ascending.
    pub(super) fn entries<'a>(&'a self, monitor: &'a Monitor) -> Result<impl Iterator<Item = Result<Entry>> + 'a> {
        let mut places = watched(self.places.read()?, monitor);
        let mut open: Option<Entry> = None;
        Ok(std::iter::from_fn(move || {
            for place in places.by_ref() {
                let [id, offset, length] = match place {
                    Ok(place) => place,
                    Err(error) => return Some(Err(error)),
                };
                match &mut open {
                    Some(entry) if entry.id + entry.run > id => {
                        return Some(Err(Error::Internal(format!("the tile with the number {id} was written twice"))));
                    }
                    Some(entry) if entry.id + entry.run == id && entry.offset == offset && entry.length == length => {
                        entry.run += 1;
                    }
                    _ => {
                        if let Some(done) = open.replace(Entry { id, offset, length, run: 1 }) {
                            return Some(Ok(done));
                        }
                    }
                }
            }
            open.take().map(Ok)
        }))
    }

    /// Where the different contents wait, in the order in which they are stored.
    pub(super) fn contents<'a>(&'a self, monitor: &'a Monitor) -> Result<impl Iterator<Item = Result<Waiting>> + 'a> {
        let all = watched(self.contents.read()?, monitor);
        Ok(all.filter_map(|tile| match tile {
            Ok([first, id, offset, length]) => (first == id).then_some(Ok(Waiting { offset, length })),
            Err(error) => Some(Err(error)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Whatever fits into memory: the entries give each tile its content, each content is stored once, in the order
        /// of the first tiles that have it, and nothing lies between.
        #[test]
        fn the_layout_never_depends_on_memory(
            tiles in proptest::collection::btree_map(0u64..6_000, 0u8..40, 0..3_000),
            shuffle in any::<u64>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let monitor = Monitor::default();
            let bytes = |content: u8| vec![content; usize::from(content) % 7 + 1];
            let mut order: Vec<(u64, u8)> = tiles.iter().map(|(&id, &content)| (id, content)).collect();
            order.sort_by_key(|tile| (tile.0 ^ shuffle).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut made = Vec::new();
            for room in [0, u64::MAX] {
                let mut index = Index::new(room, folder.path());
                let (mut spool, mut offset) = (BTreeMap::new(), 0);
                for &(id, content) in &order {
                    let png = bytes(content);
                    let at = Waiting { offset, length: png.len() as u64 };
                    index.add(id, Index::content(&png), at).unwrap();
                    spool.insert(offset, content);
                    offset += at.length;
                }
                let layout = index.layout(&monitor).unwrap();
                let entries: Vec<Entry> = layout.entries(&monitor).unwrap().collect::<Result<_>>().unwrap();
                let contents: Vec<u8> =
                    layout.contents(&monitor).unwrap().map(|at| spool[&at.unwrap().offset]).collect();
                made.push((entries, contents, layout.tiles, layout.different, layout.bytes));
            }
            prop_assert!(made[0] == made[1]);
            let (entries, contents, count, different, all) = made.remove(0);
            prop_assert_eq!(count, tiles.len() as u64);
            let mut firsts: Vec<u8> = Vec::new();
            for content in tiles.values() {
                if !firsts.contains(content) {
                    firsts.push(*content);
                }
            }
            prop_assert_eq!(&contents, &firsts);
            prop_assert_eq!(different, firsts.len() as u64);
            let mut places = BTreeMap::new();
            let mut end = 0;
            for &content in &contents {
                places.insert(content, end);
                end += bytes(content).len() as u64;
            }
            prop_assert_eq!(all, end);
            let mut read = std::collections::BTreeSet::new();
            for pair in entries.windows(2) {
                let apart = pair[0].id + pair[0].run < pair[1].id;
                prop_assert!(apart || pair[0].offset != pair[1].offset, "two entries for one");
            }
            for entry in entries {
                for id in entry.id..entry.id + entry.run {
                    prop_assert_eq!(entry.offset, places[&tiles[&id]]);
                    prop_assert_eq!(entry.length, bytes(tiles[&id]).len() as u64);
                    read.insert(id);
                }
            }
            prop_assert_eq!(read.len(), tiles.len());
        }
    }

    #[test]
    fn a_tile_that_comes_twice_is_a_bug() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::new(0, folder.path());
        for content in [[1, 1], [2, 2]] {
            index.add(7, content, Waiting { offset: 0, length: 3 }).unwrap();
        }
        let layout = index.layout(&Monitor::default()).unwrap();
        let failed = layout.entries(&Monitor::default()).unwrap().any(|entry| entry.is_err());
        assert!(failed);
    }

    #[test]
    fn a_stop_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::new(0, folder.path());
        index.add(7, [1, 1], Waiting { offset: 0, length: 3 }).unwrap();
        let monitor = Monitor::default();
        monitor.cancel();
        assert!(matches!(index.layout(&monitor), Err(Error::Interrupted)));
    }
}
