//! The program as a person meets it: what it prints, its exit codes, what it refuses and what it leaves behind.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::common::{Playground, sample, tree};

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
    let brief = place.run(["-V"]).ok().stdout;
    assert_eq!(brief, format!("tilefire {}\n", env!("CARGO_PKG_VERSION")));
    let version = place.run(["--version"]).ok().stdout;
    assert!(version.starts_with(brief.trim_end()), "{version}");
    for (feature, is_there) in [
        ("gpu", cfg!(feature = "gpu")),
        ("serve", cfg!(feature = "serve")),
        ("proj", cfg!(feature = "proj")),
        ("mbtiles", cfg!(feature = "mbtiles")),
    ] {
        let heading = if is_there { "features: " } else { "left out: " };
        let line = version.lines().find(|line| line.starts_with(heading)).unwrap();
        assert!(line.contains(feature), "{version}");
    }
    assert_eq!(version.contains("PROJ 9."), cfg!(feature = "proj"), "{version}");
}

/// Every command has examples that the program itself takes, as far as words and options go.
#[test]
fn examples_of_the_help_are_commands_that_exist() {
    let place = Playground::new();
    let commands = ["render", "image", "serve", "synth", "info", "completions", "man"];
    for command in commands.into_iter().filter(|command| *command != "serve" || cfg!(feature = "serve")) {
        let help = place.run([command, "--help"]).ok().stdout;
        let examples: Vec<&str> =
            help.lines().skip_while(|line| *line != "Examples:").filter(|line| line.contains("tilefire ")).collect();
        assert!(!examples.is_empty(), "{command}: {help}");
        for example in examples {
            let words: Vec<&str> = example.split("tilefire ").nth(1).unwrap().split_whitespace().collect();
            let known = place.run([words[0], "--help"]).ok().stdout;
            for option in
                words.iter().take_while(|word| !["|", ">"].contains(word)).filter(|word| word.starts_with("--"))
            {
                let name = option.split('=').next().unwrap();
                assert!(known.contains(name), "{example}: {name}");
            }
        }
    }
    // What most people ask for comes first; the rest is a --help away.
    let short = place.run(["render", "-h"]).ok().stdout;
    assert!(short.lines().count() < 90 && short.contains("--help"), "{short}");
    for (option, is_there) in [("--colormap", true), ("--crs", true), ("--escape", false), ("--spread-op", false)] {
        assert_eq!(short.contains(option), is_there, "{option}: {short}");
    }
    let aliases = place.run(["render", "--help"]).ok().stdout;
    assert!(aliases.contains("cmap") && aliases.contains("levels") && aliases.contains("Spread:"), "{aliases}");
    let groups = ["Input:", "Text:", "Rows:", "Output:", "Page:", "Colours:", "Spread:", "Resources:"];
    assert!(groups.iter().all(|group| aliases.contains(group)), "{aliases}");
}

/// On a terminal of 40 columns: a line stays a line, and nobody is told that no time is left while there is work.
#[cfg(unix)]
#[test]
fn progress_fits_a_narrow_terminal() {
    let place = Playground::new();
    place.run(["synth", "-n", "400k", "-o", "points.csv"]).ok();
    let program = place.command().get_program().to_string_lossy().into_owned();
    let typed =
        format!("stty cols 40 rows 24; '{program}' render points.csv -o tiles -z 0..12 --backend cpu --threads 1");
    let script = |typed: &str, term: &str| {
        let mut command = std::process::Command::new("script");
        command.current_dir(place.path("")).env("TERM", term).args(["-qefc", typed, "/dev/null"]).output()
    };
    let Ok(ran) = script(&typed, "xterm") else {
        println!("skipped: progress_fits_a_narrow_terminal: there is no program `script`");
        return;
    };
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{shown}");
    let plain = |frame: &str| -> String {
        let mut text = String::new();
        let mut rest = frame.chars();
        while let Some(c) = rest.next() {
            if c == '\u{1b}' {
                rest.by_ref().skip(1).find(char::is_ascii_alphabetic);
            } else {
                text.push(c);
            }
        }
        text.trim_end().to_owned()
    };
    // How the points are read fills a row, and the terminal goes on to the next by itself.
    let is_bar = |row: &str| ["points ", "tiles "].iter().any(|word| row.starts_with(word));
    let mut bars = Vec::new();
    for frame in shown.split(['\r', '\n']).map(plain) {
        let rows: Vec<char> = frame.chars().collect();
        let rows: Vec<String> = rows.chunks(40).map(String::from_iter).collect();
        if let Some(at) = rows.iter().position(|row| is_bar(row)) {
            assert!(at <= 1 && at + 1 == rows.len(), "{frame:?}");
            bars.push(rows[at].clone());
        }
    }
    assert!(bars.iter().any(|bar| bar.contains("/s")), "{shown:?}");
    // Which columns were chosen is told while rows are read, in one line.
    let early = &shown[..shown.find("tiles ").unwrap()];
    assert!(early.contains("points.csv: longitude from column"), "{shown:?}");
    for bar in bars {
        assert!(!bar.contains(" 0 s left") && !bar.contains("0s left"), "{bar:?}");
    }
    let dumb = script(&typed.replace("-o tiles", "-o again"), "dumb").unwrap();
    let shown = String::from_utf8_lossy(&dumb.stdout).into_owned();
    assert!(dumb.status.success() && !shown.contains("/s") && shown.contains("CPU seconds"), "{shown:?}");
}

