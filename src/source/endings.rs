//! Which of many files hold rows, by their names: asked where a folder or an archive is named instead of a file. What a
//! file that was named itself is called does not matter.

use std::path::Path;

/// Endings of tables in text.
const TABLES: [&str; 8] = ["csv", "tsv", "tab", "txt", "dat", "psv", "ssv", "xyz"];
/// Endings of what is packed.
const PACKED: [&str; 8] = ["gz", "bgz", "bgzf", "zst", "zstd", "bz2", "xz", "lz4"];
/// What lies beside data and is read by people: such texts, by the beginning or the whole of their names.
const READ_ME: [&str; 2] = ["readme", "licen"];
const ABOUT: [&str; 13] = [
    "about",
    "authors",
    "changelog",
    "changes",
    "contributors",
    "copying",
    "copyright",
    "credits",
    "disclaimer",
    "metadata",
    "notice",
    "terms",
    "version",
];

/// Whether a file of this name holds rows, to judge by its ending; hidden ones, and texts about data, do not.
pub(super) fn is_data(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy().to_lowercase();
    if name.starts_with('.') {
        return false;
    }
    let (rest, ending) = split(&name);
    if ending == "zip" {
        return true;
    }
    if !PACKED.contains(&ending) {
        return is_table(rest, ending);
    }
    let (inner, ending) = split(rest);
    // `points.gz` and `points-1.2.gz`, but not `points.tar.gz`.
    is_table(inner, ending) || !(ending.len() <= 8 && ending.starts_with(|c: char| c.is_ascii_lowercase()))
}

fn is_table(name: &str, ending: &str) -> bool {
    let letters = || name.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let about = |name: &str| READ_ME.iter().any(|start| name.starts_with(start)) || ABOUT.contains(&name);
    TABLES.contains(&ending) && !(ending == "txt" && about(&letters()))
}

/// A name and its ending, without the point; no ending where there is none.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').filter(|(name, _)| !name.is_empty()).unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_known_by_its_ending() {
        for name in [
            "a.csv",
            "A.CSV",
            "x/stops.txt",
            "a.tsv",
            "a.tab",
            "a.dat",
            "a.psv",
            "DE.txt",
            "a.csv.gz",
            "a.txt.zst",
            "a.tsv.bz2",
            "a.csv.xz",
            "a.csv.lz4",
            "a.csv.bgz",
            "points.gz",
            "points-1.2.zst",
            "a.zip",
            "licences.csv",
            "readme.csv",
            "version 2.txt",
        ] {
            assert!(is_data(Path::new(name)), "{name}");
        }
        for name in [
            "README",
            "LICENSE",
            "Makefile",
            "readme.txt",
            "READ_ME.txt",
            "readme_en.txt.gz",
            "Licence.txt",
            "version.txt",
            "a.pdf",
            "a.md",
            "a.html",
            "a.png",
            "a.shp",
            "a.dbf",
            "a.geojson",
            "a.tar.gz",
            "a.json.gz",
            "a.tgz",
            ".a.csv",
            ".csv",
            ".gz",
            "csv",
            "a.csv.part",
            "..",
            "",
        ] {
            assert!(!is_data(Path::new(name)), "{name}");
        }
    }
}
