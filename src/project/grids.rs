//! Common national grids, each with the box in which it is used: tells on which of them a position may lie whose
//! reference system nobody named.

/// A grid by its EPSG code.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(not(feature = "proj"), allow(dead_code))]
pub(crate) struct Grid {
    pub(crate) code: u32,
    /// Where it is used.
    pub(crate) name: &'static str,
}

#[cfg(feature = "proj")]
mod table {
    use super::Grid;

    /// A grid, where its numbers lie (least and greatest easting, then northing) and where it is used (west, south,
    /// east, north). The first box is wide: it saves asking PROJ, which takes tens of milliseconds a grid.
    pub(super) struct Entry {
        pub(super) grid: Grid,
        pub(super) numbers: [f64; 4],
        pub(super) area: [f64; 4],
    }

    const fn entry(code: u32, name: &'static str, numbers: [f64; 4], area: [f64; 4]) -> Entry {
        Entry { grid: Grid { code, name }, numbers, area }
    }

    const UTM: [f64; 4] = [1e5, 9e5, 0.0, 1e7];

    /// What is used most is in front.
    pub(super) const ALL: &[Entry] = &[
        entry(27700, "Great Britain", [-1e5, 7e5, -5e4, 1.3e6], [-9.0, 49.7, 2.1, 61.1]),
        entry(2157, "Ireland, ITM", [4e5, 8.1e5, 4.9e5, 1e6], [-10.8, 51.2, -5.3, 55.5]),
        entry(29903, "Ireland, Irish Grid", [0.0, 4e5, -5e4, 5e5], [-10.8, 51.2, -5.3, 55.5]),
        entry(2154, "France, Lambert 93", [-1e5, 1.3e6, 6e6, 7.2e6], [-5.3, 41.2, 9.7, 51.2]),
        entry(27572, "France, Lambert II", [-1e5, 1.2e6, 1.5e6, 2.8e6], [-5.3, 41.2, 9.7, 51.2]),
        entry(25832, "Europe, UTM 32N", [2e5, 9.5e5, 4e6, 8e6], [5.0, 37.0, 15.2, 72.0]),
        entry(25833, "Europe, UTM 33N", [1e5, 9e5, 4e6, 8.9e6], [10.5, 36.0, 20.0, 80.0]),
        entry(25831, "Europe, UTM 31N", [1e5, 9e5, 4e6, 8e6], [-0.5, 38.0, 7.0, 62.0]),
        entry(25830, "Europe, UTM 30N", [1e5, 1.1e6, 3.9e6, 7e6], [-7.6, 35.2, 3.4, 60.0]),
        entry(25829, "Europe, UTM 29N", [1e5, 9e5, 3.9e6, 7e6], [-10.2, 36.0, -5.5, 56.0]),
        entry(31466, "Germany, Gauss-Krueger 2", [2.4e6, 2.65e6, 5.2e6, 6.1e6], [5.5, 49.0, 8.0, 55.2]),
        entry(31467, "Germany, Gauss-Krueger 3", [3.3e6, 3.7e6, 5.2e6, 6.2e6], [5.8, 47.2, 11.6, 55.2]),
        entry(31468, "Germany, Gauss-Krueger 4", [4.3e6, 4.7e6, 5.2e6, 6.2e6], [8.8, 47.2, 14.5, 55.0]),
        entry(31469, "Germany, Gauss-Krueger 5", [5.2e6, 5.6e6, 5.2e6, 6.2e6], [11.8, 50.2, 15.1, 55.0]),
        entry(28992, "Netherlands, RD", [-1e4, 3e5, 2.9e5, 6.4e5], [3.2, 50.7, 7.3, 53.7]),
        entry(31370, "Belgium, Lambert 72", [0.0, 3.1e5, 0.0, 2.6e5], [2.5, 49.4, 6.5, 51.6]),
        entry(3812, "Belgium, Lambert 2008", [4.8e5, 8.2e5, 5e5, 7.7e5], [2.5, 49.4, 6.5, 51.6]),
        entry(21781, "Switzerland, LV03", [4.7e5, 8.5e5, 5e4, 3.1e5], [5.9, 45.8, 10.5, 47.9]),
        entry(2056, "Switzerland, LV95", [2.47e6, 2.85e6, 1.05e6, 1.31e6], [5.9, 45.8, 10.5, 47.9]),
        entry(31287, "Austria, Lambert", [1e5, 7e5, 2.5e5, 6e5], [9.5, 46.4, 17.2, 49.1]),
        entry(3006, "Sweden, SWEREF 99 TM", [2e5, 1e6, 6e6, 7.8e6], [10.5, 55.2, 24.2, 69.1]),
        entry(3067, "Finland, TM35FIN", [4e4, 8e5, 6.5e6, 7.9e6], [19.0, 59.4, 31.6, 70.1]),
        entry(2180, "Poland, CS92", [1.4e5, 9e5, 1.2e5, 8.8e5], [14.1, 49.0, 24.2, 55.0]),
        entry(5514, "Czechia and Slovakia, Krovak", [-9.5e5, -1.5e5, -1.35e6, -9e5], [12.0, 47.7, 22.6, 51.1]),
        entry(3763, "Portugal, TM06", [-1.4e5, 1.8e5, -3.2e5, 2.9e5], [-9.6, 36.9, -6.1, 42.2]),
        entry(3003, "Italy, Gauss-Boaga West", [1.2e6, 1.85e6, 4e6, 5.3e6], [6.6, 36.5, 12.1, 47.1]),
        entry(3004, "Italy, Gauss-Boaga East", [2.2e6, 3e6, 4e6, 5.3e6], [11.9, 36.5, 18.6, 47.1]),
        entry(6707, "Italy, UTM 32N", [2.9e5, 8e5, 4e6, 5.3e6], [6.6, 37.8, 12.1, 47.1]),
        entry(23700, "Hungary, EOV", [4.2e5, 9.5e5, 3e4, 3.8e5], [16.1, 45.7, 22.9, 48.6]),
        entry(3035, "Europe, LAEA", [2.4e6, 7.4e6, 1.3e6, 5.5e6], [-16.0, 34.0, 40.0, 72.0]),
        entry(5179, "Korea, Unified", [7e5, 1.4e6, 1.3e6, 2.2e6], [124.5, 33.0, 131.9, 38.7]),
        entry(2193, "New Zealand, NZTM", [1e6, 2.1e6, 4.7e6, 6.3e6], [166.3, -47.4, 178.6, -34.1]),
        entry(28354, "Australia, MGA 54", UTM, [138.0, -44.0, 144.0, -9.0]),
        entry(28355, "Australia, MGA 55", UTM, [144.0, -44.0, 150.0, -9.0]),
        entry(28356, "Australia, MGA 56", UTM, [150.0, -38.0, 154.0, -9.0]),
        entry(3577, "Australia, Albers", [-2.2e6, 2.5e6, -5.1e6, -9e5], [112.0, -44.0, 154.0, -9.0]),
        entry(2263, "New York, feet", [9e5, 1.6e6, 1e5, 3.5e5], [-74.3, 40.4, -71.8, 41.4]),
        entry(3435, "Illinois East, feet", [9e5, 1.35e6, 2e5, 2.2e6], [-89.3, 37.0, -87.0, 42.6]),
        entry(2229, "California 5, feet", [5.2e6, 7.7e6, 1.2e6, 2.6e6], [-121.4, 32.7, -114.1, 35.9]),
        entry(2227, "California 3, feet", [5.6e6, 7e6, 1.7e6, 2.6e6], [-123.1, 36.7, -117.8, 38.8]),
        entry(2285, "Washington North, feet", [7e5, 2.5e6, -1.5e5, 1e6], [-124.8, 47.0, -117.0, 49.1]),
        entry(2272, "Pennsylvania South, feet", [1.1e6, 2.9e6, 1e5, 6e5], [-80.6, 39.7, -74.7, 41.2]),
        entry(5070, "USA, Albers", [-2.4e6, 2.3e6, 2.6e5, 3.2e6], [-124.8, 24.4, -66.9, 49.4]),
        entry(26918, "North America, UTM 18N", UTM, [-78.0, 28.0, -72.0, 84.0]),
        entry(26917, "North America, UTM 17N", UTM, [-84.0, 24.0, -78.0, 84.0]),
        entry(26910, "North America, UTM 10N", UTM, [-126.0, 34.0, -120.0, 81.0]),
        entry(6677, "Japan, plane 9", [-1.5e5, 2e5, -2e5, 1.9e5], [138.4, 34.5, 141.0, 37.8]),
        entry(3347, "Canada, Lambert", [3.6e6, 9.1e6, 6.5e5, 5e6], [-141.0, 40.0, -52.6, 84.0]),
        entry(3857, "Web Mercator", [-2.01e7, 2.01e7, -2.01e7, 2.01e7], [-180.0, -85.1, 180.0, 85.1]),
    ];
}

