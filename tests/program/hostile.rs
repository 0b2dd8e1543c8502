//! Sets that were made to harm and paths that turn into something else, served by the real binary: they cost their own
//! layer and no other, and no memory to speak of.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::Playground;
use crate::common::server::{Answer, Server};
use crate::common::sets::{Entry, Set, directory};
use serde_json::{Value, json};

/// Most bytes a server of hostile sets may have had.
const MOST: u64 = 200 << 20;

/// Keeps a server that believes everything from taking the machine with it.
const LIMIT: &str = "-v 6000000";

fn harmless() -> Vec<u8> {
    fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/set-0.1.0.pmtiles")).unwrap()
}

fn many(n: usize, one: &str) -> String {
    vec![one; n].join(",")
}

/// The heat of an honest set with another field.
fn heat(field: &str, value: &str) -> String {
    let ramp = r##"["#000000","#ffffff"]"##;
    let legend = r#"{"title":"t","notes":[]}"#;
    let zooms = r#"{"0":{"ticks":[[1,0,"1"],[2,1,"2"]]}}"#;
    let mut fields: Vec<(&str, &str)> =
        vec![("version", "1"), ("rows", "1"), ("used", "1"), ("ramp", ramp), ("legend", legend), ("zooms", zooms)];
    fields.retain(|(name, _)| *name != field);
    fields.push((field, value));
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{\"heat\":{{{}}}}}", fields.join(","))
}

#[track_caller]
fn stays_small(server: &Server, what: &str) {
    if let Some(peak) = server.peak() {
        assert!(peak < MOST, "{what}: {} MB", peak >> 20);
    }
}

