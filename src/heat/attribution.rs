//! Whom to thank, as text with plain links: what metadata says is HTML that may be anyone's, and it ends in pages. A
//! link to a web address stays one; everything else becomes text.

use std::fmt::{self, Write};

use serde::{Serialize, Serializer};

/// Longest attribution that is read, in bytes.
const MOST: usize = 4096;

/// Text and links, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribution(Vec<Part>);

/// A stretch of text, with the web address it leads to if it is a link.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    text: String,
    link: Option<String>,
}

impl Attribution {
    /// Reads HTML: `<a href="https://...">text</a>` is a link, the usual names of characters are understood. `None` if it
    /// is longer than 4096 bytes.
    pub fn read(html: &str) -> Option<Self> {
        if html.len() > MOST {
            return None;
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = html;
        while let Some(c) = rest.chars().next() {
            match anchor(rest) {
                Some((link, text, after)) => {
                    put(&mut parts, &mut plain);
                    parts.push(Part { text: text_of(text), link: Some(link) });
                    rest = after;
                }
                None => {
                    plain.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        put(&mut parts, &mut plain);
        Some(Self(parts))
    }

    /// What it says, without its links.
    pub fn text(&self) -> String {
        self.0.iter().map(|part| part.text.as_str()).collect()
    }
}

/// Ends a stretch of plain text.
fn put(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part { text: text_of(plain), link: None });
        plain.clear();
    }
}

/// A link at the very start: its address, what it says and what follows.
fn anchor(html: &str) -> Option<(String, &str, &str)> {
    let after = strip(html, "<a")?;
    if !after.starts_with([' ', '\t', '\n', '\r']) {
        return None;
    }
    let (tag, rest) = after.split_once('>')?;
    let address = href(tag)?;
    let end = rest.char_indices().find(|(at, _)| strip(&rest[*at..], "</a").is_some())?.0;
    let (text, close) = rest.split_at(end);
    let after = close.split_once('>')?.1;
    (!text.is_empty() && !text.contains('<')).then_some((address, text, after))
}

/// The web address in the attributes of a link.
fn href(tag: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| !name.is_empty())?;
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next()? {
                quote @ ('"' | '\'') => after[1..].split_once(quote)?,
                _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace()).unwrap_or(after.len())),
            };
        }
        if name.eq_ignore_ascii_case("href") {
            let value = text_of(value.trim());
            let web = strip(&value, "https://").or_else(|| strip(&value, "http://"))?;
            let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"'`\\".contains(c);
            return (!web.is_empty() && value.chars().all(plain)).then_some(value);
        }
    }
}

/// What follows a beginning, in any case.
fn strip<'a>(text: &'a str, begins: &str) -> Option<&'a str> {
    let start = text.get(..begins.len())?;
    start.eq_ignore_ascii_case(begins).then(|| &text[begins.len()..])
}

/// Text with the names of characters replaced by these; others stay as they are.
fn text_of(html: &str) -> String {
    const NAMES: [(&str, char); 8] = [
        ("&copy;", '©'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&#39;", '\''),
        ("&nbsp;", '\u{a0}'),
        ("&middot;", '·'),
        ("&amp;", '&'),
    ];
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        let named = NAMES.iter().find_map(|(name, c)| Some((strip(rest, name)?, *c)));
        let (after, c) = named.unwrap_or((&rest[c.len_utf8()..], c));
        text.push(c);
        rest = after;
    }
    text
}

/// Text as HTML.
fn escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

impl fmt::Display for Attribution {
    /// As HTML that holds nothing but text and links.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match &part.link {
                Some(link) => {
                    f.write_str("<a href=\"")?;
                    escaped(f, link)?;
                    f.write_str("\">")?;
                    escaped(f, &part.text)?;
                    f.write_str("</a>")?;
                }
                None => escaped(f, &part.text)?,
            }
        }
        Ok(())
    }
}

impl Serialize for Attribution {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        let read = Attribution::read(text).unwrap();
        let html = read.to_string();
        assert_eq!(Attribution::read(&html).unwrap().to_string(), html, "read again");
        html
    }

    #[test]
    fn plain_links_stay() {
        let osm = r#"© <a href="https://www.openstreetmap.org/copyright">OpenStreetMap</a> contributors"#;
        assert_eq!(html(osm), osm);
        assert_eq!(html("&copy; A &amp; B"), "© A &amp; B");
        assert_eq!(
            html("<A target='_blank' HREF='HTTP://a.test/?b=1&amp;c' onclick=x>t</A >!"),
            "<a href=\"HTTP://a.test/?b=1&amp;c\">t</a>!"
        );
        assert_eq!(html("<a href=http://a.test/b>t</a>"), "<a href=\"http://a.test/b\">t</a>");
    }

    #[test]
    fn everything_else_is_text() {
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<a href=\"javascript:alert(1)\">t</a>",
            "<a href=\" java\nscript:alert(1)\">t</a>",
            "<a href=\"data:text/html,x\">t</a>",
            "<a href=\"//a.test\">t</a>",
            "<a href='https://a.test/\" onmouseover=\"alert(1)'>t</a>",
            "<a href=\"https://a.test\"><img src=x onerror=alert(1)></a>",
            "<a href=\"https://a.test\">never closed",
            "<a onclick=alert(1)>t</a>",
            "<abbr href=\"https://a.test\">t</abbr>",
            "<a href=https://>t</a>",
            "<a href",
            "<a ",
            "<",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        ] {
            let html = html(hostile);
            assert!(!html.contains('<'), "{hostile} became {html}");
        }
        assert_eq!(Attribution::read(&"x".repeat(5000)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived_and_holds_no_other_tag(text in "[<a href=\"'>/:htps&;=x.é]{0,80}") {
            let html = html(&text);
            for tag in html.split('<').skip(1) {
                proptest::prop_assert!(tag.starts_with("a href=\"http") || tag.starts_with("/a>"), "{}", html);
            }
        }
    }
}
