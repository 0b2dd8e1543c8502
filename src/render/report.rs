//! What a run came to, as data: the JSON of `--report`, the summary's source, and the part of it that belongs to
//! the tiles' metadata (which holds no time, path, adapter or backend).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::allowance::peak_memory;
use super::colours::Coloured;
use super::points::Rows;
use super::{Categories, Combined, Drawing, Estimate, Kept, Labels, Request};
use crate::backend::{BackendReport, Paint};
use crate::container::metadata::TileSet;
use crate::container::write::Written;
use crate::counts::Measure;
use crate::error::{Error, Result};
use crate::heat::{
    self, Attribution, Beyond, CategoryMark, Colours, Heat, HeatZoom, Hex, Line, Mark, Place, Reach, Stop, Text,
    TileJson, View, Word, Words,
};
use crate::monitor::{Monitor, Stage, StageTime};
use crate::paper::legend;
use crate::rows::{LeftOut, Reason, serialize_invalid};
use crate::shade::{
    Clipped, Function, Look, Radius, SpreadOn, SpreadOp, SpreadShape, Style, Tick, Weighing, clear_of_ends, grouped,
    people, ticks,
};
use crate::source::{FileReport, Notice};
use crate::tile::Extent;

/// Colour stops per zoom in the metadata.
const STOPS: u32 = 17;
/// Colours of the ramp that legends show.
const RAMP: u32 = 33;
/// Letters of a legend's longest label, "z 10-12".
const RAMP_LABEL: usize = 7;

/// Which end of what a zoom's pixels come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extreme {
    Smallest,
    Largest,
}

/// One zoom of a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ZoomReport {
    /// Pixels with a count.
    pub lit: u64,
    /// Largest count, sum or mean of a pixel.
    pub max: heat::Points,
    /// Smallest sum or mean of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<heat::Points>,
    /// Tiles with a lit pixel, before spread.
    pub tiles: u64,
    /// Sum of all counts: the points used.
    pub sum: u64,
    /// Tiles written, spread included; 0 for zooms that were not asked for.
    pub written: u64,
    /// Bytes of those tiles.
    pub bytes: u64,
    /// Radius that lit pixels were spread by.
    pub spread: u32,
    /// Points, or values of the measure, at which the colormap begins and ends.
    pub span: (f64, f64),
    /// Pixels beyond those.
    pub clipped: Clipped,
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
    #[serde(serialize_with = "serialize_invalid")]
    pub invalid_rows: LeftOut,
    /// Rows whose coordinates lie outside the range of their reference system.
    pub out_of_range: u64,
    /// Rows on earth but beyond the latitudes of Web Mercator.
    pub outside_mercator: u64,
    /// All rows that became no points, by reason: with the points used they are the rows read.
    pub left_out: LeftOut,
    /// Rows that nobody asked for: with the points used and those left out they are the rows read.
    pub not_selected: u64,
    /// The same by what they did not meet first, as it was asked.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "serialize_passed_over")]
    pub not_selected_by: Vec<(String, u64)>,
    /// What was drawn of a weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<heat::Weight>,
    /// What all weights come to, as an exact decimal.
    #[serde(skip)]
    pub weight_sum: String,
    /// The colormap that was taken in the end.
    #[serde(skip)]
    pub colormap: String,
    /// Whether each zoom's spread was chosen for it.
    pub auto_spread: bool,
    /// Per zoom of the tiles, from 0 to the highest asked for. Pixels of tiles of 512 a side are those of the next zoom.
    pub zooms: BTreeMap<u8, ZoomReport>,
    /// The zoom after the highest, where tiles of twice the pixels have its pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retina: Option<ZoomReport>,
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
    pub notices: Vec<Notice>,
    /// Seconds per stage.
    pub stages: BTreeMap<&'static str, StageTime>,
    /// Seconds that reading threads spent in what only one of them can do at a time.
    pub in_order_seconds: f64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// CPU seconds of the process from start to end.
    pub cpu_seconds: f64,
    /// The most bytes of memory that the process had at once, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
}

