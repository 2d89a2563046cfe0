use uuid::Uuid;

use super::{Sessions, refresh_token::Series};
use crate::{
    claims::{KeyThumbprint, SessionId},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    store::{Session, SessionSecret, SessionState, SessionStore},
    token::RefreshToken,
};

impl<St: SessionStore> Sessions<St> {
    /// A refresh token of the greatest length that these sessions can mint with the current key.
    pub(crate) fn longest_refresh_token(&self) -> Result<RefreshToken, ConfigError> {
        let far = Timestamp::from_secs(i64::MAX);
        let secret = SessionSecret::from_bytes([0; 32]);
        let id = SessionId::from_uuid(Uuid::max());
        let session = Session::new(id, self.0.issuer.issuer(), "", secret, far);
        let mut state = SessionState::new(far);
        state.generation = u32::MAX;
        state.bound_to = Some(KeyThumbprint::from_bytes([0; 32]));
        let unsigned = |error| {
            ConfigError::new(ConfigErrorKind::Cookie, "no token can be signed").with_source(error)
        };
        let line = Some(u32::MAX);
        let jti = Series::of(&session).jti(state.generation, line);
        self.0
            .refresh_key
            .mint(&session, &state, line, jti)
            .map_err(unsigned)
    }
}
