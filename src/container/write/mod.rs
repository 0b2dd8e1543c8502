//! The containers tiles go into: a folder, one PMTiles or MBTiles file, or one page with everything in it. A container appears complete or not at all, and nothing
//! tilefire did not write is deleted. What the counts were and where tiles come from is the business of the floors
//! beside and above.

mod folder;
mod html;
#[cfg_attr(not(feature = "mbtiles"), path = "mbtiles_absent.rs")]
mod mbtiles;
mod pmtiles;
mod records;
mod spool;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Form;
use crate::error::{Error, Result};
use crate::heat::TileJson;
use crate::monitor::Monitor;
use crate::staging::{OutputOptions, Staging, no_address};
use crate::tile::{MAX_ZOOM, TileCoord};

/// Takes the tiles of one run, in any order and from any thread, and makes them one output at the end. A writer that
/// is dropped before it is finished leaves nothing behind.
pub trait TileWriter: Send + Sync {
    /// Adds one tile; each tile is written once.
    fn write(&self, tile: TileCoord, bytes: &[u8]) -> Result<()>;

    /// Takes a tile over from the set that the output replaces, as it is; false where that has none, or where there is no such
    /// way.
    fn keep(&self, _: TileCoord) -> Result<bool> {
        Ok(false)
    }

    /// Adds one tile with twice the pixels of the one at its place. Fails where the container has no room for such.
    fn write_retina(&self, tile: TileCoord, _: &[u8]) -> Result<()> {
        Err(Error::Internal(format!("there is no place for tile {tile} with twice the pixels")))
    }

    /// Adds the metadata and, where the container has room for them, the files that `beside` makes; then the output
    /// appears under its name.
    /// Fails with [`Error::Interrupted`] where `monitor` is cancelled before that.
    fn finish(
        self: Box<Self>,
        metadata: &TileJson,
        beside: &dyn Fn() -> Result<Beside>,
        monitor: &Monitor,
    ) -> Result<Written>;
}

/// What lies beside the tiles of a folder.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// The map page.
    pub page: Option<String>,
    /// The legend as a PNG and as an SVG.
    pub legend: Option<(Vec<u8>, String)>,
}

/// How many tiles and bytes an output holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Tiles in all.
    pub tiles: u64,
    /// Bytes of their files in all.
    pub bytes: u64,
    /// The same for each zoom that has tiles.
    pub zooms: BTreeMap<u8, ZoomWritten>,
    /// What a person should know about leftovers that were found; usually empty.
    pub notices: Vec<String>,
}

/// How many tiles and bytes one zoom holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ZoomWritten {
    /// Tiles of the zoom.
    pub tiles: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// What a set of tiles is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A folder `z/x/y.png`.
    Folder,
    /// One PMTiles file.
    Archive,
    /// One MBTiles file.
    Mbtiles,
    /// One page of HTML that holds its tiles.
    Page,
}

/// Endings that tell of something a set of tiles is not: pictures, ...
const PICTURES: [&str; 11] = ["png", "jpg", "jpeg", "gif", "webp", "tif", "tiff", "bmp", "svg", "pdf", "avif"];
/// ... and other files.
const FILES: [&str; 25] = [
    "zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "json", "geojson", "csv", "tsv", "txt", "parquet",
    "arrow", "fgb", "gpkg", "shp", "kml", "kmz", "gpx", "pbf", "mvt", "vrt",
];

impl Container {
    /// What `out` is to be, by its ending. Fails with [`Error::Usage`] where the ending is one of other files, naming what
    /// to use instead: a folder `heat.png` is nothing that anybody asks for.
    pub fn of(out: &Path) -> Result<Self> {
        no_address(out)?;
        let ending = out.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        let refuse = |what: String| Err(Error::Usage(format!("{}: {what}", out.display())));
        match ending.as_deref() {
            Some("pmtiles") => Ok(Self::Archive),
            Some("mbtiles") => Ok(Self::Mbtiles),
            Some("html" | "htm") => Ok(Self::Page),
            Some(picture) if PICTURES.contains(&picture) => refuse(format!(
                "a set of tiles is no .{picture} file; name a folder, a .pmtiles or .mbtiles file or an .html page, or make one picture with tilefire \
                 image"
            )),
            Some(file) if FILES.contains(&file) => refuse(format!(
                "tiles are not written as .{file}; name a folder, a .pmtiles or .mbtiles file or an .html page"
            )),
            _ => Ok(Self::Folder),
        }
    }
}

/// Fails where [`create`] would because of what lies at `out`; makes nothing.
pub fn look(out: &Path, options: &OutputOptions) -> Result<()> {
    let shape = match Container::of(out)? {
        Container::Archive => pmtiles::SHAPE,
        Container::Mbtiles => mbtiles::SHAPE,
        Container::Page => html::SHAPE,
        Container::Folder => folder::SHAPE,
    };
    Staging::look(out, options, shape)
}

/// Bytes for what a container has to know of all its tiles, where nobody says how many.
const ROOM: u64 = 64 << 20;

/// Opens the output `out` for PNG tiles: its ending chooses the container, see [`Container::of`].
pub fn create(out: &Path, options: &OutputOptions) -> Result<Box<dyn TileWriter>> {
    create_within(out, options, Form::default(), ROOM)
}

/// The same for tiles in this form; what the container has to know of all its tiles takes about `room` bytes of memory, and the rest of it
/// waits in a file.
pub(crate) fn create_within(out: &Path, options: &OutputOptions, form: Form, room: u64) -> Result<Box<dyn TileWriter>> {
    match Container::of(out)? {
        Container::Page => Ok(Box::new(html::Html::create(out, options)?)),
        Container::Archive => Ok(Box::new(pmtiles::Archive::create(out, options, room)?)),
        Container::Mbtiles => mbtiles::create(out, options, room),
        Container::Folder => Ok(Box::new(folder::Folder::create(out, options, form)?)),
    }
}

/// Running totals that every writing thread adds to.
#[derive(Debug)]
struct Tally([(AtomicU64, AtomicU64); MAX_ZOOM as usize + 1]);

impl Tally {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Default::default()))
    }

    fn add(&self, tile: TileCoord, bytes: usize) {
        if let Some((tiles, sum)) = self.0.get(usize::from(tile.z)) {
            tiles.fetch_add(1, Ordering::Relaxed);
            sum.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn written(&self, notices: Vec<String>) -> Written {
        let mut written = Written { notices, ..Written::default() };
        for (z, (tiles, bytes)) in (0..).zip(&self.0) {
            let zoom = ZoomWritten { tiles: tiles.load(Ordering::Relaxed), bytes: bytes.load(Ordering::Relaxed) };
            if zoom.tiles > 0 {
                written.tiles += zoom.tiles;
                written.bytes += zoom.bytes;
                written.zooms.insert(z, zoom);
            }
        }
        written
    }
}
