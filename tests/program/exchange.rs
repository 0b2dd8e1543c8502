//! `tilefire export` and `import`: cells of a file of counts, and a file of counts made of cells.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::fs;

use crate::common::Playground;

/// Points of three kinds, some of them in one place.
const POINTS: &str =
    "lon,lat,load,kind\n-0.1,51.5,1.25,a\n-0.1,51.5,-3.5,a\n-0.1,51.5,2,b\n13.4,52.5,7,b\n151.2,-33.9,1,c\n";

fn cells(place: &Playground, name: &str) -> Vec<String> {
    fs::read_to_string(place.path(name)).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn counts_leave_as_cells_and_come_back() {
    let place = Playground::new();
    place.file("points.csv", POINTS);
    let weighed = ["--weight", "load", "--weight-step", "0.25", "--by", "kind"];
    place.run([&["count", "points.csv", "-o", "a.counts", "-z", "7"][..], &weighed].concat()).ok();
    let told = place.run(["export", "a.counts", "-o", "a.csv"]).ok().stderr;
    assert!(told.contains("4 cells with 5 points"), "{told}");
    let all = cells(&place, "a.csv");
    assert_eq!(all[0], "zoom,key,x,y,pixel_x,pixel_y,lon,lat,count,sum");
    assert!(all[1].starts_with("7,a,63,42,") && all[1].ends_with(",2,-2.25"), "{all:?}");
    let keys: Vec<&str> = all[1..].iter().map(|line| &line[2..3]).collect();
    assert_eq!(keys, ["a", "b", "b", "c"]);
    // The other formats hold the same, and all lead back.
    for ending in if cfg!(feature = "columnar") { &["csv", "parquet", "arrow"][..] } else { &["csv"] } {
        let file = format!("b.{ending}");
        place.run(["export", "a.counts", "-o", &file]).ok();
        let says = ["--weight", "load", "--weight-step", "0.25", "--force"];
        place.run([&["import", &file, "-o", "b.counts"][..], &says].concat()).ok();
        place.run(["export", "b.counts", "-o", "b.csv", "--force"]).ok();
        assert_eq!(cells(&place, "b.csv"), all, "{ending}");
        // What it says of itself is what was counted: such files are added up.
        let both = ["merge", "a.counts", "b.counts", "-o", "both.counts", "--force"];
        if *ending != "csv" {
            place.run(both).ok();
        }
    }
    place.run(["shade", "b.counts", "-o", "tiles", "--backend", "cpu", "-q"]).ok();
    assert!(place.path("tiles/7/63/42.png").exists());
}

#[test]
fn cells_are_chosen() {
    let place = Playground::new();
    place.file("points.csv", POINTS);
    place.run(["count", "points.csv", "-o", "a.counts", "-z", "7", "--by", "kind"]).ok();
    let export = |more: &[&str]| {
        let told = place.run([&["export", "a.counts", "-o", "a.csv", "--force"][..], more].concat()).ok().stderr;
        (cells(&place, "a.csv").len() - 1, told)
    };
    assert_eq!(export(&["--where", "kind in a, c"]).0, 2);
    assert_eq!(export(&["--bbox", "-1,51,1,52"]).0, 2);
    assert_eq!(export(&["--zoom", "0"]).0, 4, "of each key");
    let (left, told) = export(&["--min-count", "2"]);
    assert!(left == 1 && told.contains("3 cells of fewer than 2 points are left out, with 3 points"), "{told}");
    let told = place.run(["export", "a.counts", "-o", "a.tif"]).ok().stderr;
    assert!(told.contains("3 cells with 5 points") && told.contains("pixels"), "all keys together: {told}");
    if cfg!(feature = "columnar") {
        let (hexagons, told) = export(&["--h3", "0"]);
        assert!(hexagons == 4 && told.contains("4 hexagons with 5 points"), "{told}");
    }
}

#[test]
fn what_cannot_be_exported_or_imported_is_told() {
    let place = Playground::new();
    place.file("points.csv", POINTS);
    place.run(["count", "points.csv", "-o", "a.counts", "-z", "7"]).ok();
    let told = place.run(["export", "a.counts", "-o", "a.csv", "-z", "9"]).error(2);
    assert!(told.contains("zooms up to 7"), "{told}");
    let told = place.run(["export", "a.counts", "-o", "a.xlsx"]).error(2);
    assert!(told.contains(".parquet"), "{told}");
    let told = place.run(["export", "points.csv", "-o", "a.csv"]).error(1);
    assert!(told.contains("no file of counts"), "{told}");
    let told = place.run(["export", "a.counts", "-o", "points.csv", "--force"]).error(1);
    assert!(told.contains("not made by tilefire"), "{told}");
    let told = place.run(["import", "points.csv", "-o", "b.counts"]).error(1);
    assert!(told.contains("no column zoom"), "{told}");
    place.file("cells.csv", "zoom,x,y,pixel_x,pixel_y,count\n7,1,2,3,256,1\n");
    let told = place.run(["import", "cells.csv", "-o", "b.counts"]).error(1);
    assert!(told.contains("cells.csv: row 1: pixel_y 256 is none from 0 to 255"), "{told}");
    assert!(!place.names().iter().any(|name| name.starts_with("b.")), "{:?}", place.names());
}
