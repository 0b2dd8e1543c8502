//! What follows the headers of an answer: bytes in memory, or a stretch of a file that is read piece by piece as fast
//! as the client takes it, so that a slow client costs one piece of memory and a large file no more. Large answers in
//! memory take room, of which there is so much for all and half as much for each layer, and each answer holds its client's
//! place, until the client has taken them. Of either room an address may have a share only, so that one that takes nothing
//! neither closes a layer to others nor the server.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::clients::{Clients, Held};
use super::gate::Gate;
use crate::container::read::{Wait, Whole};

/// Bytes of a file in memory for one client.
const PIECE: u64 = 128 << 10;
/// Answers of more bytes than this take room.
const LARGE: usize = 64 << 10;
/// Bytes of all large answers in memory.
const ROOM: usize = 64 << 20;

/// Room for large answers, of which each client may have a share.
#[derive(Debug, Clone)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    clients: Arc<Clients>,
}

/// Who has no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The client, which leaves what it has unread.
    Client,
    /// Nobody in particular.
    All,
}

/// What an answer holds of a room.
type Taken = (OwnedSemaphorePermit, Held);

/// Bytes that keep their place in both rooms for as long as anyone has them.
struct Placed {
    bytes: Vec<u8>,
    _rooms: [Taken; 2],
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    /// For all layers together.
    pub(super) fn for_all() -> Self {
        Self::of(ROOM)
    }

    /// For one layer.
    pub(super) fn for_layer() -> Self {
        Self::of(ROOM / 2)
    }

    fn of(bytes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(bytes)), clients: Clients::new(bytes) }
    }

    /// The bytes, to be sent to `client` from the layer whose room is `layer`; or who has no room for them now.
    pub(super) fn place(&self, layer: &Self, client: IpAddr, bytes: Vec<u8>) -> Result<Bytes, Full> {
        if bytes.len() <= LARGE {
            return Ok(bytes.into());
        }
        let rooms = [layer.take(client, bytes.len())?, self.take(client, bytes.len())?];
        Ok(Bytes::from_owner(Placed { bytes, _rooms: rooms }))
    }

    fn take(&self, client: IpAddr, bytes: usize) -> Result<Taken, Full> {
        let held = self.clients.take(client, bytes).ok_or(Full::Client)?;
        let many = u32::try_from(bytes).map_err(|_| Full::All)?;
        let permit = self.free.clone().try_acquire_many_owned(many).map_err(|_| Full::All)?;
        Ok((permit, held))
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
        let (room, layer) = (Room::of(16 * LARGE), Room::of(8 * LARGE));
        let place = |bytes| room.place(&layer, IpAddr::from([192, 0, 2, 1]), vec![1; bytes]);
        let first = place(2 * LARGE).unwrap();
        assert_eq!(place(LARGE + 1), Err(Full::Client));
        assert_eq!(place(LARGE).unwrap().len(), LARGE, "a small one takes none");
        let part = first.slice(5..6);
        drop(first);
        assert_eq!(place(LARGE + 1), Err(Full::Client), "someone has a part of it");
        drop(part);
        assert!(place(2 * LARGE).is_ok());
    }

    #[test]
    fn no_client_and_no_layer_takes_all_the_room() {
        let (room, layers) = (Room::of(32 * LARGE), [Room::of(16 * LARGE), Room::of(16 * LARGE), Room::of(16 * LARGE)]);
        let take = |layer: usize, client: u8| {
            room.place(&layers[layer], IpAddr::from([192, 0, 2, client]), vec![1; 2 * LARGE])
        };
        let all = |layer: usize, client: u8| std::iter::from_fn(|| take(layer, client).ok()).collect::<Vec<_>>();
        // A quarter of the layer's room, and of all room.
        let one = [all(0, 1), all(1, 1), all(2, 1)];
        assert_eq!(one.each_ref().map(Vec::len), [2, 2, 0]);
        // Others have what is left, and each layer has half of all room.
        let others = [all(0, 2), all(0, 3), all(0, 4), all(0, 5)];
        assert_eq!(others.each_ref().map(Vec::len), [2, 2, 2, 0]);
        assert_eq!(take(0, 6), Err(Full::All));
        let more = [all(1, 2), all(1, 3), all(1, 4), all(2, 5)];
        assert_eq!(more.each_ref().map(Vec::len), [2, 2, 2, 0], "16 in all");
        drop((one, others, more));
        assert_eq!(room.free.available_permits(), 32 * LARGE);
        // This machine itself has a half.
        let own = |client| room.place(&layers[0], client, vec![1; 8 * LARGE]);
        let held = own(IpAddr::from([127, 0, 0, 1])).unwrap();
        assert_eq!(own(IpAddr::from([127, 0, 0, 1])), Err(Full::Client));
        assert!(own(IpAddr::from([127, 0, 0, 2])).is_ok());
        drop(held);
    }
}
