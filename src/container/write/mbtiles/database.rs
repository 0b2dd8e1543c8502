//! The SQLite file of an MBTiles set: its tables, what the metadata says in rows, and how a set of ours is known again.
//! One connection writes everything in the order of the tables' keys, so that pages fill from front to back; without a
//! journal, because a file that is not finished never appears.

use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::index::{Layout, Name};
use crate::container::metadata;
use crate::container::write::spool::{Source, Waiting};
use crate::error::{Error, Result};
use crate::heat::{Center, TileJson};
use crate::monitor::Monitor;

/// Images, and about how many bytes of them, that are copied at a time.
const BATCH: (usize, u64) = (1 << 12, 4 << 20);
/// Tiles between two looks at the monitor.
const STRETCH: u64 = 1 << 12;
/// "MPBX", by which `file` tells MBTiles from other databases.
const APPLICATION: u32 = 0x4d50_4258;
/// Longest name of a program that is read.
const PROGRAM: usize = 128;

const TABLES: &str = "
    CREATE TABLE metadata (name TEXT NOT NULL PRIMARY KEY, value TEXT);
    CREATE TABLE images (tile_id TEXT NOT NULL PRIMARY KEY, tile_data BLOB);
    CREATE TABLE map (
        zoom_level INTEGER NOT NULL,
        tile_column INTEGER NOT NULL,
        tile_row INTEGER NOT NULL,
        tile_id TEXT,
        PRIMARY KEY (zoom_level, tile_column, tile_row)
    ) WITHOUT ROWID;
    CREATE VIEW tiles AS
        SELECT map.zoom_level AS zoom_level,
               map.tile_column AS tile_column,
               map.tile_row AS tile_row,
               images.tile_data AS tile_data
        FROM map JOIN images ON images.tile_id = map.tile_id;
";

/// The file, open for writing.
pub(super) struct Database<'a> {
    connection: Connection,
    out: &'a Path,
    monitor: &'a Monitor,
}

