//! Opens inputs, refuses what is no text, and finds each one's columns before any row is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::Ordering;

use super::columns::{self, Columns};
use super::report::{FileReport, Invalid};
use super::{Input, ReadOptions};
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// Bytes looked at for the first record; doubled until it fits.
const HEAD: usize = 64 << 10;
/// A first record longer than this is no header and no row.
const HEAD_MAX: usize = 16 << 20;

/// An input with its columns found.
pub(super) struct Table {
    pub(super) input: Input,
    pub(super) columns: Columns,
    pub(super) notice: String,
    /// Where the rows begin, in bytes.
    start: u64,
    /// A stream cannot be read twice: what was taken from it, and the rest.
    stream: Option<(Vec<u8>, Box<dyn Read + Send>)>,
}

impl Table {
    /// The bytes from the first row on.
    pub(super) fn rows(&mut self) -> Result<Box<dyn Read + Send>> {
        if let Some((mut head, rest)) = self.stream.take() {
            head.drain(..usize::try_from(self.start).unwrap_or(usize::MAX).min(head.len()));
            return Ok(Box::new(io::Cursor::new(head).chain(rest)));
        }
        let Input::File(path) = &self.input else {
            return Err(Error::Internal("standard input was read twice".into()));
        };
        let mut file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        file.seek(SeekFrom::Start(self.start)).map_err(|e| Error::io("read", path, e))?;
        Ok(Box::new(file))
    }

    /// The error for a failed read of this input.
    pub(super) fn failed(&self, source: io::Error) -> Error {
        match &self.input {
            Input::File(path) => Error::io("read", path, source),
            Input::Stdin => Error::io("read", Path::new("standard input"), source),
        }
    }

    /// The report on this input, with nothing read yet.
    pub(super) fn report(&self) -> FileReport {
        let [x_column, y_column] = self.columns.names.clone();
        FileReport {
            name: self.input.to_string(),
            x_column,
            y_column,
            header: self.columns.header,
            notice: self.notice.clone(),
            rows: 0,
            invalid: Invalid::default(),
            first_invalid_row: None,
        }
    }
}

/// Opens every input and sets `monitor.bytes_total`, to 0 when one of them is a stream.
pub(super) fn open_all(inputs: &[Input], options: &ReadOptions, monitor: &Monitor) -> Result<Vec<Table>> {
    if inputs.is_empty() {
        return Err(Error::Usage("no input; name at least one CSV file, or - for standard input".into()));
    }
    if inputs.iter().filter(|i| **i == Input::Stdin).count() > 1 {
        return Err(Error::Usage("standard input can be read once only".into()));
    }
    let mut total = Some(0);
    let mut tables = Vec::with_capacity(inputs.len());
    for input in inputs {
        let (table, bytes) = open(input, options)?;
        total = total.zip(bytes).map(|(a, b)| a + b);
        tables.push(table);
    }
    monitor.bytes_total.store(total.unwrap_or(0), Ordering::Relaxed);
    Ok(tables)
}

/// A table and its size in bytes, where that is known.
fn open(input: &Input, options: &ReadOptions) -> Result<(Table, Option<u64>)> {
    let (mut reader, size): (Box<dyn Read + Send>, _) = match input {
        Input::Stdin => (Box::new(io::stdin()), None),
        Input::File(path) => {
            let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
            let meta = file.metadata().map_err(|e| Error::io("open", path, e))?;
            if meta.is_dir() {
                return Err(Error::Input(format!("{input} is a folder, not a file; name the CSV files in it")));
            }
            (Box::new(file), meta.is_file().then_some(meta.len()))
        }
    };
    let failed = |e| match input {
        Input::File(path) => Error::io("read", path, e),
        Input::Stdin => Error::io("read", Path::new("standard input"), e),
    };
    let mut head = Vec::new();
    let (first, end) = loop {
        let want = head.len().max(HEAD);
        let got = reader.by_ref().take(want as u64).read_to_end(&mut head).map_err(failed)?;
        if let Some(problem) = not_text(&head) {
            return Err(Error::Input(format!("{input} {problem}")));
        }
        if let Some(found) = first_record(&head, got < want) {
            break found;
        }
        if got < want {
            let problem = if head.is_empty() { "is empty" } else { "holds nothing but blank lines" };
            return Err(Error::Input(format!("{input} {problem}; a CSV file with a header and rows is needed")));
        }
        if head.len() >= HEAD_MAX {
            return Err(Error::Input(format!(
                "{input}: the first record does not end within {} MiB; is a quote left open?",
                HEAD_MAX >> 20
            )));
        }
    };
    let columns = columns::find(&first, options).map_err(|problem| Error::Input(format!("{input}: {problem}")))?;
    let [x, y] = &columns.names;
    let (what_x, what_y) = if options.projected { ("easting", "northing") } else { ("longitude", "latitude") };
    let header = if columns.header { "" } else { " (no header)" };
    let notice = format!("{input}: {what_x} from column '{x}', {what_y} from column '{y}'{header}");
    // A mark before the first row would be taken for a part of its first field.
    let mark = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let start = if columns.header { end } else { mark };
    let stream = size.is_none().then_some((head, reader));
    Ok((Table { input: input.clone(), columns, notice, start, stream }, size))
}

/// The first record of `head` and where it ends; `None` when `head` holds no whole one and more may come.
fn first_record(head: &[u8], complete: bool) -> Option<(csv::ByteRecord, u64)> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(head);
    let mut record = csv::ByteRecord::new();
    // A slice never fails to be read, and no record fails to be one in bytes of any length.
    if !reader.read_byte_record(&mut record).unwrap_or(false) {
        return None;
    }
    let end = reader.position().byte();
    (complete || (end as usize) < head.len()).then_some((record, end))
}

/// What a file is by its first bytes, when that is not text in UTF-8 or a relative of ASCII.
fn not_text(head: &[u8]) -> Option<String> {
    let packed = [
        (&b"\x1f\x8b"[..], "gzip", "gunzip"),
        (b"\x28\xb5\x2f\xfd", "zstd", "zstd -d"),
        (b"BZh", "bzip2", "bunzip2"),
        (b"\xfd7zXZ\0", "xz", "unxz"),
        (b"PK\x03\x04", "zip", "unzip"),
    ];
    for (magic, name, tool) in packed {
        if head.starts_with(magic) {
            return Some(format!("is compressed ({name}), which is not supported yet; decompress it first ({tool})"));
        }
    }
    if head.starts_with(b"PAR1") {
        return Some("is a Parquet file, which is not supported yet; convert it to CSV first".into());
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("is UTF-16 text; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)".into());
    }
    head.contains(&0).then(|| "is a binary file, not CSV text".into())
}
