//! How a person names a column: by its name or by its place.

use std::fmt;
use std::str::FromStr;

/// A column as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// By the whole name in the header, without regard to case and surrounding space.
    Name(String),
    /// By its place, from 1.
    Number(usize),
}

impl FromStr for ColumnRef {
    type Err = String;

    /// `#n` is a place, anything else a name.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('#').map(str::parse::<usize>) {
            Some(Ok(number)) if number > 0 => Ok(Self::Number(number)),
            Some(Err(_)) | None if !text.trim().is_empty() => Ok(Self::Name(text.to_owned())),
            _ => Err(format!("'{text}' is no column; write its name or its place from 1 as #1")),
        }
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "#{number}"),
        }
    }
}
