//! A folder of `{z}/{x}/{y}` tiles, read, ours or anyone's: what its names and its metadata say decides how tiles end and
//! from which side rows are counted. Whether a name leads out of it is looked after in `system`.

use std::io::ErrorKind;
use std::path::Path;

use super::layout::{Layout, flipped};
use super::picture::{Kind, sides};
use super::resource::{self, Resource};
use super::system::Root;
use super::{About, Container, LARGEST, Trouble, WORLD, Wait, refused};
use crate::heat::{METADATA_LIMIT, Text, TileJson, Told};
use crate::tile::TileCoord;

pub(super) const METADATA: &str = "metadata.json";

/// An open tile folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: Root,
    layout: Layout,
    /// Whether rows are counted from the south.
    from_south: bool,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<(Self, About), Trouble> {
        let root = Root::open(path)?;
        let Told { mut tile_json, doubt } = told(&root)?;
        if let Some(projection) = tile_json.other_projection() {
            return Err(refused(&other_projection(&projection)));
        }
        let layout = Layout::of(path)?;
        let from_south = rows(&root, path, &layout, &mut tile_json)?;
        let said = tile_json.minzoom.zip(tile_json.maxzoom).filter(|(min, max)| min <= max);
        let (min_zoom, max_zoom) = said
            .or(layout.zooms)
            .ok_or_else(|| Trouble::Damaged(format!("it has no {METADATA} and no folder named as a zoom")))?;
        let bounds = tile_json.bounds().or_else(|| layout.covered(path, from_south)).unwrap_or(WORLD);
        // The first tile says what all are, whatever its name; a set without tiles says it in words.
        let sample = layout.sample.as_ref().and_then(|name| root.read(name, LARGEST, Wait::Allowed).ok().flatten());
        let sample = sample.map(|bytes| super::unpacked(bytes, Wait::Allowed)).transpose()?.unwrap_or_default();
        let ending = layout.plain.first().or(layout.dense.first());
        let kind = Kind::of(&sample)
            .or_else(|| ending.and_then(|ending| Kind::named(ending.trim_start_matches("@2x"))))
            .or_else(|| Kind::named(tile_json.format.as_deref()?))
            .unwrap_or(Kind::Png);
        let side = tile_json.tile_size.or_else(|| sides(&sample).map(|(width, _)| width));
        let (dense, dense_only) = (!layout.dense.is_empty(), layout.plain.is_empty() && !layout.dense.is_empty());
        let about = About {
            min_zoom,
            max_zoom,
            bounds,
            tile_json,
            container: Container::Folder,
            kind,
            side,
            dense,
            dense_only,
            doubt,
        };
        Ok((Self { root, layout, from_south }, about))
    }

    /// The tile, or the one of twice its pixels where that is asked for and there, or there is no other.
    pub(super) fn tile(&self, tile: TileCoord, dense: bool, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        let tile = if self.from_south { flipped(tile) } else { tile };
        let Layout { plain, dense: twice, .. } = &self.layout;
        let endings = if dense || plain.is_empty() { twice } else { plain };
        if endings.is_empty() && !dense {
            return self.file(&format!("{tile}.png"), wait);
        }
        let found = self.tile_as_named(tile, endings, wait)?;
        if found.is_some() {
            return Ok(found);
        }
        if dense && !twice.is_empty() && !plain.is_empty() { self.tile_as_named(tile, plain, wait) } else { Ok(None) }
    }

    /// The tile with the first of these endings that there is.
    fn tile_as_named(&self, tile: TileCoord, endings: &[String], wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        for ending in endings {
            if let Some(bytes) = self.file(&format!("{tile}{ending}"), wait)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    pub(super) fn file(&self, name: &str, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.root.read(name, LARGEST, wait)?)
    }
}

/// What the folder says of itself. Metadata that is too long is not read, and that is said.
fn told(root: &Root) -> Result<Told, Trouble> {
    match root.read(METADATA, METADATA_LIMIT as u64, Wait::Allowed) {
        Ok(None) => Ok(Told::default()),
        Ok(Some(text)) => {
            TileJson::read(&text).ok_or_else(|| Trouble::Damaged(format!("its {METADATA} is no JSON object")))
        }
        Err(e) if e.kind() == ErrorKind::FileTooLarge => {
            let doubt = Some(format!("its {METADATA} is longer than {METADATA_LIMIT} bytes and is not read"));
            Ok(Told { tile_json: TileJson::default(), doubt })
        }
        Err(e) => Err(e.into()),
    }
}

/// Whether rows are counted from the south: as the metadata or a `tilemapresource.xml` says; where neither does, as the
/// tiles lie in the box. Two that contradict each other are refused.
fn rows(root: &Root, path: &Path, layout: &Layout, tile_json: &mut TileJson) -> Result<bool, Trouble> {
    let said = tile_json.from_south();
    let text = root.read(resource::NAME, resource::LONGEST, Wait::Allowed).ok().flatten();
    let Some(resource) = text.and_then(|text| Resource::read(&text)) else {
        let ours = tile_json.heat.is_some();
        let by_box = || tile_json.bounds().is_some_and(|bounds| !ours && layout.only_fits_flipped(path, bounds));
        return Ok(said.unwrap_or_else(by_box));
    };
    if let Some(projection) = resource.other_projection {
        return Err(refused(&other_projection(&projection)));
    }
    if said == Some(false) {
        return Err(refused(&format!(
            "its {METADATA} counts rows from the north (\"scheme\": \"xyz\"), its {} from the south; remove the one that is \
             wrong",
            resource::NAME
        )));
    }
    if tile_json.name.is_none() {
        tile_json.name = resource.title.map(Text::cut);
    }
    Ok(true)
}

fn other_projection(projection: &str) -> String {
    format!(
        "its tiles are in another projection ({projection}); only Web Mercator (EPSG:3857) is served: make them with \
         gdal2tiles.py --profile=mercator, for instance"
    )
}
