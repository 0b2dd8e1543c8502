//! Threads that unpack, beside those that read: filled buffers are handed over in order, a few at a time. One thread
//! works on each part of what is packed (`parts`), and most packed files are one part.

use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::parts::Parts;
use super::{Raw, Recipe};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::source::input::known::lock;
use crate::source::stop::{PATIENCE, Stop};

/// The most bytes in a buffer, and the least. The first one is smaller, for those who only look.
const BUFFER: usize = 1 << 20;
const LEAST_BUFFER: usize = 256 << 10;
const FIRST: usize = 64 << 10;
/// Bytes in all buffers of many threads. One thread alone has up to 4 of the largest.
const BUFFERS: usize = 32 << 20;
/// Filled buffers of a part that wait where one thread unpacks.
const WAITING: usize = 2;
/// The most threads.
const THREADS: usize = 32;

/// Unpacked bytes.
struct Chunk {
    bytes: Vec<u8>,
    /// Packed bytes that were used up since the chunk before.
    packed: u64,
    /// Whether nothing of the part follows.
    last: bool,
}

/// What a thread makes of a part.
type Line = Receiver<Result<Chunk>>;

/// What the threads share.
struct Shared {
    /// Parts that no thread took yet, and where their lines go, in order; `None` behind the last one.
    parts: Mutex<(Parts, SyncSender<Option<Line>>)>,
    recipe: Recipe,
    /// The most bytes to unpack.
    most: u64,
    buffer: usize,
    waiting: usize,
    /// Whether there are parts.
    many: bool,
    /// Buffers to be filled again.
    spent: Mutex<Vec<Vec<u8>>>,
    quit: Arc<AtomicBool>,
}

/// The near end of the threads. Dropping it ends them.
pub(in crate::source) struct Feed {
    lines: Option<Receiver<Option<Line>>>,
    line: Option<Line>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    chunk: Chunk,
    /// How much of the chunk was given out.
    at: usize,
    /// Bytes still to be passed over.
    over: u64,
    ended: bool,
    /// What went wrong. Another thread may ask before the reading is stopped, and must not learn less.
    failed: Option<String>,
}

impl Feed {
    /// Begins to unpack `raw` on up to `threads` threads; not more than `most` bytes, where somebody only looks.
    pub(in crate::source) fn start(raw: Raw, recipe: &Recipe, most: Option<u64>, threads: usize) -> Result<Self> {
        let (name, quit) = (raw.name().to_path_buf(), raw.quit.clone());
        let mut parts = Parts::new(raw, recipe.splits().filter(|_| most.is_none()));
        let threads = parts.for_threads(threads.min(THREADS))?;
        let many = threads > 1;
        // A part waits in the queue for every one that is worked on, with what was made of it.
        let (line_of, lines) = sync_channel(threads);
        let (waiting, buffer) = if many {
            // Parts in work and in the queue share the room; the larger one's share, the further ahead it is unpacked.
            let share = BUFFERS / (2 * threads);
            let buffer = (share / 2).clamp(LEAST_BUFFER, BUFFER);
            ((share / buffer).saturating_sub(1).max(1), buffer)
        } else {
            (WAITING, BUFFER)
        };
        let shared = Arc::new(Shared {
            parts: Mutex::new((parts, line_of)),
            recipe: recipe.clone(),
            most: most.unwrap_or(u64::MAX),
            buffer,
            waiting,
            many,
            spent: Mutex::default(),
            quit,
        });
        let chunk = Chunk { bytes: Vec::new(), packed: 0, last: true };
        let (lines, line) = (Some(lines), None);
        let mut feed =
            Self { lines, line, shared, threads: Vec::new(), chunk, at: 0, over: 0, ended: false, failed: None };
        for _ in 0..threads {
            let shared = feed.shared.clone();
            let thread = std::thread::Builder::new().name("unpack".into()).spawn(move || shared.work());
            match thread {
                Ok(thread) => feed.threads.push(thread),
                // The others do it.
                Err(_) if !feed.threads.is_empty() => break,
                Err(e) => return Err(Error::io("start a thread to unpack", &name, e)),
            }
        }
        Ok(feed)
    }

    /// Leaves out the next `bytes`.
    pub(in crate::source) fn pass_over(&mut self, bytes: u64) {
        self.over += bytes;
    }

    /// Reads what there is, waiting for the first byte; 0 at the end. Packed bytes are counted by `monitor`.
    pub(in crate::source) fn read(
        &mut self,
        buffer: &mut [u8],
        name: &Path,
        monitor: Option<&Monitor>,
        stop: &Stop<'_>,
    ) -> Result<usize> {
        loop {
            let rest = &self.chunk.bytes[self.at..];
            if self.over > 0 && !rest.is_empty() {
                let over = usize::try_from(self.over).unwrap_or(usize::MAX).min(rest.len());
                self.over -= over as u64;
                self.at += over;
                continue;
            }
            if !rest.is_empty() || buffer.is_empty() {
                let len = rest.len().min(buffer.len());
                buffer[..len].copy_from_slice(&rest[..len]);
                self.at += len;
                return Ok(len);
            }
            if self.chunk.last {
                if !self.ended {
                    self.line = self.next_line(name, stop)?;
                    self.ended = self.line.is_none();
                }
                if self.ended {
                    self.end();
                    return Ok(0);
                }
            }
            let next = self.next_chunk(name, stop)?;
            if let Some(monitor) = monitor {
                monitor.bytes_read.fetch_add(next.packed, Ordering::Relaxed);
            }
            let before = std::mem::replace(&mut self.chunk, next);
            self.at = 0;
            if before.bytes.capacity() > 0 {
                lock(&self.shared.spent).push(before.bytes);
            }
        }
    }

