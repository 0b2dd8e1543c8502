//! Counts that are kept: coloured they are the tiles of a render, shares and days add up to what was counted at once, and
//! whatever happens to a run or a file is noticed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use crate::common::{Playground, Ran, real_data, sample, tree};
use serde_json::Value;

#[track_caller]
fn same(place: &Playground, a: &str, b: &str) {
    let read = |name: &str| fs::read(place.path(name)).unwrap();
    assert!(read(a) == read(b), "{a} and {b} differ");
}

fn count(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Ran {
    let run = ["count", input.to_str().unwrap(), "-o", out, "-q", "--force"];
    place.run([&run[..], more].concat())
}

/// Rows with quotes, line ends within them, blanks, weights, and some that are none.
fn rows(seed: u64, rows: usize) -> String {
    let mut text = "name,lon,lat,kind,w\n".to_owned();
    let mut state = seed;
    for row in 0..rows {
        let mut random = |range: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % range
        };
        let (x, y, kind, w) = (random(3_000), random(2_000), random(5), random(900));
        let name = match random(7) {
            0 => "\"two\nlines, and a \"\"quote\"\"\"".to_owned(),
            1 => "\"\"".to_owned(),
            _ => format!("plain {row}"),
        };
        match random(40) {
            0 => writeln!(text, "{name},,,{kind},1"),
            1 => writeln!(text, "{name},x,5,{kind},1"),
            _ => writeln!(
                text,
                "{name},{:.3},{:.3},{kind},{:.2}",
                x as f64 * 0.1 - 150.0,
                y as f64 * 0.06 - 60.0,
                w as f64 * 0.01 - 2.0
            ),
        }
        .unwrap();
    }
    text
}

#[test]
fn counts_that_are_coloured_are_the_tiles_of_a_render() {
    let place = Playground::new();
    let input = sample();
    let points = input.to_str().unwrap();
    count(&place, &input, "a.counts", &["-z", "10"]).ok();
    for (number, look) in [
        &[][..],
        &["--spread", "0"],
        &["--spread", "3", "--truecolor", "--how", "eq-hist"],
        &["--spread", "2", "--spread-op", "add", "--span", "smooth", "--theme", "dark"],
        &["--spread", "dynspread", "--span", "p99", "--background", "light", "--min-count", "2"],
        &["--spread", "1", "--spread-on", "colours", "-z", "3..8"],
        &["-z", "0..7", "--tile-size", "512", "--how", "cbrt", "--span", "all"],
        &["-z", "0..6", "--retina", "--format", "webp", "--attribution", "x"],
        &["-z", "10", "--colormap", "fire", "--span", "1,50"],
    ]
    .into_iter()
    .enumerate()
    {
        for out in ["tiles", "tiles.pmtiles"] {
            if out != "tiles" && look.contains(&"--retina") {
                continue;
            }
            let run = |command: &str, from: &str, folder: &str| {
                fs::create_dir_all(place.path(folder)).unwrap();
                let to = format!("{folder}/{out}");
                let zooms: &[&str] = if look.contains(&"-z") { &[] } else { &["-z", "0..10"] };
                place.run([&[command, from, "-o", &to, "-q", "--force"][..], look, zooms].concat()).ok();
            };
            let (a, b) = (format!("render{number}"), format!("shade{number}"));
            run("render", points, &a);
            run("shade", "a.counts", &b);
            assert!(tree(&place.path(&a)) == tree(&place.path(&b)), "{look:?} {out}");
        }
    }
    // Without zooms all that there are.
    place.run(["shade", "a.counts", "-o", "all.pmtiles", "-q", "--title", "x"]).ok();
    place.run(["render", points, "-o", "z10.pmtiles", "-q", "--title", "x", "-z", "0..10"]).ok();
    same(&place, "all.pmtiles", "z10.pmtiles");
}

#[test]
fn counts_of_what_was_chosen_and_weighed_are_coloured_as_they_would_be() {
    let place = Playground::new();
    let input = place.file("rows.csv", rows(3, 4_000));
    let choose = ["--where", "kind in 1..3", "--where", "w > -1", "--bbox=-140,-50,100,50", "--sample", "80%"];
    for (number, (counted, look)) in [
        (&choose[..], &["--spread", "0"][..]),
        (&["--weight", "w", "--weight-step", "0.01"], &["--spread", "0"]),
        (&["--weight", "w", "--weight-step", "0.01"], &["--measure", "mean", "--min-count", "2"]),
        (&["--weight", "w"], &["--measure", "count", "--spread", "2"]),
        (&["--weight", "w", "--where", "kind = 2"], &["--measure", "sum", "--how", "eq-hist", "--truecolor"]),
    ]
    .into_iter()
    .enumerate()
    {
        count(&place, &input, "a.counts", &[counted, &["-z", "6"]].concat()).ok();
        let (a, b) = (format!("a{number}"), format!("b{number}"));
        for folder in [&a, &b] {
            fs::create_dir_all(place.path(folder)).unwrap();
        }
        let to = |folder: &str| format!("{folder}/tiles");
        let render = ["render", "rows.csv", "-o", &to(&a), "-q", "-z", "0..6"].map(str::to_owned);
        let shade = ["shade", "a.counts", "-o", &to(&b), "-q"].map(str::to_owned);
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        place.run([&render[..], &owned(counted), &owned(look)].concat()).ok();
        place.run([&shade[..], &owned(look)].concat()).ok();
        assert!(tree(&place.path(&a)) == tree(&place.path(&b)), "{counted:?} {look:?}");
    }
}

