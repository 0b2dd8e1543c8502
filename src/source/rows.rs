//! What one row amounts to: a coordinate, or the first reason why it is none; and how many rows were which.

use super::number::Field;
use super::report::Invalid;
use crate::project::Coordinate;

/// Why a row holds no two finite numbers; the first that fits, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A coordinate is blank.
    Missing,
    /// A coordinate is no finite number.
    NotANumber,
    /// A coordinate has no field, or the row ends within quotes.
    Malformed,
}

/// Rows of a stretch of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) invalid: Invalid,
    /// From 1, within the stretch.
    pub(super) first_invalid_row: Option<u64>,
}

impl Tally {
    /// Counts one row that cannot be used.
    pub(super) fn reject(&mut self, reason: Reason) {
        self.rows += 1;
        self.first_invalid_row.get_or_insert(self.rows);
        match reason {
            Reason::Missing => self.invalid.missing += 1,
            Reason::NotANumber => self.invalid.not_a_number += 1,
            Reason::Malformed => self.invalid.malformed += 1,
        }
    }
}

/// Judges a row by its two fields (`None`: the row is too short); `open` when it ends within quotes.
pub(super) fn judge(x: Option<Field>, y: Option<Field>, open: bool) -> Result<Coordinate, Reason> {
    match (x, y) {
        (Some(Field::Blank), _) | (_, Some(Field::Blank)) => Err(Reason::Missing),
        (Some(Field::NotANumber), _) | (_, Some(Field::NotANumber)) => Err(Reason::NotANumber),
        (Some(Field::Number(x)), Some(Field::Number(y))) if !open => Ok(Coordinate { x, y }),
        _ => Err(Reason::Malformed),
    }
}
