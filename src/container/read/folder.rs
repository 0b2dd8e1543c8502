//! A folder of `{z}/{x}/{y}.png`, read. Whether a name leads out of it is looked after in `system`; what a tile holds
//! is not looked at.

use std::path::Path;

use serde_json::{Value, json};

use super::system::Root;
use super::{About, Trouble, Wait, bounds};
use crate::tile::TileCoord;

pub(super) const METADATA: &str = "metadata.json";

/// An open tile folder.
#[derive(Debug)]
pub(super) struct Folder(Root);

impl Folder {
    pub(super) fn open(path: &Path) -> Result<(Self, About), Trouble> {
        let folder = Self(Root::open(path)?);
        let zooms = zooms(path)?;
        let metadata = match folder.0.read(METADATA, Wait::Allowed)? {
            Some(text) => serde_json::from_slice::<Value>(&text)
                .ok()
                .filter(Value::is_object)
                .ok_or_else(|| Trouble::Damaged(format!("its {METADATA} is no JSON object")))?,
            None => json!({}),
        };
        let zoom = |key: &str| metadata[key].as_u64().and_then(|z| u8::try_from(z).ok());
        let found = zooms.first().copied().zip(zooms.last().copied());
        let (min_zoom, max_zoom) = match (zoom("minzoom").zip(zoom("maxzoom")), found) {
            (Some(told), _) if told.0 <= told.1 => told,
            (_, Some(found)) => found,
            _ => return Err(Trouble::Damaged(format!("it has no {METADATA} and no folder named as a zoom"))),
        };
        let about = About { min_zoom, max_zoom, bounds: bounds(&metadata), metadata };
        Ok((folder, about))
    }

    pub(super) fn tile(&self, tile: TileCoord, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        self.file(&format!("{tile}.png"), wait)
    }

    pub(super) fn file(&self, name: &str, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.0.read(name, wait)?)
    }
}

/// The zooms that have a folder, lowest first.
fn zooms(path: &Path) -> Result<Vec<u8>, Trouble> {
    let mut zooms = Vec::new();
    for entry in path.read_dir()? {
        let name = entry?.file_name();
        let zoom = name.to_str().and_then(|n| n.parse::<u8>().ok().filter(|z| z.to_string() == n));
        zooms.extend(zoom);
    }
    zooms.sort_unstable();
    Ok(zooms)
}
