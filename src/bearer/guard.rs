//! [`SessionGuard`]: how the layer asks whether a session is still live.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::{
    claims::{SessionId, VerifiedToken},
    context::RequestHead,
};

/// Tells the layer which sessions of access tokens were ended.
///
/// `session::Sessions` is a guard. A resource server that learns of ended sessions in another way
/// can implement its own.
///
/// ```
/// use tower_bearer::{
///     SessionId, VerifiedToken,
///     bearer::{Admission, SessionGuard, Unavailable},
///     context::RequestHead,
/// };
///
/// /// Refuses the tokens of users who were locked out.
/// #[derive(Clone)]
/// struct LockedOut(Vec<String>);
///
/// impl SessionGuard for LockedOut {
///     fn admit(&self, token: &VerifiedToken, _request: RequestHead<'_>) -> Admission {
///         match self.0.contains(&token.claims().sub) {
///             true => Admission::Ended,
///             false => Admission::Admitted,
///         }
///     }
///
///     async fn is_live(&self, _id: SessionId) -> Result<bool, Unavailable> {
///         Err(Unavailable)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot tell which sessions have ended",
    label = "this is no `SessionGuard`",
    note = "`session::Sessions` is one; another source of logouts implements `bearer::SessionGuard`"
)]
pub trait SessionGuard: Send + Sync + 'static {
    /// Whether a verified access token is admitted. The layer calls this for each request with a
    /// token, before the inner service, so it must not block. `request` is the one that the token came with.
    ///
    /// `session::Sessions` also notes here that the client holds the refresh token of the access
    /// token's generation. It does not look at the request.
    fn admit(&self, token: &VerifiedToken, request: RequestHead<'_>) -> Admission;

    /// Whether the session is live according to the store: not ended, and before its `ends_at`.
    /// The layer calls this with [`BearerLayer::check_live`](super::BearerLayer::check_live), and after
    /// [`Admission::IfLive`].
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the guard cannot tell right now. The request is answered with a 503.
    fn is_live(&self, id: SessionId) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// The answer of [`SessionGuard::admit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Admission {
    /// The guard knows of no reason to refuse the token.
    Admitted,
    /// The guard knows nothing against the token, but what it knows may be old. So the layer asks it whether
    /// the session is live, also without [`check_live`](super::BearerLayer::check_live). A token without
    /// a `sid` is admitted.
    IfLive,
    /// The guard knows that the token's session was ended.
    Ended,
    /// The guard knows that the token was issued before its user could do more or less than now. A client that
    /// refreshes gets a good one.
    Outdated,
    /// The guard cannot tell right now, and asking it would not help. The request is answered with a 503.
    Unavailable,
    /// The token is one of another issuer than the guard's, so that the guard knows nothing of its
    /// session. It is admitted, and the guard is not asked whether the session is live.
    OfAnotherIssuer,
}

/// The guard cannot tell right now whether a session is live. The request is answered with a 503.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("whether the session still runs cannot be told right now")]
pub struct Unavailable;

pub(super) type LiveFuture = Pin<Box<dyn Future<Output = Result<bool, Unavailable>> + Send>>;

/// [`SessionGuard`] with a `dyn` type, so that the guard's type is no part of the layer's.
trait ErasedGuard: Send + Sync {
    fn admit(&self, token: &VerifiedToken, request: RequestHead<'_>) -> Admission;
    fn is_live(self: Arc<Self>, id: SessionId) -> LiveFuture;
}

impl<G: SessionGuard> ErasedGuard for G {
    fn admit(&self, token: &VerifiedToken, request: RequestHead<'_>) -> Admission {
        SessionGuard::admit(self, token, request)
    }

    fn is_live(self: Arc<Self>, id: SessionId) -> LiveFuture {
        Box::pin(async move { SessionGuard::is_live(&*self, id).await })
    }
}

#[derive(Clone)]
pub(super) struct AnyGuard(Arc<dyn ErasedGuard>);

impl AnyGuard {
    pub(super) fn new(guard: impl SessionGuard) -> Self {
        Self(Arc::new(guard))
    }

    pub(super) fn admit(&self, token: &VerifiedToken, request: RequestHead<'_>) -> Admission {
        self.0.admit(token, request)
    }

    pub(super) fn is_live(&self, id: SessionId) -> LiveFuture {
        Arc::clone(&self.0).is_live(id)
    }
}

impl fmt::Debug for AnyGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionGuard")
    }
}
