//! What is drawn for people beside the tiles: legends, single pictures, sheets of colours, and the letters on them.

pub mod legend;
pub mod picture;
pub mod placing;
pub mod sheet;
pub mod text;
