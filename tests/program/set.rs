//! What a set says of itself, and what its tiles are as files: names and thanks, the scheme of rows, the format of the
//! pictures, in every container.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::fs;
use std::path::Path;

use crate::common::sets::{archived, coordinate, pixels, tiles};
use crate::common::{Playground, Ran, sample};
use serde_json::{Value, json};
use tilefire::tile::TileCoord;

fn render(place: &Playground, out: &str, more: &[&str]) -> Ran {
    let sample = sample().display().to_string();
    place.run([&["render", &sample, "-o", out, "-z", "0..8", "--backend", "cpu"][..], more].concat())
}

fn metadata(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("metadata.json")).unwrap()).unwrap()
}

#[test]
fn what_a_person_says_is_in_metadata_page_and_legend() {
    let place = Playground::new();
    let said = [
        "--title",
        "Accidents & <b>more</b>",
        "--description",
        "Where it happened",
        "--attribution",
        "© <a href=\"https://a.test/?x=1\">A</a> <script>b</script>",
        "-q",
    ];
    for out in ["set", "set.pmtiles", "set.html"] {
        render(&place, out, &said).ok();
    }
    let told = metadata(&place.path("set"));
    assert_eq!((&told["name"], &told["description"]), (&json!("Accidents & <b>more</b>"), &json!("Where it happened")));
    let thanks = "© <a href=\"https://a.test/?x=1\">A</a> &lt;script&gt;b&lt;/script&gt;";
    assert_eq!(told["attribution"], thanks, "links stay links, all else is text");
    let (kept, _, _) = archived(&place.path("set.pmtiles"), &[]);
    for field in ["name", "description", "attribution", "heat"] {
        assert_eq!(kept[field], told[field], "{field}");
    }
    let page = fs::read_to_string(place.path("set.html")).unwrap();
    let inside = page.split_once("<script id=\"metadata\" type=\"application/json\">").unwrap().1;
    let shown: Value = serde_json::from_str(inside.split_once("</script>").unwrap().0).unwrap();
    assert_eq!((&shown["description"], &shown["attribution"]), (&told["description"], &told["attribution"]));
    let legend = fs::read_to_string(place.path("set/legend.svg")).unwrap();
    let measure = told["heat"]["legend"]["title"].as_str().unwrap();
    for line in ["Accidents &amp; &lt;b&gt;more", measure, "© A &lt;script&gt;b&lt;/script&gt;"] {
        assert!(legend.contains(line), "{line}: {legend}");
    }
    // Without a word of a person there is none.
    render(&place, "plain", &["-q"]).ok();
    let plain = metadata(&place.path("plain"));
    assert_eq!(
        (&plain["name"], &plain["description"], &plain["attribution"]),
        (&json!("plain"), &Value::Null, &Value::Null)
    );
    assert!(plain["heat"]["legend"].get("heading").is_none() && plain["heat"]["legend"].get("thanks").is_none());
}

#[test]
fn rows_from_the_south_are_the_same_tiles() {
    let place = Playground::new();
    render(&place, "north", &["-q", "--no-page"]).ok();
    render(&place, "south", &["-q", "--scheme", "tms"]).ok();
    let (north, south) = (tiles(&place.path("north")), tiles(&place.path("south")));
    assert_eq!(north.len(), south.len());
    for (name, bytes) in &north {
        let TileCoord { z, x, y } = coordinate(name);
        assert!(south.get(&format!("{z}/{x}/{}.png", (1u32 << z) - 1 - y)) == Some(bytes), "{name}");
    }
    let (north, south) = (metadata(&place.path("north")), metadata(&place.path("south")));
    assert_eq!((&north["scheme"], &south["scheme"]), (&json!("xyz"), &json!("tms")));
    assert_eq!(north["bounds"], south["bounds"]);
    render(&place, "south", &["-q", "--scheme", "tms", "--force"]).ok();
    for out in ["a.pmtiles", "a.html"] {
        let line = render(&place, out, &["--scheme", "tms", "-q"]).error(2);
        assert!(line.contains("--scheme") && line.contains("name a folder"), "{line}");
    }
}

