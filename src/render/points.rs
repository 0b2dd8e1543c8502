//! From sources to points in a backend: reads and projects on all threads, and keeps account of what became of the rows.

use super::Sources;
use crate::backend::PointPush;
use crate::error::Result;
use crate::monitor::{Monitor, Stage};
use crate::project::{Crs, Projector};
use crate::rows::LeftOut;
use crate::source::{self, Batch, BatchSink, Opened};
use crate::tile::{Extent, WorldPoint};

/// What reading and projecting came to.
pub(crate) struct Points {
    pub(super) read: source::ReadReport,
    pub(super) used: u64,
    pub(super) extent: Extent,
}

/// Opens the inputs and finds their columns.
pub(crate) fn open(sources: &Sources, monitor: &Monitor) -> Result<Opened> {
    source::open(&sources.each(), monitor)
}

/// Reads what `open` opened.
pub(crate) fn aggregate<'a>(
    opened: Opened,
    pusher: impl Fn() -> Box<dyn PointPush + 'a>,
    monitor: &Monitor,
) -> Result<Points> {
    let (systems, system_of) = distinct(opened.systems());
    let mut sinks: Vec<_> = (0..rayon::current_num_threads())
        .map(|_| Projecting {
            systems: &systems,
            system_of: &system_of,
            projectors: vec![None; systems.len()],
            push: pusher(),
            monitor,
            batch: Vec::new(),
            accounts: vec![Account::default(); system_of.len()],
            extent: Extent::default(),
        })
        .collect();
    let mut read = opened.read(monitor, &mut sinks)?;
    let mut accounts = vec![Account::default(); system_of.len()];
    let mut extent = Extent::default();
    for sink in &mut sinks {
        sink.push.close()?;
        for (all, of_sink) in accounts.iter_mut().zip(&sink.accounts) {
            all.used += of_sink.used;
            all.left_out.merge(&of_sink.left_out);
        }
        extent.merge(&sink.extent);
    }
    for (input, account) in accounts.iter().enumerate() {
        read.settle(input, account.used, &account.left_out)?;
    }
    let used = read.used();
    if used == 0 {
        return Err(source::no_usable_rows(&read));
    }
    Ok(Points { read, used, extent })
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

/// What became of one input's coordinates in one thread.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    used: u64,
    left_out: LeftOut,
}

/// One reading thread's rows on their way into the backend.
struct Projecting<'a, 's> {
    systems: &'s [Crs],
    system_of: &'s [usize],
    /// One for each system, made at its first row in the thread that uses it: what PROJ needs must not move.
    projectors: Vec<Option<Projector>>,
    push: Box<dyn PointPush + 'a>,
    monitor: &'s Monitor,
    batch: Vec<WorldPoint>,
    accounts: Vec<Account>,
    extent: Extent,
}

impl BatchSink for Projecting<'_, '_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let account = &mut self.accounts[batch.input];
        self.monitor.time(Stage::Project, || {
            let system = self.system_of[batch.input];
            let projector = match &mut self.projectors[system] {
                Some(projector) => projector,
                none => none.insert(Projector::new(&self.systems[system])?),
            };
            self.batch.clear();
            projector.project(&batch.coordinates, &mut self.batch, &mut account.left_out)?;
            for &point in &self.batch {
                self.extent.add(point);
            }
            Ok(())
        })?;
        account.used += self.batch.len() as u64;
        self.push.push(&self.batch)
    }
}
