//! Zip archives: which member is read, and how it is unpacked and held to its size and checksum. The format of the
//! directory is rawzip's, which keeps nothing of it in memory; what is kept here is the one member and a few names.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use crc32fast::Hasher;
use rawzip::{CompressionMethod, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipFileHeaderRecord, ZipLocator};

use super::{Packing, gzip};
use crate::error::{Error, Result};
use crate::source::endings::{is_any_text, is_data};
use crate::source::input::known::KnownFile;
use crate::source::kinds::Inside;
use crate::source::shown::short;

/// The most members of an archive; those of more are not for a person to choose from.
const MOST_MEMBERS: u64 = 1 << 16;
/// The longest directory, in bytes.
const MOST_DIRECTORY: u64 = 16 << 20;
/// Names that a message tells, and characters of one.
const NAMED: usize = 10;
const NAME: usize = 100;
/// Bytes of a directory read at once: at least one entry, whose texts come to three times 64 KiB.
const BUFFER: usize = 256 << 10;
/// What looks like the end of a directory may be part of a comment, or of a member that is an archive.
const ENDS: usize = 16;

/// One file in an archive, where it lies and what it must come to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::source) struct Member {
    pub(in crate::source) name: String,
    /// Its packed bytes.
    pub(super) range: Range<u64>,
    method: Method,
    /// Bytes unpacked.
    size: u64,
    /// CRC-32 of those.
    sum: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
    Deflated64,
    Packed(Packing),
}

/// Whether a file that begins with `head` is a zip archive.
pub(in crate::source) fn begins(head: &[u8]) -> bool {
    [&b"PK\x03\x04"[..], b"PK\x05\x06", b"PK\x06\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04"]
        .iter()
        .any(|magic| head.starts_with(magic))
}

/// The member of `file` that is called `wanted`, or the only one that holds rows; `head` is what the file begins with.
pub(in crate::source) fn choose(file: &KnownFile, wanted: Option<&str>, head: &[u8]) -> Result<Member> {
    let failed = |problem| match problem {
        Problem::Words(words) => Error::Input(format!("{} {words}", file.path().display())),
        Problem::Ours(error) => error,
    };
    let handle = file.handle()?;
    let bytes = Held { file, handle: &handle };
    let path = file.path().to_string_lossy();
    let path = if file.is_unnamed() { None } else { Some(&*path) };
    let chosen = look(&bytes, file.size(), path, wanted, head).map_err(failed);
    file.rest();
    chosen
}

/// Whether a file that begins otherwise ends as an archive does: behind a program that unpacks it.
pub(in crate::source) fn ends(file: &KnownFile) -> Result<bool> {
    let handle = file.handle()?;
    let found = locate(&Held { file, handle: &handle }, file.size(), &mut vec![0; BUFFER], b"").is_ok();
    file.rest();
    Ok(found)
}

/// An archive on the disk.
struct Held<'a> {
    file: &'a KnownFile,
    handle: &'a File,
}

impl ReaderAt for Held<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.file.size().saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = left.min(buffer.len());
        self.file.read_at(self.handle, &mut buffer[..len], offset).map_err(io::Error::other)?;
        Ok(len)
    }
}

/// Why no member is read.
#[derive(Debug)]
enum Problem {
    /// Words that follow the archive's name.
    Words(String),
    /// The file could not be read, or is not what it was.
    Ours(Error),
}

impl From<String> for Problem {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<rawzip::Error> for Problem {
    fn from(error: rawzip::Error) -> Self {
        let words = match error.into_kind() {
            rawzip::ErrorKind::IO(error) => {
                let words = error.to_string();
                match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
                    Some(Ok(ours)) => return Self::Ours(*ours),
                    _ => words,
                }
            }
            other => other.to_string(),
        };
        Self::Words(format!("is a damaged zip archive ({}); fetch or copy it again", words.to_lowercase()))
    }
}

/// Names in the order of the directory, the first few of them.
#[derive(Default)]
struct Names {
    first: Vec<String>,
    count: usize,
}

impl Names {
    fn push(&mut self, name: &str) {
        if self.first.len() < NAMED {
            self.first.push(short(name, NAME));
        }
        self.count += 1;
    }