impl Report {
    pub(super) fn new(drawing: Drawing<'_>, rows: &Rows, paint: &dyn Paint, coloured: &Coloured<'_>) -> Self {
        let Drawing { zooms: drawn, steps, retina, style } = drawing;
        let stats = paint.stats();
        let looks = coloured.looks.iter().zip(&coloured.radii);
        let worth = |z: u8, which: Extreme| {
            let (smallest, largest) = paint.extremes(z)?;
            let steps = if which == Extreme::Smallest { smallest } else { largest };
            Some(heat::Points(style.weighing.as_ref()?.step.worth(steps)))
        };
        let counted = (0u8..).zip(stats.iter().zip(looks)).skip(steps.into());
        let zooms = counted.zip(stats).map(|((z, (counted, (look, &spread))), stats)| {
            let largest = if counted.unit.is_measure() { 0 } else { counted.max };
            let report = ZoomReport {
                lit: counted.lit,
                max: worth(z, Extreme::Largest).unwrap_or(heat::Points(largest.into())),
                min: worth(z, Extreme::Smallest),
                // There are as many as have pixels at their own zoom.
                tiles: stats.tiles,
                sum: counted.sum,
                written: 0,
                bytes: 0,
                spread,
                span: (look.told(look.table.span.lo), look.told(look.table.span.hi)),
                clipped: look.clipped,
                colours: look.table.thresholds.len(),
                colour_error: look.table.error,
            };
            (z, report)
        });
        let mut zooms: BTreeMap<u8, ZoomReport> =
            zooms.filter(|(z, _)| *z <= drawn.max).map(|(z, report)| (z - steps, report)).collect();
        let retina = if retina { zooms.remove(&drawn.max) } else { None };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            rows: rows.read,
            used: rows.used,
            invalid: rows.left_out.invalid(),
            invalid_rows: rows.left_out,
            out_of_range: rows.left_out[Reason::OutOfRange],
            outside_mercator: rows.left_out[Reason::OutsideMercator],
            left_out: rows.left_out,
            not_selected: rows.not_selected.iter().map(|(_, rows)| rows).sum(),
            not_selected_by: rows.not_selected.clone(),
            weight_sum: style
                .weighing
                .as_ref()
                .map_or_else(String::new, |weighing| weighing.step.exactly(paint.weight().unwrap_or(0))),
            colormap: style.colormap.name().to_owned(),
            weight: style.weighing.as_ref().map(|Weighing { measure, column, step, .. }| heat::Weight {
                // As the input names it, whatever was typed.
                column: Word::cut(rows.weight_column.as_ref().unwrap_or(column)),
                measure: Word::cut(measure.to_string()),
                step: heat::Points(step.value()),
                sum: heat::Points(step.worth(paint.weight().unwrap_or(0) as f64)),
                steps: paint.weight().unwrap_or(0),
            }),
            auto_spread: !matches!(style.spread.radius, Radius::Fixed(_)),
            zooms,
            retina,
            files: rows.files.clone(),
            written: 0,
            bytes: 0,
            estimate: None,
            device: BackendReport::default(),
            notices: {
                let mut notices = rows.notices.clone();
                let colours = coloured.notices(style, drawn);
                notices.extend(colours.into_iter().map(|text| Notice::new("colours", text)));
                notices
            },
            in_order_seconds: 0.0,
            stages: BTreeMap::new(),
            seconds: 0.0,
            cpu_seconds: 0.0,
            peak_memory: None,
        }
    }

    /// TileJSON with the `heat` object: only what belongs to the tiles themselves.
    pub(super) fn metadata(
        &self,
        request: &Request,
        extent: &Extent,
        view: Option<View>,
        coloured: &Coloured<'_>,
    ) -> Result<TileJson> {
        let Labels { title, description, attribution } = &request.labels;
        let stem = || request.out.file_stem().map_or_else(|| "tilefire".into(), |n| n.to_string_lossy());
        let name = title.as_deref().map_or_else(stem, Into::into);
        let mut heat = Heat { view, ..self.heat(request.drawing(), coloured) };
        if let Some(kept) = &request.sources.kept {
            heat = with_categories(heat, kept);
        }
        if let Some(words) = &mut heat.legend {
            words.heading = title.as_deref().map(Line::cut);
            words.thanks = attribution.as_deref().and_then(Attribution::read).map(|thanks| Line::cut(thanks.text()));
        }
        let set = TileSet {
            name: &name,
            zooms: request.zooms,
            bounds: extent.bounds().ok_or_else(|| Error::Internal("no extent although there are points".into()))?,
            description: description.as_deref(),
            form: request.form,
            base_url: request.base_url.as_deref(),
            attribution: attribution.as_deref(),
            heat,
        };
        Ok(set.metadata())
    }

    /// What legends show, and where the counts came from.
    pub(super) fn heat(&self, drawing: Drawing<'_>, coloured: &Coloured<'_>) -> Heat {
        let Drawing { zooms: counted, steps, style, .. } = drawing;
        let spreads = style.spread.most() > 0;
        // By the zooms of the tiles.
        let drawn = || counted.iter().filter_map(|z| z.checked_sub(steps));
        let look = |z: u8| coloured.looks.get(usize::from(z + steps));
        let retina = self
            .retina
            .as_ref()
            .and_then(|zoom| Some(of_zoom(style, zoom, coloured.looks.get(usize::from(counted.max))?)));
        let of_zoom = |z| Some((z, of_zoom(style, self.zooms.get(&z)?, look(z)?)));
        Heat {
            version: heat::FORMAT,
            measure: match &self.weight {
                Some(heat::Weight { measure, column, .. }) => Word::cut(format!("{} of {}", &**measure, &**column)),
                None => Word::cut(heat::COUNT),
            },
            weight: self.weight.clone(),
            rows: self.rows,
            used: self.used,
            left_out: self.left_out.iter().map(|(reason, rows)| (reason.name(), rows)).collect(),
            not_selected: (self.not_selected > 0).then_some(self.not_selected),
            selected_by: self.not_selected_by.iter().map(|(by, _)| Line::cut(by.trim_start_matches("--"))).collect(),
            function: Word::cut(style.function.to_string()),
            span: Text::cut(style.span.earlier(steps).to_string()),
            colormap: Text::cut(style.colormap.name()),
            spread: match style.spread.radius {
                Radius::Fixed(radius) => Reach::Fixed(pixels(radius)),
                Radius::Auto | Radius::Dynspread => Reach::Auto,
            },
            spread_shape: spreads.then(|| Word::cut(style.spread.shape.to_string())),
            spread_op: spreads.then(|| Word::cut(style.spread.op.to_string())),
            spread_on: (style.spread_on == SpreadOn::Colours).then(|| Word::cut("colours")),
            min_count: (style.min_count > 1).then(|| style.min_count.into()),
            truecolor: style.truecolor,
            theme: style.ground().map(|theme| Word::cut(theme.to_string())),
            background: style.background.map(|[r, g, b]| Hex([r, g, b, 255])),
            colour_error: drawn().filter_map(|z| self.zooms.get(&z)).map(|z| z.colour_error).max(),
            ramp: ramp(|at| style.drawn(at)),
            categories: None,
            legend: Some(Words {
                title: Line::cut(title(style, self.weight.as_ref().map(|weight| &*weight.column))),
                notes: notes(style, self).into_iter().map(Line::cut).collect(),
                ..Words::default()
            }),
            view: None,
            zooms: drawn().filter_map(of_zoom).collect(),
            retina,
        }
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
        self.notices.extend(notice.map(|text| Notice::new("device", text)));
        self.notices.extend(written.notices.iter().map(|text| Notice::new("output", text)));
        self.stages = Stage::ALL.iter().map(|&s| (s.name(), monitor.stage(s))).filter(|s| s.1.busy > 0.0).collect();
        self.in_order_seconds = monitor.in_order.load(Ordering::Relaxed) as f64 * 1e-9;
        self.seconds = monitor.elapsed();
        self.cpu_seconds = monitor.cpu_seconds();
        self.peak_memory = peak_memory();
    }
}

