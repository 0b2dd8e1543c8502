//! Twin of `bin.wgsl`: points of one bucket to the counts of its tiles.
//!
//! Codes are partitioned by the bits of their tile, a few bits a pass, until a run is one tile or short. A short
//! run is sorted and its equal codes counted, so a tile with three points costs three points; a tile with many
//! is counted in a dense array. Either way pixels come out in ascending order.

use rayon::prelude::*;

use crate::backend::host::{PASS_BITS, Runs, partition, push_sorted, run};
use crate::counts::{Lit, Value};
use crate::error::Result;
use crate::store::{Coded, CountPart};
use crate::tile::TILE_PIXELS;

/// Runs up to this long are sorted; longer ones are partitioned, or counted densely once they are one tile.
const SORT_MAX: usize = 1_500;
/// Buckets longer than this are split between threads after their first pass.
pub(super) const SPLIT: usize = 1 << 19;

/// Bits of a code below the pixel of `zoom`.
fn drop_below<P: Coded>(points: &mut [P], zoom: u8) {
    let drop = 48 - 2 * u32::from(zoom);
    for point in points {
        point.cut(drop);
    }
}

/// Counts `codes` (points of one tile of zoom `root`) in the tiles of zoom `zoom`, in ascending parts
/// that `new_part` makes. Many codes are split between the threads of the current pool.
pub(super) fn shared<P: Coded>(
    mut codes: Vec<P>,
    root: u8,
    zoom: u8,
    new_part: impl Fn() -> CountPart<P::Value> + Sync,
) -> Result<Vec<CountPart<P::Value>>> {
    let tile_bits = 2 * u32::from(zoom - root);
    if codes.len() <= SPLIT || tile_bits == 0 {
        let mut binning = Binning::new(new_part());
        binning.bucket(&mut codes, root, zoom)?;
        return Ok(vec![binning.part.sealed()?]);
    }
    drop_below(&mut codes, zoom);
    let mut scratch = vec![P::default(); codes.len()];
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
pub(super) struct Binning<P: Coded> {
    part: CountPart<P::Value>,
    lit: Vec<Lit<P::Value>>,
    dense: Option<Box<[P::Value]>>,
    scratch: Vec<P>,
}

impl<P: Coded> Binning<P> {
    /// Counts into `part`.
    pub(super) fn new(part: CountPart<P::Value>) -> Self {
        Self { part, lit: Vec::new(), dense: None, scratch: Vec::new() }
    }

    /// Counts codes as [`shared`] does, whose tiles come after those before.
    pub(super) fn bucket(&mut self, codes: &mut [P], root: u8, zoom: u8) -> Result<()> {
        drop_below(codes, zoom);
        let mut scratch = std::mem::take(&mut self.scratch);
        if codes.len() > SORT_MAX && scratch.len() < codes.len() {
            scratch.resize(codes.len(), P::default());
        }
        let within = codes.len().min(scratch.len());
        run(codes, &mut scratch[..within], 2 * u32::from(zoom - root), SORT_MAX, &mut self.emit())?;
        self.scratch = scratch;
        Ok(())
    }

    /// The part so far; counting goes on with `next`.
    pub(super) fn exchange(&mut self, next: CountPart<P::Value>) -> Result<CountPart<P::Value>> {
        std::mem::replace(&mut self.part, next).sealed()
    }

    /// Counts codes as [`bucket`](Self::bucket) does, into another part.
    pub(super) fn bucket_into(
        &mut self,
        part: &mut CountPart<P::Value>,
        codes: &mut [P],
        root: u8,
        zoom: u8,
    ) -> Result<()> {
        std::mem::swap(&mut self.part, part);
        let done = self.bucket(codes, root, zoom);
        std::mem::swap(&mut self.part, part);
        done
    }

    fn emit(&mut self) -> Emitter<'_, P> {
        Emitter { part: &mut self.part, lit: &mut self.lit, dense: &mut self.dense }
    }
}

/// Collects ascending (tile, pixel, count) into blocks.
struct Emitter<'a, P: Coded> {
    part: &'a mut CountPart<P::Value>,
    lit: &'a mut Vec<Lit<P::Value>>,
    dense: &'a mut Option<Box<[P::Value]>>,
}

impl<P: Coded> Runs<P> for Emitter<'_, P> {
    fn sorted(&mut self, points: &[P]) -> Result<()> {
        let mut tiles = points.chunk_by(|a, b| a.code() >> 16 == b.code() >> 16);
        tiles.try_for_each(|tile| push_sorted(self.part, self.lit, tile))
    }

    fn tile(&mut self, points: &[P]) -> Result<()> {
        let pixels = self.dense.get_or_insert_with(|| vec![P::Value::default(); TILE_PIXELS].into());
        for &point in points {
            point.add_to(&mut pixels[usize::from(point.code() as u16)]);
        }
        self.lit.clear();
        for (group, eight) in pixels.chunks_exact_mut(8).enumerate() {
            if eight.iter().fold(0, |all, pixel| all | pixel.count()) == 0 {
                continue;
            }
            for (i, pixel) in eight.iter_mut().enumerate() {
                if pixel.count() > 0 {
                    self.lit.push(Lit { pixel: (group * 8 + i) as u16, count: std::mem::take(pixel) });
                }
            }
        }
        self.part.push(points[0].code() >> 16, self.lit)
    }
}
