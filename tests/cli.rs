//! The program as a person meets it: what it prints, its exit codes, what it refuses and what it leaves behind.

mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{Playground, sample, tree};

const TWO_POINTS: &str = "name,Longitude,LATITUDE\na,-0.1276,51.5072\nb,2.3522,48.8566\n";

fn rows(report: &serde_json::Value) -> [u64; 5] {
    ["rows", "used", "invalid", "out_of_range", "outside_mercator"].map(|key| report[key].as_u64().unwrap())
}

#[test]
fn help_and_version_are_there() {
    let place = Playground::new();
    let help = place.run(["--help"]).ok().stdout;
    for command in ["render", "synth", "info"] {
        assert!(help.contains(command), "{help}");
    }
    let help = place.run(["render", "--help"]).ok().stdout;
    for flag in [
        "--output",
        "--zooms",
        "--lon",
        "--lat",
        "--x",
        "--y",
        "--header",
        "--crs",
        "--how",
        "--colormap",
        "--spread",
        "--backend",
        "--adapter",
        "--threads",
        "--force",
        "--no-page",
        "--base-url",
        "--report",
        "--quiet",
    ] {
        assert!(help.contains(flag), "{flag} is missing:\n{help}");
    }
    assert!(place.run(["--version"]).ok().stdout.starts_with("tilefire "));
}

#[test]
fn a_folder_of_tiles_with_metadata_page_and_summary() {
    let place = Playground::new();
    place.file("points.csv", TWO_POINTS);
    let ran =
        place.run(["render", "points.csv", "-o", "tiles", "-z", "0..5", "--spread", "0", "--backend", "cpu"]).ok();
    assert!(ran.stdout.is_empty());
    for part in ["2 rows, 2 points used", "Longitude", "LATITUDE", "CPU: "] {
        assert!(ran.stderr.contains(part), "{part} is missing:\n{}", ran.stderr);
    }
    let files = tree(&place.path("tiles"));
    let metadata: serde_json::Value = serde_json::from_slice(&files["metadata.json"]).unwrap();
    assert_eq!(metadata["tilejson"], "3.0.0");
    assert_eq!(metadata["tiles"][0], "{z}/{x}/{y}.png");
    assert_eq!((&metadata["minzoom"], &metadata["maxzoom"]), (&0.into(), &5.into()));
    assert_eq!(metadata["heat"]["used"], 2);
    assert!(files.contains_key("index.html"));
    let tiles: Vec<_> = files.keys().filter(|name| name.ends_with(".png")).collect();
    assert!(files.contains_key("0/0/0.png"));
    assert!((6..=12).contains(&tiles.len()), "{tiles:?}");
    assert_eq!(place.names(), ["points.csv", "tiles"]);
}

