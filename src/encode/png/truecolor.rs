//! The PNG of one tile, of 256 or 512 pixels a side, with 32 bits a pixel, by the crate `png`.

use crate::error::{Error, Result};
use crate::tile::{TileIndices, side_of};

/// Replaces the contents of `out` by the PNG of `indices` with the colours of `palette`, red, green, blue and alpha for
/// every pixel. An index beyond the palette would be a bug of the caller; it is drawn transparent.
pub fn encode_truecolor(indices: TileIndices<'_>, palette: &[[u8; 4]], out: &mut Vec<u8>) -> Result<()> {
    encode_colours(&indices.colours(palette), out)
}

/// Replaces the contents of `out` by the PNG of a tile's colours: red, green, blue and alpha, row by row. Fails where they
/// are not those of a tile.
pub fn encode_colours(pixels: &[[u8; 4]], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let failed = |e: png::EncodingError| Error::Internal(format!("a tile cannot be encoded: {e}"));
    let side = side_of(pixels.len())?;
    let mut encoder = png::Encoder::new(out, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels.as_flattened()).map_err(failed)?;
    writer.finish().map_err(failed)
}
