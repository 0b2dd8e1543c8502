//! Rows with more fields than the header has names: which name belongs to which field.

use super::cells::{Cell, Sheet, most, value};
use super::chosen::Picked;
use super::names::Side;
use crate::source::cell::Axis;
use crate::source::notice::Notice;
use crate::source::options::Unit;

/// How the rows of a sample compare with the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Longer {
    names: usize,
    /// Fields of every row, where they are more and not blank.
    fields: Option<usize>,
}

impl Longer {
    pub(super) fn of(sheet: &Sheet<'_>) -> Self {
        let names = sheet.names.len();
        let none = Self { names, fields: None };
        if !sheet.header {
            return none;
        }
        // A footer or two do not matter.
        let mut lengths: Vec<usize> = sheet.rows().map(<[Vec<u8>]>::len).collect();
        lengths.sort_unstable();
        let Some(&fields) = lengths.get(lengths.len() / 2) else { return none };
        let alike = lengths.iter().filter(|&&length| length == fields).count();
        if fields <= names || 100 * alike < 99 * lengths.len() {
            return none;
        }
        let blank = |row: &[Vec<u8>]| row.iter().skip(names).all(|cell| cell.trim_ascii().is_empty());
        if sheet.rows().filter(|row| row.len() == fields).all(blank) {
            return none;
        }
        Self { names, fields: Some(fields) }
    }

    /// By how many fields each row is longer.
    pub(super) fn extra(&self) -> Option<usize> {
        self.fields.map(|fields| fields - self.names)
    }

    /// Finds the shift of the names that makes coordinates of what the columns hold.
    pub(super) fn align(&self, sheet: &mut Sheet<'_>, picked: &mut Picked) -> Result<(), String> {
        let (Some(extra), Some(fields), true) = (self.extra(), self.fields, sheet.header) else { return Ok(()) };
        let before = sheet.shift;
        sheet.shift = 0;
        if commas(sheet, picked, extra) {
            return Err(format!(
                "the rows have {fields} fields and the header has {} names: the decimals look like commas without quotes \
                 ({}); write them with points, or separate the fields with ';'",
                self.names,
                example(sheet)
            ));
        }
        let as_named = fits(sheet, picked) && !thousands(sheet, picked);
        sheet.shift = extra;
        let shifted = !picked.by_place && fits(sheet, picked);
        let numbered = shifted && !first_is_named(sheet) && (numbers_rows(sheet) || numbers_beside(sheet, picked));
        sheet.shift = match (as_named, shifted) {
            (true, true) if !numbered => 0,
            (true, false) => 0,
            (_, true) => extra,
            _ if picked.by_place => 0,
            (false, false) => {
                sheet.shift = before;
                return Err(format!(
                    "the rows have {fields} fields and the header has {} names, and in no alignment do columns '{}' and '{}' \
                     hold coordinates ({}); give a header of {fields} names, or the places of the columns: {} '#n' {} '#n'",
                    self.names,
                    sheet.names.get(picked.x).map_or("", String::as_str),
                    sheet.names.get(picked.y).map_or("", String::as_str),
                    example(sheet),
                    sheet.flags()[0],
                    sheet.flags()[1]
                ));
            }
        };
        let rows = format!("every row has {fields} fields and the header {} names", self.names);
        picked.notices.push(match (sheet.shift, extra) {
            (0, _) => Notice::new("longer_rows", format!("{rows}: the names belong to the first ones")),
            (_, 1) => Notice::new("row_names", format!("{rows}: the first field is the row's own name")),
            (_, n) => Notice::new("row_names", format!("{rows}: the first {n} have none")),
        });
        Ok(())
    }
}

/// The beginning of the first row.
fn example(sheet: &Sheet<'_>) -> String {
    let row = sheet.rows().next().unwrap_or_default();
    let cells: Vec<String> = row.iter().take(8).map(|cell| super::cells::shown_cell(cell)).collect();
    format!("row 1: {}", cells.join(","))
}

/// Whether the columns hold coordinates in most rows.
pub(super) fn fits(sheet: &Sheet<'_>, picked: &Picked) -> bool {
    let unit = |column: usize| {
        let named = sheet.names.get(column).and_then(|name| super::names::parse(name)).and_then(|name| name.unit);
        sheet.options.unit.or(named).unwrap_or(Unit::Degrees)
    };
    [(picked.x, Side::X), (picked.y, Side::Y)].into_iter().all(|(column, side)| {
        let axis = if sheet.projected { Axis::Projected } else { side.degrees() };
        let most_degrees = if side == Side::X { 180.0 } else { 90.0 };
        let (mut filled, mut good) = (0, 0);
        for cell in sheet.filled(column) {
            filled += 1;
            if let Cell::Number(number) = value(cell, axis, unit(column), sheet.decimal()) {
                good += usize::from(sheet.projected || number.abs() <= most_degrees);
            }
        }
        filled > 0 && most(good, filled)
    })
}

