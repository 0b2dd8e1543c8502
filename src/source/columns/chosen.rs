//! What columns are chosen by, and what is chosen.

use crate::project::Crs;
use crate::source::notice::Notice;
use crate::source::options::Decimal;
use crate::source::take::Take;

/// What columns are chosen by.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Table<'a> {
    /// The first record, unquoted: a header or a row.
    pub(in crate::source) first: &'a [Vec<u8>],
    /// Up to 1000 records behind it, unquoted.
    pub(in crate::source) rows: &'a [Vec<Vec<u8>>],
    /// What separates the decimals.
    pub(in crate::source) decimal: Decimal,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::source) struct Chosen {
    /// The fields of a row that are taken.
    pub(in crate::source) take: Take,
    /// Names of the columns of longitude and latitude (or easting and northing), or `#number`; twice the same where
    /// both are in one field.
    pub(in crate::source) names: [String; 2],
    /// Whether the first record is a header.
    pub(in crate::source) header: bool,
    /// The reference system that the data tell.
    pub(in crate::source) crs: Option<Crs>,
    /// Fields without a name that each row has before those of the header; `take` counts them already.
    pub(in crate::source) shift: usize,
    /// What a person should know of it.
    pub(in crate::source) notices: Vec<Notice>,
}

/// Two columns with what was found on the way to them.
pub(super) struct Picked {
    /// Of the longitude or easting, by its place among the names.
    pub(super) x: usize,
    pub(super) y: usize,
    /// Whether they were named by their places, which no shift of the names changes.
    pub(super) by_place: bool,
    pub(super) notices: Vec<Notice>,
}
