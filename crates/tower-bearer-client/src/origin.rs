//! Where tokens may go: scheme, host and port (RFC 6454 §4).

use std::net::IpAddr;

use http::{Uri, uri::Authority};

use tower_bearer::error::{ConfigError, ConfigErrorKind};

/// What an access token may be sent to. The host is in lower case, the port is never left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    is_https: bool,
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// The origin that `text` is: `scheme://host[:port]` and nothing else.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let uri = parse_url(text)?;
        let origin = Self::of(&uri)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(unusable("an origin has no path and no query"));
        }
        Ok(origin)
    }

    fn of(uri: &Uri) -> Result<Self, ConfigError> {
        let (is_https, host, port) = parts(uri).ok_or_else(|| {
            unusable("it must start with https://host[:port], without a user name")
        })?;
        Ok(Self {
            is_https,
            host: host.to_ascii_lowercase().into(),
            port,
        })
    }

    /// Whether the request goes there. What is odd about a URL makes it another origin.
    pub(super) fn is_of(&self, uri: &Uri) -> bool {
        parts(uri).is_some_and(|(is_https, host, port)| {
            is_https == self.is_https && port == self.port && host.eq_ignore_ascii_case(&self.host)
        })
    }

    /// Whether nobody on the way can read what is sent: TLS, or this machine.
    fn is_confidential(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        self.is_https
            || host == "localhost"
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    pub(super) fn require_confidential(self) -> Result<Self, ConfigError> {
        match self.is_confidential() {
            true => Ok(self),
            false => Err(unusable("tokens go over https, or to this machine")),
        }
    }
}

/// The URL of an endpoint (RFC 6749 §3.2): absolute, without a fragment or a user name.
pub(super) fn endpoint(text: &str, allow_plain: bool) -> Result<Uri, ConfigError> {
    let uri = parse_url(text)?;
    let origin = Origin::of(&uri)?;
    if !allow_plain {
        origin.require_confidential()?;
    }
    Ok(uri)
}

/// The fragment is looked for here: `Uri` drops it without a word.
fn parse_url(text: &str) -> Result<Uri, ConfigError> {
    if text.contains('#') {
        return Err(unusable("it must not have a fragment"));
    }
    text.parse().map_err(|_| unusable("it is malformed"))
}

fn unusable(why: &'static str) -> ConfigError {
    ConfigError::new(ConfigErrorKind::Url, why)
}

/// Whether it is https, the host and the port. A user name is credentials of the caller's, and a
/// port that is none would be taken for the default one.
fn parts(uri: &Uri) -> Option<(bool, &str, u16)> {
    let is_https = match uri.scheme_str()? {
        scheme if scheme.eq_ignore_ascii_case("https") => true,
        scheme if scheme.eq_ignore_ascii_case("http") => false,
        _ => return None,
    };
    let authority = uri.authority()?;
    let default = if is_https { 443 } else { 80 };
    Some((is_https, authority.host(), port(authority, default)?))
}

fn port(authority: &Authority, default: u16) -> Option<u16> {
    match authority.as_str().strip_prefix(authority.host())? {
        "" | ":" => Some(default),
        rest => {
            let digits = rest.strip_prefix(':')?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(origin: &str, url: &str) -> bool {
        let url = url.parse::<Uri>();
        url.is_ok_and(|url| Origin::parse(origin).unwrap().is_of(&url))
    }

    #[test]
    fn the_same_origin_in_other_spellings() {
        for url in [
            "https://api.example",
            "https://API.Example:443/a?b",
            "HTTPS://api.example:/a",
            "https://api.example:0443/",
        ] {
            assert!(is_of("https://api.example", url), "{url}");
        }
        assert!(is_of("https://API.example:443/", "https://api.example/a"));
        assert!(is_of("http://[::1]:80", "http://[::1]/a"));
    }

    #[test]
    fn another_origin() {
        for url in [
            "http://api.example/",
            "https://api.example:8443/",
            "https://api.example:99999/",
            "https://api.example./",
            "https://api.example.evil.example/",
            "https://evil-api.example/",
            "https://example/",
            "https://api.example@evil.example/",
            "https://user@api.example/",
            "https://user:pass@api.example/",
            "https://evil.example/https://api.example/",
            "wss://api.example/",
            "/only/a/path",
            "api.example:443",
        ] {
            assert!(!is_of("https://api.example", url), "{url}");
        }
    }

    #[test]
    fn what_is_no_origin() {
        for text in [
            "",
            "api.example",
            "/",
            "ftp://api.example",
            "https://",
            "https://user@api.example",
            "https://api.example/path",
            "https://api.example/?query",
            "https://api.example#fragment",
            "https://api.example:99999",
            "https://api.example:+443",
            "https://api example",
            "*",
        ] {
            let kind = Origin::parse(text).map_err(|error| error.kind());
            assert!(matches!(kind, Err(ConfigErrorKind::Url)), "{text}");
        }
    }

    #[test]
    fn a_scheme_that_is_missing_is_named() {
        for text in ["api.example:443", "127.0.0.1:3000", "/path"] {
            let error = Origin::parse(text).unwrap_err().to_string();
            assert!(
                error.contains("must start with https://"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let confidential = |text| Origin::parse(text).unwrap().require_confidential().is_ok();
        for text in [
            "https://api.example",
            "http://localhost:3000",
            "http://LOCALHOST",
            "http://127.0.0.1:3000",
            "http://127.1.2.3",
            "http://[::1]:3000",
        ] {
            assert!(confidential(text), "{text}");
        }
        for text in [
            "http://api.example",
            "http://localhost.example",
            "http://128.0.0.1",
            "http://127.0.0.1.example",
            "http://[::2]",
            "http://0.0.0.0",
        ] {
            assert!(!confidential(text), "{text}");
        }
    }

    #[test]
    fn an_endpoint_may_have_a_path_and_a_query() {
        assert!(endpoint("https://id.example/token?tenant=1", false).is_ok());
        assert!(endpoint("http://id.example/token", false).is_err());
        assert!(endpoint("http://id.example/token", true).is_ok());
        for text in [
            "/token",
            "https://u:p@id.example/token",
            "https://id.example/#a",
        ] {
            assert!(endpoint(text, true).is_err(), "{text}");
        }
    }
}
