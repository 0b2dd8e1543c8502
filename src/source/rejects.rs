//! Rows that are left out: how many may be, and all of them as a CSV file (input, row, reason, value, in the order of the
//! rows).

use std::fs::File;
use std::io::BufWriter;
use std::str::FromStr;
use std::sync::Mutex;

use super::input::lock;
use super::kinds;
use super::report::FileReport;
use crate::error::{Error, Result};
use crate::rows::Reason;

/// Where rows that are left out are written down.
#[derive(Debug)]
pub struct RejectLog(Mutex<csv::Writer<BufWriter<File>>>);

impl RejectLog {
    /// A log that begins in `file` with the names of its columns: file, row, reason, value.
    pub fn new(file: File) -> Result<Self> {
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record(kinds::LEFT_OUT).map_err(|e| failed(&e))?;
        Ok(Self(Mutex::new(writer)))
    }

    pub(super) fn write(&self, input: &str, row: u64, reason: Reason, value: &str) -> Result<()> {
        lock(&self.0).write_record([input, &row.to_string(), reason.name(), value]).map_err(|e| failed(&e))
    }

    /// Brings all of it into the file.
    pub fn flush(&self) -> Result<()> {
        lock(&self.0).flush().map_err(|e| failed(&e.into()))
    }
}

fn failed(problem: &csv::Error) -> Error {
    Error::Output(format!("cannot write the rows that are left out (--rejects): {problem}"))
}

/// How many rows of an input may be left out, for whatever reason but blank coordinates and weights: those of `--drop` and
/// `--drop-zero`, too.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RejectLimits {
    /// Whether none may be; blanks are no matter.
    pub strict: bool,
    /// Whether blanks count.
    pub missing: bool,
    /// The most.
    pub most: Option<Most>,
}

/// A number of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Most {
    /// So many.
    Rows(u64),
    /// A share of the input's rows, 0 to 1.
    Share(f64),
}

impl FromStr for Most {
    type Err = String;

    /// A number of rows, or a share such as 5%.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no number of rows; give one, or a share of an input's rows such as 5%");
        match text.strip_suffix('%') {
            Some(share) => {
                let share = share.trim_end().parse::<f64>().map_err(|_| wrong())? / 100.0;
                if (0.0..=1.0).contains(&share) { Ok(Self::Share(share)) } else { Err(wrong()) }
            }
            None => text.parse().map(Self::Rows).map_err(|_| wrong()),
        }
    }
}

impl RejectLimits {
    /// Fails when more rows of `file` are left out than may be.
    pub(super) fn check(&self, file: &FileReport) -> Result<()> {
        let counts = |reason: &Reason| self.missing || !reason.is_blank();
        let lost: u64 = file.left_out.iter().filter(|(reason, _)| counts(reason)).map(|(_, rows)| rows).sum();
        let (allowed, said) = match (self.strict, self.most) {
            (true, _) if self.missing => (0, "--strict=all allows none".to_owned()),
            (true, _) => (0, "--strict allows none".to_owned()),
            (false, Some(Most::Rows(rows))) => (rows, format!("--max-rejects allows {rows}")),
            (false, Some(Most::Share(share))) => {
                ((share * file.rows as f64).floor() as u64, format!("--max-rejects allows {} %", share * 100.0))
            }
            (false, None) => return Ok(()),
        };
        if lost <= allowed {
            return Ok(());
        }
        let example = file.examples.iter().filter(|(reason, ..)| counts(reason)).min_by_key(|(_, row, _)| *row);
        let example = example.map_or(String::new(), |(reason, row, value)| {
            format!(", the first in row {row}: {} ({value})", reason.message())
        });
        Err(Error::Input(format!(
            "{}: {lost} of {} rows are left out{example}; {said}; --rejects FILE lists them",
            file.name, file.rows
        )))
    }
}
