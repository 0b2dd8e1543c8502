//! Weights: sums of whole numbers are the counts of rows that come as often, every row is accounted for, and what is
//! drawn of them is said.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::sets::tiles;
use crate::common::{Playground, Ran};
use serde_json::Value;

fn render(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Ran {
    let run = ["render", input.to_str().unwrap(), "-o", out, "-z", "0..9", "--no-page", "--force"];
    place.run([&run[..], more].concat())
}

/// The report of a run that went well.
fn report(place: &Playground, input: &Path, out: &str, more: &[&str]) -> Value {
    let _ = fs::remove_file(place.path("r.json"));
    render(place, input, out, &[more, &["-q", "--report", "r.json"]].concat()).ok();
    serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap()
}

fn heat(place: &Playground, out: &str) -> Value {
    let metadata: Value = serde_json::from_slice(&fs::read(place.path(out).join("metadata.json")).unwrap()).unwrap();
    metadata["heat"].clone()
}

/// Points with weights of 1 to 5, and the same with each row as often as its weight says.
fn weighed_and_repeated(place: &Playground) -> (PathBuf, PathBuf) {
    let (mut weighed, mut repeated) = ("lon,lat,n\n".to_owned(), "lon,lat\n".to_owned());
    let mut state = 7u64;
    for _ in 0..3_000 {
        let mut random = |range: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % range
        };
        let (x, y, n) = (random(900), random(700), 1 + random(5));
        // Some places come often, so that there are large sums.
        let (x, y) = if x % 5 == 0 { (x / 100, y / 100) } else { (x, y) };
        let at = format!("{:.3},{:.3}", x as f64 * 0.4 - 179.9, y as f64 * 0.2 - 70.0);
        writeln!(weighed, "{at},{n}").unwrap();
        (0..n).for_each(|_| writeln!(repeated, "{at}").unwrap());
    }
    (place.file("weighed.csv", weighed), place.file("repeated.csv", repeated))
}

#[test]
fn sums_of_whole_numbers_are_counts_of_repeated_rows() {
    let place = Playground::new();
    let (weighed, repeated) = weighed_and_repeated(&place);
    for look in [
        &["--spread", "0"][..],
        &["--spread", "0", "--how", "eq-hist", "--span", "all"],
        &["--spread", "0", "--span", "p95", "--how", "linear"],
        &["--spread", "0", "--span", "all", "--truecolor", "--how", "cbrt"],
        &["--spread", "0", "--span", "2,30", "--colormap", "viridis", "--tile-size", "512"],
        &["--spread", "3"],
        &["--spread", "2", "--spread-shape", "square", "--background", "dark"],
        &["--spread", "3", "--spread-op", "add"],
        &["--spread", "1", "--spread-op", "add", "--spread-shape", "square", "--format", "webp"],
        &["--spread", "1", "--spread-on", "colours"],
    ] {
        let sums = report(&place, &weighed, "sums", &[&["--weight", "n"], look].concat());
        let counts = report(&place, &repeated, "counts", look);
        assert_eq!(sums["weight"]["sum"], counts["used"], "{look:?}");
        assert_eq!(sums["zooms"]["3"]["max"], counts["zooms"]["3"]["max"], "{look:?}");
        assert_eq!(sums["zooms"]["5"]["clipped"], counts["zooms"]["5"]["clipped"], "{look:?}");
        let (of_sums, of_counts) = (tiles(&place.path("sums")), tiles(&place.path("counts")));
        assert!(of_sums == of_counts && !of_sums.is_empty(), "{look:?}");
    }
}

#[test]
fn threads_memory_order_and_files_change_nothing() {
    let place = Playground::new();
    let (weighed, _) = weighed_and_repeated(&place);
    let text = fs::read_to_string(&weighed).unwrap();
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.reverse();
    rows.rotate_left(700);
    let (first, second) = rows.split_at(1_111);
    let with = |rows: &[&str]| format!("lon,lat,n\n{}\n", rows.join("\n"));
    let (first, second) = (place.file("a.csv", with(first)), place.file("b.csv", with(second)));
    for (look, measure) in
        [(&["--spread", "auto"][..], "mean"), (&["--spread", "4", "--spread-shape", "gaussian"], "sum")]
    {
        let look = [look, &["--weight", "n", "--measure", measure]].concat();
        report(&place, &weighed, "one", &[&look[..], &["--threads", "1"]].concat());
        let one = tiles(&place.path("one"));
        assert!(!one.is_empty());
        let same = |name: &str, more: &[&str]| {
            report(&place, &first, name, &[&[second.to_str().unwrap()], &look[..], more].concat());
            assert!(tiles(&place.path(name)) == one, "{measure} {more:?}");
        };
        same("many", &["--threads", "4", "--memory", "1M"]);
        same("auto", &["--backend", "auto", "--memory", "4M"]);
    }
}

