//! `tilefire plan`: how rows are shared out between machines.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::{ResourceArgs, SourceArgs};
use super::choose::boxed;
use super::key::KeyArgs;
use super::values::{self, bytes, shown};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::image::View;
use crate::render::{CountRequest, plan_shares};
use crate::tile::MAX_ZOOM;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// Shares to cut the rows into
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(values::MOST_SHARES)), help_heading = "Output")]
    shards: u32,
    /// The zoom that is counted
    #[arg(short, long, visible_alias = "zooms", default_value_t = 10, value_name = "ZOOM", value_parser = clap::value_parser!(u8).range(..=i64::from(MAX_ZOOM)), help_heading = "Output")]
    zoom: u8,
    /// Take only points in this box: west,south,east,north in degrees
    #[arg(long, value_name = "W,S,E,N", value_parser = values::view, allow_hyphen_values = true, help_heading = "Choose")]
    bbox: Option<View>,
    #[command(flatten)]
    resources: ResourceArgs,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire plan big.csv -z 14 --shards 8
  tilefire plan 'data/*.csv.gz' -z 12 --shards 100 --json";

pub(super) fn run(args: PlanArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let mut sources = args.sources.sources_by(args.key.key()?)?;
    sources.region = boxed(sources.region, args.bbox.as_ref());
    let request = CountRequest {
        sources,
        zoom: args.zoom,
        auto_zoom: false,
        share: None,
        add: false,
        allow_duplicates: false,
        resources: args.resources.resources()?,
        out: PathBuf::new(),
        force: false,
    };
    let planned = plan_shares(&request, args.shards, monitor)?;
    if args.json {
        let text = serde_json::to_string_pretty(&planned).map_err(|e| Error::Internal(e.to_string()))?;
        return super::print(&(text + "\n"));
    }
    let mut text = format!("plan {}, {} in {} shares\n", planned.plan, bytes(planned.bytes), planned.shards.len());
    for share in &planned.shards {
        let parts = share
            .parts
            .iter()
            .map(|part| format!("{} {}..{}", shown(std::path::Path::new(&part.input)), part.from, part.to));
        text += &format!(
            "  --shard {:<11} {:>10}  {}\n",
            share.shard,
            bytes(share.bytes),
            parts.collect::<Vec<_>>().join(", ")
        );
    }
    super::print(&text)
}
