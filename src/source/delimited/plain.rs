//! The plain way to read, one byte after the other and one record after the other: what the fast way is compared with.

use std::borrow::Cow;

use super::layout::{Layout, Within};
use crate::project::Coordinate;
use crate::rows::Reason;
use crate::source::cell::Verdict;
use crate::source::dialect::Dialect;
use crate::source::key::KeyCache;
use crate::source::options::{Delimiter, Quoting};
use crate::source::tally::Tally;
use crate::source::weight::Weighed;

/// A record, unquoted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) fields: Vec<Vec<u8>>,
    start: usize,
    end: usize,
    open: bool,
    swallows: bool,
    merges: bool,
    behind: bool,
    ended: bool,
    comment: bool,
}

/// A coordinate, and what its row weighs and its key, if that is asked for.
pub(super) type Place = (Coordinate, Option<i64>, Option<u16>);

/// Reads the rows of a text without a header, which begins at an offset: what became of them, and the places in order.
pub(super) fn read(text: &[u8], offset: u64, layout: &Layout) -> (Tally, Vec<Place>) {
    let (mut tally, mut places) = (Tally::default(), Vec::new());
    for record in records(text, layout.dialect) {
        if record.comment {
            let len = record.end - record.start;
            if layout.commented && layout.within(len, || record.fields.clone()) == Within::OtherHeader {
                tally.rows += 1;
                tally.ends = Some((tally.rows, String::new()));
                break;
            }
            continue;
        }
        if record.open || record.swallows {
            tally.swallowed.get_or_insert((tally.rows + 1, String::new()));
        }
        let unmet = layout.choice.as_ref().and_then(|choice| {
            let line = &text[record.start..record.end];
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let fields = record.fields.clone();
            let field = move |column: usize| fields.get(column).map(|field| Cow::Owned(field.clone()));
            choice.unmet(layout.dialect.decimal, field, (line, offset + record.start as u64))
        });
        let verdict = judge(&record, layout);
        let wanted = unmet.is_none() || is_wrong(&record, layout);
        // A row that is not wanted may weigh anything.
        let weighed = layout.weigher.as_ref().filter(|_| wanted).map(|weigher| {
            let cell = record.fields.get(weigher.column).map_or(&b""[..], Vec::as_slice);
            weigher.weigh(cell, layout.dialect.decimal)
        });
        let verdict = verdict.and_then(|coordinate| Ok((coordinate, weighed.transpose()?)));
        match (verdict, unmet) {
            (Ok(_) | Err(Verdict::Out(_)), Some(unmet)) if !wanted => {
                if let Some(choice) = &layout.choice {
                    tally.pass_over(choice, unmet, |_| None);
                }
            }
            (Ok((coordinate, weighed)), _) => {
                tally.rows += 1;
                if record.fields.len() < layout.named {
                    tally.shorter.0 += 1;
                    tally.shorter.1.get_or_insert((tally.rows, String::new()));
                }
                if record.merges {
                    tally.merged.0 += 1;
                    tally.merged.1.get_or_insert((tally.rows, String::new()));
                }
                if let Some(Weighed { rounded: Some(power), .. }) = weighed {
                    tally.weights.round(tally.rows, power, b"");
                }
                let weight = weighed.map(|weighed| weighed.steps);
                tally.weights.heaviest = tally.weights.heaviest.max(weight.unwrap_or(0).unsigned_abs());
                let key = layout.keyer.as_ref().map(|keyer| {
                    let cell = record.fields.get(keyer.column).map_or(&b""[..], Vec::as_slice);
                    let keyed = keyer.key(cell, &mut KeyCache::default());
                    if keyed.timeless {
                        tally.timeless.0 += 1;
                        tally.timeless.1.get_or_insert((tally.rows, String::new()));
                    }
                    keyed.number
                });
                places.push((coordinate, weight, key));
            }
            (Err(Verdict::Out(reason)), _) => tally.reject(reason, Vec::new),
            (Err(Verdict::Ends(problem)), _) => {
                tally.rows += 1;
                tally.ends = Some((tally.rows, problem));
                break;
            }
        }
        let point = char::from(layout.dialect.decimal.mark());
        let last = layout.take.span().1;
        let short = record.fields.len() < layout.named
            || record.fields.len() == last + 1 && record.fields.last().is_some_and(|f| layout.unfinished(f));
        let last = record.fields.get(layout.take.span().1).map(|field| {
            let field = String::from_utf8_lossy(field).into_owned();
            field.trim().rsplit_once(point).map_or(0, |(_, decimals)| decimals.len())
        });
        if !record.ended
            && !record.open
            && (short || last.is_some_and(|last| layout.decimals.is_some_and(|usual| last < usual)))
        {
            tally.cut = Some(String::new());
        }
    }
    (tally, places)
}

/// Whether its fields cannot be right whatever they hold.
fn is_wrong(record: &Record, layout: &Layout) -> bool {
    let longer = record.fields.iter().skip(layout.width).any(|field| !field.trim_ascii().is_empty());
    longer || layout.uneven(record.fields.len(), record.behind) || record.open || record.swallows
}

