//! A folder of `{z}/{x}/{y}.png`, read. Whether a name leads out of it is looked after in `system`; what a tile holds
//! is not looked at.

use std::io::ErrorKind;
use std::path::Path;

use super::system::Root;
use super::{About, LARGEST, Trouble, WORLD, Wait};
use crate::heat::{HIGHEST, METADATA_LIMIT, TileJson, Told};
use crate::tile::TileCoord;

pub(super) const METADATA: &str = "metadata.json";
/// Entries of a folder that are looked at for zooms.
const ENTRIES: usize = 100_000;

/// An open tile folder.
#[derive(Debug)]
pub(super) struct Folder(Root);

impl Folder {
    pub(super) fn open(path: &Path) -> Result<(Self, About), Trouble> {
        let folder = Self(Root::open(path)?);
        let Told { tile_json, doubt } = folder.told()?;
        let told = tile_json.minzoom.zip(tile_json.maxzoom).filter(|(min, max)| min <= max);
        let (min_zoom, max_zoom) = match told {
            Some(told) => told,
            None => zooms(path)?
                .ok_or_else(|| Trouble::Damaged(format!("it has no {METADATA} and no folder named as a zoom")))?,
        };
        let bounds = tile_json.bounds().unwrap_or(WORLD);
        Ok((folder, About { min_zoom, max_zoom, bounds, tile_json, archive: false, doubt }))
    }

    /// What the folder says of itself. Metadata that is too long is not read, and that is said.
    fn told(&self) -> Result<Told, Trouble> {
        match self.0.read(METADATA, METADATA_LIMIT as u64, Wait::Allowed) {
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

    pub(super) fn tile(&self, tile: TileCoord, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        self.file(&format!("{tile}.png"), wait)
    }

    pub(super) fn file(&self, name: &str, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.0.read(name, LARGEST, wait)?)
    }
}

/// The lowest and the highest zoom that have a folder.
fn zooms(path: &Path) -> Result<Option<(u8, u8)>, Trouble> {
    let mut found: Option<(u8, u8)> = None;
    for entry in path.read_dir()?.take(ENTRIES) {
        let name = entry?.file_name();
        let zoom = name.to_str().and_then(|n| n.parse::<u8>().ok().filter(|z| z.to_string() == n && *z <= HIGHEST));
        if let Some(zoom) = zoom {
            found = Some(found.map_or((zoom, zoom), |(min, max)| (min.min(zoom), max.max(zoom))));
        }
    }
    Ok(found)
}
