//! What tilefire must not do to files that are not its own, and what it says where a place takes no output: with the
//! real binary, real links, devices, mounts and users. What needs more rights than there are is skipped, visibly.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Playground, Ran, tree};

const POINTS: &str = "lon,lat\n1,2\n3,4\n";

/// A playground with points.csv.
fn place() -> Playground {
    let place = Playground::new();
    place.file("points.csv", POINTS);
    place
}

/// The arguments of a small run onto `out`.
fn onto<'a>(out: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    let command = if out.ends_with(".png") { "image" } else { "render" };
    let mut arguments = vec![command, "points.csv", "-o", out, "-q", "--backend", "cpu"];
    if command == "render" {
        arguments.extend(["-z", "0..2"]);
    }
    arguments.extend(extra);
    arguments
}

/// Runs a shell script in the folder with the program as $T.
fn script(place: &Playground, text: &str) -> Ran {
    let mut command = Command::new("sh");
    command.args(["-ec", text]).current_dir(place.path("")).env("T", place.command().get_program());
    Ran::from(command.output().unwrap())
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// A working folder as a killed run leaves it.
fn working(place: &Playground, out: &str) -> std::path::PathBuf {
    let dir = place.path(&format!(".{out}.tilefire"));
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("lock"), "tilefire working folder; safe to delete while no tilefire runs\n").unwrap();
    dir
}

/// A tile set that somebody loves, elsewhere.
fn treasure(place: &Playground) -> std::path::PathBuf {
    place.run(onto("treasure", &["--no-page"])).ok();
    place.path("treasure")
}

#[test]
fn links_in_a_prepared_working_folder_lead_nowhere() {
    for part in ["new", "old", "trash"] {
        for (out, is_file) in [("tiles", false), ("tiles.pmtiles", true), ("tiles.mbtiles", true), ("map.png", true)] {
            let place = place();
            let loved = treasure(&place);
            let before = tree(&loved);
            let dir = working(&place, out);
            let target = if is_file { loved.join("metadata.json") } else { loved.clone() };
            symlink(&target, dir.join(part)).unwrap();
            // A link is not ours: it is named and nothing is done; in no case is what it points to touched.
            let ran = place.run(onto(out, &["--force"]));
            assert_eq!(ran.code, Some(1), "{part} {out} {}", ran.stderr);
            assert!(ran.stderr.contains(".tilefire/"), "{}", ran.stderr);
            assert!(tree(&loved) == before, "{part} {out}");
            assert!(!place.path(out).exists());
        }
    }
}

#[test]
fn a_link_named_lock_is_not_written_through() {
    for out in ["tiles", "tiles.pmtiles", "tiles.mbtiles", "map.png"] {
        let place = place();
        place.file("letters.txt", "");
        let dir = place.path(&format!(".{out}.tilefire"));
        fs::create_dir(&dir).unwrap();
        symlink(place.path("letters.txt"), dir.join("lock")).unwrap();
        assert!(place.run(onto(out, &[])).error(1).contains("is in the way"));
        assert_eq!(fs::read_to_string(place.path("letters.txt")).unwrap(), "");
        // Nor is the working folder itself followed.
        fs::remove_dir_all(&dir).unwrap();
        fs::create_dir(place.path("elsewhere")).unwrap();
        symlink("elsewhere", &dir).unwrap();
        assert!(place.run(onto(out, &[])).error(1).contains("is in the way"));
        assert_eq!(fs::read_dir(place.path("elsewhere")).unwrap().count(), 0);
    }
}

#[test]
fn a_working_folder_of_somebody_else_is_not_used() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: a_working_folder_of_somebody_else_is_not_used: only the superuser can give folders away");
        return;
    }
    let place = place();
    let dir = working(&place, "tiles");
    fs::write(dir.join("new"), "").unwrap();
    std::os::unix::fs::chown(&dir, Some(1234), Some(1234)).unwrap();
    assert!(place.run(onto("tiles", &[])).error(1).contains("is in the way"));
    assert!(dir.join("new").exists());
}

