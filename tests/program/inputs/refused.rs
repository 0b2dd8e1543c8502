//! Inputs that cannot be drawn: each ends with its exit code, one line that names the file, the cause and what to do,
//! and nothing written.

use std::io::Write;

use crate::common::Playground;

/// Name of the file, what it holds, further arguments, words of the line.
type Bad = (&'static str, Vec<u8>, &'static [&'static str], &'static [&'static str]);

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// A header, and what `row` makes of the numbers below `rows`.
fn table(header: &str, rows: usize, row: impl Fn(usize) -> String) -> Vec<u8> {
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n")).into_bytes()
}

fn same(header: &str, row: &str) -> Vec<u8> {
    table(header, 20, |_| row.to_owned())
}

/// Rows that are good.
fn good() -> Vec<u8> {
    table("lon,lat", 20, |i| format!("{i}.25,{}.5", 2 * i))
}

fn good_and(rows: &str) -> Vec<u8> {
    [&good()[..], rows.as_bytes()].concat()
}

/// Whole numbers that are degrees once they are multiplied.
fn scaled(header: &str, scale: f64) -> Vec<u8> {
    table(header, 20, |i| {
        let (lon, lat) = (-0.116_012_3 + i as f64 * 0.77, 51.496_891_2 + i as f64 * 0.33);
        format!("{:.0},{:.0}", lon * scale, lat * scale)
    })
}

fn magic(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0; 300]].concat()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn long() -> Vec<u8> {
    table("lon,lat", 5000, |i| format!("{}.{i:04},{}.{i:04}", i % 90, i % 80))
}

fn cut(packed: &[u8]) -> Vec<u8> {
    packed[..packed.len() - 30].to_vec()
}

fn empty_and_others() -> Vec<Bad> {
    vec![
        ("empty.csv", vec![], &[], &["is empty", "header"]),
        ("mark.csv", text("\u{feff}"), &[], &["is empty"]),
        ("blank.csv", text("\n\n  \n\r\n"), &[], &["nothing but blank lines"]),
        ("header.csv", text("lon,lat\n"), &[], &["no rows below the header"]),
        ("headend.csv", text("lon,lat"), &[], &["no rows below the header"]),
        ("skip.csv", good(), &["--skip", "1000"], &["first 1000 lines", "--skip"]),
        ("zeros.csv", vec![0; 500], &[], &["binary"]),
        ("random.csv", (0..=255).cycle().take(5000).collect(), &[], &["binary"]),
        ("letter.csv", text("Dear all,\nthis is no table.\nYours\n"), &[], &["no columns named", "Dear all"]),
        ("words.csv", text("a,b,c\nd,e,f\n"), &[], &["no columns named", "a, b, c"]),
        ("one.csv", text("id\n1\n2\n"), &[], &["no columns named", "--lon"]),
        ("page.csv", text("<!DOCTYPE html><html><body>403 Forbidden"), &[], &["web page"]),
        ("page2.csv", text("\n\n  <html lang=en><head>"), &[], &["web page"]),
        ("a.xml", text("<?xml version='1.0'?><rows><r/></rows>"), &[], &["XML", "CSV"]),
        ("a.kml", text("<?xml version='1.0'?><kml></kml>"), &[], &["KML", "CSV"]),
        ("a.gpx", text("<gpx version='1.1'></gpx>"), &[], &["GPX", "CSV"]),
        ("a.osm", text("<?xml version='1.0'?><osm></osm>"), &[], &["OpenStreetMap", "CSV"]),
        ("a.geojson", text("{\"type\":\"FeatureCollection\",\"features\":[]}"), &[], &["GeoJSON", "CSV"]),
        ("a.json", text("[{\"lat\":1,\"lon\":2}]"), &[], &["JSON", "CSV"]),
        ("nd.json", text("{\"lat\":1,\"lon\":2}\n{\"lat\":3,\"lon\":4}\n"), &[], &["NDJSON", "CSV"]),
        (
            "lfs.csv",
            text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
            &[],
            &["Git LFS", "git lfs pull"],
        ),
        (
            "storms.txt",
            text(
                "AL092021,                IDA,     40,\n20210826, 1200,  , TD, 16.5N,  78.9W,  30, 1006,    0,    0,\n20210826, \
                 1800,  , TS, 17.4N,  79.5W,  35, 1006,   60,    0,\n",
            ),
            &[],
            &["HURDAT2", "--lon '#6' --lat '#5'"],
        ),
        (
            "track.nmea",
            text(
                "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,\
                 2.1*39\r\n$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n",
            ),
            &[],
            &["NMEA", "--unit ddmm", "gpsbabel"],
        ),
        ("left-out.csv", text("file,row,reason,value\na.csv,2,missing,\",\"\n"), &[], &["--rejects", "not data"]),
        ("a.pdf", magic(b"%PDF-1.7\n"), &[], &["PDF"]),
        ("a.parquet", magic(b"PAR1"), &[], &["Parquet", "CSV"]),
        ("a.gpkg", magic(b"SQLite format 3\0"), &[], &["GeoPackage", "CSV"]),
        ("a.shp", magic(b"\0\0\x27\x0a"), &[], &["shapefile", "CSV"]),
        ("a.fgb", magic(b"fgb\x03fgb\0"), &[], &["FlatGeobuf", "CSV"]),
        ("a.arrow", magic(b"ARROW1\0\0"), &[], &["Arrow", "CSV"]),
        ("a.las", magic(b"LASF"), &[], &["LAS", "CSV"]),
        ("a.h5", magic(b"\x89HDF\r\n\x1a\n"), &[], &["HDF5", "CSV"]),
        ("a.nc", magic(b"CDF\x01"), &[], &["NetCDF", "CSV"]),
        ("a.xls", magic(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), &[], &["spreadsheet", "CSV"]),
        ("a.png", magic(b"\x89PNG\r\n\x1a\n"), &[], &["PNG", "picture"]),
        ("a.jpg", magic(b"\xff\xd8\xff\xe0"), &[], &["JPEG", "picture"]),
        ("a.tif", magic(b"II*\0"), &[], &["TIFF", "picture"]),
        ("a.7z", magic(b"7z\xbc\xaf\x27\x1c"), &[], &["7z", "unpack"]),
        ("a.rar", magic(b"Rar!\x1a\x07\x01\0"), &[], &["RAR", "unpack"]),
        ("a.tar", magic(&[&[b'a'; 257][..], b"ustar\0"].concat()), &[], &["tar", "unpack"]),
    ]
}

fn packed() -> Vec<Bad> {
    let mut flipped = gz(&long());
    flipped[2000] ^= 0xff;
    let mut sum = gz(&long());
    let at = sum.len() - 6;
    sum[at] ^= 1;
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&long()).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(&long()).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&long()).unwrap();
    let zstd = zstd::encode_all(&long()[..], 3).unwrap();
    vec![
        ("cut.gz", cut(&gz(&long())), &[], &["gzip member", "cut short"]),
        ("stub.gz", text("\u{1f}").into_iter().chain([0x8b, 8]).collect(), &[], &["gzip member", "cut short"]),
        ("flipped.gz", flipped, &[], &["damaged", "gzip member"]),
        ("sum.gz", sum, &[], &["damaged", "checksum"]),
        ("tail.gz", [gz(&long()), text("more")].concat(), &[], &["damaged", "follows the last one"]),
        ("twice.gz", gz(&gz(&good())), &[], &["packed twice"]),
        ("pdf.gz", gz(b"%PDF-1.7\n"), &[], &["packed with gzip", "PDF"]),
        ("empty.gz", gz(b""), &[], &["is empty"]),
        ("cut.zst", cut(&zstd), &[], &["zstd frame", "cut short"]),
        ("wrong.zst", [&b"\x28\xb5\x2f\xfd"[..], &[0xff; 40]].concat(), &[], &["damaged", "zstd frame"]),
        ("cut.bz2", cut(&bzip2.finish().unwrap()), &[], &["bzip2 stream", "cut short"]),
        ("cut.xz", cut(&xz.finish().unwrap()), &[], &["xz stream", "cut short"]),
        ("cut.lz4", cut(&lz4.finish().unwrap()), &[], &["lz4 frame"]),
        ("wrong.lz4", magic(b"\x04\x22\x4d\x18\xff\xff"), &[], &["damaged", "lz4 frame"]),
    ]
}

