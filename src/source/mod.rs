//! From inputs to coordinates: finds the columns, reads rows on all threads, counts those that hold none by reason, and
//! makes synthetic points. What a coordinate means on the map is left to `project`.
//!
//! `input` opens bytes, `open` finds out what they are, a `format::Source` for each format (`delimited` for text) hands
//! out pieces and decodes them, `parallel` drives the threads.

mod columns;
mod delimited;
mod format;
mod input;
mod number;
mod open;
mod parallel;
mod report;
mod stop;
mod synth;

pub use columns::ColumnRef;
pub use open::{Opened, open};
pub use report::{FileReport, ReadReport, no_usable_rows};
pub use synth::{Shape, is_synth, synth, synth_shaped};

use std::fmt;
use std::path::PathBuf;

use crate::error::Result;
use crate::monitor::Monitor;
use crate::project::{Coordinate, Crs};

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A CSV file, or a pipe with a name.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// Whether the first record of a file names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// Decided from the first record.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It is a row like any other.
    No,
}

/// How to find coordinates in an input, and what they mean there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Column of the longitude or easting; found by its name when not given.
    pub x: Option<ColumnRef>,
    /// Column of the latitude or northing; found by its name when not given.
    pub y: Option<ColumnRef>,
    /// Whether there is a header.
    pub header: Header,
    /// What stands between two fields of a row: one byte of ASCII that is part of no number.
    pub delimiter: u8,
    /// The reference system of the coordinates; of eastings and northings other column names are looked for.
    pub crs: Crs,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { x: None, y: None, header: Header::Auto, delimiter: b',', crs: Crs::Wgs84 }
    }
}

/// Rows of one input that hold coordinates. Its columns are parallel: what has the same place belongs to one row.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Batch {
    /// The input, by its place in the order given.
    pub input: usize,
    /// Where each row lies, in the reference system of the input.
    pub coordinates: Vec<Coordinate>,
}

impl Batch {
    /// Rows in it.
    pub fn len(&self) -> usize {
        self.coordinates.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.coordinates.is_empty()
    }

    /// Takes all rows out and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.coordinates.clear();
    }
}

/// Takes the rows one thread reads.
pub trait BatchSink: Send {
    /// Takes a batch, never an empty one; which rows it holds is not fixed.
    fn take(&mut self, batch: &Batch) -> Result<()>;
}

/// Opens every input, all read as `options` say, and reads them to their ends: see [`open`] and [`Opened::read`].
pub fn read<S: BatchSink>(
    inputs: &[Input],
    options: &ReadOptions,
    monitor: &Monitor,
    sinks: &mut [S],
) -> Result<ReadReport> {
    let inputs: Vec<_> = inputs.iter().map(|input| (input, options)).collect();
    open(&inputs, monitor)?.read(monitor, sinks)
}
