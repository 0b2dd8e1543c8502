//! Where the rows of a stretch of text begin and end, when it is known or guessed whether it begins within quotes.
//!
//! A quote opens at the start of a field only, that is after a delimiter or a line end outside of quotes; within quotes
//! a doubled one stands for itself; a line end outside of quotes ends a row. Other dialects know backslashes within
//! quotes, blanks before them, no quotes at all, and lines that are comments. [`Quotes::next`] is the whole law, byte by
//! byte; the usual dialect has a way of its own to the same end. What a row holds is left to `scan`.

use memchr::{memchr, memchr2, memrchr2};

use crate::source::dialect::Dialect;
use crate::source::options::Quoting;

/// Where a place of a text stands, by all bytes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// At the start of a row.
    Row,
    /// At the start of a field.
    Start,
    /// Within a field, outside of quotes.
    Plain,
    /// Within quotes.
    Open,
    /// Within quotes, behind a backslash.
    Escaped,
    /// Behind a quote that ends the quotes, unless another follows.
    Closed,
    /// Within a line that is a comment.
    Comment,
}

impl Quotes {
    const ALL: [Self; 7] =
        [Self::Plain, Self::Start, Self::Row, Self::Closed, Self::Comment, Self::Open, Self::Escaped];

    /// Where the place behind `byte` stands.
    #[inline]
    pub(super) fn next(self, byte: u8, dialect: Dialect) -> Self {
        match (self, byte) {
            (Self::Open, b'"') => Self::Closed,
            (Self::Open, b'\\') if dialect.quoting == Quoting::Backslash => Self::Escaped,
            (Self::Open | Self::Escaped, _) => Self::Open,
            (_, b'\n' | b'\r') => Self::Row,
            (Self::Comment, _) => Self::Comment,
            (Self::Row, _) if dialect.comment == Some(byte) => Self::Comment,
            (Self::Row | Self::Start | Self::Closed, b'"') if dialect.quotes() => Self::Open,
            _ if dialect.separates(byte) => Self::Start,
            (Self::Row | Self::Start, b' ') if dialect.padded => Self::Start,
            _ => Self::Plain,
        }
    }

    /// The first of the places that make no difference from this one to a stretch whose first byte is `first`.
    pub(super) fn alike(self, first: Option<u8>, dialect: Dialect) -> Self {
        let Some(first) = first else { return self };
        let next = self.next(first, dialect);
        Self::ALL.into_iter().find(|other| other.next(first, dialect) == next).unwrap_or(self)
    }

    /// Whether it is within quotes.
    fn within(self) -> bool {
        matches!(self, Self::Open | Self::Escaped)
    }
}

/// What a stretch comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// The place behind the first line end outside of quotes.
    pub(super) first: Option<usize>,
    /// The place behind the last one; 0 where there is none.
    pub(super) last: usize,
    /// Where its end stands; none of an empty stretch, which changes nothing.
    pub(super) end: Option<Quotes>,
}

/// Cuts `bytes`, whose first quote is at `quote`. `spans` is room for the quoted stretches.
pub(super) fn cut(
    bytes: &[u8],
    quote: Option<usize>,
    begin: Quotes,
    dialect: Dialect,
    spans: &mut Vec<(u32, u32)>,
) -> Cut {
    if bytes.is_empty() {
        Cut { first: None, last: 0, end: None }
    } else if dialect.usual() {
        usual(bytes, quote, begin, dialect, spans)
    } else if !begin.within() && (quote.is_none() || !dialect.quotes()) {
        let last = memrchr2(b'\n', b'\r', bytes).map_or(0, |found| found + 1);
        let from = if last > 0 { Quotes::Row } else { begin };
        let end = bytes[last..].iter().fold(from, |state, &byte| state.next(byte, dialect));
        Cut { first: memchr2(b'\n', b'\r', bytes).map(|found| found + 1), last, end: Some(end) }
    } else {
        let (mut state, mut first, mut last) = (begin, None, 0);
        for (i, &byte) in bytes.iter().enumerate() {
            state = state.next(byte, dialect);
            if state == Quotes::Row {
                last = i + 1;
                first.get_or_insert(last);
            }
        }
        Cut { first, last, end: Some(state) }
    }
}

