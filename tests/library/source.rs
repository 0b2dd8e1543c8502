//! Reading through the public interface: rows, reasons and messages on made-up files, and the sample.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::*;
use tilefire::error::{Error, Result};
use tilefire::monitor::Monitor;
use tilefire::project::{Coordinate, Crs};
use tilefire::rows::{LeftOut, Reason};
use tilefire::source::{self, Batch, BatchSink, Decimal, Delimiter, Header, Input, ReadOptions, ReadReport, Unit};

#[derive(Default)]
struct Kept(Vec<Coordinate>);

impl BatchSink for Kept {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        assert!(!batch.is_empty());
        self.0.extend_from_slice(&batch.coordinates);
        Ok(LeftOut::default())
    }
}

/// The report and all coordinates in a fixed order, read into `sinks` sinks.
fn read_with(inputs: &[Input], options: &ReadOptions, sinks: usize) -> Result<(ReadReport, Vec<(u64, u64)>)> {
    let mut kept: Vec<Kept> = (0..sinks).map(|_| Kept::default()).collect();
    let report = source::read(inputs, options, &Monitor::default(), &mut kept)?;
    let mut all: Vec<_> = kept.into_iter().flat_map(|k| k.0).map(|c| (c.x.to_bits(), c.y.to_bits())).collect();
    all.sort_unstable();
    Ok((report, all))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> Input {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        Input::File(path)
    }
}

fn read(text: impl AsRef<[u8]>, edit: impl FnOnce(&mut ReadOptions)) -> Result<ReadReport> {
    let folder = Folder::new();
    let mut options = ReadOptions::default();
    edit(&mut options);
    read_with(&[folder.file("points.csv", text)], &options, 2).map(|(report, _)| report)
}

fn numbered(options: &mut ReadOptions) {
    (options.x, options.y) = (Some("#1".parse().unwrap()), Some("#2".parse().unwrap()));
}

fn message(result: Result<ReadReport>) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn each_row_has_one_reason() {
    let text =
        "lon,lat,note\r\n\r\n1,2,\n ,5,\n,x,\nnan,3,\n1e400,3,\n1,inf,\nx,\n1\n\n+1.5 , -2,\"a\nb\"\n3,4,\"open\n5,6,";
    let report = read(text, |_| ()).unwrap();
    let left_out = LeftOut::from([(Reason::Missing, 2 + 1 + 1), (Reason::NotANumber, 2), (Reason::Malformed, 2)]);
    assert_eq!((report.left_out, report.files[0].left_out), (left_out, left_out));
    assert_eq!(report.files[0].used, 10 - left_out.total());
    assert_eq!((report.rows, report.files[0].first_invalid_row), (10, Some(2)));
}

#[test]
fn blank_lines_and_marks_are_no_rows() {
    let report = read(b"\xef\xbb\xbf\n\r\n\nLAT, Lon \n\n\n51,0\n\r\n", |_| ()).unwrap();
    assert_eq!((report.rows, report.left_out.total()), (1, 0));
    assert_eq!((report.files[0].x_column.as_str(), report.files[0].y_column.as_str()), ("Lon", "LAT"));
    let report = read(b"\xef\xbb\xbf1,2\n3,4", numbered).unwrap();
    assert_eq!((report.rows, report.left_out.total(), report.files[0].header), (2, 0, false));
}

#[test]
fn bytes_that_are_no_text_matter_only_where_they_are_read() {
    let report = read(b"name,lon,lat\nS\xfcd,1,2\n\xff,\xff1,2\n", |_| ()).unwrap();
    assert_eq!((report.rows, report.left_out[Reason::NotANumber]), (2, 1));
}

#[test]
fn files_have_columns_of_their_own() {
    let folder = Folder::new();
    let inputs = [folder.file("a.csv", "lon,lat\n1,2\n"), folder.file("b.csv", "id,latitude,longitude\n7,2,1\n")];
    let (report, points) = read_with(&inputs, &ReadOptions::default(), 3).unwrap();
    assert_eq!((report.rows, points), (2, vec![(1f64.to_bits(), 2f64.to_bits()); 2]));
    assert!(report.files[1].notice.contains("b.csv") && report.files[1].notice.contains("'longitude'"));
}

