//! stub
#![allow(missing_docs)]
use crate::backend::*;
use crate::error::{Error, Result};
#[derive(Debug, Clone, Default)]
pub struct ForcedLimits {}
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    pub adapter: Option<String>,
    pub limits: ForcedLimits,
}
#[derive(Debug, Clone, serde::Serialize)]
pub struct AdapterDescription {
    pub name: String,
    pub kind: Kind,
    pub interface: String,
    pub driver: String,
    pub max_storage_binding: u64,
    pub max_buffer: u64,
    pub workgroup_memory: u64,
    pub subgroups: bool,
}
#[derive(Debug, Clone, serde::Serialize)]
pub enum Kind {
    A,
}
impl Kind {
    pub fn name(&self) -> &'static str {
        "a"
    }
}
pub fn adapters() -> Vec<AdapterDescription> {
    vec![]
}
pub fn choose(_: &[AdapterDescription], _: Option<&str>) -> Result<usize> {
    Err(Error::NoAdapter("there is no GPU; name a software adapter with --adapter or use --backend cpu".into()))
}
#[derive(Debug)]
pub struct GpuBackend {}
impl GpuBackend {
    pub fn new(_: Plan, o: GpuOptions) -> Result<crate::backend::cpu::CpuBackend> {
        let _ = GpuBackend {};
        choose(&[], o.adapter.as_deref())?;
        Err(Error::Internal(String::new()))
    }
}
