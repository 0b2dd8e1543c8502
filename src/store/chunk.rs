//! A chunk: tiles that follow each other in Morton order, as bytes. It is, for each of its tiles, the distance of its
//! Morton code from the one before (from 0 for the first), the length of its block, both LEB128, and the block.

use super::vault::{Kept, Place};
pub(super) use crate::counts::varint::put;
use crate::counts::varint::take;
use crate::error::{Error, Result};
use crate::tile::TileCoord;

/// Tiles that follow each other in Morton order.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) bytes: Kept,
}

/// A chunk that was found and stays where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) place: Place<'a>,
}

impl Chunk {
    /// Where its bytes lie.
    pub(super) fn place(&self) -> Place<'_> {
        self.bytes.place()
    }

    /// The chunk, to be looked at.
    pub(super) fn found(&self) -> Found<'_> {
        Found { first: self.first, last: self.last, place: self.place() }
    }
}

impl Found<'_> {
    /// A chunk of the file, to be owned.
    pub(super) fn kept(self) -> Result<Chunk> {
        let Place::File { offset, len } = self.place else {
            return Err(Error::Internal("a chunk of counts in memory has two owners".into()));
        };
        Ok(Chunk { first: self.first, last: self.last, bytes: Kept::File { offset, len } })
    }
}

/// The tiles of a chunk: Morton code and block.
pub(super) struct ChunkTiles<'a> {
    bytes: &'a [u8],
    at: usize,
    code: u64,
}

impl<'a> ChunkTiles<'a> {
    /// The tiles in `bytes`, which are those of a chunk.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, code: 0 }
    }
}

impl<'a> Iterator for ChunkTiles<'a> {
    type Item = Result<(u64, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.bytes.len() {
            return None;
        }
        match next_tile(self.bytes, &mut self.at, self.code) {
            Ok((code, (from, to))) => {
                self.code = code;
                Some(Ok((code, &self.bytes[from..to])))
            }
            Err(error) => {
                self.at = self.bytes.len();
                Some(Err(error))
            }
        }
    }
}

/// The tiles in the bytes of a chunk that lies elsewhere: the Morton code and the block of each.
pub fn chunk_tiles(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, &[u8])>> {
    ChunkTiles::new(bytes)
}

/// Reads the head of the tile at `at`, whose predecessor is `code`; gives its code and where its block lies, and
/// moves `at` behind it.
pub(super) fn next_tile(bytes: &[u8], at: &mut usize, code: u64) -> Result<(u64, (usize, usize))> {
    let broken = || Error::Internal("a chunk of counts is damaged".into());
    let step = take(bytes, at).ok_or_else(broken)?;
    let len = take(bytes, at).and_then(|len| usize::try_from(len).ok()).ok_or_else(broken)?;
    let from = *at;
    let to = from.checked_add(len).filter(|&to| to <= bytes.len()).ok_or_else(broken)?;
    *at = to;
    Ok((code.checked_add(step).ok_or_else(broken)?, (from, to)))
}

/// The error for a block that cannot be read.
pub(super) fn damaged(z: u8, code: u64) -> Error {
    Error::Internal(format!("the counts of tile {} are damaged", TileCoord::from_morton(z, code)))
}
