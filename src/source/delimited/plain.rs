//! The plain way to read, with crate `csv`, one record after the other: what the fast way is compared with.

use std::io::{self, Read};

use super::cut::Quotes;
use super::scan::judge;
use crate::project::Coordinate;

use crate::source::number;
use crate::source::tally::Tally;

/// Reads the rows of a text without a header: what became of them, and the coordinates in order.
pub(super) fn read(text: &[u8], columns: (usize, usize), delimiter: u8) -> (Tally, Vec<Coordinate>) {
    let watched = Watched { inner: text, delimiter, quotes: Quotes::Start, ended: false };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(watched);
    let (mut record, mut tally, mut coordinates) = (csv::ByteRecord::new(), Tally::default(), Vec::new());
    while reader.read_byte_record(&mut record).unwrap() {
        let field = |column| record.get(column).map(number::parse);
        match judge(field(columns.0), field(columns.1), reader.get_ref().ended_open()) {
            Ok(coordinate) => {
                tally.rows += 1;
                coordinates.push(coordinate);
            }
            Err(reason) => tally.reject(reason, Vec::new),
        }
    }
    (tally, coordinates)
}

/// Follows the quotes of what passes through: crate `csv` does not tell a last row that ends within quotes.
struct Watched<R> {
    inner: R,
    delimiter: u8,
    quotes: Quotes,
    ended: bool,
}

impl<R> Watched<R> {
    /// Whether the input is over and its last row ends within quotes. The end is seen while that row is read.
    fn ended_open(&self) -> bool {
        self.ended && self.quotes == Quotes::Open
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.ended = got == 0;
        self.quotes = buffer[..got].iter().fold(self.quotes, |state, &byte| state.next(byte, self.delimiter));
        Ok(got)
    }
}
