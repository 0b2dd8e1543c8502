//! A run that is killed at any moment leaves the old output or the new one, never a mix, and does not stand in the
//! way of the next run.

mod common;

use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Playground, sample, tree};

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
