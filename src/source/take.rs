//! Which fields of a row hold its coordinates and how they are written: found once for an input (`columns`), asked of
//! every row that is not plain. How a single cell is read is left to `value`.

use std::borrow::Cow;

use super::options::{Decimal, Order, Unit};
use crate::project::Coordinate;
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

/// One coordinate in a field of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The field, from 0.
    pub(super) column: usize,
    pub(super) axis: Axis,
    pub(super) unit: Unit,
    /// The field, from 0, of a letter or word that says which half of the globe it is.
    pub(super) hemisphere: Option<usize>,
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
}

/// What is taken from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Two fields.
    Two {
        /// Of the longitude or easting.
        x: Place,
        /// Of the latitude or northing.
        y: Place,
    },
    /// One field.
    One {
        /// The field, from 0.
        column: usize,
        geometry: Geometry,
        /// Of the numbers of a pair.
        axes: [Axis; 2],
        unit: Unit,
        /// The number of the reference system that every row must name which names any.
        srid: Option<u32>,
    },
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

impl Take {
    /// Reads a row by its fields, unquoted (`None`: the row is too short).
    pub(super) fn coordinate<'a>(
        &self,
        decimal: Decimal,
        field: impl Fn(usize) -> Option<Cow<'a, [u8]>>,
    ) -> Result<Coordinate, Verdict> {
        let _ = (decimal, field);
        Err(Reason::Malformed.into())
    }

    /// The fields that are looked at: the first and the last.
    pub(super) fn span(&self) -> (usize, usize) {
        match self {
            Self::One { column, .. } => (*column, *column),
            Self::Two { x, y } => {
                let all = [Some(x.column), Some(y.column), x.hemisphere, y.hemisphere];
                let ends = all.iter().flatten();
                (ends.clone().min().copied().unwrap_or(0), ends.max().copied().unwrap_or(0))
            }
        }
    }
}
