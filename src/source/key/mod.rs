//! By which key a row is counted: a category, or a part of a time. Each value has a number, which goes with the row.
//!
//! `asked` is what a person says, `label` what cells are called and `part` what parts of times are, `table` the values of all
//! inputs, `cache` those that one thread met, `planes` what becomes of them, `notice` what to know of times that could not be
//! read.

mod asked;
mod cache;
mod label;
mod notice;
mod part;
mod planes;
mod table;

use std::sync::Arc;

pub use asked::{Key, KeyBy, KeyValues};
pub(super) use cache::KeyCache;
pub(super) use notice::notice;
pub use part::KeyPart;
pub use planes::{KeyPlane, Keys};
pub(super) use table::KeyTable;

use self::label::label;
use super::choice::{Civil, DateFormat, civil, clock};
use super::columns::{self, ColumnRef};
use super::options::ReadOptions;
use crate::counts::labels::OTHER;

/// The key of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keyed {
    pub(super) number: u16,
    /// Whether a time was asked for and there is none.
    pub(super) timeless: bool,
}

/// Reads the keys of one input.
#[derive(Debug, Clone)]
pub(super) struct Keyer {
    /// The field, from 0.
    pub(super) column: usize,
    part: KeyPart,
    date: Option<DateFormat>,
    table: Arc<KeyTable>,
    /// The numbers of parts that are the same in every input, and of cells without a value.
    numbers: Vec<u16>,
    none: u16,
}

impl Keyer {
    /// What `table` is to be filled with of an input whose rows have `width` fields, the last of which `header` names.
    pub(super) fn of(
        table: Option<&Arc<KeyTable>>,
        options: &ReadOptions,
        header: Option<&[Vec<u8>]>,
        width: usize,
        shift: usize,
    ) -> Result<Option<Self>, String> {
        let Some(table) = table else { return Ok(None) };
        let by = table.key().by();
        // A column that is really called so.
        let whole = ColumnRef::Name(by.text().to_owned());
        let named = header.is_some_and(|header| header.iter().any(|name| columns::is_named(name, by.text())));
        let (column, part) = if named { (&whole, KeyPart::Value) } else { (by.column(), by.part()) };
        let column = columns::named_place(header, width, shift, column, "--by")?;
        if let (Some(form), Some(function)) = (&options.date, part.function())
            && part.of(&form.known()).is_none()
        {
            return Err(format!(
                "{by} needs what the form of dates '{form}' does not hold ({function}); see --date-format"
            ));
        }
        table.begin(part)?;
        let known = |label: &String| table.known(label).unwrap_or_else(|| table.number(OTHER));
        let numbers = part.labels().unwrap_or_default().iter().map(known).collect();
        let (date, none) = (options.date.clone(), table.none());
        Ok(Some(Self { column, part, date, table: table.clone(), numbers, none }))
    }

    /// What it reads, for a person.
    pub(super) fn by(&self) -> &KeyBy {
        self.table.key().by()
    }

    /// The key of a cell, unquoted.
    #[inline]
    pub(super) fn key(&self, cell: &[u8], cache: &mut KeyCache) -> Keyed {
        if self.part == KeyPart::Value {
            let number = cache.number(cell.trim_ascii(), |cell| self.table.number(&label(cell)));
            return Keyed { number, timeless: false };
        }
        self.of_time(cell, cache)
    }

