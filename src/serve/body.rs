//! What follows the headers of an answer: bytes in memory, or a stretch of a file that is read piece by piece as fast
//! as the client takes it, so that a slow client costs one piece of memory and a large file no more.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::container::read::{Wait, Whole};

/// Bytes of a file in memory for one client.
const PIECE: u64 = 128 << 10;

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    Memory(Option<Bytes>),
    File(Stretch),
}

/// The bytes of a file from `at` to before `end`.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) file: Whole,
    pub(super) at: u64,
    pub(super) end: u64,
    pub(super) reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Body {
    pub(super) fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Memory((!bytes.is_empty()).then_some(bytes))
    }

    pub(super) fn file(file: Whole, at: u64, end: u64) -> Self {
        Self::File(Stretch { file, at, end, reading: None })
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Memory(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::File(stretch) => stretch.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Memory(bytes) => bytes.is_none(),
            Self::File(stretch) => stretch.at >= stretch.end,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Memory(bytes) => bytes.as_ref().map_or(0, |b| b.len() as u64),
            Self::File(stretch) => stretch.end.saturating_sub(stretch.at),
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
                    let file = self.file.clone();
                    let read = move || file.read(at, length, Wait::Allowed);
                    self.reading = Some(tokio::task::spawn_blocking(read));
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
