//! The sets that are served and the names they have in addresses. Names need no escaping, so a request path can be
//! compared as it comes, byte by byte, and is never decoded.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::container::read::TileSource;
use crate::error::Result;

/// Names that mean something else in an address.
const TAKEN: [&str; 2] = ["health", "ol"];
const LONGEST: usize = 64;

/// A layer's name and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name in addresses.
    pub name: String,
    /// The folder or file.
    pub path: PathBuf,
}

/// All layers, in the order a person gave them.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) named: Vec<Named>,
    sources: Vec<TileSource>,
}

impl Layers {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut used: HashSet<String> = TAKEN.iter().map(|&name| name.to_owned()).collect();
        let mut layers = Self { named: Vec::new(), sources: Vec::new() };
        for path in paths {
            layers.sources.push(TileSource::open(path)?);
            let name = unique(&safe(path), &used);
            used.insert(name.clone());
            layers.named.push(Named { name, path: path.clone() });
        }
        Ok(layers)
    }

    pub(super) fn find(&self, name: &str) -> Option<&TileSource> {
        let place = self.named.iter().position(|n| n.name == name)?;
        self.sources.get(place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &TileSource)> {
        self.named.iter().map(|n| n.name.as_str()).zip(&self.sources)
    }
}

/// The file's stem in letters, digits, dashes and underscores. A dot would do no harm, but then `a.json` could be two
/// things.
fn safe(path: &Path) -> String {
    // "." and "tiles/.." have no name of their own.
    let real = path.file_name().is_none().then(|| path.canonicalize().ok()).flatten();
    let path = real.as_deref().unwrap_or(path);
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    let mut safe = String::new();
    for c in name.map(|n| n.to_string_lossy()).unwrap_or_default().chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            safe.push(c);
        } else if !safe.is_empty() && !safe.ends_with('-') {
            safe.push('-');
        }
        if safe.len() >= LONGEST {
            break;
        }
    }
    let safe = safe.trim_end_matches('-');
    if safe.is_empty() { "tiles".to_owned() } else { safe.to_owned() }
}

/// The name itself, or with the first number that makes it unlike those used.
fn unique(name: &str, used: &HashSet<String>) -> String {
    if !used.contains(name) {
        return name.to_owned();
    }
    (2u64..).map(|n| format!("{name}-{n}")).find(|n| !used.contains(n)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_no_escaping_and_differ() {
        let name = |path: &str| safe(Path::new(path));
        assert_eq!(name("data/accidents 2015.pmtiles"), "accidents-2015");
        assert_eq!(name("../a.b.pmtiles"), "a-b");
        assert_eq!(name("%2e%2e/…"), "tiles");
        assert_eq!(name(&"x".repeat(300)).len(), LONGEST);
        let mut used: HashSet<String> = ["health".to_owned()].into();
        for expected in ["health-2", "health-3"] {
            let name = unique("health", &used);
            assert_eq!(name, expected);
            used.insert(name);
        }
    }
}