#[test]
fn webp_has_the_pixels_of_png_in_every_container() {
    let place = Playground::new();
    for more in [
        &[][..],
        &["--spread", "0", "--truecolor"],
        &["--background", "dark", "--spread", "3"],
        &["--spread-on", "colours", "--spread", "2", "--spread-shape", "disc", "--spread-op", "add"],
    ] {
        let with = |format: &'static str| [&["-q", "--force", "--no-page", "--format", format][..], more].concat();
        render(&place, "png", &with("png")).ok();
        render(&place, "webp", &with("webp")).ok();
        render(&place, "webp.pmtiles", &with("webp")).ok();
        let (png, webp) = (tiles(&place.path("png")), tiles(&place.path("webp")));
        assert_eq!(png.len(), webp.len());
        let names: Vec<TileCoord> = png.keys().map(|name| coordinate(name)).collect();
        let (_, kind, found) = archived(&place.path("webp.pmtiles"), &names);
        assert_eq!(kind, pmtiles::TileType::Webp);
        for (name, found) in names.iter().zip(found) {
            let webp = &webp[&format!("{name}.webp")];
            assert!(pixels(webp) == pixels(&png[&format!("{name}.png")]), "{name} {more:?}");
            assert!(found.as_ref() == Some(webp), "{name}");
        }
        let told = metadata(&place.path("webp"));
        assert_eq!((&told["format"], &told["tiles"]), (&json!("webp"), &json!(["{z}/{x}/{y}.webp"])));
    }
    // A folder of one format is replaced by one of the other.
    render(&place, "png", &["-q", "--force", "--format", "webp"]).ok();
    assert!(tiles(&place.path("png")).keys().all(|name| name.ends_with(".webp")));
}

#[test]
fn tile_json_says_what_maps_ask() {
    let place = Playground::new();
    let told = render(&place, "set", &[]).ok().stderr;
    assert!(told.contains("addresses in metadata.json are relative") && told.contains("--base-url"), "{told}");
    let relative = metadata(&place.path("set"));
    assert_eq!((&relative["tileSize"], &relative["tile_size"]), (&json!(256), &json!(256)));
    assert_eq!(relative["tiles"], json!(["{z}/{x}/{y}.png"]));
    let told = render(&place, "set", &["--force", "--base-url", "https://a.test/t/"]).ok().stderr;
    assert!(!told.contains("--base-url"), "{told}");
    let absolute = metadata(&place.path("set"));
    assert_eq!(absolute["tiles"], json!(["https://a.test/t/{z}/{x}/{y}.png"]));
    for (field, is_right) in [
        ("minzoom", absolute["minzoom"].is_u64()),
        ("bounds", absolute["bounds"].as_array().is_some_and(|bounds| bounds.len() == 4)),
        ("scheme", absolute["scheme"] == "xyz"),
        ("tilejson", absolute["tilejson"] == "3.0.0"),
    ] {
        assert!(is_right, "{field}: {}", absolute[field]);
    }
    let told = render(&place, "set.pmtiles", &[]).ok().stderr;
    assert!(!told.contains("--base-url"), "an archive has no addresses: {told}");
}

#[test]
fn words_that_say_nothing_are_refused() {
    let place = Playground::new();
    for (option, value, told) in [
        ("--title", " ", "write one line"),
        ("--title", &*"t".repeat(201), "200 bytes"),
        ("--description", "a\nb", "write one line"),
        ("--attribution", "", "write one line"),
        ("--scheme", "wmts", "write xyz or tms"),
        ("--format", "jpg", "write png or webp"),
    ] {
        let ran = render(&place, "set", &[option, value]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(told) && ran.stderr.contains(option), "{}", ran.stderr);
    }
    assert_eq!(place.names(), Vec::<String>::new());
}

/// Points on a lattice whose neighbours are a pixel of zoom 9 apart.
fn lattice(place: &Playground) {
    let mut text = "lon,lat\n".to_owned();
    for i in 0..120 {
        let step = 360.0 / f64::from(256 << 9);
        (0..120).for_each(|j| {
            text += &format!("{},{}\n", 10.0 + step * (f64::from(i) + 0.5), 0.5 * step + step * f64::from(j));
        });
    }
    place.file("lattice.csv", text);
}

