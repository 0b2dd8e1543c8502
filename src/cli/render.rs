//! `tilefire render`: point files to tiles.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, SourceArgs, StyleArgs};
use super::progress::Progress;
use super::summary::summary;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::{self, Request, Sources};
use crate::source::Input;
use crate::tile::ZoomRange;

#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// Folder of tiles to write, or a file ending in .pmtiles
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Zooms to make, both ends included: 0..10, 0-10 or one number, at most 24
    #[arg(short, long, default_value = "0..10", value_name = "ZOOMS")]
    zooms: ZoomRange,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    /// Read and count only: tiles per zoom, and the bytes, memory and time to expect
    #[arg(long)]
    dry_run: bool,
    /// Replace an output that tilefire made
    #[arg(long)]
    force: bool,
    /// Leave out the map page
    #[arg(long)]
    no_page: bool,
    /// Address the tiles will be served from, for absolute URLs in metadata.json
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: RenderArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let (quiet, report_path) = (args.quiet, args.report.clone());
    let mut request = request(args)?;
    // Who asks for a report wants the times of the device, too.
    request.resources.gpu.timestamps = report_path.is_some();
    if let Some(path) = &report_path {
        check_report_place(path, &request.sources, &request.out)?;
    }
    let report = {
        let _progress = Progress::start(monitor, quiet);
        render::run(&request, monitor)?
    };
    if !quiet {
        let text = summary(&report, &request.out.display().to_string());
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let done =
        if request.dry_run { String::new() } else { format!("the tiles in {} are complete", request.out.display()) };
    report_path.map_or(Ok(()), |path| write_report(&report, &path, &done))
}

/// What was typed, checked and ready.
fn request(args: RenderArgs) -> Result<Request> {
    Ok(Request {
        sources: args.sources.sources()?,
        zooms: args.zooms,
        style: args.style.style()?,
        resources: args.resources.resources()?,
        out: args.output,
        force: args.force,
        page: !args.no_page,
        base_url: args.base_url,
        dry_run: args.dry_run,
    })
}

/// Refuses a report that would write over an input or into the output, or that has no folder to lie in: before the
/// work, not after it.
pub(super) fn check_report_place(path: &Path, sources: &Sources, out: &Path) -> Result<()> {
    let shown = path.display();
    let is_input = |input: &Input| matches!(input, Input::File(file) if same_place(file, path));
    if sources.inputs.iter().any(is_input) {
        return Err(Error::Usage(format!(
            "--report {shown} is an input, which it would write over; name another file"
        )));
    }
    let (place, whole) = (place(path), place(out));
    if place.starts_with(&whole) {
        return Err(Error::Usage(format!(
            "--report {shown} is or lies in the output {}; name a file beside it",
            out.display()
        )));
    }
    if path.is_dir() {
        return Err(Error::Usage(format!("--report {shown} is a folder; name a file")));
    }
    // A folder on the way to the output is made with it.
    match place.parent() {
        Some(folder) if !folder.is_dir() && !whole.starts_with(folder) => {
            Err(Error::Usage(format!("--report {shown}: there is no folder {}; make it first", folder.display())))
        }
        _ => Ok(()),
    }
}

fn same_place(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The absolute path of what may not exist yet, without symbolic links on the way to it where its folder exists.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Writes a report; `done` says what is complete all the same if that fails.
pub(super) fn write_report(report: &impl serde::Serialize, path: &Path, done: &str) -> Result<()> {
    let mut text = serde_json::to_string_pretty(report).map_err(|e| Error::Internal(e.to_string()))?;
    text.push('\n');
    std::fs::write(path, text).map_err(|e| {
        let done = if done.is_empty() { String::new() } else { format!("; {done}") };
        Error::Output(format!("cannot write the report to {}: {e}{done}", path.display()))
    })
}
