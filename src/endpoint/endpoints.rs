#[cfg(feature = "axum")]
use std::collections::BTreeSet;
use std::{error::Error as StdError, fmt, future::Future, time::Duration};

use http::Request;
use http_body::Body;

use super::{
    authenticate::IntoClientDecision, client::ClientSecret, core::Core, document,
    future::ReplyFuture, jwks::JwksEndpoint, metadata::Metadata, revocation::Revoke,
    token::Refresh,
};
use crate::{bearer::Serve, session::Sessions, store::SessionStore};

pub(super) const TOKEN: &str = "/token";
const REFRESH_TOKEN: &str = "/refresh-token";
pub(super) const REVOKE: &str = "/revoke";
pub(super) const JWKS: &str = "/.well-known/jwks.json";

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
/// path. Serve them by [`BearerLayer::serve`](crate::bearer::BearerLayer::serve), or with the
/// feature `axum` by [`into_router`](Self::into_router).
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::{endpoint::Endpoints, session::Sessions, store::MemoryStore};
///
/// fn endpoints(sessions: &Sessions<MemoryStore>) -> Endpoints<MemoryStore> {
///     Endpoints::new(sessions).under("/auth").jwks_max_age(Duration::from_secs(3600))
/// }
/// ```
pub struct Endpoints<St> {
    prefix: String,
    core: Core<St>,
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
            core: Core::new(sessions.clone()),
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
        self.core = self.core.body_limit(bytes);
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
        self.core = self.core.authenticate_client(check);
        self
    }

    /// Refuses clients that do not authenticate, at the token and revocation endpoints, as
    /// [`TokenEndpoint::require_client_authentication`][token] does. The metadata then no
    /// longer list the method `none`.
    ///
    /// [token]: super::TokenEndpoint::require_client_authentication
    #[must_use]
    pub fn require_client_authentication(mut self) -> Self {
        self.core = self.core.require_client_authentication();
        self
    }

    /// Takes refresh tokens from a cookie too, at the token endpoint and, where the cookie's
    /// path reaches it, at the revocation endpoint. See [the policy](crate::cookie).
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn refresh_cookie(mut self, cookie: &crate::cookie::RefreshCookie) -> Self {
        self.core = self.core.refresh_cookie(cookie);
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

#[cfg(feature = "axum")]
impl<St: SessionStore> Endpoints<St> {
    /// A router with each endpoint at its path, to be merged into the application's.
    ///
    /// A segment of the prefix that starts with `:` or `*` cannot be said to axum literally: the
    /// router takes any segment there, and answers 404 where it is another.
    ///
    /// ```
    /// use axum::Router;
    /// use tower_bearer::{endpoint::Endpoints, session::Sessions, store::MemoryStore};
    ///
    /// fn app(sessions: &Sessions<MemoryStore>) -> Router {
    ///     Router::new().merge(Endpoints::new(sessions).under("/auth").into_router())
    /// }
    /// ```
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> axum::Router<S> {
        let below = [TOKEN, REFRESH_TOKEN, REVOKE].map(|path| format!("{}{path}", self.prefix));
        let metadata = self
            .metadata
            .as_ref()
            .map(|metadata| metadata.path().to_owned());
        let paths = below.into_iter().chain([JWKS.to_owned()]).chain(metadata);
        // One route where the issuer's path and the prefix make two of them the same.
        let routes: BTreeSet<_> = paths.map(|path| axum_route(&path)).collect();

        let handler = move |request: axum::extract::Request| {
            let served = self.serve(request);
            async move {
                match served {
                    Ok(reply) => Ok(reply.await),
                    Err(_) => Err(http::StatusCode::NOT_FOUND),
                }
            }
        };
        routes.iter().fold(axum::Router::new(), |router, path| {
            router.route(path, axum::routing::any(handler.clone()))
        })
    }
}

/// The path as axum's router wants it, for which braces have a meaning. It panics at segments
/// that look like parameters of its version 0.7, so that parameters stand for them.
#[cfg(feature = "axum")]
fn axum_route(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(at, segment)| {
        if segment.starts_with([':', '*']) {
            format!("{{segment{at}}}")
        } else {
            segment.replace('{', "{{").replace('}', "}}")
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

enum Route<'a> {
    Token,
    Revocation,
    Jwks,
    Metadata(&'a Metadata),
}

impl<St, B> Serve<B> for Endpoints<St>
where
    St: SessionStore,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Future = ReplyFuture;

    fn serve(&self, request: Request<B>) -> Result<ReplyFuture, Request<B>> {
        match self.route(request.uri().path()) {
            Some(Route::Token) => Ok(self.core.respond::<Refresh, B>(request)),
            Some(Route::Revocation) => Ok(self.core.respond::<Revoke, B>(request)),
            Some(Route::Jwks) => Ok(self.jwks.respond(&request)),
            Some(Route::Metadata(metadata)) => {
                let json = || metadata.json(&self.prefix, self.core.client_methods());
                Ok(ReplyFuture::ready(document::respond(
                    &request,
                    self.max_age,
                    json,
                )))
            }
            None => Err(request),
        }
    }
}

impl<St> Clone for Endpoints<St> {
    fn clone(&self) -> Self {
        Self {
            prefix: self.prefix.clone(),
            core: self.core.clone(),
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
            .field("core", &self.core)
            .field("jwks", &self.jwks)
            .finish_non_exhaustive()
    }
}