#[test]
fn what_is_no_csv_is_refused_by_name() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "is empty"),
        (b"\n\r\n\n", "blank lines"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\x28\xb5\x2f\xfdxx", "zstd"),
        (b"PAR1....", "Parquet"),
        (b"lon,lat\n1,\x002\n", "binary"),
        (b"\xff\xfe\0\0l\0\0\0", "UTF-32"),
        (b"a,b\n1,2\n", "a, b"),
    ];
    for (bytes, part) in cases {
        let text = message(read(bytes, |_| ()));
        assert!(text.contains("points.csv") && text.contains(part), "{text}");
    }
    let folder = Folder::new();
    let absent = Input::File(folder.0.path().join("absent.csv"));
    assert!(message(read_with(&[absent], &ReadOptions::default(), 1).map(|r| r.0)).contains("absent.csv"));
    let itself = Input::File(folder.0.path().to_path_buf());
    assert!(message(read_with(&[itself], &ReadOptions::default(), 1).map(|r| r.0)).contains("folder"));
}

#[test]
fn every_file_is_looked_at_before_the_first_row_is_read() {
    let folder = Folder::new();
    let inputs = [folder.file("a.csv", "lon,lat\n1,2\n"), folder.file("b.csv", "a,b\n1,2\n")];
    let mut kept = [Kept::default()];
    let error = source::read(&inputs, &ReadOptions::default(), &Monitor::default(), &mut kept).unwrap_err();
    assert!(error.to_string().contains("b.csv") && kept[0].0.is_empty());
}

