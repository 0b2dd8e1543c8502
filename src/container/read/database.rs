//! An MBTiles file, read: rows of an SQLite database, counted from the south. The file may be made to harm: it is opened to
//! be read only and never mapped; whatever is asked of it has a time, a memory and lengths it must keep to; of its schema
//! only plain tables and views over them are used.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use serde_json::value::{RawValue, to_raw_value};

use super::covered::Covered;
use super::layout::{flipped, vector};
use super::picture::{Kind, is_vector, sides};
use super::system::{open_plain, read_at};
use super::{About, Container, LARGEST, Trouble, WORLD, Wait, refused};
use crate::heat::{HIGHEST, METADATA_LIMIT, TileJson, Told};
use crate::tile::{LonLatBounds, MAX_ZOOM, TileCoord, mercator};

/// How long one tile may take, all that is asked when a file is opened, and a look for the box of one zoom.
const PATIENCE: Duration = Duration::from_secs(2);
const OPENING: Duration = Duration::from_secs(2);
const LOOKING: Duration = Duration::from_millis(400);
/// How long a writer is waited for.
const BUSY: Duration = Duration::from_millis(500);
/// Steps of SQLite between looks at the clock.
const STEPS: i32 = 1000;
/// Rows of metadata and names of tables that are read.
const ROWS: usize = 256;
const TABLES: usize = 1000;

/// How SQLite is set up: nothing is written or mapped, what the schema holds is not trusted. The memory is that of all open
/// files together: pages of one are let go for another's before anything fails.
const SETTINGS: &str = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; \
    PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -512; \
    PRAGMA soft_heap_limit = 33554432; PRAGMA hard_heap_limit = 134217728;";

const TILE: &str = "SELECT tile_data FROM tiles WHERE zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3 LIMIT 1";

/// An open MBTiles file.
#[derive(Debug)]
pub(super) struct Database {
    connection: Mutex<Connection>,
    clock: Arc<Clock>,
    /// Whether rows are counted from the north after all.
    from_north: bool,
}

/// Files that are open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Until when a question may take, and all questions until the file is open, in milliseconds since `start`; SQLite asks it
/// from within.
#[derive(Debug)]
struct Clock {
    start: Instant,
    until: AtomicU64,
    all: AtomicU64,
}

impl Clock {
    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// A clock that gives all questions together `patience`.
    fn new(patience: Duration) -> Self {
        let all = patience.as_millis() as u64;
        Self { start: Instant::now(), until: AtomicU64::new(all), all: AtomicU64::new(all) }
    }

