//! A tile without a pixel that can be seen, for programs that take an absent tile for an error. It is made when it is asked
//! for, never kept and never a file.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::picture::Kind;

impl Kind {
    /// A transparent picture of `side` pixels a side: of this kind where that is easy, else a PNG, which every browser
    /// knows by its first bytes.
    pub fn transparent(self, side: u32) -> Vec<u8> {
        match self {
            Self::Webp => webp(side),
            _ => png(side),
        }
    }
}

/// One colour, which is clear, in one bit a pixel.
fn png(side: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(data);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        bytes.extend(sum.sum().to_be_bytes());
    };
    let size = side.to_be_bytes();
    chunk(b"IHDR", &[&size[..], &size[..], &[1, 3, 0, 0, 0]].concat());
    chunk(b"PLTE", &[0; 3]);
    chunk(b"tRNS", &[0]);
    // A row is its filter and its bits.
    let rows = vec![0; (1 + side.div_ceil(8) as usize) * side as usize];
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let packed = packed.write_all(&rows).and_then(|()| packed.finish()).unwrap_or_default();
    chunk(b"IDAT", &packed);
    chunk(b"IEND", &[]);
    bytes
}

/// Lossless, with codes of one symbol each: its pixels take no bits at all.
fn webp(side: u32) -> Vec<u8> {
    let mut bits: u128 = 0;
    let mut length = 0;
    let mut put = |value: u32, count: u32| {
        bits |= u128::from(value) << length;
        length += count;
    };
    put(0x2f, 8);
    put((side - 1) & 0x3fff, 14);
    put((side - 1) & 0x3fff, 14);
    // It has alpha; version 0; no transform, no cache of colours, one group of codes.
    put(1, 1);
    put(0, 3 + 1 + 1 + 1);
    // Each of the five codes is simple and has the one symbol 0, told by one bit.
    for _ in 0..5 {
        put(1, 4);
    }
    let mut data = bits.to_le_bytes()[..(length as usize).div_ceil(8)].to_vec();
    let size = data.len() as u32;
    data.resize(data.len().next_multiple_of(2), 0);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((12 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WEBPVP8L");
    bytes.extend(size.to_le_bytes());
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::picture::sides;
    use super::*;

    #[test]
    fn a_transparent_tile_is_of_the_size_and_clear() {
        for side in [1, 7, 256, 512, 4096] {
            let bytes = Kind::Jpeg.transparent(side);
            assert_eq!((Kind::of(&bytes), sides(&bytes)), (Some(Kind::Png), Some((side, side))));
            let mut decoder = zune_png::PngDecoder::new(std::io::Cursor::new(&bytes));
            let pixels = decoder.decode_raw().unwrap();
            assert_eq!(pixels.len(), (side * side) as usize * 4, "{side}");
            assert!(pixels.iter().all(|p| *p == 0), "{side}");
            let bytes = Kind::Webp.transparent(side);
            assert_eq!((Kind::of(&bytes), sides(&bytes)), (Some(Kind::Webp), Some((side, side))));
            assert_eq!(bytes.len() % 2, 0);
        }
    }
}
