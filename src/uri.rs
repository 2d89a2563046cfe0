//! URIs that are compared byte for byte, and so are checked and never rewritten; and the addresses that
//! this server asks.

#[cfg(feature = "remote")]
use {
    crate::error::{ConfigError, ConfigErrorKind},
    http::{Uri, uri::InvalidUri},
};

/// Whether this is an absolute URI without a fragment, as the value of a `resource` parameter has to be
/// (RFC 8707 §2, RFC 3986 §4.3).
pub(crate) fn is_absolute(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let mut escapes = rest.split('%').skip(1).map(str::as_bytes);
    is_scheme
        && !rest.is_empty()
        && rest.bytes().all(is_allowed)
        && escapes.all(|after| {
            matches!(after, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
        })
}

/// The origin of an `http` or `https` URL without a fragment and a user, and what follows it.
pub(crate) fn split(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let is_http = ["http", "https"]
        .iter()
        .any(|http| scheme.eq_ignore_ascii_case(http));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let is_host = !authority.contains('@')
        && authority
            .parse::<http::uri::Authority>()
            .is_ok_and(|parsed| {
                let has_port = parsed.port_u16().is_some();
                !parsed.host().is_empty() && (has_port || parsed.host() == authority)
            });
    let origin = url.get(..url.len() - after.len())?;
    (is_http && is_host && is_absolute(url)).then_some((origin, after))
}

/// Reads an address that something is fetched from or sent to. It names no user and has no fragment. An
/// error quotes no address that may contain a password, and of others nothing after the path.
#[cfg(feature = "remote")]
pub(crate) fn address(text: &str, http_too: bool) -> Result<Uri, ConfigError> {
    let refused = |why: &str| {
        let shown = shown(text);
        ConfigError::new(ConfigErrorKind::Url, format!("{shown:?} {why}"))
    };
    let uri: Uri = text
        .parse()
        .map_err(|error: InvalidUri| refused("is no URL").with_source(error))?;
    let host = uri.host().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if host.is_empty() {
        return Err(refused("names no server"));
    }
    if authority.contains('@') {
        return Err(refused("names a user"));
    }
    if authority != host && uri.port_u16().is_none() {
        return Err(refused("has no port after its colon"));
    }
    if text.contains('#') {
        return Err(refused("has a fragment"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if http_too => Ok(uri),
        Some("http") => Err(refused(
            "is not https; danger_allow_plain_http is for servers on the same machine, and for tests",
        )),
        _ => Err(refused("is no https URL")),
    }
}

/// An address without its user and its query, which may be secrets, for logs and errors.
#[cfg(feature = "remote")]
pub(crate) fn shown_uri(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let server = authority.rsplit('@').next().unwrap_or_default();
    format!(
        "{}://{server}{}",
        uri.scheme_str().unwrap_or_default(),
        uri.path()
    )
}

/// An address as logs, errors and `Debug` may have it: without its query, which may have a key in it. If
/// there is an `@`, nothing is shown, as a password may come before it.
#[cfg(feature = "remote")]
pub(crate) fn shown(address: &str) -> &str {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    match address.contains('@') {
        true => "an address with an @",
        false => address.get(..end).unwrap_or_default(),
    }
}

/// Whether a URI may contain the byte, outside of a fragment (RFC 3986 §2).
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_uri_has_a_scheme_and_no_fragment() {
        for uri in [
            "https://api.example",
            "https://api.example/a?b=c",
            "urn:example:api",
            "https://api.example/%C3%A9",
            "a+b-c.d:x",
        ] {
            assert!(is_absolute(uri), "{uri}");
        }
        for uri in [
            "",
            "api",
            "/api",
            "//api.example",
            "https:",
            "https://api.example/#part",
            "https://api.example/#",
            "https://api.example/a b",
            "https://api.example/\"",
            "https://api.example/é",
            "https://api.example/%",
            "https://api.example/%c",
            "https://api.example/%zz",
            "1a:b",
            ":b",
            "a_b:c",
        ] {
            assert!(!is_absolute(uri), "{uri}");
        }
    }

    #[test]
    fn a_url_is_split_after_its_origin() {
        for (url, expected) in [
            ("https://api.example", Some(("https://api.example", ""))),
            ("HTTPS://api.example/", Some(("HTTPS://api.example", "/"))),
            ("http://[::1]:80/a", Some(("http://[::1]:80", "/a"))),
            ("https://a.example?b", Some(("https://a.example", "?b"))),
            ("https://", None),
            ("https:///a", None),
            ("https://user@a.example", None),
            ("https://a.example:port", None),
            ("ftp://a.example", None),
            ("urn:a:b", None),
        ] {
            assert_eq!(split(url), expected, "{url}");
        }
    }

    #[cfg(feature = "remote")]
    #[test]
    fn an_address_that_is_refused_is_not_quoted_with_its_secrets() {
        for text in [
            "",
            "id.example",
            "/path",
            "https://",
            "https:///a",
            "ftp://id.example",
            "http://id.example",
            "https://api:hunter2@id.example/a",
            "https://api:hunter2@id.example/a#b",
            "https://api:hun/ter2@id.example",
            "https://api:hunter 2@id.example",
            "http://id.example?key=hunter2",
            "https://id.example/a b?key=hunter2",
            "https://id.example/a?key=hunter2#b",
            "https://id.example/#hunter2",
        ] {
            let error = address(text, false).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Url, "{text}");
            let told = format!("{error} {error:?}");
            let secret = ["hunter", "hun/ter"]
                .iter()
                .any(|secret| told.contains(secret));
            assert!(!secret, "{told}");
        }
        assert!(address("ftp://127.0.0.1", true).is_err());
        assert!(address("http://127.0.0.1:80", true).is_ok());
        let good = address("https://id.example:8443/a@b?key=hunter2", false).unwrap();
        assert_eq!(good, "https://id.example:8443/a@b?key=hunter2");
        assert_eq!(shown_uri(&good), "https://id.example:8443/a@b");
    }
}
