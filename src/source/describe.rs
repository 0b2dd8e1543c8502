//! What a table's columns look like to a person: name, kind and an example, by the rows looked at first.

use super::cell::Axis;
use super::options::{Decimal, Unit};
use super::shown::shown;
use super::value::{Cell, coordinate};

/// Characters of an example.
const SHOWN: usize = 40;

/// One column of an input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ColumnAbout {
    /// Its place, from 1.
    pub number: usize,
    /// Its name, if there is a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What most of its fields are: integer, number, text, or empty.
    pub kind: &'static str,
    /// The first field that is not blank.
    pub example: String,
}

/// Describes the columns of `rows` under `names`, of which there may be fewer.
pub(super) fn describe(names: &[Vec<u8>], rows: &[Vec<Vec<u8>>], decimal: Decimal) -> Vec<ColumnAbout> {
    let columns = rows.iter().map(Vec::len).chain([names.len()]).max().unwrap_or(0);
    (0..columns)
        .map(|i| {
            let filled = || rows.iter().filter_map(|row| row.get(i)).filter(|field| !field.trim_ascii().is_empty());
            let number = |field: &&Vec<u8>| {
                matches!(coordinate(field, Axis::Projected, Unit::Degrees, decimal), Cell::Number(_))
            };
            let integer = |field: &&Vec<u8>| field.trim_ascii().iter().all(|b| b.is_ascii_digit() || *b == b'-');
            let (all, numbers) = (filled().count(), filled().filter(number).count());
            let kind = match all {
                0 => "empty",
                _ if 10 * numbers < 9 * all => "text",
                _ if filled().all(|field| integer(&field)) => "integer",
                _ => "number",
            };
            ColumnAbout {
                number: i + 1,
                name: names.get(i).map(|name| shown(name, SHOWN)),
                kind,
                example: filled().next().map_or(String::new(), |field| shown(field, SHOWN)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_fields_decide_what_a_column_is() {
        let row = |text: &str| text.split('|').map(|field| field.as_bytes().to_vec()).collect::<Vec<_>>();
        let rows = [row("1|51.5||a"), row("-2|x|"), row("3|-0.5||b|extra")].to_vec();
        let about = describe(&row("id|lat|note"), &rows, Decimal::Point);
        let kinds: Vec<_> = about.iter().map(|c| (c.name.as_deref(), c.kind, c.example.as_str())).collect();
        let expected = [
            (Some("id"), "integer", "1"),
            (Some("lat"), "text", "51.5"),
            (Some("note"), "empty", ""),
            (None, "text", "a"),
            (None, "text", "extra"),
        ];
        assert_eq!(kinds, expected);
        let commas = describe(&[], &[row("51,5")], Decimal::Comma);
        assert_eq!((commas[0].kind, commas[0].name.as_deref()), ("number", None));
    }
}
