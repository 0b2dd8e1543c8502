//! Packed inputs of the real program: each way to pack a table gives the tiles of the table itself, damage ends the run
//! with nothing written, and an archive is read by its one member, or by the member that is named.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use crate::common::{Playground, Ran, tree};
use flate2::Compression;
use serde_json::Value;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const DEFLATED64: u16 = 9;
const BZIP2: u16 = 12;
const LZMA: u16 = 14;
const ZSTD: u16 = 93;
const XZ: u16 = 95;

/// A member to be put into an archive.
struct Member<'a> {
    name: &'a str,
    method: u16,
    flags: u16,
    bytes: &'a [u8],
    /// Sizes and places in the longer form.
    zip64: bool,
}

impl<'a> Member<'a> {
    fn new(name: &'a str, method: u16, bytes: &'a [u8]) -> Self {
        Self { name, method, flags: 0, bytes, zip64: false }
    }
}

fn pack(method: u16, bytes: &[u8]) -> Vec<u8> {
    match method {
        STORED => bytes.to_vec(),
        // Longer matches and a larger window are all that the second has beyond the first.
        DEFLATED | DEFLATED64 => {
            let mut packed = Vec::new();
            flate2::read::DeflateEncoder::new(bytes, Compression::default()).read_to_end(&mut packed).unwrap();
            packed
        }
        BZIP2 => bzip2(bytes),
        ZSTD => zstd(bytes),
        XZ => xz(bytes),
        // Nobody reads these.
        _ => bytes[..bytes.len() / 2].to_vec(),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, Compression::default()).read_to_end(&mut packed).unwrap();
    packed
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut packed).unwrap();
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive of these members.
fn zip(members: &[Member<'_>]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    let any64 = members.iter().any(|member| member.zip64);
    for member in members {
        let packed = pack(member.method, member.bytes);
        let mut sum = flate2::Crc::new();
        sum.update(member.bytes);
        let long = [member.bytes.len() as u64, packed.len() as u64, all.len() as u64];
        let short = long.map(|value| if member.zip64 { u32::MAX } else { value as u32 });
        // Version, flags, method, time, date, checksum, sizes, length of the name.
        let common = |extra: u16| {
            let mut bytes = Vec::new();
            for half in [45, member.flags, member.method, 0, 33] {
                bytes.extend(half.to_le_bytes());
            }
            for whole in [sum.sum(), short[1], short[0]] {
                bytes.extend(whole.to_le_bytes());
            }
            for half in [member.name.len() as u16, extra] {
                bytes.extend(half.to_le_bytes());
            }
            bytes
        };
        directory.extend(b"PK\x01\x02\x2d\0");
        directory.extend(common(if member.zip64 { 28 } else { 0 }));
        directory.extend([0; 10]);
        directory.extend(short[2].to_le_bytes());
        directory.extend(member.name.as_bytes());
        if member.zip64 {
            directory.extend(b"\x01\0\x18\0");
            long.iter().for_each(|value| directory.extend(value.to_le_bytes()));
        }
        all.extend(b"PK\x03\x04");
        // The local copy of the sizes is not looked at.
        all.extend(common(0));
        all.extend(member.name.as_bytes());
        all.extend(packed);
    }
    let (begin, count) = (all.len() as u64, members.len() as u64);
    let len = directory.len() as u64;
    all.extend(&directory);
    if any64 {
        let at = all.len() as u64;
        all.extend(b"PK\x06\x06");
        all.extend(44u64.to_le_bytes());
        all.extend(b"\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
        [count, count, len, begin].iter().for_each(|value| all.extend(value.to_le_bytes()));
        all.extend(b"PK\x06\x07\0\0\0\0");
        all.extend(at.to_le_bytes());
        all.extend(1u32.to_le_bytes());
    }
    all.extend(b"PK\x05\x06\0\0\0\0");
    let (count, [len, begin]) = (count as u16, [len, begin].map(|v| if any64 { u32::MAX } else { v as u32 }));
    [count, count].iter().for_each(|value| all.extend(value.to_le_bytes()));
    [len, begin].iter().for_each(|value| all.extend(value.to_le_bytes()));
    all.extend([0, 0]);
    all
}

/// An archive of one member.
fn one(name: &str, method: u16, bytes: &[u8]) -> Vec<u8> {
    zip(&[Member::new(name, method, bytes)])
}

/// Text as UTF-16.
fn wide(text: &[u8], little: bool, marked: bool) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let units = marked.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// Rows that no packing makes small, with a letter beyond ASCII.
fn table() -> Vec<u8> {
    let mut text = String::from("id,lon,lat,name\n");
    let mut state = 1u64;
    for i in 0..5000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (lon, lat) = ((state >> 40) % 360_000, (state >> 20) % 160_000);
        text.push_str(&format!(
            "{i},{:.3},{:.3},\"stra\u{df}e, {state:x}\"\n",
            lon as f64 / 1e3 - 180.0,
            lat as f64 / 1e3 - 80.0
        ));
    }
    text.into_bytes()
}

/// The table in every packing: name and bytes.
fn packings() -> Vec<(&'static str, Vec<u8>)> {
    let text = table();
    let (a, b) = text.split_at(text.len() / 3);
    let readme = Member::new("README.txt", STORED, b"lon,lat\n1,2\n");
    vec![
        ("members.csv.gz", [gzip(a), gzip(b)].concat()),
        ("frames.csv.zst", [zstd(a), zstd(b)].concat()),
        ("streams.csv.bz2", [bzip2(a), bzip2(b)].concat()),
        ("streams.csv.xz", [xz(a), xz(b)].concat()),
        ("frames.csv.lz4", [lz4(a), lz4(b)].concat()),
        ("stored.zip", one("x.csv", STORED, &text)),
        ("deflated.zip", one("a/b/x.csv", DEFLATED, &text)),
        ("deflated64.zip", one("x.csv", DEFLATED64, &text)),
        ("bzip2.zip", one("x.csv", BZIP2, &text)),
        ("zstd.zip", one("x.csv", ZSTD, &text)),
        ("xz.zip", one("x.csv", XZ, &text)),
        ("zip64.zip", zip(&[Member { zip64: true, ..Member::new("x.csv", DEFLATED, &text) }])),
        ("gz_within.zip", zip(&[readme, Member::new("x.csv.gz", STORED, &gzip(&text))])),
        ("utf16.zip", one("x.csv", DEFLATED, &wide(&text, true, true))),
        ("utf16.csv.gz", gzip(&wide(&text, false, true))),
        ("little.csv", wide(&text, true, true)),
        ("big.csv", wide(&text, false, true)),
        ("unmarked.csv", wide(&text, true, false)),
        ("unmarked_big.csv", wide(&text, false, false)),
    ]
}

const RENDER: [&str; 6] = ["-z", "0..3", "--backend", "cpu", "--threads", "2"];

fn render(place: &Playground, inputs: &[&str]) -> Ran {
    place.run(["render"].iter().chain(inputs).chain(&["-o", "t", "--force"]).chain(&RENDER))
}

/// The tiles alone: what is told of a set has its name.
fn tiles(place: &Playground, name: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut tiles = tree(&place.path(name));
    tiles.retain(|name, _| name.ends_with(".png"));
    assert!(tiles.len() > 10, "{:?}", tiles.keys());
    tiles
}

/// The tiles of the table as it is, in the folder `plain`.
fn plain(place: &Playground) -> std::collections::BTreeMap<String, Vec<u8>> {
    place.file("plain.csv", table());
    place.run(["render", "plain.csv", "-o", "plain"].iter().chain(&RENDER)).ok();
    tiles(place, "plain")
}

#[test]
fn every_packing_gives_the_tiles_of_the_table() {
    let place = Playground::new();
    let expected = plain(&place);
    for (name, bytes) in packings() {
        place.file(name, bytes);
        let ran = render(&place, &[name, "--report", "r.json"]).ok();
        assert!(tiles(&place, "t") == expected, "{name}");
        let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
        assert_eq!((&report["used"], &report["rows"]), (&5000.into(), &5000.into()), "{name}");
        let called = match name {
            "gz_within.zip" => "gz_within.zip/x.csv.gz".to_owned(),
            "deflated.zip" => "deflated.zip/a/b/x.csv".to_owned(),
            _ if name.ends_with(".zip") => format!("{name}/x.csv"),
            _ => name.to_owned(),
        };
        assert_eq!(report["files"][0]["name"], called.as_str());
        assert!(ran.stderr.contains(&format!("{called}: longitude from")), "{}", ran.stderr);
        let wide = name.contains("utf16") || ["little.csv", "big.csv"].contains(&name) || name.contains("unmarked");
        assert_eq!(ran.stderr.contains("(UTF-16)"), wide, "{name}: {}", ran.stderr);
    }
}

#[test]
fn every_packing_comes_through_standard_input_and_pipes() {
    let place = Playground::new();
    let expected = plain(&place);
    for (name, bytes) in packings() {
        let mut child = place
            .command()
            .args(["render", "-", "-o", "t", "--force"].iter().chain(&RENDER))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap()).ok();
        assert!(tiles(&place, "t") == expected, "{name}");
        let member = if name.ends_with(".zip") { "standard input/" } else { "standard input: " };
        assert!(ran.stderr.contains(member), "{name}: {}", ran.stderr);
    }
    #[cfg(unix)]
    for (name, bytes) in [&packings()[0], &packings()[6]] {
        let pipe = place.path("pipe");
        _ = fs::remove_file(&pipe);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (bytes, to) = (bytes.clone(), pipe.clone());
        let writer = std::thread::spawn(move || fs::write(to, bytes).unwrap());
        render(&place, &["pipe"]).ok();
        writer.join().unwrap();
        assert!(tiles(&place, "t") == expected, "{name}");
    }
}

