//! Tiles of 512 pixels a side: each is four neighbours of the next zoom side by side. Those come from many threads in no
//! order, and which of them there are is known only when all have come; until then they wait, packed, and are put side by
//! side at the end of their zoom.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};

use rayon::prelude::*;

use super::colours::ColourSink;
use super::sink::{EncodingSink, LargePixels};
use crate::backend::Memory;
use crate::container::{Form, TileSize};
use crate::error::{Error, Result};
use crate::shade::{ShadeTable, SpreadOn, Style};
use crate::store::{Parcel, Parcels, Sent};
use crate::tile::{LARGE_SIDE, LargeTile, TILE_SIDE, TileCoord, TileIndices, ZoomRange, corner};

/// Pixels of a word: what is packed together.
const WORD: usize = 8;
const SIDE: usize = TILE_SIDE as usize;
const LARGE: usize = LARGE_SIDE as usize;
/// Most bytes of the list of what waits that lie in memory.
const INDEX: u64 = 32 << 20;
/// Tiles that are put together at a time on each thread.
const BATCH: usize = 64;

/// Joins tiles, and hands them on.
pub(super) struct JoiningSink<'a> {
    sink: EncodingSink<'a>,
    /// Zooms of the tiles that are made.
    zooms: ZoomRange,
    size: TileSize,
    /// The colour of what is not drawn, where tiles have colours of their own, and whether they have.
    ground: [u8; 4],
    coloured: bool,
    memory: Memory,
    /// Those of the zoom that is being painted, and tiles that were written as they are, which get one of twice the pixels
    /// whatever there is of the next zoom.
    waiting: RwLock<(Parcels, Parcels)>,
}

/// How a tile is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packed {
    /// Lit pixels: place and index.
    Pixels = 0,
    /// Words with a lit pixel: place and eight indices.
    Words = 1,
    /// The same with indices of two bytes.
    WidePixels = 2,
    WideWords = 3,
    /// Words that are not all ground: place and eight colours.
    Colours = 4,
    /// No pixel.
    Nothing = 5,
}

impl<'a> JoiningSink<'a> {
    /// A sink for tiles of `zooms` in this form and style over `sink`.
    pub(super) fn new(sink: EncodingSink<'a>, (zooms, form): (ZoomRange, Form), style: &Style, memory: Memory) -> Self {
        let ground = style.background.map_or([0; 4], |[r, g, b]| [r, g, b, 255]);
        let coloured = style.spread_on == SpreadOn::Colours;
        let waiting = RwLock::new((parcels(&memory), parcels(&memory)));
        Self { sink, zooms, size: form.size, ground, coloured, memory, waiting }
    }

    /// What is beneath.
    pub(super) fn into_sink(self) -> EncodingSink<'a> {
        self.sink
    }

    /// Whether tiles of zoom `z` are written as they are.
    fn writes(&self, z: u8) -> bool {
        self.size == TileSize::Usual && self.zooms.contains(z)
    }

    /// Whether tiles of zoom `z` are joined.
    fn joins(&self, z: u8) -> bool {
        z.checked_sub(1).is_some_and(|z| self.zooms.contains(z))
    }

    fn keep(&self, tile: TileCoord, pack: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let waiting = self.waiting.read().unwrap_or_else(PoisonError::into_inner);
        if self.joins(tile.z) {
            waiting.0.put(tile.morton(), pack)?;
        }
        if self.writes(tile.z) {
            waiting.1.put(tile.morton() << 2, |to| to.push(Packed::Nothing as u8))?;
        }
        Ok(())
    }

    /// Puts the quarters of one tile side by side.
    fn join(&self, sent: &Sent, (tile, quarters): &(TileCoord, Vec<Parcel>), table: &ShadeTable) -> Result<()> {
        thread_local! {
            static BUFFERS: RefCell<(LargeTile, Vec<[u8; 4]>, Vec<u8>)> = RefCell::default();
        }
        BUFFERS.with_borrow_mut(|(pixels, colours, packed)| {
            let twice = self.size == TileSize::Usual;
            // Tiles of a zoom that is written as it is were told of then.
            let pictures = quarters.iter().filter(|quarter| quarter.bytes() > 1).count();
            let done = if self.writes(tile.z + 1) { 0 } else { pictures as u64 };
            pixels.clear();
            let mut coloured = false;
            for &parcel in quarters {
                sent.read(parcel, packed)?;
                let (&kind, rest) = packed.split_first().ok_or_else(damaged)?;
                let quarter = (parcel.key & 3) as usize;
                let kind = Packed::of(kind).ok_or_else(damaged)?;
                if kind == Packed::Nothing {
                    // Of colours that are spread only the ground is known here.
                    if self.coloured {
                        ground_of(self.ground, &mut coloured, colours);
                    }
                    continue;
                }
                if matches!(kind, Packed::Pixels | Packed::Words) {
                    add_indices(kind, rest, quarter, pixels);
                    continue;
                }
                let ground = if kind == Packed::Colours { Some(&self.ground) } else { table.palette.first() };
                ground_of(ground.copied().unwrap_or_default(), &mut coloured, colours);
                add_colours(kind, rest, corner(quarter), &table.palette, colours);
            }
            let large = if coloured { LargePixels::Colours(colours) } else { LargePixels::Indices(pixels, table) };
            self.sink.put_large(*tile, large, twice, done)
        })
    }
}

