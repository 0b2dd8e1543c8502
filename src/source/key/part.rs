//! Parts of a time that may be a key, and what their values are called.

use crate::counts::labels::WEEKDAYS;
use crate::source::choice::{Civil, MONTHS};

/// What of a column is the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPart {
    /// What it holds.
    Value,
    /// The hour of a time.
    Hour,
    /// The day of the month.
    Day,
    /// The month.
    Month,
    /// The day of the week, Monday first.
    Weekday,
    /// The year.
    Year,
}

impl KeyPart {
    const FUNCTIONS: [(&'static str, Self); 5] = [
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("month", Self::Month),
        ("weekday", Self::Weekday),
        ("year", Self::Year),
    ];

    /// The part with such a name.
    pub(super) fn of_function(name: &str) -> Option<Self> {
        Self::FUNCTIONS.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, part)| *part)
    }

    /// Its name, if it is a part of a time.
    pub fn function(self) -> Option<&'static str> {
        Self::FUNCTIONS.iter().find(|(_, part)| *part == self).map(|(name, _)| *name)
    }

    /// What its values are called, where it has the same ones whatever an input holds.
    pub(super) fn labels(self) -> Option<Vec<String>> {
        let two = |number: usize| format!("{number:02}");
        Some(match self {
            Self::Value | Self::Year => return None,
            Self::Hour => (0..24).map(two).collect(),
            Self::Day => (1..=31).map(two).collect(),
            Self::Month => (1..=12).map(two).collect(),
            Self::Weekday => WEEKDAYS.map(str::to_owned).into(),
        })
    }

    /// What a value is called that a person named; `None` where there is none such.
    pub(super) fn label(self, value: &str) -> Option<String> {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let number = || value.parse::<usize>().ok().filter(|_| digits);
        let name = || value.to_ascii_lowercase().get(..3).map(str::to_owned);
        match self {
            Self::Value => Some(value.to_owned()),
            Self::Year => number().map(|_| value.to_owned()),
            Self::Weekday => {
                let name = name()?;
                WEEKDAYS.iter().find(|day| day.eq_ignore_ascii_case(&name)).map(|day| (*day).to_owned())
            }
            Self::Hour | Self::Day | Self::Month => {
                let of_name = || MONTHS.iter().position(|month| Some(*month) == name().as_deref()).map(|at| at + 1);
                let number = number().or_else(|| if self == Self::Month { of_name() } else { None })?;
                let label = format!("{number:02}");
                self.labels()?.into_iter().find(|known| *known == label)
            }
        }
    }

    /// What its values look like: the end of a line.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Value => "it is text",
            Self::Hour => "hours are 00 to 23",
            Self::Day => "days are 01 to 31",
            Self::Month => "months are 01 to 12",
            Self::Weekday => "days are Mon, Tue, Wed, Thu, Fri, Sat and Sun",
            Self::Year => "years are numbers such as 2023",
        }
    }

    /// The place of a moment among [`labels`](Self::labels), or its year; `None` where so much of it is not known.
    #[inline]
    pub(super) fn of(self, civil: &Civil) -> Option<i64> {
        match self {
            Self::Value => None,
            Self::Hour => civil.hour,
            Self::Day => civil.day.map(|day| day - 1),
            Self::Month => civil.month.map(|month| month - 1),
            Self::Weekday => civil.weekday(),
            Self::Year => civil.year,
        }
    }
}
