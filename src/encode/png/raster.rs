//! From all pixels of a tile to tokens: pack the rows, mark which bytes equal the one before and which the one above,
//! sixty-four at a time, and step from one long enough stretch of marks to the next. No hashing, no search.

use super::tokens::{ABOVE, FARTHEST, LEFT, LONGEST, SHORTEST, Tokens};
use super::{Depth, Numbers};

/// How many changes of value a match with the row above must span: it costs about as much as so many bytes that are
/// said, and the zeros between them cost next to nothing.
const ABOVE_PAYS: usize = 3;

/// Shortest match with bytes farther away that pays: about as many bits as that many bytes take.
pub(super) const FAR_PAYS: usize = 6;
/// Bits of the hash of four bytes by which such matches are found.
const HASH_BITS: u32 = 12;

/// Lit pixels of a raster.
pub(super) fn lit(pixels: &[u8]) -> usize {
    let count = |row: &[u8]| usize::from(row.iter().map(|&p| u16::from(p != 0)).sum::<u16>());
    pixels.chunks(256).map(count).sum()
}

/// The lit pixels of a raster as a list.
pub(super) fn list<P: super::list::Place + Default>(pixels: &[u8], place: fn(u32) -> P, lit: &mut Vec<(P, u8)>) {
    lit.clear();
    let (eights, _) = pixels.as_chunks::<8>();
    for (i, eight) in eights.iter().enumerate() {
        if u64::from_ne_bytes(*eight) != 0 {
            // All eight are put down, each over the last where that was not lit: no branch to guess.
            let mut end = lit.len();
            lit.resize(end + 8, (P::default(), 0));
            for (k, &index) in eight.iter().enumerate() {
                lit[end] = (place((i * 8 + k) as u32), index);
                end += usize::from(index != 0);
            }
            lit.truncate(end);
        }
    }
}

/// Rows and marks of the tile at work.
#[derive(Debug)]
pub(super) struct Rows<const SIDE: usize> {
    bytes: Vec<u8>,
    /// One bit a byte: equal to the byte before.
    left: Vec<u64>,
    /// Equal to the byte above.
    above: Vec<u64>,
    /// The first of at least [`SHORTEST`] equal to the byte before.
    runs: Vec<u64>,
    /// The same, or equal to those above.
    starts: Vec<u64>,
    met: Met<SIDE>,
}

/// Where four bytes of each hash were last met in a tile.
#[derive(Debug)]
pub(super) struct Met<const SIDE: usize> {
    /// The place plus 1, and above [`Met::PLACES`] bits the number of the tile: what another tile left is as good as nothing.
    places: Vec<u32>,
    tile: u32,
}

impl<const SIDE: usize> Default for Met<SIDE> {
    fn default() -> Self {
        Self { places: vec![0; 1 << HASH_BITS], tile: 0 }
    }
}

impl<const SIDE: usize> Met<SIDE> {
    /// Bits of a place in a tile, plus 1.
    const PLACES: u32 = (Depth::Eight.size(SIDE) + 1).next_power_of_two().ilog2();

    /// Another tile, in which nothing was met.
    pub(super) fn begin(&mut self) {
        self.tile += 1;
        if self.tile >> (u32::BITS - Self::PLACES) > 0 {
            self.places.fill(0);
            self.tile = 1;
        }
    }

    /// Where these four bytes, or others of their hash, were met before; they are at `at` now.
    #[inline]
    pub(super) fn again(&mut self, four: [u8; 4], at: usize) -> Option<usize> {
        // The high bits of a product with the golden ratio.
        let hash = u32::from_le_bytes(four).wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASH_BITS);
        let now = self.tile << Self::PLACES | (at as u32 + 1);
        let before = std::mem::replace(&mut self.places[hash as usize], now);
        (before >> Self::PLACES == self.tile).then(|| (before & ((1 << Self::PLACES) - 1)) as usize - 1)
    }
}

impl<const SIDE: usize> Default for Rows<SIDE> {
    fn default() -> Self {
        let words = || vec![0; Depth::Eight.size(SIDE) / 64 + 2];
        Self {
            bytes: vec![0; Self::PAD + Depth::Eight.size(SIDE) + 16],
            left: words(),
            above: words(),
            runs: words(),
            starts: words(),
            met: Met::default(),
        }
    }
}

impl<const SIDE: usize> Rows<SIDE> {
    /// Room before the rows, so that the byte before and the row above always are some bytes.
    const PAD: usize = SIDE + 64;

    /// Appends the tokens of the tile. `FAR` looks for matches anywhere: what bells of lone points, alike wherever they
    /// stand, are made for.
    pub(super) fn tokenise<const FAR: bool>(&mut self, pixels: &[u8], numbers: &Numbers, tokens: &mut Tokens) {
        self.pack(pixels, numbers);
        self.mark(numbers.depth);
        if FAR {
            self.met.begin();
        }
        self.parse::<FAR>(numbers.depth.size(SIDE), tokens);
    }

    /// The bytes that the last tokens stand for.
    pub(super) fn bytes(&self, depth: Depth) -> &[u8] {
        &self.bytes[Self::PAD..Self::PAD + depth.size(SIDE)]
    }