#[test]
fn a_header_can_be_asserted_or_denied() {
    let report = read("1,2\n3,4\n", |o| (numbered(o), o.header = Header::Yes).0).unwrap();
    assert_eq!((report.rows, report.files[0].header, report.files[0].x_column.as_str()), (1, true, "1"));
    let report = read("lon,lat\n3,4\n", |o| (numbered(o), o.header = Header::No).0).unwrap();
    assert_eq!((report.rows, report.left_out[Reason::NotANumber]), (2, 1));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_like_a_file() {
    let folder = Folder::new();
    let path = folder.0.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    // Longer than what is looked at for a header, and than a block.
    let text = format!("\u{feff}lat,lon\n{}", "51.5,-0.1\n\"51.6\", 0.2\n".repeat(100_000));
    let writer = std::thread::spawn({
        let (path, text) = (path.clone(), text.clone());
        move || fs::write(path, text).unwrap()
    });
    let (report, points) = read_with(&[Input::File(path)], &ReadOptions::default(), 2).unwrap();
    writer.join().unwrap();
    let file = folder.file("file.csv", text);
    let (expected, same) = read_with(&[file], &ReadOptions::default(), 3).unwrap();
    assert_eq!((report.rows, report.left_out, report.rows), (expected.rows, expected.left_out, 200_000));
    assert!(points == same);
}

#[test]
fn a_quote_left_open_does_not_fill_the_memory() {
    let text = format!("lon,lat\n1,2\n\"{}", "3,4\n".repeat(20_000_000));
    let text = message(read(text, |_| ()));
    assert!(text.contains("points.csv") && text.contains("quote"), "{text}");
}

#[test]
fn a_sink_that_fails_ends_the_reading() {
    struct Fails;
    impl BatchSink for Fails {
        fn take(&mut self, _: &Batch) -> Result<LeftOut> {
            Err(Error::Limit("full".into()))
        }
    }
    let folder = Folder::new();
    let input = folder.file("a.csv", format!("lon,lat\n{}", "1,2\n".repeat(300_000)));
    let error = source::read(&[input], &ReadOptions::default(), &Monitor::default(), &mut [Fails, Fails]).unwrap_err();
    assert_eq!(error.to_string(), "full");
}

/// A file of several pieces whose last change lies in the past, so that every later one shows.
fn large(folder: &Folder, name: &str) -> PathBuf {
    let Input::File(path) = folder.file(name, format!("lon,lat\n{}", "1.25,2.5\n".repeat(1 << 19))) else {
        unreachable!()
    };
    let earlier = SystemTime::now() - Duration::from_secs(60);
    fs::File::options().write(true).open(&path).unwrap().set_modified(earlier).unwrap();
    path
}

/// Reads `path` with a sink that does `harm` at its first batch; says what came of it.
fn read_while(path: &Path, harm: impl FnOnce() + Send) -> Result<ReadReport> {
    struct Harms<F>(Option<F>);
    impl<F: FnOnce() + Send> BatchSink for Harms<F> {
        fn take(&mut self, _: &Batch) -> Result<LeftOut> {
            if let Some(harm) = self.0.take() {
                harm();
            }
            Ok(LeftOut::default())
        }
    }
    let input = [Input::File(path.to_path_buf())];
    source::read(&input, &ReadOptions::default(), &Monitor::default(), &mut [Harms(Some(harm))])
}

#[test]
fn an_input_that_changes_while_it_is_read_ends_the_run() {
    let folder = Folder::new();
    let path = large(&folder, "cut.csv");
    let text = message(read_while(&path, || {
        fs::File::options().write(true).open(&path).unwrap().set_len(1 << 21).unwrap();
    }));
    assert!(text.contains("cut.csv") && text.contains("was cut short"), "{text}");

    let path = large(&folder, "grown.csv");
    let text = message(read_while(&path, || {
        fs::File::options().append(true).open(&path).unwrap().write_all(b"3,4\n").unwrap();
    }));
    assert!(text.contains("grown.csv") && text.contains("grew"), "{text}");

    let (path, other) = (large(&folder, "replaced.csv"), large(&folder, "other.csv"));
    let text = message(read_while(&path, || fs::rename(&other, &path).unwrap()));
    assert!(text.contains("replaced.csv") && text.contains("replaced by another file"), "{text}");

    let path = large(&folder, "edited.csv");
    let text = message(read_while(&path, || {
        let mut file = fs::File::options().write(true).open(&path).unwrap();
        file.write_all(b"lat,lon").unwrap();
    }));
    assert!(text.contains("edited.csv") && text.contains("was written to"), "{text}");
}

#[test]
fn an_input_that_is_only_removed_was_read_as_it_was() {
    let folder = Folder::new();
    let path = large(&folder, "removed.csv");
    assert_eq!(read_while(&path, || fs::remove_file(&path).unwrap()).unwrap().rows, 1 << 19);
}

#[test]
fn many_inputs_are_opened_anew_and_held_to_what_they_were() {
    let folder = Folder::new();
    let inputs: Vec<_> = (0..300).map(|i| folder.file(&format!("{i}.csv"), "lon,lat\n1,2\n3,4\n")).collect();
    let (report, points) = read_with(&inputs, &ReadOptions::default(), 3).unwrap();
    assert_eq!((report.rows, points.len()), (600, 600));

    // Between the look at its head and its rows a file is replaced: nobody holds it open.
    let options = ReadOptions::default();
    let pairs: Vec<_> = inputs.iter().map(|input| (input, &options)).collect();
    let opened = source::open(&pairs, false, &Monitor::default()).unwrap();
    let other = large(&folder, "other.csv");
    fs::rename(other, folder.0.path().join("299.csv")).unwrap();
    let text = message(opened.read(&Monitor::default(), &mut [Kept::default()]));
    assert!(text.contains("299.csv") && text.contains("replaced"), "{text}");
}

#[test]
fn the_rows_are_those_of_the_file_whose_head_was_looked_at() {
    let folder = Folder::new();
    let first = folder.file("p.csv", "lon,lat\n1,2\n");
    let options = ReadOptions::default();
    let opened = source::open(&[(&first, &options)], false, &Monitor::default()).unwrap();
    let other = folder.0.path().join("other.csv");
    fs::write(&other, "lat,lon\n1,2\n").unwrap();
    fs::rename(&other, folder.0.path().join("p.csv")).unwrap();
    let mut kept = [Kept::default()];
    let text = message(opened.read(&Monitor::default(), &mut kept));
    assert!(text.contains("p.csv") && text.contains("replaced"), "{text}");
    assert_eq!(kept[0].0, [Coordinate { x: 1.0, y: 2.0 }]);
}

#[cfg(unix)]
#[test]
fn one_file_under_two_names_is_noticed() {
    let folder = Folder::new();
    let first = folder.file("a.csv", "lon,lat\n1,2\n");
    let name = |name: &str| folder.0.path().join(name);
    fs::hard_link(name("a.csv"), name("hard.csv")).unwrap();
    std::os::unix::fs::symlink("a.csv", name("soft.csv")).unwrap();
    let copy = folder.file("copy.csv", "lon,lat\n1,2\n");
    let notices = |inputs: &[Input]| read_with(inputs, &ReadOptions::default(), 1).unwrap().0.notices;
    assert!(notices(&[first.clone(), copy]).is_empty());
    for other in ["hard.csv", "soft.csv", "a.csv"] {
        let notices = notices(&[first.clone(), Input::File(name(other))]);
        assert!(notices.len() == 1 && notices[0].text.contains("counted twice"), "{notices:?}");
        assert!(notices[0].text.contains(other), "{notices:?}");
    }
}

#[test]
fn rows_are_accounted_for_by_input() {
    let folder = Folder::new();
    let inputs = [folder.file("a.csv", "lon,lat\n1,2\n,\nx,1\n"), folder.file("b.csv", "lon,lat\n3,4\ninf,1\n")];
    let (report, _) = read_with(&inputs, &ReadOptions::default(), 2).unwrap();
    let expected = [
        (3, 1, LeftOut::from([(Reason::Missing, 1), (Reason::NotANumber, 1)])),
        (2, 1, LeftOut::from([(Reason::NotANumber, 1)])),
    ];
    for (file, expected) in report.files.iter().zip(expected) {
        assert_eq!((file.rows, file.used, file.left_out), expected);
    }
    assert_eq!(report.left_out, LeftOut::from([(Reason::Missing, 1), (Reason::NotANumber, 2)]));
}

#[test]
fn a_batch_holds_rows_of_one_input() {
    struct Sides(Vec<(usize, f64)>);
    impl BatchSink for Sides {
        fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
            assert!(!batch.is_empty());
            self.0.extend(batch.coordinates.iter().map(|c| (batch.input, c.x)));
            Ok(LeftOut::default())
        }
    }
    let folder = Folder::new();
    let file = |i: usize| folder.file(&format!("{i}.csv"), format!("lon,lat\n{}", format!("{i},2\n").repeat(5000)));
    let inputs: Vec<_> = (0..4).map(file).collect();
    let mut sinks = [Sides(Vec::new()), Sides(Vec::new())];
    source::read(&inputs, &ReadOptions::default(), &Monitor::default(), &mut sinks).unwrap();
    assert_eq!(sinks.iter().map(|sink| sink.0.len()).sum::<usize>(), 20_000);
    assert!(sinks.iter().flat_map(|sink| &sink.0).all(|&(input, x)| input as f64 == x));
}

