//! The chunks of one zoom or of a part of one, in Morton order. What is known of each chunk takes about as many bytes
//! as a tile of few points does, so it is kept in pages: a page whose chunks all lie in the vault's file follows them
//! there when memory is used up, and only its place stays.

use std::ops::Range;
use std::sync::Arc;

use super::chunk::{Chunk, Found};
use super::vault::{Place, Vault};
use crate::error::{Error, Result};

/// Chunks of a full page.
const PAGE: usize = 128;
/// Bytes of a chunk's entry in memory.
const ENTRY: u64 = size_of::<Chunk>() as u64;
/// Bytes of a chunk's entry in the file: first and last code, offset, length.
const WRITTEN: usize = 28;

#[derive(Debug)]
struct Page {
    first: u64,
    last: u64,
    /// Chunks in the pages before it.
    before: usize,
    chunks: Chunks,
}

#[derive(Debug)]
enum Chunks {
    Memory(Box<[Chunk]>),
    File { offset: u64, len: usize },
}

impl Chunks {
    fn len(&self) -> usize {
        match self {
            Self::Memory(chunks) => chunks.len(),
            Self::File { len, .. } => *len,
        }
    }
}

/// Chunks in ascending order. What it holds is given back to the vault when it is dropped.
#[derive(Debug)]
pub(super) struct ChunkList {
    vault: Arc<Vault>,
    pages: Vec<Page>,
    /// Chunks of the page that is not full yet.
    open: Vec<Chunk>,
    last: Option<u64>,
    /// Bytes of the largest chunk so far.
    widest: usize,
}

impl ChunkList {
    /// No chunks yet; those to come lie in `vault`.
    pub(super) fn new(vault: Arc<Vault>) -> Self {
        Self { vault, pages: Vec::new(), open: Vec::new(), last: None, widest: 0 }
    }

    /// Where its chunks lie.
    pub(super) fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Number of chunks.
    pub(super) fn len(&self) -> usize {
        self.paged() + self.open.len()
    }

    /// Chunks in pages.
    fn paged(&self) -> usize {
        self.pages.last().map_or(0, |page| page.before + page.chunks.len())
    }

    /// Code of the first tile.
    pub(super) fn first(&self) -> Option<u64> {
        self.pages.first().map(|page| page.first).or_else(|| self.open.first().map(|chunk| chunk.first))
    }

    /// Code of the last tile.
    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Bytes of the largest chunk there ever was.
    pub(super) fn widest(&self) -> usize {
        self.widest
    }

    /// Appends a chunk whose tiles come after those before. Fails where they do not.
    pub(super) fn push(&mut self, chunk: Chunk) -> Result<()> {
        self.follow(chunk.first, chunk.last)?;
        self.widest = self.widest.max(chunk.bytes.len());
        self.open.push(chunk);
        if self.open.len() >= PAGE { self.turn() } else { Ok(()) }
    }

    fn follow(&mut self, first: u64, last: u64) -> Result<()> {
        if self.last.is_some_and(|before| before >= first) {
            return Err(Error::Internal(format!("tile {first} was counted twice, or after tiles that follow it")));
        }
        self.last = Some(last);
        Ok(())
    }

    /// Makes a page of the open chunks.
    fn turn(&mut self) -> Result<()> {
        let (Some(first), Some(last)) = (self.open.first().map(|c| c.first), self.open.last().map(|c| c.last)) else {
            return Ok(());
        };
        let before = self.paged();
        let bytes = ENTRY * self.open.len() as u64;
        let in_memory = self.vault.hold(bytes);
        let chunks = match written(&self.open) {
            Some(written) if !in_memory => {
                let chunks = Chunks::File { offset: self.vault.write(&written)?, len: self.open.len() };
                self.open.clear();
                chunks
            }
            _ => {
                if !in_memory {
                    // No more than a share of what its chunks take.
                    self.vault.hold_anyway(bytes);
                }
                Chunks::Memory(std::mem::take(&mut self.open).into_boxed_slice())
            }
        };
        self.pages.push(Page { first, last, before, chunks });
        Ok(())
    }