fn judge(record: &Record, layout: &Layout) -> Result<Coordinate, Verdict> {
    let fields = &record.fields;
    let field = |column: usize| fields.get(column).map(|field| Cow::Borrowed(field.as_slice()));
    let longer = fields.iter().skip(layout.width).any(|field| !field.trim_ascii().is_empty());
    let uneven = layout.uneven(fields.len(), record.behind);
    let glued = || longer && layout.glued(record.end - record.start, || fields.clone());
    match layout.take.coordinate(layout.dialect.decimal, field) {
        Ok(coordinate) if !(longer || uneven || record.open || record.swallows) => Ok(coordinate),
        Ok(_) if glued() => Err(Verdict::Ends(String::new())),
        Ok(_) => Err(Reason::Malformed.into()),
        Err(Verdict::Out(reason)) => {
            let text = matches!(reason, Reason::NotANumber | Reason::Malformed | Reason::NotAPoint) && !record.open;
            if text && layout.within(record.end - record.start, || fields.clone()) == Within::OtherHeader {
                return Err(Verdict::Ends(String::new()));
            }
            if glued() {
                return Err(Verdict::Ends(String::new()));
            }
            Err(if longer || layout.exact && fields.len() < layout.width { Reason::Malformed } else { reason }.into())
        }
        ends => ends,
    }
}

/// The records of a text; blank lines, comments and what ends a file of DOS are none.
pub(super) fn records(text: &[u8], dialect: Dialect) -> Vec<Record> {
    let line_end = |byte: u8| byte == b'\n' || byte == b'\r';
    let blank = |byte: u8| byte == b' ' || byte == b'\t';
    let blanks = dialect.delimiter == Delimiter::Blanks;
    let (mut records_of, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if line_end(text[at]) {
            at += 1;
        } else if dialect.comment == Some(text[at]) {
            let start = at;
            while at < text.len() && !line_end(text[at]) {
                at += 1;
            }
            let line = text[start + 1..at].trim_ascii_start();
            let fields = records(line, Dialect { comment: None, ..dialect }).pop().unwrap_or_default().fields;
            records_of.push(Record { fields, start, end: at, comment: true, ..Record::default() });
        } else if text[at..].iter().all(|&byte| byte == 0x1a) {
            break;
        } else {
            let mut behind = at;
            while text.get(behind).is_some_and(|&byte| blank(byte) && dialect.delimiter != Delimiter::Byte(byte)) {
                behind += 1;
            }
            if behind > at && text.get(behind).is_none_or(|&byte| line_end(byte)) {
                at = behind;
                continue;
            }
            let mut record = Record { start: at, ..Record::default() };
            while blanks && at < text.len() && blank(text[at]) {
                at += 1;
            }
            if blanks && text.get(at).is_none_or(|&byte| line_end(byte)) {
                continue;
            }
            loop {
                at = field(text, at, dialect, &mut record);
                while blanks && at < text.len() && blank(text[at]) {
                    at += 1;
                }
                match text.get(at) {
                    None => break,
                    Some(&byte) if line_end(byte) => {
                        record.ended = true;
                        at += 1;
                        break;
                    }
                    Some(_) if !blanks => at += 1,
                    Some(_) => (),
                }
            }
            // The fast way does not tell blanks at the end of a text from its line end.
            record.ended |= blanks && text.last().is_some_and(|&byte| blank(byte));
            record.end = at;
            records_of.push(record);
        }
    }
    records_of
}

/// Adds the field at `at` to the record; gives the place of what ends it.
fn field(text: &[u8], mut at: usize, dialect: Dialect, record: &mut Record) -> usize {
    let separates = |byte: u8| match dialect.delimiter {
        Delimiter::Byte(delimiter) => byte == delimiter,
        Delimiter::Blanks => byte == b' ' || byte == b'\t',
    };
    let mut value = Vec::new();
    let mut quote = at;
    while dialect.padded && text.get(quote) == Some(&b' ') {
        quote += 1;
    }
    let (mut lines, mut quoted, mut separators) = (false, false, false);
    if dialect.quoting != Quoting::None && text.get(quote) == Some(&b'"') {
        quoted = true;
        at = quote + 1;
        loop {
            let Some(&byte) = text.get(at) else {
                record.open = true;
                break;
            };
            let next = text.get(at + 1).copied();
            at += 1;
            lines |= byte == b'\n' || byte == b'\r';
            separators |= separates(byte);
            if byte == b'\\' && dialect.quoting == Quoting::Backslash {
                at += 1;
                lines |= next == Some(b'\n') || next == Some(b'\r');
                separators |= next.is_some_and(separates);
                if !matches!(next, Some(b'"' | b'\\')) {
                    value.push(byte);
                }
                value.extend(next);
            } else if byte != b'"' {
                value.push(byte);
            } else if next == Some(b'"') {
                at += 1;
                value.push(byte);
            } else {
                break;
            }
        }
    }
    let mut behind = false;
    while let Some(&byte) = text.get(at) {
        if separates(byte) || byte == b'\n' || byte == b'\r' {
            break;
        }
        behind |= !byte.is_ascii_whitespace();
        value.push(byte);
        at += 1;
    }
    record.behind |= quoted && behind;
    record.swallows |= quoted && lines && behind;
    record.merges |= quoted && separators && behind;
    record.fields.push(value);
    at.min(text.len())
}