    /// Them in one line.
    fn line(&self) -> String {
        let mut line = self.first.join(", ");
        if self.count > self.first.len() {
            line.push_str(&format!(" and {} more", self.count - self.first.len()));
        }
        line
    }
}

/// A member as the directory has it.
struct Entry {
    name: String,
    way: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    encrypted: bool,
    /// CRC-32 of what it comes to.
    sum: u32,
}

impl Entry {
    fn of(record: &ZipFileHeaderRecord<'_>, name: String) -> Self {
        let (method, flags) = (record.compression_method(), record.flags());
        let encrypted = flags.is_encrypted() || flags.has_strong_encryption() || method == CompressionMethod::AES;
        Self { name, way: record.wayfinder(), method, encrypted, sum: record.crc32() }
    }
}

/// Looks through the directory of an archive of `size` bytes that is called `path`, if a person can name it.
fn look(
    bytes: &impl ReaderAt,
    size: u64,
    path: Option<&str>,
    wanted: Option<&str>,
    head: &[u8],
) -> Result<Member, Problem> {
    let mut buffer = vec![0; BUFFER];
    let archive = locate(bytes, size, &mut buffer, head)?;
    let expected = archive.entries_hint();
    // Where rawzip ends its walk is no further on.
    let directory = archive.eocd_offset().saturating_sub(archive.directory_offset());
    if expected > MOST_MEMBERS || directory > MOST_DIRECTORY {
        return Err(large());
    }
    let wanted = wanted.map(|wanted| plain(&slashes(wanted)).to_owned());
    let (mut files, mut data, mut tables) = (Names::default(), Names::default(), 0);
    let mut inside = Inside::default();
    let mut found: Option<Entry> = None;
    let (mut count, mut same) = (0, 0);
    let mut first = u64::MAX;
    let mut entries = archive.entries(&mut buffer);
    while let Some(record) = entries.next_entry()? {
        count += 1;
        if count > MOST_MEMBERS {
            return Err(large());
        }
        first = first.min(record.local_header_offset());
        let name = slashes(&String::from_utf8_lossy(record.file_path().as_bytes()));
        inside.see(&name);
        if name.ends_with('/') || name.is_empty() {
            continue;
        }
        if wanted.as_deref() == Some(plain(&name)) {
            same += 1;
            found.get_or_insert_with(|| Entry::of(&record, name.clone()));
        }
        // A name that leads out of a folder does no harm where nothing is written.
        let hidden = |part: &str| part.starts_with('.') && !matches!(part, "." | "..");
        if name.split('/').any(|part| part == "__MACOSX" || hidden(part)) {
            continue;
        }
        files.push(&name);
        let file = Path::new(&name);
        if is_data(file) {
            data.push(&name);
            tables += usize::from(!is_any_text(file));
            if wanted.is_none() {
                found.get_or_insert_with(|| Entry::of(&record, name.clone()));
            }
        }
    }
    if count % MOST_MEMBERS != expected % MOST_MEMBERS {
        let words = format!("is a damaged zip archive ({count} members of {expected}); fetch or copy it again");
        return Err(words.into());
    }
    // Else the end that was found may be that of an archive within this one, whose own end is missing.
    if head.starts_with(b"PK\x03\x04") && first != 0 {
        return Err(cut());
    }
    if let Some(wanted) = wanted {
        let wanted = short(&wanted, NAME);
        if same > 1 {
            return Err(format!("holds {same} members that are called '{wanted}'; unpack it first").into());
        }
        let Some(found) = found else {
            let names = if data.count > 0 { &data } else { &files };
            let holds = if names.count > 0 { format!("it holds {}", names.line()) } else { "it is empty".to_owned() };
            return Err(format!("has no member '{wanted}'; {holds}").into());
        };
        return take(&archive, size, found);
    }
    if let Some(words) = inside.what(head, tables > 0) {
        return Err(words.into());
    }
    match found {
        Some(found) if data.count == 1 => take(&archive, size, found),
        Some(found) => {
            let say = if path.is_some() { "say" } else { "save it to a file and say" };
            Err(format!(
                "is a zip archive of {} files; {say} which is meant, as in 'tilefire render {}/{}': {}",
                data.count,
                path.unwrap_or("a.zip"),
                short(&found.name, NAME),
                data.line()
            )
            .into())
        }
        None if files.count > 0 => {
            let words = "is a zip archive without a table in text (.csv, .tsv, .txt and the like); it holds";
            Err(format!("{words} {}", files.line()).into())
        }
        None => Err("is a zip archive that holds no file".to_owned().into()),
    }
}

