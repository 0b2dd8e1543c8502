//! Twin of `bin.wgsl`: points of one bucket to the counts of its tiles.
//!
//! Codes are partitioned by the bits of their tile, a few bits a pass, until a run is one tile or short. A short
//! run is sorted and its equal codes counted, so a tile with three points costs three points; a tile with many
//! is counted in a dense array. Either way pixels come out in ascending order.

use rayon::prelude::*;

use crate::backend::host::{PASS_BITS, Runs, partition, push_sorted, run};
use crate::counts::Lit;
use crate::error::Result;
use crate::store::CountPart;
use crate::tile::TILE_PIXELS;

/// Runs up to this long are sorted; longer ones are partitioned, or counted densely once they are one tile.
const SORT_MAX: usize = 1_500;
/// Buckets longer than this are split between threads after their first pass.
pub(super) const SPLIT: usize = 1 << 19;

/// Bits of a code below the pixel of `zoom`.
fn drop_below(codes: &mut [u64], zoom: u8) {
    let drop = 48 - 2 * u32::from(zoom);
    for code in codes {
        *code >>= drop;
    }
}

/// Counts `codes` (64-bit Morton codes of one tile of zoom `root`) in the tiles of zoom `zoom`, in ascending parts
/// that `new_part` makes. Many codes are split between the threads of the current pool.
pub(super) fn shared(
    mut codes: Vec<u64>,
    root: u8,
    zoom: u8,
    new_part: impl Fn() -> CountPart + Sync,
) -> Result<Vec<CountPart>> {
    let tile_bits = 2 * u32::from(zoom - root);
    if codes.len() <= SPLIT || tile_bits == 0 {
        let mut binning = Binning::new(new_part());
        binning.bucket(&mut codes, root, zoom)?;
        return Ok(vec![binning.part.sealed()?]);
    }
    drop_below(&mut codes, zoom);
    let mut scratch = vec![0; codes.len()];
    let bits = tile_bits.min(PASS_BITS);
    let bounds = partition(&codes, &mut scratch, 16 + tile_bits - bits, bits);
    // The scratch now holds the codes; cut both at run borders into pieces of similar size.
    let (mut pieces, mut from) = (Vec::new(), 0);
    let (mut rest, mut spare) = (scratch.as_mut_slice(), codes.as_mut_slice());
    let mut cuts = Vec::new();
    for &end in &bounds {
        cuts.push(end - from);
        if end - from >= SPLIT / 4 || Some(&end) == bounds.last() {
            let (piece, more) = std::mem::take(&mut rest).split_at_mut(end - from);
            let (space, more_space) = std::mem::take(&mut spare).split_at_mut(end - from);
            pieces.push((piece, space, std::mem::take(&mut cuts)));
            (rest, spare, from) = (more, more_space, end);
        }
    }
    pieces
        .into_par_iter()
        .map(|(piece, space, ends)| {
            let (mut binning, mut from) = (Binning::new(new_part()), 0);
            for end in ends {
                run(&mut piece[from..end], &mut space[from..end], tile_bits - bits, SORT_MAX, &mut binning.emit())?;
                from = end;
            }
            binning.part.sealed()
        })
        .collect()
}

/// One thread's counting: a part, and the buffers that go from bucket to bucket.
pub(super) struct Binning {
    part: CountPart,
    lit: Vec<Lit>,
    dense: Option<Box<[u32]>>,
    scratch: Vec<u64>,
}

impl Binning {
    /// Counts into `part`.
    pub(super) fn new(part: CountPart) -> Self {
        Self { part, lit: Vec::new(), dense: None, scratch: Vec::new() }
    }

    /// Counts codes as [`shared`] does, whose tiles come after those before.
    pub(super) fn bucket(&mut self, codes: &mut [u64], root: u8, zoom: u8) -> Result<()> {
        drop_below(codes, zoom);
        let mut scratch = std::mem::take(&mut self.scratch);
        if codes.len() > SORT_MAX && scratch.len() < codes.len() {
            scratch.resize(codes.len(), 0);
        }
        let within = codes.len().min(scratch.len());
        run(codes, &mut scratch[..within], 2 * u32::from(zoom - root), SORT_MAX, &mut self.emit())?;
        self.scratch = scratch;
        Ok(())
    }

