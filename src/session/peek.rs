//! What a token says of itself, without a look at its session.

use std::fmt;

use super::{RefreshKey, SessionError, Sessions};
use crate::{
    claims::{KeyThumbprint, SessionId},
    store::SessionStore,
    verifier::Verifier,
};

/// Reads refresh tokens of some sessions. It knows whether they are real, and not whether they are
/// still of use.
#[derive(Clone)]
pub(crate) struct TokenReader {
    key: RefreshKey,
    issuer: String,
}

/// A refresh token whose signature, type and issuer are right.
pub(crate) struct Peeked {
    pub(crate) session: SessionId,
    /// The key that the token says its session is bound to.
    pub(crate) bound_to: Option<KeyThumbprint>,
}

impl TokenReader {
    /// `None` if the token is not one of these sessions.
    ///
    /// # Errors
    ///
    /// If it cannot be told now whether it is one.
    pub(crate) fn read(&self, token: &str) -> Result<Option<Peeked>, SessionError> {
        let opened = self.key.open(token, &self.issuer)?;
        Ok(opened.map(|opened| Peeked {
            session: opened.session,
            bound_to: opened.bound_to,
        }))
    }
}

impl fmt::Debug for TokenReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenReader")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Verifies the access tokens of these sessions. It remembers none.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    pub(crate) fn token_reader(&self) -> TokenReader {
        TokenReader {
            key: self.0.refresh_key.clone(),
            issuer: self.0.issuer.issuer().to_owned(),
        }
    }
}
