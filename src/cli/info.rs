//! `tilefire info`: what inputs are and how they would be read; without any, which adapters there are and what
//! `--backend auto` would take.

use std::sync::Arc;

use clap::Args;

use super::arguments::SourceArgs;
use super::kept::kept;
use super::summary::{counted, counted_zooms, groups, said};
use super::values::{self, grouped, visible};
use crate::backend::gpu;
use crate::countfile::{About, CountFile, Origin, ZoomSums};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::survey::{Survey, survey};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    sources: SourceArgs,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  tilefire info strange.txt
  tilefire info 'data/*.csv.gz' --json
  tilefire info trips.counts
  tilefire info";

pub(super) fn run(args: InfoArgs, monitor: &Arc<Monitor>) -> Result<()> {
    if args.sources.inputs.is_empty() {
        return adapters(args.json);
    }
    if let Some(file) = kept(&args.sources.inputs)? {
        return counts(&file, args.json);
    }
    let (sources, json) = (args.sources.sources()?, args.json);
    let found = survey(&sources, monitor)?;
    if json {
        let text = serde_json::to_string_pretty(&found).map_err(|e| Error::Internal(e.to_string()))?;
        super::print(&(text + "\n"))?;
        return unread(&found);
    }
    let mut text: String = sources.notices.iter().map(|notice| visible(&notice.text) + "\n").collect();
    if found.len() > PAGES {
        let names = |one: &Survey| one.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let kind = |one: &Survey| {
            (said(&one.file).to_owned(), names(one), one.file.crs.to_string(), one.problem.is_some(), one.file.used > 0)
        };
        text.extend(groups(&found, kind).iter().map(|alike| described_together(&found, alike)));
    } else {
        text.extend(found.iter().map(described));
    }
    let typed: Vec<String> = std::env::args_os().skip(2).map(|word| quoted(&word.to_string_lossy())).collect();
    let typed = typed.join(" ");
    if found.iter().all(|one| one.problem.is_none() && one.file.used > 0) {
        text += &format!("to draw it:\n  tilefire render {typed} -o tiles\n  tilefire serve tiles\n");
    }
    super::print(&text)?;
    unread(&found)
}

/// Fails where inputs could not be opened.
fn unread(found: &[Survey]) -> Result<()> {
    let problems: Vec<&String> = found.iter().filter(|one| one.unread).filter_map(|one| one.problem.as_ref()).collect();
    match problems.as_slice() {
        [] => Ok(()),
        [only] if found.len() == 1 => Err(Error::Input((*only).clone())),
        [first, ..] => Err(Error::Input(format!(
            "{} of {} inputs cannot be read, the first: {first}",
            problems.len(),
            found.len()
        ))),
    }
}

/// More inputs than this are not described one by one where they are alike.
const PAGES: usize = 20;

/// The first of inputs that are `alike`, and what the others come to.
fn described_together(found: &[Survey], alike: &[usize]) -> String {
    let mut text = alike.first().map_or(String::new(), |&first| described(&found[first]));
    if let [_, others @ .., last] = alike {
        let sum = |of: fn(&Survey) -> u64| grouped(alike.iter().map(|&i| of(&found[i])).sum());
        let (number, last) = (grouped(others.len() as u64 + 1), &found[*last].file.name);
        let whole = if alike.iter().all(|&i| found[i].whole) { "" } else { " looked at" };
        text += &visible(&format!(
            "  and {number} more like it, the last of them {last}: {} rows{whole}, {} points in all",
            sum(|one| one.file.rows),
            sum(|one| one.file.used)
        ));
        text.push('\n');
    }
    text
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        visible(word)
    } else {
        format!("'{}'", visible(&word.replace('\'', "'\\''")))
    }
}

/// What is known about one input, as lines.
fn described(one: &Survey) -> String {
    let file = &one.file;
    let mut lines = vec![file.notice.clone()];
    lines.extend(one.bytes.map(|bytes| format!("  {}", values::bytes(bytes))));
    let taken = |name: &Option<String>, number: usize| {
        let is = |taken: &String| name.as_ref() == Some(taken) || *taken == format!("#{number}");
        match (is(&file.x_column), is(&file.y_column)) {
            (true, true) => "  <- both coordinates",
            (true, false) => "  <- longitude or easting",
            (false, true) => "  <- latitude or northing",
            (false, false) => "",
        }
    };
    let wide = one.columns.iter().filter_map(|c| c.name.as_ref()).map(|name| name.chars().count()).max();
    let wide = wide.unwrap_or(0).min(40);
    for column in &one.columns {
        let name = column.name.as_deref().unwrap_or_default();
        let taken = taken(&column.name, column.number);
        let (number, kind, example) = (column.number, column.kind, &column.example);
        lines.push(format!("  #{number:<3} {name:wide$}  {kind:7}  {example}{taken}"));
    }
    if one.unread {
        lines.extend(one.problem.iter().map(|problem| format!("  it would not be drawn: {problem}")));
        return lines.iter().map(|line| visible(line).trim_end().to_owned() + "\n").collect();
    }
    lines.push(format!("  reference system: {}", file.crs));
    let of = if one.whole { "" } else { "first " };
    lines.push(format!("  {of}{}, {}", counted(file.rows, "row"), counted(file.used, "point")));
    if file.not_selected.total() > 0 {
        lines.push(format!("    not selected: {}", grouped(file.not_selected.total())));
    }
    for (reason, rows) in file.left_out.iter().filter(|(_, rows)| *rows > 0) {
        let example = file.examples.iter().find(|(known, ..)| *known == reason);
        let example = example.map_or(String::new(), |(_, row, value)| format!(" (row {row}: {value})"));
        lines.push(format!("    left out: {} {}{example}", grouped(rows), reason.message()));
    }
    if let Some(b) = one.bounds {
        let ends = |low: f64, high: f64| format!("{low:.5} to {high:.5}");
        lines.push(format!("  longitude {}, latitude {}", ends(b.west, b.east), ends(b.south, b.north)));
    }
    lines.extend(one.notices.iter().map(|notice| format!("  {notice}")));
    lines.extend(one.problem.iter().map(|problem| format!("  it would not be drawn: {problem}")));
    lines.iter().map(|line| visible(line).trim_end().to_owned() + "\n").collect()
}

