//! Buckets of points. Each pushing thread scatters into local chunks of its own and hands over full ones, so
//! that threads meet once a chunk; which thread brought which point changes nothing in any result.

use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::tile::{WorldPoint, morton};

/// Points per handed-over chunk: 4 KiB, so that thousands of open chunks stay in the cache's reach.
const CHUNK: usize = 512;

/// All points so far, as Morton codes in buckets of one coarse zoom.
#[derive(Debug)]
pub struct PointStore {
    zoom: u8,
    buckets: Vec<Mutex<Vec<Vec<u64>>>>,
}

impl PointStore {
    /// A store with one bucket per tile of `zoom` (at most 10: 4^zoom buckets).
    pub fn new(zoom: u8) -> Self {
        let zoom = zoom.min(10);
        Self { zoom, buckets: (0..1usize << (2 * zoom)).map(|_| Mutex::default()).collect() }
    }

    /// The zoom of the bucket tiles.
    pub fn zoom(&self) -> u8 {
        self.zoom
    }

    /// A way in for one thread; what it holds reaches the store when it is full or closed.
    pub fn sink(&self) -> PointSink<'_> {
        PointSink { store: self, local: vec![Vec::new(); self.buckets.len()] }
    }

    /// The Morton codes of the buckets that hold points, ascending, with their number of points.
    pub fn buckets(&self) -> Result<Vec<(u64, usize)>> {
        let mut filled = Vec::new();
        for (code, bucket) in self.buckets.iter().enumerate() {
            let len: usize = bucket.lock().map_err(poisoned)?.iter().map(Vec::len).sum();
            if len > 0 {
                filled.push((code as u64, len));
            }
        }
        Ok(filled)
    }

    /// Takes the points of one bucket out of the store, in no particular order.
    pub fn take(&self, bucket: u64) -> Result<Vec<u64>> {
        let index = usize::try_from(bucket).unwrap_or(usize::MAX);
        let Some(bucket) = self.buckets.get(index) else { return Ok(Vec::new()) };
        let chunks = std::mem::take(&mut *bucket.lock().map_err(poisoned)?);
        Ok(chunks.concat())
    }
}

fn poisoned<T>(_: std::sync::PoisonError<T>) -> Error {
    Error::Internal("a thread died while it stored points".into())
}

/// One thread's way into a [`PointStore`].
#[derive(Debug)]
pub struct PointSink<'a> {
    store: &'a PointStore,
    local: Vec<Vec<u64>>,
}

impl PointSink<'_> {
    /// Adds points.
    pub fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        let zoom = u32::from(self.store.zoom);
        for &p in points {
            let code = morton(p);
            let bucket = code.checked_shr(64 - 2 * zoom).unwrap_or(0) as usize;
            let local = &mut self.local[bucket];
            local.push(code);
            if local.len() == CHUNK {
                let full = std::mem::replace(local, Vec::with_capacity(CHUNK));
                self.store.buckets[bucket].lock().map_err(poisoned)?.push(full);
            }
        }
        Ok(())
    }

    /// Hands everything still held to the store.
    pub fn close(&mut self) -> Result<()> {
        for (local, bucket) in self.local.iter_mut().zip(&self.store.buckets) {
            if !local.is_empty() {
                bucket.lock().map_err(poisoned)?.push(std::mem::take(local));
            }
        }
        Ok(())
    }
}
