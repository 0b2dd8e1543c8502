//! The floors of ARCHITECTURE.md, held by reading the source: a module uses itself and lower floors, never a
//! neighbour, and each outside package has one home.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the ground up; those of one row must not know each other.
const FLOORS: [&[&str]; 8] = [
    &["error", "monitor", "account"],
    &["tile", "rows"],
    &["counts", "project", "staging", "heat"],
    &["shade", "store", "encode"],
    &["source", "backend", "container", "paper"],
    &["render", "serve"],
    &["bench", "session"],
    &["cli", "main", "lib"],
];

/// Exceptions on the ground floor: the monitor and the account speak of errors.
const NEIGHBOURS_ALLOWED: [(&str, &str); 2] = [("monitor", "error"), ("account", "error")];

/// Packages and a module that may name them; a package with several homes stands here several times.
const HOMES: [(&str, &str); 17] = [
    ("wgpu", "backend/gpu"),
    ("pollster", "backend/gpu"),
    ("csv", "source"),
    ("proj_sys", "project"),
    ("png", "encode"),
    ("png", "paper"),
    ("image", "paper"),
    ("noto_sans_mono_bitmap", "paper"),
    ("clap", "cli"),
    ("indicatif", "cli"),
    ("ctrlc", "cli"),
    ("signal_hook", "cli"),
    ("pmtiles", "container"),
    ("tokio", "serve"),
    ("hyper", "serve"),
    ("hyper_util", "serve"),
    ("sha2", "serve"),
];

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// (path below src with forward slashes, text without comment lines).
fn all_sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 10);
    files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&file).unwrap();
            let code: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
            (name, code.join("\n"))
        })
        .collect()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|row| row.contains(&module))
}

fn violations(sources: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, code) in sources {
        let module = name.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let Some(own) = floor(module) else {
            found.push(format!("{name}: module {module} has no floor"));
            continue;
        };
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        if code.contains("crate::{") {
            found.push(format!("{name} imports several modules at once, where this test does not look"));
        }
        for used in code.split("crate::").skip(1) {
            let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            let Some(other) = floor(used) else { continue };
            if used != module && other >= own && !NEIGHBOURS_ALLOWED.contains(&(module, used)) {
                found.push(format!("{name} uses {used}, which is not below it"));
            }
        }
    }
    found
}

#[test]
fn every_module_uses_lower_floors_only() {
    let found = violations(&all_sources());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_step_to_a_neighbour_is_noticed() {
    let bad = [("store/points.rs".to_string(), "use crate::backend::Plan;".to_string())];
    assert_eq!(violations(&bad).len(), 1);
    let hidden = [("store/points.rs".to_string(), "use crate::{backend::Plan, error::Result};".to_string())];
    assert_eq!(violations(&hidden).len(), 1);
    let neighbour = [("source/csv.rs".to_string(), "crate::container::create".to_string())];
    assert_eq!(violations(&neighbour).len(), 1);
}

#[test]
fn packages_stay_in_their_homes() {
    for (name, code) in all_sources() {
        for (package, home) in HOMES {
            // A module of ours may have a package's name.
            if code.contains(&format!("mod {package};")) {
                continue;
            }
            let named = [format!("{package}::"), format!("use {package};")]
                .iter()
                .any(|word| code.match_indices(word).any(|(at, _)| !is_part_of_a_path(&code, at)));
            let at_home = HOMES.iter().any(|(of, home)| *of == package && name.starts_with(home));
            assert!(!named || at_home, "{name} names the package {package}, whose home is {home}");
        }
    }
}

/// Whether the word at `at` continues a longer name or path ("crate::encode::png::").
fn is_part_of_a_path(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
}

#[test]
fn the_two_backends_do_not_know_each_other() {
    for (name, code) in all_sources() {
        if name.starts_with("backend/cpu") {
            assert!(!code.contains("::gpu"), "{name} knows the GPU backend");
        }
        if name.starts_with("backend/gpu") {
            assert!(!code.contains("::cpu"), "{name} knows the CPU backend");
        }
    }
}
