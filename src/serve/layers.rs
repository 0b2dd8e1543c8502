//! The sets that are served and the names they have in addresses. Names need no escaping, so a request path can be
//! compared as it comes, byte by byte, and is never decoded.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use super::body::Room;
use super::gate::Gate;
use crate::container::read::{About, Directories, TileSource, Trouble, Wait, cannot_serve};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::paper::legend;

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
    /// What it says of itself and is not believed, in a few words.
    pub doubt: Option<String>,
    /// Why nothing of it can be served as yet: it is looked at again whenever it is asked for.
    pub problem: Option<String>,
}

/// A set that is served.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) source: TileSource,
    /// The way to its disk.
    pub(super) gate: Gate,
    /// Room for its large answers.
    pub(super) room: Room,
    drawn: Mutex<Option<Drawn>>,
}

/// The picture of a legend, `None` where there is none, and what it was drawn from.
type Drawn = (Arc<About>, Option<Bytes>);

impl Layer {
    /// The picture of the legend of this state of the set, if it was drawn already.
    pub(super) fn drawn(&self, about: &Arc<About>) -> Option<Option<Bytes>> {
        let drawn = self.drawn.try_lock().ok()?;
        drawn.as_ref().filter(|(of, _)| Arc::ptr_eq(of, about)).map(|(_, picture)| picture.clone())
    }

    /// Draws it, once for each state of the set.
    pub(super) fn draw(&self, about: &Arc<About>) -> Result<Option<Bytes>, Trouble> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, picture)) = drawn.as_ref().filter(|(of, _)| Arc::ptr_eq(of, about)) {
            return Ok(picture.clone());
        }
        let legend = about.tile_json.heat.as_ref().and_then(legend::of_heat);
        let picture = legend.map(|legend| legend::png(&legend)).transpose();
        let picture = picture.map_err(|e| Trouble::Damaged(e.to_string()))?.map(Bytes::from);
        *drawn = Some((about.clone(), picture.clone()));
        Ok(picture)
    }
}

/// All layers, in the order a person gave them.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) named: Vec<Named>,
    layers: Vec<Arc<Layer>>,
}

impl Layers {
    /// Opens all sets. One that cannot be read, or whose disk does not answer, keeps none of the others from being
    /// served. Fails where there is nothing at a path, and where nothing could be served.
    pub(super) fn open(paths: &[PathBuf], monitor: &Monitor) -> Result<Self> {
        let mut used: HashSet<String> = TAKEN.iter().map(|&name| name.to_owned()).collect();
        let mut layers = Self { named: Vec::new(), layers: Vec::new() };
        let directories = Arc::new(Directories::default());
        for (path, found) in paths.iter().zip(found(paths, &directories, monitor)?) {
            let Found { source, stem, doubt } = found;
            let name = unique(&stem, &used);
            used.insert(name.clone());
            let problem = source.problem();
            layers.named.push(Named { name: name.clone(), path: path.clone(), doubt, problem });
            let (gate, room) = (Gate::default(), Room::for_layer());
            layers.layers.push(Arc::new(Layer { name, source, gate, room, drawn: Mutex::default() }));
        }
        if let Some(Named { path, problem: Some(problem), .. }) = layers.named.first()
            && layers.named.iter().all(|layer| layer.problem.is_some())
        {
            return Err(cannot_serve(path, problem));
        }
        Ok(layers)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<Layer>> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.layers.iter()
    }
}

/// A set that was looked at.
struct Found {
    source: TileSource,
    /// The name it would have.
    stem: String,
    doubt: Option<String>,
}

impl Found {
    fn look(path: &Path, directories: &Arc<Directories>) -> Result<Self> {
        let source = TileSource::open(path, directories)?;
        let doubt = source.about(Wait::Allowed).ok().and_then(|about| about.doubt.clone());
        Ok(Self { source, stem: safe(path), doubt })
    }

    /// Without a look at the disk.
    fn unseen(path: &Path, directories: &Arc<Directories>) -> Self {
        let is_archive = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pmtiles"));
        let name = if is_archive { path.file_stem() } else { path.file_name() };
        Self { source: TileSource::unopened(path, directories), stem: plain(name), doubt: None }
    }
}

/// How long a disk may take to answer when the server starts, and how long once one has not.
const PATIENCE: Duration = Duration::from_secs(3);
const NO_PATIENCE: Duration = Duration::from_millis(300);

/// What lies at each path, looked at by a thread of its own: one that waits for a disk for ever is left to it.
fn found(paths: &[PathBuf], directories: &Arc<Directories>, monitor: &Monitor) -> Result<Vec<Found>> {
    let mut all: Vec<Found> = Vec::with_capacity(paths.len());
    let mut patience = PATIENCE;
    while let Some(rest) = paths.get(all.len()..).filter(|rest| !rest.is_empty()) {
        let (send, looked) = sync_channel(0);
        let (rest, known) = (rest.to_vec(), directories.clone());
        std::thread::Builder::new()
            .name("opening".into())
            .spawn(move || rest.iter().try_for_each(|path| send.send(Found::look(path, &known))))
            .map_err(|e| Error::Limit(format!("cannot start a thread to open tile sets: {e}")))?;
        let mut since = Instant::now();
        while let Some(path) = paths.get(all.len()) {
            match looked.recv_timeout(LOOK) {
                Ok(found) => {
                    all.push(found?);
                    since = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) if since.elapsed() < patience => monitor.check()?,
                Err(_) => {
                    patience = NO_PATIENCE;
                    all.push(Found::unseen(path, directories));
                    break;
                }
            }
        }
    }
    Ok(all)
}

/// How often who waits for a disk looks for the wish to stop.
const LOOK: Duration = Duration::from_millis(20);

/// The file's stem in letters, digits, dashes and underscores. A dot would do no harm, but then `a.json` could be two
/// things.
fn safe(path: &Path) -> String {
    // "." and "tiles/.." have no name of their own.
    let real = path.file_name().is_none().then(|| path.canonicalize().ok()).flatten();
    let path = real.as_deref().unwrap_or(path);
    plain(if path.is_dir() { path.file_name() } else { path.file_stem() })
}

/// The same of a name.
fn plain(name: Option<&OsStr>) -> String {
    let mut safe = String::new();
    for c in name.map(OsStr::to_string_lossy).unwrap_or_default().chars() {
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
    (2..=u64::MAX).map(|n| format!("{name}-{n}")).find(|n| !used.contains(n)).unwrap_or_default()
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
