//! Files beside the output: `--report`, the report of a run as JSON, and `--rejects`, the rows that were left out as CSV.
//! Their places are taken before the work, so that one that cannot be written is told before it; like every output they
//! are written aside and appear complete.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::values::shown;
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::render::Sources;
use crate::source::{Input, RejectLog};
use crate::staging::{OutputOptions, Whole, check_head, is_same_file, nameless};

/// A file beside the output.
#[derive(Debug, Clone, Copy)]
enum Beside {
    Report,
    Rejects,
}

impl Beside {
    fn flag(self) -> &'static str {
        match self {
            Self::Report => "--report",
            Self::Rejects => "--rejects",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Rejects => "list of rows left out",
        }
    }

    /// Ok for such a file of ours.
    fn check(self, path: &Path) -> Result<()> {
        match self {
            Self::Report => check_head(path, self.noun(), is_report),
            Self::Rejects => check_head(path, self.noun(), |head| head.starts_with(b"file,row,reason,value\n")),
        }
    }
}

/// Refuses a file that would be written over an input or into the output, over a file that it may not replace, or that
/// has no folder to lie in.
fn check_beside(what: Beside, path: &Path, sources: &Sources, out: &Path, force: bool) -> Result<()> {
    let (name, flag) = (shown(path), what.flag());
    let refuse = |why: String| Err(Error::Usage(format!("{flag} {name} {why}")));
    let is_input = |input: &Input| input.file().is_some_and(|file| is_same_file(file, path));
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
        Ok(_) if !force => {
            return refuse(format!("already exists; name another file, or --force to replace a {}", what.noun()));
        }
        Ok(_) => what.check(path)?,
        Err(_) => {}
    }
    // A folder on the way to the output is made with it.
    match place.parent() {
        Some(folder) if !folder.is_dir() && !whole.starts_with(folder) => {
            Err(Error::Usage(format!("{flag} {name}: there is no folder {}; make it first", shown(folder))))
        }
        _ => Ok(()),
    }
}

