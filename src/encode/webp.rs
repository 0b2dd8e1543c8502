//! The WebP of one tile, without loss, by the crate `image-webp`: the same pixels as those of the PNG, with the colours
//! of those that are not drawn too.

use image_webp::{ColorType, WebPEncoder};

use crate::error::{Error, Result};
use crate::tile::{TileIndices, side_of};

/// Replaces the contents of `out` by the WebP of `indices` with the colours of `palette`. An index beyond the palette
/// would be a bug of the caller; it is drawn transparent.
pub fn encode(indices: TileIndices<'_>, palette: &[[u8; 4]], out: &mut Vec<u8>) -> Result<()> {
    encode_colours(&indices.colours(palette), out)
}

/// Replaces the contents of `out` by the WebP of a tile's colours: red, green, blue and alpha, row by row. Fails where they
/// are not those of a tile.
pub fn encode_colours(pixels: &[[u8; 4]], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let side = side_of(pixels.len())?;
    let failed = |e| Error::Internal(format!("a tile cannot be encoded: {e}"));
    WebPEncoder::new(out).encode(pixels.as_flattened(), side, side, ColorType::Rgba8).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tile::TILE_PIXELS;

    #[test]
    fn the_pixels_come_back() {
        let palette: Vec<[u8; 4]> =
            (0..=255u8).map(|i| [i, 255 - i, i / 2, if i == 0 { 0 } else { i | 128 }]).collect();
        let lit: Vec<(u16, u8)> = (0..9_000u16).map(|i| (i * 7, (i % 255 + 1) as u8)).collect();
        let (mut bytes, mut decoded) = (Vec::new(), vec![0; TILE_PIXELS * 4]);
        encode(TileIndices::Lit(&lit), &palette, &mut bytes).unwrap();
        let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(&bytes)).unwrap();
        assert_eq!((decoder.dimensions(), decoder.has_alpha()), ((256, 256), true));
        decoder.read_image(&mut decoded).unwrap();
        let mut expected = vec![palette[0]; TILE_PIXELS];
        lit.iter().for_each(|&(pixel, index)| expected[usize::from(pixel)] = palette[usize::from(index)]);
        assert!(decoded == expected.as_flattened());
        assert!(encode_colours(&expected[1..], &mut bytes).is_err());
    }
}
