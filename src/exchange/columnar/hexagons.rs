//! Pixels put together in hexagons of H3: each goes whole to the one that its centre lies in, so that nothing is lost and
//! all counts add up; along their borders hexagons are as exact as a pixel is small.

use std::path::Path;
use std::sync::Arc;

use h3o::{CellIndex, LatLng, Resolution};
use rayon::prelude::*;

use crate::account::Account;
use crate::counts::{Value, sum_overflow};
use crate::error::{Error, Result};
use crate::exchange::batch::Filler;
use crate::exchange::pixels::{Degrees, place};
use crate::exchange::select::{Few, Selection};
use crate::monitor::Monitor;
use crate::store::{CountStore, Sorter};

/// Chunks of counts that a thread works on at a time.
const CHUNKS: usize = 8;
/// Bytes of hexagons that wait in memory where it has no limit.
const PLENTY: u64 = 256 << 20;

/// What hexagons are made of.
pub(in crate::exchange) struct Hexagons<'a> {
    pub(in crate::exchange) selection: Selection,
    /// 0 to 15.
    pub(in crate::exchange) resolution: u8,
    /// Where a temporary file would be.
    pub(in crate::exchange) folder: &'a Path,
    pub(in crate::exchange) account: &'a Arc<Account>,
}

/// Index, points, and the bits of the sum.
type Record = [u64; 3];

impl Hexagons<'_> {
    /// Pushes the hexagons of one plane in ascending order. Those of too few points are left out, whatever their pixels
    /// have.
    pub(in crate::exchange) fn push<V: Value>(
        &self,
        store: &CountStore<V>,
        few: &mut Few,
        filler: &mut Filler<'_>,
        monitor: &Monitor,
    ) -> Result<()> {
        let resolution = Resolution::try_from(self.resolution).map_err(|e| Error::Usage(e.to_string()))?;
        let bytes = if self.account.is_bounded() { (self.account.limit() / 4).min(PLENTY) } else { PLENTY };
        let held = self.account.force(bytes);
        let mut sorter = Sorter::new(bytes, self.folder);
        let chunks = store.chunks(self.selection.zoom)?;
        let pieces: Vec<usize> = (0..chunks).step_by(CHUNKS).collect();
        for some in pieces.chunks(4 * rayon::current_num_threads()) {
            monitor.check()?;
            let piece = |&from: &usize| self.piece(store, from..(from + CHUNKS).min(chunks), resolution);
            let found: Vec<Vec<Record>> = some.par_iter().map(piece).collect::<Result<_>>()?;
            found.into_iter().flatten().try_for_each(|record| sorter.push(record))?;
        }
        let mut open: Option<(u64, u64, i64)> = None;
        let mut put = |(index, count, sum): (u64, u64, i64)| {
            if count < u64::from(self.selection.least) {
                few.cells += 1;
                few.points += count;
                return Ok(());
            }
            let cell = CellIndex::try_from(index).map_err(|e| Error::Internal(e.to_string()))?;
            let centre = LatLng::from(cell);
            filler.push((centre.lng(), centre.lat()), count, sum, |batch| batch.hexagons.push(index))
        };
        for (at, record) in sorter.sorted()?.read()?.enumerate() {
            if at % (1 << 16) == 0 {
                monitor.check()?;
            }
            let [index, count, sum] = record?;
            match &mut open {
                Some(open) if open.0 == index => add(open, count, sum.cast_signed())?,
                _ => open.replace((index, count, sum.cast_signed())).map_or(Ok(()), &mut put)?,
            }
        }
        open.map_or(Ok(()), put)?;
        drop(held);
        Ok(())
    }

    /// The hexagons of some chunks, ascending.
    fn piece<V: Value>(
        &self,
        store: &CountStore<V>,
        chunks: std::ops::Range<usize>,
        resolution: Resolution,
    ) -> Result<Vec<Record>> {
        let selection = Selection { least: 1, ..self.selection };
        let mut degrees = Degrees::new(selection.zoom);
        let (mut all, mut found) = (Vec::new(), Vec::<(u64, u64, i64)>::new());
        for chunk in chunks {
            selection.read_chunk(store, chunk, &mut all, &mut Few::default(), |tile, lit| {
                degrees.turn(tile);
                for l in lit {
                    let (column, row) = place(l);
                    let (lon, lat) = degrees.of(column, row);
                    let centre = LatLng::new(lat, lon).map_err(|e| Error::Internal(e.to_string()))?;
                    let (index, count) = (u64::from(centre.to_cell(resolution)), u64::from(l.count.count()));
                    match found.last_mut() {
                        Some(last) if last.0 == index => add(last, count, l.count.sum())?,
                        _ => found.push((index, count, l.count.sum())),
                    }
                }
                Ok(())
            })?;
        }
        found.sort_unstable();
        let mut merged: Vec<(u64, u64, i64)> = Vec::with_capacity(found.len());
        for (index, count, sum) in found {
            match merged.last_mut() {
                Some(last) if last.0 == index => add(last, count, sum)?,
                _ => merged.push((index, count, sum)),
            }
        }
        Ok(merged.into_iter().map(|(index, count, sum)| [index, count, sum.cast_unsigned()]).collect())
    }
}

/// More points of the same hexagon. Counts are less than 2^32 a plane.
fn add(open: &mut (u64, u64, i64), count: u64, sum: i64) -> Result<()> {
    open.1 += count;
    open.2 = open.2.checked_add(sum).ok_or_else(sum_overflow)?;
    Ok(())
}
