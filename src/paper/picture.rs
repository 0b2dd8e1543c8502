//! One picture as a PNG file: of an extent, a sheet of colours and the like. Tiles have an encoder of their own. A
//! picture appears complete or not at all, and only one that tilefire made is replaced.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

pub use image::RgbaImage;

use crate::error::{Error, Result};
use crate::shade::over;
use crate::staging::{OutputOptions, has_folder, write_whole};

/// What the file says under "Software".
const SOFTWARE: &str = concat!("tilefire ", env!("CARGO_PKG_VERSION"));
/// Bytes at a file's start within which that must be said.
const HEAD: u64 = 4 << 10;
/// Most pixels whose colours are compressed well rather than fast.
const THOROUGH: u64 = 1 << 26;
/// Free pixels around a legend.
const MARGIN: u32 = 12;

/// Rows of a strip of a picture.
pub const STRIP: u32 = 256;

/// Indices into a palette: [`STRIP`] rows of a picture (the last strip has what is left), from the north-west.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// Of 8 bits.
    Narrow(Vec<u8>),
    /// Of 16 bits.
    Wide(Vec<u16>),
}

/// The strips of a picture, made when they are asked for.
pub trait Strips {
    /// Whether indices have 16 bits.
    fn is_wide(&self) -> bool;
    /// The strip with the number `at` from the north.
    fn strip(&self, at: u32) -> Result<Pixels>;
}

/// A picture to be saved.
pub struct Picture<'a> {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What each pixel is, strip by strip from the north.
    pub strips: &'a dyn Strips,
    /// Their colours.
    pub palette: &'a [[u8; 4]],
    /// Whether to write colours where indices would do.
    pub truecolor: bool,
    /// What is laid over the lower left corner.
    pub legend: Option<RgbaImage>,
}

