//! Columns that say in which half of the globe the number beside them lies: by their names, or by what they hold.

use super::cells::{Sheet, most, shown_cell};
use super::names::{self, Name, Side};
use crate::source::cell::Axis;
use crate::source::notice::Notice;
use crate::source::options::Unit;
use crate::source::value::{self, Half, hemisphere};

/// What a column holds, in cells.
#[derive(Debug, Clone, Copy, Default)]
struct Content {
    filled: usize,
    north_south: usize,
    east_west: usize,
    /// O, which is east in German and west in Spanish.
    o: usize,
    /// Both halves in one, such as NW.
    quadrants: usize,
}

impl Content {
    fn of(sheet: &Sheet<'_>, column: usize) -> Self {
        let known = |cell, axis| matches!(hemisphere(cell, axis), Some(Half::Positive | Half::Negative));
        let mut all = Self::default();
        for cell in sheet.filled(column) {
            all.filled += 1;
            let o = value::is_o(cell);
            all.o += usize::from(o);
            all.north_south += usize::from(known(cell, Axis::Latitude));
            all.east_west += usize::from(!o && known(cell, Axis::Longitude));
            let letters = cell.trim_ascii().to_ascii_uppercase();
            all.quadrants += usize::from(matches!(&letters[..], b"NE" | b"NW" | b"SE" | b"SW"));
        }
        all
    }

    fn of_side(&self, side: Side) -> usize {
        if side == Side::X { self.east_west } else { self.north_south }
    }
}

/// A column that says the half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Its place among the names.
    pub(super) column: usize,
    /// Whether it is blank in the sample: what stays blank says nothing.
    pub(super) silent: bool,
}

/// The columns that belong to the two coordinates.
pub(super) fn find(
    sheet: &Sheet<'_>,
    coordinates: &[Option<Name>; 2],
    places: [usize; 2],
) -> Result<[Option<Found>; 2], String> {
    let columns = loud(sheet, coordinates, places)?;
    let mut found = columns.map(|column| column.map(|column| Found { column, silent: false }));
    if sheet.header {
        for (column, name) in sheet.names.iter().take(COLUMNS).enumerate() {
            let Some(half) = names::half(name).filter(|_| !places.contains(&column)) else { continue };
            let Some(side) = half.side.filter(|_| Content::of(sheet, column).filled == 0) else { continue };
            let i = usize::from(side == Side::Y);
            if coordinates[i].as_ref().is_none_or(|name| name.core == half.stem) {
                found[i].get_or_insert(Found { column, silent: true });
            }
        }
    }
    Ok(found)
}

/// Columns that are looked at.
const COLUMNS: usize = 10_000;

/// The columns that say something in the sample.
fn loud(sheet: &Sheet<'_>, coordinates: &[Option<Name>; 2], places: [usize; 2]) -> Result<[Option<usize>; 2], String> {
    let mut found = [None, None];
    if sheet.header {
        for (column, name) in sheet.names.iter().take(COLUMNS).enumerate() {
            let Some(half) = names::half(name).filter(|_| !places.contains(&column)) else { continue };
            named(sheet, column, &half, coordinates, places, &mut found)?;
        }
    }
    let found_by_name = found;
    for (side, i) in [(Side::Y, 1), (Side::X, 0)] {
        if found[i].is_none() {
            let other = found[1 - i];
            found[i] = beside(sheet, side, places, other)?;
        }
    }
    // Two columns of which one holds N and S and the other E and W mean it, wherever they stand.
    for i in [0, 1] {
        if found[i].is_none() {
            let side = if i == 1 { Side::Y } else { Side::X };
            let other = found[1 - i].or_else(|| anywhere(sheet, if i == 1 { Side::X } else { Side::Y }, places));
            if other.is_some() {
                found[i] = anywhere(sheet, side, places);
            }
        }
    }
    // One letter alone, in a column of another name, may mean anything: a size, a yes or no.
    for i in [0, 1] {
        let Some(column) = found[i].filter(|_| found_by_name[i].is_none() && found[1 - i].is_none()) else { continue };
        let mut letters = sheet.filled(column).map(<[u8]>::trim_ascii);
        let Some(first) = letters.next() else { continue };
        if first.len() > 1 || letters.any(|other| !other.eq_ignore_ascii_case(first)) {
            continue;
        }
        found[i] = None;
        let asked = sheet.options.x.is_some() && sheet.options.y.is_some();
        if matches!(first, b"S" | b"s" | b"W" | b"w") && !asked {
            let flags = sheet.flags();
            return Err(format!(
                "column '{}' beside '{}' holds nothing but {}: if that is the half of the globe, name it such as lat_dir or \
                 lon_dir; if not, name the columns with {} and {}",
                sheet.label(column),
                sheet.label(places[i]),
                shown_cell(first),
                flags[0],
                flags[1]
            ));
        }
    }
    Ok(found)
}

/// The one column that holds nothing but the halves of a side.
fn anywhere(sheet: &Sheet<'_>, side: Side, places: [usize; 2]) -> Option<usize> {
    // Nearly every column is told from one by its first cell.
    let begins =
        |column: usize| sheet.filled(column).next().is_some_and(|cell| hemisphere(cell, side.degrees()).is_some());
    let mut all = (0..sheet.names.len().min(ANYWHERE)).filter(|&column| begins(column)).filter(|&column| {
        let content = Content::of(sheet, column);
        !places.contains(&column)
            && content.filled > 0
            && content.of_side(side) == content.filled
            && !moves(sheet, column)
    });
    all.next().filter(|_| all.next().is_none())
}

/// Columns that are looked at for what they hold alone.
const ANYWHERE: usize = 200;

