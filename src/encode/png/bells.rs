//! From the pixels of bells to tokens, where they leave much of a tile dark: only words of eight pixels with a lit one
//! among them are packed and looked at. Bells of lone points are alike wherever they stand, and the rows of one above
//! its middle are those below it, so each row is first looked for among the bytes before.

use super::raster::{FAR_PAYS, Met, alike};
use super::tokens::{ABOVE, FARTHEST, LEFT, LONGEST, SHORTEST, Tokens};
use super::{Depth, Numbers, checksum};

/// Pixels of a word.
const WORD: usize = 8;
/// Pixels that are looked at together.
const BLOCK: usize = 8 * WORD;
/// Places without a match after which one in two is looked at.
const PATIENCE: usize = 3;
/// Shortest match with the row above that pays.
const ABOVE_PAYS: usize = 5;

/// Buffers kept from tile to tile.
#[derive(Debug)]
pub(super) struct Bells<const SIDE: usize> {
    /// Words with a lit pixel, as many as are used, and room for a block more.
    words: Vec<u16>,
    used: usize,
    /// The rows as they are in the file; 0 but for the stretches.
    bytes: Vec<u8>,
    /// Where bytes may be other than 0, less than a match apart.
    stretches: Vec<(usize, usize)>,
    met: Met<SIDE>,
}

impl<const SIDE: usize> Default for Bells<SIDE> {
    fn default() -> Self {
        Self {
            words: vec![0; SIDE * Self::ROW + BLOCK / WORD],
            used: 0,
            bytes: vec![0; Depth::Eight.size(SIDE) + 16],
            stretches: Vec::new(),
            met: Met::default(),
        }
    }
}

impl<const SIDE: usize> Bells<SIDE> {
    /// Words of a row.
    const ROW: usize = SIDE / WORD;
    /// Most lit words: about where looking at all rows takes less time.
    const MOST: usize = SIDE * Self::ROW / 2;

    /// Finds the words with a lit pixel.
    pub(super) fn find(&mut self, pixels: &[u8]) {
        self.used = 0;
        for (block, at) in pixels.as_chunks::<BLOCK>().0.iter().zip((0u16..).step_by(BLOCK / WORD)) {
            let words = block.as_chunks::<WORD>().0;
            if words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) != 0 {
                // All are put down, each over the last where that was not lit: no branch to guess.
                for (word, at) in words.iter().zip(at..) {
                    self.words[self.used] = at;
                    self.used += usize::from(u64::from_ne_bytes(*word) != 0);
                }
            }
        }
    }

    /// The same where it is known outside of which words of each row nothing is lit.
    pub(super) fn find_in(&mut self, pixels: &[u8], words: impl Iterator<Item = u64>) {
        self.used = 0;
        let rows = pixels.as_chunks::<SIDE>().0;
        for ((row, may), first) in rows.iter().zip(words).zip((0u16..).step_by(Self::ROW)) {
            let (row, mut rest) = (row.as_chunks::<WORD>().0, may);
            while rest > 0 {
                let at = rest.trailing_zeros() as usize % Self::ROW;
                self.words[self.used] = first + at as u16;
                self.used += usize::from(u64::from_ne_bytes(row[at]) != 0);
                rest &= rest - 1;
            }
        }
    }

    fn words(&self) -> &[u16] {
        &self.words[..self.used]
    }

    /// Lit pixels of a raster whose words were found.
    pub(super) fn lit(&self, pixels: &[u8]) -> usize {
        let words = self.words().iter().filter_map(|&word| pixels[usize::from(word) * WORD..].first_chunk::<WORD>());
        words.map(|word| word.iter().filter(|&&index| index != 0).count()).sum()
    }

    /// Whether more words are lit than are worth looking at one by one.
    pub(super) fn are_many(&self) -> bool {
        self.used > Self::MOST
    }

    /// Makes a raster dark whose words were found.
    pub(super) fn darken(&self, pixels: &mut [u8]) {
        for &at in self.words() {
            let at = usize::from(at) * WORD;
            pixels[at..at + WORD].fill(0);
        }
    }

    /// Which indices the words found have.
    pub(super) fn used(&self, pixels: &[u8]) -> [bool; 256] {
        let mut used = [false; 256];
        for &at in self.words() {
            let at = usize::from(at) * WORD;
            pixels[at..at + WORD].iter().for_each(|&index| used[usize::from(index)] = true);
        }
        used
    }

    /// Appends the tokens of the tile whose words were found. Returns the Adler-32 of the bytes they stand for.
    pub(super) fn tokenise(&mut self, pixels: &[u8], numbers: &Numbers, tokens: &mut Tokens) -> u32 {
        self.pack(pixels, numbers);
        self.met.begin();
        let size = numbers.depth.size(SIDE);
        let (mut end, mut sum, mut weighted) = (0, 0u64, 0u64);
        for &(from, to) in &self.stretches {
            let (own, to_end) = checksum::sums(&self.bytes[from..to]);
            sum += own;
            weighted += to_end + (size - to) as u64 * own;
            if to > end {
                dark(&self.bytes, (end, from.max(end)), tokens);
                end = stretch(
                    &self.bytes[..size],
                    (from.max(end), to, numbers.depth.stride(SIDE)),
                    &mut self.met,
                    tokens,
                );
            }
        }
        dark(&self.bytes, (end, size), tokens);
        checksum::finish(sum, weighted, size)
    }

    fn pack(&mut self, pixels: &[u8], numbers: &Numbers) {
        for (from, to) in self.stretches.drain(..) {
            self.bytes[from..to].fill(0);
        }
        let (stride, wide) = (numbers.depth.stride(SIDE), numbers.depth as usize);
        // Where the last word ends, and where what is lit of it does.
        let (mut last, mut lit) = (0, 0);
        let same = numbers.index.iter().zip(0u8..=numbers.largest).all(|(&index, number)| index == number);
        for &word in &self.words[..self.used] {
            let (row, column) = (usize::from(word) / Self::ROW, usize::from(word) % Self::ROW);
            let from = usize::from(word) * WORD;
            let Some(pixels) = pixels[from..].first_chunk::<WORD>() else { continue };
            let p = if same { *pixels } else { pixels.map(|index| numbers.of[usize::from(index)]) };
            let at = row * stride + 1 + column * wide;
            let to = &mut self.bytes[at..at + wide];
            match numbers.depth {
                Depth::Eight => to.copy_from_slice(&p),
                // Neighbours side by side, the first in the high bits; then every other byte of that.
                Depth::Four => {
                    let pairs = u64::from_le_bytes(p);
                    let pairs = (pairs << 4 | pairs >> 8) & 0x00ff_00ff_00ff_00ff;
                    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
                    to.copy_from_slice(&((fours | fours >> 16) as u32).to_le_bytes());
                }
                depth => {
                    let each = 8 / depth as usize;
                    for (byte, p) in to.iter_mut().zip(p.chunks_exact(each)) {
                        *byte = p.iter().fold(0, |byte, &p| byte << depth as u8 | p);
                    }
                }
            }
            // A stretch begins and ends with what is lit.
            let p = u64::from_le_bytes(p);
            let (first, behind) = (p.trailing_zeros() as usize, u64::BITS as usize - p.leading_zeros() as usize);
            if self.stretches.is_empty() || at - last >= SHORTEST {
                if let Some((_, to)) = self.stretches.last_mut() {
                    *to = lit;
                }
                self.stretches.push((at + first / 8 * wide / WORD, 0));
            }
            (last, lit) = (at + wide, at + (behind.div_ceil(8) * wide).div_ceil(WORD));
        }
        if let Some((_, to)) = self.stretches.last_mut() {
            *to = lit;
        }
    }
}