#[test]
fn a_mean_is_the_sum_by_the_count_and_only_many_points_are_shown_where_asked() {
    let place = Playground::new();
    let input = place.file("p.csv", "lon,lat,w\n10,10,1\n10,10,2\n10,10,6\n-60,-20,100\n");
    let means = report(&place, &input, "means", &["--weight", "w", "--measure", "mean", "--spread", "0"]);
    assert_eq!((&means["zooms"]["9"]["min"], &means["zooms"]["9"]["max"]), (&3.into(), &100.into()));
    assert_eq!(
        means["weight"],
        serde_json::json!({"column": "w", "measure": "mean", "step": 1e-6, "sum": 109, "steps": 109_000_000})
    );
    let heat = heat(&place, "means");
    assert_eq!((heat["measure"].as_str(), heat["legend"]["title"].as_str()), (Some("mean of w"), Some("Mean w")));
    assert_eq!(heat["function"], "linear");
    // A single heavy point is a single point.
    for spread in ["0", "3", "auto"] {
        let few = ["--weight", "w", "--min-count", "2", "--spread", spread];
        let shown = report(&place, &input, "few", &few);
        assert_eq!((&shown["zooms"]["9"]["max"], &shown["used"]), (&100.into(), &4.into()), "{spread}");
        let all = report(&place, &input, "all", &["--weight", "w", "--spread", spread]);
        assert!(shown["zooms"]["9"]["written"].as_u64() < all["zooms"]["9"]["written"].as_u64(), "{spread}");
    }
    let none = render(&place, &input, "none", &["--weight", "w", "--min-count", "9"]).ok();
    assert!(none.stderr.contains("nothing is drawn: no pixel has 9 points"), "{}", none.stderr);
}

#[test]
fn sums_below_0_go_both_ways_and_say_so() {
    let place = Playground::new();
    let input = place.file("p.csv", "lon,lat,w\n10,10,5\n10,10,-2\n-60,-20,-40\n70,20,0\n");
    let ran = render(&place, &input, "both", &["--weight", "w", "--spread", "0", "--theme", "light"]).ok();
    assert!(
        ran.stderr.contains("sums go below 0, so colours go both ways from 0 (tilefire-diverging-light)"),
        "{}",
        ran.stderr
    );
    let both = heat(&place, "both");
    assert_eq!(both["colormap"], "tilefire-diverging-light");
    assert_eq!(
        (&both["zooms"]["9"]["span"], &both["zooms"]["9"]["min"]),
        (&serde_json::json!([-40, 40]), &(-40).into())
    );
    let ticks: Vec<f64> =
        both["zooms"]["9"]["ticks"].as_array().unwrap().iter().map(|t| t[0].as_f64().unwrap()).collect();
    assert!(ticks.is_sorted() && ticks.contains(&0.0) && ticks[0] == -40.0, "{ticks:?}");
    let middle = both["zooms"]["9"]["ticks"].as_array().unwrap().iter().find(|tick| tick[0] == 0).unwrap().clone();
    assert_eq!(middle[1], 0.5);
    // Whoever chooses colours that go one way gets them from the smallest to the largest.
    let ran = render(&place, &input, "one", &["--weight", "w", "--spread", "0", "--colormap", "viridis"]).ok();
    assert!(!ran.stderr.contains("both ways"), "{}", ran.stderr);
    assert_eq!(heat(&place, "one")["zooms"]["9"]["span"], serde_json::json!([-40, 3]));
    render(&place, &input, "named", &["--weight", "w", "--colormap", "coolwarm"]).ok();
    assert_eq!(heat(&place, "named")["colormap"], "coolwarm");
    // Means of numbers below 0 are no two directions.
    render(&place, &input, "mean", &["--weight", "w", "--measure", "mean", "--spread", "0"]).ok();
    assert_eq!(heat(&place, "mean")["zooms"]["9"]["span"], serde_json::json!([-40, 1.5]));
    // Every look, and a picture.
    for look in [
        &["--how", "eq-hist"][..],
        &["--span", "p90"],
        &["--span", "smooth"],
        &["--span=-3,8"],
        &["--truecolor", "--spread", "5", "--spread-shape", "gaussian", "--spread-op", "max"],
        &["--spread", "2", "--spread-op", "add"],
        &["--spread", "2"],
    ] {
        render(&place, &input, "look", &[&["--weight", "w"], look].concat()).ok();
        let image = ["image", "p.csv", "-o", "p.png", "--width", "600", "--force", "--legend", "--weight", "w"];
        place.run([&image[..], look].concat()).ok();
    }
}

