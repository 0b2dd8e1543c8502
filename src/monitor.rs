//! What a run tells while it goes on: seconds per stage, progress, and the wish to stop.
//! Everything is an atomic, so that any thread may report and any may look; nothing here prints.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::error::{Error, Result};

/// The stages of a run, in the order of one point's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(usize)]
pub enum Stage {
    /// Bytes to coordinates.
    Read,
    /// Coordinates to world points.
    Project,
    /// World points into buckets, or to the device.
    Store,
    /// Points to the counts of the highest zoom.
    Bin,
    /// 2x2 sums down to zoom 0, and each zoom's statistics.
    Reduce,
    /// Counts to the counts of spread pixels, where those are new ones; the CPU colours them as it makes them.
    Spread,
    /// Counts to colour indices, with the spread that makes no new counts.
    Shade,
    /// Results from the device to the host.
    ReadBack,
    /// Colour indices to PNG bytes.
    Encode,
    /// PNG bytes to the output.
    Write,
}

impl Stage {
    /// Every stage in order.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Project,
        Self::Store,
        Self::Bin,
        Self::Reduce,
        Self::Spread,
        Self::Shade,
        Self::ReadBack,
        Self::Encode,
        Self::Write,
    ];

    /// The stage's name as reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Project => "project",
            Self::Store => "store",
            Self::Bin => "bin",
            Self::Reduce => "reduce",
            Self::Spread => "spread",
            Self::Shade => "shade",
            Self::ReadBack => "read back",
            Self::Encode => "encode",
            Self::Write => "write",
        }
    }
}

/// Seconds spent in one stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct StageTime {
    /// Time summed over the threads that worked in the stage.
    pub busy: f64,
    /// From the first thread's start to the last one's end.
    pub wall: f64,
}

#[derive(Debug)]
struct StageClock {
    busy: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
}

/// Shared by all threads of one run.
#[derive(Debug)]
pub struct Monitor {
    start: Instant,
    /// CPU seconds of the process before.
    cpu_before: f64,
    stages: [StageClock; Stage::ALL.len()],
    cancelled: Arc<AtomicBool>,
    /// Input bytes taken so far.
    pub bytes_read: AtomicU64,
    /// Input bytes in all; 0 when unknown (standard input).
    pub bytes_total: AtomicU64,
    /// How the first input is read, once that is known.
    pub reading: OnceLock<String>,
    /// Whether several of the tiles that are counted here become one.
    pub joined: AtomicBool,
    /// Nanoseconds that reading threads spent in what only one of them can do at a time: the hand-out of pieces, and
    /// passing on what the next piece needs.
    pub in_order: AtomicU64,
    /// Points handed to the backend so far.
    pub points: AtomicU64,
    /// Tiles written so far.
    pub tiles: AtomicU64,
    /// Lit tiles in all (spread may add some); 0 until counted.
    pub tiles_total: AtomicU64,
}

impl Default for Monitor {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            cpu_before: process_cpu_seconds(),
            stages: std::array::from_fn(|_| StageClock {
                busy: AtomicU64::new(0),
                first: AtomicU64::new(u64::MAX),
                last: AtomicU64::new(0),
            }),
            cancelled: Arc::default(),
            bytes_read: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            reading: OnceLock::new(),
            joined: AtomicBool::new(false),
            in_order: AtomicU64::new(0),
            points: AtomicU64::new(0),
            tiles: AtomicU64::new(0),
            tiles_total: AtomicU64::new(0),
        }
    }
}

impl Monitor {
    /// A monitor for one of several runs: its own clock and numbers, the same wish to stop.
    pub fn another(&self) -> Self {
        Self { cancelled: self.cancelled.clone(), ..Self::default() }
    }

    /// Runs `work` and adds the time it took to `stage`.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let from = self.start.elapsed();
        let result = work();
        let to = self.start.elapsed();
        self.record(stage, from.as_nanos() as u64, to.as_nanos() as u64);
        result
    }

    /// Nanoseconds since the run began, for [`Monitor::record`].
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Adds the time between two readings of [`Monitor::now`] to `stage`.
    pub fn record(&self, stage: Stage, from: u64, to: u64) {
        let clock = &self.stages[stage as usize];
        clock.busy.fetch_add(to.saturating_sub(from), Ordering::Relaxed);
        clock.first.fetch_min(from, Ordering::Relaxed);
        clock.last.fetch_max(to, Ordering::Relaxed);
    }

    /// Seconds of each stage so far.
    pub fn stage(&self, stage: Stage) -> StageTime {
        let clock = &self.stages[stage as usize];
        let first = clock.first.load(Ordering::Relaxed);
        let last = clock.last.load(Ordering::Relaxed);
        StageTime {
            busy: clock.busy.load(Ordering::Relaxed) as f64 * 1e-9,
            wall: last.saturating_sub(first) as f64 * 1e-9,
        }
    }

    /// Seconds since the run began.
    pub fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// CPU seconds of the process since the run began. A process may have some before it does: those of the program that
    /// it was until it became this one.
    pub fn cpu_seconds(&self) -> f64 {
        process_cpu_seconds() - self.cpu_before
    }

    /// Asks every thread to stop at its next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// `Err(Interrupted)` once [`Monitor::cancel`] was called; cheap enough for every batch and tile.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

fn process_cpu_seconds() -> f64 {
    cpu_time::ProcessTime::try_now().map_or(0.0, |t| t.as_duration().as_secs_f64())
}