#[test]
fn a_working_folder_is_private_and_what_comes_out_is_not() {
    let place = place();
    for (umask, folder, file) in [("022", 0o755, 0o644), ("077", 0o700, 0o600), ("002", 0o775, 0o664)] {
        let ran = script(
            &place,
            &format!(
                "umask {umask}
                $T render points.csv -o tiles -z 0..2 -q --backend cpu --report r.json
                $T render points.csv -o t.pmtiles -z 0..2 -q --backend cpu
                $T render points.csv -o t.mbtiles -z 0..2 -q --backend cpu
                $T image points.csv -o map.png -q --backend cpu
                $T synth -n 10 -o synth.csv
                $T colormaps -o sheet.png
                mkfifo fifo
                $T render fifo -o other -z 0..2 -q --backend cpu & run=$!
                exec 3> fifo
                echo lon,lat >&3
                yes 1,2 | head -n 40000 >&3
                until test -e .other.tilefire/new; do sleep 0.01; done
                stat -c %a .other.tilefire
                exec 3>&-
                wait $run"
            ),
        )
        .ok();
        assert_eq!(ran.stdout.trim(), "700");
        for name in ["tiles", "tiles/0", "tiles/2/2", "other"] {
            assert_eq!(mode(place.path(name)), folder, "{umask} {name}");
        }
        for name in [
            "tiles/metadata.json",
            "tiles/0/0/0.png",
            "t.pmtiles",
            "t.mbtiles",
            "map.png",
            "synth.csv",
            "sheet.png",
            "r.json",
        ] {
            assert_eq!(mode(place.path(name)), file, "{umask} {name}");
        }
        script(&place, "rm -r tiles other t.pmtiles t.mbtiles map.png synth.csv sheet.png r.json fifo").ok();
    }
}

#[test]
fn force_keeps_mode_and_group() {
    let place = place();
    place.run(onto("tiles", &[])).ok();
    place.run(onto("t.pmtiles", &[])).ok();
    place.run(onto("t.mbtiles", &[])).ok();
    place.run(onto("map.png", &[])).ok();
    let group = if rustix::process::geteuid().is_root() {
        4321
    } else {
        println!("skipped: force_keeps_mode_and_group, the group: only the superuser can give files away");
        fs::metadata(place.path("tiles")).unwrap().gid()
    };
    fs::set_permissions(place.path("tiles"), Permissions::from_mode(0o2770)).unwrap();
    for (name, mode) in [("tiles", 0o2770), ("t.pmtiles", 0o640), ("t.mbtiles", 0o600), ("map.png", 0o604)] {
        std::os::unix::fs::chown(place.path(name), None, Some(group)).unwrap();
        fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
        let before = fs::metadata(place.path(name)).unwrap().ino();
        place.run(onto(name, &["--force", "--colormap", "viridis"])).ok();
        let after = fs::metadata(place.path(name)).unwrap();
        assert_ne!(after.ino(), before);
        assert_eq!((after.mode() & 0o7777, after.gid()), (mode, group), "{name}");
    }
    for (name, mode) in
        [("tiles/2", 0o2770), ("tiles/2/2", 0o2770), ("tiles/0/0/0.png", 0o660), ("tiles/index.html", 0o660)]
    {
        let about = fs::metadata(place.path(name)).unwrap();
        assert_eq!((about.mode() & 0o7777, about.gid()), (mode, group), "{name}");
    }
    // An empty folder that was made for it keeps its rights too.
    fs::create_dir(place.path("ready")).unwrap();
    fs::set_permissions(place.path("ready"), Permissions::from_mode(0o711)).unwrap();
    place.run(onto("ready", &[])).ok();
    assert_eq!(mode(place.path("ready")), 0o711);
}

#[test]
fn reports_replace_reports_only() {
    let place = place();
    let report = |name: &str, extra: &[&str]| {
        let out = format!("t{}", place.names().len());
        let arguments = onto(&out, &["--report", name]);
        place.run(arguments.iter().copied().chain(extra.iter().copied()))
    };
    report("r.json", &[]).ok();
    // A report of before is replaced by --force, anything else by nothing.
    assert!(report("r.json", &[]).error(2).contains("already exists"));
    report("r.json", &["--force"]).ok();
    place.file("thesis.json", "{\"version\": \"1.0\", \"pages\": 300}");
    place.file("empty.json", "");
    assert!(report("empty.json", &[]).error(2).contains("already exists"));
    report("empty.json", &["--force"]).ok();
    fs::hard_link(place.path("points.csv"), place.path("hard.json")).unwrap();
    symlink("points.csv", place.path("soft.json")).unwrap();
    symlink("r.json", place.path("link.json")).unwrap();
    Command::new("mkfifo").arg(place.path("fifo.json")).status().unwrap();
    let before = place.names();
    for (name, word) in [
        ("thesis.json", "no report"),
        ("hard.json", "is an input"),
        ("soft.json", "is an input"),
        ("link.json", "no plain file"),
        ("fifo.json", "no plain file"),
        ("/dev/null", "no plain file"),
        ("/dev/full", "no plain file"),
    ] {
        let ran = report(name, &["--force"]);
        assert!(matches!(ran.code, Some(1 | 2)) && ran.stderr.contains(word), "{name} {}", ran.stderr);
    }
    assert_eq!(place.names(), before);
    assert_eq!(fs::read_to_string(place.path("points.csv")).unwrap(), POINTS);
    assert_eq!(fs::read_to_string(place.path("thesis.json")).unwrap(), "{\"version\": \"1.0\", \"pages\": 300}");
    assert!(fs::symlink_metadata(place.path("fifo.json")).unwrap().file_type().is_fifo_like());
}

