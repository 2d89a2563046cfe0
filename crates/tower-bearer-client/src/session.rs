use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::runtime::Handle;

use tower_bearer::{
    AccessToken,
    claims::{KeyThumbprint, Scope},
};

use crate::{
    dpop::Key,
    error::{ClientError, ClientErrorKind as Kind},
    flight::Acquired,
    new_tokens::NewTokens,
    phase::SessionPhase,
    shared::Shared,
};

/// The session of a client: it holds the tokens and keeps them fresh. It is cheap to clone, and
/// clones share everything.
///
/// Nothing happens until someone asks for an access token: a request through a
/// [`RefreshLayer`](crate::RefreshLayer), or a call of [`access_token`](Self::access_token). The
/// [front page](crate) says what happens then.
///
/// All methods can be cancelled safely. A refresh, a sign-in or a logout that has begun goes on to
/// its end, as long as the tokio runtime lives.
///
/// The methods need a tokio runtime with its timer enabled. If clones are used on several runtimes,
/// a refresh runs on the runtime of the first that needed it, and the others wait for it: so none of
/// these runtimes may stand still.
#[derive(Clone)]
pub struct ClientSession(Arc<Shared>);

impl ClientSession {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }

    /// Begins a session with these tokens: saves them, and uses them from then on. An earlier
    /// session is forgotten, but not revoked on the server.
    ///
    /// Requests of the earlier session that still wait for a token, or are sent once more after a
    /// refusal, go out with the new session's token. If different users take turns, give each of
    /// them a `ClientSession` of their own.
    ///
    /// # Errors
    ///
    /// - [`Malformed`](Kind::Malformed) if a token is empty or has characters that no token has, if the
    ///   tokens are bound to a key that the session does not have, or if they are not bound and the
    ///   session asks for that (see [the front page](crate#sessions-that-are-bound-to-a-key)). A login
    ///   that has proven a key has a `sign_in` of its own.
    /// - [`Proof`](Kind::Proof) if a key could not be made.
    /// - [`Store`](Kind::Store) if the tokens cannot be saved.
    ///
    /// In all these cases nothing has changed.
    pub async fn sign_in(&self, tokens: impl Into<NewTokens>) -> Result<(), ClientError> {
        self.sign_in_with(tokens.into(), None).await
    }

    /// `key` is the one that the login has proven, if it has.
    pub(crate) async fn sign_in_with(
        &self,
        tokens: NewTokens,
        key: Option<Key>,
    ) -> Result<(), ClientError> {
        tokens.check()?;
        let shared = Arc::clone(&self.0);
        to_the_end(async move { shared.sign_in(tokens, key).await }).await
    }

    /// An access token that can be sent now. If there is none, waits for a refresh.
    ///
    /// This is for requests that are sent without a [`RefreshLayer`](crate::RefreshLayer).
    ///
    /// # Errors
    ///
    /// If no access token can be had. [`ClientError::is_signed_out`] tells whether the user has to
    /// sign in.
    pub async fn access_token(&self) -> Result<AccessToken, ClientError> {
        self.token(None).await
    }

    /// An access token other than `refused`, which an API has refused although it had not expired. It
    /// comes from a refresh, unless there has been one since.
    ///
    /// # Errors
    ///
    /// Those of [`access_token`](Self::access_token), and [`RefusedAgain`](Kind::RefusedAgain) if
    /// the last refresh for this reason was less than 10 s ago.
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

    pub(crate) fn acquire(&self, refused: Option<&AccessToken>) -> Acquired {
        self.0.acquire(refused)
    }

    /// Waits until the refresh that is under way is over, if there is one. If the newest tokens could
    /// not be saved, tries it once more.
    ///
    /// Call this before the program ends, also if it has sent only one request: that request may have started a
    /// refresh. If a refresh is cut off half way, the server may have
    /// replaced the refresh token while the new one was never saved. The servers of `tower-bearer`
    /// then deliver the new one again, but many others take the old token, when it comes again, for
    /// a stolen one and end the session.
    ///
    /// # Errors
    ///
    /// [`Store`](Kind::Store) if the newest tokens are still in memory only. A refresh that fails is
    /// no error here; it comes up again when it matters.
    pub async fn settle(&self) -> Result<(), ClientError> {
        // The first look into the store may start a refresh as it ends.
        while let Some(refresh) = self.0.under_way() {
            let _ = refresh.await;
        }
        let shared = Arc::clone(&self.0);
        to_the_end(async move { shared.save_unsaved().await }).await
    }

    /// Makes sure, as far as that can be known, that the store can keep tokens. A program that asks
    /// its user to sign in calls this first: what the login brings could not be kept otherwise, and
    /// the session would live on at the server with nobody to end it.
    ///
    /// # Errors
    ///
    /// [`Store`](Kind::Store) if tokens could not be saved now.
    pub async fn check_store(&self) -> Result<(), ClientError> {
        let shared = Arc::clone(&self.0);
        to_the_end(async move { shared.check_store().await }).await
    }

    /// Ends the session: at once for this process, then in the store, then on the server if the
    /// builder was given a
    /// [`revocation_endpoint`](crate::ClientSessionBuilder::revocation_endpoint) (RFC 7009).
    ///
    /// A refresh that is under way is waited for, because its tokens have to be removed too. A
    /// sign-in that comes before the logout is through stays signed in.
    ///
    /// # Errors
    ///
    /// If the store could not be cleared or the server could not be told. In this process the
    /// session is over in any case. Call it again to tell the server once more. Tokens that are
    /// still in the store are not used again by this process, but they would be by another one. The
    /// hook [`on_end`](crate::ClientSessionBuilder::on_end) is not called, because the program knows.
    pub async fn logout(&self) -> Result<(), ClientError> {
        let departure = self.0.state().sign_out();
        let shared = Arc::clone(&self.0);
        to_the_end(async move { shared.log_out(departure).await }).await
    }

    /// What is known about the session without asking the store or the server. In a process that has
    /// just begun that is nothing; [`load`](Self::load) looks into the store first.
    pub fn status(&self) -> SessionStatus {
        let now = self.0.now();
        let state = self.0.state();
        let held = state.held();
        let failure = state.failure(now);
        SessionStatus {
            phase: state.phase(),
            expires_in: held.and_then(|held| Some(held.access.as_ref()?.left(now))),
            scope: held.and_then(|held| held.tokens.scope.clone()),
            bound_to: held.and_then(|held| Some(held.key.as_ref()?.thumbprint().clone())),
            is_refreshing: state.flight().is_some(),
            unsaved: held.and_then(|held| held.why_unsaved().cloned()),
            failure: failure.map(|failure| failure.error.clone()),
            retry_in: failure.map(|failure| failure.until - now.monotonic),
        }
    }

    /// Looks into the store if no tokens are in memory, and tells the [`status`](Self::status). The
    /// server is not asked.
    ///
    /// ```
    /// # use tower_bearer_client::{ClientError, ClientSession};
    /// # async fn show(session: &ClientSession) -> Result<(), ClientError> {
    /// // The command `status` of a command line program.
    /// match session.load().await?.is_signed_in() {
    ///     true => println!("you are signed in"),
    ///     false => println!("nobody is signed in"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Store`](Kind::Store) if there may be tokens in the store, but they cannot be read, and
    /// [`Proof`](Kind::Proof) if the key that they are bound to cannot be used.
    ///
    /// Lead the user to the login then as well: [`sign_in`](Self::sign_in) replaces tokens that are
    /// [damaged](crate::TokenStoreErrorKind::Corrupt), and fails if the store can keep none. A program that
    /// gives up before its login never gets rid of a damaged file.
    pub async fn load(&self) -> Result<SessionStatus, ClientError> {
        let (epoch, is_held) = {
            let state = self.0.state();
            (state.epoch(), state.held().is_some())
        };
        if !is_held {
            let saved = self.0.look().await?;
            let held = saved.map(|saved| self.0.hold(saved)).transpose()?;
            self.0.state().found(epoch, held);
        }
        Ok(self.status())
    }
}

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientSession").field(&self.0).finish()
    }
}

