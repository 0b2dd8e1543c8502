//! What people have, given to the real program and to the library: kinds of input with the right value of each, folders
//! and patterns, packed files, what is refused, and what is doubted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod cases;
mod doubt;
mod files;
mod packed;
mod refused;