/// Ok where a picture may be written to `out`: nothing is there, or a picture of ours and `--force` is given.
pub fn allowed(out: &Path, options: &OutputOptions) -> Result<()> {
    let refuse = |why: &str| Err(Error::Output(format!("{} {why}", out.display())));
    let ending = out.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    if ending.as_deref() != Some("png") {
        return Err(Error::Usage(format!("{}: pictures are PNG files; name one that ends in .png", out.display())));
    }
    has_folder(out)?;
    let Ok(about) = fs::symlink_metadata(out) else { return Ok(()) };
    if !options.force {
        return refuse("already exists; choose another name, or --force to replace a picture that tilefire made");
    }
    if !about.is_file() {
        return refuse("is no plain file, so --force does not replace it; choose another name");
    }
    let same = |input: &Path| matches!((input.canonicalize(), out.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if options.inputs.iter().any(|input| same(input)) {
        return refuse("is an input, so --force does not replace it; choose another name");
    }
    let mut head = Vec::new();
    let file = File::open(out).map_err(|e| Error::io("open", out, e))?;
    file.take(HEAD).read_to_end(&mut head).map_err(|e| Error::io("read", out, e))?;
    if head.windows(SOFTWARE_MARK.len()).any(|bytes| bytes == SOFTWARE_MARK) {
        return Ok(());
    }
    refuse("was not made by tilefire, so --force does not replace it; choose another name")
}

/// How the file begins to say who made it.
const SOFTWARE_MARK: &[u8] = b"tEXtSoftware\0tilefire ";

/// Writes the picture where [`allowed`]; gives the bytes of the file.
pub fn save(out: &Path, picture: &Picture<'_>, options: &OutputOptions) -> Result<u64> {
    allowed(out, options)?;
    replace(out, |file| picture.encode(file))
}

/// Writes `pixels` (red, green, blue, alpha; `width * height` of them) as a PNG.
pub fn write(path: &Path, width: u32, height: u32, pixels: &[u8]) -> Result<()> {
    let encode = |file: &mut dyn Write| {
        let mut writer = encoder(file, width, height, png::ColorType::Rgba)?.write_header()?;
        writer.write_image_data(pixels)?;
        writer.finish()
    };
    replace(path, encode).map(|_| ())
}

fn replace(out: &Path, encode: impl FnOnce(&mut dyn Write) -> Result<(), png::EncodingError>) -> Result<u64> {
    write_whole(out, |file| {
        encode(file).map_err(|e| match e {
            // Strips have errors of their own.
            png::EncodingError::IoError(e) => e.downcast::<Error>().unwrap_or_else(|e| Error::io("write", out, e)),
            other => Error::Internal(format!("{} cannot be encoded: {other}", out.display())),
        })
    })
}

fn encoder<W: Write>(
    to: W,
    width: u32,
    height: u32,
    kind: png::ColorType,
) -> Result<png::Encoder<'static, W>, png::EncodingError> {
    let mut encoder = png::Encoder::new(to, width, height);
    encoder.set_color(kind);
    encoder.set_depth(png::BitDepth::Eight);
    // Colours shrink to a sixth of what the fast way makes of them, which is worth a second but not ten; indices are small
    // either way.
    let thorough = kind == png::ColorType::Rgba && u64::from(width) * u64::from(height) <= THOROUGH;
    encoder.set_compression(if thorough { png::Compression::Balanced } else { png::Compression::Fast });
    encoder.set_filter(png::Filter::NoFilter);
    encoder.add_text_chunk("Software".to_owned(), SOFTWARE.to_owned())?;
    Ok(encoder)
}

impl Picture<'_> {
    /// Row by row, so that a large picture needs no more memory than a strip of it.
    fn encode(&self, file: &mut dyn Write) -> Result<(), png::EncodingError> {
        let strips = (0..self.height.div_ceil(STRIP)).map(|at| self.strips.strip(at).map_err(std::io::Error::other));
        if !self.strips.is_wide() && self.legend.is_none() && !self.truecolor {
            let mut encoder = encoder(file, self.width, self.height, png::ColorType::Indexed)?;
            encoder.set_palette(self.palette.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect::<Vec<_>>());
            encoder.set_trns(self.palette.iter().map(|colour| colour[3]).collect::<Vec<_>>());
            let mut writer = encoder.write_header()?;
            let mut stream = writer.stream_writer()?;
            for strip in strips {
                if let Pixels::Narrow(indices) = strip? {
                    stream.write_all(&indices)?;
                }
            }
            stream.finish()?;
            return writer.finish();
        }
        let mut writer = encoder(file, self.width, self.height, png::ColorType::Rgba)?.write_header()?;
        let mut stream = writer.stream_writer()?;
        let width = self.width as usize;
        let colour = |index: usize| self.palette.get(index).copied().unwrap_or_default();
        let mut row: Vec<[u8; 4]> = Vec::with_capacity(width);
        for (strip, top) in strips.zip((0..).step_by(STRIP as usize)) {
            let strip = strip?;
            for y in top..self.height.min(top + STRIP) {
                let from = (y - top) as usize * width;
                row.clear();
                match &strip {
                    Pixels::Narrow(all) => row.extend(all[from..from + width].iter().map(|&i| colour(i.into()))),
                    Pixels::Wide(all) => row.extend(all[from..from + width].iter().map(|&i| colour(i.into()))),
                }
                self.lay_legend(y, &mut row);
                stream.write_all(row.as_flattened())?;
            }
        }
        stream.finish()?;
        writer.finish()
    }

    fn lay_legend(&self, y: u32, row: &mut [[u8; 4]]) {
        let Some(legend) = &self.legend else { return };
        let top = self.height.saturating_sub(legend.height() + MARGIN);
        let Some(line) = y.checked_sub(top).filter(|line| *line < legend.height()) else { return };
        for (x, pixel) in row.iter_mut().skip(MARGIN as usize).take(legend.width() as usize).enumerate() {
            *pixel = over(legend.get_pixel(x as u32, line).0, 255, *pixel);
        }
    }
}
