//! Bounded memory changes nothing but memory: with next to none, points become counts early and counts go to a
//! file, and the tiles are the same bytes. And it is bounded: the real program never has more than README.md says.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use crate::common::{Playground, tree};

fn render(place: &Playground, out: &str, extra: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["render", "points.csv", "-o", out, "-q", "--no-page", "--report", "report.json"];
    arguments.extend(["--backend", "cpu"]);
    if !extra.contains(&"--spread") {
        arguments.extend(["--spread", "0"]);
    }
    arguments.extend(extra);
    let _ = std::fs::remove_file(place.path("report.json"));
    place.run(arguments).ok();
    serde_json::from_slice(&std::fs::read(place.path("report.json")).unwrap()).unwrap()
}

/// The tiles alone: metadata names the folder.
fn tiles(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut files = tree(folder);
    files.retain(|name, _| name.ends_with(".png"));
    assert!(files.len() > 50);
    files
}

#[test]
fn a_spill_changes_no_tile() {
    let place = Playground::new();
    place.run(["synth", "-n", "400k", "-o", "points.csv"]).ok();
    for extra in [&["-z", "0..11"][..], &["-z", "0..10", "--spread", "2"]] {
        let report = render(&place, "free", &[extra, &["--force"]].concat());
        assert_eq!((&report["device"]["flushes"], &report["device"]["spilled_bytes"]), (&0.into(), &0.into()));
        let free = tiles(&place.path("free"));
        for threads in ["1", "3"] {
            let report =
                render(&place, "tight", &[extra, &["--force", "--memory", "1M", "--threads", threads]].concat());
            assert!(report["device"]["flushes"].as_u64().unwrap() >= 3, "{report}");
            assert!(report["device"]["spilled_bytes"].as_u64().unwrap() > 0, "{report}");
            assert!(tiles(&place.path("tight")) == free, "memory or {threads} threads changed a tile");
        }
    }
    assert_eq!(place.names(), ["free", "points.csv", "report.json", "tight"], "no temporary file is left");
}

#[test]
fn a_crowded_bucket_is_counted_in_rounds() {
    let place = Playground::new();
    let mut text = String::from("lon,lat\n");
    for i in 0..300_000 {
        // Four pixels that take turns, and a few points elsewhere.
        let near = ["0.1,51.5", "0.2,51.5", "0.1,51.6", "0.2,51.6"];
        text.push_str(if i % 1000 == 0 { "-70.5,-33.4" } else { near[i % 4] });
        text.push('\n');
    }
    place.file("points.csv", text);
    render(&place, "free", &["-z", "0..14"]);
    let report = render(&place, "tight", &["-z", "0..14", "--memory", "1M"]);
    assert!(report["device"]["flushes"].as_u64().unwrap() > 0);
    let files = |folder: &str| {
        let mut files = tree(&place.path(folder));
        files.remove("metadata.json");
        files
    };
    assert!(files("free") == files("tight"));
}

/// What a process of so many threads may have in memory at most, in MiB, with `--memory` of `limit` MiB.
fn bound(limit: u64, threads: u64) -> u64 {
    limit + 64 + 8 * threads.min(16) + threads.saturating_sub(16)
}

/// Points all over the world, as text.
fn scattered() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = b"lon,lat\n".to_vec();
        let mut state = 1u64;
        for _ in 0..3_000_000 {
            let mut random = |range: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 20) % range
            };
            let (lon, lat) = (random(360_000_000), random(160_000_000));
            let (east, north) = (lon as i64 - 180_000_000, lat as i64 - 80_000_000);
            let sign = |value: i64| if value < 0 { "-" } else { "" };
            let (x, y) = (east.unsigned_abs(), north.unsigned_abs());
            let (x, dx, y, dy) = (x / 1_000_000, x % 1_000_000, y / 1_000_000, y % 1_000_000);
            writeln!(text, "{}{x}.{dx:06},{}{y}.{dy:06}", sign(east), sign(north)).unwrap();
        }
        text
    })
}

/// The most memory that the program had, in MiB, when it was given `text`; its report too.
fn peak(text: &[u8], arguments: &[&str]) -> (u64, serde_json::Value) {
    let place = Playground::new();
    let mut command = place.command();
    command
        .args(["render", "-", "-o", "out", "-q", "--no-page", "--spread", "0", "--report", "report.json"])
        .args(arguments);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A program that fails reads no further; its error is seen below.
        scope.spawn(move || drop(stdin.write_all(text)));
    });
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("report.json")).unwrap()).unwrap();
    let peak = report["peak_memory"].as_u64().unwrap().div_ceil(1 << 20);
    println!("{arguments:?}: {peak} MiB");
    (peak, report)
}

