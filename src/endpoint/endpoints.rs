use std::{error::Error as StdError, fmt, future::Future, time::Duration};

use http::Request;
use http_body::Body;

use super::{
    client::{ClientCheck, ClientSecret},
    document,
    future::ReplyFuture,
    jwks::JwksEndpoint,
    metadata::Metadata,
    revocation::RevocationEndpoint,
    token::TokenEndpoint,
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
/// | `{prefix}/token`, `{prefix}/refresh-token` | [`TokenEndpoint`] |
/// | `{prefix}/revoke` | [`RevocationEndpoint`] |
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
    token: TokenEndpoint<St>,
    revocation: RevocationEndpoint<St>,
    jwks: JwksEndpoint,
    metadata: Option<Metadata>,
    max_age: Duration,
    checks_clients: bool,
}

impl<St: SessionStore> Endpoints<St> {
    /// The endpoints of these sessions and of their issuer's keys, without a prefix.
    pub fn new(sessions: &Sessions<St>) -> Self {
        let issuer = sessions.issuer();
        Self {
            prefix: String::new(),
            token: TokenEndpoint::new(sessions.clone()),
            revocation: RevocationEndpoint::new(sessions.clone()),
            jwks: JwksEndpoint::new(issuer.keys().verifying()),
            metadata: Metadata::new(issuer.issuer()),
            max_age: document::DEFAULT_MAX_AGE,
            checks_clients: false,
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
        self.token = self.token.body_limit(bytes);
        self.revocation = self.revocation.body_limit(bytes);
        self
    }

    /// Checks the passwords of OAuth clients, as [`TokenEndpoint::authenticate_client`] does.
    #[must_use]
    pub fn authenticate_client<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        let check = ClientCheck::new(check);
        self.token = self.token.client_check(check.clone());
        self.revocation = self.revocation.client_check(check);
        self.checks_clients = true;
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
    /// # Panics
    ///
    /// Where a segment of the prefix starts with `:` or `*`, which axum does not take.
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

        let handler = move |request: axum::extract::Request| {
            let served = self.serve(request);
            async move {
                match served {
                    Ok(reply) => Ok(reply.await),
                    Err(_) => Err(http::StatusCode::NOT_FOUND),
                }
            }
        };
        // Paths are literal here; to the router, braces are not.
        paths.fold(axum::Router::new(), |router, path| {
            let literal = path.replace('{', "{{").replace('}', "}}");
            router.route(&literal, axum::routing::any(handler.clone()))
        })
    }
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
            Some(Route::Token) => Ok(self.token.respond(request)),
            Some(Route::Revocation) => Ok(self.revocation.respond(request)),
            Some(Route::Jwks) => Ok(self.jwks.respond(&request)),
            Some(Route::Metadata(metadata)) => {
                let json = || metadata.json(&self.prefix, self.checks_clients);
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
            token: self.token.clone(),
            revocation: self.revocation.clone(),
            jwks: self.jwks.clone(),
            metadata: self.metadata.clone(),
            max_age: self.max_age,
            checks_clients: self.checks_clients,
        }
    }
}

impl<St> fmt::Debug for Endpoints<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints")
            .field("prefix", &self.prefix)
            .field("token", &self.token)
            .field("revocation", &self.revocation)
            .field("jwks", &self.jwks)
            .finish_non_exhaustive()
    }
}
