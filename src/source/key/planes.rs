//! What a run was counted by, once all rows are read.

use super::asked::Key;

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlane {
    /// What it is called.
    pub label: String,
    /// Its number in batches.
    pub number: u16,
    /// Whether it is there even where no row has it: because values were named, or all parts of a time are there.
    pub always: bool,
}

/// What a run was counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The key as it was asked for.
    pub key: Key,
    /// Its values, in the order in which they leave.
    pub planes: Vec<KeyPlane>,
}
