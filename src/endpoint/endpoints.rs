use std::{fmt, time::Duration};

use http::Request;
use http_body::Body;

use super::{
    introspection,
    jwks::JwksEndpoint,
    metadata::{Metadata, Offers},
    options::EndpointOptions,
    revocation::Revoke,
    session_endpoint::SessionEndpoint,
    token::Refresh,
};
use crate::{
    bearer::AcrValues,
    error::{BoxError, ConfigError, ConfigErrorKind},
    paths::{self, INTROSPECT, JWKS, REFRESH_TOKEN, REVOKE, TOKEN},
    reply::ReplyFuture,
    serving::document,
    session::Sessions,
    store::{AnyStore, SessionStore},
};
#[cfg(feature = "dbsc")]
use crate::{
    dbsc::{DeviceBinding, Step},
    paths::{DEVICE_REFRESH, DEVICE_REGISTRATION},
};

/// All endpoints for a `Sessions`, each at its path.
///
/// | path | endpoint |
/// | --- | --- |
/// | `{prefix}/token`, `{prefix}/refresh-token` | [`TokenEndpoint`](super::TokenEndpoint) |
/// | `{prefix}/revoke` | [`RevocationEndpoint`](super::RevocationEndpoint) |
/// | `{prefix}/introspect` | [`IntrospectionEndpoint`](super::IntrospectionEndpoint), which answers 401 to everybody unless the options say who may ask |
/// | `/.well-known/jwks.json` | [`JwksEndpoint`] |
#[cfg_attr(
    feature = "dbsc",
    doc = "| `{prefix}/device/register`, `{prefix}/device/refresh` | the endpoints of [`dbsc`](crate::dbsc), if the options have a [`DeviceBinding`] |"
)]
/// | `/.well-known/oauth-authorization-server`, followed by the issuer's path | the metadata (RFC 8414), if the issuer is a URL |
///
/// Paths are compared byte for byte: a path with a trailing slash or an escape is another path.
///
/// This is a Tower layer. It answers all requests to these paths, whatever their method, and
/// passes other requests on to the inner service unchanged. Clients need no access token for the
/// endpoints, so put this layer outside of the [`BearerLayer`](crate::bearer::BearerLayer), as in
/// [the example](super#example). With the feature `axum` there is also
/// `into_router`.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::{endpoint::Endpoints, session::Sessions};
///
/// fn endpoints(sessions: &Sessions) -> Endpoints {
///     Endpoints::new(sessions).under("/auth").jwks_max_age(Duration::from_secs(3600))
/// }
/// ```
///
/// # Behind a path
///
/// The paths of the table are those of the requests that arrive here. Where the world adds something
/// to them, because a proxy removes a part of the path or axum's `nest` does, say so with
/// [`public_base`](Self::public_base), and the metadata name the addresses that work.
///
/// The metadata themselves belong to the root of the issuer's host, whatever its path is: those of
/// `https://id.example/api` are at
/// `https://id.example/.well-known/oauth-authorization-server/api` (RFC 8414 §3.1). A proxy has to
/// pass that path on as it is. In an axum router that nests the endpoints, `metadata_router` goes
/// beside the nest. [The manual](crate::manual::deployment#behind-a-path) shows both.
pub struct Endpoints<St = AnyStore> {
    prefix: String,
    /// The part that the token, the revocation and the introspection endpoint share.
    shared: SessionEndpoint<St>,
    jwks: JwksEndpoint,
    metadata: Option<Metadata>,
    max_age: Duration,
    acr_values: Option<AcrValues>,
}

impl<St: SessionStore> Endpoints<St> {
    /// The endpoints for these sessions and their issuer's keys, without a prefix.
    pub fn new(sessions: &Sessions<St>) -> Self {
        let issuer = sessions.issuer();
        Self {
            prefix: String::new(),
            shared: SessionEndpoint::new(sessions.clone()),
            jwks: JwksEndpoint::new(issuer.keys().verifying()),
            metadata: Metadata::new(issuer.issuer()),
            max_age: document::DEFAULT_MAX_AGE,
            acr_values: None,
        }
    }
}

