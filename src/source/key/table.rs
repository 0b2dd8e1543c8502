//! The values of a key: found while rows are read, by any thread in any order, and numbered as they come. What they are called
//! decides in which order they leave, so that nothing depends on who came first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use super::asked::Key;
use super::part::KeyPart;
use super::planes::{KeyPlane, Keys};
use crate::counts::labels::{self, NONE, OTHER};
use crate::error::{Error, Result};
use crate::source::shown::shown;

/// Different values that are found where none were named: more are no categories.
pub(super) const MOST_FOUND: usize = 250;
/// Values that an error shows, and characters of each.
const EXAMPLES: usize = 5;
const SHOWN: usize = 40;

/// All values of one key in all inputs of a run.
#[derive(Debug)]
pub(in crate::source) struct KeyTable {
    key: Key,
    /// What of a column is the key, once the first input has told.
    part: OnceLock<KeyPart>,
    values: RwLock<Values>,
    /// Whether there are too many.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Values {
    /// By number.
    labels: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl Values {
    fn add(&mut self, label: &str) -> u16 {
        let number = u16::try_from(self.labels.len()).unwrap_or(u16::MAX);
        self.labels.push(label.to_owned());
        self.numbers.insert(label.to_owned(), number);
        number
    }
}

impl KeyTable {
    /// Nothing found yet of what is asked for.
    pub(in crate::source) fn new(key: &Key) -> Self {
        let (part, values) = Default::default();
        Self { key: key.clone(), part, values, full: AtomicBool::new(false) }
    }

    /// What is asked for.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Tells what of the column of an input is the key. Fails where another input's was another part, since it has a column
    /// with the name of that.
    pub(super) fn begin(&self, part: KeyPart) -> Result<(), String> {
        let known = *self.part.get_or_init(|| {
            let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
            match part.labels() {
                _ if !self.is_open() => self.key.values().iter().for_each(|label| _ = values.add(label)),
                Some(labels) => labels.iter().for_each(|label| _ = values.add(label)),
                None => {}
            }
            values.add(if self.is_open() { NONE } else { OTHER });
            part
        });
        let text = self.key.by();
        if known == part { Ok(()) } else { Err(format!("it has a column '{text}', and another input has none (--by)")) }
    }

    /// Whether every value is asked for.
    fn is_open(&self) -> bool {
        self.key.values().is_empty()
    }

    /// The number of a value that has a name already.
    pub(super) fn known(&self, label: &str) -> Option<u16> {
        self.values.read().unwrap_or_else(PoisonError::into_inner).numbers.get(label).copied()
    }

    /// The number of cells without a value.
    pub(super) fn none(&self) -> u16 {
        self.known(NONE).or_else(|| self.known(OTHER)).unwrap_or(0)
    }

    /// The number of a value.
    pub(super) fn number(&self, label: &str) -> u16 {
        if label.is_empty() {
            return self.none();
        }
        if let Some(number) = self.known(label) {
            return number;
        }
        if !self.is_open() {
            return self.known(OTHER).unwrap_or(0);
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&number) = values.numbers.get(label) {
            return number;
        }
        // One of them is for cells without a value.
        if values.labels.len() > MOST_FOUND {
            self.full.store(true, Ordering::Relaxed);
            return 0;
        }
        values.add(label)
    }

    /// Fails where too many different values were found.
    #[inline]
    pub(in crate::source) fn check(&self) -> Result<()> {
        if self.full.load(Ordering::Relaxed) { Err(self.too_many()) } else { Ok(()) }
    }

    fn too_many(&self) -> Error {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut labels: Vec<_> = values.labels.iter().filter(|label| *label != NONE).collect();
        labels.sort();
        let some: Vec<_> = labels.iter().take(EXAMPLES).map(|label| shown(label.as_bytes(), SHOWN)).collect();
        let by = self.key.by();
        let part = match by.part() {
            KeyPart::Value => {
                format!(", or a part of a time with --by 'hour({})', day, month, weekday or year", by.column())
            }
            _ => String::new(),
        };
        Error::Usage(format!(
            "{by} has more than {MOST_FOUND} different values ({}, ...), more than can be counted apart by themselves; name \
             some with --values, the others are counted together{part}",
            some.join(", ")
        ))
    }

