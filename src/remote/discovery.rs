//! Where an issuer publishes what it is (RFC 8414, OpenID Connect Discovery 1.0).

use http::Uri;
use serde_json::Value;

use super::error::{RemoteKeysError, RemoteKeysErrorKind as Kind};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    json, uri,
};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// The places in which the metadata of an issuer may be, in the order in which they are tried:
///
/// 1. `ISSUER/.well-known/openid-configuration` (OpenID Connect Discovery §4.1),
/// 2. `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 §3.1),
/// 3. the same after its path, where some servers have it.
///
/// One final slash of the issuer is left out of them.
pub(super) fn places(issuer: &str, http_too: bool) -> Result<Vec<Uri>, ConfigError> {
    let address = uri::address(issuer, http_too)?;
    if address.query().is_some() {
        let query = "an issuer has no query (RFC 8414 §2)";
        return Err(ConfigError::new(ConfigErrorKind::Url, query));
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let path = address.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let origin = base.strip_suffix(path).unwrap_or(base);
    let mut places = vec![
        format!("{base}{OPENID}"),
        format!("{origin}{OAUTH}{path}"),
        format!("{base}{OAUTH}"),
    ];
    places.dedup();
    let places = places.iter().map(|place| uri::address(place, http_too));
    places.collect()
}

pub(super) fn is_secure(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// Takes the address of the keys from the metadata of `issuer` (RFC 8414 §3.3).
pub(super) fn jwks_uri(body: &[u8], issuer: &str, http_too: bool) -> Result<Uri, RemoteKeysError> {
    let metadata =
        json::object(body).map_err(|error| RemoteKeysError::with_source(Kind::NotJson, error))?;
    let member = |name| metadata.get(name).and_then(Value::as_str);
    match member("issuer") {
        Some(named) if named == issuer => {}
        Some(named) => return Err(wrong_issuer(named)),
        None => return Err(flaw("it names no issuer")),
    }
    let text = member("jwks_uri").ok_or_else(|| flaw("it names no jwks_uri"))?;
    let uri = uri::address(text, true)
        .map_err(|error| RemoteKeysError::with_source(Kind::Metadata, error))?;
    if is_secure(&uri) || http_too {
        Ok(uri)
    } else {
        Err(RemoteKeysError::new(Kind::InsecureAddress).at(&uri))
    }
}

/// Names of issuers are compared byte for byte, and most differ from what was expected in a slash.
fn wrong_issuer(named: &str) -> RemoteKeysError {
    let shown: String = named.chars().take(200).collect();
    RemoteKeysError::with_flaw(Kind::WrongIssuer, format!("{shown:?}"))
}

fn flaw(what: &'static str) -> RemoteKeysError {
    RemoteKeysError::with_flaw(Kind::Metadata, what)
}

/// Where a redirect leads, if it stays at the same origin (RFC 9110 §10.2.2).
pub(super) fn redirected(from: &Uri, location: &str) -> Option<Uri> {
    let absolute = match location {
        path if path.starts_with("//") => format!("{}:{path}", from.scheme_str()?),
        path if path.starts_with('/') => {
            format!("{}://{}{path}", from.scheme_str()?, from.authority()?)
        }
        absolute if absolute.contains("://") => absolute.to_owned(),
        relative => {
            let (folder, _) = from.path().rsplit_once('/')?;
            let origin = format!("{}://{}", from.scheme_str()?, from.authority()?);
            format!("{origin}{folder}/{relative}")
        }
    };
    let to: Uri = absolute.parse().ok()?;
    let port = |uri: &Uri| {
        uri.port_u16()
            .or(is_secure(uri).then_some(443))
            .unwrap_or(80)
    };
    let same = from.scheme() == to.scheme()
        && from.host().map(str::to_ascii_lowercase) == to.host().map(str::to_ascii_lowercase)
        && port(from) == port(&to);
    let plain = to
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'));
    (same && plain).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn at(issuer: &str) -> Vec<String> {
        let places = places(issuer, false).unwrap();
        places.iter().map(Uri::to_string).collect()
    }

    #[test]
    fn metadata_is_looked_for_where_servers_have_it() {
        let root = [
            "https://id.example/.well-known/openid-configuration",
            "https://id.example/.well-known/oauth-authorization-server",
        ];
        assert_eq!(at("https://id.example"), root);
        assert_eq!(at("https://id.example/"), root);
        let tenant = [
            "https://id.example:8443/a/b/.well-known/openid-configuration",
            "https://id.example:8443/.well-known/oauth-authorization-server/a/b",
            "https://id.example:8443/a/b/.well-known/oauth-authorization-server",
        ];
        assert_eq!(at("https://id.example:8443/a/b"), tenant);
        assert_eq!(at("https://id.example:8443/a/b/"), tenant);
        assert_eq!(
            at("https://a.a/a")[1],
            "https://a.a/.well-known/oauth-authorization-server/a"
        );
        // Only one slash is left out.
        assert_eq!(
            at("https://id.example/a//")[0],
            "https://id.example/a//.well-known/openid-configuration"
        );
    }

    #[test]
    fn what_is_no_address_of_an_issuer_is_refused() {
        for issuer in [
            "",
            "id.example",
            "/path",
            "http://id.example",
            "ftp://id.example",
            "https://",
            "https://user@id.example",
            "https://id.example?tenant=1",
            "https://id.example/#a",
            "https://id.example/a b",
        ] {
            let error = places(issuer, false).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Url, "{issuer:?}");
        }
        assert!(places("http://127.0.0.1:80", true).is_ok());
        assert!(places("ftp://127.0.0.1", true).is_err());
    }

    #[test]
    fn metadata_is_believed_only_of_the_issuer_itself() {
        let read = |text: &str| jwks_uri(text.as_bytes(), "https://id.example", false);
        let kind = |text: &str| read(text).unwrap_err().kind();
        let good = r#"{"issuer":"https://id.example","jwks_uri":"https://cdn.example/keys"}"#;
        assert_eq!(read(good).unwrap(), "https://cdn.example/keys");
        for (text, expected) in [
            ("<html>", Kind::NotJson),
            ("[]", Kind::NotJson),
            (
                r#"{"issuer":"https://id.example","issuer":"https://id.example"}"#,
                Kind::NotJson,
            ),
            (
                r#"{"issuer":"https://id.example/","jwks_uri":"https://id.example/k"}"#,
                Kind::WrongIssuer,
            ),
            (
                r#"{"issuer":"https://ID.example","jwks_uri":"https://id.example/k"}"#,
                Kind::WrongIssuer,
            ),
            (r#"{"jwks_uri":"https://id.example/k"}"#, Kind::Metadata),
            (r#"{"issuer":"https://id.example"}"#, Kind::Metadata),
            (
                r#"{"issuer":"https://id.example","jwks_uri":7}"#,
                Kind::Metadata,
            ),
            (
                r#"{"issuer":"https://id.example","jwks_uri":"/keys"}"#,
                Kind::Metadata,
            ),
            (
                r#"{"issuer":"https://id.example","jwks_uri":"http://id.example/k"}"#,
                Kind::InsecureAddress,
            ),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }

    #[test]
    fn a_redirect_is_followed_within_the_origin() {
        let from: Uri = "https://id.example/a/keys?x=1".parse().unwrap();
        let to = |location| redirected(&from, location).map(|uri| uri.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(to("/b"), some("https://id.example/b"));
        assert_eq!(to("b?y"), some("https://id.example/a/b?y"));
        assert_eq!(
            to("https://id.example:443/b"),
            some("https://id.example:443/b")
        );
        assert_eq!(to("https://ID.example/b"), some("https://ID.example/b"));
        assert_eq!(to("//id.example/b"), some("https://id.example/b"));
        for elsewhere in [
            "http://id.example/b",
            "https://id.example:444/b",
            "https://other.example/b",
            "//other.example/b",
            "https://user@id.example/b",
            "https://id.example@other.example/b",
            "javascript://id.example/b",
            "https://",
            "/\u{7f}",
        ] {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
    }
}
