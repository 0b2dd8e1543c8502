//! A thread that unpacks, beside those that read: it hands over filled buffers, a few at a time.

use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::{Raw, Recipe};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::source::stop::{PATIENCE, Stop};

/// Bytes in a buffer. The first one is smaller, for those who only look.
const BUFFER: usize = 1 << 20;
const FIRST: usize = 64 << 10;
/// Filled buffers that wait; two more are being filled and emptied.
const WAITING: usize = 2;

/// Unpacked bytes.
struct Chunk {
    bytes: Vec<u8>,
    /// Packed bytes that were used up since the chunk before.
    packed: u64,
    /// Whether nothing follows.
    last: bool,
}

/// The near end of the thread. Dropping it ends the thread.
pub(in crate::source) struct Feed {
    chunks: Option<Receiver<Result<Chunk>>>,
    /// Buffers to be filled again.
    spent: Sender<Vec<u8>>,
    quit: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    chunk: Chunk,
    /// How much of the chunk was given out.
    at: usize,
    /// Bytes still to be passed over.
    over: u64,
    /// What went wrong. Another thread may ask before the reading is stopped, and must not learn less.
    failed: Option<String>,
}

impl Feed {
    /// Begins to unpack `raw`; not more than `most` bytes, where somebody only looks.
    pub(in crate::source) fn start(raw: Raw, recipe: &Recipe, most: Option<u64>) -> Result<Self> {
        let (filled, chunks) = sync_channel(WAITING);
        let (spent, empty) = channel();
        let quit = raw.quit.clone();
        let (name, recipe) = (raw.name().to_path_buf(), recipe.clone());
        let work = move || {
            if let Err(error) = run(raw, &recipe, most.unwrap_or(u64::MAX), &filled, &empty) {
                // Nobody may be there any more.
                _ = filled.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new()
            .name("unpack".into())
            .spawn(work)
            .map_err(|e| Error::io("start a thread to unpack", &name, e))?;
        let chunk = Chunk { bytes: Vec::new(), packed: 0, last: false };
        Ok(Self { chunks: Some(chunks), spent, quit, thread: Some(thread), chunk, at: 0, over: 0, failed: None })
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
                self.end();
                return Ok(0);
            }
            let next = self.wait(name, stop)?;
            if let Some(monitor) = monitor {
                monitor.bytes_read.fetch_add(next.packed, Ordering::Relaxed);
            }
            let before = std::mem::replace(&mut self.chunk, next);
            self.at = 0;
            // The thread may be done.
            _ = self.spent.send(before.bytes);
        }
    }

    fn wait(&mut self, name: &Path, stop: &Stop<'_>) -> Result<Chunk> {
        loop {
            stop.check()?;
            if let Some(text) = &self.failed {
                return Err(Error::Input(text.clone()));
            }
            let died = || Error::Internal(format!("a thread died while it unpacked {}", name.display()));
            match self.chunks.as_ref().ok_or_else(died)?.recv_timeout(PATIENCE) {
                Ok(Ok(chunk)) => return Ok(chunk),
                Ok(Err(error)) => {
                    self.failed = Some(error.to_string());
                    return Err(error);
                }
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => return Err(died()),
            }
        }
    }

    /// Ends the thread and gives its buffers back.
    fn end(&mut self) {
        self.quit.store(true, Ordering::Relaxed);
        self.chunks = None;
        (self.chunk.bytes, self.at) = (Vec::new(), 0);
        if let Some(thread) = self.thread.take() {
            // A panic was noticed by the missing end.
            _ = thread.join();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.end();
    }
}

/// Unpacks until the end, or until nobody wants more.
fn run(
    raw: Raw,
    recipe: &Recipe,
    mut most: u64,
    filled: &SyncSender<Result<Chunk>>,
    empty: &Receiver<Vec<u8>>,
) -> Result<()> {
    let (name, quit, taken) = (raw.name().to_path_buf(), raw.quit.clone(), raw.taken.clone());
    let failed = |error| explain(error, &name, recipe.what(), taken.load(Ordering::Relaxed));
    let mut reader = recipe.reader(raw).map_err(failed)?;
    let (mut size, mut counted) = (FIRST, 0);
    loop {
        let mut bytes = empty.try_recv().unwrap_or_default();
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
        (size, counted) = (BUFFER, now);
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
        let mut feed = Feed::start(raw, &Recipe::unpack(Packing::Zstd), None).unwrap();
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
