//! Tokens into a zlib stream of one block: a Huffman code made for the tile, the fixed one where that is shorter, or
//! the bytes as they are where nothing helps. All three sizes are known to the bit before the first is written.

use super::bits::{self, Bits};
use super::huffman::{self, LONGEST_CODE};
use super::tokens::{ABOVE, Counts, DISTANCES, END, FAR, LEFT, LENGTHS, SYMBOLS, Tokens, distance};

/// Order in which the lengths of the code-length code are sent (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// Bits of a table entry that hold the code; its length lies above. The longest is a length and a distance with codes of
/// [`LONGEST_CODE`] bits, and extra bits.
const CODE_BITS: u32 = 48;
/// Most bytes of one stored block.
const STORED: usize = 65535;

/// A distance: its symbol, then extra bits that are all 0.
#[derive(Debug, Clone, Copy)]
struct Distance {
    symbol: usize,
    extra: u32,
}

/// The byte before.
const RUN: Distance = Distance { symbol: 0, extra: 0 };

/// The row above: strides are one more than a power of two, so each is the first distance of its symbol.
fn row(stride: usize) -> Distance {
    let extra = stride.ilog2() - 1;
    Distance { symbol: 2 + 2 * extra as usize, extra }
}

/// Code and length of every token, kept from tile to tile.
#[derive(Debug)]
pub(super) struct Deflate {
    table: [u64; 1024],
}

impl Default for Deflate {
    fn default() -> Self {
        Self { table: [0; 1024] }
    }
}

/// What a tile's zlib stream says.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) counts: &'a Counts,
    /// Bytes of a row.
    pub(super) stride: usize,
    /// The bytes that the tokens stand for, where somebody has them.
    pub(super) bytes: Option<&'a [u8]>,
    /// Their checksum.
    pub(super) adler: u32,
}

/// How a block's tokens are coded: lengths of the literal and length codes, and of the distance codes.
struct Code {
    lengths: [u8; SYMBOLS],
    codes: [u16; SYMBOLS],
    /// Code and length of each distance symbol.
    distances: [(u32, u32); DISTANCES],
}

impl Deflate {
    /// Appends the zlib stream.
    pub(super) fn zlib(&mut self, stream: &Stream<'_>, out: &mut Vec<u8>) {
        let &Stream { tokens, counts, stride, bytes, adler } = stream;
        out.extend_from_slice(&[0x78, 0x01]);
        let &Counts { symbols: ref counts, above, ref far } = counts;
        let matches = counts[END + 1..].iter().sum::<u32>();
        let lengths = huffman::lengths(counts, LONGEST_CODE);
        let (distances, distance_bits) = distances(matches, above, far, stride);
        let header = Header::new(&lengths, &distances);

        let symbols =
            |lengths: &[u8; SYMBOLS]| counts.iter().zip(lengths).map(|(&c, &l)| c * u32::from(l)).sum::<u32>();
        let lengths_extra = counts[END + 1..].iter().zip(LENGTHS).map(|(&c, (_, extra))| c * u32::from(extra));
        let far_extra = far.iter().zip(0u32..).map(|(&c, symbol)| c * (symbol / 2).saturating_sub(1));
        let extra = lengths_extra.sum::<u32>() + above * row(stride).extra + far_extra.sum::<u32>();
        let own = header.size() + symbols(&lengths) + distance_bits + extra;
        let fixed = symbols(&FIXED) + 5 * matches + extra;
        let raw = bytes.map_or(u32::MAX, |b| (8 * (b.len() + 5 * b.len().div_ceil(STORED))) as u32);

        match bytes {
            Some(bytes) if raw < own.min(fixed) + 3 => stored(bytes, out),
            _ if fixed < own => {
                let distances = std::array::from_fn(|symbol| ((symbol as u32).reverse_bits() >> 27, 5));
                let code = Code { lengths: FIXED, codes: huffman::codes(&FIXED), distances };
                bits::append(out, fixed as usize + 3, |to| {
                    to.put(0b011, 3);
                    self.write(tokens, &code, stride, to);
                });
            }
            _ => {
                let codes = huffman::codes(&distances);
                let distances = std::array::from_fn(|at| (u32::from(codes[at]), u32::from(distances[at])));
                let code = Code { codes: huffman::codes(&lengths), lengths, distances };
                bits::append(out, own as usize + 3, |to| {
                    to.put(0b101, 3);
                    header.write(to);
                    self.write(tokens, &code, stride, to);
                });
            }
        }
        out.extend_from_slice(&adler.to_be_bytes());
    }

