//! Rows that are chosen: the tiles are those of a file that holds the chosen rows alone, and every row is accounted for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::sets::tiles;
use crate::common::{Playground, Ran, real_data, sample};
use serde_json::Value;

fn render(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Ran {
    let run = ["render", input.to_str().unwrap(), "-o", out, "-z", "0..9", "--backend", "cpu", "--no-page", "--force"];
    place.run([&run[..], more].concat())
}

/// The report of a run that went well.
fn report(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Value {
    let _ = fs::remove_file(place.path("r.json"));
    render(place, input, out, &[more, &["-q", "--report", "r.json"]].concat()).ok();
    serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap()
}

/// The rows of a file that `keep` takes, by the crate `csv` and nothing of ours.
fn filtered(place: &Playground, input: &Path, keep: impl Fn(&BTreeMap<String, String>) -> bool) -> (PathBuf, u64) {
    let text = fs::read(input).unwrap();
    let mut reader = csv::Reader::from_reader(&text[..]);
    let header = reader.byte_headers().unwrap().clone();
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_byte_record(&header).unwrap();
    let mut kept = 0;
    for record in reader.byte_records() {
        let record = record.unwrap();
        let row =
            names.iter().cloned().zip(record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned())).collect();
        if keep(&row) {
            kept += 1;
            writer.write_byte_record(&record).unwrap();
        }
    }
    (place.file("filtered.csv", writer.into_inner().unwrap()), kept)
}

/// Checks that conditions choose the rows that `keep` takes.
#[track_caller]
fn check(place: &Playground, input: &Path, conditions: &[&str], keep: impl Fn(&BTreeMap<String, String>) -> bool) {
    let (alone, kept) = filtered(place, input, keep);
    let flags: Vec<&str> = conditions.iter().flat_map(|condition| ["--where", condition]).collect();
    assert!(kept > 0);
    let chosen = report(place, input, "chosen", &flags);
    let by_hand = report(place, &alone, "by-hand", &[]);
    assert_eq!(chosen["used"], by_hand["used"], "{conditions:?}");
    assert!(tiles(&place.path("chosen")) == tiles(&place.path("by-hand")), "{conditions:?}");
    accounted(&chosen);
}

/// Every row is one of three.
#[track_caller]
fn accounted(report: &Value) {
    let number = |value: &Value| value.as_u64().unwrap();
    let left_out: u64 = report["left_out"].as_object().unwrap().values().map(number).sum();
    assert_eq!(
        number(&report["rows"]),
        number(&report["used"]) + left_out + number(&report["not_selected"]),
        "{report}"
    );
    let by: u64 = report["not_selected_by"].as_array().into_iter().flatten().map(|one| number(&one["rows"])).sum();
    assert_eq!(by, number(&report["not_selected"]), "{report}");
    let files = report["files"].as_array().unwrap();
    for name in ["rows", "used", "not_selected"] {
        assert_eq!(files.iter().map(|file| number(&file[name])).sum::<u64>(), number(&report[name]), "{name}");
    }
}

fn number(row: &BTreeMap<String, String>, column: &str) -> Option<f64> {
    row[column].trim().parse().ok()
}

#[test]
fn conditions_choose_what_they_say() {
    let Some(folder) = real_data("conditions_choose_what_they_say") else { return };
    let data = |name: &str| folder.join("data").join(name);
    let place = Playground::new();
    let uk = data("uk_accidents_2005_westminster_excerpt.csv");
    check(&place, &uk, &["Accident_Severity = 2"], |row| row["Accident_Severity"] == "2");
    check(&place, &uk, &["Accident_Severity in 1, 2", "Number_of_Casualties >= 2"], |row| {
        ["1", "2"].contains(&&*row["Accident_Severity"])
            && number(row, "Number_of_Casualties").is_some_and(|n| n >= 2.0)
    });
    check(&place, &uk, &["Day_of_Week in 2..6", "Junction_Control is not missing"], |row| {
        number(row, "Day_of_Week").is_some_and(|day| (2.0..=6.0).contains(&day))
            && !row["Junction_Control"].trim().is_empty()
    });
    let quakes = data("usgs_earthquakes_month_2025.csv");
    check(&place, &quakes, &["mag < 0"], |row| number(row, "mag").is_some_and(|mag| mag < 0.0));
    check(&place, &quakes, &["type != earthquake"], |row| row["type"] != "earthquake");
    check(&place, &quakes, &["dmin is missing"], |row| row["dmin"].is_empty());
    check(&place, &quakes, &["time >= 2025-04-20", "time < '2025-04-21T12:30'"], |row| {
        ("2025-04-20".."2025-04-21T12:30").contains(&&*row["time"])
    });
    check(&place, &quakes, &["place = '9 km S of Calimesa, CA'"], |row| row["place"] == "9 km S of Calimesa, CA");
    let fires = data("firms_modis_global_24h_2022.csv");
    check(&place, &fires, &["acq_date = 2022-02", "frp > 100", "daynight = D"], |row| {
        row["acq_date"].starts_with("2022-02")
            && number(row, "frp").is_some_and(|frp| frp > 100.0)
            && row["daynight"] == "D"
    });
    // Local dates, in a file of another dialect too.
    let edinburgh = data("edinburgh_accidents_2010_osgr.csv");
    check_as(
        &place,
        &edinburgh,
        &["a_date in 2010-03..2010-04"],
        &["--date-format", "%d/%m/%Y", "--crs", "EPSG:27700"],
        |row| ["/03/2010", "/04/2010"].iter().any(|end| row["a_date"].ends_with(end)),
    );
}

#[cfg(feature = "proj")]
#[track_caller]
fn check_as(
    place: &Playground,
    input: &Path,
    conditions: &[&str],
    more: &[&str],
    keep: impl Fn(&BTreeMap<String, String>) -> bool,
) {
    let (alone, kept) = filtered(place, input, keep);
    assert!(kept > 0);
    let flags: Vec<&str> = conditions.iter().flat_map(|condition| ["--where", condition]).collect();
    let chosen = report(place, input, "chosen", &[&flags, more].concat());
    let by_hand = report(place, &alone, "by-hand", &more[2..]);
    assert_eq!(chosen["used"], by_hand["used"], "{conditions:?}");
    assert!(tiles(&place.path("chosen")) == tiles(&place.path("by-hand")), "{conditions:?}");
    accounted(&chosen);
}

#[cfg(not(feature = "proj"))]
fn check_as(_: &Playground, _: &Path, _: &[&str], _: &[&str], _: impl Fn(&BTreeMap<String, String>) -> bool) {}

#[test]
fn boxes_and_areas_part_the_world() {
    let place = Playground::new();
    let all = report(&place, &sample(), "all", &[])["used"].as_u64().unwrap();
    let used = |more: &[&str]| {
        let report = report(&place, &sample(), "part", more);
        accounted(&report);
        report["used"].as_u64().unwrap()
    };
    // Boxes side by side hold each point once, and so do areas; one across the antimeridian is the rest of the earth.
    let west = used(&["--bbox=-180,-90,-0.12,90"]);
    let east = used(&["--bbox=-0.12,-90,180,90"]);
    assert!(west > 0 && east > 0 && west + east == all);
    assert_eq!(used(&["--bbox=0.5,-90,-0.12,90"]) + used(&["--bbox=-0.12,-90,0.5,90"]), all);
    let diagonal = ["POLYGON ((-20 40, 20 40, 20 65))", "POLYGON ((-20 40, 20 65, -20 65))"];
    let halves = diagonal.map(|area| used(&["--within", area]));
    assert!(halves.iter().all(|&half| half > 0) && halves[0] + halves[1] == all, "{halves:?}");
    // A file of both is the whole; a hole is not in it.
    place.file("both.wkt", diagonal.join("\n"));
    assert_eq!(used(&["--within", "both.wkt"]), all);
    let hole = "POLYGON ((-20 40, 20 40, 20 65, -20 65), (-1 51, 1 51, 1 52, -1 52))";
    assert_eq!(used(&["--within", hole]) + used(&["--bbox=-1,51,1,52"]), all);
    let told = render(&place, &sample(), "part", &["--bbox=-1,51,1,52", "--within", hole, "--sample", "50%"]).error(1);
    assert!(told.contains("--within"), "{told}");
}

#[test]
fn a_picture_accounts_for_what_lies_beyond_it() {
    let place = Playground::new();
    let input = sample().display().to_string();
    let run = ["image", &input, "-o", "map.png", "--bbox=-1,51,1,52", "--backend", "cpu", "--report", "i.json"];
    let told = place.run([&run[..], &["--sample", "50%"]].concat()).ok().stderr;
    assert!(
        told.contains("not selected:") && told.contains("outside of the picture:") && told.contains("by --sample 50%"),
        "{told}"
    );
    let report: Value = serde_json::from_slice(&fs::read(place.path("i.json")).unwrap()).unwrap();
    accounted(&report["run"]);
}

/// The same rows whatever the threads, and whether a file or a stream is read.
#[test]
fn a_sample_is_the_same_each_time() {
    let place = Playground::new();
    let first = report(&place, &sample(), "first", &["--sample", "20%"]);
    let (used, rows) = (first["used"].as_u64().unwrap(), first["rows"].as_u64().unwrap());
    assert!((rows / 6..rows / 4).contains(&used), "{used} of {rows}");
    for more in [["--threads", "1"], ["--threads", "7"], ["--memory", "1M"]] {
        report(&place, &sample(), "again", &[&["--sample", "20%"][..], &more].concat());
        assert!(tiles(&place.path("again")) == tiles(&place.path("first")), "{more:?}");
    }
    let packed = crate::common::sets::gzip(&fs::read(sample()).unwrap());
    let packed = place.file("packed.csv.gz", packed);
    report(&place, &packed, "again", &["--sample", "20%"]);
    assert!(tiles(&place.path("again")) == tiles(&place.path("first")));
}

#[test]
fn nothing_selected_says_what_the_column_holds() {
    let place = Playground::new();
    let input =
        place.file("p.csv", "lon,lat,Accident_Severity,when\n1,2,3,01/02/2023\n2,3,1,05/06/2023\n3,4,2,\nx,5,1,\n");
    for (more, says) in [
        (&["--where", "Accident_Severity = Fatal"][..], "Accident_Severity holds 1, 2, 3; none is 'Fatal'"),
        (&["--where", "accident_severity > 3"], "none is accident_severity > 3"),
        (&["--where", "when = 2023-02"], "--date-format"),
        (&["--bbox=50,50,60,60"], "--bbox"),
        (&["--within", "POLYGON ((50 50, 60 50, 60 60))"], "--within"),
        (&["--where", "Accident_Severity = 3", "--where", "when = 5"], "when holds 01/02/2023; none is '5'"),
    ] {
        let line = render(&place, &input, "out", more).error(1);
        assert!(line.contains(says), "{line}");
    }
    for (more, says) in [
        (&["--where", "Severity = 1"][..], "did you mean 'Accident_Severity'?"),
        (&["--where", "#9 = 1"], "no column #9"),
        (&["--where", "x"], "COLUMN OP VALUE"),
        (&["--sample", "0"], "no share"),
        (&["--date-format", "%d/%m", "--where", "a = 1"], "no year"),
        (&["--bbox=5,5,1,1"], "is empty"),
    ] {
        let ran = render(&place, &input, "out", more);
        assert!(ran.code == Some(2) && ran.stderr.contains(says), "{}", ran.stderr);
    }
    // Rows that are not selected are no rejects, whatever else is wrong with them.
    let told = render(&place, &input, "out", &["--where", "Accident_Severity in 2, 3", "--strict"]).ok().stderr;
    assert!(told.contains("4 rows, 2 points used") && told.contains("not selected: 2 by --where"), "{told}");
    assert!(render(&place, &input, "out", &["--strict"]).error(1).contains("left out"));
    let metadata: Value = serde_json::from_slice(&fs::read(place.path("out/metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["heat"]["not_selected"], 2);
    assert_eq!(metadata["heat"]["selected_by"][0], "where 'Accident_Severity in 2, 3'");
}