    fn pack(&mut self, pixels: &[u8], numbers: &Numbers) {
        let depth = numbers.depth;
        let mut renumbered = [0; SIDE];
        let rows = self.bytes[Self::PAD..].chunks_exact_mut(depth.stride(SIDE));
        for (to, from) in rows.zip(pixels.chunks_exact(SIDE)) {
            let Some((filter, to)) = to.split_first_mut() else { continue };
            *filter = 0;
            let from = if numbers.same {
                from
            } else {
                let new = from.iter().map(|&index| numbers.of[usize::from(index)]);
                renumbered.iter_mut().zip(new).for_each(|(to, new)| *to = new);
                &renumbered
            };
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
        let (words, stride) = (depth.size(SIDE) / 64, depth.stride(SIDE));
        for word in 0..words {
            let at = Self::PAD + word * 64;
            let block = |from: usize| self.bytes[from..].first_chunk::<64>();
            let (Some(here), Some(left), Some(above)) = (block(at), block(at - 1), block(at - stride)) else { break };
            self.left[word] = equal(here, left);
            self.above[word] = equal(here, above);
        }
        // Before the first byte and the first row lies nothing.
        self.left[0] &= !1;
        self.above[..stride / 64].fill(0);
        self.above[stride / 64] &= !0 << (stride % 64);
        // One word behind the last lets any place be looked at.
        for marks in [&mut self.left, &mut self.above, &mut self.runs, &mut self.starts] {
            marks[words..].fill(0);
        }
        for word in 0..words {
            let long = |marks: &[u64]| {
                let two = u128::from(marks[word]) | u128::from(marks[word + 1]) << 64;
                let two = two & two >> 1;
                let four = two & two >> 2;
                (four & four >> 4) as u64
            };
            self.runs[word] = long(&self.left);
            self.starts[word] = self.runs[word] | long(&self.above);
        }
    }

    fn parse<const FAR: bool>(&mut self, size: usize, tokens: &mut Tokens) {
        let bytes = &self.bytes[Self::PAD..];
        // Bytes from `said` on are not yet tokens.
        let (mut said, mut at) = (0, 0);
        while at < size {
            at = next(&self.starts, at).min(size);
            let (left, above) = (stretch(&self.left, at), stretch(&self.above, at));
            let pays = above >= SHORTEST && above > left && changes(&self.left, at, above) >= ABOVE_PAYS;
            if !pays && left < SHORTEST {
                // No part of the stretch above pays either: on to its end, or to a run before.
                at = next(&self.runs, at).min(at + above);
                continue;
            }
            if FAR {
                let reached = far(bytes, (said, at, size), &mut self.met, tokens);
                if reached > at {
                    (said, at) = (reached, reached);
                    continue;
                }
            } else {
                tokens.literals(&bytes[said..], at - said);
            }
            if at < size {
                let (from, length) = if pays { (ABOVE, above) } else { (LEFT, left) };
                tokens.copy(from, length);
                at += length;
            }
            said = at;
        }
        if FAR {
            far(bytes, (said, size, size), &mut self.met, tokens);
        } else {
            tokens.literals(&bytes[said..], size - said);
        }
    }
}

/// Appends the tokens of the bytes `from..to` of `size`: matches with bytes met before, where they pay, else the bytes as
/// they are. Returns where it ended, which is behind `to` where the last match is longer.
fn far<const SIDE: usize>(
    bytes: &[u8],
    (from, to, size): (usize, usize, usize),
    met: &mut Met<SIDE>,
    tokens: &mut Tokens,
) -> usize {
    let (mut said, mut at) = (from, from);
    while at < to {
        let Some(&four) = bytes[at..].first_chunk::<4>() else { break };
        if let Some(before) = met.again(four, at).filter(|before| at - before <= FARTHEST) {
            let length = alike(&bytes[..size], before, at);
            if length >= FAR_PAYS {
                tokens.literals(&bytes[said..], at - said);
                tokens.copy_far(at - before, length);
                at += length;
                said = at;
                continue;
            }
        }
        at += 1;
    }
    tokens.literals(&bytes[said..], at.saturating_sub(said));
    at.max(to)
}

/// How many bytes from `before` and from `at` on are the same, up to the longest match.
#[inline]
pub(super) fn alike(bytes: &[u8], before: usize, at: usize) -> usize {
    let most = LONGEST.min(bytes.len() - at);
    let eights =
        |from: usize| bytes[from..from + most].as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(*eight));
    for (k, (a, b)) in eights(before).zip(eights(at)).enumerate() {
        if a != b {
            return 8 * k + ((a ^ b).trailing_zeros() / 8) as usize;
        }
    }
    let done = most / 8 * 8;
    done + (done..most).take_while(|k| bytes[before + k] == bytes[at + k]).count()
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

/// The sixty-four bits from `at` on.
#[inline]
fn window(marks: &[u64], at: usize) -> u64 {
    let (word, bit) = (at / 64, at % 64);
    marks[word] >> bit | marks[word + 1] << 1 << (63 - bit)
}

/// Place of the first bit from `at` on, or some place behind all.
#[inline]
fn next(marks: &[u64], at: usize) -> usize {
    let near = window(marks, at);
    if near != 0 {
        return at + near.trailing_zeros() as usize;
    }
    let far = marks.iter().enumerate().skip(at / 64 + 1).find(|m| *m.1 != 0);
    far.map_or(usize::MAX, |(word, bits)| word * 64 + bits.trailing_zeros() as usize)
}

/// How many bits are not set among `length` bits from `at` on.
#[inline]
fn changes(marks: &[u64], at: usize, length: usize) -> usize {
    let mut changes = 0;
    for done in (0..length).step_by(64) {
        let beyond = 64 - (length - done).min(64);
        changes += (!window(marks, at + done) << beyond).count_ones() as usize;
    }
    changes
}

/// How many bits are set without a gap from `at` on, up to the longest match.
#[inline]
fn stretch(marks: &[u64], at: usize) -> usize {
    let mut length = 0;
    while length < LONGEST && at + length < 64 * (marks.len() - 1) {
        let more = window(marks, at + length).trailing_ones() as usize;
        length += more;
        if more < 64 {
            break;
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
