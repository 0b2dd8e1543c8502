//! Inputs of the real program: what it says of each, when it says it, and what it holds of them in memory.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use common::{Playground, Ran};
use serde_json::{Value, json};
use tilefire::monitor::Monitor;
use tilefire::project::Crs;
use tilefire::render::{self, Device, Request};
use tilefire::source::{Input, ReadOptions};
use tilefire::tile::ZoomRange;

fn report(place: &Playground, name: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path(name)).unwrap()).unwrap()
}

#[test]
fn rows_are_used_or_left_out_in_each_input_and_in_all() {
    let place = Playground::new();
    place.file("a.csv", "lon,lat\n1,2\n,2\n181,2\n1,89\n");
    place.file("b.csv", "lat,lon\n2,1\ninf,2\n5\n95,1\n3,4\n");
    place.run(["render", "a.csv", "b.csv", "-o", "t", "-z", "0..3", "--backend", "cpu", "--report", "r.json"]).ok();
    let report = report(&place, "r.json");
    let sum = |left_out: &Value| left_out.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    for part in report["files"].as_array().unwrap().iter().chain([&report]) {
        assert_eq!(part["rows"].as_u64().unwrap(), part["used"].as_u64().unwrap() + sum(&part["left_out"]), "{part}");
    }
    let (a, b) = (&report["files"][0], &report["files"][1]);
    let left_out = |missing, not_a_number, malformed, out_of_range, outside_mercator| {
        json!({
            "missing": missing, "not_a_number": not_a_number, "malformed": malformed,
            "not_a_point": 0, "dropped": 0, "out_of_range": out_of_range, "outside_mercator": outside_mercator,
        })
    };
    assert_eq!((&a["used"], &a["left_out"]), (&json!(1), &left_out(1, 0, 0, 1, 1)));
    assert_eq!((&b["used"], &b["left_out"]), (&json!(2), &left_out(0, 1, 1, 1, 0)));
    assert_eq!((&b["first_invalid_row"], &b["crs"]), (&json!(2), &json!("EPSG:4326")));
    assert_eq!(b["invalid"], json!({"missing": 0, "not_a_number": 1, "malformed": 1, "not_a_point": 0}));
    assert_eq!(report["left_out"], left_out(1, 1, 1, 2, 1));
}

#[test]
fn inputs_of_several_reference_systems_meet_on_one_map() {
    let place = Playground::new();
    let input = |name: &str, text: &str| Input::File(place.file(name, text));
    // The same place in degrees and in metres, and a row that is degrees in the first only.
    let degrees = input("degrees.csv", "lon,lat\n-0.1276,51.5072\n200,0\n");
    let metres = input("metres.csv", "x,y\n-14204.367,6711506.706\n200,0\n");
    let mut request = Request::new(vec![degrees, metres], place.path("t"));
    (request.resources.device, request.zooms) = (Device::Cpu, ZoomRange { min: 0, max: 12 });
    request.sources.apart.insert(1, ReadOptions { crs: Some(Crs::WebMercator), ..ReadOptions::default() });
    let report = render::run(&request, &Arc::new(Monitor::default())).unwrap();
    assert_eq!((report.rows, report.used, report.out_of_range), (4, 3, 1));
    assert_eq!((report.files[0].used, report.files[1].used), (1, 2));
    assert_eq!((&report.files[0].crs, &report.files[1].crs), (&Crs::Wgs84, &Crs::WebMercator));
    // London twice, and a place in the gulf of Guinea.
    assert_eq!((report.zooms[&12].lit, report.zooms[&12].max), (2, 2));
}

#[test]
fn a_file_named_twice_is_told() {
    let place = Playground::new();
    place.file("a.csv", "lon,lat\n1,2\n");
    let ran = place.run(["render", "a.csv", "./a.csv", "-o", "t", "-z", "0..3", "--report", "r.json"]).ok();
    assert!(ran.stderr.contains("counted twice"), "{}", ran.stderr);
    let report = report(&place, "r.json");
    assert_eq!(report["used"], 2);
    assert!(report["notices"].to_string().contains("counted twice"), "{report}");
}

#[test]
fn a_wrong_column_is_told_before_a_device_is_asked_for() {
    let place = Playground::new();
    place.file("a.csv", "lon,lat\n1,2\n");
    let wrong = ["--lon", "nope", "--lat", "nope", "--backend", "gpu"];
    for command in [&["render", "a.csv", "-o", "t"][..], &["render", "a.csv", "-o", "t", "--dry-run"]] {
        let line = place.run(command.iter().chain(&wrong)).error(1);
        assert!(line.contains("nope"), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn an_input_that_is_replaced_before_its_turn_ends_the_run() {
    let place = Playground::new();
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    place.file("late.csv", "lon,lat\n1,2\n");
    place.file("other.csv", "lat,lon\n1,2\n");
    let child = place
        .command()
        .args(["render", "late.csv", "pipe", "-o", "t", "-z", "0..3", "--backend", "cpu"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program opens the pipe after the file, and reads neither before there are rows in the pipe.
    let mut pipe = fs::File::options().write(true).open(place.path("pipe")).unwrap();
    fs::rename(place.path("other.csv"), place.path("late.csv")).unwrap();
    pipe.write_all(b"lon,lat\n5,6\n").unwrap();
    drop(pipe);
    let line = Ran::from(child.wait_with_output().unwrap()).error(1);
    assert!(line.contains("late.csv") && line.contains("replaced"), "{line}");
    assert_eq!(place.names(), ["late.csv", "pipe"]);
}

#[cfg(target_os = "linux")]
#[test]
fn long_rows_are_held_one_at_a_time() {
    let place = Playground::new();
    let path = place.path("long.csv");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    file.write_all(b"lon,lat,shape\n").unwrap();
    let shape = "0.123456 51.123456, ".repeat(1 << 20);
    for i in 0..10 {
        file.write_all(format!("{i},{i},\"{shape}\"\n").as_bytes()).unwrap();
    }
    drop(file);
    for quoted in [true, false] {
        if !quoted {
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace('"', "").replace("456, ", "456  ")).unwrap();
        }
        let mut child = place
            .command()
            .args(["render", "long.csv", "-o", "t.pmtiles", "-z", "0..3", "--backend", "cpu", "--threads", "16"])
            .args(["--memory", "16M", "--force", "--report", "r.json"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = 0;
        let status = loop {
            if let Ok(text) = fs::read_to_string(format!("/proc/{}/status", child.id())) {
                let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
                peak = kib.map_or(peak, |kib| kib.trim().parse::<u64>().unwrap());
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        };
        assert!(status.success());
        assert_eq!(report(&place, "r.json")["used"], 10);
        // The limit, 64 MiB, and 8 MiB for each thread; ten rows of 20 MiB in memory would not fit.
        let most = (16 + 64 + 8 * 16) * 1024;
        assert!(peak > 1024 && peak <= most, "{peak} KiB");
    }
}