/// Runs on damaged bytes: exit 1, a line that names the file, and nothing written.
#[track_caller]
fn refused(place: &Playground, name: &str, bytes: &[u8], what: &str) -> String {
    place.file(name, bytes);
    let before = place.names();
    let ran = render(place, &[name]);
    assert_eq!(ran.code, Some(1), "{name}, {what}: {}", ran.stderr);
    assert_eq!(place.names(), before, "{name}, {what}");
    let line = ran.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with("tilefire: ") && line.contains(name), "{name}, {what}: {line}");
    line
}

#[test]
fn what_is_cut_short_is_an_error() {
    let place = Playground::new();
    for (name, bytes) in packings() {
        // A text that is not packed has no end to miss, but for half a character.
        let ends = if name.ends_with(".csv") {
            vec![1001, bytes.len() - 1]
        } else {
            let len = bytes.len();
            vec![30, 1000, len / 4, len / 2, 3 * len / 4, len - 100, len - 20, len - 8, len - 1]
        };
        for end in ends {
            let line = refused(&place, name, &bytes[..end], &format!("cut at {end} of {}", bytes.len()));
            assert!(line.contains("cut short"), "{line}");
        }
    }
}

#[test]
fn a_byte_that_flipped_is_an_error() {
    let place = Playground::new();
    for (name, bytes) in packings().into_iter().filter(|(name, _)| !name.ends_with(".csv")) {
        for share in [1, 3, 6, 9] {
            let mut damaged = bytes.clone();
            let at = bytes.len() / 10 * share + 100;
            damaged[at] ^= 0x10;
            let line = refused(&place, name, &damaged, &format!("byte {at}"));
            // Where a look at the first rows meets the damage first, those are what is told of.
            let said = share < 6 || ["damaged", "cut short"].iter().any(|word| line.contains(word));
            assert!(said && (line.contains("x.csv") || !name.ends_with(".zip")), "{line}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_archive_that_is_replaced_before_its_turn_ends_the_run() {
    let place = Playground::new();
    assert!(std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    for name in ["late.zip", "other.zip"] {
        place.file(name, one("x.csv", DEFLATED, b"lon,lat\n1,2\n"));
    }
    let child = place
        .command()
        .args(["render", "late.zip", "pipe", "-o", "t"].iter().chain(&RENDER))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program opens the pipe after the file, and reads rows of neither before there are some in the pipe.
    let mut pipe = fs::File::options().write(true).open(place.path("pipe")).unwrap();
    fs::rename(place.path("other.zip"), place.path("late.zip")).unwrap();
    pipe.write_all(b"lon,lat\n5,6\n").unwrap();
    drop(pipe);
    let line = Ran::from(child.wait_with_output().unwrap()).error(1);
    assert!(line.contains("late.zip") && line.contains("replaced"), "{line}");
    assert_eq!(place.names(), ["late.zip", "pipe"]);
}

#[test]
fn one_member_is_read_and_of_several_the_one_that_is_named() {
    let place = Playground::new();
    let rows = b"lon,lat\n1,2\n3,4\n";
    let plain = |name| Member::new(name, STORED, rows);
    let beside =
        ["a/", "__MACOSX/a/._b.csv", ".hidden.csv", ".git/c.csv", "a/README", "LICENSE", "doc/a.pdf", "read me.txt"];
    let mut members: Vec<_> = beside.map(plain).into_iter().collect();
    members.push(plain("a/b.csv"));
    place.file("a.zip", zip(&members));
    let ran = render(&place, &["a.zip"]).ok();
    assert!(ran.stderr.contains("a.zip/a/b.csv: longitude from column 'lon'"), "{}", ran.stderr);

    members.extend((0..11).map(|_| plain("c.csv")));
    place.file("a.zip", zip(&members));
    let line = render(&place, &["a.zip"]).error(1);
    assert!(line.contains("12 files") && line.contains("'tilefire render a.zip/a/b.csv'"), "{line}");
    assert!(line.contains("a/b.csv, c.csv, ") && line.contains(" and 2 more") && !line.contains(".pdf"), "{line}");

    place.file("a.zip", zip(&[plain("a.pdf"), plain("b/")]));
    let line = render(&place, &["a.zip"]).error(1);
    assert!(line.contains("without a table") && line.contains("it holds a.pdf"), "{line}");
    for bytes in [zip(&[]), zip(&[plain("b/")])] {
        place.file("a.zip", bytes);
        let line = render(&place, &["a.zip"]).error(1);
        assert!(line.contains("a.zip is a zip archive that holds no file"), "{line}");
    }
}

#[test]
fn what_cannot_be_read_of_an_archive_is_named() {
    let place = Playground::new();
    let rows = b"lon,lat\n1,2\n3,4\n";
    let inner = one("x.csv", STORED, rows);
    for (bytes, words) in [
        (
            zip(&[Member { flags: 1, ..Member::new("x.csv", STORED, rows) }]),
            "'x.csv', which is encrypted; unpack it with its password",
        ),
        (one("x.csv", 99, rows), "is encrypted"),
        (one("x.csv", LZMA, rows), "LZMA (number 14), which is not read within a zip archive; unpack it first"),
        (one("x.csv", 4711, rows), "number 4711"),
        (one("x.zip", STORED, &inner), "x.zip is a zip archive packed with zip; unpack it once"),
        (gzip(&inner), "is a zip archive packed with gzip; unpack it once"),
        (one("x.csv", STORED, &gzip(&gzip(rows))), "packed twice"),
        (one("x.csv", STORED, b"%PDF-1.7"), "a.zip/x.csv (packed with zip) is a PDF document"),
        (one("x.csv", STORED, b""), "a.zip/x.csv is empty"),
        (b"PK\x03\x04 and no more".to_vec(), "cut short"),
    ] {
        let line = refused(&place, "a.zip", &bytes, words);
        assert!(line.contains(words), "{line}");
    }
    // An archive within one that lost its end is not taken for it.
    let outer = zip(&[Member::new("y.txt", STORED, b"1"), Member::new("x.zip", STORED, &inner)]);
    let end = outer.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let first = outer.windows(4).position(|four| four == b"PK\x05\x06").unwrap();
    for cut in [first + 22, end] {
        let line = refused(&place, "a.zip", &outer[..cut], "the outer end");
        assert!(line.contains("cut short"), "{line}");
    }
}

#[test]
fn other_files_that_are_archives_are_named_for_what_they_are() {
    let place = Playground::new();
    for (names, words) in [
        (&["[Content_Types].xml", "xl/workbook.xml"][..], "is a spreadsheet; save it as CSV"),
        (&["[Content_Types].xml", "word/document.xml"], "is a Word document"),
        (&["content.xml", "META-INF/manifest.xml"], "OpenDocument"),
        (&["META-INF/MANIFEST.MF", "x.class", "x.txt"], "a program"),
        (&["doc.kml"], "KML, which is not readable yet; convert it to CSV"),
        (&["a/x.shp", "a/x.dbf", "a/x.prj", "a/x.shx", "VERSION.txt", "x.txt"], "is a zipped shapefile, which"),
        (&["x.gdb/a00000001.gdbtable"], "geodatabase"),
        (&["x.geojson"], "it holds x.geojson"),
    ] {
        let members: Vec<_> = names.iter().map(|name| Member::new(name, STORED, b"<x/>")).collect();
        let line = refused(&place, "a.file", &zip(&members), words);
        assert!(line.contains(&format!("a.file {words}")) || line.contains(words), "{line}");
    }
    let ods = zip(&[
        Member::new("mimetype", STORED, b"application/vnd.oasis.opendocument.spreadsheet"),
        Member::new("content.xml", DEFLATED, b"<x/>"),
        Member::new("META-INF/manifest.xml", DEFLATED, b"<x/>"),
    ]);
    let line = refused(&place, "a.ods", &ods, "ods");
    assert!(line.contains("is a spreadsheet; save it as CSV"), "{line}");
    // A table beside a shapefile is read.
    let both = zip(&[Member::new("x.shp", STORED, b"1"), Member::new("x.csv", STORED, b"lon,lat\n1,2\n")]);
    place.file("a.zip", both);
    render(&place, &["a.zip"]).ok();
}

#[test]
fn other_widths_are_refused_and_half_pairs_harmless() {
    let place = Playground::new();
    let rows = "lon,lat,x\n1,2,\u{1f5fa}\n3,4,\n";
    let wider: Vec<u8> = rows.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    for bytes in [wider.clone(), [&b"\xff\xfe\0\0"[..], &wider].concat(), gzip(&wider)] {
        let line = refused(&place, "a.csv", &bytes, "UTF-32");
        assert!(line.contains("is UTF-32 text; convert it to UTF-8"), "{line}");
    }
    // One half of the pair in the column that is not used.
    let mut lone = wide(rows.as_bytes(), true, true);
    let at = lone.chunks(2).position(|unit| unit == 0xd83d_u16.to_le_bytes()).unwrap();
    lone.drain(2 * at..2 * at + 2);
    place.file("a.csv", lone);
    render(&place, &["a.csv", "--report", "r.json"]).ok();
    let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!((&report["used"], &report["rows"]), (&2.into(), &2.into()));
}

#[test]
fn the_old_format_of_lz4_is_read() {
    let place = Playground::new();
    let expected = plain(&place);
    let packed = lz4_flex::block::compress(&table());
    let bytes = [&b"\x02\x21\x4c\x18"[..], &(packed.len() as u32).to_le_bytes(), &packed].concat();
    place.file("old.csv.lz4", &bytes);
    render(&place, &["old.csv.lz4"]).ok();
    assert!(tiles(&place, "t") == expected);
    let line = refused(&place, "cut.csv.lz4", &bytes[..bytes.len() - 30], "old lz4");
    assert!(line.contains("cut.csv.lz4 ends in the middle of a block of lz4"), "{line}");
}

#[cfg(unix)]
#[test]
fn hundreds_of_packed_inputs_need_few_open_files() {
    let place = Playground::new();
    for folder in ["gz", "zip", "wide"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    for i in 0..300 {
        let text = format!("lon,lat\n{},51\n", i % 90).into_bytes();
        place.file(&format!("gz/{i:03}.csv.gz"), gzip(&text));
        place.file(&format!("zip/{i:03}.zip"), one("x.csv", DEFLATED, &text));
        place.file(&format!("wide/{i:03}.csv"), wide(&text, true, true));
    }
    for folder in ["gz", "zip", "wide"] {
        for run in [format!("render {folder} -o {folder}.pmtiles -z 0..2 --backend cpu"), format!("info {folder}")] {
            let mut command = std::process::Command::new("sh");
            command.args(["-ec", &format!("ulimit -n 64; exec $T {run}")]).current_dir(place.path(""));
            let ran = Ran::from(command.env("T", place.command().get_program()).output().unwrap()).ok();
            assert!(run.starts_with("info") || ran.stderr.contains("300 points used"), "{run}: {}", ran.stderr);
        }
    }
}

#[test]
fn archives_that_come_in_odd_ways_are_read_or_told_what_to_do() {
    let place = Playground::new();
    let rows: &[u8] = b"lon,lat\n1,2\n3,4\n";
    let good = one("x.csv", DEFLATED, rows);
    let plain = &good[..good.len() - 2];
    for (name, bytes) in [
        ("outside.zip", one("../../evil.csv", DEFLATED, rows)),
        ("behind.zip", [&b"#!/bin/sh\nexit\n"[..], &good].concat()),
        ("comment.zip", [plain, b"\x09\0see PK\x05\x06!"].concat()),
        ("zeros.zip", [plain, b"\x1e\0PK\x05\x06", &[0; 26]].concat()),
    ] {
        place.file(name, bytes);
        let ran = render(&place, &[name, "--report", "r.json"]).ok();
        let report: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
        assert_eq!(report["used"], 2, "{name}: {}", ran.stderr);
    }
    // Names that lead out of a folder, and from a root, are names like others.
    let names = ["../a.csv", "./b.csv", "/c/d.csv"];
    place.file("several.zip", zip(&names.map(|name| Member::new(name, DEFLATED, rows))));
    for named in [
        "several.zip/../a.csv",
        "several.zip/./b.csv",
        "several.zip/b.csv",
        "several.zip/c/d.csv",
        "several.zip//c/d.csv",
    ] {
        let ran = render(&place, &[named]).ok();
        assert!(ran.stderr.contains("2 points used"), "{named}: {}", ran.stderr);
    }
    // What is only called so, and what is named beside it.
    place.file("table.zip", rows);
    render(&place, &["table.zip"]).ok();
    let line = refused(&place, "other.zip", b"%PDF-1.4\n", "PDF");
    assert!(line.contains("other.zip") && line.contains("PDF"), "{line}");

    let two = zip(&[Member::new("a.csv", STORED, rows), Member::new("b.csv", STORED, rows)]);
    let mut child =
        place.command().args(["render", "-", "-o", "u"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&two).unwrap();
    let line = Ran::from(child.wait_with_output().unwrap()).error(1);
    let words = "standard input is a zip archive of 2 files; save it to a file and say which is meant, as in 'tilefire \
                 render a.zip/a.csv': a.csv, b.csv";
    assert!(line.contains(words), "{line}");
    let line = refused(&place, "two.zip", &two, "two");
    assert!(line.contains("say which is meant, as in 'tilefire render two.zip/a.csv'"), "{line}");
}

#[test]
fn a_file_of_another_kind_in_a_folder_is_named() {
    let place = Playground::new();
    fs::create_dir(place.path("many")).unwrap();
    place.file("many/a.csv", "lon,lat\n1,2\n");
    place.file("many/b.csv", "%PDF-1.4\n");
    for named in ["many", "many/*.csv"] {
        let line = render(&place, &[named]).error(1);
        assert!(line.contains("many/b.csv is a PDF"), "{line}");
    }
}
