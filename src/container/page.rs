//! The map page beside a tile folder: one file of HTML that shows the tiles over a base map, put together from the parts
//! in assets/page. The metadata is put into it, so that the page works from a static host and from disk alike.

use std::path::Path;

use serde::Serialize;

use super::library::OpenLibrary;
use crate::error::{Error, Result};
use crate::heat::TileJson;
use crate::staging::check_head;

const PAGE: &str = concat!(
    include_str!("../../assets/page/head.html"),
    "<style>\n",
    include_str!("../../assets/page/page.css"),
    "</style>\n</head>\n<body>\n",
    include_str!("../../assets/page/page.html"),
    "\n<script id=\"coastline\" type=\"text/plain\">",
    include_str!("../../assets/coastline.txt"),
    "</script>\n",
    include_str!("../../assets/page/scripts.html"),
    "<script>\n\"use strict\";\n",
    include_str!("../../assets/page/words.js"),
    include_str!("../../assets/page/address.js"),
    include_str!("../../assets/page/panels.js"),
    include_str!("../../assets/page/legend.js"),
    include_str!("../../assets/page/coast.js"),
    include_str!("../../assets/page/archive.js"),
    include_str!("../../assets/page/heat.js"),
    include_str!("../../assets/page/watch.js"),
    include_str!("../../assets/page/picture.js"),
    include_str!("../../assets/page/map.js"),
    "</script>\n</body>\n</html>\n",
);
const PLACE: &str = "\"METADATA\"";
/// The tag behind which the tiles lie of a page that holds them; null in every other.
const TILES: &str = "<script id=\"tiles\" type=\"application/json\">";
/// By what pages are known again.
const OURS: &str = "<meta name=\"generator\" content=\"tilefire\">";

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
    /// Its name for people, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where its metadata is.
    pub url: String,
}

/// The page that shows this.
pub fn page(shown: &Shown<'_>) -> Result<String> {
    let text = serde_json::to_string(shown).map_err(|e| Error::Internal(e.to_string()))?;
    // Inside a script element only `<` could end it; in JSON strings it may be written so.
    Ok(PAGE.replacen(PLACE, &text.replace('<', "\\u003c"), 1))
}

/// The page with OpenLayers from where a person wants it; whoever runs other addresses answers for them.
pub fn with_library(page: &str, library: &OpenLibrary) -> String {
    let (style, script) = match library {
        OpenLibrary::Network => return page.to_owned(),
        OpenLibrary::At { script, style } => {
            (format!("<link rel=\"stylesheet\" href=\"{style}\">"), format!("<script src=\"{script}\">"))
        }
        // In a page's own text these two would end it.
        OpenLibrary::Files { script, style } => (
            format!("<style>{}</style>", style.replace("</style", "<\\/style")),
            format!("<script>{}", script.replace("</script", "<\\/script")),
        ),
    };
    let page = replace_tag(page, "<link rel=\"stylesheet\"", &style);
    replace_tag(&page, "<script src=", &script)
}

/// Puts `with` where the first tag starts that begins so.
fn replace_tag(page: &str, begins: &str, with: &str) -> String {
    let start = page.find(begins).unwrap_or(page.len());
    let (before, rest) = page.split_at(start);
    let after = rest.find('>').map_or("", |end| &rest[end + 1..]);
    if rest.is_empty() { before.to_owned() } else { format!("{before}{with}{after}") }
}

/// The text of a page before and after the place of the tiles that it is to hold.
pub fn around_tiles(page: &str) -> Result<(&str, &str)> {
    let parts = page.split_once(TILES).map(|(before, after)| (before, after.strip_prefix("null")));
    let (before, Some(after)) = parts.unwrap_or(("", None)) else {
        return Err(Error::Internal("the page has no place for tiles".into()));
    };
    Ok((&page[..before.len() + TILES.len()], after))
}

/// Ok where the page at `path` was made here, so that another may take its place.
pub fn check(path: &Path) -> Result<()> {
    check_head(path, "map page", is_ours)
}

/// Whether a file that begins so is a page that was made here.
fn is_ours(head: &[u8]) -> bool {
    let begins = |head: &[u8], text: &str| head.windows(text.len()).any(|part| part == text.as_bytes());
    head.starts_with(b"<!doctype html>") && begins(head, OURS)
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
        assert!(is_ours(page.as_bytes()) && !is_ours(b"<!doctype html><title>Mine</title>"));
    }

    #[test]
    fn a_page_has_one_place_for_tiles_and_one_for_the_library() {
        let page = page(&Shown::Set(&TileJson::default())).unwrap();
        let (before, after) = around_tiles(&page).unwrap();
        assert_eq!(format!("{before}null{after}"), page);
        assert!(around_tiles("<p>").is_err());
        let files = OpenLibrary::Files { script: "let a = '</script>';".into(), style: "b { }".into() };
        let whole = with_library(&page, &files);
        assert!(whole.contains(r"let a = '<\/script>';</script>") && whole.contains("<style>b { }</style>"));
        assert!(!whole.contains("<script src=") && !whole.contains("<link rel=\"stylesheet\""));
        assert_eq!(whole.matches("</script>").count(), page.matches("</script>").count());
    }
}
