//! tilefire turns points (longitudes and latitudes, millions to billions) into heat-map tile sets: exact counts
//! per pixel at every zoom, log-shaded, as PNG tiles, on the GPU or on the CPU with the same bytes.
//!
//! [`render::run`] does a whole run; the parts can be used on their own.
//!
//! The modules stand on floors; each uses itself and lower floors only (ARCHITECTURE.md).

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

pub mod account;
pub mod backend;
pub mod bench;
pub mod cli;
pub mod container;
pub mod counts;
pub mod encode;
pub mod error;
pub mod monitor;
pub mod paper;
pub mod project;
pub mod render;
pub mod serve;
pub mod shade;
pub mod source;
pub mod staging;
pub mod store;
pub mod tile;

pub use error::{Error, Result};
