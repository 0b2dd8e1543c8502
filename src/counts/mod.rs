//! Counts of lit pixels: the form in which everything before the colours meets everything after them.
//! Integers only, bytes in memory; where they are kept is the business of `store`.
//!
//! Pixels of a tile are named by their Morton code (u16, x in the even bits), always in ascending order.

mod block;
mod distinct;
mod histogram;
mod isolation;
mod stats;

pub use block::{Lit, decode_block, encode_block};
pub use distinct::{DISTINCT_LIMIT, Distinct};
pub use histogram::Histogram;
pub use isolation::{ISOLATION_REACH, Isolation};
pub use stats::{Unit, ZoomStats};

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
pub fn reduce_into(parent: &mut Vec<Lit>, quadrant: u16, child: &[Lit]) -> Result<(), crate::error::Error> {
    let base = quadrant << 14;
    for lit in child {
        let pixel = base | (lit.pixel >> 2);
        match parent.last_mut() {
            Some(last) if last.pixel == pixel => {
                last.count = last.count.checked_add(lit.count).ok_or_else(overflow)?;
            }
            _ => parent.push(Lit { pixel, count: lit.count }),
        }
    }
    debug_assert!(parent.len() <= TILE_PIXELS);
    Ok(())
}

/// Adds the counts of `more` to `lit`, both ascending.
pub fn add_lit(lit: &mut Vec<Lit>, more: &[Lit], spare: &mut Vec<Lit>) -> Result<(), crate::error::Error> {
    spare.clear();
    let mut rest = more.iter().copied().peekable();
    for &l in lit.iter() {
        while let Some(m) = rest.next_if(|m| m.pixel < l.pixel) {
            spare.push(m);
        }
        let count = match rest.next_if(|m| m.pixel == l.pixel) {
            Some(m) => l.count.checked_add(m.count).ok_or_else(overflow)?,
            None => l.count,
        };
        spare.push(Lit { count, ..l });
    }
    spare.extend(rest);
    std::mem::swap(lit, spare);
    Ok(())
}

/// The error for a pixel whose count does not fit 32 bits.
pub fn overflow() -> crate::error::Error {
    crate::error::Error::Limit(
        "a pixel holds more than 4,294,967,295 points, the most a count can hold; split the input".into(),
    )
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
}
