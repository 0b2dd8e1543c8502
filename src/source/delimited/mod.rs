//! Text with one row a line and a delimiter between its fields: CSV and its relatives.
//!
//! A piece is a range of the file, handed out by arithmetic; of a stream it is what was read under the lock. The thread
//! that took it reads it, guesses that it begins outside of quotes and looks where its rows end. When its turn comes it
//! learns from the piece before (`chain`) whether that was so, else looks again, and passes on what the next one needs.
//! Only then are rows decoded (`scan`), so nothing is ever taken back. The row that began in the piece before is put
//! together and decoded here; the one that ends in a later piece is passed on.

mod chain;
mod cut;
mod decimal;
mod detect;
mod layout;
#[cfg(test)]
mod plain;
mod scan;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use self::chain::{Chain, Link, in_order_since};
use self::cut::{Cut, Quotes, cut};
pub(super) use self::detect::table;
use self::detect::{Found, detect};
use self::layout::Layout;
use self::scan::Cursor;
use super::cell::Axis;
use super::dialect::Dialect;
use super::format::{About, BATCH, Desk, Outlet, Piece, Source};
use super::hash;
use super::input::{Bytes, lock};
use super::key::KeyTable;
use super::kinds;
use super::stop::Stop;
use super::take::Take;
use super::tally::Tally;
use super::{Delimiter, Input, ReadOptions};
use crate::error::{Error, Result};

/// A row longer than this, in bytes, is taken for the work of a quote that was left open. One such row and all else fit
/// into what a run may take beside `--memory`.
const ROW_MAX: usize = 48 << 20;
/// A first record longer than this is no header and no row.
const HEAD_MAX: usize = 16 << 20;
/// Rows longer than so many pieces are worked on one at a time, or every thread might hold one.
const LARGE_ROW: usize = 4;

/// An open text.
pub(super) struct Delimited {
    about: About,
    bytes: Bytes,
    layout: Layout,
    /// Whether the hashes of its lines are added up.
    hashed: bool,
    place: Mutex<Place>,
    chain: Chain,
}

/// How far the text was handed out.
struct Place {
    /// Of the next piece.
    number: u64,
    /// Of its first byte.
    offset: u64,
    /// Where rows of a file end: with it, or with the share that is read.
    end: u64,
    ended: bool,
}

impl Delimited {
    /// A text whose first bytes are `head`, and whose rows have the keys of a table if there is one; `encoding` is what it was in where that is worth to be told.
    pub(super) fn open(
        bytes: Bytes,
        head: Vec<u8>,
        input: &Input,
        (options, keys): (&ReadOptions, Option<&Arc<KeyTable>>),
        encoding: Option<&str>,
        projected: bool,
        stop: &Stop<'_>,
    ) -> Result<Self> {
        check(options)?;
        let Found { layout, chosen, offset, remark, table } = look(&bytes, head, input, options, projected, stop)?;
        let lacking = |problem: String| Error::Usage(format!("{input}: {problem}"));
        let layout = layout.choosing(options, keys, chosen.shift).map_err(lacking)?;
        let axes = match layout.take {
            Take::Two { x, .. } => x.axis,
            Take::One { axes, .. } => axes[0],
        };
        let projected = axes == Axis::Projected;
        let (what_x, what_y) = if projected { ("easting", "northing") } else { ("longitude", "latitude") };
        let [x, y] = &chosen.names;
        let taken = match layout.take {
            Take::Two { .. } => format!("{what_x} from column '{x}', {what_y} from column '{y}'"),
            Take::One { .. } => format!("{what_x} and {what_y} from column '{x}'"),
        };
        let weight = options.weight.as_ref().map(|weight| weight.column.to_string());
        let weighed = weight.as_ref().map_or(String::new(), |column| format!(", weight from column '{column}'"));
        let key = layout.keyer.as_ref().map(|keyer| keyer.by().to_string());
        let keyed = key.as_ref().map_or(String::new(), |by| format!(", by '{by}'"));
        let header = if chosen.header { "" } else { " (no header)" };
        let remark = if remark.is_empty() { remark } else { format!("; {remark}") };
        let encoding = encoding.map(|name| format!(" ({name})")).unwrap_or_default();
        let notice = format!("{input}: {taken}{weighed}{keyed}{header}{encoding}{remark}");
        if let Bytes::Stream(stream) = &bytes {
            lock(stream).skip(offset as u64);
        }
        Ok(Self {
            about: About {
                name: input.to_string(),
                columns: chosen.names,
                weight,
                key,
                header: chosen.header,
                notice,
                crs: chosen.crs.unwrap_or_else(|| options.system().clone()),
                projected,
                bytes: bytes.size(),
                table,
                notices: chosen.notices.into_iter().map(|notice| notice.of(input)).collect(),
            },
            bytes,
            layout,
            hashed: options.hashed,
            place: Mutex::new(Place { number: 0, offset: offset as u64, end: u64::MAX, ended: false }),
            chain: Chain::new(),
        })
    }
}

