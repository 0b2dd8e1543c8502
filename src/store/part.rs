//! Counts of tiles as one thread writes them: chunks of blocks in Morton order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::marker::PhantomData;
use std::sync::Arc;

use super::chunk::{Chunk, ChunkTiles, damaged, next_tile, put};
use super::list::{ChunkList, Drain};
use super::vault::Vault;
use crate::counts::{Lit, Value, ZoomStats, add_lit, decode_block, encode_block};
use crate::error::{Error, Result};

/// A chunk is closed once it holds this many tiles ...
const CHUNK_TILES: u32 = 64;
/// ... or this many bytes.
const CHUNK_BYTES: usize = 1 << 15;

/// Tiles of one zoom with their counts, in ascending Morton order.
#[derive(Debug)]
pub struct CountPart<V = u32> {
    list: ChunkList,
    open: Vec<u8>,
    block: Vec<u8>,
    open_tiles: u32,
    first: u64,
    last: u64,
    stats: ZoomStats,
    holds: PhantomData<V>,
    /// Tiles that never became a raster of counts, for the report.
    pub sparse_tiles: u64,
    /// Points of those tiles.
    pub sparse_points: u64,
}

impl<V: Value> CountPart<V> {
    /// A part whose closed chunks wait in `vault`.
    pub(super) fn in_vault(vault: Arc<Vault>) -> Self {
        Self::from_list(ChunkList::new(vault), ZoomStats::default())
    }

    /// A part of what was one before.
    pub(super) fn from_list(list: ChunkList, stats: ZoomStats) -> Self {
        let (open, block) = Default::default();
        Self {
            list,
            open,
            block,
            open_tiles: 0,
            first: 0,
            last: 0,
            stats,
            holds: PhantomData,
            sparse_tiles: 0,
            sparse_points: 0,
        }
    }

    /// Whether no tile was pushed.
    pub fn is_empty(&self) -> bool {
        self.open_tiles == 0 && self.list.last().is_none()
    }

    /// Morton code of the last tile.
    pub(super) fn last(&self) -> Option<u64> {
        if self.open_tiles > 0 { Some(self.last) } else { self.list.last() }
    }

    /// Appends the tile at Morton code `code`, larger than those before; `lit` must be ascending. An empty tile is
    /// left out.
    pub fn push(&mut self, code: u64, lit: &[Lit<V>]) -> Result<()> {
        if lit.is_empty() {
            return Ok(());
        }
        debug_assert!(self.last().is_none_or(|last| last < code));
        if self.open_tiles == 0 {
            self.first = code;
        }
        let from = if self.open_tiles == 0 { 0 } else { self.last };
        self.block.clear();
        encode_block(lit, &mut self.block);
        put(&mut self.open, code - from);
        put(&mut self.open, self.block.len() as u64);
        self.open.extend_from_slice(&self.block);
        self.last = code;
        self.open_tiles += 1;
        self.stats.add_tile(lit)?;
        if self.open_tiles >= CHUNK_TILES || self.open.len() >= CHUNK_BYTES {
            self.close()?;
        }
        Ok(())
    }

    /// Appends a chunk that somebody else made of tiles behind those here, whose blocks are of zoom `z`; `lit` is scratch.
    /// `None` where it is none, in which case the part is of no use any more.
    pub fn push_chunk(&mut self, z: u8, bytes: &[u8], lit: &mut Vec<Lit<V>>) -> Result<Option<()>> {
        self.close()?;
        let (mut first, mut last) = (None, self.list.last());
        for tile in ChunkTiles::new(bytes) {
            let Ok((code, block)) = tile else { return Ok(None) };
            lit.clear();
            let ascends = last.is_none_or(|last| last < code) && code >> (2 * u32::from(z)) == 0;
            if !ascends || decode_block(block, lit).is_none() || lit.is_empty() {
                return Ok(None);
            }
            self.stats.add_tile(lit)?;
            first = first.or(Some(code));
            last = Some(code);
        }
        let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
        let bytes = self.list.vault().put(bytes)?;
        self.list.push(Chunk { first, last, bytes })?;
        Ok(Some(()))
    }

    fn close(&mut self) -> Result<()> {
        if self.open_tiles > 0 {
            let bytes = self.list.vault().put(&self.open)?;
            self.list.push(Chunk { first: self.first, last: self.last, bytes })?;
            self.open.clear();
            self.open_tiles = 0;
        }
        Ok(())
    }

    /// The part without the buffers that only further tiles need: what parts are that wait.
    pub fn sealed(mut self) -> Result<Self> {
        self.close()?;
        (self.open, self.block) = Default::default();
        Ok(self)
    }

    /// The chunks and their statistics.
    pub(super) fn into_list(mut self) -> Result<(ChunkList, ZoomStats)> {
        self.close()?;
        Ok((self.list, self.stats))
    }

    /// Appends a part all of whose tiles come after those here.
    pub(super) fn append(&mut self, mut other: Self) -> Result<()> {
        self.close()?;
        other.close()?;
        self.list.append(other.list)?;
        self.stats.merge(&other.stats)?;
        self.sparse_tiles += other.sparse_tiles;
        self.sparse_points += other.sparse_points;
        Ok(())
    }

    /// Code of the first tile of a part that was [sealed](Self::sealed).
    pub(super) fn first(&self) -> Option<u64> {
        self.list.first()
    }

    /// The chunks of a part that was [sealed](Self::sealed).
    pub(super) fn list(&self) -> &ChunkList {
        &self.list
    }

