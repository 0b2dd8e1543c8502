//! How alone the lit pixels of a zoom are, found from counts on the host, for both backends. Distances are those of
//! squares: the larger of columns and rows; over tile borders and the antimeridian, like spread itself.

use rayon::prelude::*;

use super::borders::for_each_area;
use crate::backend::Memory;
use crate::counts::{ISOLATION_REACH, Isolation, Value};
use crate::error::Result;
use crate::store::CountStore;
use crate::tile::{TILE_SIDE, TileCoord};

const REACH: i32 = ISOLATION_REACH as i32;
const SIDE: i32 = TILE_SIDE as i32;
/// Pixels along a tile and its surroundings.
const WIDE: usize = (SIDE + 2 * REACH) as usize;
/// Pixels up to which looking at each one's neighbours in a sorted list takes less time than a raster.
const FEW: usize = 2_000;

/// The isolation of the pixels of zoom `z` with a count of `least` or more.
pub(in crate::backend) fn zoom<V: Value>(
    counts: &CountStore<V>,
    z: u8,
    least: u32,
    memory: &Memory,
) -> Result<Isolation> {
    let mut isolation = Isolation::default();
    for_each_area(counts, z, ISOLATION_REACH, memory, |borders| {
        let tiles = borders.lit();
        let pieces = tiles.par_iter().map_init(Default::default, |(lit, near): &mut (Vec<_>, Vec<_>), &code| {
            borders.gather(counts, TileCoord::from_morton(z, code), lit, near, Value::count)?;
            near.retain(|n| n.2 >= least);
            Ok(if near.len() <= FEW { of_list(near) } else { of_raster(near) })
        });
        let area = pieces.try_reduce(Isolation::default, |mut a, b| {
            a.merge(&b);
            Ok(a)
        })?;
        isolation.merge(&area);
        Ok(())
    })?;
    Ok(isolation)
}

fn is_inside(&(x, y, _): &(i32, i32, u32)) -> bool {
    (0..SIDE).contains(&x) && (0..SIDE).contains(&y)
}

/// Looks from each pixel at those that follow it within reach.
fn of_list(near: &mut [(i32, i32, u32)]) -> Isolation {
    near.sort_unstable_by_key(|&(x, y, _)| (y, x));
    let mut next = vec![u32::MAX; near.len()];
    for (at, &(x, y, _)) in near.iter().enumerate() {
        for (other, &(other_x, other_y, _)) in near.iter().enumerate().skip(at + 1) {
            if other_y - y > REACH {
                break;
            }
            let distance = other_x.abs_diff(x).max(other_y.abs_diff(y));
            next[at] = next[at].min(distance);
            next[other] = next[other].min(distance);
        }
    }
    let mut isolation = Isolation::default();
    near.iter().zip(next).filter(|(pixel, _)| is_inside(pixel)).for_each(|(_, distance)| isolation.add(distance));
    isolation
}

/// Counts the pixels of any square by four looks at a table of sums.
fn of_raster(near: &[(i32, i32, u32)]) -> Isolation {
    let mut sums = vec![0u32; (WIDE + 1) * (WIDE + 1)];
    let at = |x: i32, y: i32| (y + REACH) as usize * (WIDE + 1) + (x + REACH) as usize;
    for &(x, y, _) in near {
        sums[at(x + 1, y + 1)] = 1;
    }
    for y in 1..=WIDE {
        let mut row = 0;
        for x in 1..=WIDE {
            row += sums[y * (WIDE + 1) + x];
            sums[y * (WIDE + 1) + x] = row + sums[(y - 1) * (WIDE + 1) + x];
        }
    }
    let mut isolation = Isolation::default();
    for &(x, y, _) in near.iter().filter(|pixel| is_inside(pixel)) {
        let within = |r: i32| {
            let (left, top, right, bottom) = (x - r, y - r, x + r + 1, y + r + 1);
            sums[at(right, bottom)] + sums[at(left, top)] - sums[at(left, bottom)] - sums[at(right, top)]
        };
        isolation.add((2..=ISOLATION_REACH).step_by(2).find(|&r| within(r as i32) > 1).unwrap_or(u32::MAX));
    }
    isolation
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Both ways, and the plain definition.
        #[test]
        fn both_ways_find_the_same(
            pixels in proptest::collection::btree_set(
                prop_oneof![(-6i32..262, -6i32..262), (100i32..140, -6i32..20), (-6i32..20, 240i32..262)],
                1..120,
            ),
        ) {
            let mut near: Vec<_> = pixels.iter().map(|&(x, y)| (x, y, 1)).collect();
            let (list, raster) = (of_list(&mut near), of_raster(&near));
            prop_assert_eq!(list, raster);
            let inside = |&&(x, y): &&(i32, i32)| is_inside(&(x, y, 1));
            prop_assert_eq!(list.lit, pixels.iter().filter(inside).count() as u64);
            for (within, accompanied) in [2, 4, 6].into_iter().zip(list.accompanied) {
                let has = |&&(x, y): &&(i32, i32)| {
                    pixels.iter().any(|&(a, b)| (a, b) != (x, y) && (a - x).abs() <= within && (b - y).abs() <= within)
                };
                prop_assert_eq!(accompanied, pixels.iter().filter(inside).filter(has).count() as u64);
            }
        }
    }
}
