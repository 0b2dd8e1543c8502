//! What the first bytes of a text tell: its dialect, where its header is and its first row begins, which columns are
//! taken. Candidates are tried on the first lines and compared by what comes out: a header in which coordinates are
//! found, numbers in the rows, and rows with as many fields as it names. What a person said is not looked for.

use std::collections::HashSet;

use super::cut::Quotes;
use super::layout::{Layout, columns_of, is_number};
use super::scan;
use crate::source::columns::{self, Chosen, Table};
use crate::source::describe::{ColumnAbout, describe};
use crate::source::dialect::Dialect;
use crate::source::options::{Decimal, Delimiter, Header, Quoting, ReadOptions};
use crate::source::shown::shown;
use crate::source::take::Take;

/// Records that the header is looked for in, and by which dialects are compared.
const FIRST: usize = 100;
/// Records behind the first that columns are chosen by.
const SAMPLE: usize = 1000;
/// Fields of all of these together: rows of many are looked at in smaller numbers.
const FIELDS: usize = 1 << 18;
/// Columns in which both coordinates are looked for.
const GEOMETRIES: usize = 100;
/// A row whose decimals are compared needs so many others.
const ENOUGH: usize = 20;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) layout: Layout,
    pub(super) chosen: Chosen,
    /// Where the first row begins, from the start of the text.
    pub(super) offset: usize,
    /// What of it a person should know, unless it is the plain way: one part of a line.
    pub(super) remark: String,
    /// The columns.
    pub(super) table: Vec<ColumnAbout>,
}

/// A record of the head: its place and its fields, unquoted.
#[derive(Debug, Clone)]
struct Record {
    start: usize,
    end: usize,
    fields: Vec<Vec<u8>>,
}

/// The records of a head as one dialect sees them.
#[derive(Debug, Default)]
struct Records {
    all: Vec<Record>,
    /// Comment lines before the first of them, without what begins them.
    comments: Vec<Record>,
}

/// Looks at the first bytes of a text, all there are where `complete`. `None` when they end before the first record
/// does; the problem where no coordinates are found, or the text is none.
pub(super) fn detect(
    head: &[u8],
    complete: bool,
    options: &ReadOptions,
    projected: bool,
) -> Result<Option<Found>, String> {
    let mut start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for _ in 0..options.skip {
        match line_end(head, start) {
            Some(end) => start = end,
            None if complete => start = head.len(),
            None => return Ok(None),
        }
        if start == head.len() {
            break;
        }
    }
    let said = separator_line(head, start);
    if let Some((_, end)) = said {
        start = end;
    }
    let delimiter = options.delimiter.or(said.map(|(delimiter, _)| delimiter));
    let see = See { head, start, complete, options, projected };
    let found = see.best(delimiter).and_then(|best| match best {
        Some(best) => see.found(&best, options.delimiter.is_none()),
        None => Ok(None),
    });
    found.map_err(|problem| see.explained(problem, delimiter))
}

/// The columns of a text from which no coordinates are read.
pub(in crate::source) fn table(head: &[u8], options: &ReadOptions) -> Vec<ColumnAbout> {
    let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let see = See { head, start, complete: true, options, projected: options.crs.is_some() };
    let Ok(Some(tried)) = see.best(options.delimiter) else { return Vec::new() };
    let records = see.records(tried.dialect, SAMPLE);
    let is_row = |record: &Record| record.fields.iter().any(|field| is_number(field));
    let header = match tried.header {
        Some(at) => Some(at),
        None => records.all.first().filter(|first| !is_row(first)).map(|_| At::Record(0)),
    };
    let names = header.map_or(&[][..], |at| &records.at(at).fields);
    let behind = match header {
        Some(At::Record(at)) => records.all.get(at + 1..).unwrap_or_default(),
        _ => &records.all[..],
    };
    let rows: Vec<_> = behind.iter().map(|record| record.fields.clone()).collect();
    describe(names, &rows, vote(rows.iter(), |_| true, Groups::Count).unwrap_or_default())
}

