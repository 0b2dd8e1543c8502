//! Wide kernels, sets of many tiles and large pictures stay within `--memory`, and what does not fit is made anew or
//! waits in a file without changing a byte.

use std::fmt::Write;
#[cfg(target_os = "linux")]
use std::time::Duration;

use crate::common::{Playground, tree};

/// Points all over the world, from a plain sequence of numbers.
fn uniform(place: &Playground, points: usize) {
    let (mut text, mut state) = (String::from("lon,lat\n"), 7u64);
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    for _ in 0..points {
        let (lon, lat) = (360.0 * unit() - 180.0, 160.0 * unit() - 80.0);
        writeln!(text, "{lon:.6},{lat:.6}").unwrap();
    }
    place.file("points.csv", text);
}

/// Runs the program with `--memory 16M` and two threads; it must end well and hold 16 MiB, 64 MiB and 8 MiB a thread at
/// most. Where the system tells no peak, it is only run.
#[track_caller]
fn within_16_mib(place: &Playground, arguments: &[&str]) {
    let mut child = place
        .command()
        .args(arguments)
        .args(["-q", "--backend", "cpu", "--memory", "16M", "--threads", "2"])
        .spawn()
        .unwrap();
    #[cfg(target_os = "linux")]
    {
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
            peak = peak.max(kib.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(2));
        }
        println!("{arguments:?}: {} MiB", peak >> 10);
        assert!(peak <= (16 + 64 + 2 * 8) << 10, "{arguments:?} took {} MiB", peak >> 10);
    }
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_set_of_many_tiles() {
    let place = Playground::new();
    uniform(&place, 150_000);
    within_16_mib(&place, &["render", "points.csv", "-o", "many.pmtiles", "-z", "0..13"]);
}

#[test]
fn a_large_picture() {
    let place = Playground::new();
    uniform(&place, 100_000);
    // Spread, so that hardly a page of it stays untouched.
    let look = ["--width", "12000", "--height", "12000", "--spread", "30"];
    within_16_mib(&place, &[&["image", "points.csv", "-o", "large.png"][..], &look].concat());
}

#[test]
fn wide_kernels() {
    let place = Playground::new();
    place.run(["synth", "-n", "20k", "-o", "points.csv"]).ok();
    let bell = ["--spread", "64", "--spread-shape", "gaussian", "--spread-op", "add"];
    within_16_mib(&place, &[&["render", "points.csv", "-o", "bell.pmtiles", "-z", "11"][..], &bell].concat());
    within_16_mib(&place, &["render", "points.csv", "-o", "disc.pmtiles", "-z", "11", "--spread", "64"]);
}

/// Under a bell nearly every pixel has a count of its own: so many different ones of several zooms do not fit.
#[test]
fn histograms_of_weighted_counts() {
    let place = Playground::new();
    place.run(["synth", "-n", "3M", "-o", "points.csv"]).ok();
    let bell =
        ["--spread", "6", "--spread-shape", "gaussian", "--spread-op", "add", "--how", "eq-hist", "--span", "all"];
    within_16_mib(&place, &[&["render", "points.csv", "-o", "bell.pmtiles", "-z", "7..10"][..], &bell].concat());
}

/// Sums beside counts, of latitudes: every zoom's borders, kernels of both kinds, and histograms of levels.
#[test]
fn weights_under_every_kernel() {
    let place = Playground::new();
    uniform(&place, 50_000);
    for look in [
        &["-z", "0..6"][..],
        &["-z", "0..5", "--measure", "mean", "--how", "eq-hist", "--span", "all"],
        &["-z", "4", "--spread", "64", "--spread-shape", "gaussian", "--spread-op", "add"],
        &["-z", "4", "--spread", "64", "--spread-shape", "gaussian", "--spread-op", "max"],
        &["-z", "4", "--spread", "64", "--spread-op", "add"],
        &["-z", "4", "--spread", "64"],
    ] {
        let run = ["render", "points.csv", "-o", "weighed.pmtiles", "--force", "--weight", "lat"];
        within_16_mib(&place, &[&run[..], look].concat());
    }
}

/// With little memory new counts are made as often as they are asked for, and borders are looked at area by area.
#[test]
fn what_is_made_anew_is_the_same() {
    let place = Playground::new();
    place.run(["synth", "-n", "60k", "-o", "points.csv"]).ok();
    let run = |out: &str, look: &[&str], more: &[&str]| {
        let first = ["render", "points.csv", "-o", out, "-z", "0..9", "-q", "--no-page", "--force", "--backend", "cpu"];
        place.run([&first[..], look, more].concat()).ok();
        let mut files = tree(&place.path(out));
        files.remove("metadata.json");
        files
    };
    for look in [
        &["--spread", "5", "--spread-op", "add"][..],
        &["--spread", "4", "--spread-op", "add", "--spread-shape", "square", "--how", "eq-hist"],
        &["--spread", "9", "--spread-op", "add", "--spread-shape", "gaussian", "--span", "p99"],
        &["--spread", "5", "--spread-op", "add", "--spread-shape", "gaussian", "--how", "eq-hist", "--span", "all"],
        &["--spread", "6", "--spread-shape", "gaussian", "--span", "smooth"],
        &["--spread", "30", "--min-count", "3"],
        &["--spread", "auto"],
    ] {
        let free = run("free", look, &[]);
        assert!(free.len() > 50);
        assert!(run("tight", look, &["--memory", "16M", "--threads", "3"]) == free, "{look:?}");
    }
}
