//! Polygons on the world's grid, prepared so that a point far from every border costs one look at a table.
//!
//! A polygon is a set of rings; a point is in it where a ray to the east crosses an odd number of their edges, so that rings
//! within others are holes, whichever way they turn. An edge is the straight line between its vertices; it is crossed by
//! rows from its northern end on and before its southern one, and lies to the east where the row meets it behind the point
//! (both compared without rounding). So of areas that share a border each point of it belongs to exactly one.
//! Of several polygons a point need be in one only.

use crate::tile::WorldPoint;

/// Cells of the table along a side, at most.
const CELLS: u32 = 1 << 10;
/// Steps around the world.
const WORLD: i64 = 1 << 32;

/// A vertex in steps of the world; x may lie beyond the antimeridian.
pub(super) type Vertex = (i64, i64);
/// Its rings: the last vertex joins the first.
pub(super) type Polygon = Vec<Vec<Vertex>>;

/// An edge with its northern end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    north: Vertex,
    south: Vertex,
    polygon: u32,
}

impl Edge {
    /// Whether the ray from a point to the east crosses it.
    #[inline]
    fn crosses(&self, (x, y): Vertex) -> bool {
        let ((north_x, north_y), (south_x, south_y)) = (self.north, self.south);
        if y < north_y || y >= south_y {
            return false;
        }
        // Most lie wholly on one side.
        if x >= north_x.max(south_x) {
            return false;
        }
        if x < north_x.min(south_x) {
            return true;
        }
        let run = i128::from(south_x - north_x) * i128::from(y - north_y);
        i128::from(x - north_x) * i128::from(south_y - north_y) < run
    }
}

/// What is known of a cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Outside,
    Inside,
    /// A border may lie in it.
    Mixed,
}

/// Polygons that are ready to be asked.
#[derive(Debug, Clone)]
pub struct Area {
    /// Of the first cell, and how many there are.
    west: i64,
    north: i64,
    columns: usize,
    rows: usize,
    /// A cell has 2^shift steps along a side.
    shift: u32,
    cells: Vec<Cell>,
    /// For each row of cells the edges that lie in it, by polygon.
    edges: Vec<Edge>,
    bands: Vec<(u32, u32)>,
}

impl Area {
    /// Prepares polygons whose rings are `(x, y)` in steps of the world.
    pub fn of(polygons: &[Vec<Vec<(i64, i64)>>]) -> Self {
        let mut edges = Vec::new();
        let mut horizontal = Vec::new();
        let mut number = 0;
        for polygon in polygons {
            let xs = || polygon.iter().flatten().map(|vertex| vertex.0);
            let (Some(least), Some(most)) = (xs().min(), xs().max()) else { continue };
            // What lies beyond the antimeridian lies on the other side of the map, too.
            let (first, last) = (-most.div_euclid(WORLD), (WORLD - 1 - least).div_euclid(WORLD));
            for turn in first..=last {
                add(polygon, turn * WORLD, number, &mut edges, &mut horizontal);
                number += 1;
            }
        }
        let ends = || edges.iter().chain(&horizontal).flat_map(|edge: &Edge| [edge.north, edge.south]);
        let clip = |v: i64| v.clamp(0, WORLD);
        let west = clip(ends().map(|v| v.0).min().unwrap_or(0));
        let east = clip(ends().map(|v| v.0).max().unwrap_or(0));
        let north = clip(ends().map(|v| v.1).min().unwrap_or(0));
        let south = clip(ends().map(|v| v.1).max().unwrap_or(0));
        let side = (east - west).max(south - north) + 1;
        let shift = (0..33).find(|shift| side >> shift < i64::from(CELLS)).unwrap_or(32);
        let (columns, rows) = (((east - west) >> shift) as usize + 1, ((south - north) >> shift) as usize + 1);
        let mut area = Self {
            west,
            north,
            columns,
            rows,
            shift,
            cells: vec![Cell::Outside; columns * rows],
            edges: Vec::new(),
            bands: Vec::with_capacity(rows),
        };
        area.sort_into_bands(&edges);
        edges.iter().chain(&horizontal).for_each(|edge| area.mark(edge));
        area.fill();
        area
    }

    /// Whether a point lies in one of the polygons.
    #[inline]
    pub fn holds(&self, point: WorldPoint) -> bool {
        let (x, y) = (i64::from(point.x), i64::from(point.y));
        let (dx, dy) = (x - self.west, y - self.north);
        if dx < 0 || dy < 0 {
            return false;
        }
        let (column, row) = ((dx >> self.shift) as usize, (dy >> self.shift) as usize);
        if column >= self.columns || row >= self.rows {
            return false;
        }
        match self.cells[row * self.columns + column] {
            Cell::Outside => false,
            Cell::Inside => true,
            Cell::Mixed => self.exactly((x, y), row),
        }
    }

