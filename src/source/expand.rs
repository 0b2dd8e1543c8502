//! From what a person names to inputs: `-`, files, members of archives, folders, and patterns such as `data/*.csv.gz`.
//! Nothing is looked into here but folders, and whether a file in one is a list of rows that were left out; what a file
//! holds is found out in `open`.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, FileType, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::endings::is_data;
use super::{Input, Notice, kinds};
use crate::error::{Error, Result};

/// Words that one pattern may come to by its braces.
const BRACES_MAX: usize = 1024;

/// A folder that Macs put into archives, with a shadow of each file.
const SYSTEMS: &str = "__MACOSX";

/// What was named, one by one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expanded {
    /// The inputs, in the order named; those of a folder or pattern in the order of their names, byte by byte.
    pub inputs: Vec<Input>,
    /// What a person should know about that: what was passed over.
    pub notices: Vec<Notice>,
}

/// Finds the inputs that `named` stands for.
///
/// - `-` is standard input.
/// - A file is itself, whatever it is called.
/// - What goes on behind the name of a file is a member of an archive: `a.zip/points.csv`.
/// - A folder is walked down; its files with endings of data are read. What is hidden, empty, or called otherwise is
///   passed over, which one notice tells. Links are followed, but no folder is read twice.
/// - A pattern is what it matches: `*`, `?`, `[a-z]`, `[!a]`, `{a,b}` within a name, `**` for any folders on the way.
///   Files it matches may have any ending; folders it matches are walked down.
///
/// Fails with [`Error::Input`] or [`Error::Io`] where something named is not there, holds no data or cannot be read, and
/// with [`Error::Usage`] on a pattern that means nothing.
pub fn expand(named: &[PathBuf]) -> Result<Expanded> {
    let mut inputs = Vec::with_capacity(named.len());
    let mut passed = Passed::default();
    for path in named {
        if path.as_os_str() == "-" {
            inputs.push(Input::Stdin);
            continue;
        }
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => {
                let found = of_folder(path, &mut passed)?;
                inputs.extend(found.into_iter().map(Input::File));
            }
            Ok(_) => inputs.push(Input::File(path.clone())),
            Err(problem) => {
                if let Some(member) = member(path)? {
                    inputs.push(member);
                } else if let Some(words) = words(path)? {
                    let found = matching(path, &words, &mut passed)?;
                    inputs.extend(found.into_iter().map(Input::File));
                } else {
                    return Err(absent(path, problem));
                }
            }
        }
    }
    Ok(Expanded { inputs, notices: passed.notice().into_iter().collect() })
}

/// Why something in a folder is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Hidden,
    Ending,
    /// A pipe, socket or device.
    Special,
    /// A folder that is read by another name.
    Again,
    Empty,
    /// A list of rows that were left out of another run.
    LeftOut,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Ending => "no ending of data",
            Self::Special => "no plain file",
            Self::Again => "read by another name",
            Self::Empty => "empty",
            Self::LeftOut => "rows that --rejects wrote",
        }
    }
}

/// What was passed over in one folder or pattern, or in all of them.
#[derive(Debug, Default)]
struct Passed {
    number: u64,
    /// The first of those that are most likely to be missed.
    example: Option<(PathBuf, Why)>,
    /// As which it was named, and how many others there are.
    named: Option<(PathBuf, u64)>,
}

impl Passed {
    fn add(&mut self, path: PathBuf, why: Why) {
        self.number += 1;
        if self.example.as_ref().is_none_or(|(_, known)| why > *known) {
            self.example = Some((path, why));
        }
    }

    /// Adds what was passed over in what was named `path`.
    fn merge(&mut self, path: &Path, other: Self) {
        let Some((example, why)) = other.example else { return };
        self.add(example, why);
        self.number += other.number - 1;
        self.named.get_or_insert_with(|| (path.to_path_buf(), 0)).1 += 1;
    }

    fn told(&self) -> Option<String> {
        let (path, why) = self.example.as_ref()?;
        Some(format!("{} ({})", path.display(), why.words()))
    }

    fn notice(self) -> Option<Notice> {
        let ((named, folders), example) = (self.named.as_ref()?, self.told()?);
        let named = named.display();
        let place = if *folders == 1 { named.to_string() } else { format!("{named} and {} others", folders - 1) };
        let (number, are) = (self.number, if self.number == 1 { "is" } else { "are" });
        let input = (*folders == 1).then(|| named.to_string());
        let text = format!(
            "{place}: {number} of the files and folders there {are} passed over, such as {example}; name a file to read it"
        );
        Some(Notice { input, ..Notice::new("passed_over", text) })
    }
}

