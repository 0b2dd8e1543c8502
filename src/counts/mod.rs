//! Counts of lit pixels, and whatever else is added up a pixel: the form in which everything before the colours meets
//! everything after them. Integers only, bytes in memory; where they are kept is the business of `store`.
//!
//! Pixels of a tile are named by their Morton code (u16, x in the even bits), always in ascending order.

mod block;
mod distinct;
mod histogram;
mod isolation;
pub mod labels;
pub mod level;
mod lit;
mod measure;
mod plane;
mod squares;
mod stats;
mod step;
pub mod varint;

pub use block::{decode_block, encode_block};
pub use distinct::{DISTINCT_LIMIT, Distinct};
pub use histogram::{Elsewhere, Entries, Histogram};
pub use isolation::{ISOLATION_REACH, Isolation};
pub use lit::Lit;
pub use measure::{Measure, Measuring};
pub use plane::{Holds, Value, Weighed, overflow, sum_overflow};
pub use squares::squares;
pub use stats::{Unit, ZoomStats};
pub use step::{Step, Steps, TooLarge};

use crate::error::Result;
use crate::tile::TILE_PIXELS;

/// Row-major place (`row * 256 + column`) of a pixel given by its Morton code.
#[inline]
pub fn row_major(pixel: u16) -> u16 {
    let even =
        |bits: u16| u16::from(SQUEEZE[usize::from(bits & 0xff)]) | (u16::from(SQUEEZE[usize::from(bits >> 8)]) << 4);
    even(pixel) | (even(pixel >> 1) << 8)
}

/// Morton code of a pixel given in row-major order.
#[inline]
pub fn pixel_morton(row_major: u16) -> u16 {
    SPREAD[usize::from(row_major & 0xff)] | (SPREAD[usize::from(row_major >> 8)] << 1)
}

/// Even bits of a byte gathered into a nibble.
const SQUEEZE: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = ((i & 1) | ((i >> 1) & 2) | ((i >> 2) & 4) | ((i >> 3) & 8)) as u8;
        i += 1;
    }
    table
};

/// Bits of a byte spread to the even bits of a u16.
const SPREAD: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut i = 0;
    while i < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[i] |= (((i >> bit) & 1) << (2 * bit)) as u16;
            bit += 1;
        }
        i += 1;
    }
    table
};

/// Adds each lit pixel to the pixel of the parent tile that covers it. `quadrant` is the child's place in
/// the parent (its Morton code modulo 4). `parent` stays ascending when quadrants come in order.
pub fn reduce_into<V: Value>(parent: &mut Vec<Lit<V>>, quadrant: u16, child: &[Lit<V>]) -> Result<()> {
    let base = quadrant << 14;
    let Some((first, rest)) = child.split_first() else { return Ok(()) };
    // The pixel at hand stays out of the list until it is whole.
    let mut last = Lit { pixel: base | (first.pixel >> 2), count: first.count };
    if let Some(before) = parent.pop_if(|before| before.pixel == last.pixel) {
        last.count = before.count.plus(last.count)?;
    }
    for lit in rest {
        let pixel = base | (lit.pixel >> 2);
        if pixel == last.pixel {
            last.count = last.count.plus(lit.count)?;
        } else {
            parent.push(last);
            last = Lit { pixel, count: lit.count };
        }
    }
    parent.push(last);
    debug_assert!(parent.len() <= TILE_PIXELS);
    Ok(())
}

/// Adds the counts of `more` to `lit`, both ascending.
pub fn add_lit<V: Value>(lit: &mut Vec<Lit<V>>, more: &[Lit<V>], spare: &mut Vec<Lit<V>>) -> Result<()> {
    spare.clear();
    let mut rest = more.iter().copied().peekable();
    for &l in lit.iter() {
        while let Some(m) = rest.next_if(|m| m.pixel < l.pixel) {
            spare.push(m);
        }
        let count = match rest.next_if(|m| m.pixel == l.pixel) {
            Some(m) => l.count.plus(m.count)?,
            None => l.count,
        };
        spare.push(Lit { count, ..l });
    }
    spare.extend(rest);
    std::mem::swap(lit, spare);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_orders_are_inverse() {
        for row_major_pixel in 0..=u16::MAX {
            let code = pixel_morton(row_major_pixel);
            assert_eq!(row_major(code), row_major_pixel);
            let (x, y) = (u64::from(row_major_pixel & 0xff), u64::from(row_major_pixel >> 8));
            assert_eq!(u64::from(code), crate::tile::interleave(x as u32) | (crate::tile::interleave(y as u32) << 1));
        }
    }

    #[test]
    fn four_children_sum_into_their_parent() {
        let child = [Lit { pixel: 0, count: 2 }, Lit { pixel: 3, count: 5 }, Lit { pixel: 4, count: 1 }];
        let mut parent = Vec::new();
        for quadrant in 0..4 {
            reduce_into(&mut parent, quadrant, &child).unwrap();
        }
        assert_eq!(parent.len(), 8);
        assert_eq!(parent.iter().map(|l| l.count).sum::<u32>(), 32);
        assert_eq!((parent[0].count, parent[1].count, parent[2].pixel), (7, 1, 1 << 14));
    }

    #[test]
    fn sums_add_and_reduce_and_never_wrap() {
        let of = |pixel: u16, sum: i64| Lit { pixel, count: Weighed { sum, count: 1 } };
        let most = 1i64 << 61;
        let child = [of(5, most), of(6, -7)];
        let mut parent = Vec::new();
        for quadrant in 0..4 {
            reduce_into(&mut parent, quadrant, &child).unwrap();
        }
        assert_eq!(parent.iter().map(|l| l.count).collect::<Vec<_>>(), [Weighed { sum: most - 7, count: 2 }; 4]);
        let (mut lit, mut spare) = (child.to_vec(), Vec::new());
        add_lit(&mut lit, &child, &mut spare).unwrap();
        add_lit(&mut lit, &[of(5, i64::MAX - 2 * most)], &mut spare).unwrap();
        let two = |pixel, sum, count| Lit { pixel, count: Weighed { sum, count } };
        assert_eq!(lit, [two(5, i64::MAX, 3), two(6, -14, 2)]);
        let says = add_lit(&mut lit, &[of(5, 1)], &mut spare).unwrap_err().to_string();
        assert!(says.contains("9,223,372,036,854,775,807"), "{says}");
        assert!(reduce_into(&mut vec![of(1, i64::MIN)], 0, &[of(5, -1)]).is_err());
        // Statistics are those of the points.
        let mut stats = ZoomStats::default();
        stats.add_tile(&[two(5, i64::MAX, 7), two(6, -1, 2)]).unwrap();
        assert_eq!((stats.sum, stats.max, stats.lit), (9, 7, 2));
    }
}
