//! Where points wait for the last row, and counts for the colours.
//!
//! Knows nothing of backends, colours or containers. Points are kept as 64-bit Morton codes in the bucket of
//! their coarse tile; counts as blocks, per zoom in Morton order.

mod chunk;
mod counts;
mod gathering;
mod list;
mod parcels;
mod part;
mod points;
mod runs;
mod sorted;
mod spool;
mod vault;

pub use chunk::chunk_tiles;
pub use counts::{CountStore, Pyramid};
pub use gathering::{Gatherer, Gathering};
pub use parcels::{Parcel, Parcels, Sent};
pub use part::CountPart;
pub use points::{BucketKey, Coded, Heavy, Keyed, PointSink, PointStore, Tagged};
pub use runs::Runs;
pub use sorted::{Sorted, SortedIter, Sorter};
pub use spool::{PointSpool, SpoolSink};
pub(crate) use vault::read_at;
pub use vault::{Kept, Place, Vault};