/// Reads a pipe that stays open after some rows, with one sink that does `harm`, and says what came of it.
#[cfg(unix)]
fn read_an_open_pipe(harm: fn() -> Result<()>) -> Result<ReadReport> {
    struct Harms(Option<fn() -> Result<()>>);
    impl BatchSink for Harms {
        fn take(&mut self, _: &Batch) -> Result<LeftOut> {
            self.0.map_or(Ok(()), |harm| harm()).map(|()| LeftOut::default())
        }
    }
    let folder = Folder::new();
    let path = folder.0.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let (stay, wait) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = fs::File::options().write(true).open(path).unwrap();
            // The reader may be gone before all of it is taken.
            let _ = pipe.write_all(format!("lon,lat\n{}", "1,2\n".repeat(1 << 20)).as_bytes());
            let _ = wait.recv_timeout(Duration::from_secs(60));
        }
    });
    let started = Instant::now();
    let mut sinks = [Harms(Some(harm)), Harms(Some(harm)), Harms(Some(harm))];
    let result = source::read(&[Input::File(path)], &ReadOptions::default(), &Monitor::default(), &mut sinks);
    assert!(started.elapsed() < Duration::from_secs(20), "it waited for the end of the input");
    drop(stay);
    writer.join().unwrap();
    result
}

#[cfg(unix)]
#[test]
fn an_error_ends_the_reading_while_the_input_blocks() {
    let error = read_an_open_pipe(|| Err(Error::Limit("full".into()))).unwrap_err();
    assert_eq!(error.to_string(), "full");
}

#[cfg(unix)]
#[test]
fn a_panic_ends_the_reading_while_the_input_blocks() {
    let error = read_an_open_pipe(|| panic!("a sink fell over")).unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_wish_to_stop_is_heard_while_the_input_blocks() {
    let folder = Folder::new();
    let path = folder.0.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let monitor = Monitor::default();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let input = [Input::File(path.clone())];
            source::read(&input, &ReadOptions::default(), &monitor, &mut [Kept::default(), Kept::default()])
        });
        let mut pipe = fs::File::options().write(true).open(&path).unwrap();
        pipe.write_all(b"lon,lat\n1,2\n").unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let asked = Instant::now();
        monitor.cancel();
        assert!(matches!(reader.join().unwrap(), Err(Error::Interrupted)));
        assert!(asked.elapsed() < Duration::from_secs(10), "it waited for the pipe");
    });
}

