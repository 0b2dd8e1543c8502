//! The summary a person reads after a run: the same facts as the report, as a few aligned lines.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::values::{bytes, grouped};
use crate::backend::BackendReport;
use crate::error::Visible;
use crate::heat::Points;
use crate::monitor::StageTime;
use crate::render::image::ImageReport;
use crate::render::{CountReport, MergeReport, Report, ZoomReport};
use crate::rows::LeftOut;
use crate::shade::people;
use crate::source::{FileReport, Notice};
use crate::tile::LonLatBounds;

/// The summary of a picture; `verbose` tells of the work too.
pub(super) fn picture_summary(report: &ImageReport, out: &str, verbose: bool) -> String {
    let mut text = String::new();
    head(&mut text, &report.run, true);
    if report.outside > 0 {
        line(&mut text, format_args!("  outside of the picture: {}", grouped(report.outside)));
    }
    let LonLatBounds { west, south, east, north } = report.bounds;
    line(&mut text, format_args!("longitude {west:.5} to {east:.5}, latitude {south:.5} to {north:.5}"));
    if let Some(zoom) = report.run.zooms.get(&report.zoom) {
        let (lit, measure) = (counted(zoom.lit, "lit pixel"), measure_of(&report.run));
        match zoom.min {
            Some(min) => {
                line(&mut text, format_args!("{lit}, {measure}s from {} to {}", number(min), number(zoom.max)));
            }
            None => line(&mut text, format_args!("{lit}, largest {measure} {}", number(zoom.max))),
        }
        clipped(&mut text, "", zoom);
    }
    if verbose {
        work(&mut text, &report.run);
    }
    line(
        &mut text,
        format_args!(
            "{} by {} pixels, {} in {out} ({:.2} s, {:.2} CPU seconds)",
            grouped(report.width.into()),
            grouped(report.height.into()),
            bytes(report.run.bytes),
            report.run.seconds,
            report.run.cpu_seconds
        ),
    );
    text
}

/// Where points came from, and which rows were none.
fn head(text: &mut String, report: &Report, of_picture: bool) {
    let weight = report.weight.as_ref().map(|weight| (&*weight.column, report.weight_sum.as_str()));
    let Report { files, notices, rows, used, not_selected_by, left_out, .. } = report;
    let read = Read { files, notices, rows: *rows, used: *used, not_selected_by, left_out, weight };
    // Of a picture that is told in its own words.
    rows_read(text, &read, |by| !of_picture || by != "--bbox");
}

/// What is told of rows.
struct Read<'a> {
    files: &'a [FileReport],
    notices: &'a [Notice],
    rows: u64,
    used: u64,
    not_selected_by: &'a [(String, u64)],
    left_out: &'a LeftOut,
    /// The column of weights, and what they come to.
    weight: Option<(&'a str, &'a str)>,
}

fn rows_read(text: &mut String, read: &Read<'_>, is_told: impl Fn(&str) -> bool) {
    files(text, read.files);
    notices(text, read.notices);
    line(text, format_args!("{}, {} used", counted(read.rows, "row"), counted(read.used, "point")));
    for (by, rows) in read.not_selected_by.iter().filter(|(by, _)| is_told(by)) {
        line(text, format_args!("  not selected: {} by {by}", grouped(*rows)));
    }
    for (reason, rows) in read.left_out.iter().filter(|(_, rows)| *rows > 0) {
        line(text, format_args!("  left out: {} {}", grouped(rows), reason.message()));
    }
    if let Some((column, sum)) = read.weight {
        line(text, format_args!("weights of '{column}' come to {}", decimal(sum)));
    }
}

/// The summary of counts that were kept; `verbose` tells of the work too.
pub(super) fn count_summary(report: &CountReport, out: &str, verbose: bool) -> String {
    let mut text = String::new();
    let weight = report.weight.as_ref().map(|weight| (weight.column.as_str(), report.weight_sum.as_str()));
    let CountReport { files, notices, rows, used, not_selected_by, left_out, .. } = report;
    let read = Read { files, notices, rows: *rows, used: *used, not_selected_by, left_out, weight };
    rows_read(&mut text, &read, |_| true);
    if let Some(by) = &report.by {
        line(&mut text, format_args!("{} of '{by}':", counted(report.planes.len() as u64, "value")));
        for plane in report.planes.iter().take(LINES) {
            line(&mut text, format_args!("  {}: {}", shown(&plane.name), counted(plane.points, "point")));
        }
        if let Some(more @ 1..) = report.planes.len().checked_sub(LINES) {
            line(&mut text, format_args!("  and {} more", grouped(more as u64)));
        }
    }
    counted_zooms(&mut text, report.zooms.iter().map(|(z, zoom)| (*z, zoom.lit, zoom.max, zoom.tiles)));
    if verbose {
        device(&mut text, &report.device);
        stages(&mut text, &report.stages);
    }
    if report.added {
        line(
            &mut text,
            format_args!(
                "added to {out}, which has {} now ({:.2} s, {:.2} CPU seconds); tilefire info tells what it holds",
                bytes(report.bytes),
                report.seconds,
                report.cpu_seconds
            ),
        );
        return text;
    }
    let base = report.zooms.get(&report.zoom).map_or(0, |zoom| zoom.lit).max(1);
    let each = report.bytes as f64 / base as f64;
    line(
        &mut text,
        format_args!(
            "counts of zoom {} and all below, {} in {out}, {each:.2} bytes a lit pixel ({:.2} s, {:.2} CPU seconds)",
            report.zoom,
            bytes(report.bytes),
            report.seconds,
            report.cpu_seconds
        ),
    );
    text
}

