//! Every way to cut a text into pieces and to share them out gives what the plain way gives, in every dialect, in files
//! and in streams; and the plain way gives what crate `csv` does where that knows the dialect.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use proptest::prelude::*;

use super::plain::Place;
use super::*;
use crate::monitor::Monitor;
use crate::rows::LeftOut;
use crate::source::input::Stream;
use crate::source::open::Opened;
use crate::source::rejects::RejectLimits;
use crate::source::{Batch, BatchSink, Decimal, Header, Key, Quoting, Weight};

#[derive(Default)]
struct Kept(Vec<Place>);

impl BatchSink for Kept {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        assert!(!batch.is_empty() && batch.len() <= BATCH && batch.input == 0);
        assert!(batch.weights.is_empty() || batch.weights.len() == batch.len());
        assert!(batch.keys.is_empty() || batch.keys.len() == batch.len());
        let of = |at: usize| (batch.coordinates[at], batch.weights.get(at).copied(), batch.keys.get(at).copied());
        self.0.extend((0..batch.len()).map(of));
        Ok(LeftOut::default())
    }
}

type Bits = (u64, u64, Option<i64>, Option<u16>);

fn bits(places: Vec<Place>, sort: bool) -> Vec<Bits> {
    let bits = |(c, weight, key): Place| (c.x.to_bits(), c.y.to_bits(), weight, key);
    let mut bits: Vec<_> = places.into_iter().map(bits).collect();
    if sort {
        bits.sort_unstable();
    }
    bits
}

/// How a text is read.
#[derive(Debug, Clone, Copy)]
struct Way {
    columns: (usize, usize),
    dialect: Dialect,
    piece: usize,
    threads: usize,
    stream: bool,
    /// Which of [`choices`].
    choice: usize,
    /// The column of weights, and which of [`STEPS`].
    weight: Option<(usize, usize)>,
    /// The column of keys, and which of [`KEYS`].
    key: Option<(usize, usize)>,
}

/// Functions of a column, and values that are named.
const KEYS: [(&str, &str); 5] = [("", ""), ("", "1,x,(none)"), ("hour", ""), ("year", ""), ("month", "1,2")];

const STEPS: [&str; 6] = ["1", "0.1", "0.000001", "0.25", "5", "1e-15"];

/// Conditions on the first columns, and a sample.
fn choices(options: &mut ReadOptions, which: usize) {
    let all: [(&[&str], &str); 7] = [
        (&[], ""),
        (&["#1 > 0"], ""),
        (&["#2 is not missing", "#1 != 1"], ""),
        (&["#3 in -5..50, a, 'x'"], ""),
        (&[], "50%"),
        (&["#1 < 60"], "30%"),
        (&["#2 is missing"], ""),
    ];
    let (conditions, sample) = all[which % all.len()];
    options.conditions = conditions.iter().map(|text| text.parse().unwrap()).collect();
    options.sample = (!sample.is_empty()).then(|| sample.parse().unwrap());
}

/// Compares with the plain way; a single thread keeps the order.
fn compare(text: &[u8], way: Way) -> std::result::Result<(), TestCaseError> {
    let column = |n: usize| Some(format!("#{}", n + 1).parse().unwrap());
    let mut options = ReadOptions {
        x: column(way.columns.0),
        y: column(way.columns.1),
        header: Header::No,
        delimiter: Some(way.dialect.delimiter),
        decimal: Some(way.dialect.decimal),
        quoting: way.dialect.quoting,
        comment: way.dialect.comment,
        accept_doubt: true,
        ..ReadOptions::default()
    };
    choices(&mut options, way.choice);
    options.weight = way.weight.map(|(column_at, step)| {
        let column = format!("#{}", column_at + 1).parse().unwrap();
        Weight { column, step: STEPS[step].parse().unwrap() }
    });
    options.key = way.key.map(|(column, key)| {
        let (function, values) = KEYS[key];
        let column = format!("#{}", column + 1);
        let by = if function.is_empty() { column } else { format!("{function}({column})") }.parse().unwrap();
        if values.is_empty() { Key::every(by) } else { Key::some(by, values.parse().unwrap()).unwrap() }
    });
    compare_as(text, &options, Some(way.dialect), way)
}

