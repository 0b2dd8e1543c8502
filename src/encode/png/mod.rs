//! The PNG of one tile: 256x256 or 512x512, indexed, filter 0, with the bit depth and the palette cut to what it uses.
//! Heat-map tiles are mostly empty, so a tile with few lit pixels goes from their list straight to deflate tokens,
//! and the rest takes one pass over the rows. Which of the two is decided by the pixels, never by the form they
//! arrive in: the bytes are a function of the pixels alone, and every backend writes the same file. Full colour
//! (`truecolor`) is for those who need every one of a zoom's colours exactly, and leaves the work to a library.

mod bells;
mod bits;
mod checksum;
mod deflate;
mod huffman;
mod list;
mod raster;
mod tokens;
mod truecolor;

use crate::tile::{LARGE_SIDE, LargeTile, TILE_PIXELS, TILE_SIDE, TileIndices};
use bells::Bells;
use deflate::{Deflate, Stream};
use list::Place;
use raster::Rows;
use tokens::{Counts, Tokens};
pub use truecolor::{encode_colours, encode_truecolor};

/// One in so many pixels is lit at most where a tile goes by list: about where that takes as long as a pass over the rows.
const LIST_SHARE: usize = 16;
const SIDE: usize = TILE_SIDE as usize;
const LARGE: usize = LARGE_SIDE as usize;

/// Buffers kept from tile to tile.
#[derive(Debug, Default)]
pub struct Scratch {
    lit: Vec<(u16, u8)>,
    raster: Vec<u8>,
    /// A raster that is dark between two tiles.
    dark: Vec<u8>,
    work: Work<SIDE>,
    large: Option<Box<Large>>,
}

/// The same for tiles of 512 pixels a side; made when there is one.
#[derive(Debug, Default)]
struct Large {
    lit: Vec<(u32, u8)>,
    work: Work<LARGE>,
}

/// What all tiles of a size are made with.
#[derive(Debug)]
struct Work<const SIDE: usize> {
    rows: Rows<SIDE>,
    bells: Bells<SIDE>,
    tokens: Tokens,
    deflate: Deflate,
}

impl<const SIDE: usize> Default for Work<SIDE> {
    fn default() -> Self {
        Self {
            rows: Rows::default(),
            bells: Bells::default(),
            tokens: Tokens::of(Depth::Eight.size(SIDE)),
            deflate: Deflate::default(),
        }
    }
}

/// Bits of one pixel in the file, and from it the form of the data: rows of one filter byte and the packed pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    One = 1,
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Depth {
    /// The least depth that holds `largest`.
    fn holding(largest: u8) -> Self {
        match largest {
            0..2 => Self::One,
            2..4 => Self::Two,
            4..16 => Self::Four,
            _ => Self::Eight,
        }
    }

    /// Bytes of one row of `side` pixels, its filter byte included.
    const fn stride(self, side: usize) -> usize {
        1 + side * self as usize / 8
    }

    /// Bytes of as many rows.
    const fn size(self, side: usize) -> usize {
        side * self.stride(side)
    }
}

/// Replaces the contents of `out` by the PNG of `indices`. An index beyond the palette would be a bug of the caller;
/// it is drawn black.
pub fn encode(indices: TileIndices<'_>, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Scratch { lit, raster, work, .. } = scratch;
    match indices {
        TileIndices::Lit(list) if list.len() <= TILE_PIXELS / LIST_SHARE => work.encode_list(list, palette, out),
        TileIndices::Lit(list) => {
            raster.clear();
            raster.resize(TILE_PIXELS, 0);
            list.iter().for_each(|&(pixel, index)| raster[usize::from(pixel)] = index);
            work.encode_rows::<false>(raster, palette, out);
        }
        TileIndices::Raster(pixels) | TileIndices::Words { pixels, .. } => {
            if raster::lit(pixels) <= TILE_PIXELS / LIST_SHARE {
                raster::list(pixels, |pixel| pixel as u16, lit);
                work.encode_list(lit, palette, out);
            } else {
                work.encode_rows::<false>(pixels, palette, out);
            }
        }
        // Never made for a palette of 255 colours; drawn all the same, a colour too many in the last one's place.
        TileIndices::WideRaster(_) | TileIndices::WideLit(_) => {
            raster.clear();
            raster.resize(TILE_PIXELS, 0);
            indices.for_each_lit(|pixel, index| raster[usize::from(pixel)] = index.min(255) as u8);
            work.encode_rows::<false>(raster, palette, out);
        }
    }
}

/// The same for the tiles of bells: smaller, because what is alike is said once, wherever it stands.
pub fn encode_smooth(indices: TileIndices<'_>, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Scratch { dark, work, .. } = scratch;
    match indices {
        TileIndices::Raster(pixels) => {
            work.bells.find(pixels);
            return work.encode_bells(pixels, palette, out);
        }
        TileIndices::Words { pixels, words } => {
            work.bells.find_in(pixels, words.iter().map(|&may| may.into()));
            return work.encode_bells(pixels, palette, out);
        }
        _ => {}
    }
    dark.resize(TILE_PIXELS, 0);
    indices.for_each_lit(|pixel, index| dark[usize::from(pixel)] = index.min(255) as u8);
    work.bells.find(dark);
    work.encode_bells(dark, palette, out);
    work.bells.darken(dark);
}

/// Replaces the contents of `out` by the PNG of a tile of 512 pixels a side, by [`encode_smooth`] where it is `smooth`, else
/// by [`encode`].
pub fn encode_large(tile: &LargeTile, smooth: bool, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Large { lit, work } = &mut **scratch.large.get_or_insert_default();
    let pixels = tile.pixels();
    work.bells.find_in(pixels, tile.words().iter().copied());
    if smooth {
        return work.encode_bells(pixels, palette, out);
    }
    if work.bells.lit(pixels) <= pixels.len() / LIST_SHARE {
        raster::list(pixels, |pixel| pixel, lit);
        work.encode_list(lit, palette, out);
    } else {
        work.encode_rows::<false>(pixels, palette, out);
    }
}

