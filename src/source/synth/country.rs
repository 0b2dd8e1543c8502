//! What synthetic points are drawn from: the towns of `assets/places.csv`, roads between them, the land within
//! the rough outline, and hot spots. Built once; drawing is table look-ups and a few multiplications.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::Place;
use super::outline;
use crate::error::{Error, Result};

const PLACES: &str = include_str!("../../../assets/places.csv");
/// Entries of a table that chooses by weight; more would leave the cache for no visible gain.
const CHOICES: usize = 1 << 16;
const HOT_SPOTS: usize = 2000;
/// Degrees of latitude that a town's points scatter by, per square root of its population: 12 km for London.
const SCATTER: f64 = 3.6e-5;
/// Height of a cell of countryside in degrees of latitude.
const CELL: f64 = 0.05;

#[derive(Debug, Clone, Copy)]
struct Town {
    lon: f64,
    lat: f64,
    root_population: f64,
    /// Scatter in degrees east and north.
    spread: [f64; 2],
}

#[derive(Debug, Clone, Copy)]
struct Road {
    from: [f64; 2],
    along: [f64; 2],
    /// Degrees east and north by which the road bends aside, as an arc and as an S.
    arc: [f64; 2],
    wave: [f64; 2],
}

/// Great Britain as tables.
#[derive(Debug)]
pub(super) struct Country {
    towns: Vec<Town>,
    town_of: Vec<u16>,
    roads: Vec<Road>,
    road_of: Vec<u16>,
    /// South-western corner and width of cells of equal area.
    cells: Vec<[f64; 3]>,
    hot_spots: Vec<Place>,
}

impl Country {
    /// Builds the tables; bends of roads and hot spots come from `rng`.
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Result<Self> {
        let (towns, people) = towns()?;
        let (roads, traffic) = roads(&towns, rng);
        let mut country = Self {
            town_of: choices(&people),
            towns,
            road_of: choices(&traffic),
            roads,
            cells: cells(),
            hot_spots: Vec::new(),
        };
        for _ in 0..HOT_SPOTS {
            let spot = country.town(rng.next_u32(), [rng.next_u64(), rng.next_u64()]);
            country.hot_spots.push(spot);
        }
        Ok(country)
    }

    /// A point around a town chosen by population: a bell curve (the sum of four uniform numbers) whose width
    /// varies from point to point, so that centres are dense and suburbs reach far.
    pub(super) fn town(&self, choice: u32, random: [u64; 2]) -> Place {
        let town = &self.towns[usize::from(self.town_of[choice as usize % CHOICES])];
        // The low bits chose the town; the high ones are still fresh.
        let width = 0.3 / (0.12 + f64::from(choice >> 16) / 65_536.0);
        let east = town.lon + bell(random[0]) * width * town.spread[0];
        let north = town.lat + bell(random[1]) * width * town.spread[1];
        Place::from_degrees(east, north)
    }

    /// A point along a road, within some 40 m of its line.
    pub(super) fn road(&self, choice: u32, random: u64) -> Place {
        let road = &self.roads[usize::from(self.road_of[choice as usize % CHOICES])];
        let t = f64::from(random as u32) / 4_294_967_296.0;
        let (arc, wave) = (4.0 * t * (1.0 - t), 16.0 * t * (1.0 - t) * (0.5 - t));
        let aside = [(random >> 32) as u16, (random >> 48) as u16].map(|r| (f64::from(r) / 32_768.0 - 1.0) * 3.5e-4);
        let [east, north] =
            [0, 1].map(|i| road.from[i] + t * road.along[i] + arc * road.arc[i] + wave * road.wave[i] + aside[i]);
        Place::from_degrees(east, north)
    }

    /// A point anywhere on land.
    pub(super) fn countryside(&self, choice: u32, random: u64) -> Place {
        let cell = (u64::from(choice) * self.cells.len() as u64) >> 32;
        let [west, south, width] = self.cells[cell as usize];
        let [u, v] = [random as u32, (random >> 32) as u32].map(|r| f64::from(r) / 4_294_967_296.0);
        Place::from_degrees(west + u * width, south + v * CELL)
    }

    /// One of the hot spots; the first are the hottest.
    pub(super) fn hot_spot(&self, choice: u32) -> Place {
        let u = f64::from(choice) / 4_294_967_296.0;
        self.hot_spots[(u * u * HOT_SPOTS as f64) as usize]
    }
}

/// About a standard normal number, never beyond 3.5: four uniform ones from the bits of one word.
fn bell(random: u64) -> f64 {
    let sum = (random & 0xffff) + ((random >> 16) & 0xffff) + ((random >> 32) & 0xffff) + (random >> 48);
    // Four uniform numbers of 0..65535 have mean 131,070 and standard deviation 37,837.
    (sum as f64 - 131_070.0) / 37_837.0
}

