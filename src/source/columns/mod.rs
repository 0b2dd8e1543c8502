//! Which columns hold the coordinates: by name or place where one was given, else by their names, with what they hold to
//! tell like from unlike; and what else the names and a sample tell of them.
//!
//! `names` reads a name (`words` are those it knows), `pairs` finds names that go together, `lookup` those that a person gave, `cells` measures what
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
mod words;

pub(super) use chosen::{Chosen, Table};
pub use column_ref::ColumnRef;

use super::cell::Geometry;
use super::options::ReadOptions;
use super::value::{Recognised, recognise};

/// Finds the columns, or says in one line what is wrong and which flag helps. The caller puts the input's name before
/// it. `projected`: the coordinates are eastings and northings.
pub(super) fn choose(table: &Table<'_>, options: &ReadOptions, projected: bool) -> Result<Chosen, String> {
    choose::choose(table, options, projected)
}

/// Whether a column holds both coordinates of each row, by its cells and, where those may be anything, by its name.
pub(super) fn is_geometry(name: &[u8], cells: &[&[u8]]) -> bool {
    match recognise(cells) {
        Some(Recognised::Geometry { geometry: Geometry::Pair(_), .. }) => {
            names::geometry(&names::decode(name)).is_some()
        }
        Some(Recognised::Geometry { .. }) => true,
        _ => false,
    }
}

/// The place of a column that a person named (`flag`) in rows of `width` fields, whose `header` has no name for the first
/// `shift`. Fails with what there is, the nearest names first.
pub(super) fn named_place(
    header: Option<&[Vec<u8>]>,
    width: usize,
    shift: usize,
    column: &ColumnRef,
    flag: &str,
) -> Result<usize, String> {
    match (column, header) {
        (ColumnRef::Number(number), _) if (1..=width).contains(number) => Ok(number - 1),
        (ColumnRef::Number(number), _) => {
            let few = if width == 1 { "1 field".to_owned() } else { format!("{width} fields") };
            Err(format!("there is no column #{number} ({flag}): a row has {few}"))
        }
        (ColumnRef::Name(name), None) => Err(format!(
            "it has no header that would name a column '{name}' ({flag}); name it by its place, such as '#1'"
        )),
        (ColumnRef::Name(name), Some(header)) => {
            let names: Vec<String> = header.iter().map(|name| names::decode(name)).collect();
            lookup::by_name(&names, name, flag).map(|place| place + shift)
        }
    }
}

/// Whether a field of a header is exactly this name.
pub(super) fn is_named(field: &[u8], name: &str) -> bool {
    names::decode(field) == name
}

/// Whether the names of a record go together as those of a place, even such as mean other things elsewhere.
pub(super) fn names_a_place(record: &[Vec<u8>]) -> bool {
    let names: Vec<String> = record.iter().map(|name| names::decode(name)).collect();
    pairs::find(&pairs::parse_all(&names)).iter().any(|pair| !pair.common)
}

/// Whether a record is a header in which coordinate columns can be found.
pub(super) fn is_header(record: &[Vec<u8>], options: &ReadOptions, projected: bool) -> bool {
    choose::is_header(record, options, projected)
}
