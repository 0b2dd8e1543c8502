//! What the device was asked for, counted: per pass the points, tiles, bytes, additions and seconds; per step of a run
//! the bytes that moved and the calls that moved them. It is the model by which the speed of another device can be
//! told from a run on this one (`bench/model.rs`), so nothing here depends on how fast anything is.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::shader::{Pass, Table};
use crate::backend::{ShaderWork, Transfers};

/// What a dispatch handles.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Handled {
    points: u64,
    tiles: u64,
    bytes: u64,
    atomics: u64,
}

impl Handled {
    /// Tiles, no points.
    pub(super) fn tiles(tiles: usize) -> Self {
        Self { tiles: tiles as u64, ..Self::default() }
    }

    /// Points, and the tiles among theirs that were not seen before.
    pub(super) fn points(points: u32, new_tiles: u64) -> Self {
        Self { points: points.into(), tiles: new_tiles, ..Self::default() }
    }

    /// The same work, carried on by another dispatch.
    pub(super) fn more() -> Self {
        Self::default()
    }

    /// Bytes of device memory that the dispatch reads and writes, each once: what a perfect cache would leave.
    pub(super) fn moving(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// Atomic additions to device memory, at most.
    pub(super) fn adding(self, atomics: u64) -> Self {
        Self { atomics, ..self }
    }
}

/// The steps of a session that moves are charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Step {
    /// Points to the counts of the highest zoom.
    Count,
    /// The zooms below it, and statistics.
    Reduce,
    /// Kernels that make new counts.
    Spread,
    /// Counts to indices on the host.
    Shade,
}

const STEPS: [(Step, &str); 4] =
    [(Step::Count, "count"), (Step::Reduce, "reduce"), (Step::Spread, "spread"), (Step::Shade, "shade")];

/// A kind of move or call.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(super) enum Move {
    /// Bytes from host memory to the device's.
    Up,
    /// Bytes from device memory to the host's.
    Down,
    /// Bytes from device memory to device memory.
    Copied,
    /// Bytes that the host copied into or out of buffers.
    Host,
    /// Bytes that shaders read and wrote.
    Device,
    /// Atomic additions.
    Atomics,
    /// Dispatches.
    Dispatches,
    /// Submissions.
    Submits,
    /// Buffers made.
    Buffers,
}

#[derive(Debug, Default)]
struct OfPass {
    points: AtomicU64,
    tiles: AtomicU64,
    dispatches: AtomicU64,
    bytes: AtomicU64,
    atomics: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The tally of one device.
#[derive(Debug)]
pub(super) struct Tally {
    passes: [OfPass; Pass::ALL.len()],
    steps: [[AtomicU64; 9]; STEPS.len()],
    step: AtomicUsize,
}

impl Default for Tally {
    fn default() -> Self {
        Self { passes: Default::default(), steps: Default::default(), step: AtomicUsize::new(Step::Count as usize) }
    }
}

impl Tally {
    /// What follows belongs to `step`.
    pub(super) fn begin(&self, step: Step) {
        self.step.store(step as usize, Ordering::Relaxed);
    }

    /// Counts a move or call.
    pub(super) fn note(&self, what: Move, amount: u64) {
        let step = self.step.load(Ordering::Relaxed);
        self.steps[step][what as usize].fetch_add(amount, Ordering::Relaxed);
    }

    /// Counts a dispatch.
    pub(super) fn dispatched(&self, pass: Pass, handled: Handled) {
        let of = &self.passes[pass as usize];
        of.points.fetch_add(handled.points, Ordering::Relaxed);
        of.tiles.fetch_add(handled.tiles, Ordering::Relaxed);
        of.bytes.fetch_add(handled.bytes, Ordering::Relaxed);
        of.atomics.fetch_add(handled.atomics, Ordering::Relaxed);
        of.dispatches.fetch_add(1, Ordering::Relaxed);
        self.note(Move::Device, handled.bytes);
        self.note(Move::Atomics, handled.atomics);
        self.note(Move::Dispatches, 1);
    }

    /// Adds what the device's clock says of a pass.
    pub(super) fn took(&self, pass: Pass, nanoseconds: u64) {
        self.passes[pass as usize].nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Nanoseconds of a pass so far.
    pub(super) fn nanoseconds(&self, pass: Pass) -> u64 {
        self.passes[pass as usize].nanoseconds.load(Ordering::Relaxed)
    }

    /// What each shader of `table` handled; with times only where they were `timed`.
    pub(super) fn work(&self, table: &Table, timed: bool) -> Vec<ShaderWork> {
        let get = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let row = |(of, shader): (&OfPass, &super::shader::Shader)| ShaderWork {
            shader: shader.name,
            points: get(&of.points),
            tiles: get(&of.tiles),
            dispatches: get(&of.dispatches),
            bytes: get(&of.bytes),
            atomics: get(&of.atomics),
            nanoseconds: timed.then(|| get(&of.nanoseconds)),
        };
        self.passes.iter().zip(table).map(row).collect()
    }

    /// What each step moved.
    pub(super) fn transfers(&self) -> Vec<Transfers> {
        let row = |&(step, name): &(Step, &'static str)| {
            let get = |what: Move| self.steps[step as usize][what as usize].load(Ordering::Relaxed);
            Transfers {
                step: name,
                up: get(Move::Up),
                down: get(Move::Down),
                copied: get(Move::Copied),
                host: get(Move::Host),
                device: get(Move::Device),
                atomics: get(Move::Atomics),
                dispatches: get(Move::Dispatches),
                submits: get(Move::Submits),
                buffers: get(Move::Buffers),
            }
        };
        STEPS.iter().map(row).collect()
    }
}
