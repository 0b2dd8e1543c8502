//! Points that wait to be seen a second time, because what is to be done with them depends on all of them: in memory
//! up to a budget, in a temporary file beyond it. In no particular order.

use std::sync::{Mutex, PoisonError};

use super::vault::{Kept, Vault};
use crate::error::{Error, Result};
use crate::tile::{PointBuffer, Points};

/// Points kept together.
const CHUNK: usize = 1 << 16;

/// All points of a run. Shared by the threads that fill and empty it.
#[derive(Debug)]
pub struct PointSpool {
    vault: Vault,
    /// Where some points are, and which columns they have, one behind the other.
    chunks: Mutex<Vec<(Kept, Columns)>>,
}

/// What is kept of some points.
#[derive(Debug, Clone, Copy)]
struct Columns {
    /// How many they are.
    len: usize,
    weights: bool,
    keys: bool,
}

/// One thread's way into a [`PointSpool`].
#[derive(Debug)]
pub struct SpoolSink<'a> {
    spool: &'a PointSpool,
    batch: PointBuffer,
}

impl PointSpool {
    /// An empty spool that waits in `vault`.
    pub fn new(vault: Vault) -> Self {
        Self { vault, chunks: Mutex::default() }
    }

    /// A way in for one thread; what it holds reaches the spool when it is full or closed.
    pub fn sink(&self) -> SpoolSink<'_> {
        SpoolSink { spool: self, batch: PointBuffer::default() }
    }

    /// Replaces `points` by some that no call took before; false when there are no more.
    pub fn take(&self, points: &mut PointBuffer) -> Result<bool> {
        points.clear();
        let chunk = self.chunks.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some((chunk, columns)) = chunk else { return Ok(false) };
        let bytes = self.vault.get(chunk.place())?;
        let Columns { len, weights, keys } = columns;
        let rest = column(&bytes, len, &mut points.places)?;
        let rest = column(rest, if weights { len } else { 0 }, &mut points.weights)?;
        column(rest, if keys { len } else { 0 }, &mut points.keys)?;
        drop(bytes);
        self.vault.forget(chunk);
        Ok(true)
    }
}

/// Reads so many values from the front of `bytes`, which need not lie where such values may; gives what is behind them.
fn column<'a, T: bytemuck::AnyBitPattern>(bytes: &'a [u8], len: usize, to: &mut Vec<T>) -> Result<&'a [u8]> {
    let damaged = || Error::Internal("points that waited in a file are damaged".into());
    let (own, rest) = bytes.split_at_checked(len * size_of::<T>()).ok_or_else(damaged)?;
    for value in own.chunks_exact(size_of::<T>()) {
        to.push(bytemuck::try_pod_read_unaligned(value).map_err(|_| damaged())?);
    }
    Ok(rest)
}

impl SpoolSink<'_> {
    /// Adds points, with weights and keys where they have any: all of a spool, or none.
    pub fn push(&mut self, points: Points<'_>) -> Result<()> {
        self.batch.extend(points);
        if self.batch.len() >= CHUNK { self.close() } else { Ok(()) }
    }

    /// Hands everything still held to the spool.
    pub fn close(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            let PointBuffer { places, weights, keys } = &self.batch;
            let columns = Columns { len: places.len(), weights: !weights.is_empty(), keys: !keys.is_empty() };
            let places: &[u8] = bytemuck::cast_slice(places);
            let kept = if columns.weights || columns.keys {
                let all = [places, bytemuck::cast_slice(weights), bytemuck::cast_slice(keys)].concat();
                self.spool.vault.put(&all)?
            } else {
                self.spool.vault.put(places)?
            };
            self.spool.chunks.lock().unwrap_or_else(PoisonError::into_inner).push((kept, columns));
            self.batch.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::tile::WorldPoint;

    #[test]
    fn every_point_comes_out_once() {
        let folder = tempfile::tempdir().unwrap();
        let of = [(0, false, false), (700_000, true, false), (u64::MAX, false, true), (0, true, true)];
        for (budget, weighed, keyed) in of {
            let spool = PointSpool::new(Vault::new(Account::unbounded(), budget, folder.path()));
            let points: Vec<_> = (0..150_000u32).map(|i| WorldPoint { x: i, y: i * 3 }).collect();
            let weight = |point: &WorldPoint| i64::from(point.x) - 70_000;
            let key = |point: &WorldPoint| (point.x % 65_521) as u16;
            for half in points.chunks(75_000) {
                let mut sink = spool.sink();
                for places in half.chunks(999) {
                    let weights: Vec<i64> = places.iter().map(weight).filter(|_| weighed).collect();
                    let keys: Vec<u16> = places.iter().map(key).filter(|_| keyed).collect();
                    sink.push(Points { places, weights: &weights, keys: &keys }).unwrap();
                }
                sink.close().unwrap();
            }
            let (mut all, mut some) = (Vec::new(), PointBuffer::default());
            while spool.take(&mut some).unwrap() {
                assert_eq!(some.weights.len(), if weighed { some.len() } else { 0 });
                assert_eq!(some.keys.len(), if keyed { some.len() } else { 0 });
                assert!(some.places.iter().zip(&some.weights).all(|(point, own)| weight(point) == *own));
                assert!(some.places.iter().zip(&some.keys).all(|(point, own)| key(point) == *own));
                all.extend_from_slice(&some.places);
            }
            all.sort();
            assert!(all == points, "{budget}");
        }
    }
}
