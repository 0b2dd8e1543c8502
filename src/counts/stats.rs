//! What a zoom's counts amount to: what the colours and the report need to know of them.

use super::plane::sum_overflow;
use super::{Distinct, Lit, Value};
use crate::error::Result;

/// Statistics of one zoom's lit pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoomStats<V = u32> {
    /// Pixels with a count above 0.
    pub lit: u64,
    /// Largest count; 0 when nothing is lit.
    pub max: V,
    /// Tiles with a lit pixel.
    pub tiles: u64,
    /// Sum of all counts: the number of points used, at every zoom; of another plane what its numbers come to.
    pub sum: u64,
    /// The different counts, if few.
    pub distinct: Distinct<V>,
    /// What the counts are counted in; other than points only where a weighted spread made them.
    pub unit: Unit,
}

/// What counts are counted in, and how they are told to people: in points, or in lone points where bells stand on them, of
/// which a single point makes 1 in its middle whatever the radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// A count is this many powers of two of a point's parts: points times 2^shift.
    pub shift: u32,
    /// Count of a lone point where it is drawn strongest.
    pub lone: u32,
    /// Count of a lone point where it ends. Smaller counts are leftovers in corners, and not drawn.
    pub edge: u32,
    /// Pixels that a lone point's bell reaches; 0 without one.
    pub radius: u32,
}

impl Unit {
    /// Points, each on a pixel or on all pixels of a mask.
    pub const POINTS: Self = Self { shift: 0, lone: 1, edge: 1, radius: 0 };

    /// A count in points.
    pub fn points(self, count: impl Into<u64>) -> f64 {
        count.into() as f64 / f64::from(self.lone.max(1))
    }

    /// Points as the nearest count, at least 1; it may be larger than the count of any pixel can be.
    pub fn counts(self, points: f64) -> u64 {
        libm::round(points * f64::from(self.lone.max(1))).max(1.0) as u64
    }

    /// Whether only whole points come up.
    pub fn is_whole(self) -> bool {
        self.radius == 0
    }
}

impl Default for Unit {
    fn default() -> Self {
        Self::POINTS
    }
}

impl ZoomStats {
    /// What is known of a zoom once bells stand on its pixels: what it was before, the largest count and its unit.
    pub fn with_bells(&self, max: u32, unit: Unit) -> Self {
        Self { max, unit, distinct: Distinct::many(), ..self.clone() }
    }

    /// Adds one tile's counts, given in stretches; those of 0 and a tile without any others are not counted. Fails when
    /// the sum is beyond 64 bits.
    pub fn add_counts<'a>(&mut self, stretches: impl Iterator<Item = &'a [u32]>) -> Result<()> {
        let before = self.lit;
        for counts in stretches {
            self.lit += counts.iter().filter(|count| **count > 0).count() as u64;
            self.max = counts.iter().copied().fold(self.max, u32::max);
            let sum = counts.iter().map(|&count| u64::from(count)).sum::<u64>();
            self.sum = self.sum.checked_add(sum).ok_or_else(sum_overflow)?;
            if !self.distinct.is_many() {
                counts.iter().filter(|count| **count > 0).for_each(|&count| self.distinct.add(count));
            }
        }
        self.tiles += u64::from(self.lit > before);
        Ok(())
    }
}

impl<V: Value> ZoomStats<V> {
    /// Adds one tile's lit pixels; a tile without any is not counted. Fails when the sum is beyond 64 bits.
    pub fn add_tile(&mut self, lit: &[Lit<V>]) -> Result<()> {
        if lit.is_empty() {
            return Ok(());
        }
        self.sum = V::total(lit).and_then(|sum| self.sum.checked_add(sum)).ok_or_else(sum_overflow)?;
        self.tiles += 1;
        self.lit += lit.len() as u64;
        for l in lit {
            self.max = self.max.max(l.count);
            self.distinct.add(l.count);
        }
        Ok(())
    }

    /// Adds the statistics of other tiles of the same zoom. Fails when the sum is beyond 64 bits.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.sum = self.sum.checked_add(other.sum).ok_or_else(sum_overflow)?;
        self.lit += other.lit;
        self.max = self.max.max(other.max);
        self.tiles += other.tiles;
        self.distinct.merge(&other.distinct);
        Ok(())
    }
}
