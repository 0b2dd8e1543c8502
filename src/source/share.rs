//! One share of all rows, for a machine that works on it alone: the inputs lie one behind the other, their bytes are cut
//! into as many equal stretches as there are shares, and a row belongs to the stretch that it begins in. What cannot be read
//! from any row on belongs to the stretch that its first byte lies in.

use std::ops::Range;

use super::open::Opened;
use super::stop::Stop;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// What one input has of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharePart {
    /// The input, by its place in the order given.
    pub input: usize,
    /// Its bytes: of a text where rows begin and end, of anything else all.
    pub bytes: Range<u64>,
}

impl Opened {
    /// Leaves of all rows those of share `number` (from 1) of `of`. Any row is in one of the shares. Gives the parts of the
    /// inputs that have some.
    ///
    /// Fails where the size of an input is not known, as that of a pipe.
    pub fn share(&mut self, (number, of): (u32, u32), monitor: &Monitor) -> Result<Vec<SharePart>> {
        let stop = Stop::new(monitor);
        let mut sizes = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let about = source.about();
            sizes.push(about.bytes.ok_or_else(|| {
                Error::Usage(format!(
                    "{} is a stream, whose shares nobody knows; write it to a file first, or count it without --shard",
                    about.name
                ))
            })?);
        }
        let total: u64 = sizes.iter().sum();
        let edge = |number: u32| (u128::from(total) * u128::from(number) / u128::from(of.max(1))) as u64;
        let (from, to) = (edge(number.saturating_sub(1)), edge(number));
        let (mut begin, mut parts) = (0, Vec::new());
        for (input, (source, size)) in self.sources.iter_mut().zip(sizes).enumerate() {
            let own = begin..begin + size;
            let wanted = if source.divides() {
                own.start.max(from) - own.start..own.end.min(to).max(own.start) - own.start
            } else if (from..to).contains(&own.start) || (own.start == total && number == of) {
                0..size
            } else {
                0..0
            };
            let wanted = if wanted.start >= wanted.end { 0..0 } else { wanted };
            // An empty stretch begins with no row.
            let bytes = source.share(wanted.clone(), &stop)?;
            if !wanted.is_empty() && !bytes.is_empty() {
                parts.push(SharePart { input, bytes });
            }
            begin = own.end;
        }
        self.shared = Some((number, of));
        Ok(parts)
    }

    /// Whether one share of all rows is read.
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Bytes of all inputs, and whether each can be read from any row on.
    pub fn sizes(&self) -> Vec<(Option<u64>, bool)> {
        self.sources.iter().map(|source| (source.about().bytes, source.divides())).collect()
    }
}
