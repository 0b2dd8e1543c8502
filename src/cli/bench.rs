//! `tilefire bench`: the same work on the CPU and on GPU adapters, a table of what each took, and a ratio only when
//! the tiles are the same. Measuring is the library's (`bench`); here it is asked for and printed.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::arguments::{BackendName, LimitArgs, StyleArgs};
use super::choose::{ChooseArgs, boxed};
use super::kept::{check_measure, instead, kept, weight_of};
use super::values::{self, bytes, grouped};
use super::weigh::WeightArgs;
use crate::backend::gpu::{self, Choice, GpuOptions};
use crate::bench::{self, BenchReport, Contender, Measured, Options, Times, Unit};
use crate::container::Form;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::image::View;
use crate::render::{Device, Request, Resources, Sources};
use crate::source::{ColumnRef, Expanded, Input, expand};
use crate::staging::Scratch;
use crate::tile::ZoomRange;

const EXAMPLES: &str = "Examples:
  tilefire bench -n 10M -z 0..12
  tilefire bench trips.csv --runs 5 --json > bench.json
  tilefire bench -n 10M --backend gpu --adapter H200";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BenchArgs {
    /// Files with one point a row, folders of such, or patterns in quotes; without any, synthetic points are made
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// How many synthetic points (10M, 1.5k, ...)
    #[arg(short = 'n', long, value_name = "N", default_value = "1M", value_parser = values::number, conflicts_with = "inputs")]
    number: u64,
    /// Zooms to make, both ends included
    #[arg(short, long, visible_alias = "levels", default_value = "0..10", value_name = "ZOOMS")]
    zooms: ZoomRange,
    /// Column of longitudes: its name, or # and its number from 1
    #[arg(long, value_name = "COLUMN", requires = "lat")]
    lon: Option<ColumnRef>,
    /// Column of latitudes
    #[arg(long, value_name = "COLUMN", requires = "lon")]
    lat: Option<ColumnRef>,
    #[command(flatten)]
    choose: ChooseArgs,
    #[command(flatten)]
    weigh: WeightArgs,
    /// Take only points in this box: west,south,east,north in degrees
    #[arg(long, value_name = "W,S,E,N", value_parser = values::view, allow_hyphen_values = true, help_heading = "Choose")]
    bbox: Option<View>,
    #[command(flatten)]
    style: StyleArgs,
    /// Part of the name of a GPU adapter to measure; may be repeated [default: the GPU that render would take]
    #[arg(long, value_name = "NAME")]
    adapter: Vec<String>,
    /// What to measure beside the CPU: a real GPU if there is one, a GPU or an error, or nothing
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendName,
    /// Print what the device can do at most (copies, submissions, writes into mapped memory) and measure nothing else
    #[arg(long, hide = true)]
    calibrate: bool,
    /// Bytes of each copy of --calibrate
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = values::size, hide = true)]
    calibrate_bytes: u64,
    /// Timed runs of each, after a warm-up
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Host memory for the work (512M, 4G, ..., at least 1M) [default: half of what the process may use]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    memory: Option<u64>,
    #[command(flatten)]
    limits: LimitArgs,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BenchArgs, monitor: &Arc<Monitor>) -> Result<()> {
    if args.inputs.is_empty() && args.number == 0 && !args.calibrate {
        return Err(Error::Usage("-n 0 leaves nothing to measure; write for instance -n 1M".into()));
    }
    if matches!(args.backend, BackendName::Cpu) && !args.adapter.is_empty() {
        return Err(Error::Usage("--adapter names a GPU and --backend cpu measures none; leave one out".into()));
    }
    if args.calibrate {
        return calibrate(args, monitor);
    }
    let (adapters, notice) = adapters(args)?;
    let folder = Scratch::new(&std::env::temp_dir())?;
    let Expanded { inputs, notices } = if args.inputs.is_empty() {
        progress(&format!("making {} synthetic points", grouped(args.number)));
        let inputs = vec![bench::synthetic(args.number, folder.path(), monitor)?];
        Expanded { inputs, ..Expanded::default() }
    } else {
        expand(&args.inputs)?
    };
    let contenders = contenders(args, inputs, adapters)?;
    let options = Options {
        runs: usize::from(args.runs),
        point_memory: args.memory.unwrap_or_else(crate::render::default_memory) / 2,
    };
    let mut report = bench::run(&contenders, options, folder.path(), monitor, &progress)?;
    report.notices.extend(notice.into_iter().chain(notices.into_iter().map(|notice| notice.text)));
    let text = if args.json { json(&report)? } else { table(&report) };
    super::print(&text)?;
    report.difference.map_or(Ok(()), |difference| Err(Error::Internal(difference)))
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).map_err(|e| Error::Internal(e.to_string()))? + "\n")
}

