//! Counts to and from other programs. Cells (the lit pixels of one zoom, or hexagons of H3) leave as CSV, Parquet or
//! Arrow, a zoom with those below it as a GeoTIFF; cells that somebody else made, or that were exported before, come in as
//! counts again. docs/exchange.md says what is in such files.
//!
//! Knows no points, devices or colours: counts are read from and made into those of [`crate::store`].

mod batch;
#[cfg(feature = "columnar")]
mod columnar;
#[cfg(not(feature = "columnar"))]
#[path = "columnar_absent.rs"]
mod columnar;
mod export;
mod form;
mod gather;
mod geotiff;
mod import;
mod pixels;
mod select;
mod tables;
mod text;

pub use export::{Cells, Export, Exported, Held, Plane, export};
pub use form::Form;
pub use import::{Import, Imported, import};
