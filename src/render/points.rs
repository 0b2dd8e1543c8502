//! From sources to points in a backend: reads and projects on all threads, and keeps account of what became of the rows.

use super::Sources;
use super::session::on_all_threads;
use crate::backend::PointPush;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::project::{Coordinate, Crs, Projector};
use crate::region::Region;
use crate::rows::{LeftOut, Outside, Reason};
use crate::source::{self, Batch, BatchSink, FileReport, Notice, Opened, ReadReport};
use crate::store::PointSpool;
use crate::tile::{Extent, PointBuffer};

/// What reading and projecting came to.
pub(crate) struct Points {
    pub(super) read: source::ReadReport,
    pub(super) used: u64,
    /// What the weights of the points used come to, in steps; 0 where nobody asked for weights.
    pub(super) weight: i64,
    pub(super) extent: Extent,
    /// The boxes around the points of inputs by their places, of some more than one.
    pub(super) extents: Vec<(usize, Extent)>,
}

/// What a run tells of the rows that its counts come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(super) read: u64,
    pub(super) used: u64,
    pub(super) left_out: LeftOut,
    /// Rows that nobody asked for, by the flag that says so, as it was asked.
    pub(super) not_selected: Vec<(String, u64)>,
    pub(super) extent: Extent,
    /// The column of weights, as the input names it.
    pub(super) weight_column: Option<String>,
    pub(super) files: Vec<FileReport>,
    pub(super) notices: Vec<Notice>,
}

impl Points {
    /// What there is to tell of the rows.
    pub(super) fn into_rows(self) -> Rows {
        let not_selected = self.read.passed_over();
        let ReadReport { rows, left_out, files, notices, .. } = self.read;
        let weight_column = files.first().and_then(|file| file.weight_column.clone());
        Rows { read: rows, used: self.used, left_out, not_selected, extent: self.extent, weight_column, files, notices }
    }
}

/// Opens the inputs and finds their columns.
pub(crate) fn open(sources: &Sources, monitor: &Monitor) -> Result<Opened> {
    let opened = source::open(&sources.each(), sources.columns_from_first, monitor)?.noting(&sources.notices);
    if let Some(first) = opened.first() {
        let _ = monitor.reading.set(match sources.inputs.len() {
            1 => first,
            inputs => format!("{inputs} inputs, {first}"),
        });
    }
    Ok(opened.rejects_to(sources.rejects.clone()).within(sources.limits))
}

/// Reads what `open` opened.
pub(crate) fn aggregate<'a>(
    opened: Opened,
    region: Option<&Region>,
    pusher: impl Fn() -> Box<dyn PointPush + 'a>,
    monitor: &Monitor,
) -> Result<Points> {
    let region = region.filter(|region| !region.is_everywhere());
    // That nothing is there is known when all shares are.
    let shared = opened.is_shared();
    let (systems, system_of) = distinct(opened.systems());
    let mut sinks: Vec<_> = (0..rayon::current_num_threads())
        .map(|_| Projecting {
            systems: &systems,
            system_of: &system_of,
            projectors: vec![None; systems.len()],
            push: pusher(),
            region,
            outside: Outside::default(),
            monitor,
            batch: PointBuffer::default(),
            used: 0,
            weight: 0,
            extents: Vec::new(),
        })
        .collect();
    let read = opened.read(monitor, &mut sinks)?;
    let (mut pushed, mut weight, mut extents) = (0, 0i64, Vec::new());
    for sink in &mut sinks {
        sink.push.close()?;
        pushed += sink.used;
        // Nothing runs over: who adds weights up refuses more than fit.
        weight = weight.wrapping_add(sink.weight);
        extents.append(&mut sink.extents);
    }
    let mut extent = Extent::default();
    extents.iter().for_each(|(_, some)| extent.merge(some));
    let used = read.used();
    if used != pushed {
        return Err(Error::Internal(format!("{pushed} points came of {used} rows")));
    }
    if used == 0 && !shared {
        return Err(source::no_usable_rows(&read));
    }
    Ok(Points { read, used, weight, extent, extents })
}