/// Says that there is nothing to measure.
#[cfg(not(feature = "gpu"))]
fn calibrate(_: &BenchArgs, _: &Arc<Monitor>) -> Result<()> {
    gpu::choose(&[], Choice::Auto).map(|_| ())
}

/// Prints what the device can do at most.
#[cfg(feature = "gpu")]
fn calibrate(args: &BenchArgs, monitor: &Arc<Monitor>) -> Result<()> {
    let limits = args.limits.limits();
    let options = GpuOptions { adapter: args.adapter.first().cloned(), limits, timestamps: true };
    let found = gpu::calibrate(&options, args.calibrate_bytes, monitor)?;
    if args.json {
        return super::print(&json(&found)?);
    }
    let speed = |per_second: f64| format!("{}/s", bytes(per_second as u64));
    let mut text = String::new();
    let lines = [
        ("opened in", format!("{:.4} s", found.open)),
        ("memory to plan with", bytes(found.memory)),
        ("largest binding", bytes(found.binding)),
        ("lanes of a subgroup", format!("{} to {}", found.lanes.0, found.lanes.1)),
        ("clock for passes", if found.clock { "yes" } else { "no" }.into()),
        ("up", speed(found.up)),
        ("down", speed(found.down)),
        ("within, read and write", speed(found.within)),
        ("set to zero", speed(found.clear)),
        ("empty submission", format!("{:.1} us", found.submit * 1e6)),
        ("small buffer", format!("{:.1} us", found.buffer * 1e6)),
        ("mapped reads, 1 thread", speed(found.mapped_reads)),
    ];
    put(&mut text, format_args!("{} ({}, {})", found.adapter, found.interface, found.driver));
    for (what, figure) in lines {
        put(&mut text, format_args!("  {what:<24} {figure}"));
    }
    for &(threads, per_second) in &found.mapped_writes {
        put(&mut text, format_args!("  {:<24} {}", format!("mapped writes, {threads} threads"), speed(per_second)));
    }
    super::print(&text)
}

/// Names of the adapters to measure, all of which exist; and why there are none.
fn adapters(args: &BenchArgs) -> Result<(Vec<String>, Option<String>)> {
    let wanted = &args.adapter;
    if matches!(args.backend, BackendName::Cpu) {
        return Ok((Vec::new(), None));
    }
    let choices = wanted.iter().map(|part| Choice::named(part)).collect::<Result<Vec<_>>>()?;
    let found = gpu::adapters();
    if choices.is_empty() {
        return match gpu::choose(&found, Choice::Auto) {
            Ok(at) => Ok((vec![found[at].name.clone()], None)),
            Err(reason) if matches!(args.backend, BackendName::Gpu) => Err(reason),
            Err(reason) => Ok((Vec::new(), Some(format!("the CPU alone was measured: {reason}")))),
        };
    }
    let mut names: Vec<String> = Vec::new();
    for choice in choices {
        let name = &found[gpu::choose(&found, choice)?].name;
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok((names, None))
}

/// The CPU first: it is the yardstick.
fn contenders(args: &BenchArgs, inputs: Vec<Input>, adapters: Vec<String>) -> Result<Vec<Contender>> {
    let mut request = Request::new(inputs, "");
    request.zooms = args.zooms;
    request.sources.read.weight = args.weigh.clone().weight()?;
    let weight = request.sources.read.weight.as_ref();
    request.style = args.style.style(Some((args.zooms, Form::default())), weight)?;
    if let Some(file) = kept(&args.inputs)? {
        let typed = Sources { read: request.sources.read.clone(), ..Sources::new(Vec::new()) };
        let about = file.about();
        request.zooms.max = request.zooms.max.min(about.zoom);
        request.zooms.min = request.zooms.min.min(request.zooms.max);
        check_measure(&args.style, &file)?;
        let weight = weight_of(&file);
        request.style = args.style.style(Some((request.zooms, Form::default())), weight.as_ref())?;
        request.sources = instead(&typed, file)?;
        let threads = args.threads.map(usize::from);
        request.resources = Resources { device: Device::Cpu, gpu: GpuOptions::default(), threads, memory: args.memory };
        return Ok(contenders_of(&request, args, adapters));
    }
    (request.sources.read.x, request.sources.read.y) = (args.lon.clone(), args.lat.clone());
    let (read, region) = args.choose.clone().chosen(request.sources.read)?;
    (request.sources.read, request.sources.region) = (read, boxed(region, args.bbox.as_ref()));
    let threads = args.threads.map(usize::from);
    request.resources = Resources { device: Device::Cpu, gpu: GpuOptions::default(), threads, memory: args.memory };
    Ok(contenders_of(&request, args, adapters))
}

/// The request on the CPU, and on each adapter.
fn contenders_of(request: &Request, args: &BenchArgs, adapters: Vec<String>) -> Vec<Contender> {
    let gpus = adapters.into_iter().map(|name| {
        let gpu = GpuOptions { adapter: Some(name.clone()), limits: args.limits.limits(), timestamps: false };
        let resources = Resources { device: Device::Gpu, gpu, ..request.resources.clone() };
        Contender { name, request: Request { resources, ..request.clone() } }
    });
    let gpus: Vec<_> = gpus.collect();
    std::iter::once(Contender { name: "CPU".into(), request: request.clone() }).chain(gpus).collect()
}

/// Benchmarks take a while; a terminal shows what is under way.
fn progress(what: &str) {
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr(), "{what}");
    }
}

