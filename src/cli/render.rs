//! `tilefire render`: point files to tiles.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, SourceArgs, StyleArgs};
use super::choose::boxed;
use super::library::LibraryArgs;
use super::progress::Progress;
use super::report::{self, Pending, Rejects};
use super::set::SetArgs;
use super::span::Other;
use super::summary::summary;
use super::values;
use crate::container::write::Container;
use crate::error;
use crate::monitor::Monitor;
use crate::render::depth::HIGHEST;
use crate::render::image::View;
use crate::render::{self, Request};
use crate::source::Notice;
use crate::tile::ZoomRange;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RenderArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// Folder of tiles to write; or a file ending in .pmtiles or .mbtiles, or in .html: one page with everything in it
    #[arg(short, long, value_name = "OUT", help_heading = "Output")]
    output: PathBuf,
    /// Zooms to make, both ends included: 0..10, 0-10 or one number, at most 24; auto or 4..auto finds the highest from how
    /// far apart the points are, 18 at most
    ///
    /// With --tile-size 512 or --retina the highest there can be is 23.
    #[arg(
        short,
        long,
        visible_alias = "levels",
        default_value = "0..10",
        value_name = "ZOOMS",
        help_heading = "Output"
    )]
    zooms: ZoomsArg,
    /// Take only points in this box: west,south,east,north in degrees
    #[arg(long, value_name = "W,S,E,N", value_parser = values::view, allow_hyphen_values = true, help_heading = "Choose")]
    bbox: Option<View>,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    /// Read and count only: the tiles, bytes, memory and time to expect
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Replace an output that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Write a map page beside a .pmtiles file too, OUT.html, for a web server that has both
    #[arg(long, conflicts_with = "no_page", help_heading = "Page", hide_short_help = true)]
    page: bool,
    /// Leave out the map page
    #[arg(long, help_heading = "Page")]
    no_page: bool,
    #[command(flatten)]
    set: SetArgs,
    #[command(flatten)]
    library: LibraryArgs,
    /// Address the tiles will be served from: with it MapLibre and QGIS can take metadata.json as their TileJSON
    #[arg(long, value_name = "URL", help_heading = "Output", hide_short_help = true)]
    base_url: Option<String>,
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
  tilefire render accidents-2015.csv accidents-2016.csv -o tiles
  tilefire render 'data/**/*.csv.gz' -o trips.pmtiles -z auto --theme dark
  tilefire render survey.csv -o out --crs EPSG:27700 --x easting --y northing
  tilefire render points.csv -o map.html -z 0..9 --colormap fire --spread 0
  tilefire render quakes.csv -o magnitude --weight mag --measure mean --theme light
  tilefire render crashes.csv -o fatal --where 'severity = 1' --where 'date in 2023..2024' --within city.geojson
  zcat big.csv.gz | tilefire render - -o out.mbtiles --memory 2G --report run.json";

pub(super) fn run(args: RenderArgs, monitor: &Arc<Monitor>) -> error::Result<()> {
    let (quiet, verbose) = (args.quiet, args.verbose);
    let (report_path, rejects_path) = (args.report.clone(), args.sources.rejects.clone());
    let (mut request, other) = request(args)?;
    // Who asks for a report wants the times of the device, too.
    request.resources.gpu.timestamps = report_path.is_some();
    let (report, rejects) = (report_path.as_deref(), rejects_path.as_deref());
    let rejects = Rejects::begin(rejects, report, &mut request.sources, &request.out, request.force)?;
    let pending = Pending::begin(report, &request.sources, &request.out, request.force)?;
    let ran = {
        let _progress = Progress::start(monitor, quiet);
        render::run(&request, monitor)
    };
    let mut ran = report::with_rejects(ran, rejects, &request.sources)?;
    let unlike = other.and_then(|other| other.unlike(&request.style, &ran.colormap));
    ran.notices.extend(unlike.map(|text| Notice::new("span", text)));
    if !quiet {
        let mut text = summary(&ran, &request.out.display().to_string(), verbose);
        if request.base_url.is_none() && !request.dry_run && Container::of(&request.out)? == Container::Folder {
            text += "the addresses in metadata.json are relative: for MapLibre or QGIS name where the tiles will be, such as \
                     --base-url https://example.com/tiles, or use tilefire serve\n";
        }
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let done =
        if request.dry_run { String::new() } else { format!("the tiles in {} are complete", request.out.display()) };
    pending.map_or(Ok(()), |pending| pending.write(&ran, &request.sources, &done))
}

/// Zooms as they are typed.
#[derive(Debug, Clone, Copy)]
enum ZoomsArg {
    These(ZoomRange),
    /// From this one to one that is found.
    From(u8),
}

impl FromStr for ZoomsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(least) = text.strip_suffix("auto") else { return text.parse().map(Self::These) };
        let least = ["..=", "..", "-"].iter().find_map(|between| least.strip_suffix(between)).unwrap_or(least);
        let least = if least.is_empty() { Ok(0) } else { least.trim().parse() };
        let wrong = || format!("'{text}' is no zoom range; write auto, or 4..auto with a zoom up to {HIGHEST}");
        least.ok().filter(|least| *least <= HIGHEST).map(Self::From).ok_or_else(wrong)
    }
}

/// What was typed, checked and ready, and the set whose spans it takes.
fn request(args: RenderArgs) -> error::Result<(Request, Option<Other>)> {
    let (labels, form) = args.set.set();
    let (zooms, auto_zoom) = match args.zooms {
        ZoomsArg::These(zooms) => (zooms, false),
        ZoomsArg::From(min) => (ZoomRange { min, max: HIGHEST }, true),
    };
    let mut sources = args.sources.sources()?;
    sources.region = boxed(sources.region, args.bbox.as_ref());
    let style = args.style.style(Some((zooms, form)), sources.read.weight.as_ref())?;
    // Read before the run, which may replace it.
    let other = args.style.other()?;
    let request = Request {
        sources,
        zooms,
        auto_zoom,
        style,
        resources: args.resources.resources()?,
        out: args.output,
        force: args.force,
        page: !args.no_page,
        page_beside: args.page,
        library: args.library.library(),
        base_url: args.base_url,
        labels,
        form,
        dry_run: args.dry_run,
    };
    Ok((request, other))
}
