//! Input as blocks of whole rows, handed out in order to any number of threads: a file or a stream is read
//! front to back by whoever asks next, and cut where a row is proven to end.
//!
//! The proof: a block starts at a row's start, so its quotes can be followed from there, and a line feed outside
//! of quotes ends a row. Without a quote in the block its last line feed does. What a row holds is left to `scan`.

use std::io::{ErrorKind, Read};
use std::sync::atomic::Ordering;

use memchr::{memchr, memrchr2};

use super::open::Table;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// A row longer than this, in bytes, is taken for the work of a quote that was left open.
const ROW_MAX: usize = 64 << 20;

/// Rows of one table, whole ones only.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The table, in the order of the inputs.
    pub(super) table: usize,
    /// Whether there is a quote in it.
    pub(super) quoted: bool,
    bytes: Vec<u8>,
    len: usize,
}

impl Block {
    /// The rows' bytes; only the last row of a table may lack its line feed.
    pub(super) fn rows(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The blocks of all tables, front to back.
pub(super) struct Blocks<'a> {
    tables: &'a mut [Table],
    monitor: &'a Monitor,
    size: usize,
    /// Table being read.
    table: usize,
    reader: Option<Box<dyn Read + Send>>,
    /// The start of a row whose end was not read yet.
    carry: Vec<u8>,
    spans: Vec<(usize, usize)>,
}

impl<'a> Blocks<'a> {
    /// Blocks of about `size` bytes; more only where one row is longer.
    pub(super) fn new(tables: &'a mut [Table], size: usize, monitor: &'a Monitor) -> Self {
        Self { tables, monitor, size: size.max(1), table: 0, reader: None, carry: Vec::new(), spans: Vec::new() }
    }

    /// Fills `block` with the next rows; false when all tables are read.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool> {
        while self.table < self.tables.len() {
            self.monitor.check()?;
            let table = &mut self.tables[self.table];
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => none.insert(table.rows()?),
            };
            block.table = self.table;
            // The buffer keeps its length from block to block: zeroing it anew would cost as much as reading.
            let mut want = self.size.max(self.carry.len() + 1);
            block.bytes.resize(want.max(block.bytes.len()), 0);
            block.bytes[..self.carry.len()].copy_from_slice(&self.carry);
            block.len = self.carry.len();
            self.carry.clear();
            loop {
                let ended = fill(reader, block, want, self.monitor).map_err(|e| table.failed(e))?;
                let cut = whole_rows(block.rows(), &mut self.spans);
                block.quoted = !self.spans.is_empty();
                if ended {
                    self.reader = None;
                    self.table += 1;
                    if block.len == 0 {
                        break;
                    }
                    return Ok(true);
                }
                if cut > 0 {
                    self.carry.extend_from_slice(&block.rows()[cut..]);
                    block.len = cut;
                    return Ok(true);
                }
                if block.len >= ROW_MAX {
                    return Err(Error::Input(format!(
                        "{}: a row does not end within {} MiB; is a quote left open? It begins with: {}",
                        table.input,
                        ROW_MAX >> 20,
                        String::from_utf8_lossy(&block.rows()[..60]).escape_debug()
                    )));
                }
                want = 2 * block.len;
                block.bytes.resize(want.max(block.bytes.len()), 0);
            }
        }
        Ok(false)
    }
}

/// Reads until `block` holds `want` bytes; true at the end of the input.
fn fill(reader: &mut impl Read, block: &mut Block, want: usize, monitor: &Monitor) -> std::io::Result<bool> {
    while block.len < want {
        match reader.read(&mut block.bytes[block.len..want]) {
            Ok(0) => return Ok(true),
            Ok(got) => {
                block.len += got;
                monitor.bytes_read.fetch_add(got as u64, Ordering::Relaxed);
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
    Ok(false)
}

/// Where the last whole row of `bytes` ends (0: nowhere). Leaves the quoted stretches in `spans`.
///
/// A quote opens at the start of a field only, that is after a comma or a line end outside of quotes; within
/// quotes a doubled one stands for itself.
fn whole_rows(bytes: &[u8], spans: &mut Vec<(usize, usize)>) -> usize {
    spans.clear();
    let mut at = 0;
    while let Some(found) = quote(&bytes[at..]) {
        let start = at + found;
        at = start + 1;
        if start > 0 && !matches!(bytes[start - 1], b',' | b'\n' | b'\r') {
            // A quote within a field stands for itself; remembered as a span without any content.
            spans.push((at, at));
            continue;
        }
        at = loop {
            match quote(&bytes[at..]) {
                None => break bytes.len(),
                Some(found) if bytes.get(at + found + 1) == Some(&b'"') => at += found + 2,
                Some(found) => break at + found + 1,
            }
        };
        spans.push((start, at));
    }
    let mut end = bytes.len();
    for &(from, to) in spans.iter().rev() {
        if let Some(found) = memrchr2(b'\n', b'\r', &bytes[to..end]) {
            return to + found + 1;
        }
        end = from;
    }
    memrchr2(b'\n', b'\r', &bytes[..end]).map_or(0, |found| found + 1)
}

/// The place of the first quote. Where fields are quoted the next one is near: the first sixteen bytes are looked
/// at without the cost of a search.
#[inline]
pub(super) fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let Some((near, _)) = bytes.split_first_chunk::<16>() else { return memchr(b'"', bytes) };
    let (words, _) = near.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // A byte that equals the quote becomes 0, and the lowest 0 is the lowest byte to borrow.
        let other = u64::from_le_bytes(*word) ^ (u64::from(b'"') * ONES);
        let equal = other.wrapping_sub(ONES) & !other & (0x80 * ONES);
        if equal != 0 {
            return Some(8 * i + (equal.trailing_zeros() / 8) as usize);
        }
    }
    memchr(b'"', &bytes[16..]).map(|found| found + 16)
}
