//! How a folder of tiles is laid out, found by looking at some of its names: how tiles end, from which side their rows are
//! counted, which zooms there are and, where nothing says it, which part of the world they cover. Only so many names are
//! looked at; what tiles hold is not.

use std::path::Path;

use super::covered::{Budget, Covered};
use super::picture::{Kind, is_vector};
use super::{Trouble, refused};
use crate::container::Scheme;
use crate::heat::HIGHEST;
use crate::tile::{LonLatBounds, MAX_ZOOM, TileCoord, mercator};

/// Entries of a folder that are looked at.
const ENTRIES: usize = 100_000;
/// Names of tiles that are looked at to learn their endings, and columns in which they are.
const NAMES: usize = 1000;
const COLUMNS: usize = 4;
/// Tiles whose rows are compared with a box.
const ROWS: usize = 500;

/// What the names in a folder say.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The lowest and the highest zoom that have a folder.
    pub(super) zooms: Option<(u8, u8)>,
    /// What follows the row in names of tiles: ".png", "" for none; the first is what most have.
    pub(super) plain: Vec<String>,
    /// The same of tiles with twice the pixels: "@2x.png".
    pub(super) dense: Vec<String>,
    /// The name of one tile, of those with twice the pixels only where there are no others.
    pub(super) sample: Option<String>,
}

impl Layout {
    /// Looks at the folder at `path`. Fails where its tiles are no pictures.
    pub(super) fn of(path: &Path) -> Result<Self, Trouble> {
        let mut zooms = zooms(path)?;
        zooms.sort_unstable();
        let mut layout = Self { zooms: zooms.first().copied().zip(zooms.last().copied()), ..Self::default() };
        let mut other = None;
        // The lowest zoom has few tiles, but a base of its own may have been put there: the highest is looked at too.
        for zoom in zooms.first().into_iter().chain(zooms.last()).chain(&zooms) {
            if layout.sample.is_some() && Some(zoom) != zooms.last() {
                break;
            }
            other = layout.learn(path, *zoom).or(other);
        }
        match (&layout.sample, other) {
            (None, Some(ending)) if is_vector(&ending) => Err(refused(&vector(&ending))),
            (None, Some(ending)) => Err(refused(&format!(
                "its tiles end in {ending}, which is no picture that browsers draw; PNG, JPEG, WebP, AVIF and GIF are served"
            ))),
            _ => Ok(layout),
        }
    }

    /// Looks at names of one zoom; gives an ending that is no picture's.
    fn learn(&mut self, path: &Path, zoom: u8) -> Option<String> {
        let mut other = None;
        let folder = path.join(zoom.to_string());
        let columns: Vec<u32> = numbers(&folder).take(COLUMNS).collect();
        for column in columns {
            let Ok(entries) = folder.join(column.to_string()).read_dir() else { continue };
            for entry in entries.take(NAMES).flatten() {
                let name = entry.file_name();
                let Some((_, ending)) = name.to_str().and_then(tile_name) else { continue };
                let bare = ending.strip_prefix("@2x").unwrap_or(ending);
                if !bare.is_empty() && Kind::named(bare).is_none() {
                    other.get_or_insert_with(|| bare.to_owned());
                    continue;
                }
                let is_dense = bare.len() < ending.len();
                if self.sample.is_none() || (!is_dense && self.plain.is_empty()) {
                    self.sample = Some(format!("{zoom}/{column}/{}", name.to_string_lossy()));
                }
                let list = if is_dense { &mut self.dense } else { &mut self.plain };
                if !list.iter().any(|known| known == ending) {
                    list.push(ending.to_owned());
                }
            }
        }
        other
    }

    /// The part of the world that tiles cover, by the highest zoom whose tiles are few enough to be counted; rows from
    /// the south where `from_south`.
    pub(super) fn covered(&self, path: &Path, from_south: bool) -> Option<LonLatBounds> {
        let (min, max) = self.zooms?;
        let found = (min..=max.min(MAX_ZOOM)).rev().find_map(|zoom| {
            let mut budget = Budget::default();
            let mut covered = None;
            let whole = tiles(path, zoom).all(|tile| {
                covered = Some(Covered::with(covered, if from_south { flipped(tile) } else { tile }));
                budget.spend()
            });
            covered.filter(|_| whole)
        });
        found.map(Covered::bounds)
    }

    /// Whether rows must be counted from the south because no tile of the highest zoom lies in the box otherwise.
    pub(super) fn only_fits_flipped(&self, path: &Path, bounds: LonLatBounds) -> bool {
        let Some((_, max)) = self.zooms.filter(|(_, max)| *max <= MAX_ZOOM) else { return false };
        let last = (1u64 << max) - 1;
        let row = |lat: f64| ((mercator::row(lat).max(0.0) as u64) >> (32 - max)).min(last);
        // Spread and buffers reach a little beyond the box.
        let rows = row(bounds.north).saturating_sub(1)..=row(bounds.south) + 1;
        let mut any = false;
        for tile in tiles(path, max).take(ROWS) {
            let (as_named, turned) = (u64::from(tile.y), u64::from(flipped(tile).y));
            if rows.contains(&as_named) || !rows.contains(&turned) {
                return false;
            }
            any = true;
        }
        any
    }
}

