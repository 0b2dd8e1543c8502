//! `tilefire image`: point files to one picture.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, SourceArgs, StyleArgs};
use super::kept::{check_measure, instead, kept, weight_of};
use super::progress::Progress;
use super::report::{self, Pending, Rejects};
use super::summary::picture_summary;
use super::values;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::paper::placing::LegendPlace;
use crate::render::image::{ImageRequest, View, image};
use crate::tile::MAX_PICTURE;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImageArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// PNG file to write
    #[arg(short, long, value_name = "OUT.png", help_heading = "Output")]
    output: PathBuf,
    /// What to show: west,south,east,north in degrees, or world [default: the box around all points, also those that
    /// --min-count hides]
    #[arg(long, value_name = "W,S,E,N", value_parser = values::view, allow_hyphen_values = true, help_heading = "Output")]
    bbox: Option<View>,
    /// Pixels from west to east, at most 20000 [default: what fits the height; 1200 on the longer side]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PICTURE)), help_heading = "Output")]
    width: Option<u32>,
    /// Pixels from north to south, at most 20000 [default: what fits the width]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PICTURE)), help_heading = "Output")]
    height: Option<u32>,
    /// Draw the legend, into the corner where it hides least, into another, or beside the picture, which it makes wider
    /// [auto, beside, top-left, top-right, bottom-left, bottom-right]
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "auto", help_heading = "Output")]
    legend: Option<LegendPlace>,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    /// Replace a picture that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    report: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Tell of the work too: what did it, and the seconds of each stage
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire image accidents.csv -o map.png --width 2000 --legend
  tilefire image trips.csv -o london.png --bbox=-0.6,51.2,0.4,51.8 --theme dark --background dark";

pub(super) fn run(args: ImageArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let (quiet, verbose) = (args.quiet, args.verbose);
    let (report_path, rejects_path) = (args.report.clone(), args.sources.rejects.clone());
    let kept = kept(&args.sources.inputs)?;
    let mut sources = args.sources.sources()?;
    let mut weight = sources.read.weight.clone();
    if let Some(file) = kept {
        check_measure(&args.style, &file)?;
        weight = weight_of(&file);
        sources = instead(&sources, file)?;
    }
    let mut request = ImageRequest {
        style: args.style.style(None, weight.as_ref())?,
        sources,
        resources: args.resources.resources()?,
        out: args.output,
        force: args.force,
        view: args.bbox.unwrap_or(View::Data),
        width: args.width,
        height: args.height,
        legend: args.legend,
    };
    let (report, rejects) = (report_path.as_deref(), rejects_path.as_deref());
    let rejects = Rejects::begin(rejects, report, &mut request.sources, &request.out, request.force)?;
    let pending = Pending::begin(report, &request.sources, &request.out, request.force)?;
    let ran = {
        let _progress = Progress::start(monitor, quiet);
        image(&request, monitor)
    };
    let ran = report::with_rejects(ran, rejects, &request.sources)?;
    if !quiet {
        let text = picture_summary(&ran, &request.out.display().to_string(), verbose);
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let done = format!("the picture {} is complete", request.out.display());
    pending.map_or(Ok(()), |pending| pending.write(&ran, &request.sources, &done))
}