/// By what a folder is known again.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

fn identity(folder: &Path) -> Result<Identity> {
    #[cfg(unix)]
    let identity = fs::metadata(folder).map(|about| {
        use std::os::unix::fs::MetadataExt;
        (about.dev(), about.ino())
    });
    #[cfg(not(unix))]
    let identity = fs::canonicalize(folder);
    identity.map_err(|e| Error::io("read", folder, e))
}

/// Something in a folder.
struct Entry {
    path: PathBuf,
    name: String,
    kind: FileType,
}

impl Entry {
    /// Whether a person does not see it, or a system put it there.
    fn hidden(&self) -> bool {
        self.name.starts_with('.') || self.name == SYSTEMS
    }

    /// What it is, or what it leads to.
    fn about(&self) -> io::Result<Metadata> {
        fs::metadata(&self.path)
    }

    /// Whether it is a folder, or leads to one.
    fn is_folder(&self) -> bool {
        if self.kind.is_symlink() { self.about().is_ok_and(|about| about.is_dir()) } else { self.kind.is_dir() }
    }
}

/// What is in a folder, in the order of the names' bytes. A folder named by nothing is the current one.
fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let at = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |e| Error::io("read the folder", at, e);
    let mut found = Vec::new();
    for entry in fs::read_dir(at).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (folder.join(entry.file_name()), entry.file_name().to_string_lossy().into_owned());
        found.push(Entry { kind: entry.file_type().map_err(|e| Error::io("read", &path, e))?, path, name });
    }
    found.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
    Ok(found)
}

/// The data files of a folder that was named.
fn of_folder(folder: &Path, passed: &mut Passed) -> Result<Vec<PathBuf>> {
    let mut walk = Walk::default();
    walk.down(folder)?;
    if walk.found.is_empty() {
        let folder = folder.display();
        return Err(Error::Input(match walk.passed.told() {
            None => format!("{folder} is an empty folder; name files, or a folder that holds some"),
            Some(example) => format!(
                "{folder} holds no file with an ending of data (.csv, .tsv, .txt, .csv.gz, .zip ...), but {} of other kinds, \
                 such as {example}; name files, or a pattern in quotes: '{folder}{MAIN_SEPARATOR}*'",
                walk.passed.number
            ),
        }));
    }
    passed.merge(folder, walk.passed);
    Ok(walk.found)
}

/// A walk down a folder.
#[derive(Debug, Default)]
struct Walk {
    found: Vec<PathBuf>,
    passed: Passed,
    seen: HashSet<Identity>,
    /// Files that are read anyway.
    known: BTreeSet<PathBuf>,
}

