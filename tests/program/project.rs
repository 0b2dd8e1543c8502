//! Reference systems through the public interface: the closed forms against PROJ, and what PROJ refuses.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use tilefire::error::Error;
use tilefire::project::Projector;

#[cfg(feature = "proj")]
#[allow(clippy::unwrap_used, reason = "test code")]
#[test]
fn a_projector_may_move_between_threads() {
    fn needs<T: Send>() {}
    needs::<Projector>();
}

#[cfg(feature = "proj")]
mod with_proj {
    use std::collections::BTreeMap;
    use std::process::Command;

    use tilefire::project::{Coordinate, Crs};
    use tilefire::rows::{LeftOut, Reason};
    use tilefire::tile::WorldPoint;

    use super::*;
    use crate::common::{Playground, Ran, tree};

    fn project(crs: &str, batch: &[(f64, f64)]) -> (Vec<WorldPoint>, LeftOut) {
        let batch: Vec<_> = batch.iter().map(|&(x, y)| Coordinate { x, y }).collect();
        let mut projector = Projector::new(&crs.parse().unwrap()).unwrap();
        let (mut out, mut left) = (Vec::new(), LeftOut::default());
        projector.project(&batch, &mut out, &mut left).unwrap();
        (out, left)
    }

    #[test]
    fn the_closed_form_agrees_with_proj() {
        let places = [(-0.1276, 51.5072), (179.9, -84.0), (-179.9, 84.9), (0.0, 0.0), (13.4, 52.5)];
        let (ours, _) = project("EPSG:4326", &places);
        let (theirs, _) = project("+proj=longlat +datum=WGS84 +no_defs", &places);
        for (a, b) in ours.iter().zip(&theirs) {
            assert!(a.x.abs_diff(b.x) <= 1 && a.y.abs_diff(b.y) <= 1, "{a:?} {b:?}");
        }
    }

    #[test]
    fn the_national_grid_lands_in_place() {
        // Easting and northing of Big Ben, longitude and latitude within 10 m (0.0001 degrees).
        let (grid, _) = project("EPSG:27700", &[(530_268.0, 179_640.0)]);
        let (degrees, _) = project("EPSG:4326", &[(-0.124_6, 51.500_7)]);
        assert!(grid[0].x.abs_diff(degrees[0].x) < 3000 && grid[0].y.abs_diff(degrees[0].y) < 3000);
    }

    #[test]
    fn one_bad_point_does_not_take_others_with_it() {
        let (out, left) =
            project("EPSG:27700", &[(530_268.0, 179_640.0), (1e300, 0.0), (f64::NAN, 5.0), (400_000.0, 1e5)]);
        assert_eq!((out.len(), left[Reason::OutOfRange]), (2, 2));
    }

    #[test]
    fn systems_are_told_apart_by_kind() {
        let projected = |text: &str| text.parse::<Crs>().unwrap().is_projected().unwrap();
        assert!(projected("EPSG:27700") && projected("3857") && projected("+proj=utm +zone=33 +datum=WGS84"));
        assert!(!projected("EPSG:4258") && !projected("EPSG:4326") && !projected("+proj=longlat +ellps=GRS80"));
        assert!(projected("EPSG:7405"));
    }

    /// The tiles of a few points on the national grid, made with `edit` on the command.
    fn tiles(playground: &Playground, out: &str, edit: impl FnOnce(&mut Command)) -> BTreeMap<String, Vec<u8>> {
        let points = "x,y\n530268,179640\n400000,100000\n325900,673900\n180100,68000\n";
        playground.file("points.csv", points);
        let mut command = playground.command();
        let crs = ["--crs", "EPSG:27700", "--backend", "cpu", "-z", "0..14", "-o", out];
        command.args(["render", "points.csv", "--no-page"]).args(crs);
        edit(&mut command);
        Ran::from(command.output().unwrap()).ok();
        let mut tiles = tree(&playground.path(out));
        // The name of a set is in its metadata.
        tiles.remove("metadata.json");
        tiles
    }

    #[test]
    fn another_installation_of_proj_changes_nothing() {
        let playground = Playground::new();
        let expected = tiles(&playground, "plain", |_| ());
        assert!(expected.len() > 4);
        let other = playground.path("other");
        std::fs::create_dir(&other).unwrap();
        for (name, text) in [("proj.db", "not a database"), ("proj.ini", "[general]\nnetwork = on\n")] {
            std::fs::write(other.join(name), text).unwrap();
        }
        let data: &dyn Fn(&mut Command) = &|command| _ = command.env("PROJ_DATA", &other);
        let lib: &dyn Fn(&mut Command) = &|command| _ = command.env("PROJ_LIB", &other);
        let network: &dyn Fn(&mut Command) = &|command| _ = command.env("PROJ_NETWORK", "ON");
        let here: &dyn Fn(&mut Command) = &|command| _ = command.env("XDG_DATA_HOME", playground.path("share"));
        std::fs::create_dir(playground.path("share")).unwrap();
        std::os::unix::fs::symlink(&other, playground.path("share/proj")).unwrap();
        let aux: &dyn Fn(&mut Command) = &|command| _ = command.env("PROJ_AUX_DB", other.join("proj.db"));
        let best: &dyn Fn(&mut Command) = &|command| _ = command.env("PROJ_ONLY_BEST_DEFAULT", "YES");
        let all = [("data", data), ("lib", lib), ("network", network), ("user", here), ("aux", aux), ("best", best)];
        for (name, edit) in all {
            assert!(tiles(&playground, name, edit) == expected, "{name}");
        }
        // One that lies where the program was started.
        playground.file("proj.db", "not a database");
        assert!(tiles(&playground, "cwd", |_| ()) == expected);
    }

