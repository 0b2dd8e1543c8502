//! Files that hold no table in text, known by what they begin with and named with what to do: a person who drags in a
//! spreadsheet or a web page learns that it is one. What a text holds is left to its format.

/// The header of a list of rows that were left out, by which it is known.
pub(super) const LEFT_OUT: [&str; 4] = ["file", "row", "reason", "value"];

/// What bytes that begin with `head` are, when they are no text with one row a line; the words follow a file's name.
pub(super) fn other(head: &[u8]) -> Option<String> {
    binary(head).or_else(|| {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        markup(text).or_else(|| json(text)).or_else(|| pointer(text))
    })
}

const CONVERT: &str =
    "which is not readable yet; convert it to CSV first, for instance with ogr2ogr -f CSV -lco GEOMETRY=AS_XY";

/// What is in a zip archive, as far as it tells what the archive is: many kinds of files are one.
#[derive(Debug, Default)]
pub(super) struct Inside(u32);

/// Kinds of archives by their members: what makes a name one of its signs, and what the archive is then. The first that
/// fits is it.
type Kind = (fn(&str) -> bool, &'static str);

/// Those that hold nothing else.
const WHOLE: [Kind; 6] = [
    (|name| name.starts_with("xl/workbook."), "is a spreadsheet; save it as CSV"),
    (|name| name == "word/document.xml", "is a Word document, not data; save the table in it as CSV"),
    (|name| name == "ppt/presentation.xml", "is a presentation, not data; save the table in it as CSV"),
    (|name| name == "[content_types].xml", "is a spreadsheet or another document of Office; save it as CSV"),
    (|name| name == "meta-inf/manifest.xml", "is an OpenDocument file, a spreadsheet perhaps; save the table as CSV"),
    (
        |name| matches!(name, "meta-inf/manifest.mf" | "meta-inf/container.xml" | "androidmanifest.xml"),
        "is a program or a book, not data",
    ),
];
/// Those that tables may lie beside.
const LAYERS: [Kind; 5] = [
    (|name| name.ends_with(".shp"), "is a zipped shapefile"),
    (|name| name.ends_with(".gdbtable"), "is a zipped file geodatabase"),
    (|name| name.ends_with(".kml"), "is a KMZ archive, zipped KML"),
    (|name| name.ends_with(".gpkg"), "is a zipped GeoPackage"),
    (|name| name.ends_with(".mif"), "is a zipped MapInfo file"),
];

impl Inside {
    /// Looks at the name of a member.
    pub(super) fn see(&mut self, name: &str) {
        let name = name.to_lowercase();
        for (i, (sign, _)) in WHOLE.iter().chain(&LAYERS).enumerate() {
            self.0 |= u32::from(sign(&name)) << i;
        }
    }

    /// What the archive is, if that is no archive of tables; `tables` says whether there are some, `head` is what it
    /// begins with.
    pub(super) fn what(&self, head: &[u8], tables: bool) -> Option<String> {
        // The first member of some has the kind for its content, as it is.
        let holds = |word: &str| head.starts_with(b"PK") && memchr::memmem::find(head, word.as_bytes()).is_some();
        if holds("mimetypeapplication/vnd.oasis.opendocument.spreadsheet") {
            return Some("is a spreadsheet; save it as CSV".into());
        }
        if holds("mimetypeapplication/epub+zip") {
            return Some("is a book, not data".into());
        }
        let sign = |i: usize| self.0 >> i & 1 == 1;
        if let Some((_, (_, what))) = WHOLE.iter().enumerate().find(|(i, _)| sign(*i)) {
            return Some((*what).into());
        }
        let layer = LAYERS.iter().enumerate().find(|(i, _)| sign(WHOLE.len() + i)).filter(|_| !tables);
        layer.map(|(_, (_, what))| format!("{what}, {CONVERT}"))
    }
}

/// What a text is whose rows have a form of their own and no header, with the command that reads it; the words follow a
/// file's name.
pub(super) fn rows(head: &[u8]) -> Option<String> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines =
        text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first = lines.next()?;
    if is_storm(first) {
        return Some(
            "is a list of storm tracks (HURDAT2): its rows have no header, and a line before each storm names it; read \
             the places with --lon '#6' --lat '#5', which leaves those lines out"
                .into(),
        );
    }
    let all: Vec<_> = std::iter::once(first).chain(lines.take(20)).collect();
    if all.iter().filter(|line| is_sentence(line)).count() * 2 > all.len() {
        return Some(
            "is what a GPS receiver says (NMEA 0183), sentences of several kinds; keep one kind, for instance with \
             grep GGA, and read that with --header no --lon '#5' --lat '#3' --unit ddmm, or convert all of it to CSV \
             with gpsbabel -i nmea -o unicsv"
                .into(),
        );
    }
    if first == LEFT_OUT.join(",").as_bytes() {
        return Some("is a list of rows that were left out (--rejects), not data; leave it out".into());
    }
    None
}

