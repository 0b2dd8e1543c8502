//! Which fields of a row hold its coordinates and how they are written: found once for an input (`columns`), asked of
//! every row that is not plain. How a single cell is read is left to `value`.

use std::borrow::Cow;

use super::cell::{Axis, Geometry, Srid, Verdict};
use super::options::{Decimal, Unit};
use super::shown::shown;
use super::value::{self, Cell};
use crate::project::Coordinate;
use crate::rows::Reason;

/// One coordinate in a field of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The field, from 0.
    pub(super) column: usize,
    pub(super) axis: Axis,
    pub(super) unit: Unit,
    /// The field, from 0, of a letter or word that says which half of the globe it is.
    pub(super) hemisphere: Option<usize>,
    /// Whether a number stays as it is where that field says nothing: it was blank in the rows that were looked at.
    pub(super) silent: bool,
    /// Whether letters say the half beside most numbers, as far as was looked: an O among them ends the run, being east
    /// to one reader and west to another.
    pub(super) lettered: bool,
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
        /// Of easting and northing: in which order a pair has them says `geometry`.
        axes: [Axis; 2],
        unit: Unit,
        /// The reference system that every row must name which names any.
        srid: Option<Srid>,
    },
}

impl Place {
    /// Reads the coordinate, and applies what its hemisphere's field says.
    fn read<'a>(&self, decimal: Decimal, field: impl Fn(usize) -> Option<Cow<'a, [u8]>>) -> Result<f64, Verdict> {
        let cell = field(self.column).ok_or(Reason::Malformed)?;
        let number = match value::coordinate(&cell, self.axis, self.unit, decimal) {
            Cell::Missing => return Err(Reason::Missing.into()),
            Cell::Bad if self.lettered && value::is_with_o(&cell, self.unit, decimal) => return Err(ambiguous(&cell)),
            Cell::Bad => return Err(Reason::NotANumber.into()),
            Cell::Number(number) => number,
        };
        let Some(column) = self.hemisphere else { return Ok(number) };
        let letter = field(column).ok_or(Reason::Malformed)?;
        let half = value::hemisphere(&letter, self.axis);
        if self.axis == Axis::Longitude && half.is_none() && value::is_o(&letter) {
            return Err(ambiguous(&letter));
        }
        if self.silent && !matches!(half, Some(value::Half::Positive | value::Half::Negative)) {
            return Ok(number);
        }
        half.and_then(|half| half.apply(number)).ok_or(Reason::NotANumber.into())
    }
}

/// Why an O ends the run.
fn ambiguous(cell: &[u8]) -> Verdict {
    Verdict::Ends(format!("it holds O ({}), {}", shown(cell, 40), value::O_MEANS))
}

