//! One file of HTML with everything in it: the map page with its tiles as text, to send to somebody who opens it by a double
//! click. Tiles come in any order and wait in a file without a name; in the page they lie by zoom, column and row.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::spool::{Spool, Waiting};
use super::{Beside, Tally, TileWriter, Written};
use crate::container::{base64, page};
use crate::error::{Error, Result};
use crate::heat::TileJson;
use crate::monitor::Monitor;
use crate::staging::{Flush, OutputOptions, Shape, Staging, remove_file};
use crate::tile::TileCoord;

pub(super) const SHAPE: Shape = Shape { flush: Flush::File, parents: true, check: page::check, remove: remove_file };
/// Most bytes of all tiles: as text a third more, which is what browsers open without a wait and what can be sent.
const MOST: u64 = 32 << 20;

/// A page being written.
#[derive(Debug)]
pub(super) struct Html {
    // Dropped before `staging` clears the folder that holds its file.
    waiting: Mutex<(Spool, Vec<(TileCoord, Waiting)>)>,
    staging: Staging,
    tally: Tally,
}

impl Html {
    pub(super) fn create(out: &Path, options: &OutputOptions) -> Result<Self> {
        let staging = Staging::begin(out, options, SHAPE)?;
        let spool = Spool::new(staging.dir(), out)?;
        Ok(Self { waiting: Mutex::new((spool, Vec::new())), staging, tally: Tally::new() })
    }
}

impl TileWriter for Html {
    fn write(&self, tile: TileCoord, bytes: &[u8]) -> Result<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (spool, tiles) = &mut *waiting;
        if spool.size() + bytes.len() as u64 > MOST {
            return Err(Error::Output(format!(
                "{}: one page holds at most {} MiB of tiles, and these are more (at zoom {}); make fewer zooms, such as -z \
                 0..8, or name a .pmtiles file or a folder",
                self.staging.out().display(),
                MOST >> 20,
                tile.z
            )));
        }
        let offset = spool.append(bytes).map_err(|e| self.staging.cannot("write", e))?;
        tiles.push((tile, Waiting { offset, length: bytes.len() as u64 }));
        self.tally.add(tile, bytes.len());
        Ok(())
    }

    fn finish(
        self: Box<Self>,
        _: &TileJson,
        beside: &dyn Fn() -> Result<Beside>,
        monitor: &Monitor,
    ) -> Result<Written> {
        let Self { waiting, mut staging, tally } = *self;
        let (spool, mut tiles) = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        tiles.sort_unstable_by_key(|(TileCoord { z, x, y }, _)| (*z, *x, *y));
        let text = beside()?.page.ok_or_else(|| Error::Usage("a page without its page is nothing".into()))?;
        let (before, after) = page::around_tiles(&text)?;
        let mut spool = spool.close()?;
        let mut to = BufWriter::with_capacity(1 << 20, staging.new_file()?);
        let mut put = |text: &str| to.write_all(text.as_bytes()).map_err(|e| staging.cannot("write", e));
        put(before)?;
        let (mut png, mut entry) = (Vec::new(), String::new());
        for (i, (tile, at)) in tiles.iter().enumerate() {
            monitor.check()?;
            spool.read(&[*at], &mut png)?;
            entry.clear();
            entry += if i == 0 { "{\n\"" } else { ",\n\"" };
            entry += &tile.to_string();
            entry += "\":\"";
            base64::encode(&png, &mut entry);
            entry.push('"');
            put(&entry)?;
        }
        put(if tiles.is_empty() { "{}" } else { "\n}" })?;
        put(after)?;
        let written = to.flush();
        written.map_err(|e| staging.cannot("write", e))?;
        drop(to);
        Ok(tally.written(staging.commit(monitor)?))
    }
}
