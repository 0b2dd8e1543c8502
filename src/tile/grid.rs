//! The pixel grid of a picture: any part of the world square cut into any number of columns and rows, in integers.
//!
//! The column of a position is floor(offset * columns / width), offset and width in world steps: at most 47 bits (a frame
//! that grows does so 20,000 times at most) times 15 bits, so exact in u64, half-open, and no float decides on which side
//! of a pixel's edge a point lies. The quotient is then written as a position of a pyramid's zoom with room for all
//! columns ([`Grid::place`]), so that what bins tiles bins pictures: devices see powers of two only.

use super::mercator::{latitude, longitude};
use super::{Extent, LonLatBounds, MAX_ZOOM, WorldPoint, ZoomRange};

/// Most columns or rows of a picture.
pub const MAX_PICTURE: u32 = 20_000;
/// Steps along a side of the world.
const WORLD: i64 = 1 << 32;

/// A box of the world square in steps. It may reach over the antimeridian and, grown, over the edges of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Western edge.
    pub west: i64,
    /// Northern edge.
    pub north: i64,
    /// Steps from west to east, above 0.
    pub width: u64,
    /// Steps from north to south, above 0.
    pub height: u64,
}

impl Frame {
    /// The whole world square.
    pub const WORLD: Self = Self { west: 0, north: 0, width: WORLD as u64, height: WORLD as u64 };

    /// The smallest box around the points of an extent that is not empty.
    pub fn around(extent: &Extent) -> Self {
        Self {
            west: extent.min.x.into(),
            north: extent.min.y.into(),
            width: u64::from(extent.max.x - extent.min.x) + 1,
            height: u64::from(extent.max.y - extent.min.y) + 1,
        }
    }

    /// Whether a position lies in it: on its western and northern edges, not on the others.
    pub fn holds(&self, point: WorldPoint) -> bool {
        let (x, y) = ((i64::from(point.x) - self.west).rem_euclid(WORLD), i64::from(point.y) - self.north);
        (x as u64) < self.width && y >= 0 && (y as u64) < self.height
    }

    /// The same box with other sides around the same middle.
    fn resized(self, width: u64, height: u64) -> Self {
        let half = |more: u64, less: u64| (more as i64 - less as i64).div_euclid(2);
        Self { west: self.west - half(width, self.width), north: self.north - half(height, self.height), width, height }
    }
}

/// A frame cut into columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    frame: Frame,
    columns: u32,
    rows: u32,
    zoom: u8,
}

impl Grid {
    /// The grid of [`Grid::new`] with `pixels` of its pixels on each side of the frame: what lies at the frame's edges is
    /// to be seen whole. Too small a picture gets none.
    pub fn padded(frame: Frame, width: Option<u32>, height: Option<u32>, pixels: u32) -> Self {
        let grid = Self::new(frame, width, height);
        // A pixel gets larger by what it takes to have the padding among the same number.
        let more = |side: u64, count: u32| {
            let rest = u64::from(count.saturating_sub(2 * pixels));
            if rest == 0 { side } else { (side * u64::from(count)).div_ceil(rest) }
        };
        let Frame { width, height, .. } = grid.frame;
        let frame = grid.frame.resized(more(width, grid.columns), more(height, grid.rows));
        if pixels == 0 { grid } else { Self::new(frame, Some(grid.columns), Some(grid.rows)) }
    }