/// The report as a person reads it.
fn table(report: &BenchReport) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    put(
        &mut text,
        format_args!("tilefire {} on {}, {} cores, {}", report.version, machine.cpu, machine.cores, machine.system),
    );
    for notice in &report.notices {
        put(&mut text, format_args!("{}", values::visible(notice)));
    }
    put(
        &mut text,
        format_args!(
            "{} points, {} of input, zooms {}, spread {}: {} tiles, {}",
            grouped(report.points),
            bytes(report.input_bytes),
            report.zooms,
            report.spread,
            grouped(report.tiles),
            bytes(report.tile_bytes)
        ),
    );
    for measured in &report.contenders {
        contender(&mut text, measured);
    }
    if let Some(difference) = &report.difference {
        put(&mut text, format_args!("\nNo figures: {difference}"));
        return text;
    }
    if !report.ratios.is_empty() {
        put(&mut text, format_args!("\nall tile sets are equal, byte for byte"));
    }
    for ratio in &report.ratios {
        let raster = ratio.raster.map_or_else(String::new, |r| format!(", raster {r:.2} times"));
        put(
            &mut text,
            format_args!("{} against the CPU: end to end {:.2} times as fast{raster}", ratio.name, ratio.end_to_end),
        );
    }
    text
}

fn contender(text: &mut String, measured: &Measured) {
    let device = &measured.device;
    let how = match &device.interface {
        Some(interface) => format!("{interface}, {} host threads", device.threads),
        None => format!("{} threads", device.threads),
    };
    put(text, format_args!("\n{} ({how})", measured.name));
    put(text, format_args!("{:<10} {:>9} {:>9} {:>22} {:>12}", "stage", "busy s", "wall s", "per busy second", ""));
    for row in &measured.stages {
        let unit = if row.unit == Unit::Points { "points" } else { "tiles" };
        let bytes = row.bytes_per_s.map_or_else(String::new, |b| format!("{}/s", bytes(b as u64)));
        let rate = format!("{} {unit}", rate(row.items_per_s));
        put(
            text,
            format_args!("{:<10} {:>9.4} {:>9.4} {rate:>22} {bytes:>12}", row.stage, row.time.busy, row.time.wall),
        );
    }
    if let Some(raster) = &measured.raster {
        let per_second = |times: &Times| rate(raster.points as f64 / times.median.max(f64::MIN_POSITIVE));
        let (counts, shade) = (&raster.counts, &raster.shade);
        put(text, format_args!("memory to counts   {}, {} points/s", seconds(counts), per_second(counts)));
        if raster.resident_points > 0 {
            let speed = rate(raster.resident_points as f64 / raster.resident.median.max(f64::MIN_POSITIVE));
            put(
                text,
                format_args!(
                    "resident points    {} to bin {}, {speed} points/s",
                    seconds(&raster.resident),
                    grouped(raster.resident_points)
                ),
            );
            let left = raster.resident_atomics as f64 / raster.resident_points as f64;
            let clock = if raster.resident_device.runs.is_empty() {
                String::new()
            } else {
                format!(", {} by the device's clock", seconds(&raster.resident_device))
            };
            put(text, format_args!("                   {left:.4} additions a point after merging{clock}"));
        }
        put(text, format_args!("counts to indices  {}", seconds(shade)));
    }
    model(text, measured);
    put(
        text,
        format_args!(
            "end to end         {}, {} points/s, {} tiles/s, {:.2} CPU seconds",
            seconds(&measured.end_to_end),
            rate(measured.points_per_s),
            rate(measured.tiles_per_s),
            measured.cpu_seconds.median
        ),
    );
}