impl Walk {
    /// Takes all data files below `folder`, unless it was read before.
    fn down(&mut self, folder: &Path) -> Result<()> {
        if !self.seen.insert(identity(folder)?) {
            return Ok(());
        }
        // What is still to be looked at, the next one last: folders may lie in each other deeper than calls may.
        let mut left = entries(folder)?;
        left.reverse();
        while let Some(entry) = left.pop() {
            if self.known.contains(&entry.path) {
                continue;
            }
            if entry.hidden() {
                self.passed.add(entry.path, Why::Hidden);
            } else if entry.is_folder() {
                if self.seen.insert(identity(&entry.path)?) {
                    left.extend(entries(&entry.path)?.into_iter().rev());
                } else {
                    self.passed.add(entry.path, Why::Again);
                }
            } else {
                self.file(entry)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: Entry) -> Result<()> {
        if !is_data(&entry.path) {
            self.passed.add(entry.path, Why::Ending);
            return Ok(());
        }
        // To leave out data because a link is broken would be told as one file of many.
        let about = entry.about().map_err(|e| {
            if !entry.kind.is_symlink() || e.kind() != ErrorKind::NotFound {
                return Error::io("open", &entry.path, e);
            }
            let path = entry.path.display();
            Error::Input(format!("{path} is a link that leads nowhere; mend or remove it, or name files one by one"))
        })?;
        if !about.is_file() {
            self.passed.add(entry.path, Why::Special);
        } else if about.len() == 0 {
            self.passed.add(entry.path, Why::Empty);
        } else if is_left_out(&entry.path) {
            self.passed.add(entry.path, Why::LeftOut);
        } else {
            self.found.push(entry.path);
        }
        Ok(())
    }
}

/// Whether a file begins as the lists do that `--rejects` writes. What cannot be read now is told when it is opened.
fn is_left_out(path: &Path) -> bool {
    let header = kinds::LEFT_OUT.join(",") + "\n";
    let mut head = vec![0; header.len()];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == header.as_bytes()
}

/// The member of an archive that `path` names: a file lies on the way to it.
fn member(path: &Path) -> Result<Option<Input>> {
    let mut folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    let Some((archive, about)) = folders.find_map(|folder| Some((folder, fs::metadata(folder).ok()?))) else {
        return Ok(None);
    };
    let Some(within) = path.strip_prefix(archive).ok().filter(|_| about.is_file()) else { return Ok(None) };
    let parts = within.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        // Some archives have such names; nothing is written by them.
        Component::ParentDir => Some(".."),
        _ => None,
    });
    let Some(parts) = parts.collect::<Option<Vec<_>>>().filter(|parts| !parts.is_empty()) else { return Ok(None) };
    let (archive, name) = (archive.to_path_buf(), parts.join("/"));
    if name.contains(['*', '?']) {
        return Err(Error::Usage(format!(
            "{}: {} is a file, and what is in an archive is named without patterns, one by one: {}{MAIN_SEPARATOR}points.csv",
            path.display(),
            archive.display(),
            archive.display()
        )));
    }
    Ok(Some(Input::Member { archive, name }))
}

/// The words a pattern stands for, its braces taken apart; `None` for a name that is no pattern.
fn words(path: &Path) -> Result<Option<Vec<String>>> {
    let Some(text) = path.to_str() else { return Ok(None) };
    if !text.contains(['*', '?', '[']) && braces(text).is_none() {
        return Ok(None);
    }
    let (mut left, mut words) = (vec![text.to_owned()], Vec::new());
    while let Some(word) = left.pop() {
        let Some((start, end, commas)) = braces(&word) else {
            words.push(word);
            continue;
        };
        let mut from = start + 1;
        for to in commas.into_iter().chain([end]) {
            left.push(format!("{}{}{}", &word[..start], &word[from..to], &word[end + 1..]));
            from = to + 1;
        }
        if left.len() + words.len() > BRACES_MAX {
            return Err(Error::Usage(format!("{text} stands for more than {BRACES_MAX} patterns; use fewer braces")));
        }
    }
    Ok(Some(words))
}

/// The first braces that are closed and hold no others: where they begin and end, and their commas.
fn braces(text: &str) -> Option<(usize, usize, Vec<usize>)> {
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open.push((at, Vec::new())),
            b',' => open.last_mut()?.1.push(at),
            b'}' => {
                if let Some((start, commas)) = open.pop().filter(|(_, commas)| !commas.is_empty()) {
                    return Some((start, at, commas));
                }
            }
            _ => {}
        }
    }
    None
}

/// One name on the way of a pattern.
#[derive(Debug)]
enum Part {
    /// Itself, and what does not count as a name: a root, a drive, `..`.
    Name(PathBuf),
    Pattern(Pattern),
    /// Any folders, or none.
    Down,
}

/// The parts of one word of the pattern `whole`.
fn parts(word: &str, whole: &Path) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for component in Path::new(word).components() {
        let name = component.as_os_str().to_string_lossy();
        let part = match component {
            Component::Normal(_) if name == "**" => Part::Down,
            Component::Normal(_) if name.contains(['*', '?', '[']) => {
                // As shells take them: stars in a row are one, and `^` is `!`.
                let mut text = name.replace("[^", "[!");
                while text.contains("**") {
                    text = text.replace("**", "*");
                }
                let wrong = |e: glob::PatternError| {
                    Error::Usage(format!(
                        "{}: no such file, and no pattern either: {} in '{name}'",
                        whole.display(),
                        e.msg
                    ))
                };
                Part::Pattern(Pattern::new(&text).map_err(wrong)?)
            }
            _ => Part::Name(component.as_os_str().into()),
        };
        if !(matches!(part, Part::Down) && matches!(parts.last(), Some(Part::Down))) {
            parts.push(part);
        }
    }
    if let Some(Part::Down) = parts.last() {
        parts.extend(Pattern::new("*").map(Part::Pattern));
    }
    Ok(parts)
}

