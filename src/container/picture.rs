//! One picture as a PNG file: sheets of colours and the like. Tiles have an encoder of their own.

use std::path::Path;

use crate::error::{Error, Result};

/// Writes `pixels` (red, green, blue, alpha; `width * height` of them) as a PNG.
pub fn write(path: &Path, width: u32, height: u32, pixels: Vec<u8>) -> Result<()> {
    let picture = image::RgbaImage::from_raw(width, height, pixels)
        .ok_or_else(|| Error::Internal(format!("the pixels of {} do not fill it", path.display())))?;
    let mut bytes = Vec::new();
    picture
        .write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png)
        .map_err(|e| Error::Output(format!("cannot encode {}: {e}", path.display())))?;
    std::fs::write(path, bytes).map_err(|e| Error::io("write", path, e))
}