impl<const SIDE: usize> Work<SIDE> {
    /// Bells, of which the lit words were found.
    fn encode_bells(&mut self, pixels: &[u8], palette: &[[u8; 4]], out: &mut Vec<u8>) {
        if self.bells.are_many() {
            return self.encode_rows::<true>(pixels, palette, out);
        }
        self.tokens.clear();
        let numbers = Numbers::of(&self.bells.used(pixels));
        let adler = self.bells.tokenise(pixels, &numbers, &mut self.tokens);
        self.write(&numbers, palette, None, adler, out);
    }

    /// Few lit pixels.
    fn encode_list(&mut self, lit: &[(impl Place, u8)], palette: &[[u8; 4]], out: &mut Vec<u8>) {
        self.tokens.clear();
        let mut used = [false; 256];
        lit.iter().for_each(|&(_, index)| used[usize::from(index)] = true);
        let numbers = Numbers::of(&used);
        let adler = list::tokenise::<SIDE>(lit, &numbers, &mut self.tokens);
        self.write(&numbers, palette, None, adler, out);
    }

    /// Many lit pixels.
    fn encode_rows<const FAR: bool>(&mut self, pixels: &[u8], palette: &[[u8; 4]], out: &mut Vec<u8>) {
        let Self { rows, tokens, .. } = self;
        tokens.clear();
        let mut numbers = Numbers::same(pixels.iter().fold(0, |largest, &index| largest.max(index)));
        rows.tokenise::<FAR>(pixels, &numbers, tokens);
        let mut counts = tokens.counts();
        if numbers.depth == Depth::Eight {
            // What occurs in the tile occurs first as a literal; where that is few colours, once more with less depth.
            let fewer = Numbers::of(&std::array::from_fn(|index| counts.symbols[index] > 0));
            if fewer.depth != Depth::Eight {
                numbers = fewer;
                tokens.clear();
                rows.tokenise::<FAR>(pixels, &numbers, tokens);
                counts = tokens.counts();
            }
        }
        let adler = checksum::adler32(rows.bytes(numbers.depth));
        self.write(&numbers, palette, Some(counts), adler, out);
    }

    /// The file of the tokens, whose symbols are `counts` where somebody counted them; then they stand for the rows.
    fn write(&mut self, numbers: &Numbers, palette: &[[u8; 4]], counts: Option<Counts>, adler: u32, out: &mut Vec<u8>) {
        let Self { rows, tokens, deflate, .. } = self;
        let bytes = counts.is_some().then(|| rows.bytes(numbers.depth));
        let counts = counts.unwrap_or_else(|| tokens.counts());
        let stream = Stream { tokens, counts: &counts, stride: numbers.depth.stride(SIDE), bytes, adler };
        head(numbers, SIDE as u32, palette, out);
        chunk(out, *b"IDAT", |out| deflate.zlib(&stream, out));
        out.extend_from_slice(&IEND);
    }
}

/// What becomes of the indices: numbered anew where that lets depth or palette hold no colour that is not there.
#[derive(Debug)]
struct Numbers {
    /// New number of each index.
    of: [u8; 256],
    /// Index of each new number.
    index: [u8; 256],
    largest: u8,
    depth: Depth,
    /// Whether every index keeps its number.
    same: bool,
}

impl Numbers {
    /// Numbers for the indices that are used; the transparent 0 always is.
    fn of(used: &[bool; 256]) -> Self {
        let mut numbers = Self { of: [0; 256], index: [0; 256], largest: 0, depth: Depth::One, same: false };
        for index in (1..=255).filter(|&i| used[usize::from(i)]) {
            numbers.largest += 1;
            numbers.of[usize::from(index)] = numbers.largest;
            numbers.index[usize::from(numbers.largest)] = index;
        }
        numbers.depth = Depth::holding(numbers.largest);
        numbers
    }

    /// Every index up to `largest` as it is.
    fn same(largest: u8) -> Self {
        let index = std::array::from_fn(|i| i as u8);
        Self { of: index, index, largest, depth: Depth::holding(largest), same: true }
    }
}

const IEND: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

/// Everything before the pixels.
fn head(numbers: &Numbers, side: u32, palette: &[[u8; 4]], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    chunk(out, *b"IHDR", |out| {
        out.extend_from_slice(&side.to_be_bytes());
        out.extend_from_slice(&side.to_be_bytes());
        out.extend_from_slice(&[numbers.depth as u8, 3, 0, 0, 0]);
    });
    chunk(out, *b"PLTE", |out| {
        for &index in &numbers.index[..=usize::from(numbers.largest)] {
            let [r, g, b, _] = palette.get(usize::from(index)).copied().unwrap_or_default();
            out.extend_from_slice(&[r, g, b]);
        }
    });
    // Opaque entries at the end may be left out, and so may the chunk.
    let alpha = |number: usize| palette.get(usize::from(numbers.index[number])).map_or(255, |colour| colour[3]);
    if let Some(last) = (0..=usize::from(numbers.largest)).rfind(|&number| alpha(number) < 255) {
        chunk(out, *b"tRNS", |out| out.extend((0..=last).map(alpha)));
    }
}

/// Appends one chunk: length, name, what `body` appends, checksum.
fn chunk(out: &mut Vec<u8>, name: [u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&name);
    body(out);
    let length = (out.len() - start - 8) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32fast::hash(&out[start + 4..]);
    out.extend_from_slice(&crc.to_be_bytes());
}