#[cfg(target_os = "linux")]
#[test]
fn scattered_points_stay_within_the_limit() {
    for (threads, extra) in [("2", &["-z", "0..10", "--memory", "4M"][..]), ("8", &["-z", "0..9", "--memory", "8M"])] {
        let arguments = [extra, &["--dry-run", "--backend", "cpu", "--threads", threads]].concat();
        let (peak, report) = peak(scattered(), &arguments);
        assert!(report["device"]["flushes"].as_u64().unwrap() > 3, "{report}");
        let limit: u64 = extra[3].trim_end_matches('M').parse().unwrap();
        assert!(peak <= bound(limit, threads.parse().unwrap()), "{arguments:?}: {peak} MiB");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn weights_stay_within_the_limit() {
    let some = &scattered()[..scattered().len() / 2];
    let some = &some[..=some.iter().rposition(|&byte| byte == b'\n').unwrap()];
    let weigh = ["-z", "0..10", "--memory", "4M", "--weight", "lat", "--dry-run", "--backend", "cpu", "--threads", "2"];
    let (peak, report) = peak(some, &weigh);
    assert!(report["device"]["flushes"].as_u64().unwrap() > 3, "{report}");
    assert!(peak <= bound(4, 2), "{peak} MiB");
}

#[cfg(target_os = "linux")]
#[test]
fn counts_that_are_kept_stay_within_the_limit() {
    let place = Playground::new();
    let some = &scattered()[..scattered().len() / 2];
    place.file("s.csv", &some[..=some.iter().rposition(|&byte| byte == b'\n').unwrap()]);
    let limits = ["--memory", "1M", "--threads", "2", "-q", "--force", "--report", "r.json"];
    for arguments in [
        &["count", "s.csv", "-o", "a.counts", "-z", "20", "--backend", "cpu"][..],
        &["count", "s.csv", "-o", "b.counts", "-z", "12", "--by", "lon", "--values", "1,2", "--backend", "cpu"],
        &["merge", "a.counts", "-o", "c.counts"],
        &["merge", "a.counts", "-o", "c.counts", "-z", "11"],
        &["merge", "a.counts", "a.counts", "-o", "c.counts", "--allow-duplicates"],
    ] {
        place.run([arguments, &limits].concat()).ok();
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("r.json")).unwrap()).unwrap();
        let peak = report["peak_memory"].as_u64().unwrap() >> 20;
        assert!(peak <= bound(1, 2), "{arguments:?}: {peak} MiB");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn deep_zooms_stay_within_the_limit() {
    let some = &scattered()[..scattered().len() / 2];
    let some = &some[..=some.iter().rposition(|&byte| byte == b'\n').unwrap()];
    let arguments = ["-z", "0..24", "--memory", "1M", "--dry-run", "--backend", "cpu", "--threads", "2"];
    let (peak, report) = peak(some, &arguments);
    assert!(report["zooms"]["24"]["tiles"].as_u64().unwrap() > 1_000_000);
    assert!(peak <= bound(1, 2), "{peak} MiB");
}

#[cfg(target_os = "linux")]
#[test]
fn a_hot_spot_stays_within_the_limit() {
    let mut text = b"lon,lat\n".to_vec();
    for i in 0..2_000_000u32 {
        writeln!(text, "0.{:06},51.{:06}", i % 1_000 * 7, i / 1_000 % 1_000 * 5).unwrap();
    }
    for zooms in ["0..14", "0..6"] {
        let (peak, _) =
            peak(&text, &["-z", zooms, "--memory", "1M", "--dry-run", "--backend", "cpu", "--threads", "2"]);
        assert!(peak <= bound(1, 2), "{zooms}: {peak} MiB");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn many_threads_stay_within_the_least_limit() {
    let (peak, _) =
        peak(scattered(), &["-z", "0..9", "--memory", "1M", "--dry-run", "--backend", "cpu", "--threads", "256"]);
    assert!(peak <= bound(1, 256), "{peak} MiB");
}

/// Buffers of a device that the processor plays lie in the same memory.
#[cfg(target_os = "linux")]
#[test]
fn a_device_stays_within_the_limit() {
    if !crate::common::gpu::adapter_for("a_device_stays_within_the_limit") {
        return;
    }
    let adapter = crate::common::gpu::adapter_name();
    for (zooms, limit) in [("0..10", 4), ("0..5", 8)] {
        let memory = format!("{limit}M");
        let mut arguments = vec!["-z", zooms, "--memory", &memory, "--device-memory", "16M", "--dry-run"];
        arguments.extend(["--backend", "gpu", "--adapter", &adapter, "--threads", "2"]);
        let (peak, _) = peak(scattered(), &arguments);
        assert!(peak <= bound(limit, 2) + 96 + 16, "{arguments:?}: {peak} MiB");
    }
}

#[test]
fn a_first_record_of_many_fields_stays_within_the_least_limit() {
    let place = Playground::new();
    // As wide as is read, wider, and one that does not end.
    let wide = |fields: usize, end: &str| format!("lon,lat{}{end}", ",".repeat(fields));
    for (text, code) in [
        (wide(60_000, "\n1,51\n"), 0),
        (wide(6_000_000, "\n1,51\n"), 1),
        (wide(17_000_000, ""), 1),
        (format!("lon,lat\n1,51\n{}\n", ",".repeat(15_000_000)), 0),
    ] {
        let input = place.file("wide.csv", text);
        let arguments =
            ["-o", "w.pmtiles", "-z", "0..2", "--backend", "cpu", "--force", "--threads", "2", "--memory", "1M"];
        let mut child = place
            .command()
            .args(["render", input.to_str().unwrap()])
            .args(arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10);
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        };
        assert_eq!(ended.code(), Some(code));
        assert!(peak <= bound(1, 2), "{peak} MiB");
    }
}

#[test]
fn a_limit_below_the_least_is_refused() {
    let place = Playground::new();
    let error = place.run(["render", "missing.csv", "-o", "out", "--memory", "1000k"]);
    assert_eq!(error.code, Some(2));
    assert!(error.stderr.contains("at least 1M"), "{}", error.stderr);
}