/// The summary of files of counts that were added up.
pub(super) fn merge_summary(report: &MergeReport, out: &str) -> String {
    let mut text = String::new();
    notices(&mut text, &report.notices);
    let (rows, points) = (counted(report.rows, "row"), counted(report.used, "point"));
    line(&mut text, format_args!("{}: {rows}, {points}", counted(report.sources as u64, "source")));
    line(
        &mut text,
        format_args!(
            "counts of zoom {} and all below, {} in {out} ({:.2} s, {:.2} CPU seconds)",
            report.zoom,
            bytes(report.bytes),
            report.seconds,
            report.cpu_seconds
        ),
    );
    text
}

/// Zooms of counts, a line each: lit pixels, points of the strongest, tiles.
pub(super) fn counted_zooms(text: &mut String, zooms: impl Iterator<Item = (u8, u64, u32, u64)>) {
    line(text, format_args!("zoom     lit pixels   largest count     tiles"));
    for (z, lit, max, tiles) in zooms {
        line(text, format_args!("{z:>4} {:>14} {:>15} {:>9}", grouped(lit), grouped(max.into()), grouped(tiles)));
    }
}

/// What a pixel's number is.
fn measure_of(report: &Report) -> &str {
    report.weight.as_ref().map_or("count", |weight| &weight.measure)
}

/// A plain decimal, its thousands apart.
fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    whole.parse::<u64>().map_or_else(|_| text.to_owned(), |whole| format!("{sign}{}{fraction}", grouped(whole)))
}

/// A number of points, or what they weigh.
fn number(Points(value): Points) -> String {
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    decimal(&if whole {
        format!("{value:.0}")
    } else {
        // Six decimals, or as many digits where it is small.
        let text = format!("{value:.6}");
        if value.abs() < 0.1 { format!("{value}") } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
    })
}

/// "1 row", "2,000 rows".
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A name on one line.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Lines about inputs of one kind; of more, the report tells.
const LINES: usize = 20;
/// Notices of one kind that differ.
const NOTICES: usize = 5;

/// How each input is read: one line for those that are read alike.
fn files(text: &mut String, files: &[FileReport]) {
    let groups = groups(files, |file| said(file).to_owned());
    for alike in groups.iter().take(LINES) {
        match alike[..] {
            [first, _, .., last] => {
                let (number, of) = (grouped(alike.len() as u64), said(&files[first]));
                let (from, to) = (&files[first].name, &files[last].name);
                if last - first + 1 == alike.len() {
                    line(text, format_args!("{number} files, {from} to {to}: {of}"));
                } else {
                    line(text, format_args!("{number} files, such as {from}: {of}"));
                }
            }
            _ => alike.iter().for_each(|&i| line(text, format_args!("{}", files[i].notice))),
        }
    }
    let others: usize = groups.iter().skip(LINES).map(Vec::len).sum();
    if others > 0 {
        line(text, format_args!("{} other files, read in other ways: --report lists them", grouped(others as u64)));
    }
}

/// What a person should know: one line for what differs in the input's name only.
fn notices(text: &mut String, notices: &[Notice]) {
    let groups = groups(notices, |notice| (notice.code, notice.input.is_some(), of_any_input(notice)));
    // How many groups of a code were met, and how many notices of them are not told.
    let mut codes: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for alike in &groups {
        let first = &notices[alike[0]];
        let (met, more) = codes.entry(first.code).or_default();
        *met += 1;
        // What is about no input is not many.
        if *met > NOTICES && first.input.is_some() {
            *more += alike.len() as u64;
            continue;
        }
        match alike.len() as u64 - 1 {
            0 => line(text, format_args!("{first}")),
            others => line(text, format_args!("{first} (and {} other inputs)", grouped(others))),
        }
    }
    for (code, (_, more)) in codes.iter().filter(|(_, (_, more))| *more > 0) {
        line(text, format_args!("{} other notices of this kind ({code}): --report lists them", grouped(*more)));
    }
}

/// Places of what has the same key, in the order in which keys appear.
pub(super) fn groups<T, K: std::hash::Hash + Eq>(all: &[T], key: impl Fn(&T) -> K) -> Vec<Vec<usize>> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, one) in all.iter().enumerate() {
        let place = *places.entry(key(one)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(i);
    }
    groups
}

/// What a notice says of whichever input it is about.
fn of_any_input(notice: &Notice) -> String {
    match &notice.input {
        Some(input) if !input.is_empty() => notice.text.replace(input.as_str(), ""),
        _ => notice.text.clone(),
    }
}