/// Finds the end of the directory.
fn locate<'a, R: ReaderAt>(
    bytes: &'a R,
    size: u64,
    buffer: &mut [u8],
    head: &[u8],
) -> Result<ZipArchive<&'a R>, Problem> {
    let (mut end, mut second) = (size, None);
    for _ in 0..ENDS {
        match ZipLocator::new().locate_in_reader(bytes, buffer, end) {
            Ok(archive) if archive.end_offset() == size => return Ok(archive),
            // Something follows, or it is part of a comment, behind the end that is meant.
            Ok(archive) => {
                second = second.or(Some(end));
                end = archive.eocd_offset().min(end.saturating_sub(1));
            }
            Err((_, error)) => match (error.eocd_offset(), error.kind()) {
                (Some(at), kind) if at < end && goes_on(kind) => end = at,
                (_, rawzip::ErrorKind::MissingEndOfCentralDirectory) => break,
                _ => return Err(error.into()),
            },
        }
    }
    if let Some(end) = second {
        return ZipLocator::new().locate_in_reader(bytes, buffer, end).map_err(|(_, error)| error.into());
    }
    if begins(head) { Err(cut()) } else { Err("is no zip archive, so nothing within it can be read".to_owned().into()) }
}

/// Whether another end may stand before one that is wrong in this way: not where the file itself cannot be read.
fn goes_on(kind: &rawzip::ErrorKind) -> bool {
    match kind {
        rawzip::ErrorKind::IO(error) => error.kind() == ErrorKind::UnexpectedEof,
        _ => true,
    }
}

/// The member of an entry, if it can be read.
fn take<R: ReaderAt>(archive: &ZipArchive<R>, size: u64, entry: Entry) -> Result<Member, Problem> {
    let about = |words: &str| Problem::Words(format!("holds '{}', which {words}", short(&entry.name, NAME)));
    if entry.encrypted {
        return Err(about("is encrypted; unpack it with its password first"));
    }
    let method = match entry.method {
        CompressionMethod::STORE => Method::Stored,
        CompressionMethod::DEFLATE => Method::Deflated,
        CompressionMethod::DEFLATE64 => Method::Deflated64,
        CompressionMethod::BZIP2 => Method::Packed(Packing::Bzip2),
        CompressionMethod::ZSTD | CompressionMethod::ZSTD_DEPRECATED => Method::Packed(Packing::Zstd),
        CompressionMethod::XZ => Method::Packed(Packing::Xz),
        other => {
            let name = other.name().map_or_else(|| "an unknown method".to_owned(), str::to_uppercase);
            return Err(about(&format!(
                "is packed with {name} (number {}), which is not read within a zip archive; unpack it first, for instance \
                 with 7z x, or pack it with deflate",
                other.as_u16()
            )));
        }
    };
    let (start, end) = archive.get_entry(entry.way)?.compressed_data_range();
    if end > size || start > end {
        return Err(about("ends behind the end of the archive; is that cut short? Fetch or copy it again"));
    }
    let size = entry.way.uncompressed_size_hint();
    Ok(Member { name: entry.name, range: start..end, method, size, sum: entry.sum })
}

/// An archive whose directory is not at its end.
fn cut() -> Problem {
    let words = "is a zip archive that is cut short or damaged: the list of its members, which is at its end, is missing; \
                 fetch or copy it again";
    words.to_owned().into()
}

fn large() -> Problem {
    format!("is a zip archive of more than {MOST_MEMBERS} members, or with very long names; unpack it first").into()
}

/// A name without what a path on the command line cannot begin with behind the name of an archive.
fn plain(name: &str) -> &str {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./").or_else(|| name.strip_prefix('/')) {
        name = rest;
    }
    name
}

/// A name with slashes between its parts, as the format asks for; some programs of Windows write the other ones.
fn slashes(name: &str) -> String {
    name.replace('\\', "/")
}

