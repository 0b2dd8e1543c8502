//! A directory of a PMTiles v3 archive, decoded: which tiles lie where. Every number is checked while it is decoded,
//! because the file may be damaged or made to harm; reading the bytes is left to `archive`.

use std::cmp::Ordering;

/// Most entries of a directory: a set of four hundred million different tiles needs so many in each.
const MOST: usize = 1 << 17;

/// Some tiles in a row, or a further directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number of the first tile.
    pub(super) tile: u64,
    /// Place within the tile data, or within the leaf directories.
    pub(super) offset: u64,
    pub(super) length: u32,
    /// Tiles that share these bytes; 0 for a leaf directory.
    pub(super) run: u32,
}

/// Entries by ascending tile number.
#[derive(Debug)]
pub(super) struct Directory(Vec<Entry>);

impl Directory {
    /// `None` where the bytes are no directory.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let count = varint(&mut rest)?;
        // Each entry has four numbers of a byte or more, which bounds the memory by the bytes there are.
        let count = usize::try_from(count).ok().filter(|n| *n <= (rest.len() / 4).min(MOST))?;
        let mut entries = vec![Entry { tile: 0, offset: 0, length: 0, run: 0 }; count];
        let mut tile = 0u64;
        for (i, entry) in entries.iter_mut().enumerate() {
            let step = varint(&mut rest)?;
            if i > 0 && step == 0 {
                return None;
            }
            tile = tile.checked_add(step)?;
            entry.tile = tile;
        }
        for entry in &mut entries {
            entry.run = varint(&mut rest)?.try_into().ok()?;
        }
        for entry in &mut entries {
            entry.length = varint(&mut rest)?.try_into().ok().filter(|length| *length > 0)?;
        }
        let mut next = None;
        for entry in &mut entries {
            entry.offset = match (varint(&mut rest)?, next) {
                // 0: right behind the entry before.
                (0, next) => next?,
                (place, _) => place - 1,
            };
            next = entry.offset.checked_add(u64::from(entry.length));
        }
        Some(Self(entries))
    }

    /// The entry that holds a tile, or the leaf directory that may.
    pub(super) fn find(&self, tile: u64) -> Option<Entry> {
        let after = self.0.partition_point(|e| e.tile.cmp(&tile) != Ordering::Greater);
        let entry = *self.0.get(after.checked_sub(1)?)?;
        (entry.run == 0 || tile - entry.tile < u64::from(entry.run)).then_some(entry)
    }

    /// All entries, by ascending tile number.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        self.0.capacity() * size_of::<Entry>()
    }
}

/// The next number of `bytes`, seven bits a byte, lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(entries: &[Entry]) -> Vec<u8> {
        fn put(bytes: &mut Vec<u8>, mut value: u64) {
            while value >= 0x80 {
                bytes.push(value as u8 | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
        }
        let mut bytes = Vec::new();
        put(&mut bytes, entries.len() as u64);
        let mut before = 0;
        for e in entries {
            put(&mut bytes, e.tile - before);
            before = e.tile;
        }
        entries.iter().for_each(|e| put(&mut bytes, e.run.into()));
        entries.iter().for_each(|e| put(&mut bytes, e.length.into()));
        let mut next = None;
        for e in entries {
            put(&mut bytes, if next == Some(e.offset) { 0 } else { e.offset + 1 });
            next = Some(e.offset + u64::from(e.length));
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_found(
            steps in prop::collection::vec((1u64..1000, 1u32..100_000, 1u32..4, any::<bool>()), 1..200)
        ) {
            let (mut tile, mut offset) = (0, 7);
            let mut entries = Vec::new();
            for (step, length, run, jump) in steps {
                offset += if jump { 13 } else { 0 };
                entries.push(Entry { tile, offset, length, run: run.min(step as u32) });
                tile += step;
                offset += u64::from(length);
            }
            let directory = Directory::decode(&encode(&entries)).unwrap();
            for e in &entries {
                for i in 0..u64::from(e.run) {
                    prop_assert_eq!(directory.find(e.tile + i), Some(*e));
                }
            }
            let last = entries.last().unwrap();
            prop_assert_eq!(directory.find(last.tile + u64::from(last.run)), None);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), tile in any::<u64>()) {
            if let Some(directory) = Directory::decode(&bytes) {
                let _ = directory.find(tile);
            }
        }
    }

    #[test]
    fn an_absurd_count_takes_no_memory() {
        assert!(Directory::decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1, 1]).is_none());
        let tiles = |count: usize| {
            let entries = (0..count as u64).map(|tile| Entry { tile, offset: tile, length: 1, run: 1 });
            Directory::decode(&encode(&entries.collect::<Vec<_>>()))
        };
        assert_eq!(tiles(MOST).unwrap().size(), MOST * size_of::<Entry>());
        assert!(tiles(MOST + 1).is_none());
    }
}
