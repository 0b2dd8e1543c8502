//! Which images an MBTiles file holds and which tile shows which: from what was written, in any order, to the order of
//! the two tables. As in a PMTiles file, all of it is sorting, so that identical tiles are one image whatever the
//! memory, and no byte of the file depends on the order in which tiles came.
//!
//! ```text
//! by content          the first tile on the Hilbert curve of those with the same bytes stands for all of them
//! by who stands first images, in the order of the curve: tiles that came together are read back together
//! by place            rows of the table of tiles, in the order of its key
//! ```
//!
//! Two tiles are the same when their length and MD5 are; the MD5 is the image's name in the file too, as other programs
//! name theirs.

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::container::Scheme;
use crate::container::write::records::watched;
use crate::container::write::spool::Waiting;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::store::{Sorted, Sorter};
use crate::tile::{TileCoord, hilbert_id};

/// Bits of a column or a row in the number of a place: more than the highest zoom has.
const BITS: u32 = 28;

/// The name of an image: its MD5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(u64, u64);

impl Name {
    /// That of these bytes; made outside of any lock.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let digest = u128::from_be_bytes(Md5::digest(bytes).into());
        Self((digest >> 64) as u64, digest as u64)
    }

    /// Writes it over `text`, as 32 hexadecimal digits.
    pub(super) fn write(self, text: &mut String) {
        use std::fmt::Write;
        text.clear();
        // A string takes whatever is written to it.
        let _ = write!(text, "{:016x}{:016x}", self.0, self.1);
    }
}

/// A row of the table of tiles. Rows are counted from the south.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) zoom: u8,
    pub(super) column: u32,
    pub(super) row: u32,
}

impl Place {
    fn of(tile: TileCoord) -> Self {
        Self { zoom: tile.z, column: tile.x, row: Scheme::Tms.row(tile.z, tile.y) }
    }

    /// A number in the order of zoom, column and row.
    fn number(self) -> u64 {
        u64::from(self.zoom) << (2 * BITS) | u64::from(self.column) << BITS | u64::from(self.row)
    }

    fn from_number(number: u64) -> Self {
        let low = |number: u64| (number & ((1 << BITS) - 1)) as u32;
        Self { zoom: (number >> (2 * BITS)) as u8, column: low(number >> BITS), row: low(number) }
    }
}

/// Tiles as they come: name (two words), length, number on the curve, place, offset.
#[derive(Debug)]
pub(super) struct Index {
    tiles: Sorter<6>,
    room: u64,
    folder: PathBuf,
}

/// Everything about the tiles of a finished set.
#[derive(Debug)]
pub(super) struct Layout {
    /// Number of the first tile with this content, name, offset in the spool, length.
    images: Sorted<5>,
    /// Place, name.
    map: Sorted<3>,
}

impl Index {
    /// An empty index that holds up to `room` bytes in memory and the rest in files in `folder`.
    pub(super) fn new(room: u64, folder: &Path) -> Self {
        // Three sorts are under way at once.
        Self { tiles: Sorter::new(room / 3, folder), room: room / 3, folder: folder.to_path_buf() }
    }

    /// Adds a tile.
    pub(super) fn add(&mut self, tile: TileCoord, name: Name, at: Waiting) -> Result<()> {
        self.tiles.push([name.0, name.1, at.length, hilbert_id(tile), Place::of(tile).number(), at.offset])
    }

    /// No more tiles: finds what is to be stored, and where.
    pub(super) fn layout(self, monitor: &Monitor) -> Result<Layout> {
        let (mut images, mut map) = (Sorter::new(self.room, &self.folder), Sorter::new(self.room, &self.folder));
        let tiles = self.tiles.sorted()?;
        let mut before: Option<[u64; 3]> = None;
        for tile in watched(tiles.read()?, monitor) {
            let [high, low, length, id, place, offset] = tile?;
            if before.replace([high, low, length]) != Some([high, low, length]) {
                images.push([id, high, low, offset, length])?;
            }
            map.push([place, high, low])?;
        }
        Ok(Layout { images: images.sorted()?, map: map.sorted()? })
    }
}

