//! The sets that are served, their names for people and in addresses. In addresses names have letters and digits of any
//! script; those beyond ASCII are escaped in one way, so a request path can be compared as it comes and is never decoded.

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
    /// The name that tells it from others: letters and digits of any script, dashes and underscores.
    pub name: String,
    /// The same as addresses have it, escaped.
    pub address: String,
    /// The name for people.
    pub title: String,
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
    pub(super) address: String,
    pub(super) title: String,
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
    pub(super) fn open(paths: &[PathBuf], titles: &[String], monitor: &Monitor) -> Result<Self> {
        if titles.len() > paths.len() {
            let (names, layers) = (titles.len(), paths.len());
            return Err(Error::Usage(format!(
                "--name is given {names} times for {layers} layer{}: one for each, in their order, for instance --name 'London \
                 2024'",
                if layers == 1 { "" } else { "s" }
            )));
        }
        if let Some(empty) = titles.iter().find(|title| cleaned(title).is_empty()) {
            return Err(Error::Usage(format!(
                "--name '{empty}' is no name; give one, for instance --name 'London 2024'"
            )));
        }
        let mut used: HashSet<String> = TAKEN.iter().map(|&name| name.to_owned()).collect();
        let mut layers = Self { named: Vec::new(), layers: Vec::new() };
        let directories = Arc::new(Directories::default());
        for (at, (path, found)) in paths.iter().zip(found(paths, &directories, monitor)?).enumerate() {
            let Found { source, stem, doubt } = found;
            let title = titles.get(at).map_or_else(|| cleaned(&stem), |title| cleaned(title));
            let wanted = plain(&title);
            let name = unique(&wanted, &used);
            used.insert(name.clone());
            let address = escaped(&name);
            let problem = source.problem();
            // Two of one name are told apart by their numbers.
            let title = if title.is_empty() || name != wanted { name.clone() } else { title };
            let (path, its) = (path.clone(), (name.clone(), address.clone(), title.clone()));
            layers.named.push(Named { name: its.0, address: its.1, title: its.2, path, doubt, problem });
            let (gate, room) = (Gate::default(), Room::for_layer());
            layers.layers.push(Arc::new(Layer { name, address, title, source, gate, room, drawn: Mutex::default() }));
        }
        if let Some(Named { path, problem: Some(problem), .. }) = layers.named.first()
            && layers.named.iter().all(|layer| layer.problem.is_some())
        {
            return Err(cannot_serve(path, problem));
        }
        Ok(layers)
    }

    /// The layer that a path names, as it is escaped there.
    pub(super) fn find(&self, address: &str) -> Option<&Arc<Layer>> {
        // The digits of an escape may be small.
        let large = |escape: &str| escape.get(..2).map(|digits| digits.to_ascii_uppercase() + &escape[2..]);
        let mut parts = address.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        let address = parts.try_fold(first, |address, escape| Some(address + "%" + &large(escape)?))?;
        self.layers.iter().find(|layer| layer.address == address)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.layers.iter()
    }
}

/// A set that was looked at.
struct Found {
    source: TileSource,
    /// The name of its file.
    stem: String,
    doubt: Option<String>,
}

impl Found {
    fn look(path: &Path, directories: &Arc<Directories>) -> Result<Self> {
        let source = TileSource::open(path, directories)?;
        let doubt = source.about(Wait::Allowed).ok().and_then(|about| about.doubt.clone());
        Ok(Self { source, stem: stem(path), doubt })
    }

    /// Without a look at the disk.
    fn unseen(path: &Path, directories: &Arc<Directories>) -> Self {
        let is_archive = path
            .extension()
            .is_some_and(|ending| ["pmtiles", "mbtiles"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
        let name = if is_archive { path.file_stem() } else { path.file_name() };
        let stem = name.map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
        Self { source: TileSource::unopened(path, directories), stem, doubt: None }
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

/// The file's name without its ending, the folder's name.
fn stem(path: &Path) -> String {
    // "." and "tiles/.." have no name of their own.
    let real = path.file_name().is_none().then(|| path.canonicalize().ok()).flatten();
    let path = real.as_deref().unwrap_or(path);
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map(OsStr::to_string_lossy).unwrap_or_default().into_owned()
}

/// A name for people: one line, and nothing that only changes how others are read.
fn cleaned(name: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let name: String = name.chars().filter(|c| !c.is_control() && !turns(*c)).take(200).collect();
    name.trim().to_owned()
}

/// A name in letters, digits, dashes and underscores. A dot would do no harm, but then `a.json` could be two things.
fn plain(name: &str) -> String {
    let (mut safe, mut length) = (String::new(), 0);
    for c in name.chars() {
        if c.is_alphanumeric() || c == '_' || is_mark(c) {
            safe.push(c);
            length += 1;
        } else if !safe.is_empty() && !safe.ends_with('-') {
            safe.push('-');
            length += 1;
        }
        if length >= LONGEST {
            break;
        }
    }
    let safe = safe.trim_end_matches('-');
    if safe.is_empty() { "tiles".to_owned() } else { safe.to_owned() }
}

/// Marks that belong to the letter before them: accents, and the signs of scripts that write vowels so.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
            | '\u{6d6}'..='\u{6ed}' | '\u{93c}' | '\u{94d}' | '\u{9bc}' | '\u{9cd}' | '\u{a3c}' | '\u{a4d}' | '\u{abc}' | '\u{acd}'
            | '\u{b3c}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{cbc}' | '\u{ccd}' | '\u{d4d}' | '\u{dca}' | '\u{e47}'..='\u{e4e}'
            | '\u{ec8}'..='\u{ecd}' | '\u{f35}'..='\u{f39}' | '\u{1037}'..='\u{103a}' | '\u{17c6}'..='\u{17d3}'
            | '\u{3099}'..='\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
    )
}

/// As addresses have it: what is not ASCII is escaped.
fn escaped(name: &str) -> String {
    name.bytes().map(|b| if b.is_ascii() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
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
    fn names_are_those_of_the_files_and_differ() {
        let name = |path: &str| plain(&cleaned(&stem(Path::new(path))));
        assert_eq!(name("data/accidents 2015.pmtiles"), "accidents-2015");
        assert_eq!(name("../a.b.pmtiles"), "a-b");
        assert_eq!(name("%2e%2e/…"), "tiles");
        assert_eq!(name(&"x".repeat(300)).len(), LONGEST);
        for (path, expected, address) in [
            ("東京.pmtiles", "東京", "%E6%9D%B1%E4%BA%AC"),
            ("Łódź 2024.mbtiles", "Łódź-2024", "%C5%81%C3%B3d%C5%BA-2024"),
            // An accent of its own, as some systems write names; a sign that joins letters.
            ("Cafe\u{301}.pmtiles", "Cafe\u{301}", "Cafe%CC%81"),
            ("हिन्दी", "हिन्दी", "%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80"),
            ("a\u{202e}b\n", "ab", "ab"),
            ("🗺", "tiles", "tiles"),
        ] {
            assert_eq!((name(path).as_str(), escaped(&name(path)).as_str()), (expected, address));
        }
        assert_eq!(cleaned(" Łódź 2024\u{200f}\r\n"), "Łódź 2024");
        let mut used: HashSet<String> = ["health".to_owned()].into();
        for expected in ["health-2", "health-3"] {
            let name = unique("health", &used);
            assert_eq!(name, expected);
            used.insert(name);
        }
    }
}
