//! Rows of a text -> coordinates, without making records: only the wanted fields are looked at, the others are counted.
//!
//! Two ways with one result: `fast` for a row of plain decimals without quotes, `general` for every row. `fast` gives up
//! at anything it does not know, and `general` judges the row.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::cut::quote;
use super::decimal::{decimal, for_each, parts};
use super::layout::{Layout, Wanted, Within, columns_of};
use crate::project::Coordinate;
use crate::rows::Reason;
use crate::source::Batch;
use crate::source::cell::{Unmet, Verdict};
use crate::source::choice::Choice;
use crate::source::dialect::Dialect;
use crate::source::key::{KeyCache, Keyed, Keyer};
use crate::source::options::{Decimal, Delimiter, Quoting};
use crate::source::shown::shown;
use crate::source::tally::Tally;
use crate::source::weight::{Weighed, Weigher};

/// Characters of a row that are shown.
pub(super) const SHOWN: usize = 60;
/// Rows after which a stretch of which none is wanted is told of.
const CHOSEN: u64 = 1 << 16;
/// Ends a file that was written under CP/M or DOS.
const CTRL_Z: u8 = 0x1a;

/// A place in a text, always at the start of a row.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Whether there are quotes that mean anything.
    quoted: bool,
    /// Whether the text ends where `bytes` do.
    last: bool,
    layout: &'a Layout,
    wanted: Option<Wanted>,
    at: usize,
    /// Where `bytes` begin in the text.
    offset: u64,
    /// The wanted fields of the row at hand, from the first to the last.
    fields: Vec<Content<'a>>,
    /// Where those begin and end in a plain row, where more is looked at than coordinates.
    places: Vec<(usize, usize)>,
}

/// What is used of a row: its coordinate, and what it weighs and its key if that is asked for.
type Used = (Coordinate, Option<i64>, Option<u16>);

/// What a plain row is.
enum Plain {
    /// Wanted, what it weighs and its key if that is asked for, and where the next one begins.
    Row(Coordinate, Option<Weighed>, Option<Keyed>, usize),
    /// Not wanted.
    Unmet(Unmet, usize),
}

/// What is looked at in a row beside its coordinates.
#[derive(Clone, Copy)]
struct Asked<'a> {
    choice: Option<&'a Choice>,
    weigher: Option<&'a Weigher>,
    keyer: Option<&'a Keyer>,
}

/// A row as it was found.
struct Row {
    /// Its fields.
    count: usize,
    /// Whether fields that it has beyond its header hold anything.
    longer: bool,
    /// Whether it ends within quotes.
    open: bool,
    /// Whether text follows the quotes of a field.
    behind: bool,
    /// Whether quotes that took in line ends end within a field: a quote that should not have opened.
    swallows: bool,
    /// Whether text follows quotes that took in a delimiter: two fields may have become one.
    merges: bool,
    /// Whether a line end ends it.
    ended: bool,
}

