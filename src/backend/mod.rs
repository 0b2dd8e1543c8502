//! A backend is two things that meet in counts. [`Count`] takes points while they are read; what it finishes into is
//! [`Paint`], which lets lit pixels reach their neighbours and colours tiles, for as many looks as one likes. Paint
//! also opens on counts that somebody else made. Counts stay where they are; only indices come out.
//!
//! Knows no file, no PNG and no colour: a tile leaves as palette indices. `cpu` and `gpu` do not know each other.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "gpu_absent.rs"]
pub mod gpu;
mod host;
mod paint;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::paint::{HeldCounts, Paint, SpreadZoom};
use crate::account::Account;
use crate::counts::Measuring;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::shade::Surroundings;
use crate::store::{CountStore, Vault};
use crate::tile::{Points, TileCoord, TileIndices, ZoomRange};

/// What a session is to make, valid and ready to use.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Zooms to make tiles for; counts are kept for all zooms from 0 to the highest.
    pub zooms: ZoomRange,
    /// The largest radius that kernels are expected to have, in pixels; at most [`crate::shade::MAX_SPREAD`]. Wider ones
    /// give the same tiles and take longer.
    pub reach: u32,
    /// What is drawn where points have weights; `None` where they are counted.
    pub measuring: Option<Measuring>,
    /// Host memory for points and counts, and where to go beyond it.
    pub memory: Memory,
    /// Times, progress and the wish to stop.
    pub monitor: Arc<Monitor>,
}

impl Plan {
    /// To paint `counts` and nothing else.
    fn of_counts(counts: &CountStore, memory: Memory, monitor: Arc<Monitor>) -> Self {
        Self { zooms: ZoomRange { min: 0, max: counts.max_zoom() }, reach: 0, measuring: None, memory, monitor }
    }
}

/// Bytes for the work of 16 threads that no account holds, however small it is.
const OUTSIDE: u64 = 16 << 20;

/// How much host memory a session may fill with points and counts.
#[derive(Debug, Clone)]
pub struct Memory {
    /// What points, counts and everything made of them take their bytes from. Points and counts that do not fit are
    /// turned into compact counts, those go to a temporary file.
    pub account: Arc<Account>,
    /// Folder of that file.
    pub folder: PathBuf,
    /// Bytes of the account that are shared out between points, counts and the work on them.
    share: u64,
}

impl Default for Memory {
    /// No limit.
    fn default() -> Self {
        Self::new(u64::MAX, &std::env::temp_dir())
    }
}

impl Memory {
    /// `limit` bytes, and a folder for what does not fit.
    pub fn new(limit: u64, folder: &Path) -> Self {
        Self { account: Account::new(limit), folder: folder.to_path_buf(), share: limit }
    }

    /// The same account, for a session that shares out what others left of it.
    pub(crate) fn rest(mut self) -> Self {
        self.share = self.account.free();
        self
    }

    /// Bytes of points that may wait: half of the limit.
    pub(crate) fn points(&self) -> u64 {
        if self.account.is_bounded() { self.share / 2 } else { u64::MAX }
    }

    /// Bytes that each of `threads` threads may have open for its work: an eighth of the limit for all of them, or
    /// what every thread has outside of it.
    pub(crate) fn work(&self, threads: usize) -> u64 {
        let threads = threads.max(1) as u64;
        (self.share / 8 / threads).max(OUTSIDE / threads.max(16))
    }

    /// Points of a bucket that one of `threads` threads takes at a time, where that takes `bytes` a point.
    pub(crate) fn piece(&self, threads: usize, bytes: u64) -> usize {
        usize::try_from(self.work(threads) / bytes).unwrap_or(usize::MAX).max(1 << 12)
    }

    /// Bytes that the borders of tiles may take while a zoom is spread: an eighth of the limit.
    pub(crate) fn borders(&self) -> u64 {
        self.share / 8
    }

    /// Bytes that what is to be known of all written tiles may take: an eighth of the limit.
    pub(crate) fn index(&self) -> u64 {
        self.share / 8
    }

    /// The vault for counts: a quarter of the limit in memory.
    pub(crate) fn vault(&self) -> Vault {
        let budget = if self.account.is_bounded() { self.share / 4 } else { self.share };
        Vault::new(self.account.clone(), budget, &self.folder)
    }
}

