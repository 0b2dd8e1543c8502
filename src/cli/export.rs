//! `tilefire export`: counts to files that other programs read.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::WorkArgs;
use super::progress::Progress;
use super::shade::choose;
use super::values::{self, grouped};
use crate::countfile::CountFile;
use crate::error::{Error, Result};
use crate::exchange::Cells;
use crate::monitor::Monitor;
use crate::render::image::View;
use crate::render::{ExportRequest, Kept, export_from};
use crate::source::Condition;
use crate::tile::MAX_ZOOM;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArgs {
    /// File of counts, which tilefire count made
    #[arg(value_name = "FILE.counts")]
    input: PathBuf,
    /// File to write; its ending says what: .parquet, .arrow or .csv with a row for each lit pixel, or .tif, a cloud-optimised
    /// GeoTIFF in EPSG:3857
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    /// The zoom whose pixels are exported [default: that of the file]
    #[arg(short, long, visible_alias = "zooms", value_name = "ZOOM", value_parser = clap::value_parser!(u8).range(..=i64::from(MAX_ZOOM)), help_heading = "Output")]
    zoom: Option<u8>,
    /// Put pixels together in hexagons of H3 of this resolution, 0 to 15; each goes whole to the one its centre lies in
    #[arg(long, value_name = "RES", value_parser = clap::value_parser!(u8).range(..=15), help_heading = "Output")]
    h3: Option<u8>,
    /// Leave out cells of fewer points than this (for privacy)
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = values::count, help_heading = "Choose")]
    min_count: u32,
    /// Export only cells whose centre lies in this box: west,south,east,north in degrees
    #[arg(long, value_name = "W,S,E,N", value_parser = values::view, allow_hyphen_values = true, help_heading = "Choose")]
    bbox: Option<View>,
    /// Export only the planes of which this holds, of counts by a key: 'severity = 1', 'month in 6..8'
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true, help_heading = "Choose")]
    conditions: Vec<Condition>,
    #[command(flatten)]
    work: WorkArgs,
    /// Replace a file of cells that tilefire made
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire export trips.counts -o trips.parquet
  tilefire export trips.counts -o trips.csv --zoom 10 --min-count 5
  tilefire export trips.counts -o town.tif --bbox -0.3,51.4,0.1,51.6
  tilefire export trips.counts -o hexagons.parquet --h3 8";

pub(super) fn run(args: ExportArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let mut kept = Kept::of(CountFile::open(&args.input)?);
    choose(&mut kept, &args.conditions)?;
    let request = ExportRequest {
        kept,
        zoom: args.zoom,
        least: args.min_count,
        bbox: args.bbox.and_then(|view| if let View::Bounds(bounds) = view { Some(bounds) } else { None }),
        cells: args.h3.map_or(Cells::Pixels, Cells::Hexagons),
        resources: args.work.resources(),
        out: args.output,
        force: args.force,
    };
    let done = {
        let _progress = Progress::start(monitor, args.quiet);
        export_from(&request, monitor)?
    };
    if args.quiet {
        return Ok(());
    }
    let mut text: String = done.notices.iter().map(|notice| format!("note: {notice}\n")).collect();
    let what = if request.cells == Cells::Pixels { "cells" } else { "hexagons" };
    if done.few_cells > 0 {
        text += &format!(
            "{} {what} of fewer than {} points are left out, with {} points\n",
            grouped(done.few_cells),
            request.least,
            grouped(done.few_points)
        );
    }
    let size = done.size.map_or(String::new(), |(width, height)| format!(", {width} x {height} pixels"));
    text += &format!(
        "{} {what} with {} points{size}, {} in {} ({:.2} s)\n",
        grouped(done.cells),
        grouped(done.points),
        values::bytes(done.bytes),
        values::shown(&request.out),
        monitor.elapsed()
    );
    std::io::stderr()
        .write_all(text.as_bytes())
        .map_err(|e| Error::Output(format!("cannot write to standard error: {e}")))
}