#[test]
fn shells_are_told_what_there_is_to_complete() {
    let place = Playground::new();
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef tilefire"), ("fish", "complete -c tilefire")] {
        let script = place.run(["completions", shell]).ok().stdout;
        assert!(script.contains(word) && script.contains("render") && script.contains("spread-shape"), "{shell}");
        let offered = |word: &str| {
            let lines = script.lines().filter(|line| shell != "bash" || line.contains("opts="));
            lines.filter(|line| line.contains(word)).count()
        };
        assert!(offered("retina") > 0 && offered("--batch-points") + offered("-l batch-points") == 0, "{shell}");
    }
    // A real shell reads it, where there is one.
    place.file("complete.bash", place.run(["completions", "bash"]).ok().stdout);
    let asked = "source ./complete.bash; COMP_WORDS=(tilefire render --spr); COMP_CWORD=2; _tilefire tilefire --spr render; \
                 echo ${COMPREPLY[@]}";
    match std::process::Command::new("bash").current_dir(place.path("")).args(["-c", asked]).output() {
        Ok(ran) => {
            let answer = String::from_utf8_lossy(&ran.stdout).into_owned();
            assert!(answer.contains("--spread --spread-shape"), "{answer} {}", String::from_utf8_lossy(&ran.stderr));
        }
        Err(_) => println!("skipped: no bash to read the completions"),
    }
    assert!(place.run(["completions", "tcsh"]).stderr.contains("bash"));
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let place = Playground::new();
    let first = place.run(["man"]).ok().stdout;
    assert!(first.contains(".TH tilefire 1") && first.contains("render"), "{first}");
    place.run(["man", "-o", "pages/man1"]).ok();
    let pages = tree(&place.path("pages/man1"));
    for name in ["tilefire.1", "tilefire-render.1", "tilefire-serve.1", "tilefire-man.1"] {
        let page = String::from_utf8_lossy(&pages[name]);
        assert!(page.contains(".SH NAME"), "{name}: {page}");
    }
    assert!(String::from_utf8_lossy(&pages["tilefire-render.1"]).contains("spread\\-shape"));
    assert!(!pages.contains_key("tilefire-flush.1"), "{:?}", pages.keys());
    // What the short help leaves out has its words, aliases are told, examples stand as they are typed.
    let render = String::from_utf8_lossy(&pages["tilefire-render.1"]).into_owned();
    for words in
        ["Write a tile of 512 pixels beside", "also: \\-\\-cmap", ".SH EXAMPLES", "\ntilefire render accidents"]
    {
        assert!(render.contains(words), "{words}: {render}");
    }
    assert!(!render.contains("batch\\-points") && render.contains("\"tilefire 0"), "{render}");
    place.file("file", "");
    assert!(place.run(["man", "-o", "file/man1"]).error(1).contains("file/man1"));
}

#[test]
fn a_folder_of_tiles_with_metadata_page_and_summary() {
    let place = Playground::new();
    place.file("points.csv", TWO_POINTS);
    let ran =
        place.run(["render", "points.csv", "-o", "tiles", "-z", "0..5", "--spread", "0", "--backend", "cpu"]).ok();
    assert!(ran.stdout.is_empty());
    for part in ["2 rows, 2 points used", "Longitude", "LATITUDE", "CPU seconds"] {
        assert!(ran.stderr.contains(part), "{part} is missing:\n{}", ran.stderr);
    }
    // How the work was done is for those who ask.
    assert!(!ran.stderr.contains("busy") && !ran.stderr.contains("CPU: "), "{}", ran.stderr);
    let apart = Playground::new();
    apart.file("points.csv", TWO_POINTS);
    let told = apart.run(["render", "points.csv", "-o", "told", "-z", "0", "--backend", "cpu", "-v"]).ok().stderr;
    for part in ["CPU: ", "seconds      busy     wall", "1 tile, "] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    apart.file("one.csv", "lon,lat\n1,2\n");
    let one = apart.run(["render", "one.csv", "-o", "one", "-z", "0"]).ok().stderr;
    assert!(one.contains("1 row, 1 point used"), "{one}");
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

/// In a log the columns are told while a run reads, where that takes a while, and nothing moves.
#[test]
fn a_log_tells_columns_before_all_is_read() {
    use std::io::{BufRead, BufReader, Read};
    let place = Playground::new();
    let run = ["render", "-", "-o", "piped", "-z", "0..3", "--no-page", "--backend", "cpu"];
    let mut child =
        place.command().args(run).stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut points = child.stdin.take().unwrap();
    points.write_all(b"lon,lat\n").unwrap();
    points.write_all("3,4\n".repeat(100_000).as_bytes()).unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    // It ends no row: the line comes although no end is in sight.
    told.read_line(&mut first).unwrap();
    assert_eq!(first, "reading standard input: longitude from column 'lon', latitude from column 'lat'\n");
    drop(points);
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success() && rest.contains("100,000 points used"), "{rest}");
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
