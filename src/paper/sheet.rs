//! A sheet of colormaps as a picture: one row each, its name and its colours, half over dark and half over light.

use std::path::Path;

use super::picture::Place;
use super::text::{self, Font};
use crate::error::{Error, Result};
use crate::monitor::Monitor;
use crate::shade::{Colormap, Theme, over};
use crate::staging::OutputOptions;

const FONT: Font = Font::SMALL;
const WIDTH: u32 = 1024;
const ROW: u32 = 24;
const GAP: u32 = 4;
/// Pixels of the background above and below the colours.
const EDGE: u32 = 6;

/// Writes a sheet of `maps`, which people know as `names`, as a PNG; `force` allows to replace one that is ours.
pub fn write(names: &[String], maps: &[Colormap], path: &Path, force: bool, monitor: &Monitor) -> Result<()> {
    let place = Place::take(path, &OutputOptions { force, inputs: Vec::new() })?;
    let longest = names.iter().map(|name| FONT.width(name)).max().unwrap_or(0).min(WIDTH / 2);
    let left = longest + 2 * GAP;
    let (width, row) = (left + WIDTH, ROW + GAP);
    let height = u32::try_from(maps.len()).ok().and_then(|n| n.checked_mul(row)).filter(|&h| h <= 1 << 16);
    let height = height.ok_or_else(|| Error::Usage("too many colormaps for one sheet".into()))? + GAP;
    let mut sheet = image::RgbaImage::from_pixel(width, height, image::Rgba([255; 4]));
    for ((name, map), top) in names.iter().zip(maps).zip((GAP..).step_by(row as usize)) {
        text::text(&mut sheet, GAP as i32, (top + (ROW - FONT.line()) / 2) as i32, name, FONT, [0x1d, 0x20, 0x24, 255]);
        for x in 0..WIDTH - GAP {
            let half = (WIDTH - GAP) / 2;
            let base = if x < half { Theme::Dark } else { Theme::Light }.background();
            let [r, g, b] = base;
            let ground = [r, g, b, 255];
            let colour = over(map.at(f64::from(x % half) / f64::from(half - 1)), 255, ground);
            for y in 0..ROW {
                let colour = if (EDGE..ROW - EDGE).contains(&y) { colour } else { ground };
                sheet.put_pixel(left + x, top + y, image::Rgba(colour));
            }
        }
    }
    place.write(width, height, &sheet, monitor)
}
