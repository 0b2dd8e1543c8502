//! Whatever a file begins with, its dialect and columns are found or the file is refused in one line that names it.
//! `cargo +nightly fuzz run dialect`

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use tilefire::monitor::Monitor;
use tilefire::source::{Input, ReadOptions, open};

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("tilefire-fuzz-dialect-{}", std::process::id()));
    fs::write(&path, data).unwrap();
    let name = path.display().to_string();
    let options = ReadOptions { accept_doubt: true, ..ReadOptions::default() };
    if let Err(problem) = open(&[(&Input::File(path), &options)], false, &Monitor::default()) {
        let line = problem.to_string();
        assert!(line.contains(&name) && !line.chars().any(char::is_control), "{line:?}");
    }
});
