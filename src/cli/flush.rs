//! `tilefire flush`, which people do not call: a run has another process wait for the disk, so that it can end itself
//! while that takes long.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::staging::flush_here;

#[derive(Debug, Args)]
pub(super) struct FlushArgs {
    /// Flush this file only, not all of its file system
    #[arg(long)]
    file: bool,
    path: PathBuf,
}

/// The exit code is the system's number of the error.
pub(super) fn run(args: &FlushArgs) -> ExitCode {
    match flush_here(&args.path, args.file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => e.raw_os_error().and_then(|number| u8::try_from(number).ok()).unwrap_or(1).into(),
    }
}