/// The grids on which `x` and `y` (easting, northing) are a place where the grid is used, those used most first.
#[cfg(feature = "proj")]
pub(crate) fn fitting(x: f64, y: f64) -> Vec<Grid> {
    use super::{Coordinate, Crs, mercator, other};
    use crate::rows::LeftOut;

    let within = |[low_x, high_x, low_y, high_y]: [f64; 4], x: f64, y: f64| {
        (low_x..=high_x).contains(&x) && (low_y..=high_y).contains(&y)
    };
    let fits = |entry: &&table::Entry| {
        if !within(entry.numbers, x, y) {
            return false;
        }
        let [west, south, east, north] = entry.area;
        let area = [west, east, south, north];
        let place = Coordinate { x, y };
        if entry.grid.code == 3857 {
            // The same in the sea before Africa.
            let metres = mercator::WORLD_HALF_WIDTH;
            return x.abs().max(y.abs()) > 1e5 && x.abs() <= metres && y.abs() <= metres;
        }
        let mut out = Vec::new();
        let crs = Crs::Other(format!("EPSG:{}", entry.grid.code));
        // A system that PROJ does not know fits nowhere.
        let known = other::to_degrees(&crs.to_string(), &[place], &mut out, &mut LeftOut::default()).is_ok();
        known && out.first().is_some_and(|at| within(area, at.x, at.y))
    };
    // Every grid has its zero somewhere; small numbers lie there and are hardly any place.
    if !x.is_finite() || !y.is_finite() || x.abs().max(y.abs()) < 1e4 {
        return Vec::new();
    }
    table::ALL.iter().filter(fits).map(|entry| entry.grid).collect()
}

/// Without PROJ no grid can be tried.
#[cfg(not(feature = "proj"))]
pub(crate) fn fitting(_: f64, _: f64) -> Vec<Grid> {
    Vec::new()
}
