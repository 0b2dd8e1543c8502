//! What is known of a text before its first row is read: its dialect, the fields that are taken, and what its header says,
//! so that a row can be judged without its file.

use std::borrow::Cow;
use std::sync::Arc;

use crate::source::cell::Geometry;
use crate::source::choice::Choice;
use crate::source::columns;
use crate::source::dialect::Dialect;
use crate::source::key::{KeyTable, Keyer};
use crate::source::options::{Delimiter, Header, ReadOptions, Unit};
use crate::source::take::{Place, Take};
use crate::source::weight::Weigher;

/// Rows longer than this, in bytes, are not looked at for being a header.
const HEADER_MAX: usize = 64 << 10;

/// How the rows of one text are laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    pub(super) take: Take,
    /// Fields of a row. What a longer one has behind them must be blank; where blanks separate, a shorter one is wrong
    /// too, because a blank field cannot be seen.
    pub(super) width: usize,
    /// The header, unquoted.
    pub(super) header: Option<Vec<Vec<u8>>>,
    /// Fields that the header names: blank names at its end are none. 0 without a header.
    pub(super) named: usize,
    /// Whether every row has a name of its own before the fields that the header names, so that a shorter one is shifted.
    pub(super) exact: bool,
    /// Whether the header stood in a comment.
    pub(super) commented: bool,
    /// Decimals that nearly every row has in its last field, where that is taken: fewer at the end of a file that has no
    /// line end look cut off.
    pub(super) decimals: Option<usize>,
    /// Which rows are wanted, where not all are.
    pub(super) choice: Option<Choice>,
    /// What each row weighs, where that is asked for.
    pub(super) weigher: Option<Weigher>,
    /// Which key each row has, where that is asked for.
    pub(super) keyer: Option<Keyer>,
    /// The fields that are looked at: the first and the last.
    pub(super) span: (usize, usize),
    /// How a header within the text is known.
    names: Names,
}

/// See [`Layout::other_header`].
#[derive(Debug, Clone)]
struct Names {
    options: ReadOptions,
    projected: bool,
    /// Whether the header has names that are numbers.
    numeric: bool,
}

/// Places of two plain numbers in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) first: usize,
    pub(super) second: usize,
    /// Whether the first of them is the northing.
    pub(super) swapped: bool,
    pub(super) delimiter: u8,
    /// Fields that follow the second at least,
    pub(super) least: usize,
    /// and at most.
    pub(super) room: usize,
}

/// What a record within a text is that holds no coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// A row, or the text's own header once more.
    Row,
    /// A header that names other columns, or in another order.
    OtherHeader,
}

impl Layout {
    pub(super) fn new(
        dialect: Dialect,
        take: Take,
        width: usize,
        header: Option<Vec<Vec<u8>>>,
        options: &ReadOptions,
        projected: bool,
    ) -> Self {
        // A header within the text is known by its names, whatever else was said.
        let mut options = ReadOptions { header: Header::Auto, ..options.clone() };
        for column in [&mut options.x, &mut options.y, &mut options.geometry] {
            if matches!(column, Some(columns::ColumnRef::Number(_))) {
                *column = None;
            }
        }
        if options.x.is_none() || options.y.is_none() {
            (options.x, options.y) = (None, None);
        }
        let numeric = header.iter().flatten().any(|name| is_number(name));
        let named = header.as_deref().map_or(0, |header| names(header).count());
        let names = Names { options, projected, numeric };
        let span = take.span();
        let (choice, weigher, keyer, decimals, exact, commented) = (None, None, None, None, false, false);
        Self { dialect, take, width, header, named, exact, commented, decimals, choice, weigher, keyer, span, names }
    }

    /// The layout of a text of which not all rows are wanted, or whose rows have weights or the keys of a table. Fails where it
    /// lacks a column that is asked for; its header has no name for the first `shift` fields of a row.
    pub(super) fn choosing(
        mut self,
        options: &ReadOptions,
        keys: Option<&Arc<KeyTable>>,
        shift: usize,
    ) -> Result<Self, String> {
        self.choice = Choice::of(options, self.header.as_deref(), self.width, shift)?;
        self.weigher = Weigher::of(options, self.header.as_deref(), self.width, shift)?;
        self.keyer = Keyer::of(keys, options, self.header.as_deref(), self.width, shift)?;
        let weight = self.weigher.map(|weigher| weigher.column);
        let key = self.keyer.as_ref().map(|keyer| keyer.column);
        for column in self.choice.iter().flat_map(Choice::columns).chain(weight).chain(key) {
            self.span = (self.span.0.min(column), self.span.1.max(column));
        }
        Ok(self)
    }

    /// The two fields of a row that can be read without a look at the whole of it; `None` where rows need more care.
    pub(super) fn plain(&self) -> Option<Wanted> {
        let Take::Two { x, y } = self.take else { return None };
        let plain = |place: &Place| place.unit == Unit::Degrees && place.hemisphere.is_none();
        let Delimiter::Byte(delimiter) = self.dialect.delimiter else { return None };
        let comma = self.dialect.decimal.is_comma() && delimiter == b',';
        let (first, second) = (x.column.min(y.column), x.column.max(y.column));
        (plain(&x) && plain(&y) && !comma && !self.dialect.padded).then_some(Wanted {
            first,
            second,
            swapped: x.column > y.column,
            delimiter,
            least: if self.exact { self.width } else { self.named }.saturating_sub(second + 1),
            room: self.width.saturating_sub(second + 1),
        })
    }

