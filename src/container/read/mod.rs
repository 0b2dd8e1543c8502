//! Reading a finished tile set, folder, PMTiles or MBTiles, ours or anyone's, tile by tile, while someone may replace it: every answer is checked
//! against what lies at the path now, and a changed set is opened anew. Nothing read is trusted: a damaged set gives
//! an error that names the tile. How tiles travel to whoever wants them is not decided here.

mod archive;
mod blank;
mod cache;
mod covered;
#[cfg_attr(not(feature = "mbtiles"), path = "database_absent.rs")]
mod database;
mod directory;
mod folder;
mod layout;
mod picture;
mod resource;
mod stamp;
mod system;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use self::archive::Archive;
pub use self::cache::Directories;
use self::database::Database;
use self::folder::Folder;
pub use self::picture::Kind;
use self::stamp::{Stamp, Watched};
use crate::error::{Error, Result};
use crate::heat::TileJson;
use crate::tile::{LonLatBounds, TileCoord};

/// Largest tile that is read, in bytes; more is taken for damage. 1024 by 1024 pixels have 4 MiB before compression.
const LARGEST: u64 = 5 << 20;
/// The box of a set that says none.
const WORLD: LonLatBounds = LonLatBounds { west: -180.0, south: -85.051_129, east: 180.0, north: 85.051_129 };

/// Whether a call may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Only what the operating system has in memory; else [`Trouble::Waits`].
    Never,
    /// As long as it takes.
    Allowed,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A disk would have to be waited for: ask again with [`Wait::Allowed`].
    Waits,
    /// The set cannot be read at the moment: it is gone, half written, or not what it was.
    Unavailable(String),
    /// This part of the set is damaged.
    Damaged(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::Waits,
            io::ErrorKind::UnexpectedEof => Self::Damaged("the file ends too early".to_owned()),
            _ => Self::Damaged(error.to_string()),
        }
    }
}

/// What a set says about itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Lowest zoom that has tiles.
    pub min_zoom: u8,
    /// Highest zoom that has tiles.
    pub max_zoom: u8,
    /// Box around all points.
    pub bounds: LonLatBounds,
    /// The set's metadata, as far as it is believed.
    pub tile_json: TileJson,
    /// What it lies in.
    pub container: Container,
    /// What kind of picture its tiles are; single ones may be others.
    pub kind: Kind,
    /// Pixels along one side of a tile, where they are known.
    pub side: Option<u32>,
    /// Whether it has tiles with twice the pixels, under a name of their own, and whether it has only those.
    pub dense: bool,
    /// See `dense`.
    pub dense_only: bool,
    /// What of it is not believed, in a few words.
    pub doubt: Option<String>,
}

/// What a set lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A folder of files.
    Folder,
    /// A PMTiles file.
    PmTiles,
    /// An MBTiles file.
    MbTiles,
}

/// A tile set at a path, opened anew whenever it is replaced.
#[derive(Debug)]
pub struct TileSource {
    path: PathBuf,
    directories: Arc<Directories>,
    opened: RwLock<Arc<Opened>>,
    reopening: Mutex<()>,
}

/// The set as it was when the path had this stamp.
#[derive(Debug)]
struct Opened {
    stamp: Option<Stamp>,
    watched: Option<Watched>,
    set: Result<Set, String>,
}

#[derive(Debug)]
struct Set {
    about: Arc<About>,
    tiles: Tiles,
}

#[derive(Debug)]
enum Tiles {
    Archive(Archive),
    Folder(Folder),
    Database(Database),
}

