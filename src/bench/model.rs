//! How long the work would take on a device that nobody has at hand: what a run moved and asked for, over what a device
//! can do at most. The largest of the parts is the time, because they overlap; calls come on top. It is a floor for
//! today's order of work, not a promise: real devices stay below their ceilings.

use serde::Serialize;

use crate::backend::{BackendReport, Transfers};

/// What a device and the way to it can do at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ceilings {
    /// What reports call it.
    pub name: &'static str,
    /// Bytes a second between host and device, each way.
    pub bus: f64,
    /// Bytes a second of device memory.
    pub memory: f64,
    /// Atomic additions a second.
    pub atomics: f64,
    /// Bytes a second that the host copies.
    pub host: f64,
    /// Seconds a dispatch takes the host to ask for and the device to begin.
    pub dispatch: f64,
    /// Seconds of a submission.
    pub submit: f64,
    /// Seconds to make a buffer.
    pub buffer: f64,
}

/// Cards of PCIe 4 with fast memory, where additions meet at few addresses or are spread out.
pub const CEILINGS: [Ceilings; 2] =
    [Ceilings { name: "25 GB/s bus, 2 TB/s memory, 4 G atomics/s", atomics: 4e9, ..SPREAD_OUT }, SPREAD_OUT];

const SPREAD_OUT: Ceilings = Ceilings {
    name: "25 GB/s bus, 2 TB/s memory, 100 G atomics/s",
    bus: 25e9,
    memory: 2e12,
    atomics: 100e9,
    host: 10e9,
    dispatch: 5e-6,
    submit: 20e-6,
    buffer: 5e-6,
};

/// What one step would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Predicted {
    /// The step: count, reduce, spread, shade.
    pub step: &'static str,
    /// Seconds.
    pub seconds: f64,
    /// What takes the longest of it: "bus", "memory", "atomics", "host copies" or "calls".
    pub bound: &'static str,
}

/// What the steps of a run would take under some ceilings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The ceilings.
    pub ceilings: Ceilings,
    /// Each step that did something.
    pub steps: Vec<Predicted>,
    /// All of them.
    pub seconds: f64,
}

/// Predicts a run from its report; `left` is the share of additions that merging equal pixels leaves.
pub fn predict(report: &BackendReport, left: f64) -> Vec<Prediction> {
    if report.transfers.is_empty() {
        return Vec::new();
    }
    let with = |ceilings: Ceilings| {
        let busy = report.transfers.iter().filter(|moved| moved.submits > 0);
        let steps: Vec<Predicted> = busy.map(|moved| step(moved, left, &ceilings)).collect();
        Prediction { ceilings, seconds: steps.iter().map(|step| step.seconds).sum(), steps }
    };
    CEILINGS.into_iter().map(with).collect()
}

fn step(moved: &Transfers, left: f64, ceilings: &Ceilings) -> Predicted {
    let over = |amount: u64, speed: f64| amount as f64 / speed;
    // What crosses the bus is read or written on the device, too; what is copied within is both.
    let memory = moved.up + moved.down + 2 * moved.copied + moved.device;
    let parts = [
        ("bus", over(moved.up.max(moved.down), ceilings.bus)),
        ("memory", over(memory, ceilings.memory)),
        ("atomics", over(moved.atomics, ceilings.atomics) * left),
        ("host copies", over(moved.host, ceilings.host)),
    ];
    let calls = moved.dispatches as f64 * ceilings.dispatch
        + moved.submits as f64 * ceilings.submit
        + moved.buffers as f64 * ceilings.buffer;
    let (name, longest) = parts.into_iter().fold(("calls", 0.0), |a, b| if b.1 > a.1 { b } else { a });
    let bound = if calls > longest { "calls" } else { name };
    Predicted { step: moved.step, seconds: longest + calls, bound }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(moved: Transfers) -> BackendReport {
        BackendReport { transfers: vec![moved], ..BackendReport::default() }
    }

    #[test]
    fn the_longest_part_is_the_time() {
        let moved = Transfers { step: "count", up: 25_000_000_000, submits: 1, ..Transfers::default() };
        let [few, spread] = &predict(&report(moved.clone()), 1.0)[..] else { panic!() };
        assert_eq!((few.steps[0].bound, few.steps[0].step), ("bus", "count"));
        assert!((few.seconds - 1.0).abs() < 1e-3 && few.seconds == spread.seconds);
        let moved = Transfers { atomics: 40_000_000_000, ..moved };
        let [few, spread] = &predict(&report(moved.clone()), 0.5)[..] else { panic!() };
        assert_eq!((few.steps[0].bound, spread.steps[0].bound), ("atomics", "bus"));
        assert!((few.seconds - 5.0).abs() < 1e-3);
        let moved = Transfers { dispatches: 1_000_000, ..moved };
        assert_eq!(predict(&report(moved), 0.5)[0].steps[0].bound, "calls");
        assert!(predict(&BackendReport::default(), 1.0).is_empty());
    }
}
