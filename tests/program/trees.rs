//! The real binary on the CPU and on a GPU adapter: the same files, byte for byte.

use std::path::Path;

use crate::common::{Playground, Ran, real_data, sample, tree};

/// Part of the name of the adapter to test with: a software one, so that every machine can.
fn adapter(place: &Playground, test: &str) -> Option<String> {
    let wanted = std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into());
    let listed = place.run(["info", "--json"]).ok().stdout;
    if listed.contains(&wanted) {
        return Some(wanted);
    }
    assert!(std::env::var_os("TILEFIRE_REQUIRE_GPU").is_none(), "no adapter named {wanted}: {listed}");
    println!("skipped: {test}: no adapter named {wanted}");
    None
}

fn render(place: &Playground, input: &Path, extra: &[&str], device: &[&str]) -> Ran {
    let mut arguments =
        vec!["render", input.to_str().unwrap(), "-o", "tiles", "--report", "report.json", "--force", "-v"];
    arguments.extend(extra);
    arguments.extend(device);
    place.run(arguments)
}

fn compare(test: &str, input: &Path, extra: &[&str]) {
    let place = Playground::new();
    let Some(adapter) = adapter(&place, test) else { return };
    render(&place, input, extra, &["--backend", "cpu"]).ok();
    let cpu = tree(&place.path("tiles"));
    let ran = render(&place, input, extra, &["--backend", "gpu", "--adapter", &adapter]).ok();
    assert!(ran.stderr.contains("GPU: "), "{}", ran.stderr);
    let gpu = tree(&place.path("tiles"));
    assert_eq!(cpu.keys().collect::<Vec<_>>(), gpu.keys().collect::<Vec<_>>());
    for (name, bytes) in &cpu {
        assert!(gpu[name] == *bytes, "{name} differs");
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(place.path("report.json")).unwrap()).unwrap();
    let bin = report["device"]["shaders"].as_array().unwrap().iter().find(|s| s["shader"] == "bin").unwrap();
    let sparse = report["device"]["sparse_points"].as_u64().unwrap();
    assert_eq!(bin["points"].as_u64().unwrap() + sparse, report["used"].as_u64().unwrap());
}

#[test]
fn the_sample() {
    compare("the_sample", &sample(), &["-z", "0..9"]);
}

#[test]
fn the_sample_spread() {
    compare("the_sample_spread", &sample(), &["-z", "5..8", "--spread", "3", "--colormap", "inferno_r"]);
}

#[test]
fn a_real_file() {
    let Some(folder) = real_data("a_real_file") else { return };
    compare("a_real_file", &folder.join("data/uk_accidents_2015_lnglat.csv"), &["-z", "0..10"]);
}

#[test]
fn across_the_antimeridian() {
    let Some(folder) = real_data("across_the_antimeridian") else { return };
    compare(
        "across_the_antimeridian",
        &folder.join("data/usgs_earthquakes_month_2025.csv"),
        &["-z", "0..4", "--spread", "9"],
    );
}

#[test]
fn a_software_adapter_is_not_taken_unasked() {
    let place = Playground::new();
    place.file("p.csv", "lon,lat\n1,2\n");
    let listed: serde_json::Value = serde_json::from_str(&place.run(["info", "--json"]).ok().stdout).unwrap();
    if listed.as_array().unwrap().iter().any(|a| a["kind"] != "software") {
        println!("skipped: a_software_adapter_is_not_taken_unasked: this machine has a real GPU");
        return;
    }
    let ran = place.run(["render", "p.csv", "-o", "auto", "-z", "0..2"]).ok();
    assert!(ran.stderr.contains("using the CPU"), "{}", ran.stderr);
    let line = place.run(["render", "p.csv", "-o", "gpu", "-z", "0..2", "--backend", "gpu"]).error(1);
    assert!(line.contains("--adapter") || line.contains("--backend cpu"), "{line}");
    let line = place.run(["render", "p.csv", "-o", "gpu", "--adapter", "No Such Card"]).error(1);
    assert!(line.contains("No Such Card"), "{line}");
    assert_eq!(place.names(), ["auto", "p.csv"]);
}

#[test]
fn an_automatic_spread_reaches_unlit_neighbours_on_a_gpu() {
    let place = Playground::new();
    let Some(adapter) = adapter(&place, "an_automatic_spread_reaches_unlit_neighbours_on_a_gpu") else { return };
    // One tile of zoom 5 with enough points for the device, few enough to be alone; dark all around.
    let mut random = crate::common::gpu::Random(51);
    let degrees = 360.0 / 32.0;
    let mut share = || f64::from(random.next()) / 4_294_967_296.0;
    let text = (0..1500).fold(String::from("lon,lat\n"), |text, _| {
        text + &format!("{},{}\n", share() * degrees, share() * degrees * 0.99)
    });
    let input = place.file("p.csv", text);
    let run = ["render", input.to_str().unwrap(), "-o", "t", "-z", "5", "--spread", "auto", "-q", "--force"];
    place.run([&run[..], &["--backend", "cpu"]].concat()).ok();
    let cpu = tree(&place.path("t"));
    assert!(cpu.keys().filter(|name| name.ends_with(".png")).count() > 3);
    place.run([&run[..], &["--backend", "gpu", "--adapter", &adapter]].concat()).ok();
    assert!(cpu == tree(&place.path("t")));
}

/// Looks of every kind, with the program's own plan and files.
#[test]
fn the_sample_in_every_look() {
    for look in [
        &["--spread", "3", "--spread-shape", "gaussian", "--spread-op", "add", "--span", "smooth"][..],
        &["--how", "eq-hist", "--span", "all", "--min-count", "2", "--theme", "light"],
        &["--spread", "auto", "--spread-op", "add", "--span", "p99", "--alpha", "0.5"],
        &["--truecolor", "--how", "gamma=0.5", "--spread", "2", "--spread-shape", "square", "--background", "dark"],
    ] {
        compare("the_sample_in_every_look", &sample(), &[&["-z", "4..8"], look].concat());
    }
}

/// What a release is tried with: the tiles of the sample have the bytes that are written down.
#[cfg(unix)]
#[test]
fn the_sample_has_the_bytes_that_releases_are_tried_with() {
    let place = Playground::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = place.command().get_program().to_owned();
    let mut tried = std::process::Command::new("bash");
    let ran = tried.arg(root.join("scripts/smoke_test.sh")).arg(program).current_dir(place.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        ran.status.success(),
        "{said}; where the bytes are meant to be others, write the new sum into assets/sample.sha256"
    );
}
