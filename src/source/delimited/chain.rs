//! What each piece of a text needs from the one before it: whether it begins within quotes, and the start of the row
//! that goes on into it. Pieces come to their turn in order, and a turn is short; decoding is no part of it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex};
use std::thread::Thread;

use super::cut::Quotes;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::source::input::lock;
use crate::source::stop::{PATIENCE, Stop};

/// What the piece whose turn it is begins with.
#[derive(Debug)]
pub(super) struct Link {
    /// Where its first byte stands.
    pub(super) quotes: Quotes,
    /// The start of a row whose end was not seen yet.
    pub(super) carry: Vec<u8>,
}

#[derive(Debug)]
struct State {
    turn: u64,
    link: Option<Link>,
    /// Threads that wait for their turns.
    asleep: HashMap<u64, Thread>,
}

/// The order of the pieces of one text.
#[derive(Debug)]
pub(super) struct Chain {
    state: Mutex<State>,
    /// Whether some thread works on a large row.
    large: Mutex<bool>,
    large_done: Condvar,
}

impl Chain {
    pub(super) fn new() -> Self {
        let link = Some(Link { quotes: Quotes::Row, carry: Vec::new() });
        let state = State { turn: 0, link, asleep: HashMap::new() };
        Self { state: Mutex::new(state), large: Mutex::new(false), large_done: Condvar::new() }
    }

    /// The link of piece `number`, once it is its turn.
    pub(super) fn turn(&self, number: u64, stop: &Stop<'_>) -> Result<Link> {
        loop {
            if let Some(link) = self.is_turn(number, true) {
                return Ok(link);
            }
            stop.check()?;
            // A thread that stops wakes nobody, so none sleeps for long.
            std::thread::park_timeout(PATIENCE);
        }
    }

    /// The link, if it is the turn of piece `number` already.
    pub(super) fn try_turn(&self, number: u64) -> Option<Link> {
        self.is_turn(number, false)
    }

    fn is_turn(&self, number: u64, wake: bool) -> Option<Link> {
        let mut state = lock(&self.state);
        if state.turn == number {
            state.asleep.remove(&number);
            return state.link.take();
        }
        if wake {
            state.asleep.insert(number, std::thread::current());
        }
        None
    }

    /// Ends the turn of piece `number` and wakes the next one's thread.
    pub(super) fn pass(&self, number: u64, link: Link) {
        let next = {
            let mut state = lock(&self.state);
            state.turn = number + 1;
            state.link = Some(link);
            state.asleep.remove(&(number + 1))
        };
        if let Some(thread) = next {
            thread.unpark();
        }
    }

    /// Waits until no thread works on a large row. Whoever has the turn may then let its carry grow large.
    pub(super) fn await_large(&self, stop: &Stop<'_>) -> Result<()> {
        let mut large = lock(&self.large);
        while *large {
            stop.check()?;
            let waited = self.large_done.wait_timeout(large, PATIENCE);
            large = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Says that this thread works on a large row until the answer is dropped.
    pub(super) fn begin_large(&self) -> LargeRow<'_> {
        *lock(&self.large) = true;
        LargeRow(self)
    }
}

/// See [`Chain::begin_large`].
pub(super) struct LargeRow<'a>(&'a Chain);

impl Drop for LargeRow<'_> {
    fn drop(&mut self) {
        *lock(&self.0.large) = false;
        self.0.large_done.notify_all();
    }
}

/// Adds the time since `from` to what only one thread at a time can do.
pub(super) fn in_order_since(monitor: &Monitor, from: u64) {
    monitor.in_order.fetch_add(monitor.now().saturating_sub(from), Ordering::Relaxed);
}