/// What the device was asked for, pass by pass and step by step, and what that would take elsewhere.
fn model(text: &mut String, measured: &Measured) {
    let device = &measured.device;
    let busy = device.shaders.iter().filter(|work| work.dispatches > 0);
    for (nth, work) in busy.enumerate() {
        if nth == 0 {
            put(
                text,
                format_args!(
                    "{:<10} {:>9} {:>10} {:>10} {:>12} {:>12}",
                    "pass", "device s", "tiles", "dispatches", "bytes", "additions"
                ),
            );
        }
        let time = work.nanoseconds.map_or_else(|| "-".into(), |ns| format!("{:.4}", ns as f64 * 1e-9));
        put(
            text,
            format_args!(
                "{:<10} {time:>9} {:>10} {:>10} {:>12} {:>12}",
                work.shader,
                grouped(work.tiles),
                grouped(work.dispatches),
                bytes(work.bytes),
                grouped(work.atomics)
            ),
        );
    }
    for (nth, moved) in device.transfers.iter().filter(|moved| moved.submits > 0).enumerate() {
        if nth == 0 {
            put(
                text,
                format_args!(
                    "{:<10} {:>10} {:>10} {:>10} {:>12} {:>9} {:>9}",
                    "step", "up", "down", "within", "host copies", "submits", "buffers"
                ),
            );
        }
        put(
            text,
            format_args!(
                "{:<10} {:>10} {:>10} {:>10} {:>12} {:>9} {:>9}",
                moved.step,
                bytes(moved.up),
                bytes(moved.down),
                bytes(moved.copied),
                bytes(moved.host),
                grouped(moved.submits),
                grouped(moved.buffers)
            ),
        );
    }
    for prediction in &measured.predicted {
        let steps: Vec<String> = prediction
            .steps
            .iter()
            .map(|step| format!("{} {:.1} ms ({})", step.step, step.seconds * 1e3, step.bound))
            .collect();
        put(text, format_args!("at best, {}: {}", prediction.ceilings.name, steps.join(", ")));
    }
}

fn seconds(times: &Times) -> String {
    format!("{:.4} s ({:.4}-{:.4})", times.median, times.min, times.max)
}

/// A rate for people: "17", "4.2 k", "38.1 M", "1.2 G".
fn rate(per_second: f64) -> String {
    let mut scaled = per_second;
    for unit in ["", " k", " M"] {
        if scaled < 999.5 {
            return if unit.is_empty() { format!("{scaled:.0}") } else { format!("{scaled:.1}{unit}") };
        }
        scaled /= 1000.0;
    }
    format!("{scaled:.1} G")
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Machine, Ratio};

    fn report(difference: Option<&str>) -> BenchReport {
        BenchReport {
            version: "0",
            machine: Machine { cpu: "Abacus".into(), cores: 2, system: "linux".into() },
            rows: 3,
            points: 3,
            input_bytes: 40,
            zooms: ZoomRange { min: 0, max: 1 },
            spread: 0,
            tiles: 2,
            tile_bytes: 200,
            difference: difference.map(ToString::to_string),
            contenders: Vec::new(),
            ratios: vec![Ratio { name: "Card".into(), end_to_end: 3.5, raster: Some(20.25) }],
            notices: Vec::new(),
        }
    }

    #[test]
    fn a_ratio_is_shown_for_equal_tiles_only() {
        let equal = table(&report(None));
        assert!(equal.contains("Card against the CPU: end to end 3.50 times as fast, raster 20.25 times"), "{equal}");
        let differing = table(&report(Some("tile 1/0/1 differs")));
        assert!(differing.contains("tile 1/0/1 differs") && !differing.contains("times"), "{differing}");
    }

    #[test]
    fn rates_for_people() {
        assert_eq!([17.2, 4_200.0, 38.12e6, 2e9].map(rate), ["17", "4.2 k", "38.1 M", "2.0 G"]);
    }
}
