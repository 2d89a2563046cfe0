use std::time::Duration;

use super::{KeyProof, PrivateClaims, SessionError, SessionErrorKind, Sessions};
use crate::{
    claims::{Audience, Claims, Confirmation, Scope},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    store::{Session, SessionState, SessionStore},
    token::{AccessToken, TokenResponse, TokenType},
    verifier::DEFAULT_MAX_TOKEN_BYTES,
};

const SECOND: Duration = Duration::from_secs(1);

/// By how much a token with nine more digits is longer, in base64url.
const GROWTH: usize = 12;

/// The session whose tokens are minted, and for whom.
pub(super) struct Minting<'a> {
    pub(super) session: &'a Session,
    pub(super) state: &'a SessionState,
    pub(super) now: Timestamp,
    /// The proof of the key that the session is bound to.
    pub(super) proof: Option<&'a KeyProof>,
}

/// What the access token is to allow, and where.
pub(super) struct Asked {
    pub(super) scope: Scope,
    pub(super) audience: Audience,
}

impl<St: SessionStore> Sessions<St> {
    /// Mints the access token and the refresh token of a session's live generation.
    pub(super) fn mint(
        &self,
        minting: &Minting<'_>,
        asked: Asked,
        private: &PrivateClaims,
    ) -> Result<TokenResponse, SessionError> {
        let inner = &self.0;
        let &Minting {
            session,
            state,
            now,
            proof,
        } = minting;
        let token_type = proof.map_or(TokenType::Bearer, KeyProof::token_type);
        // At most half of the time that is left, so that the client can refresh in time. A token
        // below a second would have expired before it arrives.
        let left = state.expires_at.saturating_since(now);
        let lifetime = inner.access_lifetime.min(left / 2).max(SECOND);
        let mut claims = inner.issuer.claims(&*session.subject, now, lifetime);
        claims.exp = claims.exp.min(state.expires_at.floor());
        let expires_in = claims.exp.saturating_since(claims.iat);
        claims.scope = asked.scope.clone();
        claims.aud = asked.audience;
        claims.sid = Some(session.id.to_string());
        claims.generation = Some(state.generation);
        claims.auth_time = Some(session.auth_time);
        claims.acr = session.extra.acr().map(str::to_owned);
        if session.client_id.is_some() {
            claims.client_id.clone_from(&session.client_id);
        }
        if token_type == TokenType::DPoP {
            claims.cnf = state.bound_to.clone().map(Confirmation::with_jkt);
        }
        let access_token = self.sign_within_limits(claims, private)?;
        Ok(TokenResponse {
            access_token,
            token_type,
            expires_in,
            refresh_token: inner.refresh_key.mint(session, state)?,
            refresh_expires_in: left,
            scope: asked.scope,
        })
    }

    fn sign_within_limits(
        &self,
        claims: Claims,
        private: &PrivateClaims,
    ) -> Result<AccessToken, SessionError> {
        let issuer = &self.0.issuer;
        let is_login = claims.generation == Some(0);
        // The number of the generation grows. What can log in must be able to refresh.
        let room = if is_login { GROWTH } else { 0 };
        let is_short = |token: &AccessToken| token.expose().len() + room <= DEFAULT_MAX_TOKEN_BYTES;
        let claims = claims.with_private(private.members());
        let token = issuer.sign_checked(&claims)?;
        if is_short(&token) {
            return Ok(token);
        }
        let long = "the access token must not be above 8 KiB";
        if is_login && !is_short(&issuer.sign_checked(&claims.with_private(()))?) {
            return Err(SessionError::with_detail(
                SessionErrorKind::InvalidRequest,
                long,
            ));
        }
        Err(ConfigError::new(ConfigErrorKind::Limit, long).into())
    }
}
