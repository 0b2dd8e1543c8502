//! The server as clients meet it, well-behaved and hostile ones: the real binary on a port of its own, spoken to over
//! plain TCP, so that requests can be sent that no client library would send.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::server::{Answer, Server};
use crate::common::{Playground, tree};

const POINTS: &str = "lon,lat\n-0.1276,51.5072\n2.3522,48.8566\n-3.19,55.95\n";

/// A playground with the same tiles as a folder and as a PMTiles file.
fn rendered() -> Playground {
    let place = Playground::new();
    place.file("points.csv", POINTS);
    for out in ["heat", "heat.pmtiles"] {
        place.run(["render", "points.csv", "-o", out, "-z", "0..9", "--backend", "cpu", "-q"]).ok();
    }
    place
}

#[test]
fn folder_and_archive_give_the_tiles_that_were_rendered() {
    let place = rendered();
    let server = Server::start(&place, &["heat", "heat.pmtiles"]);
    let files = tree(&place.path("heat"));
    let tiles: Vec<_> = files.iter().filter(|(name, _)| name.ends_with(".png")).collect();
    assert!(tiles.len() > 20);
    for (name, bytes) in tiles {
        for layer in ["heat", "heat-2"] {
            let answer = server.get(&format!("/{layer}/{name}"));
            assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"));
            assert_eq!(&answer.body, bytes, "{layer}/{name}");
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert!(!answer.headers.contains_key("content-encoding"));
        }
    }
    for layer in ["heat", "heat-2"] {
        // Nothing between London and Edinburgh at zoom 9, but within the box; then outside of it, of the zooms.
        assert_eq!(server.get(&format!("/{layer}/9/253/165.png")).status, 204);
        for outside in ["9/0/0", "10/0/0", "9/511/511", "24/0/0", "30/0/0"] {
            let answer = server.get(&format!("/{layer}/{outside}.png"));
            assert_eq!(answer.status, 404, "{outside}");
            answer.is_one_line();
        }
        // The one beside the tiles, and the same one drawn for an archive.
        let legend = server.get(&format!("/{layer}/legend.png"));
        assert_eq!((legend.status, legend.header("content-type")), (200, "image/png"));
        assert_eq!(legend.body, fs::read(place.path("heat/legend.png")).unwrap());
    }
    fs::remove_file(place.path("heat/legend.png")).unwrap();
    let legend = server.get("/heat/legend.png");
    assert_eq!(legend.status, 404);
    legend.is_one_line();
    fs::write(place.path("heat/legend.png"), "picture").unwrap();
    assert_eq!(server.get("/heat/legend.png").body, b"picture");
    assert_eq!(server.get("/health").body, b"ok\n");
}

#[test]
fn tile_json_names_the_server_as_the_client_sees_it() {
    let place = rendered();
    let server = Server::start(&place, &["heat.pmtiles"]);
    let about = server.get("/heat.json").json();
    assert_eq!(about["tilejson"], "3.0.0");
    assert_eq!(about["tiles"][0], format!("http://localhost:{}/heat/{{z}}/{{x}}/{{y}}.png", server.port));
    assert_eq!((&about["minzoom"], &about["maxzoom"]), (&0.into(), &9.into()));
    assert_eq!(about["heat"]["used"], 3);
    assert!(about["bounds"][0].as_f64().unwrap() < -3.0);
    let headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "maps.test")];
    let ask = |server: &Server| server.ask("GET", "/heat.json", &headers).json()["tiles"][0].to_string();
    assert!(ask(&server).contains("http://localhost"));
    let trusting = Server::start(&place, &["heat.pmtiles", "--trust-forwarded", "--allow-host", "maps.test"]);
    assert!(ask(&trusting).contains("https://maps.test/heat/"));
}

