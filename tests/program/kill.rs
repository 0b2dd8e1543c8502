//! A run that is killed at any moment leaves the old output or the new one, never a mix, and does not stand in the
//! way of the next run.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{Playground, sample, tree};

/// Moments at which a run is killed, spread over the time it takes.
const MOMENTS: u32 = 24;

fn arguments<'a>(input: &'a str, colormap: &'a str, force: bool) -> Vec<&'a str> {
    let mut arguments = vec!["render", input, "-o", "tiles", "-z", "0..10", "-q", "--backend", "cpu"];
    arguments.extend(["--colormap", colormap]);
    arguments.extend(force.then_some("--force"));
    arguments
}

#[test]
fn killed_without_an_old_output_there_is_none_or_a_whole_one() {
    let place = Playground::new();
    let sample = sample();
    let input = sample.to_str().unwrap();
    let start = Instant::now();
    place.run(arguments(input, "fire", false)).ok();
    let whole_time = start.elapsed();
    let whole = tree(&place.path("tiles"));
    std::fs::remove_dir_all(place.path("tiles")).unwrap();
    let mut killed_early = 0;
    for moment in 1..=MOMENTS {
        let mut child = place.command().args(arguments(input, "fire", false)).spawn().unwrap();
        sleep(whole_time * moment / MOMENTS);
        let _ = child.kill();
        killed_early += u32::from(!child.wait().unwrap().success());
        if place.path("tiles").exists() {
            assert!(tree(&place.path("tiles")) == whole, "a part of an output was left at moment {moment}");
            std::fs::remove_dir_all(place.path("tiles")).unwrap();
        }
    }
    assert!(killed_early > 0, "no run was killed before its end; the test tested nothing");
    place.run(arguments(input, "fire", false)).ok();
    assert!(tree(&place.path("tiles")) == whole);
    assert_eq!(place.names(), ["tiles"], "work folders of killed runs are cleaned up by the next run");
}

#[test]
fn killed_over_an_old_output_there_is_the_old_or_the_new() {
    let place = Playground::new();
    let sample = sample();
    let input = sample.to_str().unwrap();
    place.run(arguments(input, "fire", false)).ok();
    let fire = tree(&place.path("tiles"));
    let start = Instant::now();
    place.run(arguments(input, "viridis", true)).ok();
    let whole_time = start.elapsed();
    let viridis = tree(&place.path("tiles"));
    assert!(fire != viridis);
    let mut killed_early = 0;
    for moment in 1..=MOMENTS {
        let colormap = if moment % 2 == 0 { "fire" } else { "viridis" };
        let mut child = place.command().args(arguments(input, colormap, true)).spawn().unwrap();
        // The last moments lie close together, around the exchange of old and new.
        let share = 1.0 - (1.0 - f64::from(moment) / f64::from(MOMENTS)).powi(2);
        sleep(Duration::from_secs_f64(whole_time.as_secs_f64() * share));
        let _ = child.kill();
        killed_early += u32::from(!child.wait().unwrap().success());
        // Between the two renames the old output waits under its hidden name; the next run puts it back first.
        if !place.path("tiles").exists() {
            let failed = place.run(["render", "missing.csv", "-o", "tiles", "--force"]);
            assert_eq!(failed.code, Some(1));
        }
        let now = tree(&place.path("tiles"));
        assert!(now == fire || now == viridis, "a mix of two outputs at moment {moment}");
    }
    assert!(killed_early > 0, "no run was killed before its end; the test tested nothing");
    place.run(arguments(input, "fire", true)).ok();
    assert!(tree(&place.path("tiles")) == fire);
    assert_eq!(place.names(), ["tiles"], "leftovers of killed runs are cleaned up by the next run");
}

/// Kills a run as soon as it has put something there.
fn kill_at_work(place: &Playground, arguments: &[&str]) {
    let before = place.names();
    let mut command = place.command();
    command.args(arguments).env("TMPDIR", place.path("")).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    while place.names() == before {
        assert!(child.try_wait().unwrap().is_none(), "{arguments:?} ended by itself");
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(100));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(place.names(), before, "nothing was left; the test tested nothing");
}

#[test]
fn single_files_of_killed_runs_are_cleared_by_the_next() {
    let place = Playground::new();
    kill_at_work(&place, &["synth", "-n", "4G", "-o", "points.csv"]);
    place.run(["synth", "-n", "1k", "-o", "points.csv"]).ok();
    assert_eq!(place.names(), ["points.csv"]);
    let image = ["image", "points.csv", "-o", "map.png", "-q", "--backend", "cpu", "--report", "map.json"];
    kill_at_work(&place, &["image", "-", "-o", "map.png", "--backend", "cpu"]);
    place.run(image).ok();
    assert_eq!(place.names(), ["map.json", "map.png", "points.csv"]);
}

/// A picture takes a moment to be written: whenever the run is killed, the next one finds nothing in its way and leaves
/// nothing behind.
#[test]
fn a_picture_that_was_killed_while_it_was_written() {
    let place = Playground::new();
    place.file("points.csv", "lon,lat\n1,2\n3,4\n");
    let wide = ["image", "points.csv", "-o", "map.png", "-q", "--backend", "cpu", "--width", "2500", "--truecolor"];
    let start = Instant::now();
    place.run(wide).ok();
    let whole_time = start.elapsed();
    let whole = std::fs::read(place.path("map.png")).unwrap();
    for moment in 1..=8 {
        std::fs::remove_file(place.path("map.png")).unwrap();
        let mut child = place.command().args(wide).spawn().unwrap();
        sleep(whole_time * moment / 8);
        let _ = child.kill();
        child.wait().unwrap();
        if place.path("map.png").exists() {
            assert!(std::fs::read(place.path("map.png")).unwrap() == whole, "half a picture at moment {moment}");
        } else {
            place.run(wide).ok();
        }
    }
    place.run(wide.iter().chain(&["--force"])).ok();
    assert_eq!(place.names(), ["map.png", "points.csv"]);
}

#[cfg(unix)]
#[test]
fn folders_of_killed_benchmarks_are_cleared_by_the_next() {
    let place = Playground::new();
    kill_at_work(&place, &["bench", "-n", "50M"]);
    let bench = ["bench", "-n", "1k", "-z", "0..1", "--runs", "1"];
    // One that is at work keeps its folder.
    let mut other = place.command();
    other.args(["bench", "-n", "50M"]).env("TMPDIR", place.path("")).stderr(std::process::Stdio::null());
    let left = place.names();
    let mut other = other.spawn().unwrap();
    while place.names() == left {
        sleep(Duration::from_millis(1));
    }
    sleep(Duration::from_millis(300));
    let ran = place.command().args(bench).env("TMPDIR", place.path("")).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(place.names().len(), 1, "{:?}", place.names());
    assert!(other.try_wait().unwrap().is_none());
    other.kill().unwrap();
    other.wait().unwrap();
    let ran = place.command().args(bench).env("TMPDIR", place.path("")).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(place.names(), Vec::<String>::new());
}