    /// Gives the next question `patience`.
    fn set(&self, patience: Duration) {
        let until = self.now().saturating_add(patience.as_millis() as u64);
        self.until.store(until.min(self.all.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    /// Takes the bound of all questions away.
    fn opened(&self) {
        self.all.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.now() > self.until.load(Ordering::Relaxed)
    }
}

/// Whether a file begins as databases of SQLite do.
pub(super) fn is_database(path: &Path) -> bool {
    let head = |path| open_plain(path).ok().flatten().and_then(|(file, _)| read_at(&file, 0, 16, Wait::Allowed).ok());
    head(path).is_some_and(|head| head == b"SQLite format 3\0")
}

impl Database {
    pub(super) fn open(path: &Path) -> Result<(Self, About), Trouble> {
        let path = path.canonicalize()?;
        let clock = Arc::new(Clock::new(OPENING));
        let connection = connect(&path, &clock).map_err(|e| trouble(&e))?;
        let tables = tables(&connection).map_err(|e| trouble(&e))?;
        if !tables.contains_key("tiles") {
            return Err(refused("it is an SQLite database, but no MBTiles: it has no table or view called tiles"));
        }
        // What only seems to be a table runs code of its own over bytes that may be anything.
        let known: HashSet<String> = tables.iter().filter(|(_, plain)| **plain).map(|(name, _)| name.clone()).collect();
        connection.authorizer(Some(move |asked: AuthContext<'_>| match asked.action {
            AuthAction::Select | AuthAction::Function { .. } => Authorization::Allow,
            AuthAction::Read { table_name, .. } if known.contains(&table_name.to_ascii_lowercase()) => {
                Authorization::Allow
            }
            _ => Authorization::Deny,
        }));
        let Told { tile_json, doubt } = told(&connection, tables.contains_key("metadata"))?;
        OPEN.fetch_add(1, Ordering::Relaxed);
        let mut database = Self { connection: Mutex::new(connection), clock, from_north: false };
        let about = database.about(tile_json, doubt, tables.contains_key("map"))?;
        database.clock.opened();
        Ok((database, about))
    }

    /// What the metadata says, and what the tiles say where it does not.
    fn about(&mut self, tile_json: TileJson, doubt: Option<String>, has_map: bool) -> Result<About, Trouble> {
        if let Some(format) = tile_json.format.as_deref().filter(|format| is_vector(format)) {
            return Err(refused(&vector(format)));
        }
        // Where equal tiles are stored once, their places lie in a table of their own.
        let mut places = "tiles";
        if has_map && self.number("SELECT min(zoom_level) FROM map").is_ok() {
            places = "map";
        }
        let said = tile_json.minzoom.zip(tile_json.maxzoom).filter(|(min, max)| min <= max);
        let (min_zoom, max_zoom) = match said {
            Some(said) => said,
            None => {
                let zoom = |which: &str| self.number(&format!("SELECT {which}(zoom_level) FROM {places}"));
                let zoom = |which| zoom(which).map(|z| z.and_then(|z| u8::try_from(z).ok()).filter(|z| *z <= HIGHEST));
                let zooms = zoom("min")?.zip(zoom("max")?);
                zooms.ok_or_else(|| refused("it has no tiles, and its metadata names no zooms"))?
            }
        };
        let highest = max_zoom.min(MAX_ZOOM);
        if let Some(bounds) = tile_json.bounds().filter(|_| tile_json.heat.is_none()) {
            let turned = |covered| only_fits_flipped(covered, bounds);
            self.from_north = self.covered(places, highest).is_some_and(turned);
        }
        let found = || (min_zoom..=highest).rev().find_map(|z| self.covered(places, z)).map(Covered::bounds);
        let bounds = tile_json.bounds().or_else(found).unwrap_or(WORLD);
        let sample = self.blob("SELECT tile_data FROM tiles LIMIT 1", &[])?;
        let sample = sample.map(|bytes| super::unpacked(bytes, Wait::Allowed)).transpose()?.unwrap_or_default();
        let said = tile_json.format.as_deref().and_then(Kind::named);
        let Some(kind) = Kind::of(&sample).or(said) else {
            let format = tile_json.format.as_deref().map_or_else(String::new, |format| format!(" (format {format:?})"));
            return Err(refused(&format!("its tiles are no pictures that browsers draw{format}")));
        };
        let side = tile_json.tile_size.or_else(|| sides(&sample).map(|(width, _)| width));
        let (container, dense, dense_only) = (Container::MbTiles, false, false);
        Ok(About { min_zoom, max_zoom, bounds, tile_json, container, kind, side, dense, dense_only, doubt })
    }

    /// One tile, on a thread that may wait: SQLite reads as it pleases.
    pub(super) fn tile(&self, tile: TileCoord, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        if wait == Wait::Never {
            return Err(Trouble::Waits);
        }
        let TileCoord { z, x, y } = if self.from_north { tile } else { flipped(tile) };
        self.clock.set(PATIENCE);
        self.blob(TILE, &[u32::from(z), x, y])
    }

    fn blob(&self, question: &str, values: &[u32]) -> Result<Option<Vec<u8>>, Trouble> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = connection.prepare_cached(question).and_then(|mut statement| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(match row.get_ref(0)? {
                    ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Some(bytes.to_vec()),
                    _ => None,
                })
            };
            statement.query_row(rusqlite::params_from_iter(values), read).optional()
        });
        let bytes = answer.map_err(|e| trouble(&e))?.flatten();
        match bytes {
            Some(bytes) if bytes.len() as u64 > LARGEST => {
                Err(Trouble::Damaged(format!("it has {} bytes, more than {LARGEST}", bytes.len())))
            }
            bytes => Ok(bytes),
        }
    }

    fn number(&self, question: &str) -> Result<Option<i64>, Trouble> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.query_row(question, [], |row| row.get(0)).map_err(|e| trouble(&e))
    }

    /// Which part of a zoom has tiles, rows taken for such from the south; `None` where that takes too long.
    fn covered(&self, places: &str, z: u8) -> Option<Covered> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let sides = "min(tile_column), max(tile_column), min(tile_row), max(tile_row)";
        let question = format!("SELECT {sides} FROM {places} WHERE zoom_level = ?1");
        self.clock.set(LOOKING);
        let side = |row: &rusqlite::Row<'_>, at| row.get::<_, u32>(at);
        let found = connection
            .query_row(&question, [z], |row| Ok([side(row, 0)?, side(row, 1)?, side(row, 2)?, side(row, 3)?]));
        self.clock.set(OPENING);
        let [west, east, south, north] = found.ok().filter(|sides| sides.iter().all(|n| u64::from(*n) >> z == 0))?;
        let row = |y| flipped(TileCoord { z, x: 0, y }).y;
        Some(Covered { z, columns: (west, east), rows: (row(north), row(south)) })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The bound at which pages are let go is the whole program's: others that use SQLite have theirs again.
        if OPEN.fetch_sub(1, Ordering::Relaxed) == 1 {
            let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>);
            let _ = connection.execute_batch("PRAGMA soft_heap_limit = 0");
        }
    }
}