    /// The same by the edges of a row of cells.
    fn exactly(&self, point: Vertex, row: usize) -> bool {
        let (from, to) = self.bands[row];
        let mut edges = &self.edges[from as usize..to as usize];
        while let Some(first) = edges.first() {
            let of_polygon = edges.iter().take_while(|edge| edge.polygon == first.polygon).count();
            let (own, others) = edges.split_at(of_polygon);
            if own.iter().filter(|edge| edge.crosses(point)).count() % 2 == 1 {
                return true;
            }
            edges = others;
        }
        false
    }

    fn sort_into_bands(&mut self, edges: &[Edge]) {
        let mut bands: Vec<Vec<Edge>> = vec![Vec::new(); self.rows];
        for edge in edges {
            let row = |y: i64| ((y - self.north).max(0) >> self.shift) as usize;
            let last = row(edge.south.1 - 1).min(self.rows - 1);
            for band in bands.iter_mut().take(last + 1).skip(row(edge.north.1)) {
                band.push(*edge);
            }
        }
        for mut band in bands {
            band.sort_by_key(|edge| edge.polygon);
            let from = self.edges.len() as u32;
            self.edges.append(&mut band);
            self.bands.push((from, self.edges.len() as u32));
        }
    }

    /// Marks the cells that an edge may lie in.
    fn mark(&mut self, edge: &Edge) {
        let ((x0, y0), (x1, y1)) = (edge.north, edge.south);
        let cell = |v: i64, from: i64, most: usize| ((v - from).max(0) >> self.shift).min(most as i64 - 1) as usize;
        let (first, last) = (cell(y0 - 1, self.north, self.rows), cell(y1, self.north, self.rows));
        for row in first..=last {
            let top = self.north + ((row as i64) << self.shift);
            let bottom = top + (1 << self.shift);
            // A step more on each side than any rounding.
            let at = |y: i64| {
                if y1 == y0 {
                    return (x0.min(x1), x0.max(x1));
                }
                let y = y.clamp(y0, y1);
                let x = x0 as f64 + (x1 - x0) as f64 * ((y - y0) as f64 / (y1 - y0) as f64);
                (x as i64 - 2, x as i64 + 2)
            };
            let (above, below) = (at(top), at(bottom));
            let (west, east) = (above.0.min(below.0), above.1.max(below.1));
            if east < self.west - 2 || west > self.west + ((self.columns as i64) << self.shift) {
                continue;
            }
            let (from, to) = (cell(west, self.west, self.columns), cell(east, self.west, self.columns));
            self.cells[row * self.columns + from..=row * self.columns + to].fill(Cell::Mixed);
        }
    }

    /// Finds out whether the other cells lie inside: neighbours in a row that no border parts are alike.
    fn fill(&mut self) {
        for row in 0..self.rows {
            let mut known = None;
            for column in 0..self.columns {
                let at = row * self.columns + column;
                if self.cells[at] == Cell::Mixed {
                    known = None;
                    continue;
                }
                let corner = (self.west + ((column as i64) << self.shift), self.north + ((row as i64) << self.shift));
                let inside = *known.get_or_insert_with(|| self.exactly(corner, row));
                self.cells[at] = if inside { Cell::Inside } else { Cell::Outside };
            }
        }
    }
}

