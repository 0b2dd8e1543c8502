//! What every format is to the reader: a source that opened one input, hands out pieces of it in order, and pieces
//! that are decoded on the thread that took them. A format is one implementation of both; which one fits an input is
//! decided in `open`.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::describe::ColumnAbout;
use super::doubt::Doubt;
use super::key::{KeyCache, KeyTable};
use super::notice::Notice;
use super::report::FileReport;
use super::stop::Stop;
use super::tally::Tally;
use super::{Batch, BatchSink, ReadOptions, Weights};
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::project::{AreaOfUse, Crs};
use crate::rows::Reason;

/// Rows in a batch.
pub(super) const BATCH: usize = 4096;

/// What a source says about its input before the first piece.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// The input as it was named.
    pub(super) name: String,
    /// Names of the columns of eastings and northings, or `#number`.
    pub(super) columns: [String; 2],
    /// The column of weights, as it was asked for.
    pub(super) weight: Option<String>,
    /// What its rows are counted by, as it was asked for.
    pub(super) key: Option<String>,
    /// Whether the first record names the columns.
    pub(super) header: bool,
    /// One line for a person: what is taken from where.
    pub(super) notice: String,
    /// What the coordinates mean.
    pub(super) crs: Crs,
    /// Whether those are eastings and northings.
    pub(super) projected: bool,
    /// Size of the input, where it is known.
    pub(super) bytes: Option<u64>,
    /// Its columns, as far as it has any.
    pub(super) table: Vec<ColumnAbout>,
    /// What a person should know about what was found out.
    pub(super) notices: Vec<Notice>,
}

impl About {
    /// The report on the input, with nothing read yet.
    pub(super) fn report(&self) -> FileReport {
        let [x_column, y_column] = self.columns.clone();
        FileReport {
            x_column,
            y_column,
            header: self.header,
            notice: self.notice.clone(),
            crs: self.crs.clone(),
            weight_column: self.weight.clone(),
            weights: self.weight.as_ref().map(|_| Weights::default()),
            key_column: self.key.clone(),
            ..FileReport::unread(self.name.clone())
        }
    }
}

/// An open input of one format.
pub(super) trait Source: Send + Sync {
    /// What it is.
    fn about(&self) -> &About;

    /// Lets go of [`About::table`], which nobody will ask for.
    fn forget_table(&mut self);

    /// The next piece, in order; `None` when there is no more. One thread at a time calls this, so it does only what
    /// has to be done in order: whatever can wait is the piece's to do.
    fn pull<'a>(&'a self, desk: &mut Desk, stop: &Stop<'_>) -> Result<Option<Box<dyn Piece + 'a>>>;

    /// Whether it can be read from any row on.
    fn divides(&self) -> bool {
        false
    }

    /// Leaves of its rows those that begin within these bytes; called before the first piece. Gives the bytes that they
    /// fill, proven to begin and end with rows. What does not divide is given all its bytes or none.
    fn share(&mut self, bytes: Range<u64>, stop: &Stop<'_>) -> Result<Range<u64>>;

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

/// The way of one thread's rows out of the reader.
pub(super) struct Outlet<'a> {
    /// Rows to be handed over; a decoder fills it up to [`BATCH`].
    pub(super) batch: Batch,
    pub(super) monitor: &'a Monitor,
    pub(super) stop: &'a Stop<'a>,
    /// What is done to the coordinates of the input at hand.
    pub(super) filter: Option<&'a Filter>,
    /// The numbers of keys that this thread met, and the values of all, where rows have keys.
    pub(super) known: KeyCache,
    pub(super) keys: Option<&'a KeyTable>,
    /// Where the system of the input is used, if that is to be looked at.
    pub(super) area: Option<&'a AreaOfUse>,
    /// Whether all rows that are left out are kept for [`super::RejectLog`].
    keep: bool,
    /// Whether the input's first piece is at hand.
    pub(super) first: bool,
    sink: &'a mut dyn BatchSink,
    /// Since when this thread reads, for the clock of the stage.
    since: u64,
}

impl<'a> Outlet<'a> {
    pub(super) fn new(sink: &'a mut dyn BatchSink, keep: bool, monitor: &'a Monitor, stop: &'a Stop<'a>) -> Self {
        let mut batch = Batch::default();
        batch.coordinates.reserve_exact(BATCH);
        let (known, since) = (KeyCache::default(), monitor.now());
        Self { batch, monitor, stop, filter: None, known, keys: None, area: None, keep, first: false, sink, since }
    }

    /// An account of the piece at hand.
    pub(super) fn tally(&self) -> Tally {
        Tally::new(self.keep, Doubt::new(self.first))
    }

    /// Hands over what there is, rows that `tally` counted.
    pub(super) fn flush(&mut self, tally: &mut Tally) -> Result<()> {
        self.stop.check()?;
        self.keys.map_or(Ok(()), KeyTable::check)?;
        debug_assert!(self.batch.is_parallel(), "each row has a weight and a key, or none has");
        if let Some(filter) = self.filter {
            filter.apply(&mut self.batch, tally);
        }
        if !self.batch.is_empty() {
            debug_assert!(self.batch.is_parallel(), "a weight goes with its row");
            tally.look(&self.batch.coordinates, self.area);
            tally.look_at_weights(&self.batch.weights);
            self.apart(|out| {
                out.monitor.points.fetch_add(out.batch.len() as u64, Ordering::Relaxed);
                let left_out = out.sink.take(&out.batch)?;
                tally.passed.rows.outside.merge(&out.sink.passed_over());
                if left_out.total() > 0 {
                    let input = out.batch.input;
                    let sink = &mut *out.sink;
                    tally.left_out_behind(&left_out, &out.batch.coordinates, |c| sink.judge(input, c));
                }
                Ok::<_, crate::error::Error>(())
            })?;
            self.batch.clear();
        }
        tally.hand_over();
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

/// What a person asked to be done to coordinates before they are projected.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    wrap: bool,
    drop: Vec<(f64, f64)>,
}

impl Filter {
    /// The filter that `options` ask for, if any.
    pub(super) fn of(options: &ReadOptions) -> Option<Self> {
        let filter = Self { wrap: options.wrap_longitude, drop: options.drop.clone() };
        (filter.wrap || !filter.drop.is_empty()).then_some(filter)
    }

    fn apply(&self, batch: &mut Batch, tally: &mut Tally) {
        tally.filter(batch, |c| {
            if self.drop.iter().any(|&(x, y)| c.x == x && c.y == y) {
                return Err(Reason::Dropped);
            }
            if self.wrap && c.x > 180.0 && c.x <= 540.0 {
                c.x -= 360.0;
            } else if self.wrap && c.x < -180.0 && c.x >= -360.0 {
                c.x += 360.0;
            }
            Ok(())
        });
    }
}
