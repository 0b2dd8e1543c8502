//! What follows the headers of an answer: bytes in memory, or a stretch of a file that is read piece by piece as fast
//! as the client takes it, so that a slow client costs one piece of memory and a large file no more. Large answers in
//! memory share a room of bounded size, and each answer holds its client's place, until the client has taken them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::clients::Held;
use super::gate::Gate;
use crate::container::read::{Wait, Whole};

/// Bytes of a file in memory for one client.
const PIECE: u64 = 128 << 10;
/// Answers of more bytes than this take room.
const LARGE: usize = 64 << 10;
/// Bytes of all large answers in memory.
const ROOM: usize = 64 << 20;

/// The room for large answers.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

/// Bytes that keep their place in the room for as long as anyone has them.
struct Placed {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// The bytes, to be sent; `None` where there is no room for them now.
    pub(super) fn place(&self, bytes: Vec<u8>) -> Option<Bytes> {
        if bytes.len() <= LARGE {
            return Some(bytes.into());
        }
        let room = self.0.clone().try_acquire_many_owned(u32::try_from(bytes.len()).ok()?).ok()?;
        Some(Bytes::from_owner(Placed { bytes, _room: room }))
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Body {
    content: Content,
    /// The client's place among those that are answered.
    pub(super) held: Option<Held>,
}

#[derive(Debug)]
enum Content {
    Memory(Option<Bytes>),
    File(Stretch),
}

/// The bytes of a file from `at` to before `end`.
#[derive(Debug)]
struct Stretch {
    file: Whole,
    gate: Gate,
    at: u64,
    end: u64,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Body {
    pub(super) fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { content: Content::Memory((!bytes.is_empty()).then_some(bytes)), held: None }
    }

    pub(super) fn file(file: Whole, gate: Gate, at: u64, end: u64) -> Self {
        Self { content: Content::File(Stretch { file, gate, at, end, reading: None }), held: None }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.get_mut().content {
            Content::Memory(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Content::File(stretch) => stretch.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Memory(bytes) => bytes.is_none(),
            Content::File(stretch) => stretch.at >= stretch.end,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Memory(bytes) => bytes.as_ref().map_or(0, |b| b.len() as u64),
            Content::File(stretch) => stretch.end.saturating_sub(stretch.at),
        })
    }
}

impl Stretch {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        let (at, length) = (self.at, (self.end - self.at).min(PIECE) as usize);
        let read = match &mut self.reading {
            Some(task) => match Pin::new(task).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(read) => read.unwrap_or_else(|e| Err(io::Error::other(e))),
            },
            None => match self.file.read(at, length, Wait::Never) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let (file, gate) = (self.file.clone(), self.gate.clone());
                    let read = move || file.read(at, length, Wait::Allowed);
                    self.reading = Some(tokio::spawn(async move {
                        gate.pass(read).await.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
                    }));
                    return self.poll(cx);
                }
                read => read,
            },
        };
        self.reading = None;
        // On an error the connection is cut: the length was promised, so the client knows that something is missing.
        Poll::Ready(Some(read.map(|bytes| {
            self.at += bytes.len() as u64;
            Frame::data(bytes.into())
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_have_room_until_they_are_taken() {
        let room = Room(Arc::new(Semaphore::new(3 * LARGE)));
        let first = room.place(vec![1; 2 * LARGE]).unwrap();
        assert!(room.place(vec![1; 2 * LARGE]).is_none());
        assert_eq!(room.place(vec![1; LARGE]).unwrap().len(), LARGE, "a small one takes none");
        let part = first.slice(5..6);
        drop(first);
        assert!(room.place(vec![1; 2 * LARGE]).is_none(), "someone has a part of it");
        drop(part);
        assert!(room.place(vec![1; 2 * LARGE]).is_some());
    }
}
