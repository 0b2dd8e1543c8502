//! Reading with one thread per sink: each takes the next block, reads its rows and hands the coordinates to its
//! own sink, so that nothing but the hand-out of blocks is shared.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::CoordinateSink;
use super::blocks::{Block, Blocks};
use super::open::Table;
use super::report::ReadReport;
use super::rows::Tally;
use super::scan::{Cursor, Wanted};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Stage};
use crate::project::Coordinate;

/// Bytes per block: enough to hide the cost of a hand-out, little enough to stay in a core's cache.
pub(super) const BLOCK: usize = 1 << 20;
/// Coordinates per batch.
const BATCH: usize = 4096;

/// The hand-out, and how many rows each block held.
struct Shared<'a> {
    blocks: Blocks<'a>,
    /// Of each block in order: its table and its tally, once it is known.
    tallies: Vec<(usize, Option<Tally>)>,
    failure: Option<Error>,
}

/// Reads all tables in blocks of about `block` bytes; see [`super::read`].
pub(super) fn read<S: CoordinateSink>(
    mut tables: Vec<Table>,
    block: usize,
    monitor: &Monitor,
    sinks: &mut [S],
) -> Result<ReadReport> {
    let mut files: Vec<_> = tables.iter().map(Table::report).collect();
    let wanted: Vec<_> = tables.iter().map(|t| Wanted::new(t.columns.x, t.columns.y)).collect();
    let blocks = Blocks::new(&mut tables, block, monitor);
    let shared = Mutex::new(Shared { blocks, tallies: Vec::new(), failure: None });
    std::thread::scope(|scope| {
        for sink in sinks {
            let (shared, wanted) = (&shared, &wanted);
            scope.spawn(move || {
                let result = work(shared, wanted, monitor, sink);
                if let (Err(error), Ok(mut shared)) = (result, shared.lock()) {
                    shared.failure.get_or_insert(error);
                }
            });
        }
    });
    let shared = shared.into_inner().map_err(|_| died())?;
    if let Some(error) = shared.failure {
        return Err(error);
    }
    for (table, tally) in shared.tallies {
        let file = &mut files[table];
        let tally = tally.ok_or_else(died)?;
        if let Some(row) = tally.first_invalid_row {
            file.first_invalid_row.get_or_insert(file.rows + row);
        }
        file.rows += tally.rows;
        file.invalid.merge(&tally.invalid);
    }
    Ok(ReadReport::new(files))
}

fn died() -> Error {
    Error::Internal("a thread died while it read".into())
}

fn work<S: CoordinateSink>(
    shared: &Mutex<Shared<'_>>,
    wanted: &[Wanted],
    monitor: &Monitor,
    sink: &mut S,
) -> Result<()> {
    let mut block = Block::default();
    let mut batch: Vec<Coordinate> = Vec::with_capacity(BATCH);
    let mut done = None;
    loop {
        let mut from = monitor.now();
        let number = {
            let mut shared = shared.lock().map_err(|_| died())?;
            // Waiting for another thread's hand-out is no work.
            from = from.max(monitor.now());
            if let Some((number, tally)) = done.take() {
                let slot: &mut (usize, Option<Tally>) = &mut shared.tallies[number];
                slot.1 = Some(tally);
            }
            if shared.failure.is_some() || !shared.blocks.next(&mut block)? {
                break;
            }
            shared.tallies.push((block.table, None));
            shared.tallies.len() - 1
        };
        let mut cursor = Cursor::new(&block, wanted[block.table]);
        let mut tally = Tally::default();
        while cursor.fill(&mut batch, BATCH, &mut tally) {
            monitor.record(Stage::Read, from, monitor.now());
            hand_over(&mut batch, monitor, sink)?;
            from = monitor.now();
        }
        monitor.record(Stage::Read, from, monitor.now());
        done = Some((number, tally));
    }
    if batch.is_empty() { Ok(()) } else { hand_over(&mut batch, monitor, sink) }
}

