//! `tilefire diff`: what two files of counts differ in, as tiles.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, StyleArgs};
use super::tiles::{Made, TilesArgs};
use crate::countfile::CountFile;
use crate::counts::{Measure, Step};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::{Combined, Kept, Sources};
use crate::shade::Weighing;
use crate::tile::ZoomRange;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiffArgs {
    /// File of counts
    #[arg(value_name = "A.counts")]
    a: PathBuf,
    /// File of counts that are taken off: what only it has is below 0
    #[arg(value_name = "B.counts")]
    b: PathBuf,
    /// Zooms to make, both ends included: 0..10, 0-10 or one number [default: all that both have]
    #[arg(short, long, visible_alias = "levels", value_name = "ZOOMS", help_heading = "Output")]
    zooms: Option<ZoomRange>,
    #[command(flatten)]
    style: StyleArgs,
    #[command(flatten)]
    resources: ResourceArgs,
    #[command(flatten)]
    tiles: TilesArgs,
}

const EXAMPLES: &str = "Examples:
  tilefire diff 2024.counts 2023.counts -o change.pmtiles --theme dark
  tilefire diff night.counts day.counts -o night-or-day --min-count 20";

pub(super) fn run(args: DiffArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let (a, b) = (CountFile::open(&args.a)?, CountFile::open(&args.b)?);
    let (one, other) = (a.about(), b.about());
    let weight = |about: &crate::countfile::About| about.weight.as_ref().map(|w| (w.column.clone(), w.step()));
    if weight(one) != weight(other) {
        return Err(Error::Input(format!(
            "{} and {} have no difference: their weights are of other columns or in other steps, or one has none",
            args.a.display(),
            args.b.display()
        )));
    }
    if args.style.measures() {
        return Err(Error::Usage(
            "--measure says what is drawn of one file, and diff draws what two differ in; leave it out".into(),
        ));
    }
    let form = args.tiles.form();
    let lowest = one.zoom.min(other.zoom);
    let highest = lowest.checked_sub(form.steps()).ok_or_else(|| {
        Error::Usage("tiles of 512 pixels are made of those of the next zoom, and one file has zoom 0 alone".into())
    })?;
    let zooms = args.zooms.unwrap_or(ZoomRange { min: 0, max: highest });
    if zooms.max > highest {
        return Err(Error::Usage(format!(
            "-z {}..{} is more than both files have; they have zooms up to {highest}",
            zooms.min, zooms.max
        )));
    }
    let name = |path: &PathBuf| path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let column = match weight(one) {
        Some((column, _)) => format!("{column}, {} less {}", name(&args.a), name(&args.b)),
        None => format!("{} less {}", name(&args.a), name(&args.b)),
    };
    let step = weight(one).and_then(|(_, step)| step).unwrap_or(Step::ONE);
    let weighing = Weighing { measure: Measure::Difference, column, step, diverging: false };
    let style = args.style.style_of(Some((zooms, form)), Some(weighing))?;
    let other = args.style.other()?;
    let kept = Kept { combined: Combined::Less(Arc::new(b)), ..Kept::of(a) };
    let made =
        Made { sources: Sources::of(kept), zooms, auto_zoom: false, style, resources: args.resources.resources()? };
    args.tiles.make(made, None, other, monitor)
}
