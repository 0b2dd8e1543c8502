//! Stands in for the GPU in a build without it: there is no adapter, and asking for one says how to build with it.

#[path = "gpu/description.rs"]
mod description;
#[path = "gpu/options.rs"]
mod options;

use std::sync::Arc;

use super::{Count, Memory, Paint, Plan, PointPush};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::store::CountStore;

pub use description::{AdapterDescription, AdapterKind, Choice};
pub use options::{ForcedLimits, GpuOptions};

fn absent() -> Error {
    Error::NoAdapter(
        "this tilefire was built without the GPU backend; build it with 'cargo build --release --features gpu', or use \
         --backend cpu"
            .into(),
    )
}

/// The adapters of this machine as far as this build can see them: none.
pub fn adapters() -> Vec<AdapterDescription> {
    Vec::new()
}

/// Always fails: says how to build with the GPU backend.
pub fn choose(_: &[AdapterDescription], _: Choice<'_>) -> Result<usize> {
    Err(absent())
}

/// A device, of which there is none.
#[derive(Debug, Clone, Copy)]
pub enum OpenDevice {}

impl OpenDevice {
    /// Always fails, as [`choose`] does.
    pub fn open(_: &GpuOptions, _: &Arc<Monitor>) -> Result<Self> {
        Err(absent())
    }
}

/// Cannot be called: there is no device.
pub fn paint(device: OpenDevice, _: CountStore, _: Memory, _: &Arc<Monitor>) -> Result<Box<dyn Paint>> {
    match device {}
}

/// Points that are counted on a GPU, which cannot be.
#[derive(Debug, Clone, Copy)]
pub struct GpuCount(OpenDevice);

impl GpuCount {
    /// Cannot be called: there is no device.
    pub fn on(_: Plan, device: OpenDevice, _: usize) -> Result<Self> {
        Ok(Self(device))
    }
}

impl Count for GpuCount {
    fn pusher(&self) -> Box<dyn PointPush + '_> {
        match self.0 {}
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Paint>> {
        match self.0 {}
    }
}