/// What is said of a file beside its name.
pub(super) fn said(file: &FileReport) -> &str {
    file.notice.strip_prefix(&file.name).map_or(&file.notice, |rest| rest.trim_start_matches(": "))
}

/// What a zoom's span clips.
fn clipped(text: &mut String, name: &str, zoom: &ZoomReport) {
    let exact = |points: f64| if points.fract() == 0.0 { number(Points(points)) } else { people(points) };
    let (lo, hi) = (exact(zoom.span.0), exact(zoom.span.1));
    let pixels = |n: u64| format!("{} {}", grouped(n), if n == 1 { "pixel has" } else { "pixels have" });
    let one = zoom.span.0 >= zoom.span.1;
    if zoom.clipped.above > 0 {
        let colour = if one { "the only" } else { "the last" };
        line(text, format_args!("  {name}{} more than {hi} and {colour} colour", pixels(zoom.clipped.above)));
    }
    if zoom.clipped.below > 0 {
        let colour = if one { "the only" } else { "the first" };
        line(text, format_args!("  {name}{} less than {lo} and {colour} colour", pixels(zoom.clipped.below)));
    }
}

/// The zooms, a line each.
fn zooms(text: &mut String, report: &Report) {
    let heading = format!("largest {}", measure_of(report));
    line(text, format_args!("zoom     lit pixels {heading:>15}     tiles       bytes"));
    let shown = |zoom: &ZoomReport| if report.estimate.is_some() { zoom.tiles } else { zoom.written };
    for (z, zoom) in report.zooms.iter().filter(|z| shown(z.1) > 0) {
        line(
            text,
            format_args!(
                "{z:>4} {:>14} {:>15} {:>9} {:>11}{}",
                grouped(zoom.lit),
                number(zoom.max),
                grouped(shown(zoom)),
                if zoom.bytes > 0 { bytes(zoom.bytes) } else { String::new() },
                if report.auto_spread { format!("   spread {} px", zoom.spread) } else { String::new() }
            ),
        );
        clipped(text, &format!("zoom {z}: "), zoom);
    }
}

/// What did the work, and how long it took.
fn work(text: &mut String, report: &Report) {
    device(text, &report.device);
    stages(text, &report.stages);
}

fn device(text: &mut String, device: &BackendReport) {
    match (&device.adapter, &device.interface) {
        (Some(adapter), interface) => {
            line(text, format_args!("GPU: {adapter} ({})", interface.as_deref().unwrap_or("unknown")));
            for work in &device.shaders {
                line(
                    text,
                    format_args!(
                        "  {:<8} {:>14} points {:>10} tiles {:>8} dispatches",
                        work.shader,
                        grouped(work.points),
                        grouped(work.tiles),
                        grouped(work.dispatches)
                    ),
                );
            }
            if device.buckets > 0 {
                line(text, format_args!("  {} buckets in {} passes", device.buckets, device.passes));
            }
        }
        _ => line(text, format_args!("CPU: {}", counted(device.threads as u64, "thread"))),
    }
    if device.flushes > 0 {
        let spilled = bytes(device.spilled_bytes);
        line(
            text,
            format_args!("  memory was full {} times, {spilled} of counts went to a temporary file", device.flushes),
        );
    }
    if device.sparse_tiles > 0 {
        let (tiles, points) = (counted(device.sparse_tiles, "tile"), counted(device.sparse_points, "point"));
        line(text, format_args!("  sparse path: {tiles} of the highest zoom, {points}"));
    }
}

fn stages(text: &mut String, stages: &BTreeMap<&'static str, StageTime>) {
    line(text, format_args!("seconds      busy     wall"));
    for stage in crate::monitor::Stage::ALL {
        if let Some(time) = stages.get(stage.name()) {
            line(text, format_args!("{:<9} {:>7.3}  {:>7.3}", stage.name(), time.busy, time.wall));
        }
    }
}

/// The summary as text; `verbose` tells of the work too.
pub(super) fn summary(report: &Report, out: &str, verbose: bool) -> String {
    let mut text = String::new();
    head(&mut text, report, false);
    zooms(&mut text, report);
    if verbose {
        work(&mut text, report);
    }
    match &report.estimate {
        Some(estimate) => line(
            &mut text,
            format_args!(
                "dry run, nothing written; expected: {} tiles (before spread), {} in {:.1} s more; points and counts {}",
                grouped(estimate.tiles),
                bytes(estimate.bytes),
                estimate.seconds,
                bytes(estimate.memory)
            ),
        ),
        None => line(
            &mut text,
            format_args!(
                "{}, {} in {out} ({:.2} s, {:.2} CPU seconds)",
                counted(report.written, "tile"),
                bytes(report.bytes),
                report.seconds,
                report.cpu_seconds
            ),
        ),
    }
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail. Names of files and columns may hold anything.
    let _ = Visible(&mut *text).write_fmt(arguments);
    text.push('\n');
}