#[test]
fn the_page_has_a_policy_and_names_the_layers() {
    let place = rendered();
    let server = Server::start(&place, &["heat", "heat.pmtiles"]);
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(text.contains(r#"{"name":"heat-2","url":"heat-2.json"}"#));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(server.ask("GET", "/", &[("If-None-Match", page.header("etag"))]).status, 304);
}

#[test]
fn a_client_that_has_it_is_told_so() {
    let place = rendered();
    let server = Server::start(&place, &["heat", "heat.pmtiles", "--max-age", "60"]);
    for path in ["/heat/0/0/0.png", "/heat-2/0/0/0.png", "/heat.json", "/heat-2.json", "/heat-2.pmtiles"] {
        let whole = server.get(path);
        let tag = whole.header("etag");
        assert!(tag.starts_with('"') && tag.len() > 10, "{path}: {tag}");
        assert_eq!(whole.header("cache-control"), "public, max-age=60");
        let again = server.ask("GET", path, &[("If-None-Match", tag)]);
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag), "{path}");
        assert_eq!(server.ask("GET", path, &[("If-None-Match", "\"other\"")]).status, 200);
        let head = server.ask("HEAD", path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-length", "content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
    }
    // The same tile has the same tag, whichever way it is kept.
    let tag = |path| server.get(path).header("etag").to_owned();
    assert_eq!(tag("/heat/0/0/0.png"), tag("/heat-2/0/0/0.png"));
}

#[test]
fn parts_of_a_pmtiles_file() {
    let place = rendered();
    let server = Server::start(&place, &["heat.pmtiles", "--cors", "*"]);
    let file = fs::read(place.path("heat.pmtiles")).unwrap();
    let whole = server.get("/heat.pmtiles");
    assert_eq!((whole.status, &whole.body), (200, &file));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-type")), ("bytes", "application/vnd.pmtiles"));
    let length = file.len();
    let ask = |range: &str| server.ask("GET", "/heat.pmtiles", &[("Range", range)]);
    let last = format!("bytes={}-", length - 1);
    let parts = [
        ("bytes=0-126", 0..127),
        ("bytes=7-7", 7..8),
        (last.as_str(), length - 1..length),
        ("bytes=-5", length - 5..length),
    ];
    for (range, part) in parts {
        let answer = ask(range);
        assert_eq!((answer.status, &answer.body[..]), (206, &file[part.clone()]), "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {}-{}/{length}", part.start, part.end - 1));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-expose-headers").contains("Content-Range"));
    }
    for range in [format!("bytes={length}-"), "bytes=99999999999999999999999-".into(), "bytes=-0".into()] {
        let answer = ask(&range);
        assert_eq!((answer.status, answer.header("content-range")), (416, format!("bytes */{length}").as_str()));
        answer.is_one_line();
    }
    for range in ["bytes=5-4", "bytes=0-1,3-4", "bytes=0-9,0-9,0-9", "bytes=", "bytes=-", "pages=1-2", "bytes=x-1"] {
        assert_eq!((ask(range).status, ask(range).body.len()), (200, length), "{range}");
    }
    let tag = whole.header("etag");
    let conditional = |tag| server.ask("GET", "/heat.pmtiles", &[("Range", "bytes=0-9"), ("If-Range", tag)]);
    assert_eq!((conditional(tag).status, conditional("\"old\"").status), (206, 200));
    // A part of a part: the rest of a file that has become shorter is not made up.
    assert_eq!(server.ask("HEAD", "/heat.pmtiles", &[("Range", "bytes=0-9")]).header("content-length"), "10");
}

#[test]
fn other_origins_read_only_when_told() {
    let place = rendered();
    let closed = Server::start(&place, &["heat"]);
    let origin = [("Origin", "https://a.test")];
    assert!(!closed.ask("GET", "/heat.json", &origin).headers.contains_key("access-control-allow-origin"));
    let preflight = closed.ask("OPTIONS", "/heat.json", &origin);
    assert_eq!((preflight.status, preflight.header("allow")), (405, "GET, HEAD"));
    let open = Server::start(&place, &["heat", "--cors", "https://a.test", "--cors", "https://b.test"]);
    let allowed = |origin| {
        let answer = open.ask("GET", "/heat/0/0/0.png", &[("Origin", origin)]);
        (answer.header("access-control-allow-origin").to_owned(), answer.header("vary").to_owned())
    };
    assert_eq!(allowed("https://b.test"), ("https://b.test".into(), "Origin".into()));
    assert_eq!(allowed("https://c.test"), (String::new(), "Origin".into()));
    let preflight = open.ask("OPTIONS", "/heat.pmtiles", &[("Origin", "https://a.test")]);
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").contains("Range"));
}

