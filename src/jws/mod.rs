//! Strict compact JWS (RFC 7515), and the keys that sign and verify it.
//!
//! 1. A key is bound to one [`Algorithm`]. A token that names another one is refused, and there is
//!    no `none` (RFC 8725 §3.1).
//! 2. Keys come from the configuration. A [`SigningKey`] or [`VerifyingKey`] is read from PEM, DER,
//!    a JWK or a secret; a signing key can also be generated. Weak keys, and keys meant for
//!    something else, are refused.
//! 3. A set finds a key by its `kid` and the algorithm. A [`KeySet`] signs and rolls keys over;
//!    [`VerifyingKeys`] verify and can be published. A [`JwkSet`] is read as an issuer publishes
//!    it: what cannot be used is left out and reported.
//! 4. A private key may be [elsewhere](https://docs.rs/tower-bearer/latest/tower_bearer/jws/trait.Signer.html). What it signs
//!    is verified before it leaves.
//! 5. A token is three segments of canonical base64url. Its header is a JSON object without
//!    duplicate members. `crit`, `b64` and keys in the header (`jwk`, `jku`, `x5u`, `x5c`) are
//!    refused in any form; other unknown members are ignored (RFC 7515 §4).
//!
//! The cryptography is that of a [`CryptoProvider`]: aws-lc-rs, or the RustCrypto crates.

mod algorithm;
mod backend;
mod compact;
mod der;
mod edwards;
mod error;
mod header;
mod jwk;
mod jwk_set;
mod key;
mod known;
mod origin;
#[cfg(feature = "session")]
mod plan;
mod provider;
mod roca;
#[cfg(any(feature = "dpop", feature = "dbsc"))]
mod self_signed;
mod set;
mod sign_error;
#[cfg(feature = "session")]
mod signer;
mod signing;
#[cfg(test)]
mod tests;
mod trusted;
mod verifying;

pub use algorithm::Algorithm;
#[cfg_attr(not(feature = "session"), allow(unused_imports))]
pub(crate) use backend::MacKey;
pub use error::{KeyError, KeyErrorKind};
pub(crate) use header::Header;
pub use jwk_set::{JwkSet, JwkSetReader, SkippedKey};
#[cfg(feature = "session")]
pub(crate) use key::MAX_KID_BYTES;
#[cfg(feature = "session")]
pub(crate) use plan::{PlanClock, PlanLifetimes, Shift, whose_turn};
pub use provider::{CryptoProvider, InstallError};
#[cfg(any(feature = "dpop", feature = "dbsc"))]
pub(crate) use self_signed::SelfSigned;
pub use set::KeySet;
pub use sign_error::{SignError, SignErrorKind};
#[cfg(feature = "session")]
pub use signer::{Signer, SignerOptions};
pub use signing::{PrivateKeyText, SigningKey, SigningKeyReader};
pub(crate) use trusted::Trust;
pub use trusted::VerifyingKeys;
pub use verifying::{VerifyingKey, VerifyingKeyReader};

/// A secret that MACs are made with, which has to have at least 32 bytes. `name` is what an error calls
/// it.
pub(crate) fn long_enough<'a>(name: &str, secret: &'a [u8]) -> Result<&'a [u8], KeyError> {
    match secret.len() {
        bytes @ 0..32 => Err(KeyError::weak(name, 8 * bytes, 256)),
        _ => Ok(secret),
    }
}

/// SHA-256 (FIPS 180-4), by the default provider.
#[cfg(any(feature = "session", feature = "dpop"))]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    backend::sha256(CryptoProvider::default(), bytes)
}

/// HMAC-SHA-256 (RFC 2104) of all parts in a row, by the default provider.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    MacKey::new(key).tag(parts)
}

/// Encrypts a message that can be opened with the same key and the same context only (AES-256-GCM). The key
/// must never be used again.
pub(crate) fn encrypt_once(key: &[u8; 32], context: &[u8], message: Vec<u8>) -> Option<Vec<u8>> {
    backend::encrypt(CryptoProvider::default(), key, context, message).ok()
}

/// The message that was encrypted with this key in this context.
pub(crate) fn decrypt_once(
    key: &[u8; 32],
    context: &[u8],
    sealed: &[u8],
) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    backend::decrypt(CryptoProvider::default(), key, context, sealed).ok()
}