/// Whether the first name is one of what numbers or names rows, which then is no field without a name.
fn first_is_named(sheet: &Sheet<'_>) -> bool {
    let known =
        ["", "id", "idx", "index", "no", "nr", "num", "number", "row", "key", "fid", "oid", "objectid", "name", "code"];
    sheet.names.first().is_none_or(|name| {
        let name = name.to_lowercase();
        known.contains(&name.as_str()) || name.ends_with("_id") || name.ends_with(" id")
    })
}

/// Whether the first field of the rows counts them or names each.
fn numbers_rows(sheet: &Sheet<'_>) -> bool {
    let cells: Vec<&[u8]> = sheet.rows().filter_map(|row| row.first()).map(|cell| cell.trim_ascii()).collect();
    let numbers: Vec<Option<i64>> =
        cells.iter().map(|cell| std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok())).collect();
    let steps =
        numbers.windows(2).filter(|two| matches!(two, [Some(a), Some(b)] if a.checked_add(1) == Some(*b))).count();
    if cells.len() > 1 && most(steps, cells.len() - 1) {
        return true;
    }
    let words = cells.iter().filter(|cell| cell.first().is_some_and(u8::is_ascii_alphabetic)).count();
    let distinct: std::collections::BTreeSet<&&[u8]> = cells.iter().collect();
    cells.len() > 1 && most(words, cells.len()) && distinct.len() == cells.len()
}

/// Whether the first field is a whole number of its own in each row, and the coordinates behind it are none.
fn numbers_beside(sheet: &Sheet<'_>, picked: &Picked) -> bool {
    let firsts: Vec<&[u8]> = sheet.rows().filter_map(|row| row.first()).map(|cell| cell.trim_ascii()).collect();
    let whole = |cell: &&&[u8]| !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    let distinct: std::collections::BTreeSet<&&[u8]> = firsts.iter().collect();
    let fractions = |column: usize| {
        let (all, some) = sheet.filled(column).fold((0, 0), |(all, some), cell| {
            (all + 1, some + usize::from(cell.iter().any(|byte| matches!(byte, b'.' | b','))))
        });
        all > 0 && most(some, all)
    };
    firsts.len() > 1
        && distinct.len() == firsts.len()
        && firsts.iter().filter(whole).count() == firsts.len()
        && fractions(picked.x)
        && fractions(picked.y)
}

/// Whether a coordinate, as it is named, is what stands behind the comma of thousands: three digits in every row, behind
/// up to three.
fn thousands(sheet: &Sheet<'_>, picked: &Picked) -> bool {
    let digits = |cell: &[u8], few: std::ops::RangeInclusive<usize>| {
        few.contains(&cell.len()) && cell.iter().all(u8::is_ascii_digit)
    };
    [picked.x, picked.y].into_iter().filter(|&column| column > 0).any(|column| {
        let mut rows = sheet.rows().filter(|row| row.len() > column).peekable();
        rows.peek().is_some()
            && rows.all(|row| digits(row[column - 1].trim_ascii(), 1..=3) && digits(row[column].trim_ascii(), 3..=3))
    })
}

/// Whether each coordinate is two fields: whole degrees and, behind a decimal comma, the rest. Other columns before and
/// between the two may hold decimals as well.
fn commas(sheet: &Sheet<'_>, picked: &Picked, extra: usize) -> bool {
    let (low, high) = (picked.x.min(picked.y), picked.x.max(picked.y));
    let split = |row: &[Vec<u8>], place: usize| {
        let digits = |cell: &[u8]| !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
        let (Some(whole), Some(rest)) = (row.get(place), row.get(place + 1)) else { return false };
        let whole = whole.trim_ascii();
        whole.len() <= 8 && digits(whole.strip_prefix(b"-").unwrap_or(whole)) && digits(rest)
    };
    let others = extra.saturating_sub(2).min(8);
    let ways = (0..=others).flat_map(|before| (0..=others - before).map(move |between| (before, between)));
    let rows = sheet.rows().count();
    extra >= 2
        && rows > 0
        && ways.into_iter().any(|(before, between)| {
            let both = |row: &&[Vec<u8>]| split(row, low + before) && split(row, high + before + 1 + between);
            most(sheet.rows().filter(both).count(), rows)
        })
}