#[test]
fn origins_are_compared_as_browsers_mean_them() {
    let place = rendered();
    let origins = ["HTTPS://Maps.Example.org:443", "http://b.test:8080/", "http://[2001:0db8::1]"];
    let server = Server::start(&place, &[&["heat"], origins.map(|origin| ["--cors", origin]).as_flattened()].concat());
    let allowed = |origin: &str| {
        let answer = server.ask("GET", "/heat/0/0/0.png", &[("Origin", origin)]);
        answer.header("access-control-allow-origin").to_owned()
    };
    for known in [
        "https://maps.example.org",
        "https://MAPS.example.org:443",
        "http://b.test:8080",
        "http://B.test:8080",
        "http://[2001:db8::1]",
        "http://[2001:db8:0:0::1]:80",
    ] {
        assert_eq!(allowed(known), known);
    }
    for other in ["http://maps.example.org", "https://maps.example.org:444", "https://b.test:8080", "null", "x"] {
        assert_eq!(allowed(other), "", "{other}");
    }
    let nonsense = [
        "https://a.test/path",
        "https://a.test?q",
        "https://*.a.test",
        "https://a b.test",
        "null",
        "https://a.test:x",
        "https://",
        "https://a.test,https://b.test",
        "https://user@a.test",
        "https://a.test//",
    ];
    for origin in nonsense {
        let refused = place.run(["serve", "heat", "--port", "0", "--cors", origin]).error(2);
        assert!(refused.contains("is no origin"), "{origin}: {refused}");
    }
}

#[test]
fn a_name_that_is_not_ours_is_told_so() {
    let place = rendered();
    let server = Server::start(&place, &["heat"]);
    let as_host = |server: &Server, host: &str, path: &str| {
        server.raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    for path in ["/", "/heat.json", "/heat/0/0/0.png", "/health"] {
        for ours in
            ["localhost", "localhost:", "LocalHost:80", "127.0.0.1", "[::1]:9", "192.168.7.7:8080", "a.localhost"]
        {
            assert_eq!(as_host(&server, ours, path).status, 200, "{ours}{path}");
        }
        for other in ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test"] {
            let answer = as_host(&server, other, path);
            assert_eq!(answer.status, 421, "{other}{path}");
            answer.is_one_line();
            assert!(String::from_utf8_lossy(&answer.body).contains("--allow-host"), "{answer:?}");
        }
        for nonsense in ["", "a b", "a/b", "localhost:x", "[::1", "user@localhost"] {
            assert_eq!(as_host(&server, nonsense, path).status, 400, "{nonsense}{path}");
        }
    }
    let absolute = b"GET http://evil.test/heat.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(server.raw(absolute).status, 421);
    if let Ok(name) = std::process::Command::new("uname").arg("-n").output() {
        let name = String::from_utf8(name.stdout).unwrap();
        assert_eq!(as_host(&server, name.trim(), "/heat.json").status, 200, "{name}");
    }
    let named = ["maps.test", "Other.test", "[::1]", "::1"].map(|name| ["--allow-host", name]);
    let named = [&["heat", "--trust-forwarded"], named.as_flattened()].concat();
    let named = Server::start(&place, &named);
    for ours in ["maps.test", "MAPS.test:443", "other.test."] {
        assert_eq!(as_host(&named, ours, "/heat.json").status, 200, "{ours}");
    }
    // What a proxy says is looked at in the same way, in place of what it asked by itself.
    let forwarded = |host| named.ask("GET", "/heat.json", &[("X-Forwarded-Host", host)]).status;
    assert_eq!((forwarded("maps.test"), forwarded("evil.test")), (200, 421));
    let inner = b"GET /health HTTP/1.1\r\nHost: inner\r\nX-Forwarded-Host: maps.test\r\nConnection: close\r\n\r\n";
    assert_eq!(named.raw(inner).status, 200);
    for nonsense in ["*.a.test", "https://a.test", "a.test:80", "", ".", "-", "a..b"] {
        let refused = place.run(["serve", "heat", "--port", "0", "--allow-host", nonsense]).error(2);
        assert!(refused.contains("is no name of a host"), "{nonsense}: {refused}");
    }
}

