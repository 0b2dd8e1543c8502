//! Tests of the library as a program of others uses it: no command line, no process of its own. One binary for all of
//! them, since linking one costs seconds.

mod container;
mod counts;
mod datashader;
mod encode_png;
mod exchange;
mod keys;
mod real_data;
mod session;
mod source;
mod sums;
