//! Morton (Z) order, the order of pixels within a count tile and of tiles within a zoom, and the Hilbert
//! tile numbers of PMTiles. In Morton order the four children of a pixel are neighbours, so the step to the
//! zoom below is a sum over runs of equal `code >> 2`.

use super::{TileCoord, WorldPoint};

/// Spreads the 32 bits of `v` to the even bits of a u64.
#[inline]
pub fn interleave(v: u32) -> u64 {
    let mut v = u64::from(v);
    v = (v | (v << 16)) & 0x0000_ffff_0000_ffff;
    v = (v | (v << 8)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v << 2)) & 0x3333_3333_3333_3333;
    (v | (v << 1)) & 0x5555_5555_5555_5555
}

/// Gathers the even bits of `v`: the inverse of [`interleave`].
#[inline]
fn gather(v: u64) -> u32 {
    let mut v = v & 0x5555_5555_5555_5555;
    v = (v | (v >> 1)) & 0x3333_3333_3333_3333;
    v = (v | (v >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    v = (v | (v >> 4)) & 0x00ff_00ff_00ff_00ff;
    v = (v | (v >> 8)) & 0x0000_ffff_0000_ffff;
    (v | (v >> 16)) as u32
}

/// The 64-bit Morton code of a position: its top 2z bits are the tile of zoom z, the next 16 the pixel.
#[inline]
pub fn morton(p: WorldPoint) -> u64 {
    interleave(p.x) | (interleave(p.y) << 1)
}

/// The position of a Morton code.
#[inline]
pub fn morton_point(code: u64) -> WorldPoint {
    WorldPoint { x: gather(code), y: gather(code >> 1) }
}

/// The tile's number in PMTiles: all tiles of the zooms above, then the place along the Hilbert curve.
pub fn hilbert_id(tile: TileCoord) -> u64 {
    let z = u32::from(tile.z);
    let before = ((1u64 << (2 * z)) - 1) / 3;
    let (mut x, mut y) = (u64::from(tile.x), u64::from(tile.y));
    let mut place = 0u64;
    for bit in (0..z).rev() {
        let side = 1u64 << bit;
        let (rx, ry) = (u64::from(x & side != 0), u64::from(y & side != 0));
        place += side * side * ((3 * rx) ^ ry);
        if ry == 0 {
            if rx == 1 {
                let mask = side - 1;
                x = !x & mask;
                y = !y & mask;
            }
            std::mem::swap(&mut x, &mut y);
        }
        x &= side - 1;
        y &= side - 1;
    }
    before + place
}

/// The tile that has a number in PMTiles; `None` beyond [`super::MAX_ZOOM`].
pub fn hilbert_tile(id: u64) -> Option<TileCoord> {
    let before = |z: u32| ((1u64 << (2 * z)) - 1) / 3;
    let z = (0..=u32::from(super::MAX_ZOOM)).find(|z| id < before(z + 1))?;
    let mut place = id - before(z);
    let (mut x, mut y) = (0u64, 0u64);
    for bit in 0..z {
        let side = 1u64 << bit;
        let rx = (place >> 1) & 1;
        let ry = (place ^ rx) & 1;
        if ry == 0 {
            if rx == 1 {
                x = side - 1 - x;
                y = side - 1 - y;
            }
            std::mem::swap(&mut x, &mut y);
        }
        x |= rx << bit;
        y |= ry << bit;
        place >>= 2;
    }
    Some(TileCoord { z: z as u8, x: x as u32, y: y as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn morton_round_trips() {
        for (x, y) in [(0, 0), (1, 0), (0, 1), (u32::MAX, 0), (0x1234_5678, 0x9abc_def0), (u32::MAX, u32::MAX)] {
            let p = WorldPoint { x, y };
            assert_eq!(morton_point(morton(p)), p);
        }
    }

    #[test]
    fn hilbert_numbers_lead_back() {
        for id in (0..100_000).chain((1u64 << 44)..(1u64 << 44) + 1000) {
            assert_eq!(hilbert_tile(id).map(hilbert_id), Some(id));
        }
        assert_eq!(hilbert_tile(u64::MAX), None);
    }

    #[test]
    fn hilbert_numbers_match_the_specification() {
        let id = |z, x, y| hilbert_id(TileCoord { z, x, y });
        assert_eq!((id(0, 0, 0), id(1, 0, 0), id(1, 0, 1), id(1, 1, 1), id(1, 1, 0), id(2, 0, 0)), (0, 1, 2, 3, 4, 5));
        assert_eq!(id(12, 3423, 1763), 19_078_479);
    }

    #[test]
    fn hilbert_neighbours_touch() {
        let mut tiles: Vec<_> = (0..32u32).flat_map(|x| (0..32).map(move |y| TileCoord { z: 5, x, y })).collect();
        tiles.sort_by_key(|&t| hilbert_id(t));
        for pair in tiles.windows(2) {
            assert_eq!(pair[0].x.abs_diff(pair[1].x) + pair[0].y.abs_diff(pair[1].y), 1);
        }
    }
}
