//! Planes: what a pixel holds. A plane is a pyramid of whole numbers on the one grid: the points of a pixel, and where points
//! have a weight its sum in fixed point beside them, because whatever is drawn of a sum needs the count as well. Numbers of
//! four pixels add up to that of their parent, in any order, with the same result. Planes are reduced, kept, added and read by
//! the same code; what is drawn of them is decided elsewhere.

use std::fmt::Debug;

use crate::error::{Error, Result};

/// What a pixel of a plane holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Points: no run has more than 2^32 - 1. What devices have.
    Counts,
    /// Points and what they weigh together.
    Sums,
}

/// What a pixel holds: whole numbers that add up in any order. Its points are above 0 where it is lit.
pub trait Value: Copy + Debug + Default + Eq + Send + Sync + 'static {
    /// What that is.
    const HOLDS: Holds;

    /// A pixel with so many points, and what they weigh together where that is held.
    fn new(count: u32, sum: i64) -> Self;

    /// Its points.
    fn count(self) -> u32;

    /// What they weigh together, in steps; 0 where it is not held.
    fn sum(self) -> i64;

    /// The sum; an error where it does not fit.
    fn plus(self, other: Self) -> Result<Self>;
}

impl Value for u32 {
    const HOLDS: Holds = Holds::Counts;

    #[inline]
    fn new(count: u32, _: i64) -> Self {
        count
    }

    #[inline]
    fn count(self) -> u32 {
        self
    }

    #[inline]
    fn sum(self) -> i64 {
        0
    }

    #[inline]
    fn plus(self, other: Self) -> Result<Self> {
        self.checked_add(other).ok_or_else(overflow)
    }
}

/// The points of a pixel and what they weigh together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weighed {
    /// What they weigh together, in steps; below 0 where weights are. Absolute weights of a run come to at most
    /// 2^63 - 1 steps, so that no order of adding them up can leave the range.
    pub sum: i64,
    /// Points.
    pub count: u32,
}

impl Value for Weighed {
    const HOLDS: Holds = Holds::Sums;

    #[inline]
    fn new(count: u32, sum: i64) -> Self {
        Self { sum, count }
    }

    #[inline]
    fn count(self) -> u32 {
        self.count
    }

    #[inline]
    fn sum(self) -> i64 {
        self.sum
    }

    #[inline]
    fn plus(self, other: Self) -> Result<Self> {
        let sum = self.sum.checked_add(other.sum).ok_or_else(sum_overflow)?;
        Ok(Self { sum, count: self.count.plus(other.count)? })
    }
}

/// The error for a pixel whose count does not fit 32 bits.
pub fn overflow() -> Error {
    Error::Limit("a pixel holds more than 4,294,967,295 points, the most a count can hold; split the input".into())
}

/// The error for weights that come to more than a sum can hold.
pub fn sum_overflow() -> Error {
    Error::Limit(
        "weights come to more than 9,223,372,036,854,775,807 steps, the most a sum can hold; take a larger --weight-step"
            .into(),
    )
}