/// Refuses what no text can be read by.
fn check(options: &ReadOptions) -> Result<()> {
    let part_of_numbers = |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"\"\r\n\0+-.".contains(&byte);
    if let Some(Delimiter::Byte(byte)) = options.delimiter
        && (part_of_numbers(byte) || byte == b' ')
    {
        let shown = byte.escape_ascii();
        return Err(Error::Usage(format!(
            "fields cannot be separated by '{shown}'; use a comma, ';', '|', a tab or blanks"
        )));
    }
    if let Some(byte) = options.comment
        && (part_of_numbers(byte) || matches!(byte, b' ' | b'\t'))
    {
        let shown = byte.escape_ascii();
        return Err(Error::Usage(format!("comments cannot begin with '{shown}'; use a character such as '#' or '%'")));
    }
    Ok(())
}

/// Looks at as much of the text as its first record takes.
fn look(
    bytes: &Bytes,
    mut head: Vec<u8>,
    input: &Input,
    options: &ReadOptions,
    projected: bool,
    stop: &Stop<'_>,
) -> Result<Found> {
    let mut most = head.len();
    let failed = |problem: String| Error::Input(format!("{input}: {problem}"));
    let named = options.geometry.is_some() || (options.x.is_some() && options.y.is_some());
    loop {
        // The first look may have been at less than was asked for: what follows tells.
        let complete = head.len() < most;
        if let Some(problem) = not_text(&head) {
            return Err(Error::Input(format!("{input} {problem}")));
        }
        match detect(&head, complete, options, projected) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => (),
            Err(problem) => {
                return Err(match kinds::rows(&head).filter(|_| !named) {
                    Some(what) => Error::Input(format!("{input} {what}")),
                    None => failed(problem),
                });
            }
        }
        if complete {
            return Err(Error::Input(format!(
                "{input} {}; a CSV file with a header and rows is needed",
                nothing(&head, options)
            )));
        }
        if head.len() >= HEAD_MAX {
            return Err(failed(format!(
                "the first record does not end within {} MiB; is a quote left open?",
                HEAD_MAX >> 20
            )));
        }
        most = 2 * head.len().max(1 << 15);
        bytes.head(&mut head, most, stop)?;
    }
}

/// What a text without a record is.
fn nothing(text: &[u8], options: &ReadOptions) -> String {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.is_empty() {
        "is empty".into()
    } else if text.trim_ascii().is_empty() {
        "holds nothing but blank lines".into()
    } else if options.skip > 0 {
        format!("holds nothing behind the first {} lines, which --skip passes over", options.skip)
    } else {
        "holds nothing but comments and blank lines".into()
    }
}

/// What a file is by its first bytes, when that is not text in UTF-8 or a relative of ASCII.
fn not_text(head: &[u8]) -> Option<String> {
    // With its mark, or as ASCII: UTF-16 was made UTF-8 before.
    let wide = |unit: &[u8; 4]| matches!(unit, [1..=127, 0, 0, 0] | [0, 0, 0, 1..=127]);
    let (units, _) = head.as_chunks::<4>();
    if head.starts_with(b"\xff\xfe\0\0")
        || head.starts_with(b"\0\0\xfe\xff")
        || units.iter().take(3).all(wide) && units.len() > 2
    {
        return Some("is UTF-32 text; convert it to UTF-8 first (iconv -f UTF-32 -t UTF-8)".into());
    }
    // A stray byte in a column that is not used does no harm.
    let strange = head.iter().filter(|byte| matches!(byte, 0..8 | 14..26 | 28..32)).count();
    (strange > head.len() / 20).then(|| "is a binary file, not CSV text".into())
}

