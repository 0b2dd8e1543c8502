//! Lit squares of a tile: how many squares of 1, 2, 4 ... 256 pixels a side hold a lit pixel (box counting).

use super::Lit;

/// Sides of 2^0 to 2^8 pixels.
const LEVELS: usize = 9;

/// The numbers of lit squares of side 1, 2, 4 ... 256 pixels of a tile with those pixels (in Morton order, so that the
/// pixels of a square follow each other).
pub fn squares(lit: &[Lit]) -> [u64; LEVELS] {
    let Some(first) = lit.first() else { return [0; LEVELS] };
    let mut squares = [1; LEVELS];
    let mut before = first.pixel;
    for l in lit.iter().skip(1) {
        // The largest square that it does not share with the pixel before has this level.
        let apart = (u16::BITS - (l.pixel ^ before).leading_zeros()).div_ceil(2);
        squares.iter_mut().take(apart as usize).for_each(|squares| *squares += 1);
        before = l.pixel;
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::row_major;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn squares_are_counted_by_their_places(pixels in proptest::collection::btree_set(
            prop_oneof![any::<u16>(), 0u16..64, 49_000u16..49_040], 0..200,
        )) {
            let lit: Vec<Lit> = pixels.iter().map(|&pixel| Lit { pixel, count: 1 }).collect();
            let found = squares(&lit);
            for (level, &found) in found.iter().enumerate() {
                let square = |&pixel: &u16| {
                    let at = row_major(pixel);
                    ((at & 255) >> level, (at >> 8) >> level)
                };
                let all: BTreeSet<_> = pixels.iter().map(square).collect();
                prop_assert_eq!(found, all.len() as u64);
            }
        }
    }
}
