//! `tilefire colormaps`: the names and what they look like, in a terminal or as a picture.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use crate::container::picture;
use crate::error::{Error, Result};
use crate::shade::Colormap;

/// Colour cells beside a name in the terminal.
const CELLS: u32 = 48;
/// The sheet: one row a colormap, half of it over dark and half over light, with a gap below.
const WIDTH: u32 = 1024;
const ROW: u32 = 24;
const GAP: u32 = 4;

#[derive(Debug, Args)]
pub(super) struct ColormapsArgs {
    /// Names or colour lists to show [default: all names]
    #[arg(value_name = "COLOURS")]
    colours: Vec<String>,
    /// Write a PNG sheet, each colormap over a dark and over a light background, in the order of the list
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ColormapsArgs) -> Result<()> {
    let names = if args.colours.is_empty() { Colormap::names() } else { args.colours.clone() };
    let maps = names.iter().map(|name| Colormap::parse(name)).collect::<Result<Vec<_>>>()?;
    if let Some(path) = &args.output {
        return sheet(&maps, path);
    }
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let widest = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (name, map) in names.iter().zip(&maps) {
        if coloured {
            let _ = write!(text, "{name:widest$}  ");
            for cell in 0..CELLS {
                let [r, g, b, _] = map.at(f64::from(cell) / f64::from(CELLS - 1));
                let _ = write!(text, "\x1b[48;2;{r};{g};{b}m ");
            }
            text.push_str("\x1b[0m\n");
        } else {
            let _ = writeln!(text, "{name}");
        }
    }
    super::print(&text)
}

fn sheet(maps: &[Colormap], path: &std::path::Path) -> Result<()> {
    const DARK: [u8; 3] = [0x17, 0x19, 0x1e];
    const LIGHT: [u8; 3] = [0xf4, 0xf2, 0xee];
    let height = u32::try_from(maps.len()).ok().and_then(|n| n.checked_mul(ROW + GAP)).filter(|&h| h <= 1 << 16);
    let height = height.ok_or_else(|| Error::Usage("too many colormaps for one sheet".into()))?;
    let mut pixels = Vec::with_capacity((WIDTH * height * 4) as usize);
    for y in 0..height {
        let (map, within) = (&maps[(y / (ROW + GAP)) as usize], y % (ROW + GAP));
        for x in 0..WIDTH {
            let half = WIDTH / 2;
            let base = if x < half { DARK } else { LIGHT };
            let [r, g, b, a] = if within < ROW { map.at(f64::from(x % half) / f64::from(half - 1)) } else { [0; 4] };
            let over = |colour: u8, base: u8| {
                ((u32::from(colour) * u32::from(a) + u32::from(base) * u32::from(255 - a) + 127) / 255) as u8
            };
            pixels.extend([over(r, base[0]), over(g, base[1]), over(b, base[2]), 255]);
        }
    }
    picture::write(path, WIDTH, height, pixels)
}
