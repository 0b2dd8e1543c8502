//! An output that is a single file: a picture, a report, points. It is made aside and appears when it is complete, under
//! the same laws as a tile set.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::files::Flush;
use super::{OutputOptions, Shape, Staging, remove_file};
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// A file being made.
#[derive(Debug)]
pub(crate) struct Whole(Staging);

impl Whole {
    /// Takes the place `out`, whose folder must be there. What is there already is replaced only where `options` allow it
    /// and `check` finds that tilefire wrote it.
    pub(crate) fn begin(out: &Path, options: &OutputOptions, check: fn(&Path) -> Result<()>) -> Result<Self> {
        let shape = Shape { flush: Flush::File, parents: false, check, remove: remove_file };
        Staging::begin(out, options, shape).map(Self)
    }

    /// A private folder that is gone with this, for files without a name.
    pub(crate) fn dir(&self) -> &Path {
        self.0.dir()
    }

    /// Writes the file with `fill` and makes it appear; gives its size in bytes and what a person should know.
    pub(crate) fn write(
        self,
        monitor: &Monitor,
        fill: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<(u64, Vec<String>)> {
        self.write_sent(monitor, |out| fill(out))
    }

    /// The same where writing goes from thread to thread.
    pub(crate) fn write_sent(
        mut self,
        monitor: &Monitor,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    ) -> Result<(u64, Vec<String>)> {
        let mut buffer = BufWriter::with_capacity(1 << 20, self.0.new_file()?);
        fill(&mut buffer)?;
        let file = buffer.into_inner().map_err(|e| self.0.cannot("write", e.into_error()))?;
        let bytes = file.metadata().map_err(|e| self.0.cannot("read", e))?.len();
        drop(file);
        Ok((bytes, self.0.commit(monitor)?))
    }
}

/// Ok for a plain file of which `is_ours` knows the first bytes, a few kilobytes of it; an empty one holds nothing to
/// lose. Pipes, devices and folders are never replaced, nor looked into.
pub(crate) fn check_head(path: &Path, what: &str, is_ours: impl FnOnce(&[u8]) -> bool) -> Result<()> {
    use std::io::Read;
    let refuse = |why: &str| Err(Error::Output(format!("{} {why}, so --force does not replace it", path.display())));
    if !std::fs::symlink_metadata(path).is_ok_and(|m| m.is_file()) {
        return refuse("is no plain file");
    }
    let mut head = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
    file.take(4 << 10).read_to_end(&mut head).map_err(|e| Error::io("read", path, e))?;
    if head.is_empty() || is_ours(&head) {
        Ok(())
    } else {
        refuse(&format!("is no {what} and was not made by tilefire"))
    }
}
