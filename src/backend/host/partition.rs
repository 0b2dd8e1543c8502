//! Points to tiles: a run of Morton codes is partitioned until it is sorted or one tile, so that a tile with three
//! points costs three points.

use crate::counts::Lit;
use crate::error::Result;
use crate::store::CountPart;

/// Bits of a partitioning pass: 1024 open write positions.
pub(in crate::backend) const PASS_BITS: u32 = 10;

/// Takes the runs that [`run`] finds.
pub(in crate::backend) trait Runs {
    /// A sorted run of few codes that covers whole tiles.
    fn sorted(&mut self, codes: &[u64]) -> Result<()>;
    /// The unsorted codes of a single tile.
    fn tile(&mut self, codes: &[u64]) -> Result<()>;
}

/// Splits a run of codes that differ in their low `16 + tile_bits` bits only: runs of at most `sort_max` codes are
/// sorted, longer ones are partitioned until they are one tile.
pub(in crate::backend) fn run(
    codes: &mut [u64],
    scratch: &mut [u64],
    tile_bits: u32,
    sort_max: usize,
    runs: &mut impl Runs,
) -> Result<()> {
    if codes.len() <= sort_max {
        codes.sort_unstable();
        runs.sorted(codes)
    } else if tile_bits == 0 {
        runs.tile(codes)
    } else {
        let bits = tile_bits.min(PASS_BITS);
        let bounds = partition(codes, scratch, 16 + tile_bits - bits, bits);
        let mut from = 0;
        for end in bounds {
            if end > from {
                run(&mut scratch[from..end], &mut codes[from..end], tile_bits - bits, sort_max, runs)?;
            }
            from = end;
        }
        Ok(())
    }
}

/// Moves `codes` to `into`, ordered by the `bits` bits from `shift` on; gives the end of each of the 2^bits runs.
pub(in crate::backend) fn partition(codes: &[u64], into: &mut [u64], shift: u32, bits: u32) -> Vec<usize> {
    let mask = (1u64 << bits) - 1;
    let digit = |code: u64| ((code >> shift) & mask) as usize;
    let mut ends = vec![0usize; 1 << bits];
    for &code in codes {
        ends[digit(code)] += 1;
    }
    let mut next = 0;
    for end in &mut ends {
        next += std::mem::replace(end, next);
    }
    for &code in codes {
        let end = &mut ends[digit(code)];
        into[*end] = code;
        *end += 1;
    }
    ends
}

/// Counts equal codes of one tile, sorted, and appends the tile to `part`.
pub(in crate::backend) fn push_sorted(part: &mut CountPart, lit: &mut Vec<Lit>, tile: &[u64]) -> Result<()> {
    let Some(first) = tile.first() else { return Ok(()) };
    lit.clear();
    lit.extend(tile.chunk_by(|a, b| a == b).map(|same| Lit { pixel: same[0] as u16, count: same.len() as u32 }));
    part.sparse_tiles += 1;
    part.sparse_points += tile.len() as u64;
    part.push(first >> 16, lit)
}
