//! What is known of a text before its first row is read: its dialect, the fields that are taken, and what its header says,
//! so that a row can be judged without its file.

use crate::source::columns;
use crate::source::dialect::Dialect;
use crate::source::options::{Decimal, Delimiter, Header, ReadOptions, Unit};
use crate::source::take::{Place, Take};

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
    /// Decimals that nearly every row has in its last field, where that is taken: fewer at the end of a file that has no
    /// line end look cut off.
    pub(super) decimals: Option<usize>,
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
    /// Fields that may follow the second.
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
        Self { dialect, take, width, header, decimals: None, names: Names { options, projected, numeric } }
    }

    /// The two fields of a row that can be read without a look at the whole of it; `None` where rows need more care.
    pub(super) fn plain(&self) -> Option<Wanted> {
        let Take::Two { x, y } = self.take else { return None };
        let plain = |place: &Place| place.unit == Unit::Degrees && place.hemisphere.is_none();
        let Delimiter::Byte(delimiter) = self.dialect.delimiter else { return None };
        let comma = self.dialect.decimal == Decimal::Comma && delimiter == b',';
        let (first, second) = (x.column.min(y.column), x.column.max(y.column));
        (plain(&x) && plain(&y) && !comma && !self.dialect.padded).then_some(Wanted {
            first,
            second,
            swapped: x.column > y.column,
            delimiter,
            room: self.width.saturating_sub(second + 1),
        })
    }

    /// What a record is that holds no coordinate; `fields` gives all of its fields, where that is asked for.
    pub(super) fn within(&self, bytes: usize, fields: impl FnOnce() -> Vec<Vec<u8>>) -> Within {
        if bytes > HEADER_MAX {
            return Within::Row;
        }
        let fields = fields();
        // Names are rarely numbers: this spares a long look at nearly every row.
        if !self.names.numeric && fields.iter().any(|field| is_number(field)) {
            return Within::Row;
        }
        let Names { options, projected, .. } = &self.names;
        let same = |header: &[Vec<u8>]| names(header).eq(names(&fields));
        if self.header.as_deref().is_some_and(same) || !columns::is_header(&fields, options, *projected) {
            return Within::Row;
        }
        if self.header.is_none() {
            // The fields were given by their places: a header that has its columns there changes nothing.
            let table = columns::Table { first: &fields, rows: &[], decimal: self.dialect.decimal };
            if columns::choose(&table, options, *projected).is_ok_and(|chosen| chosen.take == self.take) {
                return Within::Row;
            }
        }
        Within::OtherHeader
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
