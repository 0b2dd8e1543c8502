//! The headers by which a client asks for less than everything: what it has already (If-None-Match), what it goes on
//! with (If-Match), which bytes it wants (Range) and under which condition (If-Range). Pure functions of header text;
//! RFC 9110 says what they mean.

use hyper::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

/// A strong entity tag of these bytes: the same bytes have the same tag on every server.
pub(super) fn tag_of(bytes: &[u8]) -> String {
    format!("\"{:016x}\"", twox_hash::XxHash3_64::oneshot(bytes))
}

/// What a request's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// It is to be answered.
    Holds,
    /// The client has what it asks for.
    Known,
    /// The client goes on with something else.
    Fails,
}

/// The conditions of a request for what has this tag, `None` for what has none. If-Match comes first and compares tags
/// strongly, If-None-Match compares weakly.
pub(super) fn condition(headers: &HeaderMap, tag: Option<&str>) -> Condition {
    if named(headers, &IF_MATCH, tag, true) == Some(false) {
        Condition::Fails
    } else if named(headers, &IF_NONE_MATCH, tag, false) == Some(true) {
        Condition::Known
    } else {
        Condition::Holds
    }
}

/// Whether the lines of a header name the tag; `None` where there is no such header.
fn named(headers: &HeaderMap, name: &HeaderName, tag: Option<&str>, strongly: bool) -> Option<bool> {
    let mut lines = headers.get_all(name).iter().map(hyper::header::HeaderValue::as_bytes).peekable();
    lines.peek()?;
    Some(tag.is_some_and(|tag| lines.any(|line| line.trim_ascii() == b"*" || lists(line, tag.as_bytes(), strongly))))
}

/// Whether a list of tags holds this one. Tags are quoted and may hold commas; what is none is passed over.
fn lists(mut list: &[u8], tag: &[u8], strongly: bool) -> bool {
    loop {
        list = list.trim_ascii_start();
        let (weak, rest) = list.strip_prefix(b"W/").map_or((false, list), |rest| (true, rest));
        let end = rest.strip_prefix(b"\"").and_then(|inner| inner.iter().position(|b| *b == b'"'));
        let mut after = rest;
        if let Some(end) = end {
            let (one, behind) = rest.split_at(end + 2);
            if one == tag && !(weak && strongly) {
                return true;
            }
            after = behind;
        }
        match after.iter().position(|b| *b == b',') {
            Some(comma) => list = &after[comma + 1..],
            None => return false,
        }
    }
}

/// Which bytes of a file are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    Whole,
    /// From the first to before the second.
    Part(u64, u64),
    /// None that there are.
    Unsatisfiable,
}

/// What Range asks of a file of `length` bytes with this tag. A range that makes no sense, and several at once, are
/// ignored, as the standard allows: the whole file is streamed then, at no cost in memory.
pub(super) fn wanted(range: Option<&str>, if_range: Option<&str>, tag: &str, length: u64) -> Wanted {
    let Some(range) = range else { return Wanted::Whole };
    // A date never holds: no date is ever sent.
    if if_range.is_some_and(|condition| condition.trim() != tag) {
        return Wanted::Whole;
    }
    let unit = range.split_once('=').filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = unit.and_then(|(_, set)| set.trim().split_once('-')) else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => match last {
            Some(last) if last < first => Wanted::Whole,
            _ if first >= length => Wanted::Unsatisfiable,
            last => Wanted::Part(first, last.map_or(length, |last| last.saturating_add(1).min(length))),
        },
        (Some(None), Some(Some(0))) => Wanted::Unsatisfiable,
        (Some(None), Some(Some(_))) if length == 0 => Wanted::Unsatisfiable,
        (Some(None), Some(Some(suffix))) => Wanted::Part(length.saturating_sub(suffix), length),
        _ => Wanted::Whole,
    }
}

/// `Some(None)` for nothing at all, `None` for what is no number; too large a number is the largest.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|b| b.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_standard_has_them() {
        let ask = |range| wanted(Some(range), None, "\"t\"", 100);
        for (range, part) in [
            ("bytes=0-0", (0, 1)),
            ("bytes=0-", (0, 100)),
            ("bytes=10-19", (10, 20)),
            ("bytes=99-99999999999999999999999", (99, 100)),
            ("bytes=-1", (99, 100)),
            ("bytes=-1000", (0, 100)),
            ("Bytes = 1 - 2", (1, 3)),
        ] {
            assert_eq!(ask(range), Wanted::Part(part.0, part.1), "{range}");
        }
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(ask(range), Wanted::Unsatisfiable, "{range}");
        }
        for range in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,5-6", "bytes=a-b", "lines=0-1", "bytes=--1"]
        {
            assert_eq!(ask(range), Wanted::Whole, "{range}");
        }
        assert_eq!(wanted(Some("bytes=-5"), None, "", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn a_range_of_another_state_is_the_whole_file() {
        let ask = |condition| wanted(Some("bytes=0-9"), Some(condition), "\"t\"", 100);
        assert_eq!(ask("\"t\""), Wanted::Part(0, 10));
        for other in ["\"u\"", "W/\"t\"", "Mon, 23 Nov 2026 04:05:57 GMT", ""] {
            assert_eq!(ask(other), Wanted::Whole, "{other}");
        }
    }

    fn asked(lines: &[(HeaderName, &str)]) -> Condition {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        condition(&headers, Some("\"t,1\""))
    }

    #[test]
    fn tags_are_known_again() {
        assert_ne!(tag_of(b"tile"), tag_of(b"tile "));
        for list in
            ["\"t,1\"", "\"a\", \"t,1\"", "W/\"t,1\"", "*", " * ", "\"a\",W/\"t,1\" ,\"b\"", ", ,\"t,1\"", "x, \"t,1\""]
        {
            assert_eq!(asked(&[(IF_NONE_MATCH, list)]), Condition::Known, "{list}");
        }
        for list in ["", "\"a\"", "t,1", "\"t", "1\"", "\"t,1", "w/\"t,1\"", "\"a\" \"t,1\"", "\"*\"", "W/"] {
            assert_eq!(asked(&[(IF_NONE_MATCH, list)]), Condition::Holds, "{list}");
        }
        assert_eq!(asked(&[(IF_NONE_MATCH, "\"a\""), (IF_NONE_MATCH, "\"t,1\"")]), Condition::Known);
        assert_eq!(asked(&[]), Condition::Holds);
    }

    #[test]
    fn a_client_goes_on_only_with_what_it_has() {
        for list in ["\"t,1\"", "\"a\", \"t,1\"", "*"] {
            assert_eq!(asked(&[(IF_MATCH, list)]), Condition::Holds, "{list}");
        }
        for list in ["\"a\"", "W/\"t,1\"", ""] {
            assert_eq!(asked(&[(IF_MATCH, list)]), Condition::Fails, "{list}");
        }
        assert_eq!(asked(&[(IF_MATCH, "\"a\""), (IF_MATCH, "\"t,1\"")]), Condition::Holds);
        assert_eq!(asked(&[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "\"t,1\"")]), Condition::Fails);
        assert_eq!(asked(&[(IF_MATCH, "*"), (IF_NONE_MATCH, "\"t,1\"")]), Condition::Known);
        let mut headers = HeaderMap::new();
        headers.append(IF_MATCH, "*".parse().unwrap());
        assert_eq!(condition(&headers, None), Condition::Fails, "there is nothing");
    }
}
