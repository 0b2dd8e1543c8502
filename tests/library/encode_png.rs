//! Every tile decodes to its own pixels with four independent decoders (crates png, image and zune-png; Python's
//! zlib where there is one), and its bytes depend on the pixels alone.

#![allow(clippy::disallowed_methods, reason = "an independent check, or a picture of no consequence")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tilefire::encode::png::{Scratch, encode, encode_large, encode_smooth, encode_truecolor};
use tilefire::tile::{LargeTile, TILE_PIXELS, TileIndices};

type Raster = [u8; TILE_PIXELS];

/// The lower half is see-through to some degree, with an opaque colour among it.
fn palette() -> Vec<[u8; 4]> {
    let alpha = |i: u8| if i < 128 && i != 5 { 1 + 2 * i } else { 255 };
    let colours = (1..=255u8).map(|i| [i, i.wrapping_mul(7), 255 - i, alpha(i)]);
    std::iter::once([0; 4]).chain(colours).collect()
}

fn png_of(indices: TileIndices<'_>) -> Vec<u8> {
    let mut out = vec![1, 2, 3];
    encode(indices, &palette(), &mut Scratch::default(), &mut out);
    out
}

fn smooth_of(indices: TileIndices<'_>) -> Vec<u8> {
    let mut out = vec![1, 2, 3];
    encode_smooth(indices, &palette(), &mut Scratch::default(), &mut out);
    out
}

#[test]
fn truecolor_has_every_colour() {
    let colour = |i: u16| if i == 0 { [0; 4] } else { [i as u8, (i >> 8) as u8, 7, 200] };
    let palette: Vec<[u8; 4]> = (0..=u16::MAX).map(colour).collect();
    let raster: Box<[u16; TILE_PIXELS]> = Box::new(std::array::from_fn(|i| (i * 7) as u16));
    let list: Vec<(u16, u16)> = [(0, 1), (300, 60_000), (65_535, 9)].into();
    for indices in [TileIndices::WideRaster(&raster), TileIndices::WideLit(&list)] {
        let mut expected = vec![[0; 4]; TILE_PIXELS];
        indices.for_each_lit(|pixel, index| expected[usize::from(pixel)] = palette[usize::from(index)]);
        let mut out = Vec::new();
        encode_truecolor(indices, &palette, &mut out).unwrap();
        assert!(by_image(&out) == expected.as_flattened() && by_zune(&out) == expected.as_flattened());
    }
}

#[test]
fn an_opaque_palette_needs_no_alpha() {
    let mut out = Vec::new();
    encode(TileIndices::Lit(&[(9, 1)]), &[[1, 2, 3, 255], [4, 5, 6, 255]], &mut Scratch::default(), &mut out);
    assert!(!out.windows(4).any(|name| name == b"tRNS"));
    assert_eq!(by_image(&out)[..4], [1, 2, 3, 255]);
}

fn lit(raster: &Raster) -> Vec<(u16, u8)> {
    raster.iter().enumerate().filter(|p| *p.1 > 0).map(|(i, &v)| (i as u16, v)).collect()
}

/// The pixels as RGBA, by the palette.
fn colours(raster: &Raster) -> Vec<u8> {
    let palette = palette();
    raster.iter().flat_map(|&i| palette[usize::from(i)]).collect()
}

fn by_png(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    reader.finish().unwrap();
    pixels
}

fn by_image(bytes: &[u8]) -> Vec<u8> {
    image::load_from_memory_with_format(bytes, image::ImageFormat::Png).unwrap().to_rgba8().into_raw()
}

fn by_zune(bytes: &[u8]) -> Vec<u8> {
    let options = zune_png::zune_core::options::DecoderOptions::new_safe()
        .png_set_confirm_crc(true)
        .inflate_set_confirm_adler(true)
        .png_set_add_alpha_channel(true);
    let mut decoder = zune_png::PngDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_raw().unwrap()
}

