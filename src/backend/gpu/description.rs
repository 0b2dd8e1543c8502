//! What is known of an adapter, and what a person may ask for: data only, so that a program without a GPU backend can
//! speak of adapters too.

use std::fmt;

use crate::error::{Error, Result};

/// What an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A graphics card with its own memory.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A share of a GPU given to a virtual machine.
    Virtual,
    /// Not told by the driver.
    Other,
    /// A program on the processor that acts as a GPU.
    Software,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Software => "software",
        })
    }
}

/// One adapter as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AdapterDescription {
    /// The driver's name for it.
    pub name: String,
    /// Graphics interface: "vulkan", "metal", "dx12", "gl".
    pub interface: String,
    /// What it is.
    pub kind: AdapterKind,
    /// Driver name and version.
    pub driver: String,
    /// Vendor number, 0 when unknown.
    pub vendor: u32,
    /// Device number of the vendor, 0 when unknown.
    pub device: u32,
    /// Largest storage binding in bytes.
    pub max_binding: u64,
    /// Largest buffer in bytes.
    pub max_buffer: u64,
    /// Workgroup memory in bytes.
    pub workgroup_memory: u32,
    /// Storage buffers a shader may see.
    pub storage_buffers: u32,
    /// Whether it has subgroup operations.
    pub subgroups: bool,
    /// Lanes of a subgroup, smallest and largest.
    pub subgroup_size: (u32, u32),
}

impl fmt::Display for AdapterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.kind, self.interface)
    }
}

/// What the person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The best real GPU.
    Auto,
    /// The best adapter whose name holds this text, in any case; software adapters too.
    Named(&'a str),
}

impl<'a> Choice<'a> {
    /// The best adapter of that name. Every name holds an empty one, which would choose without naming anything.
    pub fn named(part: &'a str) -> Result<Self> {
        if part.trim().is_empty() {
            return Err(Error::Usage("--adapter names no adapter; tilefire info lists them".into()));
        }
        Ok(Self::Named(part))
    }
}
