//! The cells of a sample by columns: what they hold, and what that makes likely.

use super::chosen::Table;
use super::names;
use super::names::Side;
use crate::source::cell::Axis;
use crate::source::options::{Decimal, Unit};
use crate::source::{Header, ReadOptions, shown, value};

/// A sample of an input with what was asked of it.
pub(super) struct Sheet<'a> {
    table: Table<'a>,
    pub(super) options: &'a ReadOptions,
    /// Whether eastings and northings are looked for.
    pub(super) projected: bool,
    /// As a person wrote them.
    pub(super) names: Vec<String>,
    /// Whether the first record is a header.
    pub(super) header: bool,
    /// Fields each row has before those of the header.
    pub(super) shift: usize,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(table: &Table<'a>, options: &'a ReadOptions, projected: bool) -> Self {
        let names = table.first.iter().map(|name| names::decode(name)).collect();
        Self { table: *table, options, projected, names, header: options.header != Header::No, shift: 0 }
    }

    /// The same sample without a header.
    pub(super) fn headless(&self) -> Self {
        let mut all = Self::new(&self.table, self.options, self.projected);
        all.header = false;
        all
    }

    /// The flags that name the columns.
    pub(super) fn flags(&self) -> [&'static str; 2] {
        if self.projected { ["--x", "--y"] } else { ["--lon", "--lat"] }
    }

    pub(super) fn flag(&self, side: Side) -> &'static str {
        let [x, y] = self.flags();
        if side == Side::X { x } else { y }
    }

    /// The first record.
    pub(super) fn first(&self) -> &'a [Vec<u8>] {
        self.table.first
    }

    /// The records that are rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'a [Vec<u8>]> + use<'a> {
        let first = (!self.header).then_some(self.table.first);
        first.into_iter().chain(self.table.rows.iter().map(Vec::as_slice))
    }

    pub(super) fn decimal(&self) -> Decimal {
        self.table.decimal
    }

    /// What each row has in a column, `None` where it is too short.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let place = column + self.shift;
        self.rows().map(move |row| row.get(place).map(Vec::as_slice))
    }

    /// The cells of a column that hold something.
    pub(super) fn filled(&self, column: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.column(column).flatten().filter(|cell| !is_missing(cell))
    }

    /// Whether a cell of the first record is written as a number.
    pub(super) fn numeric(&self, column: usize) -> bool {
        self.first().get(column).is_some_and(|cell| looks_numeric(cell, self.decimal()))
    }

    /// How a person names a column in a message: its name, or `#number`.
    pub(super) fn label(&self, column: usize) -> String {
        match self.names.get(column) {
            Some(name) if self.header && !name.is_empty() => shown(name),
            _ => format!("#{}", column + 1 + self.shift),
        }
    }

    /// How a person names a column on the command line, with quotes.
    pub(super) fn argument(&self, column: usize) -> String {
        let alone = |name: &String| {
            !name.is_empty()
                && name.chars().count() <= 40
                && !name.chars().any(|c| c.is_control() || c == '\'')
                && !name.starts_with('#')
                && self.names.iter().filter(|other| other.to_lowercase() == name.to_lowercase()).count() == 1
        };
        match self.names.get(column) {
            Some(name) if self.header && alone(name) => format!("'{name}'"),
            _ => format!("'#{}'", column + 1 + self.shift),
        }
    }

    /// The flags that take two columns.
    pub(super) fn command(&self, x: usize, y: usize) -> String {
        let [lon, lat] = self.flags();
        format!("{lon} {} {lat} {}", self.argument(x), self.argument(y))
    }
}

/// A name, or a value, short enough for a line and without what would break it.
pub(super) fn shown(text: &str) -> String {
    shown::short(text, 40)
}

/// The same of a cell.
pub(super) fn shown_cell(cell: &[u8]) -> String {
    shown::shown(cell, 40)
}

pub(super) use crate::source::value::Cell;

/// What a cell holds for one coordinate.
pub(super) fn value(cell: &[u8], axis: Axis, unit: Unit, decimal: Decimal) -> Cell {
    value::coordinate(cell, axis, unit, decimal)
}

/// Whether a cell holds nothing.
pub(super) fn is_missing(cell: &[u8]) -> bool {
    matches!(value::coordinate(cell, Axis::Projected, Unit::Degrees, Decimal::Point), Cell::Missing)
}

/// Whether a cell is written as a number, NaN and infinities included.
pub(super) fn looks_numeric(cell: &[u8], decimal: Decimal) -> bool {
    let axes = [Axis::Projected, Axis::Longitude, Axis::Latitude];
    axes.into_iter().any(|axis| matches!(value::coordinate(cell, axis, Unit::Degrees, decimal), Cell::Number(_)))
        || fast_float2::parse::<f64, _>(cell.trim_ascii()).is_ok()
}

/// How the digits of a cell are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    /// Before the decimals.
    pub(super) whole: usize,
    /// Behind; `None` where there is no decimal sign.
    pub(super) decimals: Option<usize>,
}

/// The digits of a plain number, with a sign before or a letter beside it.
pub(super) fn digits(cell: &[u8], decimal: Decimal) -> Option<Digits> {
    let letter = |byte: &u8| b"NSEWnsew+- \t".contains(byte);
    let start = cell.iter().position(|byte| !letter(byte))?;
    let end = cell.iter().rposition(|byte| !letter(byte))? + 1;
    let cell = cell.get(start..end)?;
    let sign = decimal.mark();
    let (whole, behind) = match memchr::memchr(sign, cell) {
        Some(place) => (cell.get(..place)?, cell.get(place + 1..)),
        None => (cell, None),
    };
    let all = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    (all(whole) && behind.is_none_or(all) && !(whole.is_empty() && behind.is_none_or(<[u8]>::is_empty)))
        .then_some(Digits { whole: whole.len(), decimals: behind.map(<[u8]>::len) })
}

/// The numbers of a column taken together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measure {
    /// Cells that hold something.
    pub(super) filled: usize,
    /// Those that hold a number.
    pub(super) numbers: usize,
    /// Those with decimals, and with at least three.
    pub(super) fractions: usize,
    pub(super) fine: usize,
    /// The numbers within 90, and within 180.
    pub(super) within_90: usize,
    pub(super) within_180: usize,
    /// Whether two of them differ.
    pub(super) spread: bool,
}

impl Measure {
    pub(super) fn of(sheet: &Sheet<'_>, column: usize, axis: Axis) -> Self {
        let mut all = Self::default();
        let mut first = None;
        for cell in sheet.filled(column) {
            all.filled += 1;
            let Cell::Number(number) = value(cell, axis, Unit::Degrees, sheet.decimal()) else { continue };
            all.numbers += 1;
            let decimals = digits(cell, sheet.decimal()).and_then(|digits| digits.decimals).unwrap_or(0);
            all.fractions += usize::from(decimals > 0);
            all.fine += usize::from(decimals > 2);
            all.within_90 += usize::from(number.abs() <= 90.0);
            all.within_180 += usize::from(number.abs() <= 180.0);
            all.spread |= *first.get_or_insert(number) != number;
        }
        all
    }

    /// Whether most cells hold numbers of degrees.
    pub(super) fn is_degrees(&self, side: Side) -> bool {
        let within = if side == Side::X { self.within_180 } else { self.within_90 };
        self.numbers > 0 && most(self.numbers, self.filled) && most(within, self.numbers)
    }
}

/// Whether a part is nearly all: nine of ten.
pub(super) fn most(part: usize, all: usize) -> bool {
    10 * part >= 9 * all
}