#[test]
fn the_highest_zoom_is_found_from_the_points() {
    let place = Playground::new();
    lattice(&place);
    let run = |out: &str, more: &[&str]| {
        place
            .run([&["render", "lattice.csv", "-o", out, "--backend", "cpu", "--report", "r.json"][..], more].concat())
            .ok()
    };
    let told = run("found", &["-z", "auto", "--no-page"]).stderr;
    assert!(told.contains("zooms 0 to 9: ") && told.contains("-z 0..10"), "{told}");
    let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert!(report["notices"].as_array().unwrap().iter().any(|notice| notice["code"] == "zooms"), "{report}");
    fs::remove_file(place.path("r.json")).unwrap();
    let dry = run("none", &["-z", "3..auto", "--dry-run"]).stderr;
    assert!(dry.contains("zooms 3 to 9: "), "{dry}");
    fs::remove_file(place.path("r.json")).unwrap();
    run("asked", &["-z", "0..9", "--no-page"]);
    fs::remove_file(place.path("r.json")).unwrap();
    assert!(tiles(&place.path("found")) == tiles(&place.path("asked")), "the same tiles as where the zooms are named");
    // Threads and memory change neither the zoom nor a tile.
    for more in [["--threads", "3"], ["--memory", "1M"]] {
        run("again", &[&["-z", "auto", "--no-page", "--force"], &more[..]].concat());
        fs::remove_file(place.path("r.json")).unwrap();
        assert!(tiles(&place.path("again")) == tiles(&place.path("found")), "{more:?}");
    }
    for wrong in ["19..auto", "a..auto", "autos"] {
        let ran = place.run(["render", "lattice.csv", "-o", "none", "-z", wrong]);
        assert!(ran.code == Some(2) && ran.stderr.contains(wrong), "{}", ran.stderr);
    }
}

/// Whatever form a set was written in, the server gives the same picture at the same address but for its ending.
#[cfg(all(feature = "serve", feature = "mbtiles"))]
#[test]
fn every_form_is_served_alike() {
    let place = Playground::new();
    let sets = [
        ("plain", &[][..]),
        ("south", &["--scheme", "tms"]),
        ("p.pmtiles", &[]),
        ("m.mbtiles", &[]),
        ("w", &["--format", "webp", "--scheme", "tms"]),
        ("wp.pmtiles", &["--format", "webp"]),
        ("wm.mbtiles", &["--format", "webp"]),
    ];
    for (out, more) in sets {
        render(&place, out, &[&["-q", "--title", "One", "--attribution", "Two"], more].concat()).ok();
    }
    let server = crate::common::server::Server::start(&place, &sets.map(|(out, _)| out));
    let (png, webp) = (tiles(&place.path("plain")), tiles(&place.path("w")));
    let plain = server.get("/plain.json").json();
    for (out, more) in sets {
        let layer = out.split('.').next().unwrap();
        let told = server.get(&format!("/{layer}.json")).json();
        for field in ["name", "attribution", "minzoom", "maxzoom", "center", "tileSize", "scheme", "heat"] {
            assert_eq!(told[field], plain[field], "{out}: {field}");
        }
        let near = |n: usize| (told["bounds"][n].as_f64().unwrap() - plain["bounds"][n].as_f64().unwrap()).abs() < 2e-7;
        assert!((0..4).all(near), "{out}: {}", told["bounds"]);
        let ending = if more.contains(&"webp") { "webp" } else { "png" };
        assert!(
            told["tiles"][0].as_str().unwrap().ends_with(&format!("/{layer}/{{z}}/{{x}}/{{y}}.{ending}")),
            "{told}"
        );
        for (name, bytes) in &png {
            let TileCoord { z, x, y } = coordinate(name);
            let answer = server.get(&format!("/{layer}/{z}/{x}/{y}.{ending}"));
            let wanted = match ending {
                "png" => bytes,
                _ => &webp[&format!("{z}/{x}/{}.webp", (1u32 << z) - 1 - y)],
            };
            assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, &*format!("image/{ending}")));
            assert!(answer.body == *wanted, "{out} {name}");
        }
    }
}
