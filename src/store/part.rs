//! Counts of tiles as one thread writes them: chunks of blocks in Morton order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use super::chunk::{Chunk, damaged, next_tile, put};
use super::vault::{Kept, Vault};
use crate::counts::{Lit, Value, ZoomStats, add_lit, decode_block, encode_block};
use crate::error::Result;

/// A chunk is closed once it holds this many tiles ...
const CHUNK_TILES: u32 = 64;
/// ... or this many bytes.
const CHUNK_BYTES: usize = 1 << 15;

/// Tiles of one zoom with their counts, in ascending Morton order.
#[derive(Debug, Default)]
pub struct CountPart<V = u32> {
    chunks: Vec<Chunk>,
    open: Vec<u8>,
    block: Vec<u8>,
    open_tiles: u32,
    first: u64,
    last: u64,
    stats: ZoomStats<V>,
    vault: Option<Arc<Vault>>,
    /// Tiles that never became a raster of counts, for the report.
    pub sparse_tiles: u64,
    /// Points of those tiles.
    pub sparse_points: u64,
}

impl<V: Value> CountPart<V> {
    /// A part whose closed chunks wait in `vault`; the default part keeps them in memory.
    pub(super) fn in_vault(vault: Arc<Vault>) -> Self {
        Self { vault: Some(vault), ..Self::default() }
    }

    /// A part of what was one before.
    pub(super) fn from_chunks(chunks: Vec<Chunk>, stats: ZoomStats<V>, vault: Arc<Vault>) -> Self {
        Self { chunks, stats, vault: Some(vault), ..Self::default() }
    }

    /// Whether no tile was pushed.
    pub fn is_empty(&self) -> bool {
        self.stats.tiles == 0
    }

    /// Appends the tile at Morton code `code`, larger than those before; `lit` must be ascending. An empty tile is
    /// left out.
    pub fn push(&mut self, code: u64, lit: &[Lit<V>]) -> Result<()> {
        if lit.is_empty() {
            return Ok(());
        }
        debug_assert!(self.is_empty() || self.last < code);
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

    fn close(&mut self) -> Result<()> {
        if self.open_tiles > 0 {
            let bytes = match &self.vault {
                Some(vault) => vault.put(&self.open)?,
                None => Kept::Memory(self.open.as_slice().into()),
            };
            self.chunks.push(Chunk { first: self.first, last: self.last, bytes });
            self.open.clear();
            self.open_tiles = 0;
        }
        Ok(())
    }

    /// The chunks and their statistics, all of them in `vault`.
    pub(super) fn into_chunks(mut self, vault: &Arc<Vault>) -> Result<(Vec<Chunk>, ZoomStats<V>)> {
        self.close()?;
        if self.vault.as_ref().is_none_or(|own| !Arc::ptr_eq(own, vault)) {
            for chunk in &mut self.chunks {
                let moved = {
                    let bytes = match &self.vault {
                        Some(own) => own.get(&chunk.bytes)?,
                        None => Vault::unbounded().get(&chunk.bytes)?.into_owned().into(),
                    };
                    vault.put(&bytes)?
                };
                chunk.bytes = moved;
            }
        }
        Ok((self.chunks, self.stats))
    }

    /// Adds up parts of zoom `z` in which a tile may be several times, into the empty part `into`.
    pub fn sum(z: u8, parts: Vec<Self>, mut into: Self) -> Result<Self> {
        let mut cursors = Vec::with_capacity(parts.len());
        for mut part in parts {
            part.close()?;
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
            lit.clear();
            while let Some(mut top) = next.peek_mut().filter(|top| top.0.0 == code) {
                let at = top.0.1;
                more.clear();
                cursors[at].read(z, &mut more)?;
                add_lit(&mut lit, &more, &mut spare)?;
                if cursors[at].advance()? {
                    *top = Reverse((cursors[at].code, at));
                } else {
                    PeekMut::pop(top);
                }
            }
            into.push(code, &lit)?;
        }
        Ok(into)
    }
}

/// Walks over the tiles of a part, giving each chunk's memory back once it is read.
struct Cursor {
    vault: Arc<Vault>,
    chunks: std::vec::IntoIter<Chunk>,
    bytes: Vec<u8>,
    at: usize,
    block: (usize, usize),
    code: u64,
}

impl Cursor {
    fn new<V: Value>(part: CountPart<V>) -> Self {
        Self {
            vault: part.vault.unwrap_or_else(|| Arc::new(Vault::unbounded())),
            chunks: part.chunks.into_iter(),
            bytes: Vec::new(),
            at: 0,
            block: (0, 0),
            code: 0,
        }
    }

    /// Steps to the next tile; false at the end.
    fn advance(&mut self) -> Result<bool> {
        if self.at == self.bytes.len() {
            let Some(chunk) = self.chunks.next() else { return Ok(false) };
            self.bytes = self.vault.get(&chunk.bytes)?.into_owned();
            self.vault.forget(chunk.bytes);
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
