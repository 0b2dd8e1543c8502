//! Counts by key: one plane a value, the same bytes whatever the threads, the memory and the order, parts that are added up to
//! the whole, and every row in a plane.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::sets::tiles;
use crate::common::{Playground, Ran};
use serde_json::Value;

fn count(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Ran {
    place.run([&["count", input.to_str().unwrap(), "-o", out, "-z", "9", "--force", "-q"][..], more].concat())
}

/// The report of a run that went well.
fn report(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Value {
    let _ = fs::remove_file(place.path("r.json"));
    count(place, input, out, &[more, &["--report", "r.json"]].concat()).ok();
    serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap()
}

/// Names of planes with their points.
fn planes(report: &Value) -> Vec<(String, u64)> {
    let planes = report["planes"].as_array().unwrap().iter();
    planes.map(|plane| (plane["name"].as_str().unwrap().to_owned(), plane["points"].as_u64().unwrap())).collect()
}

/// Rows with a kind, a time and a weight, some of which are blank or wrong; without a header.
fn rows() -> Vec<String> {
    let mut state = 5u64;
    let mut random = |range: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % range
    };
    (0..4_000)
        .map(|_| {
            let (x, y) = (random(900) as f64 * 0.4 - 179.9, random(700) as f64 * 0.2 - 70.0);
            let kind = ["bus", "\"car, red\"", " tram ", "", "7", "Z\u{fc}ri"][random(6) as usize];
            let time = match random(9) {
                0 => String::new(),
                1 => "soon".into(),
                _ => format!("2023-{:02}-{:02} {:02}:30", 1 + random(12), 1 + random(28), random(24)),
            };
            format!("{x:.3},{y:.3},{kind},{time},{}", random(100))
        })
        .collect()
}

fn file(place: &Playground, name: &str, rows: &[String]) -> PathBuf {
    let mut text = "lon,lat,kind,time,kg\n".to_owned();
    rows.iter().for_each(|row| writeln!(text, "{row}").unwrap());
    place.file(name, text)
}

#[test]
fn planes_do_not_depend_on_threads_memory_order_or_parts() {
    let place = Playground::new();
    let mut rows = rows();
    let all = file(&place, "all.csv", &rows);
    for more in [
        &["--by", "kind"][..],
        &["--by", "hour(time)"],
        &["--by", "weekday(time)", "--weight", "kg"],
        &["--by", "kind", "--values", "tram,'car, red',boat"],
        &["--by", "month(time)", "--values", "7,1,(none)", "--weight", "kg"],
    ] {
        let whole = report(&place, &all, "whole.counts", &[more, &["--threads", "1"]].concat());
        let sum: u64 = planes(&whole).iter().map(|plane| plane.1).sum();
        assert_eq!((Some(sum), whole["rows"].as_u64()), (whole["used"].as_u64(), Some(4_000)), "{more:?}");
        let bytes = fs::read(place.path("whole.counts")).unwrap();
        rows.reverse();
        let turned = file(&place, "turned.csv", &rows);
        report(&place, &turned, "turned.counts", &[more, &["--threads", "4", "--memory", "16M"]].concat());
        assert!(fs::read(place.path("turned.counts")).unwrap() == bytes, "{more:?}");
        // The first rows lack some values.
        rows.sort_by_key(|row| row.contains("bus") || row.contains(" 07:"));
        for (at, part) in rows.chunks(2_500).enumerate() {
            let part = file(&place, "part.csv", part);
            report(&place, &part, &format!("{at}.counts"), more);
        }
        place.run(["merge", "1.counts", "0.counts", "-o", "sum.counts", "--force", "-q"]).ok();
        let (sum, whole) = (opened(&place, "sum.counts"), opened(&place, "whole.counts"));
        assert_eq!(sum.about().planes, whole.about().planes, "{more:?}");
        assert_eq!(sum.about().key, whole.about().key);
        for (a, b) in sum.details().unwrap().0.iter().zip(&whole.details().unwrap().0) {
            assert_eq!(a, b, "{more:?}");
        }
    }
}

fn opened(place: &Playground, name: &str) -> tilefire::countfile::CountFile {
    tilefire::countfile::CountFile::open(&place.path(name)).unwrap()
}

#[test]
fn what_is_drawn_of_all_planes_is_what_is_drawn_without_a_key() {
    let place = Playground::new();
    let all = file(&place, "all.csv", &rows());
    for more in [&[][..], &["--weight", "kg"]] {
        report(&place, &all, "plain.counts", more);
        report(&place, &all, "by.counts", &[more, &["--by", "kind"]].concat());
        for name in ["plain", "by"] {
            place.run(["shade", &format!("{name}.counts"), "-o", name, "--no-page", "--force", "-q"]).ok();
        }
        assert!(tiles(&place.path("by")) == tiles(&place.path("plain")) && !tiles(&place.path("by")).is_empty());
    }
}

#[test]
fn every_row_is_in_a_plane() {
    let place = Playground::new();
    let rows = rows();
    let all = file(&place, "all.csv", &rows);
    let with = |cell: &str| rows.iter().filter(|row| row.contains(&format!(",{cell},"))).count() as u64;
    let kinds = report(&place, &all, "a.counts", &["--by", "KIND"]);
    let right =
        [("7", "7"), ("Z\u{fc}ri", "Z\u{fc}ri"), ("bus", "bus"), ("car, red", "\"car, red\""), ("tram", " tram ")];
    let mut right: Vec<(String, u64)> = right.iter().map(|(name, cell)| ((*name).to_owned(), with(cell))).collect();
    let blank = 4_000 - right.iter().map(|plane| plane.1).sum::<u64>();
    right.push(("(none)".into(), blank));
    assert_eq!(planes(&kinds), right);
    assert_eq!((kinds["by"].as_str(), kinds["files"][0]["key_column"].as_str()), (Some("KIND"), Some("KIND")));

    let hours = report(&place, &all, "a.counts", &["--by", "hour(time)"]);
    let found = planes(&hours);
    assert_eq!(found.len(), 25);
    for (hour, (name, points)) in found[..24].iter().enumerate() {
        let right = rows.iter().filter(|row| row.contains(&format!(" {hour:02}:30"))).count() as u64;
        assert_eq!((name.as_str(), *points), (format!("{hour:02}").as_str(), right));
    }
    let notice = hours["notices"].as_array().unwrap().iter().find(|notice| notice["code"] == "no_time").unwrap();
    assert_eq!(notice["rows"].as_u64(), Some(found[24].1));
    assert_eq!(hours["files"][0]["timeless_rows"].as_u64(), Some(found[24].1));
    let deep = place.run(["count", "all.csv", "-o", "deep.counts", "-z", "auto", "--by", "kind"]).ok();
    assert!(deep.stderr.contains("6 values of 'kind':") && deep.stderr.contains("\n  bus: "), "{}", deep.stderr);
}

#[test]
fn keys_that_cannot_be_counted_by_are_refused() {
    let place = Playground::new();
    let text: String = (0..300).map(|i| format!("1,2,id{i},{}\n", i % 250)).collect();
    let many = place.file("many.csv", format!("lon,lat,id,n\n{text}"));
    for (more, says) in [
        (&["--by", "id"][..], "id has more than 250 different values"),
        (&["--by", "idd"], "there is no column 'idd' (--by) (did you mean 'id'?)"),
        (&["--values", "1"], "--by"),
        (&["--by", "n", "--values", "1,,2"], "a blank among the values"),
        (&["--by", "hour(n)", "--date-format", "%d/%m/%Y"], "--date-format"),
        (&["--by", "n", "--values", "other"], "leave it out"),
        (&["--date-format", "%d/%m/%Y"], "--where"),
    ] {
        let line = count(&place, &many, "x.counts", more).error(2);
        assert!(line.contains(says), "{more:?}: {line}");
    }
    assert!(!place.path("x.counts").exists());
    let some = report(&place, &many, "x.counts", &["--by", "id", "--values", "id5,id7"]);
    assert_eq!(planes(&some), [("id5".into(), 1), ("id7".into(), 1), ("other".into(), 298)]);
    assert_eq!(planes(&report(&place, &many, "x.counts", &["--by", "n"])).len(), 250);
    place.file("named.csv", "lon,lat,hour(time),time\n1,2,x,2020-01-01 05:00\n");
    let named = report(&place, &place.path("named.csv"), "x.counts", &["--by", "hour(time)"]);
    assert_eq!(planes(&named), [("x".into(), 1)]);
}
