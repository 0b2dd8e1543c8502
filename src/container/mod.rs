//! Tile sets on disk: the containers tiles go into (`write`) and are served from (`read`), the metadata and the page
//! beside them. Takes finished bytes; what they show is the business of the floors beside and above.

pub mod base64;
mod form;
pub mod library;
pub mod metadata;
pub mod page;
pub mod read;
pub mod write;

pub use form::{Form, Scheme, TileSize};
