use super::{PrivateClaims, SessionError, Sessions};
use crate::{
    claims::Scope,
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    store::{Session, SessionState, SessionStore},
    token::TokenResponse,
    verifier::DEFAULT_MAX_TOKEN_BYTES,
};

impl<St: SessionStore> Sessions<St> {
    /// Mints the access token and the refresh token of a session's live generation.
    pub(super) fn mint(
        &self,
        session: &Session,
        state: &SessionState,
        now: Timestamp,
        scope: Scope,
        private: &PrivateClaims,
    ) -> Result<TokenResponse, SessionError> {
        let inner = &self.0;
        // At most half of the time that is left, so that the client can refresh before the end.
        let left = state.expires_at.saturating_since(now);
        let lifetime = inner.access_lifetime.min(left / 2);
        let mut claims = inner.issuer.claims(&*session.subject, now, lifetime);
        claims.exp = claims.exp.min(state.expires_at.floor());
        claims.scope = scope.clone();
        claims.sid = Some(session.id.to_string());
        claims.generation = Some(state.generation);
        claims.auth_time = Some(session.auth_time);
        if session.client_id.is_some() {
            claims.client_id.clone_from(&session.client_id);
        }
        let claims = claims.with_private(private.members());
        let access_token = inner.issuer.sign_checked(&claims)?;
        if access_token.expose().len() > DEFAULT_MAX_TOKEN_BYTES {
            let long = "the access token must not be above 8 KiB";
            return Err(ConfigError::new(ConfigErrorKind::Limit, long).into());
        }
        Ok(TokenResponse {
            access_token,
            expires_in: lifetime,
            refresh_token: inner.refresh_key.mint(session, state)?,
            refresh_expires_in: left,
            scope,
        })
    }
}
