use http::Uri;
use serde::Serialize;

use crate::{
    error::{ConfigError, ConfigErrorKind},
    paths::{INTROSPECT, JWKS, REVOKE, TOKEN},
};

/// The authorization server's metadata (RFC 8414) and the path of the document.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    issuer: String,
    /// The public address of this server's root, without a slash at its end.
    base: String,
    path: String,
}

#[derive(Serialize)]
struct Document<'a> {
    issuer: &'a str,
    token_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    response_types_supported: &'a [&'a str],
    grant_types_supported: &'a [&'a str],
    token_endpoint_auth_methods_supported: &'a [&'a str],
    revocation_endpoint_auth_methods_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint_auth_methods_supported: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_signing_alg_values_supported: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_signing_alg_values_supported: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr_values_supported: Option<Vec<&'a str>>,
}

/// What the endpoints offer.
pub(super) struct Offers<'a> {
    /// How clients authenticate at the token and the revocation endpoint.
    pub(super) client_methods: &'a [&'a str],
    /// The algorithms of proofs of a key.
    pub(super) proof_algorithms: Option<Vec<&'a str>>,
    /// How callers authenticate at the introspection endpoint; `None` if nobody may ask there.
    pub(super) introspection_methods: Option<Vec<&'a str>>,
    /// The classes of authentication that logins may have (RFC 9470 §7).
    pub(super) acr_values: Option<Vec<&'a str>>,
    /// The algorithm of signed answers to introspections (RFC 9701 §7).
    pub(super) introspection_algorithm: &'a str,
}

impl Metadata {
    /// `None` if the issuer is not a URL, as clients could not find the document then.
    pub(super) fn new(issuer: &str) -> Option<Self> {
        let (origin, own) = split(issuer)?;
        Some(Self {
            issuer: issuer.to_owned(),
            base: origin,
            // The issuer's own path follows the well-known one (RFC 8414 §3.1).
            path: format!("/.well-known/oauth-authorization-server{own}"),
        })
    }

    /// The document for a server whose root has this public address.
    pub(super) fn with_base(self, url: &str) -> Result<Self, ConfigError> {
        let (origin, path) = split(url)
            .filter(|_| !url.contains(['?', '#', '@']))
            .ok_or_else(|| ConfigError::new(ConfigErrorKind::Url, FORM))?;
        Ok(Self {
            base: origin + &path,
            ..self
        })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The document, for endpoints under `prefix` that offer this.
    pub(super) fn json(&self, prefix: &str, offers: Offers<'_>) -> String {
        let base = &self.base;
        let methods = offers.client_methods;
        let may_introspect = offers.introspection_methods.is_some();
        let document = Document {
            issuer: &self.issuer,
            token_endpoint: format!("{base}{prefix}{TOKEN}"),
            revocation_endpoint: format!("{base}{prefix}{REVOKE}"),
            jwks_uri: format!("{base}{JWKS}"),
            response_types_supported: &[],
            grant_types_supported: &["refresh_token"],
            token_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_methods_supported: methods,
            introspection_endpoint: may_introspect.then(|| format!("{base}{prefix}{INTROSPECT}")),
            introspection_endpoint_auth_methods_supported: offers.introspection_methods,
            introspection_signing_alg_values_supported: may_introspect
                .then_some([offers.introspection_algorithm]),
            dpop_signing_alg_values_supported: offers.proof_algorithms,
            acr_values_supported: offers.acr_values,
        };
        // Strings and lists of strings can always be serialized.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

const FORM: &str =
    "a public address is http(s)://host[:port][/path], without a query, a fragment and a user";

/// The origin of an HTTP URL and its path, which has no slash at its end.
fn split(url: &str) -> Option<(String, String)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri
        .scheme_str()
        .filter(|scheme| matches!(*scheme, "https" | "http"))?;
    let origin = format!("{scheme}://{}", uri.authority()?);
    let path = uri.path().trim_end_matches('/');
    Some((origin, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuers_path_goes_last() {
        let path = |issuer| Metadata::new(issuer).map(|metadata| metadata.path);
        let well_known = "/.well-known/oauth-authorization-server";
        assert_eq!(path("https://id.example").unwrap(), well_known);
        assert_eq!(path("https://id.example/").unwrap(), well_known);
        assert_eq!(
            path("https://id.example/a/b").unwrap(),
            format!("{well_known}/a/b")
        );
        assert_eq!(path("id.example"), None);
        assert_eq!(path("urn:example:id"), None);
    }

    #[test]
    fn a_public_base_is_an_http_url_and_no_more() {
        let base = |url| {
            let metadata = Metadata::new("https://id.example").unwrap();
            metadata.with_base(url).map(|metadata| metadata.base).ok()
        };
        for (url, expected) in [
            ("https://id.example", "https://id.example"),
            ("https://id.example/", "https://id.example"),
            ("https://id.example/api/", "https://id.example/api"),
            ("http://127.0.0.1:3000/a/b", "http://127.0.0.1:3000/a/b"),
        ] {
            assert_eq!(base(url).as_deref(), Some(expected));
        }
        for url in [
            "",
            "/api",
            "id.example/api",
            "ftp://id.example",
            "https://",
            "https://id.example/api?x=y",
            "https://id.example/api#x",
            "https://user:secret@id.example",
        ] {
            assert_eq!(base(url), None, "{url}");
        }
    }
}
