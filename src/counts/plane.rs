//! Planes: what a pixel holds. A plane is a pyramid of whole numbers on the one grid; [`COUNT`](PlaneId::COUNT), the
//! points of a pixel, is the one that everybody has. Others add up something else of the same points: a weight in fixed
//! point, the points of one category. They are reduced, kept, added and read by the same code; what is drawn of them
//! is decided elsewhere.

use std::fmt::Debug;

use super::Lit;
use crate::error::{Error, Result};

/// Which plane of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PlaneId(u16);

impl PlaneId {
    /// The points of a pixel.
    pub const COUNT: Self = Self(0);

    /// The plane at that place among those of a run; 0 is [`COUNT`](Self::COUNT).
    pub const fn new(place: u16) -> Self {
        Self(place)
    }

    /// Its place among those of a run.
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// How the numbers of points that fall on one pixel become one, and those of four pixels that of their parent. In any
/// order, with the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operator {
    /// They add up; what does not fit is an error.
    #[default]
    Sum,
}

/// What a plane is.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// What people call it.
    pub name: String,
    /// How its numbers meet.
    pub operator: Operator,
    /// What 1 is worth, in the unit of the column that it was read from: 0.01 where hundredths are added up. Above 0.
    pub step: f64,
    /// How wide its numbers are.
    pub width: Width,
}

impl Plane {
    /// The points of a pixel.
    pub fn count() -> Self {
        Self { name: "count".into(), operator: Operator::Sum, step: 1.0, width: Width::Bits32 }
    }

    /// Sums of something else in steps of `step`.
    pub fn sum(name: impl Into<String>, step: f64) -> Self {
        Self { name: name.into(), operator: Operator::Sum, step, width: Width::Bits64 }
    }
}

/// How many bits a pixel's number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Enough for points: no run has more than 2^32 - 1. What devices have.
    Bits32,
    /// Enough for sums.
    Bits64,
}

/// A pixel's number: whole, above 0 where the pixel is lit.
pub trait Value: Copy + Debug + Default + Ord + Send + Sync + From<u8> + From<u16> + Into<u64> + 'static {
    /// How wide it is.
    const WIDTH: Width;

    /// The number, if it fits.
    fn narrow(number: u64) -> Option<Self>;

    /// The sum; an error where it does not fit.
    fn plus(self, other: Self) -> Result<Self>;

    /// What the numbers of a tile's pixels come to; `None` beyond 64 bits.
    fn total(lit: &[Lit<Self>]) -> Option<u64>;
}

impl Value for u32 {
    const WIDTH: Width = Width::Bits32;

    #[inline]
    fn narrow(number: u64) -> Option<Self> {
        Self::try_from(number).ok()
    }

    #[inline]
    fn plus(self, other: Self) -> Result<Self> {
        self.checked_add(other).ok_or_else(overflow)
    }

    #[inline]
    fn total(lit: &[Lit]) -> Option<u64> {
        // A tile has fewer than 2^32 pixels.
        Some(lit.iter().map(|l| u64::from(l.count)).sum())
    }
}

impl Value for u64 {
    const WIDTH: Width = Width::Bits64;

    #[inline]
    fn narrow(number: u64) -> Option<Self> {
        Some(number)
    }

    #[inline]
    fn plus(self, other: Self) -> Result<Self> {
        self.checked_add(other).ok_or_else(sum_overflow)
    }

    #[inline]
    fn total(lit: &[Lit<Self>]) -> Option<u64> {
        lit.iter().try_fold(0u64, |sum, l| sum.checked_add(l.count))
    }
}

/// The error for a pixel whose count does not fit 32 bits.
pub fn overflow() -> Error {
    Error::Limit("a pixel holds more than 4,294,967,295 points, the most a count can hold; split the input".into())
}

/// The error for numbers of a plane that come to more than 64 bits can hold.
pub(super) fn sum_overflow() -> Error {
    Error::Limit(
        "sums come to more than 18,446,744,073,709,551,615 steps, the most a plane can hold; take a larger step".into(),
    )
}