    fn next_line(&mut self, name: &Path, stop: &Stop<'_>) -> Result<Option<Line>> {
        wait(self.lines.as_ref(), self.failed.as_ref(), name, stop)
    }

    fn next_chunk(&mut self, name: &Path, stop: &Stop<'_>) -> Result<Chunk> {
        let chunk = wait(self.line.as_ref(), self.failed.as_ref(), name, stop)?;
        if let Err(error) = &chunk {
            self.failed = Some(error.to_string());
        }
        chunk
    }

    /// Ends the threads and gives their buffers back.
    fn end(&mut self) {
        self.shared.quit.store(true, Ordering::Relaxed);
        (self.lines, self.line) = (None, None);
        (self.chunk.bytes, self.at) = (Vec::new(), 0);
        for thread in self.threads.drain(..) {
            // A panic was noticed by the missing end.
            _ = thread.join();
        }
        lock(&self.shared.spent).clear();
        // Whoever read to the end is kept, and must not keep the file open: of thousands, each would.
        lock(&self.shared.parts).0.close();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.end();
    }
}

/// What comes next out of `from`.
fn wait<T>(from: Option<&Receiver<T>>, failed: Option<&String>, name: &Path, stop: &Stop<'_>) -> Result<T> {
    loop {
        stop.check()?;
        if let Some(text) = failed {
            return Err(Error::Input(text.clone()));
        }
        let died = || Error::Internal(format!("a thread died while it unpacked {}", name.display()));
        match from.ok_or_else(died)?.recv_timeout(PATIENCE) {
            Ok(next) => return Ok(next),
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => return Err(died()),
        }
    }
}

impl Shared {
    /// Unpacks part after part until the end, or until nobody wants more.
    fn work(&self) {
        loop {
            let (filled, line) = sync_channel(self.waiting);
            let part = {
                let mut parts = lock(&self.parts);
                if self.quit.load(Ordering::Relaxed) {
                    return;
                }
                let part = parts.0.next();
                let line = if matches!(part, Ok(None)) { None } else { Some(line) };
                // Waits while enough is made beforehand; nobody may be there any more.
                if parts.1.send(line).is_err() {
                    return;
                }
                part
            };
            let done = match part {
                Ok(Some(raw)) => self.unpack(raw, &filled),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                _ = filled.send(Err(error));
                return;
            }
        }
    }

    /// Unpacks a part.
    fn unpack(&self, raw: Raw, filled: &SyncSender<Result<Chunk>>) -> Result<()> {
        let (name, quit, taken) = (raw.name().to_path_buf(), raw.quit.clone(), raw.taken.clone());
        let failed = |error| explain(error, &name, self.recipe.what(), taken.load(Ordering::Relaxed));
        let mut counted = taken.load(Ordering::Relaxed);
        let mut size = if counted == 0 { FIRST } else { self.buffer };
        let mut most = self.most;
        let mut reader = self.recipe.reader(raw, self.many).map_err(failed)?;
        loop {
            let mut bytes = lock(&self.spent).pop().unwrap_or_default();
            bytes.resize(usize::try_from(most).unwrap_or(usize::MAX).min(size), 0);
            let mut len = 0;
            let mut ended = false;
            while len < bytes.len() && !quit.load(Ordering::Relaxed) {
                match reader.read(&mut bytes[len..]) {
                    Ok(0) => {
                        ended = true;
                        break;
                    }
                    Ok(got) => len += got,
                    Err(e) if e.kind() == ErrorKind::Interrupted => (),
                    Err(e) => return Err(failed(e)),
                }
            }
            bytes.truncate(len);
            most -= len as u64;
            let now = taken.load(Ordering::Relaxed);
            let last = ended || most == 0;
            let gone = filled.send(Ok(Chunk { bytes, packed: now - counted, last })).is_err();
            if last || gone || quit.load(Ordering::Relaxed) {
                return Ok(());
            }
            (size, counted) = (self.buffer, now);
        }
    }
}

/// The error of a decoder in words for a person.
fn explain(error: io::Error, name: &Path, what: &str, taken: u64) -> Error {
    let kind = error.kind();
    let text = error.to_string();
    match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
        // Ours, of the bytes below.
        Some(Ok(ours)) => *ours,
        _ if kind == ErrorKind::UnexpectedEof => Error::Input(format!(
            "{} ends in the middle of {what}, after {taken} bytes: is it cut short? Fetch or copy it again",
            name.display()
        )),
        _ => Error::Input(format!(
            "{} is damaged: {what} cannot be unpacked within the first {taken} bytes ({text}); fetch or copy it again",
            name.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::source::packed::Packing;

    fn file(bytes: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn whoever_asks_after_a_failure_learns_the_same() {
        let packed = zstd::encode_all(&vec![7; 100_000][..], 1).unwrap();
        let raw = Raw::once(Vec::new(), 0, file(&packed[..packed.len() - 1]), "x.zst".into());
        let mut feed = Feed::start(raw, &Recipe::unpack(Packing::Zstd), None, 2).unwrap();
        let monitor = Monitor::default();
        let stop = Stop::new(&monitor);
        let mut buffer = vec![0; 200_000];
        let mut said = Vec::new();
        while said.len() < 3 {
            if let Err(error) = feed.read(&mut buffer, Path::new("x.zst"), None, &stop) {
                said.push(error.to_string());
            }
        }
        assert!(said[0].contains("ends in the middle of a zstd frame"), "{said:?}");
        assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
    }
}
