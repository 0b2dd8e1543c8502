//! What is doubtful about an input as a whole: told from a certain share on with an example and the flag that helps, and
//! refused where all of it must be wrong.

use std::io::Write;

use tilefire::error::Result;
use tilefire::monitor::Monitor;
use tilefire::project::Projector;
use tilefire::rows::LeftOut;
use tilefire::source::{self, Batch, BatchSink, Input, ReadOptions, ReadReport};

/// Takes what is a place on the map.
struct Map(Projector);

impl BatchSink for Map {
    fn take(&mut self, batch: &Batch) -> Result<LeftOut> {
        let mut left_out = LeftOut::default();
        self.0.project(&batch.coordinates, &mut Vec::new(), &mut left_out)?;
        Ok(left_out)
    }

    fn judge(&mut self, _: usize, coordinate: tilefire::Coordinate) -> Option<tilefire::rows::Reason> {
        self.0.judge(coordinate)
    }
}

fn read(rows: &[String], edit: impl FnOnce(&mut ReadOptions)) -> Result<ReadReport> {
    let mut options = ReadOptions::default();
    edit(&mut options);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "lon,lat").unwrap();
    rows.iter().for_each(|row| writeln!(file, "{row}").unwrap());
    let crs = options.system().clone();
    let mut sinks = [Map(Projector::new(&crs).unwrap()), Map(Projector::new(&crs).unwrap())];
    source::read(&[Input::File(file.path().into())], &options, &Monitor::default(), &mut sinks)
}

/// So many different places in a country, then so many times one row.
fn with(places: usize, odd: &str, times: usize) -> Vec<String> {
    let place = |i: usize| format!("{:.5},{:.5}", 5.0 + 0.001 * (i % 977) as f64, 50.0 + 0.001 * (i % 1009) as f64);
    (0..places).map(place).chain(std::iter::repeat_n(odd.to_owned(), times)).collect()
}

fn codes(report: &ReadReport) -> Vec<&str> {
    report.notices.iter().map(|notice| notice.code).collect()
}

#[test]
fn a_share_is_told_from_its_threshold_on() {
    // Places, the odd row and how often it makes a notice, once less makes none; its code, flag and example.
    let cases = [
        (99, "0,0", 1, "zero", "--drop-zero", "0, 0"),
        (80, "-1,-1", 20, "one_place", "--drop -1,-1", "-1, -1"),
        (90, "200.5,51", 10, "wrap", "--wrap-lon", "200.5, 51"),
        (50, "x,51", 50, "lost", "", "x, 51"),
    ];
    for (places, odd, times, code, flag, value) in cases {
        let report = read(&with(places, odd, times), |_| ()).unwrap();
        assert_eq!(codes(&report), [code], "{:?}", report.notices);
        let notice = &report.notices[0];
        assert_eq!(notice.rows, Some(times as u64));
        assert_eq!(notice.flag.as_deref().unwrap_or_default(), flag);
        let example = notice.example.as_ref().unwrap();
        assert_eq!((example.row, example.value.as_str()), (places as u64 + 1, value));
        assert!(notice.text.contains(flag) && notice.text.contains(value), "{notice}");
        let fewer = read(&with(places + 1, odd, times - 1), |_| ()).unwrap();
        assert_eq!(codes(&fewer), [""; 0], "{code}");
    }
}

#[test]
fn few_rows_are_not_doubted() {
    for odd in ["0,0", "200,51", "x,51"] {
        assert_eq!(codes(&read(&with(4, odd, 5), |_| ()).unwrap()), [""; 0], "{odd}");
    }
}

#[test]
fn an_input_that_must_be_wrong_is_refused_until_one_insists() {
    let small = |rows: usize| -> Vec<_> { (0..rows).map(|i| format!("0.{i:04},1.{i:04}")).collect() };
    let swapped: Vec<_> = (0..100).map(|i| format!("47.{i:02},{}.5", if i < 10 { -120 } else { -80 })).collect();
    let cases = [
        (with(10, "x,51", 90), "90 % of 100 rows (row 11: x, 51)", "lost"),
        (small(1001), "within pi", "within_pi"),
        (swapped, "--lon 'lat' --lat 'lon'", "swapped"),
    ];
    for (rows, words, code) in cases {
        let line = read(&rows, |_| ()).unwrap_err().to_string();
        assert!(line.contains(words) && line.contains("--accept-doubt") && !line.contains('\n'), "{line}");
        let report = read(&rows, |o| o.accept_doubt = true).unwrap();
        assert!(codes(&report).contains(&code), "{:?}", report.notices);
    }
    assert_eq!(codes(&read(&with(11, "x,51", 89), |_| ()).unwrap()), ["lost"]);
    assert_eq!(codes(&read(&small(1000), |_| ()).unwrap()), ["within_pi"]);
}

#[test]
fn a_flag_ends_its_notice() {
    let report = read(&with(50, "0,0", 50), |o| o.drop.push((0.0, 0.0))).unwrap();
    assert_eq!((codes(&report), report.used(), report.rows), (vec![], 50, 100));
    let report = read(&with(50, "200,51", 49), |o| o.wrap_longitude = true).unwrap();
    assert!(!codes(&report).contains(&"wrap") && report.used() == 99, "{:?}", report.notices);
}

