//! The bytes of an input: a file, read at any place from any thread and held to what it was when it was opened, or a
//! stream, read once from front to back: a pipe, or what is unpacked of one or of a file. What the bytes hold is left to
//! the formats.

pub(super) mod known;
pub(super) mod pipe;
mod spool;

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use self::known::Identity;
pub(super) use self::known::{KnownFile, lock};
use self::pipe::{read_some, standard_input};
use super::Input;
use super::packed::{Feed, Raw, Recipe};
use super::stop::Stop;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// How many files are kept open from the look at their head to their last row: a quarter of what the process may have
/// open, for there are outputs, devices and threads. Others are opened anew and held to what they were.
pub(super) fn kept_open() -> usize {
    const MOST: usize = 128;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let may = getrlimit(Resource::Nofile).current.map_or(MOST, |n| usize::try_from(n / 4).unwrap_or(MOST));
        may.min(MOST)
    }
    #[cfg(not(unix))]
    {
        MOST
    }
}

/// What an input's bytes come from.
pub(super) enum Bytes {
    /// A file whose size is known.
    File(KnownFile),
    /// A pipe, a terminal, a device, or what comes out of packed bytes: what is read of it is gone.
    Stream(Mutex<Stream>),
}

impl Bytes {
    /// Opens `input`; of files, `keep` says whether to keep the handle.
    pub(super) fn open(input: &Input, keep: bool) -> Result<Self> {
        let stream = |file| Self::Stream(Mutex::new(Stream::of(From::Pipe(file), input.path())));
        let Some(path) = input.file() else {
            let file = standard_input().map_err(|e| Error::io("open", &input.path(), e))?;
            let since = file.metadata().ok().filter(Metadata::is_file).map(|meta| Identity::of(&meta));
            let stream = Stream { since, ..Stream::of(From::Pipe(file), input.path()) };
            return Ok(Self::Stream(Mutex::new(stream)));
        };
        let failed = |e| Error::io("open", path, e);
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if meta.is_dir() {
            return Err(Error::Input(format!("{input} is a folder, not a file; source::expand finds the files in it")));
        }
        // Files that the system makes up as they are read (in /proc) say that they are empty.
        if !meta.is_file() || meta.len() == 0 {
            return Ok(stream(file));
        }
        Ok(Self::File(KnownFile::new(path, file, &meta, keep)))
    }

    /// These bytes as a file that can be read at any place: a stream is copied to a file without a name first.
    pub(super) fn seekable(self, stop: &Stop<'_>) -> Result<KnownFile> {
        match self {
            Self::File(file) => Ok(file),
            Self::Stream(stream) => {
                let mut stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
                let copy = spool::spool(&stream.name.clone(), |buffer| stream.fill(buffer, stop))?;
                stream.verify()?;
                Ok(copy)
            }
        }
    }

    /// What `recipe` makes of these bytes, of which nothing but the head was looked at.
    pub(super) fn unpack(self, recipe: Recipe) -> Result<Self> {
        let stream = match self {
            Self::File(file) => {
                file.rest();
                let name = recipe.name(&file);
                Stream::of(From::Known { file: Arc::new(file), recipe, feed: None }, name)
            }
            Self::Stream(stream) => {
                let Stream { from, name, head, at, .. } = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
                match from {
                    From::Pipe(file) => {
                        let raw = Raw::once(head, at, file, name.clone());
                        Stream::of(From::Fed(Feed::start(raw, &recipe, None, 1)?), name)
                    }
                    From::Known { file, .. } => {
                        let name = recipe.name(&file);
                        Stream::of(From::Known { file, recipe, feed: None }, name)
                    }
                    From::Fed(_) => return Err(Error::Internal("a pipe cannot be unpacked again".into())),
                }
            }
        };
        Ok(Self::Stream(Mutex::new(stream)))
    }

    /// Where the file behind them lies, where there is one and the system tells: device and number.
    pub(super) fn place(&self) -> Option<(u64, u64)> {
        match self {
            Self::File(file) => file.identity.place,
            Self::Stream(stream) => {
                let stream = lock(stream);
                stream.known().map_or(stream.since, |file| Some(file.identity)).and_then(|identity| identity.place)
            }
        }
    }

    /// Size as it lies on the disk, where it is known.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.size()),
            Self::Stream(stream) => match &lock(stream).from {
                From::Known { file, recipe, .. } => Some(recipe.used(file.size())),
                From::Pipe(_) | From::Fed(_) => None,
            },
        }
    }

    /// Adds `len` bytes that were read to what `monitor` shows, which are those on the disk: a stream out of packed bytes
    /// counts them itself.
    pub(super) fn count(&self, len: usize, monitor: &Monitor) {
        let packed = match self {
            Self::File(_) => false,
            Self::Stream(stream) => !matches!(lock(stream).from, From::Pipe(_)),
        };
        if !packed {
            monitor.bytes_read.fetch_add(len as u64, Ordering::Relaxed);
        }
    }

    /// Fails when the file the bytes are from is not what was opened.
    pub(super) fn verify(&self) -> Result<()> {
        match self {
            Self::File(file) => file.verify(),
            Self::Stream(stream) => {
                let stream = lock(stream);
                stream.known().map_or_else(|| stream.verify(), |file| file.verify())
            }
        }
    }

    /// Up to `most` bytes from the beginning, fewer only where there are no more. A stream gives them again to who
    /// reads on; `head` holds what was given before.
    pub(super) fn head(&self, head: &mut Vec<u8>, most: usize, stop: &Stop<'_>) -> Result<()> {
        match self {
            Self::File(known) => {
                let from = head.len();
                let most = most.min(usize::try_from(known.size()).unwrap_or(most));
                head.resize(most.max(from), 0);
                known.read_at(known.handle()?.as_ref(), &mut head[from..], from as u64)?;
                known.rest();
                Ok(())
            }
            Self::Stream(stream) => lock(stream).look(head, most, stop),
        }
    }
}

