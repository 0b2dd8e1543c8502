//! What reading found: rows, those that cannot be used by reason, and the columns taken from each input; and the
//! error for a run that found nothing to use.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::ReadOptions;
use super::choice;
use super::key::Keys;
use super::notice::{Example, Notice};
use super::weight::Weights;
use crate::error::Error;
use crate::project::{Crs, grids};
use crate::rows::{LeftOut, NotSelected, Reason, serialize_invalid};

/// How one input was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The input as it was named.
    pub name: String,
    /// Column of the longitude or easting: its name, or `#number` without a header.
    pub x_column: String,
    /// Column of the latitude or northing.
    pub y_column: String,
    /// Whether the first record was taken for a header.
    pub header: bool,
    /// One line that says what was taken, for a person.
    pub notice: String,
    /// Reference system of its coordinates.
    pub crs: Crs,
    /// Its rows: records but for a header and blank lines.
    pub rows: u64,
    /// Those that became points.
    pub used: u64,
    /// Those that nobody asked for.
    pub not_selected: NotSelected,
    /// The others, by reason.
    pub left_out: LeftOut,
    /// The sum of the hashes of its lines but for the header, where that was asked for: the same for the same rows in
    /// any order.
    pub hash: u64,
    /// Number of the first row without two finite numbers, from 1; the header and blank lines have none.
    pub first_invalid_row: Option<u64>,
    /// The first row left out for each reason, with its number and what it holds.
    pub examples: Vec<(Reason, u64, String)>,
    /// Why it would be refused as a whole, where a share of its rows was read.
    pub doubt: Option<String>,
    /// What its last row holds, where that looks cut off.
    pub cut: Option<String>,
    /// The first row with a quote that took in lines and should not have opened, and what to know of it.
    pub swallowed: Option<(u64, String)>,
    /// Rows that are read and have fewer fields than the header names, and the first one with what it holds.
    pub shorter: (u64, Option<(u64, String)>),
    /// Rows that are read and have text behind quotes that took in a delimiter, and the first one with what it holds.
    pub merged: (u64, Option<(u64, String)>),
    /// The column of weights, where they were asked for: its name, or `#number`.
    pub weight_column: Option<String>,
    /// What they come to.
    pub weights: Option<Weights>,
    /// What its rows are counted by, where that was asked for.
    pub key_column: Option<String>,
    /// Rows that are read and have no time where one is their key, and the first one with what it holds.
    pub timeless: (u64, Option<(u64, String)>),
}

impl FileReport {
    /// Of an input of which nothing is known but its name: it was not read, or could not be opened.
    pub fn unread(name: String) -> Self {
        Self {
            notice: name.clone(),
            name,
            x_column: String::new(),
            y_column: String::new(),
            header: false,
            crs: Crs::default(),
            rows: 0,
            used: 0,
            not_selected: NotSelected::default(),
            left_out: LeftOut::default(),
            hash: 0,
            first_invalid_row: None,
            examples: Vec::new(),
            doubt: None,
            cut: None,
            swallowed: None,
            shorter: (0, None),
            merged: (0, None),
            weight_column: None,
            weights: None,
            key_column: None,
            timeless: (0, None),
        }
    }

    /// What to say of a quote that took in lines.
    pub(super) fn open_quote(&self) -> Option<String> {
        let (row, text) = self.swallowed.as_ref()?;
        Some(format!(
            "{}: row {row} holds a quote that {text}, and no rows are read from those lines; close it, or read quotes as \
             plain characters with --quote none",
            self.name
        ))
    }
}

impl Serialize for FileReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Invalid<'a>(&'a LeftOut);
        impl Serialize for Invalid<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_invalid(self.0, serializer)
            }
        }
        struct Examples<'a>(&'a [(Reason, u64, String)]);
        impl Serialize for Examples<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let example = |(reason, row, value): &(Reason, u64, String)| {
                    (reason.name(), Example { row: *row, value: value.clone() })
                };
                serializer.collect_map(self.0.iter().map(example))
            }
        }
        let weighed = 2 * usize::from(self.weight_column.is_some() && self.weights.is_some());
        let keyed = 2 * usize::from(self.key_column.is_some());
        let mut report = serializer.serialize_struct("FileReport", 13 + weighed + keyed)?;
        report.serialize_field("name", &self.name)?;
        report.serialize_field("x_column", &self.x_column)?;
        report.serialize_field("y_column", &self.y_column)?;
        report.serialize_field("header", &self.header)?;
        report.serialize_field("notice", &self.notice)?;
        report.serialize_field("crs", &self.crs.to_string())?;
        report.serialize_field("rows", &self.rows)?;
        report.serialize_field("used", &self.used)?;
        report.serialize_field("not_selected", &self.not_selected.total())?;
        report.serialize_field("left_out", &self.left_out)?;
        report.serialize_field("invalid", &Invalid(&self.left_out))?;
        report.serialize_field("first_invalid_row", &self.first_invalid_row)?;
        report.serialize_field("examples", &Examples(&self.examples))?;
        if let (Some(column), Some(weights)) = (&self.weight_column, &self.weights) {
            report.serialize_field("weight_column", column)?;
            report.serialize_field("rounded_weights", &weights.rounded.0)?;
        }
        if let Some(column) = &self.key_column {
            report.serialize_field("key_column", column)?;
            report.serialize_field("timeless_rows", &self.timeless.0)?;
        }
        report.end()
    }
}

