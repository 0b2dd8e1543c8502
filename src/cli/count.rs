//! `tilefire count`: point files to a file of counts.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, SourceArgs};
use super::choose::boxed;
use super::key::KeyArgs;
use super::progress::Progress;
use super::report::{self, Pending, Rejects};
use super::summary::count_summary;
use super::values;
use crate::countfile::CountFile;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::depth::HIGHEST;
use crate::render::image::View;
use crate::render::{CountRequest, count_into};
use crate::tile::{MAX_ZOOM, ZoomRange};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CountArgs {
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// File of counts to write, such as trips.counts
    #[arg(short, long, value_name = "OUT.counts", required_unless_present = "add_to", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Add to the counts in this file instead, which is replaced when all is done; rows that it has already are refused
    #[arg(long, value_name = "FILE.counts", conflicts_with_all = ["output", "shard", "force"], help_heading = "Output")]
    add_to: Option<PathBuf>,
    /// Add rows that the file has already
    #[arg(long, requires = "add_to", help_heading = "Output", hide_short_help = true)]
    allow_duplicates: bool,
    /// Count one share of all rows, such as 3/8, for tilefire merge to add up: each machine counts another one
    #[arg(long, value_name = "I/N", value_parser = values::share_of, help_heading = "Output")]
    shard: Option<(u32, u32)>,
    /// The zoom whose pixels are counted, at most 24; every lower one follows from it. auto finds it from how far apart the
    /// points are, 18 at most [default: 10; with --add-to that of the file]
    #[arg(short, long, visible_alias = "zoom", value_name = "ZOOM", help_heading = "Output")]
    zooms: Option<ZoomArg>,
    /// Take only points in this box: west,south,east,north in degrees
    #[arg(long, value_name = "W,S,E,N", value_parser = values::view, allow_hyphen_values = true, help_heading = "Choose")]
    bbox: Option<View>,
    #[command(flatten)]
    resources: ResourceArgs,
    /// Replace a file of counts that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE", help_heading = "Output", hide_short_help = true)]
    report: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Tell of the work too: what did it, and the seconds of each stage
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire count trips.csv -o trips.counts -z 12
  tilefire shade trips.counts -o trips.pmtiles --theme dark
  tilefire count crashes.csv -o hurt.counts --weight casualties
  tilefire count crashes.csv -o hours.counts --by 'hour(time)'
  tilefire count today.csv --add-to all.counts
  tilefire count big.csv -o 3.counts -z 14 --shard 3/8";

/// A zoom as it is typed.
#[derive(Debug, Clone, Copy)]
enum ZoomArg {
    This(u8),
    Found,
}

impl FromStr for ZoomArg {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Found);
        }
        let wrong = || format!("'{text}' is no zoom; write one from 0 to {MAX_ZOOM}, or auto");
        // As render has them; those below the highest are there anyway.
        let zooms: ZoomRange = text.parse().map_err(|_| wrong())?;
        if zooms.min == 0 || zooms.min == zooms.max {
            Ok(Self::This(zooms.max))
        } else {
            Err(format!("'{text}' leaves out low zooms, which follow from higher ones; write the highest one alone"))
        }
    }
}

pub(super) fn run(args: CountArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let (quiet, verbose) = (args.quiet, args.verbose);
    let (report_path, rejects_path) = (args.report.clone(), args.sources.rejects.clone());
    let mut sources = args.sources.sources_by(args.key.key()?)?;
    sources.region = boxed(sources.region, args.bbox.as_ref());
    let add = args.add_to.is_some();
    let (zoom, auto_zoom) = match (args.zooms, &args.add_to) {
        (Some(ZoomArg::This(zoom)), _) => (zoom, false),
        (Some(ZoomArg::Found), _) => (HIGHEST, true),
        (None, None) => (10, false),
        (None, Some(to)) => (CountFile::open(to)?.about().zoom, false),
    };
    if let Some(to) = &args.add_to {
        let least = CountFile::open(to)?.about().zoom;
        if zoom < least && !auto_zoom {
            return Err(Error::Usage(format!(
                "{} has zooms up to {least}, and -z {zoom} would leave only those up to {zoom}; leave -z out, or make a lower one \
                 with tilefire merge -z {zoom}",
                to.display()
            )));
        }
        if auto_zoom {
            return Err(Error::Usage(
                "-z auto finds a zoom from the points, and --add-to has that of the file; leave it out".into(),
            ));
        }
    }
    if auto_zoom && args.shard.is_some() {
        return Err(Error::Usage(
            "-z auto looks at all rows, and a share has some of them; name the zoom with -z".into(),
        ));
    }
    let out = args.output.or(args.add_to).unwrap_or_default();
    let resources = args.resources.resources()?;
    let mut request = CountRequest {
        sources,
        zoom,
        auto_zoom,
        share: args.shard,
        add,
        allow_duplicates: args.allow_duplicates,
        resources,
        out,
        force: args.force,
    };
    let (report, rejects) = (report_path.as_deref(), rejects_path.as_deref());
    let rejects = Rejects::begin(rejects, report, &mut request.sources, &request.out, request.force)?;
    let pending = Pending::begin(report, &request.sources, &request.out, request.force)?;
    let ran = {
        let _progress = Progress::start(monitor, quiet);
        count_into(&request, monitor)
    };
    let ran = report::with_rejects(ran, rejects, &request.sources)?;
    if !quiet {
        let text = count_summary(&ran, &request.out.display().to_string(), verbose);
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let done = format!("the counts in {} are complete", request.out.display());
    pending.map_or(Ok(()), |pending| pending.write(&ran, &request.sources, &done))
}