/// What a file of counts holds.
fn counts(file: &CountFile, json: bool) -> Result<()> {
    let about = file.about();
    let (sums, origin) = file.details()?;
    let name = file.path().display();
    if json {
        #[derive(serde::Serialize)]
        struct Told<'a> {
            name: String,
            bytes: u64,
            counts: &'a About,
            zooms: &'a [ZoomSums],
            #[serde(flatten)]
            origin: &'a Origin,
        }
        // Histograms are for programs that draw.
        let zooms: Vec<_> = sums.iter().map(|zoom| ZoomSums { histogram: Vec::new(), ..zoom.clone() }).collect();
        let all = Told { name: name.to_string(), bytes: file.bytes(), counts: about, zooms: &zooms, origin: &origin };
        let text = serde_json::to_string_pretty(&all).map_err(|e| Error::Internal(e.to_string()))?;
        return super::print(&(text + "\n"));
    }
    let weight = about
        .weight
        .as_ref()
        .map_or(String::new(), |weight| format!(", and sums of '{}' in steps of {}", weight.column, weight.step));
    let mut text =
        visible(&format!("{name}: counts up to zoom {}{weight}, {}", about.zoom, values::bytes(file.bytes()))) + "\n";
    if let Some(key) = &about.key {
        let names: Vec<&str> = about.planes.iter().take(PAGES).map(|part| part.name.as_str()).collect();
        let more = if about.planes.len() > names.len() { ", ..." } else { "" };
        text += &visible(&format!("  by {}: {} values: {}{more}", key.by, about.planes.len(), names.join(", ")));
        text.push('\n');
    }
    let sources = counted(origin.sources.len() as u64, "source");
    let (rows, points) = (counted(origin.rows(), "row"), counted(origin.used(), "point"));
    text += &format!("  {sources}: {rows}, {points}\n");
    for (by, rows) in origin.not_selected() {
        text += &(visible(&format!("    not selected: {} by {by}", grouped(rows))) + "\n");
    }
    for (reason, rows) in origin.left_out().unwrap_or_default().iter().filter(|(_, rows)| *rows > 0) {
        text += &format!("    left out: {} {}\n", grouped(rows), reason.message());
    }
    if let Some(share) = origin.sources.iter().find_map(|source| source.share.as_ref()) {
        let shares = share.shares.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        text += &format!("  share {shares} of {} of plan {}; tilefire merge adds the others\n", share.of, share.plan);
    }
    if let Some(b) = origin.extent().bounds() {
        let ends = |low: f64, high: f64| format!("{low:.5} to {high:.5}");
        text += &format!("  longitude {}, latitude {}\n", ends(b.west, b.east), ends(b.south, b.north));
    }
    if about.key.is_none() {
        let zooms = sums.iter().rev().map(|zoom| (zoom.zoom, zoom.lit, zoom.max, zoom.tiles));
        counted_zooms(&mut text, zooms);
    }
    let typed = quoted(&name.to_string());
    text += &format!("to draw it:\n  tilefire shade {typed} -o tiles\n");
    super::print(&text)
}

/// Lists the adapters.
fn adapters(json: bool) -> Result<()> {
    let adapters = gpu::adapters();
    if json {
        let text = serde_json::to_string_pretty(&adapters).map_err(|e| Error::Internal(e.to_string()))?;
        return super::print(&(text + "\n"));
    }
    let mut text = String::new();
    for adapter in &adapters {
        text += &format!(
            "{} ({}, {})\n  driver {}\n  largest storage binding {}, largest buffer {}, workgroup memory {}, subgroups {}\n",
            adapter.name,
            adapter.kind,
            adapter.interface,
            if adapter.driver.is_empty() { "unknown" } else { &adapter.driver },
            values::bytes(adapter.max_binding),
            values::bytes(adapter.max_buffer),
            values::bytes(adapter.workgroup_memory.into()),
            if adapter.subgroups { "yes" } else { "no" },
        );
    }
    text += &match gpu::choose(&adapters, gpu::Choice::Auto) {
        Ok(chosen) => format!("--backend auto takes {}\n", adapters[chosen].name),
        Err(reason) => format!("--backend auto takes the CPU: {reason}\n"),
    };
    super::print(&text)
}