impl Take {
    /// Reads a row by its fields, unquoted (`None`: the row is too short).
    pub(super) fn coordinate<'a>(
        &self,
        decimal: Decimal,
        field: impl Fn(usize) -> Option<Cow<'a, [u8]>>,
    ) -> Result<Coordinate, Verdict> {
        match *self {
            Self::Two { x, y } => {
                let (x, y) = (x.read(decimal, &field), y.read(decimal, &field));
                match (x, y) {
                    (Ok(x), Ok(y)) => Ok(Coordinate { x, y }),
                    // Of two reasons the first in their order.
                    (Err(Verdict::Out(x)), Err(Verdict::Out(y))) => Err(x.min(y).into()),
                    (Err(ends @ Verdict::Ends(_)), _) | (_, Err(ends @ Verdict::Ends(_))) => Err(ends),
                    (Err(reason), Ok(_)) | (Ok(_), Err(reason)) => Err(reason),
                }
            }
            Self::One { column, geometry, axes, unit, srid } => match field(column) {
                Some(cell) => value::geometry(&cell, geometry, axes, unit, decimal, srid),
                None => Err(Reason::Malformed.into()),
            },
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn two(hemispheres: [Option<usize>; 2], unit: Unit) -> Take {
        let [x, y] = hemispheres;
        Take::Two {
            x: Place { column: 1, axis: Axis::Longitude, unit, hemisphere: x, silent: false, lettered: false },
            y: Place { column: 0, axis: Axis::Latitude, unit, hemisphere: y, silent: false, lettered: false },
        }
    }

    fn read(take: &Take, row: &str) -> Result<(f64, f64), Verdict> {
        let fields: Vec<_> = row.split('|').map(|field| Cow::from(field.as_bytes())).collect();
        take.coordinate(Decimal::Point, |column| fields.get(column).cloned()).map(|at| (at.x, at.y))
    }

    #[test]
    fn two_fields_make_a_coordinate_or_the_first_reason() {
        let take = two([None, None], Unit::Degrees);
        for (row, expected) in [
            ("51.5|-0.1", Ok((-0.1, 51.5))),
            ("51.5N|0.1W", Ok((-0.1, 51.5))),
            ("51\u{b0}30'N|0\u{b0}6'W", Ok((-0.1, 51.5))),
            ("|0.1", Err(Reason::Missing)),
            ("x|NA", Err(Reason::Missing)),
            ("x|0.1", Err(Reason::NotANumber)),
            ("0.1W|51.5N", Err(Reason::NotANumber)),
            ("x", Err(Reason::NotANumber)),
            ("", Err(Reason::Missing)),
            ("51.5", Err(Reason::Malformed)),
        ] {
            assert_eq!(read(&take, row), expected.map_err(Verdict::from), "{row}");
        }
        // An O is a mistake among plain numbers, and means one of two things among letters.
        assert_eq!(read(&take, "51.5|0.1O"), Err(Reason::NotANumber.into()));
        let mut take = take;
        if let Take::Two { x, .. } = &mut take {
            x.lettered = true;
        }
        for row in ["51.5|0.1O", "51.5|0\u{b0}6'0\"o", "51.5|O 0.1", "x|0.1O"] {
            assert!(matches!(read(&take, row), Err(Verdict::Ends(line)) if line.contains("(Ost)")), "{row}");
        }
        for row in ["51.5|OO", "51.5|0.1 Oslo", "0.1O|51.5", "51.5|O"] {
            assert_eq!(read(&take, row), Err(Reason::NotANumber.into()), "{row}");
        }
    }

    #[test]
    fn hemispheres_of_their_own_give_the_signs() {
        let take = two([Some(3), Some(2)], Unit::Degrees);
        for (row, expected) in [
            ("51.5|0.1|N|W", Ok((-0.1, 51.5))),
            ("51.5|-0.1|n|W", Ok((-0.1, 51.5))),
            ("51.5|0.1|South|east", Ok((0.1, -51.5))),
            ("51.5S|0.1|S|E", Ok((0.1, -51.5))),
            ("-51.5|0.1|N|W", Err(Reason::NotANumber)),
            ("51.5S|0.1|N|E", Err(Reason::NotANumber)),
            ("51.5|0.1||W", Err(Reason::NotANumber)),
            ("51.5|0.1|W|N", Err(Reason::NotANumber)),
            ("||N|W", Err(Reason::Missing)),
            ("|||", Err(Reason::Missing)),
            ("51.5|0.1|N", Err(Reason::Malformed)),
        ] {
            assert_eq!(read(&take, row), expected.map_err(Verdict::from), "{row}");
        }
        assert!(matches!(read(&take, "51.5|0.1|N|O"), Err(Verdict::Ends(line)) if line.contains("Oeste")));
        // A column that was blank at first says what it says, and nothing else.
        let mut take = two([Some(3), Some(2)], Unit::Degrees);
        if let Take::Two { x, y } = &mut take {
            (x.silent, y.silent) = (true, true);
        }
        assert_eq!(read(&take, "51.5|0.1|S|"), Ok((0.1, -51.5)));
        assert_eq!(read(&take, "51.5|0.1|7|x"), Ok((0.1, 51.5)));
        assert!(matches!(read(&take, "51.5|0.1|7|o"), Err(Verdict::Ends(_))));
        let take = two([Some(3), Some(2)], Unit::DegreesMinutes);
        assert_eq!(read(&take, "5130.0|00006.0|N|W"), Ok((-0.1, 51.5)));
    }

    #[test]
    fn one_field_may_be_missing_from_a_row() {
        let geometry = Geometry::Wkt;
        let axes = [Axis::Longitude, Axis::Latitude];
        let take = Take::One { column: 1, geometry, axes, unit: Unit::Degrees, srid: None };
        assert_eq!(read(&take, "1"), Err(Reason::Malformed.into()));
        assert_eq!(read(&take, "1|POINT (-0.1 51.5)"), Ok((-0.1, 51.5)));
        assert_eq!(read(&take, "1|"), Err(Reason::Missing.into()));
    }
}
