#[cfg(feature = "dpop")]
use std::collections::BTreeSet;

use crate::{claims::KeyThumbprint, token::TokenType};

/// Evidence that a client holds the private key with this thumbprint: it has just signed something
/// with it that fits this request and no other.
///
/// With the feature `dpop`, a
/// [`DpopVerifier`](https://docs.rs/tower-bearer/latest/tower_bearer/dpop/struct.DpopVerifier.html)
/// makes it of a request that has a proof. Give it to the login's `Grant`
/// ([`bound_to`](https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Grant.html#method.bound_to)),
/// which binds the session to the key. The token endpoint gives it to each `RefreshRequest` by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    key: KeyThumbprint,
    token_type: TokenType,
}

impl KeyProof {
    /// A proof by DPoP (RFC 9449). Access tokens are bound to the key too.
    #[cfg(feature = "dpop")]
    pub(crate) fn dpop(key: KeyThumbprint) -> Self {
        Self::danger_unchecked(key)
    }

    /// A proof by Device Bound Session Credentials. Access tokens travel in a cookie for which the
    /// browser vouches, and have no binding of their own. `key` is that of
    /// [a device](crate::device_key), so that no proof of the other kind fits it.
    #[cfg(feature = "dbsc")]
    pub(crate) fn dbsc(key: KeyThumbprint) -> Self {
        Self {
            key,
            token_type: TokenType::Bearer,
        }
    }

    /// Takes for proved what the application has checked by itself. The access tokens of the session
    /// are bound to the key too, and say so in their `cnf` claim (RFC 9449 §6.1).
    ///
    /// This is dangerous: nothing is checked here. If a client can choose the thumbprint, it can
    /// refresh the session of any stolen refresh token.
    pub fn danger_unchecked(key: KeyThumbprint) -> Self {
        Self {
            key,
            token_type: TokenType::DPoP,
        }
    }

    /// The thumbprint of the key.
    pub fn thumbprint(&self) -> &KeyThumbprint {
        &self.key
    }

    /// How the access tokens are presented that are given out for this proof.
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }
}

/// The clients that have to prove that they hold a key, by their identifier.
#[cfg(feature = "dpop")]
#[derive(Clone, Debug)]
pub(crate) enum KeyHolders {
    All,
    Only(BTreeSet<String>),
}

#[cfg(feature = "dpop")]
impl KeyHolders {
    pub(crate) fn include(&self, client_id: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(clients) => client_id.is_some_and(|id| clients.contains(id)),
        }
    }
}
