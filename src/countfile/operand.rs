//! The tiles of one file among those that are added up, one after the other: of a zoom that it keeps, or made of the next one
//! that it does.

use std::ops::Range;

use super::layout::{CHUNK_MOST, ChunkAt};
use super::read::{CountFile, Unpacker};
use super::rise::{families, rise, settle};
use super::write::kept_zooms;
use crate::counts::{Lit, Value, decode_block, varint};
use crate::error::{Error, Result};
use crate::tile::TileCoord;

/// A file beside its place among those that are added or taken out.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) file: &'a CountFile,
    /// Its plane.
    pub(super) plane: u16,
    pub(super) minus: bool,
}

impl Operand<'_> {
    /// The zoom that is read for zoom `z`.
    pub(super) fn from(&self, z: u8) -> Result<u8> {
        let kept = kept_zooms(self.file.about().zoom).filter(|kept| *kept >= z).last();
        kept.ok_or_else(|| self.file.wrong(&format!("has no zoom {z}")))
    }
}

/// The tiles of zoom `z` of one operand, one after the other.
pub(super) struct Tiles<'a, V> {
    pub(super) operand: Operand<'a>,
    from: u8,
    levels: u8,
    codes: Range<u64>,
    chunks: &'a [ChunkAt],
    next_first: Option<u64>,
    unpacker: Unpacker,
    frame: Vec<u8>,
    bytes: Vec<u8>,
    at: usize,
    /// The last tile of the zoom that is read.
    last: u64,
    /// One that was read, and belongs to the next tile.
    waiting: Option<(u64, (usize, usize))>,
    block: Option<(usize, usize)>,
    own: Vec<Lit<V>>,
    /// The tile at hand.
    pub(super) code: u64,
    pub(super) lit: Vec<Lit<V>>,
}

impl<'a, V: Value> Tiles<'a, V> {
    pub(super) fn new(
        operand: Operand<'a>,
        z: u8,
        (chunks, next_first): (&'a [ChunkAt], Option<u64>),
        codes: &Range<u64>,
    ) -> Result<Self> {
        let from = operand.from(z)?;
        Ok(Self {
            operand,
            from,
            levels: from - z,
            codes: codes.clone(),
            chunks,
            next_first,
            unpacker: Unpacker::new()?,
            frame: Vec::new(),
            bytes: Vec::new(),
            at: 0,
            last: 0,
            waiting: None,
            block: None,
            own: Vec::new(),
            code: 0,
            lit: Vec::new(),
        })
    }

    /// The block of the tile at hand, where it is one of the file.
    pub(super) fn block(&self) -> Option<&[u8]> {
        self.block.and_then(|(from, to)| self.bytes.get(from..to))
    }

    fn damaged(&self, code: u64) -> Error {
        self.operand.file.damaged(self.from, code, Some(code + 1))
    }

    /// The next tile of the zoom that is read, and its block; `None` at the end.
    fn step(&mut self) -> Result<Option<(u64, (usize, usize))>> {
        if let Some(waiting) = self.waiting.take() {
            return Ok(Some(waiting));
        }
        let levels = 2 * u32::from(self.levels);
        loop {
            if self.at == self.bytes.len() {
                let Some((chunk, rest)) = self.chunks.split_first() else { return Ok(None) };
                self.chunks = rest;
                let file = self.operand.file;
                let frame = file.frames(std::slice::from_ref(chunk), &mut self.frame)?;
                let next = rest.first().map(|chunk| chunk.first).or(self.next_first);
                let damaged = || file.damaged(self.from, chunk.first, next);
                let bytes = self.unpacker.unpack(frame, CHUNK_MOST).ok_or_else(damaged)?;
                self.bytes.clear();
                self.bytes.extend_from_slice(bytes);
                (self.at, self.last) = (0, 0);
                let mut at = 0;
                if varint::take(&self.bytes, &mut at) != Some(chunk.first) {
                    return Err(damaged());
                }
            }
            let begin = self.at;
            let head = |at: &mut usize| {
                let step = varint::take(&self.bytes, at)?;
                let len = usize::try_from(varint::take(&self.bytes, at)?).ok()?;
                let to = at.checked_add(len).filter(|to| *to <= self.bytes.len())?;
                let code = self.last.checked_add(step)?;
                (begin == 0 || step > 0).then_some((code, (*at, to)))
            };
            let mut at = begin;
            let (code, block) = head(&mut at).ok_or_else(|| self.damaged(self.last))?;
            (self.at, self.last) = (block.1, code);
            if code >> (2 * u32::from(self.from)) != 0 {
                return Err(self.damaged(code));
            }
            if code >> levels >= self.codes.end {
                self.chunks = &[];
                self.at = self.bytes.len();
                return Ok(None);
            }
            if code >> levels >= self.codes.start {
                return Ok(Some((code, block)));
            }
        }
    }

    /// Steps to the next tile; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool> {
        let Some((code, block)) = self.step()? else { return Ok(false) };
        self.lit.clear();
        if self.levels == 0 {
            (self.code, self.block) = (code, Some(block));
            decode(&self.bytes[block.0..block.1], &mut self.lit).ok_or_else(|| self.damaged(code))?;
            return Ok(true);
        }
        let levels = 2 * u32::from(self.levels);
        self.code = code >> levels;
        let mut families = families(self.levels);
        let mut next = Some((code, block));
        while let Some((code, block)) = next {
            if code >> levels != self.code {
                // Its block stays where it is: the chunk is read on only when it is used up.
                self.waiting = Some((code, block));
                break;
            }
            self.own.clear();
            decode(&self.bytes[block.0..block.1], &mut self.own).ok_or_else(|| self.damaged(code))?;
            let lit = &mut self.lit;
            rise(&mut families, 0, code, &self.own, &mut |_, _, pixels, top| {
                if top {
                    lit.extend_from_slice(pixels);
                }
                Ok(())
            })?;
            next = self.step()?;
        }
        let lit = &mut self.lit;
        settle(&mut families, &mut |_, _, pixels, top| {
            if top {
                lit.extend_from_slice(pixels);
            }
            Ok(())
        })?;
        Ok(true)
    }

    pub(super) fn not_there(&self, tile: TileCoord) -> Error {
        self.operand
            .file
            .wrong(&format!("has counts in tile {tile} that are not there to be taken out; name files that were added"))
    }
}

fn decode<V: Value>(block: &[u8], lit: &mut Vec<Lit<V>>) -> Option<()> {
    decode_block(block, lit).filter(|()| !lit.is_empty())
}

/// Takes counts out of `lit`; `None` where they are not there.
pub(super) fn take_out<V: Value>(
    lit: &mut Vec<Lit<V>>,
    less: &[Lit<V>],
    spare: &mut Vec<Lit<V>>,
) -> Option<Result<()>> {
    spare.clear();
    let mut rest = less.iter().peekable();
    for l in lit.iter() {
        if rest.peek().is_some_and(|m| m.pixel < l.pixel) {
            return None;
        }
        let Some(m) = rest.next_if(|m| m.pixel == l.pixel) else {
            spare.push(*l);
            continue;
        };
        let count = l.count.count().checked_sub(m.count.count())?;
        let Some(sum) = l.count.sum().checked_sub(m.count.sum()) else {
            return Some(Err(crate::counts::sum_overflow()));
        };
        match (count, sum) {
            (0, 0) => (),
            (0, _) => return None,
            _ => spare.push(Lit { pixel: l.pixel, count: V::new(count, sum) }),
        }
    }
    if rest.next().is_some() {
        return None;
    }
    std::mem::swap(lit, spare);
    Some(Ok(()))
}
