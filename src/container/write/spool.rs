//! A file without a name that bytes wait in: appended one after the other, read back in any order.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::staging;

/// Bytes between two tiles that are rather read than stepped over.
const GAP: u64 = 16 << 10;
/// Most bytes read at once, but for one larger tile.
const STRETCH: u64 = 2 << 20;

/// Where a tile's bytes wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Bytes that wait.
#[derive(Debug)]
pub(super) struct Spool {
    file: BufWriter<File>,
    size: u64,
    /// What people know the output as.
    out: PathBuf,
}

impl Spool {
    /// An empty one in `folder`, for the output `out`.
    pub(super) fn new(folder: &Path, out: &Path) -> Result<Self> {
        let file = staging::nameless(folder).map_err(|e| Error::io("create", out, e))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 20, file), size: 0, out: out.to_path_buf() })
    }

    /// Appends bytes; gives where they start.
    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<u64> {
        self.file.write_all(bytes)?;
        let from = self.size;
        self.size += bytes.len() as u64;
        Ok(from)
    }

    /// Bytes appended so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What people know the output as.
    pub(super) fn out(&self) -> &Path {
        &self.out
    }

    /// No more bytes.
    pub(super) fn close(self) -> Result<Source> {
        let file = self.file.into_inner().map_err(|e| Error::io("write", &self.out, e.into_error()))?;
        Ok(Source { file, out: self.out, stretch: Vec::new() })
    }
}

/// A spool that is read. Neighbours on the Hilbert curve came at nearly the same time, so they lie in a few stretches.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    out: PathBuf,
    stretch: Vec<u8>,
}

impl Source {
    /// Replaces `bytes` by those of `batch`, in its order.
    pub(super) fn read(&mut self, batch: &[Waiting], bytes: &mut Vec<u8>) -> Result<()> {
        let mut end = 0;
        // Where each lies in the spool and in `bytes`.
        let mut order: Vec<(Waiting, usize)> = Vec::with_capacity(batch.len());
        for &at in batch {
            order.push((at, end));
            end += at.length as usize;
        }
        order.sort_unstable_by_key(|place| place.0.offset);
        bytes.resize(end, 0);
        let mut rest = &order[..];
        while let Some(&(first, _)) = rest.first() {
            let mut last = first.offset + first.length;
            let near =
                |at: &Waiting, last: u64| at.offset <= last + GAP && at.offset + at.length <= first.offset + STRETCH;
            let mut count = 1;
            while let Some((at, _)) = rest.get(count).filter(|(at, _)| near(at, last)) {
                last = last.max(at.offset + at.length);
                count += 1;
            }
            let (these, others) = rest.split_at(count);
            self.stretch.resize((last - first.offset) as usize, 0);
            self.fill(first.offset)?;
            for &(at, to) in these {
                let (from, length) = ((at.offset - first.offset) as usize, at.length as usize);
                bytes[to..to + length].copy_from_slice(&self.stretch[from..from + length]);
            }
            rest = others;
        }
        Ok(())
    }

    /// Calls `each` with all bytes, some at a time.
    pub(super) fn for_each(&mut self, size: u64, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut from = 0;
        while from < size {
            let some = STRETCH.min(size - from);
            self.stretch.resize(some as usize, 0);
            self.fill(from)?;
            each(&self.stretch)?;
            from += some;
        }
        Ok(())
    }

    /// Fills `stretch` from what starts at `from`.
    fn fill(&mut self, from: u64) -> Result<()> {
        let sought = self.file.seek(SeekFrom::Start(from));
        sought.and_then(|_| self.file.read_exact(&mut self.stretch)).map_err(|e| Error::io("read back", &self.out, e))
    }
}
