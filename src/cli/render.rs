//! `tilefire render`: point files to tiles.

use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, SourceArgs, StyleArgs};
use super::choose::boxed;
use super::tiles::{Made, TilesArgs};
use super::values;
use crate::error;
use crate::monitor::Monitor;
use crate::render::depth::HIGHEST;
use crate::render::image::View;
use crate::tile::ZoomRange;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RenderArgs {
    #[command(flatten)]
    sources: SourceArgs,
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
    #[command(flatten)]
    tiles: TilesArgs,
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
    let rejects = args.sources.rejects.clone();
    let tiles = args.tiles;
    let (zooms, auto_zoom) = match args.zooms {
        ZoomsArg::These(zooms) => (zooms, false),
        ZoomsArg::From(min) => (ZoomRange { min, max: HIGHEST }, true),
    };
    let mut sources = args.sources.sources()?;
    sources.region = boxed(sources.region, args.bbox.as_ref());
    let style = args.style.style(Some((zooms, tiles.form())), sources.read.weight.as_ref())?;
    // Read before the run, which may replace it.
    let other = args.style.other()?;
    let made = Made { sources, zooms, auto_zoom, style, resources: args.resources.resources()? };
    tiles.make(made, rejects.as_deref(), other, monitor)
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
