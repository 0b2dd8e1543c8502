//! The bytes of an input: a file, read at any place from any thread and held to what it was when it was opened, or a
//! stream, read once from front to back. What the bytes hold is left to the formats.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Input;
use super::stop::{PATIENCE, Stop};
use crate::error::{Error, Result};

/// Files that are kept open from the look at their head to their last row; more would use up what a process may have
/// open. Others are opened anew and held to what they were.
pub(super) const KEPT_OPEN: usize = 128;

/// What an input's bytes come from.
pub(super) enum Bytes {
    /// A file whose size is known.
    File(KnownFile),
    /// A pipe, a terminal, a device: what is read of it is gone.
    Stream(Mutex<Stream>),
}

impl Bytes {
    /// Opens `input`; of files, `keep` says whether to keep the handle.
    pub(super) fn open(input: &Input, keep: bool) -> Result<Self> {
        let stream = |file| Self::Stream(Mutex::new(Stream { file, name: input.path(), head: Vec::new(), at: 0 }));
        let Input::File(path) = input else {
            return Ok(stream(standard_input().map_err(|e| Error::io("open", &input.path(), e))?));
        };
        let failed = |e| Error::io("open", path, e);
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if meta.is_dir() {
            return Err(Error::Input(format!("{input} is a folder, not a file; name the CSV files in it")));
        }
        // Files that the system makes up as they are read (in /proc) say that they are empty.
        if !meta.is_file() || meta.len() == 0 {
            return Ok(stream(file));
        }
        let identity = Identity::of(&meta);
        Ok(Self::File(KnownFile { path: path.clone(), identity, keep, file: Mutex::new(Some(Arc::new(file))) }))
    }

    /// Size, where it is known.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.identity.size),
            Self::Stream(_) => None,
        }
    }

    /// Up to `most` bytes from the beginning, fewer only where there are no more. A stream gives them again to who
    /// reads on; `head` holds what was given before.
    pub(super) fn head(&self, head: &mut Vec<u8>, most: usize, stop: &Stop<'_>) -> Result<()> {
        match self {
            Self::File(known) => {
                let from = head.len();
                let most = most.min(usize::try_from(known.identity.size).unwrap_or(most));
                head.resize(most.max(from), 0);
                known.read_at(known.handle()?.as_ref(), &mut head[from..], from as u64)
            }
            Self::Stream(stream) => {
                let mut stream = lock(stream);
                let mut from = stream.head.len();
                stream.head.resize(most.max(from), 0);
                while from < stream.head.len() {
                    let Stream { file, name, head, .. } = &mut *stream;
                    match read_some(file, name, &mut head[from..], stop)? {
                        0 => break,
                        got => from += got,
                    }
                }
                stream.head.truncate(from);
                head.clear();
                head.extend_from_slice(&stream.head);
                Ok(())
            }
        }
    }
}

/// The lock, whatever became of its last holder: a panic ends the reading by other ways.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard input without the buffer of the standard library, which would hide from the system whether there is more.
fn standard_input() -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        io::stdin().as_fd().try_clone_to_owned().map(File::from)
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle;
        io::stdin().as_handle().try_clone_to_owned().map(File::from)
    }
}

/// By what a file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    /// Device and number on it; absent where the system tells none.
    pub(super) place: Option<(u64, u64)>,
    /// Bytes.
    size: u64,
    changed: Option<SystemTime>,
}

impl Identity {
    fn of(meta: &Metadata) -> Self {
        #[cfg(unix)]
        let place = {
            use std::os::unix::fs::MetadataExt;
            Some((meta.dev(), meta.ino()))
        };
        #[cfg(not(unix))]
        let place = None;
        Self { place, size: meta.len(), changed: meta.modified().ok() }
    }
}

/// A file with a size. It must not change from the moment it is opened until all of it was read.
pub(super) struct KnownFile {
    path: PathBuf,
    pub(super) identity: Identity,
    keep: bool,
    file: Mutex<Option<Arc<File>>>,
}

impl KnownFile {
    /// The open file.
    pub(super) fn handle(&self) -> Result<Arc<File>> {
        let mut file = lock(&self.file);
        if let Some(file) = &*file {
            return Ok(file.clone());
        }
        let failed = |e| Error::io("open", &self.path, e);
        let anew = Arc::new(File::open(&self.path).map_err(failed)?);
        self.compare(&anew.metadata().map_err(failed)?)?;
        *file = Some(anew.clone());
        Ok(anew)
    }

