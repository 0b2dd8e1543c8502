//! `tilefire import`: cells that other programs wrote to a file of counts.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::WorkArgs;
use super::progress::Progress;
use super::values::{self, grouped};
use crate::counts::Step;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::{ImportRequest, import_into};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportArgs {
    /// Files of cells of one zoom, which are added up: .parquet, .arrow or .csv with the columns that tilefire export writes
    #[arg(value_name = "CELLS", required = true)]
    inputs: Vec<PathBuf>,
    /// File of counts to write
    #[arg(short, long, value_name = "OUT.counts", help_heading = "Output")]
    output: PathBuf,
    /// What the column was called whose sums the cells have [default: what the files say, or sum]
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    weight: Option<String>,
    /// What a step of the sums is worth, such as 0.01 [default: what the files say; CSV does not]
    #[arg(long, value_name = "STEP", help_heading = "Input")]
    weight_step: Option<Step>,
    #[command(flatten)]
    work: WorkArgs,
    /// Replace a file of counts that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire import cells.parquet -o cells.counts
  tilefire import sums.csv -o sums.counts --weight load --weight-step 0.01";

pub(super) fn run(args: ImportArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let request = ImportRequest {
        files: args.inputs,
        column: args.weight,
        step: args.weight_step,
        resources: args.work.resources(),
        out: args.output,
        force: args.force,
    };
    let done = {
        let _progress = Progress::start(monitor, args.quiet);
        import_into(&request, monitor)?
    };
    if args.quiet {
        return Ok(());
    }
    let mut text: String = done.notices.iter().map(|notice| format!("note: {notice}\n")).collect();
    let keys = if done.keys == 0 { String::new() } else { format!(" of {} keys", grouped(done.keys as u64)) };
    text += &format!(
        "{} rows{keys} with {} points\ncounts of zoom {} and all below, {} in {} ({:.2} s)\n",
        grouped(done.rows),
        grouped(done.points),
        done.zoom,
        values::bytes(done.bytes),
        values::shown(&request.out),
        monitor.elapsed()
    );
    std::io::stderr()
        .write_all(text.as_bytes())
        .map_err(|e| Error::Output(format!("cannot write to standard error: {e}")))
}
