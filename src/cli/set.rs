//! What a set of tiles is told to say of itself, and what its tiles are as files.

use clap::Args;

use crate::container::{Form, Scheme, TileSize};
use crate::encode::Format;
use crate::render::Labels;

#[derive(Debug, Clone, Args)]
pub(super) struct SetArgs {
    /// Name of the set [default: that of the output]
    #[arg(long, value_name = "TEXT", value_parser = title, help_heading = "Output")]
    title: Option<String>,
    /// What the set shows, in metadata and page
    #[arg(long, value_name = "TEXT", value_parser = label, help_heading = "Output", hide_short_help = true)]
    description: Option<String>,
    /// Whom to thank for the points, in metadata, page and legend; links may be given as HTML:
    /// '© <a href="https://example.com">Example</a>'
    #[arg(long, value_name = "TEXT", value_parser = label, help_heading = "Output", hide_short_help = true)]
    attribution: Option<String>,
    /// What tiles are written as: png, or webp (without loss)
    #[arg(long, default_value_t, value_name = "FORMAT", help_heading = "Output", hide_short_help = true)]
    format: Format,
    /// Where row 0 of a folder's tiles is: xyz, in the north, or tms, in the south
    #[arg(long, default_value_t, value_name = "SCHEME", help_heading = "Output", hide_short_help = true)]
    scheme: Scheme,
    /// Pixels along one side of a tile, 256 or 512 (for dense windows)
    ///
    /// Tiles of 512 have the pixels of four of the next zoom.
    #[arg(long, default_value_t, value_name = "PIXELS", help_heading = "Output")]
    tile_size: TileSize,
    /// Write a tile of 512 pixels beside each of a folder's, named y@2x, for dense windows
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    retina: bool,
}

impl SetArgs {
    /// The form of the tiles.
    pub(super) fn form(&self) -> Form {
        Form { format: self.format, scheme: self.scheme, size: self.tile_size, retina: self.retina }
    }

    /// What is said, and the form of the tiles.
    pub(super) fn set(self) -> (Labels, Form) {
        let form = self.form();
        let Self { title, description, attribution, .. } = self;
        (Labels { title, description, attribution }, form)
    }
}

/// Longest title, and longest other text, in bytes.
const LONGEST: (usize, usize) = (200, 4096);

fn title(text: &str) -> Result<String, String> {
    bounded(text, LONGEST.0, "Bicycle accidents 2015 to 2024")
}

fn label(text: &str) -> Result<String, String> {
    bounded(text, LONGEST.1, "Data: Department for Transport")
}

/// A line of text that says something.
fn bounded(text: &str, most: usize, example: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        return Err(format!("write one line of at most {most} bytes, such as '{example}'"));
    }
    Ok(text.to_owned())
}
