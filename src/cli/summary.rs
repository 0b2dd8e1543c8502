//! The summary a person reads after a run: the same facts as the report, as a few aligned lines.

use std::fmt::Write;

use super::values::{bytes, grouped};
use crate::render::{Report, ZoomReport};

/// The summary as text.
pub(super) fn summary(report: &Report, out: &str) -> String {
    let mut text = String::new();
    for file in &report.files {
        line(&mut text, format_args!("{}", file.notice));
    }
    for notice in &report.notices {
        line(&mut text, format_args!("{notice}"));
    }
    line(&mut text, format_args!("{} rows, {} points used", grouped(report.rows), grouped(report.used)));
    let reasons = [
        ("missing coordinate", report.invalid_rows.missing),
        ("not a number", report.invalid_rows.not_a_number),
        ("malformed row", report.invalid_rows.malformed),
        ("out of range", report.out_of_range),
        ("outside Web Mercator", report.outside_mercator),
    ];
    for (reason, rows) in reasons.iter().filter(|r| r.1 > 0) {
        line(&mut text, format_args!("  left out: {} {reason}", grouped(*rows)));
    }
    line(&mut text, format_args!("zoom     lit pixels   largest count     tiles       bytes"));
    let shown = |zoom: &ZoomReport| if report.estimate.is_some() { zoom.tiles } else { zoom.written };
    for (z, zoom) in report.zooms.iter().filter(|z| shown(z.1) > 0) {
        line(
            &mut text,
            format_args!(
                "{z:>4} {:>14} {:>15} {:>9} {:>11}",
                grouped(zoom.lit),
                grouped(zoom.max.into()),
                grouped(shown(zoom)),
                if zoom.bytes > 0 { bytes(zoom.bytes) } else { String::new() }
            ),
        );
    }
    let device = &report.device;
    match (&device.adapter, &device.interface) {
        (Some(adapter), interface) => {
            line(&mut text, format_args!("GPU: {adapter} ({})", interface.as_deref().unwrap_or("unknown")));
            for work in &device.shaders {
                line(
                    &mut text,
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
                line(&mut text, format_args!("  {} buckets in {} passes", device.buckets, device.passes));
            }
        }
        _ => line(&mut text, format_args!("CPU: {} threads", device.threads)),
    }
    if device.flushes > 0 {
        let spilled = bytes(device.spilled_bytes);
        line(
            &mut text,
            format_args!("  memory was full {} times, {spilled} of counts went to a temporary file", device.flushes),
        );
    }
    if device.sparse_tiles > 0 {
        let (tiles, points) = (grouped(device.sparse_tiles), grouped(device.sparse_points));
        line(&mut text, format_args!("  sparse path: {tiles} tiles of the highest zoom, {points} points"));
    }
    line(&mut text, format_args!("seconds      busy     wall"));
    for stage in crate::monitor::Stage::ALL {
        if let Some(time) = report.stages.get(stage.name()) {
            line(&mut text, format_args!("{:<9} {:>7.3}  {:>7.3}", stage.name(), time.busy, time.wall));
        }
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
    // Writing to a String cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}
