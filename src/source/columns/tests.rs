//! Headers and rows as people have them, and which columns are taken.

use super::super::Header;
use super::*;

fn find_in(first: &[&str], edit: impl FnOnce(&mut ReadOptions)) -> Result<(usize, usize, bool), String> {
    let mut options = ReadOptions::default();
    edit(&mut options);
    let projected = options.crs.is_some();
    find(&csv::ByteRecord::from(first.to_vec()), &options, projected).map(|c| (c.x, c.y, c.header))
}

fn column(text: &str) -> Option<ColumnRef> {
    Some(text.parse().unwrap())
}

#[test]
fn names_are_whole_and_without_case_space_or_mark() {
    assert_eq!(find_in(&["\u{feff}LAT", " Lng "], |_| ()), Ok((1, 0, true)));
    assert_eq!(find_in(&["id", "Longitude", "Latitude"], |_| ()), Ok((1, 2, true)));
    assert!(find_in(&["flat", "colony", "latest", "longest"], |_| ()).is_err());
}

#[test]
fn the_ranking_decides_and_keeps_pairs_together() {
    assert_eq!(find_in(&["longitude", "latitude", "lon", "lat"], |_| ()), Ok((2, 3, true)));
    assert_eq!(find_in(&["x", "y", "lon", "latitude"], |_| ()), Ok((2, 3, true)));
    assert_eq!(find_in(&["x", "y", "lon"], |_| ()), Ok((0, 1, true)));
    assert!(find_in(&["lon", "y"], |_| ()).is_err());
    assert_eq!(
        find_in(&["x", "y", "northing", "easting", "lon", "lat"], |o| o.crs = Some(Crs::WebMercator)),
        Ok((3, 2, true))
    );
    assert!(find_in(&["lon", "lat"], |o| o.crs = Some(Crs::WebMercator)).unwrap_err().contains("--x and --y"));
}

#[test]
fn a_tie_lists_the_columns_and_the_flag() {
    let problem = find_in(&["lon", "LON", "lat"], |_| ()).unwrap_err();
    assert!(problem.contains("--lon '#1'") && problem.contains("lon, LON, lat"), "{problem}");
    assert_eq!(find_in(&["lon", "LON", "lat"], |o| (o.x, o.y) = (column("LON"), column("lat"))), Ok((1, 2, true)));
    let problem = find_in(&["a", "b"], |_| ()).unwrap_err();
    assert!(problem.contains("a, b") && problem.contains("--lon and --lat"), "{problem}");
}

#[test]
fn another_separator_is_named() {
    for (header, name) in [("id;lon;lat", "semicolons"), ("lon;lat", "semicolons"), ("id\tlon\tlat", "tabs")] {
        let problem = find_in(&[header], |_| ()).unwrap_err();
        assert!(problem.contains(name) && problem.contains(header.split(['\t', ';']).next().unwrap()), "{problem}");
        let problem = find_in(&[header], |o| (o.x, o.y) = (column("#2"), column("#3"))).unwrap_err();
        assert!(problem.contains(name), "{problem}");
    }
    assert!(!find_in(&["a;b", "c"], |_| ()).unwrap_err().contains("semicolons"));
}

#[test]
fn given_columns_are_names_or_places() {
    assert_eq!(find_in(&["a", "b", "c"], |o| (o.x, o.y) = (column("C"), column("#1"))), Ok((2, 0, true)));
    assert_eq!(find_in(&["lon", "lat", "lon1"], |o| o.x = column("lon1")), Ok((2, 1, true)));
    assert!(find_in(&["a", "b"], |o| (o.x, o.y) = (column("#1"), column("#3"))).unwrap_err().contains("#3"));
    assert!("#0".parse::<ColumnRef>().is_err() && "".parse::<ColumnRef>().is_err());
    assert_eq!("#tag".parse(), Ok(ColumnRef::Name("#tag".into())));
}

#[test]
fn a_header_is_told_from_data() {
    let places = |o: &mut ReadOptions| (o.x, o.y) = (column("#2"), column("#1"));
    assert_eq!(find_in(&["1.5", "2.5"], places), Ok((1, 0, false)));
    assert_eq!(find_in(&["lat", "lon"], places), Ok((1, 0, true)));
    assert_eq!(find_in(&["", "2.5"], places), Ok((1, 0, false)));
    assert_eq!(find_in(&["", ""], places), Ok((1, 0, false)));
    assert_eq!(find_in(&["1.5", "2.5"], |o| (places(o), o.header = Header::Yes).0), Ok((1, 0, true)));
    let problem = find_in(&["1.5", "2.5"], |_| ()).unwrap_err();
    assert!(problem.contains("--lon '#1'"), "{problem}");
    assert!(find_in(&["lon", "lat"], |o| o.header = Header::No).unwrap_err().contains("--lon '#1'"));
}

/// Chooses from a text with commas.
fn choose_in(text: &str, edit: impl FnOnce(&mut ReadOptions)) -> Result<Chosen, String> {
    let mut options = ReadOptions::default();
    edit(&mut options);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut all: Vec<Vec<Vec<u8>>> =
        reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect();
    let first = all.remove(0);
    all.truncate(1000);
    let projected = options.system().is_projected().unwrap();
    choose(&Table { first: &first, rows: &all, decimal: Decimal::Point }, &options, projected)
}

#[test]
fn dev_cases() {
    let mut files: Vec<_> = std::fs::read_dir("/work/shared/cases")
        .unwrap()
        .chain(std::fs::read_dir("/work/shared/data").unwrap())
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !file.is_file() || !(name.ends_with(".csv") || name.ends_with(".dat")) {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        let text: String = bytes.iter().map(|&b| char::from(b)).collect();
        let text = if name.starts_with("31_") || name.starts_with("07") || name.starts_with("23") {
            String::from_utf8(bytes.clone()).unwrap()
        } else {
            text
        };
        let now = std::time::Instant::now();
        match choose_in(&text, |_| ()) {
            Ok(c) => println!(
                "{name}: OK {:?} {:?} shift {} crs {:?} header {}  [{:?}]\n      {}",
                c.names,
                c.take,
                c.shift,
                c.crs,
                c.header,
                now.elapsed(),
                c.notices.iter().map(|n| n.to_string()).collect::<Vec<_>>().join("\n      ")
            ),
            Err(e) => println!("{name}: ERR {e}  [{:?}]", now.elapsed()),
        }
    }
}
