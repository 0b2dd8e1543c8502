//! Numbers that are no degrees as they stand: what they would have to be divided by, and what a name says of it.

use super::cells::{Digits, Sheet, digits, most, shown_cell};
use super::names::Side;
use super::suggest;
use crate::source::cell::Axis;
use crate::source::options::{Decimal, Unit};

/// A number as it is written, letters beside it left out.
#[derive(Debug, Clone, Copy)]
struct Raw {
    number: f64,
    digits: Digits,
}

fn raw(cell: &[u8], decimal: Decimal) -> Option<Raw> {
    let digits = digits(cell, decimal)?;
    let mut text: Vec<u8> =
        cell.iter().copied().filter(|byte| byte.is_ascii_digit() || b"-.,".contains(byte)).collect();
    if decimal.is_comma() {
        text.iter_mut().filter(|byte| **byte == b',').for_each(|byte| *byte = b'.');
    }
    let number: f64 = fast_float2::parse(&text).ok()?;
    number.is_finite().then_some(Raw { number, digits })
}

/// Degrees of a number in a unit, where they can be some.
fn degrees(raw: Raw, unit: Unit, side: Side) -> Option<f64> {
    let number = raw.number;
    let most = if side == Side::X { 180.0 } else { 90.0 };
    let degrees = match unit {
        Unit::Degrees => number,
        Unit::E5 => number / 1e5,
        Unit::E6 => number / 1e6,
        Unit::E7 => number / 1e7,
        Unit::Semicircles => number * (180.0 / 2_147_483_648.0),
        Unit::Radians => number.to_degrees(),
        Unit::DegreesMinutes => {
            let whole = (number.abs() / 100.0).floor();
            let minutes = number.abs() - 100.0 * whole;
            if minutes >= 60.0 {
                return None;
            }
            (whole + minutes / 60.0).copysign(number)
        }
    };
    (degrees.abs() <= most).then_some(degrees)
}

/// Fails where a name tells a unit and the numbers are plain degrees already, or cannot be in that unit.
pub(super) fn told(sheet: &Sheet<'_>, column: usize, axis: Axis, unit: Unit) -> Result<(), String> {
    let side = if axis == Axis::Latitude { Side::Y } else { Side::X };
    let decimal = sheet.decimal();
    let numbers: Vec<Raw> =
        sheet.filled(column).filter_map(|cell| raw(cell, decimal)).filter(|raw| raw.number != 0.0).collect();
    let count = |fits: &dyn Fn(&Raw) -> bool| numbers.iter().filter(|raw| fits(raw)).count();
    let plain = match unit {
        Unit::Degrees => return Ok(()),
        Unit::E5 | Unit::E6 | Unit::E7 | Unit::Semicircles => {
            most(count(&|raw| raw.number.fract() != 0.0 && degrees(*raw, Unit::Degrees, side).is_some()), numbers.len())
        }
        Unit::Radians | Unit::DegreesMinutes => !most(count(&|raw| degrees(*raw, unit, side).is_some()), numbers.len()),
    };
    if numbers.is_empty() || !plain {
        return Ok(());
    }
    Err(format!(
        "column '{}' says {unit} by its name, and what it holds looks like degrees ({}); give --unit degrees or --unit {unit}",
        sheet.label(column),
        sheet.filled(column).next().map(shown_cell).unwrap_or_default()
    ))
}

/// Fails where the numbers make no sense as degrees and do in another unit.
pub(super) fn doubt(sheet: &Sheet<'_>, x: usize, y: usize) -> Result<(), String> {
    let decimal = sheet.decimal();
    let mut rows = 0;
    let mut numbers: Vec<[Raw; 2]> = Vec::new();
    let mut example = None;
    for (a, b) in sheet.column(x).zip(sheet.column(y)) {
        let (Some(a), Some(b)) = (a, b) else { continue };
        if super::cells::is_missing(a) || super::cells::is_missing(b) {
            continue;
        }
        rows += 1;
        let (Some(lon), Some(lat)) = (raw(a, decimal), raw(b, decimal)) else { continue };
        // What a device writes that knows no better.
        if lon.number == 0.0 && lat.number == 0.0 {
            continue;
        }
        example.get_or_insert((a, b, [lon, lat]));
        numbers.push([lon, lat]);
    }
    let Some((a, b, first)) = example.filter(|_| 2 * numbers.len() >= rows) else { return Ok(()) };
    let all = numbers.len();
    let count = |fits: &dyn Fn(&[Raw; 2]) -> bool| numbers.iter().filter(|pair| fits(pair)).count();
    let within = |pair: &[Raw; 2], unit| {
        let [lon, lat] = *pair;
        Some((degrees(lon, unit, Side::X)?, degrees(lat, unit, Side::Y)?))
    };
    let beyond = most(count(&|pair| within(pair, Unit::Degrees).is_none()), all);
    let whole = most(count(&|pair| pair.iter().all(|raw| raw.number.fract() == 0.0)), all);
    let minutes = count(&|pair| within(pair, Unit::DegreesMinutes).is_some());
    // Four digits before the point and five, with zeros in front: nobody writes degrees so.
    let padded = |raw: &Raw, digits: usize| raw.digits.whole == digits && raw.digits.decimals.is_some();
    let shaped = count(&|[lon, lat]| padded(lon, 5) && padded(lat, 4));
    // Longitudes up to 360, or the two the other way round: told once all rows were read, with the flag for it.
    let other = |pair: &[Raw; 2]| {
        let [lon, lat] = pair.map(|raw| raw.number.abs());
        [lon <= 90.0 && lat <= 180.0, lon <= 360.0 && lat <= 90.0]
    };
    if shaped < all && (numbers.iter().all(|pair| other(pair)[0]) || numbers.iter().all(|pair| other(pair)[1])) {
        return Ok(());
    }
    let fitting: Vec<Unit> = if beyond && whole {
        let substantial = |pair: &[Raw; 2], unit| within(pair, unit).is_some_and(|(x, y)| x.abs().max(y.abs()) >= 0.5);
        [Unit::E5, Unit::E6, Unit::E7, Unit::Semicircles, Unit::DegreesMinutes]
            .into_iter()
            .filter(|&unit| {
                let fits = count(&|pair| within(pair, unit).is_some());
                100 * fits >= 99 * all && 2 * count(&|pair| substantial(pair, unit)) >= all
            })
            .collect()
    } else if (beyond || shaped == all) && minutes == all {
        vec![Unit::DegreesMinutes]
    } else {
        Vec::new()
    };
    if fitting.is_empty() {
        return Ok(());
    }
    let ways: Vec<String> = fitting
        .iter()
        .filter_map(|&unit| within(&first, unit).map(|(lon, lat)| format!("--unit {unit} ({lat:.5} {lon:.5})")))
        .collect();
    let ways = if ways.is_empty() { format!("--unit {}", fitting[0]) } else { ways.join(" or ") };
    let what = if whole { "whole numbers that are no degrees" } else { "degrees and minutes in one number, it seems" };
    let grids = match suggest::grids(sheet, x, y) {
        Some(grids) if beyond && whole && suggest::on_a_grid(sheet, x, y) => {
            format!("; or, as eastings and northings, {grids}")
        }
        _ => String::new(),
    };
    Err(format!(
        "columns '{}' and '{}' hold {what} (such as {} and {}); give {ways} for latitude and longitude in the first row{grids}",
        sheet.label(x),
        sheet.label(y),
        shown_cell(a),
        shown_cell(b)
    ))
}
