//! Points that wait to be seen a second time, because what is to be done with them depends on all of them: in memory
//! up to a budget, in a temporary file beyond it. In no particular order.

use std::sync::{Mutex, PoisonError};

use super::vault::{Kept, Vault};
use crate::error::{Error, Result};
use crate::tile::WorldPoint;

/// Points kept together.
const CHUNK: usize = 1 << 16;

/// All points of a run. Shared by the threads that fill and empty it.
#[derive(Debug)]
pub struct PointSpool {
    vault: Vault,
    chunks: Mutex<Vec<Kept>>,
}

/// One thread's way into a [`PointSpool`].
#[derive(Debug)]
pub struct SpoolSink<'a> {
    spool: &'a PointSpool,
    batch: Vec<WorldPoint>,
}

impl PointSpool {
    /// An empty spool that waits in `vault`.
    pub fn new(vault: Vault) -> Self {
        Self { vault, chunks: Mutex::default() }
    }

    /// A way in for one thread; what it holds reaches the spool when it is full or closed.
    pub fn sink(&self) -> SpoolSink<'_> {
        SpoolSink { spool: self, batch: Vec::new() }
    }

    /// Replaces `points` by some that no call took before; false when there are no more.
    pub fn take(&self, points: &mut Vec<WorldPoint>) -> Result<bool> {
        points.clear();
        let chunk = self.chunks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(chunk) = chunk else { return Ok(false) };
        let bytes = self.vault.get(chunk.place())?;
        let damaged = || Error::Internal("points that waited in a file are damaged".into());
        // Bytes of a file need not lie where points may.
        for point in bytes.chunks_exact(size_of::<WorldPoint>()) {
            points.push(bytemuck::try_pod_read_unaligned(point).map_err(|_| damaged())?);
        }
        drop(bytes);
        self.vault.forget(chunk);
        Ok(true)
    }
}

impl SpoolSink<'_> {
    /// Adds points.
    pub fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        self.batch.extend_from_slice(points);
        if self.batch.len() >= CHUNK { self.close() } else { Ok(()) }
    }

    /// Hands everything still held to the spool.
    pub fn close(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            let kept = self.spool.vault.put(bytemuck::cast_slice(&self.batch))?;
            self.spool.chunks.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            self.batch.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    #[test]
    fn every_point_comes_out_once() {
        let folder = tempfile::tempdir().unwrap();
        for budget in [0, 700_000, u64::MAX] {
            let spool = PointSpool::new(Vault::new(Account::unbounded(), budget, folder.path()));
            let points: Vec<_> = (0..150_000u32).map(|i| WorldPoint { x: i, y: i * 3 }).collect();
            for half in points.chunks(75_000) {
                let mut sink = spool.sink();
                half.chunks(999).for_each(|some| sink.push(some).unwrap());
                sink.close().unwrap();
            }
            let (mut all, mut some) = (Vec::new(), Vec::new());
            while spool.take(&mut some).unwrap() {
                all.extend_from_slice(&some);
            }
            all.sort();
            assert!(all == points, "{budget}");
        }
    }
}
