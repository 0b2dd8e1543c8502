//! `tilefire merge`: files of counts to one.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::WorkArgs;
use super::progress::Progress;
use super::report::Pending;
use super::summary::merge_summary;
use crate::countfile::CountFile;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::render::{MergeRequest, Sources, merge_into};
use crate::source::Input;
use crate::tile::MAX_ZOOM;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MergeArgs {
    /// Files of counts, which are added up
    #[arg(value_name = "FILE.counts", required = true)]
    inputs: Vec<PathBuf>,
    /// File of counts to write
    #[arg(short, long, value_name = "OUT.counts", help_heading = "Output")]
    output: PathBuf,
    /// The zoom of the result [default: the lowest of all files]
    #[arg(short, long, visible_alias = "zooms", value_name = "ZOOM", value_parser = clap::value_parser!(u8).range(..=i64::from(MAX_ZOOM)), help_heading = "Output")]
    zoom: Option<u8>,
    /// Take the counts of this file out again, which was added before; may be given several times
    #[arg(long, value_name = "FILE.counts", help_heading = "Choose")]
    minus: Vec<PathBuf>,
    /// Add files up that have rows in common
    #[arg(long, help_heading = "Choose")]
    allow_duplicates: bool,
    /// Add shares of an input up although some are missing
    #[arg(long, help_heading = "Choose")]
    partial: bool,
    /// Count what is doubtful as a whole nevertheless
    #[arg(long, help_heading = "Choose")]
    accept_doubt: bool,
    #[command(flatten)]
    work: WorkArgs,
    /// Replace a file of counts that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    report: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire merge monday.counts tuesday.counts -o week.counts
  tilefire merge year.counts -o since-june.counts --minus january.counts --minus february.counts
  tilefire merge detailed.counts -o coarse.counts -z 8";

pub(super) fn run(args: MergeArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let open = |paths: &[PathBuf]| paths.iter().map(|path| CountFile::open(path)).collect::<Result<Vec<_>>>();
    let request = MergeRequest {
        files: open(&args.inputs)?,
        minus: open(&args.minus)?,
        zoom: args.zoom,
        allow_duplicates: args.allow_duplicates,
        partial: args.partial,
        accept_doubt: args.accept_doubt,
        resources: args.work.resources(),
        out: args.output,
        force: args.force,
    };
    let inputs = args.inputs.iter().chain(&args.minus).cloned().map(Input::File).collect();
    let sources = Sources::new(inputs);
    let pending = Pending::begin(args.report.as_deref(), &sources, &request.out, request.force)?;
    let ran = {
        let _progress = Progress::start(monitor, args.quiet);
        merge_into(&request, monitor)?
    };
    if !args.quiet {
        let text = merge_summary(&ran, &request.out.display().to_string());
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let done = format!("the counts in {} are complete", request.out.display());
    pending.map_or(Ok(()), |pending| pending.write(&ran, &sources, &done))
}