/// What is looked at, and with which wishes.
#[derive(Clone, Copy)]
struct See<'a> {
    head: &'a [u8],
    /// Where the text begins, behind what was passed over.
    start: usize,
    complete: bool,
    options: &'a ReadOptions,
    projected: bool,
}

/// A dialect and what comes out of it.
#[derive(Debug)]
struct Tried {
    dialect: Dialect,
    /// The record that is the header.
    header: Option<At>,
    /// Whether that is one field alone.
    alone: bool,
    /// Fields of most rows.
    fields: usize,
    /// Shares of rows that have as many fields as they should, in percent.
    even: usize,
    /// Numbers in a row, at most two.
    numbers: usize,
    /// Fields that are numbers, in percent.
    share: usize,
    /// Whether a field of each row holds both coordinates.
    geometry: bool,
}

/// Where a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Among the records.
    Record(usize),
    /// Among the comments before them.
    Comment(usize),
}

impl Tried {
    /// What is better comes later. Of equals the one that is tried first is taken.
    fn rank(&self) -> (bool, usize, usize, usize, bool) {
        (self.header.is_some() || self.geometry, self.numbers, self.even / 10, self.share / 10, self.fields > 1)
    }
}

impl See<'_> {
    /// The dialect that fits best; `None` where nothing can be said yet.
    fn best(&self, delimiter: Option<Delimiter>) -> Result<Option<Tried>, String> {
        let text = &self.head[self.start..];
        let one_by_one = [b',', b';', b'\t', b'|'].map(Delimiter::Byte);
        let delimiters: Vec<_> = match delimiter {
            Some(delimiter) => vec![delimiter],
            None => one_by_one
                .into_iter()
                .filter(|d| *d == Delimiter::Byte(b',') || matches!(d, Delimiter::Byte(b) if text.contains(b)))
                .collect(),
        };
        let mut best: Option<Tried> = None;
        for delimiter in delimiters {
            let Some(tried) = self.with(delimiter) else { return Ok(None) };
            if best.as_ref().is_none_or(|best| tried.rank() > best.rank()) {
                best = Some(tried);
            }
        }
        let Some(best) = best else { return Ok(None) };
        let found = best.header.is_some() || best.geometry;
        // Names in quotes with blanks between them are one field to any other dialect.
        let several = best.fields > 1 && !best.alone;
        if delimiter.is_some() || (found && best.even >= 50 && (several || best.numbers > 0)) {
            return Ok(Some(best));
        }
        let Some(blanks) = self.with(Delimiter::Blanks) else { return Ok(Some(best)) };
        if blanks.fields < 2 || blanks.numbers < 2 || blanks.rank() <= best.rank() {
            return Ok(Some(best));
        }
        if best.fields > 1 && (blanks.header.is_none() || blanks.even < 100) {
            return Ok(Some(best));
        }
        if blanks.header.is_none() || blanks.even < 100 {
            let records = self.records(blanks.dialect, FIRST).all;
            let line = records.iter().find(|r| r.fields.iter().filter(|f| is_number(f)).count() > 1);
            let shown = line.map_or(String::new(), |r| shown(&self.head[r.start..r.end], scan::SHOWN));
            return Err(format!(
                "the fields look as if they stand in columns of a fixed width ('{shown}'); save it as CSV, or say \
                 --delimiter blanks where every run of blanks separates two fields"
            ));
        }
        Ok(Some(blanks))
    }

    /// What comes of one delimiter; with the quotes that make the rows even. `None` where no record is whole.
    fn with(&self, delimiter: Delimiter) -> Option<Tried> {
        let mut dialect = Dialect {
            quoting: self.options.quoting,
            comment: self.options.comment,
            ..Dialect::separated_by(delimiter)
        };
        let text = &self.head[self.start..];
        let hash = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'#');
        if dialect.comment.is_none() && hash {
            dialect.comment = Some(b'#');
            if self.records(dialect, 1).all.is_empty() {
                dialect.comment = None;
            }
        }
        let tried = self.try_out(dialect)?;
        let found = tried.header.is_some() || tried.geometry;
        if (found && tried.even == 100 && tried.numbers > 1)
            || !text.contains(&b'"')
            || dialect.quoting != Quoting::Doubled
        {
            return Some(tried);
        }
        let mut others = Vec::new();
        if text.windows(2).any(|pair| pair == b"\\\"") {
            others.push(Dialect { quoting: Quoting::Backslash, ..dialect });
        }
        if delimiter != Delimiter::Blanks && text.windows(2).any(|pair| pair == b" \"") {
            others.push(Dialect { padded: true, ..dialect });
        }
        let other = others.into_iter().filter_map(|dialect| self.try_out(dialect));
        Some(other.fold(tried, |best, other| {
            let better = other.even == 100 && other.header.is_some() >= best.header.is_some();
            let worse =
                best.even < 100 || (other.header.is_some() && best.header.is_none()) || other.numbers > best.numbers;
            if better && worse { other } else { best }
        }))
    }

    fn try_out(&self, dialect: Dialect) -> Option<Tried> {
        let records = self.records(dialect, FIRST + 20);
        if records.all.is_empty() && records.comments.is_empty() {
            return None;
        }
        let header = self.header(&records);
        let rows = match header {
            Some(At::Record(at)) => &records.all[at + 1..],
            _ => &records.all[..],
        };
        let named = header.map(|at| records.at(at).fields.len());
        let fields = most(rows.iter().map(|row| row.fields.len())).or(named).unwrap_or(0);
        let mut norm = named.unwrap_or(fields);
        // As R writes: each row begins with a name of its own, which the header has no word for.
        if dialect.delimiter == Delimiter::Blanks && norm > 1 && rows.iter().all(|row| row.fields.len() == norm + 1) {
            norm += 1;
        }
        let even = rows.iter().filter(|row| row.fields.len() == norm).count();
        let usual: Vec<_> = rows.iter().filter(|row| row.fields.len() == fields).collect();
        let names = records.all.first().map_or(&[][..], |first| &first.fields);
        let geometry = fields > 1
            && header.is_none()
            && (0..names.len().min(GEOMETRIES)).any(|column| {
                let cells: Vec<&[u8]> =
                    usual.iter().skip(1).filter_map(|row| Some(row.fields.get(column)?.as_slice())).collect();
                columns::is_geometry(&names[column], &cells)
            });
        let numbers: usize = usual.iter().map(|row| row.fields.iter().filter(|f| is_number(f)).count()).sum();
        Some(Tried {
            dialect,
            header,
            alone: named == Some(1),
            fields,
            even: (100 * even).checked_div(rows.len()).unwrap_or(100),
            // Half of the rows may lack one.
            numbers: if geometry {
                2
            } else if fields < 2 {
                0
            } else {
                ((2 * numbers).div_ceil(usual.len().max(1)) / 2).min(2)
            },
            share: (100 * numbers).checked_div(usual.len() * fields).unwrap_or(0),
            geometry,
        })
    }

    /// Up to `limit` records that are whole.
    fn records(&self, dialect: Dialect, limit: usize) -> Records {
        let mut records = Records::default();
        let (mut state, mut start) = (Quotes::Row, self.start);
        let mut room = FIELDS;
        let mut add = |start: usize, end: usize| {
            let row = &self.head[start..end];
            if dialect.comment.is_some() && row.first().copied() == dialect.comment {
                if records.all.is_empty() && records.comments.len() < FIRST {
                    let text = row[1..].trim_ascii_start();
                    records.comments.push(Record { start, end, fields: scan::fields(text, dialect) });
                }
            } else if !row.iter().all(|byte| matches!(byte, b'\n' | b'\r') || scan::is_blank(Some(byte), dialect)) {
                let fields = scan::fields(row, dialect);
                room = room.saturating_sub(fields.len());
                records.all.push(Record { start, end, fields });
            }
            records.all.len() < limit && room > 0
        };
        for (i, &byte) in self.head.iter().enumerate().skip(self.start) {
            state = state.next(byte, dialect);
            if state == Quotes::Row {
                if !add(start, i + 1) {
                    return records;
                }
                start = i + 1;
            }
        }
        if self.complete && start < self.head.len() {
            add(start, self.head.len());
        }
        records
    }

    /// The header among the first records: the first that names coordinates and that no row comes before.
    fn header(&self, records: &Records) -> Option<At> {
        if self.options.header == Header::No {
            return None;
        }
        let numbers = |record: &Record| record.fields.iter().filter(|field| is_number(field)).count();
        let mut rows = HashSet::new();
        // A title may hold the words of a header.
        let mut title = None;
        for (at, record) in records.all.iter().take(FIRST).enumerate() {
            let (count, numeric) = (record.fields.len(), numbers(record));
            let row_before = count > 1 && rows.contains(&count);
            if numeric > 0 {
                rows.insert(count);
            }
            if 2 * numeric > count {
                continue;
            }
            if at > 0 {
                let behind: Vec<_> = records.all[at + 1..].iter().take(10).collect();
                let long = behind.iter().filter(|row| row.fields.len() >= count).count();
                if count == 1 || 2 * long < behind.len() || row_before {
                    continue;
                }
            }
            if columns::is_header(&record.fields, self.options, self.projected) {
                if at == 0 && count == 1 {
                    title = Some(At::Record(at));
                    continue;
                }
                return Some(At::Record(at));
            }
        }
        if title.is_some() {
            return title;
        }
        let comments = records.comments.iter().enumerate().rev();
        comments
            .filter(|(_, record)| 2 * numbers(record) <= record.fields.len())
            .find(|(_, record)| columns::is_header(&record.fields, self.options, self.projected))
            .map(|(at, _)| At::Comment(at))
    }

    /// A problem with what else may be its cause: a header that comes later than it is looked for.
    fn explained(&self, problem: String, delimiter: Option<Delimiter>) -> String {
        if self.options.header == Header::No {
            return problem;
        }
        let one_by_one = [b',', b';', b'\t', b'|'].map(Delimiter::Byte);
        let delimiters = delimiter.map_or(one_by_one.to_vec(), |delimiter| vec![delimiter]);
        let (mut first, mut long) = (None, false);
        for delimiter in delimiters {
            let dialect = Dialect { comment: self.options.comment, ..Dialect::separated_by(delimiter) };
            let records = self.records(dialect, usize::MAX).all;
            let numbers = |record: &Record| record.fields.iter().filter(|field| is_number(field)).count();
            let rows = records.iter().take(FIRST).filter(|record| numbers(record) > 1).count();
            long |= records.len() > FIRST && 10 * rows < FIRST;
            let header = records.windows(2).skip(FIRST).find(|two| {
                let [record, next] = two else { return false };
                let count = record.fields.len();
                count > 1
                    && 2 * numbers(record) <= count
                    && next.fields.len() >= count
                    && columns::is_header(&record.fields, self.options, self.projected)
            });
            first = first.into_iter().chain(header.map(|two| two[0].start)).min();
        }
        match first {
            Some(start) => {
                let lines = self.lines_before(start);
                format!(
                    "{problem}; line {} looks like a header, behind the first {FIRST} in which one is looked for: give \
                     --skip {lines}",
                    lines + 1
                )
            }
            None if long && self.options.skip == 0 => format!(
                "{problem}; a header is looked for in the first {FIRST} lines: where it comes later, give --skip N, which \
                 passes over N lines"
            ),
            None => problem,
        }
    }

    /// Lines before a place of the text.
    fn lines_before(&self, place: usize) -> usize {
        let (mut lines, mut at) = (0, 0);
        while let Some(end) = line_end(self.head, at).filter(|end| *end <= place) {
            (lines, at) = (lines + 1, end);
        }
        lines
    }

    /// Chooses the columns by what the dialect makes of the head.
    fn found(&self, tried: &Tried, looked_for: bool) -> Result<Option<Found>, String> {
        let mut dialect = tried.dialect;
        let records = self.records(dialect, SAMPLE + FIRST);
        let first = match tried.header {
            Some(at) => at,
            // A title may stand before rows whose columns were given by their places.
            None if self.options.header == Header::No => At::Record(0),
            None => At::Record(records.all.iter().position(|r| r.fields.len() >= tried.fields).unwrap_or(0)),
        };
        let behind = match first {
            At::Record(at) => records.all.get(at + 1..),
            At::Comment(_) => Some(&records.all[..]),
        };
        let Some(behind) = behind else { return Ok(None) };
        let record = records.at(first);
        if record.fields.len() > scan::WIDEST {
            return Err(format!(
                "the first record has more than {} fields, which is no table of points; is {} what separates them?",
                scan::WIDEST,
                dialect.delimiter
            ));
        }
        let mut counts = Vec::with_capacity(behind.len());
        let rows: Vec<Vec<Vec<u8>>> = behind
            .iter()
            .take(SAMPLE)
            .map(|row| {
                let mut fields = row.fields.clone();
                // Blank fields beyond the header do no harm.
                while fields.len() > record.fields.len() && fields.last().is_some_and(|f| f.trim_ascii().is_empty()) {
                    fields.pop();
                }
                counts.push(fields.len());
                fields
            })
            .collect();
        let choose = |decimal| {
            let table = Table { first: &record.fields, rows: &rows, decimal };
            columns::choose(&table, self.options, self.projected)
        };
        let whole = || rows.iter().chain(std::iter::once(&record.fields));
        let (chosen, decimal) = match self.options.decimal {
            Some(decimal) => (choose(decimal)?, decimal),
            None => {
                let likely = vote(whole(), |_| true, Groups::Count).unwrap_or(Decimal::Point);
                let other = if likely == Decimal::Point { Decimal::CommaAlone } else { Decimal::Point };
                // What the columns that are taken hold has the last word.
                let says = |chosen: &Chosen, decimal| {
                    let used = columns_of(&chosen.take);
                    vote(whole(), |column| used.contains(&column), Groups::Count) == Some(decimal)
                };
                // Whole degrees say nothing, and commas before three digits elsewhere are as likely thousands.
                let silent = |chosen: &Chosen| {
                    let used = columns_of(&chosen.take);
                    likely.is_comma()
                        && vote(whole(), |column| used.contains(&column), Groups::Count).is_none()
                        && vote(whole(), |_| true, Groups::Ignore).is_none_or(|decimal| !decimal.is_comma())
                };
                match choose(likely) {
                    Ok(chosen) if says(&chosen, other) || silent(&chosen) => {
                        choose(other).map_or((chosen, likely), |c| (c, other))
                    }
                    Ok(chosen) => (chosen, likely),
                    // Prices may have commas where coordinates have points.
                    Err(problem) => match choose(other) {
                        Ok(chosen) if says(&chosen, other) => (chosen, other),
                        _ => return Err(problem),
                    },
                }
            }
        };
        dialect.decimal = decimal;

        let header = chosen.header.then(|| record.fields.clone());
        let named = record.fields.len();
        let even = counts.iter().all(|count| counts.first() == Some(count));
        let width = match counts.first() {
            Some(&count) if chosen.header && even => count.max(named),
            _ if chosen.header => named + chosen.shift,
            _ => most(counts.iter().copied().chain([named])).unwrap_or(named),
        };
        let width = width.max(chosen.take.span().1 + 1);
        let offset = match first {
            At::Comment(_) => record.end,
            At::Record(_) if chosen.header => record.end,
            At::Record(_) => record.start,
        };
        let remark = self.remark(dialect, looked_for, chosen.header.then_some(record.start), tried.header);
        let mut layout = Layout::new(dialect, chosen.take, width, header, self.options, self.projected);
        (layout.exact, layout.commented) = (chosen.shift > 0, matches!(first, At::Comment(_)));
        layout.decimals = usual_decimals(&rows, &layout);
        let table = if chosen.header {
            let names = [vec![Vec::new(); chosen.shift], record.fields.clone()].concat();
            let mut table = describe(&names, &rows, decimal);
            table.iter_mut().take(chosen.shift).for_each(|column| column.name = None);
            table
        } else {
            let all: Vec<_> = std::iter::once(record.fields.clone()).chain(rows).collect();
            describe(&[], &all, decimal)
        };
        Ok(Some(Found { layout, chosen, offset, remark, table }))
    }

    /// What of the dialect is not the plain way.
    fn remark(&self, dialect: Dialect, looked_for: bool, header: Option<usize>, found: Option<At>) -> String {
        let mut parts = Vec::new();
        if looked_for && dialect.delimiter != Delimiter::Byte(b',') {
            parts.push(match dialect.delimiter {
                Delimiter::Byte(b'\t') => "fields separated by tabs".to_owned(),
                delimiter => format!("fields separated by {delimiter}"),
            });
        }
        if dialect.decimal.is_comma() && self.options.decimal.is_none() {
            parts.push("decimal commas".to_owned());
        }
        if dialect.quoting != self.options.quoting {
            parts.push("quotes behind backslashes".to_owned());
        }
        if dialect.padded {
            parts.push("blanks before quotes passed over".to_owned());
        }
        if dialect.comment != self.options.comment {
            parts.push("lines that begin with '#' passed over".to_owned());
        }
        if let Some(start) = header {
            let line = self.lines_before(start) + 1;
            if line > 1 || matches!(found, Some(At::Comment(_))) {
                parts.push(format!("header in line {line}"));
            }
        }
        parts.join(", ")
    }
}