impl<St> Endpoints<St> {
    /// Puts the endpoints of the table's prefix below this path. `auth`, `/auth` and `/auth/` mean
    /// the same.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.prefix = paths::prefix(prefix);
        self
    }

    /// The address at which the world finds the root of this server, for the metadata to name: the
    /// origin of the issuer by default, which is right unless something in front changes the path.
    /// The paths at which requests are answered stay as they are.
    ///
    /// ```
    /// use tower_bearer::{endpoint::Endpoints, error::ConfigError, session::Sessions};
    ///
    /// /// A proxy sends `https://id.example/api/auth/token` here as `/auth/token`.
    /// fn endpoints(sessions: &Sessions) -> Result<Endpoints, ConfigError> {
    ///     Endpoints::new(sessions).under("/auth").public_base("https://id.example/api")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL, or if it has a query, a
    /// fragment or a user. Also if the issuer of the sessions is no such URL, since there are no
    /// metadata then.
    pub fn public_base(mut self, url: &str) -> Result<Self, ConfigError> {
        const NO_METADATA: &str =
            "there are no metadata to name it, because the issuer is not an http(s) URL";
        let metadata = self
            .metadata
            .ok_or_else(|| ConfigError::new(ConfigErrorKind::Url, NO_METADATA))?;
        self.metadata = Some(metadata.with_base(url)?);
        Ok(self)
    }

    /// Reads requests to the token, the revocation and the introspection endpoint, and asks for clients'
    /// secrets, as these options say. Where they [require][required] a secret, the metadata no longer list the
    /// method `none`.
    ///
    /// [required]: EndpointOptions::require_client_authentication
    #[must_use]
    pub fn options(mut self, options: EndpointOptions) -> Self {
        self.shared = self.shared.options(options);
        self
    }

    /// How long caches may keep the key set and the metadata, in whole seconds: 300 seconds by
    /// default. For the key set of a ring it is [cut](crate::endpoint::JwksEndpoint::max_age) to what fits.
    #[must_use]
    pub fn jwks_max_age(mut self, max_age: Duration) -> Self {
        self.jwks = self.jwks.max_age(max_age);
        self.max_age = max_age;
        self
    }

    /// For how much longer caches may use the key set where the server does not answer: see
    /// [`JwksEndpoint::stale_if_error`].
    #[must_use]
    pub fn jwks_stale_if_error(mut self, stale: Duration) -> Self {
        self.jwks = self.jwks.stale_if_error(stale);
        self
    }

    /// Names the classes of authentication that logins may have in the metadata (`acr_values_supported`,
    /// RFC 9470 §7): those that the application gives to [`Grant::acr`](crate::session::Grant::acr).
    #[must_use]
    pub fn acr_values_supported(mut self, values: &AcrValues) -> Self {
        self.acr_values = Some(values.clone()).filter(|values| !values.is_empty());
        self
    }

    fn route(&self, path: &str) -> Option<Route<'_>> {
        if path == JWKS {
            return Some(Route::Jwks);
        }
        if let Some(metadata) = self
            .metadata
            .as_ref()
            .filter(|metadata| metadata.path() == path)
        {
            return Some(Route::Metadata(metadata));
        }
        match path.strip_prefix(self.prefix.as_str())? {
            TOKEN | REFRESH_TOKEN => Some(Route::Token),
            REVOKE => Some(Route::Revocation),
            INTROSPECT => Some(Route::Introspection),
            #[cfg(feature = "dbsc")]
            DEVICE_REGISTRATION => self.device(Step::Registration),
            #[cfg(feature = "dbsc")]
            DEVICE_REFRESH => self.device(Step::Refresh),
            _ => None,
        }
    }

    #[cfg(feature = "dbsc")]
    fn device(&self, step: Step) -> Option<Route<'_>> {
        let binding = self.shared.device_binding()?;
        Some(Route::Device(binding, step))
    }
}

