//! Counts of lit pixels, and whatever else is added up a pixel: the form in which everything before the colours meets
//! everything after them. Integers only, bytes in memory; where they are kept is the business of `store`.
//!
//! Pixels of a tile are named by their Morton code (u16, x in the even bits), always in ascending order.

mod block;
mod distinct;
mod histogram;
mod isolation;
mod lit;
mod plane;
mod squares;
mod stats;
mod step;

pub use block::{decode_block, encode_block};
pub use distinct::{DISTINCT_LIMIT, Distinct};
pub use histogram::{Elsewhere, Entries, Histogram};
pub use isolation::{ISOLATION_REACH, Isolation};
pub use lit::Lit;
pub use plane::{Operator, Plane, PlaneId, Value, Width, overflow};
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
    for lit in child {
        let pixel = base | (lit.pixel >> 2);
        match parent.last_mut() {
            Some(last) if last.pixel == pixel => {
                last.count = last.count.plus(lit.count)?;
            }
            _ => parent.push(Lit { pixel, count: lit.count }),
        }
    }
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
    fn numbers_of_64_bits_add_and_reduce_and_never_wrap() {
        let most = 1u64 << 62;
        let child = [Lit { pixel: 5, count: most }, Lit { pixel: 6, count: 7 }];
        let mut parent = Vec::new();
        for quadrant in 0..4 {
            reduce_into(&mut parent, quadrant, &child).unwrap();
        }
        assert_eq!(parent.iter().map(|l| l.count).collect::<Vec<_>>(), [most + 7; 4]);
        let (mut lit, mut spare) = (child.to_vec(), Vec::new());
        add_lit(&mut lit, &child, &mut spare).unwrap();
        add_lit(&mut lit, &[Lit { pixel: 5, count: 2 * most - 1 }], &mut spare).unwrap();
        assert_eq!(lit, [Lit { pixel: 5, count: u64::MAX }, Lit { pixel: 6, count: 14 }]);
        let one = [Lit { pixel: 5, count: 1u64 }];
        let says = add_lit(&mut lit, &one, &mut spare).unwrap_err().to_string();
        assert!(says.contains("18,446,744,073,709,551,615"), "{says}");
        assert!(reduce_into(&mut vec![Lit { pixel: 1, count: u64::MAX }], 0, &one).is_err());
        let mut stats = ZoomStats::default();
        stats.add_tile(&[Lit { pixel: 5, count: u64::MAX - 1 }]).unwrap();
        stats.add_tile(&one).unwrap();
        assert_eq!(
            (stats.sum, stats.max, stats.distinct.values()),
            (u64::MAX, u64::MAX - 1, Some(vec![1, u64::MAX - 1]))
        );
        assert!(stats.add_tile(&one).is_err());
        assert!(stats.clone().merge(&stats).is_err());
        assert!(
            ZoomStats::default().add_tile(&[Lit { pixel: 0, count: u64::MAX }, Lit { pixel: 1, count: 1 }]).is_err()
        );
    }
}