fn columns() -> Vec<Bad> {
    let ends =
        |a: &str, b: &str| table(&format!("{a}_lon,{a}_lat,{b}_lon,{b}_lat"), 20, |i| format!("{i},{i},{i},{i}"));
    vec![
        (
            "places.csv",
            table("0,\"A\",1.5,-2.5", 20, |i| format!("{i},\"B\",{i}.75,{i}.25")),
            &[],
            &["looks like data", "#"],
        ),
        ("none.csv", table("id,name,size", 20, |i| format!("{i},a,{i}")), &[], &["no columns named", "id, name, size"]),
        ("other.csv", table("id,a,b", 20, |i| format!("{i},{i}.4563,{i}.7891")), &[], &["--lon", "'a'", "'b'"]),
        (
            "lon.csv",
            table("id,lon", 20, |i| format!("{i},{i}")),
            &[],
            &["'lon' is named like a longitude", "none like a latitude"],
        ),
        ("gone.csv", good(), &["--lon", "x1", "--lat", "y1"], &["no column 'x1'", "lon, lat"]),
        ("beyond.csv", good(), &["--lon", "#5", "--lat", "#6"], &["no column #6", "2 fields"]),
        ("same.csv", good(), &["--lon", "lat", "--lat", "lat"], &["same column 'lat'"]),
        ("twice.csv", same("lon,lat,lon,lat", "1,2,3,4"), &[], &["2 columns are named 'lon'", "#1"]),
        ("two.csv", ends("home", "work"), &[], &["2 pairs", "--lon 'home_lon' --lat 'home_lat'", "'work_lon'"]),
        ("headless.csv", good(), &["--header", "no"], &["without a header", "#1"]),
        (
            "grid.csv",
            table("easting,northing", 20, |i| format!("{},180000", 530_000 + i)),
            &[],
            &["--crs", "EPSG:27700", "530000"],
        ),
        ("plane.csv", table("x,y", 20, |i| format!("{},180000", 530_000 + i)), &[], &["--crs", "EPSG:27700", "530000"]),
        ("crs.csv", same("id,a", "1,2"), &["--crs", "EPSG:27700"], &["no columns named like an easting", "id, a"]),
        ("geometry.csv", good(), &["--geometry", "wkb"], &["no column 'wkb'", "lon, lat"]),
        ("number.csv", same("a,geom", "1,5"), &["--geometry", "geom"], &["'geom'", "such as 5", "WKT"]),
        ("pair.csv", same("location", "\"(1.5, 2.5)\""), &[], &["'location'", "(1.5, 2.5)", "--order"]),
        (
            "blank.csv",
            table("id,wkt", 1500, |i| if i < 1200 { format!("{i},") } else { format!("{i},POINT(1 2)") }),
            &[],
            &["'wkt'", "blank in the first 1000 rows", "--geometry 'wkt'"],
        ),
        (
            "preamble.csv",
            [table("About the data", 130, |i| format!("Note {i}")), same("id;lat;lon", "1;51.5;0.1")].concat(),
            &[],
            &["line 132 looks like a header", "--skip 131"],
        ),
        (
            "prose.csv",
            table("About the data", 130, |i| format!("Note {i}")),
            &[],
            &["in the first 100 lines", "--skip N"],
        ),
        ("geohash.csv", same("geohash", "gcpvj0"), &[], &["geohash", "gcpvj0"]),
        ("polyline.csv", same("polyline", "_p~iF~ps|U_ulLnnqC"), &[], &["polylines", "_p~iF~ps|U_ulLnnqC"]),
        ("area.csv", same("wkt", "\"POLYGON ((0 0, 1 0, 1 1, 0 0))\""), &[], &["areas", "POLYGON"]),
        ("wide.csv", text(&"a,".repeat(70_000)), &[], &["more than 65536 fields"]),
        (
            "fixed.csv",
            text("id    lat    lon\nA B   51.5   0.1\nC     52.5\nD     53.5   0.1 x\n"),
            &[],
            &["fixed width", "--delimiter blanks"],
        ),
        ("short.csv", same("name,lat,lon", "a,b,c,x,y"), &[], &["5 fields", "3 names", "a,b,c,x,y"]),
        ("commas.csv", same("name,lat,lon", "a,51,5,0,1"), &[], &["decimals look like commas", "a,51,5,0,1"]),
        ("minutes.csv", same("lat,lat_min,lon,lon_min", "51,30,0,6"), &[], &["columns of their own", "'lat_min'"]),
        ("half.csv", same("lat,lat_dir,lon,lon_dir", "51.5,N,0.1,O"), &[], &["'lon_dir'", "Ost", "Oeste"]),
        ("o.csv", same("lat,lon", "51.5N,8.43O"), &[], &["'lon'", "8.43O", "Ost", "Oeste", "write E or W"]),
        ("o2.csv", same("lat,lon", "51\u{b0}30'N,8\u{b0}25'48\"O"), &[], &["'lon'", "Ost", "Oeste"]),
        ("o3.csv", same("coordinates", "51.5N 8.43O"), &[], &["'coordinates'", "51.5N 8.43O", "Ost", "Oeste"]),
        (
            "thousands.csv",
            table("x;y", 20, |i| format!("530.{i:03},5;180.{i:03},5")),
            &["--crs", "EPSG:27700"],
            &["column 'x'", "530.000,5", "--decimal comma"],
        ),
        ("unsigned.csv", same("latitude,longitude (W)", "51.5,0.1"), &[], &["'longitude (W)'", "mirrored"]),
    ]
}