    /// The part so far; counting goes on with `next`.
    pub(super) fn exchange(&mut self, next: CountPart) -> Result<CountPart> {
        std::mem::replace(&mut self.part, next).sealed()
    }

    fn emit(&mut self) -> Emitter<'_> {
        Emitter { part: &mut self.part, lit: &mut self.lit, dense: &mut self.dense }
    }
}

/// Collects ascending (tile, pixel, count) into blocks.
struct Emitter<'a> {
    part: &'a mut CountPart,
    lit: &'a mut Vec<Lit>,
    dense: &'a mut Option<Box<[u32]>>,
}

impl Runs for Emitter<'_> {
    fn sorted(&mut self, codes: &[u64]) -> Result<()> {
        codes.chunk_by(|a, b| a >> 16 == b >> 16).try_for_each(|tile| push_sorted(self.part, self.lit, tile))
    }

    fn tile(&mut self, codes: &[u64]) -> Result<()> {
        let counts = self.dense.get_or_insert_with(|| vec![0; TILE_PIXELS].into());
        for &code in codes {
            counts[usize::from(code as u16)] += 1;
        }
        self.lit.clear();
        for (group, eight) in counts.chunks_exact_mut(8).enumerate() {
            if eight.iter().fold(0, |all, c| all | *c) == 0 {
                continue;
            }
            for (i, count) in eight.iter_mut().enumerate() {
                if *count > 0 {
                    self.lit.push(Lit { pixel: (group * 8 + i) as u16, count: std::mem::take(count) });
                }
            }
        }
        self.part.push(codes[0] >> 16, self.lit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::CountStore;
    use crate::tile::{TileCoord, WorldPoint, morton};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The plainest way to count: a map.
    fn check(points: &[WorldPoint], root: u8, zoom: u8) {
        let mut expected: BTreeMap<(u64, u16), u32> = BTreeMap::new();
        let mut buckets: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for &p in points {
            let key = morton(p) >> (48 - 2 * u32::from(zoom));
            *expected.entry((key >> 16, key as u16)).or_default() += 1;
            let bucket = morton(p).checked_shr(64 - 2 * u32::from(root)).unwrap_or(0);
            buckets.entry(bucket).or_default().push(morton(p));
        }
        let mut store = CountStore::new(zoom);
        let parts =
            buckets.into_values().flat_map(|codes| shared(codes, root, zoom, || store.part()).unwrap()).collect();
        store.set_zoom(zoom, parts).unwrap();
        let mut got = BTreeMap::new();
        for code in store.tiles(zoom).unwrap() {
            let mut lit = Vec::new();
            store.read(TileCoord::from_morton(zoom, code), &mut lit).unwrap();
            got.extend(lit.into_iter().map(|l| ((code, l.pixel), l.count)));
        }
        assert_eq!(got, expected);
    }

    proptest! {
        #[test]
        fn every_point_lands_on_its_pixel(
            spread in 0u32..32,
            seeds in proptest::collection::vec((any::<u32>(), any::<u32>()), 1..4000),
            root in 0u8..8,
            more in 0u8..17,
        ) {
            let points: Vec<_> = seeds
                .iter()
                .map(|&(x, y)| WorldPoint { x: 0x7000_0000 | (x >> spread), y: 0x5000_0000 | (y >> spread) })
                .collect();
            check(&points, root, root + more);
        }
    }

    #[test]
    fn crowded_and_split_buckets_are_exact() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32
        };
        let points: Vec<_> =
            (0..SPLIT + 70_000)
                .map(|i| {
                    if i % 4 == 0 {
                        WorldPoint { x: 9, y: 9 }
                    } else {
                        WorldPoint { x: random() >> 6, y: random() >> 9 }
                    }
                })
                .collect();
        check(&points, 0, 9);
        check(&points, 0, 0);
    }
}