#[cfg(feature = "gpu")]
#[test]
fn a_device_counts_and_colours_them_alike() {
    if !crate::common::gpu::adapter_for("a_device_counts_and_colours_them_alike") {
        return;
    }
    let place = Playground::new();
    let adapter = crate::common::gpu::adapter_name();
    let gpu = ["--backend", "gpu", "--adapter", adapter.as_str()];
    count(&place, &sample(), "cpu.counts", &["--backend", "cpu"]).ok();
    count(&place, &sample(), "gpu.counts", &gpu).ok();
    same(&place, "cpu.counts", "gpu.counts");
    for look in [&["--spread", "0"][..], &["--spread", "2", "--how", "eq-hist"], &[]] {
        let shade = |out: &str, device: &[&str]| {
            let run = ["shade", "cpu.counts", "-o", out, "-q", "--force", "--title", "x", "-z", "0..9"];
            place.run([&run[..], look, device].concat()).ok();
        };
        shade("cpu.pmtiles", &["--backend", "cpu"]);
        shade("gpu.pmtiles", &gpu);
        same(&place, "cpu.pmtiles", "gpu.pmtiles");
    }
}

#[test]
fn shares_add_up_to_what_is_counted_at_once() {
    let place = Playground::new();
    place.file("a.csv", rows(1, 3_000));
    place.file("b.csv", rows(2, 50));
    fs::write(place.path("c.csv.gz"), crate::common::sets::gzip(rows(5, 900).as_bytes())).unwrap();
    place.file("d.csv", rows(8, 1_500).replace('\n', "\r\n"));
    let inputs = ["a.csv", "b.csv", "c.csv.gz", "d.csv"];
    for (options, shares) in [
        (&["-z", "7"][..], &[1u32, 2, 3, 7][..]),
        (&["-z", "6", "--weight", "w", "--where", "kind > 0", "--bbox=-100,-50,100,50"], &[2, 5]),
        (&["-z", "5", "--where", "kind = 1"], &[64]),
    ] {
        place.run([&["count", "-o", "whole.counts", "-q", "--force"], &inputs[..], options].concat()).ok();
        for &of in shares {
            let mut names = Vec::new();
            for number in 1..=of {
                let (name, share) = (format!("{number}.counts"), format!("{number}/{of}"));
                let run = ["count", "-o", &name, "-q", "--force", "--shard", &share];
                place.run([&run[..], &inputs, options].concat()).ok();
                names.push(name);
            }
            // Any order; and some of them first.
            names.reverse();
            let merge = |files: &[String], out: &str, more: &[&str]| {
                let files: Vec<&str> = files.iter().map(String::as_str).collect();
                place.run([&["merge", "-o", out, "-q", "--force"], &files[..], more].concat())
            };
            merge(&names, "merged.counts", &[]).ok();
            same(&place, "whole.counts", "merged.counts");
            if of > 2 {
                let missing = merge(&names[1..], "x.counts", &[]).error(1);
                assert!(missing.contains(&format!("shares are missing: {of}/{of}")), "{missing}");
                merge(&names[1..], "some.counts", &["--partial"]).ok();
                merge(&[names[0].clone(), "some.counts".into()], "merged.counts", &[]).ok();
                same(&place, "whole.counts", "merged.counts");
                let twice = merge(&[names[1].clone(), "some.counts".into()], "x.counts", &[]).error(1);
                assert!(twice.contains("twice"), "{twice}");
            }
        }
    }
    // Those of another plan.
    let shard = |out: &str, share: &str, z: &str| {
        place.run(["count", "a.csv", "-o", out, "-q", "--force", "--shard", share, "-z", z]).ok();
    };
    shard("one.counts", "1/2", "6");
    shard("two.counts", "2/2", "7");
    let foreign = place.run(["merge", "one.counts", "two.counts", "-o", "x.counts"]).error(1);
    assert!(foreign.contains("several plans"), "{foreign}");
    // Nothing to share: a stream.
    let mut child = place.command();
    child.args(["count", "-", "-o", "x.counts", "--shard", "1/2"]).stdin(Stdio::piped());
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"lon,lat\n1,2\n").unwrap();
    let says = Ran::from(child.wait_with_output().unwrap()).error(2);
    assert!(says.contains("is a stream"), "{says}");
    assert!(!place.names().iter().any(|name| name == "x.counts"));
}