impl Layout {
    /// The images and where they wait, in the order in which they are stored.
    pub(super) fn images<'a>(
        &'a self,
        monitor: &'a Monitor,
    ) -> Result<impl Iterator<Item = Result<(Name, Waiting)>> + 'a> {
        let all = watched(self.images.read()?, monitor);
        Ok(all.map(|image| image.map(|[_, high, low, offset, length]| (Name(high, low), Waiting { offset, length }))))
    }

    /// The tiles with the names of their images, in the order of the table's key.
    pub(super) fn map<'a>(&'a self, monitor: &'a Monitor) -> Result<impl Iterator<Item = Result<(Place, Name)>> + 'a> {
        let mut before = None;
        Ok(watched(self.map.read()?, monitor).map(move |tile| {
            let [number, high, low] = tile?;
            let place = Place::from_number(number);
            if before.replace(number) == Some(number) {
                return Err(Error::Internal(format!("the tile {place:?} was written twice")));
            }
            Ok((place, Name(high, low)))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    fn name(bytes: &[u8]) -> String {
        let mut text = String::new();
        Name::of(bytes).write(&mut text);
        text
    }

    #[test]
    fn names_are_md5() {
        assert_eq!(name(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(name(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn rows_are_counted_from_the_south() {
        let place = Place::of(TileCoord { z: 3, x: 7, y: 1 });
        assert_eq!((place.zoom, place.column, place.row), (3, 7, 6));
        let last = (1 << 24) - 1;
        let place = Place::of(TileCoord { z: 24, x: last, y: 0 });
        assert_eq!((place.row, Place::from_number(place.number())), (last, place));
    }

    proptest! {
        /// Whatever fits into memory: each tile has its content, each content is stored once, in the order of the first
        /// tiles that have it.
        #[test]
        fn the_layout_never_depends_on_memory(
            tiles in proptest::collection::btree_map((0u8..7, 0u32..64, 0u32..64), 0u8..40, 0..1_500),
            shuffle in any::<u64>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let monitor = Monitor::default();
            let tiles: BTreeMap<(u8, u32, u32), u8> =
                tiles.into_iter().map(|((z, x, y), content)| ((z, x & ((1 << z) - 1), y & ((1 << z) - 1)), content)).collect();
            let mut order: Vec<_> = tiles.iter().map(|(&(z, x, y), &content)| (TileCoord { z, x, y }, content)).collect();
            order.sort_by_key(|(tile, _)| (hilbert_id(*tile) ^ shuffle).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut made = Vec::new();
            for room in [0, u64::MAX] {
                let mut index = Index::new(room, folder.path());
                for (i, &(tile, content)) in (0u64..).zip(&order) {
                    let at = Waiting { offset: i, length: u64::from(content) + 1 };
                    index.add(tile, Name::of(&[content]), at).unwrap();
                }
                let layout = index.layout(&monitor).unwrap();
                let map: Vec<_> = layout.map(&monitor).unwrap().collect::<Result<_>>().unwrap();
                let images: Vec<_> = layout.images(&monitor).unwrap().collect::<Result<_>>().unwrap();
                made.push((map, images));
            }
            prop_assert!(made[0] == made[1]);
            let (map, images) = made.remove(0);
            let expected: Vec<_> = tiles
                .iter()
                .map(|(&(z, x, y), &content)| (Place::of(TileCoord { z, x, y }), Name::of(&[content])))
                .collect();
            let mut sorted = expected.clone();
            sorted.sort_by_key(|(place, _)| place.number());
            prop_assert_eq!(map, sorted);
            let mut on_the_curve: Vec<_> = order.clone();
            on_the_curve.sort_by_key(|(tile, _)| hilbert_id(*tile));
            let mut firsts: Vec<Name> = Vec::new();
            for (_, content) in on_the_curve {
                let name = Name::of(&[content]);
                if !firsts.contains(&name) {
                    firsts.push(name);
                }
            }
            prop_assert_eq!(images.iter().map(|image| image.0).collect::<Vec<_>>(), firsts);
            for (name, at) in images {
                prop_assert_eq!(Name::of(&[order[at.offset as usize].1]), name);
            }
        }
    }

    #[test]
    fn a_tile_that_comes_twice_is_a_bug() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::new(0, folder.path());
        for content in [b"a", b"b"] {
            let at = Waiting { offset: 0, length: 1 };
            index.add(TileCoord { z: 3, x: 1, y: 2 }, Name::of(content), at).unwrap();
        }
        let layout = index.layout(&Monitor::default()).unwrap();
        assert!(layout.map(&Monitor::default()).unwrap().any(|tile| tile.is_err()));
    }
}
