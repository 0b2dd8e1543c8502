//! What a request path means. Paths are compared as they come and never decoded: names are made of letters, digits, dashes
//! and underscores, of which those beyond ASCII are escaped; so any other escape, a dot segment or a NUL cannot mean anything.
//! Whether the thing exists is left to `answer`.

use crate::container::read::Kind;
use crate::tile::TileCoord;

/// Highest zoom a path may name; beyond it the number is nonsense.
const HIGHEST: u8 = 30;

/// The thing a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The map page.
    Page,
    /// Whether all is well.
    Health,
    /// The states of all layers, by which a page sees that one was made anew.
    States,
    /// A part of the local copy of OpenLayers.
    Library(&'a str),
    /// `/{layer}.json`
    TileJson(&'a str),
    /// `/{layer}.pmtiles`
    Archive(&'a str),
    /// `/{layer}/legend.png`
    Legend(&'a str),
    /// `/{layer}/{z}/{x}/{y}.png`, or another kind of picture, or `@2x.png` for twice the pixels
    Tile(&'a str, TileCoord, Wanted),
    /// A path of a form that is not served.
    Unknown,
    /// A path that no program would ask for, with what is wrong.
    Nonsense(&'static str),
}

/// The picture that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) kind: Kind,
    /// Whether with twice the pixels.
    pub(super) dense: bool,
}

impl Wanted {
    /// What the ending of a tile's name asks for.
    fn of(ending: &str) -> Option<Self> {
        let (dense, ending) = ending
            .strip_prefix("@2x")
            .or_else(|| ending.strip_prefix("%402x"))
            .map_or((false, ending), |ending| (true, ending));
        let kind = match ending {
            ".png" => Kind::Png,
            ".jpg" | ".jpeg" => Kind::Jpeg,
            ".webp" => Kind::Webp,
            ".avif" => Kind::Avif,
            ".gif" => Kind::Gif,
            _ => return None,
        };
        Some(Self { kind, dense })
    }
}

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~+@,:=&!$'()*;%".contains(&b);
        let escapes = |escape: &str| is_beyond_ascii(escape) || escape.starts_with("402x.");
        if !path.bytes().all(plain) || !path.split('%').skip(1).all(escapes) {
            return Self::Nonsense(
                "no address here has special characters, or escapes of ASCII ones but for %40 in %402x",
            );
        }
        let Some(path) = path.strip_prefix('/') else {
            return Self::Nonsense("an address starts with a slash");
        };
        if path.split('/').any(|part| part == "." || part == "..") {
            return Self::Nonsense("no address here has dot segments");
        }
        let mut parts = path.split('/');
        let four = (parts.next().unwrap_or_default(), parts.next(), parts.next(), parts.next(), parts.next());
        match four {
            ("" | "index.html", None, ..) => Self::Page,
            ("health", None, ..) => Self::Health,
            ("states", None, ..) => Self::States,
            ("ol", Some(file), None, ..) => Self::Library(file),
            (file, None, ..) => match file.rsplit_once('.') {
                Some((layer, "json")) => Self::TileJson(layer),
                Some((layer, "pmtiles")) => Self::Archive(layer),
                _ => Self::Unknown,
            },
            (layer, Some("legend.png"), None, ..) => Self::Legend(layer),
            (layer, Some(z), Some(x), Some(name), None) => {
                let (y, ending) = name.split_at(name.find(['.', '@', '%']).unwrap_or(name.len()));
                let Some(wanted) = Wanted::of(ending) else { return Self::Unknown };
                tile(z, x, y)
                    .map_or(Self::Nonsense("a tile is /layer/z/x/y.png: plain numbers, x and y below 2^z"), |tile| {
                        Self::Tile(layer, tile, wanted)
                    })
            }
            _ => Self::Unknown,
        }
    }
}

/// Whether what follows a percent sign stands for a byte of a letter beyond ASCII.
fn is_beyond_ascii(escape: &str) -> bool {
    escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).is_some_and(|byte| !byte.is_ascii())
}

fn tile(z: &str, x: &str, y: &str) -> Option<TileCoord> {
    let z = u8::try_from(number(z)?).ok().filter(|z| *z <= HIGHEST)?;
    let (x, y) = (number(x)?, number(y)?);
    (x >> z == 0 && y >> z == 0).then_some(TileCoord { z, x, y })
}

/// A number in its one usual form: digits only, no leading zero.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found() {
        let tile = TileCoord { z: 3, x: 7, y: 0 };
        for (path, route) in [
            ("/", Route::Page),
            ("/index.html", Route::Page),
            ("/health", Route::Health),
            ("/states", Route::States),
            ("/a.json", Route::TileJson("a")),
            ("/a.pmtiles", Route::Archive("a")),
            ("/a/legend.png", Route::Legend("a")),
            ("/a-2/3/7/0.png", Route::Tile("a-2", tile, Wanted { kind: Kind::Png, dense: false })),
            ("/a/3/7/0.jpg", Route::Tile("a", tile, Wanted { kind: Kind::Jpeg, dense: false })),
            ("/a/3/7/0%402x.webp", Route::Tile("a", tile, Wanted { kind: Kind::Webp, dense: true })),
            ("/a/3/7/0@2x.webp", Route::Tile("a", tile, Wanted { kind: Kind::Webp, dense: true })),
            ("/ol/ol.js", Route::Library("ol.js")),
            ("/%E6%9D%B1%e4%ba%ac.json", Route::TileJson("%E6%9D%B1%e4%ba%ac")),
            ("/%C5%81-2/legend.png", Route::Legend("%C5%81-2")),
            ("/a", Route::Unknown),
            ("/a/", Route::Unknown),
            ("//", Route::Unknown),
            ("/a/3/7/0.pbf", Route::Unknown),
            ("/a/3/7/0@3x.png", Route::Unknown),
            ("/a/3/7/0", Route::Unknown),
            ("/a/3/7/0.png/", Route::Unknown),
            ("/a/3/7/0.png/x", Route::Unknown),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }

    #[test]
    fn nonsense_is_told_apart() {
        for path in [
            "",
            "*",
            "a",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/a",
            "/a%2f0/0/0.png",
            "/%41.json",
            "/%",
            "/%e",
            "/%+e.json",
            "/%E6%2e.json",
            "/a%00.json",
            "/a\0",
            "/a\\b",
            "/ä",
            "/a b",
            "/a/8/8/-1.png",
            "/a/3/8/0.png",
            "/a/3/07/0.png",
            "/a/3/+7/0.png",
            "/a/31/0/0.png",
            "/a/256/0/0.png",
            "/a/4294967296/0/0.png",
            "/a/3/99999999999999999999/0.png",
            "/a/3/1e0/0.png",
            "/a//0/0.png",
            "/a/0/0/.png",
            "/a/0x0/0/0.png",
        ] {
            assert!(matches!(Route::of(path), Route::Nonsense(_)), "{path}: {:?}", Route::of(path));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_survived(path in "\\PC{0,60}") {
            let _ = Route::of(&path);
        }
    }
}
