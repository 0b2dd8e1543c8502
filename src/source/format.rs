//! What every format is to the reader: a source that opened one input, hands out pieces of it in order, and pieces
//! that are decoded on the thread that took them. A format is one implementation of both; which one fits an input is
//! decided in `open`.

use std::sync::atomic::Ordering;

use super::report::FileReport;
use super::stop::Stop;
use super::{Batch, BatchSink};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::project::Crs;
use crate::rows::{LeftOut, Reason};

/// Rows in a batch.
pub(super) const BATCH: usize = 4096;

/// What a source says about its input before the first piece.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// The input as it was named.
    pub(super) name: String,
    /// Names of the columns of eastings and northings, or `#number`.
    pub(super) columns: [String; 2],
    /// Whether the first record names the columns.
    pub(super) header: bool,
    /// One line for a person: what is taken from where.
    pub(super) notice: String,
    /// What the coordinates mean.
    pub(super) crs: Crs,
    /// Size of the input, where it is known.
    pub(super) bytes: Option<u64>,
}

impl About {
    /// The report on the input, with nothing read yet.
    pub(super) fn report(&self) -> FileReport {
        let [x_column, y_column] = self.columns.clone();
        FileReport {
            name: self.name.clone(),
            x_column,
            y_column,
            header: self.header,
            notice: self.notice.clone(),
            crs: self.crs.clone(),
            rows: 0,
            used: 0,
            left_out: LeftOut::default(),
            first_invalid_row: None,
        }
    }
}

/// An open input of one format.
pub(super) trait Source: Send + Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// The next piece, in order; `None` when there is no more. One thread at a time calls this, so it does only what
    /// has to be done in order: whatever can wait is the piece's to do.
    fn pull<'a>(&'a self, desk: &mut Desk, stop: &Stop<'_>) -> Result<Option<Box<dyn Piece + 'a>>>;

    /// Called after the last piece was decoded: fails when the input is not what it was when it was opened.
    fn verify(&self) -> Result<()>;
}

/// A stretch of an input that one thread works on.
pub(super) trait Piece {
    /// Hands its rows to `out` and tells what became of all of them. Called on the thread that pulled it.
    fn decode(self: Box<Self>, desk: &mut Desk, out: &mut Outlet<'_>) -> Result<Tally>;
}

/// What one reading thread works with, kept from piece to piece.
#[derive(Debug)]
pub(super) struct Desk {
    /// About how many bytes of the input a piece is.
    pub(super) piece: usize,
    /// Room for a piece's bytes. It keeps its length from piece to piece: zeroing it anew would cost as much as reading.
    room: Vec<u8>,
    /// Quoted stretches of them.
    spans: Vec<(u32, u32)>,
}

impl Desk {
    pub(super) fn new(piece: usize) -> Self {
        Self { piece: piece.clamp(1, 1 << 30), room: Vec::new(), spans: Vec::new() }
    }

    /// Room for `len` bytes, which holds what it held before. It begins where a page of memory does: to copy a page of
    /// a file to anywhere between 16 and 64 bytes behind a page's start takes some processors three times as long.
    pub(super) fn room(&mut self, len: usize) -> &mut [u8] {
        if self.room.len() < len + PAGE {
            self.room.resize(len + PAGE, 0);
        }
        let start = page_start(&self.room);
        &mut self.room[start..start + len]
    }

    /// The first `len` bytes of the room, and the stretches.
    pub(super) fn parts(&mut self, len: usize) -> (&[u8], &mut Vec<(u32, u32)>) {
        let start = page_start(&self.room);
        (self.room.get(start..start + len).unwrap_or_default(), &mut self.spans)
    }
}

const PAGE: usize = 4096;

/// Where the first page within `bytes` begins.
fn page_start(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr().wrapping_neg() % PAGE
}

/// Rows of a piece that were no coordinates, and all there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) left_out: LeftOut,
    /// From 1, within the piece.
    pub(super) first_invalid_row: Option<u64>,
}

impl Tally {
    /// Counts one row that cannot be used.
    pub(super) fn reject(&mut self, reason: Reason) {
        self.rows += 1;
        self.first_invalid_row.get_or_insert(self.rows);
        self.left_out[reason] += 1;
    }
}

/// The way of one thread's rows out of the reader.
pub(super) struct Outlet<'a> {
    /// Rows to be handed over; a decoder fills it up to [`BATCH`].
    pub(super) batch: Batch,
    pub(super) monitor: &'a Monitor,
    pub(super) stop: &'a Stop<'a>,
    sink: &'a mut dyn BatchSink,
    /// Since when this thread reads, for the clock of the stage.
    since: u64,
}

impl<'a> Outlet<'a> {
    pub(super) fn new(sink: &'a mut dyn BatchSink, monitor: &'a Monitor, stop: &'a Stop<'a>) -> Self {
        let mut batch = Batch::default();
        batch.coordinates.reserve_exact(BATCH);
        Self { batch, monitor, stop, sink, since: monitor.now() }
    }

    /// Hands over what there is.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.stop.check()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        self.apart(|out| {
            out.monitor.points.fetch_add(out.batch.len() as u64, Ordering::Relaxed);
            out.sink.take(&out.batch)
        })?;
        self.batch.clear();
        Ok(())
    }

    /// Does what is no reading: waits, or hands over. The clock stands still.
    pub(super) fn apart<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.monitor.record(Stage::Read, self.since, self.monitor.now());
        let result = work(self);
        self.since = self.monitor.now();
        result
    }
}