#[test]
fn a_plan_tells_the_parts_that_shares_have() {
    let place = Playground::new();
    let text = rows(4, 2_000);
    place.file("a.csv", &text);
    place.file("b.csv", rows(9, 300));
    let plan = place.run(["plan", "a.csv", "b.csv", "--shards", "5", "--json"]).ok();
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let shards = plan["shards"].as_array().unwrap();
    assert_eq!(shards.len(), 5);
    // Parts follow each other without a gap, and begin with rows.
    let header = "name,lon,lat,kind,w\n".len() as u64;
    let mut ends = std::collections::BTreeMap::from([("a.csv", header), ("b.csv", header)]);
    for part in shards.iter().flat_map(|shard| shard["parts"].as_array().unwrap()) {
        let end = ends.get_mut(part["input"].as_str().unwrap()).unwrap();
        assert_eq!(part["from"].as_u64().unwrap(), *end);
        *end = part["to"].as_u64().unwrap();
    }
    let size = |name: &str| fs::metadata(place.path(name)).unwrap().len();
    assert_eq!(ends, [("a.csv", size("a.csv")), ("b.csv", size("b.csv"))].into());
    let told = place.run(["plan", "a.csv", "--shards", "2"]).ok().stdout;
    assert!(told.contains("--shard 2/2"), "{told}");
}

#[test]
fn days_are_added_and_taken_out_again() {
    let place = Playground::new();
    let days: Vec<PathBuf> = (0..3).map(|day| place.file(&format!("{day}.csv"), rows(20 + day, 800))).collect();
    count(&place, &days[0], "all.counts", &["-z", "9"]).ok();
    for day in ["1.csv", "2.csv"] {
        place.run(["count", day, "--add-to", "all.counts", "-q"]).ok();
    }
    place.run(["count", "2.csv", "0.csv", "1.csv", "-o", "once.counts", "-z", "9", "-q"]).ok();
    same(&place, "all.counts", "once.counts");
    let before = fs::read(place.path("all.counts")).unwrap();
    let twice = place.run(["count", "1.csv", "--add-to", "all.counts"]);
    assert!(twice.code == Some(1) && twice.stderr.contains("would be counted twice"), "{}", twice.stderr);
    assert!(fs::read(place.path("all.counts")).unwrap() == before);
    // The same rows in another order, and with another line end, are the same rows.
    let text = fs::read_to_string(&days[1]).unwrap();
    let plain: Vec<&str> = text.lines().skip(1).filter(|line| line.starts_with("plain")).collect();
    let forth = format!("name,lon,lat,kind,w\n{}\n", plain.join("\n"));
    let back = format!("name,lon,lat,kind,w\r\n{}", plain.iter().rev().copied().collect::<Vec<_>>().join("\r\n"));
    count(&place, &place.file("forth.csv", forth), "forth.counts", &[]).ok();
    let again = place.run(["count", place.file("back.csv", back).to_str().unwrap(), "--add-to", "forth.counts"]);
    assert!(again.code == Some(1) && again.stderr.contains("would be counted twice"), "{}", again.stderr);
    place.run(["count", "back.csv", "--add-to", "forth.counts", "--allow-duplicates", "-q"]).ok();
    // Taken out again, in any order.
    count(&place, &days[1], "1.counts", &["-z", "9"]).ok();
    count(&place, &days[2], "2.counts", &["-z", "9"]).ok();
    place.run(["merge", "all.counts", "--minus", "2.counts", "--minus", "1.counts", "-o", "first.counts", "-q"]).ok();
    count(&place, &days[0], "0.counts", &["-z", "9"]).ok();
    same(&place, "first.counts", "0.counts");
    // What was never added, what is no counts, what has other zooms.
    count(&place, &days[0], "low.counts", &["-z", "4"]).ok();
    let never = place.run(["merge", "1.counts", "--minus", "2.counts", "-o", "x.counts"]).error(1);
    assert!(never.contains("was not added"), "{never}");
    let text = place.run(["merge", "1.counts", "1.csv", "-o", "x.counts"]).error(1);
    assert!(text.contains("1.csv is no file of counts"), "{text}");
    let zoom = place.run(["merge", "1.counts", "low.counts", "-o", "x.counts", "-z", "5"]).error(2);
    assert!(zoom.contains("low.counts has zooms up to 4"), "{zoom}");
    let shade = place.run(["shade", "low.counts", "-o", "x", "-z", "0..9"]).error(2);
    assert!(shade.contains("low.counts has counts up to zoom 4"), "{shade}");
    let read = place.run(["render", "low.counts", "-o", "x"]).error(1);
    assert!(read.contains("is a file of counts; colour it with tilefire shade"), "{read}");
    assert!(!place.names().iter().any(|name| name.starts_with('x')), "{:?}", place.names());
}

#[test]
fn threads_memory_and_the_order_of_inputs_change_nothing() {
    let place = Playground::new();
    let (a, b) = (place.file("a.csv", rows(6, 3_000)), place.file("b.csv", rows(7, 2_000)));
    let inputs = [a.to_str().unwrap(), b.to_str().unwrap()];
    place.run(["count", inputs[0], inputs[1], "-o", "one.counts", "-z", "14", "-q", "--threads", "1"]).ok();
    let other =
        ["count", inputs[1], inputs[0], "-o", "two.counts", "-z", "14", "-q", "--threads", "5", "--memory", "1M"];
    place.run(other).ok();
    same(&place, "one.counts", "two.counts");
    for (out, threads, memory) in [("m1.counts", "1", "1M"), ("m2.counts", "4", "1G")] {
        place.run(["merge", "one.counts", "-o", out, "-q", "-z", "13", "--threads", threads, "--memory", memory]).ok();
    }
    same(&place, "m1.counts", "m2.counts");
}