fn numbers() -> Vec<Bad> {
    let pi = |i: usize| format!("{:.4},{:.4}", (i % 600) as f64 / 100.0 - 3.0, (i % 300) as f64 / 100.0 - 1.5);
    let swapped = |i: usize| format!("{}.5,{}.25", i % 80, 60 + 3 * (i % 40));
    let lost = |i: usize| if i < 95 { "?,?".into() } else { format!("{i},1") };
    vec![
        ("text.csv", same("lon,lat", "a1,b1"), &[], &["none of 20 rows", "20 not a number", "row 1 holds a1, b1"]),
        ("missing.csv", same("lon,lat", "NA,NA"), &[], &["none of 20 rows", "20 missing coordinate"]),
        ("blanks.csv", same("lon,lat", ","), &[], &["none of 20 rows", "20 missing coordinate"]),
        ("nan.csv", same("lon,lat", "nan,nan"), &[], &["20 missing coordinate"]),
        ("inf.csv", same("lon,lat", "inf,-inf"), &[], &["20 not a number", "inf, -inf"]),
        ("hex.csv", same("lon,lat", "0x1F,0x2A"), &[], &["20 not a number", "0x1F"]),
        ("dates.csv", same("lon,lat", "2020-01-01,2020-01-02"), &[], &["20 not a number", "2020-01-01"]),
        (
            "digits.csv",
            same("lat,lon", "\u{665}\u{661}.\u{665},\u{660}.\u{661}"),
            &[],
            &["20 not a number", "\u{665}\u{661}"],
        ),
        ("short.csv", same("lon,lat", "1"), &[], &["20 malformed", "row 1 holds 1"]),
        ("range.csv", same("lon,lat", "200.5,95.5"), &[], &["out of range", "200.5, 95.5", "--crs"]),
        ("poles.csv", same("lon,lat", "1,89"), &[], &["20 outside Web Mercator"]),
        ("e7.csv", scaled("lon,lat", 1e7), &[], &["--unit e7", "514968912"]),
        ("e6.csv", scaled("lon,lat", 1e6), &[], &["--unit e6", "51496891"]),
        ("e5.csv", scaled("lon,lat", 1e5), &[], &["--unit e5", "5149689"]),
        ("circles.csv", scaled("position_long,position_lat", 2_147_483_648.0 / 180.0), &[], &["--unit semicircles"]),
        (
            "ddmm.csv",
            table("lon,lat", 20, |i| format!("00{}7.6540,51{}.4400", i % 5, 30 + i)),
            &[],
            &["--unit ddmm", "5130.4400"],
        ),
        ("named.csv", same("lat_e7,lon_e7", "51.5,0.1"), &[], &["e7' says e7 by its name", "--unit degrees"]),
        ("unit.csv", same("lon,lat", "9000000000,5"), &["--unit", "e7"], &["out of range", "900, "]),
        ("pi.csv", table("lon,lat", 1200, pi), &[], &["within pi", "--unit radians", "--accept-doubt"]),
        ("swapped.csv", table("lon,lat", 200, swapped), &[], &["--accept-doubt", "--lon 'lat' --lat 'lon'"]),
        ("lost.csv", table("lon,lat", 100, lost), &[], &["--accept-doubt", "95"]),
        ("far.csv", same("x,y", "9000000000,9000000000"), &["--crs", "EPSG:27700"], &["out of range of EPSG:27700"]),
        ("zero.csv", same("lon,lat", "0,0"), &["--drop-zero"], &["none of 20 rows", "to be left out"]),
        (
            "systems.csv",
            table("geom", 20, |i| format!("SRID={};POINT(1 2)", [4326, 3857][i / 10])),
            &[],
            &["row 11", "SRID=3857"],
        ),
        (
            "grid.csv",
            table("lon,lat", 20, |i| format!("{}.5,180000.25", 530_000 + i)),
            &[],
            &["out of range", "EPSG:27700"],
        ),
    ]
}