impl TileSource {
    /// Opens a folder of tiles, a PMTiles or an MBTiles file, whose directories are kept among `directories`. One that cannot be read
    /// is looked at again whenever it is asked for something; [`TileSource::problem`] says why. Fails where there is
    /// nothing at the path.
    pub fn open(path: &Path, directories: &Arc<Directories>) -> Result<Self> {
        let opened = Opened::at(path, directories);
        match &opened.set {
            Err(problem) if path.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) => {
                Err(cannot_serve(path, problem))
            }
            _ => Ok(Self::of(path, directories, opened)),
        }
    }

    /// The same for a path whose disk did not answer: it is not looked at now.
    pub fn unopened(path: &Path, directories: &Arc<Directories>) -> Self {
        let set = Err("its disk does not answer".to_owned());
        Self::of(path, directories, Opened { stamp: None, watched: None, set })
    }

    fn of(path: &Path, directories: &Arc<Directories>, opened: Opened) -> Self {
        Self {
            path: path.to_path_buf(),
            directories: directories.clone(),
            opened: RwLock::new(Arc::new(opened)),
            reopening: Mutex::new(()),
        }
    }

    /// Why it could not be read when it was opened last, if it could not.
    pub fn problem(&self) -> Option<String> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).set.as_ref().err().cloned()
    }

    /// The path it was opened at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One tile, `None` where the set has none: the one with twice the pixels where `dense`. What is packed by gzip is
    /// unpacked.
    pub fn tile(&self, tile: TileCoord, dense: bool, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        self.steady(wait, |set| {
            let bytes = match &set.tiles {
                Tiles::Archive(_) | Tiles::Database(_) if dense => None,
                Tiles::Archive(archive) => archive.tile(tile, wait)?,
                Tiles::Folder(folder) => folder.tile(tile, dense, wait)?,
                Tiles::Database(database) => database.tile(tile, wait)?,
            };
            // A tile of no bytes is how some say that there is none.
            bytes.filter(|bytes| !bytes.is_empty()).map(|bytes| unpacked(bytes, wait)).transpose()
        })
    }

    /// What the set says about itself.
    pub fn about(&self, wait: Wait) -> Result<Arc<About>, Trouble> {
        self.steady(wait, |set| Ok(set.about.clone()))
    }

    /// A number for the state of the set: another one after every change of the file, or of the folder and its metadata.
    pub fn state(&self, wait: Wait) -> Result<u64, Trouble> {
        let state = |opened: &Opened| opened.stamp.as_ref().map(Stamp::fingerprint).unwrap_or_default();
        self.steady_opened(wait, |opened, _| Ok(state(opened)))
    }

    /// The picture of the legend that lies beside the tiles; `None` where there is none.
    pub fn legend(&self, wait: Wait) -> Result<Option<Vec<u8>>, Trouble> {
        self.steady(wait, |set| match &set.tiles {
            Tiles::Archive(_) | Tiles::Database(_) => Ok(None),
            Tiles::Folder(folder) => folder.file("legend.png", wait),
        })
    }

    /// The PMTiles file itself with its length and a name for its state, `None` for anything else.
    pub fn whole(&self, wait: Wait) -> Result<Option<Whole>, Trouble> {
        let stamp = |opened: &Opened| opened.stamp.as_ref().map(Stamp::fingerprint);
        self.steady_opened(wait, |opened, set| match &set.tiles {
            Tiles::Archive(archive) => {
                let state = stamp(opened).unwrap_or_default();
                Ok(Some(Whole { file: archive.file().clone(), length: archive.length(), state }))
            }
            Tiles::Folder(_) | Tiles::Database(_) => Ok(None),
        })
    }

    fn steady<T>(&self, wait: Wait, read: impl Fn(&Set) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.steady_opened(wait, |_, set| read(set))
    }

    /// Reads, and believes what was read only if the path still holds the same files afterwards.
    fn steady_opened<T>(&self, wait: Wait, read: impl Fn(&Opened, &Set) -> Result<T, Trouble>) -> Result<T, Trouble> {
        for _ in 0..3 {
            let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner).clone();
            let answer = match &opened.set {
                Ok(set) => read(&opened, set),
                Err(problem) => Err(Trouble::Unavailable(problem.clone())),
            };
            let waits = matches!(answer, Err(Trouble::Waits));
            if waits {
                return answer;
            }
            match opened.is_at(&self.path, wait) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(Trouble::Waits),
                Ok(true) => return answer,
                _ => {}
            }
            if wait == Wait::Never {
                return Err(Trouble::Waits);
            }
            self.reopen(&opened);
        }
        Err(Trouble::Unavailable("it is being written".to_owned()))
    }

    /// Opens the path anew, unless another thread has done so since `seen`.
    fn reopen(&self, seen: &Arc<Opened>) {
        let _one_at_a_time = self.reopening.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.opened.read().unwrap_or_else(PoisonError::into_inner).clone();
        if Arc::ptr_eq(&current, seen) {
            let opened = Arc::new(Opened::at(&self.path, &self.directories));
            *self.opened.write().unwrap_or_else(PoisonError::into_inner) = opened;
        }
    }
}

