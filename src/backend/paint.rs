//! From counts to tiles, as often as one likes. Counts are never touched: what spreading makes lies beside them, in the
//! [`SpreadZoom`] that was asked for, and goes when that is dropped.

use std::ops::Deref;

use super::{Again, AroundSink, BackendReport, TileSink};
#[cfg(feature = "gpu")]
use crate::counts::Unit;
use crate::counts::{Histogram, Isolation, Weighed, ZoomStats};
use crate::error::{Error, Result};
use crate::shade::{Kernel, ShadeTable};
#[cfg(feature = "gpu")]
use crate::store::CountPart;
use crate::store::CountStore;
use crate::tile::WorldPoint;

/// Finished counts on one device, and what can be drawn of them. Any look, in any order, zoom by zoom.
pub trait Paint: Send + Sync {
    /// Statistics of zooms 0 to the highest, indexed by zoom.
    fn stats(&self) -> &[ZoomStats];

    /// What every pixel holds of points and weights; `None` where points are counted alone.
    fn sums(&self) -> Option<&CountStore<Weighed>> {
        None
    }

    /// The smallest and the largest value of zoom `z` as it was counted, in steps, of all pixels; `None` where points are
    /// counted alone.
    fn extremes(&self, _z: u8) -> Option<(f64, f64)> {
        None
    }

    /// What the weights of all points come to, in steps, found from what the pixels of every zoom hold; `None` where they
    /// hold counts alone.
    fn weight(&self) -> Option<i64> {
        None
    }

    /// The counts of zoom `z`, on the host.
    fn counts(&self, z: u8) -> Result<HeldCounts<'_>>;

    /// How alone the pixels of zoom `z` are that have a count of `least` or more.
    fn isolation(&self, z: u8, least: u32) -> Result<Isolation>;

    /// Zoom `z` as `kernel` leaves it, ready to be coloured. A kernel that makes new counts makes them now, beside those
    /// there are.
    fn spread(&self, z: u8, kernel: &Kernel) -> Result<SpreadZoom>;

    /// How many pixels of a zoom that this painter spread have each count.
    fn histogram(&self, zoom: &SpreadZoom) -> Result<Histogram>;

    /// Colours every lit tile of a zoom that this painter spread (a tile next to a lit one may come out lit too) and hands
    /// it to `sink`.
    fn tiles(&self, zoom: &SpreadZoom, table: &ShadeTable, sink: &dyn TileSink) -> Result<()>;

    /// Hands every tile of a zoom that this painter left as it was counted to `sink`, with the indices of all pixels within
    /// `radius` around it.
    fn surroundings(&self, zoom: &SpreadZoom, radius: u32, table: &ShadeTable, sink: &dyn AroundSink) -> Result<()>;

    /// For benchmarks, after everything else: bins some of `points`, which were pushed before, once more with nothing
    /// but the device in the way. `None` where points do not lie on a device. The counts are wrong afterwards.
    fn bin_again(&self, _points: &[&[WorldPoint]]) -> Result<Option<Again>> {
        Ok(None)
    }

    /// What was done so far, counting included.
    fn report(&self) -> BackendReport;
}

/// A zoom as it will be coloured. What it holds of its own is given back when it is dropped, so whoever must save memory
/// has one at a time.
#[derive(Debug)]
pub struct SpreadZoom {
    z: u8,
    stats: ZoomStats,
    /// What is spread while tiles are coloured.
    kernel: Kernel,
    /// The counts that the kernel made, if it made any.
    counts: Option<CountStore>,
}

impl SpreadZoom {
    /// A zoom whose counts stay what they are: `kernel` is one that keeps them.
    pub(super) fn kept(z: u8, stats: &ZoomStats, kernel: &Kernel) -> Self {
        Self { z, stats: stats.clone(), kernel: kernel.clone(), counts: None }
    }

    /// A zoom whose new counts come to `stats` and are many: they are made anew for whatever is asked of them.
    pub(super) fn made_anew(z: u8, stats: ZoomStats, kernel: &Kernel) -> Self {
        Self { z, stats, kernel: kernel.clone(), counts: None }
    }

    /// A zoom with new counts in ascending `parts`, which wait where those of `from` do; `before` are its statistics
    /// without them.
    #[cfg(feature = "gpu")]
    pub(super) fn made(
        z: u8,
        (from, before): (&CountStore, &ZoomStats),
        parts: Vec<CountPart>,
        unit: Unit,
    ) -> Result<Self> {
        let mut counts = from.another();
        counts.set_zoom(z, parts)?;
        counts.set_unit(z, unit)?;
        let made = counts.stats(z)?;
        let stats = if unit.radius > 0 { before.with_bells(made.max, unit) } else { made.clone() };
        Ok(Self { z, stats, kernel: Kernel::none(), counts: Some(counts) })
    }

    /// Which zoom it is.
    pub fn z(&self) -> u8 {
        self.z
    }

    /// What its colours are to be made from: the statistics of the counted pixels, or of the spread ones where the
    /// kernel makes counts that were not there before; of bells only the largest count is found
    /// ([`ZoomStats::with_bells`]).
    pub fn stats(&self) -> &ZoomStats {
        &self.stats
    }

    pub(super) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    pub(super) fn own(&self) -> Option<&CountStore> {
        self.counts.as_ref()
    }
}

/// The counts of a zoom on the host: those that are there anyway, or a copy of what a device has.
#[derive(Debug)]
pub enum HeldCounts<'a> {
    /// The painter's.
    Lent(&'a CountStore),
    /// Brought here to be looked at.
    Copied(CountStore),
}

impl Deref for HeldCounts<'_> {
    type Target = CountStore;

    fn deref(&self) -> &CountStore {
        match self {
            Self::Lent(counts) => counts,
            Self::Copied(counts) => counts,
        }
    }
}

/// The statistics of every zoom of `counts`.
pub(super) fn all_stats(counts: &CountStore) -> Result<Vec<ZoomStats>> {
    (0..=counts.max_zoom()).map(|z| counts.stats(z).cloned()).collect()
}

/// The statistics of zoom `z` among those of all zooms.
pub(super) fn of_zoom(stats: &[ZoomStats], z: u8) -> Result<&ZoomStats> {
    stats.get(usize::from(z)).ok_or_else(|| Error::Internal(format!("no counts for zoom {z}")))
}
