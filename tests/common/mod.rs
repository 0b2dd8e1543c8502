//! What the tests of the real binary share: a private folder, a way to run the program in it, and the tiles it
//! wrote as pictures.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

#[cfg(feature = "gpu")]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, though not within a test function; not every test binary uses all of it"
)]
pub mod gpu;
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, though not within a test function; not every test binary uses all of it"
)]
pub mod server;
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, though not within a test function; not every test binary uses all of it"
)]
pub mod sets;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for one test, gone at its end.
pub struct Playground {
    folder: tempfile::TempDir,
}

impl Playground {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program, to be run in the folder.
    pub fn command(&self) -> Command {
        // Another build can be put to the same tests.
        let other = std::env::var_os("TILEFIRE_TEST_BINARY");
        let mut command = Command::new(other.as_deref().unwrap_or(OsStr::new(env!("CARGO_BIN_EXE_tilefire"))));
        command.current_dir(self.folder.path());
        command
    }

    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        Ran::from(self.command().args(arguments).output().unwrap())
    }

    /// Names in the folder, hidden ones included, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// What the program answered.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// The one line of an error, with its exit code checked.
    #[track_caller]
    pub fn error(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("tilefire: "), "{}", self.stderr);
        lines[0].to_string()
    }
}

/// All files below `folder` with their bytes, by path relative to it.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(base: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(base, &path, files);
            } else {
                let name = path.strip_prefix(base).unwrap().to_string_lossy().replace('\\', "/");
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files);
    files
}

/// The sample that comes with the repository.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample.csv")
}

/// The folder of real files, or `None` with a line that names the test that is skipped.
pub fn real_data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TILEFIRE_TEST_DATA").map(PathBuf::from).filter(|f| f.join("data").is_dir());
    if folder.is_none() {
        println!("skipped: {test}: TILEFIRE_TEST_DATA is not set");
    }
    folder
}

/// Longitudes and latitudes of two columns of a simple CSV without quotes.
pub fn points(text: &str, lon: usize, lat: usize) -> Vec<(f64, f64)> {
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.trim().split(',').collect();
            Some((fields.get(lon)?.parse().ok()?, fields.get(lat)?.parse().ok()?))
        })
        .collect()
}
