//! Buffers that know how much of the device's memory they take, and the account of all of them. Knows no device: an
//! allocation that the driver refuses and one that the account refuses look the same to whoever asks.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Buffers up to this size are never refused by the account: drivers cut them from blocks that they hold already.
const SMALL: u64 = 64 << 10;

/// Bytes of all buffers of a device.
#[derive(Debug)]
pub(super) struct Account {
    /// Bytes beyond which a buffer is refused.
    limit: u64,
    /// Bytes of uploads under way beyond which one is refused.
    window: u64,
    used: AtomicU64,
    peak: AtomicU64,
    staged: AtomicU64,
    refused: AtomicU64,
}

/// A buffer's share of an account, given back when the buffer goes.
#[derive(Debug)]
pub(super) struct Charge {
    account: Arc<Account>,
    bytes: u64,
}

impl Account {
    /// An account with limits that only tests and hidden flags set.
    pub(super) fn new(limit: Option<u64>, window: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.unwrap_or(u64::MAX),
            window: window.unwrap_or(u64::MAX),
            used: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            staged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Takes `bytes`; `None` when they are beyond the limit.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let charge = Charge { account: self.clone(), bytes };
        if bytes > SMALL && before.saturating_add(bytes) > self.limit {
            return None;
        }
        self.peak.fetch_max(before + bytes, Ordering::Relaxed);
        Some(charge)
    }

    /// Notes an upload of `bytes`; `false` when the window is full until what is under way has arrived.
    pub(super) fn stage(&self, bytes: u64) -> bool {
        let before = self.staged.fetch_add(bytes, Ordering::Relaxed);
        if bytes > SMALL && before.saturating_add(bytes) > self.window {
            self.staged.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// All uploads have arrived.
    pub(super) fn arrived(&self) {
        self.staged.store(0, Ordering::Relaxed);
    }

    /// Counts a refusal, the driver's or the account's.
    pub(super) fn note_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Refusals so far.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Most bytes that were held at once.
    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A buffer on the device.
#[derive(Debug)]
pub(super) struct Buffer {
    raw: wgpu::Buffer,
    _charge: Charge,
}

impl Buffer {
    /// A buffer that was made, and what it is charged.
    pub(super) fn new(raw: wgpu::Buffer, charge: Charge) -> Self {
        Self { raw, _charge: charge }
    }
}

impl Deref for Buffer {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_given_back() {
        let account = Account::new(Some(1 << 20), Some(1 << 20));
        let first = account.take(600 << 10).unwrap();
        assert!(account.take(600 << 10).is_none(), "the limit was not held");
        assert!(account.take(SMALL).is_some(), "small buffers come from blocks that are there");
        drop(first);
        assert!(account.take(600 << 10).is_some());
        assert_eq!(account.peak(), (600 << 10) + SMALL);
        assert!(account.stage(600 << 10) && !account.stage(600 << 10));
        account.arrived();
        assert!(account.stage(600 << 10));
    }
}
