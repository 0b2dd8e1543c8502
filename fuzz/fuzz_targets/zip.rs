//! Whatever an archive holds, one member is read to its size and checksum or the archive is refused in one line that
//! names it: its only one, and one that is named.
//! `cargo +nightly fuzz run zip`

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::rows::LeftOut;
use tilefire::source::{self, Batch, BatchSink, Input, ReadOptions};

struct Nowhere;

impl BatchSink for Nowhere {
    fn take(&mut self, _: &Batch) -> Result<LeftOut> {
        Ok(LeftOut::default())
    }
}

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("tilefire-fuzz-zip-{}", std::process::id()));
    fs::write(&path, data).unwrap();
    let name = path.display().to_string();
    let options = ReadOptions { accept_doubt: true, ..ReadOptions::default() };
    let member = Input::Member { archive: path.clone(), name: "a.csv".into() };
    for input in [Input::File(path), member] {
        if let Err(problem) = source::read(&[input], &options, &Monitor::default(), &mut [Nowhere]) {
            let line = problem.to_string();
            assert!(line.contains(&name) && !line.chars().any(char::is_control), "{line:?}");
        }
    }
});