impl Records {
    fn at(&self, at: At) -> &Record {
        const NONE: &Record = &Record { start: 0, end: 0, fields: Vec::new() };
        match at {
            At::Record(at) => self.all.get(at),
            At::Comment(at) => self.comments.get(at),
        }
        .unwrap_or(NONE)
    }
}

/// What three digits behind a comma are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Groups {
    /// Decimals.
    Count,
    /// As likely thousands.
    Ignore,
}

/// What separates the decimals in the columns asked for, by what most fields show.
fn vote<'a>(
    rows: impl Iterator<Item = &'a Vec<Vec<u8>>>,
    asked: impl Fn(usize) -> bool,
    groups: Groups,
) -> Option<Decimal> {
    let (mut points, mut commas) = (0usize, 0usize);
    for row in rows {
        for (_, field) in row.iter().enumerate().filter(|(column, _)| asked(*column)) {
            // Signs and blanks of all kinds, and what spreadsheets put around a value.
            let beside = |byte: &u8| !byte.is_ascii_alphanumeric() && !b".,".contains(byte);
            let begin = field.iter().position(|byte| !beside(byte)).unwrap_or(field.len());
            let end = field.iter().rposition(|byte| !beside(byte)).map_or(begin, |last| last + 1);
            let digits = &field[begin..end];
            let Some(at) = digits.iter().position(|byte| !byte.is_ascii_digit()) else { continue };
            if digits[at + 1..].is_empty() || !digits[at + 1..].iter().all(u8::is_ascii_digit) {
                continue;
            }
            if groups == Groups::Ignore && digits.len() - at == 4 && (1..=3).contains(&at) && digits[0] != b'0' {
                continue;
            }
            points += usize::from(digits[at] == b'.');
            commas += usize::from(digits[at] == b',' && at > 0);
        }
    }
    (points + commas > 0).then_some(if commas > points { Decimal::CommaAlone } else { Decimal::Point })
}

