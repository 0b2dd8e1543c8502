//! The folder of tiles: `{z}/{x}/{y}.png` with `metadata.json`, the legend and, when wanted, `index.html`. Knows exactly which
//! entries such a folder can have, so that replacing one never takes anything else with it. How a folder appears
//! under its name is left to staging.

use std::fs::{self, DirEntry, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Beside, Tally, TileWriter, Written};
use crate::container::metadata;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::staging::{OutputOptions, Shape, Staging};
use crate::tile::{MAX_ZOOM, TileCoord};

const METADATA: &str = "metadata.json";
const PAGE: &str = "index.html";
const LEGEND_PNG: &str = "legend.png";
const LEGEND_SVG: &str = "legend.svg";
const SHAPE: Shape = Shape { check, remove };

/// A tile folder being written.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    staging: Staging,
    tally: Tally,
}

impl Folder {
    pub(super) fn create(out: &Path, options: &OutputOptions) -> Result<Self> {
        let staging = Staging::begin(out, options, SHAPE)?;
        let root = staging.new_path();
        fs::create_dir(&root).map_err(|e| Error::io("create", &root, e))?;
        Ok(Self { root, staging, tally: Tally::new() })
    }

    /// An error speaks of the place a person knows, not of the hidden folder.
    fn cannot_write(&self, name: impl AsRef<Path>, source: std::io::Error) -> Error {
        Error::io("write", &self.staging.out().join(name), source)
    }

    fn put(&self, name: &str, text: &[u8]) -> Result<()> {
        fs::write(self.root.join(name), text).map_err(|e| self.cannot_write(name, e))
    }
}

impl TileWriter for Folder {
    fn write(&self, tile: TileCoord, png: &[u8]) -> Result<()> {
        let name = format!("{tile}.png");
        let path = self.root.join(&name);
        let open = || File::options().write(true).create_new(true).open(&path);
        // Most tiles find their folder there, so asking first would be one call too many.
        let file = match open() {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| open())
            }
            opened => opened,
        };
        match file.and_then(|mut file| file.write_all(png)) {
            Ok(()) => self.tally.add(tile, png.len()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::Internal(format!("tile {tile} was written twice")));
            }
            Err(e) => return Err(self.cannot_write(&name, e)),
        }
        Ok(())
    }

    fn finish(self: Box<Self>, metadata: &Value, beside: &dyn Fn() -> Result<Beside>, _: &Monitor) -> Result<Written> {
        self.put(METADATA, format!("{metadata:#}\n").as_bytes())?;
        let Beside { page, legend } = beside()?;
        if let Some(page) = page {
            self.put(PAGE, page.as_bytes())?;
        }
        if let Some((png, svg)) = legend {
            self.put(LEGEND_PNG, &png)?;
            self.put(LEGEND_SVG, svg.as_bytes())?;
        }
        let notices = self.staging.commit()?;
        Ok(self.tally.written(notices))
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

/// An entry at `level` when tilefire writes such a one, else `None`. Symbolic links are never ours.
fn ours(level: Level, entry: &DirEntry, side: u64) -> Option<Entry> {
    let kind = entry.file_type().ok()?;
    let name = entry.file_name();
    let name = name.to_str()?;
    let number = |text: &str, below: u64| text.parse().ok().filter(|n: &u64| *n < below && n.to_string() == text);
    match level {
        Level::Root if kind.is_file() => {
            [METADATA, PAGE, LEGEND_PNG, LEGEND_SVG].contains(&name).then_some(Entry::File)
        }
        Level::Root if kind.is_dir() => {
            let z = number(name, u64::from(MAX_ZOOM) + 1)?;
            Some(Entry::Folder(Level::Column { side: 1 << z }))
        }
        Level::Column { side } if kind.is_dir() => {
            number(name, side)?;
            Some(Entry::Folder(Level::Zoom))
        }
        Level::Zoom if kind.is_file() => {
            number(name.strip_suffix(".png")?, side)?;
            Some(Entry::File)
        }
        _ => None,
    }
}

/// Visits the entries of a tile folder by name, files before their folder; stops at the first one that is not ours.
fn walk(folder: &Path, level: Level, side: u64, visit: &mut dyn FnMut(&Path, bool) -> Result<()>) -> Result<()> {
    let reading = |e| Error::io("read", folder, e);
    let mut entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(reading)?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        match ours(level, &entry, side) {
            Some(Entry::File) => visit(&path, false)?,
            Some(Entry::Folder(below)) => {
                let side = if let Level::Column { side } = below { side } else { side };
                walk(&path, below, side, visit)?;
                visit(&path, true)?;
            }
            None => {
                return Err(Error::Output(format!(
                    "{} was not written by tilefire, so nothing around it is replaced; move it away or choose another \
                     output",
                    path.display()
                )));
            }
        }
    }
    Ok(())
}

/// Ok where tilefire wrote everything in the folder.
fn check(folder: &Path) -> Result<()> {
    let file = folder.join(METADATA);
    let known = fs::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .is_some_and(|value: Value| metadata::names_tilefire(&value));
    if !known {
        return Err(Error::Output(format!(
            "{} has no metadata.json that names tilefire as its generator, so --force does not replace it",
            folder.display()
        )));
    }
    walk(folder, Level::Root, 0, &mut |_, _| Ok(()))
}

/// Removes a tile folder, whole or half made; what tilefire does not write stays.
fn remove(folder: &Path) -> Result<()> {
    walk(folder, Level::Root, 0, &mut |path, is_folder| {
        let removed = if is_folder { fs::remove_dir(path) } else { fs::remove_file(path) };
        removed.map_err(|e| Error::io("remove", path, e))
    })?;
    fs::remove_dir(folder).map_err(|e| Error::io("remove", folder, e))
}
