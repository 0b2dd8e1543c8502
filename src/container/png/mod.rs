//! The PNG of one tile: 256x256, indexed, filter 0, with the bit depth and the palette cut to what the tile uses.
//! Heat-map tiles are mostly empty, so a tile with few lit pixels goes from their list straight to deflate tokens,
//! and the rest takes one pass over the rows. Which of the two is decided by the pixels, never by the form they
//! arrive in: the bytes are a function of the pixels alone, and every backend writes the same file.

mod bits;
mod checksum;
mod deflate;
mod huffman;
mod list;
mod raster;
mod tokens;

use crate::tile::{TILE_PIXELS, TILE_SIDE, TileIndices};
use deflate::Deflate;
use raster::Rows;
use tokens::Tokens;

/// Most lit pixels that go by list: about where a list takes as long as a pass over the rows.
const LIST_LIMIT: usize = 1500;

/// Buffers kept from tile to tile.
#[derive(Debug, Default)]
pub struct Scratch {
    lit: Vec<(u16, u8)>,
    raster: Vec<u8>,
    rows: Rows,
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
    fn stride(self) -> usize {
        1 + TILE_SIDE as usize * self as usize / 8
    }

    /// Bytes of all rows.
    fn size(self) -> usize {
        TILE_SIDE as usize * self.stride()
    }
}

/// Replaces the contents of `out` by the PNG of `indices`. An index beyond the palette would be a bug of the caller;
/// it is drawn black.
pub fn encode(indices: TileIndices<'_>, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Scratch { lit, raster, rows, tokens, deflate } = scratch;
    tokens.clear();
    match indices {
        TileIndices::Lit(list) if list.len() <= LIST_LIMIT => from_list(list, palette, tokens, deflate, out),
        TileIndices::Lit(list) => {
            raster.clear();
            raster.resize(TILE_PIXELS, 0);
            list.iter().for_each(|&(pixel, index)| raster[usize::from(pixel)] = index);
            from_rows(raster, palette, rows, tokens, deflate, out);
        }
        TileIndices::Raster(pixels) if raster::lit(pixels) <= LIST_LIMIT => {
            raster::list(pixels, lit);
            from_list(lit, palette, tokens, deflate, out);
        }
        TileIndices::Raster(pixels) => from_rows(pixels, palette, rows, tokens, deflate, out),
    }
}

/// Few lit pixels: their indices are numbered anew, so that depth and palette hold no colour that is not there.
fn from_list(lit: &[(u16, u8)], palette: &[[u8; 4]], tokens: &mut Tokens, deflate: &mut Deflate, out: &mut Vec<u8>) {
    let mut number = [0u8; 256];
    lit.iter().for_each(|&(_, index)| number[usize::from(index)] = 1);
    number[0] = 0;
    let mut used = [0u8; 256];
    let mut largest = 0;
    for index in 1..=255u8 {
        if number[usize::from(index)] != 0 {
            largest += 1;
            number[usize::from(index)] = largest;
            used[usize::from(largest)] = index;
        }
    }
    let depth = Depth::holding(largest);
    let adler = list::tokenise(lit, &number, depth, tokens);
    head(depth, used[..=usize::from(largest)].iter().copied(), palette, out);
    chunk(out, *b"IDAT", |out| deflate.zlib(tokens, depth, None, adler, out));
    out.extend_from_slice(&IEND);
}

/// Many lit pixels: indices stay as they are, and the palette ends with the largest of them.
fn from_rows(
    pixels: &[u8],
    palette: &[[u8; 4]],
    rows: &mut Rows,
    tokens: &mut Tokens,
    deflate: &mut Deflate,
    out: &mut Vec<u8>,
) {
    let largest = pixels.iter().fold(0, |largest, &index| largest.max(index));
    let depth = Depth::holding(largest);
    let bytes = rows.tokenise(pixels, depth, tokens);
    let adler = checksum::adler32(bytes);
    head(depth, 0..=largest, palette, out);
    chunk(out, *b"IDAT", |out| deflate.zlib(tokens, depth, Some(bytes), adler, out));
    out.extend_from_slice(&IEND);
}

const IEND: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

/// Everything before the pixels. `used` is the index whose colour each palette entry has; the first is transparent.
fn head(depth: Depth, used: impl Iterator<Item = u8>, palette: &[[u8; 4]], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    chunk(out, *b"IHDR", |out| {
        out.extend_from_slice(&TILE_SIDE.to_be_bytes());
        out.extend_from_slice(&TILE_SIDE.to_be_bytes());
        out.extend_from_slice(&[depth as u8, 3, 0, 0, 0]);
    });
    chunk(out, *b"PLTE", |out| {
        for index in used {
            let [r, g, b, _] = palette.get(usize::from(index)).copied().unwrap_or_default();
            out.extend_from_slice(&[r, g, b]);
        }
    });
    chunk(out, *b"tRNS", |out| out.push(0));
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