/// Decimals that 99 of 100 rows have in their last field, where that is taken.
fn usual_decimals(rows: &[Vec<Vec<u8>>], layout: &Layout) -> Option<usize> {
    let (_, last) = layout.take.span();
    if last + 1 != layout.width || rows.len() < ENOUGH || !matches!(layout.take, Take::Two { .. }) {
        return None;
    }
    let point = layout.dialect.decimal.mark();
    let mut decimals: Vec<_> =
        rows.iter().filter_map(|row| row.get(last)).map(|field| scan::decimals(field, point)).collect();
    decimals.sort_unstable();
    decimals.get(decimals.len() / 100).copied()
}

/// What comes most often; of equals the largest.
fn most(counts: impl Iterator<Item = usize>) -> Option<usize> {
    let mut sorted: Vec<_> = counts.collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).and_then(|same| same.first().copied())
}

/// The place behind the line that begins at `from`; the end of a line may be one, two or three bytes long.
fn line_end(text: &[u8], from: usize) -> Option<usize> {
    let end = from + memchr::memchr2(b'\n', b'\r', text.get(from..)?)?;
    let returns = text[end..].iter().take_while(|byte| **byte == b'\r').count();
    match text.get(end + returns) {
        Some(b'\n') => Some(end + returns + 1),
        _ => Some(end + 1),
    }
}