/// Bytes that come once, in order.
pub(super) struct Stream {
    from: From,
    name: PathBuf,
    /// What was looked at before the first row was read; empty where it can be made again.
    head: Vec<u8>,
    /// How much of that is not to be given out again.
    at: usize,
    /// What a file was that is read as a stream when it was opened.
    since: Option<Identity>,
}

/// Where a stream comes from.
enum From {
    /// As it is.
    Pipe(File),
    /// Unpacked from a pipe.
    Fed(Feed),
    /// Unpacked from a file. It is read from its beginning again after each look at its head, so that of many inputs
    /// only the one being read has a thread, a decoder and its buffers.
    Known { file: Arc<KnownFile>, recipe: Recipe, feed: Option<Feed> },
}

impl Stream {
    fn of(from: From, name: PathBuf) -> Self {
        Self { from, name, head: Vec::new(), at: 0, since: None }
    }

    /// A stream of what comes out of `file`.
    #[cfg(test)]
    pub(super) fn new(file: File) -> Self {
        Self::of(From::Pipe(file), PathBuf::from("a stream"))
    }

    /// Fails when a file that is read as a stream is not what it was.
    fn verify(&self) -> Result<()> {
        let (Some(then), From::Pipe(file)) = (&self.since, &self.from) else { return Ok(()) };
        let now = file.metadata().map_err(|e| Error::io("read", &self.name, e))?;
        if *then == Identity::of(&now) {
            return Ok(());
        }
        Err(Error::Input(format!(
            "{}: the file behind it was written to while it was read; run again once nothing writes to it",
            self.name.display()
        )))
    }

    /// The file behind it.
    fn known(&self) -> Option<&Arc<KnownFile>> {
        match &self.from {
            From::Known { file, .. } => Some(file),
            From::Pipe(_) | From::Fed(_) => None,
        }
    }

    fn look(&mut self, head: &mut Vec<u8>, most: usize, stop: &Stop<'_>) -> Result<()> {
        if let From::Known { file, recipe, .. } = &self.from {
            let mut feed = Feed::start(recipe.raw(file)?, recipe, Some(most as u64), 1)?;
            file.rest();
            head.clear();
            head.resize(most, 0);
            let mut from = 0;
            while from < most {
                match feed.read(&mut head[from..], &self.name, None, stop)? {
                    0 => break,
                    got => from += got,
                }
            }
            head.truncate(from);
            return Ok(());
        }
        let mut from = self.head.len();
        self.head.resize(most.max(from), 0);
        while from < self.head.len() {
            let Self { from: source, name, head, .. } = &mut *self;
            let got = match source {
                From::Pipe(file) => read_some(file, name, &mut head[from..], &|| stop.check()),
                From::Fed(feed) => feed.read(&mut head[from..], name, None, stop),
                From::Known { .. } => Ok(0),
            };
            match got? {
                0 => break,
                got => from += got,
            }
        }
        self.head.truncate(from);
        head.clear();
        head.extend_from_slice(&self.head);
        Ok(())
    }

    /// Leaves out the first `bytes` of what was looked at.
    pub(super) fn skip(&mut self, bytes: u64) {
        let most = if self.known().is_some() { usize::MAX } else { self.head.len() };
        self.at = usize::try_from(bytes).unwrap_or(usize::MAX).min(most);
    }

    /// Fills `buffer`; gives how many bytes there were, fewer only at the end. This is where reading waits for others.
    pub(super) fn fill(&mut self, buffer: &mut [u8], stop: &Stop<'_>) -> Result<usize> {
        if let From::Known { file, recipe, feed: feed @ None } = &mut self.from {
            let begun = feed.insert(Feed::start(recipe.raw(file)?, recipe, None, stop.threads())?);
            file.rest();
            begun.pass_over(std::mem::take(&mut self.at) as u64);
        }
        let mut filled = self.head.get(self.at..).map_or(0, |mut rest| rest.read(buffer).unwrap_or(0));
        self.at += filled;
        if self.at >= self.head.len() {
            (self.head, self.at) = (Vec::new(), 0);
        }
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            let got = match &mut self.from {
                From::Pipe(file) => read_some(file, &self.name, rest, &|| stop.check()),
                From::Fed(feed) | From::Known { feed: Some(feed), .. } => {
                    feed.read(rest, &self.name, Some(stop.monitor()), stop)
                }
                From::Known { .. } => Ok(0),
            };
            match got? {
                0 => break,
                got => filled += got,
            }
        }
        Ok(filled)
    }
}

impl Input {
    /// Its path, or words that stand for it in messages.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            // A name in an archive may be that of a root.
            Self::Member { .. } => PathBuf::from(self.to_string()),
            Self::Stdin => PathBuf::from("standard input"),
        }
    }
}
