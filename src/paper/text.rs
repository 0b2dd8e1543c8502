//! Letters on pictures. They come with the program, so that the same words are the same pixels everywhere: Noto Sans
//! Mono, rasterised in four sizes. Where text stands is decided by whoever writes it.

use image::RgbaImage;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::shade::over;

/// The typeface of [`text`]: one of the sizes and weights that come with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Font {
    height: RasterHeight,
    weight: FontWeight,
}

impl Font {
    /// 16 pixels a line, 7 a letter.
    pub const SMALL: Self = Self { height: RasterHeight::Size16, weight: FontWeight::Regular };
    /// 20 pixels a line, 9 a letter, bold.
    pub const SMALL_BOLD: Self = Self { height: RasterHeight::Size20, weight: FontWeight::Bold };
    /// 24 pixels a line, 11 a letter.
    pub const LARGE: Self = Self { height: RasterHeight::Size24, weight: FontWeight::Regular };
    /// 32 pixels a line, 14 a letter, bold.
    pub const LARGE_BOLD: Self = Self { height: RasterHeight::Size32, weight: FontWeight::Bold };

    /// Height of a line in pixels.
    pub fn line(self) -> u32 {
        self.height.val() as u32
    }

    /// Width of `text` in pixels.
    pub fn width(self, text: &str) -> u32 {
        self.letter() * text.chars().count() as u32
    }

    /// Width of any letter in pixels.
    pub fn letter(self) -> u32 {
        get_raster_width(self.weight, self.height) as u32
    }
}

/// Writes one line of text whose top left corner is at (x, y); what lies outside the image is left out, and so are
/// characters that the font does not have: they become question marks.
pub fn text(image: &mut RgbaImage, x: i32, y: i32, text: &str, font: Font, colour: [u8; 4]) {
    for (n, character) in text.chars().enumerate() {
        let raster = |c| get_raster(c, font.weight, font.height);
        let Some(glyph) = raster(lookalike(character)).or_else(|| raster('?')) else { continue };
        let left = i64::from(x) + n as i64 * i64::from(font.letter());
        for (dy, row) in glyph.rows().enumerate() {
            for (dx, &coverage) in row.iter().enumerate() {
                let place = (u32::try_from(left + dx as i64), u32::try_from(i64::from(y) + dy as i64));
                if let (Ok(x), Ok(y)) = place
                    && let Some(pixel) = image.get_pixel_mut_checked(x, y)
                {
                    pixel.0 = over(colour, coverage, pixel.0);
                }
            }
        }
    }
}

/// The letter that stands for `character` where the font lacks it.
fn lookalike(character: char) -> char {
    match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_letters_are_question_marks_and_nothing_is_written_outside() {
        let written = |words: &str, x: i32, y: i32| {
            let mut image = RgbaImage::new(40, 40);
            text(&mut image, x, y, words, Font::LARGE_BOLD, [1, 2, 3, 255]);
            image
        };
        assert!(written("\u{6f22}\u{7}", 2, 2) == written("??", 2, 2));
        assert!(written("\u{2212}\u{a0}\u{2019}", 2, 2) == written("- '", 2, 2));
        assert!(written("?", 2, 2) != RgbaImage::new(40, 40));
        for (x, y) in [(-3, -9), (39, 39), (i32::MIN, i32::MIN), (i32::MAX, i32::MAX)] {
            written("outside", x, y);
        }
    }
}
