//! What a zoom's counts amount to: what the colours and the report need to know of them.

use super::{Distinct, Lit};

/// Statistics of one zoom's lit pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoomStats {
    /// Pixels with a count above 0.
    pub lit: u64,
    /// Largest count; 0 when nothing is lit.
    pub max: u32,
    /// Tiles with a lit pixel.
    pub tiles: u64,
    /// Sum of all counts: the number of points used, at every zoom.
    pub sum: u64,
    /// The different counts, if few.
    pub distinct: Distinct,
    /// Counts are in units of 2^-shift points; above 0 only where a weighted spread made them.
    pub shift: u32,
}

impl ZoomStats {
    /// Adds one tile's lit pixels; a tile without any is not counted.
    pub fn add_tile(&mut self, lit: &[Lit]) {
        if lit.is_empty() {
            return;
        }
        self.tiles += 1;
        self.lit += lit.len() as u64;
        for l in lit {
            self.max = self.max.max(l.count);
            self.sum += u64::from(l.count);
            self.distinct.add(l.count);
        }
    }

    /// Adds the statistics of other tiles of the same zoom.
    pub fn merge(&mut self, other: &Self) {
        self.lit += other.lit;
        self.max = self.max.max(other.max);
        self.tiles += other.tiles;
        self.sum += other.sum;
        self.distinct.merge(&other.distinct);
    }
}