/// That a set is whole, but not of a kind that is served.
fn refused(problem: &str) -> Trouble {
    Trouble::Damaged(problem.to_owned())
}

/// A tile as it is, or as it was before gzip packed it, which is work for a thread that may wait. Data of a vector map is
/// refused.
fn unpacked(bytes: Vec<u8>, wait: Wait) -> Result<Vec<u8>, Trouble> {
    let bytes = if picture::is_packed(&bytes) {
        if wait == Wait::Never {
            return Err(Trouble::Waits);
        }
        let mut tile = Vec::new();
        let read = flate2::read::MultiGzDecoder::new(&bytes[..]).take(LARGEST + 1).read_to_end(&mut tile);
        if read.is_err() || tile.len() as u64 > LARGEST {
            return Err(Trouble::Damaged("it is packed by gzip and cannot be unpacked".to_owned()));
        }
        tile
    } else {
        bytes
    };
    if Kind::of(&bytes).is_none() && picture::looks_vector(&bytes) {
        return Err(refused(&layout::vector("MVT")));
    }
    Ok(bytes)
}

/// That what lies at `path` cannot be served.
pub fn cannot_serve(path: &Path, problem: &str) -> Error {
    Error::Input(format!("cannot serve {}: {problem}", path.display()))
}

impl Opened {
    fn at(path: &Path, directories: &Arc<Directories>) -> Self {
        // The stamp comes first: a change while the set is being opened is then noticed at the next look.
        let stamp = match Stamp::of(path, Wait::Allowed) {
            Ok(stamp) => stamp,
            Err(e) => return Self { stamp: None, watched: None, set: Err(e.to_string()) },
        };
        let watched = stamp.is_folder().then(|| Watched::of(path));
        let set = if stamp.is_folder() {
            Folder::open(path).map(|(folder, about)| Set { about: about.into(), tiles: Tiles::Folder(folder) })
        } else if database::is_database(path) {
            Database::open(path).map(|(database, about)| Set { about: about.into(), tiles: Tiles::Database(database) })
        } else {
            Archive::open(path, directories)
                .map(|(archive, about)| Set { about: about.into(), tiles: Tiles::Archive(archive) })
        };
        let set = set.map_err(|trouble| match trouble {
            Trouble::Waits => "it cannot be read now".to_owned(),
            Trouble::Unavailable(problem) | Trouble::Damaged(problem) => problem,
        });
        Self { stamp: Some(stamp), watched, set }
    }

    /// Whether the path still holds what was opened.
    fn is_at(&self, path: &Path, wait: Wait) -> io::Result<bool> {
        let now = match (&self.watched, &self.stamp) {
            (Some(watched), Some(stamp)) if wait == Wait::Never => match watched.changed(stamp, path)? {
                Some(changed) => return Ok(!changed),
                None => Stamp::of(path, wait),
            },
            _ => Stamp::of(path, wait),
        };
        match now {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(e),
            now => Ok(now.ok() == self.stamp),
        }
    }
}

/// A whole PMTiles file, to be sent as it is.
#[derive(Debug, Clone)]
pub struct Whole {
    file: Arc<File>,
    length: u64,
    state: u64,
}

impl Whole {
    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Different after every change of the file.
    pub fn state(&self) -> u64 {
        self.state
    }

    /// Exactly `length` bytes from `offset`; an error where the file has become shorter.
    pub fn read(&self, offset: u64, length: usize, wait: Wait) -> io::Result<Vec<u8>> {
        system::read_at(&self.file, offset, length, wait)
    }
}
