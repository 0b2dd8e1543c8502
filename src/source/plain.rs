//! The plain way to read, with crate `csv`, one record after the other: what the fast way is compared with.

use std::io::{self, Read};

use super::number;
use super::open::Table;
use super::report::{FileReport, ReadReport};
use super::rows::{Tally, judge};
use crate::project::Coordinate;

/// Reads all tables; the coordinates in order.
pub(super) fn read(tables: Vec<Table>) -> (ReadReport, Vec<Coordinate>) {
    let mut coordinates = Vec::new();
    let files = tables.into_iter().map(|table| read_table(table, &mut coordinates)).collect();
    (ReadReport::new(files), coordinates)
}

fn read_table(mut table: Table, coordinates: &mut Vec<Coordinate>) -> FileReport {
    let watched = Watched { inner: table.rows().unwrap(), quotes: Quotes::Start, ended: false };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(watched);
    let mut record = csv::ByteRecord::new();
    let mut tally = Tally::default();
    while reader.read_byte_record(&mut record).unwrap() {
        let field = |column| record.get(column).map(number::parse);
        match judge(field(table.columns.x), field(table.columns.y), reader.get_ref().ended_open()) {
            Ok(coordinate) => {
                tally.rows += 1;
                coordinates.push(coordinate);
            }
            Err(reason) => tally.reject(reason),
        }
    }
    let Tally { rows, invalid, first_invalid_row } = tally;
    FileReport { rows, invalid, first_invalid_row, ..table.report() }
}

/// Follows the quotes of what passes through: crate `csv` does not tell a last row that ends within quotes.
struct Watched<R> {
    inner: R,
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
        self.quotes = buffer[..got].iter().fold(self.quotes, |state, &byte| state.next(byte));
        Ok(got)
    }
}

/// Where a byte stands: a quote opens only at the start of a field, and doubled it closes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Start,
    Plain,
    Open,
    Closed,
}

impl Quotes {
    fn next(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Open, b'"') => Self::Closed,
            (Self::Open, _) | (Self::Closed | Self::Start, b'"') => Self::Open,
            (_, b',' | b'\n' | b'\r') => Self::Start,
            _ => Self::Plain,
        }
    }
}
