//! One SQLite file for all tiles: MBTiles 1.3, rows counted from the south, identical tiles stored once. Tiles come in any
//! order, so they wait in a file without a name (`spool`) until the last is known; then what is to be stored is sorted
//! ([`index`]) and one thread writes it from the first row to the last ([`database`]). Memory is bounded, and no byte
//! depends on the bound. How the file appears under its name is left to staging.

mod database;
mod index;

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use self::database::Database;
use self::index::{Index, Name};
use super::spool::{Spool, Waiting};
use super::{Beside, Tally, TileWriter, Written};
use crate::error::{Error, Result};
use crate::heat::TileJson;
use crate::monitor::Monitor;
use crate::staging::{Flush, OutputOptions, Shape, Staging, remove_file};
use crate::tile::TileCoord;

pub(super) const SHAPE: Shape = Shape { flush: Flush::File, parents: true, check, remove: remove_file };
/// Least and most bytes of the index that are held in memory.
const INDEX: (u64, u64) = (1 << 20, 128 << 20);
/// Least and most bytes that SQLite holds: the index of image names is written in no order.
const PAGES: (u64, u64) = (1 << 20, 64 << 20);

/// An MBTiles file being written.
#[derive(Debug)]
struct File {
    // Dropped before `staging` clears the folder that holds its file.
    waiting: Mutex<Tiles>,
    staging: Staging,
    tally: Tally,
    room: u64,
}

/// Tiles in the order they came.
#[derive(Debug)]
struct Tiles {
    spool: Spool,
    index: Index,
}

/// Begins the file `out`, which may take about `room` bytes of memory.
pub(super) fn create(out: &Path, options: &OutputOptions, room: u64) -> Result<Box<dyn TileWriter>> {
    let staging = Staging::begin(out, options, SHAPE)?;
    let spool = Spool::new(staging.dir(), out)?;
    let index = Index::new(room.clamp(INDEX.0, INDEX.1), staging.dir());
    Ok(Box::new(File { waiting: Mutex::new(Tiles { spool, index }), staging, tally: Tally::new(), room }))
}

impl TileWriter for File {
    fn write(&self, tile: TileCoord, bytes: &[u8]) -> Result<()> {
        let name = Name::of(bytes);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = waiting.spool.append(bytes).map_err(|e| self.staging.cannot("write", e))?;
        waiting.index.add(tile, name, Waiting { offset, length: bytes.len() as u64 })?;
        self.tally.add(tile, bytes.len());
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        metadata: &TileJson,
        _: &dyn Fn() -> Result<Beside>,
        monitor: &Monitor,
    ) -> Result<Written> {
        let Self { waiting, mut staging, tally, room } = *self;
        let Tiles { spool, index } = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let layout = index.layout(monitor)?;
        // Made through the folder that is held open; SQLite fills it.
        drop(staging.new_file()?);
        // The first of the three sorts is done, and SQLite has its room.
        let room = (room / 3).clamp(PAGES.0, PAGES.1);
        let database = Database::create(&staging.new_path(), staging.out(), room, monitor)?;
        database.fill(metadata, &layout, &mut spool.close()?)?;
        drop(layout);
        Ok(tally.written(staging.commit(monitor)?))
    }
}

fn check(path: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|m| m.is_file()) && database::is_ours(path) {
        return Ok(());
    }
    Err(Error::Output(format!(
        "{} is not an MBTiles file whose metadata names tilefire, so --force does not replace it",
        path.display()
    )))
}
