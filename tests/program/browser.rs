//! The map in a real browser: Chromium without a window, driven by the programs in `tests/browser`, which say what
//! they look at. Here are only the tiles, the server and the question whether there is a browser; without one the test is
//! skipped by name, or fails where `TILEFIRE_REQUIRE_BROWSER` is set.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::{Playground, sample};

/// What browsers are driven with: Chromium and the folder of the programs.
struct Tools {
    chromium: PathBuf,
    tests: PathBuf,
}

impl Tools {
    /// `None` where something is missing, which is an error where it must not be.
    fn find(test: &str) -> Option<Self> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        match browser(&tests) {
            Ok(chromium) => Some(Self { chromium, tests }),
            Err(missing) => {
                assert!(std::env::var_os("TILEFIRE_REQUIRE_BROWSER").is_none_or(|v| v == "0"), "{missing}");
                println!("skipped: {test}: {missing}");
                None
            }
        }
    }

    /// Runs a program of the folder to its good end. Screenshots lie beside the program, where a person finds them after the
    /// test.
    fn drive(&self, program: &str, arguments: &[&OsStr]) {
        let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        fs::create_dir_all(&shots).unwrap();
        let mut drive = Command::new("node");
        drive.arg(self.tests.join(program)).arg(&self.chromium).args(arguments).arg(&shots);
        let drive = drive.output().unwrap();
        let (said, complained) = (String::from_utf8_lossy(&drive.stdout), String::from_utf8_lossy(&drive.stderr));
        println!("{said}screenshots: {}", shots.display());
        assert!(drive.status.success() && said.ends_with("done\n"), "{said}{complained}");
    }

    /// Serves sets of the place with the library that lies here; gives the address.
    fn serve(&self, place: &Playground, sets: &[&str]) -> (Server, String) {
        let mut serve = place.command();
        serve.arg("serve").args(sets).args(["--port", "0", "--quiet", "--cors", "*", "--ol-url"]);
        let serve = serve.arg(self.tests.join("node_modules/ol")).stdout(Stdio::piped()).spawn();
        let mut server = Server(serve.unwrap());
        let mut url = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut url).unwrap();
        (server, url.trim().to_owned())
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is missing, or the browser's program.
fn browser(tests: &Path) -> Result<PathBuf, String> {
    if !Command::new("node").arg("--version").output().is_ok_and(|o| o.status.success()) {
        return Err("node is missing".to_owned());
    }
    if !tests.join("node_modules/playwright-core").is_dir() {
        return Err("tests/browser/node_modules is missing (scripts/setup_browser.sh)".to_owned());
    }
    let named = std::env::var_os("TILEFIRE_BROWSER").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    named.into_iter().chain(usual).find(|p| p.is_file()).ok_or_else(|| "Chromium is missing".to_owned())
}

/// Renders the sample into `out`, as counted pixels where `more` does not say how to spread them.
fn render(place: &Playground, out: &str, more: &[&str]) {
    let run = ["render", &sample().display().to_string(), "-o", out, "--backend", "cpu", "-q"];
    let counted: &[&str] = if more.contains(&"--spread") { &[] } else { &["--spread", "0"] };
    place.run([&run[..], more, counted].concat()).ok();
}

