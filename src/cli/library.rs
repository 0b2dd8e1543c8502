//! Where pages load OpenLayers from, as every command that makes one takes it.

use clap::Args;

use crate::container::library::Library;

/// What `--ol-url` stands for where it is not given.
const VARIABLE: &str = "TILEFIRE_OL";

#[derive(Debug, Clone, Args)]
pub(super) struct LibraryArgs {
    /// Where the page loads OpenLayers from: the folder of the npm package ol, which pages that are written to files then hold
    /// within themselves, or a web address of one [default: what `TILEFIRE_OL` names, or a public network]
    #[arg(long, value_name = "URL|FOLDER", help_heading = "Page", hide_short_help = true)]
    ol_url: Option<String>,
}

impl LibraryArgs {
    pub(super) fn library(self) -> Library {
        let place = self.ol_url.or_else(|| std::env::var(VARIABLE).ok().filter(|place| !place.is_empty()));
        place.map_or(Library::Network, |place| Library::named(&place))
    }
}
