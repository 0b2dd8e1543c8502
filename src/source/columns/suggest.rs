//! What a refusal says to do: columns that hold plausible numbers, and grids on which they would lie.

use super::cells::{Cell, Measure, Sheet, most, shown_cell, value};
use super::names::{self, Side};
use crate::project::grids;
use crate::source::cell::Axis;
use crate::source::options::Unit;

/// Columns looked at: more are no table of points.
const COLUMNS: usize = 500;

/// Two columns that may hold coordinates, and whether it is known which is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Likely {
    x: usize,
    y: usize,
    certain: bool,
}

fn likely(sheet: &Sheet<'_>) -> Option<Likely> {
    let rows = sheet.rows().count();
    let width = sheet.names.len().min(COLUMNS);
    let measures: Vec<Option<Measure>> = (0..width)
        .map(|column| {
            let all = Measure::of(sheet, column, Axis::Projected);
            let good = all.numbers > 0
                && 2 * all.filled >= rows
                && most(all.numbers, all.filled)
                && most(all.within_180, all.numbers)
                && most(all.fractions, all.numbers)
                && (all.spread || all.numbers < 3);
            good.then_some(all)
        })
        .collect();
    let mut best: Option<((bool, bool, usize), Likely)> = None;
    for (i, a) in measures.iter().enumerate() {
        for step in 1..=2 {
            let (Some(a), Some(Some(b))) = (a, measures.get(i + step)) else { continue };
            let small = [a, b].map(|measure| most(measure.within_90, measure.numbers));
            if small == [false, false] {
                continue;
            }
            let side = |column: usize| {
                sheet
                    .names
                    .get(column)
                    .filter(|_| sheet.header)
                    .and_then(|name| names::parse(name))
                    .map(|name| name.side)
            };
            let (x, y, certain) = match (side(i), side(i + step), small) {
                (_, _, [false, true]) | (Some(Side::X), _, _) | (_, Some(Side::Y), _) => (i, i + step, true),
                (_, _, [true, false]) | (Some(Side::Y), _, _) | (_, Some(Side::X), _) => (i + step, i, true),
                _ => (i, i + step, false),
            };
            let fine = most(a.fine, a.numbers) && most(b.fine, b.numbers);
            let worth = (fine, certain, 2 - step);
            if best.as_ref().is_none_or(|(known, _)| worth > *known) {
                best = Some((worth, Likely { x, y, certain }));
            }
        }
    }
    best.map(|(_, likely)| likely)
}

/// The places to give where there is no header.
pub(super) fn places(sheet: &Sheet<'_>) -> String {
    let flags = sheet.flags();
    let headless = sheet.headless();
    if sheet.projected {
        return format!("give {} '#1' {} '#2' (places from 1)", flags[0], flags[1]);
    }
    match likely(&headless) {
        Some(Likely { x, y, certain }) => format!(
            "give {} (places from 1; {}{})",
            headless.command(x, y),
            example(&headless, x, y),
            if certain { "" } else { ", or the other way round" }
        ),
        None => format!("give {} '#1' {} '#2' (places from 1)", flags[0], flags[1]),
    }
}

/// The names to give where none say what they are.
pub(super) fn named(sheet: &Sheet<'_>) -> Option<String> {
    if sheet.projected {
        return None;
    }
    let Likely { x, y, certain } = likely(sheet)?;
    let flags = sheet.flags();
    Some(format!(
        "name them with {} and {}, such as {} ({}{})",
        flags[0],
        flags[1],
        sheet.command(x, y),
        example(sheet, x, y),
        if certain { "" } else { ", or the other way round" }
    ))
}

/// What the first row that has both holds.
pub(super) fn example(sheet: &Sheet<'_>, x: usize, y: usize) -> String {
    let filled = |cell: Option<&[u8]>| cell.is_some_and(|cell| !super::cells::is_missing(cell));
    let rows = || sheet.column(x).zip(sheet.column(y)).filter(|(a, b)| filled(*a) && filled(*b));
    // A row of units shows nothing.
    let numeric = |cell: Option<&[u8]>| cell.is_some_and(|cell| super::cells::looks_numeric(cell, sheet.decimal()));
    let found = rows().find(|(a, b)| numeric(*a) && numeric(*b)).or_else(|| rows().next());
    match found {
        Some((Some(a), Some(b))) => format!("such as {} and {}", shown_cell(a), shown_cell(b)),
        _ => "no row holds both".into(),
    }
}

/// The middle of the numbers of a column.
fn middle(sheet: &Sheet<'_>, column: usize) -> Option<f64> {
    let mut all: Vec<f64> = sheet
        .filled(column)
        .filter_map(|cell| match value(cell, Axis::Projected, Unit::Degrees, sheet.decimal()) {
            Cell::Number(number) => Some(number),
            _ => None,
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// The national grids on which a place lies where they are used, as words that say what to give.
pub(super) fn systems(x: f64, y: f64) -> Option<String> {
    let fitting = grids::fitting(x, y);
    let all: Vec<String> = fitting.iter().take(8).map(|grid| format!("EPSG:{} ({})", grid.code, grid.name)).collect();
    match fitting.as_slice() {
        [] => None,
        [only] => Some(format!("the numbers fit {}: give --crs EPSG:{}", all.join(""), only.code)),
        // Web Mercator holds the whole world and fits whatever another fits.
        [likely, other] if other.code == 3857 => {
            Some(format!("the numbers fit {}: give --crs EPSG:{}", all.join(" or "), likely.code))
        }
        _ => {
            let more = if fitting.len() > all.len() { " and others" } else { "" };
            Some(format!("the numbers fit these: {}{more}: give one with --crs EPSG:...", all.join(", ")))
        }
    }
}

/// The national grids on which the middle of two columns lies; `None` where there is none.
pub(super) fn grids(sheet: &Sheet<'_>, x: usize, y: usize) -> Option<String> {
    systems(middle(sheet, x)?, middle(sheet, y)?)
}

/// Whether the middle of two columns lies on a grid of a country, which Web Mercator is not.
pub(super) fn on_a_grid(sheet: &Sheet<'_>, x: usize, y: usize) -> bool {
    let (Some(x), Some(y)) = (middle(sheet, x), middle(sheet, y)) else { return false };
    grids::fitting(x, y).iter().any(|grid| grid.code != 3857)
}
