//! What the weights of many rows come to, but for their sum.

use crate::counts::Step;
use crate::source::shown::shown;

/// Characters of a weight that are shown.
const SHOWN: usize = 40;

/// What the weights of rows are, in steps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weights {
    /// Rows that have one: those that are used.
    pub rows: u64,
    /// Rows that are read whose weight was rounded to a step, and the first one with what its cell holds. Rows of several
    /// inputs have no first one.
    pub rounded: (u64, Option<(u64, String)>),
    /// The largest power of ten of which every rounded weight is a multiple.
    pub finest: Option<i64>,
    /// The largest weight, in steps and without its sign.
    pub heaviest: u64,
}

impl Weights {
    /// Adds those of another piece or input, whose first row is none of this.
    pub(in crate::source) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.rounded.0 += other.rounded.0;
        self.finest = self.finest.into_iter().chain(other.finest).min();
        self.heaviest = self.heaviest.max(other.heaviest);
    }

    /// Counts the weight of a row that was rounded.
    pub(in crate::source) fn round(&mut self, row: u64, power: i64, cell: &[u8]) {
        self.rounded.0 += 1;
        self.rounded.1.get_or_insert_with(|| (row, shown(cell, SHOWN)));
        self.finest = Some(self.finest.map_or(power, |finest| finest.min(power)));
    }

    /// A step that keeps every weight as it is, where there is one in which the sum of all fits.
    pub(super) fn finer(&self, step: Step) -> Option<Step> {
        let power = self.finest?.min(i64::from(step.exponent()));
        let finer = Step::power_of_ten(power)?;
        let ratio = step.in_steps_of(finer)?;
        let sum = u128::from(self.heaviest).checked_add(1)?.checked_mul(ratio)?.checked_mul(u128::from(self.rows))?;
        (sum <= i64::MAX as u128).then_some(finer)
    }
}