#[test]
fn conditions_as_the_standard_has_them() {
    let place = rendered();
    let server = Server::start(&place, &["heat", "heat.pmtiles"]);
    let paths = ["/", "/heat/0/0/0.png", "/heat.json", "/heat-2.pmtiles", "/heat-2/legend.png", "/heat/legend.png"];
    for path in paths {
        let tag = server.get(path).header("etag").to_owned();
        let ask = |headers: &[(&str, &str)]| server.ask("GET", path, headers).status;
        let weak = format!("W/{tag}");
        let list = format!("\"a,b\", {weak}, \"c\"");
        assert_eq!(ask(&[("If-None-Match", "\"a\""), ("If-None-Match", &tag)]), 304, "{path}: two lines");
        assert_eq!(ask(&[("If-None-Match", &list)]), 304, "{path}: {list}");
        assert_eq!(ask(&[("If-None-Match", "*")]), 304, "{path}");
        let inside = format!("\"a,{},b\"", tag.trim_matches('"'));
        assert_eq!(ask(&[("If-None-Match", &inside)]), 200, "{path}: {inside}");
        assert_eq!(ask(&[("If-Match", &tag)]), 200, "{path}");
        assert_eq!(ask(&[("If-Match", "\"a\""), ("If-Match", &tag)]), 200, "{path}");
        assert_eq!(ask(&[("If-Match", "*")]), 200, "{path}");
        assert_eq!(ask(&[("If-Match", &tag), ("If-None-Match", &tag)]), 304, "{path}");
        for other in ["\"a\"", weak.as_str()] {
            let failed = server.ask("GET", path, &[("If-Match", other), ("If-None-Match", &tag)]);
            assert_eq!(failed.status, 412, "{path}: {other}");
            failed.is_one_line();
        }
        assert_eq!(server.ask("HEAD", path, &[("If-Match", "\"a\"")]).status, 412, "{path}");
    }
    let part = [("Range", "bytes=0-9"), ("If-Match", "\"old\"")];
    assert_eq!(server.ask("GET", "/heat-2.pmtiles", &part).status, 412);
    assert_eq!(server.ask("GET", "/heat/9/253/165.png", &[("If-Match", "\"old\"")]).status, 412, "no tile");
}

