//! The first view: the smallest box that holds 99.5 % of the points, so that one wrong or lonely place does not make a
//! map of everything else small. It is found from the counts of one coarse zoom, and of a finer one where the box has only
//! a few of its pixels; columns go round the earth.

use crate::backend::{HeldCounts, Paint};
use crate::counts::row_major;
use crate::error::Result;
use crate::heat::{Far, View};
use crate::tile::mercator::{STEPS, latitude, longitude};
use crate::tile::{Extent, LonLatBounds, MAX_ZOOM, TileCoord, WorldPoint};

/// Of a thousand points so many may lie outside.
const OUTSIDE: u64 = 5;
/// The zoom that is looked at first: a pixel has 5 km at the equator.
const COARSE: u8 = 5;
/// How many zooms finer the next look is, and pixels along the longer side of a box that are enough.
const FINER: u8 = 3;
const ENOUGH: u32 = 64;
/// Into how many parts the points that may lie outside are divided between columns and rows.
const SHARES: u64 = 8;

/// A stretch of columns or rows; columns may go on from the last to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    from: u32,
    length: u32,
}

/// A box of pixels of a zoom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pixels {
    columns: Stretch,
    rows: Stretch,
}

impl Stretch {
    /// Where a place lies in it, on a circle of `around` places.
    fn place(self, at: u32, around: u32) -> Option<usize> {
        let place = if at >= self.from { at - self.from } else { at + around - self.from };
        (place < self.length).then_some(place as usize)
    }

    /// The same stretch of pixels that are `2^by` times finer.
    fn finer(self, by: u8) -> Self {
        Self { from: self.from << by, length: self.length << by }
    }

    /// The part of it that begins at one of its places.
    fn part(self, part: Self, around: u32) -> Self {
        Self { from: (self.from + part.from) % around, length: part.length }
    }
}

impl Pixels {
    /// Small for a box that a window can show large.
    fn cost(&self) -> u64 {
        let (width, height) = (u64::from(self.columns.length), u64::from(self.rows.length));
        (3 * width).max(4 * height).pow(2) + 12 * width * height
    }

    /// Where a pixel lies in it, on a map of `around` columns.
    fn place(&self, column: u32, row: u32, around: u32) -> Option<(usize, usize)> {
        Some((self.columns.place(column, around)?, self.rows.place(row, around)?))
    }

    fn longer(&self) -> u32 {
        self.columns.length.max(self.rows.length)
    }
}

/// The counts of a zoom as (column, row, points), those below `least` left out.
struct Counted<'a> {
    counts: HeldCounts<'a>,
    z: u8,
    least: u32,
}