#[test]
fn one_far_row_is_told_wherever_it_stands() {
    for at in [0, 1, 5000, 8192, 8193, 30_000, 39_999] {
        let mut rows = with(40_000, "", 0);
        rows[at] = "-70.5,-33.25".into();
        let report = read(&rows, |_| ()).unwrap();
        assert_eq!(codes(&report), ["far"], "{at}: {:?}", report.notices);
        assert_eq!(report.notices[0].example.as_ref().unwrap().row, at as u64 + 1);
    }
    let report = read(&with(2000, "-70.5,-33.25", 3), |_| ()).unwrap();
    let notice = &report.notices[0];
    assert_eq!((notice.code, notice.rows), ("far", Some(3)), "{notice:?}");
    assert!((notice.share.unwrap() - 3.0 / 2003.0).abs() < 1e-12 && notice.text.contains("3 rows lie far"), "{notice}");
    // One of so few is a place like the others.
    for (places, told) in [(19, false), (98, false), (99, true)] {
        let report = read(&with(places, "151.2,-33.9", 1), |_| ()).unwrap();
        assert_eq!(codes(&report).contains(&"far"), told, "{places}: {:?}", report.notices);
    }
    // Many such rows are a part of the map.
    assert_eq!(codes(&read(&with(2000, "-70.5,-33.25", 100), |_| ()).unwrap()), [""; 0]);
}

/// Coordinates of a system that `edit` names, given as `x,y`.
fn read_in(crs: &str, rows: &[String], edit: impl FnOnce(&mut ReadOptions)) -> Result<ReadReport> {
    let mut options = ReadOptions { crs: Some(crs.parse().unwrap()), ..ReadOptions::default() };
    edit(&mut options);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "x,y").unwrap();
    rows.iter().for_each(|row| writeln!(file, "{row}").unwrap());
    let sinks = || Map(Projector::new(options.system()).unwrap());
    source::read(&[Input::File(file.path().into())], &options, &Monitor::default(), &mut [sinks(), sinks()])
}

#[cfg(feature = "proj")]
#[test]
fn coordinates_off_the_area_of_their_system_are_told_or_refused() {
    let rows = |x: f64, y: f64| -> Vec<String> {
        (0..20).map(|i| format!("{},{}", x + 0.125 * f64::from(i % 5), y + 0.125 * f64::from(i % 7))).collect()
    };
    let britain = rows(530_000.0, 180_000.0);
    // Where all must be wrong: the system, the rows, words of the line.
    for (crs, rows, words) in [
        ("EPSG:27700", rows(530.0, 180.0), "--decimal comma"),
        ("EPSG:27700", rows(-0.5, 51.5), "give --crs EPSG:4326"),
        ("EPSG:3857", rows(-0.5, 51.5), "give --crs EPSG:4326"),
        ("EPSG:27700", rows(652_000.0, 6_862_000.0), "EPSG:2154"),
        ("EPSG:25832", rows(5_800_000.0, 500_000.0), "--x 'y' --y 'x'"),
        (
            "EPSG:28992",
            rows(500_000.0, 5_800_000.0),
            "(3.2 E to 7.2 E, 50.8 N to 53.7 N); the numbers would fit Europe, UTM 32N (--crs EPSG:25832)",
        ),
    ] {
        let line = read_in(crs, &rows, |_| ()).unwrap_err().to_string();
        let known = [crs, words, "all of 20 rows", "row 1: ", "--accept-doubt"].iter().all(|word| line.contains(word));
        assert!(known && !line.contains('\n'), "{crs}: {line}");
        let report = read_in(crs, &rows, |o| o.accept_doubt = true).unwrap();
        assert_eq!((codes(&report), report.used()), (vec!["area"], 20), "{crs}");
    }
    // A part is told, from a tenth on.
    let few = |number: usize| [&britain[..], &rows(652_000.0, 6_862_000.0)[..number]].concat();
    let report = read_in("EPSG:27700", &few(3), |_| ()).unwrap();
    let notice = &report.notices[0];
    assert_eq!((notice.code, notice.rows, notice.example.as_ref().unwrap().row), ("area", Some(3), 21), "{notice:?}");
    assert_eq!(notice.flag.as_deref(), Some("--crs EPSG:2154"), "{notice:?}");
    assert_eq!(codes(&read_in("EPSG:27700", &few(2), |_| ()).unwrap()), [""; 0]);
    // A little over the border, or in a system of one's own, is no doubt.
    assert_eq!(codes(&read_in("EPSG:27700", &rows(690_000.0, 100_000.0), |_| ()).unwrap()), [""; 0]);
    assert_eq!(codes(&read_in("+proj=aeqd +lat_0=52 +lon_0=5", &rows(10.0, 20.0), |_| ()).unwrap()), [""; 0]);
    // Degrees of another datum have an area, too.
    let degrees = read_in("EPSG:4267", &rows(140.0, -30.0), |_| ()).unwrap();
    assert!(codes(&degrees).contains(&"area"), "{:?}", degrees.notices);
    assert!(!codes(&read_in("EPSG:4267", &rows(-100.0, 40.0), |_| ()).unwrap()).contains(&"area"));
}

#[test]
fn a_place_of_many_rows_is_told_in_large_inputs_too() {
    let mut rows = with(100_000, "", 0);
    rows.iter_mut().step_by(3).for_each(|row| *row = "-1,-1".into());
    let report = read(&rows, |_| ()).unwrap();
    assert_eq!(codes(&report), ["one_place"], "{:?}", report.notices);
    let share = report.notices[0].share.unwrap();
    assert!((0.25..0.42).contains(&share) && report.notices[0].text.contains("estimated"), "{share}");
}