#[test]
fn hostile_requests_and_their_answers() {
    let place = rendered();
    place.file("secret.png", "secret");
    let server = Server::start(&place, &["heat", "heat.pmtiles", "--timeout", "1", "--allow-host", "a"]);
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(5_000));
    let address = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000));
    let line = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let nonsense = [
        "/../secret.png",
        "/heat/../secret.png",
        "/heat/../../secret.png",
        "/heat/./0/0/0.png",
        "/%2e%2e/secret.png",
        "/%2e%2e%2fsecret.png",
        "/heat/%2e%2e/%2e%2e/secret.png",
        "/heat/..%2f..%2fsecret.png",
        "/heat%2f0%2f0%2f0.png",
        "/heat/0/0/0.png%00",
        "/heat/0/0/%30.png",
        "/heat/..\\..\\secret.png",
        "/heat/..;/secret.png%",
        "/heat/99999999999999999999/0/0.png",
        "/heat/-1/0/0.png",
        "/heat/3/8/0.png",
        "/heat/3/0/8.png",
        "/heat/31/0/0.png",
        "/heat/255/0/0.png",
        "/heat/0x1/0/0.png",
        "/heat/1e1/0/0.png",
        "/heat/1.0/0/0.png",
        "/heat/01/0/0.png",
        "/heat/+1/0/0.png",
        "/heat//0/0.png",
        "/heat/0/0/.png",
        "/%",
        "/%zz",
    ];
    let absent = [
        "//",
        "/heat",
        "/heat/",
        "/heat/0",
        "/heat/0/0",
        "/heat/0/0/0",
        "/heat/0/0/0.jpg",
        "/heat/0/0/0.png/",
        "/heat/0/0/0.png/1",
        "/none/0/0/0.png",
        "/none.json",
        "/none.pmtiles",
        "/heat.pmtiles",
        "/heat/metadata.json",
        "/heat/index.html",
        "/secret.png",
        "/etc/passwd",
        "/heat.json/",
        "/ol/ol.js",
        "/ol/..png",
        "/favicon.ico",
        "/.json",
    ];
    let mut list: Vec<(Vec<u8>, &[u16])> = Vec::new();
    list.extend(nonsense.map(|target| (line(target).into_bytes(), &[400][..])));
    list.extend(absent.map(|target| (line(target).into_bytes(), &[404][..])));
    let odd = |method: &str| {
        format!("{method} /heat/0/0/0.png HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").into_bytes()
    };
    list.extend(
        ["POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND", "get"].map(|m| (odd(m), &[405][..])),
    );
    list.extend::<Vec<(Vec<u8>, &[u16])>>(vec![
        (long.into_bytes(), &[431, 400]),
        (many.into_bytes(), &[431, 400]),
        (address.into_bytes(), &[414, 431, 400]),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n".to_vec(), &[400]),
        (b"GET /heat.json HTTP/1.1\r\nHost: a/b\"c\r\nConnection: close\r\n\r\n".to_vec(), &[400]),
        (b"GET /heat/0/0/0.png\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), &[400]),
        (b"GET /heat/0/0/0.png HTTP/9.9\r\nHost: a\r\n\r\n".to_vec(), &[400, 505]),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(), &[405]),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(), &[405]),
        (b"GET http://a/../secret.png HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(), &[400]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\nx".to_vec(), &[405]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n".to_vec(), &[400, 200]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400, 0]),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n".to_vec(), &[400]),
        (b"\r\n\r\n\r\nnonsense\r\n\r\n".to_vec(), &[400, 0]),
    ]);
    for (request, expected) in list {
        let shown = String::from_utf8_lossy(&request[..request.len().min(120)]).into_owned();
        let mut stream = server.connect();
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let answer = Answer::parse(&bytes);
        assert!(expected.contains(&answer.status), "{shown}: {} instead of {expected:?}", answer.status);
        assert!(!answer.body.windows(6).any(|w| w == b"secret"), "{shown}");
        if answer.status == 405 {
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn slow_and_many_clients_do_no_harm() {
    let place = rendered();
    let server = Server::start(&place, &["heat.pmtiles", "--timeout", "2"]);
    assert_eq!(server.get("/heat/0/0/0.png").status, 200);
    let before = server.memory();
    let start = Instant::now();
    let mut idle: Vec<TcpStream> = (0..500).map(|_| server.connect()).collect();
    // One byte now and then, and never a whole request.
    let mut slow: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ").unwrap();
    }
    assert_eq!(server.get("/heat/0/0/0.png").status, 200, "others are served meanwhile");
    if let (Some(before), Some(now)) = (before, server.memory()) {
        assert!(now < before + (40 << 20), "{before} bytes became {now}");
    }
    while start.elapsed() < Duration::from_millis(2500) {
        std::thread::sleep(Duration::from_millis(100));
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
    }
    for stream in idle.iter_mut().chain(&mut slow) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest);
        assert!(closed.is_ok() || closed.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_client_that_does_not_read_is_let_go() {
    let place = rendered();
    // Larger than the buffers of a connection; the tiles are as before, and nobody looks behind them.
    let mut file = fs::read(place.path("heat.pmtiles")).unwrap();
    file.resize(64 << 20, 0);
    place.file("large.pmtiles", &file);
    let server = Server::start(&place, &["large.pmtiles", "--timeout", "1"]);
    let before = server.memory();
    let mut unread: Vec<TcpStream> = (0..30).map(|_| server.connect()).collect();
    for stream in &mut unread {
        stream.write_all(b"GET /large.pmtiles HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    if let (Some(before), Some(now)) = (before, server.memory()) {
        assert!(now < before + (60 << 20), "{before} bytes became {now}");
    }
    std::thread::sleep(Duration::from_secs(2));
    for mut stream in unread {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.len() < 64 << 20, "the server went on writing to a client that did not read");
    }
    assert_eq!(server.get("/large.pmtiles").body.len(), 64 << 20);
}

#[test]
fn a_set_that_is_replaced_is_noticed() {
    let place = rendered();
    let server = Server::start(&place, &["heat", "heat.pmtiles"]);
    let tile = |layer: &str, tile: &str| server.get(&format!("/{layer}/{tile}.png"));
    let before = [tile("heat", "0/0/0").body, tile("heat-2", "0/0/0").body];
    let state = server.get("/heat-2.pmtiles").header("etag").to_owned();
    place.file("points.csv", "lon,lat\n100,-30\n");
    for out in ["heat", "heat.pmtiles"] {
        place.run(["render", "points.csv", "-o", out, "-z", "0..4", "--backend", "cpu", "-q", "--force"]).ok();
    }
    let now = fs::read(place.path("heat/0/0/0.png")).unwrap();
    for (layer, before) in ["heat", "heat-2"].into_iter().zip(before) {
        let answer = tile(layer, "0/0/0");
        assert!(answer.body == now && answer.body != before, "{layer}");
        assert_eq!(tile(layer, "5/0/0").status, 404);
        assert_eq!(server.get(&format!("/{layer}.json")).json()["maxzoom"], 4);
    }
    assert_ne!(server.get("/heat-2.pmtiles").header("etag"), state);

    // Truncated where it lies, gone, a folder in its place; then whole again.
    let path = place.path("heat.pmtiles");
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() - 1, 200, 127, 20, 0] {
        fs::write(&path, &whole[..length]).unwrap();
        let answer = tile("heat-2", "0/0/0");
        assert_eq!(answer.status, 503, "{length} bytes");
        answer.is_one_line();
        assert_eq!(server.get("/health").status, 503);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(tile("heat-2", "0/0/0").status, 503);
    fs::create_dir(&path).unwrap();
    assert_eq!(tile("heat-2", "0/0/0").status, 503);
    assert_eq!(tile("heat", "0/0/0").status, 200, "the other layer does not suffer");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &whole).unwrap();
    assert_eq!(tile("heat-2", "0/0/0").body, now);
    assert_eq!(server.get("/health").status, 200);
}

#[cfg(unix)]
#[test]
fn while_a_set_is_replaced_every_answer_is_of_the_old_or_the_new_one() {
    let place = rendered();
    place.file("points.csv", "lon,lat\n100,-30\n-0.1,51.5\n");
    place.run(["render", "points.csv", "-o", "other.pmtiles", "-z", "0..9", "--backend", "cpu", "-q"]).ok();
    let [old, new] = ["heat", "other"].map(|name| fs::read(place.path(&format!("{name}.pmtiles"))).unwrap());
    let server = Server::start(&place, &["heat.pmtiles"]);
    let served = place.path("heat.pmtiles");
    let tile = || server.get("/heat/0/0/0.png");
    let first = tile().body;
    fs::write(&served, &new).unwrap();
    let second = tile().body;
    assert_ne!(first, second);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..150 {
                fs::write(place.path("next"), if round % 2 == 0 { &old } else { &new }).unwrap();
                fs::rename(place.path("next"), &served).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let mut seen = [0, 0];
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            let answer = tile();
            // Replaced three times within one request is more than it tries.
            if answer.status == 503 {
                continue;
            }
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            assert!(answer.body == first || answer.body == second);
            seen[usize::from(answer.body == second)] += 1;
        }
        assert!(seen[0] > 5 && seen[1] > 5, "{seen:?}");
    });
}