/// The metadata of a set whose planes have colours of their own, with these.
fn with_categories(heat: Heat, kept: &Kept) -> Heat {
    let Combined::Categories(Categories { colours, background }) = &kept.combined else { return heat };
    let about = kept.file.about();
    let by = about.key.as_ref().map_or("", |key| &key.by);
    let mark = |(plane, [r, g, b]): &(u16, [u8; 3])| {
        let name = about.planes.get(usize::from(*plane)).map_or("", |part| &part.name);
        CategoryMark(Line::cut(name), Hex([*r, *g, *b, 255]))
    };
    let legend = heat.legend.map(|words| Words { title: Line::cut(format!("Points by {by}")), ..words });
    Heat {
        measure: Word::cut(format!("categories of {by}")),
        categories: Some(colours.iter().map(mark).collect()),
        background: background.map(|[r, g, b]| Hex([r, g, b, 255])),
        legend,
        ..heat
    }
}

fn of_zoom(style: &Style, zoom: &ZoomReport, look: &Look<'_>) -> HeatZoom {
    let Clipped { below, above } = zoom.clipped;
    HeatZoom {
        max: zoom.max,
        min: zoom.min,
        lit: zoom.lit,
        tiles: zoom.tiles,
        span: (heat::Points(zoom.span.0), heat::Points(zoom.span.1)),
        colour_error: Some(zoom.colour_error),
        stops: stops(style, look),
        ticks: tick_marks(look),
        spread: (style.spread.most() > 0).then(|| pixels(zoom.spread)),
        ramp: look.shading.fade.is_some().then(|| ramp(|at| style.drawn_count(look, look.count_at(at)))),
        clipped: (zoom.clipped != Clipped::default()).then_some(Beyond { below, above }),
    }
}

