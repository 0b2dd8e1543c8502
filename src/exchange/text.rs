//! Cells as CSV: a line of names, then a line a cell. Sums are whole decimals in the weight's own unit, so that nobody has
//! to know their steps.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::batch::{Batch, Found, Writer};
use super::gather::{Column, Labels, Reader, Says};
use super::tables::{Kind, Table};
use crate::counts::Step;
use crate::error::{Error, Result};

/// Cells that one thread writes out at a time.
const PIECE: usize = 1 << 13;
/// Cells that are read at a time.
const ROWS: usize = 1 << 13;

/// A file of text that is being written.
pub(super) struct Text<'a> {
    form: LineForm<'a>,
    out: &'a mut (dyn Write + Send),
}

/// How a cell becomes a line.
struct LineForm<'a> {
    table: &'a Table,
    /// The labels of keys as they stand in a line.
    labels: Vec<String>,
}

impl<'a> Text<'a> {
    /// Begins with the names of the columns.
    pub(super) fn new(table: &'a Table, out: &'a mut (dyn Write + Send)) -> Result<Self> {
        let labels = table.labels.iter().map(|label| quoted(label)).collect();
        out.write_all((table.columns().join(",") + "\n").as_bytes()).map_err(|e| failed(&e))?;
        Ok(Self { form: LineForm { table, labels }, out })
    }
}

impl LineForm<'_> {
    /// The lines of some cells.
    fn lines(&self, batch: &Batch, cells: Range<usize>) -> String {
        let mut text = String::with_capacity(cells.len() * 80);
        for i in cells {
            self.line(&mut text, batch, i);
        }
        text
    }

    fn line(&self, text: &mut String, batch: &Batch, i: usize) {
        let pixels = self.table.kind == Kind::Pixels;
        if pixels {
            let _ = write!(text, "{},", self.table.zoom);
        }
        if let Some(label) = batch.keys.get(i).and_then(|&key| self.labels.get(key as usize)) {
            text.push_str(label);
            text.push(',');
        }
        let _ = if pixels {
            write!(text, "{},{},{},{},", batch.x[i], batch.y[i], batch.pixel_x[i], batch.pixel_y[i])
        } else {
            write!(text, "{:x},", batch.hexagons[i])
        };
        let _ = write!(text, "{},{},{}", batch.lon[i], batch.lat[i], batch.counts[i]);
        if let Some((_, step)) = self.table.sum {
            text.push(',');
            text.push_str(&step.exactly(batch.sums[i]));
        }
        text.push('\n');
    }
}

