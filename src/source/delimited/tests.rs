//! Every way to cut a text into pieces and to share them out gives what crate `csv` gives, in files and in streams.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use proptest::prelude::*;

use super::*;
use crate::monitor::Monitor;
use crate::project::Coordinate;
use crate::rows::LeftOut;
use crate::source::input::Stream;
use crate::source::open::{Opened, open};
use crate::source::{Batch, BatchSink, Header};

#[derive(Default)]
struct Kept(Vec<Coordinate>);

impl BatchSink for Kept {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        assert!(!batch.is_empty() && batch.len() <= BATCH && batch.input == 0);
        self.0.extend_from_slice(&batch.coordinates);
        Ok(LeftOut::default())
    }
}

fn bits(mut coordinates: Vec<Coordinate>, sort: bool) -> Vec<(u64, u64)> {
    if sort {
        coordinates.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    }
    coordinates.into_iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect()
}

/// How a text is read.
#[derive(Debug, Clone, Copy)]
struct Way {
    columns: (usize, usize),
    delimiter: u8,
    piece: usize,
    threads: usize,
    stream: bool,
}

/// Compares with the plain way; a single thread keeps the order.
fn compare(text: &[u8], way: Way) -> Result<(), TestCaseError> {
    let column = |n: usize| Some(format!("#{}", n + 1).parse().unwrap());
    let options = ReadOptions {
        x: column(way.columns.0),
        y: column(way.columns.1),
        header: Header::No,
        delimiter: Some(Delimiter::Byte(way.delimiter)),
        accept_doubt: true,
        ..ReadOptions::default()
    };
    let monitor = Monitor::default();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let input = Input::File(file.path().into());
    // A first record too short for the columns is refused.
    let Ok(mut opened) = open(&[(&input, &options)], false, &monitor) else { return Ok(()) };
    let writer = way.stream.then(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let text = text.to_vec();
        let writer = std::thread::spawn(move || writer.write_all(&text).unwrap());
        let bytes = Bytes::Stream(Mutex::new(Stream::new(File::from(OwnedFd::from(reader)))));
        let stop = Stop::new(&monitor);
        let mut head = Vec::new();
        bytes.head(&mut head, 7, &stop).unwrap();
        let source = Delimited::open(bytes, head, &input, &options, false, &stop).unwrap();
        opened.sources = vec![Box::new(source)];
        writer
    });
    let mut sinks: Vec<_> = (0..way.threads).map(|_| Kept::default()).collect();
    let report = opened.read_in_pieces(way.piece, &monitor, &mut sinks).unwrap();
    if let Some(writer) = writer {
        writer.join().unwrap();
    }
    let (tally, coordinates) = plain::read(text, way.columns, way.delimiter);
    prop_assert_eq!(report.rows, tally.rows);
    prop_assert_eq!(report.left_out, tally.left_out);
    prop_assert_eq!(report.files[0].first_invalid_row, tally.first_invalid_row);
    let all = sinks.into_iter().flat_map(|s| s.0).collect();
    prop_assert_eq!(bits(all, way.threads > 1), bits(coordinates, way.threads > 1));
    Ok(())
}

/// Pieces that make every state of a CSV reader likely, valid or not; `,` stands for the delimiter.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "1",
        "2.5",
        "-0.000001",
        "+3",
        "51.5072001",
        "12345678.25",
        "0.1234567890123456",
        "9007199254740993",
        "1e2",
        "nan",
        "x",
        " ",
        ",",
        ",",
        ",",
        ",",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r\n",
        "\r",
        "\"",
        "\"\"",
        "\"1\"",
        "\"1.5\",",
        "\"a\nb\",",
        "\"a,\"\"b\"\"\",",
        "\"one\ntwo,\nthree\r\nfour\n\n,five\"",
        "\u{e9}",
        "1,2\n",
        "-1.276,51.5072\r\n",
        "\n,",
        "1\"2",
        "; \t|",
    ]);
    (prop::collection::vec(piece, 0..120), any::<bool>()).prop_map(|(pieces, whole)| {
        let start = if whole { "0.5,1.5,2.5,3.5\n" } else { "" };
        format!("{start}{}", pieces.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_and_threads_change_nothing(
        text in text(),
        columns in (0usize..4, 0usize..4),
        delimiter in prop::sample::select(b",;\t|".to_vec()),
        piece in prop_oneof![1usize..40, 40usize..400],
        threads in prop_oneof![1usize..4, 4usize..12],
        stream in any::<bool>(),
    ) {
        let text = text.replace(',', std::str::from_utf8(&[delimiter]).unwrap());
        compare(text.as_bytes(), Way { columns, delimiter, piece, threads, stream })?;
    }
}

#[test]
fn a_row_number_counts_the_pieces_before() {
    let text = format!("{}x,2\n{}", "1.25,2.5\n\n".repeat(5000), "1.25,2.5\n".repeat(3000));
    for (piece, threads, stream) in [(100, 1, false), (100, 3, false), (1 << 20, 2, false), (1000, 3, true)] {
        compare(text.as_bytes(), Way { columns: (0, 1), delimiter: b',', piece, threads, stream }).unwrap();
        let (tally, _) = plain::read(text.as_bytes(), (0, 1), b',');
        assert_eq!((tally.rows, tally.first_invalid_row), (8001, Some(5001)));
    }
}

#[test]
fn large_rows_within_quotes_are_read_by_many_threads() {
    // Rows of 5 MB, longer than many pieces and than what is kept of several rows at a time.
    let filling = "a line that looks like 1,2\n".repeat(200_000);
    let text: String = (0..6).map(|i| format!("{i},{},\"{filling}\"\n1,2\n", i + 1)).collect();
    for stream in [false, true] {
        compare(text.as_bytes(), Way { columns: (0, 1), delimiter: b',', piece: 1 << 18, threads: 8, stream }).unwrap();
    }
}