    /// Cuts the part before each of the tiles `at` (ascending), into one part more than there are cuts; their
    /// statistics are unknown.
    pub(super) fn cut(mut self, at: &[u64]) -> Result<Vec<Self>> {
        self.close()?;
        let vault = self.list.vault().clone();
        let mut parts: Vec<Self> = (0..=at.len()).map(|_| Self::in_vault(vault.clone())).collect();
        let mut to = 0;
        for chunk in self.list.drain() {
            let mut chunk = chunk?;
            loop {
                to += at[to..].iter().take_while(|&&cut| cut <= chunk.first).count();
                let Some(&cut) = at.get(to).filter(|&&cut| cut <= chunk.last) else { break };
                let (head, tail) = halves(&vault, chunk, cut)?;
                parts[to].list.push(head)?;
                chunk = tail;
            }
            parts[to].list.push(chunk)?;
        }
        // Empty parts may be left out, and what belongs to no piece alone goes with one that is not.
        if let Some(part) = parts.iter_mut().find(|part| !part.is_empty()) {
            (part.sparse_tiles, part.sparse_points) = (self.sparse_tiles, self.sparse_points);
        }
        Ok(parts)
    }

    /// Adds up parts of zoom `z` in which a tile may be several times; there is at least one, and all lie in one vault. `check` is
    /// asked now and then whether to go on.
    pub(super) fn sum(z: u8, parts: Vec<Self>, check: impl Fn() -> Result<()>) -> Result<Self> {
        let vault = parts.first().map(|part| part.list.vault().clone());
        let mut into = Self::in_vault(vault.ok_or_else(|| Error::Internal("there are no counts to add up".into()))?);
        let mut cursors = Vec::with_capacity(parts.len());
        for part in parts {
            let part = part.sealed()?;
            into.sparse_tiles += part.sparse_tiles;
            into.sparse_points += part.sparse_points;
            let mut cursor = Cursor::new(part);
            if cursor.advance()? {
                cursors.push(cursor);
            }
        }
        let mut next: BinaryHeap<_> = cursors.iter().enumerate().map(|(at, c)| Reverse((c.code, at))).collect();
        let (mut lit, mut more, mut spare) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(&Reverse((code, _))) = next.peek() {
            check()?;
            lit.clear();
            while let Some(mut top) = next.peek_mut().filter(|top| top.0.0 == code) {
                let at = top.0.1;
                if lit.is_empty() {
                    cursors[at].read(z, &mut lit)?;
                } else {
                    more.clear();
                    cursors[at].read(z, &mut more)?;
                    add_lit(&mut lit, &more, &mut spare)?;
                }
                if cursors[at].advance()? {
                    *top = Reverse((cursors[at].code, at));
                } else {
                    PeekMut::pop(top);
                }
            }
            into.push(code, &lit)?;
        }
        into.sealed()
    }
}

/// Cuts a chunk in two before the first tile from `cut` on; the chunk has tiles on either side.
fn halves(vault: &Vault, chunk: Chunk, cut: u64) -> Result<(Chunk, Chunk)> {
    let (first, last) = (chunk.first, chunk.last);
    let bytes = vault.take(chunk.bytes)?;
    let (mut at, mut code) = (0, 0);
    loop {
        let before = at;
        let (next, block) = next_tile(&bytes, &mut at, code)?;
        if next >= cut {
            let mut tail = Vec::with_capacity(bytes.len() - before + 10);
            put(&mut tail, next);
            put(&mut tail, (block.1 - block.0) as u64);
            tail.extend_from_slice(&bytes[block.0..]);
            let head = Chunk { first, last: code, bytes: vault.put(&bytes[..before])? };
            return Ok((head, Chunk { first: next, last, bytes: vault.put(&tail)? }));
        }
        code = next;
    }
}

/// Walks over the tiles of a part, giving each chunk's memory back once it is read.
struct Cursor {
    vault: Arc<Vault>,
    chunks: Drain,
    bytes: Vec<u8>,
    at: usize,
    block: (usize, usize),
    code: u64,
}

impl Cursor {
    fn new<V: Value>(part: CountPart<V>) -> Self {
        let vault = part.list.vault().clone();
        Self { vault, chunks: part.list.drain(), bytes: Vec::new(), at: 0, block: (0, 0), code: 0 }
    }

    /// Steps to the next tile; false at the end.
    fn advance(&mut self) -> Result<bool> {
        if self.at == self.bytes.len() {
            let Some(chunk) = self.chunks.next() else { return Ok(false) };
            self.bytes = self.vault.take(chunk?.bytes)?;
            (self.at, self.code) = (0, 0);
        }
        let (code, block) = next_tile(&self.bytes, &mut self.at, self.code)?;
        (self.code, self.block) = (code, block);
        Ok(true)
    }

    fn read<V: Value>(&self, z: u8, lit: &mut Vec<Lit<V>>) -> Result<()> {
        decode_block(&self.bytes[self.block.0..self.block.1], lit).ok_or_else(|| damaged(z, self.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_names_the_tile_of_its_own_zoom() {
        let mut part = CountPart::<u32>::in_vault(Arc::new(Vault::unbounded()));
        part.push(5, &[Lit { pixel: 7, count: 300 }]).unwrap();
        let mut cursor = Cursor::new(part.sealed().unwrap());
        assert!(cursor.advance().unwrap());
        cursor.bytes.fill(0xff);
        let error = cursor.read::<u32>(9, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("tile 9/3/0 "), "{error}");
    }
}
