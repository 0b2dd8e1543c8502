//! `tilefire shade`: counts that were kept to tiles.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, StyleArgs};
use super::kept::weight_of;
use super::tiles::{Made, TilesArgs};
use crate::countfile::CountFile;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::Sources;
use crate::tile::ZoomRange;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ShadeArgs {
    /// File of counts, which tilefire count made
    #[arg(value_name = "FILE.counts")]
    input: PathBuf,
    /// Zooms to make, both ends included: 0..10, 0-10 or one number [default: all that there are counts of]
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
  tilefire shade trips.counts -o trips.pmtiles --theme dark
  tilefire shade trips.counts -o trips -z 0..8 --colormap fire --how eq-hist
  tilefire shade hurt.counts -o mean.pmtiles --measure mean";

pub(super) fn run(args: ShadeArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let file = CountFile::open(&args.input)?;
    let form = args.tiles.form();
    let highest = file.about().zoom.checked_sub(form.steps()).ok_or_else(|| {
        Error::Usage(format!(
            "{} has zoom 0 alone, and tiles of 512 pixels are made of those of the next zoom; count again with a higher -z",
            args.input.display()
        ))
    })?;
    let zooms = args.zooms.unwrap_or(ZoomRange { min: 0, max: highest });
    let style = args.style.style(Some((zooms, form)), weight_of(&file).as_ref())?;
    // Read before the run, which may replace it.
    let other = args.style.other()?;
    let made =
        Made { sources: Sources::kept(file), zooms, auto_zoom: false, style, resources: args.resources.resources()? };
    args.tiles.make(made, None, other, monitor)
}
