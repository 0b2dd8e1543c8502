//! What a cell may be asked for, and what may be said of its row: words that `take`, which knows the fields, and `value`,
//! which reads one, have in common.

use super::options::Order;
use crate::rows::Reason;

/// What a coordinate measures, which decides what letters may stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Axis {
    /// Degrees east.
    Longitude,
    /// Degrees north.
    Latitude,
    /// An easting or a northing of a projected system: a number alone.
    Projected,
}

/// How both coordinates are written in one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Geometry {
    /// `POINT (x y)`, perhaps behind `SRID=n;`.
    Wkt,
    /// Well-known binary in hexadecimal digits, perhaps with an SRID.
    Wkb,
    /// `{"type":"Point","coordinates":[x,y]}`.
    GeoJson,
    /// Two numbers with something between them, perhaps in brackets.
    Pair(Order),
    /// Any of these, told by each cell: those that were looked at are blank. A pair needs an order that was said.
    Any(Option<Order>),
}

/// The reference system that the rows of a column name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Srid {
    /// Its number.
    pub(super) number: u32,
    /// Whether it is the system of rows that name none: that of the input.
    pub(super) bare: bool,
}

/// What a row that is not wanted did not meet first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet {
    /// The condition of this place.
    Where(usize),
    /// It is not in the sample.
    Sample,
}

/// What became of a row that is no coordinate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is left out.
    Out(Reason),
    /// It cannot belong to this input: the run ends and names it.
    Ends(String),
}

impl From<Reason> for Verdict {
    fn from(reason: Reason) -> Self {
        Self::Out(reason)
    }
}
