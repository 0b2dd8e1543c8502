//! Whose pages may read what is served: origins as a person gives them and as browsers send them. RFC 6454 says what
//! an origin is: scheme, host and port, of which case, the usual port and zeros of an IPv6 address are of no account.

use std::net::Ipv6Addr;

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