enum Route<'a> {
    Token,
    Revocation,
    Introspection,
    Jwks,
    Metadata(&'a Metadata),
    #[cfg(feature = "dbsc")]
    Device(&'a DeviceBinding, Step),
}

impl<St: SessionStore> Endpoints<St> {
    /// The answer to a request, if its path is that of an endpoint.
    ///
    /// # Errors
    ///
    /// Any other request is given back unchanged.
    #[expect(
        clippy::result_large_err,
        reason = "the request goes on from here, it is no failure"
    )]
    pub(super) fn answer<B>(&self, request: Request<B>) -> Result<ReplyFuture, Request<B>>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        match self.route(request.uri().path()) {
            Some(Route::Token) => Ok(self.shared.respond::<Refresh, B>(request)),
            Some(Route::Revocation) => Ok(self.shared.respond::<Revoke, B>(request)),
            Some(Route::Introspection) => Ok(introspection::respond(&self.shared, request)),
            #[cfg(feature = "dbsc")]
            Some(Route::Device(binding, step)) => {
                Ok(binding.respond(step, self.shared.sessions(), request))
            }
            Some(Route::Jwks) => Ok(self.jwks.respond(&request)),
            Some(Route::Metadata(metadata)) => {
                let json = || metadata.json(&self.prefix, self.offers());
                Ok(ReplyFuture::ready(document::respond(
                    &request,
                    self.max_age,
                    json,
                )))
            }
            None => Err(request),
        }
    }

    /// What the metadata tell of the endpoints besides where they are.
    fn offers(&self) -> Offers<'_> {
        let keys = self.shared.sessions().issuer().keys();
        Offers {
            client_methods: self.shared.client_methods(),
            proof_algorithms: self.shared.proof_algorithms(),
            introspection_methods: introspection::methods(self.shared.settings()),
            acr_values: self
                .acr_values
                .as_ref()
                .map(|values| values.iter().collect()),
            introspection_algorithm: keys.signing_algorithm().as_str(),
        }
    }

    /// All paths that are answered. Two of them may be the same, depending on the issuer's path
    /// and the prefix.
    #[cfg(feature = "axum")]
    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        let below =
            [TOKEN, REFRESH_TOKEN, REVOKE, INTROSPECT].map(|path| format!("{}{path}", self.prefix));
        let fixed = below.into_iter().chain([JWKS.to_owned()]);
        fixed.chain(self.metadata_path()).chain(self.device_paths())
    }

    #[cfg(all(feature = "axum", feature = "dbsc"))]
    fn device_paths(&self) -> impl Iterator<Item = String> {
        let binding = self.shared.device_binding();
        let paths = binding.map(|_| [DEVICE_REGISTRATION, DEVICE_REFRESH]);
        let paths = paths.into_iter().flatten();
        paths.map(|path| format!("{}{path}", self.prefix))
    }

    #[cfg(all(feature = "axum", not(feature = "dbsc")))]
    fn device_paths(&self) -> impl Iterator<Item = String> {
        std::iter::empty()
    }

    /// The path of the metadata, if there are any.
    #[cfg(feature = "axum")]
    pub(super) fn metadata_path(&self) -> Option<String> {
        let metadata = self.metadata.as_ref()?;
        Some(metadata.path().to_owned())
    }
}

impl<St> Clone for Endpoints<St> {
    fn clone(&self) -> Self {
        Self {
            prefix: self.prefix.clone(),
            shared: self.shared.clone(),
            jwks: self.jwks.clone(),
            metadata: self.metadata.clone(),
            max_age: self.max_age,
            acr_values: self.acr_values.clone(),
        }
    }
}

impl<St> fmt::Debug for Endpoints<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("prefix", &self.prefix)
            .field("shared", &self.shared)
            .field("jwks", &self.jwks)
            .finish_non_exhaustive()
    }
}
