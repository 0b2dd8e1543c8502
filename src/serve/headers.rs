//! The headers by which a client asks for less than everything: what it has already (If-None-Match), which bytes it
//! wants (Range) and under which condition (If-Range). Pure functions of header text; RFC 9110 says what they mean.

/// A strong entity tag of these bytes: the same bytes have the same tag on every server.
pub(super) fn tag_of(bytes: &[u8]) -> String {
    format!("\"{:016x}\"", twox_hash::XxHash3_64::oneshot(bytes))
}

/// Whether If-None-Match names the tag, so that the client has what it asks for.
pub(super) fn known(if_none_match: Option<&str>, tag: &str) -> bool {
    let weak = |t: &str| t.trim().trim_start_matches("W/") == tag;
    if_none_match.is_some_and(|list| list.trim() == "*" || list.split(',').any(weak))
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

    #[test]
    fn tags_are_known_again() {
        let tag = tag_of(b"tile");
        assert_ne!(tag, tag_of(b"tile "));
        for list in [tag.clone(), format!("\"a\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            assert!(known(Some(&list), &tag), "{list}");
        }
        assert!(!known(None, &tag) && !known(Some("\"a\""), &tag) && !known(Some(""), &tag));
    }
}