/// The same with any options; `forced` is a dialect that options cannot say.
fn compare_as(
    text: &[u8],
    options: &ReadOptions,
    forced: Option<Dialect>,
    way: Way,
) -> std::result::Result<(), TestCaseError> {
    let monitor = Monitor::default();
    let stop = Stop::new(&monitor);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let input = Input::File(file.path().into());
    let (bytes, writer) = if way.stream {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let text = text.to_vec();
        let writer = std::thread::spawn(move || _ = writer.write_all(&text));
        (Bytes::Stream(Mutex::new(Stream::new(File::from(OwnedFd::from(reader))))), Some(writer))
    } else {
        file.write_all(text).unwrap();
        (Bytes::open(&input, true).unwrap(), None)
    };
    let mut head = Vec::new();
    bytes.head(&mut head, if way.stream { 7 } else { 1 << 16 }, &stop).unwrap();
    // One table for both ways, so that they number alike.
    let keys = options.key.as_ref().map(|key| Arc::new(KeyTable::new(key)));
    // A first record too short for the columns is refused.
    let source = Delimited::open(bytes, head, &input, (options, keys.as_ref()), None, false, &stop);
    let Ok(mut source) = source else { return Ok(()) };
    if let Some(dialect) = forced {
        source.layout.dialect = dialect;
    }
    let layout = source.layout.clone();
    let offset = source.place.lock().unwrap().offset as usize;
    let (tally, places) = plain::read(&text[offset..], offset as u64, &layout);
    let opened = Opened {
        sources: vec![Box::new(source)],
        options: vec![options.clone()],
        notices: Vec::new(),
        rejects: None,
        limits: RejectLimits::default(),
        keys,
        shared: None,
    };
    let mut sinks: Vec<_> = (0..way.threads).map(|_| Kept::default()).collect();
    let report = opened.read_in_pieces(way.piece, &monitor, &mut sinks);
    if let Some(writer) = writer {
        writer.join().unwrap();
    }
    if let Some((row, _)) = tally.ends {
        let problem = report.unwrap_err().to_string();
        prop_assert!(problem.contains(&format!(", row {row}: ")), "{}", problem);
        return Ok(());
    }
    let report = report.unwrap();
    let file = &report.files[0];
    prop_assert_eq!(report.rows, tally.rows);
    prop_assert_eq!(report.left_out, tally.left_out);
    prop_assert_eq!(&report.not_selected.conditions, &tally.passed.rows.conditions);
    prop_assert_eq!(report.not_selected.sample, tally.passed.rows.sample);
    prop_assert_eq!(file.first_invalid_row, tally.first_invalid_row);
    let mut examples: Vec<_> = file.examples.iter().map(|(reason, row, _)| (*row, *reason)).collect();
    examples.sort_unstable();
    prop_assert_eq!(examples, tally.rejects.iter().map(|r| (r.row, r.reason)).collect::<Vec<_>>());
    prop_assert_eq!(file.cut.is_some(), tally.cut.is_some());
    prop_assert_eq!(file.swallowed.as_ref().map(|s| s.0), tally.swallowed.map(|s| s.0));
    prop_assert_eq!(
        (file.timeless.0, file.timeless.1.as_ref().map(|s| s.0)),
        (tally.timeless.0, tally.timeless.1.map(|s| s.0))
    );
    prop_assert_eq!(file.shorter.0, tally.shorter.0);
    prop_assert_eq!(file.shorter.1.as_ref().map(|s| s.0), tally.shorter.1.map(|s| s.0));
    prop_assert_eq!(file.merged.0, tally.merged.0);
    prop_assert_eq!(file.merged.1.as_ref().map(|s| s.0), tally.merged.1.map(|s| s.0));
    if let Some(weights) = &file.weights {
        prop_assert_eq!(weights.rows, places.len() as u64);
        prop_assert_eq!(weights.rounded.0, tally.weights.rounded.0);
        prop_assert_eq!(weights.rounded.1.as_ref().map(|s| s.0), tally.weights.rounded.1.map(|s| s.0));
        prop_assert_eq!((weights.finest, weights.heaviest), (tally.weights.finest, tally.weights.heaviest));
    }
    let all = sinks.into_iter().flat_map(|s| s.0).collect();
    prop_assert_eq!(bits(all, way.threads > 1), bits(places, way.threads > 1));
    Ok(())
}

