//! One thread's way into the GPU session. A point of a tile that is known to be dense goes to the device, any other
//! waits in its bucket; a bucket that has grown is looked through for tiles that have become dense. Everything per
//! point happens outside of any lock.

use std::sync::atomic::Ordering;

use super::resident::CHUNK;
use super::session::GpuCount;
use super::table::Seen;
use crate::backend::PointPush;
use crate::error::Result;
use crate::monitor::Stage;
use crate::store::PointSink;
use crate::tile::{Points, TileCoord, WorldPoint};

/// A way in.
pub(super) struct GpuPush<'a> {
    backend: &'a GpuCount,
    /// Points for the device.
    chunk: Vec<WorldPoint>,
    /// Points that wait.
    waiting: Vec<WorldPoint>,
    dense: Seen,
    /// Dense tiles of the session that this thread knows.
    known: usize,
    last: Option<(TileCoord, bool)>,
    sink: PointSink<'a>,
}

impl<'a> GpuPush<'a> {
    pub(super) fn new(backend: &'a GpuCount) -> Self {
        Self {
            backend,
            chunk: Vec::new(),
            waiting: Vec::new(),
            dense: Seen::new(backend.plan.zooms.max),
            known: 0,
            last: None,
            sink: backend.points.sink(),
        }
    }

    /// Splits points by whether their tile is dense.
    fn sort_out(&mut self, points: &[WorldPoint]) {
        let zoom = self.backend.plan.zooms.max;
        for &point in points {
            let tile = point.tile(zoom);
            let dense = match self.last {
                Some((last, dense)) if last == tile => dense,
                _ => {
                    let dense = self.dense.contains(tile.morton());
                    self.last = Some((tile, dense));
                    dense
                }
            };
            if dense { self.chunk.push(point) } else { self.waiting.push(point) }
        }
    }

    fn hand_over(&mut self) -> Result<()> {
        let taken = self.backend.give(&self.chunk)?;
        self.sink.push(&self.chunk[taken..])?;
        self.chunk.clear();
        Ok(())
    }

    fn take(&mut self, points: &[WorldPoint]) -> Result<()> {
        let backend = self.backend;
        if backend.spilled.load(Ordering::Acquire) {
            self.sink.push(points)?;
        } else {
            if backend.learn(&mut self.dense, &mut self.known)? {
                self.last = None;
            }
            self.sort_out(points);
            self.sink.push(&self.waiting)?;
            self.waiting.clear();
            if self.chunk.len() >= CHUNK {
                self.hand_over()?;
            }
        }
        while let Some(bucket) = self.sink.due() {
            backend.review(bucket, &self.dense)?;
        }
        if backend.points.is_full() { backend.relieve(&self.dense) } else { Ok(()) }
    }
}

impl PointPush for GpuPush<'_> {
    fn push(&mut self, points: Points<'_>) -> Result<()> {
        let monitor = &self.backend.plan.monitor;
        monitor.check()?;
        crate::backend::host::count_points(&self.backend.pushed, points.len() as u64)?;
        let from = monitor.now();
        points.places.chunks(CHUNK).try_for_each(|part| self.take(part))?;
        monitor.record(Stage::Store, from, monitor.now());
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.hand_over()?;
        self.sink.close()
    }
}
