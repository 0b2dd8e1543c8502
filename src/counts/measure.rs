//! What is drawn of the points of a pixel and of their weights.

use std::fmt;
use std::str::FromStr;

use super::{Step, Weighed, level};

/// What is drawn of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Its points.
    #[default]
    Count,
    /// What they weigh together.
    Sum,
    /// What one of them weighs on average: the sum by the count.
    Mean,
    /// Which part of them is of one kind: weights are 1 for those that are, else 0.
    Share,
    /// How many more there are in one set than in another: weights are 1 in the one and -1 in the other, or what points
    /// weigh in either.
    Difference,
}

impl Measure {
    /// Whether it is a quotient, of which those of more points are the stronger.
    pub fn is_mean(self) -> bool {
        matches!(self, Self::Mean | Self::Share)
    }

    /// Whether it is a sum, which more points make larger.
    pub fn is_sum(self) -> bool {
        matches!(self, Self::Sum | Self::Difference)
    }
}

impl Measure {
    /// What a pixel comes to, in steps.
    #[inline(always)]
    pub fn value(self, pixel: Weighed) -> f64 {
        self.of(pixel.sum as f64, pixel.count.into())
    }

    /// What a sum of that many points comes to, in steps.
    #[inline(always)]
    pub fn of(self, sum: f64, count: f64) -> f64 {
        match self {
            Self::Count => count,
            Self::Sum | Self::Difference => sum,
            Self::Mean | Self::Share => sum / count,
        }
    }

    /// What decides where two pixels reach one place and one of them is to be seen: the larger sum on either side of 0, or
    /// the mean of more points.
    #[inline(always)]
    pub fn strength(self, sum: f64, count: f64) -> f64 {
        match self {
            Self::Sum | Self::Difference => sum.abs(),
            Self::Count | Self::Mean | Self::Share => count,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Share => "share",
            Self::Difference => "difference",
        })
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "count" => Ok(Self::Count),
            "sum" => Ok(Self::Sum),
            "mean" => Ok(Self::Mean),
            _ => Err(format!("'{text}' is no measure; use count, sum or mean")),
        }
    }
}

/// A measure of weights, as counts are drawn by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measuring {
    /// Sum or mean.
    pub measure: Measure,
    /// What a step of a weight is worth.
    pub step: Step,
    /// Pixels of fewer points are not drawn; at least 1.
    pub least: u32,
}

impl Measuring {
    /// The level of a pixel; `None` where it is not drawn.
    #[inline(always)]
    pub fn level(self, pixel: Weighed) -> Option<u32> {
        (pixel.count >= self.least).then(|| level::of(self.measure.value(pixel)))
    }
}
