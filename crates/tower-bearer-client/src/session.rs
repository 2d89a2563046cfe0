use std::{fmt, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    ClientError, ClientErrorKind as Kind, ClientSessionBuilder, EndReason, NewTokens,
    core::{Acquired, Core},
};
use tower_bearer::{AccessToken, claims::Scope};

/// The session of a client: its tokens, and how they are kept fresh. Cheap to clone; clones share
/// everything.
///
/// Nothing happens until a token is asked for: by a request through a
/// [`RefreshLayer`](super::RefreshLayer), or by [`access_token`](Self::access_token). See
/// [the policy](super).
///
/// All methods are safe to cancel: a refresh, a sign-in and a logout go on to their end as
/// long as the runtime lives. They need a tokio runtime with time, which is driven until they are
/// done: all who need a token, on other runtimes too, wait for the refresh of the first.
#[derive(Clone)]
pub struct ClientSession(Arc<Core>);

impl ClientSession {
    /// A session whose tokens come from this token endpoint, an absolute URL, over this HTTP
    /// client.
    ///
    /// The client's proxies, TLS and timeouts are its own. It **must not follow redirects**,
    /// which would take the refresh token elsewhere, and must not go through a
    /// [`RefreshLayer`](super::RefreshLayer) of the same session.
    pub fn builder<T, B, R>(token_endpoint: impl Into<String>, http: T) -> ClientSessionBuilder
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        ClientSessionBuilder::new(token_endpoint.into(), http)
    }

    pub(super) fn new(core: Core) -> Self {
        Self(Arc::new(core))
    }

    /// Begins a session with these tokens: saves them, and from then on uses them. An earlier
    /// session is forgotten, not revoked.
    ///
    /// Requests that wait for a token meanwhile, or are sent once more after a 401, go out with the
    /// new one. Where different users take turns, give each a session of their own.
    ///
    /// # Errors
    ///
    /// Where the tokens are malformed or cannot be saved; then nothing has changed.
    pub async fn sign_in(&self, tokens: impl Into<NewTokens>) -> Result<(), ClientError> {
        let tokens = tokens.into();
        tokens.check()?;
        let core = Arc::clone(&self.0);
        to_the_end(async move { core.sign_in(tokens).await }).await
    }

    /// An access token that may be sent now. Waits for a refresh where there is none.
    ///
    /// For callers who send it by themselves; requests through a
    /// [`RefreshLayer`](super::RefreshLayer) need no such call.
    ///
    /// # Errors
    ///
    /// Where there is none: [`ClientError::is_signed_out`] tells whether someone has to sign in.
    pub async fn access_token(&self) -> Result<AccessToken, ClientError> {
        self.token(None).await
    }

    /// An access token other than this one, which was answered with a 401 although it had not
    /// expired. Refreshes, unless that has been done since.
    ///
    /// # Errors
    ///
    /// As [`access_token`](Self::access_token), and [`RefusedAgain`](Kind::RefusedAgain) where
    /// the last refresh for this reason was only seconds ago.
    pub async fn access_token_after(
        &self,
        refused: &AccessToken,
    ) -> Result<AccessToken, ClientError> {
        self.token(Some(refused)).await
    }

    async fn token(&self, refused: Option<&AccessToken>) -> Result<AccessToken, ClientError> {
        let access = match self.acquire(refused) {
            Acquired::Now(access) => access,
            Acquired::Later(access) => access.await?,
            Acquired::Never(error) => return Err(error),
        };
        Ok(access.token.clone())
    }

    pub(super) fn acquire(&self, refused: Option<&AccessToken>) -> Acquired {
        self.0.acquire(refused)
    }

    /// Waits for the refresh that is under way, if one is.
    ///
    /// For programs that end: a refresh that is cut off half way has rotated the token, and nobody
    /// has saved the new one. This crate's servers deliver it again, many others take what
    /// follows for a theft.
    pub async fn settle(&self) {
        if let Some(refresh) = self.0.under_way() {
            // What it came to is in the store, or will come up again.
            let _ = refresh.await;
        }
    }

    /// Ends the session: at once for this process, then in the store, then on the server, where
    /// the builder was given its revocation endpoint (RFC 7009).
    ///
    /// It waits for a refresh that is under way, whose tokens are to go too. Who signs in before it
    /// is through stays signed in.
    ///
    /// # Errors
    ///
    /// Where the store could not be cleared or the server could not be told. The session is over
    /// here in any case: tokens that stay in the store are not used again by this process, but
    /// they are by the next one.
    pub async fn logout(&self) -> Result<(), ClientError> {
        let departure = self.0.state().sign_out();
        let core = Arc::clone(&self.0);
        to_the_end(async move { core.sign_out(departure).await }).await
    }

    /// What is known without asking anyone. It holds no token.
    pub fn status(&self) -> Status {
        let now = self.0.now();
        let state = self.0.state();
        let held = state.held();
        let failure = state.failure(now);
        Status {
            is_signed_in: held.is_some(),
            ended: state.ended(),
            expires_in: held.and_then(|held| Some(held.access.as_ref()?.left(now))),
            scope: held.and_then(|held| held.tokens.scope.clone()),
            is_refreshing: state.flight().is_some(),
            failure: failure.map(|failure| failure.error.clone()),
            retry_in: failure.map(|failure| failure.until - now.monotonic),
        }
    }
}

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientSession").field(&self.0).finish()
    }
}

/// What a [`ClientSession`] knows of itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Whether there are tokens. Before the first request they may be in the store only.
    pub is_signed_in: bool,
    /// What ended the last session, where one has ended.
    pub ended: Option<EndReason>,
    /// How long the access token is thought to live yet, where there is one.
    pub expires_in: Option<Duration>,
    /// What the tokens allow, where the server said so.
    pub scope: Option<Scope>,
    /// Whether a refresh is under way.
    pub is_refreshing: bool,
    /// What failed last, while it is not tried again.
    pub failure: Option<ClientError>,
    /// How long that lasts.
    pub retry_in: Option<Duration>,
}

/// Does to its end what must not stop half way, whatever becomes of the caller.
async fn to_the_end(
    work: impl Future<Output = Result<(), ClientError>> + Send + 'static,
) -> Result<(), ClientError> {
    let runtime = tokio::runtime::Handle::try_current();
    let runtime = runtime.map_err(|error| ClientError::with_source(Kind::NoRuntime, error))?;
    match runtime.spawn(work).await {
        Ok(done) => done,
        Err(error) => Err(ClientError::with_source(Kind::Interrupted, error)),
    }
}