    /// What a record is that holds no coordinate; `fields` gives all of its fields, where that is asked for.
    pub(super) fn within(&self, bytes: usize, fields: impl FnOnce() -> Vec<Vec<u8>>) -> Within {
        if bytes > HEADER_MAX { Within::Row } else { self.is_other(&fields()) }
    }

    /// The same of fields.
    fn is_other(&self, fields: &[Vec<u8>]) -> Within {
        // Names are rarely numbers: this spares a long look at nearly every row.
        if !self.names.numeric && fields.iter().any(|field| is_number(field)) {
            return Within::Row;
        }
        // A place alone, badly written, begins as the name of a column of places may.
        if let [only] = fields
            && only.contains(&b'(')
            && only.iter().any(u8::is_ascii_digit)
        {
            return Within::Row;
        }
        let Names { options, projected, .. } = &self.names;
        let same = |header: &[Vec<u8>]| names(header).eq(names(fields));
        let free = options.x.is_none() && options.geometry.is_none();
        let is_header =
            || columns::is_header(fields, options, *projected) || free && !*projected && columns::names_a_place(fields);
        if self.header.as_deref().is_some_and(same) || !is_header() {
            return Within::Row;
        }
        if self.header.is_none() {
            // The fields were given by their places: a header that has its columns there changes nothing.
            let table = columns::Table { first: fields, rows: &[], decimal: self.dialect.decimal };
            if columns::choose(&table, options, *projected).is_ok_and(|chosen| chosen.take.is_alike(&self.take)) {
                return Within::Row;
            }
        }
        Within::OtherHeader
    }

    /// Whether a row that is too long has another header than its own behind it, glued to its last field; `fields` gives
    /// all of its fields, where that is asked for.
    pub(super) fn glued(&self, bytes: usize, fields: impl FnOnce() -> Vec<Vec<u8>>) -> bool {
        if bytes > HEADER_MAX {
            return false;
        }
        let mut fields = fields();
        let Some(at) = self.width.checked_sub(1).filter(|at| at + 1 < fields.len()) else { return false };
        let mut tail = fields.split_off(at);
        let Some(middle) = tail.first_mut() else { return false };
        let mark = middle.windows(3).rposition(|three| three == b"\xef\xbb\xbf");
        let part_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-., ".contains(byte);
        match (mark, middle.iter().position(|byte| !part_of_number(byte))) {
            (Some(mark), _) => drop(middle.drain(..mark + 3)),
            (None, Some(name)) if middle[..name].iter().any(u8::is_ascii_digit) => drop(middle.drain(..name)),
            // Where a text ends and a name begins nobody can tell; as many names as the header has are no chance.
            (None, Some(_)) if tail.len() == self.width => {
                let own: Vec<&[u8]> = self.header.as_deref().map(|own| names(own).collect()).unwrap_or_default();
                let others: Vec<&[u8]> = names(&tail).skip(1).collect();
                let left = own.iter().filter(|name| !others.contains(name)).collect::<Vec<_>>();
                // The names of the header, in its order or in another.
                if let ([name], true) = (left.as_slice(), others.len() + 1 == own.len())
                    && tail.first().is_some_and(|middle| middle.trim_ascii_end().ends_with(name))
                {
                    return own.first() != Some(*name) || own.get(1..) != Some(&others);
                }
            }
            _ => return false,
        }
        if let Some(name) = tail.first_mut()
            && let Some(inner) = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""))
        {
            *name = inner.to_vec();
        }
        self.is_other(&tail) == Within::OtherHeader
    }

    /// Whether a row of so many fields cannot be right whatever they hold; `behind`: text follows the quotes of one.
    pub(super) fn uneven(&self, count: usize, behind: bool) -> bool {
        let least = if self.header.is_some() && !self.exact { self.named } else { self.width };
        let differs = count < least || count > self.width;
        let blanks = self.dialect.delimiter == Delimiter::Blanks && count != self.width;
        blanks || (behind && differs) || (self.exact && count < self.width)
    }

    /// Whether a field begins a place and does not end it.
    pub(super) fn unfinished(&self, value: &[u8]) -> bool {
        let Take::One { geometry, .. } = self.take else { return false };
        let number = |set: &[u8]| value.iter().filter(|byte| set.contains(byte)).count();
        let value = value.trim_ascii();
        match geometry {
            Geometry::Wkb => {
                !value.is_empty()
                    && value.iter().all(u8::is_ascii_hexdigit)
                    && self.take.coordinate(self.dialect.decimal, |_| Some(Cow::Borrowed(value))).is_err()
            }
            _ => number(b"([{") > number(b")]}"),
        }
    }
}

/// The names of a header, without what a file that was put before or behind another leaves on them.
fn names(header: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    let end = header.iter().rposition(|name| !name.trim_ascii().is_empty()).map_or(0, |at| at + 1);
    header[..end].iter().map(|name| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name).trim_ascii())
}

/// Whether a field is a number as most are written.
pub(super) fn is_number(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    let digits = field.strip_prefix(b"-").or_else(|| field.strip_prefix(b"+")).unwrap_or(field);
    digits.first().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
        && digits.iter().any(u8::is_ascii_digit)
        && digits.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'e' | b'E' | b'-' | b'+'))
}

/// Places of the fields that are taken.
pub(super) fn columns_of(take: &Take) -> Vec<usize> {
    match take {
        Take::One { column, .. } => vec![*column],
        Take::Two { x, y } => {
            let of = |place: &Place| [Some(place.column), place.hemisphere];
            of(x).into_iter().chain(of(y)).flatten().collect()
        }
    }
}