impl Writer for Text<'_> {
    fn put(&mut self, batch: &Batch) -> Result<()> {
        let from: Vec<usize> = (0..batch.len()).step_by(PIECE).collect();
        let form = &self.form;
        let lines = |from: usize| form.lines(batch, from..(from + PIECE).min(batch.len()));
        let pieces: Vec<String> = from.into_par_iter().map(lines).collect();
        pieces.iter().try_for_each(|piece| self.out.write_all(piece.as_bytes())).map_err(|e| failed(&e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn failed(answer: &std::io::Error) -> Error {
    Error::Output(format!("cannot write cells: {answer}"))
}

/// A label as a cell of a line; within quotes where it would not be read back as it is.
fn quoted(label: &str) -> String {
    let plain = !label.is_empty() && label.trim() == label && !label.contains([',', '"', '\n', '\r']);
    if plain { label.to_owned() } else { format!("\"{}\"", label.replace('"', "\"\"")) }
}

/// A file of text that is being read.
pub(super) struct Lines {
    path: PathBuf,
    rows: csv::Reader<BufReader<File>>,
    /// Where its columns stand, in the order of [`Column::ALL`].
    places: [Option<usize>; Column::ALL.len()],
    record: csv::StringRecord,
    row: u64,
    step: Option<Step>,
}

impl Lines {
    /// Opens a file and reads the names of its columns.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        let mut rows = csv::ReaderBuilder::new().from_reader(BufReader::with_capacity(1 << 18, file));
        let names = rows.headers().map_err(|e| unreadable(path, &e))?;
        let names: Vec<String> =
            names.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let places = Column::find(path, &names)?;
        Ok(Self { path: path.to_path_buf(), rows, places, record: csv::StringRecord::new(), row: 0, step: None })
    }

    fn cell(&self, column: Column) -> Option<&str> {
        self.places[column as usize].map(|place| self.record.get(place).unwrap_or_default())
    }

    fn whole(&self, column: Column) -> Result<i64> {
        let cell = self.cell(column).unwrap_or_default();
        cell.trim().parse().map_err(|_| {
            let why = if cell.trim().is_empty() { "is missing".into() } else { format!("'{cell}' is no whole number") };
            column.wrong(&self.path, self.row, &why)
        })
    }

    /// A sum in steps.
    fn sum(&self, step: Step) -> Result<i64> {
        let cell = self.cell(Column::Sum).unwrap_or_default().trim();
        let wrong = |why: &str| Err(Column::Sum.wrong(&self.path, self.row, why));
        let (negative, digits) = cell.strip_prefix('-').map_or((false, cell), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = whole.bytes().chain(fraction.bytes());
        if whole.is_empty() && fraction.is_empty() || !all.clone().all(|byte| byte.is_ascii_digit()) {
            return wrong(&if cell.is_empty() { "is missing".into() } else { format!("'{cell}' is no plain decimal") });
        }
        match step.of(negative, all, -(fraction.len() as i64)) {
            Ok(steps) if steps.exact => Ok(steps.count),
            Ok(_) => wrong(&format!("{cell} is no whole number of steps of {step}; say a finer step")),
            Err(_) => {
                wrong(&format!("{cell} is more than 9,223,372,036,854,775,807 steps of {step}; say a larger step"))
            }
        }
    }
}

impl Reader for Lines {
    fn says(&self) -> Says {
        Says { sums: self.places[Column::Sum as usize].is_some(), ..Says::default() }
    }

    fn settle(&mut self, step: Option<Step>) {
        self.step = step;
    }

    fn next(&mut self, labels: &mut Labels) -> Result<Option<Found>> {
        let mut found = Found::default();
        let step = self.step.filter(|_| self.places[Column::Sum as usize].is_some());
        let (mut sums, mut keys) = (Vec::new(), Vec::new());
        while found.count.len() < ROWS {
            self.row += 1;
            if !self.rows.read_record(&mut self.record).map_err(|e| unreadable(&self.path, &e))? {
                break;
            }
            found.zoom.push(self.whole(Column::Zoom)?);
            found.x.push(self.whole(Column::X)?);
            found.y.push(self.whole(Column::Y)?);
            found.pixel_x.push(self.whole(Column::PixelX)?);
            found.pixel_y.push(self.whole(Column::PixelY)?);
            found.count.push(self.whole(Column::Count)?);
            if let Some(step) = step {
                sums.push(self.sum(step)?);
            }
            if let Some(label) = self.cell(Column::Key) {
                keys.push(labels.number(label, &self.path, self.row)?);
            }
        }
        found.sum = step.map(|_| sums);
        found.key = self.places[Column::Key as usize].map(|_| keys);
        Ok((!found.count.is_empty()).then_some(found))
    }
}

/// The line for a row that is none.
fn unreadable(path: &Path, problem: &csv::Error) -> Error {
    let name = path.display();
    Error::Input(match problem.kind() {
        csv::ErrorKind::Io(answer) => format!("cannot read {name}: {answer}"),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let row = pos.as_ref().map_or(0, csv::Position::record);
            format!("{name}: row {row} has {len} cells where the line of names has {expected_len}")
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let row = pos.as_ref().map_or(0, csv::Position::record);
            format!("{name}: row {row} is no UTF-8 text; a .csv file of cells is")
        }
        _ => format!("{name}: {problem}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_quoted_where_they_must_be() {
        let as_is = ["a", "new york", "12", "Zürich"];
        assert!(as_is.iter().all(|&label| quoted(label) == label));
        let labels =
            [("", "\"\""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), (" a", "\" a\""), ("\n", "\"\n\"")];
        for (label, cell) in labels {
            assert_eq!(quoted(label), cell);
        }
    }
}
