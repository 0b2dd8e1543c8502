//! One column that holds both coordinates: which it is, how they are written, and in which order.

use super::cells::{Sheet, most, shown_cell};
use super::chosen::Chosen;
use super::column_ref::ColumnRef;
use super::lookup::{by_name as column_named, list};
use super::{names, suggest};
use crate::project::{Coordinate, Crs};
use crate::source::Header;
use crate::source::cell::{self, Axis, Srid, Verdict};
use crate::source::notice::Notice;
use crate::source::options::{Order, Unit};
use crate::source::take::Take;
use crate::source::value::{self, Recognised};

/// Cells that are looked at to know a column.
const SAMPLES: usize = 200;

/// A column of places.
#[derive(Debug)]
pub(super) struct Found {
    column: usize,
    geometry: cell::Geometry,
    srid: Option<u32>,
    /// Whether a person named it.
    asked: bool,
    /// Other columns of the kind.
    others: Vec<usize>,
}

fn recognise(sheet: &Sheet<'_>, column: usize) -> Option<Recognised> {
    let samples: Vec<&[u8]> = sheet.filled(column).take(SAMPLES).collect();
    if samples.is_empty() { None } else { value::recognise(&samples) }
}

/// The column that a person named.
pub(super) fn asked(sheet: &mut Sheet<'_>) -> Result<Found, String> {
    let Some(wanted) = &sheet.options.geometry else { return Err("no --geometry was given".into()) };
    let column = match wanted {
        ColumnRef::Number(number) if (1..=sheet.first().len()).contains(number) => number - 1,
        ColumnRef::Number(_) => {
            return Err(format!("there is no column {wanted}: columns found: {}", list(&sheet.names)));
        }
        ColumnRef::Name(_) if sheet.options.header == Header::No => {
            return Err("without a header columns have no names; give --geometry '#1' (places from 1)".into());
        }
        ColumnRef::Name(name) => column_named(&sheet.names, name, "--geometry")?,
    };
    if let (ColumnRef::Number(_), Header::Auto) = (wanted, sheet.options.header) {
        let first = sheet.first().get(column).map(Vec::as_slice).unwrap_or_default();
        sheet.header = !matches!(value::recognise(&[first]), Some(Recognised::Geometry { .. }));
    }
    let label = sheet.label(column);
    match recognise(sheet, column) {
        Some(Recognised::Geometry { geometry, order_known, srid }) => {
            let geometry = ordered(sheet, column, geometry, order_known)?;
            Ok(Found { column, geometry, srid, asked: true, others: Vec::new() })
        }
        Some(Recognised::Refused(what)) => Err(refuses(sheet, column, what)),
        // Places may follow.
        None if is_blank(sheet, column) => {
            let geometry = cell::Geometry::Any(sheet.options.order);
            Ok(Found { column, geometry, srid: None, asked: true, others: Vec::new() })
        }
        None => Err(format!(
            "column '{label}' (--geometry) holds no points that are understood ({}); they may be WKT (POINT (x y)), WKB in \
             hexadecimal digits, GeoJSON or two numbers",
            sheet
                .filled(column)
                .next()
                .map_or_else(|| "it is blank".into(), |cell| format!("such as {}", shown_cell(cell)))
        )),
    }
}

/// Whether rows were looked at and a column is blank in all of them.
fn is_blank(sheet: &Sheet<'_>, column: usize) -> bool {
    sheet.rows().next().is_some() && sheet.filled(column).next().is_none()
}

fn refuses(sheet: &Sheet<'_>, column: usize, what: &str) -> String {
    let example = sheet.filled(column).next().map(shown_cell).unwrap_or_default();
    format!(
        "column '{}' holds {what} ({example}), which is not read; turn it into a longitude and a latitude first",
        sheet.label(column)
    )
}

/// The order of a pair: as asked, by the values, by the name; refused where none tells.
fn ordered(
    sheet: &Sheet<'_>,
    column: usize,
    geometry: cell::Geometry,
    order_known: bool,
) -> Result<cell::Geometry, String> {
    let cell::Geometry::Pair(order) = geometry else { return Ok(geometry) };
    if let Some(order) = sheet.options.order {
        return Ok(cell::Geometry::Pair(order));
    }
    let name = sheet.names.get(column).filter(|_| sheet.header).and_then(|name| names::geometry(name)).flatten();
    let by_name = name.map(|lonlat| if lonlat { Order::LonLat } else { Order::LatLon });
    match (order_known, by_name) {
        (true, _) => Ok(cell::Geometry::Pair(order)),
        (false, Some(order)) => Ok(cell::Geometry::Pair(order)),
        (false, None) => {
            if let Some(order) = by_values(sheet, column) {
                return Ok(cell::Geometry::Pair(order));
            }
            let example = sheet.filled(column).next().map(shown_cell).unwrap_or_default();
            Err(format!(
                "column '{}' holds two numbers ({example}), and nothing tells which is the longitude; give --geometry {} \
                 with --order lonlat or --order latlon",
                sheet.label(column),
                sheet.argument(column)
            ))
        }
    }
}

