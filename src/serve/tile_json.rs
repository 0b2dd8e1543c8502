//! What the server says of a layer: TileJSON with absolute addresses, and which tiles the layer covers, so that the
//! absence of one can be told from an address that means nothing.

use crate::container::read::{About, Container};
use crate::error::{Error, Result};
use crate::heat::{List, Text, TileJson, Word};
use crate::tile::{LonLatBounds, MAX_ZOOM, TileCoord, mercator};

/// Pixels along the side of a tile that says nothing of it.
pub(super) const SIDE: u32 = 256;

/// How the addresses of a layer's tiles end.
pub(super) fn ending(about: &About) -> String {
    format!("{}.{}", if about.dense_only { "@2x" } else { "" }, about.kind.ending())
}

/// TileJSON 3.0.0 of the layer at the address `layer` below `base`, called `title` where it has no name of its own; what else
/// the metadata says is passed on.
pub(super) fn tile_json(about: &About, title: &str, layer: &str, base: &str) -> Result<String> {
    let LonLatBounds { west, south, east, north } = about.bounds;
    let told = about.tile_json.clone();
    let side = about.side.unwrap_or(SIDE);
    // Dense tiles are made to be drawn at half their size, if they are as large as their name says.
    let drawn = if about.dense_only && side > SIDE { side / 2 } else { side };
    let ending = ending(about);
    let archive = about.container == Container::PmTiles;
    let json = TileJson {
        tilejson: Some(Word::cut("3.0.0")),
        tiles: Some(List::from_iter([Text::cut(format!("{base}/{layer}/{{z}}/{{x}}/{{y}}{ending}"))])),
        scheme: Some(Word::cut("xyz")),
        format: Some(Word::cut(about.kind.ending())),
        tile_size: about.side,
        map_size: told.map_size.or(Some(drawn)),
        // Of a set that does not say it, some tiles may have no larger one.
        retina: told.retina.filter(|_| about.dense && !about.dense_only),
        minzoom: Some(about.min_zoom),
        maxzoom: Some(about.max_zoom),
        bounds: Some([west, south, east, north]),
        name: told.name.clone().or_else(|| Some(Text::cut(title))),
        pmtiles: archive.then(|| Text::cut(format!("{base}/{layer}.pmtiles"))).or(told.pmtiles.clone()),
        ..told
    };
    serde_json::to_string(&json).map_err(|e| Error::Internal(e.to_string()))
}

/// Whether a tile is one of a zoom and a place that the set covers, so that its absence means: no points.
pub(super) fn covers(about: &About, tile: TileCoord) -> bool {
    let LonLatBounds { west, south, east, north } = about.bounds;
    // Bounds beyond the edges are those of the map, and its eastern and southern edges those of the last tiles.
    let last = (1u64 << tile.z.min(MAX_ZOOM)) - 1;
    let of = |steps: f64| ((steps.max(0.0) as u64) >> (32 - tile.z.min(MAX_ZOOM))).min(last);
    let (column, row) = (|lon| of(mercator::column(lon)), |lat| of(mercator::row(lat)));
    let (x, y) = (u64::from(tile.x), u64::from(tile.y));
    let (first, last) = (column(west), column(east));
    // A box across the antimeridian has its west to the east of its east.
    let columns = if west <= east { (first..=last).contains(&x) } else { x >= first || x <= last };
    (about.min_zoom..=about.max_zoom).contains(&tile.z) && columns && (row(north)..=row(south)).contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::read::Kind;
    use serde_json::{Value, json};

    fn about(west: f64, east: f64) -> About {
        let bounds = LonLatBounds { west, south: 49.0, east, north: 61.0 };
        let tile_json =
            TileJson::read(br#"{"heat": {"version": 1, "rows": 5, "used": 3}, "description": "d"}"#).unwrap();
        let tile_json = tile_json.tile_json;
        About {
            min_zoom: 2,
            max_zoom: 10,
            bounds,
            tile_json,
            container: Container::PmTiles,
            kind: Kind::Png,
            side: None,
            dense: false,
            dense_only: false,
            doubt: None,
        }
    }

    #[test]
    fn absence_means_zero_only_where_the_set_covers_the_place() {
        let covered = |about: &About, z, x, y| covers(about, TileCoord { z, x, y });
        let britain = about(-8.0, 2.0);
        assert!(covered(&britain, 2, 1, 1) && covered(&britain, 2, 2, 1));
        assert!(!covered(&britain, 2, 0, 1) && !covered(&britain, 2, 1, 2) && !covered(&britain, 1, 0, 0));
        assert!(!covered(&britain, 11, 1000, 700));
        let fiji = about(170.0, -170.0);
        assert!(covered(&fiji, 2, 0, 1) && covered(&fiji, 2, 3, 1) && !covered(&fiji, 2, 1, 1));
        assert!(covered(&about(-180.0, 180.0), 2, 3, 1));
    }

    #[test]
    fn tile_json_has_absolute_addresses_and_passes_the_rest_on() {
        let text = tile_json(&about(-8.0, 2.0), "a", "a", "https://x.test/p").unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["tiles"], json!(["https://x.test/p/a/{z}/{x}/{y}.png"]));
        assert_eq!(value["pmtiles"], "https://x.test/p/a.pmtiles");
        assert_eq!((&value["tilejson"], &value["name"]), (&json!("3.0.0"), &json!("a")));
        assert_eq!((&value["minzoom"], &value["maxzoom"]), (&json!(2), &json!(10)));
        assert_eq!(
            (&value["tileSize"], &value["tile_size"], &value["format"]),
            (&json!(256), &Value::Null, &json!("png"))
        );
        let dense = About { kind: Kind::Webp, side: Some(512), dense: true, dense_only: true, ..about(-8.0, 2.0) };
        let dense: Value = serde_json::from_str(&tile_json(&dense, "a", "a", "https://x.test").unwrap()).unwrap();
        assert_eq!(dense["tiles"], json!(["https://x.test/a/{z}/{x}/{y}@2x.webp"]));
        assert_eq!(
            (&dense["tileSize"], &dense["tile_size"], &dense["format"]),
            (&json!(256), &json!(512), &json!("webp"))
        );
        assert_eq!((&value["heat"]["used"], &value["description"]), (&json!(3), &json!("d")));
    }
}
