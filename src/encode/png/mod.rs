//! The PNG of one tile: 256x256, indexed, filter 0, with the bit depth and the palette cut to what the tile uses.
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

use crate::tile::{TILE_PIXELS, TILE_SIDE, TileIndices};
use bells::Bells;
use deflate::{Deflate, Stream};
use raster::Rows;
use tokens::Tokens;
pub use truecolor::{encode_colours, encode_truecolor};

/// Most lit pixels that go by list: about where a list takes as long as a pass over the rows.
const LIST_LIMIT: usize = 4096;

/// Buffers kept from tile to tile.
#[derive(Debug, Default)]
pub struct Scratch {
    lit: Vec<(u16, u8)>,
    raster: Vec<u8>,
    rows: Rows,
    bells: Bells,
    /// A raster that is dark between two tiles.
    dark: Vec<u8>,
    tokens: Tokens,
    deflate: Deflate,
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

    /// Bytes of one row, its filter byte included.
    const fn stride(self) -> usize {
        1 + TILE_SIDE as usize * self as usize / 8
    }

    /// Bytes of all rows.
    const fn size(self) -> usize {
        TILE_SIDE as usize * self.stride()
    }
}

/// Replaces the contents of `out` by the PNG of `indices`. An index beyond the palette would be a bug of the caller;
/// it is drawn black.
pub fn encode(indices: TileIndices<'_>, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Scratch { lit, raster, rows, tokens, deflate, .. } = scratch;
    tokens.clear();
    match indices {
        TileIndices::Lit(list) if list.len() <= LIST_LIMIT => from_list(list, palette, tokens, deflate, out),
        TileIndices::Lit(list) => {
            raster.clear();
            raster.resize(TILE_PIXELS, 0);
            list.iter().for_each(|&(pixel, index)| raster[usize::from(pixel)] = index);
            from_rows::<false>(raster, palette, rows, tokens, deflate, out);
        }
        TileIndices::Raster(pixels) | TileIndices::Words { pixels, .. } if raster::lit(pixels) <= LIST_LIMIT => {
            raster::list(pixels, lit);
            from_list(lit, palette, tokens, deflate, out);
        }
        TileIndices::Raster(pixels) | TileIndices::Words { pixels, .. } => {
            from_rows::<false>(pixels, palette, rows, tokens, deflate, out);
        }
        // Never made for a palette of 255 colours; drawn all the same, a colour too many in the last one's place.
        TileIndices::WideRaster(_) | TileIndices::WideLit(_) => {
            raster.clear();
            raster.resize(TILE_PIXELS, 0);
            indices.for_each_lit(|pixel, index| raster[usize::from(pixel)] = index.min(255) as u8);
            from_rows::<false>(raster, palette, rows, tokens, deflate, out);
        }
    }
}

/// The same for the tiles of bells: smaller, because what is alike is said once, wherever it stands.
pub fn encode_smooth(indices: TileIndices<'_>, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    match indices {
        TileIndices::Raster(pixels) => {
            scratch.bells.find(pixels);
            return from_bells(pixels, palette, scratch, out);
        }
        TileIndices::Words { pixels, words } => {
            scratch.bells.find_in(pixels, words);
            return from_bells(pixels, palette, scratch, out);
        }
        _ => {}
    }
    let mut dark = std::mem::take(&mut scratch.dark);
    dark.resize(TILE_PIXELS, 0);
    indices.for_each_lit(|pixel, index| dark[usize::from(pixel)] = index.min(255) as u8);
    scratch.bells.find(&dark);
    from_bells(&dark, palette, scratch, out);
    scratch.bells.darken(&mut dark);
    scratch.dark = dark;
}

/// Bells, of which the lit words were found.
fn from_bells(pixels: &[u8], palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Scratch { rows, bells, tokens, deflate, .. } = scratch;
    tokens.clear();
    if bells.are_many() {
        return from_rows::<true>(pixels, palette, rows, tokens, deflate, out);
    }
    let numbers = Numbers::of(&bells.used(pixels));
    let adler = bells.tokenise(pixels, &numbers, tokens);
    let stream = Stream { tokens, counts: &tokens.counts(), depth: numbers.depth, bytes: None, adler };
    from_tokens(&numbers, palette, &stream, deflate, out);
}

/// Few lit pixels.
fn from_list(lit: &[(u16, u8)], palette: &[[u8; 4]], tokens: &mut Tokens, deflate: &mut Deflate, out: &mut Vec<u8>) {
    let mut used = [false; 256];
    lit.iter().for_each(|&(_, index)| used[usize::from(index)] = true);
    let numbers = Numbers::of(&used);
    let adler = list::tokenise(lit, &numbers, tokens);
    let stream = Stream { tokens, counts: &tokens.counts(), depth: numbers.depth, bytes: None, adler };
    from_tokens(&numbers, palette, &stream, deflate, out);
}

fn from_tokens(numbers: &Numbers, palette: &[[u8; 4]], stream: &Stream<'_>, deflate: &mut Deflate, out: &mut Vec<u8>) {
    head(numbers, palette, out);
    chunk(out, *b"IDAT", |out| deflate.zlib(stream, out));
    out.extend_from_slice(&IEND);
}

/// Many lit pixels.
fn from_rows<const FAR: bool>(
    pixels: &[u8],
    palette: &[[u8; 4]],
    rows: &mut Rows,
    tokens: &mut Tokens,
    deflate: &mut Deflate,
    out: &mut Vec<u8>,
) {
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
    let bytes = rows.bytes(numbers.depth);
    let adler = checksum::adler32(bytes);
    let stream = Stream { tokens, counts: &counts, depth: numbers.depth, bytes: Some(bytes), adler };
    from_tokens(&numbers, palette, &stream, deflate, out);
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
fn head(numbers: &Numbers, palette: &[[u8; 4]], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    chunk(out, *b"IHDR", |out| {
        out.extend_from_slice(&TILE_SIDE.to_be_bytes());
        out.extend_from_slice(&TILE_SIDE.to_be_bytes());
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