fn hand_over<S: CoordinateSink>(batch: &mut Vec<Coordinate>, monitor: &Monitor, sink: &mut S) -> Result<()> {
    monitor.points.fetch_add(batch.len() as u64, Ordering::Relaxed);
    sink.take(batch)?;
    batch.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::source::{Header, Input, ReadOptions, open, plain};

    #[derive(Default)]
    struct Kept(Vec<Coordinate>);

    impl CoordinateSink for Kept {
        fn take(&mut self, batch: &[Coordinate]) -> Result<()> {
            self.0.extend_from_slice(batch);
            Ok(())
        }
    }

    fn bits(mut coordinates: Vec<Coordinate>, sort: bool) -> Vec<(u64, u64)> {
        if sort {
            coordinates.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        }
        coordinates.into_iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect()
    }

    /// Compares with the plain way for one block size and number of threads; a single thread keeps the order.
    fn compare(texts: &[Vec<u8>], columns: (usize, usize), block: usize, threads: usize) -> Result<(), TestCaseError> {
        let files: Vec<_> = texts
            .iter()
            .map(|text| {
                let mut file = tempfile::NamedTempFile::new().unwrap();
                file.write_all(text).unwrap();
                file
            })
            .collect();
        let inputs: Vec<_> = files.iter().map(|f| Input::File(f.path().into())).collect();
        let column = |n: usize| Some(format!("#{}", n + 1).parse().unwrap());
        let options = ReadOptions { x: column(columns.0), y: column(columns.1), header: Header::No, projected: false };
        let monitor = Monitor::default();
        let tables = || open::open_all(&inputs, &options, &monitor).ok();
        // A first record too short for the columns is refused by both ways alike.
        let (Some(one), Some(other)) = (tables(), tables()) else { return Ok(()) };
        let (expected, coordinates) = plain::read(one);
        let mut sinks: Vec<_> = (0..threads).map(|_| Kept::default()).collect();
        let report = read(other, block, &monitor, &mut sinks).unwrap();
        prop_assert_eq!(report, expected);
        let all = sinks.into_iter().flat_map(|s| s.0).collect();
        prop_assert_eq!(bits(all, threads > 1), bits(coordinates, threads > 1));
        Ok(())
    }

    /// Pieces that make every state of a CSV reader likely, valid or not.
    fn text() -> impl Strategy<Value = Vec<u8>> {
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
            "\u{e9}",
            "1,2\n",
            "-1.276,51.5072\r\n",
            "\n,",
            "1\"2",
        ]);
        (prop::collection::vec(piece, 0..120), any::<bool>()).prop_map(|(pieces, whole)| {
            let start = if whole { "0.5,1.5,2.5,3.5\n" } else { "" };
            format!("{start}{}", pieces.concat()).into_bytes()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn blocks_and_threads_change_nothing(
            texts in prop::collection::vec(text(), 1..3),
            columns in (0usize..4, 0usize..4),
            block in prop_oneof![1usize..40, 40usize..400],
            threads in 1usize..4,
        ) {
            compare(&texts, columns, block, threads)?;
        }
    }

    #[test]
    fn a_row_number_counts_the_blocks_before() {
        let text = format!("lon,lat\n{}x,2\n{}", "1.25,2.5\n\n".repeat(5000), "1.25,2.5\n".repeat(3000));
        for (block, threads) in [(100, 1), (100, 3), (1 << 20, 2)] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let monitor = Monitor::default();
            let input = [Input::File(file.path().into())];
            let tables = open::open_all(&input, &ReadOptions::default(), &monitor).unwrap();
            let mut sinks: Vec<_> = (0..threads).map(|_| Kept::default()).collect();
            let report = read(tables, block, &monitor, &mut sinks).unwrap();
            assert_eq!((report.rows, report.files[0].first_invalid_row), (8001, Some(5001)));
            let points = monitor.points.load(Ordering::Relaxed);
            assert_eq!((points, sinks.iter().map(|s| s.0.len()).sum::<usize>()), (8000, 8000));
        }
    }
}