#[test]
fn metadata_made_to_harm_costs_no_memory() {
    let place = Playground::new();
    place.file("good.pmtiles", harmless());
    let numbered = |n: usize, value: &str| (0..n).map(|i| format!("\"{i}\":{value}")).collect::<Vec<_>>().join(",");
    let long = |n: usize| "t".repeat(n);
    let sets = [
        ("notes", heat("legend", &format!(r#"{{"title":"t","notes":[{}]}}"#, many(4_000_000, "\"n\"")))),
        ("few-notes", heat("legend", &format!(r#"{{"title":"t","notes":[{}]}}"#, many(250_000, "\"n\"")))),
        ("title", heat("legend", &format!(r#"{{"title":"{}","notes":[]}}"#, long(15_000_000)))),
        ("short-title", heat("legend", &format!(r#"{{"title":"{}","notes":[]}}"#, long(1_000_000)))),
        ("zooms", heat("zooms", &format!("{{{}}}", numbered(60_000, "{}")))),
        ("drawn-zooms", heat("zooms", &format!("{{{}}}", numbered(60_000, r#"{"ticks":[[1,0,"1"],[2,1,"2"]]}"#)))),
        ("ticks", heat("zooms", &format!(r#"{{"0":{{"ticks":[{}]}}}}"#, many(90_000, r#"[1,0,"1"]"#)))),
        ("colours", heat("ramp", &format!("[{}]", many(100_000, "\"#000000\"")))),
        ("reasons", heat("left_out", &format!("{{{}}}", numbered(70_000, "1")))),
        ("unknown", heat("planes", &format!("[{}]", many(120_000, r#"{"":0}"#)))),
        ("outside", format!("{{\"vector_layers\":[{}]}}", many(120_000, r#"{"":0}"#))),
        ("fields", format!("{{{}}}", numbered(90_000, "[]"))),
        ("deep", format!("{{\"heat\":{}{}}}", "[".repeat(400_000), "]".repeat(400_000))),
        ("blank", format!("{{}}{}", " ".repeat(15_000_000))),
    ];
    let mut arguments = vec!["good.pmtiles".to_owned()];
    for (name, metadata) in &sets {
        let bytes = Set::with(metadata.as_bytes()).write(&place.path(&format!("{name}.pmtiles")));
        assert!(bytes < 300_000, "{name}: {bytes} bytes");
        arguments.push(format!("{name}.pmtiles"));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = Server::limited(&place, LIMIT, &arguments);
    for (name, _) in &sets {
        assert_eq!(server.get(&format!("/{name}/0/0/0.png")).body, b"a picture", "{name}");
        let legend = server.get(&format!("/{name}/legend.png"));
        assert_eq!(legend.status, if *name == "unknown" { 200 } else { 404 }, "{name}");
        if legend.status == 404 {
            legend.is_one_line();
        }
        let about = server.get(&format!("/{name}.json"));
        assert!(about.status == 200 && about.body.len() < 80_000, "{name}: {} bytes", about.body.len());
        assert_eq!(about.json()["maxzoom"], 0, "{name}");
        stays_small(&server, name);
    }
    assert_eq!(server.get("/good/legend.png").status, 200);
}

#[test]
fn what_is_not_believed_is_said() {
    let place = Playground::new();
    place.file("good.pmtiles", harmless());
    Set::with(heat("legend", "3")).write(&place.path("odd.pmtiles"));
    fs::create_dir_all(place.path("long/0/0")).unwrap();
    fs::write(place.path("long/0/0/0.png"), "a picture").unwrap();
    fs::write(place.path("long/metadata.json"), format!("{{\"name\":\"{}\"}}", "n".repeat(2_000_000))).unwrap();
    let mut command = place.command();
    command.args(["serve", "--port", "0", "good.pmtiles", "odd.pmtiles", "long"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    child.kill().unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("without a legend")).collect();
    assert!(lines.len() == 2 && lines[0].contains("odd.pmtiles: ") && lines[1].contains("long: "), "{said}");
    let server = Server::start(&place, &["long", "odd.pmtiles"]);
    assert_eq!(server.get("/long/0/0/0.png").body, b"a picture");
    assert_eq!(server.get("/long.json").json()["name"], "long");
    let legend = server.get("/odd/legend.png");
    assert!(legend.status == 404 && String::from_utf8_lossy(&legend.body).contains("cannot be read"), "{legend:?}");
    stays_small(&server, "a folder with long metadata");
}

/// A tile of zoom 12 in each of 256 leaf directories, which a Hilbert curve makes squares of 256 tiles a side.
fn one_of_each() -> impl Iterator<Item = String> {
    (0..256).map(|n| format!("12/{}/{}", n % 16 * 256 + 7, n / 16 * 256 + 9))
}

#[test]
fn directories_of_all_layers_share_a_room() {
    let place = Playground::new();
    // 1.5 MB in memory each, and 48 MB, which none may have.
    let bytes = Set::of_leaves(256).write(&place.path("large.pmtiles"));
    fs::copy(place.path("large.pmtiles"), place.path("twin.pmtiles")).unwrap();
    Set::of_leaves(8).write(&place.path("huge.pmtiles"));
    assert!(bytes < 300_000, "{bytes} bytes");
    let server = Server::limited(&place, LIMIT, &["large.pmtiles", "twin.pmtiles", "huge.pmtiles"]);
    for tile in one_of_each() {
        for layer in ["large", "twin"] {
            assert_eq!(server.get(&format!("/{layer}/{tile}.png")).body, b"a picture", "{layer} {tile}");
        }
    }
    let refused = server.get("/huge/12/7/9.png");
    assert_eq!(refused.status, 500);
    refused.is_one_line();
    stays_small(&server, "512 directories");
    // The worst an archive can ask for: many at once.
    std::thread::scope(|scope| {
        for tile in one_of_each().step_by(4) {
            let server = &server;
            scope.spawn(move || {
                for layer in ["huge", "large", "twin"] {
                    let _ = server.get(&format!("/{layer}/{tile}.png"));
                }
            });
        }
    });
    stays_small(&server, "64 clients at once");
}

#[test]
fn large_tiles_that_nobody_takes_share_a_room() {
    let place = Playground::new();
    let large = vec![7u8; 5 << 20];
    let mut set = Set::with("{}");
    set.root = directory([Entry { tile: 0, offset: 0, length: large.len() as u32, run: 1 }].into_iter());
    set.tiles = large.clone();
    set.write(&place.path("large.pmtiles"));
    set.tiles.push(0);
    set.root = directory([Entry { tile: 0, offset: 0, length: large.len() as u32 + 1, run: 1 }].into_iter());
    set.write(&place.path("larger.pmtiles"));
    let server = Server::limited(&place, LIMIT, &["large.pmtiles", "larger.pmtiles", "--timeout", "2"]);
    assert_eq!(server.get("/large/0/0/0.png").body, large);
    assert_eq!(server.get("/larger/0/0/0.png").status, 500, "no tile has so many bytes");
    let mut unread: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();
    for stream in &mut unread {
        stream.write_all(b"GET /large/0/0/0.png HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_secs(1));
    let crowded = server.get("/large/0/0/0.png");
    assert_eq!(crowded.status, 503);
    crowded.is_one_line();
    assert_eq!(server.get("/health").status, 200);
    stays_small(&server, "200 large answers");
    // Who takes nothing is let go, and the room is free again.
    let start = Instant::now();
    while server.get("/large/0/0/0.png").status != 200 {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A connection from another address of this machine, which takes next to nothing unless it is read.
#[cfg(target_os = "linux")]
fn from(server: &Server, address: [u8; 4]) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind((address, 0).into()).unwrap();
        socket.connect(([127, 0, 0, 1], server.port).into()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

#[cfg(target_os = "linux")]
fn asked(server: &Server, address: [u8; 4], client: &str, path: &str) -> TcpStream {
    let mut stream = from(server, address);
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Who leaves large tiles unread takes them from nobody else: not from another address, and not from another layer.
#[cfg(target_os = "linux")]
#[test]
fn one_address_has_a_share_of_the_room() {
    let place = Playground::new();
    let large = vec![7u8; 5 << 20];
    let mut set = Set::with("{}");
    set.root = directory([Entry { tile: 0, offset: 0, length: large.len() as u32, run: 1 }].into_iter());
    set.tiles = large.clone();
    set.write(&place.path("one.pmtiles"));
    set.write(&place.path("two.pmtiles"));
    let (one, two) = ("/one/0/0/0.png", "/two/0/0/0.png");
    for forwarded in [false, true] {
        let arguments = ["one.pmtiles", "two.pmtiles", "--timeout", "60", "--trust-forwarded"];
        let server = Server::limited(&place, LIMIT, &arguments[..if forwarded { 5 } else { 4 }]);
        // Clients by their sockets, or by what a proxy says of them.
        let stream = |client: u8, path: &str| {
            asked(&server, [127, 0, 0, if forwarded { 1 } else { client }], &format!("192.0.2.{client}"), path)
        };
        let status = |client, path| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut stream(client, path), &mut bytes).unwrap();
            let answer = Answer::parse(&bytes);
            assert!(answer.status != 200 || answer.body == large);
            answer.status
        };
        let hold = |client| {
            let unread: Vec<TcpStream> = (0..20).map(|_| stream(client, one)).collect();
            std::thread::sleep(Duration::from_millis(800));
            unread
        };
        let mut held = hold(2);
        assert_eq!([status(2, one), status(3, one), status(3, two)], [503, 200, 200], "forwarded: {forwarded}");
        // A layer has half of the room, however many ask for it: two tiles fit an address's share, or three where that
        // is the machine's own.
        for client in 4..10 {
            held.extend(hold(client));
        }
        assert_eq!([status(3, one), status(3, two)], [503, 200], "forwarded: {forwarded}");
        stays_small(&server, "140 large answers");
        drop(held);
        let start = Instant::now();
        while status(2, one) != 200 {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_turns_into_a_pipe_holds_nobody_up() {
    let place = Playground::new();
    place.file("good.pmtiles", harmless());
    place.file("points.csv", "lon,lat\n-0.1276,51.5072\n");
    for out in ["folder", "other"] {
        place.run(["render", "points.csv", "-o", out, "-z", "0..3", "--backend", "cpu", "-q"]).ok();
    }
    fs::copy(place.path("good.pmtiles"), place.path("ill.pmtiles")).unwrap();
    // A neighbour that has to wait for the disk itself: none of its directories was asked for yet.
    Set::of_leaves(256).write(&place.path("neighbour.pmtiles"));
    let layers = ["ill.pmtiles", "folder", "other", "neighbour.pmtiles", "good.pmtiles"];
    let server = Server::start(&place, &layers);
    let pipes = ["ill.pmtiles", "folder/0/0/0.png", "folder/legend.png", "other/metadata.json"];
    for pipe in pipes {
        fs::remove_file(place.path(pipe)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(place.path(pipe)).status();
        assert!(made.is_ok_and(|made| made.success()));
    }
    let targets = ["/ill/0/0/0.png", "/ill/legend.png", "/ill.json", "/ill.pmtiles", "/folder/0/0/0.png"];
    let targets = targets.iter().chain(&["/folder/legend.png", "/other/0/0/0.png", "/other.json"]);
    let mut asked: Vec<TcpStream> = Vec::new();
    for target in targets.cycle().take(104) {
        let mut stream = server.connect();
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        asked.push(stream);
    }
    std::thread::sleep(Duration::from_millis(300));
    for tile in one_of_each().take(8) {
        let start = Instant::now();
        assert_eq!(server.get(&format!("/neighbour/{tile}.png")).body, b"a picture");
        assert_eq!(server.get("/good/0/0/0.png").status, 200);
        assert!(start.elapsed() < Duration::from_secs(1), "{tile}: {:?}", start.elapsed());
    }
    for mut stream in asked {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut bytes).unwrap();
        let answer = Answer::parse(&bytes);
        assert!([500, 503].contains(&answer.status), "{answer:?}");
        answer.is_one_line();
    }
    // At the start it is refused, not waited for.
    let refused = place.run(["serve", "--port", "0", "ill.pmtiles"]).error(1);
    assert!(refused.contains("neither a folder of tiles nor a PMTiles file"), "{refused}");
}

#[test]
fn words_of_a_set_are_text_with_plain_links() {
    let place = Playground::new();
    let hostile = json!({
        "name": "<script>alert(1)</script>",
        "attribution": "&copy; <a href='https://a.test/?b=1&amp;c=2' onclick='alert(1)'>A &amp; B</a> \
            <a href=\"javascript:alert(2)\">C</a><img src=x onerror=alert(3)><script>alert(4)</script>",
        "heat": {"version": 1, "rows": 1, "used": 1, "background": "url(https://a.test/spy)"},
        "bounds": [1e300, 0, 1e301, 1], "center": [0, 1e99, 3], "tile_size": 0, "minzoom": -1, "maxzoom": 1e9,
    });
    Set::with(hostile.to_string()).write(&place.path("set.pmtiles"));
    let server = Server::start(&place, &["set.pmtiles"]);
    let about = server.get("/set.json").json();
    let attribution = about["attribution"].as_str().unwrap();
    assert!(attribution.starts_with("© <a href=\"https://a.test/?b=1&amp;c=2\">A &amp; B</a> "), "{attribution}");
    let rest = attribution.split_once("</a>").unwrap().1;
    assert!(!rest.contains('<') && rest.contains("&lt;script&gt;"), "{attribution}");
    assert_eq!((&about["heat"], &about["tile_size"]), (&Value::Null, &Value::Null));
    assert_eq!((&about["minzoom"], &about["maxzoom"]), (&json!(0), &json!(0)));
    assert!(about["bounds"].as_array().unwrap().iter().all(|side| side.as_f64().unwrap().abs() <= 180.0), "{about}");
    let page = String::from_utf8(server.get("/").body).unwrap();
    assert!(page.contains("[credit(meta.attribution)]"), "the page takes no HTML from a set");
}

#[test]
fn sets_of_the_first_version_are_served_and_can_be_replaced() {
    let place = Playground::new();
    place.file("points.csv", "lon,lat\n-0.1276,51.5072\n");
    place.file("old.pmtiles", harmless());
    fs::create_dir_all(place.path("old/0/0")).unwrap();
    fs::write(place.path("old/0/0/0.png"), "a picture").unwrap();
    let metadata = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/metadata-0.1.0.json");
    fs::copy(metadata, place.path("old/metadata.json")).unwrap();
    let server = Server::start(&place, &["old.pmtiles", "old"]);
    let legend = server.get("/old/legend.png");
    assert_eq!((legend.status, legend.header("content-type")), (200, "image/png"));
    assert_eq!(server.get("/old/0/0/0.png").status, 200);
    for layer in ["old", "old-2"] {
        let heat = &server.get(&format!("/{layer}.json")).json()["heat"];
        assert_eq!((&heat["used"], &heat["rows"], &heat["version"]), (&json!(4), &json!(8), &json!(0)));
        assert_eq!(heat["left_out"]["outside_mercator"], 1);
    }
    for out in ["old", "old.pmtiles"] {
        place.run(["render", "points.csv", "-o", out, "-z", "0..2", "--backend", "cpu", "-q", "--force"]).ok();
    }
    for layer in ["old", "old-2"] {
        let heat = &server.get(&format!("/{layer}.json")).json()["heat"];
        assert_eq!((&heat["used"], &heat["version"]), (&json!(1), &json!(1)));
    }
}

#[test]
fn what_the_first_version_said_of_its_colours_is_read_and_written_again() {
    let text = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/metadata-0.1.0.json")).unwrap();
    let told = tilefire::heat::TileJson::read(&text).unwrap();
    assert_eq!(told.doubt, None);
    let mut expected: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(expected["heat"]["version"], "0.1.0");
    // What had no number then, and what it was that pixels counted.
    expected["heat"]["version"] = json!(0);
    expected["heat"]["measure"] = json!("count");
    assert_eq!(serde_json::to_value(&told.tile_json).unwrap(), expected);
}

/// Waits for what must come true within ten seconds.
#[cfg(unix)]
fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn one_address_has_a_share_of_the_connections() {
    let place = Playground::new();
    let mut set = Set::with("{}");
    set.write(&place.path("set.pmtiles"));
    // Room for 128 connections: half of them for this machine itself.
    let server = Server::limited(&place, "-n 256", &["set.pmtiles", "--host", "0.0.0.0"]);
    let held: Vec<TcpStream> = (0..64).map(|_| server.connect()).collect();
    // The server takes connections one after the other, and may not have come to the last yet.
    until(|| server.get("/health").status == 503);
    server.get("/health").is_one_line();
    // This machine by its other address, where it has one.
    let outward = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    if let Some(own) = outward.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified()) {
        let ask = || {
            let mut stream = TcpStream::connect((own, server.port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
            let mut bytes = Vec::new();
            let _ = std::io::Read::read_to_end(&mut stream, &mut bytes);
            Answer::parse(&bytes).status
        };
        assert_eq!(ask(), 200);
        // An address that is not the machine's own loopback has a quarter.
        let more: Vec<_> = (0..32).map(|_| TcpStream::connect((own, server.port)).unwrap()).collect();
        until(|| ask() == 503);
        drop(more);
    }
    drop(held);
    until(|| server.get("/health").status == 200);

    // Behind a proxy all connections are its own, and it is requests that are counted.
    set.tiles.resize(64 << 20, 0);
    set.write(&place.path("set.pmtiles"));
    let server = Server::limited(&place, "-n 256", &["set.pmtiles", "--trust-forwarded"]);
    let mut unread: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    for stream in &mut unread[..32] {
        stream
            .write_all(b"GET /set.pmtiles HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 9.9.9.9, 192.0.2.1\r\n\r\n")
            .unwrap();
    }
    let ask = |client: &str| server.ask("GET", "/set/0/0/0.png", &[("X-Forwarded-For", client)]);
    until(|| ask("8.8.8.8, 192.0.2.1").status == 429);
    ask("8.8.8.8, 192.0.2.1").is_one_line();
    assert_eq!(ask("192.0.2.1, 192.0.2.2").status, 200);
    drop(unread);
    until(|| ask("192.0.2.1").status == 200);
}
