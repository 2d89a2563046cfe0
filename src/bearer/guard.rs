//! What the layer asks of whoever keeps the sessions. The layer itself knows none.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::claims::{SessionId, VerifiedToken};

/// Watches over the sessions behind access tokens.
///
/// `session::Sessions` is one; a resource server that has another way to
/// learn of logouts can bring its own.
///
/// ```
/// use tower_bearer::{
///     SessionId, VerifiedToken,
///     bearer::{Admission, SessionGuard, Unavailable},
/// };
///
/// /// Refuses the tokens of users who were locked out.
/// #[derive(Clone)]
/// struct LockedOut(Vec<String>);
///
/// impl SessionGuard for LockedOut {
///     fn admit(&self, token: &VerifiedToken) -> Admission {
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
    /// Asked for each request whose access token was verified, before the inner service is
    /// called. It must not block: it is on the path of every request.
    ///
    /// Here generations are noted as confirmed.
    fn admit(&self, token: &VerifiedToken) -> Admission;

    /// Whether the session still runs, by the store. Asked only by
    /// [`BearerLayer::check_live`](super::BearerLayer::check_live).
    fn is_live(&self, id: SessionId) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}

/// What a [`SessionGuard`] says of a verified token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Admission {
    /// Nothing speaks against the token.
    Admitted,
    /// The token's session is known to have ended.
    Ended,
}

/// Whether the session runs cannot be told right now; the request gets a 503.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("whether the session still runs cannot be told right now")]
pub struct Unavailable;

pub(super) type LiveFuture = Pin<Box<dyn Future<Output = Result<bool, Unavailable>> + Send>>;

/// The object-safe twin of [`SessionGuard`], so that the store's type stays out of the layer's.
trait ErasedGuard: Send + Sync {
    fn admit(&self, token: &VerifiedToken) -> Admission;
    fn is_live(self: Arc<Self>, id: SessionId) -> LiveFuture;
}

impl<G: SessionGuard> ErasedGuard for G {
    fn admit(&self, token: &VerifiedToken) -> Admission {
        SessionGuard::admit(self, token)
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

    pub(super) fn admit(&self, token: &VerifiedToken) -> Admission {
        self.0.admit(token)
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
