//! The map page as the server's own: the page that stands beside a tile folder, told to ask this server for its
//! layers, and the Content-Security-Policy that lets it do just what it does. What it looks like is in assets.

use std::fs;
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use sha2::{Digest, Sha256};

use super::headers::tag_of;
use super::layers::Named;
use crate::container::page::{self, Layer, Shown};
use crate::error::{Error, Result};

/// Most bytes of a library's file.
const LARGEST: u64 = 32 << 20;

/// Where the page loads OpenLayers from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Library {
    /// The version the page was made for, from a public network.
    #[default]
    Network,
    /// A base address that holds `ol.css` and `dist/ol.js`, as the package has them.
    Url(String),
    /// A local folder of the same shape, or one with both files in it.
    Folder(PathBuf),
}

/// The page and what goes with it.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) text: Bytes,
    pub(super) tag: String,
    pub(super) policy: String,
    /// Names, types and bytes of a local library.
    pub(super) library: Vec<(&'static str, &'static str, Bytes)>,
}

impl Page {
    pub(super) fn new(layers: &[Named], library: &Library) -> Result<Self> {
        let layers = layers.iter().map(|l| Layer { name: &l.name, url: format!("{}.json", l.name) }).collect();
        let (base, files) = match library {
            Library::Network => (None, Vec::new()),
            Library::Url(url) => (Some(url_base(url)?), Vec::new()),
            Library::Folder(folder) => (Some("ol".to_owned()), local(folder)?),
        };
        let text = page::page(&Shown::Layers { layers })?;
        let text = match &base {
            Some(base) if files.is_empty() => {
                page::with_library(&text, &format!("{base}/dist/ol.js"), &format!("{base}/ol.css"))
            }
            Some(base) => page::with_library(&text, &format!("{base}/ol.js"), &format!("{base}/ol.css")),
            None => text,
        };
        let policy = policy(&text);
        Ok(Self { tag: tag_of(text.as_bytes()), text: text.into(), policy, library: files })
    }
}

/// Scripts and styles: those in the page by their hash, those beside it by their address; pictures from here and from
/// the base maps; data from here. Nothing else.
fn policy(text: &str) -> String {
    let own = |open: &str, close: &str| {
        let hashes = text.split(open).skip(1).filter_map(|rest| rest.split(close).next());
        hashes.map(|inline| format!(" 'sha256-{}'", base64(&Sha256::digest(inline.as_bytes())))).collect::<String>()
    };
    let from = |attribute: &str| {
        let address = text.split(attribute).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        // An address without a scheme is on this server.
        if address.contains("://") { address.to_owned() } else { "'self'".to_owned() }
    };
    let (script, style) = (from("<script src=\""), from("<link rel=\"stylesheet\" href=\""));
    format!(
        "default-src 'none'; script-src {script}{}; style-src {style}{}; img-src 'self' data: blob: \
         https://*.basemaps.cartocdn.com https://tile.openstreetmap.org; connect-src 'self'; base-uri 'none'; \
         form-action 'none'",
        own("<script>", "</script>"),
        own("<style>", "</style>"),
    )
}

/// An address that can stand in an attribute and in a policy.
fn url_base(url: &str) -> Result<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~:@%[]+".contains(&b);
    let web = url.starts_with("http://") || url.starts_with("https://");
    if !web || !url.bytes().all(plain) {
        return Err(Error::Usage(format!(
            "'{url}' is neither a folder nor a plain web address of OpenLayers; name what holds ol.css and dist/ol.js"
        )));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn local(folder: &Path) -> Result<Vec<(&'static str, &'static str, Bytes)>> {
    let read = |name, kind, places: [&str; 2]| {
        let path = places.map(|p| folder.join(p)).into_iter().find(|p| p.is_file()).ok_or_else(|| {
            Error::Usage(format!("{} holds no {}; name the folder of the package ol", folder.display(), places[0]))
        })?;
        let length = fs::metadata(&path).map_err(|e| Error::io("read", &path, e))?.len();
        if length > LARGEST {
            return Err(Error::Usage(format!("{} has {length} bytes: that is not OpenLayers", path.display())));
        }
        Ok((name, kind, fs::read(&path).map_err(|e| Error::io("read", &path, e))?.into()))
    };
    Ok(vec![
        read("ol.js", "text/javascript; charset=utf-8", ["dist/ol.js", "ol.js"])?,
        read("ol.css", "text/css; charset=utf-8", ["ol.css", "dist/ol.css"])?,
    ])
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
            text.push(if i <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_standard_has_it() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_policy_names_what_the_page_holds() {
        let page = Page::new(&[], &Library::Network).unwrap();
        assert_eq!(page.policy.matches("'sha256-").count(), 2, "{}", page.policy);
        assert!(page.policy.contains("/dist/ol.js") && page.policy.contains("/ol.css"));
        assert!(!page.policy.contains("unsafe"));
        let other = Page::new(&[], &Library::Url("https://cdn.test/ol/".to_owned())).unwrap();
        assert!(other.policy.contains("script-src https://cdn.test/ol/dist/ol.js "), "{}", other.policy);
        assert!(!String::from_utf8_lossy(&other.text).contains("integrity"));
        assert!(Page::new(&[], &Library::Url("javascript:alert(1)".to_owned())).is_err());
        assert!(Page::new(&[], &Library::Url("https://a/\" onload=\"".to_owned())).is_err());
    }
}