    /// What was counted by.
    pub(in crate::source) fn keys(&self) -> Keys {
        Keys { key: self.key.clone(), planes: self.planes() }
    }

    /// The values in the order in which they leave: named ones as they are and all others behind them, else as labels have it.
    pub(super) fn planes(&self) -> Vec<KeyPlane> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        let fixed = self.part.get().and_then(|part| part.labels()).map_or(0, |labels| labels.len());
        let mut labels = values.labels.clone();
        if self.is_open() {
            labels::in_order(&mut labels);
        }
        let plane = |label: String| {
            let number = *values.numbers.get(&label)?;
            let always = !self.is_open() || usize::from(number) < fixed;
            Some(KeyPlane { label, number, always })
        };
        labels.into_iter().filter_map(plane).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(by: &str, values: &str) -> KeyTable {
        let by = by.parse::<super::super::KeyBy>().unwrap();
        let key = match values {
            "" => Key::every(by),
            values => Key::some(by, values.parse().unwrap()).unwrap(),
        };
        let table = KeyTable::new(&key);
        table.begin(key.by().part()).unwrap();
        table
    }

    fn labels(table: &KeyTable) -> Vec<(String, bool)> {
        table.planes().into_iter().map(|plane| (plane.label, plane.always)).collect()
    }

    #[test]
    fn the_order_of_values_is_not_that_in_which_they_were_found() {
        let found = |values: &[&str]| {
            let table = table("a", "");
            let numbers: Vec<u16> = values.iter().map(|value| table.number(value)).collect();
            let planes = table.planes();
            for (value, number) in values.iter().zip(numbers) {
                let label = if value.is_empty() { NONE } else { value };
                assert!(planes.iter().any(|plane| plane.number == number && plane.label == label), "{value}");
            }
            planes.into_iter().map(|plane| plane.label).collect::<Vec<_>>()
        };
        assert_eq!(found(&["10", "9", "", "-3", "9", "09", "1e1"]), ["-3", "09", "9", "10", "1e1", NONE]);
        assert_eq!(found(&["9", "10", "x", "(none)", "other", "nan"]), ["10", "9", "nan", "x", NONE, "other"]);
        assert_eq!(found(&["b", "\u{e4}", "B"]), ["B", "b", "\u{e4}", NONE]);
    }

    #[test]
    fn named_values_keep_their_order_and_the_rest_is_one() {
        let some = table("a", "c,a,b");
        assert_eq!([some.number("b"), some.number("x"), some.number(""), some.number("c")], [2, 3, 3, 0]);
        let right =
            [("c", true), ("a", true), ("b", true), (OTHER, true)].map(|(label, always)| (label.to_owned(), always));
        assert_eq!(labels(&some), right);
        let with_none = table("a", "c,(none)");
        assert_eq!([with_none.number(""), with_none.number("(none)"), with_none.number("x")], [1, 1, 2]);
    }

    #[test]
    fn too_many_values_are_refused() {
        let found = table("id", "");
        (0..MOST_FOUND).for_each(|i| _ = found.number(&format!("v{i:03}")));
        found.number("");
        assert!(found.check().is_ok() && found.planes().len() == 251);
        found.number("one more");
        let line = found.check().unwrap_err().to_string();
        let right = "id has more than 250 different values (one more, v000";
        assert!(line.contains("id has more than 250 different values (v000, v001") || line.contains(right), "{line}");
        assert!(line.contains("--values") && line.contains("hour(id)"), "{line}");
        assert!(!table("year(id)", "").too_many().to_string().contains("part of a time"));
    }

    #[test]
    fn parts_of_times_have_fixed_values() {
        let hours = table("hour(t)", "");
        let planes = labels(&hours);
        assert_eq!((planes.len(), planes[7].0.as_str(), planes[24].0.as_str()), (25, "07", NONE));
        assert!(planes[..24].iter().all(|plane| plane.1) && !planes[24].1);
        assert_eq!(hours.none(), 24);
        assert!(hours.begin(KeyPart::Value).unwrap_err().contains("has a column 'hour(t)'"));
    }
}
