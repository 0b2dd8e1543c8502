//! A signal ends every command within a second, whatever it waits for: nobody writes its input, nobody reads its
//! output. It says which signal it was by its exit code, and leaves nothing behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic")]

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::Playground;
use rustix::process::{Pid, Signal, kill_process};

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
/// A second, and slack for a machine that does more than this.
const SOON: Duration = Duration::from_secs(3);
/// Something is wrong by then.
const NEVER: Duration = Duration::from_secs(60);

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Waits until the program listens for `signal`, which without that would end it the plain way.
fn listening(child: &mut Child, signal: Signal) {
    let start = Instant::now();
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        if u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal.as_raw() - 1) & 1 == 1 {
            return;
        }
        assert!(start.elapsed() < NEVER && child.try_wait().unwrap().is_none(), "it never listened");
        sleep(Duration::from_millis(5));
    }
}

fn ended(child: &mut Child, within: Duration) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() >= within {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it did not end within {within:?}");
        }
        sleep(Duration::from_millis(5));
    }
}

/// A pipe that takes nothing any more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    // What a pipe holds by default; one byte more would wait.
    writer.write_all(&[b'x'; 1 << 16]).unwrap();
    (reader, writer)
}

/// What keeps a command from going on.
#[derive(Clone, Copy, Debug)]
enum Blocked {
    /// Standard input that has rows and no end.
    Input,
    /// A pipe with a name (points.csv) that nobody opens for writing.
    UnopenedPipe,
    /// The same with a writer that is silent.
    SilentPipe,
    /// Standard output that nobody reads.
    Output,
    /// Nothing: it has work to do.
    Busy,
}

fn stops(arguments: &[&str], blocked: Blocked) {
    for (signal, code) in SIGNALS {
        let place = Playground::new();
        let mut command = place.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
        match blocked {
            Blocked::Input => {
                let (reader, mut writer) = pipe().unwrap();
                writer.write_all(b"lon,lat\n1,2\n3,4\n").unwrap();
                command.stdin(reader);
                held.push(Box::new(writer));
            }
            Blocked::UnopenedPipe | Blocked::SilentPipe => {
                let made = Command::new("mkfifo").arg(place.path("points.csv")).status().unwrap();
                assert!(made.success());
            }
            Blocked::Output => {
                let (reader, writer) = full_pipe();
                command.stdout(writer);
                held.push(Box::new(reader));
            }
            Blocked::Busy => {}
        }
        let before = place.names();
        let mut child = command.spawn().unwrap();
        drop(command);
        if let Blocked::SilentPipe = blocked {
            let mut writer = File::options().write(true).open(place.path("points.csv")).unwrap();
            writer.write_all(b"lon,lat\n1,2\n").unwrap();
            held.push(Box::new(writer));
        }
        listening(&mut child, signal);
        sleep(Duration::from_millis(300));
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{arguments:?} {blocked:?} was not blocked: {status}: {said}");
        }
        kill_process(pid(&child), signal).unwrap();
        let status = ended(&mut child, SOON);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?} {blocked:?} {signal:?}: {status} {said}");
        assert_eq!(place.names(), before, "{arguments:?} {blocked:?} {signal:?} left something: {said}");
        let quiet = arguments[0] == "serve";
        assert!(quiet || said.ends_with("interrupted; nothing was left behind\n"), "{said}");
    }
}

#[test]
fn while_standard_input_has_no_end() {
    stops(&["render", "-", "-o", "tiles", "-z", "0..3", "--backend", "cpu"], Blocked::Input);
    stops(&["render", "-", "-o", "tiles.pmtiles", "-z", "0..3", "--backend", "cpu"], Blocked::Input);
    stops(&["image", "-", "-o", "map.png", "--backend", "cpu"], Blocked::Input);
    stops(&["info", "-"], Blocked::Input);
    let beside = ["--report", "r.json", "--rejects", "r.csv"];
    stops(&[&["render", "-", "-o", "tiles", "--backend", "cpu"], &beside[..]].concat(), Blocked::Input);
}

