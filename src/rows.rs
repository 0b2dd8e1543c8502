//! Why a row becomes no point: one table of reasons, each with a name and a message, and a number for each.
//!
//! Who judges a row is left to `source` (what it holds) and `project` (where that lies). A new reason is one line here.

use std::ops::{Index, IndexMut};

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Makes the enumeration and its tables from lines of: variant, key in reports, words for a person, whether such a row
/// holds two numbers.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $message:literal, numbers: $numbers:literal;)+) => {
        /// Why a row is left out; of several reasons the first in this order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Its key in reports and metadata.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What a person reads behind a number of rows.
            pub fn message(self) -> &'static str {
                match self { $(Self::$variant => $message),+ }
            }

            /// Whether such a row holds two finite numbers, whatever else it lacks to be a point of the map.
            pub fn has_numbers(self) -> bool {
                match self { $(Self::$variant => $numbers),+ }
            }
        }
    };
}

impl Reason {
    /// Whether such a row has a blank where something is wanted, which is no mistake.
    pub fn is_blank(self) -> bool {
        matches!(self, Self::Missing | Self::NoWeight)
    }

    /// Whether such a row has no usable weight.
    pub fn is_of_weight(self) -> bool {
        matches!(self, Self::NoWeight | Self::BadWeight | Self::InfiniteWeight)
    }
}

reasons! {
    /// A coordinate is blank.
    Missing, "missing", "missing coordinate", numbers: false;
    /// A coordinate is no finite number.
    NotANumber, "not_a_number", "not a number", numbers: false;
    /// A coordinate has no field, or the row ends within quotes.
    Malformed, "malformed", "malformed row", numbers: false;
    /// A geometry that is no point.
    NotAPoint, "not_a_point", "not a point", numbers: false;
    /// The weight is blank.
    NoWeight, "no_weight", "missing weight", numbers: true;
    /// The weight is no number.
    BadWeight, "bad_weight", "weight is not a number", numbers: true;
    /// The weight is a number without bounds.
    InfiniteWeight, "infinite_weight", "weight is not finite", numbers: true;
    /// A place that was to be left out.
    Dropped, "dropped", "at a place to be left out", numbers: true;
    /// No place on earth: |latitude| > 90, |longitude| > 180, or nothing the reference system can hold.
    OutOfRange, "out_of_range", "out of range", numbers: true;
    /// On earth, but beyond the northern or southern edge of the Web Mercator square (85.05 degrees).
    OutsideMercator, "outside_mercator", "outside Web Mercator", numbers: true;
}

/// Rows left out, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut([u64; Reason::COUNT]);

impl LeftOut {
    /// Adds what another thread left out.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each reason with its number, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.iter().copied().zip(self.0)
    }

    /// Rows whose weight cannot be used.
    pub fn weightless(&self) -> u64 {
        self.iter().filter(|(reason, _)| reason.is_of_weight()).map(|(_, rows)| rows).sum()
    }

    /// Rows without two finite numbers.
    pub fn invalid(&self) -> u64 {
        self.iter().filter(|(reason, _)| !reason.has_numbers()).map(|(_, rows)| rows).sum()
    }
}

impl Index<Reason> for LeftOut {
    type Output = u64;

    fn index(&self, reason: Reason) -> &u64 {
        &self.0[reason as usize]
    }
}

impl IndexMut<Reason> for LeftOut {
    fn index_mut(&mut self, reason: Reason) -> &mut u64 {
        &mut self.0[reason as usize]
    }
}

impl<const N: usize> From<[(Reason, u64); N]> for LeftOut {
    fn from(numbers: [(Reason, u64); N]) -> Self {
        let mut all = Self::default();
        numbers.into_iter().for_each(|(reason, rows)| all[reason] += rows);
        all
    }
}

/// Rows that nobody asked for, by what they did not meet first: no rejects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotSelected {
    /// By each condition on columns, in their order; short where none of the last was not met.
    pub conditions: Vec<u64>,
    /// Not in the sample.
    pub sample: u64,
    /// Outside of the box or the area.
    pub outside: Outside,
}

/// Points that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outside {
    /// Outside of the box.
    pub bbox: u64,
    /// In the box, and outside of the area.
    pub area: u64,
}

impl Outside {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.bbox + self.area
    }

    /// Adds those of another batch.
    pub fn merge(&mut self, other: &Self) {
        self.bbox += other.bbox;
        self.area += other.area;
    }
}

impl NotSelected {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.conditions.iter().sum::<u64>() + self.sample + self.outside.total()
    }

    /// Adds those of another input.
    pub fn merge(&mut self, other: &Self) {
        if self.conditions.len() < other.conditions.len() {
            self.conditions.resize(other.conditions.len(), 0);
        }
        self.conditions.iter_mut().zip(&other.conditions).for_each(|(mine, theirs)| *mine += theirs);
        self.sample += other.sample;
        self.outside.merge(&other.outside);
    }
}

/// A map from each reason's name to its number.
impl Serialize for LeftOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(reason, rows)| (reason.name(), rows)))
    }
}

/// Writes the reasons of rows without two numbers only.
pub fn serialize_invalid<S: Serializer>(all: &LeftOut, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (reason, rows) in all.iter().filter(|(reason, _)| !reason.has_numbers()) {
        map.serialize_entry(reason.name(), &rows)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_number_of_its_own() {
        let mut all = LeftOut::default();
        for (i, &reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason as usize, i);
            all[reason] = 1 << i;
        }
        assert_eq!(all.total(), (1 << Reason::COUNT) - 1);
        assert_eq!(
            all.iter().map(|(_, rows)| rows).collect::<Vec<_>>(),
            (0..Reason::COUNT).map(|i| 1 << i).collect::<Vec<_>>()
        );
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.name()).collect();
        let messages: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.message()).collect();
        assert_eq!((names.len(), messages.len()), (Reason::COUNT, Reason::COUNT));
    }

    #[test]
    fn reports_name_every_reason() {
        let all = LeftOut::from([(Reason::NotANumber, 2), (Reason::OutsideMercator, 3), (Reason::NoWeight, 4)]);
        let json = serde_json::to_value(all).unwrap();
        let keys = serde_json::json!({
            "missing": 0, "not_a_number": 2, "malformed": 0, "not_a_point": 0, "no_weight": 4, "bad_weight": 0,
            "infinite_weight": 0, "dropped": 0, "out_of_range": 0, "outside_mercator": 3
        });
        assert_eq!(json, keys);
        let mut text = Vec::new();
        serialize_invalid(&all, &mut serde_json::Serializer::new(&mut text)).unwrap();
        assert_eq!(text, br#"{"missing":0,"not_a_number":2,"malformed":0,"not_a_point":0}"#);
        assert_eq!((all.invalid(), all.weightless(), all.total()), (2, 4, 9));
    }
}
