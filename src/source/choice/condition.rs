//! `COLUMN OP VALUE`: what a person asks of a row, as it is written. Whether a cell has it says `meets`.

use std::fmt;
use std::str::FromStr;

use super::date::{Stretch, iso};
use crate::source::columns::ColumnRef;

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    column: ColumnRef,
    pub(super) test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Compare(Op, Value),
    /// One of these, or between two of them, both ends included.
    In(Vec<(Value, Option<Value>)>),
    /// Whether the cell has no value.
    Missing(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    Other,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What a cell is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub(super) text: String,
    /// Its number, unless it stood in quotes.
    pub(super) number: Option<f64>,
    /// Its date.
    pub(super) date: Option<Stretch>,
    /// Whether it stood in quotes.
    quoted: bool,
}

/// Where a cell lies beside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lies {
    Before,
    At,
    Behind,
}

impl Op {
    const ALL: [(&'static str, Self); 7] = [
        ("!=", Self::Other),
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::More),
    ];

    pub(super) fn holds(self, lies: Lies) -> bool {
        match self {
            Self::Equal => lies == Lies::At,
            Self::Other => lies != Lies::At,
            Self::Less => lies == Lies::Before,
            Self::AtMost => lies != Lies::Behind,
            Self::More => lies == Lies::Behind,
            Self::AtLeast => lies != Lies::Before,
        }
    }

    /// Whether it asks which comes first.
    pub(super) fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::Other)
    }
}

impl Value {
    fn read(text: &str) -> Self {
        let text = text.trim();
        let inner = ['\'', '"'].iter().find_map(|&quote| text.strip_prefix(quote)?.strip_suffix(quote));
        match inner {
            // SQL writes dates in quotes.
            Some(inner) => {
                let date = iso(inner.as_bytes()).filter(|_| inner.contains(['-', '/']));
                Self { text: inner.to_owned(), number: None, date, quoted: true }
            }
            None => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                Self { text: text.to_owned(), number, date: iso(text.as_bytes()), quoted: false }
            }
        }
    }
}

impl Value {
    /// Whether it is written as numbers between separators, and neither number nor date nor in quotes: a day that does not
    /// exist, or a date of another form, whose order as text is not that of time.
    fn is_no_date(&self) -> bool {
        let parts = || self.text.split(['-', '/']);
        self.number.is_none()
            && self.date.is_none()
            && !self.quoted
            && (2..=3).contains(&parts().count())
            && parts().all(|part| part.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))
            && parts().all(|part| part.bytes().all(|byte| byte.is_ascii_digit() || b":.TZ ".contains(&byte)))
    }
}

impl Condition {
    /// The column that is looked at.
    pub fn column(&self) -> &ColumnRef {
        &self.column
    }

    /// What the column is compared with, as it was written; `None` where it is asked for having no value.
    pub(super) fn wanted(&self) -> Option<String> {
        match &self.test {
            Test::Compare(_, value) => Some(value.text.clone()),
            Test::In(values) => Some(
                values
                    .iter()
                    .map(|(from, to)| match to {
                        Some(to) => format!("{}..{}", from.text, to.text),
                        None => from.text.clone(),
                    })
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
            Test::Missing(_) => None,
        }
    }

    /// Whether it compares with dates.
    pub(super) fn is_of_dates(&self) -> bool {
        let date = |value: &Value| value.date.is_some() && value.number.is_none();
        match &self.test {
            Test::Compare(_, value) => date(value),
            Test::In(values) => values.iter().any(|(from, _)| date(from)),
            Test::Missing(_) => false,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The place of `word` between blanks outside of quotes, without regard to case.
fn word(text: &str, word: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    outside(text).filter(|&at| lower[at..].starts_with(word)).find(|&at| {
        let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        blank(text.as_bytes().get(at.wrapping_sub(1))) && blank(text.as_bytes().get(at + word.len()))
    })
}

/// Places that are not within a name in quotes at the front.
fn outside(text: &str) -> impl Iterator<Item = usize> + '_ {
    let trimmed = text.len() - text.trim_start().len();
    let quote = text[trimmed..].chars().next().filter(|c| matches!(c, '"' | '\''));
    let from = quote.and_then(|quote| Some(trimmed + 2 + text[trimmed + 1..].find(quote)?)).unwrap_or(0);
    text.char_indices().map(|(at, _)| at).filter(move |&at| at >= from)
}

impl FromStr for Condition {
    type Err = String;

    /// `severity = 1`, `"Number of vehicles" >= 3`, `'#4' in a, b, c`, `month in 6..8`, `date < 2023-05`, `name is missing`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "'{text}' is no condition: {why}; write COLUMN OP VALUE with =, !=, <, <=, >, >=, in, is missing or is not \
                 missing, for instance 'severity in 1, 2' or 'date >= 2023-05-01'"
            )
        };
        let column = |name: &str| {
            let name = name.trim();
            let bare = ['"', '\''].iter().find_map(|&q| name.strip_prefix(q)?.strip_suffix(q));
            bare.unwrap_or(name).parse::<ColumnRef>().map_err(|_| wrong("it names no column"))
        };
        let made = |name: &str, test: Test| Ok(Self { text: text.trim().to_owned(), column: column(name)?, test });
        if let Some(at) = word(&format!("{text} "), "is") {
            let rest: Vec<String> = text[at + 2..].split_whitespace().map(str::to_ascii_lowercase).collect();
            match rest.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["missing" | "null"] => return made(&text[..at], Test::Missing(true)),
                ["not", "missing" | "null"] => return made(&text[..at], Test::Missing(false)),
                _ => {}
            }
        }
        let op =
            outside(text).find_map(|at| Some((at, Op::ALL.iter().find(|(sign, _)| text[at..].starts_with(sign))?)));
        if let Some(at) = word(text, "in").filter(|&at| op.is_none_or(|(op, _)| at < op)) {
            let list = text[at + 2..].trim();
            let list = list.strip_prefix('(').and_then(|list| list.strip_suffix(')')).unwrap_or(list);
            let values: Vec<_> = split(list)
                .into_iter()
                .map(|part| {
                    match part.split_once("..").filter(|(from, _)| !from.trim_start().starts_with(['\'', '"'])) {
                        Some((from, to)) => (Value::read(from), Some(Value::read(to.trim_start_matches('=')))),
                        None => (Value::read(&part), None),
                    }
                })
                .collect();
            if values.is_empty()
                || values
                    .iter()
                    .any(|(from, to)| from.text.is_empty() || to.as_ref().is_some_and(|to| to.text.is_empty()))
            {
                return Err(wrong("it has a blank among its values"));
            }
            for (from, to) in values.iter().filter_map(|(from, to)| Some((from, to.as_ref()?))) {
                if let Some(value) = [from, to].into_iter().find(|value| value.is_no_date()) {
                    return Err(wrong(&no_date(&value.text)));
                }
                let falls = |a: f64, b: f64| a > b;
                let numbers = from.number.zip(to.number).is_some_and(|(from, to)| falls(from, to));
                let dates = from.date.zip(to.date).is_some_and(|(from, to)| from.from > to.from);
                if numbers || dates && from.number.is_none() {
                    return Err(wrong(&format!("its range {}..{} does not rise", from.text, to.text)));
                }
            }
            return made(&text[..at], Test::In(values));
        }
        let Some((at, (sign, op))) = op else { return Err(wrong("it compares nothing")) };
        let value = text[at + sign.len()..].trim();
        if value.is_empty() {
            return Err(wrong("it has no value; a blank cell is asked for by 'is missing'"));
        }
        if has_comma(value) {
            return Err(wrong(
                "its number has a comma; write decimals with a point, whatever the input has, or put a text into quotes",
            ));
        }
        let value = Value::read(value);
        if op.orders() && value.is_no_date() {
            return Err(wrong(&no_date(&value.text)));
        }
        made(&text[..at], Test::Compare(*op, value))
    }
}