    /// Appends the chunks of `other`, all of whose tiles come after those here and lie in the same vault. Fails where
    /// they do not.
    pub(super) fn append(&mut self, mut other: Self) -> Result<()> {
        if !Arc::ptr_eq(&self.vault, &other.vault) {
            return Err(Error::Internal("counts of two vaults were put together".into()));
        }
        self.widest = self.widest.max(other.widest);
        if !other.pages.is_empty() {
            self.turn()?;
            let mut before = self.paged();
            for mut page in std::mem::take(&mut other.pages) {
                self.follow(page.first, page.last)?;
                page.before = before;
                before += page.chunks.len();
                self.pages.push(page);
            }
        }
        std::mem::take(&mut other.open).into_iter().try_for_each(|chunk| self.push(chunk))
    }

    /// The chunk at a place.
    pub(super) fn get(&self, at: usize) -> Result<Option<Found<'_>>> {
        if let Some(open) = at.checked_sub(self.paged()) {
            return Ok(self.open.get(open).map(Chunk::found));
        }
        let page = self.pages.partition_point(|page| page.before + page.chunks.len() <= at);
        let Some(page) = self.pages.get(page) else { return Ok(None) };
        match &page.chunks {
            Chunks::Memory(chunks) => Ok(chunks.get(at - page.before).map(Chunk::found)),
            Chunks::File { offset, .. } => {
                let mut entry = [0; WRITTEN];
                self.vault.read(&mut entry, offset + ((at - page.before) * WRITTEN) as u64)?;
                read(&entry).map(Some)
            }
        }
    }

    /// The chunk that a tile lies in, if it is there.
    pub(super) fn find(&self, code: u64) -> Result<Option<Found<'_>>> {
        let page = self.pages.partition_point(|page| page.last < code);
        let within = |chunks: &[Chunk]| chunks.partition_point(|chunk| chunk.last < code);
        let found = match self.pages.get(page).map(|page| &page.chunks) {
            None => self.open.get(within(&self.open)).map(Chunk::found),
            Some(Chunks::Memory(chunks)) => chunks.get(within(chunks)).map(Chunk::found),
            Some(&Chunks::File { offset, len }) => {
                let mut entries = vec![0; len * WRITTEN];
                self.vault.read(&mut entries, offset)?;
                let entries: Vec<Found<'_>> = entries.chunks_exact(WRITTEN).map(read).collect::<Result<_>>()?;
                entries.get(entries.partition_point(|chunk| chunk.last < code)).copied()
            }
        };
        Ok(found.filter(|chunk| chunk.first <= code))
    }

    /// The places of the chunks that may hold a tile with a code in that range.
    pub(super) fn within(&self, codes: Range<u64>) -> Result<Range<usize>> {
        let page = self.pages.partition_point(|page| page.last < codes.start);
        let from = self.search(self.page(page), |chunk| chunk.last < codes.start)?;
        // The last page that begins before the end.
        let page = self.pages.partition_point(|page| page.first < codes.end);
        let open = page == self.pages.len() && self.open.first().is_some_and(|chunk| chunk.first < codes.end);
        let last = if open { self.page(page) } else { self.page(page.saturating_sub(1)) };
        let to = self.search(last, |chunk| chunk.first < codes.end)?;
        Ok(from..to.max(from))
    }

    /// The places of a page's chunks; after the last page come those of the open one.
    fn page(&self, page: usize) -> Range<usize> {
        match self.pages.get(page) {
            Some(page) => page.before..page.before + page.chunks.len(),
            None => self.paged()..self.len(),
        }
    }

    /// The first of these places whose chunk is not `before`, or their end.
    fn search(&self, places: Range<usize>, before: impl Fn(&Found<'_>) -> bool) -> Result<usize> {
        let (mut from, mut to) = (places.start, places.end);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.get(middle)?.is_some_and(|chunk| before(&chunk)) { from = middle + 1 } else { to = middle }
        }
        Ok(from)
    }

    /// Where chunks begin, all those in memory and one of each page in the file: places to cut between.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = u64> + '_ {
        let pages = self.pages.iter().flat_map(|page| {
            let chunks: &[Chunk] = if let Chunks::Memory(chunks) = &page.chunks { chunks } else { &[] };
            let alone = chunks.is_empty().then_some(page.first);
            alone.into_iter().chain(chunks.iter().map(|chunk| chunk.first))
        });
        pages.chain(self.open.iter().map(|chunk| chunk.first))
    }

    /// Takes the chunks out one by one.
    pub(super) fn drain(mut self) -> Drain {
        let pages = std::mem::take(&mut self.pages).into_iter();
        let open = std::mem::take(&mut self.open);
        Drain { vault: self.vault.clone(), pages, chunks: Vec::new().into_iter(), open: Some(open) }
    }
}

