//! From points to a file of counts: what a render does before it colours, and a file instead of tiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::depth::Depth;
use super::keyed::{KeyedPlane, planes};
use super::opening::Opening;
use super::points::{Points, replay};
use super::{Resources, Sources, aggregate, check_weight, memory, open_sources, pool};
use crate::backend::cpu::{self, KeyedValue};
use crate::backend::{BackendReport, Memory, Paint, Plan, PointPush};
use crate::countfile::{self, About, CountFile, CountWriter, Key, Merging, Origin, Part, Source, Weight};
use crate::counts::{Measure, Measuring, Weighed};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage, StageTime};
use crate::rows::{LeftOut, serialize_invalid};
use crate::shade::Style;
use crate::source::{FileReport, Input, Notice, Opened};
use crate::staging::{OutputOptions, Whole};
use crate::store::PointSpool;
use crate::tile::{Extent, ZoomRange};

/// Counts that are valid and ready to be made.
#[derive(Debug, Clone)]
pub struct CountRequest {
    /// Where points come from.
    pub sources: Sources,
    /// The zoom whose pixels are counted; with `auto_zoom` the highest that is found.
    pub zoom: u8,
    /// Whether it is found from the points.
    pub auto_zoom: bool,
    /// What the work may use.
    pub resources: Resources,
    /// File to write.
    pub out: PathBuf,
    /// Whether a file that tilefire made earlier may be replaced.
    pub force: bool,
}

/// What one zoom of a file of counts comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct CountedZoom {
    /// Lit pixels.
    pub lit: u64,
    /// Points of the strongest one.
    pub max: u32,
    /// Tiles with a lit pixel.
    pub tiles: u64,
}

/// What one plane of a file of counts comes to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CountedPlane {
    /// The value of the key.
    pub name: String,
    /// Points that have it.
    pub points: u64,
}

/// What counting came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CountReport {
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
    /// All rows that became no points, by reason.
    pub left_out: LeftOut,
    /// Rows that nobody asked for, by what they did not meet first, as it was asked.
    pub not_selected_by: Vec<(String, u64)>,
    /// The weight, where one was added up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// What all weights come to, as an exact decimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub weight_sum: String,
    /// What points were counted by, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The values of that, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub planes: Vec<CountedPlane>,
    /// The zoom whose pixels were counted.
    pub zoom: u8,
    /// Zooms from 0 to that one; where there are planes, pixels and tiles are those of each of them.
    pub zooms: BTreeMap<u8, CountedZoom>,
    /// Columns taken, per file.
    pub files: Vec<FileReport>,
    /// Bytes of the file.
    pub bytes: u64,
    /// What did the work.
    pub device: BackendReport,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// Seconds per stage.
    pub stages: BTreeMap<&'static str, StageTime>,
    /// Seconds from start to end.
    pub seconds: f64,
    /// CPU seconds of the process from start to end.
    pub cpu_seconds: f64,
    /// The most bytes of memory that the process had at once, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
}

/// Files of counts that are valid and ready to be added up.
#[derive(Debug)]
pub struct MergeRequest {
    /// Those that are added.
    pub files: Vec<CountFile>,
    /// Those whose counts are taken out.
    pub minus: Vec<CountFile>,
    /// The zoom of the result; the lowest of all files where nothing is said.
    pub zoom: Option<u8>,
    /// Whether rows may be counted twice.
    pub allow_duplicates: bool,
    /// Whether shares of an input may be missing.
    pub partial: bool,
    /// What the work may use.
    pub resources: Resources,
    /// File to write.
    pub out: PathBuf,
    /// Whether a file that tilefire made earlier may be replaced.
    pub force: bool,
}

/// What adding up came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct MergeReport {
    /// The program's version.
    pub version: &'static str,
    /// Rows of all sources.
    pub rows: u64,
    /// Points of all sources.
    pub used: u64,
    /// Rows without two numbers.
    pub invalid: u64,
    /// Sources.
    pub sources: usize,
    /// The zoom whose pixels are counted.
    pub zoom: u8,
    /// Planes.
    pub planes: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// Seconds per stage.
    pub stages: BTreeMap<&'static str, StageTime>,
    /// Seconds from start to end.
    pub seconds: f64,
    /// CPU seconds of the process from start to end.
    pub cpu_seconds: f64,
    /// The most bytes of memory that the process had at once, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
}