/// What [`ClientSession::status`] tells. It holds no token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionStatus {
    /// Whether somebody is signed in.
    pub phase: SessionPhase,
    /// The rest of the access token's lifetime, if there is an access token. It is an estimate: the
    /// server may end the token earlier.
    pub expires_in: Option<Duration>,
    /// What the tokens allow, if the server said so.
    pub scope: Option<Scope>,
    /// The thumbprint of the key that the session proves itself by (RFC 9449). `None` if it was
    /// begun without a key.
    pub bound_to: Option<KeyThumbprint>,
    /// Whether a refresh is under way.
    pub is_refreshing: bool,
    /// Why the newest tokens could not be saved, while they are in memory only. Should the program
    /// end now, they are lost, and with many servers the session with them. They are saved as soon as
    /// it can be done: at a request, at a refresh, by [`settle`](ClientSession::settle). Until then
    /// this session holds the store's lock, so that no other process presents the token that the
    /// store still holds, which has been used.
    pub unsaved: Option<ClientError>,
    /// The last failure, while no new attempt is made because of it.
    pub failure: Option<ClientError>,
    /// The time until a new attempt can be made after that failure.
    pub retry_in: Option<Duration>,
}

impl SessionStatus {
    /// Whether tokens are in memory. Before the first look into the store there are none; see
    /// [`load`](ClientSession::load).
    pub fn is_signed_in(&self) -> bool {
        self.phase == SessionPhase::SignedIn
    }
}

/// Runs what must not stop half way, even if the caller is cancelled.
async fn to_the_end(
    work: impl Future<Output = Result<(), ClientError>> + Send + 'static,
) -> Result<(), ClientError> {
    let runtime = Handle::try_current();
    let runtime = runtime.map_err(|error| ClientError::with_source(Kind::NoRuntime, error))?;
    match runtime.spawn(work).await {
        Ok(done) => done,
        Err(error) => Err(ClientError::with_source(Kind::Interrupted, error)),
    }
}
