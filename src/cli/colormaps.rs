//! `tilefire colormaps`: the names and what they look like, in a terminal or as a picture.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use crate::error::Result;
use crate::monitor::Monitor;
use crate::paper::sheet;
use crate::shade::{Colormap, Theme, over};

/// Colour cells beside a name in the terminal, over dark and again over light.
const CELLS: u32 = 32;

#[derive(Debug, Args)]
pub(super) struct ColormapsArgs {
    /// Names or colour lists to show [default: all names]
    #[arg(value_name = "COLOURS")]
    colours: Vec<String>,
    /// Write a PNG sheet: each colormap over a dark and over a light background
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// Replace a picture that tilefire made
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn run(args: &ColormapsArgs, monitor: &Monitor) -> Result<()> {
    let names = if args.colours.is_empty() { Colormap::names() } else { args.colours.clone() };
    let maps = names.iter().map(|name| Colormap::parse(name)).collect::<Result<Vec<_>>>()?;
    if let Some(path) = &args.output {
        return sheet::write(&names, &maps, path, args.force, monitor);
    }
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let widest = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (name, map) in names.iter().zip(&maps) {
        if coloured {
            let _ = write!(text, "{name:widest$}  ");
            for base in [Theme::Dark, Theme::Light] {
                let [r, g, b] = base.background();
                for cell in 0..CELLS {
                    let colour = map.at(f64::from(cell) / f64::from(CELLS - 1));
                    let [r, g, b, _] = over(colour, 255, [r, g, b, 255]);
                    let _ = write!(text, "\x1b[48;2;{r};{g};{b}m ");
                }
            }
            text.push_str("\x1b[0m\n");
        } else {
            let _ = writeln!(text, "{name}");
        }
    }
    super::print(&text)
}
