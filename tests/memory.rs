//! Bounded memory changes nothing but memory: with next to none, points become counts early and counts go to a
//! file, and the tiles are the same bytes.

mod common;

use std::path::Path;

use common::{Playground, tree};

fn render(place: &Playground, out: &str, extra: &[&str]) -> serde_json::Value {
    let mut arguments = vec!["render", "points.csv", "-o", out, "-q", "--no-page", "--report", "report.json"];
    arguments.extend(["--backend", "cpu"]);
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