#[test]
fn while_a_pipe_with_a_name_is_opened_or_silent() {
    for blocked in [Blocked::UnopenedPipe, Blocked::SilentPipe] {
        stops(&["render", "points.csv", "-o", "on/the/way", "-z", "0..3", "--backend", "cpu"], blocked);
        stops(&["image", "points.csv", "-o", "map.png", "--backend", "cpu"], blocked);
    }
    stops(&["bench", "points.csv", "--runs", "1"], Blocked::UnopenedPipe);
    stops(&["info", "points.csv"], Blocked::UnopenedPipe);
    stops(&["info", "points.csv", "--json"], Blocked::SilentPipe);
}

#[test]
fn while_nobody_reads_what_it_says() {
    stops(&["synth", "-n", "10M", "-o", "-"], Blocked::Output);
    stops(&["colormaps"], Blocked::Output);
    stops(&["info"], Blocked::Output);
    stops(&["bench", "-n", "1k", "-z", "0..1", "--runs", "1"], Blocked::Output);
}

#[test]
fn while_it_works() {
    stops(&["synth", "-n", "4G", "-o", "points.csv"], Blocked::Busy);
    stops(&["bench", "-n", "50M", "-z", "0..12"], Blocked::Busy);
}

#[test]
fn a_server_ends_whether_its_address_was_read_or_not() {
    let set = Playground::new();
    set.file("points.csv", "lon,lat\n1,2\n3,4\n");
    set.run(["render", "points.csv", "-o", "tiles", "-z", "0..3", "--backend", "cpu"]).ok();
    let tiles = set.path("tiles").to_string_lossy().into_owned();
    for blocked in [Blocked::Busy, Blocked::Output] {
        stops(&["serve", &tiles, "--port", "0"], blocked);
    }
}