/// Where finished tiles go: encodes and writes. Called from many threads, in no particular order, once a tile.
pub trait TileSink: Sync {
    /// Takes one tile: a list when at most 1,500 pixels are lit, else a raster, from every backend.
    fn put(&self, tile: TileCoord, indices: TileIndices<'_>) -> Result<()>;
}

/// Where tiles go with what lies around them. Called from many threads, in no particular order, once a tile.
pub trait AroundSink: Sync {
    /// Takes one tile, which has a drawn pixel or one within the radius.
    fn put(&self, tile: TileCoord, around: Surroundings<'_>) -> Result<()>;
}

/// One thread's way into a session.
pub trait PointPush: Send {
    /// Adds points; any batch size, any order. Each has a weight, in steps, where the session measures weights, and a key
    /// where it counts by keys.
    fn push(&mut self, points: Points<'_>) -> Result<()>;
    /// Hands over what is still held. Points pushed through a way that was not closed may be missing.
    fn close(&mut self) -> Result<()>;
}

/// What one shader handled, for the report.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ShaderWork {
    /// Name of the shader: bin, reduce, ...
    pub shader: &'static str,
    /// Points it was given; 0 for shaders that see none.
    pub points: u64,
    /// Tiles it worked on; 0 for shaders that see none.
    pub tiles: u64,
    /// Dispatches issued.
    pub dispatches: u64,
    /// Bytes of device memory it read and wrote, each counted once a dispatch.
    pub bytes: u64,
    /// Atomic additions to device memory, at most: merging equal ones leaves fewer.
    pub atomics: u64,
    /// Nanoseconds on the device by its own clock; `None` where passes were not timed.
    pub nanoseconds: Option<u64>,
}

/// What one step of a session moved between host and device, and by how many calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Transfers {
    /// The step: count, reduce, spread, shade.
    pub step: &'static str,
    /// Bytes from host memory to the device's.
    pub up: u64,
    /// Bytes from device memory to the host's.
    pub down: u64,
    /// Bytes copied or cleared within device memory.
    pub copied: u64,
    /// Bytes that the host copied into or out of buffers.
    pub host: u64,
    /// Bytes of device memory that shaders read and wrote, each counted once a dispatch.
    pub device: u64,
    /// Atomic additions to device memory, at most.
    pub atomics: u64,
    /// Dispatches.
    pub dispatches: u64,
    /// Submissions.
    pub submits: u64,
    /// Buffers made.
    pub buffers: u64,
}

/// What a session did and on what, for the report; never part of tiles or metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct BackendReport {
    /// "cpu" or "gpu".
    pub backend: &'static str,
    /// Adapter name as the driver gives it; `None` on the CPU.
    pub adapter: Option<String>,
    /// Graphics interface of the adapter ("vulkan", ...).
    pub interface: Option<String>,
    /// Whether subgroup operations were used.
    pub subgroups: bool,
    /// Worker threads.
    pub threads: usize,
    /// Batches of points that were pushed to the device.
    pub batches: u64,
    /// Buckets worked off one by one; 0 when everything stayed resident.
    pub buckets: u64,
    /// Times that waiting points became compact counts early because memory was full.
    pub flushes: u64,
    /// Bytes of counts that went to a temporary file.
    pub spilled_bytes: u64,
    /// Passes over points because tiles did not fit at once.
    pub passes: u64,
    /// Buffers of dense tiles on the device.
    pub slot_buffers: u64,
    /// Tiles that were summed into their parents by the host, because counts did not stay on the device.
    pub host_reduced_tiles: u64,
    /// Tiles of the highest zoom that took the sparse path and never became a raster of counts.
    pub sparse_tiles: u64,
    /// Points that took the sparse path.
    pub sparse_points: u64,
    /// Work per shader; empty on the CPU.
    pub shaders: Vec<ShaderWork>,
    /// What each step moved between host and device; empty on the CPU.
    pub transfers: Vec<Transfers>,
    /// Shaders that were compiled: those that were used.
    pub pipelines: u64,
    /// Bytes of device memory the session planned with; 0 on the CPU.
    pub device_memory: u64,
    /// Most bytes of device memory held at once.
    pub device_peak: u64,
    /// Times the device had no memory for a buffer.
    pub device_refusals: u64,
}

/// How long binning took of points that already lay on the device.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Again {
    /// Points binned.
    pub points: u64,
    /// Seconds from the submission to the end; the commands were recorded before.
    pub seconds: f64,
    /// Seconds by the device's own clock, where it has one.
    pub device_seconds: Option<f64>,
    /// Atomic additions that were left after equal pixels were merged.
    pub atomics: u64,
}

/// Points on their way to counts, on one device.
pub trait Count: Send + Sync {
    /// A way in for one reading thread. Several may be open at once.
    fn pusher(&self) -> Box<dyn PointPush + '_>;

    /// No more points: bins and reduces what is left.
    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>>;
}