    /// The grid of a picture of `frame`, `width` and `height` pixels large; what is not given follows from the frame's
    /// shape, or else the longer side has 1,200 pixels. Pixels are square: where the shape of the picture is another
    /// one, the frame grows around its middle, and so it does until a pixel is one step.
    pub fn new(frame: Frame, width: Option<u32>, height: Option<u32>) -> Self {
        const LONGER: u32 = 1_200;
        // Rounded, but never to nothing or beyond what a picture may have.
        let share = |pixels: u32, other: u64, side: u64| {
            let exact = (u64::from(pixels) * other + side / 2) / side;
            exact.clamp(1, u64::from(MAX_PICTURE)) as u32
        };
        let (columns, rows) = match (width, height) {
            (Some(width), Some(height)) => (width, height),
            (Some(width), None) => (width, share(width, frame.height, frame.width)),
            (None, Some(height)) => (share(height, frame.width, frame.height), height),
            (None, None) if frame.width >= frame.height => (LONGER, share(LONGER, frame.height, frame.width)),
            (None, None) => (share(LONGER, frame.width, frame.height), LONGER),
        };
        let (columns, rows) = (columns.clamp(1, MAX_PICTURE), rows.clamp(1, MAX_PICTURE));
        let (wide, high) = (u64::from(columns), u64::from(rows));
        let frame = if frame.width < wide && frame.height < high {
            frame.resized(wide, high)
        } else if frame.width * high >= frame.height * wide {
            frame.resized(frame.width, (frame.width * high).div_ceil(wide))
        } else {
            frame.resized((frame.height * wide).div_ceil(high), frame.height)
        };
        // A picture of the whole world that is as wide as a zoom is that zoom, and spread goes around it as in tiles.
        // Any other one needs columns to spare, so that nothing comes in from the far side.
        let around = frame.width == WORLD as u64 && columns.is_power_of_two() && columns >= 256;
        let needed = if around && rows <= columns { columns } else { (columns + 64).max(rows) };
        let zoom = (needed.div_ceil(256)).next_power_of_two().trailing_zeros() as u8;
        Self { frame, columns, rows, zoom }
    }

    /// The pixels of zoom `zoom` that meet `frame`, with `more` of them on each side, as a picture; `None` where a side would
    /// have more than [`MAX_PICTURE`].
    pub fn of_pixels(frame: Frame, zoom: u8, more: u32) -> Option<Self> {
        let size = 1i64 << (MAX_ZOOM - zoom);
        let (from, to) = (|at: i64| at.div_euclid(size), |at: i64| (at + size - 1).div_euclid(size));
        let more = i64::from(more);
        let (west, north) = (from(frame.west) - more, (from(frame.north) - more).max(0));
        let east = to(frame.west + frame.width as i64) + more;
        let south = (to(frame.north + frame.height as i64) + more).min(WORLD / size);
        let side = |pixels: i64| u32::try_from(pixels).ok().filter(|pixels| (1..=MAX_PICTURE).contains(pixels));
        // The world is there once.
        let (columns, rows) = (side((east - west).min(WORLD / size))?, side(south - north)?);
        let frame = Frame {
            west: if i64::from(columns) == WORLD / size { 0 } else { west * size },
            north: north * size,
            width: u64::from(columns) << (MAX_ZOOM - zoom),
            height: u64::from(rows) << (MAX_ZOOM - zoom),
        };
        Some(Self::new(frame, Some(columns), Some(rows)))
    }

    /// What is shown.
    pub fn frame(&self) -> Frame {
        self.frame
    }

    /// Pixels from west to east.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// Pixels from north to south.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The zoom whose pixels stand for those of the picture.
    pub fn zooms(&self) -> ZoomRange {
        ZoomRange { min: self.zoom, max: self.zoom }
    }

    /// The box that the picture shows of the map, in degrees; as where a person asks for one, west is to the east of east
    /// where it reaches over the antimeridian. What the picture has beyond the map or for a second time shows nothing.
    pub fn bounds(&self) -> LonLatBounds {
        let Frame { west, north, width, height } = self.frame;
        let (west, east) = if width >= WORLD as u64 {
            (0, WORLD)
        } else {
            // East is above 0: the antimeridian is the end of a box before it is the beginning of one.
            (west.rem_euclid(WORLD), (west + width as i64 - 1).rem_euclid(WORLD) + 1)
        };
        let row = |at: i64| at.clamp(0, WORLD) as f64;
        LonLatBounds {
            west: longitude(west as f64),
            south: latitude(row(north + height as i64)),
            east: longitude(east as f64),
            north: latitude(row(north)),
        }
    }