#[test]
fn quiet_says_nothing_and_the_page_can_be_left_out() {
    let place = Playground::new();
    place.file("points.csv", TWO_POINTS);
    let arguments = [
        "render",
        "points.csv",
        "-o",
        "tiles",
        "-z",
        "3",
        "-q",
        "--no-page",
        "--base-url",
        "https://x.test/t/",
        "--backend",
        "cpu",
    ];
    let ran = place.run(arguments).ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert!(!place.path("tiles/index.html").exists());
    let metadata: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("tiles/metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["tiles"][0], "https://x.test/t/{z}/{x}/{y}.png");
}

#[test]
fn the_report_counts_every_row() {
    let place = Playground::new();
    let text = "lon,lat\n1,2\n,2\nnan,2\n1e400,2\n1\n181,2\n1,91\n1,89\n\n3,4\n";
    place.file("points.csv", text);
    place.run(["render", "points.csv", "-o", "t", "-z", "0..3", "--report", "r.json"]).ok();
    let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(rows(&report), [9, 2, 4, 2, 1]);
    assert_eq!(
        report["invalid_rows"],
        serde_json::json!({"missing": 2, "not_a_number": 1, "malformed": 1, "not_a_point": 0})
    );
    for z in 0..=3 {
        assert_eq!(report["zooms"][z.to_string()]["sum"], 2);
    }
}

#[test]
fn a_dry_run_plans_and_writes_nothing() {
    let place = Playground::new();
    place.file("points.csv", TWO_POINTS);
    let ran = place
        .run(["render", "points.csv", "-o", "t", "-z", "0..5", "--spread", "0", "--dry-run", "--report", "r.json"])
        .ok();
    assert!(ran.stderr.contains("nothing written"), "{}", ran.stderr);
    assert_eq!(place.names(), ["points.csv", "r.json"]);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    place.run(["render", "points.csv", "-o", "t", "-z", "0..5", "--spread", "0", "--report", "r.json", "--force"]).ok();
    let real: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(report["estimate"]["tiles"], real["written"]);
    let (expected, bytes) = (report["estimate"]["bytes"].as_u64().unwrap(), real["bytes"].as_u64().unwrap());
    assert!(expected < 2 * bytes && bytes < 2 * expected, "{expected} expected, {bytes} written");
}

#[test]
fn standard_input_and_several_files_add_up() {
    let place = Playground::new();
    place.file("a.csv", "lon,lat\n1,2\n3,4\n");
    place.file("b.csv", "lat,id,lon\n2,x,1\n");
    place.run(["render", "a.csv", "b.csv", "-o", "ab", "-z", "0..8", "--no-page"]).ok();
    let mut child = place
        .command()
        .args(["render", "-", "-o", "piped", "-z", "0..8", "--no-page", "-q"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"lon,lat\n3,4\n1,2\n1,2\n").unwrap();
    assert!(child.wait().unwrap().success());
    let (mut ab, mut piped) = (tree(&place.path("ab")), tree(&place.path("piped")));
    assert!(ab.remove("metadata.json").is_some() && piped.remove("metadata.json").is_some());
    assert_eq!(ab, piped);
}

#[test]
fn wrong_usage_is_code_2() {
    let place = Playground::new();
    place.file("p.csv", TWO_POINTS);
    for arguments in [
        &["render", "p.csv"][..],
        &["render", "p.csv", "-o", "t", "-z", "5..2"],
        &["render", "p.csv", "-o", "t", "-z", "25"],
        &["render", "p.csv", "-o", "t", "--spread", "65"],
        &["render", "p.csv", "-o", "t", "--colormap", "beigeish"],
        &["render", "p.csv", "-o", "t", "--lon", "Longitude"],
        &["render", "p.csv", "-o", "t", "--backend", "cpu", "--adapter", "x"],
        &["render", "p.csv", "-o", "t", "--adapter", ""],
        &["render", "p.csv", "-o", "t", "--backend", "gpu", "--adapter", " "],
        &["image", "p.csv", "-o", "t.png", "--adapter", ""],
        &["bench", "p.csv", "--adapter", ""],
        &["bench", "-n", "1k", "--calibrate", "--adapter", ""],
        &["render", "p.csv", "-o", "t", "--lon", "#0", "--lat", "#1"],
        &["render", "p.csv", "-o", "t", "--threads", "0"],
        &["render", "p.csv", "-o", "t", "--crs", "nonsense"],
        &["render", "p.csv", "-o", "t", "--report", "p.csv"],
        &["render", "p.csv", "-o", "t", "--report", "t/report.json"],
        &["render", "p.csv", "-o", "t.pmtiles", "--report", "./t.pmtiles"],
        &["render", "p.csv", "-o", "t", "--report", "no/such/folder.json"],
        &["render", "p.csv", "-o", "t", "--report", "."],
        &["render", "p.csv", "-o", "t", "--report", "/dev/full"],
        &["paint"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}\n{}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
    assert_eq!(place.names(), ["p.csv"]);
    assert_eq!(fs::read_to_string(place.path("p.csv")).unwrap(), TWO_POINTS);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Playground::new();
    let mut child = place
        .command()
        .args(["synth", "-n", "1M", "-o", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn failures_name_the_thing_and_leave_nothing() {
    let place = Playground::new();
    place.file("none.csv", "city,people\nParis,2000000\n");
    place.file("empty.csv", "");
    place.file("blank.csv", "lon,lat\n,\n,\n");
    place.file("projected.csv", "lon,lat\n530000,180000\n531000,181000\n");
    fs::create_dir(place.path("folder")).unwrap();
    let before = place.names();
    for (input, words) in [
        ("missing.csv", &["missing.csv"][..]),
        ("folder", &["folder"]),
        ("empty.csv", &["empty.csv"]),
        ("none.csv", &["none.csv", "city", "people", "--lon"]),
        ("blank.csv", &["blank.csv", "none of 2 rows"]),
        ("projected.csv", &["projected", "--crs"]),
    ] {
        let line = place.run(["render", input, "-o", "tiles"]).error(1);
        for word in words {
            assert!(line.contains(word), "{input}: '{word}' is missing: {line}");
        }
        assert_eq!(place.names(), before, "{input} left something behind");
    }
}

#[test]
fn an_output_is_only_replaced_by_force_and_only_ours() {
    let place = Playground::new();
    place.file("p.csv", TWO_POINTS);
    let render =
        |extra: &[&str]| place.run(["render", "p.csv", "-o", "tiles", "-z", "0..2", "-q"].iter().chain(extra).copied());
    render(&[]).ok();
    let old = tree(&place.path("tiles"));
    assert!(render(&[]).error(1).contains("--force"));
    assert_eq!(tree(&place.path("tiles")), old);
    render(&["--force", "--colormap", "viridis"]).ok();
    let new = tree(&place.path("tiles"));
    assert_ne!(new, old);
    place.file("tiles/thesis.txt", "do not delete");
    assert!(render(&["--force"]).error(1).contains("thesis.txt"));
    assert_eq!(fs::read_to_string(place.path("tiles/thesis.txt")).unwrap(), "do not delete");
    fs::create_dir(place.path("photos")).unwrap();
    place.file("photos/cat.jpg", "meow");
    let line = place.run(["render", "p.csv", "-o", "photos", "--force"]).error(1);
    assert!(line.contains("photos"), "{line}");
    assert!(place.path("photos/cat.jpg").exists());
}

#[test]
fn synth_gives_the_same_bytes_for_the_same_seed() {
    let place = Playground::new();
    place.run(["synth", "-n", "1k", "--seed", "3", "-o", "a.csv"]).ok();
    place.run(["synth", "-n", "1000", "--seed", "3", "-o", "b.csv"]).ok();
    let c = place.run(["synth", "-n", "1k", "--seed", "4", "-o", "-"]).ok().stdout;
    let (a, b) = (fs::read_to_string(place.path("a.csv")).unwrap(), fs::read_to_string(place.path("b.csv")).unwrap());
    assert_eq!(a, b);
    assert_ne!(a, c);
    assert_eq!(a.lines().count(), 1001);
    assert!(place.run(["synth", "-n", "5", "-o", "a.csv"]).error(1).contains("--force"));
    assert_eq!(place.names(), ["a.csv", "b.csv"]);
}

#[test]
fn the_sample_renders_the_same_for_any_thread_count() {
    let place = Playground::new();
    for threads in ["1", "2", "5"] {
        let sample = sample();
        let sample = sample.to_str().unwrap();
        place.run(["render", sample, "-o", threads, "-z", "0..9", "-q", "--threads", threads, "--backend", "cpu"]).ok();
    }
    let one = tree(&place.path("1"));
    assert!(one.len() > 100);
    for other in ["2", "5"] {
        let mut tree = tree(&place.path(other));
        // The name of the set is the folder's.
        let metadata = String::from_utf8(tree["metadata.json"].clone()).unwrap();
        let name = format!("\"name\": \"{other}\"");
        assert!(metadata.contains(&name), "{metadata}");
        tree.insert("metadata.json".into(), metadata.replace(&name, "\"name\": \"1\"").into());
        tree.insert("index.html".into(), one["index.html"].clone());
        assert!(tree == one, "{other} threads gave other bytes");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_takes_no_files_is_named_with_what_to_do() {
    let place = Playground::new();
    place.file("points.csv", TWO_POINTS);
    for (command, out) in [
        (&["render", "points.csv"][..], "/proc/tiles"),
        (&["render", "points.csv"], "/proc/tiles.pmtiles"),
        (&["image", "points.csv"], "/proc/picture.png"),
        (&["synth", "-n", "10"], "/proc/points.csv"),
    ] {
        let line = place.run(command.iter().copied().chain(["-o", out])).error(1);
        assert!(line.contains(&format!("cannot write {out}: ")) && line.contains("; choose another place"), "{line}");
        assert!(!line.contains(".tilefire"), "a hidden name: {line}");
    }
    let line = place.run(["synth", "-n", "10", "-o", "missing/points.csv"]).error(1);
    assert!(line.contains("there is no folder missing; make it first"), "{line}");
}