fn towns() -> Result<(Vec<Town>, Vec<f64>)> {
    let bad = |line: &str| Error::Internal(format!("bad line in the table of places: {line}"));
    let (mut towns, mut people) = (Vec::new(), Vec::new());
    for line in PLACES.lines().skip(1) {
        let mut numbers = line.rsplit(',').map(str::parse::<f64>);
        let (Some(Ok(population)), Some(Ok(lat)), Some(Ok(lon))) = (numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(bad(line));
        };
        let root_population = libm::sqrt(population);
        let north = SCATTER * root_population;
        let spread = [north / libm::cos(lat.to_radians()), north];
        towns.push(Town { lon, lat, root_population, spread });
        people.push(population);
    }
    Ok((towns, people))
}

/// Roads from each town to its three nearest and to the nearest one that is larger, where they stay on land;
/// and the traffic of each: its length times what the towns at its ends attract.
fn roads(towns: &[Town], rng: &mut ChaCha8Rng) -> (Vec<Road>, Vec<f64>) {
    let distance = |a: &Town, b: &Town| {
        let east = (a.lon - b.lon) * libm::cos((a.lat + b.lat).to_radians() / 2.0);
        libm::sqrt(east * east + (a.lat - b.lat) * (a.lat - b.lat))
    };
    let mut pairs = Vec::new();
    for (i, town) in towns.iter().enumerate() {
        let mut others: Vec<usize> = (0..towns.len()).filter(|&j| j != i).collect();
        others.sort_by(|&a, &b| distance(town, &towns[a]).total_cmp(&distance(town, &towns[b])));
        let larger = others.iter().find(|&&j| towns[j].root_population > town.root_population);
        pairs.extend(others.iter().take(3).chain(larger).map(|&j| (i.min(j), i.max(j))));
    }
    pairs.sort_unstable();
    pairs.dedup();
    let (mut roads, mut traffic) = (Vec::new(), Vec::new());
    for (a, b) in pairs.into_iter().map(|(i, j)| (&towns[i], &towns[j])) {
        let along = [b.lon - a.lon, b.lat - a.lat];
        let on_land = (1..10).filter(|i| {
            let t = f64::from(*i) / 10.0;
            outline::on_land(a.lon + t * along[0], a.lat + t * along[1])
        });
        if on_land.count() < 8 {
            continue;
        }
        let mut bend = |most: f64| (f64::from(rng.next_u32()) / 2_147_483_648.0 - 1.0) * most;
        let (arc, wave) = (bend(0.08), bend(0.06));
        // Across the road, in degrees: the stretch of longitudes is undone and done again.
        let stretch = libm::cos((a.lat + b.lat).to_radians() / 2.0);
        let across = [-along[1] / stretch, along[0] * stretch];
        let road = Road { from: [a.lon, a.lat], along, arc: across.map(|c| c * arc), wave: across.map(|c| c * wave) };
        roads.push(road);
        traffic.push(distance(a, b) * (a.root_population + b.root_population));
    }
    (roads, traffic)
}

/// Cells of equal area (narrower in degrees to the south) whose middle is on land.
fn cells() -> Vec<[f64; 3]> {
    let mut cells = Vec::new();
    let [west, south, east, north] = outline::BOX;
    for row in 0..((north - south) / CELL) as u32 {
        let bottom = south + f64::from(row) * CELL;
        let width = CELL / libm::cos((bottom + CELL / 2.0).to_radians());
        for column in 0..((east - west) / width) as u32 {
            let left = west + f64::from(column) * width;
            if outline::on_land(left + width / 2.0, bottom + CELL / 2.0) {
                cells.push([left, bottom, width]);
            }
        }
    }
    cells
}

/// A table in which each index appears as often as its weight says.
fn choices(weights: &[f64]) -> Vec<u16> {
    let total: f64 = weights.iter().sum();
    let mut table = Vec::with_capacity(CHOICES);
    let mut sum = 0.0;
    for (index, weight) in weights.iter().enumerate() {
        sum += weight;
        let end = (sum / total * CHOICES as f64 + 0.5) as usize;
        table.resize(end.min(CHOICES), index as u16);
    }
    table.resize(CHOICES, (weights.len().max(1) - 1) as u16);
    table
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn the_country_has_its_parts() {
        let country = Country::new(&mut ChaCha8Rng::from_seed([0; 32])).unwrap();
        assert!(country.towns.len() >= 150, "{}", country.towns.len());
        assert!(country.roads.len() >= 300, "{}", country.roads.len());
        // Great Britain has about 217,000 square kilometres, a cell about 31.
        let area = country.cells.len() as f64 * (CELL * 111.3) * (CELL * 111.3);
        assert!((190_000.0..240_000.0).contains(&area), "{area}");
        assert_eq!(country.hot_spots.len(), HOT_SPOTS);
    }

    #[test]
    fn a_table_follows_its_weights() {
        let table = choices(&[1.0, 2.0, 1.0]);
        let count = |i| table.iter().filter(|&&t| t == i).count();
        assert_eq!([count(0), count(1), count(2)], [CHOICES / 4, CHOICES / 2, CHOICES / 4]);
    }
}
