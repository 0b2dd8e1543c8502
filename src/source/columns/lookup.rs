//! Columns by the names that a person gives or that are known.

use super::cells::shown;

/// Names that are compared with one that is not there.
const LOOKED: usize = 1000;

/// The column with a name that a person gave.
pub(super) fn by_name(all: &[String], name: &str, flag: &str) -> Result<usize, String> {
    // The exact spelling tells `Lon` from `lon` where a file has both.
    let exact: Vec<usize> = (0..all.len()).filter(|&i| all[i] == *name).collect();
    let places = if exact.len() == 1 { exact } else { places(all, name) };
    one(&places, name, all, flag)
}

/// Every column of a name.
pub(super) fn places(names: &[String], wanted: &str) -> Vec<usize> {
    let wanted = wanted.trim().to_lowercase();
    (0..names.len()).filter(|&i| names[i].to_lowercase() == wanted).collect()
}

/// The one column there is of a name.
pub(super) fn one(places: &[usize], name: &str, all: &[String], flag: &str) -> Result<usize, String> {
    match places {
        [place] => Ok(*place),
        [] => Err(format!(
            "there is no column '{}' ({flag}){}; columns found: {}",
            shown(name),
            meant(name, all),
            list(all)
        )),
        [first, ..] => Err(format!(
            "{} columns are named '{}'; choose one by its place, such as {flag} '#{}'; columns found: {}",
            places.len(),
            shown(name),
            first + 1,
            list(all)
        )),
    }
}

/// The names that a person may have meant, as a question.
fn meant(name: &str, all: &[String]) -> String {
    let plain = |text: &str| text.to_lowercase().replace([' ', '_', '-', '.'], "");
    let wanted = plain(name);
    let near = |other: &&String| {
        let other = plain(other);
        let within = wanted.len() >= 3 && (other.contains(&wanted) || wanted.contains(&other) && other.len() >= 3);
        within || strsim::damerau_levenshtein(&wanted, &other) <= wanted.chars().count() / 3
    };
    let mut near: Vec<&String> = all.iter().take(LOOKED).filter(near).collect();
    near.sort_by_key(|other| strsim::damerau_levenshtein(&wanted, &plain(other)));
    match near[..] {
        [] => String::new(),
        [first] => format!(" (did you mean '{}'?)", shown(first)),
        [first, second, ..] => format!(" (did you mean '{}' or '{}'?)", shown(first), shown(second)),
    }
}

/// At most 40 names, each cut to 40 characters: enough to choose from, short enough for a line.
pub(super) fn list(all: &[String]) -> String {
    let mut text = String::new();
    for (i, name) in all.iter().take(40).enumerate() {
        text.push_str(if i == 0 { "" } else { ", " });
        text.extend(name.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }));
    }
    if all.len() > 40 {
        text.push_str(&format!(" and {} more", all.len() - 40));
    }
    text
}
