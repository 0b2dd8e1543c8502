//! From files to coordinates: finds the columns, reads rows, counts those that cannot be used by reason, and
//! makes synthetic points. What a coordinate means on the map is left to `project`.

mod blocks;
mod columns;
mod number;
mod open;
mod parallel;
#[cfg(test)]
mod plain;
mod report;
mod rows;
mod scan;
mod synth;

pub use columns::ColumnRef;
pub use report::{FileReport, Invalid, ReadReport, no_usable_rows};
pub use synth::{Shape, synth, synth_shaped};

use std::fmt;
use std::path::PathBuf;

use crate::error::Result;
use crate::monitor::Monitor;
use crate::project::Coordinate;

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

/// How to find coordinates in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Column of the longitude or easting; found by its name when not given.
    pub x: Option<ColumnRef>,
    /// Column of the latitude or northing; found by its name when not given.
    pub y: Option<ColumnRef>,
    /// Whether there is a header.
    pub header: Header,
    /// Whether coordinates are eastings and northings: other names are looked for then.
    pub projected: bool,
}

/// Takes the coordinates one thread reads.
pub trait CoordinateSink: Send {
    /// Takes a batch, never an empty one; which rows it holds is not fixed.
    fn take(&mut self, batch: &[Coordinate]) -> Result<()>;
}

/// Reads every input to its end and hands the coordinates to `sinks`, each called from a thread of its own
/// (with no sink at all nothing is read). Which sink gets which coordinate is not fixed; together they get each
/// row that holds two finite numbers exactly once.
///
/// All inputs are opened and their columns found before the first row is read. Fails with
/// [`crate::Error::Input`] or [`crate::Error::Io`] naming the file, with what a sink fails with, and with
/// [`crate::Error::Interrupted`] once `monitor` is cancelled.
pub fn read<S: CoordinateSink>(
    inputs: &[Input],
    options: &ReadOptions,
    monitor: &Monitor,
    sinks: &mut [S],
) -> Result<ReadReport> {
    let tables = open::open_all(inputs, options, monitor)?;
    parallel::read(tables, parallel::BLOCK, monitor, sinks)
}
