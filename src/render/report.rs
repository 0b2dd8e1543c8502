//! What a run came to, as data: the JSON of `--report`, the summary's source, and the part of it that belongs to
//! the tiles' metadata (which holds no time, path, adapter or backend).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Estimate, Points, Request};
use crate::backend::BackendReport;
use crate::container::Written;
use crate::container::metadata::TileSet;
use crate::counts::ZoomStats;
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage, StageTime};
use crate::shade::{ShadeTable, Shading, Span};
use crate::source::{FileReport, Invalid};
use crate::tile::{Extent, TILE_SIDE};

/// Colour stops per zoom in the metadata, for legends.
const LEGEND_STOPS: u32 = 9;

/// One zoom of a run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ZoomReport {
    /// Pixels with a count.
    pub lit: u64,
    /// Largest count.
    pub max: u32,
    /// Tiles with a lit pixel, before spread.
    pub tiles: u64,
    /// Sum of all counts: the points used.
    pub sum: u64,
    /// Tiles written, spread included; 0 for zooms that were not asked for.
    pub written: u64,
    /// Bytes of those tiles.
    pub bytes: u64,
    /// Counts at which the colormap begins and ends.
    pub span: Span,
    /// Palette entries used, without the transparent one.
    pub colours: usize,
    /// Largest distance of a pixel's colour from the formula's, in 1/255 of a channel.
    pub colour_error: u8,
}

/// Everything a run has to tell.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    /// The program's version.
    pub version: &'static str,
    /// Rows read: records that are neither a header nor blank.
    pub rows: u64,
    /// Points counted.
    pub used: u64,
    /// Rows without two numbers.
    pub invalid: u64,
    /// The same by reason.
    pub invalid_rows: Invalid,
    /// Rows whose coordinates lie outside the range of their reference system.
    pub out_of_range: u64,
    /// Rows on earth but beyond the latitudes of Web Mercator.
    pub outside_mercator: u64,
    /// Per zoom, from 0 to the highest asked for.
    pub zooms: BTreeMap<u8, ZoomReport>,
    /// Columns taken, per file.
    pub files: Vec<FileReport>,
    /// Tiles written.
    pub written: u64,
    /// Bytes of the tiles.
    pub bytes: u64,
    /// What writing would cost; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What did the work.
    pub device: BackendReport,
    /// What a person should know about that choice and about leftovers of earlier runs.
    pub notices: Vec<String>,
    /// Seconds per stage.
    pub stages: BTreeMap<&'static str, StageTime>,
    /// Seconds from start to end.
    pub seconds: f64,
    /// CPU seconds of the whole process.
    pub cpu_seconds: f64,
}

impl Report {
    pub(super) fn new(request: &Request, points: &Points, stats: &[ZoomStats], tables: &[ShadeTable]) -> Self {
        let zooms = (0u8..).zip(stats.iter().zip(tables)).map(|(z, (stats, table))| {
            let report = ZoomReport {
                lit: stats.lit,
                max: stats.max,
                tiles: stats.tiles,
                sum: stats.sum,
                written: 0,
                bytes: 0,
                span: table.span,
                colours: table.thresholds.len(),
                colour_error: table.error,
            };
            (z, report)
        });
        Self {
            version: env!("CARGO_PKG_VERSION"),
            rows: points.read.rows,
            used: points.used,
            invalid: points.read.invalid.total(),
            invalid_rows: points.read.invalid,
            out_of_range: points.left_out.out_of_range,
            outside_mercator: points.left_out.outside_mercator,
            zooms: zooms.filter(|(z, _)| *z <= request.zooms.max).collect(),
            files: points.read.files.clone(),
            written: 0,
            bytes: 0,
            estimate: None,
            device: BackendReport::default(),
            notices: Vec::new(),
            stages: BTreeMap::new(),
            seconds: 0.0,
            cpu_seconds: 0.0,
        }
    }

    /// TileJSON with the `heat` object: only what belongs to the tiles themselves.
    pub(super) fn metadata(&self, request: &Request, extent: &Extent) -> Result<Value> {
        let zooms: serde_json::Map<String, Value> = request
            .zooms
            .iter()
            .filter_map(|z| {
                let zoom = self.zooms.get(&z)?;
                let stops = legend_stops(request, zoom.span);
                let value = json!({
                    "max": zoom.max, "lit": zoom.lit, "tiles": zoom.tiles,
                    "span": [zoom.span.lo, zoom.span.hi], "colour_error": zoom.colour_error, "stops": stops,
                });
                Some((z.to_string(), value))
            })
            .collect();
        let heat = json!({
            "rows": self.rows,
            "used": self.used,
            "left_out": {
                "missing": self.invalid_rows.missing,
                "not_a_number": self.invalid_rows.not_a_number,
                "malformed": self.invalid_rows.malformed,
                "out_of_range": self.out_of_range,
                "outside_mercator": self.outside_mercator,
            },
            "function": request.function.to_string(),
            "span": request.span.to_string(),
            "colormap": request.colormap.name(),
            "spread": request.spread,
            "colour_error": request.zooms.iter().filter_map(|z| self.zooms.get(&z)).map(|z| z.colour_error).max(),
            "zooms": zooms,
            "version": self.version,
        });
        let name = request.out.file_stem().map_or_else(|| "tilefire".into(), |n| n.to_string_lossy());
        let set = TileSet {
            name: &name,
            zooms: request.zooms,
            bounds: extent.bounds().ok_or_else(|| Error::Internal("no extent although there are points".into()))?,
            tile_size: TILE_SIDE,
            base_url: request.base_url.as_deref(),
            attribution: None,
            heat,
        };
        Ok(set.metadata())
    }

    pub(super) fn finish(
        &mut self,
        written: &Written,
        device: BackendReport,
        notice: Option<String>,
        monitor: &Monitor,
    ) {
        for (z, of_zoom) in &written.zooms {
            if let Some(zoom) = self.zooms.get_mut(z) {
                (zoom.written, zoom.bytes) = (of_zoom.tiles, of_zoom.bytes);
            }
        }
        (self.written, self.bytes) = (written.tiles, written.bytes);
        self.device = device;
        self.notices.extend(notice);
        self.notices.extend(written.notices.iter().cloned());
        self.stages = Stage::ALL.iter().map(|&s| (s.name(), monitor.stage(s))).filter(|s| s.1.busy > 0.0).collect();
        self.seconds = monitor.elapsed();
        self.cpu_seconds = cpu_time::ProcessTime::try_now().map_or(0.0, |t| t.as_duration().as_secs_f64());
    }
}

/// Counts evenly spaced along the colormap with their exact colours, for a legend.
fn legend_stops(request: &Request, span: Span) -> Vec<Value> {
    let shading = Shading { function: request.function, span, colormap: &request.colormap };
    let mut counts: Vec<u32> = (0..LEGEND_STOPS)
        .map(|i| {
            let wanted = f64::from(i) / f64::from(LEGEND_STOPS - 1);
            // Bisection for the smallest count at or past this position; positions rise with counts.
            let (mut low, mut high) = (span.lo, span.hi);
            while low < high {
                let middle = low + (high - low) / 2;
                if shading.position(middle) < wanted { low = middle + 1 } else { high = middle }
            }
            low
        })
        .collect();
    counts.dedup();
    counts
        .into_iter()
        .map(|count| {
            let [r, g, b, a] = shading.colour(count);
            let alpha = if a < 255 { format!("{a:02x}") } else { String::new() };
            json!([count, format!("#{r:02x}{g:02x}{b:02x}{alpha}")])
        })
        .collect()
}
