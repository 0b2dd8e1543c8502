//! The numbers of cells that one thread met: most rows are answered here, without a lock.

/// Places for short cells and for longer ones, as powers of two.
const SHORT: u32 = 11;
const LONG: u32 = 9;

/// A cell of up to 8 bytes, padded with zeros.
#[derive(Debug, Clone, Copy)]
struct Short {
    bytes: u64,
    /// Its length; more than 8 where there is none here.
    len: u8,
    number: u16,
}

/// Cells and their numbers. It has no memory before the first one.
#[derive(Debug, Default)]
pub(in crate::source) struct KeyCache {
    short: Vec<Short>,
    long: Vec<(Box<[u8]>, u16)>,
}

impl KeyCache {
    /// The number of a cell, asked of `find` where it is not known.
    #[inline]
    pub(super) fn number(&mut self, cell: &[u8], find: impl FnOnce(&[u8]) -> u16) -> u16 {
        if cell.len() > 8 {
            return self.of_long(cell, find);
        }
        let bytes = word(cell);
        let at = (bytes.wrapping_add(cell.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SHORT)) as usize;
        if let Some(known) = self.short.get(at)
            && known.bytes == bytes
            && usize::from(known.len) == cell.len()
        {
            return known.number;
        }
        let number = find(cell);
        if self.short.is_empty() {
            self.short = vec![Short { bytes: 0, len: u8::MAX, number: 0 }; 1 << SHORT];
        }
        self.short[at] = Short { bytes, len: cell.len() as u8, number };
        number
    }

    fn of_long(&mut self, cell: &[u8], find: impl FnOnce(&[u8]) -> u16) -> u16 {
        let at = (twox_hash::XxHash3_64::oneshot(cell) >> (64 - LONG)) as usize;
        if let Some((bytes, number)) = self.long.get(at)
            && **bytes == *cell
        {
            return *number;
        }
        let number = find(cell);
        if self.long.is_empty() {
            self.long = vec![(Box::default(), 0); 1 << LONG];
        }
        // A cell may be as long as a row: what is kept of many must not be.
        if cell.len() <= super::label::LABEL {
            self.long[at] = (cell.into(), number);
        }
        number
    }
}

/// Up to 8 bytes as a number, padded with zeros.
#[inline]
fn word(cell: &[u8]) -> u64 {
    if let Some(all) = cell.first_chunk::<8>() {
        return u64::from_le_bytes(*all);
    }
    if let (Some(head), Some(tail)) = (cell.first_chunk::<4>(), cell.last_chunk::<4>()) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        return u64::from(head) | u64::from(tail) << (8 * (cell.len() - 4));
    }
    cell.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn short_cells_are_words() {
        for len in 0..=8usize {
            let cell: Vec<u8> = (1..=len as u8).collect();
            let right = cell.iter().enumerate().map(|(at, &byte)| u64::from(byte) << (8 * at)).sum::<u64>();
            assert_eq!(word(&cell), right, "{len}");
        }
    }

    #[test]
    fn every_cell_has_its_own_number_whatever_lay_in_its_place() {
        let (mut cache, mut numbers, mut asked) = (KeyCache::default(), HashMap::new(), 0);
        for round in 0..3u32 {
            for i in 0..20_000u32 {
                let cell = match i % 4 {
                    0 => vec![0; (i % 9) as usize],
                    1 => format!("{}", i / 40).into_bytes(),
                    2 => format!("a long value {}", i / 400).into_bytes(),
                    _ => vec![b'x'; 150 + (i % 100) as usize],
                };
                let next = numbers.len() as u16;
                let right = *numbers.entry(cell.clone()).or_insert(next);
                let number = cache.number(&cell, |_| {
                    asked += 1;
                    right
                });
                assert_eq!(number, right, "{round} {i}");
            }
        }
        assert!(asked < 20_000, "{asked}");
    }
}
