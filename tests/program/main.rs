//! Tests of the real program, run as its users run it: one binary for all of them, since linking one costs seconds.

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "gpu")]
mod bench;
#[cfg(feature = "serve")]
mod browser;
mod by;
mod choose;
mod cli;
mod colours;
mod counts;
#[cfg(all(feature = "serve", feature = "mbtiles"))]
mod databases;
mod exchange;
mod first_view;
#[cfg(feature = "serve")]
mod foreign;
#[cfg(all(unix, feature = "serve"))]
mod harm;
#[cfg(feature = "serve")]
mod hostile;
mod image;
#[cfg(feature = "proj")]
mod inputs;
mod kill;
mod large;
#[cfg(feature = "serve")]
mod layers;
#[cfg(feature = "gpu")]
mod looks;
#[cfg(feature = "mbtiles")]
mod mbtiles;
#[cfg(feature = "gpu")]
mod memory;
mod memory_spread;
mod page;
#[cfg(feature = "gpu")]
mod pixels;
#[cfg(feature = "proj")]
mod project;
#[cfg(feature = "serve")]
mod serve;
mod set;
#[cfg(all(unix, feature = "serve"))]
mod stop;
#[cfg(feature = "gpu")]
mod trees;
mod weigh;
