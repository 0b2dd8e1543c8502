//! The address under which a client reached the server, for absolute URLs: from Host, or from what a proxy says when
//! that is to be believed. Whatever could leave a JSON string or a URL is refused.

use hyper::HeaderMap;
use hyper::header::HOST;

/// `http://host:port` (and a path before it, behind a proxy) without a slash at the end; `None` where the request has
/// no usable host.
pub(super) fn base(headers: &HeaderMap, authority: Option<&str>, trust_forwarded: bool) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let mut scheme = "http".to_owned();
    let mut host = authority.or_else(|| headers.get(HOST).and_then(|v| v.to_str().ok())).map(str::to_owned);
    let mut prefix = String::new();
    if trust_forwarded {
        // The first entry is the proxy nearest to the client.
        let first = |name: &str| text(name).and_then(|v| v.split(',').next()).map(str::trim);
        let forwarded = first("forwarded").unwrap_or_default();
        let said = |key: &str| {
            let pairs = forwarded.split(';').filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(k, _)| k.trim().eq_ignore_ascii_case(key));
            values.next().map(|(_, v)| v.trim().trim_matches('"'))
        };
        if let Some(proto) = said("proto").or_else(|| first("x-forwarded-proto")) {
            scheme = proto.to_ascii_lowercase();
        }
        if let Some(outer) = said("host").or_else(|| first("x-forwarded-host")) {
            host = Some(outer.to_owned());
        }
        prefix = first("x-forwarded-prefix").unwrap_or_default().trim_end_matches('/').to_owned();
    }
    let host = host.filter(|h| is_host(h))?;
    let path = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    let fits = (prefix.is_empty() || prefix.starts_with('/')) && prefix.bytes().all(path);
    (fits && matches!(scheme.as_str(), "http" | "https")).then(|| format!("{scheme}://{host}{prefix}"))
}

/// A name or an address, with or without a port.
fn is_host(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &str)], trust: bool) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        base(&headers, None, trust)
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
        for host in ["", "a/b", "a\"b", "a b", "user@a", "a<script>", "a?b", "a#b"] {
            assert_eq!(told(&[("host", host)], false), None, "{host}");
        }
        assert_eq!(told(&[], false), None);
        for bad in [("x-forwarded-proto", "javascript"), ("x-forwarded-prefix", "/a?b"), ("x-forwarded-prefix", "a")] {
            assert_eq!(told(&[("host", "a"), bad], true), None, "{bad:?}");
        }
    }
}