/// The files that match one of `words`, which `whole` stands for.
fn matching(whole: &Path, words: &[String], passed: &mut Passed) -> Result<BTreeSet<PathBuf>> {
    let mut found = Matches::default();
    for word in words {
        let parts = parts(word, whole)?;
        found.seen.clear();
        found.folders_only = word.ends_with(std::path::is_separator);
        found.follow(PathBuf::new(), &parts)?;
    }
    let Matches { files, folders, passed: special, .. } = found;
    let mut walk = Walk { passed: special, known: files, ..Walk::default() };
    for folder in &folders {
        walk.down(folder)?;
    }
    let Walk { found, passed: over, known: mut files, .. } = walk;
    files.extend(found);
    if files.is_empty() {
        let whole = whole.display();
        return Err(Error::Input(match over.told() {
            None => format!(
                "{whole}: no file matches; '*' stands for any part of one name that is not hidden, '**' for any folders"
            ),
            Some(example) => {
                format!("{whole}: of what matches nothing is data, such as {example}; name files, or match these only")
            }
        }));
    }
    passed.merge(whole, over);
    Ok(files)
}

/// What matches a pattern.
#[derive(Debug, Default)]
struct Matches {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    folders_only: bool,
    passed: Passed,
    /// Folders and how many parts were left at them, where any folders may follow: with links, these go in circles.
    seen: HashSet<(Identity, usize)>,
}

