use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    claims::Scope,
    error::{ConfigError, ConfigErrorKind},
    json,
    paths::PROTECTED_RESOURCE,
    serving::document,
    uri,
};

/// The metadata of a protected resource (RFC 9728 §2), as a service that shows them and as a layer.
/// It is cheap to clone.
///
/// As a service it answers requests to any path, so that an application can put it at further ones.
/// As a layer it answers those to [`path`](Self::path) and passes all others on. Put the layer outside
/// of the [`BearerLayer`](crate::bearer::BearerLayer): who reads the metadata has no token yet. With the
/// feature `axum` there is also `into_router`.
///
/// ```
/// use tower_bearer::{Scope, error::ConfigError, resource::ProtectedResource};
///
/// # fn resource() -> Result<(), ConfigError> {
/// let resource = ProtectedResource::new("https://api.example/mcp")?
///     .authorization_servers(["https://id.example"])?
///     .scopes_supported(Scope::from_static("files:read files:write"))
///     .resource_name("Files");
/// assert_eq!(resource.path(), "/.well-known/oauth-protected-resource/mcp");
/// # Ok(())
/// # }
/// # resource().unwrap();
/// ```
///
/// `bearer_methods_supported` is `["header"]`, because a
/// [`BearerLayer`](crate::bearer::BearerLayer) reads access tokens from nowhere else, except from a cookie,
/// which RFC 9728 has no word for.
#[derive(Clone, Debug)]
pub struct ProtectedResource(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    resource: String,
    metadata_url: Arc<str>,
    path: String,
    members: Map<String, Value>,
    max_age: Duration,
}

const RESOURCE: &str = "resource";

impl ProtectedResource {
    /// The metadata of the resource with this identifier: the URL by which clients know it, such as that
    /// of an API or of an MCP server. It should be the audience of the access tokens too
    /// (RFC 8707 §2).
    ///
    /// Clients compare it byte for byte with the URL from which they have made the address of the
    /// document (RFC 9728 §3.3), and some of them take no `http` URL.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL, or if it has a query, a
    /// fragment or a user.
    pub fn new(resource: &str) -> Result<Self, ConfigError> {
        let (origin, path) = split(resource, "the identifier of a resource")?;
        // A slash right after the host is left out, and no other one (RFC 9728 §3.1).
        let own = if path == "/" { "" } else { path };
        let path = format!("{PROTECTED_RESOURCE}{own}");
        let members = [
            (RESOURCE, Value::from(resource)),
            ("bearer_methods_supported", Value::from(vec!["header"])),
        ];
        Ok(Self(Arc::new(Inner {
            resource: resource.to_owned(),
            metadata_url: format!("{origin}{path}").into(),
            path,
            members: members
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
            max_age: document::DEFAULT_MAX_AGE,
        })))
    }

    /// The issuers of the authorization servers that give tokens for this resource
    /// (`authorization_servers`). A client goes on at their metadata. MCP requires at least one.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if one is not an `http` or `https` URL, or if it has a query, a fragment
    /// or a user.
    pub fn authorization_servers<I: Into<String>>(
        self,
        issuers: impl IntoIterator<Item = I>,
    ) -> Result<Self, ConfigError> {
        let issuers: Vec<String> = issuers.into_iter().map(Into::into).collect();
        for issuer in &issuers {
            split(issuer, "an authorization server's issuer")?;
        }
        Ok(self.list("authorization_servers", issuers))
    }

    /// The scopes that clients may ask for to use the resource (`scopes_supported`). RFC 9728 allows to
    /// keep some back. An MCP client that is not told a scope by a challenge asks for all of these, so
    /// name what is needed for a start. `offline_access` is none of them: refresh tokens are no matter
    /// of a resource.
    #[must_use]
    pub fn scopes_supported(self, scopes: Scope) -> Self {
        self.list(
            "scopes_supported",
            scopes.iter().map(str::to_owned).collect(),
        )
    }

    /// The name of the resource for people (`resource_name`). One in another language is a
    /// [`member`](Self::member) such as `resource_name#de`.
    #[must_use]
    pub fn resource_name(self, name: &str) -> Self {
        self.with("resource_name", Value::from(name))
    }

    /// The address of a page for developers (`resource_documentation`).
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL.
    pub fn resource_documentation(self, url: &str) -> Result<Self, ConfigError> {
        self.page("resource_documentation", url)
    }

    /// The address of the rules for what a client may do with the data (`resource_policy_uri`).
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL.
    pub fn resource_policy_uri(self, url: &str) -> Result<Self, ConfigError> {
        self.page("resource_policy_uri", url)
    }

    /// The address of the terms of service (`resource_tos_uri`).
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL.
    pub fn resource_tos_uri(self, url: &str) -> Result<Self, ConfigError> {
        self.page("resource_tos_uri", url)
    }

