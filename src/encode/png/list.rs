//! From a list of lit pixels to tokens: the packed bytes that are not 0, each with its place, and runs of zeros
//! between them. Nothing here looks at the pixels that are not lit.

use super::tokens::Tokens;
use super::{Depth, Numbers, checksum};

/// Appends the tokens of the tile of `SIDE` rows whose pixels are `lit`. Returns the Adler-32 of the bytes they stand for.
pub(super) fn tokenise<const SIDE: usize>(lit: &[(impl Place, u8)], numbers: &Numbers, tokens: &mut Tokens) -> u32 {
    match numbers.depth {
        Depth::One => pack::<SIDE, 1>(lit, numbers, tokens),
        Depth::Two => pack::<SIDE, 2>(lit, numbers, tokens),
        Depth::Four => pack::<SIDE, 4>(lit, numbers, tokens),
        Depth::Eight => pack::<SIDE, 8>(lit, numbers, tokens),
    }
}

/// Row * side + column, wide enough for the tile.
pub(super) trait Place: Copy + Into<u32> {}

impl Place for u16 {}
impl Place for u32 {}

fn pack<const SIDE: usize, const BITS: usize>(lit: &[(impl Place, u8)], numbers: &Numbers, tokens: &mut Tokens) -> u32 {
    let size = numbers.depth.size(SIDE);
    let mut runs = Repeats { tokens, end: 0, byte: 0, length: 0, size, sum: 0, weighted: 0 };
    let stride = numbers.depth.stride(SIDE);
    let (mut place, mut byte) = (0, 0);
    for &(pixel, index) in lit {
        let pixel = pixel.into() as usize;
        let (row, column) = (pixel / SIDE, pixel % SIDE);
        // The filter byte of the row comes first.
        let at = row * stride + 1 + column * BITS / 8;
        if at != place {
            runs.add(place, byte);
            (place, byte) = (at, 0);
        }
        // The first pixel of a byte is in its high bits.
        byte |= numbers.of[usize::from(index)] << (8 - BITS - column * BITS % 8);
    }
    runs.add(place, byte);
    runs.finish()
}

/// Turns bytes that are not 0, in order of place, into runs.
struct Repeats<'a> {
    tokens: &'a mut Tokens,
    /// Where the run being gathered ends, its byte and its length.
    end: usize,
    byte: u8,
    length: usize,
    size: usize,
    sum: u64,
    weighted: u64,
}

impl Repeats<'_> {
    #[inline]
    fn add(&mut self, place: usize, byte: u8) {
        if byte == 0 {
            return;
        }
        self.sum += u64::from(byte);
        self.weighted += (self.size - place) as u64 * u64::from(byte);
        if place == self.end && byte == self.byte {
            self.length += 1;
        } else {
            self.tokens.run(self.byte, self.length);
            self.tokens.run(0, place - self.end);
            (self.byte, self.length) = (byte, 1);
        }
        self.end = place + 1;
    }

    fn finish(self) -> u32 {
        self.tokens.run(self.byte, self.length);
        self.tokens.run(0, self.size - self.end);
        checksum::finish(self.sum, self.weighted, self.size)
    }
}
