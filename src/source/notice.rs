//! What a person should know about an input beside its numbers: one line each, and the same as data.

use std::fmt;

use super::Input;

/// A row that shows what is meant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Example {
    /// Its number, from 1.
    pub row: u64,
    /// What it holds.
    pub value: String,
}

/// One thing to know. As data it has every key, null where nothing is known.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Notice {
    /// A short name of the kind, for programs.
    pub code: &'static str,
    /// The input, as it was named.
    pub input: Option<String>,
    /// Rows that it is about.
    pub rows: Option<u64>,
    /// Those as a share of the rows they are taken from, 0 to 1.
    pub share: Option<f64>,
    /// One of them.
    pub example: Option<Example>,
    /// What to add to the command to change it.
    pub flag: Option<String>,
    /// All of that in one line.
    pub text: String,
}

impl Notice {
    /// The same about an input, which its line names.
    pub(super) fn of(self, input: &Input) -> Self {
        Self { input: Some(input.to_string()), text: format!("{input}: {}", self.text), ..self }
    }

    /// The same about all of an input's rows, which are so many.
    pub(super) fn of_all(self, rows: u64) -> Self {
        Self { rows: Some(rows), share: Some(1.0), ..self }
    }

    /// A notice that is but a line.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), ..Self::default() }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
