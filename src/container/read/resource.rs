//! `tilemapresource.xml`, by which a folder says that it is made by the rules of TMS: rows are counted from the south. Only
//! the few values that matter are looked for; the box in it is left, because programs mean different things by it.

/// Its name in the folder, and the most bytes of it that are read.
pub(super) const NAME: &str = "tilemapresource.xml";
pub(super) const LONGEST: u64 = 256 << 10;

/// What matters of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Resource {
    pub(super) title: Option<String>,
    /// A projection that is not Web Mercator.
    pub(super) other_projection: Option<String>,
}

impl Resource {
    /// `None` where it is no such file.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        if !text.contains("<TileMap") {
            return None;
        }
        let profile = text.split_once("<TileSets").and_then(|(_, rest)| attribute(rest, "profile"));
        let system = element(&text, "SRS");
        let is_mercator = match profile.as_deref() {
            Some("mercator" | "global-mercator") => true,
            // Older programs write "none" or "local" and mean what the SRS says.
            Some("geodetic" | "global-geodetic" | "raster") => false,
            _ => system.as_deref().is_none_or(|system| {
                ["3857", "900913", "3785", "102100", "102113", "41001"].iter().any(|code| system.contains(code))
                    || system.contains("Mercator")
            }),
        };
        let what = profile.map(|profile| format!("profile {profile}")).or(system).unwrap_or_default();
        let title = element(&text, "Title").filter(|title| !title.is_empty());
        Some(Self { title, other_projection: (!is_mercator).then_some(what) })
    }
}

/// The text of the first element of a name.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once("</")?;
    Some(plain(inner))
}

/// An attribute of the tag whose name ends right before `tag`.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (tag, _) = tag.split_once('>')?;
    let (_, rest) = tag.split_once(&format!(" {name}="))?;
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, _) = rest[1..].split_once(quote)?;
    Some(plain(value))
}

/// Text without the few escapes of XML, cut where it is long.
fn plain(text: &str) -> String {
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    let text = escapes.iter().fold(text.trim().to_owned(), |text, (escape, c)| text.replace(escape, c));
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_says_the_projection() {
        let read = |sets: &str, srs: &str| {
            let text =
                format!("<?xml?><TileMap version=\"1.0.0\"><Title>a &amp; b</Title><SRS>{srs}</SRS>{sets}</TileMap>");
            let resource = Resource::read(text.as_bytes()).unwrap();
            assert_eq!(resource.title.as_deref(), Some("a & b"));
            resource.other_projection
        };
        assert_eq!(read("<TileSets profile=\"mercator\">", "EPSG:3857"), None);
        assert_eq!(read("<TileSets profile='global-mercator'>", ""), None);
        assert_eq!(read("<TileSets>", "EPSG:900913"), None);
        assert_eq!(read("<TileSets profile=\"geodetic\">", "EPSG:4326").as_deref(), Some("profile geodetic"));
        assert_eq!(read("<TileSets profile=\"raster\">", "").as_deref(), Some("profile raster"));
        assert_eq!(read("<TileSets>", "EPSG:4326").as_deref(), Some("EPSG:4326"));
        assert_eq!(Resource::read(b"<html>"), None);
    }
}
