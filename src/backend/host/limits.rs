//! Limits that hold on every device.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Buckets are tiles of this zoom (or of the highest, if that is lower): small enough to share work between
/// cores, few enough for a chunk of each to stay open in every thread.
pub(in crate::backend) const BUCKET_ZOOM: u8 = 7;

/// Adds to the points of the run; counts are u32, so a run's points are too.
pub(in crate::backend) fn count_points(all: &AtomicU64, more: u64) -> Result<()> {
    let all = all.fetch_add(more, Ordering::Relaxed) + more;
    if all > u64::from(u32::MAX) {
        return Err(Error::Limit(format!(
            "{all} points are more than one run can count (4,294,967,295); split the input"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_up_to_32_bits() {
        let all = AtomicU64::new(u64::from(u32::MAX) - 5);
        assert!(count_points(&all, 5).is_ok());
        assert!(matches!(count_points(&all, 1), Err(Error::Limit(_))));
    }
}