#[test]
fn every_row_is_accounted_for() {
    let place = Playground::new();
    let rows = "lon,lat,w,kind\n1,1,5,a\n2,2,,a\n3,3,x,a\n4,4,inf,a\n5,5,0.1234567,b\n200,5,1,a\n6,89,1,a\nx,6,1,a\n7,7,1,c\n8,8,x,c\n";
    let input = place.file("p.csv", rows);
    let report = report(&place, &input, "out", &["--weight", "w", "--where", "kind in a, b", "--rejects", "no.csv"]);
    assert_eq!((&report["rows"], &report["used"], &report["not_selected"]), (&10.into(), &2.into(), &2.into()));
    for (reason, rows) in [
        ("no_weight", 1),
        ("bad_weight", 1),
        ("infinite_weight", 1),
        ("out_of_range", 1),
        ("outside_mercator", 1),
        ("not_a_number", 1),
    ] {
        assert_eq!(report["left_out"][reason], rows, "{reason}");
    }
    assert_eq!(report["weight"]["sum"], 5.123_457);
    assert!(report["notices"].to_string().contains("--weight-step 0.0000001"), "{}", report["notices"]);
    let rejects = fs::read_to_string(place.path("no.csv")).unwrap();
    assert!(rejects.contains("p.csv,3,bad_weight,x") && rejects.contains("p.csv,4,infinite_weight,inf"), "{rejects}");
    // Of counts alone the points that have a weight.
    let counts = ["--weight", "w", "--measure", "count", "--where", "kind in a, b"];
    let counts = self::report(&place, &input, "counts", &counts);
    assert!(counts["used"] == 2 && counts["weight"].is_null(), "{counts}");
    assert_eq!(heat(&place, "counts")["measure"], "count");
}

#[test]
fn what_cannot_be_weighed_is_refused() {
    let place = Playground::new();
    let input = place.file("p.csv", "lon,lat,magnitude,place\n1,1,5e12,London\n2,2,-5e12,Paris\n");
    let says = |more: &[&str], code: i32| render(&place, &input, "out", more).error(code);
    assert!(says(&["--weight", "magnitud"], 2).contains("did you mean 'magnitude'"));
    let place_names = says(&["--weight", "place"], 1);
    assert!(place_names.contains("weight is not a number") && place_names.contains("London"), "{place_names}");
    let large = says(&["--weight", "magnitude"], 1);
    assert!(
        large.contains("9,223,372,036,854,775,807 steps of 0.000001") && large.contains("--weight-step"),
        "{large}"
    );
    let larger = says(&["--weight", "magnitude", "--weight-step", "1e-9"], 1);
    assert!(larger.contains("row 1") && larger.contains("--weight-step"), "{larger}");
    assert!(says(&["--measure", "sum"], 2).contains("--weight"));
    assert!(says(&["--weight-step", "0.1"], 2).contains("--weight"));
    for (wrong, hint) in [
        (["--weight", "magnitude", "--weight-step", "0"], "such as 1 or 0.01"),
        (["--weight", "magnitude", "--measure", "median"], "use count, sum or mean"),
    ] {
        let ran = render(&place, &input, "out", &wrong);
        assert!(ran.code == Some(2) && ran.stderr.contains(hint), "{}", ran.stderr);
    }
    assert!(says(&["--span=-1,5"], 2).contains("no span of counts"));
    assert!(!place.path("out").exists());
    render(&place, &input, "out", &["--weight", "magnitude", "--weight-step", "1", "--span=-1e12,5e12"]).ok();
}

