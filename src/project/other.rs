//! Every reference system without a closed form, through PROJ: coordinate -> longitude and latitude of WGS 84.
//!
//! What PROJ makes cannot leave its thread and takes tens of milliseconds, so each thread keeps what it used.

use std::cell::RefCell;

use super::Coordinate;
use super::context::{Operation, System};
use crate::error::{Error, Result};
use crate::rows::{LeftOut, Reason};

/// Operations that a thread keeps.
const KEPT: usize = 8;

thread_local! {
    /// The last one used is at the end.
    static MADE: RefCell<Vec<(String, Operation)>> = const { RefCell::new(Vec::new()) };
}

/// The version of PROJ.
pub(super) fn version() -> Option<String> {
    use proj_sys::{PROJ_VERSION_MAJOR, PROJ_VERSION_MINOR, PROJ_VERSION_PATCH};
    Some(format!("{PROJ_VERSION_MAJOR}.{PROJ_VERSION_MINOR}.{PROJ_VERSION_PATCH}"))
}

/// PROJ reads a bare `+proj=` string as an operation; this makes it a reference system.
fn as_system(text: &str) -> String {
    if text.contains("+proj=") && !text.contains("=pipeline") && !text.contains("type=crs") {
        format!("{text} +type=crs")
    } else {
        text.to_owned()
    }
}

fn unknown(text: &str, problem: &str) -> Error {
    Error::Crs(format!(
        "cannot use the coordinate reference system '{text}': {problem}; give an EPSG code (EPSG:27700), WKT or a PROJ \
         string"
    ))
}

/// Whether `text` is an authority's code, such as EPSG:27700.
fn is_code(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    text.split_once(':').is_some_and(|(authority, code)| word(authority) && word(code))
}

/// Whether `text` is of PROJ 4's way, which names a file of systems that are not there, or a code whose axes depend on
/// the environment.
fn names_a_file(text: &str) -> bool {
    text.match_indices("init").any(|(at, word)| {
        let begins = text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || "+;\"".contains(c));
        begins && text[at + word.len()..].trim_start().starts_with('=')
    })
}

/// The system `text` names.
fn system(text: &str) -> Result<System> {
    if names_a_file(text) {
        return Err(unknown(text, "init= is of an older PROJ and means other axes there"));
    }
    System::new(&as_system(text)).map_err(|problem| {
        let no_such = format!("there is no such code in PROJ's database ({text})");
        unknown(text, if is_code(text) { &no_such } else { &problem })
    })
}

/// The area of use decides between operations of different accuracy: without it PROJ changes its mind from
/// point to point, by up to hundreds of metres.
fn make(text: &str) -> Result<Operation> {
    let area = system(text)?.area_of_use();
    Operation::new(&as_system(text), "EPSG:4326", area).map_err(|problem| unknown(text, &problem))
}

fn with<T>(text: &str, work: impl FnOnce(&Operation) -> T) -> Result<T> {
    MADE.with_borrow_mut(|made| {
        if made.last().is_none_or(|(known, _)| known != text) {
            let operation = match made.iter().position(|(known, _)| known == text) {
                Some(place) => made.remove(place),
                None => (text.to_owned(), make(text)?),
            };
            if made.len() == KEPT {
                made.remove(0);
            }
            made.push(operation);
        }
        let (_, operation) = made.last().ok_or_else(|| Error::Internal("no operation was kept".into()))?;
        Ok(work(operation))
    })
}

/// Fails when PROJ does not know `text`.
pub(super) fn check(text: &str) -> Result<()> {
    with(text, |_| ())
}

/// Whether the system's coordinates are eastings and northings rather than degrees.
pub(super) fn is_projected(text: &str) -> Result<bool> {
    Ok(system(text)?.is_projected())
}

/// Where the system is meant to be used: west, south, east, north, in degrees; `None` where PROJ does not know.
pub(super) fn area_of_use(text: &str) -> Result<Option<[f64; 4]>> {
    Ok(system(text)?.area_of_use())
}

/// Longitude and latitude of one coordinate, if PROJ has a place for it.
pub(super) fn to_degrees_one(text: &str, coordinate: Coordinate) -> Result<Option<Coordinate>> {
    with(text, |operation| operation.apply(coordinate))
}

/// Appends longitude and latitude of each coordinate; what PROJ cannot turn into finite degrees is counted as
/// out of range.
pub(super) fn to_degrees(
    text: &str,
    batch: &[Coordinate],
    out: &mut Vec<Coordinate>,
    left_out: &mut LeftOut,
) -> Result<()> {
    with(text, |operation| {
        for &coordinate in batch {
            match operation.apply(coordinate) {
                Some(degrees) => out.push(degrees),
                None => left_out[Reason::OutOfRange] += 1,
            }
        }
    })
}