fn pixels(radius: u32) -> u16 {
    u16::try_from(radius).unwrap_or(u16::MAX)
}

/// Colours evenly spaced along a legend's ramp.
fn ramp(colour: impl Fn(f64) -> [u8; 4]) -> Colours {
    (0..RAMP).map(|i| Hex(colour(f64::from(i) / f64::from(RAMP - 1)))).collect()
}

/// Counts about evenly spaced along the colormap, in points, with their exact colours and their places.
fn stops(style: &Style, look: &Look<'_>) -> heat::List<Stop, 64> {
    let mut counts: Vec<u64> = (0..STOPS).map(|i| look.count_at(f64::from(i) / f64::from(STOPS - 1))).collect();
    counts.dedup();
    let stop = |count| {
        let (colour, place) = (style.drawn_count(look, count), look.shading.scale.position(count));
        Stop(heat::Points(look.told(count)), Hex(colour), Place::new(place))
    };
    counts.into_iter().map(stop).collect()
}

/// Round counts for people, with their places along the colormap.
fn tick_marks(look: &Look<'_>) -> heat::List<Mark, 64> {
    let scale = &look.shading.scale;
    let span = scale.span();
    let unit = look.points(1u32);
    let position = |points: f64| {
        scale.position(if look.unit.is_measure() { look.unit.counts(points) } else { (points / unit).round() as u64 })
    };
    let columns = legend::columns(RAMP_LABEL);
    let mut marks = ticks(look.told(span.lo), look.told(span.hi), columns, position);
    // A ramp's ends stand for what lies beyond them too, and say so; a single colour stands for both.
    let several = marks.len() > 1;
    if let Some(first) = marks.first_mut() {
        if look.clipped.below > 0 {
            first.label.insert(0, '<');
        } else if several && look.unit.edge > 1 && ends_in_nothing(look) {
            // Where a bell ends is next to nothing.
            first.label = "0".into();
        }
    }
    if let Some(last) = marks.last_mut().filter(|_| look.clipped.above > 0) {
        last.label.push('+');
    }
    let mark = |tick: Tick| Mark(heat::Points(tick.count), Place::new(tick.at), Text::cut(tick.label));
    clear_of_ends(marks, columns).into_iter().map(mark).collect()
}

