//! Inputs of the real program: what it says of each, when it says it, and what it holds of them in memory.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use crate::common::{Playground, Ran};
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
            "not_a_point": 0, "no_weight": 0, "bad_weight": 0, "infinite_weight": 0, "dropped": 0, "out_of_range": out_of_range, "outside_mercator": outside_mercator,
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
    assert_eq!((report.zooms[&12].lit, report.zooms[&12].max.0), (2, 2.0));
}

#[test]
fn a_file_named_twice_is_told() {
    let place = Playground::new();
    place.file("a.csv", "lon,lat\n1,2\n");
    let ran = place.run(["render", "a.csv", "./a.csv", "-o", "t", "-z", "0..3", "--report", "r.json"]).ok();
    assert!(ran.stderr.contains("counted twice"), "{}", ran.stderr);
    let report = report(&place, "r.json");
    assert_eq!(report["used"], 2);
    let notice = report["notices"][0].as_object().unwrap();
    assert!(notice["text"].as_str().unwrap().contains("counted twice"), "{report}");
    let keys: Vec<_> = notice.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "example", "flag", "input", "rows", "share", "text"]);
    assert_eq!([&notice["example"], &notice["flag"], &notice["rows"], &notice["share"]], [&Value::Null; 4]);
}

#[test]
fn decimals_have_one_mark_in_a_file() {
    let place = Playground::new();
    let commas = "id;lat;lon\n1;51,5;9,25\n2;9.6;9,5\n3;51,6;9\n4;51.7;9,5\n5;51,7;9,6\n";
    let points = "id;lat;lon\n1;51.5;9.25\n2;9,6;9.5\n3;51.6;9\n4;51,7;9.5\n5;51.7;9.6\n";
    for (name, text, said) in [
        ("commas.csv", commas, None),
        ("commas.csv", commas, Some("comma")),
        ("points.csv", points, None),
        ("points.csv", points, Some("point")),
    ] {
        place.file(name, text);
        let said = said.map(|said| ["--decimal", said]);
        let flags = ["-o", "t", "-z", "0..3", "--backend", "cpu", "--force", "--report", "r.json"];
        place.run(["render", name].iter().chain(said.iter().flatten()).chain(&flags)).ok();
        let report = report(&place, "r.json");
        let counts = (&report["used"], &report["left_out"]["not_a_number"]);
        assert_eq!(counts, (&json!(3), &json!(2)), "{name} {said:?}: {report}");
    }
    // Another column's decimals say nothing about the coordinates.
    place.file("prices.csv", "price;weight;lat;lon\n1,5;2,5;51.5;9.25\n3,5;4,5;51.25;9.5\n");
    place
        .run(["render", "prices.csv", "-o", "t", "-z", "0..3", "--backend", "cpu", "--force", "--report", "r.json"])
        .ok();
    assert_eq!(report(&place, "r.json")["used"], 2);
}

