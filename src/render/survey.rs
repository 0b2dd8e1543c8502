//! What an input is, found out without drawing it: its columns, which of them are taken, and what becomes of its first
//! rows.

use std::sync::Arc;

use super::Sources;
use super::points::open;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::project::{Coordinate, Crs, Projector};
use crate::rows::{LeftOut, Reason};
use crate::source::{self, Batch, BatchSink, ColumnAbout, FileReport, Notice};
use crate::tile::{Extent, LonLatBounds, WorldPoint};

/// About how many rows of an input are looked at.
pub const ROWS: u64 = 1_000_000;

/// What one input is.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Survey {
    /// How it is read, and what became of the rows looked at.
    #[serde(flatten)]
    pub file: FileReport,
    /// Size, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its columns.
    pub columns: Vec<ColumnAbout>,
    /// Whether all its rows were looked at.
    pub whole: bool,
    /// The box around their points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<LonLatBounds>,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// Why it would not be drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether it could not be opened, so that nothing is known of its rows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

/// Looks at every input by itself; of one that cannot be opened `problem` says why. Fails where what was asked for cannot
/// be done with any.
pub fn survey(sources: &Sources, monitor: &Arc<Monitor>) -> Result<Vec<Survey>> {
    (0..sources.inputs.len())
        .map(|i| {
            let one = Sources {
                read: sources.apart.get(&i).unwrap_or(&sources.read).clone(),
                apart: std::collections::BTreeMap::new(),
                ..Sources::new(vec![sources.inputs[i].clone()])
            };
            match of_one(&one, monitor) {
                Err(error @ (Error::Input(_) | Error::Io { .. })) => unread(&one, &error, monitor),
                found => found,
            }
        })
        .collect()
}

/// What can be said of an input that cannot be opened: its columns, where it has any.
fn unread(sources: &Sources, error: &Error, monitor: &Monitor) -> Result<Survey> {
    monitor.check()?;
    let input = sources.inputs.first().ok_or_else(|| Error::Internal("no input".into()))?;
    // What comes once is gone.
    let columns = if sources.are_files() {
        source::columns(input, &sources.read, monitor).unwrap_or_default()
    } else {
        Vec::new()
    };
    Ok(Survey {
        file: FileReport::unread(input.to_string()),
        bytes: input
            .file()
            .and_then(|path| std::fs::metadata(path).ok())
            .filter(std::fs::Metadata::is_file)
            .map(|meta| meta.len()),
        columns,
        whole: false,
        bounds: None,
        notices: Vec::new(),
        problem: Some(error.to_string()),
        unread: true,
    })
}

fn of_one(sources: &Sources, monitor: &Arc<Monitor>) -> Result<Survey> {
    let opened = open(sources, monitor)?;
    let crs = opened.systems().next().cloned().unwrap_or_default();
    let (columns, bytes) =
        opened.tables().next().map_or((Vec::new(), None), |(columns, bytes)| (columns.to_vec(), bytes));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut sinks = (0..threads).map(|_| Looking::new(&crs)).collect::<Result<Vec<_>>>()?;
    let (read, whole, problem) = opened.survey(ROWS, monitor, &mut sinks)?;
    let mut extent = Extent::default();
    sinks.iter().for_each(|sink| extent.merge(&sink.extent));
    let problem = problem.or_else(|| (read.rows > 0 && read.used() == 0).then(|| source::no_usable_rows(&read)));
    let notices = read.notices;
    let file = read.files.into_iter().next().ok_or_else(|| Error::Internal("an input has no report".into()))?;
    Ok(Survey {
        file,
        bytes,
        columns,
        whole,
        bounds: extent.bounds(),
        notices,
        problem: problem.map(|e| e.to_string()),
        unread: false,
    })
}

/// Takes rows and keeps the box around them.
struct Looking {
    projector: Projector,
    points: Vec<WorldPoint>,
    extent: Extent,
}

impl Looking {
    fn new(crs: &Crs) -> Result<Self> {
        Ok(Self { projector: Projector::new(crs)?, points: Vec::new(), extent: Extent::default() })
    }
}

impl BatchSink for Looking {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        let mut left_out = LeftOut::default();
        self.points.clear();
        self.projector.project(&batch.coordinates, &mut self.points, &mut left_out)?;
        self.points.iter().for_each(|&point| self.extent.add(point));
        Ok(left_out)
    }

    fn judge(&mut self, _input: usize, coordinate: Coordinate) -> Option<Reason> {
        self.projector.judge(coordinate)
    }
}