#[cfg(unix)]
#[test]
fn no_link_and_no_device_is_followed_out_of_the_folder() {
    let place = rendered();
    place.file("secret.png", "secret");
    let server = Server::start(&place, &["heat"]);
    let (folder, link) = (place.path("heat/9/0"), |to: &Path, at: &Path| std::os::unix::fs::symlink(to, at).unwrap());
    fs::create_dir(&folder).unwrap();
    link(&place.path("secret.png"), &folder.join("0.png"));
    link(Path::new("../../../secret.png"), &folder.join("1.png"));
    link(Path::new("/dev/zero"), &folder.join("2.png"));
    link(Path::new("3.png"), &folder.join("3.png"));
    fs::create_dir(folder.join("4.png")).unwrap();
    fs::create_dir(place.path("outside")).unwrap();
    place.file("outside/0.png", "secret");
    link(&place.path("outside"), &place.path("heat/9/1"));
    let piped = std::process::Command::new("mkfifo").arg(folder.join("5.png")).status().is_ok_and(|s| s.success());
    let mut tiles = vec!["0/0", "0/1", "0/2", "0/3", "0/4", "1/0"];
    tiles.extend(piped.then_some("0/5"));
    for tile in tiles {
        let answer = server.get(&format!("/heat/9/{tile}.png"));
        assert_eq!(answer.status, 500, "{tile}");
        answer.is_one_line();
        assert!(String::from_utf8_lossy(&answer.body).contains(&format!("tile 9/{tile} of heat")));
    }
}

