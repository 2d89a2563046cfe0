//! Where tokens may go: scheme, host and port (RFC 6454 §4).

use std::{fmt, net::IpAddr, str::FromStr};

use http::{Uri, uri::Authority};

use crate::error::{ConfigError, ConfigErrorKind};

/// The origin of an API that access tokens may be sent to: `scheme://host[:port]` (RFC 6454 §4).
///
/// Tokens go over https, so the scheme has to be `https`. It may be `http` if the host is this
/// machine: `localhost` or a loopback address. The host is compared without regard to case, and a
/// port that is left out is the default port of the scheme.
///
/// ```
/// use tower_bearer_client::Origin;
///
/// let api: Origin = "https://API.example:443".parse()?;
/// assert_eq!(api, "https://api.example".parse()?);
/// assert!("http://127.0.0.1:3000".parse::<Origin>().is_ok());
///
/// for refused in ["http://api.example", "https://api.example/path", "api.example"] {
///     assert!(refused.parse::<Origin>().is_err());
/// }
/// # Ok::<_, tower_bearer_client::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    is_https: bool,
    /// In lower case.
    host: Box<str>,
    port: u16,
}

impl Origin {
    /// An origin whose scheme may be `http` for any host.
    ///
    /// Everyone on the network path to that host can read the access tokens.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Origin`] if `text` is not of the form `scheme://host[:port]`.
    pub fn danger_plain_http(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text).map_err(unusable)
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let uri = parse_url(text)?;
        let origin = Self::of(&uri)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err("an origin has no path and no query");
        }
        Ok(origin)
    }

    pub(crate) fn of(uri: &Uri) -> Result<Self, &'static str> {
        let (is_https, host, port) =
            parts(uri).ok_or("it must start with https://host[:port], without a user name")?;
        Ok(Self {
            is_https,
            host: host.to_ascii_lowercase().into(),
            port,
        })
    }

    /// Whether a request to this URL goes to this origin. A URL with a user name or a malformed
    /// port goes to none.
    pub(crate) fn is_of(&self, uri: &Uri) -> bool {
        parts(uri).is_some_and(|(is_https, host, port)| {
            is_https == self.is_https && port == self.port && host.eq_ignore_ascii_case(&self.host)
        })
    }

    /// Whether nobody on the way can read what is sent there.
    fn is_confidential(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        self.is_https
            || host == "localhost"
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    fn require_confidential(self) -> Result<Self, &'static str> {
        match self.is_confidential() {
            true => Ok(self),
            false => Err("tokens go over https, or to this machine"),
        }
    }
}

impl FromStr for Origin {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text)
            .and_then(Self::require_confidential)
            .map_err(unusable)
    }
}

impl TryFrom<&str> for Origin {
    type Error = ConfigError;

    fn try_from(text: &str) -> Result<Self, ConfigError> {
        text.parse()
    }
}

/// `scheme://host[:port]`, without the port if it is the default one of the scheme.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        match self.port == default_port(self.is_https) {
            true => Ok(()),
            false => write!(f, ":{}", self.port),
        }
    }
}

fn unusable(why: &'static str) -> ConfigError {
    ConfigError::new(ConfigErrorKind::Origin, why)
}

/// Reads the URL of an endpoint (RFC 6749 §3.2): absolute, without a fragment or a user name.
pub(crate) fn endpoint(text: &str, allow_plain: bool) -> Result<Uri, &'static str> {
    let uri = parse_url(text)?;
    let origin = Origin::of(&uri)?;
    if !allow_plain {
        origin.require_confidential()?;
    }
    Ok(uri)
}

/// A fragment is looked for here, because `Uri` drops it without an error.
fn parse_url(text: &str) -> Result<Uri, &'static str> {
    if text.contains('#') {
        return Err("it must not have a fragment");
    }
    text.parse().map_err(|_| "it is malformed")
}

/// Whether the scheme is https, the host and the port. `None` if there is a user name, which is
/// credentials of the caller's own, or a malformed port, which must not pass for the default one.
fn parts(uri: &Uri) -> Option<(bool, &str, u16)> {
    let is_https = match uri.scheme_str()? {
        scheme if scheme.eq_ignore_ascii_case("https") => true,
        scheme if scheme.eq_ignore_ascii_case("http") => false,
        _ => return None,
    };
    let authority = uri.authority()?;
    let port = port(authority, default_port(is_https))?;
    Some((is_https, authority.host(), port))
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
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
        url.is_ok_and(|url| Origin::danger_plain_http(origin).unwrap().is_of(&url))
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
            let kind = Origin::danger_plain_http(text).map_err(|error| error.kind());
            assert_eq!(kind, Err(ConfigErrorKind::Origin), "{text}");
        }
    }

    #[test]
    fn a_scheme_that_is_missing_is_named() {
        for text in ["api.example:443", "127.0.0.1:3000", "/path"] {
            let error = text.parse::<Origin>().unwrap_err().to_string();
            assert!(
                error.contains("must start with https://"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        let confidential = |text: &str| {
            assert!(Origin::danger_plain_http(text).is_ok(), "{text}");
            text.parse::<Origin>().is_ok()
        };
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
    fn an_origin_is_shown_as_it_is_written() {
        for text in [
            "https://api.example",
            "https://[::1]:8443",
            "http://localhost:443",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        let shown = "HTTPS://API.example:443/".parse::<Origin>();
        assert_eq!(shown.unwrap().to_string(), "https://api.example");
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