/// Whether rows that are taken for such from the south lie in the box only if they are from the north.
fn only_fits_flipped(covered: Covered, bounds: LonLatBounds) -> bool {
    let z = covered.z;
    let row = |lat: f64| (mercator::row(lat).max(0.0) as u64) >> (32 - z);
    // Spread and buffers reach a little beyond the box.
    let (first, last) = (row(bounds.north).saturating_sub(1), row(bounds.south) + 1);
    let (north, south) = covered.rows;
    let turned = |y| u64::from(flipped(TileCoord { z, x: 0, y }).y);
    let apart = u64::from(south) < first || u64::from(north) > last;
    apart && turned(south) >= first && turned(north) <= last
}

/// Opens the file, and sets everything up by which it is held.
fn connect(path: &Path, clock: &Arc<Clock>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address(path), flags)?;
    connection.busy_timeout(BUSY)?;
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, LARGEST as i32 + (1 << 20)),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 200),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 50),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
        (Limit::SQLITE_LIMIT_VDBE_OP, 20_000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most)?;
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let clock = clock.clone();
    connection.progress_handler(STEPS, Some(move || clock.is_over()));
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

/// How SQLite is told of the file. One whose log of changes is empty is not changed by anybody at the moment: it can be read
/// without the files that SQLite would make beside it. Whoever begins to write it makes another stamp.
#[cfg(unix)]
fn address(path: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let is_logged = open_plain(path).ok().flatten().and_then(|(file, _)| read_at(&file, 18, 2, Wait::Allowed).ok());
    let is_idle = Path::new(&log).metadata().map_or(true, |log| log.len() == 0);
    let still = is_logged.is_some_and(|versions| versions.contains(&2)) && is_idle;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
    let name: String = path
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|&b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect();
    format!("file:{name}?mode=ro{}", if still { "&immutable=1" } else { "" }).into()
}

#[cfg(not(unix))]
fn address(path: &Path) -> PathBuf {
    path.to_path_buf()
}

/// Names of tables and views in lower case, and whether they are what they seem.
fn tables(connection: &Connection) -> rusqlite::Result<BTreeMap<String, bool>> {
    let question =
        "SELECT lower(name), sql NOT LIKE 'create virtual%' FROM sqlite_master WHERE type IN ('table', 'view')";
    let mut statement = connection.prepare(question)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?.unwrap_or(false))))?;
    rows.take(TABLES).collect()
}

/// What the metadata says, as the one object that other sets have: a name and a value a row, values that are text.
fn told(connection: &Connection, has_metadata: bool) -> Result<Told, Trouble> {
    if !has_metadata {
        return Ok(Told::default());
    }
    let mut fields: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
    let mut bytes = 0;
    let mut statement =
        connection.prepare("SELECT CAST(name AS TEXT), CAST(value AS TEXT) FROM metadata").map_err(|e| trouble(&e))?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?)));
    for row in rows.map_err(|e| trouble(&e))?.take(ROWS) {
        let (Some(name), Some(value)) = row.map_err(|e| trouble(&e))? else { continue };
        bytes += name.len() + value.len();
        if bytes > METADATA_LIMIT {
            let doubt = Some(format!("its metadata is longer than {METADATA_LIMIT} bytes and is not read"));
            return Ok(Told { tile_json: TileJson::default(), doubt });
        }
        // Objects are text here like everything else.
        let object = value.starts_with(['{', '[']).then(|| RawValue::from_string(value.clone()).ok()).flatten();
        match (name.as_str(), object) {
            ("json", Some(more)) => {
                let more: BTreeMap<String, Box<RawValue>> = serde_json::from_str(more.get()).unwrap_or_default();
                for (name, value) in more {
                    fields.entry(name).or_insert(value);
                }
            }
            ("heat" | "vector_layers" | "tilestats", Some(object)) => {
                fields.insert(name, object);
            }
            _ => {
                fields.extend(to_raw_value(&value).ok().map(|value| (name, value)));
            }
        }
    }
    // Rows are as the format has them, whatever an address in another place says.
    fields.remove("scheme");
    fields.remove("tiles");
    let text = serde_json::to_vec(&fields).unwrap_or_default();
    Ok(TileJson::read(&text).unwrap_or_default())
}

/// What an error of SQLite means for whoever asked.
fn trouble(error: &rusqlite::Error) -> Trouble {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Trouble::Unavailable(
            "a look into it takes too long; an index may be missing: CREATE UNIQUE INDEX tile_index ON tiles \
             (zoom_level, tile_column, tile_row)"
                .to_owned(),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Trouble::Unavailable("it is being written".to_owned())
        }
        Some(ErrorCode::TooBig) => Trouble::Damaged(format!("it has more than {LARGEST} bytes")),
        Some(ErrorCode::OutOfMemory) => Trouble::Damaged("a look into it takes too much memory".to_owned()),
        _ => {
            // The message may repeat text of the file.
            let text = error.to_string();
            let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect();
            Trouble::Damaged(format!("SQLite cannot read it: {plain}"))
        }
    }
}
