//! tilefire turns points (longitudes and latitudes, millions to billions) into heat-map tile sets: exact counts
//! per pixel at every zoom, log-shaded, as PNG tiles, on the GPU or on the CPU with the same bytes.
//!
//! Points that are in memory already go through a [`Session`]; [`render::run`] does a whole run from files to a tile set,
//! as the program `tilefire` does.
//!
//! The modules stand on floors; each uses itself and lower floors only (ARCHITECTURE.md).

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

pub mod account;
pub mod backend;
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
pub mod container;
pub mod countfile;
pub mod counts;
pub mod encode;
pub mod error;
pub mod exchange;
pub mod heat;
pub mod monitor;
pub mod paper;
pub mod project;
pub mod region;
pub mod render;
pub mod rows;
#[cfg(feature = "serve")]
pub mod serve;
mod session;
pub mod shade;
pub mod source;
pub mod staging;
pub mod store;
pub mod tile;

pub use error::{Error, Result};
pub use project::{Coordinate, Crs};
pub use render::Device;
pub use rows::{LeftOut, Reason};
pub use session::{Counts, Pusher, Session, SessionBuilder};
pub use shade::Style;
pub use tile::{TileCoord, ZoomRange};