/// Adds files up and writes the result. On an error nothing is left behind and an older file is untouched.
pub fn merge_into(request: &MergeRequest, monitor: &Arc<Monitor>) -> Result<MergeReport> {
    let all = request.files.iter().chain(&request.minus);
    let inputs = all.map(|file| file.path().to_path_buf()).collect();
    let options = OutputOptions { force: request.force, inputs };
    pool(&request.resources, &Style::default())?.install(|| {
        let whole = Whole::begin(&request.out, &options, countfile::check)?;
        let memory = memory(&request.resources, &request.out);
        let merging = Merging {
            files: &request.files,
            minus: &request.minus,
            zoom: request.zoom,
            allow_duplicates: request.allow_duplicates,
            partial: request.partial,
            vault: Arc::new(memory.vault()),
        };
        let mut merged = None;
        let (bytes, left) = whole.write(monitor, |out| {
            merged = Some(countfile::merge(&merging, out, &request.out, monitor)?);
            Ok(())
        })?;
        let (about, origin) = merged.ok_or_else(|| Error::Internal("nothing was added up".into()))?;
        Ok(MergeReport {
            version: env!("CARGO_PKG_VERSION"),
            rows: origin.rows(),
            used: origin.used(),
            invalid: origin.left_out().map_or(0, |left_out| left_out.invalid()),
            sources: origin.sources.len(),
            zoom: about.zoom,
            planes: about.planes.len(),
            bytes,
            notices: left.into_iter().map(|text| Notice::new("output", text)).collect(),
            stages: Stage::ALL.iter().map(|&s| (s.name(), monitor.stage(s))).filter(|s| s.1.busy > 0.0).collect(),
            seconds: monitor.elapsed(),
            cpu_seconds: monitor.cpu_seconds(),
            peak_memory: super::allowance::peak_memory(),
        })
    })
}

/// Reads points, counts them and writes the file. On an error nothing is left behind and an older file is untouched.
pub fn count_into(request: &CountRequest, monitor: &Arc<Monitor>) -> Result<CountReport> {
    let mut sources = request.sources.clone();
    sources.read.hashed = true;
    sources.apart.values_mut().for_each(|read| read.hashed = true);
    let request = &CountRequest { sources, ..request.clone() };
    let options = OutputOptions { force: request.force, inputs: request.sources.files() };
    let read = &request.sources.read;
    // Devices do neither.
    let mut opening = Opening::start(&request.resources, read.weight.is_some() || read.key.is_some(), monitor)?;
    if opening.is_insisted_on() || request.sources.inputs.contains(&Input::Stdin) {
        opening.wait(monitor)?;
    }
    pool(&request.resources, &Style::default())?.install(|| {
        let begin = || Whole::begin(&request.out, &options, countfile::check);
        let (opened, whole) = if request.sources.are_files() {
            (open_sources(&request.sources, monitor)?, begin()?)
        } else {
            let whole = begin()?;
            (open_sources(&request.sources, monitor)?, whole)
        };
        let counted = count(request, (opening, opened), monitor)?;
        let about = about(request, &counted);
        let origin = origin(&counted.points);
        let fill = |out: &mut dyn std::io::Write| write(out, &request.out, &counted.counts, (&about, &origin), monitor);
        let (bytes, left) = whole.write(monitor, fill)?;
        Ok(report(counted, about, bytes, left, monitor))
    })
}

/// Points that are counted.
struct Counted {
    counts: Counts,
    device: BackendReport,
    notice: Option<String>,
    points: Points,
    zoom: u8,
}

/// Their counts.
enum Counts {
    /// All together.
    All(Box<dyn Paint>),
    /// Each key apart.
    ByKey(Vec<KeyedPlane>),
    /// The same, with what they weigh.
    SumsByKey(Vec<KeyedPlane<Weighed>>),
}

