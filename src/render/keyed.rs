//! Points counted by key: rows are read with their keys, and each value of the key leaves with a pyramid of its own.

use std::path::Path;
use std::sync::Arc;

use super::points::{Points, aggregate, open};
use super::{Resources, Sources, memory};
use crate::backend::cpu::{self, CountKeyed, KeyedValue};
use crate::backend::{BackendReport, Plan};
use crate::counts::Measuring;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::Style;
use crate::source::{Key, ReadReport};
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
    pub key: Key,
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
    let key = sources.read.key.clone();
    let key = key.ok_or_else(|| Error::Usage("there is no key to count by; name a column with --by".into()))?;
    super::pool(resources, &Style::default())?.install(|| {
        let opened = open(sources, monitor)?;
        let memory = memory(resources, out);
        let count = cpu::keyed(Plan { zooms, reach: 0, measuring, memory, monitor: monitor.clone() });
        let points = aggregate(opened, sources.region.as_ref(), || count.pusher(), monitor)?;
        let (planes, report) = planes(count, &points)?;
        let Points { read, used, weight, extent, .. } = points;
        Ok(KeyedCounts { key, planes, read, used, weight, extent, report })
    })
}

/// The finished planes of points that were pushed into `count`, in the order in which they leave, within the pool that shall do
/// the work. A value that was found where no point lies is none.
pub(super) fn planes<V: KeyedValue>(
    count: Box<dyn CountKeyed<V> + '_>,
    points: &Points,
) -> Result<(Vec<KeyedPlane<V>>, BackendReport)> {
    let found = points.read.keys.as_ref().map(|keys| keys.planes.as_slice()).unwrap_or_default();
    let numbers: Vec<u16> = found.iter().map(|plane| plane.number).collect();
    let (stores, report) = count.finish(&numbers)?;
    let mut planes = Vec::with_capacity(stores.len());
    for (plane, counts) in found.iter().zip(stores) {
        if plane.always || counts.stats(0)?.sum > 0 {
            planes.push(KeyedPlane { label: plane.label.clone(), counts });
        }
    }
    check(&planes, points)?;
    Ok((planes, report))
}

/// Fails where the planes do not come to all points and their weights.
fn check<V: KeyedValue>(planes: &[KeyedPlane<V>], points: &Points) -> Result<()> {
    let max = planes.first().map_or(0, |plane| plane.counts.max_zoom());
    for z in 0..=max {
        let mut sum = 0;
        for plane in planes {
            sum += plane.counts.stats(z)?.sum;
        }
        if sum != points.used {
            return Err(Error::Internal(format!("zoom {z} of all planes counts {sum} of {} points", points.used)));
        }
    }
    let (mut lit, mut sum) = (Vec::new(), 0i64);
    for plane in planes {
        lit.clear();
        plane.counts.read(TileCoord { z: 0, x: 0, y: 0 }, &mut lit)?;
        // Nothing runs over: weights that come to more were refused.
        sum = lit.iter().fold(sum, |sum, pixel| sum.wrapping_add(pixel.count.sum()));
    }
    if sum != points.weight {
        return Err(Error::Internal(format!("weights of {} steps came to a sum of {sum}", points.weight)));
    }
    Ok(())
}
