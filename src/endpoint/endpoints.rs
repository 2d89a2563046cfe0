use std::{fmt, future::Future, time::Duration};

use http::Request;
use http_body::Body;

use super::{
    authenticate::IntoClientDecision,
    client::ClientSecret,
    document,
    future::ReplyFuture,
    jwks::JwksEndpoint,
    metadata::Metadata,
    paths::{JWKS, REFRESH_TOKEN, REVOKE, TOKEN},
    revocation::Revoke,
    session_endpoint::SessionEndpoint,
    token::Refresh,
};
use crate::{
    error::BoxError,
    session::Sessions,
    store::{AnyStore, SessionStore},
};

/// All endpoints of a set of sessions, each at its path.
///
/// | path | endpoint |
/// | --- | --- |
/// | `{prefix}/token`, `{prefix}/refresh-token` | [`TokenEndpoint`](super::TokenEndpoint) |
/// | `{prefix}/revoke` | [`RevocationEndpoint`](super::RevocationEndpoint) |
/// | `/.well-known/jwks.json` | [`JwksEndpoint`] |
/// | `/.well-known/oauth-authorization-server` and the issuer's path | the metadata (RFC 8414), where the issuer is a URL |
///
/// Paths are compared as they come, byte for byte: a trailing slash or an escape makes another
/// path.
///
/// It is a Tower layer: it answers the requests to these paths, whatever their method, and all
/// others go to the inner service as they are. No token is looked for before the endpoints, so
/// that they belong outside of the [`BearerLayer`](crate::bearer::BearerLayer), as
/// [here](super#example). With the feature `axum` there is [`into_router`](Self::into_router) too.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::{endpoint::Endpoints, session::Sessions};
///
/// fn endpoints(sessions: &Sessions) -> Endpoints {
///     Endpoints::new(sessions).under("/auth").jwks_max_age(Duration::from_secs(3600))
/// }
/// ```
pub struct Endpoints<St = AnyStore> {
    prefix: String,
    /// What the token and the revocation endpoint share.
    shared: SessionEndpoint<St>,
    jwks: JwksEndpoint,
    metadata: Option<Metadata>,
    max_age: Duration,
}

impl<St: SessionStore> Endpoints<St> {
    /// The endpoints of these sessions and of their issuer's keys, without a prefix.
    pub fn new(sessions: &Sessions<St>) -> Self {
        let issuer = sessions.issuer();
        Self {
            prefix: String::new(),
            shared: SessionEndpoint::new(sessions.clone()),
            jwks: JwksEndpoint::new(issuer.keys().verifying()),
            metadata: Metadata::new(issuer.issuer()),
            max_age: document::DEFAULT_MAX_AGE,
        }
    }
}

impl<St> Endpoints<St> {
    /// Puts the token and revocation endpoints below a path. `auth`, `/auth` and `/auth/` are
    /// the same.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        let segments = prefix.split('/').filter(|segment| !segment.is_empty());
        self.prefix = segments.flat_map(|segment| ["/", segment]).collect();
        self
    }

    /// How many bytes a request body has at most; 16 KiB unless set.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.shared = self.shared.body_limit(bytes);
        self
    }

    /// Checks the secrets of OAuth clients, as
    /// [`TokenEndpoint::authenticate_client`](super::TokenEndpoint::authenticate_client) does.
    #[must_use]
    pub fn authenticate_client<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoClientDecision> + Send + 'static,
    {
        self.shared = self.shared.authenticate_client(check);
        self
    }

    /// Refuses clients that do not authenticate, at the token and revocation endpoints, as
    /// [`TokenEndpoint::require_client_authentication`][token] does. The metadata then no
    /// longer list the method `none`.
    ///
    /// [token]: super::TokenEndpoint::require_client_authentication
    #[must_use]
    pub fn require_client_authentication(mut self) -> Self {
        self.shared = self.shared.require_client_authentication();
        self
    }

    /// Takes refresh tokens from a cookie too, at the token endpoint and, where the cookie's
    /// path reaches it, at the revocation endpoint. See [the policy](crate::cookie).
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn refresh_cookie(mut self, cookie: &crate::cookie::RefreshCookie) -> Self {
        self.shared = self.shared.refresh_cookie(cookie);
        self
    }

    /// How long caches may keep the key set and the metadata, in whole seconds; 300 s unless
    /// set.
    #[must_use]
    pub fn jwks_max_age(mut self, max_age: Duration) -> Self {
        self.jwks = self.jwks.max_age(max_age);
        self.max_age = max_age;
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
            _ => None,
        }
    }
}

enum Route<'a> {
    Token,
    Revocation,
    Jwks,
    Metadata(&'a Metadata),
}

impl<St: SessionStore> Endpoints<St> {
    /// The answer to a request to one of the endpoints.
    ///
    /// # Errors
    ///
    /// Any other request, untouched.
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
            Some(Route::Jwks) => Ok(self.jwks.respond(&request)),
            Some(Route::Metadata(metadata)) => {
                let json = || metadata.json(&self.prefix, self.shared.client_methods());
                Ok(ReplyFuture::ready(document::respond(
                    &request,
                    self.max_age,
                    json,
                )))
            }
            None => Err(request),
        }
    }

    /// All paths that are answered. One may come twice, where the issuer's path and the prefix
    /// make two of them the same.
    #[cfg(feature = "axum")]
    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        let below = [TOKEN, REFRESH_TOKEN, REVOKE].map(|path| format!("{}{path}", self.prefix));
        let metadata = self
            .metadata
            .iter()
            .map(|metadata| metadata.path().to_owned());
        below.into_iter().chain([JWKS.to_owned()]).chain(metadata)
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