    /// The address of the resource's **own** keys (`jwks_uri`), by which it signs its answers, for
    /// example. These are not the keys that verify access tokens: those are the authorization server's.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL.
    pub fn jwks_uri(self, url: &str) -> Result<Self, ConfigError> {
        self.page("jwks_uri", url)
    }

    /// Names the algorithms of the proofs that this verifier takes
    /// (`dpop_signing_alg_values_supported`) and, if it requires them of all clients,
    /// `dpop_bound_access_tokens_required`. Give the one of
    /// [`BearerLayer::dpop`](crate::bearer::BearerLayer::dpop).
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn dpop(self, verifier: &crate::dpop::DpopVerifier) -> Self {
        let algorithms = verifier.algorithm_names().split(' ').map(str::to_owned);
        let named = self.list("dpop_signing_alg_values_supported", algorithms.collect());
        let required = match verifier.is_required_for(None) {
            true => Value::Bool(true),
            false => Value::Null,
        };
        named.with("dpop_bound_access_tokens_required", required)
    }

    /// Any other member of the document, such as `tls_client_certificate_bound_access_tokens` or one of
    /// the application's own. A `null` or an empty list takes the member away.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Metadata`] if the name is `resource`, or if the value cannot be written as JSON.
    pub fn member(self, name: &str, value: &impl Serialize) -> Result<Self, ConfigError> {
        if name == RESOURCE {
            let twice = "the resource itself is given when the metadata are made";
            return Err(ConfigError::new(ConfigErrorKind::Metadata, twice));
        }
        match serde_json::to_value(value) {
            Ok(value) => Ok(self.with(name, value)),
            Err(error) => Err(
                ConfigError::new(ConfigErrorKind::Metadata, "the value is no JSON")
                    .with_source(error),
            ),
        }
    }

    /// How long caches may keep the document, in whole seconds: 300 seconds by default.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        Arc::make_mut(&mut self.0).max_age = max_age;
        self
    }

    /// The identifier of the resource.
    pub fn resource(&self) -> &str {
        &self.0.resource
    }

    /// The address of the document: the well-known path between the host and the path of the resource
    /// (RFC 9728 §3.1).
    pub fn metadata_url(&self) -> &str {
        &self.0.metadata_url
    }

    /// The path of the [address](Self::metadata_url), at which the layer answers. A proxy has to pass it
    /// on as it is, whatever it does with the path of the resource.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    pub(crate) fn shared_url(&self) -> &Arc<str> {
        &self.0.metadata_url
    }

    pub(super) fn json(&self) -> String {
        json::text(&self.0.members)
    }

    pub(super) fn cached_for(&self) -> Duration {
        self.0.max_age
    }

    fn page(self, name: &str, url: &str) -> Result<Self, ConfigError> {
        match uri::split(url) {
            Some(_) => Ok(self.with(name, Value::from(url))),
            None => Err(ConfigError::new(
                ConfigErrorKind::Url,
                format!("{name} is http(s)://host[:port][/path][?query]"),
            )),
        }
    }

    fn list(self, name: &str, values: Vec<String>) -> Self {
        self.with(name, Value::from(values))
    }

    /// What says nothing is left out (RFC 9728 §3.2).
    fn with(mut self, name: &str, value: Value) -> Self {
        let members = &mut Arc::make_mut(&mut self.0).members;
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        match is_empty {
            true => members.remove(name),
            false => members.insert(name.to_owned(), value),
        };
        self
    }
}

/// The origin of a URL without a query, and its path.
fn split<'a>(url: &'a str, what: &str) -> Result<(&'a str, &'a str), ConfigError> {
    uri::split(url)
        .filter(|_| !url.contains('?'))
        .ok_or_else(|| {
            ConfigError::new(
                ConfigErrorKind::Url,
                format!(
                    "{what} is http(s)://host[:port][/path], without a query, a fragment and a user"
                ),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_stands_after_the_host() {
        const WELL_KNOWN: &str = "https://a.example/.well-known/oauth-protected-resource";
        for (resource, rest) in [
            ("https://a.example", ""),
            ("https://a.example/", ""),
            ("https://a.example/mcp", "/mcp"),
            ("https://a.example/mcp/", "/mcp/"),
            ("https://a.example/a/b", "/a/b"),
        ] {
            let made = ProtectedResource::new(resource).unwrap();
            assert_eq!(made.metadata_url(), format!("{WELL_KNOWN}{rest}"));
            assert_eq!(made.resource(), resource);
        }
    }

    #[test]
    fn what_is_no_plain_url_is_refused() {
        for url in [
            "",
            "a.example",
            "/mcp",
            "urn:example:mcp",
            "https://a.example/mcp?x",
            "https://a.example/mcp#x",
            "https://u@a.example/",
            "https://a.example/\"",
            "https://a.example/a b",
        ] {
            let error = ProtectedResource::new(url).unwrap_err();
            assert_eq!(error.kind(), ConfigErrorKind::Url, "{url}");
        }
    }
}
