//! OpenLayers, which draws the map of a page: from a public network, from an address of one's own, or from a folder, whose
//! files a page can hold within itself.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Most bytes of a library's file.
const LARGEST: u64 = 32 << 20;

/// Where a page loads OpenLayers from.
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

/// The same, looked at and read.
#[derive(Debug, Clone, Default)]
pub enum OpenLibrary {
    /// As the page has it.
    #[default]
    Network,
    /// Addresses of the script and of the style.
    At {
        /// Of `ol.js`.
        script: String,
        /// Of `ol.css`.
        style: String,
    },
    /// The files themselves.
    Files {
        /// `ol.js`.
        script: String,
        /// `ol.css`.
        style: String,
    },
}

impl Library {
    /// What a person names: a folder that is there, or else an address.
    pub fn named(place: &str) -> Self {
        if Path::new(place).is_dir() { Self::Folder(place.into()) } else { Self::Url(place.to_owned()) }
    }

    /// Checks an address, reads a folder. Fails with [`Error::Usage`] where it is neither, or holds no OpenLayers.
    pub fn open(&self) -> Result<OpenLibrary> {
        match self {
            Self::Network => Ok(OpenLibrary::Network),
            Self::Url(url) => {
                let base = url_base(url)?;
                Ok(OpenLibrary::At { script: format!("{base}/dist/ol.js"), style: format!("{base}/ol.css") })
            }
            Self::Folder(folder) => Ok(OpenLibrary::Files {
                script: read(folder, ["dist/ol.js", "ol.js"])?,
                style: read(folder, ["ol.css", "dist/ol.css"])?,
            }),
        }
    }
}

/// An address that can stand in an attribute and in a policy.
fn url_base(url: &str) -> Result<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~:@%[]+".contains(&b);
    let web = url.starts_with("http://") || url.starts_with("https://");
    if !web || !url.bytes().all(plain) {
        return Err(Error::Usage(format!(
            "'{url}' is neither a folder nor a plain web address of OpenLayers; name what holds ol.css and dist/ol.js, \
             such as node_modules/ol or https://example.org/ol"
        )));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn read(folder: &Path, places: [&str; 2]) -> Result<String> {
    let path = places.map(|p| folder.join(p)).into_iter().find(|p| p.is_file()).ok_or_else(|| {
        Error::Usage(format!("{} holds no {}; name the folder of the package ol", folder.display(), places[0]))
    })?;
    let length = fs::metadata(&path).map_err(|e| Error::io("read", &path, e))?.len();
    if length > LARGEST {
        return Err(Error::Usage(format!("{} has {length} bytes: that is not OpenLayers", path.display())));
    }
    fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))
}
