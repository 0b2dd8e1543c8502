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
    /// Where some points are, and how many; their weights, if they have any, come behind them.
    chunks: Mutex<Vec<(Kept, usize)>>,
}

/// One thread's way into a [`PointSpool`].
#[derive(Debug)]
pub struct SpoolSink<'a> {
    spool: &'a PointSpool,
    batch: Vec<WorldPoint>,
    weights: Vec<i64>,
}

impl PointSpool {
    /// An empty spool that waits in `vault`.
    pub fn new(vault: Vault) -> Self {
        Self { vault, chunks: Mutex::default() }
    }

    /// A way in for one thread; what it holds reaches the spool when it is full or closed.
    pub fn sink(&self) -> SpoolSink<'_> {
        SpoolSink { spool: self, batch: Vec::new(), weights: Vec::new() }
    }

    /// Replaces `points` by some that no call took before, and `weights` by theirs; false when there are no more.
    pub fn take(&self, points: &mut Vec<WorldPoint>, weights: &mut Vec<i64>) -> Result<bool> {
        points.clear();
        weights.clear();
        let chunk = self.chunks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some((chunk, len)) = chunk else { return Ok(false) };
        let bytes = self.vault.get(chunk.place())?;
        let damaged = || Error::Internal("points that waited in a file are damaged".into());
        let (of_points, of_weights) = bytes.split_at_checked(len * size_of::<WorldPoint>()).ok_or_else(damaged)?;
        // Bytes of a file need not lie where points may.
        for point in of_points.chunks_exact(size_of::<WorldPoint>()) {
            points.push(bytemuck::try_pod_read_unaligned(point).map_err(|_| damaged())?);
        }
        for weight in of_weights.chunks_exact(size_of::<i64>()) {
            weights.push(bytemuck::try_pod_read_unaligned(weight).map_err(|_| damaged())?);
        }
        drop(bytes);
        self.vault.forget(chunk);
        Ok(true)
    }
}

impl SpoolSink<'_> {
    /// Adds points, and a weight for each where they have any.
    pub fn push(&mut self, points: &[WorldPoint], weights: &[i64]) -> Result<()> {
        self.batch.extend_from_slice(points);
        self.weights.extend_from_slice(weights);
        if self.batch.len() >= CHUNK { self.close() } else { Ok(()) }
    }

    /// Hands everything still held to the spool.
    pub fn close(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            let points: &[u8] = bytemuck::cast_slice(&self.batch);
            let kept = match self.weights.as_slice() {
                [] => self.spool.vault.put(points)?,
                weights => self.spool.vault.put(&[points, bytemuck::cast_slice(weights)].concat())?,
            };
            self.spool.chunks.lock().unwrap_or_else(PoisonError::into_inner).push((kept, self.batch.len()));
            self.batch.clear();
            self.weights.clear();
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
        for (budget, weighed) in [(0, false), (700_000, true), (u64::MAX, false), (0, true)] {
            let spool = PointSpool::new(Vault::new(Account::unbounded(), budget, folder.path()));
            let points: Vec<_> = (0..150_000u32).map(|i| WorldPoint { x: i, y: i * 3 }).collect();
            let weight = |point: &WorldPoint| i64::from(point.x) - 70_000;
            for half in points.chunks(75_000) {
                let mut sink = spool.sink();
                for some in half.chunks(999) {
                    let weights: Vec<i64> = some.iter().map(weight).filter(|_| weighed).collect();
                    sink.push(some, &weights).unwrap();
                }
                sink.close().unwrap();
            }
            let (mut all, mut some, mut weights) = (Vec::new(), Vec::new(), Vec::new());
            while spool.take(&mut some, &mut weights).unwrap() {
                assert_eq!(weights.len(), if weighed { some.len() } else { 0 });
                assert!(some.iter().zip(&weights).all(|(point, own)| weight(point) == *own));
                all.extend_from_slice(&some);
            }
            all.sort();
            assert!(all == points, "{budget}");
        }
    }
}