/// Takes a column that is named so, unless it holds something else.
fn named(
    sheet: &Sheet<'_>,
    column: usize,
    half: &names::HalfName,
    coordinates: &[Option<Name>; 2],
    places: [usize; 2],
    found: &mut [Option<usize>; 2],
) -> Result<(), String> {
    let content = Content::of(sheet, column);
    let side = half.side.unwrap_or(if content.north_south >= content.east_west { Side::Y } else { Side::X });
    let i = usize::from(side == Side::Y);
    let (Some(&place), Some(coordinate)) = (places.get(i), coordinates.get(i)) else { return Ok(()) };
    // Of several pairs each may have its own.
    if coordinate.as_ref().is_some_and(|name| name.core != half.stem) {
        return Ok(());
    }
    if content.o > 0 && side == Side::X && 2 * (content.o + content.east_west) >= content.filled {
        return Err(ambiguous(sheet, column));
    }
    if content.quadrants > 0 && 2 * content.quadrants >= content.filled {
        return Err(format!(
            "column '{}' says in which quarter of the globe a row lies ({}), which is not understood: the map would be \
             mirrored; write the numbers with a sign, or N, S, E and W in two columns",
            sheet.label(column),
            sheet.filled(column).next().map(shown_cell).unwrap_or_default()
        ));
    }
    let cells = sheet.column(column).flatten().map(<[u8]>::trim_ascii);
    let signs: Vec<&[u8]> = cells.filter(|cell| !cell.is_empty()).collect();
    if half.side.is_some()
        && !signs.is_empty()
        && signs.iter().all(|cell| matches!(*cell, b"+" | b"-" | b"1" | b"-1" | b"+1"))
    {
        if signs.iter().any(|cell| matches!(*cell, b"-" | b"-1")) {
            return Err(format!(
                "column '{}' says the sign of '{}' ({}), which is not understood: the map would be mirrored; write the \
                 numbers with their signs",
                sheet.label(column),
                sheet.label(place),
                signs.first().map(|cell| shown_cell(cell)).unwrap_or_default()
            ));
        }
        return Ok(());
    }
    // A column that is blank says nothing as yet.
    if content.filled == 0 {
        return Ok(());
    }
    let other = if side == Side::X { content.north_south } else { content.east_west };
    if 2 * content.of_side(side) >= content.filled {
        let near = |candidate: usize| candidate.abs_diff(place);
        if let Some(slot) = found.get_mut(i)
            && slot.is_none_or(|known| near(column) < near(known))
        {
            *slot = Some(column);
        }
        Ok(())
    } else if 2 * other >= content.filled {
        Err(format!(
            "column '{}' is named like the half of the globe of '{}' and holds {}; name other columns with {}",
            sheet.label(column),
            sheet.label(place),
            sheet.filled(column).next().map(shown_cell).unwrap_or_default(),
            sheet.flags().join(" and ")
        ))
    } else {
        Ok(())
    }
}

fn ambiguous(sheet: &Sheet<'_>, column: usize) -> String {
    format!("column '{}' holds O, {}", sheet.label(column), value::O_MEANS)
}

/// Whether letters stand beside most numbers of a column of longitudes. Fails where O is among them.
pub(super) fn lettered(sheet: &Sheet<'_>, column: usize, unit: Unit) -> Result<bool, String> {
    let (mut filled, mut letters, mut o) = (0, 0, None);
    for cell in sheet.filled(column) {
        filled += 1;
        letters += usize::from(cell.iter().any(u8::is_ascii_alphabetic));
        if o.is_none() && value::is_with_o(cell, unit, sheet.decimal()) {
            o = Some(cell);
        }
    }
    match o {
        Some(cell) if 2 * letters >= filled => {
            Err(format!("column '{}' holds O ({}), {}", sheet.label(column), shown_cell(cell), value::O_MEANS))
        }
        _ => Ok(filled > 0 && 2 * letters >= filled),
    }
}

/// A column next to a coordinate that holds nothing else.
fn beside(sheet: &Sheet<'_>, side: Side, places: [usize; 2], taken: Option<usize>) -> Result<Option<usize>, String> {
    let Some(&place) = places.get(usize::from(side == Side::Y)) else { return Ok(None) };
    for column in [Some(place + 1), place.checked_sub(1)].into_iter().flatten() {
        if places.contains(&column) || taken == Some(column) || moves(sheet, column) {
            continue;
        }
        let content = Content::of(sheet, column);
        // A row of units may stand before the others.
        let all = |part: usize| part > 0 && (part == content.filled || (part > 10 && part + 1 == content.filled));
        if side == Side::X
            && content.o > 0
            && all(content.o + content.east_west)
            && (content.east_west > 0 || taken.is_some())
        {
            return Err(ambiguous(sheet, column));
        }
        if all(content.of_side(side)) && most(content.of_side(side), content.filled) {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// Whether a column's name says where something goes or blows to.
fn moves(sheet: &Sheet<'_>, column: usize) -> bool {
    let words =
        ["heading", "bearing", "course", "wind", "direction", "travel", "track", "bound", "road", "aspect", "side"];
    let name = sheet.names.get(column).filter(|_| sheet.header).map(|name| name.to_lowercase()).unwrap_or_default();
    words.iter().any(|word| name.contains(word))
}

/// That a column is applied.
pub(super) fn notice(sheet: &Sheet<'_>, coordinate: usize, half: usize) -> Notice {
    let value = sheet.filled(half).next().map(shown_cell);
    let example = value.map(|value| format!(" ({value})")).unwrap_or_default();
    Notice::new(
        "hemisphere",
        format!(
            "the sign of column '{}' is taken from column '{}'{example}",
            sheet.label(coordinate),
            sheet.label(half)
        ),
    )
}