/// What reading found in all inputs together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadReport {
    /// Rows: records but for headers and blank lines.
    pub rows: u64,
    /// Rows that nobody asked for.
    pub not_selected: NotSelected,
    /// What was asked of rows: each condition,
    pub conditions: Vec<String>,
    /// and the share of them.
    pub sample: Option<String>,
    /// For each condition what its column holds beside what was asked for, for a person; empty where it always held.
    pub held: Vec<String>,
    /// The other rows that did not become points, by reason.
    pub left_out: LeftOut,
    /// What the weights come to, where they were asked for.
    pub weights: Option<Weights>,
    /// What rows are counted by, where that was asked for.
    pub keys: Option<Keys>,
    /// Each input, in the order given.
    pub files: Vec<FileReport>,
    /// What a person should know about them.
    pub notices: Vec<Notice>,
}

impl ReadReport {
    /// A report of `files` with their sums.
    pub(super) fn new(files: Vec<FileReport>, notices: Vec<Notice>) -> Self {
        let mut report = Self { rows: files.iter().map(|f| f.rows).sum(), notices, ..Self::default() };
        for file in &files {
            report.left_out.merge(&file.left_out);
            report.not_selected.merge(&file.not_selected);
            if let Some(weights) = &file.weights {
                report.weights.get_or_insert_default().merge(weights);
            }
        }
        Self { files, ..report }
    }

    /// The report with what columns hold of which something was asked.
    pub(super) fn holding(mut self, options: &ReadOptions, values: &[Vec<String>]) -> Self {
        let conditions = &options.conditions;
        self.conditions = conditions.iter().map(ToString::to_string).collect();
        self.sample = options.sample.map(|sample| sample.to_string());
        self.held = conditions.iter().zip(values).map(|(condition, values)| choice::held(condition, values)).collect();
        self
    }

    /// Rows that nobody asked for, by the flag that says so, in the order in which they are judged.
    pub fn passed_over(&self) -> Vec<(String, u64)> {
        self.flags(&self.not_selected)
    }

    /// Those of one input, for everything that was asked of rows; what was asked of places is told apart.
    pub fn passed_over_of(&self, file: &FileReport) -> Vec<(String, u64)> {
        let mut flags = self.flags(&file.not_selected);
        flags.truncate(self.conditions.len() + usize::from(self.sample.is_some()));
        flags
    }

    /// The flags that choose, each with its rows of `not_selected`.
    fn flags(&self, not_selected: &NotSelected) -> Vec<(String, u64)> {
        let NotSelected { conditions, sample, outside } = not_selected;
        let of_conditions = self
            .conditions
            .iter()
            .enumerate()
            .map(|(at, condition)| (format!("--where '{condition}'"), conditions.get(at).copied().unwrap_or(0)));
        let of_sample = self.sample.iter().map(|share| (format!("--sample {share}"), *sample));
        let places = [("--bbox", outside.bbox), ("--within", outside.area)];
        let of_places = places.into_iter().filter(|(_, rows)| *rows > 0).map(|(flag, rows)| (flag.to_owned(), rows));
        of_conditions.chain(of_sample).chain(of_places).collect()
    }

    /// Points of all inputs.
    pub fn used(&self) -> u64 {
        self.files.iter().map(|file| file.used).sum()
    }
}

