//! [`KeySet`], the keys of an issuer.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::{Algorithm, KeyError, SignError, SigningKey, VerifyingKey, VerifyingKeys};

/// One key that signs and any number of keys that verify. Clones share the set, so that a roll-over
/// reaches all of them at once.
///
/// A roll-over has three steps. If others cache the published set, leave hours between them:
///
/// 1. Publish the next key with [`add_verifying`](Self::add_verifying).
/// 2. Sign with it from then on, by [`roll_over`](Self::roll_over).
/// 3. [`retire`](Self::retire) the old key when the last token that it signed has expired.
///
/// ```
/// use tower_bearer::{Algorithm, KeySet, SigningKey};
///
/// let first = SigningKey::generate(Algorithm::EdDSA)?;
/// let old = first.kid().to_owned();
/// let keys = KeySet::new(first);
///
/// keys.roll_over(SigningKey::generate(Algorithm::ES256)?)?;
/// assert_eq!(keys.signing_algorithm(), Algorithm::ES256);
/// assert!(keys.verifying().jwks().contains(&old), "it still verifies");
///
/// assert!(keys.retire(&old));
/// assert!(!keys.verifying().jwks().contains(&old));
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeySet(Arc<Shared>);

struct Shared {
    signing: ArcSwap<SigningKey>,
    verifying: VerifyingKeys,
    /// Locked while the set is changed. Signing and verifying tokens does not need it.
    change: Mutex<()>,
}

/// The room for the dots and a signature of any algorithm but RSA and ES512, in bytes.
const SIGNATURE: usize = 136;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

impl KeySet {
    /// Creates a set that signs and verifies with `signing`.
    pub fn new(signing: SigningKey) -> Self {
        let verifying = VerifyingKeys::of_key_set(signing.verifying_key());
        Self(Arc::new(Shared {
            signing: ArcSwap::from_pointee(signing),
            verifying,
            change: Mutex::new(()),
        }))
    }

    /// Adds a key that only verifies: the next one to sign with, by its
    /// [`verifying_key`](SigningKey::verifying_key), or an old one whose tokens have not expired.
    ///
    /// # Errors
    ///
    /// [`DuplicateKid`](super::KeyErrorKind::DuplicateKid) if the set has a key of that `kid`.
    pub fn add_verifying(&self, key: VerifyingKey) -> Result<(), KeyError> {
        let _change = self.change();
        self.0.verifying.add(key)
    }

    /// The keys that verify. They follow the roll-overs of this set.
    pub fn verifying(&self) -> VerifyingKeys {
        self.0.verifying.clone()
    }

    /// Signs with `next` from now on. The key that signed until now still verifies, until it is
    /// [retired](Self::retire).
    ///
    /// `next` may be a key that the set already verifies with.
    ///
    /// # Errors
    ///
    /// [`DuplicateKid`](super::KeyErrorKind::DuplicateKid) if the set has another key of that
    /// `kid`.
    pub fn roll_over(&self, next: SigningKey) -> Result<(), KeyError> {
        let _change = self.change();
        let verifying = next.verifying_key();
        // The key must verify before it signs: no token may be out before its key is known.
        if !self.0.verifying.holds(&verifying) {
            self.0.verifying.add(verifying)?;
        }
        self.0.signing.store(Arc::new(next));
        Ok(())
    }

    /// Removes a key that verifies. The key that signs cannot be retired: roll over first.
    ///
    /// Returns whether a key was removed.
    pub fn retire(&self, kid: &str) -> bool {
        let _change = self.change();
        self.0.signing.load().kid() != kid && self.0.verifying.remove(kid)
    }

    /// The algorithm that tokens are signed with now.
    pub fn signing_algorithm(&self) -> Algorithm {
        self.0.signing.load().algorithm()
    }

    /// Signs a payload into the compact serialisation (RFC 7515 §7.1), with `alg`, `typ` and
    /// `kid` in the header. This is not public API: the conformance suite forges tokens with it.
    #[doc(hidden)]
    pub fn sign(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        let key = self.0.signing.load();
        let header = Header {
            alg: key.algorithm().as_str(),
            kid: key.kid(),
            typ,
        };
        let header = serde_json::to_vec(&header).map_err(|_| SignError::signing())?;
        let unsigned = (header.len() + payload.len()).div_ceil(3) * 4;
        let mut token = String::with_capacity(unsigned + SIGNATURE);
        URL_SAFE_NO_PAD.encode_append(&header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(payload, &mut token);
        let signature = key
            .sign(token.as_bytes())
            .map_err(|_| SignError::signing())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(&signature, &mut token);
        Ok(token)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data of its own, so a panic under it leaves nothing half-done.
        self.0.change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("signing", &self.0.signing.load().kid())
            .field("verifying", &self.0.verifying)
            .finish()
    }
}
