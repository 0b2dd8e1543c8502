//! What layers are called and how a client asks for them: names in any script, names that a person gives, tiles without
//! points, pages of other origins.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::common::Playground;
use crate::common::server::Server;
use serde_json::json;

/// A set with a tile of zoom 0 and one of zoom 1, in a box that holds four.
fn set(place: &Playground, name: &str, bytes: &[u8], ending: &str) {
    for tile in ["0/0/0", "1/0/0"] {
        let path = place.path(&format!("{name}/{tile}{ending}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let metadata = json!({"minzoom": 0, "maxzoom": 1, "bounds": [-180, -85, 180, 85]});
    std::fs::write(place.path(&format!("{name}/metadata.json")), metadata.to_string()).unwrap();
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x02\0";

#[test]
fn names_are_shown_in_any_script() {
    let place = Playground::new();
    for name in ["東京", "Łódź 2024", "heat"] {
        set(&place, name, PNG, ".png");
    }
    let server = Server::start(&place, &["東京", "Łódź 2024", "heat"]);
    let page = String::from_utf8(server.get("/").body).unwrap();
    assert!(page.contains(r#"{"name":"東京","url":"%E6%9D%B1%E4%BA%AC.json"}"#), "{page}");
    assert!(page.contains(r#"{"name":"Łódź-2024","title":"Łódź 2024","url":"%C5%81%C3%B3d%C5%BA-2024.json"}"#));
    for (address, title) in [("%E6%9D%B1%E4%BA%AC", "東京"), ("%C5%81%C3%B3d%C5%BA-2024", "Łódź 2024")] {
        let json = server.get(&format!("/{address}.json")).json();
        assert_eq!(json["name"], title);
        let tiles = json["tiles"][0].as_str().unwrap();
        assert_eq!(tiles, format!("http://localhost:{}/{address}/{{z}}/{{x}}/{{y}}.png", server.port));
        for address in [address.to_owned(), address.replace("%E6%9D", "%e6%9d")] {
            assert_eq!(server.get(&format!("/{address}/0/0/0.png")).body, PNG, "{address}");
        }
    }
    let states = server.get("/states").json();
    let mut names: Vec<&String> = states.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["heat", "Łódź-2024", "東京"]);
    // No other escape means anything, and none leads elsewhere.
    for path in ["/%68eat.json", "/%2e%2e/x", "/heat%2f0/0/0.png", "/%00.json", "/%E6.json%", "/%.json"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 400, "{path}");
        answer.is_one_line();
    }
    for path in ["/%E6%9D.json", "/%FF%FE.json", "/%E5%A4%A7.json"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_layer_takes_the_name_it_is_given() {
    let place = Playground::new();
    for name in ["a", "b"] {
        set(&place, name, PNG, ".png");
    }
    let server = Server::start(&place, &["a", "b", "--name", "Zürich, 2024"]);
    assert_eq!(server.get("/Z%C3%BCrich-2024.json").json()["name"], "Zürich, 2024");
    assert_eq!((server.get("/b.json").json()["name"].clone(), server.get("/a.json").status), (json!("b"), 404));
    let same = Server::start(&place, &["a", "b", "--name", "one", "--name", "one"]);
    assert_eq!((same.get("/one.json").status, same.get("/one-2.json").status), (200, 200));
    let many = place.run(["serve", "--port", "0", "a", "--name", "x", "--name", "y"]).error(2);
    assert!(many.contains("--name is given 2 times for 1 layer:"), "{many}");
    let none = place.run(["serve", "--port", "0", "a", "--name", " "]).error(2);
    assert!(none.contains("is no name") && none.contains("--name 'London 2024'"), "{none}");
}

#[test]
fn a_tile_without_points_can_be_a_transparent_picture() {
    let place = Playground::new();
    set(&place, "png", PNG, ".png");
    set(&place, "webp", b"RIFF\x30\0\0\0WEBPVP8 \x20\0\0\0\0\0\0\x9d\x01\x2a\x00\x01\x00\x01", ".webp");
    set(&place, "jpg", b"\xff\xd8\xff\xc0\x00\x0b\x08\x01\x00\x01\x00\x01", ".jpg");
    let usual = Server::start(&place, &["png"]);
    assert_eq!((usual.get("/png/1/1/1.png").status, usual.get("/png/1/1/1.png").body.len()), (204, 0));
    let server = Server::start(&place, &["png", "webp", "jpg", "--empty", "transparent"]);
    for (path, kind, side) in [
        ("/png/1/1/1.png", "image/png", 512u32),
        ("/webp/1/1/1.webp", "image/webp", 256),
        // JPEG knows nothing transparent: a PNG stands in.
        ("/jpg/1/1/1.jpg", "image/png", 256),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        if kind == "image/png" {
            assert_eq!(answer.body[16..24], [side.to_be_bytes(), side.to_be_bytes()].concat(), "{path}");
        }
        let tag = answer.header("etag");
        assert_eq!(server.ask("GET", path, &[("If-None-Match", tag)]).status, 304, "{path}");
    }
    assert_eq!(server.get("/png/0/0/0.png").body, PNG);
    for path in ["/png/2/0/0.png", "/png/1/1/1.webp"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let wrong = place.run(["serve", "png", "--empty", "white"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("transparent"), "{}", wrong.stderr);
}

#[test]
fn a_page_that_is_turned_away_is_told_of_once() {
    let place = Playground::new();
    set(&place, "heat", PNG, ".png");
    let said = |arguments: &[&str]| {
        let mut command = place.command();
        command.args(["serve", "--port", "0", "heat"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().trim_end_matches('/').rsplit(':').next().and_then(|p| p.parse().ok()).unwrap();
        let mut server = Server { child, port };
        let own = format!("http://localhost:{port}");
        for origin in ["https://a.test", "https://a.test", "https://b.test", &own] {
            assert_eq!(server.ask("GET", "/heat.json", &[("Origin", origin)]).status, 200);
        }
        assert_eq!(server.get("/heat.json").status, 200);
        server.child.kill().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut server.child.stderr.take().unwrap(), &mut stderr).unwrap();
        stderr.lines().filter(|line| line.contains("--cors")).map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = said(&[]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        lines[0],
        "tilefire: a page of https://a.test was not let read the tiles; --cors https://a.test lets it"
    );
    assert_eq!(said(&["--cors", "https://a.test"]).len(), 1);
    assert!(said(&["--cors", "*"]).is_empty() && said(&["--quiet"]).is_empty());
}
