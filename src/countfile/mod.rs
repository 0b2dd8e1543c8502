//! Counts that are kept: a file of them, from which tiles are coloured without reading any points again, and to which
//! others are added. docs/counts-format.md says what lies where.
//!
//! `about` is what a file says of itself, `origin` where its counts come from, `layout` how bytes lie in it; `write` and
//! `read` are one of them each, `merge` adds files up, whose tiles `operand` hands out and `rise` brings to lower zooms. What is drawn of counts is left to others.

mod about;
mod layout;
mod merge;
mod operand;
mod origin;
mod read;
mod rise;
mod write;

pub use about::{About, Key, Part, Weight, ZoomSums};
pub use merge::{Merging, merge};
pub use origin::{Origin, Share, Source};
pub use read::{CountFile, Layer, load};
pub use write::{CountWriter, check, is_counts, kept_zooms, low_zoom};