#[test]
fn damaged_directories_are_errors_of_their_tiles() {
    let place = rendered();
    let whole = fs::read(place.path("heat.pmtiles")).unwrap();
    let server = Server::start(&place, &["heat.pmtiles"]);
    let path = place.path("heat.pmtiles");
    // Each byte of the header and the root directory once, and each of those of a copy without packing.
    let mut seen = BTreeMap::new();
    for at in (0..600.min(whole.len())).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        fs::write(&path, &damaged).unwrap();
        for tile in ["0/0/0", "9/255/170"] {
            let answer = server.get(&format!("/heat/{tile}.png"));
            *seen.entry(answer.status).or_insert(0) += 1;
            assert!([200, 204, 404, 500, 503].contains(&answer.status), "byte {at}: {}", answer.status);
        }
    }
    assert!(seen.contains_key(&503), "{seen:?}");
    let directory = |bytes: &[u8], seen: &mut BTreeMap<u16, u32>| {
        let mut archive = whole.clone();
        archive[97] = 1;
        let root = archive.len() as u64;
        let none = |archive: &mut Vec<u8>, at: usize, from: u64, length: u64| {
            archive[at..at + 8].copy_from_slice(&from.to_le_bytes());
            archive[at + 8..at + 16].copy_from_slice(&length.to_le_bytes());
        };
        none(&mut archive, 8, root, bytes.len() as u64);
        none(&mut archive, 24, root, 0);
        none(&mut archive, 40, root, bytes.len() as u64);
        archive.extend_from_slice(bytes);
        fs::write(&path, &archive).unwrap();
        let answer = server.get("/heat/0/0/0.png");
        *seen.entry(answer.status).or_insert(0) += 1;
        answer.status
    };
    // A leaf that leads to itself, a tile beyond the end, a tile of 4 GB, one of no bytes, too many entries.
    assert_eq!(directory(&[1, 0, 0, 5, 1], &mut seen), 500);
    assert_eq!(directory(&[1, 0, 1, 5, 0xff, 0xff, 0xff, 0xff, 0x7f], &mut seen), 500);
    assert_eq!(directory(&[1, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], &mut seen), 500);
    assert_eq!(directory(&[1, 0, 1, 0, 1], &mut seen), 503);
    assert_eq!(directory(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1, 1, 1], &mut seen), 503);
    assert_eq!(directory(&[0], &mut seen), 204);
    fs::write(&path, &whole).unwrap();
    assert_eq!(server.get("/heat/0/0/0.png").status, 200);
}

