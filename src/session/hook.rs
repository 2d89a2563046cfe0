//! The refresh hook, by which the application takes part in each refresh.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{PrivateClaims, SessionInfo};
use crate::{context::RequestContext, error::BoxError};

/// What the application decides when one of its sessions is refreshed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RefreshDecision {
    /// Refresh, with the private claims of the login in the new access token.
    Continue,
    /// Refresh, with these private claims in the new access token.
    ContinueWith(PrivateClaims),
    /// Refresh, with the private claims of the login, and let the user's authentication count no longer: the access
    /// tokens of the session have no `acr`, and 1970 as their `auth_time`, until the user
    /// [authenticates again](super::Sessions::reauthenticate). Routes that
    /// [ask](crate::bearer::BearerLayer::require_max_age) for either answer 401 `insufficient_user_authentication`
    /// then (RFC 9470), or 403 `access_denied` where somebody [acts](super::Grant::actor) for the user; all others serve
    /// the session as before. Access tokens that were given out before are good until they expire.
    ///
    /// It holds for the session, whoever has tokens of it, and each of its refreshes: the hook need not say it again.
    /// Let it look at [`SessionInfo::auth_time`], as a user who has just authenticated from the place that looks odd
    /// would be asked again at the next refresh. As the answer to a
    /// [reauthentication](super::Sessions::reauthenticate) it counts as [`Continue`](Self::Continue).
    StepUp,
    /// Refuse this refresh with `invalid_grant`, and leave the session as it is: "not now". Most
    /// clients then forget their tokens, but whoever still has the refresh token is served as soon
    /// as the hook agrees.
    ///
    /// Never use it for a user who was deleted. The session would be waiting for the next owner of
    /// the identifier.
    Refuse,
    /// Refuse the refresh with `invalid_grant`, and end the session for good.
    RefuseAndEnd,
    /// Answer with 503, and with this time in `Retry-After`: in whole seconds, rounded up, from 1 to 120. Nothing is
    /// written, the session goes on, and clients keep their token.
    ///
    /// It is for [limits](crate::manual::limits), and unlike an error of the hook it is no warning in the log and
    /// does not make others wait longer. Keep the time short: a client whose last answer was lost comes
    /// back late if it is longer than the [reuse window](super::SessionsBuilder::reuse_window).
    Throttle(Duration),
}

/// What a refresh hook may return: a [`RefreshDecision`], the [`PrivateClaims`] to go on with, a
/// `bool`, or a `Result` of one of these. If it is an error, the client gets a 503 and nothing is
/// written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer of a refresh hook",
    note = "return a `bool`, `PrivateClaims`, a `RefreshDecision`, or a `Result` of one of them"
)]
pub trait IntoRefreshDecision {
    /// Converts the value into a decision.
    ///
    /// # Errors
    ///
    /// If the application cannot decide right now.
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

/// [`RefreshDecision::ContinueWith`] these claims.
impl IntoRefreshDecision for PrivateClaims {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        Ok(self.into())
    }
}

/// `true` is [`RefreshDecision::Continue`], and `false` is [`RefreshDecision::RefuseAndEnd`].
impl IntoRefreshDecision for bool {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        Ok(if self {
            RefreshDecision::Continue
        } else {
            RefreshDecision::RefuseAndEnd
        })
    }
}

impl<T: IntoRefreshDecision, E: Into<BoxError>> IntoRefreshDecision for Result<T, E> {
    fn into_refresh_decision(self) -> Result<RefreshDecision, BoxError> {
        self.map_err(Into::into)?.into_refresh_decision()
    }
}

type DecisionFuture = Pin<Box<dyn Future<Output = Result<RefreshDecision, BoxError>> + Send>>;

/// The hook with its type hidden, so that it is no part of the type of `Sessions`.
#[derive(Clone)]
pub(super) struct RefreshHook(Arc<HookFn>);

type HookFn = dyn Fn(SessionInfo, RequestContext) -> DecisionFuture + Send + Sync;

impl RefreshHook {
    pub(super) fn new<F, Fut>(hook: F) -> Self
    where
        F: Fn(SessionInfo, RequestContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoRefreshDecision> + Send + 'static,
    {
        Self(Arc::new(move |session, context| {
            let decision = hook(session, context);
            Box::pin(async move { decision.await.into_refresh_decision() })
        }))
    }

    pub(super) fn ask(&self, session: SessionInfo, context: RequestContext) -> DecisionFuture {
        (self.0)(session, context)
    }
}

impl fmt::Debug for RefreshHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshHook")
    }
}
