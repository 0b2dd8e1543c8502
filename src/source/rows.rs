//! What one row amounts to: a coordinate, or the first reason why it is none.

use super::number::{self, Field};
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

impl Invalid {
    /// Counts one row.
    pub(super) fn add(&mut self, reason: Reason) {
        match reason {
            Reason::Missing => self.missing += 1,
            Reason::NotANumber => self.not_a_number += 1,
            Reason::Malformed => self.malformed += 1,
        }
    }
}

/// Judges a row by its two fields (`None`: the row is too short); `open` when it ends within quotes.
pub(super) fn judge(x: Option<&[u8]>, y: Option<&[u8]>, open: bool) -> Result<Coordinate, Reason> {
    let (x, y) = (x.map(number::parse), y.map(number::parse));
    match (x, y) {
        (Some(Field::Blank), _) | (_, Some(Field::Blank)) => Err(Reason::Missing),
        (Some(Field::NotANumber), _) | (_, Some(Field::NotANumber)) => Err(Reason::NotANumber),
        (Some(Field::Number(x)), Some(Field::Number(y))) if !open => Ok(Coordinate { x, y }),
        _ => Err(Reason::Malformed),
    }
}
