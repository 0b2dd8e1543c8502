//! What reading found: rows, those that cannot be used by reason, and the columns taken from each file; and the
//! error for a run that found nothing to use.

use crate::error::Error;
use crate::project::{Crs, LeftOut};

/// Rows without two finite numbers, by the first reason that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Invalid {
    /// A coordinate is blank.
    pub missing: u64,
    /// A coordinate is no finite number.
    pub not_a_number: u64,
    /// The row has too few fields, or ends within quotes.
    pub malformed: u64,
}

impl Invalid {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.missing + self.not_a_number + self.malformed
    }

    /// Adds what another thread found.
    pub fn merge(&mut self, other: &Self) {
        self.missing += other.missing;
        self.not_a_number += other.not_a_number;
        self.malformed += other.malformed;
    }
}

/// How one file was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileReport {
    /// The file as it was named.
    pub name: String,
    /// Column of the longitude or easting: its name, or `#number` without a header.
    pub x_column: String,
    /// Column of the latitude or northing.
    pub y_column: String,
    /// Whether the first record was taken for a header.
    pub header: bool,
    /// One line that says what was taken, for a person.
    pub notice: String,
    /// Rows of this file.
    pub rows: u64,
    /// Those of them without two finite numbers.
    pub invalid: Invalid,
    /// Number of the first such row, from 1; the header and blank lines have none.
    pub first_invalid_row: Option<u64>,
}

/// What reading found in all files together.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct ReadReport {
    /// Rows: records but for headers and blank lines.
    pub rows: u64,
    /// Rows without two finite numbers.
    pub invalid: Invalid,
    /// Each input, in the order given.
    pub files: Vec<FileReport>,
}

impl ReadReport {
    /// A report of `files` with their sums.
    pub(super) fn new(files: Vec<FileReport>) -> Self {
        let mut report = Self { rows: files.iter().map(|f| f.rows).sum(), ..Self::default() };
        for file in &files {
            report.invalid.merge(&file.invalid);
        }
        Self { files, ..report }
    }
}

/// The error for a run in which no row became a point: says why, as far as the tallies tell.
pub fn no_usable_rows(report: &ReadReport, left_out: &LeftOut, crs: &Crs) -> Error {
    let names: Vec<&str> = report.files.iter().map(|f| f.name.as_str()).collect();
    let from = match names.as_slice() {
        [name] => (*name).to_owned(),
        [name, ..] => format!("{name} and {} more", names.len() - 1),
        [] => "no input".to_owned(),
    };
    let numeric = report.rows.saturating_sub(report.invalid.total());
    let columns = report.files.first().map_or(String::new(), |f| format!("'{}' and '{}'", f.x_column, f.y_column));
    let invalid = report.invalid;
    Error::Input(if report.rows == 0 {
        format!("{from}: no rows below the header")
    } else if numeric > 0 && left_out.out_of_range == numeric && *crs == Crs::Wgs84 {
        format!(
            "{from}: columns {columns} hold no longitudes and latitudes: all {numeric} rows with numbers are out of \
             range; the data look projected: name their coordinate reference system with --crs (for instance \
             --crs EPSG:27700)"
        )
    } else if numeric > 0 && left_out.out_of_range == numeric {
        format!(
            "{from}: all {numeric} rows with numbers are out of range of {crs}; check --crs and the columns {columns}"
        )
    } else {
        format!(
            "{from}: none of {} rows can be used: {} missing, {} not a number, {} malformed, {} out of range, {} \
             outside Web Mercator; columns taken: {columns}",
            report.rows,
            invalid.missing,
            invalid.not_a_number,
            invalid.malformed,
            left_out.out_of_range,
            left_out.outside_mercator
        )
    })
}
