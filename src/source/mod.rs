//! From inputs to coordinates: finds the columns, reads rows on all threads, counts those that hold none by reason, and
//! makes synthetic points. What a coordinate means on the map is left to `project`.
//!
//! `expand` finds the files that a person means, `input` opens bytes, `open` finds out what they are, a `format::Source` for each format (`delimited` for text) hands
//! out pieces and decodes them, `parallel` drives the threads.

mod cell;
mod choice;
mod columns;
mod delimited;
mod describe;
mod dialect;
mod doubt;
mod endings;
mod expand;
mod format;
mod hash;
mod input;
mod key;
mod kinds;
mod notice;
mod open;
mod options;
mod packed;
mod parallel;
mod rejects;
mod report;
mod share;
mod shown;
mod stop;
mod synth;
mod take;
mod tally;
#[doc(hidden)]
pub mod value;
mod weight;

pub use choice::{Condition, DateFormat, Sample};
pub use columns::ColumnRef;
pub use describe::ColumnAbout;
pub use expand::{Expanded, expand};
pub use key::{Key, KeyBy, KeyPart, KeyPlane, KeyValues, Keys};
pub use notice::{Example, Notice};
pub use open::{Opened, columns, open};
pub use options::{Decimal, Delimiter, Header, Order, Quoting, ReadOptions, Unit};
pub use rejects::{Most, RejectLimits, RejectLog};
pub use report::{FileReport, ReadReport, no_usable_rows};
pub use share::SharePart;
pub use synth::{Shape, is_synth, synth, synth_shaped};
pub use weight::{Weight, Weights};

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::monitor::Monitor;
use crate::project::Coordinate;
use crate::rows::{LeftOut, Outside, Reason};

/// A hash of bytes, the same on every machine.
pub(crate) fn hash_of(bytes: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(bytes)
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A CSV file, or a pipe with a name.
    File(PathBuf),
    /// One file in an archive.
    Member {
        /// The archive, a zip file.
        archive: PathBuf,
        /// The whole name of the file within it.
        name: String,
    },
    /// Standard input.
    Stdin,
}

impl Input {
    /// What is opened to read it, if that has a name.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Member { archive: path, .. } => Some(path),
            Self::Stdin => None,
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Member { archive, name } => write!(f, "{}/{name}", archive.display()),
            Self::Stdin => f.write_str("standard input"),
        }
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
    /// What each row weighs, in steps; empty where nobody asked for weights.
    pub weights: Vec<i64>,
    /// Which key each row has, by the number that it was given when it was found; empty where nobody asked for keys.
    pub keys: Vec<u16>,
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

    /// Whether every row has a weight, or none, and a key, or none.
    fn is_parallel(&self) -> bool {
        let fits = |len: usize| len == 0 || len == self.coordinates.len();
        fits(self.weights.len()) && fits(self.keys.len())
    }

    /// Takes all rows out and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.coordinates.clear();
        self.weights.clear();
        self.keys.clear();
    }
}

/// Takes the rows one thread reads.
pub trait BatchSink: Send {
    /// Takes a batch, never an empty one; which rows it holds is not fixed. Gives how many of its rows it left out, by
    /// reason.
    fn take(&mut self, batch: &Batch) -> Result<LeftOut>;

    /// Points of the batch that was taken last which nobody asked for: they are neither used nor left out. Asked once after
    /// each.
    fn passed_over(&mut self) -> Outside {
        Outside::default()
    }

    /// Why `take` leaves out a coordinate of an input, if it does: asked where a row is to be named.
    fn judge(&mut self, input: usize, coordinate: Coordinate) -> Option<Reason> {
        let _ = (input, coordinate);
        None
    }
}

/// Opens every input, all read as `options` say, and reads them to their ends: see [`open`] and [`Opened::read`].
pub fn read<S: BatchSink>(
    inputs: &[Input],
    options: &ReadOptions,
    monitor: &Monitor,
    sinks: &mut [S],
) -> Result<ReadReport> {
    let inputs: Vec<_> = inputs.iter().map(|input| (input, options)).collect();
    open(&inputs, false, monitor)?.read(monitor, sinks)
}
