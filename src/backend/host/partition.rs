//! Points to tiles: a run of Morton codes is partitioned until it is sorted or one tile, so that a tile with three
//! points costs three points.

use crate::counts::Lit;
use crate::error::Result;
use crate::store::{Coded, CountPart};

/// Bits of a partitioning pass: 1024 open write positions.
pub(in crate::backend) const PASS_BITS: u32 = 10;

/// Takes the runs that [`run`] finds.
pub(in crate::backend) trait Runs<P> {
    /// A sorted run of few points that covers whole tiles.
    fn sorted(&mut self, points: &[P]) -> Result<()>;
    /// The unsorted points of a single tile.
    fn tile(&mut self, points: &[P]) -> Result<()>;
}

/// Splits a run of points whose codes differ in their low `16 + tile_bits` bits only: runs of at most `sort_max` are
/// sorted, longer ones are partitioned until they are one tile.
pub(in crate::backend) fn run<P: Coded>(
    codes: &mut [P],
    scratch: &mut [P],
    tile_bits: u32,
    sort_max: usize,
    runs: &mut impl Runs<P>,
) -> Result<()> {
    if codes.len() <= sort_max {
        P::sort(codes);
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

/// Moves `points` to `into`, ordered by the `bits` bits of their codes from `shift` on; gives the end of each of the 2^bits
/// runs.
pub(in crate::backend) fn partition<P: Coded>(points: &[P], into: &mut [P], shift: u32, bits: u32) -> Vec<usize> {
    let mask = (1u64 << bits) - 1;
    let digit = |point: P| ((point.code() >> shift) & mask) as usize;
    let mut ends = vec![0usize; 1 << bits];
    for &point in points {
        ends[digit(point)] += 1;
    }
    let mut next = 0;
    for end in &mut ends {
        next += std::mem::replace(end, next);
    }
    for &point in points {
        let end = &mut ends[digit(point)];
        into[*end] = point;
        *end += 1;
    }
    ends
}

/// Adds up points of equal codes of one tile, sorted, and appends the tile to `part`.
pub(in crate::backend) fn push_sorted<P: Coded>(
    part: &mut CountPart<P::Value>,
    lit: &mut Vec<Lit<P::Value>>,
    tile: &[P],
) -> Result<()> {
    let Some(first) = tile.first() else { return Ok(()) };
    lit.clear();
    lit.extend(tile.chunk_by(|a, b| a.code() == b.code()).map(|same| {
        let mut count = P::Value::default();
        same.iter().for_each(|point| point.add_to(&mut count));
        Lit { pixel: same[0].code() as u16, count }
    }));
    part.sparse_tiles += 1;
    part.sparse_points += tile.len() as u64;
    part.push(first.code() >> 16, lit)
}
