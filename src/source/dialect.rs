//! How a text says where its rows and fields are: what separates, what encloses, what is no row. The same for every
//! byte of an input; found by `delimited::detect`, followed by `delimited::cut` and `delimited::scan` alike.

use super::options::{Decimal, Delimiter, Quoting};

/// The dialect of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: Delimiter,
    pub(super) decimal: Decimal,
    pub(super) quoting: Quoting,
    /// A line that begins with it is no row.
    pub(super) comment: Option<u8>,
    /// Whether blanks between a delimiter and a quote are passed over, so that the quote opens.
    pub(super) padded: bool,
}

impl Dialect {
    /// The usual dialect, but for what separates the fields.
    pub(super) fn separated_by(delimiter: Delimiter) -> Self {
        Self { delimiter, decimal: Decimal::Point, quoting: Quoting::Doubled, comment: None, padded: false }
    }

    /// Whether `byte` ends a field that is not in quotes, and its row goes on.
    #[inline]
    pub(super) fn separates(self, byte: u8) -> bool {
        match self.delimiter {
            Delimiter::Byte(delimiter) => byte == delimiter,
            Delimiter::Blanks => matches!(byte, b' ' | b'\t'),
        }
    }

    /// Whether `byte` ends a field that is not in quotes.
    #[inline]
    pub(super) fn ends(self, byte: u8) -> bool {
        self.separates(byte) || matches!(byte, b'\n' | b'\r')
    }

    /// Whether a quote means anything.
    pub(super) fn quotes(self) -> bool {
        self.quoting != Quoting::None
    }

    /// Whether quotes and line ends are all that decides where rows end.
    pub(super) fn usual(self) -> bool {
        self.quoting == Quoting::Doubled && self.comment.is_none() && !self.padded
    }
}