#[test]
fn the_map_in_a_real_browser() {
    let Some(tools) = Tools::find("the_map_in_a_real_browser") else { return };
    let place = Playground::new();
    for (out, colormap) in [("accidents.pmtiles", "tilefire"), ("small", "viridis")] {
        render(&place, out, &["-z", "0..10", "--colormap", colormap]);
    }
    let bells = ["--spread", "6", "--spread-shape", "gaussian", "--spread-op", "add", "--theme", "light"];
    render(&place, "styled", &[&["-z", "0..8", "--span", "p90"], &bells[..]].concat());
    // Thanks that would do more than thank, if the page took them for HTML.
    let page = fs::read_to_string(place.path("styled/index.html")).unwrap();
    let thanks = r"&copy; <a href='https://a.test/?b' onclick='window.hurt=1'>A</a> <a href='javascript:window.hurt=2'>B</a>
        <img src='x' onerror='window.hurt=3'><script>window.hurt=4</script>";
    let thanks = serde_json::to_string(thanks).unwrap().replace('<', "\\u003c");
    let hostile = page.replacen(r#""tilejson":"#, &format!(r#""attribution":{thanks},"tilejson":"#), 1);
    assert_ne!(hostile, page);
    fs::write(place.path("styled/index.html"), hostile).unwrap();
    let (_server, url) = tools.serve(&place, &["accidents.pmtiles", "small"]);
    let (small, styled) = (place.path("small"), place.path("styled"));
    tools.drive("drive.mjs", &[url.as_ref(), small.as_os_str(), styled.as_os_str()]);
}

#[test]
fn the_map_moves_before_anybody_has_touched_it() {
    let Some(tools) = Tools::find("the_map_moves_before_anybody_has_touched_it") else { return };
    let place = Playground::new();
    render(&place, "small", &["-z", "0..8"]);
    let (_server, url) = tools.serve(&place, &["small"]);
    tools.drive("input.mjs", &[url.as_ref()]);
}

#[test]
fn panels_leave_room_and_everything_works_by_keys() {
    let Some(tools) = Tools::find("panels_leave_room_and_everything_works_by_keys") else { return };
    let place = Playground::new();
    far(&place, "squares");
    render(&place, "bells", &["-z", "0..8", "--spread", "6", "--spread-shape", "gaussian", "--spread-op", "add"]);
    let (_server, url) = tools.serve(&place, &["squares", "bells"]);
    tools.drive("layout.mjs", &[url.as_ref()]);
}

/// Renders the sample and three points far away from it.
fn far(place: &Playground, out: &str) {
    let text = fs::read_to_string(sample()).unwrap() + &"0.01,0.01\n".repeat(3);
    place.file("far.csv", text);
    let run = ["render", "far.csv", "-o", out, "-z", "0..8", "--spread", "0", "--colormap", "fire", "--backend", "cpu"];
    place.run(run).ok();
}

#[test]
fn layers_are_stacked_blended_and_compared() {
    let Some(tools) = Tools::find("layers_are_stacked_blended_and_compared") else { return };
    let place = Playground::new();
    far(&place, "squares");
    render(&place, "bells", &["-z", "0..8", "--spread", "6", "--spread-shape", "gaussian", "--spread-op", "add"]);
    render(&place, "night", &["-z", "0..8", "--background", "dark"]);
    let (_server, url) = tools.serve(&place, &["squares", "bells", "night"]);
    tools.drive("looks.mjs", &[url.as_ref()]);
}

#[test]
fn a_set_made_anew_shows_without_a_reload() {
    let Some(tools) = Tools::find("a_set_made_anew_shows_without_a_reload") else { return };
    let place = Playground::new();
    place.file("points.csv", "lon,lat\n-0.1276,51.5072\n-0.1,51.5\n");
    let run = ["render", "points.csv", "-o", "live", "-z", "0..8", "--spread", "3", "--backend", "cpu", "-q"];
    place.run(run).ok();
    let (_server, url) = tools.serve(&place, &["live"]);
    let (program, folder) = (place.command().get_program().to_owned(), place.path(""));
    tools.drive("anew.mjs", &[url.as_ref(), &program, folder.as_os_str()]);
}

#[test]
fn one_page_from_disk_needs_nothing_else() {
    let Some(tools) = Tools::find("one_page_from_disk_needs_nothing_else") else { return };
    let place = Playground::new();
    let library = tools.tests.join("node_modules/ol").display().to_string();
    render(&place, "map.html", &["-z", "0..8", "--ol-url", &library]);
    // Rows from the south and another format: the page reads both from the metadata.
    render(&place, "tiles", &["-z", "0..8", "--ol-url", &library, "--scheme", "tms", "--format", "webp"]);
    render(&place, "plain.html", &["-z", "0..6"]);
    let pages = [place.path("map.html"), place.path("tiles/index.html"), place.path("plain.html")];
    tools.drive("disk.mjs", &pages.each_ref().map(|page| page.as_os_str()));
}

#[test]
fn a_page_reads_the_archive_beside_it() {
    let Some(tools) = Tools::find("a_page_reads_the_archive_beside_it") else { return };
    let place = Playground::new();
    let library = tools.tests.join("node_modules/ol").display().to_string();
    // Enough tiles for directories below the first.
    render(&place, "deep heat.pmtiles", &["-z", "0..12", "--page", "--ol-url", &library]);
    tools.drive("beside.mjs", &[place.path("").as_os_str()]);
}

#[test]
fn other_libraries_need_nothing_but_tile_json() {
    let Some(tools) = Tools::find("other_libraries_need_nothing_but_tile_json") else { return };
    let place = Playground::new();
    render(&place, "one.pmtiles", &["-z", "0..8", "--colormap", "viridis"]);
    render(&place, "two", &["-z", "0..8", "--colormap", "fire"]);
    render(&place, "three", &["-z", "0..7", "--tile-size", "512"]);
    let (_server, url) = tools.serve(&place, &["one.pmtiles", "two", "three", "--name", "one", "--name", "Łódź 2024"]);
    tools.drive("clients.mjs", &[url.as_ref()]);
}

#[test]
fn large_tiles_are_shown_at_their_size() {
    let Some(tools) = Tools::find("large_tiles_are_shown_at_their_size") else { return };
    let place = Playground::new();
    render(&place, "usual", &["-z", "0..9"]);
    render(&place, "large", &["-z", "0..8", "--tile-size", "512"]);
    render(&place, "both", &["-z", "0..8", "--retina"]);
    let (_server, url) = tools.serve(&place, &["usual", "large", "both"]);
    tools.drive("large.mjs", &[url.as_ref()]);
}

#[test]
fn the_page_shows_sets_of_other_programs() {
    let Some(tools) = Tools::find("the_page_shows_sets_of_other_programs") else { return };
    let place = Playground::new();
    render(&place, "made", &["-z", "0..8"]);
    let tiles: Vec<_> =
        crate::common::tree(&place.path("made")).into_iter().filter(|(name, _)| name.split('/').count() == 3).collect();
    let put = |set: &str, name: &str, bytes: &[u8]| {
        let path = place.path(&format!("{set}/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for (name, bytes) in &tiles {
        let [z, x, y] = name.trim_end_matches(".png").split('/').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let turned = (1 << z.parse::<u32>().unwrap()) - 1 - y.parse::<u32>().unwrap();
        put("tms", &format!("{z}/{x}/{turned}.png"), bytes);
        put("words", name, bytes);
        put("東京 2024", &format!("{z}/{x}/{y}@2x.png"), bytes);
        put("bare", name, bytes);
    }
    put("tms", "tilemapresource.xml", b"<TileMap><TileSets profile=\"mercator\"></TileSets></TileMap>");
    let words = r#"{"bounds": "-9,49,3,61", "center": "-2.5,54,5", "minzoom": "0", "maxzoom": "8", "format": "png"}"#;
    put("words", "metadata.json", words.as_bytes());
    let (_server, url) = tools.serve(&place, &["made", "tms", "words", "東京 2024", "bare"]);
    tools.drive("foreign.mjs", &[url.as_ref()]);
}