impl ColourSink for JoiningSink<'_> {
    fn put(&self, table: &ShadeTable, tile: TileCoord, indices: TileIndices<'_>) -> Result<()> {
        if self.writes(tile.z) {
            self.sink.put(table, tile, indices)?;
        }
        self.keep(tile, |to| pack(indices, to))
    }

    fn put_colours(&self, tile: TileCoord, colours: &[[u8; 4]]) -> Result<()> {
        if self.writes(tile.z) {
            self.sink.put_colours(tile, colours)?;
        }
        self.keep(tile, |to| {
            to.push(Packed::Colours as u8);
            let words = colours.as_chunks::<WORD>().0;
            for (word, at) in words.iter().zip(0u16..).filter(|(word, _)| **word != [self.ground; WORD]) {
                to.extend(at.to_le_bytes());
                to.extend(word.as_flattened());
            }
        })
    }

    fn end(&self, z: u8, table: &ShadeTable) -> Result<()> {
        let waiting = {
            let mut all = self.waiting.write().unwrap_or_else(PoisonError::into_inner);
            let next = std::mem::replace(&mut all.1, parcels(&self.memory));
            std::mem::replace(&mut all.0, next)
        };
        if !self.joins(z) {
            return Ok(());
        }
        let sent = waiting.close()?;
        let mut order = sent.order()?.peekable();
        let most = BATCH * rayon::current_num_threads();
        let mut batch: Vec<(TileCoord, Vec<Parcel>)> = Vec::with_capacity(most);
        loop {
            let next = order.next().transpose()?;
            let tile = next.map(|parcel| TileCoord::from_morton(z - 1, parcel.key >> 2));
            match (next, batch.last_mut()) {
                (Some(parcel), Some((last, quarters))) if tile == Some(*last) => {
                    quarters.push(parcel);
                    continue;
                }
                _ => {}
            }
            if batch.len() == most || next.is_none() {
                batch.par_iter().try_for_each(|tile| self.join(&sent, tile, table))?;
                batch.clear();
            }
            let Some((parcel, tile)) = next.zip(tile) else { return Ok(()) };
            batch.push((tile, vec![parcel]));
        }
    }
}

/// Makes all pixels ground, once.
fn ground_of(ground: [u8; 4], coloured: &mut bool, colours: &mut Vec<[u8; 4]>) {
    if !std::mem::replace(coloured, true) {
        colours.clear();
        colours.resize(LARGE * LARGE, ground);
    }
}

fn parcels(memory: &Memory) -> Parcels {
    Parcels::new(memory.vault(), memory.index().min(INDEX))
}

fn damaged() -> Error {
    Error::Internal("tiles that waited are damaged".into())
}

