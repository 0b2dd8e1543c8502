//! The summary a person reads after a run: the same facts as the report, as a few aligned lines.

use std::fmt::Write;

use super::values::{bytes, grouped};
use crate::error::Visible;
use crate::render::image::ImageReport;
use crate::render::{Report, ZoomReport};
use crate::shade::people;
use crate::source::FileReport;
use crate::tile::LonLatBounds;

/// The summary of a picture.
pub(super) fn picture_summary(report: &ImageReport, out: &str) -> String {
    let mut text = String::new();
    head(&mut text, &report.run);
    if report.outside > 0 {
        line(&mut text, format_args!("  outside of the picture: {}", grouped(report.outside)));
    }
    let LonLatBounds { west, south, east, north } = report.bounds;
    line(&mut text, format_args!("longitude {west:.5} to {east:.5}, latitude {south:.5} to {north:.5}"));
    if let Some(zoom) = report.run.zooms.get(&report.zoom) {
        let (lit, max) = (grouped(zoom.lit), grouped(zoom.max.into()));
        line(&mut text, format_args!("{lit} lit pixels, largest count {max}"));
        clipped(&mut text, "", zoom);
    }
    work(&mut text, &report.run);
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
fn head(text: &mut String, report: &Report) {
    for alike in report.files.chunk_by(|a, b| said(a) == said(b)) {
        match alike {
            [first, _, .., last] => {
                let number = grouped(alike.len() as u64);
                line(text, format_args!("{number} files, {} to {}: {}", first.name, last.name, said(first)));
            }
            _ => alike.iter().for_each(|file| line(text, format_args!("{}", file.notice))),
        }
    }
    for notice in &report.notices {
        line(text, format_args!("{notice}"));
    }
    line(text, format_args!("{} rows, {} points used", grouped(report.rows), grouped(report.used)));
    for (reason, rows) in report.left_out.iter().filter(|(_, rows)| *rows > 0) {
        line(text, format_args!("  left out: {} {}", grouped(rows), reason.message()));
    }
}

/// What is said of a file beside its name.
fn said(file: &FileReport) -> &str {
    file.notice.strip_prefix(&file.name).map_or(&file.notice, |rest| rest.trim_start_matches(": "))
}

/// What a zoom's span clips.
fn clipped(text: &mut String, name: &str, zoom: &ZoomReport) {
    let exact = |points: f64| if points.fract() == 0.0 { grouped(points as u64) } else { people(points) };
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
    line(text, format_args!("zoom     lit pixels   largest count     tiles       bytes"));
    let shown = |zoom: &ZoomReport| if report.estimate.is_some() { zoom.tiles } else { zoom.written };
    for (z, zoom) in report.zooms.iter().filter(|z| shown(z.1) > 0) {
        line(
            text,
            format_args!(
                "{z:>4} {:>14} {:>15} {:>9} {:>11}{}",
                grouped(zoom.lit),
                grouped(zoom.max.into()),
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
    let device = &report.device;
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
        _ => line(text, format_args!("CPU: {} threads", device.threads)),
    }
    if device.flushes > 0 {
        let spilled = bytes(device.spilled_bytes);
        line(
            text,
            format_args!("  memory was full {} times, {spilled} of counts went to a temporary file", device.flushes),
        );
    }
    if device.sparse_tiles > 0 {
        let (tiles, points) = (grouped(device.sparse_tiles), grouped(device.sparse_points));
        line(text, format_args!("  sparse path: {tiles} tiles of the highest zoom, {points} points"));
    }
    line(text, format_args!("seconds      busy     wall"));
    for stage in crate::monitor::Stage::ALL {
        if let Some(time) = report.stages.get(stage.name()) {
            line(text, format_args!("{:<9} {:>7.3}  {:>7.3}", stage.name(), time.busy, time.wall));
        }
    }
}

/// The summary as text.
pub(super) fn summary(report: &Report, out: &str) -> String {
    let mut text = String::new();
    head(&mut text, report);
    zooms(&mut text, report);
    work(&mut text, report);
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
                "{} {}, {} in {out} ({:.2} s, {:.2} CPU seconds)",
                grouped(report.written),
                if report.written == 1 { "tile" } else { "tiles" },
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
