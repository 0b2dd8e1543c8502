//! What both backends do with little: tiles of few points are sorted and counted as lists, and few lit pixels are
//! spread disc by disc, so that a tile with three points costs three points in every stage. Host code on lists;
//! the dense ways are each backend's own.

use rayon::prelude::*;

use crate::counts::{Lit, pixel_morton, row_major};
use crate::error::Result;
use crate::shade::{Form, Kernel, SpreadOp, WEIGHT_ONE};
use crate::store::{CountPart, CountStore};
use crate::tile::{PixelIndex, TILE_PIXELS, TILE_SIDE, TileCoord, TileIndices};

/// Bits of a partitioning pass: 1024 open write positions.
pub(super) const PASS_BITS: u32 = 10;
/// Tiles with at most this many lit pixels leave as lists, others as rasters, whichever way they were made: an
/// encoder may treat the two differently and still gives both backends' tiles the same bytes.
pub(super) const LIST_MAX: usize = 1_500;

const SIDE: i32 = TILE_SIDE as i32;

/// Takes the runs that [`run`] finds.
pub(super) trait Runs {
    /// A sorted run of few codes that covers whole tiles.
    fn sorted(&mut self, codes: &[u64]) -> Result<()>;
    /// The unsorted codes of a single tile.
    fn tile(&mut self, codes: &[u64]) -> Result<()>;
}

