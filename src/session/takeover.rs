//! [`Takeover`]: how sessions are begun for the refresh tokens of another program.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Builder;

use super::{Grant, SessionError, SessionErrorKind};
use crate::{
    claims::SessionId,
    clock::{Clock, SystemClock, Timestamp},
    error::BoxError,
    jws::{KeyError, MacKey, long_enough},
    store::SessionSecret,
    token::RefreshToken,
};

/// What an error calls it.
const SECRET: &str = "takeover secret";
const ID_LABEL: &[u8] = b"tower-bearer takeover session id v1\0";
const SECRET_LABEL: &[u8] = b"tower-bearer takeover session secret v1\0";
const MAX_BYTES: usize = 4096;
const MAX_CALLS: usize = 64;
/// How wrong a process's clock may be.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// The refresh tokens of another program, which keeps them in a store of its own.
///
/// All methods may be called several times for the same token or user, also at once and by several servers.
/// A call has to be done within the [hook timeout](super::SessionsBuilder::hook_timeout) and may be cancelled.
/// If it fails or takes longer, the client gets a 503 and keeps its token.
///
/// Each method has to see what the others have done before: read the other store's primary and not a replica that
/// may lag.
///
/// The token comes from a request: compare it as a whole, and never let it become a part of a query's
/// language. It is 1 to 4096 printable ASCII characters, without spaces at its ends.
///
/// **Compare it byte for byte.** The session is named by the exact text, so if `find` takes two texts for one token,
/// a thief gets a session beside the user's, and no reuse is seen. The default collations of MySQL and MariaDB do
/// not tell `T` from `t`: compare with `BINARY`, or a hash. Where one token has several texts, as base64 that is read
/// leniently or an ECDSA signature has, read it in a handler of yours and give
/// [`adopt`](super::Sessions::adopt) what the token is kept by, such as its `jti`.
///
/// Refresh tokens of this crate that cannot be opened, because their key is gone, come here too, as they are.
pub trait ForeignTokens: Send + Sync + 'static {
    /// Why the other store did not answer.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// What is granted to whoever presents this token: what a login of that user would be granted. `None` if
    /// the other store does not have the token, or if it has expired, or if its user may not log in.
    ///
    /// The [session lifetime](Grant::session_lifetime) is what is left of the old session. It may be shorter than an
    /// access token lives, and a longer idle lifetime is cut to it. Where nothing is left, the token is refused as one that
    /// the other store does not have, and stays there.
    ///
    /// If the grant has no [`auth_time`](Grant::auth_time), the session's is 1970: nobody knows when
    /// this user authenticated, and a route that asks for a recent login asks for one.
    fn find(
        &self,
        token: &RefreshToken,
    ) -> impl Future<Output = Result<Option<Grant>, Self::Error>> + Send;

    /// Removes this token from the other store, so that nobody can use it there. That the token is not there
    /// (any more) is no error.
    ///
    /// Nothing is answered to the client before this call has succeeded.
    fn remove(&self, token: &RefreshToken) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes all tokens of the user with this [subject](Grant::new) from the other store, also those that were
    /// never presented here. That there are none (any more) is no error.
    ///
    /// [`end_all`](super::Sessions::end_all) and [`end_others`](super::Sessions::end_others) call it, so that
    /// whoever has copied a token of the other program is out after a change of the password.
    fn remove_all(&self, subject: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Takes over the users of another program without logging them out: a refresh token of that program
/// is accepted here as if it were the first one of a session of this crate.
///
/// The first time that such a token comes, [`find`](ForeignTokens::find) tells whose it is. A session
/// is begun, `find` is asked once more, the token is [removed](ForeignTokens::remove) from the other store, and the
/// client gets tokens of the session. If the same token comes again, since an answer was lost or a second tab has it too,
/// it gets the same successor, within the same limits as a refresh token of generation 0. If it comes
/// after the client has moved on, it was stolen, and the session ends.
///
/// The session's identifier and secret are computed from the token under the secret that is given
/// here. So all servers begin the same session for the same token, and the token cannot be
/// found out from what the store has.
///
/// [The manual](crate::manual::taking_over) has the whole way from the other program to this one, and what
/// happens after which failure.
///
/// ```
/// use tower_bearer::{
///     RefreshToken,
///     clock::Timestamp,
///     session::{ForeignTokens, Grant, SessionsBuilder, Takeover},
/// };
/// # use tower_bearer::jws::KeyError;
/// # struct Users;
/// # impl Users {
/// #     async fn with_token(&self, token: &str) -> Result<Option<String>, std::io::Error> { Ok(None) }
/// #     async fn pull_token(&self, token: &str) -> Result<(), std::io::Error> { Ok(()) }
/// #     async fn clear_tokens(&self, user: &str) -> Result<(), std::io::Error> { Ok(()) }
/// # }
///
/// struct OldTokens(Users);
///
/// impl ForeignTokens for OldTokens {
///     type Error = std::io::Error;
///
///     async fn find(&self, token: &RefreshToken) -> Result<Option<Grant>, Self::Error> {
///         let user = self.0.with_token(token.expose()).await?;
///         Ok(user.map(Grant::new))
///     }
///
///     async fn remove(&self, token: &RefreshToken) -> Result<(), Self::Error> {
///         self.0.pull_token(token.expose()).await
///     }
///
///     async fn remove_all(&self, subject: &str) -> Result<(), Self::Error> {
///         self.0.clear_tokens(subject).await
///     }
/// }
///
/// # fn configure(builder: SessionsBuilder, secret: [u8; 32], users: Users) -> Result<SessionsBuilder, KeyError> {
/// const END_OF_2027: Timestamp = Timestamp::from_secs(1_830_297_600);
/// let takeover = Takeover::new(secret, END_OF_2027, OldTokens(users))?;
/// let builder = builder.take_over(takeover);
/// # Ok(builder)
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Takeover {
    key: Arc<MacKey>,
    until: Timestamp,
    looks: Arc<Semaphore>,
    settlings: Arc<Semaphore>,
    tokens: Arc<dyn Tokens>,
}

/// The session that belongs to a token, whether or not it has begun.
pub(super) struct Named {
    pub(super) id: SessionId,
    pub(super) secret: SessionSecret,
}

impl Takeover {
    /// Takes over these tokens until this time, by the store's clock. From then on they are refused, as any
    /// other text is that is no refresh token of this issuer.
    ///
    /// The secret has at least 32 random bytes and is the same on all servers. It must not change before
    /// `until`: with another secret, a token that comes again is an unknown one.
    ///
    /// # Errors
    ///
    /// If the secret is shorter than 32 bytes.
    pub fn new(
        secret: impl AsRef<[u8]>,
        until: Timestamp,
        tokens: impl ForeignTokens,
    ) -> Result<Self, KeyError> {
        let key = MacKey::new(long_enough(SECRET, secret.as_ref())?);
        Ok(Self {
            key: Arc::new(key),
            until,
            looks: Arc::new(Semaphore::new(MAX_CALLS)),
            settlings: Arc::new(Semaphore::new(MAX_CALLS)),
            tokens: Arc::new(tokens),
        })
    }

    /// How many tokens may be looked for at once in this process, and how many that were found may be let go of at
    /// once: 64 by default, and at least 1. A request for which there is no room gets a 503, and neither store
    /// is asked.
    ///
    /// Whatever is sent as a refresh token and is none of this issuer's is looked for in the other store,
    /// as it was by the other program.
    pub fn max_calls(mut self, calls: usize) -> Self {
        let permits = || Arc::new(Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS)));
        (self.looks, self.settlings) = (permits(), permits());
        self
    }

    /// Whether a text can be a token at all (RFC 6749 appendix A.17).
    pub(super) fn can_be(&self, token: &RefreshToken) -> bool {
        let token = token.expose().as_bytes();
        let is_visible = token.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let is_whole = token.trim_ascii() == token;
        (1..=MAX_BYTES).contains(&token.len()) && is_visible && is_whole
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// Whether it is over for so long that this process's own clock is enough to tell, and neither store has to
    /// be asked.
    pub(super) fn is_long_over(&self) -> bool {
        SystemClock.now() >= self.until + LONG
    }

    /// The session of a token. The time in its identifier is 1970, so that it is older than all that were
    /// begun by a login.
    pub(super) fn name(&self, issuer: &str, token: &RefreshToken) -> Named {
        let tag = |label| {
            let parts = [label, issuer.as_bytes(), &[0], token.expose().as_bytes()];
            self.key.tag(&parts)
        };
        let id = tag(ID_LABEL);
        let (random, _) = id.split_first_chunk::<10>().unwrap_or((&[0; 10], &[]));
        let id = Builder::from_unix_timestamp_millis(0, random).into_uuid();
        Named {
            id: SessionId::from_uuid(id),
            secret: SessionSecret::from_bytes(tag(SECRET_LABEL)),
        }
    }

    /// Whose token it is, if the other store has it.
    pub(super) async fn find(
        &self,
        token: &RefreshToken,
        timeout: Duration,
    ) -> Result<Option<Grant>, SessionError> {
        in_time(timeout, self.tokens.find(token)).await
    }

    /// Lets the other store forget the token.
    pub(super) async fn remove(
        &self,
        token: &RefreshToken,
        timeout: Duration,
    ) -> Result<(), SessionError> {
        in_time(timeout, self.tokens.remove(token)).await
    }

    /// Lets the other store forget all tokens of a user.
    pub(super) async fn remove_all(
        &self,
        subject: &str,
        timeout: Duration,
    ) -> Result<(), SessionError> {
        in_time(timeout, self.tokens.remove_all(subject)).await
    }

    /// The right to look for one more token that nothing is known of.
    pub(super) fn may_look(&self) -> Result<SemaphorePermit<'_>, SessionError> {
        permit(&self.looks)
    }

    /// The right to let go of one more token that the other store has had. Texts that are no token do not
    /// take these.
    pub(super) fn may_settle(&self) -> Result<SemaphorePermit<'_>, SessionError> {
        permit(&self.settlings)
    }
}