/// Checks everything about one tile; the bytes of its PNG.
fn check(raster: &Raster) -> Vec<u8> {
    let list = lit(raster);
    let bytes = png_of(TileIndices::Raster(raster));
    let smooth = smooth_of(TileIndices::Raster(raster));
    if !list.is_empty() {
        assert!(bytes == png_of(TileIndices::Lit(&list)), "list and raster differ");
        assert!(smooth == smooth_of(TileIndices::Lit(&list)), "list and raster of bells differ");
        for more in [0, 0x8421_1248, u32::MAX] {
            let mut words = [more; 256];
            list.iter().for_each(|&(pixel, _)| words[usize::from(pixel / 256)] |= 1 << (pixel % 256 / 8));
            let indices = TileIndices::Words { pixels: raster, words: &words };
            assert!(bytes == png_of(indices) && smooth == smooth_of(indices), "words and raster differ");
        }
    }
    let expected = colours(raster);
    assert!(by_png(&smooth) == expected, "png of bells");
    assert!(by_image(&smooth) == expected, "image of bells");
    assert!(by_zune(&smooth) == expected, "zune-png of bells");
    assert!(by_png(&bytes) == expected, "png");
    assert!(by_image(&bytes) == expected, "image");
    assert!(by_zune(&bytes) == expected, "zune-png");
    bytes
}

