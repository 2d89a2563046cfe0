//! The application's say at each refresh.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use super::{PrivateClaims, SessionInfo};
use crate::error::BoxError;

/// What the application says when one of its sessions is refreshed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RefreshDecision {
    /// Go on, with the private claims that the session was started with.
    Continue,
    /// Go on, with these private claims in the new access token.
    ContinueWith(PrivateClaims),
    /// The client is told `invalid_grant`; the session stays.
    Refuse,
    /// The client is told `invalid_grant` and the session is revoked.
    RefuseAndEnd,
}

/// What a refresh hook may return: a [`RefreshDecision`], [`PrivateClaims`] to go on with, a
/// `bool` (`false` refuses), or a
/// `Result` of one. An error is a 503 and nothing is written.
pub trait IntoRefreshDecision {
    /// The decision.
    ///
    /// # Errors
    ///
    /// Where the application cannot tell right now.
    fn into_refresh_decision(
        self,
    ) -> Result<RefreshDecision, Box<dyn std::error::Error + Send + Sync>>;
}

impl IntoRefreshDecision for RefreshDecision {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        Ok(self)
    }
}

impl From<PrivateClaims> for RefreshDecision {
    fn from(claims: PrivateClaims) -> Self {
        Self::ContinueWith(claims)
    }
}

/// Go on, with these claims.
impl IntoRefreshDecision for PrivateClaims {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        Ok(self.into())
    }
}

impl IntoRefreshDecision for bool {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        Ok(if self {
            RefreshDecision::Continue
        } else {
            RefreshDecision::Refuse
        })
    }
}

impl<T: IntoRefreshDecision, E: Into<BoxError>> IntoRefreshDecision for Result<T, E> {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        self.map_err(Into::into)?.into_refresh_decision()
    }
}

type DecisionFuture = Pin<Box<dyn Future<Output = Result<RefreshDecision, BoxError>> + Send>>;

/// The hook with its types erased, so that they stay out of the type of `Sessions`.
#[derive(Clone)]
pub(super) struct RefreshHook(Arc<dyn Fn(SessionInfo) -> DecisionFuture + Send + Sync>);

impl RefreshHook {
    pub(super) fn new<F, Fut>(hook: F) -> Self
    where
        F: Fn(SessionInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoRefreshDecision> + Send + 'static,
    {
        Self(Arc::new(move |session| {
            let decision = hook(session);
            Box::pin(async move { decision.await.into_refresh_decision() })
        }))
    }

    pub(super) fn ask(&self, session: SessionInfo) -> DecisionFuture {
        (self.0)(session)
    }
}

impl fmt::Debug for RefreshHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshHook")
    }
}