/// `AL092021,                IDA,     40,`: the basin, number and year of a storm, its name, and how many rows follow.
fn is_storm(line: &[u8]) -> bool {
    let mut fields = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let (Some(code), Some(name), Some(rows)) = (fields.next(), fields.next(), fields.next()) else { return false };
    let (letters, digits) = code.split_at(code.len().min(2));
    letters.iter().all(u8::is_ascii_uppercase)
        && digits.len() == 6
        && digits.iter().all(u8::is_ascii_digit)
        && !name.is_empty()
        && !name.iter().any(u8::is_ascii_digit)
        && !rows.is_empty()
        && rows.iter().all(u8::is_ascii_digit)
        && fields.all(<[u8]>::is_empty)
}

/// `$GPGGA,123519,4807.038,N,...`, or one of a ship's.
fn is_sentence(line: &[u8]) -> bool {
    match line {
        [b'$' | b'!', name @ ..] => {
            let end = name.iter().position(|byte| *byte == b',').unwrap_or(0);
            (5..=6).contains(&end) && name[..end].iter().all(u8::is_ascii_uppercase)
        }
        _ => false,
    }
}

fn binary(head: &[u8]) -> Option<String> {
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    let layer = |what: &str| Some(format!("is {what}, {CONVERT}"));
    let picture = |what: &str| Some(format!("is {what}, a picture, not a list of points"));
    let archive = |what: &str| Some(format!("is {what} archive; unpack it and name the files in it"));
    if at(0, b"PAR1") {
        return Some("is a Parquet file, which is not readable yet; convert it to CSV first".into());
    }
    if at(0, b"TFCOUNTS") {
        return Some(
            "is a file of counts; colour it with tilefire shade, or add such files up with tilefire merge".into(),
        );
    }
    if at(0, b"SQLite format 3\0") {
        return layer("an SQLite database or a GeoPackage");
    }
    // A shapefile begins with the number 9994, most significant byte first, and five zeros of four bytes.
    if at(0, b"\0\0\x27\x0a\0\0\0\0\0\0\0\0") {
        return layer("a shapefile");
    }
    if at(0, b"fgb\x03") {
        return layer("a FlatGeobuf file");
    }
    if at(0, b"LASF") {
        return Some(
            "is a LAS or LAZ point cloud, which is not readable; convert it to CSV first, for instance with pdal"
                .into(),
        );
    }
    if at(0, b"\x89HDF\r\n\x1a\n") || at(0, b"CDF\x01") || at(0, b"CDF\x02") || at(0, b"CDF\x05") {
        return Some("is an HDF5 or NetCDF file, which is not readable; write the points in it as CSV first".into());
    }
    if at(0, b"ARROW1\0\0") {
        return layer("an Arrow or Feather file");
    }
    if at(0, b"%PDF-") {
        return Some("is a PDF document, not data; look for the table behind it, as CSV".into());
    }
    if at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Some(
            "is a document of old Office, a spreadsheet perhaps (Excel); open it and save the sheet as CSV".into(),
        );
    }
    if at(0, b"II*\0") || at(0, b"MM\0*") || at(0, b"II+\0") || at(0, b"MM\0+") {
        return picture("a TIFF or GeoTIFF file");
    }
    if at(0, b"\x89PNG\r\n\x1a\n") {
        return picture("a PNG file");
    }
    if at(0, b"\xff\xd8\xff") {
        return picture("a JPEG file");
    }
    if at(0, b"GIF87a") || at(0, b"GIF89a") {
        return picture("a GIF file");
    }
    if at(257, b"ustar") {
        return archive("a tar");
    }
    if at(0, b"7z\xbc\xaf\x27\x1c") {
        return archive("a 7z");
    }
    if at(0, b"Rar!\x1a\x07") {
        return archive("a RAR");
    }
    None
}