/// What is read of the samples.
fn points(sheet: &Sheet<'_>, column: usize, geometry: cell::Geometry, srid: Option<Srid>) -> Vec<Coordinate> {
    let axes = [Axis::Projected; 2];
    let unit = sheet.options.unit.unwrap_or(Unit::Degrees);
    sheet
        .filled(column)
        .take(SAMPLES)
        .filter_map(|cell| value::geometry(cell, geometry, axes, unit, sheet.decimal(), srid).ok())
        .collect()
}

/// The order that the values tell beyond doubt: no latitude is above 90.
fn by_values(sheet: &Sheet<'_>, column: usize) -> Option<Order> {
    let points = points(sheet, column, cell::Geometry::Pair(Order::LonLat), None);
    let degrees = |x: f64, y: f64| x.abs() <= 180.0 && y.abs() <= 90.0;
    let lonlat = points.iter().filter(|at| degrees(at.x, at.y)).count();
    let latlon = points.iter().filter(|at| degrees(at.y, at.x)).count();
    match (points.len(), lonlat, latlon) {
        (all, a, b) if all > 0 && most(a, all) && b < a && !most(b, all) => Some(Order::LonLat),
        (all, a, b) if all > 0 && most(b, all) && a < b && !most(a, all) => Some(Order::LatLon),
        _ => None,
    }
}

/// A column that is named like a place, or holds geometries whatever it is named.
pub(super) fn by_name(sheet: &Sheet<'_>) -> Result<Option<Found>, String> {
    search(sheet, true)
}

/// A column that holds geometries, where there are no names.
pub(super) fn by_content(sheet: &Sheet<'_>) -> Result<Option<Found>, String> {
    search(sheet, false)
}

fn search(sheet: &Sheet<'_>, named: bool) -> Result<Option<Found>, String> {
    let mut all: Vec<(usize, cell::Geometry, bool, Option<u32>)> = Vec::new();
    for column in 0..sheet.names.len().min(500) {
        let known = named && sheet.names.get(column).is_some_and(|name| names::geometry(name).is_some());
        let Some(Recognised::Geometry { geometry, order_known, srid }) = recognise(sheet, column) else { continue };
        let pair = matches!(geometry, cell::Geometry::Pair(_));
        // Two numbers in a column of another name may be anything.
        if known || !pair {
            all.push((column, geometry, order_known, srid));
        }
    }
    let pairs = |pair: bool| {
        all.iter()
            .filter(move |(_, geometry, ..)| matches!(geometry, cell::Geometry::Pair(_)) == pair)
            .collect::<Vec<_>>()
    };
    let whole = pairs(false);
    let candidates = if whole.is_empty() { pairs(true) } else { whole };
    match candidates.as_slice() {
        [] => Ok(None),
        [first, others @ ..] => {
            let (column, geometry, order_known, srid) = **first;
            let alike = |other: &cell::Geometry| std::mem::discriminant(other) == std::mem::discriminant(&geometry);
            // One place in two notations is one place.
            if let Some((second, ..)) = others.iter().find(|(_, other, ..)| alike(other)) {
                return Err(format!(
                    "columns '{}' and '{}' both hold places; choose one: --geometry {} or --geometry {}",
                    sheet.label(column),
                    sheet.label(*second),
                    sheet.argument(column),
                    sheet.argument(*second)
                ));
            }
            let geometry = ordered(sheet, column, geometry, order_known)?;
            let others = others.iter().map(|(column, ..)| *column).collect();
            Ok(Some(Found { column, geometry, srid, asked: false, others }))
        }
    }
}

/// What to say where nothing was found and a column holds places in a form that is not read.
pub(super) fn refused(sheet: &Sheet<'_>) -> Option<String> {
    let width = sheet.names.len().min(500);
    let found = (0..width).filter_map(|column| recognise(sheet, column).map(|found| (column, found)));
    let mut pair = None;
    for (column, found) in found {
        match found {
            Recognised::Refused(what) => return Some(refuses(sheet, column, what)),
            Recognised::Geometry { .. } => pair = pair.or(Some(column)),
        }
    }
    let named = |column: &usize| sheet.names.get(*column).is_some_and(|name| names::geometry(name).is_some());
    if let (None, Some(column)) =
        (pair, (0..width).filter(named).find(|column| sheet.header && is_blank(sheet, *column)))
    {
        return Some(format!(
            "no columns are named like coordinates; column '{}' is named like one of places and is blank in the first {} \
             rows: if places come later, give --geometry {}",
            sheet.label(column),
            sheet.rows().count(),
            sheet.argument(column)
        ));
    }
    let column = pair?;
    Some(format!(
        "no columns are named like coordinates; column '{}' holds two numbers ({}): if these are places, give --geometry {} \
         with --order lonlat or --order latlon",
        sheet.label(column),
        sheet.filled(column).next().map(shown_cell).unwrap_or_default(),
        sheet.argument(column)
    ))
}