/// The records of crate `csv`, where it knows the dialect.
fn compare_with_csv(text: &[u8], dialect: Dialect) -> std::result::Result<(), TestCaseError> {
    let Delimiter::Byte(delimiter) = dialect.delimiter else { return Ok(()) };
    // To it a comment ends at a line feed only, and what ends a file of DOS is a record.
    if text.ends_with(b"\x1a") || dialect.comment.is_some() || dialect.padded || dialect.quoting == Quoting::Backslash {
        return Ok(());
    }
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(delimiter).quoting(dialect.quoting != Quoting::None);
    let mut reader = reader.has_headers(false).flexible(true).from_reader(text);
    let theirs = reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect());
    let ours = plain::records(text, dialect).into_iter().map(|record| record.fields);
    // To it a line of blanks is a record.
    let blank = |record: &Vec<Vec<u8>>| record.len() == 1 && record[0].iter().all(|byte| b" \t".contains(byte));
    prop_assert_eq!(
        ours.filter(|record| !blank(record)).collect::<Vec<_>>(),
        theirs.filter(|record| !blank(record)).collect::<Vec<_>>()
    );
    Ok(())
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let delimiters: Vec<_> = b",,;\t|".iter().map(|b| Delimiter::Byte(*b)).chain([Delimiter::Blanks]).collect();
    let quotings = vec![Quoting::Doubled, Quoting::Doubled, Quoting::Backslash, Quoting::None];
    (
        prop::sample::select(delimiters),
        prop::sample::select(vec![Decimal::Point, Decimal::Point, Decimal::Comma, Decimal::CommaAlone]),
        prop::sample::select(quotings),
        prop::sample::select(vec![None, None, Some(b'#')]),
        prop::sample::select(vec![false, false, true]),
    )
        .prop_map(|(delimiter, decimal, quoting, comment, padded)| {
            let padded = padded && delimiter != Delimiter::Blanks && quoting != Quoting::None;
            Dialect { delimiter, decimal, quoting, comment, padded }
        })
}

/// Pieces that make every state of a CSV reader likely, valid or not; `,` stands for the delimiter, `.` for what separates
/// decimals, `~` for a point.
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
        "9223372036854775808",
        "1e300",
        "inf",
        "12345.678",
        "1~234",
        "-1~234~567.5",
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
        "\\",
        "\\\"",
        "\"{\\\"a,b\\\": 1}\",",
        " \"1.5\",",
        " ",
        "#",
        "\n#",
        "\n# \"a comment, \n",
        "13.4050,52.5200\n",
        ",,",
        "\u{1a}",
        "\n\u{1a}",
        "\0",
        "\r\r\n",
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
        dialect in dialects(),
        piece in prop_oneof![1usize..40, 40usize..400],
        threads in prop_oneof![1usize..4, 4usize..12],
        stream in any::<bool>(),
        choice in 0usize..7,
        weight in prop::option::of((0usize..4, 0usize..STEPS.len())),
        key in prop::option::of((0usize..4, 0usize..KEYS.len())),
    ) {
        let delimiter = match dialect.delimiter {
            Delimiter::Byte(byte) => char::from(byte),
            Delimiter::Blanks => ' ',
        };
        let text = text.replace(',', &delimiter.to_string());
        let text = if dialect.decimal.is_comma() { text.replace('.', ",") } else { text };
        let text = text.replace('~', ".");
        compare_with_csv(text.as_bytes(), dialect)?;
        compare(text.as_bytes(), Way { columns, dialect, piece, threads, stream, choice, weight, key })?;
    }
}

