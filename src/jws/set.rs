//! [`KeySet`].

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::{Algorithm, KeyError, SignError, SigningKey, VerifyingKey, VerifyingKeys};

/// One key that signs and any number that verify. Clones share the set, so that a roll-over
/// reaches all of them at once.
///
/// A roll-over in three steps, with hours between them where others cache the published set:
/// publish the next key ([`add_verifying`](Self::add_verifying)), sign with it
/// ([`roll_over`](Self::roll_over)), and [`retire`](Self::retire) the old one when the last
/// token that it signed has expired.
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
    /// Held by whoever changes the set; tokens are signed and verified without it.
    change: Mutex<()>,
}

/// Room for a signature, but for one of RSA, and for the dots.
const SIGNATURE: usize = 136;

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

impl KeySet {
    /// A set that signs and verifies with `signing`.
    pub fn new(signing: SigningKey) -> Self {
        let verifying = VerifyingKeys::of_key_set(signing.verifying_key());
        Self(Arc::new(Shared {
            signing: ArcSwap::from_pointee(signing),
            verifying,
            change: Mutex::new(()),
        }))
    }

    /// Adds a key that verifies only.
    ///
    /// # Errors
    ///
    /// [`DuplicateKid`](super::KeyErrorKind::DuplicateKid) where the set has a key of that `kid`.
    pub fn add_verifying(&self, key: VerifyingKey) -> Result<(), KeyError> {
        let _change = self.change();
        self.0.verifying.add(key)
    }

    /// The keys that verify: a handle that follows roll-overs of this set.
    pub fn verifying(&self) -> VerifyingKeys {
        self.0.verifying.clone()
    }

    /// Signs with `next` from now on. The key that signed until now stays to verify, until it
    /// is [retired](Self::retire).
    ///
    /// `next` may be a key that the set has been verifying with already.
    ///
    /// # Errors
    ///
    /// [`DuplicateKid`](super::KeyErrorKind::DuplicateKid) where the set has another key of that
    /// `kid`.
    pub fn roll_over(&self, next: SigningKey) -> Result<(), KeyError> {
        let _change = self.change();
        let verifying = next.verifying_key();
        // Verified first, signed second: no token may be out before its key is known.
        if !self.0.verifying.holds(&verifying) {
            self.0.verifying.add(verifying)?;
        }
        self.0.signing.store(Arc::new(next));
        Ok(())
    }

    /// Removes a key that verifies. The key that signs cannot be retired: roll over first.
    ///
    /// Returns whether there was such a key.
    pub fn retire(&self, kid: &str) -> bool {
        let _change = self.change();
        self.0.signing.load().kid() != kid && self.0.verifying.remove(kid)
    }

    /// The algorithm that tokens are signed with now.
    pub fn signing_algorithm(&self) -> Algorithm {
        self.0.signing.load().algorithm()
    }

    /// Signs a payload into the compact serialisation (RFC 7515 §7.1), with `alg`, `typ` and
    /// `kid` in the header. For the conformance suite, which forges tokens; no API.
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
