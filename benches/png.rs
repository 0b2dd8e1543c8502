//! Microseconds and bytes of one tile's PNG, for tiles as heat maps have them: clustered points, from eighteen lit
//! pixels (a high zoom) to a third of the tile (a low one), as points and spread to 3x3.
//! `cargo bench --bench png`

#![allow(clippy::disallowed_methods, reason = "an independent check, or a picture of no consequence")]
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tilefire::encode::png::{Scratch, encode};
use tilefire::tile::{TILE_PIXELS, TileIndices};

const TILES: u64 = 20;
const LIT: [usize; 4] = [18, 261, 3642, 21_600];

fn main() {
    for spread in [0, 1] {
        for lit in LIT {
            let tiles: Vec<_> = (0..TILES).map(|seed| tile(lit, spread, seed)).collect();
            let bytes: usize = tiles.iter().map(|t| png(TileIndices::Raster(t))).sum();
            let each = bytes / tiles.len();
            eprintln!("{lit} pixels, spread {spread}: {each} bytes a tile");
        }
    }
    divan::main();
}

#[divan::bench(args = LIT)]
fn list(bencher: Bencher<'_, '_>, lit: usize) {
    bench_lists(bencher, lit, 0);
}

#[divan::bench(args = LIT)]
fn list_spread(bencher: Bencher<'_, '_>, lit: usize) {
    bench_lists(bencher, lit, 1);
}

#[divan::bench(args = LIT)]
fn raster(bencher: Bencher<'_, '_>, lit: usize) {
    bench_rasters(bencher, lit, 0);
}

#[divan::bench(args = LIT)]
fn raster_spread(bencher: Bencher<'_, '_>, lit: usize) {
    bench_rasters(bencher, lit, 1);
}

fn bench_lists(bencher: Bencher<'_, '_>, lit: usize, spread: i32) {
    let list = |t: &[u8; TILE_PIXELS]| -> Vec<(u16, u8)> {
        (0..).zip(t).filter(|p| *p.1 > 0).map(|(i, &v): (u32, _)| (i as u16, v)).collect()
    };
    let tiles: Vec<_> = (0..TILES).map(|seed| list(&tile(lit, spread, seed))).collect();
    bench(bencher, || tiles.iter().map(|t| TileIndices::Lit(t)).collect());
}

fn bench_rasters(bencher: Bencher<'_, '_>, lit: usize, spread: i32) {
    let tiles: Vec<_> = (0..TILES).map(|seed| tile(lit, spread, seed)).collect();
    bench(bencher, || tiles.iter().map(|t| TileIndices::Raster(t)).collect());
}

/// The tiles one after the other, so that no branch learns one of them by heart.
fn bench<'a>(bencher: Bencher<'_, '_>, tiles: impl FnOnce() -> Vec<TileIndices<'a>>) {
    let (tiles, palette) = (tiles(), palette());
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    bencher.counter(ItemsCount::new(tiles.len())).bench_local(|| {
        for tile in &tiles {
            encode(*black_box(tile), &palette, &mut scratch, &mut out);
            black_box(&out);
        }
    });
}

fn png(tile: TileIndices<'_>) -> usize {
    let mut out = Vec::new();
    encode(tile, &palette(), &mut Scratch::default(), &mut out);
    out.len()
}

fn palette() -> Vec<[u8; 4]> {
    (0..=255).map(|i| [i, i / 2, 255 - i, 255]).collect()
}

/// Counts of clustered points as palette indices, by a logarithm as a colour table would have it.
fn tile(lit: usize, spread: i32, seed: u64) -> Box<[u8; TILE_PIXELS]> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let clusters: Vec<[f64; 3]> =
        (0..12).map(|_| [random() * 256.0, random() * 256.0, 4.0 + 60.0 * random() * random()]).collect();
    let mut counts = vec![0u32; TILE_PIXELS];
    let mut have = 0;
    while have < lit {
        let (mut x, mut y) = (random() * 256.0, random() * 256.0);
        if random() < 0.75 {
            let [cx, cy, radius] = clusters[(random() * 12.0) as usize];
            let far = radius * (random() + random() + random() - 1.0);
            let (sin, cos) = (random() * std::f64::consts::TAU).sin_cos();
            (x, y) = (cx + cos * far, cy + sin * far);
        }
        if (0.0..256.0).contains(&x) && (0.0..256.0).contains(&y) {
            let at = (y as usize) << 8 | x as usize;
            have += usize::from(counts[at] == 0);
            counts[at] += 1;
        }
    }
    let index = |count: u32| match count {
        0..12 => count as u8,
        _ => (12.0 + (f64::from(count) / 12.0).ln() * 60.0).min(255.0) as u8,
    };
    let mut tile = Box::new([0u8; TILE_PIXELS]);
    for (at, &count) in (0i32..).zip(&counts).filter(|p| *p.1 > 0) {
        for (dx, dy) in (-spread..=spread).flat_map(|dy| (-spread..=spread).map(move |dx| (dx, dy))) {
            let (x, y) = ((at & 255) + dx, (at >> 8) + dy);
            if (0..256).contains(&x) && (0..256).contains(&y) {
                let pixel = &mut tile[(y * 256 + x) as usize];
                *pixel = (*pixel).max(index(count));
            }
        }
    }
    tile
}
