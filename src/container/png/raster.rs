//! From all pixels of a tile to tokens: pack the rows, mark which bytes equal the one before and which the one above,
//! sixty-four at a time, and step from one long enough stretch of marks to the next. No hashing, no search.

use super::Depth;
use super::tokens::{ABOVE, LEFT, LONGEST, SHORTEST, Tokens};
use crate::tile::{TILE_PIXELS, TILE_SIDE};

/// Room before the rows, so that the byte before and the row above always are some bytes.
const PAD: usize = 320;
/// How much longer than a run a match with the row above must be: its distance takes four to seven bits more.
const ABOVE_COSTS: usize = 4;

/// Lit pixels of a raster.
pub(super) fn lit(pixels: &[u8; TILE_PIXELS]) -> usize {
    let count = |row: &[u8]| usize::from(row.iter().map(|&p| u16::from(p != 0)).sum::<u16>());
    pixels.chunks_exact(TILE_SIDE as usize).map(count).sum()
}

/// The lit pixels of a raster as a list.
pub(super) fn list(pixels: &[u8; TILE_PIXELS], lit: &mut Vec<(u16, u8)>) {
    lit.clear();
    let (eights, _) = pixels.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        if u64::from_ne_bytes(*eight) != 0 {
            let all = eight.iter().enumerate().map(|(k, &index)| ((i * 8 + k) as u16, index));
            lit.extend(all.filter(|p| p.1 != 0));
        }
    }
}

/// Rows and marks of the tile at work.
#[derive(Debug)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    /// One bit a byte: equal to the byte before.
    left: Vec<u64>,
    /// Equal to the byte above.
    above: Vec<u64>,
    /// The first of at least [`SHORTEST`] marked in one of the two.
    starts: Vec<u64>,
}

impl Default for Rows {
    fn default() -> Self {
        let words = || vec![0; Depth::Eight.size() / 64 + 1];
        Self { bytes: vec![0; PAD + Depth::Eight.size() + 8], left: words(), above: words(), starts: words() }
    }
}

impl Rows {
    /// Appends the tokens of the tile; returns the bytes they stand for.
    pub(super) fn tokenise(&mut self, pixels: &[u8], depth: Depth, tokens: &mut Tokens) -> &[u8] {
        self.pack(pixels, depth);
        self.mark(depth);
        self.parse(depth.size(), tokens);
        &self.bytes[PAD..PAD + depth.size()]
    }

    fn pack(&mut self, pixels: &[u8], depth: Depth) {
        let rows = self.bytes[PAD..].chunks_exact_mut(depth.stride());
        for (to, from) in rows.zip(pixels.chunks_exact(TILE_SIDE as usize)) {
            let Some((filter, to)) = to.split_first_mut() else { continue };
            *filter = 0;
            match depth {
                Depth::Eight => to.copy_from_slice(from),
                Depth::Four => {
                    for (byte, p) in to.iter_mut().zip(from.as_chunks::<2>().0) {
                        *byte = p[0] << 4 | p[1];
                    }
                }
                // The products bring a byte's pixels side by side, the first one highest.
                Depth::Two => {
                    for (byte, p) in to.iter_mut().zip(from.as_chunks::<4>().0) {
                        *byte = (u32::from_le_bytes(*p).wrapping_mul(0x4010_0401) >> 24) as u8;
                    }
                }
                Depth::One => {
                    for (byte, p) in to.iter_mut().zip(from.as_chunks::<8>().0) {
                        *byte = (u64::from_le_bytes(*p).wrapping_mul(0x8040_2010_0804_0201) >> 56) as u8;
                    }
                }
            }
        }
    }

    fn mark(&mut self, depth: Depth) {
        let (words, stride) = (depth.size() / 64, depth.stride());
        for word in 0..words {
            let at = PAD + word * 64;
            let block = |from: usize| self.bytes[from..].first_chunk::<64>();
            let (Some(here), Some(left), Some(above)) = (block(at), block(at - 1), block(at - stride)) else { break };
            self.left[word] = equal(here, left);
            self.above[word] = equal(here, above);
        }
        // Before the first byte and the first row lies nothing.
        self.left[0] &= !1;
        self.above[..stride / 64].fill(0);
        self.above[stride / 64] &= !0 << (stride % 64);
        (self.left[words], self.above[words], self.starts[words]) = (0, 0, 0);
        for word in 0..words {
            let long = |marks: &[u64]| {
                let two = u128::from(marks[word]) | u128::from(marks[word + 1]) << 64;
                let two = two & two >> 1;
                let four = two & two >> 2;
                (four & four >> 4) as u64
            };
            self.starts[word] = long(&self.left) | long(&self.above);
        }
    }

    fn parse(&self, size: usize, tokens: &mut Tokens) {
        let bytes = &self.bytes[PAD..];
        let mut at = 0;
        while at < size {
            let start = next(&self.starts, at).min(size);
            tokens.literals(&bytes[at..], start - at);
            at = start;
            if at < size {
                let (left, above) = (stretch(&self.left, at), stretch(&self.above, at));
                let better = above >= SHORTEST && above > left + ABOVE_COSTS;
                let length = if left >= SHORTEST && !better { left } else { above };
                tokens.copy(if length == left { LEFT } else { ABOVE }, length);
                at += length;
            }
        }
    }
}

/// One bit for each byte that is the same in both.
#[inline]
fn equal(a: &[u8; 64], b: &[u8; 64]) -> u64 {
    const BYTES: u64 = 0x0101_0101_0101_0101;
    // Vector instructions for the comparison; then each eight bytes, one bit set in each, are added up by a product.
    let mut marks = [0u8; 64];
    for (k, mark) in marks.iter_mut().enumerate() {
        *mark = if a[k] == b[k] { 1 << (k % 8) } else { 0 };
    }
    let eights = marks.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |bits, (k, m)| bits | (u64::from_le_bytes(*m).wrapping_mul(BYTES) >> 56) << (8 * k))
}

/// Place of the first bit from `at` on, or one past all.
#[inline]
fn next(marks: &[u64], at: usize) -> usize {
    let mut word = at / 64;
    let mut bits = marks[word] & (!0 << (at % 64));
    while bits == 0 {
        word += 1;
        match marks.get(word) {
            Some(&more) => bits = more,
            None => return word * 64,
        }
    }
    word * 64 + bits.trailing_zeros() as usize
}

/// How many bits are set without a gap from `at` on, up to the longest match.
#[inline]
fn stretch(marks: &[u64], at: usize) -> usize {
    let (mut word, bit) = (at / 64, at % 64);
    let mut length = (marks[word] >> bit).trailing_ones() as usize;
    if length == 64 - bit {
        while length < LONGEST {
            word += 1;
            let more = marks.get(word).map_or(0, |m| m.trailing_ones() as usize);
            length += more;
            if more < 64 {
                break;
            }
        }
    }
    length.min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_where_bytes_are_equal(
            a in prop::collection::vec(prop_oneof![0..3u8, any::<u8>()], 64),
            b in prop::collection::vec(prop_oneof![0..3u8, any::<u8>()], 64),
        ) {
            let expected = (0..64).fold(0, |bits, k| bits | u64::from(a[k] == b[k]) << k);
            let (a, b): ([u8; 64], [u8; 64]) = (a.try_into().unwrap(), b.try_into().unwrap());
            prop_assert_eq!(equal(&a, &b), expected);
        }
    }
}
