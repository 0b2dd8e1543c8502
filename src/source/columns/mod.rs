//! Which columns hold the coordinates: by name or place where one was given, else by their names, with what they hold to
//! tell like from unlike; and what else the names and a sample tell of them.
//!
//! `names` reads a name, `pairs` finds names that go together, `cells` measures what columns hold, `choose` decides.
//! `geometry` is about both coordinates in one column, `longer` about rows with more fields than names, `hemisphere` and
//! `scale` about numbers that need more than themselves, `suggest` about what a refusal says.

mod cells;
mod choose;
mod geometry;
mod hemisphere;
mod longer;
mod names;
mod pairs;
mod scale;
mod suggest;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use super::notice::Notice;
use super::take::Take;
use super::{Decimal, ReadOptions};
use crate::project::Crs;

/// A column as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// By the whole name in the header, without regard to case and surrounding space.
    Name(String),
    /// By its place, from 1.
    Number(usize),
}

impl FromStr for ColumnRef {
    type Err = String;

    /// `#n` is a place, anything else a name.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('#').map(str::parse::<usize>) {
            Some(Ok(number)) if number > 0 => Ok(Self::Number(number)),
            Some(Err(_)) | None if !text.trim().is_empty() => Ok(Self::Name(text.to_owned())),
            _ => Err(format!("'{text}' is no column; write its name or its place from 1 as #1")),
        }
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "#{number}"),
        }
    }
}

/// What columns are chosen by.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code)]
pub(super) struct Table<'a> {
    /// The first record, unquoted: a header or a row.
    pub(super) first: &'a [Vec<u8>],
    /// Up to 1000 records behind it, unquoted.
    pub(super) rows: &'a [Vec<Vec<u8>>],
    /// What separates the decimals.
    pub(super) decimal: Decimal,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
#[allow(dead_code)]
pub(super) struct Chosen {
    /// The fields of a row that are taken.
    pub(super) take: Take,
    /// Names of the columns of longitude and latitude (or easting and northing), or `#number`; twice the same where
    /// both are in one field.
    pub(super) names: [String; 2],
    /// Whether the first record is a header.
    pub(super) header: bool,
    /// The reference system that the data tell.
    pub(super) crs: Option<Crs>,
    /// Fields without a name that each row has before those of the header; `take` counts them already.
    pub(super) shift: usize,
    /// What a person should know of it.
    pub(super) notices: Vec<Notice>,
}

/// Finds the columns, or says in one line what is wrong and which flag helps. The caller puts the input's name before
/// it. `projected`: the coordinates are eastings and northings.
pub(super) fn choose(table: &Table<'_>, options: &ReadOptions, projected: bool) -> Result<Chosen, String> {
    choose::choose(table, options, projected)
}

/// Whether a record is a header in which coordinate columns can be found.
#[allow(dead_code)]
pub(super) fn is_header(record: &[Vec<u8>], options: &ReadOptions, projected: bool) -> bool {
    choose::is_header(record, options, projected)
}

/// The columns taken from one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// Place of the longitude or easting, from 0.
    pub(super) x: usize,
    /// Place of the latitude or northing, from 0.
    pub(super) y: usize,
    /// Their names, or `#number`.
    pub(super) names: [String; 2],
    /// Whether the first record is a header.
    pub(super) header: bool,
}

/// The same by the first record alone, for a reader of two plain columns.
pub(super) fn find(first: &csv::ByteRecord, options: &ReadOptions, projected: bool) -> Result<Columns, String> {
    let fields: Vec<Vec<u8>> = first.iter().map(<[u8]>::to_vec).collect();
    let table = Table { first: &fields, rows: &[], decimal: options.decimal.unwrap_or_default() };
    let chosen = choose(&table, options, projected).map_err(|problem| match other_separator(first) {
        Some(separator) if options.delimiter.is_none() => format!(
            "the fields look separated by {separator}, and only commas are supported yet; convert the file to commas \
             and decimal points first ({problem})"
        ),
        _ => problem,
    })?;
    match chosen.take {
        Take::Two { x, y } => Ok(Columns { x: x.column, y: y.column, names: chosen.names, header: chosen.header }),
        Take::One { .. } => Err("both coordinates are in one column, which is not supported yet".into()),
    }
}

/// What separates the fields of a record in which commas do not.
fn other_separator(first: &csv::ByteRecord) -> Option<&'static str> {
    let more_than_commas = |separator: u8| memchr::memchr_iter(separator, first.as_slice()).count() > first.len();
    [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")]
        .into_iter()
        .find_map(|(separator, name)| more_than_commas(separator).then_some(name))
        .or_else(|| (first.len() == 1 && memchr::memchr(b';', first.as_slice()).is_some()).then_some("semicolons"))
}
