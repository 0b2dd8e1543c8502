//! The plain way to read: one thread takes records with crate `csv` and hands batches to the sinks' threads
//! through a bounded channel.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, bounded};

use super::CoordinateSink;
use super::open::Table;
use super::report::{FileReport, ReadReport};
use super::rows::judge;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::project::Coordinate;

/// Coordinates per batch.
const BATCH: usize = 8192;

/// Reads all tables; see [`super::read`].
pub(super) fn read<S: CoordinateSink>(tables: Vec<Table>, monitor: &Monitor, sinks: &mut [S]) -> Result<ReadReport> {
    let (send, receive) = bounded::<Vec<Coordinate>>(2 * sinks.len());
    let failure = Mutex::new(None);
    let fail = |error: Error| {
        if let Ok(mut first) = failure.lock() {
            first.get_or_insert(error);
        }
    };
    let report = std::thread::scope(|scope| {
        for sink in sinks {
            let receive = receive.clone();
            let fail = &fail;
            scope.spawn(move || drain(sink, &receive).unwrap_or_else(fail));
        }
        drop(receive);
        // Sends fail once every sink has given up; the reason is in `failure` then.
        let mut push = |batch: Vec<Coordinate>| {
            monitor.points.fetch_add(batch.len() as u64, Ordering::Relaxed);
            send.send(batch).is_ok()
        };
        let report = read_tables(tables, monitor, &mut push);
        drop(send);
        report
    });
    match failure.into_inner() {
        Ok(None) => report,
        Ok(Some(error)) => Err(error),
        Err(_) => Err(Error::Internal("a thread died while it read".into())),
    }
}

fn drain<S: CoordinateSink>(sink: &mut S, receive: &Receiver<Vec<Coordinate>>) -> Result<()> {
    receive.iter().try_for_each(|batch| sink.take(&batch))
}

fn read_tables(
    tables: Vec<Table>,
    monitor: &Monitor,
    push: &mut impl FnMut(Vec<Coordinate>) -> bool,
) -> Result<ReadReport> {
    let mut files = Vec::with_capacity(tables.len());
    for table in tables {
        files.push(read_table(table, monitor, push)?);
    }
    Ok(ReadReport::new(files))
}

fn read_table(
    mut table: Table,
    monitor: &Monitor,
    push: &mut impl FnMut(Vec<Coordinate>) -> bool,
) -> Result<FileReport> {
    let mut report = table.report();
    let watched = Watched { inner: table.rows()?, quotes: Quotes::Start, ended: false, monitor };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 18).from_reader(watched);
    let mut record = csv::ByteRecord::new();
    let mut more = reader.read_byte_record(&mut record).map_err(|e| failed(&table, e))?;
    while more {
        monitor.check()?;
        let mut batch = Vec::with_capacity(BATCH);
        monitor.time(Stage::Read, || -> Result<()> {
            while more && batch.len() < BATCH {
                report.rows += 1;
                let fields = (record.get(table.columns.x), record.get(table.columns.y));
                match judge(fields.0, fields.1, reader.get_ref().ended_open()) {
                    Ok(coordinate) => batch.push(coordinate),
                    Err(reason) => {
                        report.invalid.add(reason);
                        report.first_invalid_row.get_or_insert(report.rows);
                    }
                }
                more = reader.read_byte_record(&mut record).map_err(|e| failed(&table, e))?;
            }
            Ok(())
        })?;
        if !batch.is_empty() && !push(batch) {
            break;
        }
    }
    Ok(report)
}

fn failed(table: &Table, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => table.failed(source),
        other => Error::Input(format!("{}: {other:?}", table.input)),
    }
}

/// Follows the quotes of what passes through: crate `csv` does not tell a last row that ends within quotes.
struct Watched<'a, R> {
    inner: R,
    quotes: Quotes,
    ended: bool,
    monitor: &'a Monitor,
}

impl<R> Watched<'_, R> {
    /// Whether the input is over and its last row ends within quotes. The end is seen while that row is read.
    fn ended_open(&self) -> bool {
        self.ended && self.quotes == Quotes::Open
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.ended = got == 0;
        self.quotes = buffer[..got].iter().fold(self.quotes, |state, &byte| state.next(byte));
        self.monitor.bytes_read.fetch_add(got as u64, Ordering::Relaxed);
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