/// Splits a run of codes that differ in their low `16 + tile_bits` bits only: runs of at most `sort_max` codes are
/// sorted, longer ones are partitioned until they are one tile.
pub(super) fn run(
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
pub(super) fn partition(codes: &[u64], into: &mut [u64], shift: u32, bits: u32) -> Vec<usize> {
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
pub(super) fn push_sorted(part: &mut CountPart, lit: &mut Vec<Lit>, tile: &[u64]) -> Result<()> {
    let Some(first) = tile.first() else { return Ok(()) };
    lit.clear();
    lit.extend(tile.chunk_by(|a, b| a == b).map(|same| Lit { pixel: same[0] as u16, count: same.len() as u32 }));
    part.sparse_tiles += 1;
    part.sparse_points += tile.len() as u64;
    part.push(first >> 16, lit)
}

/// The eight neighbours of a tile, as (columns east, rows south).
const AROUND: [(i32, i32); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

/// Place of a row-major pixel seen from the tile that lies (-dx, -dy) tiles away from its own.
fn place(pixel: u16, dx: i32, dy: i32) -> (i32, i32) {
    (i32::from(pixel & 0xff) + dx * SIDE, i32::from(pixel >> 8) + dy * SIDE)
}

/// Whether a pixel's square of that radius touches the tile.
pub(super) fn within((x, y): (i32, i32), radius: i32) -> bool {
    (-radius..SIDE + radius).contains(&x) && (-radius..SIDE + radius).contains(&y)
}

/// The pixels of every lit tile of a zoom that lie within the radius of one of its borders: what a neighbour needs
/// to know of it, so that each tile's block is decoded twice and not nine times.
pub(super) struct Borders {
    z: u8,
    radius: i32,
    tiles: Vec<u64>,
    /// Per tile (row-major pixel, count).
    pixels: Vec<Box<[(u16, u32)]>>,
}

impl Borders {
    /// The borders of zoom `z` for a spread of `radius` pixels.
    pub(super) fn new(counts: &CountStore, z: u8, radius: u32) -> Result<Self> {
        let radius = radius as i32;
        let inner = radius..SIDE - radius;
        let chunks = (0..counts.chunks(z)?)
            .into_par_iter()
            .map_init(Vec::new, |lit, chunk| {
                let mut found = Vec::new();
                counts.read_chunk(z, chunk, lit, |code, lit| {
                    let pixels = lit.iter().map(|l| (row_major(l.pixel), l.count));
                    let border = pixels.filter(|&(pixel, _)| {
                        let (x, y) = place(pixel, 0, 0);
                        !inner.contains(&x) || !inner.contains(&y)
                    });
                    found.push((code, border.collect()));
                    Ok(())
                })?;
                Ok(found)
            })
            .collect::<Result<Vec<Vec<_>>>>()?;
        let (tiles, pixels) = chunks.into_iter().flatten().unzip();
        Ok(Self { z, radius, tiles, pixels })
    }

    fn of(&self, tile: TileCoord) -> &[(u16, u32)] {
        match self.tiles.binary_search(&tile.morton()) {
            Ok(at) => &self.pixels[at],
            Err(_) => &[],
        }
    }

    /// Morton codes of the lit tiles and of those that spread lights, ascending.
    pub(super) fn reached(&self) -> Vec<u64> {
        let mut reached: Vec<u64> = self
            .tiles
            .par_iter()
            .zip(&self.pixels)
            .flat_map_iter(|(&code, pixels)| {
                let tile = TileCoord::from_morton(self.z, code);
                let reach = move |d: &&(i32, i32)| {
                    pixels.iter().any(|&(pixel, _)| within(place(pixel, -d.0, -d.1), self.radius))
                };
                let neighbours = AROUND.iter().filter(reach).filter_map(move |d| tile.neighbour(d.0, d.1));
                neighbours.map(TileCoord::morton).chain([code])
            })
            .collect();
        reached.par_sort_unstable();
        reached.dedup();
        reached
    }

    /// Collects the lit pixels of a tile and its surroundings, as (column, row, what `value` makes of the count).
    pub(super) fn gather<T>(
        &self,
        counts: &CountStore,
        tile: TileCoord,
        lit: &mut Vec<Lit>,
        near: &mut Vec<(i32, i32, T)>,
        value: impl Fn(u32) -> T,
    ) -> Result<()> {
        near.clear();
        lit.clear();
        counts.read(tile, lit)?;
        near.extend(lit.iter().map(|l| {
            let (x, y) = place(row_major(l.pixel), 0, 0);
            (x, y, value(l.count))
        }));
        for (dx, dy) in AROUND {
            let Some(neighbour) = tile.neighbour(dx, dy) else { continue };
            for &(pixel, count) in self.of(neighbour) {
                let (x, y) = place(pixel, dx, dy);
                if within((x, y), self.radius) {
                    near.push((x, y, value(count)));
                }
            }
        }
        Ok(())
    }
}

/// Whether drawing shapes one by one is cheaper than a raster, for a kernel that reaches `area` pixels.
pub(super) fn few(near: usize, area: u32) -> bool {
    near * area as usize <= 4 * LIST_MAX
}

/// Calls `each` with the pixels within the tile that the mask around (x, y) covers. `rows[dy]` is the half-width of
/// the mask's row `dy`.
fn for_each_covered(x: i32, y: i32, rows: &[u32], mut each: impl FnMut(u16)) {
    let last = rows.len() as i32 - 1;
    for row in (y - last).max(0)..=(y + last).min(SIDE - 1) {
        let half = rows[row.abs_diff(y) as usize] as i32;
        for column in (x - half).max(0)..=(x + half).min(SIDE - 1) {
            each((row * SIDE + column) as u16);
        }
    }
}

/// Draws a mask of indices for each pixel into a list of pixels and keeps the largest index of each.
pub(super) fn stamp<I: PixelIndex>(near: &[(i32, i32, I)], rows: &[u32], list: &mut Vec<(u16, I)>) {
    list.clear();
    for &(x, y, index) in near {
        for_each_covered(x, y, rows, |pixel| list.push((pixel, index)));
    }
    list.sort_unstable_by_key(|&(pixel, index)| (pixel, std::cmp::Reverse(index)));
    list.dedup_by_key(|entry| entry.0);
}

/// What a kernel that makes new counts makes of few pixels: (row-major pixel, count), ascending.
pub(super) fn new_counts(near: &[(i32, i32, u32)], kernel: &Kernel) -> Vec<(u16, u32)> {
    let mut list: Vec<(u16, u64)> = Vec::new();
    match &kernel.form {
        Form::Rows(rows) => {
            for &(x, y, count) in near {
                for_each_covered(x, y, rows, |pixel| list.push((pixel, count.into())));
            }
            meet(&mut list, kernel.op);
            list.into_iter().map(|(pixel, count)| (pixel, count as u32)).collect()
        }
        Form::Weights { weights, shift } => {
            let reach = |from: i32| (from - kernel.radius as i32).max(0)..=(from + kernel.radius as i32).min(SIDE - 1);
            let mut wide: Vec<((i32, i32), u64)> = Vec::new();
            for &(x, y, count) in near {
                let count = u64::from(count) << shift;
                wide.extend(reach(x).map(|to| ((y, to), weigh(count, weights[to.abs_diff(x) as usize], kernel.op))));
            }
            meet(&mut wide, kernel.op);
            for ((y, x), value) in wide {
                let value = settle(value, kernel.op);
                let to = reach(y).map(|row| (row, weigh(value, weights[row.abs_diff(y) as usize], kernel.op)));
                list.extend(to.map(|(row, value)| ((row * SIDE + x) as u16, value)));
            }
            meet(&mut list, kernel.op);
            let settled = list.into_iter().map(|(pixel, value)| (pixel, settle(value, kernel.op) as u32));
            settled.filter(|entry| entry.1 > 0).collect()
        }
    }
}

/// Joins what reaches the same place.
fn meet<P: Copy + Ord>(list: &mut Vec<(P, u64)>, op: SpreadOp) {
    list.sort_unstable_by_key(|entry| entry.0);
    list.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = if op == SpreadOp::Max { kept.1.max(later.1) } else { kept.1 + later.1 };
        }
        same
    });
}