    /// Its size.
    pub(super) fn size(&self) -> u64 {
        self.identity.size
    }

    /// Closes the file, unless it is one of those that are kept open or a thread still reads it.
    pub(super) fn rest(&self) {
        if !self.keep {
            *lock(&self.file) = None;
        }
    }

    /// Fills `buffer` from the byte at `offset` on.
    pub(super) fn read_at(&self, file: &File, mut buffer: &mut [u8], mut offset: u64) -> Result<()> {
        while !buffer.is_empty() {
            match read_at(file, buffer, offset) {
                Ok(0) => {
                    return Err(Error::Input(format!(
                        "{} was cut short while it was read: it had {} bytes when it was opened, and ends at {offset} \
                         now; run again once nothing writes to it",
                        self.path.display(),
                        self.identity.size,
                    )));
                }
                Ok(got) => {
                    buffer = &mut buffer[got..];
                    offset += got as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => (),
                Err(e) => return Err(Error::io("read", &self.path, e)),
            }
        }
        Ok(())
    }

    /// Fails when the file, or what its path names by now, is not what was opened. A file that was only removed from
    /// its folder was read as it was.
    pub(super) fn verify(&self) -> Result<()> {
        if let Some(file) = &*lock(&self.file) {
            self.compare(&file.metadata().map_err(|e| Error::io("read", &self.path, e))?)?;
        }
        match std::fs::metadata(&self.path) {
            Ok(meta) => self.compare(&meta),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io("read", &self.path, e)),
        }
    }

    fn compare(&self, meta: &Metadata) -> Result<()> {
        let (then, now) = (self.identity, Identity::of(meta));
        if then == now {
            return Ok(());
        }
        let how = if then.place != now.place {
            "was replaced by another file".to_owned()
        } else if then.size != now.size {
            let how = if then.size < now.size { "grew" } else { "was cut short" };
            format!("{how} from {} to {} bytes", then.size, now.size)
        } else {
            "was written to".to_owned()
        };
        Err(Error::Input(format!(
            "{} {how} while it was read; run again once nothing writes to it",
            self.path.display()
        )))
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
    }
}

/// Bytes that come once, in order.
pub(super) struct Stream {
    file: File,
    name: PathBuf,
    /// What was looked at before the first row was read.
    head: Vec<u8>,
    /// How much of that was given out again.
    at: usize,
}

impl Stream {
    /// A stream of what comes out of `file`.
    #[cfg(test)]
    pub(super) fn new(file: File) -> Self {
        Self { file, name: PathBuf::from("a stream"), head: Vec::new(), at: 0 }
    }

    /// Leaves out the first `bytes` of what was looked at.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.at = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.head.len());
    }

    /// Fills `buffer`; gives how many bytes there were, fewer only at the end. This is where reading waits for others.
    pub(super) fn fill(&mut self, buffer: &mut [u8], stop: &Stop<'_>) -> Result<usize> {
        let mut filled = (&self.head[self.at..]).read(buffer).unwrap_or(0);
        self.at += filled;
        if self.at == self.head.len() {
            (self.head, self.at) = (Vec::new(), 0);
        }
        while filled < buffer.len() {
            match read_some(&self.file, &self.name, &mut buffer[filled..], stop)? {
                0 => break,
                got => filled += got,
            }
        }
        Ok(filled)
    }
}

/// Reads what there is, waiting for the first byte; 0 at the end. Fails within a moment once the reading is to stop.
fn read_some(mut file: &File, name: &Path, buffer: &mut [u8], stop: &Stop<'_>) -> Result<usize> {
    loop {
        stop.check()?;
        if !ready(file).map_err(|e| Error::io("read", name, e))? {
            continue;
        }
        match file.read(buffer) {
            Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => (),
            other => return other.map_err(|e| Error::io("read", name, e)),
        }
    }
}

/// Whether a read would not wait; looks for a moment.
fn ready(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut waiting = [PollFd::new(file, PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
        match poll(&mut waiting, Some(&moment)) {
            Ok(n) => Ok(n > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, PATIENCE);
        Ok(true)
    }
}

impl Input {
    /// Its path, or words that stand for it in messages.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Stdin => PathBuf::from("standard input"),
        }
    }
}
