//! Text with one row a line and a delimiter between its fields: CSV and its relatives.
//!
//! A piece is a range of the file, handed out by arithmetic; of a stream it is what was read under the lock. The thread
//! that took it reads it, guesses that it begins outside of quotes and looks where its rows end. When its turn comes it
//! learns from the piece before (`chain`) whether that was so, else looks again, and passes on what the next one needs.
//! Only then are rows decoded (`scan`), so nothing is ever taken back. The row that began in the piece before is put
//! together and decoded here; the one that ends in a later piece is passed on.

mod chain;
mod cut;
mod head;
#[cfg(test)]
mod plain;
mod scan;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::{Arc, Mutex};

use self::chain::{Chain, Link, in_order_since};
use self::cut::{Begin, Cut, cut};
use self::scan::{Cursor, Wanted};
use super::columns;
use super::format::{About, BATCH, Desk, Outlet, Piece, Source, Tally};
use super::input::{Bytes, lock};
use super::stop::Stop;
use super::{Delimiter, Input, ReadOptions};
use crate::error::{Error, Result};

/// A row longer than this, in bytes, is taken for the work of a quote that was left open. One such row and all else fit
/// into what a run may take beside `--memory`.
const ROW_MAX: usize = 48 << 20;
/// Rows longer than so many pieces are worked on one at a time, or every thread might hold one.
const LARGE_ROW: usize = 4;

/// An open text.
pub(super) struct Delimited {
    about: About,
    bytes: Bytes,
    delimiter: u8,
    wanted: Wanted,
    place: Mutex<Place>,
    chain: Chain,
}

/// How far the text was handed out.
struct Place {
    /// Of the next piece.
    number: u64,
    /// Of its first byte.
    offset: u64,
    ended: bool,
}

impl Delimited {
    /// A text whose first bytes are `head`.
    pub(super) fn open(
        bytes: Bytes,
        head: Vec<u8>,
        input: &Input,
        options: &ReadOptions,
        projected: bool,
        stop: &Stop<'_>,
    ) -> Result<Self> {
        let delimiter = match options.delimiter {
            None => b',',
            Some(Delimiter::Byte(byte)) => byte,
            Some(Delimiter::Blanks) => b' ',
        };
        if !delimiter.is_ascii() || delimiter.is_ascii_alphanumeric() || b" \"\r\n\0+-.".contains(&delimiter) {
            let shown = delimiter.escape_ascii();
            return Err(Error::Usage(format!(
                "fields cannot be separated by '{shown}'; use a comma, ';', '|' or a tab"
            )));
        }
        let (first, end, mark) = head::first_record(&bytes, head, input, delimiter, stop)?;
        let columns =
            columns::find(&first, options, projected).map_err(|problem| Error::Input(format!("{input}: {problem}")))?;
        let [x, y] = &columns.names;
        let (what_x, what_y) = if projected { ("easting", "northing") } else { ("longitude", "latitude") };
        let header = if columns.header { "" } else { " (no header)" };
        let notice = format!("{input}: {what_x} from column '{x}', {what_y} from column '{y}'{header}");
        let offset = if columns.header { end } else { mark };
        if let Bytes::Stream(stream) = &bytes {
            lock(stream).skip(offset);
        }
        Ok(Self {
            about: About {
                name: input.to_string(),
                columns: columns.names,
                header: columns.header,
                notice,
                crs: options.system().clone(),
                bytes: bytes.size(),
            },
            bytes,
            delimiter,
            wanted: Wanted::new(columns.x, columns.y),
            place: Mutex::new(Place { number: 0, offset, ended: false }),
            chain: Chain::new(),
        })
    }
}

impl Source for Delimited {
    fn about(&self) -> &About {
        &self.about
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
                let left = file.size().saturating_sub(offset);
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
        let mut cuts = Cuts { bytes, quote, delimiter: text.delimiter, spans, known: Vec::new() };
        cuts.of(Begin::Outside);
        let link = match text.chain.try_turn(self.number) {
            Some(link) => link,
            None => {
                // Rather than idle.
                if quote.is_some() {
                    cuts.of(Begin::Inside);
                }
                out.apart(|out| text.chain.turn(self.number, out.stop))?
            }
        };
        let from = out.monitor.now();
        let cut = cuts.of(link.quotes.begin(bytes.first().copied()));
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

        let mut tally = Tally::default();
        if !row.is_empty() {
            text.rows(&row, cut::quote(&row).is_some(), &mut tally, out)?;
        }
        drop(row);
        drop(alone);
        if head < whole {
            text.rows(&bytes[head..whole], quote.is_some(), &mut tally, out)?;
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
            "{}: the row that begins at byte {begin} does not end within {} MiB; is a quote left open? It begins with: {}",
            self.text.about.name,
            ROW_MAX >> 20,
            String::from_utf8_lossy(&row[..60.min(row.len())]).escape_debug()
        ))
    }
}

impl Delimited {
    /// Decodes whole rows; only the last one of the text may lack its line end.
    fn rows(&self, bytes: &[u8], quoted: bool, tally: &mut Tally, out: &mut Outlet<'_>) -> Result<()> {
        let mut cursor = Cursor::new(bytes, quoted, self.delimiter, self.wanted);
        while cursor.fill(&mut out.batch.coordinates, BATCH, tally) {
            out.flush()?;
        }
        Ok(())
    }
}

/// The cuts of a piece for the ways in which it may begin, each made when it is first asked for.
struct Cuts<'a> {
    bytes: &'a [u8],
    quote: Option<usize>,
    delimiter: u8,
    spans: &'a mut Vec<(u32, u32)>,
    known: Vec<(Begin, Cut)>,
}

impl Cuts<'_> {
    fn of(&mut self, begin: Begin) -> Cut {
        if let Some(&(_, cut)) = self.known.iter().find(|(known, _)| *known == begin) {
            return cut;
        }
        let cut = cut(self.bytes, self.quote, begin, self.delimiter, self.spans);
        self.known.push((begin, cut));
        cut
    }
}
