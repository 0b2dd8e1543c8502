//! Columns whose names go together: the same name apart from the word for longitude or latitude.

use std::collections::BTreeMap;

use super::names::{Family, Name, Role, Side, parse};

/// Two columns that belong together by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) family: Family,
    pub(super) role: Option<Role>,
    /// Whether nothing but a unit and words without meaning stands beside the coordinate's own name.
    pub(super) plain: bool,
    /// Whether both names consist of the coordinate's word and a unit at most.
    pub(super) bare: bool,
    pub(super) stop: bool,
    pub(super) degrees: bool,
    pub(super) weak: bool,
    /// Whether a word such as north or nord alone names the coordinate, which is also one of other things.
    pub(super) common: bool,
}

/// What the names of a pair have in common.
type Key<'a> = (Family, &'a [String], Option<Role>);

/// All pairs, in the order of their columns.
pub(super) fn find(names: &[Option<Name>]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut left: Vec<usize> = (0..names.len()).filter(|&i| names.get(i).is_some_and(Option::is_some)).collect();
    // First those whose other words are the same, then those that differ in the unit or in words without meaning, then
    // those that differ in the quarters of the compass that they count to.
    let words: [fn(&Name) -> &[String]; 3] = [|name| &name.rest, |name| &name.stem, |name| &name.core];
    for (turn, words) in words.into_iter().enumerate() {
        let mut groups: BTreeMap<Key<'_>, [Vec<usize>; 2]> = BTreeMap::new();
        for &column in &left {
            let Some(Some(name)) = names.get(column) else { continue };
            let group = groups.entry((name.family, words(name), name.role)).or_default();
            group[usize::from(name.side == Side::Y)].push(column);
        }
        let rank = |column: usize| names.get(column).and_then(Option::as_ref).map_or(0, |name| name.rank);
        for [mut xs, mut ys] in groups.into_values() {
            // East and west of one thing are the sides of a box.
            if turn == 2 && (xs.len(), ys.len()) != (1, 1) {
                continue;
            }
            xs.sort_by_key(|&column| (rank(column), column));
            ys.sort_by_key(|&column| (rank(column), column));
            for (&x, &y) in xs.iter().zip(&ys) {
                if let (Some(Some(a)), Some(Some(b))) = (names.get(x), names.get(y)) {
                    pairs.push(pair(x, y, a, b));
                }
            }
        }
        let taken: std::collections::BTreeSet<usize> = pairs.iter().flat_map(|pair| [pair.x, pair.y]).collect();
        left.retain(|column| !taken.contains(column));
    }
    pairs.sort_by_key(|pair| pair.x.min(pair.y));
    pairs
}

fn pair(x: usize, y: usize, a: &Name, b: &Name) -> Pair {
    let plain = a.core.is_empty() && b.core.is_empty() && a.role.is_none();
    Pair {
        x,
        y,
        family: a.family,
        role: a.role,
        plain,
        bare: plain && a.bare && b.bare,
        stop: a.stop || b.stop,
        degrees: a.degrees && b.degrees,
        weak: a.weak || b.weak,
        common: a.family == Family::Grid && (a.rank > 1 || b.rank > 1),
    }
}

/// Names that are looked at word by word; a header of more is no table of points.
const NAMES: usize = 10_000;

/// What each name says.
pub(super) fn parse_all(names: &[String]) -> Vec<Option<Name>> {
    names.iter().take(NAMES).map(|name| parse(name)).collect()
}

/// Which of several pairs of one kind is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Best<'a> {
    /// There is none.
    None,
    /// One stands out.
    One(&'a Pair),
    /// It is the start of a way, or the end of one: to be told.
    End(&'a Pair),
    /// None does.
    Many,
}

/// The pair that stands out: the plain one, or the one start beside ends.
pub(super) fn best<'a>(pairs: &[&'a Pair]) -> Best<'a> {
    let [first, ..] = pairs else { return Best::None };
    let plain: Vec<&&Pair> = pairs.iter().filter(|pair| pair.plain && !pair.stop).collect();
    let bare: Vec<&&&Pair> = plain.iter().filter(|pair| pair.bare).collect();
    match (plain.as_slice(), bare.as_slice()) {
        ([only], _) => return Best::One(only),
        // The same place in two notations.
        ([_, ..], [first, ..]) => return Best::One(first),
        ([_, ..], []) => return Best::Many,
        ([], _) => {}
    }
    if pairs.len() == 1 {
        return if first.role.is_some() { Best::End(first) } else { Best::One(first) };
    }
    let starts: Vec<&&Pair> = pairs.iter().filter(|pair| pair.role == Some(Role::Start)).collect();
    let ends = pairs.iter().filter(|pair| pair.role == Some(Role::End) || (pair.stop && pair.role.is_none())).count();
    match starts.as_slice() {
        [start] if ends + 1 == pairs.len() => Best::End(start),
        _ => Best::Many,
    }
}