impl<'a> Database<'a> {
    /// Makes the tables in the empty file at `path`, which people know as `out`. SQLite may hold about `room` bytes.
    pub(super) fn create(path: &Path, out: &'a Path, room: u64, monitor: &'a Monitor) -> Result<Self> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let open = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.execute_batch(&format!(
                "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
                 PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{};
                 PRAGMA application_id = {APPLICATION}; BEGIN; {TABLES}",
                room >> 10
            ))?;
            Ok(connection)
        };
        Ok(Self { connection: open().map_err(|e| failed(out, e))?, out, monitor })
    }

    /// Fills the tables from `layout` and the bytes that wait in `tiles`.
    pub(super) fn fill(self, set: &TileJson, layout: &Layout, tiles: &mut Source) -> Result<()> {
        self.metadata(set)?;
        self.images(layout, tiles)?;
        self.map(layout)?;
        self.connection.execute_batch("COMMIT").map_err(|e| self.failed(e))?;
        self.connection.close().map_err(|(_, e)| failed(self.out, e))
    }

    fn metadata(&self, set: &TileJson) -> Result<()> {
        let mut insert = self
            .connection
            .prepare("INSERT INTO metadata (name, value) VALUES (?1, ?2)")
            .map_err(|e| self.failed(e))?;
        for (name, value) in rows(set)? {
            insert.execute(params![name, value]).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    fn images(&self, layout: &Layout, tiles: &mut Source) -> Result<()> {
        let mut insert = self
            .connection
            .prepare("INSERT INTO images (tile_id, tile_data) VALUES (?1, ?2)")
            .map_err(|e| self.failed(e))?;
        let (mut names, mut batch, mut bytes, mut text) = (Vec::new(), Vec::new(), Vec::new(), String::new());
        let mut put = |names: &mut Vec<Name>, batch: &mut Vec<Waiting>| {
            self.monitor.check()?;
            tiles.read(batch, &mut bytes)?;
            let mut from = 0;
            for (name, at) in names.drain(..).zip(batch.drain(..)) {
                let to = from + at.length as usize;
                name.write(&mut text);
                insert.execute(params![text, &bytes[from..to]]).map_err(|e| self.failed(e))?;
                from = to;
            }
            Ok::<_, Error>(())
        };
        let mut length = 0;
        for image in layout.images(self.monitor)? {
            let (name, at) = image?;
            names.push(name);
            batch.push(at);
            length += at.length;
            if batch.len() >= BATCH.0 || length >= BATCH.1 {
                put(&mut names, &mut batch)?;
                length = 0;
            }
        }
        put(&mut names, &mut batch)
    }

    fn map(&self, layout: &Layout) -> Result<()> {
        let mut insert = self
            .connection
            .prepare("INSERT INTO map (zoom_level, tile_column, tile_row, tile_id) VALUES (?1, ?2, ?3, ?4)")
            .map_err(|e| self.failed(e))?;
        let mut text = String::new();
        for (i, tile) in (0..).zip(layout.map(self.monitor)?) {
            if i % STRETCH == 0 {
                self.monitor.check()?;
            }
            let (place, name) = tile?;
            name.write(&mut text);
            insert.execute(params![place.zoom, place.column, place.row, text]).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        failed(self.out, error)
    }
}

/// The error for a call of SQLite on `out` that failed.
fn failed(out: &Path, error: rusqlite::Error) -> Error {
    let answer = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => io::ErrorKind::StorageFull.into(),
        _ => io::Error::other(error),
    };
    Error::io("write", out, answer)
}

/// The rows of the table `metadata`: those of the specification, and below them ours.
fn rows(set: &TileJson) -> Result<Vec<(&'static str, String)>> {
    let list = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let center = |Center(lon, lat, zoom): Center| format!("{lon},{lat},{zoom}");
    let heat = set.heat.as_ref().map(serde_json::to_string).transpose();
    let rows = [
        ("name", Some(set.name.as_ref().map_or_else(String::new, |name| name.to_string()))),
        ("format", Some(set.format.as_ref().map_or_else(|| "png".to_owned(), |format| format.to_string()))),
        ("bounds", set.bounds.map(|bounds| list(&bounds))),
        ("center", set.center.map(center)),
        ("minzoom", set.minzoom.map(|zoom| zoom.to_string())),
        ("maxzoom", set.maxzoom.map(|zoom| zoom.to_string())),
        ("attribution", set.attribution.as_ref().map(ToString::to_string)),
        ("type", Some("overlay".to_owned())),
        ("version", Some("1".to_owned())),
        ("tile_size", set.tile_size.map(|side| side.to_string())),
        ("generator", set.generator.as_ref().map(|program| program.to_string())),
        ("heat", heat.map_err(|e| Error::Internal(e.to_string()))?),
    ];
    Ok(rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// Whether the file at `path` is an MBTiles set whose metadata names tilefire. The file is only looked at: SQLite takes
/// it as one that nobody changes, and makes nothing beside it. A metadata that is no plain table is not ours.
pub(super) fn is_ours(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let look = || {
        let connection = Connection::open_with_flags(address(path), flags)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cache_size = -1024; PRAGMA mmap_size = 0")?;
        let plain = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'metadata' AND rootpage > 0";
        if connection.query_row(plain, [], |row| row.get::<_, i64>(0))? != 1 {
            return Ok(None);
        }
        let program = "SELECT value FROM metadata WHERE name = 'generator' AND length(value) <= ?1";
        connection.query_row(program, params![PROGRAM], |row| row.get::<_, String>(0)).map(Some)
    };
    let program: rusqlite::Result<Option<String>> = look();
    program.is_ok_and(|program| program.is_some_and(|program| metadata::made_by(&program)))
}

/// The path as an address that tells SQLite to leave the file as it is.
fn address(path: &Path) -> String {
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(char::from(*byte)),
            byte => address += &format!("%{byte:02x}"),
        }
    }
    address + "?immutable=1"
}
