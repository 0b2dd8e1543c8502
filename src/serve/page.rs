//! The map page as the server's own: the page that stands beside a tile folder, told to ask this server for its
//! layers, and the Content-Security-Policy that lets it do just what it does. What it looks like is in assets.

use hyper::body::Bytes;
use sha2::{Digest, Sha256};

use super::headers::tag_of;
use super::layers::Named;
use crate::container::base64;
use crate::container::library::{Library, OpenLibrary};
use crate::container::page::{self, Layer, Shown};
use crate::error::Result;

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
        let title = |l: &'_ Named| (l.title != l.name).then(|| l.title.clone());
        let layers =
            layers.iter().map(|l| Layer { name: &l.name, title: title(l), url: format!("{}.json", l.address) });
        let layers = layers.collect();
        let text = page::page(&Shown::Layers { layers })?;
        // What lies in a folder is served from here: the page stays small, and a browser keeps the library.
        let (library, files) = match library.open()? {
            OpenLibrary::Files { script, style } => {
                let files = vec![
                    ("ol.js", "text/javascript; charset=utf-8", script.into()),
                    ("ol.css", "text/css; charset=utf-8", style.into()),
                ];
                (OpenLibrary::At { script: "ol/ol.js".into(), style: "ol/ol.css".into() }, files)
            }
            other => (other, Vec::new()),
        };
        let text = page::with_library(&text, &library);
        let policy = policy(&text);
        Ok(Self { tag: tag_of(text.as_bytes()), text: text.into(), policy, library: files })
    }
}

/// Scripts and styles: those in the page by their hash, those beside it by their address; pictures from here and from
/// the base maps; data from here. Nothing else.
fn policy(text: &str) -> String {
    let own = |open: &str, close: &str| {
        let hashes = text.split(open).skip(1).filter_map(|rest| rest.split(close).next());
        let hash = |inline: &str| {
            let mut text = String::new();
            base64::encode(&Sha256::digest(inline.as_bytes()), &mut text);
            format!(" 'sha256-{text}'")
        };
        hashes.map(hash).collect::<String>()
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

#[cfg(test)]
mod tests {
    use super::*;

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
