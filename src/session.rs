//! The library's front: points from memory in, counts and tiles out. Everything else is the machinery behind it, and the
//! program's.
//!
//! ```
//! use std::sync::Mutex;
//! use tilefire::{Coordinate, Device, Session, Style};
//!
//! let session = Session::builder().zooms(0, 8).device(Device::Cpu).threads(2).start()?;
//! let mut points = session.pusher()?;
//! points.push(&[Coordinate { x: -0.1276, y: 51.5072 }, Coordinate { x: 13.405, y: 52.52 }])?;
//! let left_out = points.close()?;
//! assert_eq!(left_out.total(), 0);
//!
//! let counts = session.finish()?;
//! assert_eq!(counts.points(), 2);
//! let tiles = Mutex::new(Vec::new());
//! counts.paint(&Style::default(), |tile, png| {
//!     tiles.lock().map_err(|_| tilefire::Error::Internal("poisoned".into()))?.push((tile, png.to_vec()));
//!     Ok(())
//! })?;
//! assert_eq!(tiles.into_inner().map_or(0, |tiles| tiles.len()), 17);
//! # Ok::<(), tilefire::Error>(())
//! ```
//!
//! A session has worker threads of its own and never touches a pool that is there for the whole process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::backend::{Count, Memory, Paint, Plan, PointPush};
use crate::counts::{Lit, ZoomStats, row_major};
use crate::encode::Format;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::project::{Coordinate, Crs, Projector};
use crate::render::{self, Device, Opening, Resources};
use crate::rows::LeftOut;
use crate::shade::{MAX_SPREAD, Style};
use crate::tile::{Points, TileCoord, WorldPoint, ZoomRange};

/// What a [`Session`] is to be: zooms 0 to 10, EPSG:4326, a real GPU where there is one, as many threads as cores and
/// half of the memory that this process may use, unless told otherwise.
#[derive(Debug, Clone)]
#[must_use = "nothing begins before `start`"]
pub struct SessionBuilder {
    zooms: (u8, u8),
    crs: Crs,
    resources: Resources,
    folder: PathBuf,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        Self { zooms: (0, 10), crs: Crs::default(), resources: Resources::default(), folder: std::env::temp_dir() }
    }
}

impl SessionBuilder {
    /// Zooms to paint tiles of, both included, at most [`crate::tile::MAX_ZOOM`]; counts are there for zoom 0 on.
    pub fn zooms(mut self, lowest: u8, highest: u8) -> Self {
        self.zooms = (lowest, highest);
        self
    }

    /// What the coordinates mean.
    pub fn crs(mut self, crs: Crs) -> Self {
        self.crs = crs;
        self
    }

    /// Which device does the work.
    pub fn device(mut self, device: Device) -> Self {
        self.resources.device = device;
        self
    }

    /// Worker threads of the session, at least 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.resources.threads = Some(threads.max(1));
        self
    }

    /// Bytes of host memory that points and counts may take; what is more goes to a temporary file.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.resources.memory = Some(bytes);
        self
    }

    /// The folder of that file, which has no name at any time.
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Begins. Fails where the zooms are none, the reference system is unknown, or there is no GPU and one was asked for.
    pub fn start(self) -> Result<Session> {
        let zooms = ZoomRange::new(self.zooms.0, self.zooms.1).map_err(Error::Usage)?;
        Projector::new(&self.crs)?;
        let monitor = Arc::new(Monitor::default());
        let pool = render::pool(&self.resources, &Style::default())?;
        let memory = Memory::new(self.resources.memory.unwrap_or_else(render::default_memory), &self.folder);
        // Wide kernels give the same tiles whatever was expected; this is what the device plans for.
        let plan = Plan { zooms, reach: MAX_SPREAD.min(8), measuring: None, memory, monitor: monitor.clone() };
        let mut opening = Opening::start(&self.resources, false, &monitor)?;
        if opening.is_insisted_on() {
            opening.wait(&monitor)?;
        }
        let (count, _) = pool.install(|| opening.count(plan));
        Ok(Session { count, pool, zooms, crs: self.crs, monitor, points: AtomicU64::new(0) })
    }
}

/// Points on their way to counts. Threads push side by side, each through a [`Pusher`] of its own; the order and the
/// size of batches change nothing.
pub struct Session {
    count: Box<dyn Count>,
    pool: rayon::ThreadPool,
    zooms: ZoomRange,
    crs: Crs,
    monitor: Arc<Monitor>,
    points: AtomicU64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("zooms", &self.zooms).field("crs", &self.crs).finish_non_exhaustive()
    }
}

