//! By which key rows are counted: what a person says.

use std::fmt;
use std::str::FromStr;

use super::label::LABEL;
use super::part::KeyPart;
use crate::counts::labels::{NONE, OTHER};
use crate::source::choice::split;
use crate::source::columns::ColumnRef;

/// Most values that may be named: each has a number of 16 bits, and so has everything else.
const MOST_VALUES: usize = 65_534;

/// The column of a key, and what of it is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBy {
    text: String,
    column: ColumnRef,
    part: KeyPart,
}

impl KeyBy {
    /// A column, and what of it.
    pub fn new(column: ColumnRef, part: KeyPart) -> Self {
        let text = match part.function() {
            Some(name) => format!("{name}({column})"),
            None => column.to_string(),
        };
        Self { text, column, part }
    }

    /// The column, unless an input has one whose name is the whole [text](Self::text).
    pub fn column(&self) -> &ColumnRef {
        &self.column
    }

    /// What of it.
    pub fn part(&self) -> KeyPart {
        self.part
    }

    /// All of it as it was written, without surrounding blanks.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for KeyBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for KeyBy {
    type Err = String;

    /// `COLUMN`, or `hour(COLUMN)`, `day(...)`, `month(...)`, `weekday(...)`, `year(...)`; anything else in this form is the
    /// name of a column.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let part = text.strip_suffix(')').and_then(|rest| rest.split_once('(')).and_then(|(name, column)| {
            let part = KeyPart::of_function(name.trim())?;
            let column = column.trim();
            let bare = ['"', '\''].iter().find_map(|&quote| column.strip_prefix(quote)?.strip_suffix(quote));
            Some((part, bare.unwrap_or(column)))
        });
        let (part, column) = part.unwrap_or((KeyPart::Value, text));
        let column = column.parse().map_err(|problem| match part {
            KeyPart::Value => problem,
            _ => format!("'{text}' names no column; write for instance hour(time) or month(#3)"),
        })?;
        Ok(Self { text: text.to_owned(), column, part })
    }
}

/// Values between commas; one that holds a comma itself stands in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValues(Vec<String>);

impl FromStr for KeyValues {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = |value: String| {
            let inner = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
            inner.map(str::to_owned).unwrap_or(value)
        };
        Ok(Self(split(text).into_iter().map(bare).collect()))
    }
}

/// What a person asks rows to be counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    by: KeyBy,
    values: Vec<String>,
}

impl Key {
    /// Every value that is found.
    pub fn every(by: KeyBy) -> Self {
        Self { by, values: Vec::new() }
    }

    /// These values in this order, and everything else together. Fails with a line where one is blank, named twice, longer than
    /// 200 bytes or none that such a key can have, and where there are more than 65,534.
    pub fn some(by: KeyBy, KeyValues(values): KeyValues) -> Result<Self, String> {
        if values.len() > MOST_VALUES {
            return Err(format!("{} values are more than 65,534; name fewer", values.len()));
        }
        let mut known = std::collections::HashSet::new();
        let values = values
            .into_iter()
            .map(|value| {
                let value = value.trim();
                let value = match by.part.label(value) {
                    _ if value.is_empty() => {
                        return Err(format!("there is a blank among the values; cells without one are called {NONE}"));
                    }
                    _ if value == OTHER => {
                        return Err(format!("'{OTHER}' is what every value is called that is not named; leave it out"));
                    }
                    _ if value.len() > LABEL => {
                        let start: String = value.chars().take(40).collect();
                        return Err(format!("the value '{start}...' is longer than {LABEL} bytes"));
                    }
                    Some(label) => label,
                    None if value == NONE => value.to_owned(),
                    None => return Err(format!("'{value}' is none of {by}; {}", by.part.example())),
                };
                if known.insert(value.clone()) { Ok(value) } else { Err(format!("the value '{value}' is named twice")) }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { by, values })
    }

    /// The column, and what of it.
    pub fn by(&self) -> &KeyBy {
        &self.by
    }

    /// The values that were named, in their order, as they are called; none where every value is asked for.
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_times_are_functions_of_a_column() {
        let named = |name: &str| ColumnRef::Name(name.to_owned());
        for (text, column, part) in [
            ("type", named("type"), KeyPart::Value),
            (" #4 ", ColumnRef::Number(4), KeyPart::Value),
            ("hour(time)", named("time"), KeyPart::Hour),
            ("Hour( time )", named("time"), KeyPart::Hour),
            ("day(#2)", ColumnRef::Number(2), KeyPart::Day),
            ("month(Date (UTC))", named("Date (UTC)"), KeyPart::Month),
            ("weekday('a b')", named("a b"), KeyPart::Weekday),
            ("year(x)", named("x"), KeyPart::Year),
            ("minute(x)", named("minute(x)"), KeyPart::Value),
            ("Local_Authority_(District)", named("Local_Authority_(District)"), KeyPart::Value),
        ] {
            let by: KeyBy = text.parse().unwrap();
            assert_eq!((by.column(), by.part(), by.text()), (&column, part, text.trim()), "{text}");
        }
        for text in ["", "hour()", "month( )", "#0", "day(#0)"] {
            assert!(text.parse::<KeyBy>().unwrap_err().contains("column"), "{text}");
        }
        assert_eq!(KeyBy::new(named("time"), KeyPart::Hour), "hour(time)".parse().unwrap());
    }

    #[test]
    fn values_are_what_a_key_can_have() {
        let some = |by: &str, values: &str| Key::some(by.parse().unwrap(), values.parse().unwrap());
        let values = |by: &str, list: &str| some(by, list).unwrap().values;
        assert_eq!(values("a", "b, 'c, d' ,\"e\",01"), ["b", "c, d", "e", "01"]);
        assert_eq!(values("a", "(none),b"), [NONE, "b"]);
        assert_eq!(values("hour(t)", "7,08,23"), ["07", "08", "23"]);
        assert_eq!(values("month(t)", "1,Feb,december,(none)"), ["01", "02", "12", NONE]);
        assert_eq!(values("weekday(t)", "Sat,sunday"), ["Sat", "Sun"]);
        assert_eq!(values("day(t)", "31"), ["31"]);
        assert_eq!(values("year(t)", "2019,2020"), ["2019", "2020"]);
        for (by, list, says) in [
            ("a", "b,,c", "a blank among"),
            ("a", "", "a blank among"),
            ("a", "b,b", "named twice"),
            ("a", "b,other", "leave it out"),
            ("hour(t)", "24", "is none of hour(t); hours are 00 to 23"),
            ("month(t)", "0", "is none of"),
            ("month(t)", "1,01", "named twice"),
            ("weekday(t)", "S", "is none of"),
            ("year(t)", "x", "is none of"),
        ] {
            let error = some(by, list).unwrap_err();
            assert!(error.contains(says), "{by} {list}: {error}");
        }
        assert!(some("a", &"x".repeat(201)).unwrap_err().contains("longer than 200 bytes"));
        let many: Vec<String> = (0..65_535).map(|i| i.to_string()).collect();
        assert!(some("a", &many.join(",")).unwrap_err().contains("more than 65,534"));
        assert_eq!(values("a", &many[1..].join(",")).len(), 65_534);
    }
}