/// Whether a ramp of bells begins where they end: of sums, with next to nothing.
fn ends_in_nothing(look: &Look<'_>) -> bool {
    let span = look.shading.scale.span();
    if look.unit.is_measure() {
        let (lo, hi) = (look.points(span.lo), look.points(span.hi));
        // In a unit in which all of it is next to nothing.
        (0.0..1.0).contains(&lo) && lo < hi / 200.0
    } else {
        span.lo == u64::from(look.unit.edge)
    }
}

/// What a pixel's number is.
fn title(style: &Style, column: Option<&str>) -> String {
    let spread = &style.spread;
    let column = column.unwrap_or_default();
    let (what, per_pixel) = match style.weighing.as_ref().map(|weighing| weighing.measure) {
        None => ("Points".to_owned(), " per pixel"),
        Some(Measure::Mean) => (format!("Mean {column}"), ""),
        Some(Measure::Share) => (format!("Share of {column}"), ""),
        Some(Measure::Difference) => (format!("Difference: {column}"), " per pixel"),
        Some(_) => (format!("Sum of {column}"), " per pixel"),
    };
    if spread.most() == 0 || style.spread_on == SpreadOn::Colours {
        return format!("{what}{per_pixel}");
    }
    match (spread.shape, spread.op, spread.radius) {
        (SpreadShape::Gaussian, SpreadOp::Add, _) => format!("{what} nearby, smoothed"),
        (_, SpreadOp::Max, _) => format!("{what}{per_pixel}"),
        (.., Radius::Fixed(radius)) => format!("{what} within {radius} px"),
        _ => format!("{what} nearby"),
    }
}

/// A list of `{"by": ..., "rows": ...}`.
fn serialize_passed_over<S: serde::Serializer>(
    all: &[(String, u64)],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    #[derive(serde::Serialize)]
    struct PassedOver<'a> {
        by: &'a str,
        rows: u64,
    }
    serializer.collect_seq(all.iter().map(|(by, rows)| PassedOver { by, rows: *rows }))
}

/// What a person should know beside the colours.
fn notes(style: &Style, report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if style.function == Function::EqHist {
        notes.push("a colour's place is the share of pixels up to it".to_owned());
    }
    if style.min_count > 1 {
        notes.push(format!("pixels of fewer than {} points are not drawn", grouped(style.min_count.into())));
    }
    if report.not_selected > 0 {
        let by: Vec<&str> = report.not_selected_by.iter().map(|(by, _)| by.trim_start_matches("--")).collect();
        notes.push(format!("selected: {}", by.join(", ")));
    }
    if style.spread_on == SpreadOn::Colours {
        notes.push(match style.spread.radius {
            Radius::Fixed(radius) => format!("colours of pixels within {radius} px are added up"),
            _ => "colours of neighbouring pixels are added up".to_owned(),
        });
    }
    if let Some(weight) = report.weight.as_ref().filter(|weight| &*weight.measure == "sum") {
        notes.push(format!("{} in all", people(weight.sum.0)));
    }
    let points = if report.used == 1 { "point" } else { "points" };
    notes.push(format!("{} {points}, colours by {}", grouped(report.used), style.function));
    notes
}