/// Appends the bytes `from..to`, which are all 0.
fn dark(bytes: &[u8], (from, to): (usize, usize), tokens: &mut Tokens) {
    let mut length = to - from;
    if from > 0 && bytes[from - 1] == 0 {
        while length >= SHORTEST {
            let part = length.min(LONGEST);
            tokens.copy(LEFT, part);
            length -= part;
        }
    }
    tokens.run(0, length);
}

/// Appends the tokens of the bytes `from..to`; returns where the last match ends, which may be behind `to`.
fn stretch<const SIDE: usize>(
    bytes: &[u8],
    (from, to, stride): (usize, usize, usize),
    met: &mut Met<SIDE>,
    tokens: &mut Tokens,
) -> usize {
    let (mut at, mut missed) = (from, 0);
    while at < to {
        let Some(&four) = bytes[at..].first_chunk::<4>() else {
            tokens.literal(bytes[at]);
            at += 1;
            continue;
        };
        let before =
            met.again(four, at).filter(|&before| at - before <= FARTHEST && bytes[before..].starts_with(&four));
        let same = |distance: usize| alike(bytes, at - distance, at);
        let left = if at > 0 && four == [bytes[at - 1]; 4] { same(1) } else { 0 };
        let above = if at >= stride && bytes[at - stride..].starts_with(&four) { same(stride) } else { 0 };
        let far = before.map_or(0, |before| same(at - before));
        let length = if left >= SHORTEST && left >= far.max(above) {
            tokens.copy(LEFT, left);
            left
        } else if above >= ABOVE_PAYS && above + 2 >= far {
            tokens.copy(ABOVE, above);
            above
        } else if let Some(before) = before.filter(|_| far >= FAR_PAYS) {
            tokens.copy_far(at - before, far);
            far
        } else {
            missed += 1;
            // Where nothing was met for a while, every other place is looked at.
            let said = if missed > PATIENCE { 2.min(to - at) } else { 1 };
            tokens.literal(four[0]);
            if said > 1 {
                tokens.literal(four[1]);
            }
            at += said;
            continue;
        };
        at += length;
        missed = 0;
    }
    at
}
