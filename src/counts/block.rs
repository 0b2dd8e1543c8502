//! The block codec: one tile's lit pixels as a few bytes. A block is the number of lit pixels, then for each
//! the gap to the one before and its count, both as LEB128; a gap of one with a count of one, the most
//! frequent pair in dense areas, and other small pairs share a single byte.
//!
//! Pair byte b < 240: gap = 1 + b / 15, count = 1 + b % 15 (gaps 1..=16, counts 1..=15).
//! b = 240: LEB128 gap - 1 and LEB128 count - 1 follow. Pixels start from -1, so the first gap is pixel + 1.

use super::{Lit, Value};

const MAX_GAP: u32 = 16;
const MAX_COUNT: u8 = 15;
const ESCAPE: u8 = MAX_GAP as u8 * MAX_COUNT;

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            // Of the last byte there is room for one bit.
            return (shift < 63 || byte < 2).then_some(value);
        }
    }
    None
}

/// Appends the block of `lit` (ascending pixels, counts above 0) to `out`: the same bytes for the same numbers, however
/// wide they are.
pub fn encode_block<V: Value>(lit: &[Lit<V>], out: &mut Vec<u8>) {
    put(out, lit.len() as u64);
    let mut next = 0u32;
    for l in lit {
        let (gap, count) = (u32::from(l.pixel) - next, l.count.into() - 1);
        next = u32::from(l.pixel) + 1;
        if gap < MAX_GAP && count < u64::from(MAX_COUNT) {
            out.push(gap as u8 * MAX_COUNT + count as u8);
        } else {
            out.push(ESCAPE);
            put(out, gap.into());
            put(out, count);
        }
    }
}

/// Appends the lit pixels of the block at the start of `bytes` to `lit`; `None` when the bytes are no block of numbers that
/// wide.
pub fn decode_block<V: Value>(bytes: &[u8], lit: &mut Vec<Lit<V>>) -> Option<()> {
    let mut at = 0;
    let len = take(bytes, &mut at)?;
    if len > 1 << 16 {
        return None;
    }
    lit.reserve(len as usize);
    let mut next = 0u32;
    for _ in 0..len {
        let byte = *bytes.get(at)?;
        at += 1;
        #[expect(clippy::comparison_chain, reason = "the first case is nearly every byte")]
        let (gap, count) = if byte < ESCAPE {
            (u32::from(byte / MAX_COUNT), V::from(byte % MAX_COUNT + 1))
        } else if byte == ESCAPE {
            let gap = u32::try_from(take(bytes, &mut at)?).ok()?;
            (gap, V::narrow(take(bytes, &mut at)?.checked_add(1)?)?)
        } else {
            return None;
        };
        let pixel = u16::try_from(next.checked_add(gap)?).ok()?;
        next = u32::from(pixel) + 1;
        lit.push(Lit { pixel, count });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_round_trip(pairs in proptest::collection::btree_map(any::<u16>(), 1u32.., 0..300)) {
            let lit: Vec<Lit> = pairs.into_iter().map(|(pixel, count)| Lit { pixel, count }).collect();
            let mut bytes = Vec::new();
            encode_block(&lit, &mut bytes);
            let mut back = Vec::new();
            prop_assert_eq!(decode_block(&bytes, &mut back), Some(()));
            prop_assert_eq!(&back, &lit);
            // The same bytes for the same numbers, however wide they are.
            let wide: Vec<Lit<u64>> = lit.iter().map(|l| Lit { pixel: l.pixel, count: l.count.into() }).collect();
            let (mut wide_bytes, mut wide_back) = (Vec::new(), Vec::new());
            encode_block(&wide, &mut wide_bytes);
            prop_assert_eq!(&wide_bytes, &bytes);
            prop_assert_eq!(decode_block(&bytes, &mut wide_back), Some(()));
            prop_assert_eq!(wide_back, wide);
        }

        #[test]
        fn wide_blocks_round_trip(
            pairs in proptest::collection::btree_map(any::<u16>(), prop_oneof![1u64..20, 1u64.., Just(u64::MAX)], 0..300),
        ) {
            let lit: Vec<Lit<u64>> = pairs.into_iter().map(|(pixel, count)| Lit { pixel, count }).collect();
            let mut bytes = Vec::new();
            encode_block(&lit, &mut bytes);
            let mut back = Vec::new();
            prop_assert_eq!(decode_block(&bytes, &mut back), Some(()));
            prop_assert_eq!(&back, &lit);
            let fits = lit.iter().all(|l| u32::try_from(l.count).is_ok());
            prop_assert_eq!(decode_block::<u32>(&bytes, &mut Vec::new()).is_some(), fits);
        }

        #[test]
        fn damaged_blocks_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_block::<u32>(&bytes, &mut Vec::new());
            let _ = decode_block::<u64>(&bytes, &mut Vec::new());
        }
    }

    #[test]
    fn a_full_tile_takes_one_byte_a_pixel() {
        let lit: Vec<Lit> = (0..=u16::MAX).map(|pixel| Lit { pixel, count: 7 }).collect();
        let mut bytes = Vec::new();
        encode_block(&lit, &mut bytes);
        assert_eq!(bytes.len(), 65_536 + 3);
    }
}
