//! What deflate can say: a byte as it is, or "as many of the bytes so and so far back". Counted pixels need two
//! distances, the byte before (runs) and the row above; bells are alike wherever they stand, and have any.

/// Longest match of deflate.
pub(super) const LONGEST: usize = 258;
/// Shortest match we use: fewer bytes are as short said one by one, and sooner found out.
pub(super) const SHORTEST: usize = 8;
/// Literals, end of block, length symbols, and two that are never used but have a place in the fixed code.
pub(super) const SYMBOLS: usize = 288;
/// The symbol that ends a block.
pub(super) const END: usize = 256;
/// Tokens are 0..256 for bytes, then [`LEFT`], [`ABOVE`] or [`FAR`] plus length - 3.
pub(super) const LEFT: u16 = 256;
/// See [`LEFT`].
pub(super) const ABOVE: u16 = 512;
/// See [`LEFT`]; how far is said beside it.
pub(super) const FAR: u16 = 768;
/// Symbols of distances.
pub(super) const DISTANCES: usize = 30;
/// The farthest that a match may reach back.
pub(super) const FARTHEST: usize = 1 << 15;

/// Symbol of a distance (1 to [`FARTHEST`]), how many extra bits it has and their value (RFC 1951, 3.2.5).
#[inline]
pub(super) fn distance(distance: u16) -> (usize, u32, u32) {
    let before = u32::from(distance);
    if before < 4 {
        return (before as usize, 0, 0);
    }
    let extra = before.ilog2() - 1;
    ((2 * extra + (before >> extra)) as usize, extra, before & ((1 << extra) - 1))
}

/// First length and extra bits of the symbols from 257 on (RFC 1951, 3.2.5).
pub(super) const LENGTHS: [(u16, u8); 29] = {
    let mut lengths = [(258, 0); 29];
    let (mut symbol, mut first) = (0, 3);
    while symbol < 28 {
        let extra = if symbol < 8 { 0 } else { symbol as u8 / 4 - 1 };
        lengths[symbol] = (first, extra);
        first += 1 << extra;
        symbol += 1;
    }
    lengths
};

/// How often the symbols of a tile's tokens occur.
#[derive(Debug)]
pub(super) struct Counts {
    /// Literals, the end of the block (once), lengths.
    pub(super) symbols: [u32; SYMBOLS],
    /// Matches that reach to the row above.
    pub(super) above: u32,
    /// Other matches by the symbols of their distances.
    pub(super) far: [u32; DISTANCES],
}

/// The tokens of one tile.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    list: Vec<u16>,
    used: usize,
    /// Distances of the [`FAR`] ones, in order, less 1.
    far: Vec<u16>,
}

impl Tokens {
    /// None yet of a tile of `bytes` bytes at most: no tile has more tokens than bytes, and literals are written sixteen at
    /// a time.
    pub(super) fn of(bytes: usize) -> Self {
        Self { list: vec![0; bytes + 16], used: 0, far: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.far.clear();
    }

    /// Distances of the [`FAR`] tokens, in order, less 1.
    pub(super) fn far(&self) -> &[u16] {
        &self.far
    }

    /// The tokens so far.
    pub(super) fn list(&self) -> &[u16] {
        &self.list[..self.used]
    }

    /// Counts the symbols.
    pub(super) fn counts(&self) -> Counts {
        // Four tables taken in turn: in a row of equal tokens each count would wait for the last to be stored.
        // A fourth of so many tokens fits 16 bits.
        const PART: usize = 1 << 17;
        let mut all = [0u32; 1024];
        for part in self.list().chunks(PART) {
            let mut tables = [[0u16; 1024]; 4];
            let (fours, rest) = part.as_chunks::<4>();
            for four in fours {
                for (table, &token) in tables.iter_mut().zip(four) {
                    table[usize::from(token & 1023)] += 1;
                }
            }
            for &token in rest {
                tables[0][usize::from(token & 1023)] += 1;
            }
            for table in &tables {
                all.iter_mut().zip(table).for_each(|(all, &count)| *all += u32::from(count));
            }
        }
        let of = |token: usize| all[token];
        let mut symbols = [0; SYMBOLS];
        for (token, count) in symbols[..END].iter_mut().enumerate() {
            *count = of(token);
        }
        symbols[END] = 1;
        let mut all_above = 0;
        for (&(first, extra), count) in LENGTHS.iter().zip(&mut symbols[END + 1..]) {
            // 258 has a symbol of its own, so the one before ends a length early.
            let end = (first + (1 << extra)).min(if extra > 0 { 258 } else { 259 });
            for length in usize::from(first)..usize::from(end) {
                let above = of(usize::from(ABOVE) + length - 3);
                *count += of(usize::from(LEFT) + length - 3) + above + of(usize::from(FAR) + length - 3);
                all_above += above;
            }
        }
        let mut far = [0; DISTANCES];
        self.far.iter().for_each(|&before| far[distance(before).0] += 1);
        Counts { symbols, above: all_above, far }
    }

    /// One byte as it is.
    #[inline]
    pub(super) fn literal(&mut self, byte: u8) {
        self.list[self.used] = u16::from(byte);
        self.used += 1;
    }

    /// The first `count` of `bytes` as they are. There must be fifteen more behind them.
    #[inline]
    pub(super) fn literals(&mut self, bytes: &[u8], count: usize) {
        for at in (0..count).step_by(16) {
            let from = bytes[at..].first_chunk::<16>();
            let to = self.list[self.used + at..].first_chunk_mut::<16>();
            if let (Some(from), Some(to)) = (from, to) {
                *to = from.map(u16::from);
            }
        }
        self.used += count;
    }

    /// One match of `length` (3 to 258) with the byte before (`LEFT`) or the row above (`ABOVE`).
    #[inline]
    pub(super) fn copy(&mut self, from: u16, length: usize) {
        self.list[self.used] = from + (length - 3) as u16;
        self.used += 1;
    }

    /// One match of `length` (3 to 258) with the bytes `distance` (1 to [`FARTHEST`]) before.
    #[inline]
    pub(super) fn copy_far(&mut self, distance: usize, length: usize) {
        self.copy(FAR, length);
        self.far.push((distance - 1) as u16);
    }

    /// `length` times `byte`: itself, then matches of it.
    pub(super) fn run(&mut self, byte: u8, length: usize) {
        if length == 0 {
            return;
        }
        self.literal(byte);
        let mut rest = length - 1;
        while rest >= SHORTEST {
            let length = rest.min(LONGEST);
            self.copy(LEFT, length);
            rest -= length;
        }
        for _ in 0..rest {
            self.literal(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_their_symbols() {
        // First distance and extra bits of each symbol, from the table of RFC 1951.
        let first = [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
            4097, 6145, 8193, 12289, 16385, 24577,
        ];
        for (symbol, from) in first.into_iter().enumerate() {
            let end = first.get(symbol + 1).copied().unwrap_or(FARTHEST + 1);
            for far in from..end {
                let extra = (symbol as u32 / 2).saturating_sub(1);
                assert_eq!(distance((far - 1) as u16), (symbol, extra, (far - from) as u32), "{far}");
            }
        }
    }
}
