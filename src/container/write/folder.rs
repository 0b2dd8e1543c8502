//! The folder of tiles: `{z}/{x}/{y}.png` or `.webp`, `{y}@2x` for those of twice the pixels, with `metadata.json`, the legend and, when wanted, `index.html`. Knows exactly which
//! entries such a folder can have, so that replacing one never takes anything else with it. How a folder appears
//! under its name is left to staging.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::{Beside, Tally, TileWriter, Written};
use crate::container::{Form, metadata};
use crate::encode::Format;
use crate::error::{Error, Result};
use crate::heat::{METADATA_LIMIT, TileJson};
use crate::monitor::Monitor;
use crate::staging::{self, Flush, Handle, Kind, Modes, OutputOptions, Shape, Staging};
use crate::tile::{MAX_ZOOM, TileCoord};

const METADATA: &str = "metadata.json";
const PAGE: &str = "index.html";
const LEGEND_PNG: &str = "legend.png";
const LEGEND_SVG: &str = "legend.svg";
/// What follows the row in names of tiles with twice the pixels.
const RETINA: &str = "@2x";
pub(super) const SHAPE: Shape = Shape { flush: Flush::FileSystem, parents: true, check, remove };

/// A tile folder being written.
#[derive(Debug)]
pub(super) struct Folder {
    root: Handle,
    /// Where the folder replaces one whose modes are not those of the umask.
    modes: Option<Modes>,
    form: Form,
    staging: Staging,
    tally: Tally,
}

impl Folder {
    pub(super) fn create(out: &Path, options: &OutputOptions, form: Form) -> Result<Self> {
        let mut staging = Staging::begin(out, options, SHAPE)?;
        let (root, modes) = staging.new_folder()?;
        Ok(Self { root, modes, form, staging, tally: Tally::new() })
    }

    /// An error speaks of the place a person knows, not of the hidden folder.
    fn cannot_write(&self, name: impl AsRef<Path>, source: std::io::Error) -> Error {
        staging::explain(&self.staging.out().join(name), "write", source, Some(&self.root))
    }

    fn put(&self, name: &str, text: &[u8]) -> Result<()> {
        let file = self.root.new_file(name).map_err(|e| self.cannot_write(name, e))?;
        self.fill(file, text).map_err(|e| self.cannot_write(name, e))
    }

    fn fill(&self, mut file: File, bytes: &[u8]) -> std::io::Result<()> {
        file.write_all(bytes)?;
        match self.modes {
            Some(modes) => set_mode(&file, modes.files),
            None => Ok(()),
        }
    }

    /// Makes the folders of zoom and column, which another thread may be making too.
    fn make_column(&self, tile: TileCoord) -> std::io::Result<()> {
        for name in [tile.z.to_string(), format!("{}/{}", tile.z, tile.x)] {
            match self.root.make_folder(&name, false) {
                Ok(()) => {
                    if let Some(modes) = self.modes {
                        let folder = self.root.folder(&name)?;
                        folder.set_mode(modes.folders)?;
                    }
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> std::io::Result<()> {
    Ok(())
}

impl TileWriter for Folder {
    fn write(&self, tile: TileCoord, bytes: &[u8]) -> Result<()> {
        self.add(tile, "", bytes)
    }

    fn keep(&self, tile: TileCoord) -> Result<bool> {
        let Form { format, scheme, .. } = self.form;
        let tile = TileCoord { y: scheme.row(tile.z, tile.y), ..tile };
        let name = format!("{tile}.{format}");
        let old = self.staging.out().join(&name);
        let linked = match self.root.link(&old, &name) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                self.make_column(tile).and_then(|()| self.root.link(&old, &name))
            }
            linked => linked,
        };
        // Whatever speaks against it, a tile can be written instead.
        let bytes = linked.and_then(|()| fs::symlink_metadata(&old)).map(|about| about.len());
        if let Ok(bytes) = bytes {
            self.tally.add(tile, bytes as usize);
        }
        Ok(bytes.is_ok())
    }

    fn write_retina(&self, tile: TileCoord, bytes: &[u8]) -> Result<()> {
        self.add(tile, RETINA, bytes)
    }

    fn finish(
        self: Box<Self>,
        metadata: &TileJson,
        beside: &dyn Fn() -> Result<Beside>,
        monitor: &Monitor,
    ) -> Result<Written> {
        let text = serde_json::to_string_pretty(metadata).map_err(|e| Error::Internal(e.to_string()))? + "\n";
        self.put(METADATA, text.as_bytes())?;
        let Beside { page, legend } = beside()?;
        if let Some(page) = page {
            self.put(PAGE, page.as_bytes())?;
        }
        if let Some((png, svg)) = legend {
            self.put(LEGEND_PNG, &png)?;
            self.put(LEGEND_SVG, svg.as_bytes())?;
        }
        let notices = self.staging.commit(monitor)?;
        Ok(self.tally.written(notices))
    }
}

impl Folder {
    /// Writes a tile whose name ends in `suffix`.
    fn add(&self, tile: TileCoord, suffix: &str, bytes: &[u8]) -> Result<()> {
        staging::check_gate()?;
        let Form { format, scheme, .. } = self.form;
        let tile = TileCoord { y: scheme.row(tile.z, tile.y), ..tile };
        let name = format!("{tile}{suffix}.{format}");
        // Most tiles find their folder there, so asking first would be one call too many.
        let file = match self.root.new_file(&name) {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                self.make_column(tile).and_then(|()| self.root.new_file(&name))
            }
            opened => opened,
        };
        match file.and_then(|file| self.fill(file, bytes)) {
            Ok(()) => self.tally.add(tile, bytes.len()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::Internal(format!("tile {tile} was written twice")));
            }
            Err(e) => return Err(self.cannot_write(&name, e)),
        }
        Ok(())
    }
}

/// How deep below the folder's root an entry lies.
#[derive(Clone, Copy)]
enum Level {
    Root,
    Zoom,
    Column { side: u64 },
}

/// What an entry is, as far as tilefire writes such entries.
enum Entry {
    File,
    Folder(Level),
}

/// Which tiles a folder may have.
#[derive(Clone, Copy)]
struct Made {
    zooms: (u8, u8),
    format: Option<Format>,
    retina: bool,
}

impl Made {
    /// Any that tilefire makes: of a folder that it was at when it ended, and made itself.
    const ANY: Self = Self { zooms: (0, MAX_ZOOM), format: None, retina: true };