/// Whether a file that begins with `head` is a report: its first facts follow each other as in no other file of ours.
fn is_report(head: &[u8]) -> bool {
    let plain: String = head.iter().filter(|b| !b.is_ascii_whitespace()).map(|&b| char::from(b)).collect();
    let Some((before, facts)) = plain.split_once("\"version\":\"") else { return false };
    // Of a picture its own facts stand before.
    let begins = before == "{" || before.starts_with("{\"width\":") && before.ends_with("\"run\":{");
    let number = |text: &str, name: &str| {
        let rest = text.strip_prefix(name)?;
        Some(rest.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
    };
    let rest = facts.split_once("\",").map(|(_, rest)| rest.to_owned());
    let rest = rest.and_then(|rest| number(&rest, "\"rows\":")).and_then(|rest| number(&rest, ",\"used\":"));
    begins && rest.is_some_and(|rest| rest.starts_with(",\"invalid\":"))
}

/// The absolute path of what may not exist yet, without symbolic links on the way to it where its folder exists.
fn place(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Takes the place of a file beside the output `out`; `None` where its folder is made with that output.
fn take(what: Beside, path: &Path, sources: &Sources, out: &Path, force: bool) -> Result<Option<Whole>> {
    check_beside(what, path, sources, out, force)?;
    // Whatever else speaks against it is met by making something there.
    has_folder(path).then(|| begin(what, path, sources, force)).transpose()
}

fn has_folder(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

fn begin(what: Beside, path: &Path, sources: &Sources, force: bool) -> Result<Whole> {
    let options = OutputOptions { force, inputs: sources.files() };
    match what {
        Beside::Report => Whole::begin(path, &options, |path| Beside::Report.check(path)),
        Beside::Rejects => Whole::begin(path, &options, |path| Beside::Rejects.check(path)),
    }
}

/// The report of a run that is under way.
#[derive(Debug)]
pub(super) struct Pending {
    path: PathBuf,
    force: bool,
    whole: Option<Whole>,
}

impl Pending {
    /// Takes the place `path` for the report of a run that makes `out`, if it is to have one.
    pub(super) fn begin(path: Option<&Path>, sources: &Sources, out: &Path, force: bool) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let whole = take(Beside::Report, path, sources, out, force)?;
        Ok(Some(Self { path: path.to_path_buf(), force, whole }))
    }

    /// Writes the report; `done` says what is complete all the same if that fails.
    pub(super) fn write(self, report: &impl serde::Serialize, sources: &Sources, done: &str) -> Result<()> {
        let Self { path, force, whole } = self;
        let mut text = serde_json::to_string_pretty(report).map_err(|e| Error::Internal(e.to_string()))?;
        text.push('\n');
        let whole = whole.map_or_else(|| begin(Beside::Report, &path, sources, force), Ok);
        // Who stops a run whose output is complete has come too late for its report as well.
        let written = whole.and_then(|whole| {
            whole.write(&Monitor::default(), |file| {
                file.write_all(text.as_bytes()).map_err(|e| Error::io("write", &path, e))
            })
        });
        written.map(|_| ()).map_err(|e| {
            let done = if done.is_empty() { String::new() } else { format!("; {done}") };
            Error::Output(format!("no report: {e}{done}"))
        })
    }
}

/// The rows that a run leaves out, on their way into a file.
#[derive(Debug)]
pub(super) struct Rejects {
    path: PathBuf,
    force: bool,
    whole: Option<Whole>,
    /// Without a name.
    file: File,
    log: Arc<RejectLog>,
}

impl Rejects {
    /// Begins a list for `path`, if there is one, and has `sources` write to it. `report` is the run's other file.
    pub(super) fn begin(
        path: Option<&Path>,
        report: Option<&Path>,
        sources: &mut Sources,
        out: &Path,
        force: bool,
    ) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        if report.is_some_and(|report| place(report) == place(path)) {
            return Err(Error::Usage(format!("--report and --rejects are both {}; name two files", shown(path))));
        }
        let whole = take(Beside::Rejects, path, sources, out, force)?;
        let folder = whole.as_ref().map_or_else(std::env::temp_dir, |whole| whole.dir().to_path_buf());
        let failed = |e| Error::io("create a file for", path, e);
        let file = nameless(&folder).map_err(failed)?;
        let log = Arc::new(RejectLog::new(file.try_clone().map_err(failed)?)?);
        sources.rejects = Some(log.clone());
        Ok(Some(Self { path: path.to_path_buf(), force, whole, file, log }))
    }

    /// Puts the list in its place: also of a run that failed because of what it lists.
    pub(super) fn finish(self, sources: &Sources) -> Result<()> {
        let Self { path, force, whole, mut file, log } = self;
        let failed = |e| Error::io("write", &path, e);
        log.flush()?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let whole = whole.map_or_else(|| begin(Beside::Rejects, &path, sources, force), Ok)?;
        let mut buffer = vec![0; 1 << 16];
        whole
            .write(&Monitor::default(), |to| {
                loop {
                    match file.read(&mut buffer).map_err(failed)? {
                        0 => return Ok(()),
                        got => to.write_all(&buffer[..got]).map_err(failed)?,
                    }
                }
            })
            .map(|_| ())
    }
}

/// What a run came to, once the rows it left out are listed: an input that cannot be used is what the list is for.
pub(super) fn with_rejects<T>(ran: Result<T>, rejects: Option<Rejects>, sources: &Sources) -> Result<T> {
    match (ran, rejects) {
        (ran @ (Ok(_) | Err(Error::Input(_))), Some(rejects)) => match (ran, rejects.finish(sources)) {
            (Ok(_), Err(problem)) => Err(problem),
            (ran, _) => ran,
        },
        (ran, _) => ran,
    }
}
