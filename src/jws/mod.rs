//! Compact JWS, strict (RFC 7515), and the keys that sign and verify it.
//!
//! 1. A key is bound to one [`Algorithm`]; a token that names another one is refused, and
//!    `none` does not exist (RFC 8725 §3.1).
//! 2. Keys come from the configuration: [`SigningKey`] and [`VerifyingKey`] from PEM, DER, JWK,
//!    a secret, or generated. Weak keys, and keys meant for something else, are refused.
//! 3. Sets find a key by its `kid`: [`KeySet`] signs and rolls over, [`VerifyingKeys`] verify
//!    and are published.
//! 4. A token is three segments of canonical base64url, its header a JSON object without
//!    duplicate members. `crit`, `b64` and keys in the header (`jwk`, `jku`, `x5u`, `x5c`) are
//!    refused in any form; other unknown members are ignored (RFC 7515 §4).
//!
//! The cryptography is that of aws-lc-rs, or with the feature `rust-crypto` alone that of the
//! RustCrypto crates.

mod algorithm;
mod backend;
mod compact;
mod edwards;
mod error;
mod header;
mod jwk;
mod key;
mod known;
mod roca;
mod set;
mod signing;
#[cfg(test)]
mod tests;
mod trusted;
mod verifying;

pub use algorithm::Algorithm;
pub use error::{KeyError, KeyErrorKind};
pub use set::KeySet;
pub use signing::{PrivateKeyText, SigningKey};
pub(crate) use trusted::Trust;
pub use trusted::VerifyingKeys;
pub use verifying::VerifyingKey;

/// A token that could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed: {kind}")]
pub struct SignError {
    kind: SignErrorKind,
}

/// Why a token could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignErrorKind {
    /// The application's own claims are no JSON object, or use a registered name.
    #[error("private claims: {0}")]
    PrivateClaims(String),
    /// The operating system gave no random bytes, or the back end failed.
    #[error("the crypto back end failed")]
    Backend,
}

impl SignError {
    /// The back end failed.
    pub(crate) fn signing() -> Self {
        Self {
            kind: SignErrorKind::Backend,
        }
    }

    /// The claims cannot be written.
    pub(crate) fn claims(why: impl Into<String>) -> Self {
        Self {
            kind: SignErrorKind::PrivateClaims(why.into()),
        }
    }

    /// Why.
    pub fn kind(&self) -> &SignErrorKind {
        &self.kind
    }
}

/// HMAC-SHA-256 (RFC 2104) of the parts, one after the other.
#[cfg_attr(not(feature = "session"), allow(dead_code))] // sessions ask, nobody else does
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    backend::hmac_sha256(key, parts)
}
