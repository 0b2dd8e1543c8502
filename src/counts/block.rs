//! The block codec: one tile's lit pixels as a few bytes. A block is the number of lit pixels, then for each
//! the gap to the one before and its count, both as LEB128; a gap of one with a count of one, the most
//! frequent pair in dense areas, and other small pairs share a single byte.
//!
//! Pair byte b < 240: gap = 1 + b / 15, count = 1 + b % 15 (gaps 1..=16, counts 1..=15).
//! b = 240: LEB128 gap - 1 and LEB128 count - 1 follow. Pixels start from -1, so the first gap is pixel + 1.

/// A lit pixel: its Morton code within the tile and how many points fell on it (never 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lit {
    /// Morton code within the tile.
    pub pixel: u16,
    /// Points on the pixel.
    pub count: u32,
}

const MAX_GAP: u32 = 16;
const MAX_COUNT: u32 = 15;
const ESCAPE: u8 = (MAX_GAP * MAX_COUNT) as u8;

fn put(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(bytes: &[u8], at: &mut usize) -> Option<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Appends the block of `lit` (ascending pixels, counts above 0) to `out`.
pub fn encode_block(lit: &[Lit], out: &mut Vec<u8>) {
    put(out, lit.len() as u32);
    let mut next = 0u32;
    for l in lit {
        let (gap, count) = (u32::from(l.pixel) - next, l.count - 1);
        next = u32::from(l.pixel) + 1;
        if gap < MAX_GAP && count < MAX_COUNT {
            out.push((gap * MAX_COUNT + count) as u8);
        } else {
            out.push(ESCAPE);
            put(out, gap);
            put(out, count);
        }
    }
}

/// Appends the lit pixels of the block at the start of `bytes` to `lit`; `None` when the bytes are no block.
pub fn decode_block(bytes: &[u8], lit: &mut Vec<Lit>) -> Option<()> {
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
        let (gap, count) = if byte < ESCAPE {
            (u32::from(byte) / MAX_COUNT, u32::from(byte) % MAX_COUNT)
        } else if byte == ESCAPE {
            (take(bytes, &mut at)?, take(bytes, &mut at)?)
        } else {
            return None;
        };
        let pixel = u16::try_from(next.checked_add(gap)?).ok()?;
        next = u32::from(pixel) + 1;
        lit.push(Lit { pixel, count: count.checked_add(1)? });
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
            prop_assert_eq!(back, lit);
        }

        #[test]
        fn damaged_blocks_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut lit = Vec::new();
            let _ = decode_block(&bytes, &mut lit);
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
