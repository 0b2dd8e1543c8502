//! Limits that hold on every device.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::counts::Step;
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

/// Adds to what the absolute weights of the run come to; a sum is an i64, so that is what all of them may come to. Whether
/// they do depends on no order.
pub(in crate::backend) fn add_weights(all: &AtomicU64, more: &[i64], step: Step) -> Result<()> {
    const MOST: u64 = i64::MAX as u64;
    let too_many = || {
        Error::Limit(format!(
            "weights come to more than 9,223,372,036,854,775,807 steps of {step}, the most a sum can hold; take a larger \
             --weight-step"
        ))
    };
    let more = more.iter().map(|weight| u128::from(weight.unsigned_abs())).sum::<u128>();
    let more = u64::try_from(more).ok().filter(|&more| more <= MOST).ok_or_else(too_many)?;
    // Neither is more than half of what a u64 holds, as long as nobody was refused.
    let before = all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| Some(all.saturating_add(more)));
    match before.map(|before| before.saturating_add(more)) {
        Ok(all) if all <= MOST => Ok(()),
        _ => Err(too_many()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_come_to_63_bits() {
        let all = AtomicU64::new(0);
        assert!(add_weights(&all, &[i64::MAX - 7, -3, 4], Step::default()).is_ok());
        assert!(add_weights(&all, &[], Step::default()).is_ok() && add_weights(&all, &[0], Step::default()).is_ok());
        assert!(matches!(add_weights(&all, &[-1], Step::default()), Err(Error::Limit(_))));
        assert!(add_weights(&AtomicU64::new(0), &[i64::MIN], Step::default()).is_err());
        assert!(add_weights(&AtomicU64::new(0), &[i64::MAX, i64::MAX, i64::MAX], Step::default()).is_err());
        let all = AtomicU64::new(0);
        assert!((0..9).map(|_| add_weights(&all, &[i64::MAX], Step::default())).skip(1).all(|result| result.is_err()));
    }

    #[test]
    fn a_run_counts_up_to_32_bits() {
        let all = AtomicU64::new(u64::from(u32::MAX) - 5);
        assert!(count_points(&all, 5).is_ok());
        assert!(matches!(count_points(&all, 1), Err(Error::Limit(_))));
    }
}
