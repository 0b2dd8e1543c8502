//! Stands in for `tilefire serve` in a build without the server: says how to build with it.

use clap::Args;

use crate::error::{Error, Result};
use crate::monitor::Monitor;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Whatever was asked for
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<std::ffi::OsString>,
}

/// Always fails.
pub(super) fn run(_: ServeArgs, _: &Monitor) -> Result<()> {
    Err(Error::Usage(
        "this tilefire was built without the server; build it with 'cargo build --release --features serve'".into(),
    ))
}
