//! From sources to points in a backend: reads and projects on all threads, and keeps account of what became of the rows.

use super::Sources;
use crate::backend::PointPush;
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::project::{Coordinate, Crs, LeftOut, Projector};
use crate::source::{self, CoordinateSink};
use crate::tile::{Extent, WorldPoint};

/// What reading and projecting came to.
pub(crate) struct Points {
    pub(super) read: source::ReadReport,
    pub(super) left_out: LeftOut,
    pub(super) used: u64,
    pub(super) extent: Extent,
}

pub(crate) fn aggregate<'a>(
    sources: &'a Sources,
    pusher: impl Fn() -> Box<dyn PointPush + 'a>,
    monitor: &'a Monitor,
) -> Result<Points> {
    let mut sinks = (0..rayon::current_num_threads())
        .map(|_| {
            Ok(Projecting {
                crs: &sources.crs,
                projector: None,
                push: pusher(),
                monitor,
                batch: Vec::new(),
                left_out: LeftOut::default(),
                used: 0,
                extent: Extent::default(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let read = source::read(&sources.inputs, &sources.read, monitor, &mut sinks)?;
    let mut points = Points { read, left_out: LeftOut::default(), used: 0, extent: Extent::default() };
    for mut sink in sinks {
        sink.push.close()?;
        points.left_out.merge(&sink.left_out);
        points.used += sink.used;
        points.extent.merge(&sink.extent);
    }
    if points.used == 0 {
        return Err(source::no_usable_rows(&points.read, &points.left_out, &sources.crs));
    }
    Ok(points)
}

/// One reading thread's coordinates on their way into the backend.
struct Projecting<'a> {
    crs: &'a Crs,
    projector: Option<Projector>,
    push: Box<dyn PointPush + 'a>,
    monitor: &'a Monitor,
    batch: Vec<WorldPoint>,
    left_out: LeftOut,
    used: u64,
    extent: Extent,
}

impl CoordinateSink for Projecting<'_> {
    fn take(&mut self, coordinates: &[Coordinate]) -> Result<()> {
        self.monitor.time(Stage::Project, || {
            // Made here, in the thread that uses it: a PROJ context must not move between threads.
            if self.projector.is_none() {
                self.projector = Some(Projector::new(self.crs)?);
            }
            self.batch.clear();
            let Some(projector) = &mut self.projector else { return Ok(()) };
            projector.project(coordinates, &mut self.batch, &mut self.left_out)?;
            for &point in &self.batch {
                self.extent.add(point);
            }
            Ok(())
        })?;
        self.used += self.batch.len() as u64;
        self.push.push(&self.batch)
    }
}
