//! One account of host memory for a run: whatever grows with the input or with the tiles takes its bytes here before
//! it allocates them, and gives them back when it is dropped. The account only counts; who gets no bytes writes to a
//! file, works off less at a time, or fails with a line that says what is missing.
//!
//! Taken by the chunk, never by the point. Stacks, code and the buffers that every thread has whatever the input are
//! outside of it: README.md says how much that is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Counts bytes against a limit. Shared by all threads of a run.
#[derive(Debug)]
pub struct Account {
    limit: u64,
    held: AtomicU64,
    peak: AtomicU64,
}

/// Bytes that were taken from an [`Account`]; they go back when it is dropped.
#[derive(Debug)]
#[must_use = "bytes go back at once when this is dropped"]
pub struct Held {
    account: Arc<Account>,
    bytes: u64,
}

impl Account {
    /// An account of `limit` bytes; `u64::MAX` is no limit.
    pub fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicU64::new(0), peak: AtomicU64::new(0) })
    }

    /// An account without a limit.
    pub fn unbounded() -> Arc<Self> {
        Self::new(u64::MAX)
    }

    /// The most that may be held, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether there is a limit at all.
    pub fn is_bounded(&self) -> bool {
        self.limit != u64::MAX
    }

    /// Bytes that are held now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes that may still be taken; another thread may be faster.
    pub fn free(&self) -> u64 {
        self.limit.saturating_sub(self.held())
    }

    /// The most bytes that were held at once.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How many pieces of `each` bytes may be worked on side by side, from 1 to `threads`.
    pub fn lanes(&self, threads: usize, each: u64) -> usize {
        usize::try_from(self.free() / each.max(1)).unwrap_or(usize::MAX).clamp(1, threads.max(1))
    }

    /// Takes bytes; `None` when that would be more than the limit.
    pub fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Held> {
        self.add(bytes).then(|| Held { account: self.clone(), bytes })
    }

    /// Takes bytes for `what`, such as "a picture of 4,000 x 3,000 pixels". Fails, saying so, when that would be more
    /// than the limit.
    pub fn take(self: &Arc<Self>, bytes: u64, what: &str) -> Result<Held> {
        self.try_take(bytes).ok_or_else(|| self.missing(bytes, what))
    }

    /// Takes bytes although that may be more than the limit: for the little that work cannot go on without and that
    /// is bounded otherwise.
    pub fn force(self: &Arc<Self>, bytes: u64) -> Held {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(held, Ordering::Relaxed);
        Held { account: self.clone(), bytes }
    }

    fn add(&self, bytes: u64) -> bool {
        let fits = |held: u64| held.checked_add(bytes).filter(|&sum| sum <= self.limit);
        let before = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        if let Ok(before) = before {
            self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        }
        before.is_ok()
    }

    fn missing(&self, bytes: u64, what: &str) -> Error {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        Error::Limit(format!(
            "{what} needs {} MiB, but of --memory ({} MiB) only {} MiB are free; allow at least {}M with --memory",
            mib(bytes),
            self.limit >> 20,
            self.free() >> 20,
            mib(self.held().saturating_add(bytes))
        ))
    }
}

impl Held {
    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes `more` bytes; false, with nothing changed, when that would be more than the limit.
    pub fn try_grow(&mut self, more: u64) -> bool {
        let fits = self.account.add(more);
        if fits {
            self.bytes += more;
        }
        fits
    }

    /// Takes `more` bytes for `what`. Fails like [`Account::take`].
    pub fn grow(&mut self, more: u64, what: &str) -> Result<()> {
        if self.try_grow(more) { Ok(()) } else { Err(self.account.missing(more, what)) }
    }

    /// Gives back what is more than `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let back = self.bytes.saturating_sub(bytes);
        self.account.held.fetch_sub(back, Ordering::Relaxed);
        self.bytes -= back;
    }

    /// Puts bytes of the same account together.
    pub fn merge(&mut self, mut other: Self) {
        debug_assert!(Arc::ptr_eq(&self.account, &other.account));
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// The account they were taken from.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_never_exceeds_the_limit_and_comes_back() {
        let account = Account::new(100);
        let mut first = account.try_take(60).unwrap();
        assert!(account.try_take(41).is_none());
        assert_eq!((account.held(), account.free()), (60, 40));
        assert!(first.try_grow(40) && !first.try_grow(1));
        first.shrink_to(30);
        let second = account.take(70, "a test").unwrap();
        first.merge(second);
        assert_eq!((first.bytes(), account.held(), account.peak()), (100, 100, 100));
        drop(first);
        assert_eq!((account.held(), account.lanes(8, 30), account.lanes(2, 30), account.lanes(8, 500)), (0, 3, 2, 1));
    }

    #[test]
    fn what_is_missing_is_named() {
        let account = Account::new(64 << 20);
        let _held = account.force(60 << 20);
        let error = account.take(10 << 20, "a picture").unwrap_err().to_string();
        assert_eq!(
            error,
            "a picture needs 10 MiB, but of --memory (64 MiB) only 4 MiB are free; allow at least 70M with --memory"
        );
    }

    #[test]
    fn threads_that_compete_stay_within_the_limit() {
        let account = Account::new(1_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for bytes in 1..500 {
                        drop(account.try_take(bytes));
                    }
                });
            }
        });
        assert_eq!(account.held(), 0);
        assert!(account.peak() <= 1_000);
    }
}