trait FifoLike {
    fn is_fifo_like(&self) -> bool;
}

impl FifoLike for fs::FileType {
    fn is_fifo_like(&self) -> bool {
        std::os::unix::fs::FileTypeExt::is_fifo(self)
    }
}

#[test]
fn synth_replaces_its_own_files_only() {
    let place = place();
    let synth = |name: &str| place.run(["synth", "-n", "10", "--force", "-o", name]);
    synth("made.csv").ok();
    synth("made.csv").ok();
    for (name, word) in [("points.csv", "no file of synthetic points"), ("/dev/null", "no plain file")] {
        assert!(synth(name).error(1).contains(word), "{name}");
    }
    Command::new("mkfifo").arg(place.path("fifo")).status().unwrap();
    assert!(synth("fifo").error(1).contains("no plain file"));
    symlink("made.csv", place.path("link.csv")).unwrap();
    assert!(synth("link.csv").error(1).contains("symbolic link"));
    assert_eq!(fs::read_to_string(place.path("points.csv")).unwrap(), POINTS);
    // A device may be written to by the shell.
    assert!(fs::symlink_metadata("/dev/null").is_ok_and(|m| !m.is_file()));
    assert_eq!(place.names(), ["fifo", "link.csv", "made.csv", "points.csv"]);
}

#[test]
fn an_input_by_another_name_is_not_replaced() {
    let place = place();
    // As tilefire's own file, so that nothing but being the input speaks against it.
    place.run(["image", "points.csv", "-o", "map.png", "-q", "--backend", "cpu"]).ok();
    fs::hard_link(place.path("map.png"), place.path("input.csv")).unwrap();
    let ran = place.run(["image", "input.csv", "-o", "map.png", "-q", "--force", "--backend", "cpu"]).error(1);
    assert!(ran.contains("is or holds the input"), "{ran}");
}

#[test]
fn places_of_other_kinds_work_or_are_refused_before_the_work() {
    // The input would wait for ever: who gets as far as reading it does not end.
    let place = place();
    Command::new("mkfifo").arg(place.path("never")).status().unwrap();
    let refused = |out: &str, code: i32| {
        let mut command = place.command();
        command.args(["render", "never", "-o", out, "-q", "--backend", "cpu"]).stdin(Stdio::null());
        Ran::from(command.output().unwrap()).error(code)
    };
    fs::create_dir(place.path("empty")).unwrap();
    symlink("empty", place.path("link")).unwrap();
    let line = refused("link", 1);
    assert!(line.contains("link is a symbolic link"), "{line}");
    assert!(refused(&"n".repeat(256), 1).contains("too long"));
    for (out, word) in [
        ("heat.png", "tilefire image"),
        ("heat.TIF", "tilefire image"),
        ("heat.tiff", "tilefire image"),
        ("heat.zip", "a folder, a .pmtiles or .mbtiles file or an .html page"),
        ("heat.json", "a folder, a .pmtiles or .mbtiles file or an .html page"),
        ("heat.geojson", "a folder, a .pmtiles or .mbtiles file or an .html page"),
        ("heat.csv", "a folder, a .pmtiles or .mbtiles file or an .html page"),
        ("s3://bucket/heat", "name a file or folder on this machine"),
        ("gs://bucket/heat.pmtiles", "name a file or folder on this machine"),
        ("https://maps.test/heat", "name a file or folder on this machine"),
    ] {
        let line = refused(out, 2);
        assert!(line.contains(word) && line.contains(out), "{out}: {line}");
        let dry = place.run(["render", "points.csv", "-o", out, "-q", "--dry-run"]).error(2);
        assert!(dry.contains(word), "{dry}");
    }
    for out in ["s3://bucket/map.png", "http://a/map.png"] {
        assert!(place.run(onto(out, &[])).error(2).contains("is an address"));
    }
    assert!(place.run(["synth", "-n", "1", "-o", "s3://bucket/x.csv"]).error(2).contains("is an address"));
    assert_eq!(place.names(), ["empty", "link", "never", "points.csv"]);

    // A name with a dot is a name.
    for out in ["empty/.", "v1.2", "maps.example.org", "a:b", "slash/", &"x".repeat(255), &"ü".repeat(127)] {
        place.run(onto(out, &[])).ok();
        assert!(place.path(out).join("metadata.json").exists(), "{out}");
        place.run(onto(out, &["--force"])).ok();
    }
    let long = format!("{}.png", "y".repeat(251));
    place.run(onto(&long, &[])).ok();
    assert!(place.path(&long).exists());
    assert!(place.names().iter().all(|name| !name.ends_with(".tilefire")), "{:?}", place.names());
}

