//! The map page beside a tile folder: one file of HTML that shows the tiles over a base map. The metadata is put into
//! it, so that the page works from a static host and from disk alike.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::heat::TileJson;

const PAGE: &str = include_str!("../../assets/page.html");
const PLACE: &str = "\"METADATA\"";

/// What a page is told.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Shown<'a> {
    /// The one set that it lies beside.
    Set(&'a TileJson),
    /// Layers of a server, whose metadata it asks for.
    Layers {
        /// In the order of the choice.
        layers: Vec<Layer<'a>>,
    },
}

/// A layer of a server.
#[derive(Debug, Clone, Serialize)]
pub struct Layer<'a> {
    /// Its name in addresses.
    pub name: &'a str,
    /// Where its metadata is.
    pub url: String,
}

/// The page that shows this.
pub fn page(shown: &Shown<'_>) -> Result<String> {
    let text = serde_json::to_string(shown).map_err(|e| Error::Internal(e.to_string()))?;
    // Inside a script element only `<` could end it; in JSON strings it may be written so.
    Ok(PAGE.replacen(PLACE, &text.replace('<', "\\u003c"), 1))
}

/// The page with OpenLayers from other addresses, which are taken as they are: whoever runs them answers for them.
pub fn with_library(page: &str, script: &str, style: &str) -> String {
    let page = replace_tag(page, "<link rel=\"stylesheet\"", &format!("<link rel=\"stylesheet\" href=\"{style}\">"));
    replace_tag(&page, "<script src=", &format!("<script src=\"{script}\">"))
}

/// Puts `with` where the first tag starts that begins so.
fn replace_tag(page: &str, begins: &str, with: &str) -> String {
    let start = page.find(begins).unwrap_or(page.len());
    let (before, rest) = page.split_at(start);
    let after = rest.find('>').map_or("", |end| &rest[end + 1..]);
    if rest.is_empty() { before.to_owned() } else { format!("{before}{with}{after}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heat::Text;

    #[test]
    fn the_metadata_is_in_the_page_and_stays_there() {
        let name = "</script><script>alert(1)</script><!--";
        let set = TileJson { name: Some(Text::cut(name)), ..TileJson::default() };
        let page = page(&Shown::Set(&set)).unwrap();
        assert!(!page.contains(PLACE));
        assert!(!page.contains("<script>alert"));
        let start = page.find(r#"type="application/json">"#).unwrap() + r#"type="application/json">"#.len();
        let text = &page[start..start + page[start..].find("</script>").unwrap()];
        let told = TileJson::read(text.as_bytes()).unwrap();
        assert_eq!(told.tile_json.name.as_deref(), Some(name));
    }
}