#[test]
fn a_folder_without_metadata_is_served_by_its_zooms() {
    let place = rendered();
    fs::remove_file(place.path("heat/metadata.json")).unwrap();
    let server = Server::start(&place, &["heat/"]);
    let about = server.get("/heat.json").json();
    assert_eq!((&about["minzoom"], &about["maxzoom"], &about["name"]), (&0.into(), &9.into(), &"heat".into()));
    // The box is that of the tiles: what lies between two of them is empty, what lies beyond is not the set's.
    assert_eq!(server.get("/heat/9/253/165.png").status, 204);
    assert_eq!(server.get("/heat/9/0/0.png").status, 404);
    let west = about["bounds"][0].as_f64().unwrap();
    assert!((-4.0..-3.19).contains(&west), "{about}");
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let place = rendered();
    fs::create_dir(place.path("empty")).unwrap();
    let refuse = |arguments: &[&str], code| place.run([&["serve", "--port", "0"], arguments].concat()).error(code);
    for (path, problem) in
        [("none", "No such file"), ("points.csv", "shorter than a header"), ("empty", "no metadata.json and no folder")]
    {
        let said = refuse(&[path], 1);
        assert!(said.contains(&format!("cannot serve {path}: ")) && said.contains(problem), "{said}");
    }
    assert!(refuse(&["heat", "--cors", "maps.test"], 2).contains("is no origin"));
    assert!(refuse(&["heat", "--host", "127.0.0.1:80"], 2).contains("--host 127.0.0.1 --port 80"));
    assert!(refuse(&["heat", "--host", ""], 2).contains("--host is empty"));
    assert!(refuse(&["heat", "--ol-url", "ftp://x"], 2).contains("ol.css"));
    assert!(refuse(&["heat", "--ol-url", "empty"], 2).contains("holds no dist/ol.js"));
    let server = Server::start(&place, &["heat"]);
    let said = place.run(["serve", "heat", "--port", &server.port.to_string()]).error(1);
    assert!(said.contains("choose another --port"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_once_answers_under_way_are_done() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let place = rendered();
        let mut server = Server::start(&place, &["heat.pmtiles"]);
        let mut idle = server.connect();
        let mut busy = server.connect();
        busy.write_all(b"GET /heat.pmtiles HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let kill =
            std::process::Command::new("kill").args([&format!("-{signal}"), &server.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let start = Instant::now();
        let mut rest = Vec::new();
        busy.read_to_end(&mut rest).unwrap();
        assert_eq!(Answer::parse(&rest).body, fs::read(place.path("heat.pmtiles")).unwrap());
        assert_eq!(idle.read(&mut [0; 8]).unwrap_or(0), 0);
        assert_eq!(server.child.wait().unwrap().code(), Some(code), "{signal}");
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}

/// One layer's harm reaches no other, not at the start either.
#[cfg(target_os = "linux")]
#[test]
fn sets_that_cannot_be_read_keep_no_other_from_being_served() {
    let place = rendered();
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    let mut server = Server::start(&place, &["pipe", "heat", "points.csv"]);
    assert_eq!(server.get("/heat.json").status, 200);
    for layer in ["/pipe.json", "/points.json"] {
        let answer = server.get(layer);
        assert_eq!(answer.status, 503, "{layer}");
        answer.is_one_line();
    }
    // What lies there later is served.
    fs::remove_file(place.path("pipe")).unwrap();
    place.run(["render", "points.csv", "-o", "pipe", "-z", "0..2", "-q", "--backend", "cpu"]).ok();
    assert_eq!(server.get("/pipe.json").status, 200);
    server.child.kill().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut server.child.stderr.take().unwrap(), &mut said).unwrap();
    for path in ["pipe", "points.csv"] {
        assert!(said.contains(&format!("tilefire: {path} is not served as yet: ")), "{said}");
    }
}

/// A disk that never answers when it is asked what lies at a path called hung.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_hangs_at_the_start_keeps_no_other_from_being_served() {
    const TEXT: &str = r#"
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int statx(int folder, const char *path, int flags, unsigned mask, void *about) {
            while (path && strstr(path, "hung")) pause();
            return syscall(SYS_statx, folder, path, flags, mask, about);
        }
    "#;
    let place = rendered();
    fs::write(place.path("hang.c"), TEXT).unwrap();
    let library = place.path("hang.so");
    let mut compiler = std::process::Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(place.path("hang.c"));
    if !compiler.status().is_ok_and(|status| status.success()) {
        println!("skipped: a_disk_that_hangs_at_the_start_keeps_no_other_from_being_served: no C compiler");
        return;
    }
    for path in ["hung.a.pmtiles", "hung.b"] {
        fs::create_dir(place.path(path)).unwrap();
    }
    let began = std::time::Instant::now();
    let mut command = place.command();
    command.args(["serve", "--port", "0", "hung.a.pmtiles", "heat", "hung.b"]).env("LD_PRELOAD", &library);
    let server = Server::run(command);
    assert!(began.elapsed() < std::time::Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(server.get("/heat.json").status, 200);
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.get("/hung-a.json"));
        assert_eq!(server.get("/heat.json").status, 200);
        waiting.join().unwrap()
    });
    assert_eq!(waiting.status, 503);
    assert_eq!(server.get("/hung-b.json").status, 503);
}

/// A page asks for these to see that a set was made anew.
#[test]
fn states_change_with_their_sets() {
    let place = rendered();
    let server = Server::start(&place, &["heat", "heat.pmtiles"]);
    let states = || -> BTreeMap<String, Option<String>> {
        let answer = server.get("/states");
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(answer.header("cache-control"), "no-store");
        serde_json::from_slice(&answer.body).unwrap()
    };
    let before = states();
    assert_eq!(before.keys().collect::<Vec<_>>(), ["heat", "heat-2"]);
    assert!(before.values().all(Option::is_some));
    assert_eq!(states(), before, "nothing changed");
    place.file("points.csv", "lon,lat\n2.3522,48.8566\n");
    let anew =
        |out| place.run(["render", "points.csv", "-o", out, "-z", "0..9", "--backend", "cpu", "-q", "--force"]).ok();
    anew("heat");
    let after = states();
    assert!(after["heat"].is_some() && after["heat"] != before["heat"]);
    assert_eq!(after["heat-2"], before["heat-2"]);
    anew("heat.pmtiles");
    assert_ne!(states()["heat-2"], before["heat-2"]);
    fs::remove_file(place.path("heat.pmtiles")).unwrap();
    assert_eq!(states()["heat-2"], None);
}
