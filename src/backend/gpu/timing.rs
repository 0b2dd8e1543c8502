//! The commands of one submission, and, where the adapter has a clock, when each of their passes began and ended. Times
//! come back on their own while the session waits for other things; nobody waits for them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use super::shader::Pass;
use super::tally::Tally;

/// Passes that one set of queries times.
const PASSES: u32 = 64;

/// A device's clock with the query sets that are free.
#[derive(Debug)]
pub(super) struct Clock {
    /// Nanoseconds of a tick.
    period: f64,
    free: Mutex<Vec<Set>>,
}

/// Room for the times of some passes, on the device and on their way to the host.
#[derive(Debug)]
struct Set {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    host: wgpu::Buffer,
}

/// Passes timed by one set.
#[derive(Debug)]
struct Timed {
    set: Set,
    passes: Vec<Pass>,
}

/// Commands that were not submitted yet.
#[derive(Debug)]
pub(super) struct Commands {
    encoder: wgpu::CommandEncoder,
    timed: Vec<Timed>,
}

/// Times that come with a submission.
#[derive(Debug)]
#[must_use]
pub(super) struct Times(Vec<Timed>);

impl Clock {
    /// The clock of a device whose ticks take `period` nanoseconds.
    pub(super) fn new(period: f32) -> Self {
        Self { period: period.into(), free: Mutex::default() }
    }

    fn set(&self, device: &wgpu::Device) -> Set {
        if let Some(set) = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return set;
        }
        use wgpu::BufferUsages as Usage;
        let buffer = |label, usage| {
            let size = u64::from(2 * PASSES) * 8;
            device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
        };
        Set {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("times"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PASSES,
            }),
            resolved: buffer("times", Usage::QUERY_RESOLVE | Usage::COPY_SRC),
            host: buffer("times, host", Usage::MAP_READ | Usage::COPY_DST),
        }
    }

    /// Adds what a set says to the tally, and keeps the set for the next commands.
    fn read(&self, Timed { set, passes }: Timed, tally: &Tally) {
        if let Ok(view) = set.host.get_mapped_range(..passes.len() as u64 * 16) {
            let ticks: Vec<u64> = view.chunks_exact(8).map(|b| b.try_into().map_or(0, u64::from_le_bytes)).collect();
            for (pass, ticks) in passes.iter().zip(ticks.chunks_exact(2)) {
                // Some drivers' clocks jump back when a device changes its speed.
                tally.took(*pass, (ticks[1].saturating_sub(ticks[0]) as f64 * self.period) as u64);
            }
        }
        set.host.unmap();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(set);
    }
}

impl Commands {
    /// No commands yet.
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        Self { encoder, timed: Vec::new() }
    }

    /// Begins a pass, timed where there is a clock.
    pub(super) fn begin(&mut self, device: &wgpu::Device, clock: Option<&Clock>, pass: Pass) -> wgpu::ComputePass<'_> {
        if let Some(clock) = clock
            && self.timed.last().is_none_or(|timed| timed.passes.len() >= PASSES as usize)
        {
            self.timed.push(Timed { set: clock.set(device), passes: Vec::new() });
        }
        let writes = self.timed.last_mut().map(|Timed { set, passes }| {
            let at = 2 * passes.len() as u32;
            passes.push(pass);
            wgpu::ComputePassTimestampWrites {
                query_set: &set.queries,
                beginning_of_pass_write_index: Some(at),
                end_of_pass_write_index: Some(at + 1),
            }
        });
        self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: writes })
    }

    /// The commands for the queue, and the times that come with them.
    pub(super) fn finish(self) -> (wgpu::CommandBuffer, Times) {
        let Self { mut encoder, timed } = self;
        for Timed { set, passes } in &timed {
            let queries = 2 * passes.len() as u32;
            encoder.resolve_query_set(&set.queries, 0..queries, &set.resolved, 0);
            encoder.copy_buffer_to_buffer(&set.resolved, 0, &set.host, 0, u64::from(queries) * 8);
        }
        (encoder.finish(), Times(timed))
    }
}

impl Times {
    /// Asks for the times of commands that were submitted just now.
    pub(super) fn ask(self, clock: &Arc<Clock>, tally: &Arc<Tally>) {
        for timed in self.0 {
            let (clock, tally, host) = (clock.clone(), tally.clone(), timed.set.host.clone());
            host.map_async(wgpu::MapMode::Read, .., move |result| {
                if result.is_ok() {
                    clock.read(timed, &tally);
                }
            });
        }
    }
}

impl Deref for Commands {
    type Target = wgpu::CommandEncoder;

    fn deref(&self) -> &wgpu::CommandEncoder {
        &self.encoder
    }
}

impl DerefMut for Commands {
    fn deref_mut(&mut self) -> &mut wgpu::CommandEncoder {
        &mut self.encoder
    }
}
