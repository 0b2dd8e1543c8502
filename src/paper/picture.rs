//! One picture as a PNG file: of an extent, a sheet of colours and the like. Tiles have an encoder of their own. A
//! picture appears complete or not at all, and only one that tilefire made is replaced.

use std::io::Write;
use std::path::{Path, PathBuf};

pub use image::RgbaImage;

use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::over;
use crate::staging::{OutputOptions, Whole, check_head, no_address};

/// What the file says under "Software".
const SOFTWARE: &str = concat!("tilefire ", env!("CARGO_PKG_VERSION"));
/// Most pixels whose colours are compressed well rather than fast.
const THOROUGH: u64 = 1 << 26;
/// Free pixels around a legend.
pub const MARGIN: u32 = 12;
/// Rows of a strip of a picture.
pub const STRIP: u32 = 256;

/// Indices into a palette: [`STRIP`] rows of a picture (the last strip has what is left), from the north-west.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// Of 8 bits.
    Narrow(Vec<u8>),
    /// Of 16 bits.
    Wide(Vec<u16>),
    /// No indices, but colours: red, green, blue, alpha.
    Colours(Vec<[u8; 4]>),
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
    /// What is laid over it, or stands beside it.
    pub legend: Option<Laid>,
}

/// A picture upon a picture.
pub struct Laid {
    /// The picture itself.
    pub image: RgbaImage,
    /// Column and row of its upper left pixel; a column beyond the width makes the file wider.
    pub at: (u32, u32),
}

/// How a file begins to say who made it.
const SOFTWARE_MARK: &[u8] = b"tEXtSoftware\0tilefire ";

/// A picture's place, taken: nothing was there, or a picture of ours that may be replaced.
#[derive(Debug)]
pub struct Place {
    whole: Whole,
    out: PathBuf,
}

impl Place {
    /// Takes the place `out`; of two runs that want it at once, one is told.
    pub fn take(out: &Path, options: &OutputOptions) -> Result<Self> {
        no_address(out)?;
        let ending = out.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        if ending.as_deref() != Some("png") {
            return Err(Error::Usage(format!("{}: pictures are PNG files; name one that ends in .png", out.display())));
        }
        let whole = Whole::begin(out, options, |out| {
            check_head(out, "picture", |head| head.windows(SOFTWARE_MARK.len()).any(|bytes| bytes == SOFTWARE_MARK))
        })?;
        Ok(Self { whole, out: out.to_path_buf() })
    }

    /// Writes the picture; gives the bytes of the file and what a person should know.
    pub fn save(self, picture: &Picture<'_>, monitor: &Monitor) -> Result<(u64, Vec<String>)> {
        self.fill(monitor, |file| picture.encode(file))
    }

    /// Writes `pixels` (red, green, blue, alpha; `width * height` of them) as a PNG.
    pub fn write(self, width: u32, height: u32, pixels: &[u8], monitor: &Monitor) -> Result<()> {
        let encode = |file: &mut dyn Write| {
            let mut writer = encoder(file, width, height, png::ColorType::Rgba)?.write_header()?;
            writer.write_image_data(pixels)?;
            writer.finish()
        };
        self.fill(monitor, encode).map(|_| ())
    }

    fn fill(
        self,
        monitor: &Monitor,
        encode: impl FnOnce(&mut dyn Write) -> Result<(), png::EncodingError>,
    ) -> Result<(u64, Vec<String>)> {
        let out = &self.out;
        self.whole.write(monitor, |file| {
            encode(&mut Watched { file, monitor }).map_err(|e| match e {
                png::EncodingError::IoError(_) if monitor.check().is_err() => Error::Interrupted,
                // Strips have errors of their own.
                png::EncodingError::IoError(e) => e.downcast::<Error>().unwrap_or_else(|e| Error::io("write", out, e)),
                other => Error::Internal(format!("{} cannot be encoded: {other}", out.display())),
            })
        })
    }
}

/// A file whose writing ends when the monitor is cancelled.
struct Watched<'a> {
    file: &'a mut dyn Write,
    monitor: &'a Monitor,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.monitor.check().map_err(std::io::Error::other)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
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
        let (columns, rows) = self.sheet();
        let mut writer = encoder(file, columns, rows, png::ColorType::Rgba)?.write_header()?;
        let mut stream = writer.stream_writer()?;
        let width = self.width as usize;
        let colour = |index: usize| self.palette.get(index).copied().unwrap_or_default();
        let mut row: Vec<[u8; 4]> = Vec::with_capacity(columns as usize);
        let mut write = |y: u32, row: &mut Vec<[u8; 4]>| {
            row.resize(columns as usize, colour(0));
            self.lay_legend(y, row);
            stream.write_all(row.as_flattened())
        };
        for (strip, top) in strips.zip((0..).step_by(STRIP as usize)) {
            let strip = strip?;
            for y in top..self.height.min(top + STRIP) {
                let from = (y - top) as usize * width;
                row.clear();
                match &strip {
                    Pixels::Narrow(all) => row.extend(all[from..from + width].iter().map(|&i| colour(i.into()))),
                    Pixels::Wide(all) => row.extend(all[from..from + width].iter().map(|&i| colour(i.into()))),
                    // Where nothing was drawn at all there is what lies behind the colours.
                    Pixels::Colours(all) => {
                        let drawn = |&c: &[u8; 4]| if c == [0; 4] { colour(0) } else { c };
                        row.extend(all[from..from + width].iter().map(drawn));
                    }
                }
                write(y, &mut row)?;
            }
        }
        for y in self.height..rows {
            row.clear();
            write(y, &mut row)?;
        }
        stream.finish()?;
        writer.finish()
    }

    /// Columns and rows of the file: those of the picture, and of what stands beside it.
    fn sheet(&self) -> (u32, u32) {
        match &self.legend {
            Some(Laid { image, at: (x, y) }) if *x >= self.width => {
                (x + image.width() + MARGIN, self.height.max(y + image.height() + MARGIN))
            }
            _ => (self.width, self.height),
        }
    }

    fn lay_legend(&self, y: u32, row: &mut [[u8; 4]]) {
        let Some(Laid { image, at: (left, top) }) = &self.legend else { return };
        let Some(line) = y.checked_sub(*top).filter(|line| *line < image.height()) else { return };
        for (x, pixel) in row.iter_mut().skip(*left as usize).take(image.width() as usize).enumerate() {
            *pixel = over(image.get_pixel(x as u32, line).0, 255, *pixel);
        }
    }
}
