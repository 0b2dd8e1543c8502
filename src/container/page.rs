//! The map page beside a tile folder: one file of HTML that shows the tiles over a base map. The metadata is put into
//! it, so that the page works from a static host and from disk alike.

use serde_json::Value;

const PAGE: &str = include_str!("../../assets/page.html");
const PLACE: &str = "\"METADATA\"";

/// The page for a tile set with this metadata. Of `heat` it shows what is there: `used`, `rows`, `left_out` (reason ->
/// rows), `function`, `span`, `colormap`, `spread`, `min_count`, `colour_error`, `theme`, `background`; for the legend
/// `legend.title`, `ramp` (colours, evenly spaced) and `zooms` (zoom -> `ticks` of a count, its place along the ramp
/// and how people read it, such as [12000, 0.8, "12k"]).
pub fn page(metadata: &Value) -> String {
    // Inside a script element only `<` could end it; in JSON strings it may be written so.
    PAGE.replacen(PLACE, &metadata.to_string().replace('<', "\\u003c"), 1)
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
    use serde_json::json;

    #[test]
    fn the_metadata_is_in_the_page_and_stays_there() {
        let metadata = json!({"name": "</script><script>alert(1)</script><!--", "heat": {"points": 3}});
        let page = page(&metadata);
        assert!(!page.contains(PLACE));
        assert!(!page.contains("<script>alert"));
        let start = page.find(r#"type="application/json">"#).unwrap() + r#"type="application/json">"#.len();
        let text = &page[start..start + page[start..].find("</script>").unwrap()];
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), metadata);
    }
}