/// A run that is killed leaves the old file or the new one, and nothing that stands in the way of the next.
#[test]
fn killed_at_any_moment_counts_are_whole() {
    let place = Playground::new();
    let (a, b) = (place.file("a.csv", rows(30, 9_000)), place.file("b.csv", rows(31, 9_000)));
    count(&place, &a, "a.counts", &["-z", "12"]).ok();
    count(&place, &b, "b.counts", &["-z", "12"]).ok();
    let old = fs::read(place.path("a.counts")).unwrap();
    place.run(["merge", "a.counts", "b.counts", "-o", "ab.counts", "-q"]).ok();
    let new = fs::read(place.path("ab.counts")).unwrap();
    let count_b = ["count", b.to_str().unwrap(), "-o", "out.counts", "-z", "12", "-q", "--force"];
    let merge = ["merge", "a.counts", "b.counts", "-o", "out.counts", "-q", "--force"];
    let add = ["count", b.to_str().unwrap(), "--add-to", "out.counts", "-q"];
    let counted = fs::read(place.path("b.counts")).unwrap();
    let mut killed = 0;
    for (arguments, whole) in [(&count_b[..], &counted), (&merge, &new), (&add, &new)] {
        fs::write(place.path("out.counts"), &old).unwrap();
        let start = Instant::now();
        place.run(arguments).ok();
        let time = start.elapsed();
        assert!(&fs::read(place.path("out.counts")).unwrap() == whole);
        for moment in 1..=34 {
            fs::write(place.path("out.counts"), &old).unwrap();
            let mut child = place.command().args(arguments).stderr(Stdio::null()).spawn().unwrap();
            sleep(time * moment / 34);
            let _ = child.kill();
            killed += u32::from(!child.wait().unwrap().success());
            let now = fs::read(place.path("out.counts")).unwrap();
            assert!(now == old || &now == whole, "{arguments:?} at moment {moment}");
        }
        fs::write(place.path("out.counts"), &old).unwrap();
        place.run(arguments).ok();
    }
    assert!(killed > 0, "no run was killed before its end; the test tested nothing");
    let names = place.names();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

/// A damaged file is told of in one line that names it, or what is damaged changes nothing that is drawn.
#[test]
fn damage_is_named_by_file_and_tiles() {
    let place = Playground::new();
    let input = place.file("a.csv", rows(40, 6_000));
    count(&place, &input, "a.counts", &["-z", "9"]).ok();
    let whole = fs::read(place.path("a.counts")).unwrap();
    place.run(["shade", "a.counts", "-o", "right.pmtiles", "-q", "--title", "x", "--spread", "0"]).ok();
    let right = fs::read(place.path("right.pmtiles")).unwrap();
    let (mut refused, mut tiles) = (0, 0);
    for step in 0..40 {
        let mut bytes = whole.clone();
        let at = whole.len() * step / 40;
        bytes[at] ^= 0x10;
        fs::write(place.path("bad.counts"), &bytes).unwrap();
        let ran =
            place.run(["shade", "bad.counts", "-o", "bad.pmtiles", "-q", "--title", "x", "--spread", "0", "--force"]);
        if ran.code == Some(0) {
            assert!(fs::read(place.path("bad.pmtiles")).unwrap() == right, "byte {at} changed tiles in silence");
            continue;
        }
        let line = ran.error(1);
        assert!(line.contains("bad.counts"), "{line}");
        tiles += u32::from(line.contains("counts of tiles 9/"));
        refused += 1;
        fs::write(place.path("bad.counts"), &whole[..at]).unwrap();
        let cut = place.run(["shade", "bad.counts", "-o", "bad.pmtiles", "-q", "--force"]).error(1);
        assert!(cut.contains("bad.counts"), "{cut}");
    }
    // The others lie in zooms that tiles of all zooms are not made from.
    assert!(refused > 12 && tiles > 10, "{refused} {tiles}");
}

#[test]
fn another_program_reads_the_format_from_its_description() {
    let place = Playground::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/read_counts.py");
    let python =
        |arguments: &[&str]| Command::new("python3").arg(&script).args(arguments).current_dir(place.path("")).output();
    let input = place.file("a.csv", rows(50, 2_000));
    count(&place, &input, "a.counts", &["-z", "9"]).ok();
    count(&place, &input, "w.counts", &["-z", "5", "--weight", "w", "--weight-step", "0.01"]).ok();
    let about = match python(&["a.counts"]) {
        Ok(output) if output.status.success() => output.stdout,
        other => {
            println!(
                "skipped: another_program_reads_the_format_from_its_description: no Python with zstd, nor the program: {other:?}"
            );
            return;
        }
    };
    let about: Value = serde_json::from_slice(&about).unwrap();
    let report = |out: &str, more: &[&str]| -> Value {
        let run = ["render", "a.csv", "-o", out, "-q", "--report", "r.json", "--force", "--no-page"];
        let _ = fs::remove_file(place.path("r.json"));
        place.run([&run[..], more].concat()).ok();
        serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap()
    };
    let drawn = report("tiles", &["-z", "0..9", "--spread", "0"]);
    for zoom in about["sums"].as_array().unwrap() {
        let of = &drawn["zooms"][zoom["zoom"].to_string()];
        assert_eq!((&zoom["lit"], &zoom["max"], &zoom["tiles"]), (&of["lit"], &of["max"], &of["tiles"]), "{zoom}");
    }
    for zoom in ["9", "6", "0"] {
        let lines = String::from_utf8(python(&["a.counts", "0", zoom]).unwrap().stdout).unwrap();
        let counts: Vec<u64> = lines.lines().map(|line| line.split(' ').nth(2).unwrap().parse().unwrap()).collect();
        let of = &drawn["zooms"][zoom];
        assert_eq!(
            (counts.len() as u64, counts.iter().sum()),
            (of["lit"].as_u64().unwrap(), of["sum"].as_u64().unwrap())
        );
    }
    let weighed = report("sums", &["-z", "0..5", "--spread", "0", "--weight", "w", "--weight-step", "0.01"]);
    let lines = String::from_utf8(python(&["w.counts", "0", "5"]).unwrap().stdout).unwrap();
    let steps: i64 = lines.lines().map(|line| line.split(' ').nth(3).unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(steps, weighed["weight"]["steps"].as_i64().unwrap());
}

#[test]
fn info_and_pictures_take_counts() {
    let place = Playground::new();
    count(&place, &sample(), "a.counts", &["-z", "10"]).ok();
    let told = place.run(["info", "a.counts"]).ok().stdout;
    assert!(told.contains("counts up to zoom 10") && told.contains("tilefire shade a.counts"), "{told}");
    let json = place.run(["info", "a.counts", "--json"]).ok().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["counts"]["zoom"], json["sources"].as_array().unwrap().len()), (&10.into(), 1));
    place.run(["image", "a.counts", "-o", "a.png", "--width", "900", "--legend", "--report", "a.json", "-q"]).ok();
    let report: Value = serde_json::from_slice(&fs::read(place.path("a.json")).unwrap()).unwrap();
    let picture = image::open(place.path("a.png")).unwrap();
    assert!(picture.width() <= 900 && picture.width() > 400, "{}", picture.width());
    assert_eq!((&report["outside"], &report["inside"]), (&0.into(), &report["run"]["used"]));
    let wrong = place.run(["image", "a.counts", "-o", "b.png", "--lon", "lon", "--lat", "lat"]).error(2);
    assert!(wrong.contains("holds counts"), "{wrong}");
    // Pixels of the picture are those of the tiles.
    let world = ["image", "a.counts", "-o", "world.png", "--bbox", "world", "--width", "256", "--spread", "0", "-q"];
    place.run(world).ok();
    place.run(["shade", "a.counts", "-o", "tiles", "-z", "0", "--spread", "0", "-q"]).ok();
    let same = image::open(place.path("world.png")).unwrap().to_rgba8()
        == image::open(place.path("tiles/0/0/0.png")).unwrap().to_rgba8();
    assert!(same);
}

