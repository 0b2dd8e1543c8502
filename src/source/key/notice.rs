//! What to know of rows that are counted by a part of a time and have none.

use crate::counts::labels::NONE;
use crate::source::notice::{Example, Notice};
use crate::source::report::FileReport;

/// What to know of an input whose times could not all be read.
pub(in crate::source) fn notice(file: &FileReport) -> Option<Notice> {
    let by = file.key_column.as_ref()?;
    let (rows @ 1.., Some((row, value))) = &file.timeless else { return None };
    let holds = if value.trim().is_empty() { "a blank".to_owned() } else { value.clone() };
    let number = if *rows == 1 { "1 row has".into() } else { format!("{rows} rows have") };
    let share = *rows as f64 / file.rows.max(1) as f64;
    Some(Notice {
        code: "no_time",
        input: Some(file.name.clone()),
        rows: Some(*rows),
        share: Some(share),
        example: Some(Example { row: *row, value: value.clone() }),
        flag: None,
        text: format!(
            "{}: {number} no time that {by} can be taken of ({:.1} %) and are counted as {NONE} (row {row}: {holds}); times of \
             another form than 2023-05-14T12:30 are read with --date-format",
            file.name,
            100.0 * share
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_time_are_told_with_an_example() {
        let file = |rows, value: &str| FileReport {
            rows: 20,
            key_column: Some("hour(t)".into()),
            timeless: (rows, Some((3, value.into()))),
            ..FileReport::unread("a.csv".into())
        };
        let one = notice(&file(1, "x")).unwrap();
        assert_eq!((one.rows, one.share, one.code), (Some(1), Some(0.05), "no_time"));
        let right =
            "a.csv: 1 row has no time that hour(t) can be taken of (5.0 %) and are counted as (none) (row 3: x); times";
        assert!(one.text.starts_with(right), "{}", one.text);
        assert!(notice(&file(2, " ")).unwrap().text.contains("2 rows have no time") && notice(&file(0, "x")).is_none());
        assert!(notice(&file(2, "")).unwrap().text.contains("(row 3: a blank)"));
        assert!(notice(&FileReport { key_column: None, ..file(5, "x") }).is_none());
    }
}
