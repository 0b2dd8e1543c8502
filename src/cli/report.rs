//! `--report`: the report of a run as a JSON file. Where it may go is checked before the work; like every output it is
//! written aside and appears complete.

use std::path::{Path, PathBuf};

use super::values::shown;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::Sources;
use crate::source::Input;
use crate::staging::{OutputOptions, Whole, check_head, is_same_file};

/// Refuses a report that would write over an input or into the output, over a file that it may not replace, or that has
/// no folder to lie in: before the work, not after it.
pub(super) fn check_place(path: &Path, sources: &Sources, out: &Path, force: bool) -> Result<()> {
    let name = shown(path);
    let refuse = |why: String| Err(Error::Usage(format!("--report {name} {why}")));
    let is_input = |input: &Input| matches!(input, Input::File(file) if is_same_file(file, path));
    if sources.inputs.iter().any(is_input) {
        return refuse("is an input, which it would write over; name another file".into());
    }
    let (place, whole) = (place(path), place(out));
    if place.starts_with(&whole) {
        return refuse(format!("is or lies in the output {}; name a file beside it", shown(out)));
    }
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => return refuse("is a folder; name a file".into()),
        Ok(about) if !about.is_file() => {
            return refuse("is no plain file, and only those are replaced; name another file".into());
        }
        Ok(_) if !force => return refuse("already exists; name another file, or --force to replace a report".into()),
        Ok(_) => check(path)?,
        Err(_) => {}
    }
    // A folder on the way to the output is made with it.
    match place.parent() {
        Some(folder) if !folder.is_dir() && !whole.starts_with(folder) => {
            Err(Error::Usage(format!("--report {name}: there is no folder {}; make it first", shown(folder))))
        }
        _ => Ok(()),
    }
}

/// Ok for a report of ours.
fn check(path: &Path) -> Result<()> {
    // Other files have versions too.
    let words = [&b"\"version\":"[..], b"\"rows\":", b"\"used\":"];
    let has = |head: &[u8], word: &[u8]| head.windows(word.len()).any(|part| part == word);
    check_head(path, "report", |head| head.starts_with(b"{") && words.iter().all(|word| has(head, word)))
}

/// The absolute path of what may not exist yet, without symbolic links on the way to it where its folder exists.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Writes a report; `done` says what is complete all the same if that fails.
pub(super) fn write(
    report: &impl serde::Serialize,
    path: &Path,
    sources: &Sources,
    force: bool,
    done: &str,
) -> Result<()> {
    let mut text = serde_json::to_string_pretty(report).map_err(|e| Error::Internal(e.to_string()))?;
    text.push('\n');
    let options = OutputOptions { force, inputs: sources.files() };
    // Who stops a run whose output is complete has come too late for its report as well.
    let written = Whole::begin(path, &options, check).and_then(|whole| {
        whole
            .write(&Monitor::default(), |file| file.write_all(text.as_bytes()).map_err(|e| Error::io("write", path, e)))
    });
    written.map(|_| ()).map_err(|e| {
        let done = if done.is_empty() { String::new() } else { format!("; {done}") };
        Error::Output(format!("no report: {e}{done}"))
    })
}