/// The edges of a polygon that is moved to the east.
fn add(polygon: &[Vec<Vertex>], by: i64, number: u32, edges: &mut Vec<Edge>, horizontal: &mut Vec<Edge>) {
    for ring in polygon {
        let moved = |(x, y): Vertex| (x + by, y);
        let next = ring.iter().cycle().skip(1);
        for (&from, &to) in ring.iter().zip(next) {
            let (from, to) = (moved(from), moved(to));
            let (north, south) = if from.1 <= to.1 { (from, to) } else { (to, from) };
            let edge = Edge { north, south, polygon: number };
            if north.1 == south.1 { horizontal.push(edge) } else { edges.push(edge) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// In one of the polygons, by the definition alone.
    fn plainly(polygons: &[Polygon], (px, py): Vertex) -> bool {
        let crossings = |polygon: &Polygon, px: i64| {
            let mut count = 0;
            for ring in polygon {
                for (i, &(ax, ay)) in ring.iter().enumerate() {
                    let (bx, by) = ring[(i + 1) % ring.len()];
                    if (ay <= py) == (by <= py) {
                        continue;
                    }
                    // px < ax + (bx - ax) (py - ay) / (by - ay)
                    let (left, right) =
                        (i128::from(px - ax) * i128::from(by - ay), i128::from(bx - ax) * i128::from(py - ay));
                    count += usize::from(if by > ay { left < right } else { left > right });
                }
            }
            count
        };
        polygons.iter().any(|polygon| (-2..=2).any(|turn| crossings(polygon, px + turn * WORLD) % 2 == 1))
    }

    fn at(x: i64, y: i64) -> WorldPoint {
        WorldPoint { x: x as u32, y: y as u32 }
    }

    #[test]
    fn borders_belong_to_one_of_two() {
        let (left, right) = (
            Area::of(&[vec![vec![(10, 10), (20, 10), (30, 40), (10, 40)]]]),
            Area::of(&[vec![vec![(20, 10), (50, 10), (50, 40), (30, 40)]]]),
        );
        for y in 10..40 {
            for x in 10..50 {
                assert!(left.holds(at(x, y)) != right.holds(at(x, y)), "{x} {y}");
            }
        }
        assert!(left.holds(at(10, 10)) && !left.holds(at(10, 40)) && !left.holds(at(9, 20)));
    }

    #[test]
    fn holes_are_outside_and_islands_in_them_are_not() {
        let square = |from: i64, to: i64| vec![(from, from), (to, from), (to, to), (from, to)];
        let area = Area::of(&[vec![square(0, 100), square(20, 80), square(40, 60)]]);
        for (v, inside) in [(5, true), (30, false), (50, true), (90, true), (100, false)] {
            assert_eq!(area.holds(at(v, v)), inside, "{v}");
        }
        // Two that overlap are both there.
        let two = Area::of(&[vec![square(0, 60)], vec![square(40, 100)]]);
        assert!(two.holds(at(50, 50)) && two.holds(at(10, 10)) && two.holds(at(90, 90)) && !two.holds(at(90, 10)));
    }

    #[test]
    fn what_lies_beyond_the_antimeridian_is_on_the_other_side() {
        let area = Area::of(&[vec![vec![(WORLD - 100, 10), (WORLD + 100, 10), (WORLD + 100, 90), (WORLD - 100, 90)]]]);
        for (x, inside) in
            [(WORLD - 101, false), (WORLD - 100, true), (WORLD - 1, true), (0, true), (99, true), (100, false)]
        {
            assert_eq!(area.holds(at(x, 50)), inside, "{x}");
        }
        let world = Area::of(&[vec![vec![(0, 0), (WORLD, 0), (WORLD, WORLD), (0, WORLD)]]]);
        assert!(world.holds(at(0, 0)) && world.holds(at(WORLD - 1, WORLD - 1)));
        assert!(!Area::of(&[]).holds(at(5, 5)));
    }

    fn ring(side: i64) -> impl Strategy<Value = Vec<Vertex>> {
        let free = (0..side, 0..side);
        let lattice = (0..8i64, 0..8i64).prop_map(move |(x, y)| (x * (side / 8), y * (side / 8)));
        prop_oneof![prop::collection::vec(free, 3..40), prop::collection::vec(lattice, 3..9)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_table_says_what_the_definition_does(
            side in prop::sample::select(vec![40i64, 3000, 1 << 22, WORLD]),
            shift in prop::sample::select(vec![0i64, 17, WORLD - 20, 1 << 31]),
            rings in prop::collection::vec(prop::collection::vec(ring(1 << 30), 1..4), 1..4),
            seeds in prop::collection::vec((0..1i64 << 30, 0..1i64 << 30), 200),
        ) {
            let scale = |v: i64| ((i128::from(v) * i128::from(side)) >> 30) as i64;
            let moved = |(x, y): Vertex| (scale(x) + shift, scale(y).min(WORLD - 1));
            let polygons: Vec<Polygon> =
                rings.iter().map(|rings| rings.iter().map(|ring| ring.iter().map(|&v| moved(v)).collect()).collect()).collect();
            let area = Area::of(&polygons);
            // Anywhere, at vertices, and beside them.
            let vertices = polygons.iter().flatten().flatten().flat_map(|&(x, y)| [(x, y), (x - 1, y), (x, y - 1), (x + 1, y + 1)]);
            for (x, y) in seeds.iter().map(|&v| moved(v)).chain(vertices) {
                if (0..WORLD).contains(&y) {
                    let x = x.rem_euclid(WORLD);
                    prop_assert_eq!(area.holds(at(x, y)), plainly(&polygons, (x, y)), "{} {}", x, y);
                }
            }
        }
    }
}
