//! The map in a real browser: Chromium without a window, driven by `tests/browser/drive.mjs`, which says what it looks
//! at. Here are only the tiles, the server and the question whether there is a browser; without one the test is
//! skipped by name, or fails where `TILEFIRE_REQUIRE_BROWSER` is set.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Playground, sample};

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

#[test]
fn the_map_in_a_real_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = root.join("tests/browser");
    let chromium = match browser(&tests) {
        Ok(chromium) => chromium,
        Err(missing) => {
            assert!(std::env::var_os("TILEFIRE_REQUIRE_BROWSER").is_none_or(|v| v == "0"), "{missing}");
            println!("skipped: the_map_in_a_real_browser: {missing}");
            return;
        }
    };
    let place = Playground::new();
    for (out, colormap) in [("accidents.pmtiles", "tilefire"), ("small", "viridis")] {
        let run = ["render", &sample().display().to_string(), "-o", out, "-z", "0..10", "--colormap", colormap];
        place.run([&run[..], &["--backend", "cpu", "-q"]].concat()).ok();
    }
    let bells = ["--spread", "6", "--spread-shape", "gaussian", "--spread-op", "add", "--theme", "light"];
    let run = ["render", &sample().display().to_string(), "-o", "styled", "-z", "0..8", "--span", "p90", "-q"];
    place.run([&run[..], &bells, &["--backend", "cpu"]].concat()).ok();
    // Thanks that would do more than thank, if the page took them for HTML.
    let page = fs::read_to_string(place.path("styled/index.html")).unwrap();
    let thanks = r"&copy; <a href='https://a.test/?b' onclick='window.hurt=1'>A</a> <a href='javascript:window.hurt=2'>B</a>
        <img src='x' onerror='window.hurt=3'><script>window.hurt=4</script>";
    let thanks = serde_json::to_string(thanks).unwrap().replace('<', "\\u003c");
    let hostile = page.replacen(r#""tilejson":"#, &format!(r#""attribution":{thanks},"tilejson":"#), 1);
    assert_ne!(hostile, page);
    fs::write(place.path("styled/index.html"), hostile).unwrap();
    let mut serve = place.command();
    serve.args(["serve", "accidents.pmtiles", "small", "--port", "0", "--quiet", "--cors", "*", "--ol-url"]);
    let mut server = Server(serve.arg(tests.join("node_modules/ol")).stdout(Stdio::piped()).spawn().unwrap());
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut url).unwrap();

    // Beside the program, where a person finds them after the test.
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    fs::create_dir_all(&shots).unwrap();
    let mut drive = Command::new("node");
    drive
        .arg(tests.join("drive.mjs"))
        .arg(chromium)
        .arg(url.trim())
        .arg(place.path("small"))
        .arg(&shots)
        .arg(place.path("styled"));
    let drive = drive.output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&drive.stdout), String::from_utf8_lossy(&drive.stderr));
    println!("{said}screenshots: {}", shots.display());
    assert!(drive.status.success() && said.ends_with("done\n"), "{said}{complained}");
}
