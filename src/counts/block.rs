//! The block codec: one tile's lit pixels as a few bytes. A block is the number of lit pixels, then for each
//! the gap to the one before and its count, both as LEB128; a gap of one with a count of one, the most
//! frequent pair in dense areas, and other small pairs share a single byte.
//!
//! Pair byte b < 240: gap = 1 + b / 15, count = 1 + b % 15 (gaps 1..=16, counts 1..=15).
//! b = 240: LEB128 gap - 1 and LEB128 count - 1 follow. Pixels start from -1, so the first gap is pixel + 1.
//! Where pixels hold a sum it follows each pair: how many bytes it has, then these, the lowest first, of the number that
//! stands for it (0, -1, 1, -2 ... as 0, 1, 2, 3 ...).

use super::varint::{put, take};
use super::{Holds, Lit, Value};

const MAX_GAP: u32 = 16;
const MAX_COUNT: u8 = 15;
const ESCAPE: u8 = MAX_GAP as u8 * MAX_COUNT;

/// Numbers near 0 as small ones: 0, -1, 1, -2 ...
fn zigzag(sum: i64) -> u64 {
    ((sum << 1) ^ (sum >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn put_sum(out: &mut Vec<u8>, sum: i64) {
    let value = zigzag(sum);
    let len = (u64::BITS - value.leading_zeros()).div_ceil(8) as usize;
    out.push(len as u8);
    out.extend_from_slice(&value.to_le_bytes()[..len]);
}

#[inline]
fn take_sum(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let len = usize::from(*bytes.get(*at)?);
    let from = *at + 1;
    *at = from + len;
    // All that there can be at once where the block goes on for as long, which it nearly always does.
    let value = match bytes.get(from..from + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok()) {
        Some(eight) if len < 8 => u64::from_le_bytes(eight) & ((1 << (8 * len)) - 1),
        Some(eight) if len == 8 => u64::from_le_bytes(eight),
        _ => {
            let mut eight = [0; 8];
            eight.get_mut(..len)?.copy_from_slice(bytes.get(from..from + len)?);
            u64::from_le_bytes(eight)
        }
    };
    Some(unzigzag(value))
}

/// Appends the block of `lit` (ascending pixels, counts above 0) to `out`.
pub fn encode_block<V: Value>(lit: &[Lit<V>], out: &mut Vec<u8>) {
    put(out, lit.len() as u64);
    let mut next = 0u32;
    for l in lit {
        let (gap, count) = (u32::from(l.pixel) - next, l.count.count() - 1);
        next = u32::from(l.pixel) + 1;
        if gap < MAX_GAP && count < u32::from(MAX_COUNT) {
            out.push(gap as u8 * MAX_COUNT + count as u8);
        } else {
            out.push(ESCAPE);
            put(out, gap.into());
            put(out, count.into());
        }
        if V::HOLDS == Holds::Sums {
            put_sum(out, l.count.sum());
        }
    }
}

/// Gap and count of each pair byte; a count of 0 where it is none.
const PAIRS: [(u8, u8); 256] = {
    let mut pairs = [(0, 0); 256];
    let mut byte = 0;
    while byte < ESCAPE as usize {
        pairs[byte] = (byte as u8 / MAX_COUNT, byte as u8 % MAX_COUNT + 1);
        byte += 1;
    }
    pairs
};

/// Appends the lit pixels of the block that `bytes` are to `lit`; `None` when they are no block of what they hold, and `lit`
/// is of no use then.
pub fn decode_block<V: Value>(bytes: &[u8], lit: &mut Vec<Lit<V>>) -> Option<()> {
    let mut at = 0;
    let len = take(bytes, &mut at)?;
    if len > 1 << 16 {
        return None;
    }
    let from = lit.len();
    lit.resize(from + len as usize, Lit::default());
    let mut slots = &mut lit[from..];
    // The pixel behind the last one.
    let mut next = 0u32;
    loop {
        if V::HOLDS == Holds::Counts {
            // Nearly every pixel is one byte.
            let mut plain = 0;
            for (slot, &byte) in slots.iter_mut().zip(&bytes[at..]) {
                let (gap, count) = PAIRS[usize::from(byte)];
                if count == 0 {
                    break;
                }
                let pixel = next + u32::from(gap);
                *slot = Lit { pixel: pixel as u16, count: V::new(count.into(), 0) };
                next = pixel + 1;
                plain += 1;
            }
            // Pixels ascend, so the last one tells of all.
            if next > 1 << 16 {
                return None;
            }
            at += plain;
            slots = &mut slots[plain..];
        }
        let Some((slot, rest)) = slots.split_first_mut() else { break };
        let byte = *bytes.get(at)?;
        at += 1;
        let (gap, count) = if byte == ESCAPE {
            let gap = u32::try_from(take(bytes, &mut at)?).ok()?;
            (gap, u32::try_from(take(bytes, &mut at)?.checked_add(1)?).ok()?)
        } else {
            let (gap, count) = PAIRS[usize::from(byte)];
            (u32::from(gap), Some(u32::from(count)).filter(|count| *count > 0)?)
        };
        let sum = if V::HOLDS == Holds::Sums { take_sum(bytes, &mut at)? } else { 0 };
        let pixel = u16::try_from(next.checked_add(gap)?).ok()?;
        next = u32::from(pixel) + 1;
        *slot = Lit { pixel, count: V::new(count, sum) };
        slots = rest;
    }
    (at == bytes.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Weighed;
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
        }

        #[test]
        fn blocks_with_sums_round_trip(
            pairs in proptest::collection::btree_map(
                any::<u16>(),
                (prop_oneof![1u32..20, 1u32..], prop_oneof![-9i64..9, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]),
                0..300,
            ),
        ) {
            let lit: Vec<Lit<Weighed>> =
                pairs.into_iter().map(|(pixel, (count, sum))| Lit { pixel, count: Weighed { sum, count } }).collect();
            let mut bytes = Vec::new();
            encode_block(&lit, &mut bytes);
            let mut back = Vec::new();
            prop_assert_eq!(decode_block(&bytes, &mut back), Some(()));
            prop_assert_eq!(&back, &lit);
        }

        #[test]
        fn damaged_blocks_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_block::<u32>(&bytes, &mut Vec::new());
            let _ = decode_block::<Weighed>(&bytes, &mut Vec::new());
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