impl<'a> Cursor<'a> {
    /// At the start of `bytes`, whole rows, which begin at an offset of the text; `quoted` unless there is no quote in them;
    /// `last` if the text ends with them.
    pub(super) fn new((bytes, offset): (&'a [u8], u64), quoted: bool, last: bool, layout: &'a Layout) -> Self {
        let quoted = quoted && layout.dialect.quotes();
        let (wanted, fields, places) = (layout.plain(), Vec::new(), Vec::new());
        Self { bytes, quoted, last, layout, wanted, at: 0, offset, fields, places }
    }

    /// Reads rows until `batch` is `full` coordinates long or there are no more (false then), or one ends the reading. `known`
    /// are the keys that this thread met.
    pub(super) fn fill(&mut self, (batch, known): (&mut Batch, &mut KeyCache), full: usize, tally: &mut Tally) -> bool {
        match self.layout.dialect.decimal {
            Decimal::Point => self.fill_as::<b'.'>((batch, known), full, tally),
            Decimal::Comma | Decimal::CommaAlone => self.fill_as::<b','>((batch, known), full, tally),
        }
    }

    fn fill_as<const POINT: u8>(
        &mut self,
        (batch, known): (&mut Batch, &mut KeyCache),
        full: usize,
        tally: &mut Tally,
    ) -> bool {
        let layout = self.layout;
        let asked =
            Asked { choice: layout.choice.as_ref(), weigher: layout.weigher.as_ref(), keyer: layout.keyer.as_ref() };
        match (asked, self.wanted) {
            (Asked { choice: None, weigher: Some(weigher), keyer: None }, Some(wanted))
                if weigher.column > wanted.second =>
            {
                self.fill_weighed::<POINT>(batch, full, tally, wanted, weigher)
            }
            (Asked { choice: None, weigher: None, keyer: Some(keyer) }, Some(wanted))
                if keyer.column > wanted.second =>
            {
                self.fill_keyed::<POINT>((batch, known), full, tally, wanted, keyer)
            }
            (Asked { choice: None, weigher: None, keyer: None }, None) => {
                self.fill_by(&mut batch.coordinates, full, tally, |_| None)
            }
            (Asked { choice: None, weigher: None, keyer: None }, Some(wanted)) => {
                self.fill_by(&mut batch.coordinates, full, tally, |cursor| cursor.fast::<POINT>(wanted))
            }
            _ => self.fill_asked::<POINT>((batch, known), full, tally, asked),
        }
    }

    #[inline(always)]
    fn fill_by(
        &mut self,
        batch: &mut Vec<Coordinate>,
        full: usize,
        tally: &mut Tally,
        fast: impl Fn(&Self) -> Option<(Coordinate, usize)>,
    ) -> bool {
        while batch.len() < full {
            if let Some((coordinate, next)) = fast(self) {
                batch.push(coordinate);
                tally.rows += 1;
                self.at = next;
                continue;
            }
            if !self.step(batch, tally) {
                return false;
            }
        }
        true
    }

    /// The same where rows have keys behind their coordinates, and all are wanted.
    fn fill_keyed<const POINT: u8>(
        &mut self,
        (batch, known): (&mut Batch, &mut KeyCache),
        full: usize,
        tally: &mut Tally,
        wanted: Wanted,
        keyer: &Keyer,
    ) -> bool {
        let bytes = self.bytes;
        while batch.len() < full {
            if let Some((coordinate, cell, next)) = self.keyed::<POINT>(wanted, keyer) {
                let cell = &bytes[cell.0..cell.1];
                let key = keyer.key(cell, known);
                if key.timeless {
                    tally.timeless(cell);
                }
                batch.coordinates.push(coordinate);
                batch.keys.push(key.number);
                tally.rows += 1;
                self.at = next;
                continue;
            }
            if !self.step_by((batch, known), tally) {
                return false;
            }
        }
        true
    }

    /// The same where rows have weights, and all are wanted.
    fn fill_weighed<const POINT: u8>(
        &mut self,
        batch: &mut Batch,
        full: usize,
        tally: &mut Tally,
        wanted: Wanted,
        weigher: &Weigher,
    ) -> bool {
        while batch.len() < full {
            if let Some((coordinate, weighed, cell, next)) = self.weighed::<POINT>(wanted, weigher) {
                if let Some(power) = weighed.rounded {
                    tally.round(power, &self.bytes[cell.0..cell.1]);
                }
                batch.coordinates.push(coordinate);
                batch.weights.push(weighed.steps);
                tally.rows += 1;
                self.at = next;
                continue;
            }
            if !self.step_by((batch, &mut KeyCache::default()), tally) {
                return false;
            }
        }
        true
    }

    /// The row at the cursor with its key's cell and where the next one starts, if it is a plain one as [`Cursor::fast`] has it
    /// and its key comes behind its coordinates.
    #[inline(always)]
    fn keyed<const POINT: u8>(&self, wanted: Wanted, keyer: &Keyer) -> Option<(Coordinate, (usize, usize), usize)> {
        let (delimiter, fields) = (wanted.delimiter, keyer.column - wanted.second);
        let (coordinate, after, end) = self.pair_before::<POINT>(wanted)?;
        let at = self.skip(after, end, fields - 1, delimiter)?;
        let to = memchr(delimiter, &self.bytes[at..end]).map_or(end, |len| at + len);
        let more = fields + if to < end { memchr_iter(delimiter, &self.bytes[to..end]).count() } else { 0 };
        (wanted.least..=wanted.room).contains(&more).then(|| (coordinate, (at, to), self.behind(end)))
    }

    /// The row at the cursor with what it weighs, where that stands and where the next one starts, if it is a plain one as
    /// [`Cursor::fast`] has it and its weight comes behind its coordinates.
    #[inline(always)]
    fn weighed<const POINT: u8>(
        &self,
        wanted: Wanted,
        weigher: &Weigher,
    ) -> Option<(Coordinate, Weighed, (usize, usize), usize)> {
        let (delimiter, fields) = (wanted.delimiter, weigher.column - wanted.second);
        let (coordinate, after, end) = self.pair_before::<POINT>(wanted)?;
        let at = self.skip(after, end, fields - 1, delimiter)?;
        let (weighed, to) = match parts::<POINT>(self.bytes, at, delimiter) {
            Some((negative, number, places, to)) => (weigher.in_steps(negative, number, places as u32)?, to),
            None => {
                let to = memchr(delimiter, &self.bytes[at..end]).map_or(end, |len| at + len);
                (weigher.short::<POINT>(&self.bytes[at..to])?, to)
            }
        };
        // Fields behind the second coordinate: one begins behind each delimiter.
        let more = fields + memchr_iter(delimiter, &self.bytes[to..end]).count();
        (wanted.least..=wanted.room).contains(&more).then(|| (coordinate, weighed, (at, to), self.behind(end)))
    }

    /// The coordinate of the row at the cursor, where the field behind its second number begins and where its line ends, if it
    /// is a plain one as [`Cursor::fast`] has it and has such a field.
    #[inline(always)]
    fn pair_before<const POINT: u8>(&self, wanted: Wanted) -> Option<(Coordinate, usize, usize)> {
        let (delimiter, start) = (wanted.delimiter, self.at);
        let line = &self.bytes[start..];
        let line = &line[..memchr2(b'\n', b'\r', line)?];
        if line.is_empty() || (self.quoted && memchr(b'"', line).is_some()) {
            return None;
        }
        if self.layout.dialect.comment.is_some() && line.first().copied() == self.layout.dialect.comment {
            return None;
        }
        let end = start + line.len();
        let at = self.skip(start, end, wanted.first, delimiter)?;
        let (first, mut after) = decimal::<POINT>(self.bytes, at, delimiter)?;
        let mut second = first;
        if wanted.second > wanted.first {
            if *self.bytes.get(after)? != delimiter {
                return None;
            }
            let at = self.skip(after + 1, end, wanted.second - wanted.first - 1, delimiter)?;
            (second, after) = decimal::<POINT>(self.bytes, at, delimiter)?;
        }
        if *self.bytes.get(after)? != delimiter {
            return None;
        }
        let (x, y) = if wanted.swapped { (second, first) } else { (first, second) };
        Some((Coordinate { x, y }, after + 1, end))
    }

    /// The same where not all rows are wanted, or where they have weights or keys.
    fn fill_asked<const POINT: u8>(
        &mut self,
        (batch, known): (&mut Batch, &mut KeyCache),
        full: usize,
        tally: &mut Tally,
        asked: Asked<'_>,
    ) -> bool {
        let (from, bytes) = (self.layout.span.0, self.bytes);
        // A stretch of unwanted rows is as good as a batch, so that who waits for a stop is heard.
        let rows = tally.rows + CHOSEN;
        while batch.len() < full && tally.rows < rows {
            match self.wanted.and_then(|wanted| self.asked::<POINT>(wanted, asked, known)) {
                Some(Plain::Row(coordinate, weighed, keyed, next)) => {
                    if let (Some(Weighed { steps, rounded }), Some(weigher)) = (weighed, asked.weigher) {
                        batch.weights.push(steps);
                        if let Some(power) = rounded {
                            let cell = plain_field(bytes, &self.places, weigher.column - from);
                            tally.round(power, &cell.unwrap_or_default());
                        }
                    }
                    if let (Some(Keyed { number, timeless }), Some(keyer)) = (keyed, asked.keyer) {
                        batch.keys.push(number);
                        if timeless {
                            let cell = plain_field(bytes, &self.places, keyer.column - from);
                            tally.timeless(&cell.unwrap_or_default());
                        }
                    }
                    batch.coordinates.push(coordinate);
                    tally.rows += 1;
                    self.at = next;
                }
                Some(Plain::Unmet(unmet, next)) => {
                    if let Some(choice) = asked.choice {
                        tally.pass_over(choice, unmet, |column| plain_field(bytes, &self.places, column - from));
                    }
                    self.at = next;
                }
                None => {
                    if !self.step_by((batch, known), tally) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Reads the row at the cursor whatever it holds, or passes over what is none; false where there is no more.
    #[inline]
    fn step(&mut self, batch: &mut Vec<Coordinate>, tally: &mut Tally) -> bool {
        self.step_to(&mut KeyCache::default(), tally, |(coordinate, ..)| batch.push(coordinate))
    }

    /// The same where rows have more than coordinates.
    fn step_by(&mut self, (batch, known): (&mut Batch, &mut KeyCache), tally: &mut Tally) -> bool {
        self.step_to(known, tally, |(coordinate, weight, key)| {
            batch.coordinates.push(coordinate);
            batch.weights.extend(weight);
            batch.keys.extend(key);
        })
    }

    /// The same; `push` takes the row if it is to be used.
    #[inline]
    fn step_to(&mut self, known: &mut KeyCache, tally: &mut Tally, push: impl FnOnce(Used)) -> bool {
        match self.bytes.get(self.at) {
            None => return false,
            Some(b'\n' | b'\r') => {
                self.at += 1;
                return true;
            }
            Some(_) => (),
        }
        let start = self.at;
        match self.general(known, tally) {
            None => (),
            Some(Ok(Ok(row))) => {
                push(row);
                tally.rows += 1;
            }
            Some(Err(Verdict::Out(reason))) => tally.reject(reason, || self.shown(reason, start)),
            Some(Ok(Err(unmet))) => {
                let (from, _) = self.layout.span;
                let field = |column: usize| self.fields.get(column - from).map(|f| f.value(self.layout.dialect));
                let layout = self.layout;
                if let Some(choice) = &layout.choice {
                    tally.pass_over(choice, unmet, field);
                }
            }
            Some(Err(Verdict::Ends(problem))) => {
                tally.rows += 1;
                tally.ends.get_or_insert((tally.rows, problem));
                self.at = self.bytes.len();
            }
        }
        true
    }

    /// The row at the cursor, if it is a plain one, as [`Cursor::fast`] has it; keeps where its fields are.
    #[inline(always)]
    fn asked<const POINT: u8>(&mut self, wanted: Wanted, asked: Asked<'_>, known: &mut KeyCache) -> Option<Plain> {
        let (delimiter, start) = (wanted.delimiter, self.at);
        let rest = &self.bytes[start..];
        let line = &rest[..memchr2(b'\n', b'\r', rest)?];
        if line.is_empty() || (self.quoted && memchr(b'"', line).is_some()) {
            return None;
        }
        if self.layout.dialect.comment.is_some() && line.first().copied() == self.layout.dialect.comment {
            return None;
        }
        let (from, to) = self.layout.span;
        self.places.clear();
        // Delimiters so far, and where the field behind the last one begins.
        let (mut column, mut at) = (0, 0);
        let places = &mut self.places;
        for_each(delimiter, line, |end| {
            if (from..=to).contains(&column) {
                places.push((start + at, start + end));
            }
            at = end + 1;
            column += 1;
            true
        });
        if (from..=to).contains(&column) {
            places.push((start + at, start + line.len()));
        }
        // Fields behind the second coordinate.
        let behind = column.checked_sub(wanted.second)?;
        if !(wanted.least..=wanted.room).contains(&behind) {
            return None;
        }
        let number = |column: usize| {
            let &(from, to) = self.places.get(column - from)?;
            decimal::<POINT>(self.bytes, from, delimiter).filter(|(_, end)| *end == to).map(|(number, _)| number)
        };
        let (first, second) = (number(wanted.first)?, number(wanted.second)?);
        let next = self.behind(start + line.len());
        let field = |column: usize| plain_field(self.bytes, &self.places, column - from);
        let place = self.offset + start as u64;
        if let Some(choice) = asked.choice
            && let Some(unmet) = choice.unmet(self.layout.dialect.decimal, field, (line, place))
        {
            return Some(Plain::Unmet(unmet, next));
        }
        let weighed = match asked.weigher {
            Some(weigher) => {
                let &(begin, end) = self.places.get(weigher.column - from)?;
                Some(match parts::<POINT>(self.bytes, begin, delimiter) {
                    Some((negative, number, places, to)) if to == end => {
                        weigher.in_steps(negative, number, places as u32)?
                    }
                    _ => weigher.short::<POINT>(&self.bytes[begin..end])?,
                })
            }
            None => None,
        };
        let keyed = match asked.keyer {
            Some(keyer) => {
                let &(begin, end) = self.places.get(keyer.column - from)?;
                Some(keyer.key(&self.bytes[begin..end], known))
            }
            None => None,
        };
        let (x, y) = if wanted.swapped { (second, first) } else { (first, second) };
        Some(Plain::Row(Coordinate { x, y }, weighed, keyed, next))
    }

    /// The row at the cursor and where the next one starts, if it is a plain one: two decimals, no quotes, as many
    /// fields as it should have. `POINT` separates the decimals.
    #[inline(always)]
    fn fast<const POINT: u8>(&self, wanted: Wanted) -> Option<(Coordinate, usize)> {
        let delimiter = wanted.delimiter;
        let mut at = self.at;
        let mut end = None;
        if wanted.first > 0 || self.quoted {
            let line = &self.bytes[at..];
            let line = &line[..memchr2(b'\n', b'\r', line)?];
            if self.quoted && memchr(b'"', line).is_some() {
                return None;
            }
            // No number begins with what begins a comment.
            if self.layout.dialect.comment.is_some() && line.first().copied() == self.layout.dialect.comment {
                return None;
            }
            end = Some(at + line.len());
            at = self.skip(at, at + line.len(), wanted.first, delimiter)?;
        }
        let (first, mut after) = decimal::<POINT>(self.bytes, at, delimiter)?;
        let mut second = first;
        if wanted.second > wanted.first {
            if *self.bytes.get(after)? != delimiter {
                return None;
            }
            at = after + 1;
            if wanted.second > wanted.first + 1 {
                let line_end = match end {
                    Some(end) => end,
                    None => at + memchr2(b'\n', b'\r', &self.bytes[at..])?,
                };
                end = Some(line_end);
                at = self.skip(at, line_end, wanted.second - wanted.first - 1, delimiter)?;
            }
            (second, after) = decimal::<POINT>(self.bytes, at, delimiter)?;
        }
        let coordinate =
            if wanted.swapped { Coordinate { x: second, y: first } } else { Coordinate { x: first, y: second } };
        match *self.bytes.get(after)? {
            b'\n' if wanted.least == 0 => Some((coordinate, after + 1)),
            b'\r' if wanted.least == 0 => Some((coordinate, self.behind(after))),
            byte if byte == delimiter && wanted.room > 0 => {
                let end = match end {
                    Some(end) => end,
                    None => after + memchr2(b'\n', b'\r', &self.bytes[after..])?,
                };
                // One field begins behind each.
                let more = memchr_iter(delimiter, &self.bytes[after..end]).count();
                (wanted.least..=wanted.room).contains(&more).then(|| (coordinate, self.behind(end)))
            }
            _ => None,
        }
    }

    /// The place behind the line end at `end`, which may be two bytes long.
    #[inline]
    fn behind(&self, end: usize) -> usize {
        end + 1 + usize::from(self.bytes[end] == b'\r' && self.bytes.get(end + 1) == Some(&b'\n'))
    }

    /// The start of the field `fields` after the one at `at`, within the line that ends at `end`.
    #[inline]
    fn skip(&self, mut at: usize, end: usize, fields: usize, delimiter: u8) -> Option<usize> {
        for _ in 0..fields {
            at += memchr(delimiter, &self.bytes[at..end])? + 1;
        }
        Some(at)
    }

    /// Judges the row at the cursor, whatever it holds, and moves behind it; `None` where that is no row. Of a row that is not
    /// wanted it tells why; what one weighs and its key, where that is asked for.
    fn general(&mut self, known: &mut KeyCache, tally: &mut Tally) -> Option<Result<Result<Used, Unmet>, Verdict>> {
        let layout = self.layout;
        let start = self.at;
        if layout.dialect.comment.is_some() && self.bytes.get(start).copied() == layout.dialect.comment {
            self.at = start + memchr2(b'\n', b'\r', &self.bytes[start..]).unwrap_or(self.bytes.len() - start);
            let line = &self.bytes[start..self.at];
            let other = layout.commented
                && layout.within(line.len(), || fields(line[1..].trim_ascii_start(), layout.dialect))
                    == Within::OtherHeader;
            return other.then(|| Err(other_header(line)));
        }
        if self.last && self.bytes[start..].iter().all(|&byte| byte == CTRL_Z) {
            self.at = self.bytes.len();
            return None;
        }
        if layout.dialect.delimiter == Delimiter::Blanks {
            self.pass_blanks();
            if self.bytes.get(self.at).is_none_or(|byte| matches!(byte, b'\n' | b'\r')) {
                return None;
            }
        } else if is_blank(self.bytes.get(start), layout.dialect) {
            let rest = &self.bytes[start..];
            let blanks = rest.iter().position(|&byte| !is_blank(Some(&byte), layout.dialect)).unwrap_or(rest.len());
            if rest.get(blanks).is_none_or(|byte| matches!(byte, b'\n' | b'\r')) {
                self.at = start + blanks;
                return None;
            }
        }
        let row = self.row();
        let wrong = row.longer || row.open || row.swallows || layout.uneven(row.count, row.behind);
        let (from, _) = layout.span;
        let field =
            |column: usize| column.checked_sub(from).and_then(|i| self.fields.get(i)).map(|f| f.value(layout.dialect));
        // What a row with the wrong fields holds nobody knows.
        let unmet = layout.choice.as_ref().filter(|_| !wrong).and_then(|choice| {
            let line = trim_end(&self.bytes[start..self.at]);
            choice.unmet(layout.dialect.decimal, field, (line, self.offset + start as u64))
        });
        // Without the field a row weighs nothing that is known.
        let weigh = |weigher: &Weigher| {
            let cell = field(weigher.column).unwrap_or_default();
            weigher.weigh(&cell, layout.dialect.decimal).map(|weighed| (weighed, cell))
        };
        let verdict = match layout.take.coordinate(layout.dialect.decimal, field) {
            Ok(_) if row.longer && self.glued(start) => Err(other_header(&self.bytes[start..self.at])),
            Ok(_) if wrong => Err(Reason::Malformed.into()),
            Ok(coordinate) => match (unmet, layout.weigher.as_ref().map(weigh).transpose()) {
                (Some(unmet), _) => Ok(Err(unmet)),
                (None, Err(verdict)) => Err(verdict),
                (None, Ok(weighed)) => {
                    if row.count < layout.named {
                        let number = tally.rows + 1;
                        let text = || shown(&self.bytes[start..self.at], SHOWN);
                        tally.shorter.1.get_or_insert_with(|| (number, text()));
                        tally.shorter.0 += 1;
                    }
                    if row.merges {
                        let number = tally.rows + 1;
                        let text = || shown(&self.bytes[start..self.at], SHOWN);
                        tally.merged.1.get_or_insert_with(|| (number, text()));
                        tally.merged.0 += 1;
                    }
                    if let Some((Weighed { rounded: Some(power), .. }, cell)) = &weighed {
                        tally.round(*power, cell);
                    }
                    // One without the field has none.
                    let key = layout.keyer.as_ref().map(|keyer| {
                        let cell = field(keyer.column).unwrap_or_default();
                        let Keyed { number, timeless } = keyer.key(&cell, known);
                        if timeless {
                            tally.timeless(&cell);
                        }
                        number
                    });
                    Ok(Ok((coordinate, weighed.map(|(weighed, _)| weighed.steps), key)))
                }
            },
            Err(Verdict::Out(reason)) => {
                let text = matches!(reason, Reason::NotANumber | Reason::Malformed | Reason::NotAPoint) && !row.open;
                let bytes = &self.bytes[start..self.at.min(self.bytes.len())];
                let other = text && layout.within(bytes.len(), || fields(bytes, layout.dialect)) == Within::OtherHeader
                    || row.longer && self.glued(start);
                if other {
                    Err(other_header(bytes))
                } else if row.longer || layout.exact && row.count < layout.width {
                    Err(Reason::Malformed.into())
                } else {
                    unmet.map_or(Err(reason.into()), |unmet| Ok(Err(unmet)))
                }
            }
            Err(ends) => Err(ends),
        };
        if row.open || row.swallows {
            let text = &self.bytes[start..self.at];
            let ends = |end: u8| memchr_iter(end, text.trim_ascii_end()).count();
            let lines = ends(b'\n').max(ends(b'\r'));
            let how = if row.open { "is never closed" } else { "is closed within a field" };
            let text = format!("{how}, {lines} lines further on ('{}')", shown(text, SHOWN));
            let number = tally.rows + 1;
            tally.swallowed.get_or_insert((number, text));
        }
        if self.last && !row.ended && !row.open && self.looks_cut(&row) {
            tally.cut = Some(shown(&self.bytes[start..], SHOWN));
        }
        Some(verdict)
    }

    /// Whether the row at `start`, just read, has a header behind it whose line end is missing between them, and another
    /// one than its own.
    fn glued(&self, start: usize) -> bool {
        let row = &self.bytes[start..self.at];
        self.layout.glued(row.len(), || fields(row, self.layout.dialect))
    }

    /// Whether the last row of a text, which has no line end, looks cut off.
    fn looks_cut(&self, row: &Row) -> bool {
        let layout = self.layout;
        if row.count < layout.named {
            return true;
        }
        let ((from, _), (_, to)) = (layout.span, layout.take.span());
        if row.count == to + 1
            && self.fields.get(to - from).is_some_and(|field| layout.unfinished(&field.value(layout.dialect)))
        {
            return true;
        }
        let Some(usual) = layout.decimals else { return false };
        let point = layout.dialect.decimal.mark();
        let last = self.fields.get(to - from).map(|field| field.value(layout.dialect));
        last.is_some_and(|value| decimals(&value, point) < usual)
    }

    /// Takes the row at the cursor apart and moves behind it.
    fn row(&mut self) -> Row {
        let (from, to) = self.layout.span;
        let width = self.layout.width;
        let mut row =
            Row { count: 0, longer: false, open: false, behind: false, swallows: false, merges: false, ended: true };
        self.fields.clear();
        loop {
            // Behind the wanted fields the others are but counted.
            if row.count == to + 1 && self.count_rest(&mut row) {
                break;
            }
            let (field, more) = self.field(&mut row);
            if (from..=to).contains(&row.count) {
                self.fields.push(field);
            }
            if row.count >= width && !field.blank() {
                row.longer = true;
            }
            row.count += 1;
            if !more {
                break;
            }
        }
        self.at = self.at.min(self.bytes.len());
        row
    }

    /// Counts the fields up to the end of the row and moves behind it, where no quote is on the way.
    fn count_rest(&mut self, row: &mut Row) -> bool {
        let Delimiter::Byte(delimiter) = self.layout.dialect.delimiter else { return false };
        let rest = &self.bytes[self.at..];
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        if self.quoted && memchr(b'"', line).is_some() {
            return false;
        }
        let behind = self.layout.width.saturating_sub(row.count);
        row.count += memchr_iter(delimiter, line).count() + 1;
        if row.count > self.layout.width {
            // What begins behind the last of the fields that should be.
            let from =
                if behind == 0 { 0 } else { memchr_iter(delimiter, line).nth(behind - 1).map_or(end, |at| at + 1) };
            row.longer |= line[from..].iter().any(|&byte| byte != delimiter && !byte.is_ascii_whitespace());
        }
        row.ended = end < rest.len();
        self.at += end + 1;
        true
    }

    fn pass_blanks(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
    }

    /// The field at the cursor; moves behind its delimiter or its row's end (false then).
    fn field(&mut self, row: &mut Row) -> (Content<'a>, bool) {
        let (bytes, dialect) = (self.bytes, self.layout.dialect);
        let (field, end) = field(bytes, self.at, dialect);
        if let Content::Quoted { inner, rest, closed } = field {
            row.open |= !closed;
            let behind = !rest.trim_ascii().is_empty();
            row.behind |= behind;
            row.swallows |= behind && memchr2(b'\n', b'\r', inner).is_some();
            row.merges |= behind && inner.iter().any(|&byte| dialect.separates(byte));
        }
        self.at = end + 1;
        let more = match dialect.delimiter {
            Delimiter::Byte(delimiter) => bytes.get(end) == Some(&delimiter),
            Delimiter::Blanks => {
                self.at = end.min(bytes.len());
                self.pass_blanks();
                match bytes.get(self.at) {
                    None => false,
                    Some(b'\n' | b'\r') => {
                        self.at += 1;
                        return (field, false);
                    }
                    Some(_) => true,
                }
            }
        };
        row.ended = more || end < bytes.len();
        (field, more)
    }

    /// The wanted fields of the row just read, or its start where they are not to be had, for a person.
    fn shown(&self, reason: Reason, start: usize) -> Vec<u8> {
        if reason == Reason::Malformed {
            let row = self.bytes[start..self.at].trim_ascii();
            return row[..row.len().min(4 * SHOWN + 1)].to_vec();
        }
        let (from, _) = self.layout.span;
        let columns = match self.layout.weigher {
            Some(weigher) if reason.is_of_weight() => vec![weigher.column],
            _ => columns_of(&self.layout.take),
        };
        let mut shown = Vec::new();
        for column in columns {
            let Some(field) = self.fields.get(column - from) else { continue };
            if !shown.is_empty() {
                shown.extend_from_slice(b", ");
            }
            let value = field.value(self.layout.dialect);
            shown.extend_from_slice(&value[..value.len().min(4 * SHOWN)]);
        }
        shown
    }
}

/// A row without its line end.
fn trim_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// A field of a plain row by its place among those that are looked at.
#[inline]
fn plain_field<'a>(bytes: &'a [u8], places: &[(usize, usize)], at: usize) -> Option<Cow<'a, [u8]>> {
    let &(from, to) = places.get(at)?;
    bytes.get(from..to).map(Cow::Borrowed)
}

/// Why a header within the text ends the reading.
fn other_header(bytes: &[u8]) -> Verdict {
    Verdict::Ends(format!(
        "it names other columns than the header of this input, or in another order, so the rows behind it mean something \
         else: {}; split the input there",
        shown(bytes, SHOWN)
    ))
}

/// The field of `bytes` at `start` and where it ends: at its delimiter, its row's end, or the end of all.
fn field(bytes: &[u8], start: usize, dialect: Dialect) -> (Content<'_>, usize) {
    let mut open = start;
    if dialect.padded {
        open += bytes[start..].iter().position(|&byte| byte != b' ').unwrap_or(0);
    }
    if !dialect.quotes() || bytes.get(open) != Some(&b'"') {
        let end = start + field_end(&bytes[start..], dialect);
        return (Content::Plain(&bytes[start..end]), end);
    }
    let from = open + 1;
    let mut at = from;
    let closed = loop {
        let rest = &bytes[at.min(bytes.len())..];
        let found = match dialect.quoting {
            Quoting::Backslash => memchr2(b'"', b'\\', rest),
            _ => quote(rest),
        };
        match found {
            None => break None,
            Some(found) if rest[found] == b'\\' => at += found + 2,
            Some(found) if rest.get(found + 1) == Some(&b'"') => at += found + 2,
            Some(found) => break Some(at + found),
        }
    };
    let Some(closed) = closed else {
        return (Content::Quoted { inner: &bytes[from..], rest: &[], closed: false }, bytes.len());
    };
    // What follows a closing quote belongs to the field, up to its delimiter.
    let rest = &bytes[closed + 1..];
    let end = field_end(rest, dialect);
    (Content::Quoted { inner: &bytes[from..closed], rest: &rest[..end], closed: true }, closed + 1 + end)
}

/// Where a field without quotes ends.
fn field_end(rest: &[u8], dialect: Dialect) -> usize {
    match (rest.first(), dialect.delimiter) {
        (Some(&byte), _) if dialect.ends(byte) => 0,
        (_, Delimiter::Byte(delimiter)) => memchr3(delimiter, b'\n', b'\r', rest).unwrap_or(rest.len()),
        (_, Delimiter::Blanks) => rest.iter().position(|&byte| dialect.ends(byte)).unwrap_or(rest.len()),
    }
}

/// More fields than any table has. A row is taken apart up to one more of them, so that memory stays bounded.
pub(super) const WIDEST: usize = 1 << 16;

/// Whether a byte is a blank that separates no fields: a line of nothing else is no row.
pub(super) fn is_blank(byte: Option<&u8>, dialect: Dialect) -> bool {
    byte.is_some_and(|byte| matches!(byte, b' ' | b'\t') && dialect.delimiter != Delimiter::Byte(*byte))
}

/// The fields of one row, unquoted.
pub(super) fn fields(row: &[u8], dialect: Dialect) -> Vec<Vec<u8>> {
    let (mut all, mut at) = (Vec::new(), 0);
    let blanks = dialect.delimiter == Delimiter::Blanks;
    let pass = |at: usize| {
        let rest = row.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| !blanks || !matches!(byte, b' ' | b'\t')).unwrap_or(rest.len())
    };
    at = pass(at);
    loop {
        let (content, end) = field(row, at, dialect);
        all.push(content.value(dialect).into_owned());
        let next = if blanks { pass(end) } else { end };
        match row.get(next) {
            None | Some(b'\n' | b'\r') => return all,
            Some(_) if all.len() > WIDEST => return all,
            Some(_) => at = if blanks { next } else { next + 1 },
        }
    }
}

/// Digits behind the last `point` of a value.
pub(super) fn decimals(value: &[u8], point: u8) -> usize {
    let value = value.trim_ascii();
    value.iter().rposition(|&byte| byte == point).map_or(0, |at| value.len() - at - 1)
}

/// A field's text where it stands.
#[derive(Debug, Clone, Copy)]
enum Content<'a> {
    Plain(&'a [u8]),
    /// Between quotes, and behind them.
    Quoted {
        inner: &'a [u8],
        rest: &'a [u8],
        closed: bool,
    },
}

impl<'a> Content<'a> {
    /// What the field holds, without its quotes.
    fn value(&self, dialect: Dialect) -> Cow<'a, [u8]> {
        let (inner, rest) = match *self {
            Self::Plain(text) => return Cow::Borrowed(text),
            Self::Quoted { inner, rest, .. } => (inner, rest),
        };
        let escapes = dialect.quoting == Quoting::Backslash && memchr(b'\\', inner).is_some();
        if rest.is_empty() && !escapes && memchr(b'"', inner).is_none() {
            return Cow::Borrowed(inner);
        }
        let mut text = Vec::with_capacity(inner.len() + rest.len());
        let mut bytes = inner.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            text.push(match byte {
                b'"' => bytes.next_if_eq(&b'"').unwrap_or(byte),
                b'\\' if escapes => bytes.next_if(|next| matches!(next, b'"' | b'\\')).unwrap_or(byte),
                _ => byte,
            });
        }
        text.extend_from_slice(rest);
        Cow::Owned(text)
    }

    /// Whether it holds nothing but blanks.
    fn blank(&self) -> bool {
        match self {
            Self::Plain(text) => text.trim_ascii().is_empty(),
            Self::Quoted { inner, rest, .. } => inner.trim_ascii().is_empty() && rest.trim_ascii().is_empty(),
        }
    }
}
