//! `tilefire serve`: tile sets over HTTP, with a map page.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::library::LibraryArgs;
use super::values::shown;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::serve::{self, Request, Serving};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArgs {
    /// Folders of tiles, .pmtiles and .mbtiles files, of any program; each is a layer of the map
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Name of a layer in place of its file's; for several layers give it several times, in their order
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// What the answer is where a set covers a place and has no points there: no content (status 204), or a transparent
    /// picture for programs that take 204 for an error
    #[arg(long, default_value = "204", value_name = "ANSWER")]
    empty: Empty,
    /// Address to listen on; 0.0.0.0 or :: for every network
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,
    /// Port to listen on; 0 picks a free one
    #[arg(short, long, default_value_t = 8080, value_name = "PORT")]
    port: u16,
    /// Origin whose pages may read the tiles (`https://maps.example.org`), or *; may be given several times. A page that was
    /// turned away is told once
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Name under which this server may be asked, besides IP addresses, localhost and this machine's name, such as
    /// maps.example.org behind a proxy; may be given several times
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Open the map in a browser
    #[arg(long)]
    open: bool,
    /// Believe Forwarded and X-Forwarded-For, -Proto, -Host and -Prefix; only behind a proxy that sets them. The last
    /// address in them is then the one whose requests are counted: of the places for connections (4096, or fewer where
    /// the system limits open files) one address may have a quarter, and this machine itself a half
    #[arg(long)]
    trust_forwarded: bool,
    /// Let browsers keep tiles this long without asking again
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    max_age: u32,
    #[command(flatten)]
    library: LibraryArgs,
    /// Seconds that a client may be silent or leave an answer unread
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Print nothing but the address and what cannot be served
    #[arg(short, long)]
    quiet: bool,
}

/// The answer for a tile without points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Empty {
    /// Status 204, no picture
    #[value(name = "204")]
    NoContent,
    /// A picture of the set's size and format with nothing on it
    Transparent,
}

const EXAMPLES: &str = "Examples:
  tilefire serve tiles
  tilefire serve january.pmtiles february.mbtiles --port 9000 --open
  tilefire serve tiles --host 0.0.0.0 --allow-host maps.example.org --cors '*'";

pub(super) fn run(args: ServeArgs, monitor: &Monitor) -> Result<()> {
    let request = Request {
        paths: args.paths,
        names: args.name,
        transparent: args.empty == Empty::Transparent,
        host: args.host,
        port: args.port,
        cors: args.cors,
        allow_hosts: args.allow_host,
        trust_forwarded: args.trust_forwarded,
        max_age: args.max_age,
        library: args.library.library(),
        patience: Duration::from_secs(args.timeout),
    };
    let mut told = Ok(());
    let quiet = args.quiet;
    let note = move |line: &str| {
        if !quiet {
            let _ = writeln!(std::io::stderr(), "tilefire: {line}");
        }
    };
    serve::run(&request, monitor, note, |serving| {
        let url = format!("http://{}/", visible(serving.address));
        told = tell(serving, &url, args.quiet);
        if args.open {
            open(&url);
        }
    })?;
    told
}

/// The address goes to standard output, so that a script can read it; the rest is for people.
fn tell(serving: &Serving<'_>, url: &str, quiet: bool) -> Result<()> {
    super::print(&format!("{url}\n"))?;
    for layer in serving.layers {
        if let Some(problem) = &layer.problem {
            let text = format!("tilefire: {} is not served as yet: {problem}\n", shown(&layer.path));
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
    if !quiet {
        let mut text = String::new();
        for layer in serving.layers {
            text += &format!("  {url}{}.json   {}\n", layer.address, shown(&layer.path));
            if let Some(doubt) = &layer.doubt {
                text += &format!("  {}: {doubt}; it is served without a legend\n", shown(&layer.path));
            }
        }
        text += "Ctrl-C stops\n";
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    Ok(())
}

/// Where a browser on this machine finds the server.
fn visible(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// Opens the address as the desktop does; a machine without a browser has the printed address.
fn open(url: &str) {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[url])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler", url])
    } else {
        ("xdg-open", &[url])
    };
    let quiet = Stdio::null;
    let mut command = Command::new(program);
    command.args(arguments).stdin(quiet()).stdout(quiet()).stderr(quiet());
    let started = super::stop::as_began(|| command.spawn());
    if started.is_err() {
        let _ = writeln!(std::io::stderr(), "no browser could be opened: {program} is missing");
    }
}
