//! The command-line program: parse, run, print the error, set the exit code. Everything else is the library's.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tilefire::cli::main()
}