fn count(request: &CountRequest, (opening, opened): (Opening, Opened), monitor: &Arc<Monitor>) -> Result<Counted> {
    let memory = memory(&request.resources, &request.out);
    let region = request.sources.region.as_ref();
    let measuring = request.sources.read.weight.as_ref().map(|weight| Measuring {
        measure: Measure::Sum,
        step: weight.step,
        least: 1,
    });
    let plan = |zoom: u8, memory: Memory| Plan {
        zooms: ZoomRange { min: 0, max: zoom },
        reach: 0,
        measuring,
        memory,
        monitor: monitor.clone(),
    };
    if request.sources.read.key.is_some() {
        let notice = opening.is_insisted_on().then(|| "the CPU counts by key; the GPU takes no part in it".to_owned());
        let way = (request, memory, notice);
        return match measuring {
            None => by_key(way, opened, plan, Counts::ByKey, monitor),
            Some(_) => by_key(way, opened, plan, Counts::SumsByKey, monitor),
        };
    }
    let mut zoom = request.zoom;
    let (backend, notice, points) = if request.auto_zoom {
        let (depth, spool) = (Depth::new(), PointSpool::new(memory.vault()));
        let mut points = aggregate(opened, region, || Box::new(depth.passing(spool.sink())), monitor)?;
        let (zooms, found) = depth.zooms(0, 0);
        points.read.notices.push(found);
        zoom = zooms.max;
        let (backend, notice) = opening.count(plan(zoom, memory.rest()));
        replay(&spool, || backend.pusher(), monitor)?;
        (backend, notice, points)
    } else {
        let (backend, notice) = opening.count(plan(zoom, memory));
        let points = aggregate(opened, region, || backend.pusher(), monitor)?;
        (backend, notice, points)
    };
    let paint = backend.finish()?;
    if let Some(z) = paint.stats().iter().position(|stats| stats.sum != points.used) {
        return Err(Error::Internal(format!("zoom {z} counts {} of {} points", paint.stats()[z].sum, points.used)));
    }
    check_weight(paint.as_ref(), points.weight)?;
    let device = paint.report();
    Ok(Counted { counts: Counts::All(paint), device, notice: notice.get().cloned(), points, zoom })
}

/// The same where each key is counted apart.
fn by_key<V: KeyedValue>(
    (request, memory, notice): (&CountRequest, Memory, Option<String>),
    opened: Opened,
    plan: impl Fn(u8, Memory) -> Plan,
    counts: impl FnOnce(Vec<KeyedPlane<V>>) -> Counts,
    monitor: &Arc<Monitor>,
) -> Result<Counted> {
    let region = request.sources.region.as_ref();
    let mut zoom = request.zoom;
    let (count, points) = if request.auto_zoom {
        let (depth, spool) = (Depth::new(), PointSpool::new(memory.vault()));
        let passing = || -> Box<dyn PointPush + '_> { Box::new(depth.passing(spool.sink())) };
        let mut points = aggregate(opened, region, passing, monitor)?;
        let (zooms, found) = depth.zooms(0, 0);
        points.read.notices.push(found);
        zoom = zooms.max;
        let count = cpu::keyed::<V>(plan(zoom, memory.rest()));
        replay(&spool, || count.pusher(), monitor)?;
        (count, points)
    } else {
        let count = cpu::keyed::<V>(plan(zoom, memory));
        let points = aggregate(opened, region, || count.pusher(), monitor)?;
        (count, points)
    };
    let (planes, device) = planes(count, &points)?;
    Ok(Counted { counts: counts(planes), device, notice, points, zoom })
}

/// What the counts are of.
fn about(request: &CountRequest, counted: &Counted) -> About {
    let weight = request.sources.read.weight.as_ref().map(|weight| {
        let named = counted.points.read.files.first().and_then(|file| file.weight_column.clone());
        Weight { column: named.unwrap_or_else(|| weight.column.to_string()), step: weight.step.to_string() }
    });
    let about = About::plain(counted.zoom, weight);
    let (Some(keys), names) = (&counted.points.read.keys, counted.counts.names()) else { return about };
    let key = Key { by: keys.key.by().to_string(), named: !keys.key.values().is_empty() };
    let planes = names.into_iter().map(|name| Part::new(name, about.holds())).collect();
    About { key: Some(key), planes, ..about }
}

impl Counts {
    /// What planes by key are called.
    fn names(&self) -> Vec<String> {
        match self {
            Self::All(_) => Vec::new(),
            Self::ByKey(planes) => planes.iter().map(|plane| plane.label.clone()).collect(),
            Self::SumsByKey(planes) => planes.iter().map(|plane| plane.label.clone()).collect(),
        }
    }

    /// What there is of each zoom up to `max`.
    fn zooms(&self, max: u8) -> BTreeMap<u8, CountedZoom> {
        fn all<V: KeyedValue>(planes: &[KeyedPlane<V>], z: u8) -> CountedZoom {
            let stats = planes.iter().filter_map(|plane| plane.counts.stats(z).ok());
            stats.fold(CountedZoom { lit: 0, max: 0, tiles: 0 }, |all, stats| CountedZoom {
                lit: all.lit + stats.lit,
                max: all.max.max(stats.max),
                tiles: all.tiles + stats.tiles,
            })
        }
        match self {
            Self::All(paint) => (0..)
                .zip(paint.stats())
                .map(|(z, stats)| {
                    let counts = paint.sums().and_then(|sums| sums.stats(z).ok()).unwrap_or(stats);
                    (z, CountedZoom { lit: stats.lit, max: counts.max, tiles: stats.tiles })
                })
                .collect(),
            Self::ByKey(planes) => (0..=max).map(|z| (z, all(planes, z))).collect(),
            Self::SumsByKey(planes) => (0..=max).map(|z| (z, all(planes, z))).collect(),
        }
    }

