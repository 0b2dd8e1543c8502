//! Where counts come from: of each source its rows by what became of them, and a sum of the hashes of its rows, by which
//! it is known again. Never a path or a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rows::{LeftOut, Reason};
use crate::tile::{Extent, WorldPoint};

/// Shares that are named in a message.
const MANY: usize = 20;

/// One input of a run that counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// The sum of the hashes of its rows, in hexadecimal digits.
    pub rows_hash: String,
    /// Its rows.
    pub rows: u64,
    /// Those that became points.
    pub used: u64,
    /// Those that were left out, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// What was asked of its rows, in the order in which it was, and how many were passed over for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<(String, u64)>,
    /// The box around its points, in positions of 2^32 a side: west, north, east, south; without points nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<(u32, u32, u32, u32)>,
    /// Why its rows would be refused as a whole, as far as shares of them told.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub doubts: BTreeSet<String>,
    /// How many rows those shares have.
    #[serde(default, skip_serializing_if = "is_none")]
    pub doubtful: u64,
    /// Which part of the input that is, where it was shared out and not all of it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

/// A part of a source that was shared out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Share {
    /// What was planned, as a hash of everything that matters.
    pub plan: String,
    /// Into how many shares.
    pub of: u32,
    /// The shares that are here, from 1, ascending.
    pub shares: Vec<u32>,
    /// Which input of the plan, from 1.
    pub input: u32,
}

impl Source {
    /// The box around its points.
    pub fn extent(&self) -> Extent {
        self.extent.map_or(Extent::default(), |(west, north, east, south)| Extent {
            min: WorldPoint { x: west, y: north },
            max: WorldPoint { x: east, y: south },
        })
    }

    /// The source with that box around its points.
    #[must_use]
    pub fn within(self, extent: &Extent) -> Self {
        let corners = |extent: &Extent| (extent.min.x, extent.min.y, extent.max.x, extent.max.y);
        Self { extent: (!extent.is_empty()).then(|| corners(extent)), ..self }
    }

    /// Whether the same rows are in both, and were chosen in the same way.
    fn is_same(&self, other: &Self) -> bool {
        let asked = |source: &Self| source.not_selected.iter().map(|(by, _)| by.clone()).collect::<Vec<_>>();
        (&self.rows_hash, self.rows, &self.share) == (&other.rows_hash, other.rows, &other.share)
            && asked(self) == asked(other)
    }

    /// Whether it has a box where it has points, and that is one.
    fn is_somewhere(&self) -> bool {
        self.extent.map_or(self.used == 0, |(west, north, east, south)| west <= east && north <= south)
    }

    fn is_balanced(&self) -> bool {
        let left_out = self.left_out.values().try_fold(0u64, |sum, rows| sum.checked_add(*rows));
        let passed = self.not_selected.iter().try_fold(0u64, |sum, (_, rows)| sum.checked_add(*rows));
        left_out.zip(passed).and_then(|(a, b)| a.checked_add(b)?.checked_add(self.used)) == Some(self.rows)
    }
}

/// Where all counts of a file come from: its sources, in an order that depends on them alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Each source.
    pub sources: Vec<Source>,
}

