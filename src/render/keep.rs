//! From points to a file of counts: what a render does before it colours, and a file instead of tiles.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::depth::Depth;
use super::keyed::{KeyedPlane, planes};
use super::opening::Opening;
use super::points::{Points, replay};
use super::{Resources, Sources, aggregate, check_sums, memory, open_sources, pool};
use crate::backend::cpu::{self, KeyedValue};
use crate::backend::{BackendReport, Memory, Paint, Plan, PointPush};
use crate::countfile::{self, About, CountFile, CountWriter, Key, Merging, Origin, Part, Share, Source, Weight};
use crate::counts::{Measure, Measuring, Weighed};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage, StageTime};
use crate::rows::{LeftOut, serialize_invalid};
use crate::shade::Style;
use crate::source::{self, FileReport, Input, Notice, Opened};
use crate::staging::{self, OutputOptions, Whole};
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
    /// Which share of all rows is counted, from 1, and of how many.
    pub share: Option<(u32, u32)>,
    /// Whether the counts are added to those of the output, which is there.
    pub add: bool,
    /// Whether rows that are in it already may be added.
    pub allow_duplicates: bool,
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
    /// Whether the file has other counts too, to which these were added.
    pub added: bool,
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
    /// Whether rows that are doubtful as a whole are counted nevertheless.
    pub accept_doubt: bool,
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
    // A file may be replaced by what is made of it: it is read from an open handle, and the other is made aside.
    let options = OutputOptions { force: request.force, inputs: Vec::new() };
    pool(&request.resources, &Style::default())?.install(|| {
        let whole = Whole::begin(&request.out, &options, countfile::check)?;
        let memory = memory(&request.resources, &request.out);
        let merging = Merging {
            files: &request.files,
            minus: &request.minus,
            zoom: request.zoom,
            allow_duplicates: request.allow_duplicates,
            partial: request.partial,
            accept_doubt: request.accept_doubt,
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
    let options = OutputOptions { force: request.force || request.add, inputs: request.sources.files() };
    let read = &request.sources.read;
    // Devices do neither.
    let mut opening = Opening::start(&request.resources, read.weight.is_some() || read.key.is_some(), monitor)?;
    if opening.is_insisted_on() || request.sources.inputs.contains(&Input::Stdin) {
        opening.wait(monitor)?;
    }
    pool(&request.resources, &Style::default())?.install(|| {
        let begin = || Whole::begin(&request.out, &options, countfile::check);
        let (mut opened, whole) = if request.sources.are_files() {
            (open_sources(&request.sources, monitor)?, begin()?)
        } else {
            let whole = begin()?;
            (open_sources(&request.sources, monitor)?, whole)
        };
        // Behind the place that was taken, so that nobody else adds to it at the same time.
        let before = request.add.then(|| CountFile::open(&request.out)).transpose()?;
        let plan = request.share.map(|_| plan_id(request, &opened));
        if let Some(share) = request.share {
            opened.share(share, monitor)?;
        }
        let counted = count(request, (opening, opened), monitor)?;
        let about = about(request, &counted);
        let origin = origin(request, &counted.points, plan.as_deref());
        let mut counted = counted;
        if let Some(source) = origin.repeated() {
            let rows = crate::shade::grouped(source.rows);
            let text = format!("two inputs hold the same {rows} rows, which are counted twice; leave one out");
            counted.points.read.notices.push(Notice::new("same_rows", text));
        }
        let fill = |out: &mut dyn std::io::Write| write(out, &request.out, &counted.counts, (&about, &origin), monitor);
        let (bytes, left) = match before {
            None => whole.write(monitor, fill)?,
            Some(before) => {
                let named = |e| Error::io("write counts beside", &request.out, e);
                let aside = staging::nameless(whole.dir()).map_err(named)?;
                let mut buffer = std::io::BufWriter::with_capacity(1 << 20, aside);
                fill(&mut buffer)?;
                let aside = buffer.into_inner().map_err(|e| named(e.into_error()))?;
                let files = [before, CountFile::of(aside, Path::new("what was counted"))?];
                let memory = memory(&request.resources, &request.out);
                let merging = Merging {
                    files: &files,
                    minus: &[],
                    zoom: None,
                    allow_duplicates: request.allow_duplicates,
                    partial: false,
                    accept_doubt: true,
                    vault: Arc::new(memory.vault()),
                };
                whole.write(monitor, |out| countfile::merge(&merging, out, &request.out, monitor).map(|_| ()))?
            }
        };
        let added = request.add;
        Ok(CountReport { added, ..report(counted, about, bytes, left, monitor) })
    })
}

/// What is planned, as a number: everything that a share must have in common with the others to be one of them.
fn plan_id(request: &CountRequest, opened: &Opened) -> String {
    let mut all = format!("{} {:?} {:?}", request.zoom, request.sources.read, request.sources.region);
    for (input, (size, _)) in request.sources.inputs.iter().zip(opened.sizes()) {
        let mut head = Vec::new();
        if let Some(Ok(file)) = input.file().map(std::fs::File::open) {
            let _ = file.take(HEAD).read_to_end(&mut head);
        }
        all += &format!(" {size:?} {}", source::hash_of(&head));
    }
    for (columns, _) in opened.tables() {
        all += &format!(" {:?}", columns.iter().map(|column| &column.name).collect::<Vec<_>>());
    }
    format!("{:016x}", source::hash_of(all.as_bytes()))
}

/// Bytes of an input that tell it from others.
const HEAD: u64 = 1 << 16;

/// A share of an input's rows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlannedPart {
    /// The input as it was named.
    pub input: String,
    /// Its first byte, where a row begins; 0 of what does not divide.
    pub from: u64,
    /// The byte behind its last one.
    pub to: u64,
}

/// A share of all rows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PlannedShare {
    /// As --shard takes it: 1/4.
    pub shard: String,
    /// Bytes of all its parts.
    pub bytes: u64,
    /// The inputs that have some of it.
    pub parts: Vec<PlannedPart>,
}

