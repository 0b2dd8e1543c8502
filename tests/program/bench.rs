//! `tilefire bench`: the real binary on the CPU and on a GPU adapter, and, in the library, that work with other
//! tiles is noticed and gets no ratio.

use std::sync::Arc;

use crate::common::{Playground, sample};
use serde_json::Value;
use tilefire::bench::{self, Contender, KeptTiles, Options, first_difference};
use tilefire::container::write::TileWriter;
use tilefire::monitor::Monitor;
use tilefire::render::{Device, Request};
use tilefire::shade::{Colormap, Style};
use tilefire::source::Input;
use tilefire::tile::{TileCoord, ZoomRange};

const STAGES: [&str; 8] = ["read", "project", "store", "bin", "reduce", "shade", "encode", "write"];

/// What must hold of every report whose sets are equal.
#[track_caller]
fn check(report: &Value, points: u64, runs: usize) {
    assert_eq!(report["difference"], Value::Null);
    assert_eq!(report["points"], points);
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0);
    for key in ["rows", "input_bytes", "tiles", "tile_bytes"] {
        assert!(report[key].as_u64().unwrap() > 0, "{key}: {report}");
    }
    for contender in report["contenders"].as_array().unwrap() {
        let stages = contender["stages"].as_array().unwrap();
        for name in STAGES {
            let stage = stages.iter().find(|s| s["stage"] == name).unwrap_or_else(|| panic!("no {name}: {contender}"));
            assert!(stage["busy"].as_f64().unwrap() > 0.0 && stage["wall"].as_f64().unwrap() > 0.0, "{stage}");
            assert!(stage["items"].as_u64().unwrap() > 0 && stage["items_per_s"].as_f64().unwrap() > 0.0, "{stage}");
        }
        let times = [&contender["end_to_end"], &contender["raster"]["counts"], &contender["raster"]["shade"]];
        for times in times {
            let of = |key: &str| times[key].as_f64().unwrap();
            assert!(of("min") > 0.0 && of("min") <= of("median") && of("median") <= of("max"), "{times}");
            assert_eq!(times["runs"].as_array().unwrap().len(), runs);
        }
        assert_eq!(contender["raster"]["points"], points);
        assert!(contender["points_per_s"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn the_cpu_alone() {
    let place = Playground::new();
    let temporary = place.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let arguments = ["bench", "-n", "5k", "-z", "0..8", "--runs", "2", "--json"];
    let ran: crate::common::Ran = place.command().args(arguments).env("TMPDIR", &temporary).output().unwrap().into();
    let report: Value = serde_json::from_str(&ran.ok().stdout).unwrap();
    check(&report, 5_000, 2);
    assert_eq!(report["contenders"][0]["name"], "CPU");
    if report["contenders"].as_array().unwrap().len() == 1 {
        assert_eq!(report["ratios"], serde_json::json!([]));
        assert!(report["notices"].to_string().contains("no GPU"), "{report}");
    }
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "something was left behind");
}

#[test]
fn no_points_are_nothing_to_measure() {
    let said = Playground::new().run(["bench", "-n", "0"]).error(2);
    assert!(said.contains("nothing to measure") && !said.contains(".csv"), "{said}");
}

#[test]
fn a_gpu_adapter_against_the_cpu() {
    if !crate::common::gpu::adapter_for("a_gpu_adapter_against_the_cpu") {
        return;
    }
    let place = Playground::new();
    let (adapter, input) = (crate::common::gpu::adapter_name(), sample());
    let base = ["bench", input.to_str().unwrap(), "-z", "3..7", "--spread", "1", "--runs", "1", "--adapter", &adapter];
    let report: Value = serde_json::from_str(&place.run([&base[..], &["--json"]].concat()).ok().stdout).unwrap();
    check(&report, report["points"].as_u64().unwrap(), 1);
    let gpu = &report["contenders"][1];
    assert!(gpu["device"]["adapter"].as_str().unwrap().to_lowercase().contains(&adapter.to_lowercase()));
    assert!(gpu["stages"].as_array().unwrap().iter().any(|s| s["stage"] == "read back"), "{gpu}");
    let raster = &gpu["raster"];
    assert_eq!(raster["resident_points"], report["points"]);
    assert!(raster["resident"]["min"].as_f64().unwrap() > 0.0, "{raster}");
    assert!(raster["resident_atomics"].as_u64().unwrap() <= raster["resident_points"].as_u64().unwrap(), "{raster}");
    // What the work asked for, and what it would take elsewhere.
    let device = &gpu["device"];
    let bin = device["shaders"].as_array().unwrap().iter().find(|s| s["shader"] == "bin").unwrap();
    assert!(bin["bytes"].as_u64().unwrap() >= 12 * bin["points"].as_u64().unwrap(), "{bin}");
    assert!(bin["nanoseconds"].as_u64().is_some_and(|ns| ns > 0), "{bin}");
    let steps = device["transfers"].as_array().unwrap();
    let step = |name: &str| steps.iter().find(|s| s["step"] == name).unwrap();
    assert!(step("count")["up"].as_u64().unwrap() >= 8 * bin["points"].as_u64().unwrap(), "{steps:?}");
    // Every tile that was shaded came back, a byte a pixel; what was packed for the host's share came besides.
    let shade = device["shaders"].as_array().unwrap().iter().find(|s| s["shader"] == "shade").unwrap();
    assert!(step("shade")["down"].as_u64().unwrap() >= shade["tiles"].as_u64().unwrap() << 16, "{steps:?}");
    assert!(step("reduce")["dispatches"].as_u64().unwrap() >= 7, "{steps:?}");
    let predicted = gpu["predicted"].as_array().unwrap();
    assert!(predicted.len() == 2 && predicted.iter().all(|p| p["seconds"].as_f64().unwrap() > 0.0), "{predicted:?}");
    let ratio = &report["ratios"][0];
    assert!(ratio["end_to_end"].as_f64().unwrap() > 0.0 && ratio["raster"].as_f64().unwrap() > 0.0, "{ratio}");
    let text = place.run(base).ok().stdout;
    assert!(text.contains("equal, byte for byte") && text.contains("times as fast"), "{text}");
}

/// Who asks for a GPU and has none gets no figures of the CPU instead, and is told what is missing.
#[cfg(target_os = "linux")]
#[test]
fn a_gpu_that_was_asked_for_and_is_missing_is_an_error() {
    let place = Playground::new();
    let without = |arguments: &[&str]| -> crate::common::Ran {
        let mut command = place.command();
        // No driver that Vulkan or GL could use.
        let none = place.path("none");
        command.args(arguments).args(["-n", "100", "-z", "0..1", "--runs", "1"]);
        command.env("VK_DRIVER_FILES", &none).env("VK_ICD_FILENAMES", &none);
        command.env("__EGL_VENDOR_LIBRARY_FILENAMES", &none).env("LIBGL_DRIVERS_PATH", &none);
        command.output().unwrap().into()
    };
    for arguments in [&["bench", "--backend", "gpu"][..], &["bench", "--adapter", "llvmpipe"]] {
        let error = without(arguments).error(1);
        assert!(error.contains("no adapter was found") || error.contains("no GPU can be used"), "{error}");
    }
    let alone = without(&["bench"]).ok().stdout;
    assert!(alone.contains("the CPU alone was measured"), "{alone}");
    assert!(!without(&["bench", "--backend", "cpu"]).ok().stdout.contains("no GPU"));
    assert!(place.run(["bench", "--backend", "cpu", "--adapter", "x"]).error(2).contains("--backend cpu"));
}

/// Adapters are listed once a run, and not at all when the CPU is to do the work. The Vulkan loader tells when it is
/// asked for drivers.
#[cfg(target_os = "linux")]
#[test]
fn adapters_are_listed_once() {
    if !crate::common::gpu::adapter_for("adapters_are_listed_once") {
        return;
    }
    let (place, adapter) = (Playground::new(), crate::common::gpu::adapter_name());
    let one = place.file("one.csv", "lon,lat\n-0.1,51.5\n");
    let searches = |arguments: &[&str]| {
        let ran: crate::common::Ran =
            place.command().args(arguments).env("VK_LOADER_DEBUG", "all").output().unwrap().into();
        ran.ok().stderr.matches("Searching for driver manifest files").count()
    };
    let once = searches(&["info"]);
    assert!(once > 0, "this loader tells nothing");
    let render = |nth: usize, more: &[&str]| {
        let out = format!("tiles-{nth}");
        let base = ["render", one.to_str().unwrap(), "-o", &out, "-z", "0..4"];
        searches(&[&base[..], more].concat())
    };
    assert_eq!(render(0, &["--adapter", &adapter]), once);
    assert_eq!(render(1, &["--backend", "gpu", "--adapter", &adapter]), once);
    assert_eq!(render(2, &[]), once);
    assert_eq!(render(3, &["--backend", "cpu"]), 0);
    let image =
        ["image", one.to_str().unwrap(), "-o", "one.png", "--adapter", &adapter, "--width", "64", "--height", "64"];
    assert_eq!(searches(&image), once);
}

/// Limits of the device can be forced by hidden flags, and a report tells what was moved under them.
#[test]
fn limits_are_forced_by_flags() {
    if !crate::common::gpu::adapter_for("limits_are_forced_by_flags") {
        return;
    }
    let (place, adapter, input) = (Playground::new(), crate::common::gpu::adapter_name(), sample());
    let forced = ["--adapter", &adapter, "--batch-points", "1k", "--subgroups", "false", "--dense-points", "0"];
    let more = ["--device-memory", "64M", "--binding-tiles", "3"];
    let base =
        ["render", input.to_str().unwrap(), "-o", "tiles", "-z", "0..5", "--spread", "0", "--report", "report.json"];
    place.run([&base[..], &forced, &more].concat()).ok();
    let report: Value = serde_json::from_str(&std::fs::read_to_string(place.path("report.json")).unwrap()).unwrap();
    let device = &report["device"];
    assert_eq!((device["device_memory"].as_u64(), device["subgroups"].as_bool()), (Some(64 << 20), Some(false)));
    let used = report["used"].as_u64().unwrap();
    assert!(device["batches"].as_u64().unwrap() >= used / 1000, "{device}");
    assert!(device["slot_buffers"].as_u64().unwrap() > 2, "{device}");
    assert!(device["device_peak"].as_u64().unwrap() > 0 && device["sparse_points"] == 0, "{device}");
    // Only what was used was compiled: nothing was spread, and packed is what the first view looks at.
    assert_eq!(device["pipelines"], 5, "{device}");
    let count = device["transfers"].as_array().unwrap().iter().find(|s| s["step"] == "count").unwrap();
    assert!(count["submits"].as_u64() >= device["batches"].as_u64() && count["host"].as_u64() >= Some(8 * used));
    let help = place.run(["render", "--help"]).ok().stdout;
    assert!(!help.contains("--batch-points") && !help.contains("--device-memory"), "{help}");
    // A device that is full makes the same tiles as one that is not.
    let holds = ["bench", input.to_str().unwrap(), "-z", "0..7", "--runs", "1", "--json", "--device-holds", "12M"];
    let full: Value = serde_json::from_str(&place.run([&holds[..], &forced].concat()).ok().stdout).unwrap();
    assert!(full["contenders"][1]["device"]["device_refusals"].as_u64().unwrap() > 0, "{full}");
}

#[test]
fn a_device_is_calibrated() {
    if !crate::common::gpu::adapter_for("a_device_is_calibrated") {
        return;
    }
    let (place, adapter) = (Playground::new(), crate::common::gpu::adapter_name());
    let base = ["bench", "--calibrate", "--calibrate-bytes", "1M", "--adapter", &adapter];
    let found: Value = serde_json::from_str(&place.run([&base[..], &["--json"]].concat()).ok().stdout).unwrap();
    for figure in ["open", "up", "down", "within", "clear", "submit", "buffer", "mapped_reads"] {
        assert!(found[figure].as_f64().unwrap() > 0.0, "{figure}: {found}");
    }
    assert_eq!(found["mapped_writes"].as_array().unwrap().len(), 5);
    assert!(place.run(base).ok().stdout.contains("mapped writes, 16 threads"));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let place = Playground::new();
    assert!(place.run(["bench", "-"]).error(2).contains("several times"));
    assert!(place.run(["bench", "--adapter", "No Such Card"]).error(1).contains("No Such Card"));
    assert!(place.run(["bench", "missing.csv"]).error(1).contains("missing.csv"));
}

/// The control: contenders that make other tiles get no figures.
#[test]
fn other_tiles_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let monitor = Arc::new(Monitor::default());
    let mut request = Request::new(vec![Input::File(sample())], "");
    (request.resources.device, request.zooms) = (Device::Cpu, ZoomRange { min: 0, max: 4 });
    let contender = |name: &str, request: &Request| Contender { name: name.into(), request: request.clone() };
    let options = Options { runs: 1, point_memory: u64::MAX };
    let run = |other: &Request| {
        let contenders = [contender("one", &request), contender("two", other)];
        bench::run(&contenders, options, folder.path(), &monitor, &|_| ()).unwrap()
    };
    let style = Style { colormap: Colormap::named("fire").unwrap(), ..Style::default() };
    let other = Request { style, ..request.clone() };
    let report = run(&other);
    assert!(report.difference.unwrap().contains("tile 0/0/0"));
    assert!(report.contenders.is_empty() && report.ratios.is_empty());
    // Equal tiles beside another zoom range make another archive too, but of other tiles.
    let further = Request { zooms: ZoomRange { min: 1, max: 4 }, ..request.clone() };
    assert!(run(&further).difference.unwrap().contains("tile 0/0/0 is in the first set only"));
}

#[test]
fn one_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let set = |tiles: &[(u32, &[u8])]| {
        let set = KeptTiles::new(folder.path()).unwrap();
        for &(x, png) in tiles {
            set.write(TileCoord { z: 3, x, y: 2 }, png).unwrap();
        }
        set
    };
    let difference = |a: &[(u32, &[u8])], b: &[(u32, &[u8])]| first_difference(&set(a), &set(b)).unwrap();
    let tiles: [(u32, &[u8]); 3] = [(1, b"one"), (2, b"two"), (3, b"three")];
    assert_eq!(difference(&tiles, &tiles), None);
    assert_eq!(difference(&tiles, &[tiles[2], tiles[0], tiles[1]]), None, "the order was taken for a difference");
    let changed = difference(&tiles, &[tiles[0], (2, b"twp"), tiles[2]]).unwrap();
    assert!(changed.contains("3/2/2") && changed.contains("byte 2"), "{changed}");
    let shorter = difference(&tiles, &[tiles[0], (2, b"tw"), tiles[2]]).unwrap();
    assert!(shorter.contains("3/2/2") && shorter.contains("byte 2"), "{shorter}");
    let missing = difference(&tiles, &[tiles[0], tiles[2]]).unwrap();
    assert!(missing.contains("3/2/2 is in the first set only"), "{missing}");
    let added = difference(&tiles[..2], &tiles).unwrap();
    assert!(added.contains("3/3/2 is in the second set only"), "{added}");
}