/// Hands points that wait to the backend, on all threads.
pub(super) fn replay<'a>(
    spool: &PointSpool,
    pusher: impl Fn() -> Box<dyn PointPush + 'a>,
    monitor: &Monitor,
) -> Result<()> {
    on_all_threads(|| {
        let (mut push, mut points) = (pusher(), PointBuffer::default());
        move || {
            while spool.take(&mut points)? {
                monitor.check()?;
                push.push(points.points())?;
            }
            push.close()
        }
    })
}

/// The reference systems of all inputs, and for each input the place of its own among them.
fn distinct<'a>(all: impl Iterator<Item = &'a Crs>) -> (Vec<Crs>, Vec<usize>) {
    let mut systems: Vec<Crs> = Vec::new();
    let places = all
        .map(|crs| {
            systems.iter().position(|known| known == crs).unwrap_or_else(|| {
                systems.push(crs.clone());
                systems.len() - 1
            })
        })
        .collect();
    (systems, places)
}

/// One reading thread's rows on their way into the backend.
struct Projecting<'a, 's> {
    systems: &'s [Crs],
    system_of: &'s [usize],
    /// One for each system, made at its first row in the thread that uses it: what PROJ needs must not move.
    projectors: Vec<Option<Projector>>,
    push: Box<dyn PointPush + 'a>,
    region: Option<&'s Region>,
    /// Points of the last batch that do not lie in it.
    outside: Outside,
    monitor: &'s Monitor,
    batch: PointBuffer,
    used: u64,
    weight: i64,
    /// The boxes around the points of inputs, the last of which is being read.
    extents: Vec<(usize, Extent)>,
}

impl Projecting<'_, '_> {
    fn projector(&mut self, input: usize) -> Result<&mut Projector> {
        let system = self.system_of[input];
        match &mut self.projectors[system] {
            Some(projector) => Ok(projector),
            none => Ok(none.insert(Projector::new(&self.systems[system])?)),
        }
    }
}

impl Projecting<'_, '_> {
    /// What belongs to the rows that are points, of a batch in which some are none.
    fn columns_of(&mut self, batch: &Batch, points: &mut PointBuffer) -> Result<()> {
        let projector = self.projector(batch.input)?;
        let (mut point, mut left_out) = (Vec::new(), LeftOut::default());
        for (at, coordinate) in batch.coordinates.iter().enumerate() {
            point.clear();
            projector.project(std::slice::from_ref(coordinate), &mut point, &mut left_out)?;
            if !point.is_empty() {
                points.weights.extend(batch.weights.get(at));
                points.keys.extend(batch.keys.get(at));
            }
        }
        Ok(())
    }
}

impl BatchSink for Projecting<'_, '_> {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        let mut left_out = LeftOut::default();
        let monitor = self.monitor;
        let mut points = std::mem::take(&mut self.batch);
        points.clear();
        monitor.time(Stage::Project, || {
            self.projector(batch.input)?.project(&batch.coordinates, &mut points.places, &mut left_out)?;
            if !(batch.weights.is_empty() && batch.keys.is_empty()) {
                if points.len() == batch.len() {
                    points.weights.extend_from_slice(&batch.weights);
                    points.keys.extend_from_slice(&batch.keys);
                } else {
                    // Some are no points: one by one tells which.
                    self.columns_of(batch, &mut points)?;
                }
            }
            self.outside = self.region.map_or(Outside::default(), |region| region.keep(&mut points));
            let extent = match self.extents.last_mut() {
                Some((input, extent)) if *input == batch.input => extent,
                _ => {
                    self.extents.push((batch.input, Extent::default()));
                    self.extents
                        .last_mut()
                        .map(|last| &mut last.1)
                        .ok_or_else(|| Error::Internal("no extent".into()))?
                }
            };
            for &point in &points.places {
                extent.add(point);
            }
            Ok::<_, Error>(())
        })?;
        debug_assert!(points.points().is_parallel(), "a weight and a key for each point");
        self.used += points.len() as u64;
        self.weight = points.weights.iter().fold(self.weight, |sum, weight| sum.wrapping_add(*weight));
        self.batch = points;
        self.push.push(self.batch.points())?;
        Ok(left_out)
    }

    fn passed_over(&mut self) -> Outside {
        std::mem::take(&mut self.outside)
    }

    fn judge(&mut self, input: usize, coordinate: Coordinate) -> Option<Reason> {
        self.projector(input).ok()?.judge(coordinate)
    }
}