fn rows() -> Vec<Bad> {
    let open = [&b"lon,lat\n\"1,2\n"[..], &good()].concat();
    vec![
        ("joined.csv", good_and("lat,lon\n1,2\n"), &[], &["row 21", "lat,lon", "split"]),
        (
            "joined2.csv",
            [same("id,lon,lat", "1,2,3"), text("id,lat,lon\n1,2,3\n")].concat(),
            &[],
            &["row 21", "id,lat,lon"],
        ),
        ("glued.csv", good_and("9.6,50.6lat,lon\n50.7,9.7\n"), &[], &["row 21", "9.6,50.6lat,lon", "split"]),
        (
            "comment.csv",
            [text("#"), good(), text("#lat,lon\n50.7,9.7\n")].concat(),
            &[],
            &["row 21", "#lat,lon", "split"],
        ),
        (
            "weak.csv",
            [same("id,lon,lat", "1,2,3"), text("id,Breite,L\u{e4}nge\n1,3,2\n")].concat(),
            &[],
            &["row 21", "Breite", "split"],
        ),
        (
            "system.csv",
            [same("geom", "POINT(1 2)"), text("SRID=3857;POINT(1 2)\n")].concat(),
            &[],
            &["row 1:", "no reference system", "SRID=3857", "--crs"],
        ),
        (
            "late.csv",
            table("lat,lon", 1100, |i| format!("51.{i:04}N,8.{i:04}{}", if i < 1050 { 'E' } else { 'O' })),
            &[],
            &["row 1051", "8.1050O", "Oeste"],
        ),
        ("open.csv", open, &[], &["row 1", "quote that is never closed", "--quote none"]),
        (
            "strict.csv",
            good_and("x,1\n"),
            &["--strict"],
            &["1 of 21 rows", "row 21", "not a number (x, 1)", "--rejects"],
        ),
        ("strict2.csv", good_and("1,2,3\n"), &["--strict"], &["row 21", "malformed row (1,2,3)"]),
        ("strict3.csv", good_and("181,2\n"), &["--strict"], &["row 21", "out of range (181, 2)"]),
        ("all.csv", good_and(",1\n"), &["--strict=all"], &["row 21", "missing coordinate"]),
        ("share.csv", good_and("x,1\nx,2\nx,3\n"), &["--max-rejects", "5%"], &["3 of 23 rows", "row 21", "5 %"]),
        ("number.csv", good_and("x,1\nx,2\nx,3\n"), &["--max-rejects", "2"], &["3 of 23 rows", "allows 2"]),
        (
            "zero.csv",
            good_and("0,0\n"),
            &["--strict", "--drop-zero"],
            &["1 of 21 rows are left out", "row 21", "--strict allows none"],
        ),
        ("drop.csv", good_and("7,7\n"), &["--max-rejects", "0", "--drop", "7,7"], &["1 of 21 rows", "allows 0"]),
        (
            "long.csv",
            [text("lon,lat\n1,2\n"), vec![b'5'; 50 << 20]].concat(),
            &[],
            &["does not end within 48 MiB", "--quote none"],
        ),
        ("head.csv", vec![b'a'; 17 << 20], &[], &["first record does not end within 16 MiB"]),
    ]
}

