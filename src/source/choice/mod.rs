//! Which rows of an input are wanted: conditions on columns, and a sample. A row that is not wanted is no reject; it is
//! counted by what it did not meet first.

mod condition;
mod date;
mod meets;
mod sample;

pub use condition::Condition;
pub(super) use condition::split;
pub use date::DateFormat;
pub(super) use date::{Civil, MONTHS, civil, clock};
pub use sample::Sample;

use std::borrow::Cow;

use self::meets::How;
use super::cell::Unmet;
use super::columns;
use super::options::{Decimal, ReadOptions};
use crate::rows::NotSelected;

/// Different values of a column that are kept for a person to see.
const VALUES: usize = 8;
/// Rows of a piece whose values are looked at for that.
const LOOKED: u64 = 2000;
/// Characters of a value that are shown.
const SHOWN: usize = 40;

/// Rows that were not wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PassedOver {
    pub(super) rows: NotSelected,
    /// Some values that were met where a condition did not hold.
    pub(super) values: Vec<Vec<String>>,
}

/// What is wanted of the rows of one input, by the places of its columns.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    conditions: Vec<(usize, Condition)>,
    sample: Option<Sample>,
    date: Option<DateFormat>,
}

impl Choice {
    /// What `options` ask for of an input whose rows have `width` fields, the last of which `header` names; `None` where
    /// every row is wanted.
    pub(super) fn of(
        options: &ReadOptions,
        header: Option<&[Vec<u8>]>,
        width: usize,
        shift: usize,
    ) -> Result<Option<Self>, String> {
        let place = |condition: &Condition| {
            let column = columns::named_place(header, width, shift, condition.column(), "--where")?;
            Ok::<_, String>((column, condition.clone()))
        };
        let conditions = options.conditions.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        // Times without a date are for keys.
        let date = options.date.clone().filter(|form| !form.is_of_clock());
        let choice = Self { conditions, sample: options.sample, date };
        Ok((!choice.conditions.is_empty() || choice.sample.is_some()).then_some(choice))
    }

    /// The columns that are looked at.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.conditions.iter().map(|(column, _)| *column)
    }

    /// What a row does not meet; `field` gives its fields unquoted, where it has them.
    #[inline]
    pub(super) fn unmet<'a>(
        &self,
        decimal: Decimal,
        field: impl Fn(usize) -> Option<Cow<'a, [u8]>>,
        (row, place): (&[u8], u64),
    ) -> Option<Unmet> {
        let how = How { decimal, date: self.date.as_ref() };
        let unmet = self.conditions.iter().position(|(column, condition)| {
            let cell = field(*column).unwrap_or_default();
            !condition.holds(&cell, &how)
        });
        match (unmet, self.sample) {
            (Some(at), _) => Some(Unmet::Where(at)),
            (None, Some(sample)) if !sample.holds(row, place) => Some(Unmet::Sample),
            _ => None,
        }
    }

    /// Counts a row that is not wanted.
    pub(super) fn pass_over<'a>(
        &self,
        unmet: Unmet,
        rows: u64,
        field: impl Fn(usize) -> Option<Cow<'a, [u8]>>,
        passed: &mut PassedOver,
    ) {
        match unmet {
            Unmet::Sample => passed.rows.sample += 1,
            Unmet::Where(at) => {
                if passed.values.len() < self.conditions.len() {
                    passed.rows.conditions.resize(self.conditions.len(), 0);
                    passed.values.resize(self.conditions.len(), Vec::new());
                }
                passed.rows.conditions[at] += 1;
                let values = &mut passed.values[at];
                if rows < LOOKED && values.len() < VALUES {
                    let cell = field(self.conditions[at].0).unwrap_or_default();
                    note(values, super::shown::shown(&cell, SHOWN));
                }
            }
        }
    }
}

impl Condition {
    /// Whether it holds of a value of a key; what such values call `(none)` is blank.
    pub fn holds_of(&self, value: &str) -> bool {
        let cell = if value == "(none)" { "" } else { value };
        self.holds(cell.as_bytes(), &How { decimal: Decimal::Point, date: None })
    }
}

/// Adds a value that is not among those that are kept.
fn note(values: &mut Vec<String>, value: String) {
    if values.len() < VALUES && !value.trim().is_empty() && !values.contains(&value) {
        values.push(value);
    }
}

impl PassedOver {
    /// Adds what was passed over of another piece.
    pub(super) fn merge(&mut self, other: Self) {
        self.rows.merge(&other.rows);
        self.values.resize(self.values.len().max(other.values.len()), Vec::new());
        for (mine, theirs) in self.values.iter_mut().zip(other.values) {
            theirs.into_iter().for_each(|value| note(mine, value));
        }
    }
}

/// What a column holds beside what was asked of it: the middle of a line.
pub(super) fn held(condition: &Condition, values: &[String]) -> String {
    let mut values = values.to_vec();
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
    match numbers {
        Some(_) => values.sort_by(|a, b| a.parse().unwrap_or(0f64).total_cmp(&b.parse().unwrap_or(0f64))),
        None => values.sort(),
    }
    let more = if values.len() == VALUES { " ..." } else { "" };
    let column = condition.column();
    let hint = if condition.is_of_dates() && values.iter().all(|value| date::iso(value.as_bytes()).is_none()) {
        "; dates of another form than 2023-05-14 are read with --date-format, such as %d/%m/%Y"
    } else {
        ""
    };
    match condition.wanted() {
        _ if values.is_empty() => format!("{column} holds nothing"),
        Some(wanted) => {
            let none = if condition.to_string().contains(['<', '>', '!']) {
                condition.to_string()
            } else {
                format!("'{wanted}'")
            };
            format!("{column} holds {}{more}; none is {none}{hint}", values.join(", "))
        }
        None => format!("{column} holds {}{more}; none fits '{condition}'", values.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_holds_is_told() {
        let condition = |text: &str| text.parse::<Condition>().unwrap();
        let values = ["3", "1", "2"].map(str::to_owned);
        assert_eq!(held(&condition("sev = Fatal"), &values), "sev holds 1, 2, 3; none is 'Fatal'");
        assert_eq!(held(&condition("sev > 3"), &values), "sev holds 1, 2, 3; none is sev > 3");
        assert!(held(&condition("d = 2023-05"), &["01/02/2003".to_owned()]).contains("--date-format"));
        assert!(!held(&condition("d = 2023-05"), &["2003-02-01T00:00:00+00:00".to_owned()]).contains("--date-format"));
        assert_eq!(held(&condition("sev is missing"), &values), "sev holds 1, 2, 3; none fits 'sev is missing'");
    }
}
