//! Which names are this server's. A page of another name that has come to mean this machine (DNS rebinding) must not
//! read what is served here; a browser says in Host under which name it came.

use std::net::IpAddr;

use super::address::is_host;
use crate::error::{Error, Result};

/// Names this server answers for, besides all addresses and localhost.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// The machine's own names, the one that is listened on and those that a person allows.
    pub(super) fn new(listened: &str, allowed: &[String]) -> Result<Self> {
        let mut names = machine();
        names.push(plain(listened));
        for name in allowed {
            if !is_host(name) {
                return Err(Error::Usage(format!(
                    "'{name}' is no name of a host; write it without scheme, port, path and wildcard, such as \
                     maps.example.org"
                )));
            }
            names.push(plain(name));
        }
        Ok(Self(names))
    }

    /// Whether a name without its port is one of ours.
    pub(super) fn ours(&self, name: &str) -> bool {
        if name.parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let local = name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"));
        local || self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// What the machine calls itself, in full and in short, and what its neighbours call it by mDNS.
fn machine() -> Vec<String> {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let full = plain(&name);
    let short = full.split('.').next().unwrap_or_default().to_owned();
    if short.is_empty() {
        return Vec::new();
    }
    vec![format!("{short}.local"), short, full]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_allowed_names_are_ours() {
        let hosts = Hosts::new("tiles.lan", &["Maps.Example.org".to_owned(), "b.test.".to_owned()]).unwrap();
        let own = machine();
        let names = own.iter().map(String::as_str);
        for name in names.chain(["127.0.0.1", "192.168.1.7", "::1", "LOCALHOST", "a.localhost.", "tiles.lan"]) {
            assert!(hosts.ours(name), "{name}");
        }
        assert!(hosts.ours("maps.example.ORG.") && hosts.ours("b.test"));
        for other in
            ["evil.test", "localhost.evil.test", "maps.example.org.evil.test", "xmaps.example.org", "", "127.1"]
        {
            assert!(!hosts.ours(other), "{other}");
        }
        for nonsense in ["", "*", "*.a.test", "a:80", "https://a.test", "a/b", "a b"] {
            assert!(Hosts::new("", &[nonsense.to_owned()]).is_err(), "{nonsense}");
        }
    }
}