    fn write(&mut self, tokens: &Tokens, code: &Code, stride: usize, to: &mut Bits<'_>) {
        self.prepare(code, stride, !tokens.far().is_empty());
        let entry = |token: u16| {
            let entry = self.table[usize::from(token & 1023)];
            (entry & ((1 << CODE_BITS) - 1), (entry >> CODE_BITS) as u32)
        };
        if !tokens.far().is_empty() {
            let mut far = tokens.far().iter();
            for &token in tokens.list() {
                let (bits, count) = entry(token);
                if token < FAR {
                    to.put(bits, count);
                    continue;
                }
                // Length and distance have at most 48 bits; 7 may be left over from before.
                let (symbol, extra, value) = distance(far.next().copied().unwrap_or_default());
                let (code, length) = code.distances[symbol];
                to.put(bits | (u64::from(code) | u64::from(value) << length) << count, count + length + extra);
            }
            to.put(u64::from(code.codes[END]), u32::from(code.lengths[END]));
            return;
        }
        let (fours, rest) = tokens.list().as_chunks::<4>();
        for &[first, second, third, fourth] in fours {
            let ((a, k), (b, l), (c, m), (d, n)) = (entry(first), entry(second), entry(third), entry(fourth));
            let ((ab, kl), (cd, mn)) = ((a | b << k, k + l), (c | d << m, m + n));
            // Two tokens have at most 50 bits, four nearly always fewer; 7 may be left over from before.
            if kl + mn <= 56 {
                to.put(ab | cd << kl, kl + mn);
            } else {
                to.put(ab, kl);
                to.put(cd, mn);
            }
        }
        for &token in rest {
            let (bits, count) = entry(token);
            to.put(bits, count);
        }
        to.put(u64::from(code.codes[END]), u32::from(code.lengths[END]));
    }

    /// Fills the table for the symbols that have a code, those of [`FAR`] where there are any.
    fn prepare(&mut self, code: &Code, stride: usize, far: bool) {
        for literal in 0..END {
            self.table[literal] = u64::from(code.codes[literal]) | u64::from(code.lengths[literal]) << CODE_BITS;
        }
        let above = row(stride);
        let [(left, left_bits), (above, above_bits)] = [RUN, above].map(|distance| {
            let (code, length) = code.distances[distance.symbol];
            (u64::from(code), u64::from(length + distance.extra))
        });
        for (&(first, extra), symbol) in LENGTHS.iter().zip(END + 1..) {
            let (bits, count) = (u64::from(code.codes[symbol]), u64::from(code.lengths[symbol]));
            if count == 0 {
                continue;
            }
            for more in 0..1u16 << extra {
                let length = usize::from(first - 3 + more);
                if length == 255 && extra > 0 {
                    break; // 258 has a symbol of its own.
                }
                let (bits, count) = (bits | u64::from(more) << count, count + u64::from(extra));
                self.table[usize::from(LEFT) + length] = bits | left << count | (count + left_bits) << CODE_BITS;
                self.table[usize::from(ABOVE) + length] = bits | above << count | (count + above_bits) << CODE_BITS;
                if far {
                    self.table[usize::from(FAR) + length] = bits | count << CODE_BITS;
                }
            }
        }
    }
}

/// Lengths of the codes of the distances, and what those codes come to in bits. Where only runs and the row above occur,
/// a bit tells them apart; a run's distance always has a code, because a decoder may stumble over none.
fn distances(matches: u32, above: u32, far: &[u32; DISTANCES], stride: usize) -> ([u8; DISTANCES], u32) {
    let others: u32 = far.iter().sum();
    let mut lengths = [0; DISTANCES];
    if others == 0 {
        lengths[RUN.symbol] = 1;
        if above > 0 {
            lengths[row(stride).symbol] = 1;
        }
        return (lengths, matches);
    }
    let mut counts = *far;
    counts[row(stride).symbol] += above;
    counts[RUN.symbol] += (matches - above - others).max(1);
    let lengths = huffman::lengths(&counts, LONGEST_CODE);
    let bits = counts.iter().zip(lengths).map(|(&count, length)| count * u32::from(length)).sum::<u32>();
    (lengths, bits)
}

/// The lengths of the fixed code (RFC 1951, 3.2.6).
const FIXED: [u8; SYMBOLS] = {
    let mut lengths = [8; SYMBOLS];
    let mut symbol = 144;
    while symbol < 280 {
        lengths[symbol] = if symbol < 256 { 9 } else { 7 };
        symbol += 1;
    }
    lengths
};

/// The code lengths as they are sent: run lengths of lengths, in a code of their own.
struct Header {
    literals: usize,
    distances: usize,
    /// Symbol of the code-length code with the value of its extra bits.
    parts: [(u8, u8); SYMBOLS + 32],
    used: usize,
    lengths: [u8; 19],
    sent: usize,
}

