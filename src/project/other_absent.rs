//! Stands in for PROJ in a build without it: every system but the two closed forms is refused, with the way out.

use super::Coordinate;
use crate::error::{Error, Result};
use crate::rows::LeftOut;

/// None: there is no PROJ.
pub(super) fn version() -> Option<String> {
    None
}

/// Always fails: says how to build with PROJ.
pub(super) fn check(text: &str) -> Result<()> {
    Err(Error::Crs(format!(
        "cannot use the coordinate reference system '{text}': this tilefire was built without PROJ and knows \
         EPSG:4326 and EPSG:3857 only; build it with 'cargo build --release --features proj'"
    )))
}

/// Always fails, as [`check`] does.
pub(super) fn is_projected(text: &str) -> Result<bool> {
    check(text).map(|()| true)
}

/// Always fails, as [`check`] does.
pub(super) fn area_of_use(text: &str) -> Result<Option<[f64; 4]>> {
    check(text).map(|()| None)
}

/// Always fails, as [`check`] does.
pub(super) fn to_degrees_one(text: &str, _: Coordinate) -> Result<Option<Coordinate>> {
    check(text).map(|()| None)
}

/// Always fails, as [`check`] does.
pub(super) fn to_degrees(text: &str, _: &[Coordinate], _: &mut Vec<Coordinate>, _: &mut LeftOut) -> Result<()> {
    check(text)
}