/// Web pages and other markup.
fn markup(text: &[u8]) -> Option<String> {
    if text.first() != Some(&b'<') {
        return None;
    }
    let start: Vec<u8> = text.iter().take(4096).map(u8::to_ascii_lowercase).collect();
    let holds = |word: &str| memchr::memmem::find(&start, word.as_bytes()).is_some();
    if start.starts_with(b"<!doctype html") || holds("<html") {
        return Some(
            "is a web page, not data: was the download refused, or is a login needed? Fetch it again and look".into(),
        );
    }
    for (tag, what) in [("<kml", "KML"), ("<gpx", "GPX"), ("<osm", "OpenStreetMap XML"), ("<gml:", "GML")] {
        if holds(tag) {
            return Some(format!("is a file of {what}, {CONVERT}"));
        }
    }
    let tag = start.get(1).is_some_and(|byte| byte.is_ascii_lowercase() || b"?!".contains(byte));
    tag.then(|| "is XML, which is not readable; convert it to CSV first".into())
}

/// JSON, whole or a record a line.
fn json(text: &[u8]) -> Option<String> {
    let (&open, rest) = text.split_first()?;
    let next = rest.trim_ascii_start().first().copied();
    let object = open == b'{' && matches!(next, Some(b'"' | b'}'));
    let array = open == b'[' && matches!(next, Some(b'{' | b'[' | b']'));
    if !object && !array {
        return None;
    }
    let start = text.get(..4096).unwrap_or(text);
    let holds = |word: &str| memchr::memmem::find(start, word.as_bytes()).is_some();
    if holds("\"FeatureCollection\"") || (holds("\"Feature\"") && holds("\"geometry\"")) {
        return Some(format!("is GeoJSON, {CONVERT}"));
    }
    // A second object begins where the first line ends.
    let lines = object && {
        let line = memchr::memchr(b'\n', text).map_or(&[][..], |end| &text[..end]);
        line.trim_ascii_end().ends_with(b"}")
    };
    let what = if lines { "JSON with a record a line (NDJSON)" } else { "JSON" };
    Some(format!("is {what}, which is not readable yet; write its points as CSV first, for instance with jq and @csv"))
}

/// What stands in a repository for a large file.
fn pointer(text: &[u8]) -> Option<String> {
    text.starts_with(b"version https://git-lfs.github.com/spec/")
        .then(|| "is a pointer of Git LFS, not the data it stands for; fetch that with git lfs pull".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_named_and_tables_are_let_through() {
        let named: [(&[u8], &str); 22] = [
            (b"PAR1....", "Parquet"),
            (b"SQLite format 3\0..", "GeoPackage"),
            (b"\0\0\x27\x0a\0\0\0\0\0\0\0\0\0\0\0\0", "shapefile"),
            (b"fgb\x03fgb\0", "FlatGeobuf"),
            (b"LASF\0\0", "point cloud"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"CDF\x01", "NetCDF"),
            (b"%PDF-1.7", "PDF"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet"),
            (b"II*\0", "TIFF"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"\xff\xd8\xff\xe0", "JPEG"),
            (b"7z\xbc\xaf\x27\x1c", "7z"),
            (b"Rar!\x1a\x07\x01\0", "RAR"),
            (b"\n <!DOCTYPE html><p>403", "web page"),
            (b"<html><body>", "web page"),
            (b"<?xml version='1.0'?>\n<kml xmlns='x'>", "KML"),
            (b"<?xml version='1.0'?><gpx>", "GPX"),
            (b"{\"type\": \"FeatureCollection\", \"features\": []}", "GeoJSON"),
            (b"{\"lon\": 1}\n{\"lon\": 2}\n", "NDJSON"),
            (b"[\n {\"lon\": 1}]", "is JSON,"),
            (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        ];
        for (head, word) in named {
            let said = other(head).unwrap_or_default();
            assert!(said.contains(word), "{}: {said}", head.escape_ascii());
        }
        let tables: [&[u8]; 8] = [
            b"",
            b"lon,lat\n1,2\n",
            b"[1,2]\n",
            b"{lon},{lat}\n",
            b"<1,2\n",
            b"\"{\"\"a\"\"}\",1,2",
            b"version,lon,lat\n",
            b"\xef\xbb\xbf",
        ];
        for head in tables {
            assert_eq!(other(head), None, "{}", head.escape_ascii());
        }
    }
}