impl Found {
    /// Whether the first record has a place where the column's name would be.
    pub(super) fn is_named_by_a_place(&self, sheet: &Sheet<'_>) -> bool {
        let first = sheet.first().get(self.column).map(Vec::as_slice).unwrap_or_default();
        matches!(value::recognise(&[first]), Some(Recognised::Geometry { .. }))
    }

    /// What is taken from a row.
    pub(super) fn chosen(self, sheet: &Sheet<'_>) -> Result<Chosen, String> {
        let Self { column, geometry, srid, asked, others } = self;
        let label = if sheet.header { sheet.names.get(column).cloned() } else { None };
        let label = label.unwrap_or_else(|| format!("#{}", column + 1));
        let mut notices = Vec::new();
        let mut crs = None;
        let mut projected = sheet.projected;
        match (&sheet.options.crs, srid.filter(|&srid| srid != 0)) {
            (None, Some(srid)) => {
                let system: Crs = format!("EPSG:{srid}").parse().unwrap_or_default();
                projected = system.is_projected().map_err(|e| format!("column '{label}' names SRID={srid}: {e}"))?;
                crs = Some(system);
            }
            (Some(asked), Some(srid)) if format!("EPSG:{srid}").parse::<Crs>().is_ok_and(|told| told != *asked) => {
                notices.push(Notice::new(
                    "srid",
                    format!("column '{label}' names SRID={srid}, and --crs {asked} is what is used"),
                ));
            }
            _ => {}
        }
        // Rows that name no system are in that of the input.
        let system = sheet.options.system();
        let own = system.to_string().strip_prefix("EPSG:").and_then(|number| number.parse().ok());
        let srid = match srid.filter(|&srid| srid != 0) {
            Some(number) => Some(Srid { number, bare: own == Some(number) }),
            None => own.filter(|_| sheet.options.crs.is_some()).map(|number| Srid { number, bare: true }),
        };
        if let Some(problem) = mixed(sheet, column, geometry, srid) {
            return Err(format!("column '{label}', {problem}"));
        }
        if !projected && let Some(problem) = metres(sheet, column, geometry, srid) {
            return Err(problem);
        }
        if !asked && !others.is_empty() {
            let names: Vec<String> = others.iter().map(|other| format!("'{}'", sheet.label(*other))).collect();
            notices.push(Notice::new(
                "several_pairs",
                format!("column '{label}' is read; there are also places in {}", names.join(", ")),
            ));
        }
        let axes = if projected { [Axis::Projected; 2] } else { [Axis::Longitude, Axis::Latitude] };
        let unit = sheet.options.unit.unwrap_or(Unit::Degrees);
        Ok(Chosen {
            take: Take::One { column: column + sheet.shift, geometry, axes, unit, srid },
            names: [label.clone(), label],
            header: sheet.header,
            crs,
            shift: sheet.shift,
            notices,
        })
    }
}

/// The first row that cannot be in the system of the others.
fn mixed(sheet: &Sheet<'_>, column: usize, geometry: cell::Geometry, srid: Option<Srid>) -> Option<String> {
    let axes = [if sheet.projected { Axis::Projected } else { Axis::Longitude }; 2];
    let unit = sheet.options.unit.unwrap_or(Unit::Degrees);
    sheet.column(column).enumerate().find_map(|(row, cell)| {
        match value::geometry(cell?, geometry, axes, unit, sheet.decimal(), srid) {
            Err(Verdict::Ends(problem)) => Some(format!("row {}: {problem}", row + 1)),
            _ => None,
        }
    })
}

/// Why places cannot be degrees, where most of them lie beyond these.
fn metres(sheet: &Sheet<'_>, column: usize, geometry: cell::Geometry, srid: Option<Srid>) -> Option<String> {
    let points = points(sheet, column, geometry, srid);
    let beyond = points.iter().filter(|at| at.x.abs() > 180.0 || at.y.abs() > 90.0).count();
    if points.len() < 2 || !most(beyond, points.len()) || sheet.options.crs.is_some() {
        return None;
    }
    let middle = |number: fn(&Coordinate) -> f64| {
        let mut all: Vec<f64> = points.iter().map(number).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    let grids =
        suggest::systems(middle(|at| at.x)?, middle(|at| at.y)?).unwrap_or_else(|| "give --crs EPSG:...".into());
    Some(format!(
        "column '{}' holds places that are no degrees ({}), and no --crs says of which system; {grids}",
        sheet.label(column),
        sheet.filled(column).next().map(shown_cell).unwrap_or_default()
    ))
}