/// Places and how far each reaches along the row: what heat maps, spread and adversaries draw.
fn raster() -> impl Strategy<Value = Box<Raster>> {
    let stroke = (any::<u16>(), prop_oneof![Just(1usize), 1..12usize, 1..800usize], any::<u8>());
    let strokes = prop_oneof![
        prop::collection::vec(stroke.clone(), 0..20),
        prop::collection::vec(stroke.clone(), 0..600),
        prop::collection::vec(stroke, 0..6000),
    ];
    (strokes, prop::sample::select(vec![1u8, 2, 3, 5, 15, 16, 80, 255]), 0..4usize).prop_map(|(strokes, most, down)| {
        let mut raster = Box::new([0; TILE_PIXELS]);
        for (at, length, value) in strokes {
            for row in 0..=down {
                let start = usize::from(at) + row * 256;
                let end = (start + length).min(TILE_PIXELS);
                raster[start.min(end)..end].fill(value % (most.saturating_add(1).max(2)));
            }
        }
        raster
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_tile_decodes_to_its_pixels(raster in raster()) {
        check(&raster);
    }
}

/// Bells of lone points: rings of falling numbers around a middle, added up where they meet.
fn bells() -> impl Strategy<Value = Box<Raster>> {
    let middles = prop_oneof![
        prop::collection::vec((0..256i32, 0..256i32), 1..4),
        prop::collection::vec((0..256i32, 0..256i32), 1..150),
        prop::collection::vec((0..40i32, 0..256i32), 1..60),
    ];
    (middles, 2..13i32, prop::sample::select(vec![1i32, 3, 12, 40])).prop_map(|(middles, radius, height)| {
        let mut raster = Box::new([0u8; TILE_PIXELS]);
        for (x, y) in middles {
            for (column, row) in (-radius..=radius).flat_map(|dx| (-radius..=radius).map(move |dy| (x + dx, y + dy))) {
                let far = (column - x).pow(2) + (row - y).pow(2);
                if far <= radius * radius && (0..256).contains(&column) && (0..256).contains(&row) {
                    let to = &mut raster[(row * 256 + column) as usize];
                    *to = to.saturating_add((1 + (height - 1) * (radius * radius - far) / (radius * radius)) as u8);
                }
            }
        }
        raster
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bells_decode_to_their_pixels(raster in bells()) {
        check(&raster);
    }
}

/// Four quarters as one tile of 512 pixels a side: added pixel by pixel, or by words.
fn large(quarters: &[Box<Raster>], by_words: bool) -> LargeTile {
    let mut tile = LargeTile::default();
    for (quarter, raster) in quarters.iter().enumerate() {
        if by_words {
            let words = raster.as_chunks::<8>().0.iter().zip(0..);
            words.filter(|(word, _)| **word != [0; 8]).for_each(|(word, at)| tile.add_word(quarter, at, *word));
        } else {
            lit(raster).into_iter().for_each(|(pixel, index)| tile.add_pixel(quarter, pixel, index));
        }
    }
    tile
}

/// Checks everything about one tile of 512 pixels a side; `scratch` has seen others before.
fn check_large(quarters: &[Box<Raster>], scratch: &mut Scratch) {
    let tile = large(quarters, false);
    let palette = palette();
    let mut expected = vec![0; 4 * 512 * 512];
    for (quarter, raster) in quarters.iter().enumerate() {
        for (row, pixels) in colours(raster).chunks_exact(4 * 256).enumerate() {
            let at = 4 * ((row + quarter / 2 * 256) * 512 + quarter % 2 * 256);
            expected[at..at + 4 * 256].copy_from_slice(pixels);
        }
    }
    for smooth in [false, true] {
        let (mut bytes, mut again) = (vec![1], Vec::new());
        encode_large(&tile, smooth, &palette, scratch, &mut bytes);
        assert!(by_png(&bytes) == expected && by_image(&bytes) == expected && by_zune(&bytes) == expected, "{smooth}");
        encode_large(&large(quarters, true), smooth, &palette, &mut Scratch::default(), &mut again);
        assert!(bytes == again, "pixels and words differ");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn large_tiles_decode_to_their_pixels(some in prop::collection::vec(prop_oneof![raster(), bells()], 1..5)) {
        let mut scratch = Scratch::default();
        check_large(&some, &mut scratch);
        // The same buffers again, for quarters in another order.
        check_large(&some.into_iter().rev().collect::<Vec<_>>(), &mut scratch);
    }
}

#[test]
fn large_tiles_on_the_edges() {
    let edges = edges();
    let mut scratch = Scratch::default();
    for (at, first) in edges.iter().enumerate() {
        let next = |by: usize| edges[(at + by) % edges.len()].clone();
        check_large(&[first.clone(), next(1), next(3), next(7)], &mut scratch);
        check_large(&[first.clone(), first.clone(), first.clone(), first.clone()], &mut scratch);
    }
    let none = edges.iter().find(|edge| lit(edge).is_empty()).cloned();
    assert!(none.is_some(), "a tile without a pixel is among them");
}

#[test]
fn alike_bells_are_said_once() {
    let mut raster = Box::new([0u8; TILE_PIXELS]);
    let mut draw = |x: usize, y: usize| {
        for (dx, dy) in (0..25usize).flat_map(|dx| (0..25usize).map(move |dy| (dx, dy))) {
            let far = dx.abs_diff(12).pow(2) + dy.abs_diff(12).pow(2);
            raster[(y + dy) * 256 + x + dx] = (40usize * 145usize.saturating_sub(far) / 145) as u8;
        }
    };
    (0..8).for_each(|at| draw(3 + 30 * at, (7 + 61 * at) % 230));
    let (plain, smooth) = (png_of(TileIndices::Raster(&raster)).len(), smooth_of(TileIndices::Raster(&raster)).len());
    assert!(smooth * 2 < plain, "{smooth} of {plain}");
}

/// Tiles on the edges of what deflate can say.
fn edges() -> Vec<Box<Raster>> {
    let make = |pixel: &dyn Fn(usize) -> u8| -> Box<Raster> { Box::new(std::array::from_fn(pixel)) };
    let mut noise = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise
    };
    let bytes: Vec<u8> = (0..TILE_PIXELS).map(|_| random() as u8).collect();
    let skewed: Vec<u8> = (0..TILE_PIXELS).map(|_| random().leading_zeros() as u8 + 1).collect();
    let mut tiles = vec![
        make(&|_| 0),
        make(&|_| 1),
        make(&|_| 255),
        make(&|i| u8::from(i == 0)),
        make(&|i| u8::from(i == TILE_PIXELS - 1)),
        make(&|i| 255 * u8::from(i == TILE_PIXELS - 1)),
        make(&|i| (i % 256) as u8),
        make(&|i| (i / 256) as u8),
        make(&|i| (i % 2) as u8),
        make(&|i| (i % 251) as u8),
        make(&|i| 3 * ((i / 8 + i / 256) % 2) as u8),
        make(&|i| bytes[i]),
        make(&|i| bytes[i] % 16),
        make(&|i| skewed[i]),
        // Every literal as rare as Huffman codes can make it: counts that grow like Fibonacci numbers.
        make(&|i| (i as f64 + 1.0).log(1.618) as u8),
        make(&|i| bytes[i % 256]),
        make(&|i| bytes[i] * u8::from(i % 256 < 255)),
    ];
    // Lists around the length at which lists end.
    for lit in [1usize, 2, 1500, 4095, 4096, 4097, 6000] {
        tiles.push(make(&|i| u8::from(i < lit)));
        tiles.push(make(&|i| if i % 11 == 7 && i / 11 < lit { bytes[i].max(1) } else { 0 }));
    }
    // Runs of every length that a match can have, and the first that needs two.
    for run in (1..20).chain([254, 255, 256, 257, 258, 259, 260, 261, 515, 516, 517, 518, 519]) {
        tiles.push(make(&|i| 9 * u8::from(i / run % 2 == 1)));
        tiles.push(make(&|i| if i < 256 { bytes[i] } else { 77 * u8::from((i - 256) / run % 3 == 1) }));
    }
    tiles
}

#[test]
fn edges_decode_to_their_pixels() {
    for raster in edges() {
        check(&raster);
    }
}

#[test]
fn depth_and_palette_are_cut_to_what_is_used() {
    // (indices used, the first of them, lit pixels) -> (depth, palette entries)
    let cases = [
        ((1, 200, 1), (1, 2)),
        ((2, 9, 700), (2, 3)),
        ((3, 9, 700), (2, 4)),
        ((4, 250, 700), (4, 5)),
        ((15, 1, 700), (4, 16)),
        ((16, 1, 700), (8, 17)),
        ((255, 1, 700), (8, 256)),
        ((1, 1, 9000), (1, 2)),
        ((3, 1, 9000), (2, 4)),
        ((15, 1, 9000), (4, 16)),
        ((16, 1, 9000), (8, 17)),
        ((255, 1, 9000), (8, 256)),
    ];
    for ((used, first, lit), (depth, entries)) in cases {
        let list: Vec<_> = (0..lit).map(|i| (i * 7, (i % used + first) as u8)).collect();
        let bytes = png_of(TileIndices::Lit(&list));
        let length = u32::from_be_bytes(bytes[33..37].try_into().unwrap());
        assert_eq!(((bytes[24], length / 3), &bytes[37..41]), ((depth, entries), &b"PLTE"[..]), "{used} of {lit}");
    }
}

#[test]
fn scratch_keeps_nothing_from_the_last_tile() {
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    for raster in edges() {
        encode(TileIndices::Raster(&raster), &palette(), &mut scratch, &mut out);
        assert!(out == png_of(TileIndices::Raster(&raster)));
        encode_smooth(TileIndices::Raster(&raster), &palette(), &mut scratch, &mut out);
        assert!(out == smooth_of(TileIndices::Raster(&raster)));
    }
}

/// Reads PNGs (each after its length) by zlib and nothing else; answers with the red of every pixel, which is its
/// index in our palette.
const PYTHON: &str = r#"
import struct, sys, zlib
data = sys.stdin.buffer
while head := data.read(4):
    png = data.read(struct.unpack(">I", head)[0])
    at, idat = 8, b""
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack(">I", png[at + 8 + size:at + 12 + size])[0]
        if name == b"IHDR": depth = body[8]
        if name == b"PLTE": red = body[::3]
        if name == b"IDAT": idat += body
        at += 12 + size
    inflate = zlib.decompressobj()
    rows = inflate.decompress(idat) + inflate.flush()
    assert inflate.eof and not inflate.unused_data
    stride = 1 + 32 * depth
    assert len(rows) == 256 * stride and not any(rows[::stride])
    mask = (1 << depth) - 1
    for y in range(256):
        row = rows[y * stride + 1:(y + 1) * stride]
        sys.stdout.buffer.write(bytes(red[b >> s & mask] for b in row for s in range(8 - depth, -1, -depth)))
"#;

#[test]
fn python_zlib_reads_them_too() {
    let tiles = edges();
    let python = Command::new("python3").args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        println!("skipped: no python3");
        return;
    };
    let mut pipe = python.stdin.take().unwrap();
    let pngs: Vec<Vec<u8>> = tiles.iter().map(|t| png_of(TileIndices::Raster(t))).collect();
    let feeder = std::thread::spawn(move || {
        for png in pngs {
            pipe.write_all(&(png.len() as u32).to_be_bytes()).unwrap();
            pipe.write_all(&png).unwrap();
        }
    });
    let answer = python.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(answer.status.success());
    let expected: Vec<u8> = tiles.iter().flat_map(|t| t.iter().copied()).collect();
    assert!(answer.stdout == expected);
}