impl Drop for ChunkList {
    fn drop(&mut self) {
        for page in self.pages.drain(..) {
            forget(&self.vault, page);
        }
        self.open.drain(..).for_each(|chunk| self.vault.forget(chunk.bytes));
    }
}

fn forget(vault: &Vault, page: Page) {
    if let Chunks::Memory(chunks) = page.chunks {
        vault.release(ENTRY * chunks.len() as u64);
        chunks.into_iter().for_each(|chunk| vault.forget(chunk.bytes));
    }
}

/// Chunks on their way out of a [`ChunkList`]. Those that are not asked for are given back to the vault.
pub(super) struct Drain {
    vault: Arc<Vault>,
    pages: std::vec::IntoIter<Page>,
    chunks: std::vec::IntoIter<Chunk>,
    open: Option<Vec<Chunk>>,
}

impl Iterator for Drain {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(chunk) = self.chunks.next() {
                return Some(Ok(chunk));
            }
            let Some(page) = self.pages.next() else {
                self.chunks = self.open.take()?.into_iter();
                continue;
            };
            match page.chunks {
                Chunks::Memory(chunks) => {
                    self.vault.release(ENTRY * chunks.len() as u64);
                    self.chunks = chunks.into_vec().into_iter();
                }
                Chunks::File { offset, len } => {
                    let mut entries = vec![0; len * WRITTEN];
                    let chunks = self.vault.read(&mut entries, offset).and_then(|()| {
                        entries.chunks_exact(WRITTEN).map(|entry| read(entry)?.kept()).collect::<Result<Vec<_>>>()
                    });
                    match chunks {
                        Ok(chunks) => self.chunks = chunks.into_iter(),
                        Err(error) => return Some(Err(error)),
                    }
                }
            }
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        self.chunks.by_ref().for_each(|chunk| self.vault.forget(chunk.bytes));
        self.pages.by_ref().for_each(|page| forget(&self.vault, page));
        self.open.take().into_iter().flatten().for_each(|chunk| self.vault.forget(chunk.bytes));
    }
}

/// The entries of chunks as they are written; `None` where one of them is in memory.
fn written(chunks: &[Chunk]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(chunks.len() * WRITTEN);
    for chunk in chunks {
        let Place::File { offset, len } = chunk.place() else { return None };
        bytes.extend_from_slice(&chunk.first.to_le_bytes());
        bytes.extend_from_slice(&chunk.last.to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(len).ok()?.to_le_bytes());
    }
    Some(bytes)
}

/// An entry as [`written`] wrote it.
fn read(entry: &[u8]) -> Result<Found<'static>> {
    let damaged = || Error::Internal("the list of chunks of counts is damaged".into());
    let number = |at: usize| {
        let bytes = entry.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)?;
        Ok::<_, Error>(u64::from_le_bytes(bytes))
    };
    let len = entry.get(24..28).and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)?;
    let place = Place::File { offset: number(16)?, len: u32::from_le_bytes(len) as usize };
    Ok(Found { first: number(0)?, last: number(8)?, place })
}
