//! Limits by the session. Whose it is, only a verified token tells: anybody can write any `sid` into
//! one, and would use up what another may do.

use std::{sync::Arc, time::Duration};

use governor::{
    DefaultKeyedRateLimiter,
    clock::{Clock, DefaultClock},
};
use http::Request;
use tower_bearer::{SessionId, VerifiedToken, session::SessionInfo};
use tower_governor::{GovernorError, key_extractor::KeyExtractor};

use super::limit::Limit;

/// For the refresh hook, which is asked once the refresh token was found good and before anything is written.
#[derive(Clone)]
pub(crate) struct Refreshes(Arc<DefaultKeyedRateLimiter<SessionId>>);

impl Refreshes {
    pub(crate) fn new(limit: Limit) -> Self {
        Self(Arc::new(limit.keyed()))
    }

    /// How long the session has to wait for its next refresh, if it has to.
    pub(crate) fn wait(&self, session: &SessionInfo) -> Option<Duration> {
        let refused = self.0.check_key(&session.sid).err()?;
        Some(refused.wait_time_from(DefaultClock::default().now()))
    }

    pub(crate) fn forget_old(&self) {
        self.0.retain_recent();
    }
}

/// For the routes behind the layer, which has verified the token. The layer of this example takes tokens of one issuer
/// only. With several, the key has to be the issuer and the session.
#[derive(Clone, Copy)]
pub(crate) struct BySession;

impl KeyExtractor for BySession {
    type Key = SessionId;

    fn extract<T>(&self, request: &Request<T>) -> Result<SessionId, GovernorError> {
        let token = request.extensions().get::<VerifiedToken>();
        token
            .and_then(|token| token.claims().session_id())
            .ok_or(GovernorError::UnableToExtractKey)
    }
}
