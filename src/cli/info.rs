//! `tilefire info`: which adapters there are and what `--backend auto` would take.

use clap::Args;

use super::values;
use crate::backend::gpu;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InfoArgs) -> Result<()> {
    let adapters = gpu::adapters();
    if args.json {
        let text = serde_json::to_string_pretty(&adapters).map_err(|e| Error::Internal(e.to_string()))?;
        return super::print(&(text + "\n"));
    }
    let mut text = String::new();
    for adapter in &adapters {
        text += &format!(
            "{} ({}, {})\n  driver {}\n  largest storage binding {}, largest buffer {}, workgroup memory {}, subgroups {}\n",
            adapter.name,
            adapter.kind,
            adapter.interface,
            if adapter.driver.is_empty() { "unknown" } else { &adapter.driver },
            values::bytes(adapter.max_binding),
            values::bytes(adapter.max_buffer),
            values::bytes(adapter.workgroup_memory.into()),
            if adapter.subgroups { "yes" } else { "no" },
        );
    }
    text += &match gpu::choose(&adapters, gpu::Choice::Auto) {
        Ok(chosen) => format!("--backend auto takes {}\n", adapters[chosen].name),
        Err(reason) => format!("--backend auto takes the CPU: {reason}\n"),
    };
    super::print(&text)
}
