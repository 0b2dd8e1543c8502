//! What writing would cost, for `--dry-run`: from exact counts of tiles and lit pixels and from figures measured
//! with the benchmarks. Rough by nature: within a factor of two on a usual machine.

use crate::counts::ZoomStats;
use crate::tile::ZoomRange;

/// Seconds of one core to shade and encode a tile, and each lit pixel of it.
const SECONDS_A_TILE: f64 = 6e-6;
const SECONDS_A_PIXEL: f64 = 1.2e-8;
/// Tiles a second that a container takes: small files by the disk, one file by the memory.
const FILES_A_SECOND: f64 = 8_000.0;
const ARCHIVED_A_SECOND: f64 = 200_000.0;

/// Expected cost of a run's second half.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Lit tiles of the zooms asked for, before spread.
    pub tiles: u64,
    /// Bytes of their PNGs.
    pub bytes: u64,
    /// Seconds to shade, encode and write them.
    pub seconds: f64,
    /// Bytes of memory that points and counts take without a limit.
    pub memory: u64,
}

/// Estimates a run over `stats`, indexed by zoom, on `threads` cores; `archive` for one file instead of a folder.
pub(super) fn estimate(stats: &[ZoomStats], zooms: ZoomRange, threads: usize, archive: bool) -> Estimate {
    let wanted = || zooms.iter().filter_map(|z| stats.get(usize::from(z)));
    let tiles: u64 = wanted().map(|s| s.tiles).sum();
    let lit: u64 = wanted().map(|s| s.lit).sum();
    let bytes: f64 = wanted().map(|s| s.tiles as f64 * tile_bytes(s)).sum();
    let compute = (tiles as f64 * SECONDS_A_TILE + lit as f64 * SECONDS_A_PIXEL) / threads.max(1) as f64;
    let write = tiles as f64 / if archive { ARCHIVED_A_SECOND } else { FILES_A_SECOND };
    let points = stats.first().map_or(0, |s| s.sum);
    // Points wait at 8 bytes each; a lit pixel takes about 2 bytes and a tile about 6, at every zoom.
    let counts: u64 = stats.iter().map(|s| s.lit * 2 + s.tiles * 6).sum();
    Estimate { tiles, bytes: bytes as u64, seconds: compute.max(write), memory: points * 8 + counts }
}

/// Bytes of a zoom's mean tile; a fit to tiles of 18 to 21,600 lit pixels.
fn tile_bytes(stats: &ZoomStats) -> f64 {
    110.0 + 2.1 * libm::pow(stats.lit as f64 / stats.tiles.max(1) as f64, 0.9)
}
