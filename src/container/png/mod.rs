//! The PNG of one tile: 256x256, indexed, filter 0, with the bit depth and the palette cut to what the tile uses.
//! The bytes are a function of the pixels alone, so that every backend, whatever form it hands over, writes the
//! same file.

use crate::tile::{TILE_PIXELS, TILE_SIDE, TileIndices};

/// Buffers kept from tile to tile.
#[derive(Debug, Default)]
pub struct Scratch {
    rows: Vec<u8>,
}

/// Appends the PNG of `indices` to `out`, cleared first. An index beyond the palette is a bug of the caller and is
/// drawn in black.
pub fn encode(indices: TileIndices<'_>, palette: &[[u8; 4]], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let mut raster = [0u8; TILE_PIXELS];
    match indices {
        TileIndices::Raster(pixels) => raster = *pixels,
        TileIndices::Lit(lit) => lit.iter().for_each(|&(pixel, index)| raster[usize::from(pixel)] = index),
    }
    let largest = raster.iter().copied().max().unwrap_or(0);
    let depth = match largest {
        0..2 => 1,
        2..4 => 2,
        4..16 => 4,
        _ => 8u8,
    };
    let rows = &mut scratch.rows;
    rows.clear();
    for row in raster.chunks_exact(TILE_SIDE as usize) {
        rows.push(0);
        rows.extend(row.chunks_exact(8 / usize::from(depth)).map(|p| p.iter().fold(0, |b, i| (b << (depth % 8)) | i)));
    }
    out.clear();
    out.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    chunk(out, b"IHDR", |out| {
        out.extend_from_slice(&TILE_SIDE.to_be_bytes());
        out.extend_from_slice(&TILE_SIDE.to_be_bytes());
        out.extend_from_slice(&[depth, 3, 0, 0, 0]);
    });
    let used = (0..=usize::from(largest)).map(|i| palette.get(i).copied().unwrap_or([0, 0, 0, 255]));
    chunk(out, b"PLTE", |out| used.for_each(|[r, g, b, _]| out.extend_from_slice(&[r, g, b])));
    chunk(out, b"tRNS", |out| out.push(0));
    chunk(out, b"IDAT", |out| stored(rows, out));
    chunk(out, b"IEND", |_| {});
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(name);
    body(out);
    let length = (out.len() - start - 8) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32fast::hash(&out[start + 4..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

fn stored(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x78, 0x01]);
    let blocks = data.len().div_ceil(65535);
    for (i, block) in data.chunks(65535).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(i + 1 == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend_from_slice(&((b << 16) | a).to_be_bytes());
}