    /// The pixel of a point as a position of zoom [`Grid::zooms`]: column and row are the pixel's number from the
    /// zoom's north-western corner. `None` where the point lies outside the picture.
    #[inline]
    pub fn place(&self, point: WorldPoint) -> Option<WorldPoint> {
        let x = self.column(point.x)?;
        let y = i64::from(point.y) - self.frame.north;
        let row = (0..self.frame.height as i64)
            .contains(&y)
            .then(|| (y as u64 * u64::from(self.rows) / self.frame.height) as u32)?;
        let shift = MAX_ZOOM - self.zoom;
        Some(WorldPoint { x: x << shift, y: row << shift })
    }

    #[inline]
    fn column(&self, x: u32) -> Option<u32> {
        let offset = i64::from(x) - self.frame.west;
        // The world repeats to the east and to the west; a frame wider than it shows it once, in the middle.
        let width = self.frame.width as i64;
        let offset = [offset, offset + WORLD, offset - WORLD]
            .into_iter()
            .filter(|offset| (0..width).contains(offset))
            .min_by_key(|offset| (2 * offset - width + 1).abs())?;
        Some((offset as u64 * u64::from(self.columns) / self.frame.width) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let side = || prop_oneof![1u64..=5000, 1u64..=1 << 32];
        (0i64..WORLD, 0i64..WORLD, side(), side()).prop_map(|(west, north, width, height)| Frame {
            west,
            north,
            width,
            height: height.min((WORLD - north) as u64),
        })
    }

    proptest! {
        #[test]
        fn every_pixel_is_half_open_and_square(
            frame in frames(),
            width in proptest::option::of(1u32..=MAX_PICTURE),
            height in proptest::option::of(1u32..=MAX_PICTURE),
            points in proptest::collection::vec((0.0f64..1.0, 0.0f64..1.0), 1..20),
        ) {
            let grid = Grid::new(frame, width, height);
            prop_assert!(width.is_none_or(|w| w == grid.columns) && height.is_none_or(|h| h == grid.rows));
            prop_assert!(256 << grid.zoom >= grid.columns.max(grid.rows));
            // The frame only grows, and no side of a pixel is longer than the other by more than rounding.
            prop_assert!(grid.frame.width >= frame.width && grid.frame.height >= frame.height);
            let (one, other) = (grid.frame.width * u64::from(grid.rows), grid.frame.height * u64::from(grid.columns));
            prop_assert!(one.abs_diff(other) <= u64::from(grid.rows.max(grid.columns)), "{one} {other}");
            for (x, y) in points {
                let at = |share: f64, side: u64, from: i64| from + (share * side as f64) as i64;
                let (x, y) = (at(x, frame.width, frame.west), at(y, frame.height, frame.north));
                let point = WorldPoint { x: x.rem_euclid(WORLD) as u32, y: y as u32 };
                let place = grid.place(point).unwrap();
                let (column, row) = (place.x >> (MAX_ZOOM - grid.zoom), place.y >> (MAX_ZOOM - grid.zoom));
                prop_assert!(column < grid.columns && row < grid.rows);
                // column / columns <= (y - north) / height < (column + 1) / columns, as integers.
                let offset = (y - grid.frame.north) as u128;
                prop_assert!(u128::from(row) * u128::from(grid.frame.height) <= offset * u128::from(grid.rows));
                prop_assert!(offset * u128::from(grid.rows) < u128::from(row + 1) * u128::from(grid.frame.height));
            }
        }
    }

    #[test]
    fn the_whole_world_has_the_pixels_of_a_zoom() {
        for z in 0..=6u8 {
            let grid = Grid::new(Frame::WORLD, Some(256 << z), None);
            assert_eq!((grid.columns, grid.rows, grid.zoom), (256 << z, 256 << z, z));
            for point in [(0, 0), (u32::MAX, u32::MAX), (1 << 31, 77_777_777), (3_000_000_000, 1)] {
                let point = WorldPoint { x: point.0, y: point.1 };
                let place = grid.place(point).unwrap();
                assert_eq!((place.tile(z), place.pixel(z)), (point.tile(z), point.pixel(z)));
            }
        }
        assert_eq!(Grid::new(Frame::WORLD, Some(256), Some(300)).zoom, 1, "grown, it does not go around");
    }

    #[test]
    fn a_padded_frame_shows_its_edges_whole() {
        let frame = Frame { west: 1 << 30, north: 1 << 30, width: 1 << 20, height: 1 << 22 };
        for (size, pixels) in [((Some(300), None), 20), ((None, Some(500)), 7), ((Some(400), Some(400)), 64)] {
            let grid = Grid::padded(frame, size.0, size.1, pixels);
            let corner = |x: u64, y: u64| {
                let point = WorldPoint { x: (frame.west as u64 + x) as u32, y: (frame.north as u64 + y) as u32 };
                let place = grid.place(point).unwrap();
                (place.x >> (MAX_ZOOM - grid.zoom), place.y >> (MAX_ZOOM - grid.zoom))
            };
            let ((left, top), (right, bottom)) = (corner(0, 0), corner(frame.width - 1, frame.height - 1));
            let edges = [left, top, grid.columns - 1 - right, grid.rows - 1 - bottom];
            // Rounding may take one.
            assert!(edges.iter().all(|&edge| edge + 1 >= pixels), "{edges:?}");
        }
    }

    #[test]
    fn a_frame_reaches_over_the_antimeridian() {
        let grid = Grid::new(Frame { west: WORLD - 1000, north: 0, width: 2000, height: 1000 }, Some(20), Some(10));
        let column = |x: u32| grid.place(WorldPoint { x, y: 5 }).map(|p| p.x >> (MAX_ZOOM - grid.zoom));
        assert_eq!([u32::MAX - 999, u32::MAX, 0, 999].map(column), [Some(0), Some(9), Some(10), Some(19)]);
        assert_eq!([u32::MAX - 1000, 1000, 1 << 31].map(column), [None; 3]);
        assert_eq!(grid.place(WorldPoint { x: 0, y: 1000 }), None);
        // Grown beyond the world it still shows both sides of the antimeridian together.
        let grid =
            Grid::new(Frame { west: WORLD - 1000, north: 1 << 31, width: 2000, height: 1000 }, Some(4000), Some(100));
        let grid = Grid { frame: grid.frame.resized(3 * WORLD as u64, grid.frame.height), ..grid };
        let column = |x: u32| grid.place(WorldPoint { x, y: 1 << 31 }).unwrap().x >> (MAX_ZOOM - grid.zoom);
        assert!(column(u32::MAX - 999).abs_diff(2000) <= 1 && column(999).abs_diff(2000) <= 1);
    }

    #[test]
    fn nothing_goes_around_a_part_of_the_world() {
        let part = Frame { west: 0, north: 0, width: 1 << 30, height: 1 << 30 };
        assert_eq!(Grid::new(part, Some(256), Some(256)).zooms().max, 1);
        assert_eq!(Grid::new(part, Some(192), Some(192)).zooms().max, 0);
        assert_eq!(Grid::new(part, Some(193), Some(192)).zooms().max, 1);
    }

    #[test]
    fn bounds_are_those_of_the_frame_on_earth() {
        let bounds = Grid::new(Frame::WORLD, Some(256), None).bounds();
        assert_eq!((bounds.west, bounds.east), (-180.0, 180.0));
        assert!((bounds.south + 85.051_128_8).abs() < 1e-6 && (bounds.north - 85.051_128_8).abs() < 1e-6, "{bounds:?}");
        // Points all over the world, with pixels to spare around them.
        let data = Frame { west: 3, north: 1, width: WORLD as u64 - 9, height: WORLD as u64 - 5 };
        assert_eq!(Grid::padded(data, Some(1000), Some(900), 2).bounds(), bounds);
        // Across the antimeridian from either side, and up to it.
        let sides = |west, width| {
            let LonLatBounds { west, east, .. } =
                Grid::new(Frame { west, north: 0, width, height: width }, None, None).bounds();
            (west, east)
        };
        assert_eq!(sides(-WORLD / 8, WORLD as u64 / 4), (135.0, -135.0));
        assert_eq!(sides(WORLD / 8 * 7, WORLD as u64 / 4), (135.0, -135.0));
        assert_eq!(sides(WORLD / 8 * 7, WORLD as u64 / 8), (135.0, 180.0));
        assert_eq!(sides(0, WORLD as u64 / 8), (-180.0, -135.0));
    }
}