#[test]
fn folders_and_patterns_are_inputs() {
    let place = Playground::new();
    for folder in ["data/sub", "data/.git"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    place.file("data/a.csv", "lon,lat\n1,2\n");
    place.file("data/sub/b.tsv", "lat\tlon\n3\t4\n5\t6\n");
    place.file("data/.git/c.csv", "lon,lat\n7,8\n");
    place.file("data/about.md", "# lon,lat\n");
    let fixed = ["-z", "0..3", "--backend", "cpu", "--report", "r.json", "--force"];
    let run = |arguments: &[&str]| place.run(["render"].iter().chain(arguments).chain(&fixed));
    let inputs = || {
        let report = report(&place, "r.json");
        let names: Vec<_> = report["files"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
        (Value::from(names), report["used"].clone(), report["notices"].clone())
    };
    for (arguments, names, used) in [
        (&["data", "-o", "t"][..], json!(["data/a.csv", "data/sub/b.tsv"]), 3),
        (&["data/*.csv", "-o", "t"], json!(["data/a.csv"]), 1),
        (&["data/**/*.?sv", "-o", "t"], json!(["data/a.csv", "data/sub/b.tsv"]), 3),
        (&["data/s*", "data/a.csv", "-o", "t"], json!(["data/sub/b.tsv", "data/a.csv"]), 3),
        // An output in the folder is no input of the next run.
        (&["data", "-o", "data/tiles"], json!(["data/a.csv", "data/sub/b.tsv"]), 3),
        (&["data", "-o", "data/tiles"], json!(["data/a.csv", "data/sub/b.tsv"]), 3),
        (&["data", "-o", "data/t.pmtiles"], json!(["data/a.csv", "data/sub/b.tsv"]), 3),
    ] {
        let ran = run(arguments).ok();
        let (are, points, notices) = inputs();
        assert_eq!((are, points), (names, json!(used)), "{arguments:?}");
        let told = arguments[0] == "data";
        assert_eq!(notices.to_string().contains("passed_over"), told, "{notices}");
        assert_eq!(ran.stderr.matches("passed over").count(), usize::from(told), "{}", ran.stderr);
    }
    let before = crate::common::tree(&place.path("data"));
    for (arguments, words) in [
        (&["data", "-o", "data"][..], "is or holds the input data/a.csv"),
        (&["data/*/*", "-o", "data"], "is or holds the input data/sub/b.tsv"),
        (&["data", "-o", "t.pmtiles", "--rejects", "data/a.csv"], "is an input"),
        (&["data/*.p*", "-o", "data/t.pmtiles"], "is or holds the input data/t.pmtiles"),
        (&["data/*.nope", "-o", "t"], "no file matches"),
        (&["data/tiles", "-o", "t"], ".png (no ending of data)"),
        (&["data/A.csv", "-o", "t"], "data/a.csv meant?"),
    ] {
        let ran = run(arguments);
        assert!(ran.code != Some(0) && ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
    }
    assert!(before == crate::common::tree(&place.path("data")));
}

#[test]
fn hundreds_of_files_are_a_few_lines() {
    let place = Playground::new();
    fs::create_dir(place.path("data")).unwrap();
    for i in 0..300 {
        // One place for all rows of a file, half of which have x and y for names.
        let header = if i % 2 == 0 { "lon,lat" } else { "x,y" };
        place.file(&format!("data/{i:03}.csv"), format!("{header}\n{}", "0,0\n10,20\n".repeat(20)));
    }
    #[cfg(unix)]
    let command = ["sh", "-c", "ulimit -n 64; exec \"$0\" \"$@\""];
    #[cfg(not(unix))]
    let command = ["cmd", "/c"];
    let program = place.command().get_program().to_owned();
    let mut limited = std::process::Command::new(command[0]);
    limited.args(&command[1..]).arg(program).current_dir(place.path(""));
    let ran =
        limited.args(["render", "data", "-o", "t", "-z", "0..3", "--backend", "cpu", "--report", "r.json"]).output();
    let ran = Ran::from(ran.unwrap()).ok();
    assert!(ran.stderr.contains("150 files, such as data/000.csv: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("150 files, such as data/001.csv: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("(and 299 other inputs)").count(), 2, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("(and 149 other inputs)").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.matches(".csv").count() < 20, "{}", ran.stderr);
    let report = report(&place, "r.json");
    assert_eq!((&report["used"], report["files"].as_array().unwrap().len()), (&json!(12_000), 300));
    assert!(report["notices"].as_array().unwrap().len() >= 450, "{report}");
    let told = place.run(["info", "data"]).ok().stdout;
    assert!(told.contains("and 149 more like it, the last of them data/298.csv: 6,000 rows, 6,000 points"), "{told}");
    assert!(told.contains("data/299.csv") && told.matches("#1 ").count() == 2, "{told}");
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

#[test]
fn columns_are_told_of_an_input_that_is_refused() {
    let place = Playground::new();
    place.file("grid.csv", "id,easting,northing\n1,530000,180000\n2,530100,180100\n");
    place.file("good.csv", "lon,lat\n1,2\n");
    place.file("page.csv", "<html>");
    let ran = place.run(["info", "grid.csv"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("#2   easting   integer  530000"), "{}", ran.stdout);
    assert!(ran.stdout.contains("would not be drawn") && ran.stderr.contains("EPSG:27700"), "{}", ran.stderr);
    // One that cannot be read hides no other.
    let ran = place.run(["info", "--json", "page.csv", "grid.csv", "good.csv"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let column = |n: usize| told[n]["columns"][0]["name"].as_str();
    assert_eq!((column(0), column(1), column(2)), (None, Some("id"), Some("lon")));
    assert_eq!((&told[1]["unread"], &told[2]["used"]), (&json!(true), &json!(1)));
    let line = ran.error(1);
    assert!(line.contains("2 of 3 inputs cannot be read") && line.contains("page.csv"), "{line}");
}

/// Runs the real program on a text; gives its report.
fn read(text: &[u8], arguments: &[&str]) -> Value {
    let place = Playground::new();
    place.file("a.txt", text);
    let fixed = ["render", "a.txt", "-o", "t", "-z", "0..3", "--backend", "cpu", "--report", "r.json", "--spread", "0"];
    place.run(fixed.iter().chain(arguments)).ok();
    let mut read = report(&place, "r.json");
    read["bounds"] = report(&place, "t/metadata.json")["bounds"].clone();
    read
}

#[test]
fn what_a_refusal_says_to_do_reads_the_file() {
    let storms = b"AL092021,                IDA,      2,\n20210826, 1200,  , TD, 16.5N,  78.9W,  30, 1006,\n\
                   20210826, 1800,  , TS, 17.4N,  79.5W,  35, 1006,\n";
    let storms = read(storms, &["--lon", "#6", "--lat", "#5"]);
    assert_eq!((&storms["rows"], &storms["used"]), (&json!(2), &json!(2)), "{storms}");
    let sentences = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n\
                      $GPGGA,123520,3348.456,S,15112.654,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n";
    let sentences = read(sentences, &["--header", "no", "--lon", "#5", "--lat", "#3", "--unit", "ddmm"]);
    assert_eq!(sentences["used"], 2);
    let south = sentences["bounds"][1].as_f64().unwrap();
    assert!((south + 33.8).abs() < 0.1, "{sentences}");
    let mut late = b"id,wkt\n".to_vec();
    (0..1200).for_each(|i| late.extend(format!("{i},\n").bytes()));
    late.extend(b"1,POINT(1 2)\n2,\"{\"\"type\"\":\"\"Point\"\",\"\"coordinates\"\":[1,2]}\"\n3,x\n");
    let late = read(&late, &["--geometry", "wkt"]);
    assert_eq!((&late["used"], &late["left_out"]["not_a_number"]), (&json!(2), &json!(1)), "{late}");
    let mut preamble: Vec<u8> = (0..131).flat_map(|i| format!("Note {i}\n").into_bytes()).collect();
    preamble.extend(b"id;lat;lon\n1;51.5;0.1\n");
    assert_eq!(read(&preamble, &["--skip", "131"])["used"], 1);
}

#[test]
fn tables_of_r_name_their_rows() {
    for (first, rows) in [
        ("\"lon\" \"lat\" \"name\"", ["\"1\" -0.125 51.5 \"a b\"", "\"2\" -0.25 51.75 \"c, \\\"d\\\"\""]),
        ("lon lat", ["1 -0.125 51.5", "2 -0.25 51.75"]),
        ("\"name\" \"lat\" \"lon\"", ["\"x\" \"a\" 51.5 -0.125", "\"y\" \"b c\" 51.75 -0.25"]),
    ] {
        let report = read(format!("{first}\n{}\n{}\n", rows[0], rows[1]).as_bytes(), &[]);
        assert_eq!((&report["used"], &report["notices"][0]["code"]), (&json!(2), &json!("row_names")), "{report}");
        // It is so in every row.
        assert_eq!(
            (&report["notices"][0]["rows"], &report["notices"][0]["share"]),
            (&json!(2), &json!(1.0)),
            "{report}"
        );
        let east = report["bounds"][2].as_f64().unwrap();
        assert!((-0.3..0.0).contains(&east), "{report}");
    }
}

#[test]
fn fields_that_a_quote_makes_one_are_told() {
    let rows = "1,\"foo,bar \"b\" z,51.5,-0.125\n2,\"a \"\"b\"\", c\",51.5,-0.25\n3,\"a\" b,51.5,-0.5\n";
    let report = read(format!("id,name,lat,lon\n{rows}").as_bytes(), &[]);
    assert_eq!(report["used"], 3, "{report}");
    let notices = report["notices"].as_array().unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!((&notices[0]["code"], &notices[0]["rows"]), (&json!("merged_fields"), &json!(1)));
    assert_eq!((&notices[0]["example"]["row"], &notices[0]["flag"]), (&json!(1), &json!("--quote none")));
    // One field less than there should be: what is where nobody knows.
    let report = read(format!("id,name,more,lat,lon\n{rows}4,a,b,51.5,-0.5\n").as_bytes(), &[]);
    assert_eq!((&report["used"], &report["left_out"]["malformed"]), (&json!(1), &json!(3)), "{report}");
}

#[test]
fn points_between_thousands_are_read_where_one_says_so() {
    let rows = "x;y\n530.123,5;180.456,25\n531.123,5;181.456,25\n";
    let projected = cfg!(feature = "proj");
    let crs = if projected { "EPSG:27700" } else { "EPSG:3857" };
    assert_eq!(read(rows.as_bytes(), &["--crs", crs, "--decimal", "comma"])["used"], 2);
    // A found comma leaves points a mistake.
    let mixed = "x;y\n530123,5;180456,25\n531123,5;181456,25\n532123,5;182456,25\n530.123,5;180.456,25\n";
    let report = read(mixed.as_bytes(), &["--crs", crs]);
    assert_eq!((&report["used"], &report["left_out"]["not_a_number"]), (&json!(3), &json!(1)), "{report}");
}
