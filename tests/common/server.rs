//! The server of the real binary on a port of its own, spoken to over plain TCP, so that requests can be sent that no
//! client library would send.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::Playground;

/// A server that ends with the test.
pub struct Server {
    pub child: Child,
    pub port: u16,
}

impl Server {
    pub fn start(place: &Playground, arguments: &[&str]) -> Self {
        let mut command = place.command();
        command.args(["serve", "--port", "0", "--quiet"]).args(arguments);
        Self::run(command)
    }

    /// A server under a limit of the shell, such as "-n 200" for open files.
    pub fn limited(place: &Playground, limit: &str, arguments: &[&str]) -> Self {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]);
        command.arg(place.command().get_program()).current_dir(place.path(""));
        command.args(["serve", "--port", "0", "--quiet"]).args(arguments);
        Self::run(command)
    }

    pub fn run(mut command: std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().trim_end_matches('/').rsplit(':').next().and_then(|p| p.parse().ok());
        Self { port: port.unwrap_or_else(|| panic!("no address but '{line}'")), child }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends the bytes as they are and reads until the server closes.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        Answer::parse(&bytes)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n", self.port);
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        self.raw((request + "\r\n").as_bytes())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Bytes of memory the server has, where the system tells.
    pub fn memory(&self) -> Option<u64> {
        self.status("VmRSS:")
    }

    /// The most it ever had.
    pub fn peak(&self) -> Option<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = text.lines().find(|l| l.starts_with(key))?.split_whitespace().nth(1)?.parse::<u64>().ok()?;
        Some(line << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).unwrap_or(0);
        let headers = lines.filter_map(|l| l.split_once(": ")).map(|(k, v)| (k.to_lowercase(), v.to_owned())).collect();
        Self { status, headers, body: bytes.get(end + 4..).unwrap_or_default().to_vec() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// One line of text that names no place on this machine's disk.
    #[track_caller]
    pub fn is_one_line(&self) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.header("content-type"), "text/plain; charset=utf-8", "{self:?}");
        assert!(text.lines().count() == 1 && text.len() > 3 && text.len() < 300, "{text}");
        assert!(!text.contains("/tmp"), "{text}");
    }
}
