//! `tilefire colormaps`: the names and what they look like, in a terminal, where they are grouped by what they are for, or
//! as a picture. Another program gets the names alone.

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

const EXAMPLES: &str = "Examples:
  tilefire colormaps
  tilefire colormaps fire viridis_r '#00000000, orange 30%, white'
  tilefire colormaps -o colormaps.png";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
    let is_terminal = std::io::stdout().is_terminal();
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let coloured = is_terminal && !dumb && std::env::var_os("NO_COLOR").is_none();
    let widest = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    let mut all: Vec<(&String, &Colormap, Group)> =
        names.iter().zip(&maps).map(|(name, map)| (name, map, Group::of(name, map))).collect();
    let grouped = is_terminal && args.colours.is_empty();
    if grouped {
        // Those of a group keep their order.
        all.sort_by_key(|known| known.2);
    }
    let mut shown = None;
    for (name, map, group) in all {
        if grouped && shown.replace(group) != Some(group) {
            let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, group.heading());
        }
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

/// What a colormap is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Ours,
    /// Ever brighter.
    Dark,
    /// Ever darker.
    Light,
    /// Darker or brighter up to the middle and back.
    Diverging,
    Other,
}

/// Samples along a colormap by which it is judged.
const SAMPLES: u32 = 33;
/// The largest difference of brightness, of 255, that nobody sees.
const SAME: f64 = 2.0;
/// The least that a whole way has.
const WAY: f64 = 40.0;

impl Group {
    fn of(name: &str, map: &Colormap) -> Self {
        if name.starts_with("tilefire") {
            return Self::Ours;
        }
        // Luma of ITU-R BT.601.
        let brightness: Vec<f64> = (0..SAMPLES)
            .map(|i| {
                let [r, g, b, _] = map.at(f64::from(i) / f64::from(SAMPLES - 1)).map(f64::from);
                0.299 * r + 0.587 * g + 0.114 * b
            })
            .collect();
        let rises =
            |way: &[f64]| way.windows(2).all(|step| step[1] - step[0] > -SAME) && way[way.len() - 1] - way[0] > WAY;
        let falls = |way: &[f64]| rises(&way.iter().rev().copied().collect::<Vec<_>>());
        let halves = (&brightness[..=brightness.len() / 2], &brightness[brightness.len() / 2..]);
        if rises(&brightness) {
            Self::Dark
        } else if falls(&brightness) {
            Self::Light
        } else if rises(halves.0) && falls(halves.1) || falls(halves.0) && rises(halves.1) {
            Self::Diverging
        } else {
            Self::Other
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Ours => "Ours: over dark and light maps, over dark ones, over light ones",
            Self::Dark => "Ever brighter: over dark maps, more points are more light",
            Self::Light => "Ever darker: over light maps, more points are more ink",
            Self::Diverging => "From a middle to two ends: for differences, less for counts",
            Self::Other => "Hue alone, rainbows and circles: pretty, but brightness does not follow the counts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colormaps_are_grouped_by_what_they_are_for() {
        for (name, group) in [
            ("tilefire", Group::Ours),
            ("viridis", Group::Dark),
            ("fire", Group::Dark),
            ("inferno", Group::Dark),
            ("viridis_r", Group::Light),
            ("linear_wyor_100_45_c55", Group::Light),
            ("coolwarm", Group::Diverging),
            ("diverging_bkr_55_10_c35", Group::Diverging),
            ("turbo", Group::Other),
            ("isolum", Group::Other),
            ("cet_c2", Group::Other),
        ] {
            assert_eq!(Group::of(name, &Colormap::parse(name).unwrap()), group, "{name}");
        }
    }
}
