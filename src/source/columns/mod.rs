//! Which columns hold the coordinates: by name or place where one was given, else by their names, with what they hold to
//! tell like from unlike; and what else the names and a sample tell of them.
//!
//! `names` reads a name, `pairs` finds names that go together, `lookup` those that a person gave, `cells` measures what
//! columns hold, `choose` decides.
//! `geometry` is about both coordinates in one column, `longer` about rows with more fields than names, `hemisphere` and
//! `scale` about numbers that need more than themselves, `suggest` about what a refusal says.

mod cells;
mod choose;
mod chosen;
mod column_ref;
mod geometry;
mod hemisphere;
mod longer;
mod lookup;
mod names;
mod pairs;
mod scale;
mod suggest;
#[cfg(test)]
mod tests;

pub(super) use chosen::{Chosen, Table};
pub use column_ref::ColumnRef;

use super::options::ReadOptions;
use super::take::Take;

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
