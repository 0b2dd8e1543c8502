//! The first record of a text, whole: what columns are found by.

use crate::error::{Error, Result};
use crate::source::Input;
use crate::source::input::Bytes;
use crate::source::stop::Stop;

/// A first record longer than this is no header and no row.
const HEAD_MAX: usize = 16 << 20;

/// The first record of the text that begins with `head`, where it ends, and the length of a byte order mark before it,
/// which would be taken for a part of its first field. Reads on where the record is longer.
pub(super) fn first_record(
    bytes: &Bytes,
    mut head: Vec<u8>,
    input: &Input,
    delimiter: u8,
    stop: &Stop<'_>,
) -> Result<(csv::ByteRecord, u64, u64)> {
    let mut most = head.len();
    loop {
        let complete = head.len() < most;
        if let Some(problem) = not_text(&head) {
            return Err(Error::Input(format!("{input} {problem}")));
        }
        if let Some((first, end)) = record(&head, complete, delimiter) {
            return Ok((first, end, if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }));
        }
        if complete {
            let problem = if head.is_empty() { "is empty" } else { "holds nothing but blank lines" };
            return Err(Error::Input(format!("{input} {problem}; a CSV file with a header and rows is needed")));
        }
        if head.len() >= HEAD_MAX {
            return Err(Error::Input(format!(
                "{input}: the first record does not end within {} MiB; is a quote left open?",
                HEAD_MAX >> 20
            )));
        }
        most = 2 * head.len().max(1 << 15);
        bytes.head(&mut head, most, stop)?;
    }
}

/// The first record of `head` and where it ends; `None` when `head` holds no whole one and more may come.
fn record(head: &[u8], complete: bool, delimiter: u8) -> Option<(csv::ByteRecord, u64)> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(head);
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
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("is UTF-16 text; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)".into());
    }
    head.contains(&0).then(|| "is a binary file, not CSV text".into())
}