impl Source for Delimited {
    fn about(&self) -> &About {
        &self.about
    }

    fn forget_table(&mut self) {
        self.about.table = Vec::new();
    }

    fn divides(&self) -> bool {
        matches!(self.bytes, Bytes::File(_))
    }

    fn share(&mut self, bytes: Range<u64>, stop: &Stop<'_>) -> Result<Range<u64>> {
        let begin = lock(&self.place).offset;
        let share = match &self.bytes {
            Bytes::File(file) => {
                let size = file.size();
                let from = self.row_at(bytes.start, (begin, size), stop)?;
                from..self.row_at(bytes.end, (from, size), stop)?
            }
            Bytes::Stream(_) => bytes,
        };
        let mut place = lock(&self.place);
        if self.divides() {
            place.offset = share.start;
        }
        place.ended = share.is_empty();
        place.end = share.end;
        Ok(share)
    }

    fn pull<'a>(&'a self, desk: &mut Desk, stop: &Stop<'_>) -> Result<Option<Box<dyn Piece + 'a>>> {
        let mut place = lock(&self.place);
        if place.ended {
            return Ok(None);
        }
        let (number, offset) = (place.number, place.offset);
        let mut handle = None;
        let len = match &self.bytes {
            Bytes::File(file) => {
                handle = Some(file.handle()?);
                // Pieces end at multiples of their size, which are starts of pages.
                let most = desk.piece as u64 - offset % desk.piece as u64;
                let left = file.size().min(place.end).saturating_sub(offset);
                place.ended = left <= most;
                if place.ended {
                    file.rest();
                }
                left.min(most) as usize
            }
            Bytes::Stream(stream) => {
                let most = desk.piece;
                let len = lock(stream).fill(desk.room(most), stop)?;
                place.ended = len < most;
                len
            }
        };
        place.number += 1;
        place.offset += len as u64;
        Ok(Some(Box::new(Stretch { text: self, handle, number, offset, len, last: place.ended })))
    }

    fn verify(&self) -> Result<()> {
        self.bytes.verify()
    }
}

/// A piece of a text.
struct Stretch<'a> {
    text: &'a Delimited,
    /// The file, kept open as long as there are pieces of it.
    handle: Option<Arc<File>>,
    number: u64,
    /// Of its first byte, within the text.
    offset: u64,
    /// Its length in bytes; those of a stream lie on the desk already.
    len: usize,
    /// Whether the text ends with it.
    last: bool,
}

impl Piece for Stretch<'_> {
    fn decode(self: Box<Self>, desk: &mut Desk, out: &mut Outlet<'_>) -> Result<Tally> {
        let text = self.text;
        let large = LARGE_ROW * desk.piece;
        self.read(desk)?;
        text.bytes.count(self.len, out.monitor);
        let (bytes, spans) = desk.parts(self.len);
        let quote = cut::quote(bytes);
        let mut cuts = Cuts { bytes, quote, dialect: text.layout.dialect, spans, known: Vec::new() };
        cuts.of(Quotes::Start);
        let link = match text.chain.try_turn(self.number) {
            Some(link) => link,
            None => {
                // Rather than idle.
                if quote.is_some() && text.layout.dialect.quotes() {
                    cuts.of(Quotes::Open);
                }
                out.apart(|out| text.chain.turn(self.number, out.stop))?
            }
        };
        let from = out.monitor.now();
        let cut = cuts.of(link.quotes);
        let mut row = link.carry;
        let whole = if self.last { bytes.len() } else { cut.last };
        // What of this piece belongs to the row that began before it.
        let head = match (row.is_empty(), cut.first) {
            (true, Some(_)) => 0,
            (_, Some(first)) => first,
            (_, None) => bytes.len(),
        };
        if row.len() + head > large {
            out.apart(|out| text.chain.await_large(out.stop))?;
        }
        row.extend_from_slice(&bytes[..head]);
        let done = self.last || cut.first.is_some();
        if row.len() > ROW_MAX {
            return Err(self.too_long(&row, head));
        }
        let alone = (done && row.len() > large).then(|| text.chain.begin_large());
        let carry = if done { bytes[whole..].to_vec() } else { std::mem::take(&mut row) };
        text.chain.pass(self.number, Link { quotes: cut.end.unwrap_or(link.quotes), carry });
        in_order_since(out.monitor, from);

        let mut tally = out.tally();
        // Where the rows of this piece alone begin, from the start of the text.
        let own = self.offset + head as u64;
        if !row.is_empty() {
            let from = own - row.len() as u64;
            text.rows((&row, from), cut::quote(&row).is_some(), self.last, &mut tally, out)?;
        }
        drop(row);
        drop(alone);
        if head < whole && tally.ends.is_none() {
            text.rows((&bytes[head..whole], own), quote.is_some(), self.last, &mut tally, out)?;
        }
        Ok(tally)
    }
}

