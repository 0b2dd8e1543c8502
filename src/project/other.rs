//! Every reference system without a closed form, through PROJ: coordinate -> longitude and latitude of WGS 84.
//!
//! A `Proj` cannot leave its thread, so each thread keeps the one it used last; making one takes tens of
//! milliseconds.

use std::cell::RefCell;
use std::sync::Once;

use proj::Proj;

use super::{Coordinate, LeftOut};
use crate::error::{Error, Result};

thread_local! {
    static LAST: RefCell<Option<(String, Proj)>> = const { RefCell::new(None) };
}

/// PROJ reads a bare `+proj=` string as an operation; this makes it a reference system.
fn as_system(text: &str) -> String {
    if text.contains("+proj=") && !text.contains("=pipeline") && !text.contains("type=crs") {
        format!("{text} +type=crs")
    } else {
        text.to_owned()
    }
}

fn unknown(text: &str, problem: &dyn std::fmt::Display) -> Error {
    Error::Crs(format!(
        "cannot use the coordinate reference system '{text}': {problem}; give an EPSG code (EPSG:27700), WKT or a PROJ string"
    ))
}

/// PROJ prints its errors to standard error by itself, beside the one line this program prints.
fn silence() {
    static ONCE: Once = Once::new();
    #[expect(unsafe_code, reason = "crate proj has no way to turn PROJ's own printing off")]
    // SAFETY: a null context is documented to mean the default one, from which later contexts are copied; the
    // call stores one integer in it, and `Once` keeps two threads of this program from doing so at a time.
    ONCE.call_once(|| unsafe {
        proj_sys::proj_log_level(std::ptr::null_mut(), proj_sys::PJ_LOG_LEVEL_PJ_LOG_NONE);
    });
}

/// The system `text` names, and how PROJ describes it.
fn system(text: &str) -> Result<(Proj, serde_json::Value)> {
    silence();
    let system = Proj::new(&as_system(text)).map_err(|e| unknown(text, &e))?;
    let json = system.to_projjson(None, None, None).ok().and_then(|json| serde_json::from_str(&json).ok());
    match json {
        Some(serde_json::Value::Object(json))
            if json.get("type").and_then(|kind| kind.as_str()).is_some_and(|kind| kind.ends_with("CRS")) =>
        {
            Ok((system, serde_json::Value::Object(json)))
        }
        _ => Err(unknown(text, &"it names an operation")),
    }
}

/// The area of use decides between operations of different accuracy: without it PROJ changes its mind from
/// point to point, by up to hundreds of metres.
fn make(text: &str) -> Result<Proj> {
    let area = system(text)?.0.area_of_use().ok().and_then(|(area, _)| area);
    Proj::new_known_crs(&as_system(text), "EPSG:4326", area).map_err(|e| unknown(text, &e))
}

fn with<T>(text: &str, work: impl FnOnce(&Proj) -> T) -> Result<T> {
    LAST.with_borrow_mut(|last| match last {
        Some((known, proj)) if known == text => Ok(work(proj)),
        _ => {
            let (_, proj) = last.insert((text.to_owned(), make(text)?));
            Ok(work(proj))
        }
    })
}

/// Fails when PROJ does not know `text`.
pub(super) fn check(text: &str) -> Result<()> {
    with(text, |_| ())
}

/// Whether the system's coordinates are eastings and northings rather than degrees.
pub(super) fn is_projected(text: &str) -> Result<bool> {
    let (_, json) = system(text)?;
    let mut part = &json;
    loop {
        part = match part["type"].as_str() {
            Some("BoundCRS") => &part["source_crs"],
            Some("CompoundCRS") => &part["components"][0],
            kind => return Ok(!matches!(kind, Some("GeographicCRS" | "GeodeticCRS" | "DerivedGeographicCRS"))),
        };
    }
}

/// Appends longitude and latitude of each coordinate; what PROJ cannot turn into finite degrees is counted as
/// out of range.
pub(super) fn to_degrees(
    text: &str,
    batch: &[Coordinate],
    out: &mut Vec<Coordinate>,
    left_out: &mut LeftOut,
) -> Result<()> {
    with(text, |proj| {
        let mut points: Vec<(f64, f64)> = batch.iter().map(|c| (c.x, c.y)).collect();
        // One bad point fails the whole array, and says neither which nor what became of the others.
        if proj.convert_array(&mut points).is_err() {
            points.clear();
            let bad = (f64::NAN, f64::NAN);
            points.extend(batch.iter().map(|c| proj.convert((c.x, c.y)).unwrap_or(bad)));
        }
        for (x, y) in points {
            if x.is_finite() && y.is_finite() {
                out.push(Coordinate { x, y });
            } else {
                left_out.out_of_range += 1;
            }
        }
    })
}
