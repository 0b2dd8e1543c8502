//! Any bytes at all are read or refused: every row is accounted for, and one thread and three find the same.
//! `cargo +nightly fuzz run reader`

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::rows::LeftOut;
use tilefire::source::{self, Batch, BatchSink, Decimal, Delimiter, Header, Input, Quoting, ReadOptions, ReadReport};

#[derive(Default)]
struct Kept(Vec<(u64, u64)>);

impl BatchSink for Kept {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        self.0.extend(batch.coordinates.iter().map(|c| (c.x.to_bits(), c.y.to_bits())));
        Ok(LeftOut::default())
    }
}

fn read(input: &Input, options: &ReadOptions, threads: usize) -> Option<(ReadReport, Vec<(u64, u64)>)> {
    let mut sinks: Vec<_> = (0..threads).map(|_| Kept::default()).collect();
    let inputs = std::slice::from_ref(input);
    let report = source::read(inputs, options, &Monitor::default(), &mut sinks).ok()?;
    let mut all: Vec<_> = sinks.into_iter().flat_map(|kept| kept.0).collect();
    all.sort_unstable();
    Some((report, all))
}

fuzz_target!(|data: &[u8]| {
    let Some((&ways, text)) = data.split_first() else { return };
    let place = |name: &str| (ways & 1 > 0).then(|| name.parse().unwrap());
    let options = ReadOptions {
        x: place("#1"),
        y: place("#2"),
        header: if ways & 3 == 3 { Header::No } else { Header::Auto },
        delimiter: [None, Some(Delimiter::Byte(b';')), Some(Delimiter::Blanks), None][usize::from(ways >> 2 & 3)],
        decimal: [None, Some(Decimal::Comma)][usize::from(ways >> 4 & 1)],
        quoting: [Quoting::Doubled, Quoting::Backslash, Quoting::None, Quoting::Doubled][usize::from(ways >> 5 & 3)],
        comment: (ways >> 7 > 0).then_some(b'#'),
        accept_doubt: true,
        ..ReadOptions::default()
    };
    let path = std::env::temp_dir().join(format!("tilefire-fuzz-{}", std::process::id()));
    fs::write(&path, text).unwrap();
    let input = Input::File(path);
    let (one, three) = (read(&input, &options, 1), read(&input, &options, 3));
    assert_eq!(one.is_some(), three.is_some());
    if let (Some((one, points)), Some((three, others))) = (one, three) {
        assert!(points == others && one.rows == three.rows && one.left_out == three.left_out);
        assert_eq!(one.rows, points.len() as u64 + one.left_out.total());
    }
});