/// What to say of a value that looks like a date and is none.
fn no_date(text: &str) -> String {
    format!(
        "'{text}' looks like a date and is none of the calendar as ISO 8601 writes it; write 2023-05-14, or 2023-05, whatever \
         the input has, or put a text into quotes"
    )
}

/// Whether a value is a number but for a comma, which texts are compared by without a word.
fn has_comma(value: &str) -> bool {
    value.contains(',') && value.replacen(',', ".", 1).parse::<f64>().is_ok()
}

/// The parts between commas outside of quotes.
pub(in crate::source) fn split(list: &str) -> Vec<String> {
    let (mut parts, mut part, mut quote) = (Vec::new(), String::new(), None);
    for c in list.chars() {
        match quote {
            None if c == ',' => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            None if matches!(c, '\'' | '"') && part.trim().is_empty() => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_be_quoted_or_numbered() {
        let column = |text: &str| text.parse::<Condition>().unwrap().column;
        let named = |name: &str| ColumnRef::Name(name.to_owned());
        assert_eq!(column("\"a = b\" = 3"), named("a = b"));
        assert_eq!(column("Number of vehicles>=3"), named("Number of vehicles"));
        assert_eq!(column("'is in' in 1,2"), named("is in"));
        assert_eq!(column("#4 != x"), ColumnRef::Number(4));
        for text in ["a = 12-34", "a >= '12-34'", "a < 2023-6-1", "a > B-12", "a in 3..3, -5..-1, a..b"] {
            assert!(text.parse::<Condition>().is_ok(), "{text}");
        }
        assert!("a = '13,5'".parse::<Condition>().is_ok() && "a = b, c".parse::<Condition>().is_ok());
        assert_eq!("  a = 3 ".parse::<Condition>().unwrap().to_string(), "a = 3");
    }

    #[test]
    fn what_is_no_condition_says_why() {
        for (text, says) in [
            ("a", "compares nothing"),
            ("= 3", "names no column"),
            ("a =", "is missing"),
            ("a in", "compares nothing"),
            ("a in 1,,2", "a blank among"),
            ("a in 1..", "a blank among"),
            ("", "compares nothing"),
            ("#0 = 3", "names no column"),
            ("a > 13,5", "with a point"),
            ("a >= 2023-06-31", "none of the calendar"),
            ("a < 01/06/2023", "none of the calendar"),
            ("a <= 06/2023", "none of the calendar"),
            ("a in 2023-06-01..2023-06-31", "none of the calendar"),
            ("a in 3..1", "does not rise"),
            ("a in 1, 2023-06..2023-05", "does not rise"),
        ] {
            let error = text.parse::<Condition>().unwrap_err();
            assert!(error.contains(says) && error.contains("COLUMN OP VALUE"), "{text}: {error}");
        }
    }
}
