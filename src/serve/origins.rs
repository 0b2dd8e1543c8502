//! Whose pages may read what is served: origins as a person gives them and as browsers send them. RFC 6454 says what
//! an origin is: scheme, host and port, of which case, the usual port and zeros of an IPv6 address are of no account.

use std::collections::HashSet;
use std::fmt;
use std::net::Ipv6Addr;
use std::sync::{Mutex, PoisonError};

use hyper::HeaderMap;
use hyper::header::{HeaderValue, ORIGIN};

use super::address::split;
use crate::error::{Error, Result};

/// The origins that may read; by default none but the server's own.
#[derive(Debug, Default)]
pub(super) struct Origins {
    any: bool,
    known: Vec<String>,
}

impl Origins {
    pub(super) fn new(origins: &[String]) -> Result<Self> {
        let mut all = Self::default();
        for origin in origins {
            match origin.trim() {
                "*" => all.any = true,
                origin => all.known.push(plain(origin.strip_suffix('/').unwrap_or(origin)).ok_or_else(|| {
                    Error::Usage(format!(
                        "'{origin}' is no origin: that is a scheme, a host and perhaps a port, such as \
                         https://maps.example.org, without path or wildcard; or * for all"
                    ))
                })?),
            }
        }
        Ok(all)
    }

    /// Whether there are none, so that the server need not speak of origins at all.
    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.known.is_empty()
    }

    /// Whether everyone may read.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// What Access-Control-Allow-Origin is for a request: what the browser said, if that is known.
    pub(super) fn allowed(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        let origin = asked.get(ORIGIN)?;
        let said = plain(origin.to_str().ok()?)?;
        self.known.contains(&said).then(|| origin.clone())
    }
}

/// What takes a line for people.
pub(super) type Note = Box<dyn Fn(&str) + Send + Sync>;

/// Origins of pages that were not let read: each is told once, with the way in.
pub(super) struct Strangers {
    note: Note,
    told: Mutex<HashSet<String>>,
}

impl fmt::Debug for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strangers").field("told", &self.told).finish_non_exhaustive()
    }
}

impl Strangers {
    /// Most origins that are told of: anyone can make up more.
    const MOST: usize = 16;

    pub(super) fn new(note: Note) -> Self {
        Self { note, told: Mutex::default() }
    }

    /// Looks at a request that was sent to `own` and whose origin, if it has one, may not read.
    pub(super) fn see(&self, asked: &HeaderMap, own: Option<&str>) {
        let Some(said) = asked.get(ORIGIN).and_then(|origin| origin.to_str().ok()) else { return };
        let from_disk = said == "null";
        let Some(origin) = plain(said).or_else(|| from_disk.then(|| said.to_owned())) else { return };
        // A page of this server asks where it came from; behind a proxy the scheme may be another.
        let here = |origin: &str| plain(&format!("{}://{}", origin.split_once("://")?.0, own?));
        if here(&origin).is_some_and(|here| here == origin) {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= Self::MOST || !told.insert(origin.clone()) {
            return;
        }
        drop(told);
        if from_disk {
            (self.note)("a page opened from disk was not let read the tiles; --cors '*' lets every page read them");
        } else {
            (self.note)(&format!("a page of {origin} was not let read the tiles; --cors {origin} lets it"));
        }
    }
}

/// An origin in its one usual form; `None` where it is none.
fn plain(origin: &str) -> Option<String> {
    let (scheme, rest) = origin.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(letters) {
        return None;
    }
    // An empty port may stand in an address, but no browser writes one in an origin.
    let (name, port) = split(rest).filter(|_| !rest.ends_with(':'))?;
    let usual = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let name = match name.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => name.to_ascii_lowercase(),
    };
    let port = port.filter(|port| Some(*port) != usual).map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{name}{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_the_usual_port_are_of_no_account() {
        for (origin, same) in [
            ("https://Maps.Example.org", "https://maps.example.org:443"),
            ("HTTP://a.test:80", "http://a.test"),
            ("http://a.test:8080", "http://A.TEST:8080"),
            ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
            ("http://[2001:0db8::1]", "http://[2001:db8:0:0:0:0:0:1]"),
            ("http://[::ffff:192.0.2.1]:81", "http://[::ffff:c000:201]:81"),
            ("capacitor://localhost", "Capacitor://LOCALHOST"),
        ] {
            assert_eq!(plain(origin), plain(same));
            assert!(plain(origin).is_some(), "{origin}");
        }
        assert_ne!(plain("http://a.test:443"), plain("http://a.test"));
        assert_ne!(plain("http://a.test"), plain("https://a.test"));
    }

    #[test]
    fn a_stranger_is_told_once() {
        use std::sync::Arc;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let strangers = Strangers::new(Box::new(move |line| kept.lock().unwrap().push(line.to_owned())));
        let see = |origin: &str| {
            let mut asked = HeaderMap::new();
            asked.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
            strangers.see(&asked, Some("localhost:8080"));
            std::mem::take(&mut *lines.lock().unwrap())
        };
        assert_eq!(
            see("https://a.test"),
            ["a page of https://a.test was not let read the tiles; --cors https://a.test lets it"]
        );
        for known in ["https://a.test", "https://A.test:443", "http://localhost:8080", "nonsense", "https://a b"] {
            assert!(see(known).is_empty(), "{known}");
        }
        assert!(see("null")[0].contains("--cors '*'"));
        let told: usize = (0..100).map(|n| see(&format!("https://{n}.test")).len()).sum();
        assert_eq!(told, Strangers::MOST - 2);
        strangers.see(&HeaderMap::new(), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for nonsense in [
            "",
            "a.test",
            "https://",
            "https:a.test",
            "https://a.test/path",
            "https://a.test//",
            "https://a.test?q",
            "https://*.a.test",
            "https://a b",
            " https://a",
            "https://a.test:",
            "https://a.test:99999",
            "https://a:b",
            "https://user@a.test",
            "null",
            "://a.test",
            "1http://a.test",
            "https://a.test#f",
            "https://[::1",
            "https://a.test,https://b.test",
            "https://ä.test",
            "**",
        ] {
            let given = nonsense.to_owned();
            assert!(nonsense.starts_with(' ') || Origins::new(&[given]).is_err(), "{nonsense}");
            assert_eq!(plain(nonsense), None, "{nonsense}");
        }
        assert!(Origins::new(&["https://a.test/".to_owned(), "*".to_owned()]).is_ok());
    }
}