/// The way of the usual dialect: from quote to quote.
fn usual(bytes: &[u8], quote: Option<usize>, begin: Quotes, dialect: Dialect, spans: &mut Vec<(u32, u32)>) -> Cut {
    let Some(&last_byte) = bytes.last() else { return Cut { first: None, last: 0, end: None } };
    spans.clear();
    let mut open = begin == Quotes::Open;
    // The start of the quotes that are open, and the place up to which all is known.
    let (mut start, mut at) = (0, 0);
    if quote.is_none() && open {
        return Cut { first: None, last: 0, end: Some(Quotes::Open) };
    }
    let mut next = quote;
    loop {
        if open {
            // The quotes are over at one that none follows.
            at = loop {
                match next.take().or_else(|| find_quote(bytes, at)) {
                    None => break bytes.len(),
                    Some(found) if bytes.get(found + 1) == Some(&b'"') => at = found + 2,
                    Some(found) => {
                        open = false;
                        break found + 1;
                    }
                }
            };
            spans.push((start as u32, at as u32));
            if open {
                break;
            }
        }
        let Some(found) = next.take().or_else(|| find_quote(bytes, at)) else { break };
        (start, at) = (found, found + 1);
        // A quote within a field stands for itself.
        open = match found.checked_sub(1) {
            None => matches!(begin, Quotes::Row | Quotes::Start | Quotes::Closed),
            Some(before) => dialect.ends(bytes[before]),
        };
    }
    let end = match spans.last() {
        _ if open => Quotes::Open,
        Some(&(_, to)) if to as usize == bytes.len() => Quotes::Closed,
        _ if matches!(last_byte, b'\n' | b'\r') => Quotes::Row,
        _ if dialect.separates(last_byte) => Quotes::Start,
        _ => Quotes::Plain,
    };
    Cut { first: first_end(bytes, spans), last: last_end(bytes, spans), end: Some(end) }
}

/// The place behind the first line end outside of `spans`.
fn first_end(bytes: &[u8], spans: &[(u32, u32)]) -> Option<usize> {
    let mut from = 0;
    for &(start, end) in spans {
        if let Some(found) = memchr2(b'\n', b'\r', &bytes[from..(start as usize).max(from)]) {
            return Some(from + found + 1);
        }
        from = end as usize;
    }
    memchr2(b'\n', b'\r', &bytes[from..]).map(|found| from + found + 1)
}

/// The place behind the last line end outside of `spans`, or 0.
fn last_end(bytes: &[u8], spans: &[(u32, u32)]) -> usize {
    let mut end = bytes.len();
    for &(start, from) in spans.iter().rev() {
        let from = from as usize;
        if let Some(found) = memrchr2(b'\n', b'\r', &bytes[from..end.max(from)]) {
            return from + found + 1;
        }
        end = start as usize;
    }
    memrchr2(b'\n', b'\r', &bytes[..end]).map_or(0, |found| found + 1)
}

fn find_quote(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..).and_then(quote).map(|found| from + found)
}

/// The place of the first quote. Where fields are quoted the next one is near: the first sixteen bytes are looked
/// at without the cost of a search.
#[inline]
pub(super) fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let Some((near, _)) = bytes.split_first_chunk::<16>() else { return memchr(b'"', bytes) };
    let (words, _) = near.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // A byte that equals the quote becomes 0, and the lowest 0 is the lowest byte to borrow.
        let other = u64::from_le_bytes(*word) ^ (u64::from(b'"') * ONES);
        let equal = other.wrapping_sub(ONES) & !other & (0x80 * ONES);
        if equal != 0 {
            return Some(8 * i + (equal.trailing_zeros() / 8) as usize);
        }
    }
    memchr(b'"', &bytes[16..]).map(|found| found + 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::options::Delimiter;

    fn dialects() -> impl Strategy<Value = Dialect> {
        let delimiters = vec![Delimiter::Byte(b','), Delimiter::Byte(b';'), Delimiter::Blanks];
        let quotings = vec![Quoting::Doubled, Quoting::Doubled, Quoting::Backslash, Quoting::None];
        let (delimiter, quoting) = (prop::sample::select(delimiters), prop::sample::select(quotings));
        (delimiter, quoting, prop::sample::select(vec![None, None, Some(b'#')]), any::<bool>()).prop_map(
            |(delimiter, quoting, comment, padded)| {
                let padded = padded && delimiter != Delimiter::Blanks;
                Dialect { quoting, comment, padded, ..Dialect::separated_by(delimiter) }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_cut_is_what_the_steps_of_its_bytes_come_to(
            bytes in prop::collection::vec(prop::sample::select(b"\"\"\",,;\n\rxy #\\".to_vec()), 0..60),
            from in prop::sample::select(Quotes::ALL.to_vec()),
            dialect in dialects(),
        ) {
            // Places that a dialect does not have are none.
            let has = match from {
                Quotes::Comment => dialect.comment.is_some(),
                Quotes::Escaped => dialect.quoting == Quoting::Backslash,
                Quotes::Open | Quotes::Closed => dialect.quotes(),
                _ => true,
            };
            let from = if has { from } else { Quotes::Plain };
            let (mut state, mut ends) = (from, Vec::new());
            for (i, &byte) in bytes.iter().enumerate() {
                if !state.within() && matches!(byte, b'\n' | b'\r') {
                    ends.push(i + 1);
                }
                state = state.next(byte, dialect);
            }
            let begin = from.alike(bytes.first().copied(), dialect);
            let cut = cut(&bytes, quote(&bytes), begin, dialect, &mut vec![(7, 9)]);
            prop_assert_eq!(cut.end.unwrap_or(from), state);
            prop_assert_eq!((cut.first, cut.last), (ends.first().copied(), ends.last().copied().unwrap_or(0)));
        }
    }
}