#[test]
fn every_bad_input_is_refused_in_one_line_that_helps() {
    let all = [empty_and_others(), packed(), columns(), numbers(), rows()].concat();
    assert!(all.len() >= 80, "{}", all.len());
    let mut wrong = Vec::new();
    for (name, bytes, arguments, words) in all {
        let place = Playground::new();
        place.file(name, bytes);
        let ran = place.run(["render", name, "-o", "t", "-z", "0..3", "--backend", "cpu"].iter().chain(arguments));
        let line = ran.stderr.trim_end().to_owned();
        let known = [name].iter().chain(words).all(|word| line.contains(word));
        if ran.code != Some(1) || !known || line.contains('\n') || place.names() != [name] {
            wrong.push(format!("{name} {arguments:?}: {:?} {:?}\n  {line}", ran.code, place.names()));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_no_input_can_mean_is_a_wrong_use() {
    let cases: [(&[&str], &str); 14] = [
        (&["--delimiter", "a"], "separates no fields"),
        (&["--delimiter", ";;"], "one character"),
        (&["--comment", "l"], "comments cannot begin"),
        (&["--unit", "miles"], "semicircles"),
        (&["--decimal", "dot"], "comma"),
        (&["--lon", "lon"], "--lat"),
        (&["--x", "lon"], "--y"),
        (&["--lon", "lon", "--lat", "lat", "--x", "a", "--y", "b"], "cannot be used with"),
        (&["--geometry", "a", "--lon", "lon", "--lat", "lat"], "cannot be used with"),
        (&["--drop", "5"], "longitude first"),
        (&["--max-rejects", "many"], "5%"),
        (&["--order", "up"], "lonlat"),
        (&["--crs", "EPSG:999999"], "no such code"),
        (&["--crs", "nonsense"], "EPSG:27700"),
    ];
    for (arguments, words) in cases {
        let place = Playground::new();
        place.file("a.csv", good());
        let ran = place.run(["render", "a.csv", "-o", "t", "-z", "0..3", "--backend", "cpu"].iter().chain(arguments));
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
        assert_eq!(place.names(), ["a.csv"]);
    }
}
