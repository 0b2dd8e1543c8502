//! The GPU. Points of dense tiles stream to the device and are binned at once (`resident`); those of sparse
//! tiles wait on the host and are counted there. When the dense tiles do not fit the device, or what waits does not
//! fit its memory, all points wait in buckets that are worked off some at a time (`buckets`). What was
//! counted is painted (`paint`) from where it lies. Every pass is a shader and a file here of the same name; `passes`
//! lists them, `device` runs them, `opening` gets the device.
//!
//! Gives the same bytes as the CPU session, on every adapter and under any limits.

mod adapter;
mod add;
mod again;
mod batches;
mod bin;
mod blur;
mod buckets;
mod buffer;
mod calibrate;
mod count;
mod description;
mod device;
mod halo;
mod loader;
mod locks;
mod memory;
mod new_counts;
mod opening;
mod options;
mod output;
mod pack;
mod paint;
mod passes;
mod planes;
mod push;
mod readback;
mod reduce;
mod resident;
mod session;
mod shade;
mod shader;
mod slots;
mod spread;
mod stats;
mod table;
mod tally;
mod tiles;
mod timing;
mod widen;

pub use adapter::{adapters, choose};
pub use calibrate::{Calibration, calibrate};
pub use description::{AdapterDescription, AdapterKind, Choice};
pub use opening::OpenDevice;
pub use options::{ForcedLimits, GpuOptions};
pub use paint::{GpuPaint, paint};
pub use session::GpuCount;
