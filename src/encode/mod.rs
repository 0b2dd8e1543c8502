//! From pixels to the bytes of a picture file. Knows palette indices and colours; nothing of counts, and nothing of
//! where the bytes go.

mod format;
pub mod png;
pub mod webp;

pub use format::Format;