/// The error for a run in which no row became a point: says why, as far as the numbers tell.
pub fn no_usable_rows(report: &ReadReport) -> Error {
    if let Some(line) = report.files.iter().find_map(FileReport::open_quote) {
        return Error::Input(line);
    }
    let names: Vec<&str> = report.files.iter().map(|f| f.name.as_str()).collect();
    let from = match names.as_slice() {
        [name] => (*name).to_owned(),
        [name, ..] => format!("{name} and {} more", names.len() - 1),
        [] => "no input".to_owned(),
    };
    if let Some(line) = nothing_selected(report, &from) {
        return Error::Input(line);
    }
    let left_out = &report.left_out;
    // Where a row without a weight lies nobody looked at.
    let numeric = report.rows.saturating_sub(left_out.invalid() + left_out.weightless());
    let first = report.files.first();
    let columns = first.map_or(String::new(), |f| format!("'{}' and '{}'", f.x_column, f.y_column));
    let weighed =
        first.and_then(|f| f.weight_column.as_ref()).map_or(String::new(), |w| format!(", weights from '{w}'"));
    // Inputs of several systems have no single one to be named.
    let one = first.map(|f| &f.crs).filter(|crs| report.files.iter().all(|f| f.crs == **crs));
    let beyond = numeric > 0 && left_out[Reason::OutOfRange] == numeric;
    let example = first.map_or(String::new(), |file| {
        let row =
            |(reason, row, value): &(Reason, u64, String)| format!("row {row} holds {value} ({})", reason.message());
        file.examples.iter().filter(|e| !e.0.is_blank()).min_by_key(|e| e.1).map_or(String::new(), row)
    });
    let example = if example.is_empty() { example } else { format!("; {example}") };
    Error::Input(match one {
        _ if report.rows == 0 => format!("{from}: no rows below the header"),
        Some(Crs::Wgs84) if beyond && (swapped(first) || around(first)) => format!(
            "{from}: columns {columns} hold no longitudes and latitudes as they are: all {numeric} rows with numbers are out \
             of range{example}; {}",
            match first {
                Some(file) if swapped(first) && file.x_column != file.y_column => {
                    format!("are they swapped? --lon '{}' --lat '{}'", file.y_column, file.x_column)
                }
                Some(_) if swapped(first) => "are they swapped, the latitude first?".to_owned(),
                _ => "longitudes up to 360 are read with --wrap-lon".to_owned(),
            }
        ),
        Some(Crs::Wgs84) if beyond => format!(
            "{from}: columns {columns} hold no longitudes and latitudes: all {numeric} rows with numbers are out of \
             range{example}; if they are projected, name their coordinate reference system with --crs{}",
            fitting(report)
        ),
        Some(crs) if beyond => {
            format!(
                "{from}: all {numeric} rows with numbers are out of range of {crs}{example}; check --crs and the columns \
                 {columns}"
            )
        }
        _ => {
            let told = left_out.iter().filter(|(_, n)| *n > 0);
            let reasons: Vec<_> = told.map(|(reason, n)| format!("{n} {}", reason.message())).collect();
            format!(
                "{from}: none of {} rows can be used: {}{example}; columns taken: {columns}{weighed}",
                report.rows,
                reasons.join(", ")
            )
        }
    })
}

/// Why no row is selected, where that is why there is none: the first condition that no row met, or else how many did not
/// meet each.
fn nothing_selected(report: &ReadReport, from: &str) -> Option<String> {
    let NotSelected { conditions, sample, outside } = &report.not_selected;
    if report.not_selected.total() == 0 {
        return None;
    }
    let mut left = report.rows - report.left_out.total();
    let mut parts = Vec::new();
    for (at, &rows) in conditions.iter().enumerate() {
        let held = report.held.get(at).map_or("", String::as_str);
        if rows == left {
            return Some(format!("{from}: {held}; no row is selected (--where)"));
        }
        left -= rows;
        parts.push(format!("{rows} by a condition (--where {})", at + 1));
    }
    for (rows, what) in [(*sample, "--sample"), (outside.bbox, "--bbox"), (outside.area, "--within")] {
        if rows > 0 && rows == left {
            return Some(match what {
                "--sample" => format!("{from}: none of {rows} rows is in the sample; take a larger one with --sample"),
                _ => format!(
                    "{from}: none of the {rows} points lies in {what}; boxes are west,south,east,north, areas longitudes before \
                     latitudes, both in degrees"
                ),
            });
        }
        left -= rows;
        if rows > 0 {
            parts.push(format!("{rows} by {what}"));
        }
    }
    (report.left_out.total() == 0).then(|| format!("{from}: no row is selected: left aside are {}", parts.join(", ")))
}

/// What the first row that is no place holds.
fn out_of_range(file: Option<&FileReport>) -> Option<(f64, f64)> {
    let example = file?.examples.iter().find(|e| e.0 == Reason::OutOfRange)?;
    let (x, y) = example.2.split_once(", ")?;
    Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
}

/// Whether it is one the other way round.
fn swapped(file: Option<&FileReport>) -> bool {
    out_of_range(file).is_some_and(|(x, y)| x.abs() <= 90.0 && y.abs() > 90.0 && y.abs() <= 180.0)
}

/// Whether its longitude is counted from 0 to 360.
fn around(file: Option<&FileReport>) -> bool {
    out_of_range(file).is_some_and(|(x, y)| (180.0..=360.0).contains(&x) && y.abs() <= 90.0)
}

/// The national grids that hold the first row which is no place in degrees, as part of a sentence.
fn fitting(report: &ReadReport) -> String {
    let Some((x, y)) = report.files.iter().find_map(|file| out_of_range(Some(file))) else { return String::new() };
    let grids = grids::fitting(x, y);
    let named: Vec<_> = grids.iter().take(4).map(|grid| format!("EPSG:{} ({})", grid.code, grid.name)).collect();
    if named.is_empty() { String::new() } else { format!("; it may be {}", named.join(" or ")) }
}
