//! Sorted records of tiles on their way into an output.

use crate::error::Result;
use crate::monitor::Monitor;

/// Records between two looks at the monitor.
const STRETCH: u64 = 1 << 14;

/// Records, with an end when the monitor is cancelled.
pub(super) fn watched<'a, const N: usize>(
    records: impl Iterator<Item = Result<[u64; N]>> + 'a,
    monitor: &'a Monitor,
) -> impl Iterator<Item = Result<[u64; N]>> + 'a {
    (0u64..).zip(records).map(move |(at, record)| {
        if at % STRETCH == 0 {
            monitor.check()?;
        }
        record
    })
}