/// A count times a weight, in units of [`WEIGHT_ONE`]; rounded at once where no sum follows.
pub(super) fn weigh(count: u64, weight: u32, op: SpreadOp) -> u64 {
    let product = count * u64::from(weight);
    if op == SpreadOp::Max { round(product) } else { product }
}

/// What a step of a weighted kernel ends with.
pub(super) fn settle(value: u64, op: SpreadOp) -> u64 {
    if op == SpreadOp::Max { value } else { round(value) }
}

fn round(product: u64) -> u64 {
    (product + u64::from(WEIGHT_ONE / 2)) / u64::from(WEIGHT_ONE)
}

/// The lit pixels of a raster of counts, row-major, in Morton order.
pub(super) fn lit_of(raster: &[u32; TILE_PIXELS], lit: &mut Vec<Lit>) {
    lit.clear();
    // Squares of 16 by 16 pixels, whose own order is the same in each.
    let within: [u16; 256] = std::array::from_fn(|low| row_major(low as u16));
    for square in (0..=u16::MAX).step_by(256) {
        let corner = row_major(square);
        let of = |(low, place): (usize, &u16)| (square | low as u16, raster[usize::from(corner + place)]);
        let all = within.iter().enumerate().map(of);
        lit.extend(all.filter(|entry| entry.1 > 0).map(|(pixel, count)| Lit { pixel, count }));
    }
}

/// Row-major pixels with counts as lit pixels in Morton order.
pub(super) fn lit_of_list(list: &[(u16, u32)], lit: &mut Vec<Lit>) {
    lit.clear();
    lit.extend(list.iter().map(|&(pixel, count)| Lit { pixel: pixel_morton(pixel), count }));
    lit.sort_unstable_by_key(|l| l.pixel);
}

/// The form in which a raster leaves; `None` when it is empty.
pub(super) fn leave<'a, I: PixelIndex>(
    raster: &'a [I; TILE_PIXELS],
    list: &'a mut Vec<(u16, I)>,
) -> Option<TileIndices<'a>> {
    match raster.iter().filter(|index| index.is_lit()).count() {
        0 => None,
        1..=LIST_MAX => {
            list.clear();
            list.extend((0..=u16::MAX).zip(raster.iter().copied()).filter(|(_, index)| index.is_lit()));
            Some(I::lit(list))
        }
        _ => Some(I::raster(raster)),
    }
}

/// The form in which a list of lit pixels leaves; `None` when it is empty.
pub(super) fn leave_list<'a, I: PixelIndex>(
    list: &'a [(u16, I)],
    raster: &'a mut [I; TILE_PIXELS],
) -> Option<TileIndices<'a>> {
    match list.len() {
        0 => None,
        1..=LIST_MAX => Some(I::lit(list)),
        _ => {
            raster.fill(I::default());
            for &(pixel, index) in list {
                raster[usize::from(pixel)] = index;
            }
            Some(I::raster(raster))
        }
    }
}