#[test]
fn real_files_are_counted_once_and_drawn_alike() {
    let Some(data) = real_data("real_files_are_counted_once_and_drawn_alike") else { return };
    let place = Playground::new();
    for (file, more) in [
        ("usgs_earthquakes_month_2025.csv", &["--weight", "mag"][..]),
        ("uk_accidents_2015_lnglat.csv", &[]),
        ("london_burglary_street_2010-12_2017-12.csv.zst", &[]),
    ] {
        let input = data.join("data").join(file);
        count(&place, &input, "a.counts", &[more, &["-z", "9"]].concat()).ok();
        place.run(["shade", "a.counts", "-o", "a.pmtiles", "-q", "--force", "--title", "x"]).ok();
        let render =
            ["render", input.to_str().unwrap(), "-o", "b.pmtiles", "-q", "--force", "--title", "x", "-z", "0..9"];
        place.run([&render[..], more].concat()).ok();
        same(&place, "a.pmtiles", "b.pmtiles");
    }
}

fn tiles_of(place: &Playground, out: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    crate::common::sets::tiles(&place.path(out))
}

/// The rows of [`rows`] with one more column, and some of them.
fn with_column(text: &str, name: &str, keep: impl Fn(u64) -> bool, value: impl Fn(u64) -> String) -> String {
    let mut out = String::new();
    // Names may hold line ends; the last fields of a row never do.
    for line in text.lines() {
        let kind = line.split(',').rev().nth(1).and_then(|kind| kind.parse::<u64>().ok());
        let fields: Vec<&str> = line.split(',').collect();
        if let Some(kind) = kind.filter(|kind| fields.len() >= 4 && line.contains('.') && keep(*kind)) {
            let of = |back: usize| fields[fields.len() - back];
            writeln!(out, "{},{},{kind},{}", of(4), of(3), value(kind)).unwrap();
        }
    }
    format!("lon,lat,kind,{name}\n{out}")
}

