//! Cells on their way between counts and files, column by column.

use super::tables::Table;
use crate::error::Result;

/// Cells of a batch that is written; only the last one has fewer.
pub(super) const BATCH: usize = 1 << 16;

/// Cells to be written. All columns are equally long, or empty where the table has no such column.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Numbers of the keys' labels.
    pub(super) keys: Vec<i32>,
    /// Columns of tiles, from the west.
    pub(super) x: Vec<i64>,
    /// Rows of tiles, from the north.
    pub(super) y: Vec<i64>,
    /// Columns of pixels within their tile, 0 to 255 from the west.
    pub(super) pixel_x: Vec<i32>,
    /// Rows of pixels within their tile, 0 to 255 from the north.
    pub(super) pixel_y: Vec<i32>,
    /// Indices of H3.
    pub(super) hexagons: Vec<u64>,
    /// Longitudes of the cells' centres, in degrees.
    pub(super) lon: Vec<f64>,
    /// Latitudes of the cells' centres, in degrees.
    pub(super) lat: Vec<f64>,
    /// Points.
    pub(super) counts: Vec<i64>,
    /// What they weigh together, in steps.
    pub(super) sums: Vec<i64>,
}

impl Batch {
    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Takes all cells out; the room they had stays.
    pub(super) fn clear(&mut self) {
        let Self { keys, x, y, pixel_x, pixel_y, hexagons, lon, lat, counts, sums } = self;
        [x, y, counts, sums].into_iter().for_each(Vec::clear);
        [keys, pixel_x, pixel_y].into_iter().for_each(Vec::clear);
        [lon, lat].into_iter().for_each(Vec::clear);
        hexagons.clear();
    }
}

/// A file of cells that is being written.
pub(super) trait Writer {
    /// Writes the cells of a batch behind those before.
    fn put(&mut self, batch: &Batch) -> Result<()>;

    /// Writes what comes behind the last cell.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Fills batches for a [`Writer`].
pub(super) struct Filler<'a> {
    table: &'a Table,
    writer: Box<dyn Writer + 'a>,
    batch: Batch,
    /// Number of the key whose cells come.
    pub(super) key: i32,
    /// Cells so far, and their points.
    pub(super) cells: u64,
    pub(super) points: u64,
}

impl<'a> Filler<'a> {
    /// No cells yet.
    pub(super) fn new(table: &'a Table, writer: Box<dyn Writer + 'a>) -> Self {
        Self { table, writer, batch: Batch::default(), key: 0, cells: 0, points: 0 }
    }

    /// A cell with that centre, count and sum; its place is added by `place`.
    pub(super) fn push(
        &mut self,
        (lon, lat): (f64, f64),
        count: u64,
        sum: i64,
        place: impl FnOnce(&mut Batch),
    ) -> Result<()> {
        let batch = &mut self.batch;
        place(batch);
        batch.lon.push(lon);
        batch.lat.push(lat);
        // At most the points of a run: less than 2^32 a plane.
        batch.counts.push(count as i64);
        if self.table.sum.is_some() {
            batch.sums.push(sum);
        }
        if !self.table.labels.is_empty() {
            batch.keys.push(self.key);
        }
        self.cells += 1;
        self.points += count;
        if batch.len() == BATCH {
            self.writer.put(batch)?;
            batch.clear();
        }
        Ok(())
    }

    /// Writes what is left; gives how many cells there were, and their points.
    pub(super) fn finish(mut self) -> Result<(u64, u64)> {
        if self.batch.len() > 0 {
            self.writer.put(&self.batch)?;
        }
        self.writer.finish()?;
        Ok((self.cells, self.points))
    }
}

/// Cells that were read. All columns that are there are equally long; nothing of them has been judged.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) zoom: Vec<i64>,
    pub(super) x: Vec<i64>,
    pub(super) y: Vec<i64>,
    pub(super) pixel_x: Vec<i64>,
    pub(super) pixel_y: Vec<i64>,
    pub(super) count: Vec<i64>,
    /// In steps.
    pub(super) sum: Option<Vec<i64>>,
    /// By the numbers that [`Labels`](super::gather::Labels) gave their labels.
    pub(super) key: Option<Vec<u32>>,
}