impl Stretch<'_> {
    /// Puts the piece's bytes onto the desk.
    fn read(&self, desk: &mut Desk) -> Result<()> {
        let (Bytes::File(file), Some(handle)) = (&self.text.bytes, &self.handle) else { return Ok(()) };
        file.read_at(handle, desk.room(self.len), self.offset)
    }

    /// The error for a row that does not end; `head` of its bytes are of this piece.
    fn too_long(&self, row: &[u8], head: usize) -> Error {
        let begin = self.offset + head as u64 - row.len() as u64;
        Error::Input(format!(
            "{}: the row that begins at byte {begin} does not end within {} MiB; is a quote left open? Close it, \
             or read quotes as plain characters with --quote none. It begins with: {}",
            self.text.about.name,
            ROW_MAX >> 20,
            String::from_utf8_lossy(&row[..60.min(row.len())]).escape_debug()
        ))
    }
}

/// Bytes that are looked through at a time for where a row begins.
const LOOK: u64 = 1 << 20;

impl Delimited {
    /// The first row that begins at `target` or behind it, in a file of which a row begins at `known`, as its quotes are
    /// from there on; the end of the file where there is none.
    fn row_at(&self, target: u64, (known, size): (u64, u64), stop: &Stop<'_>) -> Result<u64> {
        let Bytes::File(file) = &self.bytes else { return Ok(target) };
        if target <= known || target >= size {
            return Ok(target.clamp(known, size.max(known)));
        }
        let handle = file.handle()?;
        let (mut at, mut state, mut spans) = (known, Quotes::Row, Vec::new());
        let mut room = vec![0; LOOK as usize];
        while at < size {
            stop.check()?;
            let end = if at < target { target } else { size };
            let bytes = &mut room[..(end - at).min(LOOK) as usize];
            file.read_at(&handle, bytes, at)?;
            let cut = cut(bytes, cut::quote(bytes), state, self.layout.dialect, &mut spans);
            if at >= target {
                if state == Quotes::Row {
                    return Ok(at);
                }
                if let Some(first) = cut.first {
                    return Ok(at + first as u64);
                }
            }
            state = cut.end.unwrap_or(state);
            at += bytes.len() as u64;
        }
        Ok(size)
    }

    /// Decodes whole rows, the first of which begins at an offset of the text; only the last one of the text may lack its
    /// line end.
    fn rows(
        &self,
        (bytes, offset): (&[u8], u64),
        quoted: bool,
        last: bool,
        tally: &mut Tally,
        out: &mut Outlet<'_>,
    ) -> Result<()> {
        if self.hashed {
            tally.hash = tally.hash.wrapping_add(hash::lines(bytes));
        }
        let mut cursor = Cursor::new((bytes, offset), quoted, last, &self.layout);
        while cursor.fill((&mut out.batch, &mut out.known), BATCH, tally) {
            out.flush(tally)?;
        }
        Ok(())
    }
}

/// The cuts of a piece for the ways in which it may begin, each made when it is first asked for.
struct Cuts<'a> {
    bytes: &'a [u8],
    quote: Option<usize>,
    dialect: Dialect,
    spans: &'a mut Vec<(u32, u32)>,
    known: Vec<(Quotes, Cut)>,
}

impl Cuts<'_> {
    fn of(&mut self, begin: Quotes) -> Cut {
        let begin = begin.alike(self.bytes.first().copied(), self.dialect);
        if let Some(&(_, cut)) = self.known.iter().find(|(known, _)| *known == begin) {
            return cut;
        }
        let cut = cut(self.bytes, self.quote, begin, self.dialect, self.spans);
        self.known.push((begin, cut));
        cut
    }
}
