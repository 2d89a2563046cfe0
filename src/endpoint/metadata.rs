use http::Uri;
use serde::Serialize;

use super::paths::{JWKS, REVOKE, TOKEN};

/// The authorization server's metadata (RFC 8414) and the path of the document.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    issuer: String,
    origin: String,
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
}

impl Metadata {
    /// `None` if the issuer is not a URL, as clients could not find the document then.
    pub(super) fn new(issuer: &str) -> Option<Self> {
        let uri: Uri = issuer.parse().ok()?;
        let scheme = uri
            .scheme_str()
            .filter(|scheme| matches!(*scheme, "https" | "http"))?;
        let origin = format!("{scheme}://{}", uri.authority()?);
        // The issuer's own path follows the well-known one (RFC 8414 §3.1).
        let own = uri.path().trim_end_matches('/');
        let path = format!("/.well-known/oauth-authorization-server{own}");
        Some(Self {
            issuer: issuer.to_owned(),
            origin,
            path,
        })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The document, for endpoints under `prefix` at which clients authenticate by `methods`.
    pub(super) fn json(&self, prefix: &str, methods: &[&str]) -> String {
        let origin = &self.origin;
        let document = Document {
            issuer: &self.issuer,
            token_endpoint: format!("{origin}{prefix}{TOKEN}"),
            revocation_endpoint: format!("{origin}{prefix}{REVOKE}"),
            jwks_uri: format!("{origin}{JWKS}"),
            response_types_supported: &[],
            grant_types_supported: &["refresh_token"],
            token_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_methods_supported: methods,
        };
        // Strings and lists of strings can always be serialized.
        serde_json::to_string(&document).unwrap_or_default()
    }
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
}