/// The refusal of tiles that are data.
pub(super) fn vector(what: &str) -> String {
    format!("its tiles are vector tiles ({what}): data that a style draws; only tiles that are pictures are served")
}

/// The same place with rows counted from the other side.
pub(super) fn flipped(tile: TileCoord) -> TileCoord {
    TileCoord { y: Scheme::Tms.row(tile.z, tile.y), ..tile }
}

/// A row and what follows it, in the name of a tile's file.
fn tile_name(name: &str) -> Option<(u32, &str)> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (row, rest) = name.split_at(digits);
    let fits = rest.is_empty() || rest.starts_with('.') || rest.starts_with("@2x.");
    number(row).filter(|_| fits).map(|row| (row, rest))
}

/// A number in its one usual form.
fn number(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().filter(|n| n.to_string() == text)
}

/// The names in a folder that are numbers.
fn numbers(folder: &Path) -> impl Iterator<Item = u32> + use<> {
    let entries = folder.read_dir().ok().into_iter().flatten().take(ENTRIES);
    entries.filter_map(|entry| number(entry.ok()?.file_name().to_str()?))
}

/// The zooms that have a folder.
fn zooms(path: &Path) -> Result<Vec<u8>, Trouble> {
    let mut zooms = Vec::new();
    for entry in path.read_dir()?.take(ENTRIES) {
        let name = entry?.file_name();
        let zoom = name.to_str().and_then(number).and_then(|z| u8::try_from(z).ok());
        zooms.extend(zoom.filter(|z| *z <= HIGHEST));
    }
    Ok(zooms)
}

/// Tiles of a zoom as they are named, in the order of the folder.
fn tiles(path: &Path, zoom: u8) -> impl Iterator<Item = TileCoord> + use<> {
    let folder = path.join(zoom.to_string());
    let fits = move |n: u32| u64::from(n) >> zoom == 0;
    numbers(&folder).filter(move |x| fits(*x)).flat_map(move |x| {
        let entries = folder.join(x.to_string()).read_dir().ok().into_iter().flatten();
        let rows = entries.filter_map(|entry| tile_name(entry.ok()?.file_name().to_str()?).map(|(row, _)| row));
        rows.filter(move |y| fits(*y)).map(move |y| TileCoord { z: zoom, x, y })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn names_say_how_tiles_end() {
        let of = |names: &[&str]| {
            let layout = Layout::of(folder(names).path()).map_err(|e| format!("{e:?}"))?;
            Ok::<_, String>((layout.zooms, layout.plain.join(" "), layout.dense.join(" ")))
        };
        let say = |plain: &str, dense: &str| Ok((Some((0, 1)), plain.to_owned(), dense.to_owned()));
        assert_eq!(of(&["0/0/0.png", "1/1/0.png", "1/1/.hidden", "1/1/00.jpg", "x/0/0.gif"]), say(".png", ""));
        assert_eq!(of(&["0/0/0@2x.webp", "1/1/0@2x.webp"]), say("", "@2x.webp"));
        assert_eq!(of(&["0/0/0.JPG", "1/1/0.JPG", "1/1/0@2x.JPG"]), say(".JPG", "@2x.JPG"));
        assert_eq!(of(&["0/0/0", "1/1/0"]), say("", ""));
        assert_eq!(of(&["0/0/0.png", "1/1/0.jpg"]), say(".png .jpg", ""));
        for (names, says) in [(["0/0/0.pbf", "1/0/0.pbf"], "vector"), (["0/0/0.tif", "1/0/0.tif"], ".tif")] {
            assert!(of(&names).unwrap_err().contains(says));
        }
        assert_eq!(of(&[]), Ok((None, String::new(), String::new())));
    }

    #[test]
    fn rows_that_lie_in_the_box_from_the_south_only_are_turned() {
        // Great Britain at zoom 6.
        let bounds = LonLatBounds { west: -8.0, south: 50.0, east: 2.0, north: 60.0 };
        let (north, south) = (folder(&["6/31/19.png", "6/31/20.png"]), folder(&["6/31/44.png", "6/31/43.png"]));
        let fits = |folder: &tempfile::TempDir| {
            let layout = Layout::of(folder.path()).unwrap();
            layout.only_fits_flipped(folder.path(), bounds)
        };
        assert!(!fits(&north) && fits(&south));
        assert!(!fits(&folder(&["6/31/44.png", "6/31/20.png"])), "some lie where they should");
        assert!(!fits(&folder(&["6/31/1.png"])), "it lies nowhere");
        assert!(!fits(&folder(&["0/0/0.png"])), "both are the same");
    }

    #[test]
    fn a_box_comes_from_the_highest_zoom() {
        let folder = folder(&["0/0/0.png", "1/0/0.png", "2/0/1.png", "2/1/1.png"]);
        let layout = Layout::of(folder.path()).unwrap();
        let north = layout.covered(folder.path(), false).unwrap();
        assert!(north.west == -180.0 && north.east.abs() < 1e-6);
        assert!(north.south.abs() < 1e-6 && (66.0..67.0).contains(&north.north), "{north:?}");
        let south = layout.covered(folder.path(), true).unwrap();
        assert!(south.north.abs() < 1e-6 && (-67.0..-66.0).contains(&south.south), "{south:?}");
    }
}
