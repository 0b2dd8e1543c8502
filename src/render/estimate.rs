//! What writing would cost, for `--dry-run`: from exact counts of tiles and lit pixels and from figures measured
//! with the benchmarks. Rough by nature: within a factor of two on a usual machine.

use crate::container::{Form, TileSize};
use crate::counts::ZoomStats;
use crate::encode::Format;
use crate::shade::{SpreadOn, SpreadOp, Style};
use crate::tile::ZoomRange;

/// Seconds of one core to shade and encode a tile, and each lit pixel of it.
const SECONDS_A_TILE: f64 = 6e-6;
const SECONDS_A_PIXEL: f64 = 1.2e-8;
/// The same of a tile where every pixel reaches its neighbours.
const SECONDS_A_SPREAD_TILE: f64 = 1.2e-4;
/// Tiles a second that a container takes: small files by the disk, one file by the memory.
const FILES_A_SECOND: f64 = 8_000.0;
const ARCHIVED_A_SECOND: f64 = 200_000.0;

/// Bytes of a tile as WebP, beside those of the indexed PNG: 2.5 for counted pixels of the sample, 3.3 under bells.
const WEBP: f64 = 3.0;
/// The same with 32 bits a pixel: 7 to 14 for counted pixels, 8 to 19 under bells and sums, 17 to 46 under discs, which an
/// index says in few bits.
const TRUECOLOR: (f64, f64) = (10.0, 22.0);
/// Expected cost of a run's second half.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Lit tiles of the zooms asked for, before spread.
    pub tiles: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Seconds to shade, encode and write them.
    pub seconds: f64,
    /// Bytes of memory that points and counts take without a limit.
    pub memory: u64,
}

/// Estimates a run over `stats` and `radii` of spread, indexed by zoom, on `threads` cores; `archive` for one file instead
/// of a folder of tiles in a `format`.
pub(super) fn estimate(
    (stats, radii): (&[ZoomStats], &[u32]),
    zooms: ZoomRange,
    threads: usize,
    (archive, form): (bool, Form),
    style: &Style,
) -> Estimate {
    // Tiles of 256 pixels, and those of 512, which are as many as have pixels at their own zoom.
    let (usual, large) = (form.size == TileSize::Usual, form.joins());
    let steps = [(usual, 0), (large, 1)].into_iter().filter_map(|(made, step)| made.then_some(step));
    let made: Vec<(u8, u8)> = steps.flat_map(|step| zooms.iter().map(move |z| (z, step))).collect();
    let of = |z: u8| stats.get(usize::from(z));
    let files: u64 = made.iter().filter_map(|&(z, _)| of(z)).map(|s| s.tiles).sum();
    let counted = || made.iter().map(|&(z, step)| z + step);
    let wanted = || counted().filter_map(of);
    let spread = || counted().filter_map(|z| of(z).zip(radii.get(usize::from(z)).copied()));
    let tiles: u64 = wanted().map(|s| s.tiles).sum();
    let lit: u64 = wanted().map(|s| s.lit).sum();
    let by_maximum = style.spread.op == SpreadOp::Max && style.spread_on == SpreadOn::Counts;
    let bytes: f64 = spread()
        .map(|(s, radius)| {
            let truecolor = if radius > 0 && by_maximum { TRUECOLOR.1 } else { TRUECOLOR.0 };
            s.tiles as f64 * tile_bytes(s, radius, by_maximum) * if style.truecolor { truecolor } else { 1.0 }
        })
        .sum();
    let bytes = if form.format == Format::Webp { bytes * WEBP } else { bytes };
    let more: f64 = spread().filter(|s| s.1 > 0).map(|(s, _)| s.tiles as f64 * SECONDS_A_SPREAD_TILE).sum();
    let compute = (tiles as f64 * SECONDS_A_TILE + lit as f64 * SECONDS_A_PIXEL + more) / threads.max(1) as f64;
    let write = files as f64 / if archive { ARCHIVED_A_SECOND } else { FILES_A_SECOND };
    let points = stats.first().map_or(0, |s| s.sum);
    // Points wait at 8 bytes each; a lit pixel takes about 2 bytes and a tile about 6, at every zoom. A weight takes 8 bytes
    // more, and a sum about 4.
    let (point, pixel) = if style.weighing.is_some() { (16, 6) } else { (8, 2) };
    let counts: u64 = stats.iter().map(|s| s.lit * pixel + s.tiles * 6).sum();
    Estimate { tiles: files, bytes: bytes as u64, seconds: compute.max(write), memory: points * point + counts }
}

/// Bytes of a zoom's mean tile; a fit to tiles of 18 to 21,600 lit pixels. Each of them comes to more under a bell, a sum or,
/// less so, a disc of the largest count, until the tile is full.
fn tile_bytes(stats: &ZoomStats, radius: u32, by_maximum: bool) -> f64 {
    let lit = stats.lit as f64 / stats.tiles.max(1) as f64;
    let plain = 2.1 * libm::pow(lit, 0.9);
    let each = if by_maximum { 1.0 + 0.45 * f64::from(radius) } else { 1.45 * f64::from(radius + 1) };
    let under = (plain * each).min(plain.max(29_000.0));
    110.0 + if radius > 0 { 60.0 + under } else { plain }
}