/// Signals that a task does not hear, a bit each.
fn blocked(status: &Path) -> u64 {
    let status = fs::read_to_string(status).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

/// A thread that waits for a dead disk never handles a signal, so that signals go to the one that only listens.
#[cfg(target_os = "linux")]
#[test]
fn one_thread_is_there_for_signals() {
    let place = Playground::new();
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(b"lon,lat\n1,2\n3,4\n").unwrap();
    let arguments = ["render", "-", "-o", "tiles", "--backend", "cpu", "--threads", "4"];
    let mut child = place.command().args(arguments).stdin(reader).stderr(Stdio::null()).spawn().unwrap();
    listening(&mut child, Signal::HUP);
    let start = Instant::now();
    loop {
        let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        let masks: Vec<u64> = tasks.map(|task| blocked(&task.unwrap().path().join("status"))).collect();
        let hear =
            |(signal, _): (Signal, i32)| masks.iter().filter(|&mask| mask >> (signal.as_raw() - 1) & 1 == 0).count();
        // Later threads are there too.
        if masks.len() > 4 && SIGNALS.map(hear) == [1, 1, 1] {
            break;
        }
        assert!(start.elapsed() < SOON, "{masks:x?}");
        sleep(Duration::from_millis(20));
    }
    kill_process(pid(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child, SOON).code(), Some(143));
    drop(writer);
}

/// What is started by the program hears signals as if a person had started it.
#[cfg(target_os = "linux")]
#[test]
fn a_browser_hears_signals() {
    let set = Playground::new();
    set.file("points.csv", "lon,lat\n1,2\n3,4\n");
    set.run(["render", "points.csv", "-o", "tiles", "-z", "0..3", "--backend", "cpu"]).ok();
    let browser = set
        .file("xdg-open", "#!/bin/sh\ncp /proc/$$/status \"${0%/*}/began\"\nmv \"${0%/*}/began\" \"${0%/*}/status\"\n");
    fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", set.path("").display(), std::env::var("PATH").unwrap());
    let mut command = set.command();
    command.args(["serve", "tiles", "--port", "0", "--open"]).env("PATH", path);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !set.path("status").exists() {
        assert!(start.elapsed() < NEVER);
        sleep(Duration::from_millis(10));
    }
    for (signal, _) in SIGNALS {
        assert_eq!(blocked(&set.path("status")) >> (signal.as_raw() - 1) & 1, 0, "{signal:?}");
    }
    kill_process(pid(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child, SOON).code(), Some(143));
}

/// An output that is complete stays, and is said to, when the program is stopped while it tells about it.
#[test]
fn what_is_complete_stays() {
    let place = Playground::new();
    place.file("points.csv", "lon,lat\n1,2\n3,4\n");
    let (_reader, writer) = full_pipe();
    let arguments = ["render", "points.csv", "-o", "tiles", "-z", "0..3", "--backend", "cpu"];
    let mut child = place.command().args(arguments).stderr(writer).spawn().unwrap();
    let start = Instant::now();
    while !place.path("tiles/metadata.json").exists() || place.path(".tiles.tilefire").exists() {
        assert!(start.elapsed() < NEVER);
        sleep(Duration::from_millis(10));
    }
    kill_process(pid(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child, SOON).code(), Some(143));
    assert_eq!(place.names(), ["points.csv", "tiles"]);
}

/// At whatever moment the signal comes, there is the whole output and the run succeeded, or none and it did not. Where a
/// busy disk leaves no time to clear away, that is said, and the next run does it.
#[test]
fn at_any_moment_of_a_run() {
    let place = Playground::new();
    place.run(["synth", "-n", "100k", "-o", "points.csv"]).ok();
    let points = place.path("points.csv").to_string_lossy().into_owned();
    for out in ["tiles", "tiles.pmtiles"] {
        let arguments = ["render", &points, "-o", out, "-z", "0..10", "-q", "--backend", "cpu"];
        let whole = Instant::now();
        let reference = Playground::new();
        reference.run(arguments).ok();
        let whole = whole.elapsed();
        let mut stopped = 0;
        for moment in 1..=12 {
            let place = Playground::new();
            let mut child = place.command().args(arguments).stderr(Stdio::piped()).spawn().unwrap();
            listening(&mut child, Signal::INT);
            sleep(whole * moment / 12);
            if child.try_wait().unwrap().is_none() {
                let _ = kill_process(pid(&child), Signal::INT);
            }
            match ended(&mut child, SOON).code() {
                Some(130) => {
                    stopped += 1;
                    let mut said = String::new();
                    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                    if said.contains("there was no time to clear") {
                        place.run(arguments).ok();
                        assert_eq!(place.names(), [out], "moment {moment}");
                    } else {
                        assert_eq!(place.names(), Vec::<String>::new(), "moment {moment}: {said}");
                    }
                }
                Some(0) => {
                    assert_eq!(place.names(), [out], "moment {moment}");
                    let same = |folder: &Playground| match folder.path(out) {
                        path if path.is_dir() => crate::common::tree(&path),
                        path => [(String::new(), fs::read(path).unwrap())].into(),
                    };
                    assert!(same(&place) == same(&reference), "moment {moment}");
                }
                other => panic!("moment {moment}: {other:?}"),
            }
        }
        assert!(stopped > 0, "no run was stopped before its end; the test tested nothing");
    }
}

/// Starts a program that waits for its input, with these signals ignored.
fn ignoring(place: &Playground, signals: &str) -> (Child, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let script = format!("trap '' {signals}; exec \"$0\" render - -o tiles --backend cpu");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(place.command().get_program()).current_dir(place.path(""));
    let child = command.stdin(reader).stderr(Stdio::null()).spawn().unwrap();
    (child, writer)
}

#[test]
fn signals_that_were_ignored_stay_ignored() {
    let place = Playground::new();
    let (mut child, writer) = ignoring(&place, "INT HUP");
    listening(&mut child, Signal::TERM);
    kill_process(pid(&child), Signal::HUP).unwrap();
    kill_process(pid(&child), Signal::INT).unwrap();
    sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it ended by a signal that is ignored");
    kill_process(pid(&child), Signal::TERM).unwrap();
    assert_eq!(ended(&mut child, SOON).code(), Some(143));
    drop(writer);

    // It does its work to the end as if nothing had come.
    let (mut child, mut writer) = ignoring(&place, "INT HUP TERM");
    writer.write_all(b"lon,lat\n1,2\n").unwrap();
    sleep(Duration::from_millis(500));
    for (signal, _) in SIGNALS {
        kill_process(pid(&child), signal).unwrap();
    }
    drop(writer);
    assert!(ended(&mut child, NEVER).success());
    assert_eq!(place.names(), ["tiles"]);
}

#[test]
fn a_second_signal_does_not_wait_for_the_run() {
    for second in [Signal::INT, Signal::TERM] {
        let place = Playground::new();
        let (reader, writer) = pipe().unwrap();
        let mut command = place.command();
        command.args(["render", "-", "-o", "tiles", "--backend", "cpu"]).stdin(reader).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        listening(&mut child, Signal::INT);
        sleep(Duration::from_millis(300));
        kill_process(pid(&child), Signal::INT).unwrap();
        sleep(Duration::from_millis(20));
        let _ = kill_process(pid(&child), second);
        let status = ended(&mut child, SOON);
        assert_eq!((status.code(), status.signal()), (Some(130), None));
        assert_eq!(place.names(), Vec::<String>::new());
        drop(writer);
    }
}

/// A device that was opened must not hold the program either.
#[test]
fn while_a_device_is_open() {
    let listed = Playground::new().run(["info"]).ok().stdout;
    if !listed.contains("llvmpipe") {
        assert!(std::env::var_os("TILEFIRE_REQUIRE_GPU").is_none(), "no llvmpipe: {listed}");
        println!("skipped: while_a_device_is_open: no llvmpipe");
        return;
    }
    let device = ["--backend", "gpu", "--adapter", "llvmpipe"];
    stops(&[&["render", "-", "-o", "tiles", "-z", "0..3"], &device[..]].concat(), Blocked::Input);
    let place = Playground::new();
    place.run(["synth", "-n", "2M", "-o", "points.csv"]).ok();
    let points = place.path("points.csv").to_string_lossy().into_owned();
    stops(&[&["render", &points, "-o", "tiles", "-z", "0..12", "--spread", "9"], &device[..]].concat(), Blocked::Busy);
}

/// The disk and the gate, in this process: nothing else in this file may use the library.
#[test]
fn behind_a_shut_gate_no_output_appears() {
    use tilefire::container::write::{Beside, create};
    use tilefire::heat::TileJson;
    use tilefire::monitor::Monitor;
    use tilefire::staging::{OutputOptions, abandon, flush_by};
    use tilefire::tile::TileCoord;

    let place = Playground::new();
    let begin = |name: &str| create(&place.path(name), &OutputOptions::default()).unwrap();
    let (tile, metadata) =
        (TileCoord { z: 0, x: 0, y: 0 }, TileJson::read(br#"{"generator": "tilefire 0"}"#).unwrap().tile_json);
    let beside = || Ok(Beside::default());

    // A disk that takes its time does not hold a run that is to stop.
    let slow = place.file("slow", "#!/bin/sh\necho $1 $2 >> \"${0%/*}/asked\"\nexec sleep 20\n");
    fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    flush_by(slow.clone());
    let monitor = std::sync::Arc::new(Monitor::default());
    let waiting = begin("waiting");
    waiting.write(tile, b"png").unwrap();
    let canceller = {
        let (monitor, asked) = (monitor.clone(), place.path("asked"));
        std::thread::spawn(move || {
            while !asked.exists() {
                sleep(Duration::from_millis(5));
            }
            monitor.cancel();
            Instant::now()
        })
    };
    let stopped = waiting.finish(&metadata, &beside, &monitor).unwrap_err();
    assert!(matches!(stopped, tilefire::Error::Interrupted));
    assert!(canceller.join().unwrap().elapsed() < SOON);
    assert_eq!(place.names(), ["asked", "slow"]);
    assert_eq!(fs::read_to_string(place.path("asked")).unwrap(), "flush --\n");
    fs::remove_file(place.path("asked")).unwrap();
    fs::write(&slow, "#!/bin/sh\nexit 0\n").unwrap();

    let [first, second, done] = ["first", "second.pmtiles", "done"].map(begin);
    for writer in [&first, &second, &done] {
        writer.write(tile, b"png").unwrap();
    }
    done.finish(&metadata, &beside, &Monitor::default()).unwrap();
    // What cannot be cleared is named.
    fs::write(place.path(".first.tilefire/new/thesis.txt"), "mine").unwrap();
    let left = abandon(Duration::from_millis(300));
    assert_eq!(left.folders, [place.path(".first.tilefire")]);
    assert_eq!(left.complete, [place.path("done")]);
    assert_eq!(place.names(), [".first.tilefire", "done", "slow"]);
    assert!(matches!(first.write(TileCoord { z: 1, x: 0, y: 0 }, b"png"), Err(tilefire::Error::Interrupted)));
    for writer in [first, second] {
        writer.finish(&metadata, &beside, &Monitor::default()).unwrap_err();
    }
    assert!(!Path::new(&place.path("second.pmtiles")).exists());
    assert_eq!(place.names(), [".first.tilefire", "done", "slow"]);
}