/// Lines as people have them, and what spoils them.
fn lines() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "id,lon,lat,name",
        "id,lat,lon,name",
        "lon,lat",
        "# made by hand",
        "# lon,lat",
        "A title",
        "",
        "sep=;",
        "1,-0.135296,51.546373,a",
        "2,-3.414569,55.986049,\"b, c\"",
        "3,-2.142166,53.475565,\"d \"\"e\"\" f\"",
        "4,-1.483719,53.977733,\"g",
        "5,-0.064299,51.445395,h,",
        "6,-2.990775,55.933779,i,j",
        "7,NA,,k",
        "8,1.5",
        "-0.135296,51.546373",
        "-3.414569,55.986049",
        "1.5,2.25",
        "deg,deg",
        "5,-0.064299,51.445395lat,lon",
        "5,-0.064299,51.445395id,lat,lon,name",
        "5,-0.064299,51.445395,aid,lat,lon,name",
        "5,-0.064299,51.445395,a\u{feff}id,lon,lat,name",
        "6,-2.990775,55.933779",
        "7,\"k \"l\" m,-2.990775,55.933779",
        "8,-2.990775,55.9",
        "# lat,lon",
        "id,Breite,L\u{e4}nge",
        "9,POINT(1.5 2.5)",
        "10,POINT(1.5 2",
        "id,wkt",
        "11,SRID=3857;POINT(1 2)",
        "9,\"{\\\"l\\\": [1, 2]}\",51.5,1.5",
        "10, \"m, n\", 51.5, 1.5",
        "(12 rows)",
        "\u{1a}",
    ]);
    let delimiter = prop::sample::select(vec![",", ",", ";", "\t", "|", " "]);
    let end = prop::sample::select(vec!["\n", "\n", "\r\n", "\r", "\r\r\n"]);
    (prop::collection::vec((line, 1usize..12), 1..16), delimiter, any::<bool>(), end, any::<bool>()).prop_map(
        |(lines, delimiter, commas, end, last)| {
            let mut all: Vec<String> = lines.into_iter().flat_map(|(line, n)| vec![line.to_owned(); n]).collect();
            if delimiter != "," {
                all = all.into_iter().map(|line| line.replace(',', delimiter)).collect();
            }
            if delimiter != "," && commas {
                all = all.into_iter().map(|line| line.replace('.', ",")).collect();
            }
            all.join(end) + if last { end } else { "" }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_out_is_read_alike_by_all_threads(
        text in lines(),
        skip in prop::sample::select(vec![0u64, 0, 0, 1, 2]),
        places in any::<bool>(),
        piece in prop_oneof![1usize..40, 40usize..400],
        threads in 1usize..6,
        stream in any::<bool>(),
    ) {
        let place = |name: &str| places.then(|| name.parse().unwrap());
        let options =
            ReadOptions { skip, x: place("#2"), y: place("#3"), accept_doubt: true, ..ReadOptions::default() };
        let dialect = Dialect::separated_by(Delimiter::Byte(b','));
        compare_as(text.as_bytes(), &options, None, Way { columns: (0, 0), dialect, piece, threads, stream, choice: 0, weight: None, key: None })?;
    }
}

#[test]
fn a_row_number_counts_the_pieces_before() {
    let text = format!("{}x,2\n{}", "1.25,2.5\n\n".repeat(5000), "1.25,2.5\n".repeat(3000));
    let dialect = Dialect::separated_by(Delimiter::Byte(b','));
    for (piece, threads, stream) in [(100, 1, false), (100, 3, false), (1 << 20, 2, false), (1000, 3, true)] {
        compare(
            text.as_bytes(),
            Way { columns: (0, 1), dialect, piece, threads, stream, choice: 0, weight: None, key: None },
        )
        .unwrap();
    }
}

#[test]
fn large_rows_within_quotes_are_read_by_many_threads() {
    // Rows of 5 MB, longer than many pieces and than what is kept of several rows at a time.
    let filling = "a line that looks like 1,2\n".repeat(200_000);
    let text: String = (0..6).map(|i| format!("{i},{},\"{filling}\"\n1,2\n", i + 1)).collect();
    let dialect = Dialect::separated_by(Delimiter::Byte(b','));
    for stream in [false, true] {
        compare(
            text.as_bytes(),
            Way { columns: (0, 1), dialect, piece: 1 << 18, threads: 8, stream, choice: 0, weight: None, key: None },
        )
        .unwrap();
    }
}

/// The report on one input of `text`, read in pieces of 50 bytes by two threads.
fn report(text: &str, edit: impl FnOnce(&mut ReadOptions)) -> Result<crate::source::FileReport> {
    let mut options = ReadOptions { accept_doubt: true, ..ReadOptions::default() };
    edit(&mut options);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let input = Input::File(file.path().into());
    let monitor = Monitor::default();
    let bytes = Bytes::open(&input, true).unwrap();
    let mut head = Vec::new();
    bytes.head(&mut head, 1 << 16, &Stop::new(&monitor)).unwrap();
    let source = Delimited::open(bytes, head, &input, (&options, None), None, false, &Stop::new(&monitor))?;
    let opened = Opened {
        sources: vec![Box::new(source)],
        options: vec![options],
        notices: Vec::new(),
        rejects: None,
        limits: RejectLimits::default(),
        keys: None,
        shared: None,
    };
    let report = opened.read_in_pieces(50, &monitor, &mut [Kept::default(), Kept::default()])?;
    Ok(report.files.into_iter().next().unwrap())
}

const ROWS: &str = "1,1.25,2.5\n2,1.25,2.5\n3,1.25,2.5\n4,1.25,2.5\n";

#[test]
fn each_row_is_used_or_has_its_reason() {
    use crate::rows::Reason::{Malformed, Missing, NotANumber};
    let rows = format!("id,lon,lat\n{ROWS}");
    let named = rows.replace("id,lon,lat", "id,lon,lat,name").replace(".5\n", ".5,a\n");
    /// A text, rows used, rows left out.
    type Case = (String, u64, &'static [(crate::rows::Reason, u64)]);
    let cases: [Case; 20] = [
        (rows.clone(), 4, &[]),
        // Longer rows: blank ends do no harm.
        (format!("{rows}5,1.25,2.5,,\n"), 5, &[]),
        (format!("{rows}5,1.25,2.5, ,\"\"\n"), 5, &[]),
        (format!("{rows}5,1.25,2.5,x\n"), 4, &[(Malformed, 1)]),
        (format!("{rows}5,1,012,1.25,2.5\n"), 4, &[(Malformed, 1)]),
        (format!("{rows}5,\"1,012\",1.25,2.5\n"), 4, &[(Malformed, 1)]),
        (format!("{named}5,1.25,2.5,\"b, c\"\n6,1.25,2.5\n"), 6, &[]),
        (format!("{named}5,1.25,2.5,b, c\n"), 4, &[(Malformed, 1)]),
        // Short rows, footers, units, and the header once more.
        (format!("{rows}5,1.25\n"), 4, &[(Malformed, 1)]),
        (format!("{rows}\n(4 rows)\n"), 4, &[(Malformed, 1)]),
        (format!("id,lon,lat\n,degrees,degrees\n{ROWS}"), 4, &[(NotANumber, 1)]),
        (format!("{rows}id,lon,lat\n{ROWS}"), 8, &[(NotANumber, 1)]),
        (format!("{rows}\u{feff}id,lon,lat\n{ROWS}"), 8, &[(NotANumber, 1)]),
        // What DOS leaves at the end.
        (format!("{rows}\u{1a}"), 4, &[]),
        (format!("{rows}\u{1a}\u{1a}\u{1a}"), 4, &[]),
        (format!("{rows}\u{1a}end"), 4, &[(Malformed, 1)]),
        // Comments, where the lines before the header are some.
        (format!("# a\n{rows}# b \"c\n{ROWS}"), 8, &[]),
        (format!("{rows}# b\n{ROWS}"), 8, &[(Malformed, 1)]),
        // Quotes.
        (format!("{named}5,1.25,2.5,\"b\n6,1.25,2.5,c\n"), 4, &[(Malformed, 1)]),
        (format!("{named}5,,2.5,\"a \"\"b\"\"\n c\"\n"), 4, &[(Missing, 1)]),
    ];
    for (text, used, left_out) in cases {
        for text in [text.clone(), text.replace('\n', "\r\n"), text.replace('\n', "\r"), text.replace('\n', "\r\r\n")] {
            let file = report(&text, |_| ()).unwrap();
            let mut expected = LeftOut::default();
            left_out.iter().for_each(|(reason, rows)| expected[*reason] += rows);
            assert_eq!((file.used, file.left_out), (used, expected), "{text:?}");
        }
    }
}

#[test]
fn a_header_that_names_other_columns_ends_the_reading() {
    let weak = ["id,Breite,Laenge", "szerokosc,dlugosc", "id,Breite,L\u{e4}nge", "Breite,L\u{e4}nge"];
    for other in
        ["id,lat,lon", "lat,lon", "lon,lat", "name,id,longitude,latitude", "\"id\",\"lat\",\"lon\""].iter().chain(&weak)
    {
        let problem = report(&format!("id,lon,lat\n{ROWS}{other}\n{ROWS}"), |_| ()).unwrap_err().to_string();
        assert!(problem.contains(", row 5: ") && problem.contains("split"), "{problem}");
    }
    // Glued to a row whose line end is missing.
    let rows = "9.5,50.5\n9.25,50.25\n";
    for glued in ["lat,lon", "\u{feff}lat,lon", "\"lat\",\"lon\"", "id,lat,lon", "x\u{feff}lat,lon", " lat,lon"] {
        let problem = report(&format!("lon,lat\n{rows}9.6,50.6{glued}\n50.7,9.7\n"), |_| ()).unwrap_err().to_string();
        assert!(problem.contains(", row 3: ") && problem.contains("split"), "{problem}");
    }
    let problem = report("id,lon,lat,a\n1,2,3,b\n1,2,3,bid,lat,lon,a\n1,3,2,b\n", |_| ()).unwrap_err();
    assert!(problem.to_string().contains(", row 2: "), "{problem}");
    let text = "lon,lat,a\n2,3,b\n2,3,blat,lon,a\n3,2,b\n";
    let problem = report(text, |_| ()).unwrap_err().to_string();
    assert!(problem.contains(", row 2: "), "{problem}");
    for same in ["lon,lat", "\u{feff}lon,lat"] {
        let file = report(&format!("lon,lat\n{rows}9.6,50.6{same}\n9.7,50.7\n"), |_| ()).unwrap();
        assert_eq!((file.used, file.left_out[crate::rows::Reason::Malformed]), (3, 1));
    }
    let file = report("id,lon,lat,a\n1,2,3,b\n1,2,3,bid,lon,lat,a\n1,2,3,b\n", |_| ()).unwrap();
    assert_eq!((file.used, file.left_out.total()), (2, 1));
    // In a comment, as the one at the start.
    let comments = |other: &str| report(&format!("#lon,lat\n{rows}#{other}\n50.5,9.5\n"), |_| ());
    assert_eq!(comments("lon,lat").unwrap().used, 3);
    assert_eq!(comments(" made by hand").unwrap().used, 3);
    let problem = comments(" lat,lon").unwrap_err().to_string();
    assert!(problem.contains(", row 3: ") && problem.contains("split"), "{problem}");
    // Without a header the places say what a header has to name where.
    let places = |o: &mut ReadOptions| (o.x, o.y) = (Some("#2".parse().unwrap()), Some("#3".parse().unwrap()));
    assert_eq!(report(&format!("{ROWS}id,lon,lat\n{ROWS}"), places).unwrap().used, 8);
    let problem = report(&format!("{ROWS}id,lat,lon\n{ROWS}"), places).unwrap_err().to_string();
    assert!(problem.contains(", row 5: "), "{problem}");
}

#[test]
fn a_quote_that_takes_in_rows_is_told_with_its_row() {
    let text =
        |field: &str| format!("id,lon,lat,a\n1,1.25,2.5,b\n2,1.25,2.5,{field}\n3,1.25,2.5,c\n4,1.25,2.5,\"d\"\n");
    let (row, what) = report(&text("\"b"), |_| ()).unwrap().swallowed.unwrap();
    assert!(row == 2 && what.contains("closed within a field, 2 lines"), "{row} {what}");
    let (row, what) = report(&text("\"b").replace("\"d\"", "d"), |_| ()).unwrap().swallowed.unwrap();
    assert!(row == 2 && what.contains("never closed, 2 lines"), "{row} {what}");
    let literal = report(&text("\"b"), |o| o.quoting = Quoting::None).unwrap();
    assert_eq!((literal.used, literal.swallowed), (4, None));
    assert_eq!(report(&text("\"b\nc\""), |_| ()).unwrap().swallowed, None);
}

#[test]
fn a_last_row_that_looks_cut_off_is_told() {
    let many = "1,1.234567,2.234567\n".repeat(30);
    for (last, cut) in [
        ("1,1.234567,2.2", true),
        ("1,1.234567,2", true),
        ("1,1.23", true),
        ("1", true),
        ("1,1.234567,2.234567", false),
        ("1,1.234567,2.2\n", false),
        ("1,1.23\n", false),
        ("\"1,1.234567,2.2", false),
        ("1,1.2,2.234567", false),
        ("\u{1a}", false),
    ] {
        let file = report(&format!("id,lon,lat\n{many}{last}"), |_| ()).unwrap();
        assert_eq!(file.cut.is_some(), cut, "{last:?}");
    }
    // A place alone is no name of a column.
    let file = report(&format!("wkt\n{}POINT(9.5 5", "POINT(9.5 50.5)\n".repeat(3)), |_| ()).unwrap();
    assert!(file.cut.is_some() && file.used == 3);
    // Where others have as few it says nothing.
    let few = "1,1.2,2.2\n";
    assert_eq!(report(&format!("id,lon,lat\n{many}{few}1,1.2,2.2"), |_| ()).unwrap().cut, None);
}

#[test]
fn a_place_that_is_not_finished_is_told() {
    let many = "1,POINT(1.25 2.5)\n".repeat(30);
    for (last, cut) in [
        ("2,POINT(9.5 5", true),
        ("2,POINT(9.5", true),
        ("2", true),
        ("2,POINT(9.5 5)", false),
        ("2,POINT(9.5 5\n", false),
        ("2,\"POINT(9.5 5", false),
        ("2,none", false),
    ] {
        let file = report(&format!("id,wkt\n{many}{last}"), |_| ()).unwrap();
        assert_eq!((file.cut.is_some(), file.swallowed.is_some()), (cut, last.contains('"')), "{last:?}");
    }
}

#[test]
fn rows_that_are_shorter_than_the_header_are_told() {
    let text = |short: &str| format!("id,name,lon,lat,alt\n1,a,9.5,50.5,10\n{short}\n3,b,9.75,50.75,30\n");
    let shorter = |text: &str| report(text, |_| ()).unwrap().shorter;
    assert_eq!(shorter(&text("2,9.6,50.6,20")), (1, Some((2, "2,9.6,50.6,20".into()))));
    assert_eq!(shorter(&text("2,a,9.6,50.6")), (1, Some((2, "2,a,9.6,50.6".into()))));
    assert_eq!(shorter(&text("2,a,9.6,50.6\n4,9.6,50.6,20")).0, 2);
    for right in ["2,a,9.6,50.6,", "2,a,9.6,50.6,20", "2,a,9.6", "2,a,x,y"] {
        assert_eq!(shorter(&text(right)), (0, None), "{right}");
    }
    // Blank names at the end of a header are no fields; without a header there is nothing to compare with.
    assert_eq!(shorter("lon,lat,,\n9.5,50.5\n9.6,50.6\n").0, 0);
    let places = |o: &mut ReadOptions| (o.x, o.y) = (Some("#1".parse().unwrap()), Some("#2".parse().unwrap()));
    assert_eq!(report("1.5,2.5,a\n1.5,2.5\n1.5,2.5,a\n", places).unwrap().shorter.0, 0);
    // Text behind a quote that closed moves the fields.
    let file = report(&text("\"foo,bar \"b\" z,9.6,50.6,20"), |_| ()).unwrap();
    assert_eq!((file.used, file.left_out[crate::rows::Reason::Malformed]), (2, 1));
    assert_eq!(report(&text("2,\"foo,bar \"b\" z,9.6,50.6,20,"), |_| ()).unwrap().used, 2);
    assert_eq!(report(&text("2,\"foo\" bar,9.6,50.6,20"), |_| ()).unwrap().used, 3);
    // Where every row has a name of its own, one without it is shifted.
    let many: String = (1..=3000).map(|i| format!("{i},9.5,50.5,a\n")).collect();
    let file = report(&format!("lon,lat,name\n{many}9.6,50.6,b\n"), |_| ()).unwrap();
    assert_eq!((file.used, file.left_out[crate::rows::Reason::Malformed], file.shorter.0), (3000, 1, 0));
}

#[test]
fn rows_without_a_system_are_in_that_of_the_input() {
    let (bare, named) = ("1,POINT(1 2)\n", "2,SRID=3857;POINT(1 2)\n");
    let ends = |rows: String, edit: fn(&mut ReadOptions)| {
        report(&format!("id,wkt\n{rows}"), edit).err().map_or(String::new(), |problem| problem.to_string())
    };
    let system = |o: &mut ReadOptions| o.crs = Some("EPSG:3857".parse().unwrap());
    let other = |o: &mut ReadOptions| o.crs = Some("EPSG:4326".parse().unwrap());
    for many in [1, 150, 1500] {
        for (rows, at) in [(bare.repeat(many) + named, many + 1), (named.repeat(many) + bare, many + 1)] {
            // In the sample the first row of the other kind is named, which may be the first of all.
            let line = ends(rows.clone(), |_| ());
            assert!(line.contains("SRID=3857") && line.contains("row ") && line.contains("split"), "{at}: {line}");
            if many > 1000 {
                assert!(line.contains(&format!("row {at}: ")), "{line}");
            }
            assert_eq!(ends(rows.clone(), system), "");
            assert!(ends(rows, other).contains("SRID=3857"));
        }
    }
    assert_eq!(ends(bare.repeat(3) + "2,SRID=4326;POINT(1 2)\n" + bare, |_| ()), "");
    assert_eq!(ends(named.repeat(300), |_| ()), "");
}

/// The report on a file of `text` whose weights are in a column.
fn weighed(text: &str, column: &str, edit: impl FnOnce(&mut ReadOptions)) -> Result<crate::source::ReadReport> {
    let weight = Weight { column: column.parse().unwrap(), step: crate::counts::Step::default() };
    let mut options = ReadOptions { weight: Some(weight), ..ReadOptions::default() };
    edit(&mut options);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let mut sinks = [Kept::default(), Kept::default()];
    let report = crate::source::read(&[Input::File(file.path().into())], &options, &Monitor::default(), &mut sinks)?;
    let places = sinks.iter().flat_map(|sink| &sink.0);
    assert!(places.clone().all(|(_, weight, _)| weight.is_some()) && places.count() as u64 == report.used());
    Ok(report)
}

#[test]
fn a_row_without_a_weight_has_its_reason_and_shows_its_cell() {
    use crate::rows::Reason::{BadWeight, Dropped, InfiniteWeight, NoWeight, NotANumber};
    let rows = "1,1.25,2.5,3\n2,1.25,2.5,0.12345678\n3,1.25,2.5,NA\n4,x,2.5,y\n5,1.25,2.5,5 kg\n6,1.25,2.5,inf\n\
                7,0,0,7\n8,1.25,2.5,\"-2\"\n9,1.25,2.5\n";
    let report = weighed(&format!("id,lon,lat,kg\n{rows}"), "KG", |o| o.drop = vec![(0.0, 0.0)]).unwrap();
    let file = &report.files[0];
    let left_out = [(NoWeight, 2), (BadWeight, 1), (InfiniteWeight, 1), (NotANumber, 1), (Dropped, 1)];
    assert_eq!((file.left_out, file.used), (LeftOut::from(left_out), 3));
    assert_eq!((file.first_invalid_row, file.left_out.invalid()), (Some(4), 1));
    let example = |reason| file.examples.iter().find(|e| e.0 == reason).map(|e| (e.1, e.2.as_str()));
    assert_eq!([NoWeight, BadWeight].map(example), [Some((3, "NA")), Some((5, "5 kg"))]);
    assert_eq!([InfiniteWeight, NotANumber].map(example), [Some((6, "inf")), Some((4, "x, 2.5"))]);
    let weights = file.weights.as_ref().unwrap();
    assert_eq!((weights.rows, weights.heaviest, file.shorter.0), (3, 3_000_000, 0));
    assert_eq!(weights.rounded, (1, Some((2, "0.12345678".into()))));
    let notice = report.notices.iter().find(|notice| notice.code == "rounded_weights").unwrap();
    assert_eq!(notice.flag.as_deref(), Some("--weight-step 0.00000001"));
    let all = report.weights.as_ref().unwrap();
    assert_eq!((all.rows, all.rounded.0), (3, 1));
    assert!(file.notice.contains(", weight from column 'KG'"), "{}", file.notice);
    let json = serde_json::to_value(file).unwrap();
    assert_eq!((json["weight_column"].as_str(), json["rounded_weights"].as_u64()), (Some("KG"), Some(1)));
    // Blanks are no mistake, whatever they are blank of.
    let limits = |strict| RejectLimits { strict: true, missing: strict, most: None };
    let blank = weighed("lon,lat,kg\n1,2,3\n1,2,\n", "#3", |_| ()).unwrap();
    assert!(limits(false).check(&blank.files[0]).is_ok() && limits(true).check(&blank.files[0]).is_err());
    assert!(limits(false).check(file).is_err());
    // Nothing is said of the coordinates where none has a weight.
    let none = weighed("lon,lat,kg\n1,2,x\n3,4,y\n", "kg", |_| ()).unwrap();
    let line = crate::source::no_usable_rows(&none).to_string();
    assert!(line.contains("2 weight is not a number; row 1 holds x") && line.contains("weights from 'kg'"), "{line}");
    assert_eq!(none.files[0].first_invalid_row, None);
}

#[test]
fn a_weight_that_cannot_be_read_in_steps_or_found_ends_the_run() {
    let problem = |text: &str, column: &str| weighed(text, column, |_| ()).unwrap_err().to_string();
    let line = problem("lon,lat,kg\n1,2,3\n1,2,1e300\n", "kg");
    let right = ", row 2: a weight of 1e300 is more than 9,223,372,036,854,775,807 steps of 0.000001; take a larger";
    assert!(line.contains(right), "{line}");
    // Of a row that is left out or not wanted nobody asks what it weighs.
    assert_eq!(weighed("lon,lat,kg\n1,2,3\n,2,1e300\n", "kg", |_| ()).unwrap().used(), 1);
    let wanted = |o: &mut ReadOptions| o.conditions = vec!["lon < 5".parse().unwrap()];
    let report = weighed("lon,lat,kg\n1,2,3\n5,2,1e300\n6,2,x\n7,2,\n", "kg", wanted).unwrap();
    assert_eq!((report.used(), report.left_out.total(), report.not_selected.total()), (1, 0, 3));
    let text = "lon,lat,weight\n1,2,3\n";
    let line = problem(text, "wieght");
    assert!(line.contains("no column 'wieght' (--weight) (did you mean 'weight'?)"), "{line}");
    let line = problem(text, "#4");
    assert!(line.contains("no column #4 (--weight)"), "{line}");
}