impl Header {
    fn new(lengths: &[u8; SYMBOLS], distance_lengths: &[u8; DISTANCES]) -> Self {
        let literals = 1 + lengths.iter().rposition(|&l| l > 0).unwrap_or(END);
        let distances = 1 + distance_lengths.iter().rposition(|&l| l > 0).unwrap_or(0);
        let mut all = [0u8; SYMBOLS + 32];
        all[..literals].copy_from_slice(&lengths[..literals]);
        all[literals..literals + distances].copy_from_slice(&distance_lengths[..distances]);
        let mut header =
            Self { literals, distances, parts: [(0, 0); SYMBOLS + 32], used: 0, lengths: [0; 19], sent: 0 };
        let mut counts = [0u32; 19];
        let mut rest = &all[..literals + distances];
        while let Some(&length) = rest.first() {
            let run = rest.iter().take_while(|&&l| l == length).count();
            let (symbol, extra, taken) = match (length, run) {
                (0, 11..) => (18, run.min(138) - 11, run.min(138)),
                (0, 3..) => (17, run - 3, run),
                _ => (length, 0, 1),
            };
            header.part(symbol, extra, &mut counts);
            rest = &rest[taken..];
            let mut again = if length == 0 { 0 } else { run - 1 };
            while again >= 3 {
                let six = again.min(6);
                header.part(16, six - 3, &mut counts);
                rest = &rest[six..];
                again -= six;
            }
        }
        header.lengths = huffman::lengths(&counts, 7);
        header.sent = 1 + ORDER.iter().rposition(|&symbol| header.lengths[symbol] > 0).unwrap_or(0).max(3);
        header
    }

    fn part(&mut self, symbol: u8, extra: usize, counts: &mut [u32; 19]) {
        self.parts[self.used] = (symbol, extra as u8);
        self.used += 1;
        counts[usize::from(symbol)] += 1;
    }

    /// Bits of the header, without the three of the block.
    fn size(&self) -> u32 {
        let part = |&(symbol, _): &(u8, u8)| u32::from(self.lengths[usize::from(symbol)]) + extra_bits(symbol);
        14 + 3 * self.sent as u32 + self.parts[..self.used].iter().map(part).sum::<u32>()
    }

    fn write(&self, to: &mut Bits<'_>) {
        to.put((self.literals - 257) as u64 | (self.distances as u64 - 1) << 5 | (self.sent as u64 - 4) << 10, 14);
        for &symbol in &ORDER[..self.sent] {
            to.put(u64::from(self.lengths[symbol]), 3);
        }
        let codes = huffman::codes(&self.lengths);
        for &(symbol, extra) in &self.parts[..self.used] {
            let length = u32::from(self.lengths[usize::from(symbol)]);
            to.put(u64::from(codes[usize::from(symbol)]) | u64::from(extra) << length, length + extra_bits(symbol));
        }
    }
}

/// Extra bits of a symbol of the code-length code.
fn extra_bits(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

/// The bytes in stored blocks.
fn stored(bytes: &[u8], out: &mut Vec<u8>) {
    let blocks = bytes.len().div_ceil(STORED);
    for (i, block) in bytes.chunks(STORED).enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(i + 1 == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Tokens and the bytes that they stand for.
    struct Said {
        tokens: Tokens,
        bytes: Vec<u8>,
    }

    impl Said {
        fn literal(&mut self, byte: u8) {
            self.tokens.literal(byte);
            self.bytes.push(byte);
        }

        fn copied(&mut self, distance: usize, length: usize) {
            for _ in 0..length {
                self.bytes.push(self.bytes[self.bytes.len() - distance]);
            }
        }
    }

    #[test]
    fn rare_lengths_at_rare_distances_have_room() {
        const STRIDE: usize = 257;
        let mut said = Said { tokens: Tokens::of(1 << 20), bytes: Vec::new() };
        // Bytes half as often each as the one before and distances as often as Fibonacci's numbers, so that what is rare
        // has the longest codes.
        (1..40_000u32).for_each(|i| said.literal(i.trailing_zeros() as u8));
        let (mut few, mut many) = (1, 2);
        // That of the row above is among the rare ones.
        for symbol in (8..26).rev().filter(|&symbol| symbol != row(STRIDE).symbol) {
            let extra = symbol / 2 - 1;
            let first = (2 + symbol % 2) << extra;
            for _ in 0..few {
                said.tokens.copy_far(first + 1, 20);
                said.copied(first + 1, 20);
            }
            (few, many) = (many, few + many);
        }
        for (from, distance) in [(ABOVE, STRIDE), (LEFT, 1), (ABOVE, STRIDE)] {
            said.tokens.copy(from, 140);
            said.copied(distance, 140);
        }
        let Said { tokens, bytes } = said;
        let adler = super::super::checksum::adler32(&bytes);
        let stream = Stream { tokens: &tokens, counts: &tokens.counts(), stride: STRIDE, bytes: None, adler };
        let (mut zlib, mut read) = (Vec::new(), Vec::new());
        Deflate::default().zlib(&stream, &mut zlib);
        flate2::read::ZlibDecoder::new(&zlib[..]).read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
}