impl Origin {
    /// Of sources in any order. Rows of which none was read are no source.
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        let mut sources: Vec<_> =
            sources.into_iter().filter(|source| source.rows > 0 || source.share.is_some()).collect();
        sources.sort();
        Self { sources }
    }

    /// Rows of all sources.
    pub fn rows(&self) -> u64 {
        self.sources.iter().map(|source| source.rows).sum()
    }

    /// Points of all sources.
    pub fn used(&self) -> u64 {
        self.sources.iter().map(|source| source.used).sum()
    }

    /// The box around all points.
    pub fn extent(&self) -> Extent {
        self.sources.iter().fold(Extent::default(), |mut all, source| {
            all.merge(&source.extent());
            all
        })
    }

    /// Rows that were left out, by reason. Fails with what is not known here.
    pub fn left_out(&self) -> std::result::Result<LeftOut, String> {
        let mut all = LeftOut::default();
        for (name, rows) in self.sources.iter().flat_map(|source| &source.left_out) {
            let reason = Reason::ALL.iter().find(|reason| reason.name() == name);
            let reason = reason.ok_or_else(|| format!("it knows a reason to leave out rows, '{name}', that is new"))?;
            all[*reason] += rows;
        }
        Ok(all)
    }

    /// What was asked of rows, and how many were passed over for it: in the order of the sources where all have the same
    /// one, else by name.
    pub fn not_selected(&self) -> Vec<(String, u64)> {
        let asked = |source: &Source| source.not_selected.iter().map(|(by, _)| by.clone()).collect::<Vec<_>>();
        let mut all: Vec<String> = self.sources.first().map(asked).unwrap_or_default();
        if self.sources.iter().any(|source| asked(source) != all) {
            all = self.sources.iter().flat_map(asked).collect();
            all.sort();
            all.dedup();
        }
        let rows = |by: &String| {
            let of = |source: &Source| {
                source.not_selected.iter().filter(|(own, _)| own == by).map(|(_, rows)| *rows).sum::<u64>()
            };
            self.sources.iter().map(of).sum()
        };
        // Of places is told where points lie elsewhere.
        let is_place = |by: &str| matches!(by, "--bbox" | "--within");
        let all = all.iter().map(|by| (by.clone(), rows(by)));
        all.filter(|(by, rows)| *rows > 0 || !is_place(by)).collect()
    }

    /// Whether the account of every source comes out even; what is wrong where it does not.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        if let Some(source) = self.sources.iter().find(|source| !source.is_balanced()) {
            return Err(format!("the account of a source of {} rows does not come out even", source.rows));
        }
        if let Some(source) = self.sources.iter().find(|source| !source.is_somewhere()) {
            return Err(format!("the points of a source of {} rows lie nowhere", source.rows));
        }
        if self.sources.iter().try_fold(0u64, |sum, source| sum.checked_add(source.rows)).is_none() {
            return Err("it has more rows than there are numbers".into());
        }
        Ok(())
    }

    /// What is missing of inputs that were shared out, for a person; `None` where all of it is here.
    pub(super) fn missing(&self) -> Option<String> {
        let share = self.sources.iter().find_map(|source| source.share.as_ref())?;
        let missing: Vec<String> = (1..=share.of)
            .filter(|number| !share.shares.contains(number))
            .map(|number| format!("{number}/{}", share.of))
            .take(MANY)
            .collect();
        if self.sources.iter().filter_map(|source| source.share.as_ref()).any(|other| other.plan != share.plan) {
            return Some(format!(
                "shares of several plans are there, and none is complete: {} lacks {}; merge those of one plan at a time",
                share.plan,
                missing.join(", ")
            ));
        }
        Some(format!(
            "shares are missing: {}; count them with --shard, or add up what is there with --partial",
            missing.join(", ")
        ))
    }

    /// A source that is in both.
    pub(super) fn in_common<'a>(&'a self, other: &Self) -> Option<&'a Source> {
        self.sources.iter().find(|own| other.sources.iter().any(|source| own.is_same(source)))
    }

    /// A source that is there twice.
    pub fn repeated(&self) -> Option<&Source> {
        let twice = |at: usize, own: &Source| self.sources[..at].iter().any(|other| own.is_same(other));
        self.sources.iter().enumerate().find(|(at, own)| twice(*at, own)).map(|(_, own)| own)
    }

    /// Takes the sources of `other` out again; the first one that is not here where one is not.
    pub(super) fn without<'a>(&self, other: &'a Self) -> std::result::Result<Self, &'a Source> {
        let mut sources = self.sources.clone();
        for gone in &other.sources {
            let at = sources.iter().position(|own| own == gone).ok_or(gone)?;
            sources.remove(at);
        }
        Ok(Self { sources })
    }

    /// The sources of all, in which the shares of an input are one again as far as they are here. Fails, naming shares,
    /// where one is here twice or where they are of different plans.
    pub(super) fn joined(all: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut sources = Vec::new();
        let mut shared: BTreeMap<(String, u32), Source> = BTreeMap::new();
        for source in all.into_iter().flat_map(|origin| origin.sources) {
            let Some(share) = source.share.clone() else {
                sources.push(source);
                continue;
            };
            match shared.get_mut(&(share.plan.clone(), share.input)) {
                None => _ = shared.insert((share.plan, share.input), source),
                Some(known) => known.add(&source, &share)?,
            }
        }
        for mut source in shared.into_values() {
            let share = source.share.as_ref();
            if share.is_some_and(|share| share.shares.len() == share.of as usize) {
                source.share = None;
            }
            sources.push(source);
        }
        // A share of which no row was read says that it is here.
        sources.retain(|source| source.rows > 0 || source.share.is_some());
        sources.sort();
        Ok(Self { sources })
    }
}

impl Source {
    fn add(&mut self, other: &Self, share: &Share) -> Result<()> {
        let hash = |source: &Self| u64::from_str_radix(&source.rows_hash, 16).unwrap_or(0);
        self.rows_hash = format!("{:016x}", hash(self).wrapping_add(hash(other)));
        self.rows = self.rows.checked_add(other.rows).ok_or_else(too_many)?;
        self.used = self.used.checked_add(other.used).ok_or_else(too_many)?;
        for (reason, rows) in &other.left_out {
            *self.left_out.entry(reason.clone()).or_default() += rows;
        }
        for (by, rows) in &other.not_selected {
            match self.not_selected.iter_mut().find(|(own, _)| own == by) {
                Some(own) => own.1 += rows,
                None => self.not_selected.push((by.clone(), *rows)),
            }
        }
        self.doubts.extend(other.doubts.iter().cloned());
        self.doubtful = self.doubtful.saturating_add(other.doubtful);
        let mut extent = self.extent();
        extent.merge(&other.extent());
        *self = std::mem::take(self).within(&extent);
        let Some(own) = &mut self.share else { return Ok(()) };
        if own.of != share.of {
            return Err(Error::Input(format!(
                "shares of one plan are in {} parts and in {}; count all of them with one --shard I/N",
                own.of, share.of
            )));
        }
        if let Some(twice) = share.shares.iter().find(|number| own.shares.contains(number)) {
            return Err(Error::Input(format!("share {twice}/{} is there twice; leave one out", own.of)));
        }
        own.shares.extend(&share.shares);
        own.shares.sort_unstable();
        Ok(())
    }
}

fn too_many() -> Error {
    Error::Limit("there are more rows than a number of 64 bits can hold".into())
}