/// How rows are shared out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Planned {
    /// What all shares have in common, as a hash of everything that matters.
    pub plan: String,
    /// Bytes of all inputs.
    pub bytes: u64,
    /// The shares.
    pub shards: Vec<PlannedShare>,
}

/// Tells how `request` is shared out into `of` shares; reads as much of the inputs as it takes to find where rows begin.
pub fn plan_shares(request: &CountRequest, of: u32, monitor: &Arc<Monitor>) -> Result<Planned> {
    let mut sources = request.sources.clone();
    sources.read.hashed = true;
    let request = &CountRequest { sources, ..request.clone() };
    let mut opened = open_sources(&request.sources, monitor)?;
    let bytes = opened.sizes().iter().filter_map(|(size, _)| *size).sum();
    let mut planned = Planned { plan: plan_id(request, &opened), bytes, shards: Vec::new() };
    // One after the other, each looks on from where the one before began.
    for number in 1..=of {
        let parts = opened.share((number, of), monitor)?;
        let part = |part: &source::SharePart| PlannedPart {
            input: request.sources.inputs.get(part.input).map_or_else(String::new, ToString::to_string),
            from: part.bytes.start,
            to: part.bytes.end,
        };
        planned.shards.push(PlannedShare {
            shard: format!("{number}/{of}"),
            bytes: parts.iter().map(|part| part.bytes.end - part.bytes.start).sum(),
            parts: parts.iter().map(part).collect(),
        });
    }
    Ok(planned)
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
    check_sums(paint.as_ref(), &points)?;
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

/// Where the counts come from; `plan` is that of the share.
fn origin(request: &CountRequest, points: &Points, plan: Option<&str>) -> Origin {
    let read = &points.read;
    let mut extents = vec![Extent::default(); read.files.len()];
    for (input, extent) in &points.extents {
        if let Some(all) = extents.get_mut(*input) {
            all.merge(extent);
        }
    }
    let region = request.sources.region.as_ref();
    Origin::new((1..).zip(read.files.iter().zip(&extents)).map(|(input, (file, extent))| {
        let left_out = file.left_out.iter().filter(|(_, rows)| *rows > 0);
        let outside = &file.not_selected.outside;
        let places = [
            (region.is_some_and(|region| region.bbox.is_some()), "--bbox", outside.bbox),
            (region.is_some_and(|region| region.area.is_some()), "--within", outside.area),
        ];
        let places = places.into_iter().filter(|place| place.0).map(|(_, flag, rows)| (flag.to_owned(), rows));
        let source = Source {
            rows_hash: format!("{:016x}", file.hash),
            rows: file.rows,
            used: file.used,
            left_out: left_out.map(|(reason, rows)| (reason.name().to_owned(), rows)).collect(),
            not_selected: read.passed_over_of(file).into_iter().chain(places).collect(),
            doubts: file.doubt.iter().cloned().collect(),
            doubtful: if file.doubt.is_some() { file.rows } else { 0 },
            share: request.share.zip(plan).map(|((number, of), plan)| Share {
                plan: plan.to_owned(),
                of,
                shares: vec![number],
                input,
            }),
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
        rows: rows.read,
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
        added: false,
        device,
        notices,
        stages: Stage::ALL.iter().map(|&s| (s.name(), monitor.stage(s))).filter(|s| s.1.busy > 0.0).collect(),
        seconds: monitor.elapsed(),
        cpu_seconds: monitor.cpu_seconds(),
        peak_memory: super::allowance::peak_memory(),
    }
}
