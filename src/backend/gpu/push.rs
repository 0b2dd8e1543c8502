//! One thread's way into the GPU session. Copying and the search for new tiles happen outside the lock; under it
//! a chunk is only handed to the ring, or the session turns to buckets.

use std::sync::atomic::Ordering;

use super::resident::CHUNK;
use super::table::Seen;
use super::{GpuBackend, count_points, lock};
use crate::backend::PointPush;
use crate::error::Result;
use crate::monitor::Stage;
use crate::store::PointSink;
use crate::tile::{TileCoord, WorldPoint};

/// A way in.
pub(super) struct GpuPush<'a> {
    backend: &'a GpuBackend,
    chunk: Vec<WorldPoint>,
    new: Vec<u64>,
    seen: Seen,
    last: Option<TileCoord>,
    sink: Option<PointSink<'a>>,
}

impl<'a> GpuPush<'a> {
    pub(super) fn new(backend: &'a GpuBackend) -> Self {
        Self {
            backend,
            chunk: Vec::new(),
            new: Vec::new(),
            seen: Seen::new(backend.plan.zooms.max),
            last: None,
            sink: None,
        }
    }

    fn hand_over(&mut self) -> Result<()> {
        self.backend.plan.monitor.check()?;
        if self.chunk.is_empty() {
            return Ok(());
        }
        count_points(&self.backend.pushed, self.chunk.len() as u64)?;
        if !self.backend.spilled.load(Ordering::Acquire) {
            let mut session = lock(&self.backend.session)?;
            if self.backend.add(&mut session, &self.chunk, &self.new)? {
                self.chunk.clear();
                self.new.clear();
                return Ok(());
            }
        }
        self.new.clear();
        let points = &self.backend.points;
        self.sink.get_or_insert_with(|| points.sink()).push(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl PointPush for GpuPush<'_> {
    fn push(&mut self, points: &[WorldPoint]) -> Result<()> {
        let monitor = &self.backend.plan.monitor.clone();
        let from = monitor.now();
        let zoom = self.backend.plan.zooms.max;
        for part in points.chunks(CHUNK) {
            if !self.backend.spilled.load(Ordering::Relaxed) {
                for p in part {
                    let tile = p.tile(zoom);
                    if self.last != Some(tile) {
                        self.last = Some(tile);
                        let code = tile.morton();
                        if self.seen.insert(code) {
                            self.new.push(code);
                        }
                    }
                }
            }
            self.chunk.extend_from_slice(part);
            if self.chunk.len() >= CHUNK {
                self.hand_over()?;
            }
        }
        monitor.record(Stage::Store, from, monitor.now());
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        self.hand_over()?;
        self.sink.as_mut().map_or(Ok(()), |sink| sink.close())
    }
}
