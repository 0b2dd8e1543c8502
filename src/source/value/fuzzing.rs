//! The door for the fuzz targets (`fuzz/`), which see a library from outside; nothing else uses it, and it may change at
//! any time.

use super::super::cell::{Axis, Geometry};
use super::super::options::{Decimal, Order, Unit};
use super::{Cell, Recognised};

/// Reads the cell of one coordinate, longitude, latitude or projected by the number of the axis.
pub fn coordinate(bytes: &[u8], axis: u8, unit: Unit, decimal: Decimal) -> Option<f64> {
    match super::coordinate(bytes, axis_of(axis), unit, decimal) {
        Cell::Number(value) => Some(value),
        Cell::Missing | Cell::Bad => None,
    }
}

/// Whether a cell of a hemisphere's column names one along an axis.
pub fn hemisphere(bytes: &[u8], axis: u8) -> bool {
    super::hemisphere(bytes, axis_of(axis)).is_some()
}

/// Reads a place in one cell: well-known text or binary, GeoJSON, or a pair, by the number of the kind.
pub fn geometry(bytes: &[u8], kind: u8, projected: bool, unit: Unit, decimal: Decimal) -> Option<(f64, f64)> {
    let kind = match kind {
        0 => Geometry::Wkt,
        1 => Geometry::Wkb,
        2 => Geometry::GeoJson,
        3 => Geometry::Pair(Order::LonLat),
        _ => Geometry::Pair(Order::LatLon),
    };
    let axes = if projected { [Axis::Projected; 2] } else { [Axis::Longitude, Axis::Latitude] };
    super::geometry(bytes, kind, axes, unit, decimal, Some(super::super::cell::Srid { number: 4326, bare: true }))
        .ok()
        .map(|at| (at.x, at.y))
}

/// Whether cells of a column are places that are read.
pub fn recognise(cells: &[&[u8]]) -> bool {
    matches!(super::recognise(cells), Some(Recognised::Geometry { .. }))
}

fn axis_of(number: u8) -> Axis {
    match number {
        0 => Axis::Longitude,
        1 => Axis::Latitude,
        _ => Axis::Projected,
    }
}