#[test]
fn a_long_name_is_recovered_and_taken_once() {
    let place = place();
    let (a, b) = (format!("{}a", "n".repeat(254)), format!("{}b", "n".repeat(254)));
    let (mut first, writer) = waiting(&place, &["render", "-", "-o", &a, "-q", "--backend", "cpu"]);
    assert!(place.run(onto(&a, &[])).error(1).contains("another tilefire"));
    place.run(onto(&b, &[])).ok();
    first.kill().unwrap();
    first.wait().unwrap();
    drop(writer);
    place.run(onto(&a, &[])).ok();
    assert_eq!(place.names(), [a, b, "points.csv".to_owned()]);
}

/// A run that has taken its place and waits for standard input.
fn waiting(place: &Playground, arguments: &[&str]) -> (std::process::Child, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let before = place.names().len();
    let child = place.command().args(arguments).stdin(reader).spawn().unwrap();
    // The place is taken once the columns are known.
    writer.write_all(POINTS.as_bytes()).unwrap();
    writer.write_all("1,2\n".repeat(40_000).as_bytes()).unwrap();
    while place.names().len() == before {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    (child, writer)
}

#[test]
fn of_two_runs_onto_one_name_one_is_told() {
    for (first, second) in [
        (&["image", "-", "-o", "map.png", "-q", "--backend", "cpu"][..], onto("map.png", &[])),
        (&["render", "-", "-o", "t.pmtiles", "-q", "--backend", "cpu", "-z", "0..2"], onto("t.pmtiles", &["--force"])),
    ] {
        let place = place();
        let (mut child, writer) = waiting(&place, first);
        let line = place.run(second).error(1);
        assert!(line.contains("is being written by another tilefire"), "{line}");
        drop(writer);
        assert!(child.wait().unwrap().success());
        assert_eq!(place.names().len(), 2);
    }
}

/// Whether file systems may be mounted here.
fn may_mount(test: &str) -> bool {
    let may = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !may {
        println!("skipped: {test}: file systems cannot be mounted here");
    }
    may
}

/// Runs a script with mounts of its own.
fn mounted(place: &Playground, text: &str) -> Ran {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", text]).current_dir(place.path("")).env("T", place.command().get_program());
    Ran::from(command.output().unwrap())
}

#[test]
fn a_mount_point_is_refused_by_its_name() {
    if !may_mount("a_mount_point_is_refused_by_its_name") {
        return;
    }
    let place = place();
    fs::create_dir(place.path("disk")).unwrap();
    fs::create_dir(place.path("other")).unwrap();
    for mount in ["mount -t tmpfs none disk", "mount --bind other disk"] {
        let text = format!("{mount} && $T render points.csv -o disk -q -z 0..2 --backend cpu");
        let line = mounted(&place, &text).error(1);
        assert!(line.contains("disk is a mount point") && line.contains("name a folder in it"), "{line}");
    }
    mounted(&place, "mount -t tmpfs none disk && $T render points.csv -o disk/tiles -q -z 0..2 --backend cpu").ok();
}

#[test]
fn a_disk_without_inodes_says_so_and_what_to_do() {
    if !may_mount("a_disk_without_inodes_says_so_and_what_to_do") {
        return;
    }
    let place = place();
    fs::create_dir(place.path("disk")).unwrap();
    for (inodes, out) in [("12", "disk/tiles"), ("1", "disk/tiles"), ("3", "disk/tiles")] {
        let text = format!(
            "mount -t tmpfs -o nr_inodes={inodes} none disk && $T render points.csv -o {out} -q -z 0..6 --backend cpu; \
             code=$?; ls -A disk; exit $code"
        );
        let ran = mounted(&place, &text);
        assert_eq!(ran.stdout, "", "{inodes}: something was left");
        let line = ran.error(1);
        assert!(line.contains("no inodes left") && line.contains("df -i") && line.contains(".pmtiles"), "{line}");
        assert!(line.contains("disk/tiles"), "{line}");
    }
    // A disk that is full is another matter.
    let text = "mount -t tmpfs -o size=16k none disk && $T render points.csv -o disk/tiles -q -z 0..9 --spread 9 \
                --backend cpu";
    // It may have room the next time.
    let line = mounted(&place, text).error(75);
    assert!(!line.contains("inodes") && line.contains("No space left"), "{line}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let test = "a_folder_that_cannot_be_written_is_named";
    if !Command::new("setpriv").args(user).arg("true").status().is_ok_and(|s| s.success()) {
        println!("skipped: {test}: there is no way to be another user");
        return;
    }
    let place = place();
    fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    let program = place.path("program");
    fs::copy(place.command().get_program(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("locked")).unwrap();
    fs::create_dir(place.path("locked/own")).unwrap();
    std::os::unix::fs::chown(place.path("locked/own"), Some(65534), Some(65534)).unwrap();
    for out in ["locked/tiles", "locked/own", "locked/t.pmtiles", "locked/map.png", "locked/new/tiles"] {
        let mut command = Command::new("setpriv");
        command.args(user).arg(&program).args(onto(out, &[])).current_dir(place.path(""));
        let line = Ran::from(command.output().unwrap()).error(1);
        assert!(line.contains("the folder locked takes no new files: Permission denied"), "{out}: {line}");
        assert!(!line.contains(".tilefire"), "{line}");
    }
    assert_eq!(fs::read_dir(place.path("locked")).unwrap().count(), 1);
    // One that does not even let look.
    fs::set_permissions(place.path("locked"), Permissions::from_mode(0o700)).unwrap();
    for arguments in [
        onto("locked/tiles", &[]),
        onto("locked/own", &[]),
        onto("locked/t.pmtiles", &[]),
        onto("tiles", &["--report", "locked/r.json"]),
        onto("tiles", &["--rejects", "locked/r.csv"]),
    ] {
        let mut command = Command::new("setpriv");
        command.args(user).arg(&program).args(&arguments).current_dir(place.path(""));
        let line = Ran::from(command.output().unwrap()).error(1);
        assert!(line.contains("the folder locked takes no new files: Permission denied"), "{arguments:?}: {line}");
        assert!(!line.contains(".tilefire"), "{line}");
    }
    // A file of somebody else's that is replaced by force in a folder of everybody's keeps its group where it may.
    fs::create_dir(place.path("open")).unwrap();
    fs::set_permissions(place.path("open"), Permissions::from_mode(0o777)).unwrap();
    place.run(onto("open/t.pmtiles", &[])).ok();
    std::os::unix::fs::chown(place.path("open/t.pmtiles"), None, Some(4321)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(user).arg(&program).args([
        "render",
        "points.csv",
        "-o",
        "open/t.pmtiles",
        "--force",
        "--backend",
        "cpu",
    ]);
    let ran = Ran::from(command.current_dir(place.path("")).output().unwrap()).ok();
    assert!(ran.stderr.contains("its group may not be given by you"), "{}", ran.stderr);
}

#[test]
fn names_of_files_move_no_cursor() {
    let place = Playground::new();
    let name = "a\u{1b}[2Jb\nc\u{9b}d.csv";
    place.file(name, POINTS);
    let ran = place.run(["render", name, "-o", "t\r\u{7}", "-z", "0..2", "--backend", "cpu"]).ok();
    assert!(ran.stderr.contains("a\\u{1b}[2Jb\\nc\\u{9b}d.csv: longitude"), "{}", ran.stderr);
    let controls = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!controls(&ran.stderr), "{:?}", ran.stderr);
    for arguments in [
        &["render", "no\u{1b}c\n.csv", "-o", "x"][..],
        &["render", name, "-o", "t\r\u{7}"],
        &["render", name, "-o", "y", "--report", "no\u{1b}/such.json"],
        &["image", name, "-o", "\u{1b}.jpg"],
        &["serve", "\u{1b}none"],
    ] {
        let ran = place.run(arguments);
        assert!(!controls(&ran.stderr) && ran.stderr.lines().count() == 1, "{:?}", ran.stderr);
        assert!(ran.stderr.contains("\\u{1b}") || ran.stderr.contains("\\r"), "{:?}", ran.stderr);
    }
}

/// A shared library that refuses locks, as some network file systems do.
fn without_locks(place: &Playground) -> Option<std::path::PathBuf> {
    let (source, library) = (
        place.file("nolocks.c", "int flock(int f, int o) { *__errno_location() = 95; return -1; }\n"),
        place.path("nolocks.so"),
    );
    let mut text = String::from("extern int *__errno_location(void);\n");
    text.push_str(&fs::read_to_string(&source).unwrap());
    fs::write(&source, text).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    fs::remove_file(source).unwrap();
    built.is_ok_and(|status| status.success()).then_some(library)
}

#[test]
fn file_systems_without_locks_work_with_a_notice() {
    let place = place();
    let Some(library) = without_locks(&place) else {
        println!("skipped: file_systems_without_locks_work_with_a_notice: no C compiler");
        return;
    };
    let command = |arguments: &[&str]| {
        let mut command = place.command();
        command.args(arguments).env("LD_PRELOAD", &library);
        command
    };
    let render = ["render", "points.csv", "-o", "tiles", "-z", "0..2", "--backend", "cpu"];
    let ran = Ran::from(command(&render).output().unwrap()).ok();
    assert!(ran.stderr.contains("tiles: its file system has no locks"), "{}", ran.stderr);
    // One that is at work is known by its process all the same.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let first = ["render", "-", "-o", "busy", "-q", "--backend", "cpu"];
    let mut child = command(&first).stdin(reader).spawn().unwrap();
    writer.write_all(format!("lon,lat\n{}", "1,2\n".repeat(40_000)).as_bytes()).unwrap();
    while !place.path(".busy.tilefire/new").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let second = Ran::from(command(&onto("busy", &[])).output().unwrap()).error(1);
    assert!(second.contains("another tilefire"), "{second}");
    // One that was killed is cleared away.
    child.kill().unwrap();
    child.wait().unwrap();
    drop(writer);
    Ran::from(command(&onto("busy", &[])).output().unwrap()).ok();
    assert_eq!(place.names(), ["busy", "nolocks.so", "points.csv", "tiles"]);
}

#[test]
fn cpu_seconds_are_those_of_the_run() {
    let place = place();
    // The shell works for a while, then becomes tilefire.
    let burn = "n=0; while test $n -lt 3000000; do n=$((n + 1)); done; \
                read -r stat < /proc/$$/stat; set -- ${stat##*) }; echo ${12} > ticks; \
                exec $T render points.csv -o tiles -q -z 0..1 --backend cpu --report r.json";
    script(&place, burn).ok();
    let before = fs::read_to_string(place.path("ticks")).unwrap().trim().parse::<f64>().unwrap() / 100.0;
    assert!(before > 0.5, "the shell took {before} s only; the test tested nothing");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    let seconds = report["cpu_seconds"].as_f64().unwrap();
    assert!(seconds < before * 0.9, "{seconds} CPU seconds, of which {before} before");
}

#[test]
fn a_report_that_fails_does_not_hide_the_tiles() {
    let place = place();
    Command::new("mkfifo").arg(place.path("fifo")).status().unwrap();
    let mut command = place.command();
    command.args(["render", "fifo", "-o", "t", "-z", "0", "-q", "--backend", "cpu", "--report", "r.json"]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut writer = File::options().write(true).open(place.path("fifo")).unwrap();
    // What is there when the work is done was not when it began.
    fs::create_dir(place.path("r.json")).unwrap();
    place.file("r.json/mine", "mine");
    writer.write_all(POINTS.as_bytes()).unwrap();
    drop(writer);
    let line = Ran::from(child.wait_with_output().unwrap()).error(1);
    assert!(line.contains("r.json") && line.contains("the tiles in t are complete"), "{line}");
    assert!(place.path("t/0/0/0.png").exists());
    assert_eq!(place.names(), ["fifo", "points.csv", "r.json", "t"]);
}

#[test]
fn the_facts_of_another_set_are_no_report() {
    let place = place();
    treasure(&place);
    let before = fs::read(place.path("treasure/metadata.json")).unwrap();
    let facts = "{\"version\": 3, \"rows\": [1], \"used\": true, \"mine\": \"treasure\"}";
    place.file("facts.json", facts);
    for name in ["treasure/metadata.json", "facts.json"] {
        let line = place.run(onto("set", &["--report", name, "--force"])).error(1);
        assert!(line.contains(name) && line.contains("no report"), "{line}");
    }
    assert_eq!(fs::read(place.path("treasure/metadata.json")).unwrap(), before);
    assert_eq!(fs::read_to_string(place.path("facts.json")).unwrap(), facts);
}

#[test]
fn the_report_of_a_picture_is_replaced() {
    let place = place();
    let image = ["image", "points.csv", "-o", "p.png", "-q", "--backend", "cpu", "--report", "r.json", "--force"];
    place.run(image).ok();
    place.run(image).ok();
}

#[test]
fn a_benchmark_clears_folders_of_dead_ones_only() {
    let place = place();
    for (name, lock) in [("tilefire-a.scratch", ""), ("tilefire-b.scratch", "tilefire scratch\n")] {
        fs::create_dir(place.path(name)).unwrap();
        fs::write(place.path(name).join("lock"), lock).unwrap();
        fs::write(place.path(name).join("treasure"), "gold").unwrap();
    }
    let mut command = place.command();
    command.env("TMPDIR", place.path("")).args(["bench", "-n", "1k", "-z", "0..1", "--runs", "1", "--backend", "cpu"]);
    Ran::from(command.output().unwrap()).ok();
    assert!(place.path("tilefire-a.scratch/treasure").exists(), "it may be anybody's");
    assert!(!place.path("tilefire-b.scratch").exists(), "what a benchmark left is cleared");
}

#[test]
fn a_file_as_standard_input_is_held_to_what_it_was() {
    let place = place();
    let path = place.file("in.csv", "lon,lat\n1,51\n".to_owned() + &"1,51\n".repeat(1000));
    assert!(std::process::Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
    let mut command = place.command();
    command.args(["render", "-", "fifo", "-o", "t", "-z", "0", "-q", "--backend", "cpu"]);
    let child = command.stdin(fs::File::open(&path).unwrap()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut fifo = fs::File::options().write(true).open(place.path("fifo")).unwrap();
    fs::File::options().append(true).open(&path).unwrap().write_all(b"2,52\n").unwrap();
    fifo.write_all(b"lon,lat\n1,51\n").unwrap();
    drop(fifo);
    let line = Ran::from(child.wait_with_output().unwrap()).error(1);
    assert!(line.contains("standard input") && line.contains("written to while it was read"), "{line}");
    assert!(!place.path("t").exists());
}

#[test]
fn thousands_of_inputs_need_few_open_files() {
    let place = place();
    fs::create_dir(place.path("many")).unwrap();
    for i in 0..400 {
        fs::write(place.path("many").join(format!("{i:03}.csv")), format!("lon,lat\n{},51\n", i % 90)).unwrap();
    }
    let ran = script(&place, "ulimit -n 200; $T render many/*.csv -o t.pmtiles -z 0..2 --backend cpu");
    let ran = ran.ok();
    assert!(ran.stderr.contains("400 files") && ran.stderr.contains("400 points used"), "{}", ran.stderr);
}

#[test]
fn the_environment_is_the_callers() {
    // The program alone may change it: everything else runs in somebody's process.
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.file_name() != Some(OsStr::new("main.rs"))
                && ["set_var(", "remove_var("].iter().any(|call| fs::read_to_string(&path).unwrap().contains(call))
            {
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_lies_beside_an_output_is_refused_before_the_work() {
    // The input would wait for ever: who gets as far as reading it does not end.
    let place = place();
    Command::new("mkfifo").arg(place.path("never")).status().unwrap();
    let before = place.names();
    let long = "r".repeat(256);
    for flag in ["--report", "--rejects"] {
        let line = place.run(["render", "never", "-o", "tiles", "--backend", "cpu", flag, &long]).error(1);
        assert!(line.contains("too long"), "{line}");
        let line = place.run(["image", "never", "-o", "map.png", "--backend", "cpu", flag, &long]).error(1);
        assert!(line.contains("too long"), "{line}");
    }
    let both = ["render", "never", "-o", "tiles", "--report", "r", "--rejects", "./r"];
    assert!(place.run(both).error(2).contains("name two files"));
    assert_eq!(place.names(), before);
    if may_mount("what_lies_beside_an_output_is_refused_before_the_work, a disk that is not written") {
        fs::create_dir(place.path("disk")).unwrap();
        for flag in ["--report", "--rejects"] {
            let text = format!("mount -t tmpfs -o ro none disk && $T render never -o t --backend cpu {flag} disk/r");
            let line = mounted(&place, &text).error(1);
            assert!(line.contains("the folder disk takes no new files: Read-only"), "{line}");
        }
    }
    // One that is being made is not made twice.
    let arguments = ["render", "-", "-o", "a", "-q", "--backend", "cpu", "--report", "r.json"];
    let (mut first, writer) = waiting(&place, &arguments);
    let line = place.run(onto("b", &["--report", "r.json"])).error(1);
    assert!(line.contains("r.json is being written by another tilefire"), "{line}");
    drop(writer);
    assert!(first.wait().unwrap().success());
    assert!(place.path("r.json").exists() && !place.path("b").exists());
}

#[test]
fn a_file_beyond_the_limit_is_an_error_that_names_it() {
    let place = place();
    place.run(["synth", "-n", "100k", "-o", "many.csv"]).ok();
    let before = place.names();
    for (command, name) in [
        ("render many.csv -o t.pmtiles -z 0..10 -q --backend cpu", "t.pmtiles"),
        ("image many.csv -o map.png -q --backend cpu --width 3000 --truecolor", "map.png"),
        ("synth -n 100k -o more.csv", "more.csv"),
    ] {
        let line = script(&place, &format!("ulimit -f 32; exec $T {command}")).error(1);
        assert!(line.contains(name) && line.contains("File too large"), "{line}");
        assert_eq!(place.names(), before);
    }
}

/// A shared library made of C, to stand before the system's own.
fn library(place: &Playground, text: &str) -> Option<std::path::PathBuf> {
    let (source, library) = (place.file("library.c", text), place.path("library.so"));
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    fs::remove_file(source).unwrap();
    built.is_ok_and(|status| status.success()).then_some(library)
}

#[test]
fn file_systems_without_nameless_files_are_left_clean() {
    const TEXT: &str = r#"
        #include <errno.h>
        #include <signal.h>
        #include <stdarg.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int open64(const char *path, int flags, ...) {
            va_list rest;
            va_start(rest, flags);
            int mode = va_arg(rest, int);
            va_end(rest);
            if ((flags & 020000000) != 0) { errno = EOPNOTSUPP; return -1; }
            return syscall(SYS_openat, -100, path, flags, mode);
        }
        int unlink(const char *path) {
            if (getenv("KILLED") && (strstr(path, ".spool") || strstr(path, ".tmp"))) raise(SIGKILL);
            return syscall(SYS_unlinkat, -100, path, 0);
        }
    "#;
    if !cfg!(target_os = "linux") {
        println!("skipped: file_systems_without_nameless_files_are_left_clean: needs Linux");
        return;
    }
    let place = place();
    place.run(["synth", "-n", "50k", "-o", "many.csv"]).ok();
    let Some(library) = library(&place, TEXT) else {
        println!("skipped: file_systems_without_nameless_files_are_left_clean: no C compiler");
        return;
    };
    let before = place.names();
    let run = |killed: bool, arguments: &[&str]| {
        let mut command = place.command();
        command.args(arguments).env("LD_PRELOAD", &library);
        if killed {
            command.env("KILLED", "1");
        }
        Ran::from(command.output().unwrap())
    };
    for (arguments, out) in [
        // One waits in the working folder, the other beside it.
        (&["render", "points.csv", "-o", "t.pmtiles", "-z", "0..2", "-q", "--backend", "cpu"][..], "t.pmtiles"),
        (&["render", "many.csv", "-o", "t", "-z", "0..10", "-q", "--backend", "cpu", "--memory", "1M"], "t"),
    ] {
        assert_eq!(run(true, arguments).code, None, "{out} was not killed");
        assert_ne!(place.names(), before, "nothing was left; the test tested nothing");
        run(false, arguments).ok();
        script(&place, &format!("rm -r {out}")).ok();
        assert_eq!(place.names(), before);
    }
}

#[test]
fn a_file_that_is_standard_input_too_is_noticed() {
    let place = place();
    fs::hard_link(place.path("points.csv"), place.path("again.csv")).unwrap();
    for (inputs, word) in [
        (["points.csv", "-"], "standard input and points.csv are one file"),
        (["-", "again.csv"], "again.csv and standard input are one file"),
    ] {
        let mut command = place.command();
        command.args(["render", "--dry-run", "-o", "t", "-z", "0..2", "--backend", "cpu"]).args(inputs);
        let ran = Ran::from(command.stdin(File::open(place.path("points.csv")).unwrap()).output().unwrap()).ok();
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    let bench = ["bench", "points.csv", "again.csv", "-z", "0..2", "--runs", "1", "--backend", "cpu"];
    let ran = place.run(bench).ok();
    assert!(ran.stdout.contains("again.csv and points.csv are one file"), "{}", ran.stdout);
}
