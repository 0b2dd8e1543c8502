//! Where a request came from and to which address, as its headers tell: for absolute URLs, for the question whether the
//! address is ours, and for a client's share behind a proxy. What a proxy says counts only when it is to be believed.
//! Whatever could leave a JSON string or a URL is refused.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HOST;

use crate::error::{Error, Result};

/// Longest path before the server's own, in bytes.
const PREFIX: usize = 1024;

/// The address a request was sent to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached<'a> {
    headers: &'a HeaderMap,
    trust_forwarded: bool,
    /// Name or address, with the port where there is one.
    host: &'a str,
}

impl<'a> Reached<'a> {
    /// `None` where the request has no usable host.
    pub(super) fn of(headers: &'a HeaderMap, authority: Option<&'a str>, trust_forwarded: bool) -> Option<Self> {
        let own = || authority.or_else(|| headers.get(HOST)?.to_str().ok());
        let outer = || forwarded(first(headers, "forwarded"), "host").or_else(|| first(headers, "x-forwarded-host"));
        let host = trust_forwarded.then(outer).flatten().or_else(own)?;
        split(host)?;
        Some(Self { headers, trust_forwarded, host })
    }

    /// The name or address as it was asked, with the port where there is one.
    pub(super) fn authority(&self) -> &'a str {
        self.host
    }

    /// The name or address, without port and brackets.
    pub(super) fn name(&self) -> &'a str {
        split(self.host).map_or(self.host, |(name, _)| name)
    }

    /// `http://host:port` (and a path before it, behind a proxy) without a slash at the end.
    pub(super) fn base(&self) -> Option<String> {
        let mut scheme = "http".to_owned();
        let mut prefix = "";
        if self.trust_forwarded {
            let said = forwarded(first(self.headers, "forwarded"), "proto");
            if let Some(proto) = said.or_else(|| first(self.headers, "x-forwarded-proto")) {
                scheme = proto.to_ascii_lowercase();
            }
            prefix = first(self.headers, "x-forwarded-prefix").unwrap_or_default().trim_end_matches('/');
        }
        let path = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
        let fits = (prefix.is_empty() || prefix.starts_with('/')) && prefix.len() <= PREFIX;
        let fits = fits && prefix.bytes().all(path) && matches!(scheme.as_str(), "http" | "https");
        let host = self.host.strip_suffix(':').unwrap_or(self.host);
        fits.then(|| format!("{scheme}://{host}{prefix}"))
    }
}

/// The first entry of a list: the proxy nearest to the client.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim)
}

/// A value of an entry of Forwarded.
fn forwarded<'a>(entry: Option<&'a str>, key: &str) -> Option<&'a str> {
    let mut pairs = entry?.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(k, _)| k.trim().eq_ignore_ascii_case(key))?;
    Some(value.trim().trim_matches('"'))
}

/// The client that the proxy next to this server saw: the last entry, because what stands before it is the client's
/// own saying.
pub(super) fn client(headers: &HeaderMap) -> Option<IpAddr> {
    let last = |name: &str| headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim);
    let said = forwarded(last("forwarded"), "for").or_else(|| last("x-forwarded-for"))?;
    let bare = said.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')).unwrap_or(said);
    bare.parse().ok().or_else(|| Some(said.parse::<SocketAddr>().ok()?.ip()))
}