/// What a first line such as `sep=;` says, and where it ends.
fn separator_line(head: &[u8], start: usize) -> Option<(Delimiter, usize)> {
    let end = line_end(head, start)?;
    let line = head[start..end].trim_ascii_end_of_line();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (name, value) = line.split_at_checked(4)?;
    if !name.eq_ignore_ascii_case(b"sep=") {
        return None;
    }
    let delimiter = std::str::from_utf8(value).ok()?.parse().ok()?;
    Some((delimiter, end))
}

trait EndOfLine {
    fn trim_ascii_end_of_line(&self) -> &[u8];
}

impl EndOfLine for [u8] {
    fn trim_ascii_end_of_line(&self) -> &[u8] {
        let end = self.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
        &self[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is remarked and which row comes first, or the problem.
    fn seen(text: &str, edit: impl FnOnce(&mut ReadOptions)) -> String {
        let mut options = ReadOptions::default();
        edit(&mut options);
        match detect(text.as_bytes(), true, &options, false) {
            Ok(Some(found)) => {
                // Of a line end of several bytes some may be left.
                let row = text[found.offset..].trim_start_matches(['\r', '\n']);
                let row = row.split(['\r', '\n']).next().unwrap_or("");
                format!("{}: {row}", found.remark)
            }
            Ok(None) => "nothing".into(),
            Err(problem) => problem,
        }
    }

    fn numbered(options: &mut ReadOptions) {
        (options.x, options.y) = (Some("#1".parse().unwrap()), Some("#2".parse().unwrap()));
    }

    #[test]
    fn dialects_are_found_from_the_first_lines() {
        for (text, right) in [
            ("lon,lat\n1.5,2.5\n", ": 1.5,2.5"),
            ("lon;lat\n1.5;2.5\n", "fields separated by ';': 1.5;2.5"),
            ("lon;lat\n1,5;2,5\n", "fields separated by ';', decimal commas: 1,5;2,5"),
            ("lon;lat;people\n1.5;2.5;1,200\n", "fields separated by ';': 1.5;2.5;1,200"),
            ("a\tlon\tlat\nb, c\t1,5\t2,5\n", "fields separated by tabs, decimal commas: b, c\t1,5\t2,5"),
            ("a|lon|lat\nb;c|1.5|2.5\n", "fields separated by '|': b;c|1.5|2.5"),
            ("lon,lat,a\n1.5,2.5,b;c;d\n", ": 1.5,2.5,b;c;d"),
            ("lon lat\n1.5  2.5\n", "fields separated by blanks: 1.5  2.5"),
            ("  lon   lat\n  1.5   2.5\n", "fields separated by blanks:   1.5   2.5"),
            ("sep=;\nlon;lat\n1.5;2.5\n", "fields separated by ';', header in line 2: 1.5;2.5"),
            ("\u{feff}\"sep=|\"\r\nlon|lat\r\n1.5|2.5\r\n", "fields separated by '|', header in line 2: 1.5|2.5"),
            ("\u{feff}lon,lat\n1.5,2.5\n", ": 1.5,2.5"),
            ("id,\"lon\",\"lat\"\n1,\"1,5\",\"2,5\"\n", "decimal commas: 1,\"1,5\",\"2,5\""),
            ("lon;lat\n1,5;2,5\n1,5;2,5\n1.5;2.5\n", "fields separated by ';', decimal commas: 1,5;2,5"),
            ("id,a,lat,lon\n1,\"b \\\"c, d\\\"\",2.5,1.5\n", "quotes behind backslashes: 1,\"b \\\"c, d\\\"\",2.5,1.5"),
            ("id, a, lat, lon\n1, \"b, c\", 2.5, 1.5\n", "blanks before quotes passed over: 1, \"b, c\", 2.5, 1.5"),
            ("\"lon\", \"lat\"\n\"9.5\", \"50.5\"\n", "blanks before quotes passed over: \"9.5\", \"50.5\""),
            ("lon lat\n9,5 50,5\n9,6 50,6\n", "fields separated by blanks, decimal commas: 9,5 50,5"),
            (
                "id\tgeojson\n1\t{\"coordinates\":[2.5,1.5],\"type\":\"Point\"}\n",
                "fields separated by tabs: 1\t{\"coordinates\":[2.5,1.5],\"type\":\"Point\"}",
            ),
            ("id;wkt;a\n1;POINT(1 2);b,c\n2;POINT(1 2);d\n", "fields separated by ';': 1;POINT(1 2);b,c"),
        ] {
            assert_eq!(seen(text, |_| ()), right, "{text}");
        }
    }

    #[test]
    fn headers_are_found_behind_titles_and_comments() {
        for (text, right) in [
            ("A title\n\nlon,lat\n1.5,2.5\n", "header in line 3: 1.5,2.5"),
            ("Latitude and longitude of things\nid,lat,lon\n1,2.5,1.5\n", "header in line 2: 1,2.5,1.5"),
            ("Version-1,a=b,c=d,e\na,lon,lat,b\nc,1.5,2.5,d\n", "header in line 2: c,1.5,2.5,d"),
            ("A title\r\r\nlon,lat\r\r\n1.5,2.5\r\r\n", "header in line 2: 1.5,2.5"),
            ("# lon,lat\n1.5,2.5\n", "lines that begin with '#' passed over, header in line 1: 1.5,2.5"),
            ("#a\n# b\nlon,lat\n1.5,2.5\n", "lines that begin with '#' passed over, header in line 3: 1.5,2.5"),
            ("#id,lon,lat\n#1,1.5,2.5\n#2,1.5,2.5\n", ": #1,1.5,2.5"),
        ] {
            assert_eq!(seen(text, |_| ()), right, "{text}");
        }
        assert_eq!(seen("a\nb\nlon,lat\n1.5,2.5\n", |o| o.skip = 2), "header in line 3: 1.5,2.5");
        assert_eq!(seen("%a\nlon,lat\n1.5,2.5\n", |o| o.comment = Some(b'%')), "header in line 2: 1.5,2.5");
        assert_eq!(seen("A title\n1.5,2.5\n3.5,4.5\n", numbered), ": 1.5,2.5");
        // Rows come before this one: it is no header, and they are not passed over.
        let problem = seen("1.5,2.5\n3.5,4.5\nlon,lat\n1.5,2.5\n", |_| ());
        assert!(problem.contains("looks like data"), "{problem}");
        assert_eq!(seen("1.5,2.5\n3.5,4.5\na,b\n1.5,2.5\n", numbered), ": 1.5,2.5");
    }

    #[test]
    fn what_a_person_says_is_not_looked_for() {
        let semicolons = |o: &mut ReadOptions| o.delimiter = Some(Delimiter::Byte(b';'));
        assert_eq!(seen("a,b;lon;lat\n1,2;1,5;2,5\n", semicolons), "decimal commas: 1,2;1,5;2,5");
        let points = |o: &mut ReadOptions| o.decimal = Some(Decimal::Point);
        assert_eq!(seen("lon;lat\n1,5;2,5\n", points), "fields separated by ';': 1,5;2,5");
        assert_eq!(
            seen("lon|lat\n1,5|2,5\n", |o| o.decimal = Some(Decimal::Comma)),
            "fields separated by '|': 1,5|2,5"
        );
    }

    #[test]
    fn columns_of_a_fixed_width_are_refused() {
        for text in ["ST01  51.5   -0.1 A\nST02  52.5   -0.2 B\n", "lon lat name\n1.5 2.5 a b\n3.5 4.5 c\n"] {
            let problem = seen(text, |_| ());
            assert!(problem.contains("fixed width") && problem.contains("--delimiter blanks"), "{problem}");
        }
    }

    #[test]
    fn more_is_asked_for_until_a_record_is_whole() {
        let options = ReadOptions { skip: 2, ..ReadOptions::default() };
        for (text, whole) in [("", false), ("lon,la", false), ("a\nb", false), ("a\nb\nlon,lat\n", true)] {
            assert_eq!(matches!(detect(text.as_bytes(), false, &options, false), Ok(Some(_))), whole, "{text}");
        }
    }
}
