//! Which column weighs, and in which steps: what a person says.

use crate::counts::Step;
use crate::source::columns::ColumnRef;

/// What a person asks to be the weight of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// The column that holds it.
    pub column: ColumnRef,
    /// What one step of it is worth.
    pub step: Step,
}
