//! How bytes lie in a file of counts: a head, sections of chunks with the pages that say where these are, details, the
//! root, and a tail of fixed length from which all is found.

use serde::{Deserialize, Serialize};

use super::about::{Key, Part, Weight};
use crate::counts::varint;

/// What a file begins and ends with.
pub(super) const MAGIC: [u8; 8] = *b"TFCOUNTS";
/// The number of the format: it rises only when a reader of an earlier one would read something wrong.
pub(super) const FORMAT: u16 = 1;
/// Bytes of the head: the magic, the format, six of 0.
pub(super) const HEAD: usize = 16;
/// Bytes of the tail: where the root lies, its bytes as they are and unpacked, the format, two of 0, a checksum of all
/// that, the magic.
pub(super) const TAIL: usize = 32;
/// A chunk is closed once it holds this many bytes ...
pub(super) const CHUNK_BYTES: usize = 1 << 14;
/// ... or this many tiles.
pub(super) const CHUNK_TILES: usize = 1 << 10;
/// Bytes that a chunk may have when it is unpacked: what it had before its last tile, and a tile whose pixels all take
/// the most that there is.
pub(super) const CHUNK_MOST: usize = CHUNK_BYTES + 32 + (19 << 16);
/// Chunks of a page.
pub(super) const PAGE: usize = 4096;
/// Bytes of a page when it is unpacked: two numbers a chunk.
pub(super) const PAGE_MOST: usize = PAGE * 20;
/// Bytes of the root and of the details when they are unpacked, at most: what thousands of planes or inputs take.
pub(super) const TEXT_MOST: usize = 1 << 25;
/// Bytes at the end of a file that are read first: most roots lie in them.
pub(super) const END: u64 = 1 << 16;
/// How hard zstd tries: the next level takes half as long again and makes nothing smaller of such bytes.
pub(super) const LEVEL: i32 = 2;

/// The head of a file.
pub(super) fn head() -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..10].copy_from_slice(&FORMAT.to_le_bytes());
    head
}

/// Where the root of a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) at: u64,
    pub(super) bytes: u32,
    pub(super) unpacked: u32,
}

impl Tail {
    pub(super) fn bytes(self) -> [u8; TAIL] {
        let mut tail = [0; TAIL];
        tail[..8].copy_from_slice(&self.at.to_le_bytes());
        tail[8..12].copy_from_slice(&self.bytes.to_le_bytes());
        tail[12..16].copy_from_slice(&self.unpacked.to_le_bytes());
        tail[16..18].copy_from_slice(&FORMAT.to_le_bytes());
        let sum = crc32fast::hash(&tail[..20]);
        tail[20..24].copy_from_slice(&sum.to_le_bytes());
        tail[24..].copy_from_slice(&MAGIC);
        tail
    }

    /// The tail that these bytes are, or the number of the later format that they are of; `None` where they are neither.
    pub(super) fn read(bytes: &[u8; TAIL]) -> Option<Result<Self, u16>> {
        let four = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).ok();
        let at = u64::from_le_bytes(bytes[..8].try_into().ok()?);
        let format = u16::from_le_bytes([bytes[16], bytes[17]]);
        if bytes[24..] != MAGIC {
            return None;
        }
        if format > FORMAT {
            return Some(Err(format));
        }
        (four(20)? == crc32fast::hash(&bytes[..20])).then_some(Ok(Self { at, bytes: four(8)?, unpacked: four(12)? }))
    }
}

/// The tiles of one zoom of a plane: chunks, one behind the other, and then the pages that say where they lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Section {
    /// By its place among the planes.
    pub(super) plane: u16,
    pub(super) zoom: u8,
    /// Where its chunks begin.
    pub(super) at: u64,
    /// Its pages, in order.
    pub(super) pages: Vec<Page>,
}

/// Some chunks of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// Morton code of the first tile.
    pub(super) first: u64,
    /// Chunks.
    pub(super) chunks: u32,
    /// Bytes of these chunks.
    pub(super) bytes: u64,
    /// Bytes of the page itself.
    #[serde(rename = "page")]
    pub(super) own: u32,
}

impl Section {
    /// Where its pages begin: behind its chunks. `None` where that is beyond all numbers.
    pub(super) fn pages_at(&self) -> Option<u64> {
        self.pages.iter().try_fold(self.at, |at, page| at.checked_add(page.bytes))
    }
}

/// A chunk as its page names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkAt {
    /// Morton code of its first tile.
    pub(super) first: u64,
    /// Where it begins.
    pub(super) at: u64,
    /// Its bytes in the file.
    pub(super) len: u64,
}

/// A page of chunks as bytes: for each the distance of its first tile from that of the chunk before (from 0 for the
/// first), and its length.
pub(super) fn page(chunks: &[(u64, u64)]) -> Vec<u8> {
    let (mut bytes, mut before) = (Vec::new(), 0);
    for &(first, len) in chunks {
        varint::put(&mut bytes, first - before);
        varint::put(&mut bytes, len);
        before = first;
    }
    bytes
}

/// The chunks that a page names, the first of which begins at `at`; `None` where the bytes are not what `about` says.
pub(super) fn chunks(bytes: &[u8], about: &Page, at: u64) -> Option<Vec<ChunkAt>> {
    let (mut place, mut first, mut from, mut chunks) = (0, 0u64, at, Vec::new());
    for number in 0..about.chunks {
        let step = varint::take(bytes, &mut place)?;
        let len = varint::take(bytes, &mut place)?;
        first = first.checked_add(step)?;
        if (number == 0 && first != about.first) || (number > 0 && step == 0) || len == 0 {
            return None;
        }
        chunks.push(ChunkAt { first, at: from, len });
        from = from.checked_add(len)?;
    }
    (place == bytes.len()
        && chunks.iter().all(|chunk| chunk.len <= about.bytes)
        && Some(from) == at.checked_add(about.bytes))
    .then_some(chunks)
}

/// The root: what is needed to find a tile. Fields one by one: serde keeps all that it does not know where some are
/// gathered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Root {
    pub(super) zoom: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<Weight>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Key>,
    pub(super) planes: Vec<Part>,
    /// Where the details lie, and how many bytes they have as they are and unpacked.
    pub(super) details: (u64, u64, u64),
    pub(super) sections: Vec<Section>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_tails_come_back_and_nothing_else_does() {
        let lens = [(5u64, 300u64), (6, 1), (90_000_000, 70_000)];
        let bytes = page(&lens);
        let about = Page { first: 5, chunks: 3, bytes: 70_301, own: 0 };
        let found = chunks(&bytes, &about, 1000).unwrap();
        assert_eq!(
            found.iter().map(|c| (c.first, c.at, c.len)).collect::<Vec<_>>(),
            [(5, 1000, 300), (6, 1300, 1), (90_000_000, 1301, 70_000)]
        );
        assert!(chunks(&bytes, &Page { bytes: 70_300, ..about }, 1000).is_none());
        assert!(chunks(&bytes, &Page { first: 4, ..about }, 1000).is_none());
        assert!(chunks(&bytes[..bytes.len() - 1], &about, 1000).is_none());
        let tail = Tail { at: 1 << 40, bytes: 77, unpacked: 1 << 20 };
        assert_eq!(Tail::read(&tail.bytes()), Some(Ok(tail)));
        let mut other = tail.bytes();
        other[3] ^= 1;
        assert_eq!(Tail::read(&other), None);
        let mut later = tail.bytes();
        later[16] = 9;
        assert_eq!(Tail::read(&later), Some(Err(9)));
    }
}
