//! Any tile at all must come back from its PNG, and list and raster must give the same bytes.
//! `cargo +nightly fuzz run png`

#![no_main]

use libfuzzer_sys::fuzz_target;
use tilefire::encode::png::{Scratch, encode, encode_large, encode_smooth};
use tilefire::tile::{LargeTile, TILE_PIXELS, TileIndices};

fuzz_target!(|data: &[u8]| {
    // Strokes: a place, how far it reaches along the rows, how many rows down, and its index.
    let mut raster = [0u8; TILE_PIXELS];
    for stroke in data.chunks_exact(5) {
        let (place, length) = (usize::from(stroke[0]) << 8 | usize::from(stroke[1]), usize::from(stroke[2]) + 1);
        for row in 0..=usize::from(stroke[3] & 15) {
            let start = (place + 256 * row).min(TILE_PIXELS);
            raster[start..(start + length).min(TILE_PIXELS)].fill(stroke[4]);
        }
    }
    // And what is left over, as it is.
    let noise = data.len().min(TILE_PIXELS / 2);
    raster[..noise].iter_mut().zip(data).filter(|_| data.len() % 3 == 0).for_each(|(p, &byte)| *p = byte);

    let palette: Vec<[u8; 4]> = (0..=255).map(|i| [i, 0, 0, if i > 0 { 255 } else { 0 }]).collect();
    let (mut scratch, mut out, mut again) = (Scratch::default(), Vec::new(), Vec::new());
    encode(TileIndices::Raster(&raster), &palette, &mut scratch, &mut out);
    let lit: Vec<_> = (0..=u16::MAX).zip(raster).filter(|p| p.1 > 0).collect();
    encode(TileIndices::Lit(&lit), &palette, &mut scratch, &mut again);
    assert!(out == again);

    let mut smooth = Vec::new();
    encode_smooth(TileIndices::Raster(&raster), &palette, &mut scratch, &mut smooth);
    let words = std::array::from_fn(|row| {
        let words = raster[row * 256..(row + 1) * 256].chunks_exact(8).enumerate();
        words.fold(0u32, |all, (at, word)| all | u32::from(word.iter().any(|&index| index > 0)) << at)
    });
    encode_smooth(TileIndices::Words { pixels: &raster, words: &words }, &palette, &mut scratch, &mut again);
    assert!(smooth == again);

    // The same as one quarter of a tile of 512 pixels a side, and again beside itself.
    let mut large = LargeTile::default();
    lit.iter().for_each(|&(pixel, index)| large.add_pixel(usize::from(data.len() % 2 == 0), pixel, index));
    lit.iter().for_each(|&(pixel, index)| large.add_pixel(2, pixel, index));
    for smooth in [false, true] {
        encode_large(&large, smooth, &palette, &mut scratch, &mut again);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&again));
        reader.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
        let mut reader = reader.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        reader.finish().unwrap();
        for (rgba, index) in pixels.chunks_exact(4).zip(large.pixels()) {
            assert_eq!((rgba[0], rgba[3]), (*index, if *index > 0 { 255 } else { 0 }));
        }
    }

    for out in [out, smooth] {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&out));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        reader.finish().unwrap();
        for (rgba, index) in pixels.chunks_exact(4).zip(raster) {
            assert_eq!((rgba[0], rgba[3]), (index, if index > 0 { 255 } else { 0 }));
        }
    }
});