    /// What the metadata of a folder says.
    fn of(told: &TileJson) -> Self {
        Self {
            zooms: (told.minzoom.unwrap_or(0), told.maxzoom.unwrap_or(MAX_ZOOM)),
            format: told.format.as_deref().and_then(|format| format.parse().ok()),
            retina: told.retina == Some(true),
        }
    }
}

/// An entry at `level` when tilefire writes such a one, else `None`. Symbolic links are never ours.
fn ours(level: Level, name: &OsStr, kind: Kind, side: u64, made: Made) -> Option<Entry> {
    let name = name.to_str()?;
    let number = |text: &str, below: u64| text.parse().ok().filter(|n: &u64| *n < below && n.to_string() == text);
    match (level, kind) {
        (Level::Root, Kind::File) => [METADATA, PAGE, LEGEND_PNG, LEGEND_SVG].contains(&name).then_some(Entry::File),
        (Level::Root, Kind::Folder) => {
            let z = number(name, u64::from(MAX_ZOOM) + 1)?;
            (u64::from(made.zooms.0)..=made.zooms.1.into()).contains(&z).then_some(())?;
            Some(Entry::Folder(Level::Column { side: 1 << z }))
        }
        (Level::Column { side }, Kind::Folder) => {
            number(name, side)?;
            Some(Entry::Folder(Level::Zoom))
        }
        (Level::Zoom, Kind::File) => {
            let (row, ending) = name.split_once('.')?;
            let format = Format::ALL.into_iter().find(|format| format.ending() == ending)?;
            made.format.is_none_or(|own| own == format).then_some(())?;
            let row = if made.retina { row.strip_suffix(RETINA).unwrap_or(row) } else { row };
            number(row, side)?;
            Some(Entry::File)
        }
        _ => None,
    }
}

/// Visits the entries of a tile folder by name, files before their folder; stops at the first one that is not ours.
fn walk(
    folder: &Handle,
    level: Level,
    (side, made): (u64, Made),
    visit: &mut dyn FnMut(&Handle, &OsStr, bool) -> Result<()>,
) -> Result<()> {
    for (name, kind) in folder.entries().map_err(|e| Error::io("read", folder.path(), e))? {
        match ours(level, &name, kind, side, made) {
            Some(Entry::File) => visit(folder, &name, false)?,
            Some(Entry::Folder(below)) => {
                let side = if let Level::Column { side } = below { side } else { side };
                let inner = folder.folder(&name).map_err(|e| Error::io("open", &folder.path().join(&name), e))?;
                walk(&inner, below, (side, made), visit)?;
                visit(folder, &name, true)?;
            }
            None => return Err(staging::not_ours(&folder.path().join(&name))),
        }
    }
    Ok(())
}

/// Ok where tilefire wrote everything in the folder.
fn check(folder: &Path) -> Result<()> {
    let handle = Handle::open(folder).map_err(|e| Error::io("open", folder, e))?;
    // A pipe of that name would never end.
    let is_file = handle.kind(METADATA).is_ok_and(|kind| kind == Some(Kind::File));
    let mut text = Vec::new();
    let mut read = || {
        let file = File::open(folder.join(METADATA))?;
        file.take(METADATA_LIMIT as u64 + 1).read_to_end(&mut text)
    };
    if !is_file || read().is_err() || !metadata::names_tilefire(&text) {
        return Err(Error::Output(format!(
            "{} has no metadata.json that names tilefire as its generator, so --force does not replace it",
            folder.display()
        )));
    }
    let made = TileJson::read(&text).map_or(Made::ANY, |told| Made::of(&told.tile_json));
    walk(&handle, Level::Root, (0, made), &mut |_, _, _| Ok(()))
}

/// Removes a tile folder, whole or half made; what tilefire does not write stays.
fn remove(folder: &Handle, name: &str) -> Result<()> {
    let failed = |e| Error::io("remove", &folder.path().join(name), e);
    if folder.kind(name).map_err(failed)? != Some(Kind::Folder) {
        return Err(staging::not_ours(&folder.path().join(name)));
    }
    let inner = folder.folder(name).map_err(failed)?;
    walk(&inner, Level::Root, (0, Made::ANY), &mut |folder, name, is_folder| {
        let removed = if is_folder { folder.remove_folder(name) } else { folder.remove_file(name) };
        removed.map_err(|e| Error::io("remove", &folder.path().join(name), e))
    })?;
    folder.remove_folder(name).map_err(failed)
}