impl Member {
    /// What comes out of its packed bytes; messages call it `name`.
    pub(super) fn reader(&self, raw: impl BufRead + 'static, name: &Path) -> io::Result<Box<dyn Read>> {
        let from: Box<dyn Read> = match self.method {
            Method::Stored => Box::new(raw),
            Method::Deflated => Box::new(gzip::Deflated::new(raw)),
            Method::Deflated64 => Box::new(deflate64::Deflate64Decoder::with_buffer(raw)),
            Method::Packed(packing) => packing.reader(raw)?,
        };
        let name = name.display().to_string();
        Ok(Box::new(Checked { from, name, left: self.size, sum: Hasher::new(), expected: self.sum }))
    }
}

/// Bytes of a member, which must come to its size and its checksum.
struct Checked {
    from: Box<dyn Read>,
    name: String,
    /// Bytes to come.
    left: u64,
    sum: Hasher,
    expected: u32,
}

impl Checked {
    fn damaged(&self, how: &str) -> io::Error {
        let name = &self.name;
        let text = format!("{name} is damaged: {how}; fetch or copy the archive again");
        io::Error::other(Error::Input(text))
    }
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = match self.from.read(buffer) {
            Ok(got) => got,
            Err(e) if e.kind() == ErrorKind::Interrupted || matches!(e.get_ref(), Some(ours) if ours.is::<Error>()) => {
                return Err(e);
            }
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
                return Err(self.damaged("its packed bytes end too early"));
            }
            Err(e) => return Err(self.damaged(&format!("it cannot be unpacked ({e})"))),
        };
        if got as u64 > self.left {
            return Err(self.damaged("it is longer than the archive says"));
        }
        self.left -= got as u64;
        self.sum.update(&buffer[..got]);
        if got == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(self.damaged(&format!("its last {} bytes are missing", self.left)));
            }
            if self.sum.clone().finalize() != self.expected {
                return Err(self.damaged("its checksum is another"));
            }
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use rawzip::ZipArchiveWriter;

    use super::*;

    fn archive(names: impl Iterator<Item = String>) -> Vec<u8> {
        let mut all = ZipArchiveWriter::new(Vec::new());
        for name in names {
            let (mut entry, config) = all.new_file(&name).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(b"lon,lat\n1,2\n").unwrap();
            let (_, output) = writer.finish().unwrap();
            entry.finish(output).unwrap();
        }
        all.finish().unwrap()
    }

    fn find(bytes: &[u8], wanted: Option<&str>) -> Result<Member, String> {
        look(&Cursor::new(bytes), bytes.len() as u64, Some("a.zip"), wanted, bytes).map_err(|problem| match problem {
            Problem::Words(words) => words,
            Problem::Ours(error) => error.to_string(),
        })
    }

    /// All that comes out of a member.
    fn unpack(bytes: &[u8], member: &Member) -> io::Result<Vec<u8>> {
        let range = member.range.start as usize..member.range.end as usize;
        let mut all = Vec::new();
        let raw = Cursor::new(bytes[range].to_vec());
        member.reader(raw, Path::new("a.zip/x"))?.take(1 << 20).read_to_end(&mut all)?;
        Ok(all)
    }

    fn names(names: &[&str]) -> Vec<u8> {
        archive(names.iter().map(|&name| name.to_owned()))
    }

    #[test]
    fn a_member_is_found_by_its_whole_name() {
        let bytes = names(&["a/b.csv", "README", "c.csv", "d\u{e9}j\u{e0}.csv", ".e.csv"]);
        for (wanted, name) in [
            ("a/b.csv", "a/b.csv"),
            ("a\\b.csv", "a/b.csv"),
            ("README", "README"),
            ("d\u{e9}j\u{e0}.csv", "d\u{e9}j\u{e0}.csv"),
            (".e.csv", ".e.csv"),
        ] {
            let member = find(&bytes, Some(wanted)).unwrap();
            assert_eq!(member.name, name);
            assert_eq!(unpack(&bytes, &member).unwrap(), b"lon,lat\n1,2\n");
        }
        for wanted in ["b.csv", "a", "a/", "A/b.csv", "", "/a/b.csv", "a/b.csv/"] {
            let said = find(&bytes, Some(wanted)).unwrap_err();
            assert!(said.ends_with("it holds a/b.csv, c.csv, d\u{e9}j\u{e0}.csv"), "{wanted}: {said}");
        }
        // Behind a program that unpacks it.
        let behind = [&b"#!/bin/sh\n"[..], &bytes].concat();
        let member = find(&behind, Some("c.csv")).unwrap();
        assert_eq!(unpack(&behind, &member).unwrap(), b"lon,lat\n1,2\n");
        let said = find(&names(&["x.pdf"]), Some("x.csv")).unwrap_err();
        assert!(said.contains("has no member 'x.csv'; it holds x.pdf"), "{said}");
        let said = find(&names(&["x.csv", "x.csv"]), Some("x.csv")).unwrap_err();
        assert!(said.contains("2 members that are called 'x.csv'"), "{said}");
        let said = find(b"lon,lat\n1,2\n", Some("x.csv")).unwrap_err();
        assert!(said.contains("is no zip archive"), "{said}");
    }

    #[test]
    fn names_may_lead_anywhere() {
        // The writer does not write such names.
        let mut bytes = names(&["__/__/evil.csv"]);
        for at in 0..bytes.len() - 5 {
            if &bytes[at..at + 5] == b"__/__" {
                bytes[at..at + 5].copy_from_slice(b"../..");
            }
        }
        let member = find(&bytes, None).unwrap();
        assert_eq!(member.name, "../../evil.csv");
        assert_eq!(unpack(&bytes, &member).unwrap(), b"lon,lat\n1,2\n");
    }

    #[test]
    fn the_end_is_found_before_a_comment_that_looks_like_one() {
        let plain = names(&["a.csv"]);
        let zeros = [&b"PK\x05\x06"[..], &[0; 30]].concat();
        for comment in [&b"PK\x05\x06"[..], b"see PK\x05\x06 there", &[b'P', b'K', 5, 6, 255, 255, 255, 255], &zeros] {
            let mut bytes = plain.clone();
            let len = bytes.len();
            bytes[len - 2..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
            bytes.extend_from_slice(comment);
            assert_eq!(find(&bytes, None).unwrap().name, "a.csv", "{comment:x?}");
            let long = [&plain[..len - 2], &[44, 1], comment, &vec![b'x'; 300 - comment.len()]].concat();
            assert_eq!(find(&long, None).unwrap().name, "a.csv", "{comment:x?}");
        }
        // Bytes behind the end.
        assert_eq!(find(&[&plain[..], b"\n"].concat(), None).unwrap().name, "a.csv");
    }

    #[test]
    fn directories_have_a_bound() {
        let many = archive((0..MOST_MEMBERS).map(|i| format!("{i}.csv")));
        assert!(find(&many, Some("65535.csv")).is_ok());
        let said = find(&many, None).unwrap_err();
        assert!(said.contains("65536 files") && said.contains("9.csv and 65526 more"), "{said}");
        let more = archive((0..=MOST_MEMBERS).map(|i| format!("{i}.csv")));
        assert!(find(&more, Some("1.csv")).unwrap_err().contains("more than 65536 members"));
        let long = "x".repeat(65_000);
        let longer = archive((0..260).map(|i| format!("{long}{i}.csv")));
        assert!(find(&longer, None).unwrap_err().contains("very long names"));
        let said = find(&archive((0..9).map(|i| format!("{long}{i}.csv"))), None).unwrap_err();
        assert!(said.len() < 3000, "{}", said.len());
    }

    #[test]
    fn damaged_archives_are_refused_or_read_and_nothing_else() {
        let whole = names(&["a/b.csv", "README.txt", "__MACOSX/c.csv"]);
        let member = find(&whole, None).unwrap();
        let expected = unpack(&whole, &member).unwrap();
        // Any state but zero does.
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = move |most: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % most as u64) as usize
        };
        let mut read = 0;
        for _ in 0..30_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(6) {
                    0 => bytes[at] = 0xff,
                    1 => bytes[at] = random(256) as u8,
                    2 => bytes[at] ^= 1 << random(8),
                    3 => bytes.truncate(at.max(1)),
                    4 => _ = bytes.splice(at..at, [0xff; 4]),
                    _ => bytes.extend_from_within(at..),
                }
            }
            for wanted in [None, Some("a/b.csv")] {
                if let Ok(member) = find(&bytes, wanted)
                    && let Ok(text) = unpack(&bytes, &member)
                {
                    assert_eq!(text, expected);
                    read += 1;
                }
            }
        }
        assert!(read > 1000, "{read}");
    }
}
