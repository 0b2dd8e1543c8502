//! Web Mercator between degrees and steps of the world square, for boxes and pictures: to the nearest few
//! nanometres, not fast. Points go through `project`, whose formula is exact to the step and the same everywhere.

use std::f64::consts::PI;

/// Latitude of the northern and southern edge of the map in degrees: atan(sinh(pi)).
pub const MAX_LATITUDE: f64 = 85.051_128_779_806_6;
/// Steps along one side of the world square.
pub const STEPS: f64 = 4_294_967_296.0;

/// Degrees of a position in steps from the antimeridian.
pub fn longitude(x: f64) -> f64 {
    (x / STEPS - 0.5) * 360.0
}

/// Degrees of a position in steps from the northern edge: lat = atan(sinh(pi (1 - 2 y / 2^32))).
pub fn latitude(y: f64) -> f64 {
    libm::atan(libm::sinh(PI * (1.0 - 2.0 * y / STEPS))) * 180.0 / PI
}

/// Steps from the antimeridian to a longitude in degrees.
pub fn column(longitude: f64) -> f64 {
    (longitude / 360.0 + 0.5) * STEPS
}

/// Steps from the northern edge to a latitude in degrees, y = (0.5 - artanh(sin(lat)) / 2 pi) 2^32; latitudes beyond
/// the map's edges are taken for these.
pub fn row(latitude: f64) -> f64 {
    let sine = libm::sin(latitude.clamp(-MAX_LATITUDE, MAX_LATITUDE) * PI / 180.0);
    (0.5 - libm::atanh(sine) / (2.0 * PI)) * STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for degrees in [-85.0, -51.5, 0.0, 0.25, 51.5072, 85.0] {
            assert!((latitude(row(degrees)) - degrees).abs() < 1e-12, "{degrees}");
            assert!((longitude(column(2.0 * degrees)) - 2.0 * degrees).abs() < 1e-12, "{degrees}");
        }
        assert!(row(90.0).abs() < 1e-3 && (row(-90.0) - STEPS).abs() < 1e-3);
    }
}