fn permit(permits: &Semaphore) -> Result<SemaphorePermit<'_>, SessionError> {
    permits.try_acquire().map_err(|_| {
        let full = "more foreign tokens come at once than Takeover::max_calls allows";
        SessionError::with_detail(SessionErrorKind::Unavailable, full).of_strangers()
    })
}

async fn in_time<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, SessionError> {
    let unavailable = SessionErrorKind::Unavailable;
    tokio::time::timeout(timeout, call)
        .await
        .map_err(|elapsed| SessionError::with_source(unavailable, elapsed))?
        .map_err(|error| SessionError::with_source(unavailable, error))
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// [`ForeignTokens`] with its type hidden.
trait Tokens: Send + Sync {
    fn find<'a>(&'a self, token: &'a RefreshToken) -> Call<'a, Option<Grant>>;
    fn remove<'a>(&'a self, token: &'a RefreshToken) -> Call<'a, ()>;
    fn remove_all<'a>(&'a self, subject: &'a str) -> Call<'a, ()>;
}

impl<T: ForeignTokens> Tokens for T {
    fn find<'a>(&'a self, token: &'a RefreshToken) -> Call<'a, Option<Grant>> {
        Box::pin(async move { ForeignTokens::find(self, token).await.map_err(Into::into) })
    }

    fn remove<'a>(&'a self, token: &'a RefreshToken) -> Call<'a, ()> {
        Box::pin(async move { ForeignTokens::remove(self, token).await.map_err(Into::into) })
    }

    fn remove_all<'a>(&'a self, subject: &'a str) -> Call<'a, ()> {
        let removed = ForeignTokens::remove_all(self, subject);
        Box::pin(async move { removed.await.map_err(Into::into) })
    }
}
