//! What a zoom's counts amount to: what the colours and the report need to know of them.

use super::plane::overflow;
use super::{Distinct, Lit, Step, Value, level};
use crate::error::Result;

/// Statistics of one zoom's lit pixels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZoomStats {
    /// Pixels with a count above 0.
    pub lit: u64,
    /// Largest count; 0 when nothing is lit.
    pub max: u32,
    /// Smallest level of a measure; 0 where counts are drawn, whose smallest nobody asks for.
    pub min: u32,
    /// Tiles with a lit pixel.
    pub tiles: u64,
    /// Sum of all counts: the number of points used, at every zoom.
    pub sum: u64,
    /// The different counts, if few.
    pub distinct: Distinct,
    /// What the counts are counted in; other than points only where a weighted spread made them, or where they are the
    /// levels of a measure.
    pub unit: Unit,
}

/// What counts are counted in, and how they are told to people: in points; in lone points where bells stand on them, of
/// which a single point makes 1 in its middle whatever the radius; or in the unit of a weight, where they are the
/// [levels](level::of) of a measure.
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
    /// What a step of a weight is worth, where counts are the levels of a measure of it. What the other fields say is of
    /// the points beside it then.
    pub step: Option<Step>,
}

impl Unit {
    /// Points, each on a pixel or on all pixels of a mask.
    pub const POINTS: Self = Self { shift: 0, lone: 1, edge: 1, radius: 0, step: None };

    /// A count in points, or in the unit of the weight.
    pub fn points(self, count: impl Into<u64>) -> f64 {
        let count = count.into();
        match self.step {
            None => count as f64 / f64::from(self.lone.max(1)),
            Some(step) => step.worth(level::value(u32::try_from(count).unwrap_or(u32::MAX))),
        }
    }

    /// A count as [`points`](Self::points) has it, as people write it: of a level the shortest decimal that stands for it.
    pub fn told(self, count: impl Into<u64>) -> f64 {
        match self.step {
            None => self.points(count),
            Some(step) => step.worth(level::told(u32::try_from(count.into()).unwrap_or(u32::MAX))),
        }
    }

    /// Points as the nearest count, at least 1; it may be larger than the count of any pixel can be.
    pub fn counts(self, points: f64) -> u64 {
        match self.step {
            None => libm::round(points * f64::from(self.lone.max(1))).max(1.0) as u64,
            Some(step) => level::of(step.steps_of(points)).into(),
        }
    }

    /// Whether only whole points come up.
    pub fn is_whole(self) -> bool {
        self.radius == 0 && self.step.is_none()
    }

    /// Whether what is counted are the levels of a measure.
    pub fn is_measure(self) -> bool {
        self.step.is_some()
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
            self.sum = self.sum.checked_add(sum).ok_or_else(overflow)?;
            if !self.distinct.is_many() {
                counts.iter().filter(|count| **count > 0).for_each(|&count| self.distinct.add(count));
            }
        }
        self.tiles += u64::from(self.lit > before);
        Ok(())
    }
}

impl ZoomStats {
    /// Adds one tile's lit pixels; a tile without any is not counted. Fails when the sum is beyond 64 bits.
    pub fn add_tile<V: Value>(&mut self, lit: &[Lit<V>]) -> Result<()> {
        if lit.is_empty() {
            return Ok(());
        }
        // A tile has fewer than 2^32 pixels.
        let sum = lit.iter().map(|l| u64::from(l.count.count())).sum::<u64>();
        self.sum = self.sum.checked_add(sum).ok_or_else(overflow)?;
        self.tiles += 1;
        self.lit += lit.len() as u64;
        for l in lit {
            self.max = self.max.max(l.count.count());
            self.distinct.add(l.count.count());
        }
        Ok(())
    }

    /// Adds the statistics of other tiles of the same zoom. Fails when the sum is beyond 64 bits.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.sum = self.sum.checked_add(other.sum).ok_or_else(overflow)?;
        self.lit += other.lit;
        self.max = self.max.max(other.max);
        self.min = match (self.min, other.min) {
            (0, min) | (min, 0) => min,
            (a, b) => a.min(b),
        };
        self.tiles += other.tiles;
        self.distinct.merge(&other.distinct);
        Ok(())
    }
}