#[test]
fn other_commands_weigh_too() {
    let place = Playground::new();
    let (weighed, repeated) = weighed_and_repeated(&place);
    let picture = |input: &Path, out: &str, more: &[&str]| {
        let run =
            ["image", input.to_str().unwrap(), "-o", out, "--width", "500", "--spread", "2", "--spread-op", "add"];
        place.run([&run[..], more].concat()).ok();
        fs::read(place.path(out)).unwrap()
    };
    assert!(picture(&weighed, "w.png", &["--weight", "n"]) == picture(&repeated, "r.png", &[]));
    let cut = ["--bbox=-30,-40,60,70"];
    assert!(
        picture(&weighed, "wc.png", &[&["--weight", "n"], &cut[..]].concat()) == picture(&repeated, "rc.png", &cut)
    );
    let bench = place.run([
        "bench",
        "weighed.csv",
        "--weight",
        "n",
        "--measure",
        "mean",
        "--backend",
        "cpu",
        "--runs",
        "1",
        "-z",
        "0..5",
    ]);
    bench.ok();
    let plan = render(&place, &weighed, "none", &["--weight", "n", "--dry-run"]).ok();
    assert!(plan.stderr.contains("largest sum") && plan.stderr.contains("dry run"), "{}", plan.stderr);
    assert!(!place.path("none").exists());
    // Points that wait for the highest zoom keep their weights.
    let auto =
        ["render", "weighed.csv", "-o", "auto", "-z", "auto", "--weight", "n", "--no-page", "-q", "--report", "a.json"];
    place.run(auto).ok();
    let auto: Value = serde_json::from_slice(&fs::read(place.path("a.json")).unwrap()).unwrap();
    let all = report(&place, &weighed, "all", &["--weight", "n"]);
    assert_eq!((&auto["weight"], &auto["zooms"]["5"]["max"]), (&all["weight"], &all["zooms"]["5"]["max"]));
    // Spans of another set are taken as they are.
    render(&place, &weighed, "like", &["--weight", "n", "--span", "like:all"]).ok();
    assert!(tiles(&place.path("like")) == tiles(&place.path("all")));
    let unlike = render(&place, &weighed, "unlike", &["--span", "like:all"]).ok().stderr;
    assert!(unlike.contains("what is drawn: count here, sum of n there"), "{unlike}");
}

/// Who insists on a device gets the same bytes and is told who made them.
#[test]
fn a_device_changes_nothing_of_weights() {
    let place = Playground::new();
    let wanted = std::env::var("TILEFIRE_TEST_ADAPTER").unwrap_or_else(|_| "llvmpipe".into());
    let listed = place.run(["info", "--json"]).ok().stdout;
    if !listed.contains(&wanted) {
        assert!(std::env::var_os("TILEFIRE_REQUIRE_GPU").is_none(), "no adapter named {wanted}: {listed}");
        println!("skipped: a_device_changes_nothing_of_weights: no adapter named {wanted}");
        return;
    }
    let (weighed, _) = weighed_and_repeated(&place);
    let gpu = ["--backend", "gpu", "--adapter", &wanted];
    for measure in ["sum", "mean"] {
        let look = ["--weight", "n", "--measure", measure];
        report(&place, &weighed, "cpu", &[&look[..], &["--backend", "cpu"]].concat());
        let ran = render(&place, &weighed, "gpu", &[&look[..], &gpu].concat()).ok();
        assert!(ran.stderr.contains("the CPU adds up weights"), "{}", ran.stderr);
        assert!(tiles(&place.path("cpu")) == tiles(&place.path("gpu")), "{measure}");
    }
    // Only points with a weight are counted, by the device.
    let count = ["--weight", "n", "--measure", "count", "--spread", "0"];
    let counted = report(&place, &weighed, "counted", &[&count[..], &gpu].concat());
    assert_eq!(counted["device"]["backend"], "gpu");
    report(&place, &weighed, "all", &["--spread", "0", "--backend", "cpu"]);
    assert!(tiles(&place.path("counted")) == tiles(&place.path("all")));
}
