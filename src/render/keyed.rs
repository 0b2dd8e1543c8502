//! Points counted by key: rows are read with their keys, and each value of the key leaves with a pyramid of its own.

use std::path::Path;
use std::sync::Arc;

use super::points::{Points, aggregate, open};
use super::{Resources, Sources, memory};
use crate::backend::cpu::{self, KeyedValue};
use crate::backend::{BackendReport, Plan};
use crate::counts::Measuring;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::region::Region;
use crate::source::{KeyBy, Opened, ReadReport};
use crate::store::CountStore;
use crate::tile::{Extent, TileCoord, ZoomRange};

/// The counts of one value of a key.
#[derive(Debug)]
pub struct KeyedPlane<V = u32> {
    /// What the value is called.
    pub label: String,
    /// Its points, from zoom 0 to the highest; none where no row has it.
    pub counts: CountStore<V>,
}

/// Points that were counted by key.
#[derive(Debug)]
pub struct KeyedCounts<V = u32> {
    /// The key.
    pub by: KeyBy,
    /// Its values, in the order in which they leave; their counts lie in one vault.
    pub planes: Vec<KeyedPlane<V>>,
    /// What became of the rows.
    pub read: ReadReport,
    /// Points of all planes together.
    pub used: u64,
    /// What they weigh together, in steps; 0 where nobody asked for weights.
    pub weight: i64,
    /// The box around them.
    pub extent: Extent,
    /// What it took.
    pub report: BackendReport,
}

/// Reads `sources`, whose options name a key, and counts them by it on the processor, for zooms 0 to the highest of `zooms`;
/// pixels hold counts, or counts and sums where `measuring` weights. What does not fit memory goes to a file beside `out`.
///
/// Fails as reading does, with [`Error::Usage`] where no key is asked for or it has too many values, with [`Error::Limit`] on
/// more points or weights than fit, and with [`Error::Interrupted`] once `monitor` is cancelled.
pub fn count_by_key<V: KeyedValue>(
    sources: &Sources,
    (zooms, measuring): (ZoomRange, Option<Measuring>),
    (resources, out): (&Resources, &Path),
    monitor: &Arc<Monitor>,
) -> Result<KeyedCounts<V>> {
    super::pool(resources, &crate::shade::Style::default())?.install(|| {
        let opened = open(sources, monitor)?;
        let memory = memory(resources, out);
        let plan = Plan { zooms, reach: 0, measuring, memory, monitor: monitor.clone() };
        keyed(opened, sources.region.as_ref(), plan)
    })
}

/// The same of sources that are open, within the pool that shall do the work.
pub(crate) fn keyed<V: KeyedValue>(opened: Opened, region: Option<&Region>, plan: Plan) -> Result<KeyedCounts<V>> {
    let no_key = || Error::Usage("there is no key to count by; name a column with --by".into());
    opened.key().ok_or_else(no_key)?;
    let (max, monitor) = (plan.zooms.max, plan.monitor.clone());
    let count = cpu::keyed::<V>(plan);
    let Points { read, used, weight, extent } = aggregate(opened, region, || count.pusher(), &monitor)?;
    let keys = read.keys.as_ref().ok_or_else(no_key)?;
    let numbers: Vec<u16> = keys.planes.iter().map(|plane| plane.number).collect();
    let (stores, report) = count.finish(&numbers)?;
    let by = keys.by.clone();
    let mut planes = Vec::with_capacity(stores.len());
    for (plane, counts) in keys.planes.iter().zip(stores) {
        if plane.always || counts.stats(0)?.sum > 0 {
            planes.push(KeyedPlane { label: plane.label.clone(), counts });
        }
    }
    check(&planes, max, used, weight)?;
    Ok(KeyedCounts { by, planes, read, used, weight, extent, report })
}

/// Fails where the planes do not come to all points and their weights.
fn check<V: KeyedValue>(planes: &[KeyedPlane<V>], max: u8, used: u64, weight: i64) -> Result<()> {
    for z in 0..=max {
        let mut sum = 0;
        for plane in planes {
            sum += plane.counts.stats(z)?.sum;
        }
        if sum != used {
            return Err(Error::Internal(format!("zoom {z} of all planes counts {sum} of {used} points")));
        }
    }
    let (mut lit, mut sum) = (Vec::new(), 0i64);
    for plane in planes {
        lit.clear();
        plane.counts.read(TileCoord { z: 0, x: 0, y: 0 }, &mut lit)?;
        // Nothing runs over: weights that come to more were refused.
        sum = lit.iter().fold(sum, |sum, pixel| sum.wrapping_add(pixel.count.sum()));
    }
    if sum != weight {
        return Err(Error::Internal(format!("weights of {weight} steps came to a sum of {sum}")));
    }
    Ok(())
}
