//! HTTP URLs in one spelling, so that two of them can be compared (RFC 9449 §4.3).

use std::fmt;

use http::uri::Authority;

/// A URL without query and fragment, after the normalisation by syntax and by scheme (RFC 3986
/// §6.2.2, §6.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlainUrl {
    scheme: Scheme,
    authority: String,
    /// It begins with a slash.
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn read(name: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.as_str()))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl PlainUrl {
    /// Reads an absolute URL and leaves its query and its fragment out. One with a user is refused.
    pub(super) fn read(url: &str) -> Option<Self> {
        let (scheme, authority, path) = parts(url)?;
        Some(Self {
            scheme,
            authority: normal_authority(scheme, authority)?,
            path: without_dots(&with_few_escapes(path)),
        })
    }

    /// The same, but with the path as it is: a client names its URL in a way that is right for servers
    /// that normalise paths and for those that do not.
    pub(super) fn as_sent(url: &str) -> Option<Self> {
        let (scheme, authority, path) = parts(url)?;
        Some(Self {
            scheme,
            authority: normal_authority(scheme, authority)?,
            path: path.to_owned(),
        })
    }

    /// The URL of a request with this path to a host, under the scheme of `self`.
    pub(super) fn at_host(&self, authority: &str, path: &str) -> Option<Self> {
        Some(Self {
            scheme: self.scheme,
            authority: normal_authority(self.scheme, authority)?,
            path: requested_path(path)?,
        })
    }

    /// The URL of a request with this path to the server that has this public address.
    pub(super) fn below(&self, path: &str) -> Option<Self> {
        let path = requested_path(path)?;
        Some(Self {
            path: format!("{}{path}", self.path.trim_end_matches('/')),
            ..self.clone()
        })
    }
}

impl fmt::Display for PlainUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.as_str(),
            self.authority,
            self.path
        )
    }
}

fn parts(url: &str) -> Option<(Scheme, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, "/"),
    };
    Some((Scheme::read(scheme)?, authority, path))
}

/// The host in lower case, and its port unless it is the scheme's.
fn normal_authority(scheme: Scheme, text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    if host.is_empty() || text.contains('@') {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let port = match text.get(host.len()..)?.strip_prefix(':') {
        None | Some("") => return Some(host),
        Some(port) => port.parse::<u16>().ok()?,
    };
    Some(match port == scheme.default_port() {
        true => host,
        false => format!("{host}:{port}"),
    })
}

/// The path of a request. Routers take the segments `.` and `..` literally, so that a proof for the URL
/// that is left without them would be for what another route answers: there is no URL for such a path.
fn requested_path(path: &str) -> Option<String> {
    let path = with_few_escapes(path);
    let has_dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
    (path.starts_with('/') && !has_dots).then_some(path)
}

/// Escapes what must be, in capitals, and nothing that need not be (RFC 3986 §6.2.2.1, §6.2.2.2).
fn with_few_escapes(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, others @ ..] = rest {
        let (byte, after) = match (first, others) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (Err(high << 4 | low), after),
                _ => (Ok(b'%'), others),
            },
            (first, others) => (Ok(*first), others),
        };
        match byte {
            Err(byte) | Ok(byte) if is_unreserved(byte) => written.push(byte.into()),
            Ok(byte) if byte.is_ascii_graphic() => written.push(byte.into()),
            Err(byte) | Ok(byte) => written += &format!("%{byte:02X}"),
        }
        rest = after;
    }
    written
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| digit.try_into().ok())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The path without the segments `.` and `..` (RFC 3986 §5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(one: &str, other: &str) {
        let read = PlainUrl::read(one);
        assert!(read.is_some(), "{one}");
        assert_eq!(read, PlainUrl::read(other), "{one} {other}");
    }

    #[track_caller]
    fn differ(one: &str, other: &str) {
        assert_ne!(PlainUrl::read(one), PlainUrl::read(other), "{one} {other}");
    }

    #[test]
    fn one_url_in_many_spellings() {
        for (one, other) in [
            ("https://api.example/me", "HTTPS://API.example:443/me?x=1#y"),
            ("http://api.example", "http://api.example:80/"),
            ("http://api.example/", "http://api.example:/#x"),
            ("https://api.example/?a", "https://api.example?a/b"),
            ("https://api.example/~a", "https://api.example/%7ea"),
            ("https://api.example/%C3%BC", "https://api.example/ü"),
            ("https://api.example/%2F", "https://api.example/%2f"),
            (
                "https://api.example/b/",
                "https://api.example/a/%2e%2E/./b/.",
            ),
            ("https://api.example/", "https://api.example/a/.."),
            ("https://api.example/", "https://api.example/../.."),
            ("https://[::A]:8443/x", "https://[::a]:08443/x"),
        ] {
            same(one, other);
        }
    }

    #[test]
    fn urls_that_are_not_the_same() {
        for (one, other) in [
            ("https://api.example/me", "http://api.example/me"),
            ("https://api.example/me", "https://api.example/Me"),
            ("https://api.example/me", "https://api.example/me/"),
            ("https://api.example/me", "https://api.example//me"),
            ("https://api.example/a%2Fb", "https://api.example/a/b"),
            ("https://api.example/me", "https://api.example:8443/me"),
            ("https://api.example/me", "https://api.example.evil/me"),
            ("http://api.example", "http://api.example:443"),
        ] {
            differ(one, other);
        }
    }

    #[test]
    fn what_is_no_url_of_a_server() {
        for text in [
            "",
            "/me",
            "api.example/me",
            "ftp://api.example/me",
            "https:///me",
            "https://user@api.example/me",
            "https://:443/me",
            "https://api.example:99999/me",
            "https://api.example:x/me",
            "https://a b/me",
            "https://[::1/me",
        ] {
            assert_eq!(PlainUrl::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_path_below_an_address() {
        let at = |base: &str, path: &str| PlainUrl::read(base).unwrap().below(path);
        let expected = PlainUrl::read("https://api.example/v1/me");
        assert_eq!(at("https://api.example/v1", "/me"), expected);
        assert_eq!(at("https://api.example/v1/", "/me"), expected);
        assert_eq!(at("https://api.example/x/..", "/v1/m%65"), expected);
        assert_eq!(at("https://api.example", "*"), None);
    }

    #[test]
    fn a_request_for_a_path_with_dot_segments_is_for_no_url() {
        let url = PlainUrl::read("https://api.example/v1").unwrap();
        for path in ["/x/../me", "/..", "/.", "/./me", "/%2e%2E/me", "/x/.%2e"] {
            assert_eq!(url.below(path), None, "{path}");
            assert_eq!(url.at_host("api.example", path), None, "{path}");
        }
        for path in ["/...", "/.well-known/x", "/a..b", "/..a", "/x/..%2Fme"] {
            assert!(url.below(path).is_some(), "{path}");
            assert!(url.at_host("api.example", path).is_some(), "{path}");
        }
    }
}