impl Counted<'_> {
    fn around(&self) -> u32 {
        256 << self.z
    }

    fn each(&self, mut each: impl FnMut(u32, u32, u64)) -> Result<()> {
        let mut lit = Vec::new();
        for chunk in 0..self.counts.chunks(self.z)? {
            self.counts.read_chunk(self.z, chunk, &mut lit, |code, lit| {
                let TileCoord { x, y, .. } = TileCoord::from_morton(self.z, code);
                for l in lit.iter().filter(|l| l.count >= self.least) {
                    let at = u32::from(row_major(l.pixel));
                    each(x << 8 | at & 0xff, y << 8 | at >> 8, l.count.into());
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The cheapest box within `region` that holds `needed` points, and how many it holds.
    fn smallest(&self, region: Pixels, needed: u64) -> Result<Option<(Pixels, u64)>> {
        let around = self.around();
        let mut sums = Sums::of(region);
        let mut all = 0;
        self.each(|column, row, points| {
            if let Some((x, y)) = region.place(column, row, around) {
                sums.columns[x] += points;
                sums.rows[y] += points;
                all += points;
            }
        })?;
        if all < needed {
            return Ok(None);
        }
        let mut best = self.cheapest(region, &sums, (all, needed), region.columns.length == around)?;
        // Nearly all around the earth a map begins where maps usually do.
        if best.is_some_and(|Pixels { columns, .. }| {
            columns.from + columns.length > around && 6 * columns.length > 5 * around
        }) {
            best = self.cheapest(region, &sums, (all, needed), false)?;
        }
        let Some(best) = best else { return Ok(None) };
        let mut held = 0;
        self.each(|column, row, points| held += best.place(column, row, around).map_or(0, |_| points))?;
        Ok(Some((best, held)))
    }

    /// The cheapest box within `region`, which holds `all` points that come to `sums`. Columns are trimmed first, or rows, by
    /// several shares of what may lie outside; the rest is trimmed from the others. On a `circle` of columns the box may lie
    /// across its end.
    fn cheapest(&self, region: Pixels, sums: &Sums, (all, needed): (u64, u64), circle: bool) -> Result<Option<Pixels>> {
        let around = self.around();
        let keep = |share| all - (all - needed) * share / SHARES;
        let first: Vec<Pixels> = (0..=SHARES)
            .filter_map(|share| {
                let columns = shortest(&sums.columns, keep(share), circle)?;
                Some(Pixels { columns, rows: shortest(&sums.rows, keep(share), false)? })
            })
            .collect();
        let mut within: Vec<Sums> = first.iter().map(|_| Sums::of(region)).collect();
        self.each(|column, row, points| {
            let Some((x, y)) = region.place(column, row, around) else { return };
            for (part, sums) in first.iter().zip(&mut within) {
                if part.columns.place(x as u32, region.columns.length).is_some() {
                    sums.rows[y] += points;
                }
                if part.rows.place(y as u32, region.rows.length).is_some() {
                    sums.columns[x] += points;
                }
            }
        })?;
        let boxes = first.iter().zip(&within).flat_map(|(&Pixels { columns, rows }, sums)| {
            let by_columns = shortest(&sums.rows, needed, false).map(|rows| Pixels { columns, rows });
            let by_rows = shortest(&sums.columns, needed, circle).map(|columns| Pixels { columns, rows });
            by_columns.into_iter().chain(by_rows)
        });
        Ok(boxes.min_by_key(Pixels::cost).map(|best| Pixels {
            columns: region.columns.part(best.columns, around),
            rows: region.rows.part(best.rows, around),
        }))
    }
}

/// Points by column and by row of a box.
struct Sums {
    columns: Vec<u64>,
    rows: Vec<u64>,
}

impl Sums {
    fn of(region: Pixels) -> Self {
        Self { columns: vec![0; region.columns.length as usize], rows: vec![0; region.rows.length as usize] }
    }
}

/// The shortest stretch whose numbers come to `needed`; of several the first. On a circle it may go on at the beginning.
fn shortest(numbers: &[u64], needed: u64, circle: bool) -> Option<Stretch> {
    let length = numbers.len();
    let turns = if circle { 2 } else { 1 };
    let (mut best, mut from, mut sum) = (None::<(usize, usize)>, 0, 0);
    for to in 0..turns * length {
        sum += numbers[to % length];
        while sum >= needed && from <= to {
            if to - from < length && best.is_none_or(|(_, shortest)| to + 1 - from < shortest) {
                best = Some((from % length, to + 1 - from));
            }
            sum -= numbers[from % length];
            from += 1;
        }
    }
    let to_u32 = |n| u32::try_from(n).ok();
    best.and_then(|(from, length)| Some(Stretch { from: to_u32(from)?, length: to_u32(length)? }))
}

/// The first view of what was counted up to zoom `highest`. Pixels below `least` count as absent; `extent` is the box
/// around all that may be known. `None` where nothing is left.
pub(super) fn first_view(paint: &dyn Paint, highest: u8, least: u32, extent: &Extent) -> Result<Option<View>> {
    // On the very last zoom columns are as many as a number has no room for, and a pixel before it is 2 cm.
    let highest = highest.min(MAX_ZOOM - 1);
    let mut z = COARSE.min(highest);
    let of_zoom = |z| Ok::<_, crate::error::Error>(Counted { counts: paint.counts(z)?, z, least });
    let coarse = of_zoom(z)?;
    let world = Stretch { from: 0, length: coarse.around() };
    let world = Pixels { columns: world, rows: world };
    let mut all = 0;
    coarse.each(|_, _, points| all += points)?;
    if all == 0 {
        return Ok(None);
    }
    let needed = all - (u128::from(all) * u128::from(OUTSIDE) / 1000) as u64;
    let Some((mut best, mut held)) = coarse.smallest(world, needed)? else { return Ok(None) };
    let far = farthest(&coarse, best)?;
    while best.longer() < ENOUGH && z < highest {
        let by = FINER.min(highest - z);
        z += by;
        let region = Pixels { columns: best.columns.finer(by), rows: best.rows.finer(by) };
        // Pixels that were too few when they were larger are not there now; so are those that are too few now.
        let finer = of_zoom(z)?;
        let Some((finer, now)) = finer.smallest(region, needed.min(held))? else { break };
        (best, held) = (finer, now);
    }
    let bounds = bounds(best, z, extent);
    Ok(bounds.map(|LonLatBounds { west, south, east, north }| View {
        bounds: [west, south, east, north],
        points: held,
        far,
    }))
}

/// The points that not even a box of twice the size holds, with the place of the pixel that is farthest, to two decimals:
/// about where its points are.
fn farthest(counted: &Counted<'_>, from: Pixels) -> Result<Option<Far>> {
    let around = counted.around();
    let near = u64::from(from.longer() / 2).max(2);
    let beyond = |stretch: Stretch, at: u32| {
        if stretch.place(at, around).is_some() {
            return 0;
        }
        let (before, after) = (stretch.from + around - at, at + around - (stretch.from + stretch.length - 1));
        (before % around).min(after % around)
    };
    let (mut far, mut found) = (0, (0, 0, 0));
    counted.each(|column, row, points| {
        let (wide, high) = (u64::from(beyond(from.columns, column)), u64::from(beyond(from.rows, row)));
        if wide.max(high) <= near {
            return;
        }
        far += points;
        if wide.pow(2) + high.pow(2) > found.0 {
            found = (wide.pow(2) + high.pow(2), column, row);
        }
    })?;
    let middle = |at: u32| (f64::from(at) + 0.5) * STEPS / f64::from(around);
    let round = |degrees: f64| (degrees * 100.0).round() / 100.0;
    let place = (round(longitude(middle(found.1))), round(latitude(middle(found.2))));
    Ok((far > 0).then_some(Far { points: far, place }))
}

/// The box in degrees, no larger than `extent` where it does not lie across the antimeridian.
fn bounds(Pixels { columns, rows }: Pixels, z: u8, extent: &Extent) -> Option<LonLatBounds> {
    let shift = MAX_ZOOM - z;
    let last = |stretch: Stretch| u64::from(stretch.from) + u64::from(stretch.length);
    let end = |end: u64| u32::try_from((end << shift) - 1).unwrap_or(u32::MAX);
    let around = 256u64 << z;
    let (first, rows_end) = ((columns.from << shift, rows.from << shift), end(last(rows).min(around)));
    let is_across = last(columns) > around;
    let mut min = WorldPoint { x: first.0, y: first.1.max(extent.min.y) };
    let mut max =
        WorldPoint { x: end(last(columns) - if is_across { around } else { 0 }), y: rows_end.min(extent.max.y) };
    if is_across {
        let edge = |x| Extent { min: WorldPoint { x, ..min }, max: WorldPoint { x, ..max } }.bounds();
        let (west, east) = (edge(min.x)?, edge(max.x)?);
        return Some(LonLatBounds { east: east.east, ..west });
    }
    (min.x, max.x) = (min.x.max(extent.min.x), max.x.min(extent.max.x));
    Extent { min, max }.bounds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The plain definition: every stretch is tried.
        #[test]
        fn the_shortest_stretch_is_found(
            numbers in proptest::collection::vec(0u64..5, 1..14),
            needed in 1u64..20,
            circle in any::<bool>(),
        ) {
            let length = numbers.len();
            let found = shortest(&numbers, needed, circle);
            let mut best = None::<usize>;
            for from in 0..length {
                for long in 1..=length {
                    if !circle && from + long > length {
                        continue;
                    }
                    let sum: u64 = (from..from + long).map(|at| numbers[at % length]).sum();
                    if sum >= needed && best.is_none_or(|best| long < best) {
                        best = Some(long);
                    }
                }
            }
            prop_assert_eq!(found.map(|found| found.length as usize), best);
            if let Some(Stretch { from, length: long }) = found {
                let sum: u64 = (from..from + long).map(|at| numbers[at as usize % length]).sum();
                prop_assert!(sum >= needed);
            }
        }
    }

    #[test]
    fn a_stretch_goes_round() {
        let stretch = Stretch { from: 14, length: 4 };
        assert_eq!(stretch.place(14, 16), Some(0));
        assert_eq!(stretch.place(1, 16), Some(3));
        assert_eq!((stretch.place(2, 16), stretch.place(13, 16)), (None, None));
    }
}