#[test]
fn planes_that_are_chosen_shared_and_taken_off_are_what_points_would_be() {
    let place = Playground::new();
    let text = rows(60, 4_000);
    let all = place.file("all.csv", with_column(&text, "one", |_| true, |kind| u8::from(kind == 1).to_string()));
    let some = place.file("some.csv", with_column(&text, "x", |kind| (1..=2).contains(&kind), |_| "0".into()));
    count(&place, &all, "by.counts", &["-z", "5", "--by", "kind"]).ok();
    let render = |input: &Path, out: &str, more: &[&str]| {
        let run = ["render", input.to_str().unwrap(), "-o", out, "-q", "-z", "0..5", "--force", "--no-page"];
        place.run([&run[..], more].concat()).ok();
    };
    let shade = |out: &str, more: &[&str]| {
        place.run([&["shade", "by.counts", "-o", out, "-q", "--force", "--no-page"], more].concat()).ok()
    };
    for look in [&["--spread", "0"][..], &[], &["--spread", "2", "--span", "p90"]] {
        render(&some, "a", look);
        shade("b", &[look, &["--where", "kind in 1..2"]].concat());
        assert!(tiles_of(&place, "a") == tiles_of(&place, "b"), "chosen {look:?}");
        render(&all, "a", look);
        shade("b", look);
        assert!(tiles_of(&place, "a") == tiles_of(&place, "b"), "all {look:?}");
        render(&all, "a", &[look, &["--weight", "one", "--weight-step", "1", "--measure", "mean"]].concat());
        shade("b", &[look, &["--measure", "share:1"]].concat());
        assert!(tiles_of(&place, "a") == tiles_of(&place, "b"), "share {look:?}");
    }
    let metadata = |out: &str| -> Value {
        serde_json::from_slice(&fs::read(place.path(out).join("metadata.json")).unwrap()).unwrap()
    };
    assert_eq!(metadata("b")["heat"]["legend"]["title"], "Share of 1");
    shade("b", &["--where", "kind in 1..2"]);
    let heat = &metadata("b")["heat"];
    let number = |name: &str| heat[name].as_u64().unwrap_or(0);
    let left_out: u64 = heat["left_out"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum();
    assert_eq!(number("rows"), number("used") + number("not_selected") + left_out);
    // Two files, one of which is taken off the other.
    let signed = with_column(&text, "w", |_| true, |kind| if kind < 2 { "1".into() } else { "-1".into() });
    let signed = place.file("signed.csv", signed);
    count(
        &place,
        &place.file("low.csv", with_column(&text, "x", |kind| kind < 2, |_| "0".into())),
        "low.counts",
        &["-z", "5"],
    )
    .ok();
    count(
        &place,
        &place.file("high.csv", with_column(&text, "x", |kind| kind >= 2, |_| "0".into())),
        "high.counts",
        &["-z", "6"],
    )
    .ok();
    for look in [&["--spread", "0"][..], &["--min-count", "2"], &[]] {
        render(&signed, "a", &[look, &["--weight", "w", "--weight-step", "1"]].concat());
        place
            .run([&["diff", "low.counts", "high.counts", "-o", "b", "-q", "--force", "--no-page"], look].concat())
            .ok();
        assert!(tiles_of(&place, "a") == tiles_of(&place, "b"), "difference {look:?}");
    }
    for (arguments, says) in [
        (&["shade", "low.counts", "-o", "x", "--where", "kind = 1"][..], "not counted by anything"),
        (&["shade", "by.counts", "-o", "x", "--where", "month = 1"], "is counted by 'kind'"),
        (&["shade", "by.counts", "-o", "x", "--measure", "share:9"], "has no value '9' of 'kind'"),
        (&["shade", "low.counts", "-o", "x", "--measure", "categories"], "has no categories"),
        (&["shade", "low.counts", "-o", "x", "--split"], "could be split by"),
        (&["shade", "low.counts", "-o", "x", "--measure", "mean"], "low.counts has none; count again with"),
        (&["image", "low.counts", "-o", "x.png", "--measure", "sum"], "low.counts has none; count again with"),
        (&["render", "all.csv", "-o", "x", "--measure", "share:1"], "are of counts by a key"),
    ] {
        let problem = place.run(arguments).error(2);
        assert!(problem.contains(says), "{problem}");
    }
    let none = place.run(["shade", "by.counts", "-o", "x", "--where", "kind = 77"]).error(1);
    assert!(none.contains("has no value of 'kind' that was asked for; it has 0, 1, 2"), "{none}");
}

#[test]
fn sets_of_a_split_have_one_scale_and_all_the_points() {
    let place = Playground::new();
    let text = with_column(&rows(61, 3_000), "x", |_| true, |_| "0".into());
    count(&place, &place.file("all.csv", text), "by.counts", &["-z", "6", "--by", "kind"]).ok();
    place.run(["shade", "by.counts", "-o", "sets", "-q", "--split", "--spread", "0"]).ok();
    let sets: Vec<Value> = (0..5)
        .map(|kind| {
            let path = place.path(&format!("sets-{kind}")).join("metadata.json");
            serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
        })
        .collect();
    let used: u64 = sets.iter().map(|set| set["heat"]["used"].as_u64().unwrap()).sum();
    let told = place.run(["info", "by.counts", "--json"]).ok().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(used, told["sources"][0]["used"].as_u64().unwrap());
    for z in 0..=6 {
        let span = |set: &Value| set["heat"]["zooms"][z.to_string()]["span"].clone();
        assert!(sets.iter().all(|set| span(set) == span(&sets[0])), "zoom {z}");
    }
}

/// Without spread a pixel has the mean colour of its points, to within what a table of shares can tell.
#[test]
fn categories_mix_their_colours_by_their_points() {
    let place = Playground::new();
    let mut text = "lon,lat,kind\n".to_owned();
    // One pixel of zoom 2 each: a alone, b alone, one to three.
    for (x, kinds) in [(-170.0, "a"), (10.0, "bb"), (100.0, "abbb")] {
        kinds.chars().for_each(|kind| writeln!(text, "{x},10,{kind}").unwrap());
    }
    count(&place, &place.file("p.csv", text), "p.counts", &["-z", "2", "--by", "kind"]).ok();
    let colours = "rgb(200,0,0), rgb(0,100,240)";
    let run = ["shade", "p.counts", "-o", "t", "-q", "--spread", "0", "--measure", "categories", "--colormap"];
    // A colour may hold commas, so these are named.
    let refused = place.run([&run[..], &[colours]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    place.run([&run[..], &["#c80000, #0064f0"]].concat()).ok();
    let mut found = Vec::new();
    for file in tiles_of(&place, "t").into_iter().filter(|(name, _)| name.starts_with("2/")) {
        let image = image::load_from_memory(&file.1).unwrap().to_rgba8();
        found.extend(image.pixels().filter(|pixel| pixel[3] > 0).map(|pixel| pixel.0));
    }
    found.sort_unstable();
    assert_eq!(found.len(), 3);
    let near = |a: [u8; 4], b: [u8; 3]| (0..3).all(|c| a[c].abs_diff(b[c]) <= 2);
    assert!(near(found[0], [0, 100, 240]) && near(found[1], [50, 75, 180]) && near(found[2], [200, 0, 0]), "{found:?}");
    assert!(found[1][3] > found[0][3] && found[0][3] > found[2][3], "more points are more opaque: {found:?}");
    let metadata: Value = serde_json::from_slice(&fs::read(place.path("t/metadata.json")).unwrap()).unwrap();
    assert_eq!(metadata["heat"]["categories"], serde_json::json!([["a", "#c80000"], ["b", "#0064f0"]]));
    assert_eq!(metadata["heat"]["legend"]["title"], "Points by kind");
    // Colours do not depend on how the work is cut, and no seam is where tiles meet.
    for (out, more) in [("one", &["--threads", "1"][..]), ("many", &["--threads", "5", "--memory", "1M"])] {
        let run = ["shade", "p.counts", "-o", out, "-q", "--measure", "categories", "--no-page"];
        place.run([&run[..], more].concat()).ok();
    }
    assert!(tiles_of(&place, "one") == tiles_of(&place, "many"));
}

#[cfg(unix)]
#[test]
fn tiles_that_did_not_change_stay_the_files_that_they_are() {
    use std::os::unix::fs::MetadataExt;
    let place = Playground::new();
    let old = place.file("old.csv", rows(70, 1_500));
    // All in one corner of the world.
    let new = place.file("new.csv", "lon,lat\n-140.2,-50.1\n-140.21,-50.1\n-139,-49\n");
    count(&place, &old, "old.counts", &["-z", "5"]).ok();
    fs::copy(place.path("old.counts"), place.path("new.counts")).unwrap();
    place.run(["count", new.to_str().unwrap(), "--add-to", "new.counts", "-q"]).ok();
    let shade = |from: &str, out: &str, more: &[&str]| {
        place.run([&["shade", from, "-o", out, "-q", "--title", "x", "--span", "0,60"], more].concat())
    };
    for look in [&["--spread", "1"][..], &["--spread", "0", "--truecolor"], &["--spread", "2", "--spread-op", "add"]] {
        for folder in ["set", "fresh"] {
            let _ = fs::remove_dir_all(place.path(folder));
        }
        shade("old.counts", "set", look).ok();
        let files = |folder: &str| -> Vec<(String, u64)> {
            let names = tiles_of(&place, folder).into_keys();
            names.map(|name| (name.clone(), fs::metadata(place.path(folder).join(&name)).unwrap().ino())).collect()
        };
        let before = files("set");
        shade("new.counts", "set", &[look, &["--changed-since", "old.counts"]].concat()).ok();
        shade("new.counts", "fresh", look).ok();
        // Whatever stayed shows what a new one would.
        let shown = |folder: &str| -> Vec<(String, Vec<u8>)> {
            let pixels = |(name, bytes): (String, Vec<u8>)| (name, crate::common::sets::pixels(&bytes).2);
            tiles_of(&place, folder).into_iter().map(pixels).collect()
        };
        assert!(shown("set") == shown("fresh"), "{look:?}");
        let beside = |folder: &str| fs::read(place.path(folder).join("metadata.json")).unwrap();
        assert!(beside("set") == beside("fresh"), "{look:?}");
        let after = files("set");
        let same = before.iter().filter(|file| after.contains(file)).count();
        assert!(same > before.len() / 2 && same < before.len(), "{same} of {} stayed, {look:?}", before.len());
    }
    // A set that is another one's, none at all, and one that is a single file.
    let other = shade("new.counts", "set", &["--spread", "3", "--changed-since", "old.counts"]).error(1);
    assert!(other.contains("is not what old.counts looks like with these options"), "{other}");
    let none = shade("new.counts", "none", &["--changed-since", "old.counts"]).error(2);
    assert!(none.contains("make it first without --changed-since"), "{none}");
    let file = shade("new.counts", "x.pmtiles", &["--changed-since", "old.counts"]).error(2);
    assert!(file.contains("this output is one file"), "{file}");
    // Where colours follow the largest count it is told which zooms are new.
    let _ = fs::remove_dir_all(place.path("set"));
    place.run(["shade", "old.counts", "-o", "set", "-q", "--spread", "0", "--title", "x", "--span", "all"]).ok();
    let place_of_many = format!("lon,lat\n{}", "10,10\n".repeat(500));
    place.run(["count", place.file("many.csv", place_of_many).to_str().unwrap(), "--add-to", "new.counts", "-q"]).ok();
    let run = ["shade", "new.counts", "-o", "set", "--spread", "0", "--title", "x", "--span", "all"];
    let told = place.run([&run[..], &["--changed-since", "old.counts"]].concat()).ok().stderr;
    assert!(told.contains("all tiles of zooms 0, 1, 2, 3, 4, 5 are new"), "{told}");
}

#[test]
fn rows_are_not_counted_twice_in_shares_and_as_a_whole() {
    let place = Playground::new();
    let input = place.file("a.csv", rows(80, 600));
    count(&place, &input, "whole.counts", &["-z", "5"]).ok();
    let mut files = Vec::new();
    for number in 1..=3 {
        let (name, share) = (format!("{number}.counts"), format!("{number}/3"));
        count(&place, &input, &name, &["-z", "5", "--shard", &share]).ok();
        files.push(name);
    }
    let all: Vec<&str> = files.iter().map(String::as_str).chain(["whole.counts"]).collect();
    let twice = place.run([&["merge", "-o", "x.counts", "-q"], &all[..]].concat()).error(1);
    assert!(twice.contains("as a whole and in shares"), "{twice}");
    // What was chosen otherwise is something else; and an input that comes twice in one run is told.
    count(&place, &input, "low.counts", &["-z", "5", "--where", "kind < 2"]).ok();
    place.run(["count", "a.csv", "--where", "kind >= 2", "--add-to", "low.counts", "-q"]).ok();
    fs::copy(place.path("a.csv"), place.path("b.csv")).unwrap();
    let told = place.run(["count", "a.csv", "b.csv", "-o", "two.counts", "-z", "5"]).ok().stderr;
    assert!(told.contains("which are counted twice"), "{told}");
    // Zooms are not lost by adding, and a file may be replaced by what is made of it.
    let lost = place.run(["count", "b.csv", "--add-to", "low.counts", "-z", "3"]).error(2);
    assert!(lost.contains("would leave only those up to 3"), "{lost}");
    count(&place, &place.file("c.csv", rows(81, 500)), "c.counts", &["-z", "5"]).ok();
    place.run(["merge", "whole.counts", "c.counts", "-o", "both.counts", "-q"]).ok();
    place.run(["merge", "both.counts", "--minus", "c.counts", "-o", "both.counts", "-q", "--force"]).ok();
    same(&place, "both.counts", "whole.counts");
}

#[test]
fn blanks_of_a_key_are_missing_and_sets_have_names_of_their_own() {
    let place = Playground::new();
    let input = place.file("p.csv", "lon,lat,c\n1,2,a/b\n1,3,a_b\n1,4,A_B\n5,5,\n9,9,z\n");
    count(&place, &input, "p.counts", &["-z", "3", "--by", "c"]).ok();
    for (condition, points) in [("c is missing", 1), ("c is not missing", 4), ("c != z", 3), ("c < zz", 4)] {
        let run = [
            "shade", "p.counts", "-o", "t", "-q", "--force", "--where", condition, "--report", "r.json", "--spread",
            "0",
        ];
        let _ = fs::remove_file(place.path("r.json"));
        place.run(run).ok();
        let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
        assert_eq!(report["used"], points, "{condition}");
    }
    place.run(["shade", "p.counts", "-o", "s.pmtiles", "-q", "--split"]).ok();
    let names: Vec<String> = place.names().into_iter().filter(|name| name.starts_with("s-")).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    let again = place.run(["shade", "p.counts", "-o", "s.pmtiles", "-q", "--split"]).error(1);
    assert!(again.contains("already exists"), "{again}");
}