    #[test]
    fn a_code_that_is_none_says_so_and_proj_prints_nothing() {
        let playground = Playground::new();
        playground.file("points.csv", "x,y\n1,2\n");
        for crs in ["EPSG:99999", "99999", "NOBODY:7"] {
            let ran = playground.run(["render", "points.csv", "--crs", crs, "-o", "out"]);
            let line = ran.error(2);
            assert!(line.contains("no such code") && !line.contains("4096"), "{line}");
        }
        let moon = "+proj=longlat +a=1737400 +b=1737400";
        for crs in ["nonsense", "+proj=nonsense", "GEOGCS[\"broken\"", "+init=epsg:27700", "init = epsg:27700", moon] {
            for (name, value) in
                [("OTHER", "1"), ("PROJ_DEBUG", "nonsense"), ("PROJ_DEBUG", "3"), ("PROJ_LOG_SQLITE3", "YES")]
            {
                let mut command = playground.command();
                command.args(["render", "points.csv", "-o", "out", "--crs", crs]).env(name, value);
                command.env("PROJ_USE_PROJ4_INIT_RULES", "YES").env("PROJ_IGNORE_CELESTIAL_BODY", "YES");
                let line = Ran::from(command.output().unwrap()).error(2);
                assert!(line.contains(crs) && !line.contains("4096"), "{line}");
            }
        }
    }

    /// What a program that uses the library, and may not forget its environment, gets of some places.
    #[test]
    fn a_librarys_caller_may_have_any_environment() {
        const CHILD: &str = "TILEFIRE_TEST_CHILD";
        const SYSTEMS: [(&str, (f64, f64)); 8] = [
            ("EPSG:27700", (530_268.0, 179_640.0)),
            ("EPSG:29903", (315_904.0, 234_671.0)),
            ("EPSG:2154", (652_000.0, 6_862_000.0)),
            ("EPSG:27572", (600_000.0, 2_428_000.0)),
            ("EPSG:31467", (3_500_000.0, 5_800_000.0)),
            ("EPSG:28992", (121_000.0, 487_000.0)),
            ("EPSG:5514", (-743_000.0, -1_043_000.0)),
            ("EPSG:3003", (1_500_000.0, 5_000_000.0)),
        ];
        if std::env::var_os(CHILD).is_some() {
            for (crs, place) in SYSTEMS {
                println!("found {crs} {:?}", project(crs, &[place]).0);
            }
            let moon = Projector::new(&"+proj=longlat +a=1737400 +b=1737400".parse().unwrap());
            println!("found {}", moon.unwrap_err());
            return;
        }
        let found = |environment: &[(&str, &str)]| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "project::with_proj::a_librarys_caller_may_have_any_environment", "--nocapture"]);
            command.env(CHILD, "1").envs(environment.iter().copied());
            let ran = Ran::from(command.output().unwrap()).ok();
            let found: Vec<String> = ran.stdout.lines().filter(|l| l.contains("found ")).map(str::to_owned).collect();
            assert_eq!(found.len(), SYSTEMS.len() + 1, "{}", ran.stdout);
            found
        };
        let playground = Playground::new();
        let other = playground.file("other.db", "not a database").to_string_lossy().into_owned();
        let expected = found(&[]);
        for environment in [
            ("PROJ_AUX_DB", other.as_str()),
            ("PROJ_ONLY_BEST_DEFAULT", "YES"),
            ("PROJ_IGNORE_CELESTIAL_BODY", "YES"),
            ("PROJ_USE_PROJ4_INIT_RULES", "YES"),
            ("PROJ_DEBUG_SORT_FUNCT", "YES"),
            ("PROJ_LOG_SQLITE3", "YES"),
            ("PROJ_DATA", "/nowhere"),
        ] {
            assert_eq!(found(&[environment]), expected, "{environment:?}");
        }
    }

    #[test]
    fn many_threads_make_operations_and_drop_them_at_once() {
        let threads: Vec<_> = (0..8)
            .map(|i| {
                std::thread::spawn(move || {
                    let crs = if i % 2 == 0 { "EPSG:27700" } else { "EPSG:2154" };
                    (0..3).map(|_| project(crs, &[(530_268.0, 179_640.0)]).0).collect::<Vec<_>>()
                })
            })
            .collect();
        let all: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(all.iter().zip(&all[2..]).all(|(a, b)| a == b) && all[0] != all[1]);
    }

    #[test]
    fn an_unknown_system_is_one_clear_line() {
        for text in ["EPSG:99999", "nonsense", "+proj=nonsense", "", "+proj=pipeline +step +proj=utm +zone=3"] {
            let error = Projector::new(&text.parse().unwrap()).unwrap_err();
            assert!(matches!(error, Error::Crs(_)), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(&format!("'{text}'")) && !message.contains('\n'), "{message}");
        }
    }
}

#[cfg(not(feature = "proj"))]
#[test]
fn without_proj_the_message_says_how_to_build_with_it() {
    let error = Projector::new(&"EPSG:27700".parse().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Crs(_)) && error.to_string().contains("--features proj"), "{error}");
}