    fn of_time(&self, cell: &[u8], cache: &mut KeyCache) -> Keyed {
        let civil = match &self.date {
            Some(form) => form.civil(cell),
            // A time of the day alone has an hour.
            None => civil(cell).or_else(|| clock(cell).map(Civil::of_hour)),
        };
        let Some(place) = civil.and_then(|civil| self.part.of(&civil)) else {
            return Keyed { number: self.none, timeless: true };
        };
        let number = if self.part == KeyPart::Year {
            let year = format!("{place:04}");
            cache.number(year.as_bytes(), |_| self.table.number(&year))
        } else {
            usize::try_from(place).ok().and_then(|place| self.numbers.get(place)).copied().unwrap_or(self.none)
        };
        Keyed { number, timeless: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::labels::NONE;

    fn keyer(by: &str, date: Option<&str>) -> (Keyer, Arc<KeyTable>) {
        let by: KeyBy = by.parse().unwrap();
        let table = Arc::new(KeyTable::new(&Key::every(by)));
        let options = ReadOptions { date: date.map(|form| form.parse().unwrap()), ..ReadOptions::default() };
        let header = [b"a".to_vec(), b"t".to_vec()];
        (Keyer::of(Some(&table), &options, Some(&header), 2, 0).unwrap().unwrap(), table)
    }

    fn labelled(by: &str, date: Option<&str>, cell: &str) -> String {
        let (keyer, table) = keyer(by, date);
        let mut cache = KeyCache::default();
        let Keyed { number, timeless } = keyer.key(cell.as_bytes(), &mut cache);
        assert_eq!(keyer.key(cell.as_bytes(), &mut cache).number, number);
        let label = table.planes().into_iter().find(|plane| plane.number == number).unwrap().label;
        assert_eq!(timeless, label == NONE && keyer.part != KeyPart::Value);
        label
    }

    #[test]
    fn cells_have_labels() {
        for (cell, label) in [
            ("x", "x"),
            (" x y\t", "x y"),
            ("\u{a0}x\u{2003}", "x"),
            ("", NONE),
            ("  ", NONE),
            ("\u{a0}", NONE),
            ("(none)", NONE),
            ("NA", "NA"),
            ("12345678", "12345678"),
            ("123456789", "123456789"),
        ] {
            assert_eq!(labelled("a", None, cell), label, "{cell:?}");
        }
    }

    #[test]
    fn times_have_parts_as_they_are_written() {
        for (by, date, cell, label) in [
            ("hour(t)", None, "2023-05-14T12:30:00Z", "12"),
            ("hour(t)", None, "2023-05-14T00:30:00+02:00", "00"),
            ("hour(t)", None, "2023-05-14 24:00", "00"),
            ("day(t)", None, "2023-05-31 24:00", "01"),
            ("month(t)", None, "2023-05-31 24:00", "06"),
            ("hour(t)", None, "2023-05-14", NONE),
            ("hour(t)", None, "17:42", "17"),
            ("hour(t)", None, "7:42:10.5", "07"),
            ("hour(t)", None, "24:10", NONE),
            ("hour(t)", None, "x", NONE),
            ("hour(t)", None, "", NONE),
            ("day(t)", None, "17:42", NONE),
            ("day(t)", None, "2023-05-14", "14"),
            ("day(t)", None, "2023-05", NONE),
            ("month(t)", None, "2023-05", "05"),
            ("month(t)", None, "2023", NONE),
            ("year(t)", None, "2023", "2023"),
            ("year(t)", None, "2023-13", NONE),
            ("weekday(t)", None, "2023-05-14", "Sun"),
            ("weekday(t)", None, "2023-05-15T23:59:59-11:00", "Mon"),
            ("weekday(t)", None, "2023-05", NONE),
            ("weekday(t)", Some("%d/%m/%Y"), "04/01/2005", "Tue"),
            ("month(t)", Some("%d/%m/%Y"), "04/01/2005", "01"),
            ("month(t)", Some("%d/%m/%Y"), "2005-01-04", NONE),
            ("month(t)", Some("%b %Y"), "Dec 2005", "12"),
            ("hour(t)", Some("%H%M"), "0020", "00"),
            ("hour(t)", Some("%H%M"), "2359", "23"),
            ("hour(t)", Some("%I:%M %p"), "12:05 AM", "00"),
            ("hour(t)", Some("%s"), "49853", "13"),
            ("hour(t)", Some("%s"), "1597190399.5", "23"),
            ("day(t)", Some("%s"), "1597190399", "11"),
            ("year(t)", Some("%s"), "-1", "1969"),
            ("weekday(t)", Some("%s"), "0", "Thu"),
        ] {
            assert_eq!(labelled(by, date, cell), label, "{by} {date:?} {cell:?}");
        }
    }

    #[test]
    fn a_column_that_is_called_like_a_part_is_taken() {
        let of = |header: &[&str], by: &str, date: Option<&str>| {
            let table = Arc::new(KeyTable::new(&Key::every(by.parse().unwrap())));
            let options = ReadOptions { date: date.map(|form| form.parse().unwrap()), ..ReadOptions::default() };
            let header: Vec<Vec<u8>> = header.iter().map(|name| name.as_bytes().to_vec()).collect();
            let keyer = Keyer::of(Some(&table), &options, Some(&header), header.len(), 0)?;
            keyer.map(|keyer| (keyer.column, keyer.part)).ok_or_else(String::new)
        };
        assert_eq!(of(&["t", "hour(t)"], "hour(t)", None), Ok((1, KeyPart::Value)));
        assert_eq!(of(&["t", "Hour(t)"], "hour(t)", None), Ok((0, KeyPart::Hour)));
        assert!(of(&["t"], "hour(x)", None).unwrap_err().contains("no column 'x' (--by)"));
        for (by, form) in [("hour(t)", "%d/%m/%Y"), ("weekday(t)", "%m/%Y"), ("day(t)", "%H%M"), ("year(t)", "%H:%M")] {
            let line = of(&["t"], by, Some(form)).unwrap_err();
            assert!(line.contains(by) && line.contains(form) && line.contains("--date-format"), "{line}");
        }
        assert_eq!(of(&["t"], "t", Some("%d/%m/%Y")), Ok((0, KeyPart::Value)));
    }
}
