//! What both devices leave to the host, written once: tiles of few points are sorted and counted as lists, few lit
//! pixels are spread shape by shape, and neighbours learn what lies along their borders. The dense ways are each
//! backend's own.

mod borders;
mod forms;
pub(super) mod isolation;
mod limits;
mod masks;
mod partition;
mod surroundings;

#[cfg(test)]
pub(super) use borders::within;
pub(super) use borders::{Borders, for_each_area};
pub(super) use forms::{LIST_MAX, leave};
#[cfg(feature = "gpu")]
pub(super) use forms::{leave_list, lit_of, lit_of_list};
pub(super) use limits::{BUCKET_ZOOM, add_weights, count_points};
#[cfg(feature = "gpu")]
pub(super) use masks::few;
#[cfg(any(test, feature = "gpu"))]
pub(super) use masks::{new_counts, stamp};
pub(super) use masks::{settle, weigh};
pub(super) use partition::{PASS_BITS, Runs, partition, push_sorted, run};
pub(super) use surroundings::surroundings;
