//! Packed bytes on their way into a decoder, on the thread that unpacks them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::source::input::known::KnownFile;
use crate::source::input::pipe::read_some;

/// Where packed bytes come from.
pub(in crate::source) struct Raw {
    from: From,
    name: PathBuf,
    /// Raised when nobody wants more.
    pub(super) quit: Arc<AtomicBool>,
    /// How far the decoder is, from the beginning of all of them.
    pub(super) taken: Arc<AtomicU64>,
}

enum From {
    /// A file, from `at` to `end`.
    Known { file: Arc<KnownFile>, handle: Arc<File>, at: u64, end: u64 },
    /// A pipe of which the beginning was read.
    Once { head: Vec<u8>, at: usize, file: File },
    /// A pipe that was given on.
    None,
}

impl Raw {
    /// All of a file.
    pub(in crate::source) fn known(file: &Arc<KnownFile>) -> Result<Self> {
        Self::part(file, 0..file.size(), file.path().to_path_buf())
    }

    /// A stretch of a file, by what messages call it.
    pub(in crate::source) fn part(file: &Arc<KnownFile>, range: Range<u64>, name: PathBuf) -> Result<Self> {
        let (at, end) = (range.start, range.end.min(file.size()));
        let from = From::Known { file: file.clone(), handle: file.handle()?, at, end };
        Ok(Self::new(from, name))
    }

    /// `head` from `at` on, and what comes out of `file` behind it.
    pub(in crate::source) fn once(head: Vec<u8>, at: usize, file: File, name: PathBuf) -> Self {
        Self::new(From::Once { head, at, file }, name)
    }

    fn new(from: From, name: PathBuf) -> Self {
        Self { from, name, quit: Arc::default(), taken: Arc::default() }
    }

    /// Where in a file the bytes are; `None` of a pipe.
    pub(super) fn range(&self) -> Option<Range<u64>> {
        match &self.from {
            From::Known { at, end, .. } => Some(*at..*end),
            From::Once { .. } | From::None => None,
        }
    }

    /// Those from `at` to `end` in the same file; of a pipe all that there is, once.
    pub(super) fn cut(&mut self, at: u64, end: u64) -> Self {
        let begin = self.range().map_or(0, |range| range.start);
        let from = match &mut self.from {
            From::Known { file, handle, .. } => From::Known { file: file.clone(), handle: handle.clone(), at, end },
            once => std::mem::replace(once, From::None),
        };
        let taken = Arc::new(AtomicU64::new(at.saturating_sub(begin)));
        Self { from, name: self.name.clone(), quit: self.quit.clone(), taken }
    }

    /// Lets go of what they come from; nothing more does.
    pub(super) fn close(&mut self) {
        self.from = From::None;
    }

    /// Fills `buffer` with the bytes at `at` of the file; false of a pipe.
    pub(super) fn peek(&self, buffer: &mut [u8], at: u64) -> Result<bool> {
        let From::Known { file, handle, .. } = &self.from else { return Ok(false) };
        file.read_at(handle, buffer, at)?;
        Ok(true)
    }

    /// What messages call it.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    fn some(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let check = || if self.quit.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) };
        match &mut self.from {
            From::Known { file, handle, at, end } => {
                check()?;
                let len = usize::try_from(end.saturating_sub(*at)).unwrap_or(usize::MAX).min(buffer.len());
                file.read_at(handle, &mut buffer[..len], *at)?;
                *at += len as u64;
                Ok(len)
            }
            From::Once { head, at, file } => {
                let got = head.get(*at..).map_or(0, |mut rest| rest.read(buffer).unwrap_or(0));
                *at += got;
                if got > 0 || buffer.is_empty() {
                    return Ok(got);
                }
                (*head, *at) = (Vec::new(), 0);
                read_some(file, &self.name, buffer, &check)
            }
            From::None => Ok(0),
        }
    }
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // An error of ours passes through a decoder unchanged, see `Feed`.
        let got = self.some(buffer).map_err(io::Error::other)?;
        self.taken.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}