impl Session {
    /// Choices for a session.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A way in for one thread.
    pub fn pusher(&self) -> Result<Pusher<'_>> {
        Ok(Pusher {
            session: self,
            push: self.pool.install(|| self.count.pusher()),
            projector: Projector::new(&self.crs)?,
            batch: Vec::new(),
            left_out: LeftOut::default(),
        })
    }

    /// What the session tells while it goes on, and a way to stop it: after [`Monitor::cancel`] every call fails with
    /// [`Error::Interrupted`].
    pub fn monitor(&self) -> &Arc<Monitor> {
        &self.monitor
    }

    /// No more points: counts what is left, for every zoom from 0 on.
    pub fn finish(self) -> Result<Counts> {
        let Self { count, pool, zooms, monitor, points, .. } = self;
        let paint = pool.install(|| count.finish())?;
        let points = points.into_inner();
        if let Some(z) = paint.stats().iter().position(|stats| stats.sum != points) {
            return Err(Error::Internal(format!("zoom {z} counts {} of {points} points", paint.stats()[z].sum)));
        }
        Ok(Counts { paint, pool, zooms, monitor, points })
    }
}

/// One thread's way into a [`Session`]. What it still holds when it is dropped without [`Pusher::close`] may be missing
/// from the counts, and [`Session::finish`] then fails.
pub struct Pusher<'a> {
    session: &'a Session,
    push: Box<dyn PointPush + 'a>,
    projector: Projector,
    batch: Vec<WorldPoint>,
    left_out: LeftOut,
}

impl std::fmt::Debug for Pusher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pusher").field("left_out", &self.left_out).finish_non_exhaustive()
    }
}

impl Pusher<'_> {
    /// Adds points: x the longitude or easting, y the latitude or northing, in the units of the session's reference
    /// system. What is no point of the map is left out and counted by its reason.
    pub fn push(&mut self, points: &[Coordinate]) -> Result<()> {
        self.session.monitor.check()?;
        self.batch.clear();
        self.projector.project(points, &mut self.batch, &mut self.left_out)?;
        self.session.points.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
        let (push, batch) = (&mut self.push, &self.batch);
        self.session.pool.install(|| push.push(Points::of(batch)))
    }

    /// Hands over what is still held; gives what was left out of all that was pushed here, by reason.
    pub fn close(mut self) -> Result<LeftOut> {
        let push = &mut self.push;
        self.session.pool.install(|| push.close())?;
        Ok(self.left_out)
    }
}

/// Finished counts: to be looked at, and painted as often as one likes.
pub struct Counts {
    paint: Box<dyn Paint>,
    pool: rayon::ThreadPool,
    zooms: ZoomRange,
    monitor: Arc<Monitor>,
    points: u64,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").field("zooms", &self.zooms).field("points", &self.points).finish_non_exhaustive()
    }
}

impl Counts {
    /// Points counted; the sum of every zoom.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Zooms that are painted.
    pub fn zooms(&self) -> ZoomRange {
        self.zooms
    }

    /// What the counts of a zoom amount to; `None` beyond the highest.
    pub fn stats(&self, z: u8) -> Option<&ZoomStats> {
        self.paint.stats().get(usize::from(z))
    }

    /// The lit pixels of a tile as (`row * 256 + column`, points), ascending; none where nothing is lit. Fails beyond
    /// the highest zoom.
    pub fn tile(&self, tile: TileCoord) -> Result<Vec<(u16, u32)>> {
        let mut lit: Vec<Lit> = Vec::new();
        self.pool.install(|| self.paint.counts(tile.z)?.read(tile, &mut lit))?;
        let mut pixels: Vec<(u16, u32)> = lit.iter().map(|l| (row_major(l.pixel), l.count)).collect();
        pixels.sort_unstable();
        Ok(pixels)
    }

    /// Colours every lit tile of the zooms and hands its PNG to `sink`, once a tile, in no particular order, from the
    /// session's threads. Fails with what `sink` fails with.
    pub fn paint(&self, style: &Style, sink: impl Fn(TileCoord, &[u8]) -> Result<()> + Sync) -> Result<()> {
        let encoded = render::Encoded { truecolor: style.truecolor, format: Format::Png, monitor: &self.monitor, sink };
        self.pool
            .install(|| render::colours::paint(self.paint.as_ref(), style, self.zooms, &self.monitor, &encoded))
            .map(|_| ())
    }
}