/// A name or an address, and the port where there is one: `a.test`, `127.0.0.1:80`, `[::1]:80`. `None` where the text is
/// none of these. An empty port, `a.test:`, is none given, as RFC 3986 has it.
pub(super) fn split(host: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match host.strip_prefix('[') {
        Some(v6) => {
            let (name, rest) = v6.split_once(']')?;
            name.parse::<Ipv6Addr>().ok()?;
            (name, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => {
            let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if name.is_empty() || name.len() > 253 || !name.bytes().all(plain) {
                return None;
            }
            (name, port)
        }
    };
    let port = match port {
        None | Some("") => None,
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok()?),
        Some(_) => return None,
    };
    Some((name, port))
}

/// Whether a person means a host by this text, without a port: labels between single dots, or an address, that of IPv6
/// in brackets or not.
pub(super) fn is_host(text: &str) -> bool {
    let label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    match split(text) {
        _ if text.parse::<IpAddr>().is_ok() => true,
        Some(_) if text.starts_with('[') => text.ends_with(']'),
        Some((name, _)) => name == text && name.strip_suffix('.').unwrap_or(name).split('.').all(label),
        None => false,
    }
}

/// The name or address of `--host`, to listen on.
pub(super) fn to_listen(host: &str) -> Result<&str> {
    let bare = host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')).unwrap_or(host);
    if bare.trim().is_empty() {
        return Err(Error::Usage(
            "--host is empty; name an address to listen on, such as 127.0.0.1, or 0.0.0.0 for every network".into(),
        ));
    }
    match split(host) {
        Some((name, Some(port))) => {
            Err(Error::Usage(format!("--host {host} has a port in it; write --host {name} --port {port}")))
        }
        _ => Ok(bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &str)], trust: bool) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        Reached::of(&headers, None, trust)?.base()
    }

    #[test]
    fn a_proxy_is_believed_only_when_asked() {
        let pairs = [("host", "a:1"), ("forwarded", "for=1.2.3.4;proto=https;host=\"maps.test\", for=b;host=c")];
        assert_eq!(told(&pairs, false).as_deref(), Some("http://a:1"));
        assert_eq!(told(&pairs, true).as_deref(), Some("https://maps.test"));
        let pairs = [
            ("host", "a:1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "b"),
            ("x-forwarded-prefix", "/heat/"),
        ];
        assert_eq!(told(&pairs, true).as_deref(), Some("https://b/heat"));
    }

    #[test]
    fn no_header_leaves_the_url() {
        for host in
            ["", "a:x", "a:99999", "[::1", "[a]", "::1", "a/b", "a\"b", "a b", "user@a", "a<script>", "a?b", "a#b"]
        {
            assert_eq!(told(&[("host", host)], false), None, "{host}");
        }
        assert_eq!(told(&[], false), None);
        for bad in [("x-forwarded-proto", "javascript"), ("x-forwarded-prefix", "/a?b"), ("x-forwarded-prefix", "a")] {
            assert_eq!(told(&[("host", "a"), bad], true), None, "{bad:?}");
        }
    }

    #[test]
    fn an_empty_port_is_none() {
        for host in ["a", "127.0.0.1", "[::1]"] {
            assert_eq!(told(&[("host", &format!("{host}:"))], false), Some(format!("http://{host}")));
        }
    }

    #[test]
    fn a_host_has_labels_or_is_an_address() {
        for host in ["a", "a.b-c.test", "a_b.test.", "127.0.0.1", "::1", "[::1]", "2001:db8::1"] {
            assert!(is_host(host), "{host}");
        }
        let long = "a".repeat(64);
        for none in
            ["", ".", "-", "a..b", ".a", "-a.test", "a-.test", "a..", "a:", "a:80", "[::1]:", "[::1]:80", "::x", &long]
        {
            assert!(!is_host(none), "{none}");
        }
        assert_eq!(["a.test", "::1", "[::1]"].map(|host| to_listen(host).unwrap()), ["a.test", "::1", "::1"]);
        for none in ["", " ", "[]", "127.0.0.1:80", "[::1]:80", "a:80"] {
            assert!(to_listen(none).is_err(), "{none}");
        }
    }

    #[test]
    fn the_client_is_the_one_the_nearest_proxy_saw() {
        let seen = |name: &'static str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| _ = headers.append(name, value.parse().unwrap()));
            client(&headers).map(|address| address.to_string())
        };
        assert_eq!(seen("x-forwarded-for", &["1.1.1.1, 192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        assert_eq!(seen("x-forwarded-for", &["1.1.1.1", "192.0.2.8:99"]).as_deref(), Some("192.0.2.8"));
        assert_eq!(
            seen("forwarded", &["for=1.1.1.1, for=\"[2001:db8::1]:80\";proto=http"]).as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(seen("forwarded", &["for=\"[2001:db8::2]\""]).as_deref(), Some("2001:db8::2"));
        for none in ["unknown", "_hidden", "", "1.1.1.1, secret"] {
            assert_eq!(seen("x-forwarded-for", &[none]), None, "{none}");
        }
    }
}