impl Matches {
    /// Takes what is at `first` by way of `parts`.
    fn follow(&mut self, first: PathBuf, parts: &[Part]) -> Result<()> {
        let options = MatchOptions {
            case_sensitive: !cfg!(windows),
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        // The next one last.
        let mut left = vec![(first, parts)];
        while let Some((path, parts)) = left.pop() {
            let begin = left.len();
            match parts {
                [] => self.take(path),
                [Part::Name(name), rest @ ..] => {
                    let path = path.join(name);
                    // A link that leads nowhere is told when it is opened.
                    if !rest.is_empty() || fs::symlink_metadata(&path).is_ok() {
                        left.push((path, rest));
                    }
                }
                [Part::Pattern(pattern), rest @ ..] => {
                    let entries = existing(&path)?;
                    // What a system put there is read by its whole name only.
                    let fits = |entry: &Entry| entry.name != SYSTEMS && pattern.matches_with(&entry.name, options);
                    let on_the_way =
                        entries.into_iter().filter(|entry| fits(entry) && (rest.is_empty() || entry.is_folder()));
                    left.extend(on_the_way.map(|entry| (entry.path, rest)));
                }
                [Part::Down, rest @ ..] => {
                    let at = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
                    if !at.is_dir() || !self.seen.insert((identity(at)?, rest.len())) {
                        continue;
                    }
                    let folders = existing(&path)?.into_iter().filter(|entry| !entry.hidden() && entry.is_folder());
                    let folders: Vec<_> = folders.map(|entry| (entry.path, parts)).collect();
                    left.push((path, rest));
                    left.extend(folders);
                }
            }
            left[begin..].reverse();
        }
        Ok(())
    }

    fn take(&mut self, path: PathBuf) {
        match fs::metadata(&path) {
            Ok(about) if about.is_dir() => _ = self.folders.insert(path),
            _ if self.folders_only => {}
            Ok(about) if !about.is_file() => self.passed.add(path, Why::Special),
            _ => _ = self.files.insert(path),
        }
    }
}

/// What is in a folder, nothing where there is none.
fn existing(folder: &Path) -> Result<Vec<Entry>> {
    match entries(folder) {
        Err(Error::Io { source, .. }) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        other => other,
    }
}

/// The error for what is not there; names what differs from it by the case of letters only.
fn absent(path: &Path, problem: io::Error) -> Error {
    let near = || {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let entries = entries(path.parent()?).ok()?;
        entries.into_iter().find(|entry| entry.name.to_lowercase() == name).map(|entry| entry.path)
    };
    match near().filter(|_| problem.kind() == ErrorKind::NotFound) {
        Some(near) => Error::Input(format!("{}; is {} meant?", Error::io("open", path, problem), near.display())),
        None => Error::io("open", path, problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files, each of which holds something; names that end in a slash are folders.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            if name.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "lon,lat\n1,2\n").unwrap();
            }
        }
        folder
    }

    /// What `name` within `folder` comes to, by names within it, and the notice.
    fn found(folder: &Path, name: &str) -> Result<(Vec<String>, String), String> {
        let expanded = expand(&[folder.join(name)]).map_err(|e| e.to_string())?;
        let within = |input: &Input| {
            let name = input.to_string();
            name[folder.to_str().unwrap().len() + 1..].replace('\\', "/")
        };
        let notices: String = expanded.notices.iter().map(|notice| notice.text.as_str()).collect();
        Ok((expanded.inputs.iter().map(within).collect(), notices))
    }

    #[test]
    fn folders_are_walked_down_and_patterns_match() {
        let names = [
            "data/b.csv",
            "data/a.csv",
            "data/a/2.tsv.gz",
            "data/a/1.CSV",
            "data/a/deep/3.zip",
            "data/.hidden.csv",
            "data/.git/c.csv",
            "data/__MACOSX/a.csv",
            "data/README.md",
            "data/w[1].csv",
            "data/x{1,2}.csv",
            "none/points.xlsx",
            "none/.a.csv",
            "empty/",
        ];
        let folder = folder(&names);
        let folder = folder.path();
        let whole = [
            "data/a/1.CSV",
            "data/a/2.tsv.gz",
            "data/a/deep/3.zip",
            "data/a.csv",
            "data/b.csv",
            "data/w[1].csv",
            "data/x{1,2}.csv",
        ];
        let (inputs, notice) = found(folder, "data").unwrap();
        assert_eq!(inputs, whole);
        assert!(notice.contains("data: 4 of the files and folders there are passed over"), "{notice}");
        assert!(notice.contains("README.md (no ending of data)"), "{notice}");
        let table: &[(&str, &[&str])] = &[
            ("data/w[1].csv", &["data/w[1].csv"]),
            ("data/x{1,2}.csv", &["data/x{1,2}.csv"]),
            ("data/*.csv", &["data/a.csv", "data/b.csv", "data/w[1].csv", "data/x{1,2}.csv"]),
            ("data/?.csv", &["data/a.csv", "data/b.csv"]),
            ("data/[!a].csv", &["data/b.csv"]),
            ("data/[^a].csv", &["data/b.csv"]),
            ("data/[a-b].c*v", &["data/a.csv", "data/b.csv"]),
            ("d*/{b,a,zz}.csv", &["data/a.csv", "data/b.csv"]),
            ("{data/{a,b},none/*}.{csv,nope}", &["data/a.csv", "data/b.csv"]),
            ("data/w[[]1].csv", &["data/w[1].csv"]),
            ("data/.h*", &["data/.hidden.csv"]),
            ("data/*.md", &["data/README.md"]),
            ("data/[a]", &["data/a/1.CSV", "data/a/2.tsv.gz", "data/a/deep/3.zip"]),
            ("dat*/", &whole),
            ("data/**/[0-9]*", &["data/a/1.CSV", "data/a/2.tsv.gz", "data/a/deep/3.zip"]),
            ("**/3.zip", &["data/a/deep/3.zip"]),
            ("data/**/a.csv", &["data/a.csv"]),
            ("data/***/a**.csv", &[]),
            ("data/__*", &[]),
            ("data/__MACOSX/*", &["data/__MACOSX/a.csv"]),
            ("data/*/deep/**", &["data/a/deep/3.zip"]),
            ("data/**/**/../b.csv", &["data/a/../b.csv"]),
            ("data/a.csv/x/y.csv", &["data/a.csv/x/y.csv"]),
        ];
        for (name, expected) in table {
            match found(folder, name) {
                Ok((inputs, _)) => assert_eq!(inputs, *expected, "{name}"),
                Err(line) => assert!(expected.is_empty() && line.contains("no file matches"), "{name}: {line}"),
            }
        }
        // What a pattern matches it names: no file comes twice, whatever else leads to it.
        assert_eq!(found(folder, "data/**").unwrap().0, [&["data/README.md"], &whole[..]].concat());
        let wrong: &[(&str, &str)] = &[
            ("none", "none holds no file with an ending of data"),
            ("none", "but 2 of other kinds, such as"),
            ("empty", "is an empty folder"),
            ("data/*.parquet", "no file matches"),
            ("data/A.CSV", "a.csv meant?"),
            ("data/nope.csv", "cannot open"),
            ("data/n[.csv", "no pattern either"),
            ("data/a.csv/*.csv", "named without patterns"),
            ("emp*", "no file matches"),
            ("non*", "nothing is data"),
            ("{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}{0,1}", "fewer braces"),
        ];
        for (name, words) in wrong {
            let line = found(folder, name).unwrap_err();
            assert!(line.contains(words) && line.lines().count() == 1, "{name}: {line}");
        }
    }

    #[test]
    fn what_was_named_comes_in_that_order() {
        let folder = folder(&["b.csv", "a/z.csv", "a/y.csv", "a/n.pdf", "c/n.pdf", "c/x.csv"]);
        let paths = ["b.csv", "a", "c", "a/y.csv"].map(|name| folder.path().join(name));
        let named = [&["-".into()], &paths[..]].concat();
        let expanded = expand(&named).unwrap();
        let inputs: Vec<_> =
            expanded.inputs.iter().map(|input| input.file().map(|f| f.file_name().unwrap().to_owned())).collect();
        let expected = [None, Some("b.csv"), Some("y.csv"), Some("z.csv"), Some("x.csv"), Some("y.csv")];
        assert_eq!(inputs, expected.map(|name| name.map(Into::into)));
        // One notice for all of them.
        assert_eq!(expanded.notices.len(), 1);
        assert!(expanded.notices[0].text.contains("a and 1 others: 2 of the files"), "{:?}", expanded.notices);
        let member = expand(&[folder.path().join("b.csv/in/it.csv")]).unwrap().inputs;
        assert_eq!(member, [Input::Member { archive: folder.path().join("b.csv"), name: "in/it.csv".into() }]);
        let member = expand(&[folder.path().join("b.csv/../it.csv")]).unwrap().inputs;
        assert_eq!(member, [Input::Member { archive: folder.path().join("b.csv"), name: "../it.csv".into() }]);
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_in_circles_and_pipes_are_passed_over() {
        use std::os::unix::fs::symlink;
        let folder = folder(&["data/a.csv", "data/sub/b.csv", "elsewhere/c.csv"]);
        let at = |name: &str| folder.path().join(name);
        symlink("..", at("data/sub/up")).unwrap();
        symlink("sub", at("data/again")).unwrap();
        symlink(at("elsewhere"), at("data/there")).unwrap();
        symlink("a.csv", at("data/link.csv")).unwrap();
        fs::write(at("data/zero.csv"), "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("data/s.csv")).unwrap();
        let (inputs, notice) = found(folder.path(), "data").unwrap();
        assert_eq!(inputs, ["data/a.csv", "data/again/b.csv", "data/link.csv", "data/there/c.csv"]);
        assert!(notice.contains(": 4 of the files") && notice.contains("zero.csv (empty)"), "{notice}");
        let (inputs, _) = found(folder.path(), "data/**/[abc].csv").unwrap();
        assert_eq!(inputs, ["data/a.csv", "data/again/b.csv", "data/there/c.csv"]);
        let (inputs, notice) = found(folder.path(), "data/[as].csv").unwrap();
        assert_eq!(inputs, ["data/a.csv"]);
        assert!(notice.contains("s.csv (no plain file)"), "{notice}");
        fs::write(at("data/zero.csv"), "file,row,reason,value\na.csv,2,missing,\",\"\n").unwrap();
        let (inputs, notice) = found(folder.path(), "data").unwrap();
        assert_eq!(inputs, ["data/a.csv", "data/again/b.csv", "data/link.csv", "data/there/c.csv"]);
        assert!(notice.contains("zero.csv (rows that --rejects wrote)"), "{notice}");
        symlink("nowhere", at("data/broken.csv")).unwrap();
        let line = found(folder.path(), "data").unwrap_err();
        assert!(line.contains("broken.csv is a link that leads nowhere"), "{line}");
    }

    #[test]
    fn a_long_pattern_takes_no_time() {
        let folder = folder(&[&"a".repeat(200)]);
        assert!(found(folder.path(), &("a*".repeat(2000) + "b")).is_err());
        assert!(found(folder.path(), &("*/".repeat(2000) + &"**/".repeat(2000))).is_err());
        assert!(found(folder.path(), &("{".repeat(20_000) + &"}".repeat(20_000) + "*")).is_err());
    }
}
