//! The different counts of a zoom, as long as they are few enough for each to get a colour of its own.

use std::collections::BTreeSet;

/// Palette entries that can carry a colour: 256 less the transparent one.
pub const DISTINCT_LIMIT: usize = 255;

const LOW: u16 = 4096;

/// Which counts occur, exactly while there are at most [`DISTINCT_LIMIT`] of them, else "many".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distinct {
    low: Box<[u64; (LOW / 64) as usize]>,
    low_len: usize,
    high: BTreeSet<u32>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { low: Box::new([0; (LOW / 64) as usize]), low_len: 0, high: BTreeSet::new() }
    }
}

impl Distinct {
    /// Whether there are more than [`DISTINCT_LIMIT`].
    pub fn is_many(&self) -> bool {
        self.low_len + self.high.len() > DISTINCT_LIMIT
    }

    /// Adds a count.
    #[inline]
    pub fn add(&mut self, count: u32) {
        if count < LOW.into() {
            let word = &mut self.low[(count / 64) as usize];
            let bit = 1 << (count % 64);
            self.low_len += usize::from(*word & bit == 0);
            *word |= bit;
        } else if !self.is_many() {
            self.high.insert(count);
        }
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.low_len = 0;
        for (word, more) in self.low.iter_mut().zip(other.low.iter()) {
            *word |= more;
            self.low_len += word.count_ones() as usize;
        }
        for &count in &other.high {
            if self.is_many() {
                break;
            }
            self.high.insert(count);
        }
    }

    /// The counts in ascending order; `None` when there are many.
    pub fn values(&self) -> Option<Vec<u32>> {
        if self.is_many() {
            return None;
        }
        let low = (0..LOW).filter(|c| self.low[(c / 64) as usize] >> (c % 64) & 1 == 1);
        Some(low.map(u32::from).chain(self.high.iter().copied()).collect())
    }

    /// The set of `values`.
    pub fn from_values(values: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Self::default();
        for count in values {
            set.add(count);
        }
        set
    }

    /// A set that only says "many".
    pub fn many() -> Self {
        Self::from_values((1..=DISTINCT_LIMIT as u16 + 1).map(u32::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_up_to_the_limit_and_merges() {
        let mut a = Distinct::from_values([1, 5000, 1, u32::MAX]);
        assert_eq!(a.values(), Some(vec![1, 5000, u32::MAX]));
        a.merge(&Distinct::from_values((1..=252).chain([9000])));
        assert_eq!(a.values().map(|v| v.len()), Some(255));
        a.add(777_777);
        assert!(a.is_many());
        assert_eq!(a.values(), None);
        assert!(Distinct::many().is_many());
    }
}