    /// The planes by key, and the points of each.
    fn planes(&self) -> Vec<CountedPlane> {
        fn all<V: KeyedValue>(planes: &[KeyedPlane<V>]) -> Vec<CountedPlane> {
            let points = |plane: &KeyedPlane<V>| plane.counts.stats(0).map_or(0, |stats| stats.sum);
            planes.iter().map(|plane| CountedPlane { name: plane.label.clone(), points: points(plane) }).collect()
        }
        match self {
            Self::All(_) => Vec::new(),
            Self::ByKey(planes) => all(planes),
            Self::SumsByKey(planes) => all(planes),
        }
    }
}

/// Where the counts come from.
fn origin(points: &Points) -> Origin {
    let read = &points.read;
    let mut extents = vec![Extent::default(); read.files.len()];
    for (input, extent) in &points.extents {
        if let Some(all) = extents.get_mut(*input) {
            all.merge(extent);
        }
    }
    Origin::new(read.files.iter().zip(&extents).map(|(file, extent)| {
        let left_out = file.left_out.iter().filter(|(_, rows)| *rows > 0);
        let source = Source {
            rows_hash: format!("{:016x}", file.hash),
            rows: file.rows,
            used: file.used,
            left_out: left_out.map(|(reason, rows)| (reason.name().to_owned(), rows)).collect(),
            not_selected: read.passed_over_of(file),
            ..Source::default()
        };
        source.within(extent)
    }))
}

fn write(
    out: &mut dyn std::io::Write,
    path: &Path,
    counts: &Counts,
    (about, origin): (&About, &Origin),
    monitor: &Monitor,
) -> Result<()> {
    let mut writer = CountWriter::begin(out, path, monitor)?;
    match counts {
        Counts::All(paint) => match paint.sums() {
            Some(sums) => writer.pyramid(0, sums)?,
            None => {
                for (z, stats) in (0..=about.zoom).zip(paint.stats()).rev() {
                    writer.zoom(0, (z, about.zoom), stats, &*paint.counts(z)?)?;
                }
            }
        },
        Counts::ByKey(planes) => {
            (0..).zip(planes).try_for_each(|(at, plane)| writer.pyramid(at, &plane.counts))?;
        }
        Counts::SumsByKey(planes) => {
            (0..).zip(planes).try_for_each(|(at, plane)| writer.pyramid(at, &plane.counts))?;
        }
    }
    writer.finish(about, origin)
}

fn report(counted: Counted, about: About, bytes: u64, left: Vec<String>, monitor: &Monitor) -> CountReport {
    let Counted { counts, device, notice, points, .. } = counted;
    // What was read and what pixels hold come to the same, or the run had failed.
    let weight_sum = about.weight.as_ref().and_then(Weight::step).map(|step| step.exactly(points.weight));
    let weight_sum = weight_sum.unwrap_or_default();
    let (zooms, planes) = (counts.zooms(about.zoom), counts.planes());
    let rows = points.into_rows();
    let mut notices = rows.notices;
    notices.extend(notice.map(|text| Notice::new("device", text)));
    notices.extend(left.into_iter().map(|text| Notice::new("output", text)));
    CountReport {
        version: env!("CARGO_PKG_VERSION"),
        rows: rows.rows,
        used: rows.used,
        invalid: rows.left_out.invalid(),
        invalid_rows: rows.left_out,
        left_out: rows.left_out,
        not_selected_by: rows.not_selected,
        weight: about.weight,
        weight_sum,
        by: about.key.map(|key| key.by),
        planes,
        zoom: about.zoom,
        zooms,
        files: rows.files,
        bytes,
        device,
        notices,
        stages: Stage::ALL.iter().map(|&s| (s.name(), monitor.stage(s))).filter(|s| s.1.busy > 0.0).collect(),
        seconds: monitor.elapsed(),
        cpu_seconds: monitor.cpu_seconds(),
        peak_memory: super::allowance::peak_memory(),
    }
}