#[test]
fn another_separator_may_be_named() {
    for separator in [b';', b'\t', b'|', b','] {
        let text = "name,lon,lat\n\"a,\"\"b\"\"\",1,2\nx,3,4\n".replace(',', &char::from(separator).to_string());
        let folder = Folder::new();
        let options = ReadOptions { delimiter: Some(Delimiter::Byte(separator)), ..ReadOptions::default() };
        let (report, points) = read_with(&[folder.file("p.csv", text)], &options, 2).unwrap();
        let expected = [(1f64.to_bits(), 2f64.to_bits()), (3f64.to_bits(), 4f64.to_bits())];
        assert_eq!((report.rows, points), (2, expected.to_vec()));
    }
    for separator in *b"\"\n5.- e\xff" {
        let text = message(read("lon,lat\n1,2\n", |o| o.delimiter = Some(Delimiter::Byte(separator))));
        assert!(text.contains("separated"), "{text}");
    }
}

#[test]
fn a_cancelled_run_is_interrupted() {
    let folder = Folder::new();
    let monitor = Monitor::default();
    monitor.cancel();
    let input = folder.file("a.csv", "lon,lat\n1,2\n");
    let error = source::read(&[input], &ReadOptions::default(), &monitor, &mut [Kept::default()]).unwrap_err();
    assert!(matches!(error, Error::Interrupted));
}

#[test]
fn a_run_without_points_says_why() {
    let projected = |options: &mut ReadOptions| options.crs = Some(Crs::WebMercator);
    let mut report = read("lon,lat\n530000.5,180000.5\n,\n", |o| o.unit = Some(Unit::Degrees)).unwrap();
    report.left_out[Reason::OutOfRange] = 1;
    let text = source::no_usable_rows(&report).to_string();
    assert!(text.contains("--crs") && text.contains("points.csv") && text.contains("if they are projected"), "{text}");
    let mut report = read("x,y\n530000,180000\n,\n", projected).unwrap();
    report.left_out[Reason::OutOfRange] = 1;
    let text = source::no_usable_rows(&report).to_string();
    assert!(text.contains("EPSG:3857") && text.contains("check --crs"), "{text}");
    let text = source::no_usable_rows(&read("lon,lat\n,\n", |_| ()).unwrap()).to_string();
    assert!(text.contains("1 missing") && text.contains("'lon' and 'lat'"), "{text}");
    let text = source::no_usable_rows(&read("lon,lat\n", |_| ()).unwrap()).to_string();
    assert!(text.contains("no rows"), "{text}");
}

#[test]
fn the_sample_is_made_by_synth() {
    let mut made = Vec::new();
    source::synth(50_000, 7, &mut made, &Monitor::default()).unwrap();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/sample.csv");
    assert!(made == fs::read(path).unwrap(), "assets/sample.csv differs from synth -n 50000 --seed 7");
}

/// A field as text and as what it should be read as.
fn field() -> impl Strategy<Value = (String, Option<f64>)> {
    let number = (-200_000_000i64..200_000_000).prop_map(|n| {
        let text = format!("{}", n as f64 / 1e6);
        (text.clone(), text.parse().ok())
    });
    let other =
        prop::sample::select(vec!["", " ", "x", "nan", "a,b", "say \"hi\"", "two\nlines", "1e999", "two\r\nlines"]);
    prop_oneof![4 => number, 1 => other.prop_map(|text| (text.to_owned(), None))]
}

fn quoted(text: &str, always: bool) -> String {
    if always || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_rows_come_out_however_they_are_written(
        rows in prop::collection::vec((field(), field(), field(), any::<bool>(), 0usize..3), 0..60),
        crlf in any::<bool>(),
        mark in any::<bool>(),
        last in any::<bool>(),
        sinks in 1usize..5,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut text = format!("{}lat,\"lon\",note", if mark { "\u{feff}" } else { "" });
        let mut expected = Vec::new();
        for ((y, y_value), (x, x_value), (note, _), always, blank) in &rows {
            text.push_str(&end.repeat(1 + blank));
            text.push_str(&[y, x, note].map(|f| quoted(f, *always)).join(","));
            if let (Some(x), Some(y)) = (x_value, y_value) {
                expected.push((x.to_bits(), y.to_bits()));
            }
        }
        expected.sort_unstable();
        if last {
            text.push_str(end);
        }
        let folder = Folder::new();
        // What the numbers may mean is not asked for here.
        let plain = ReadOptions {
            unit: Some(Unit::Degrees),
            delimiter: Some(Delimiter::Byte(b',')),
            decimal: Some(Decimal::Point),
            accept_doubt: true,
            ..ReadOptions::default()
        };
        let (report, points) = read_with(&[folder.file("p.csv", text)], &plain, sinks).unwrap();
        prop_assert_eq!(report.rows, rows.len() as u64);
        prop_assert_eq!(report.rows - report.left_out.total(), expected.len() as u64);
        prop_assert_eq!(points, expected);
    }
}