impl Packed {
    fn of(kind: u8) -> Option<Self> {
        [Self::Pixels, Self::Words, Self::WidePixels, Self::WideWords, Self::Colours, Self::Nothing]
            .get(usize::from(kind))
            .copied()
    }
}

fn pack(indices: TileIndices<'_>, to: &mut Vec<u8>) {
    match indices {
        TileIndices::Lit(list) => {
            to.push(Packed::Pixels as u8);
            list.iter().for_each(|&(pixel, index)| {
                let [a, b] = pixel.to_le_bytes();
                to.extend([a, b, index]);
            });
        }
        TileIndices::Raster(pixels) => words(pixels, |_| true, to),
        TileIndices::Words { pixels, words: lit } => {
            words(pixels, |word| lit[word / (SIDE / WORD)] >> (word % (SIDE / WORD)) & 1 != 0, to);
        }
        TileIndices::WideLit(list) => {
            to.push(Packed::WidePixels as u8);
            list.iter()
                .for_each(|&(pixel, index)| to.extend([pixel.to_le_bytes(), index.to_le_bytes()].as_flattened()));
        }
        TileIndices::WideRaster(pixels) => {
            to.push(Packed::WideWords as u8);
            let words = pixels.as_chunks::<WORD>().0.iter().zip(0u16..);
            for (word, at) in words.filter(|(word, _)| **word != [0; WORD]) {
                to.extend(at.to_le_bytes());
                word.iter().for_each(|index| to.extend(index.to_le_bytes()));
            }
        }
    }
}

/// The words of a raster that are lit, of those that may be.
fn words(pixels: &[u8], may: impl Fn(usize) -> bool, to: &mut Vec<u8>) {
    to.push(Packed::Words as u8);
    for (at, word) in pixels.as_chunks::<WORD>().0.iter().enumerate() {
        if may(at) && u64::from_ne_bytes(*word) != 0 {
            to.extend((at as u16).to_le_bytes());
            to.extend(word);
        }
    }
}

fn add_indices(kind: Packed, packed: &[u8], quarter: usize, pixels: &mut LargeTile) {
    if kind == Packed::Words {
        for &[a, b, ref word @ ..] in packed.as_chunks::<{ 2 + WORD }>().0 {
            pixels.add_word(quarter, u16::from_le_bytes([a, b]), *word);
        }
    } else {
        for &[a, b, index] in packed.as_chunks::<3>().0 {
            pixels.add_pixel(quarter, u16::from_le_bytes([a, b]), index);
        }
    }
}

/// Adds a quarter to colours, the first pixel of which is at `corner`.
fn add_colours(kind: Packed, packed: &[u8], corner: usize, palette: &[[u8; 4]], colours: &mut [[u8; 4]]) {
    let colour = |index: [u8; 2]| palette.get(usize::from(u16::from_le_bytes(index))).copied().unwrap_or_default();
    let place = |pixel: usize| corner + pixel / SIDE * LARGE + pixel % SIDE;
    let mut put = |pixel: usize, colour: [u8; 4]| {
        if let Some(to) = colours.get_mut(place(pixel)) {
            *to = colour;
        }
    };
    match kind {
        Packed::WidePixels => {
            for &[a, b, c, d] in packed.as_chunks::<4>().0 {
                put(u16::from_le_bytes([a, b]).into(), colour([c, d]));
            }
        }
        Packed::WideWords => {
            for &[a, b, ref word @ ..] in packed.as_chunks::<{ 2 + 2 * WORD }>().0 {
                let first = usize::from(u16::from_le_bytes([a, b])) * WORD;
                word.as_chunks::<2>().0.iter().enumerate().for_each(|(k, index)| put(first + k, colour(*index)));
            }
        }
        _ => {
            for &[a, b, ref word @ ..] in packed.as_chunks::<{ 2 + 4 * WORD }>().0 {
                let first = usize::from(u16::from_le_bytes([a, b])) * WORD;
                word.as_chunks::<4>().0.iter().enumerate().for_each(|(k, colour)| put(first + k, *colour));
            }
        }
    }
}
