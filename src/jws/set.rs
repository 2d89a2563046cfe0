//! [`KeySet`], the keys of an issuer.

#[cfg(feature = "session")]
use std::time::Duration;
use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;

#[cfg(feature = "session")]
use super::plan::Plan;
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
/// The first key of ML-DSA in a published set makes some readers refuse the whole set: see
/// [who reads them](crate::manual::keys#tokens-that-quantum-computers-cannot-forge).
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
pub struct KeySet(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) choice: Choice,
    pub(super) verifying: VerifyingKeys,
    /// Locked while the set is changed. Signing and verifying tokens does not need it.
    change: Mutex<()>,
}

/// Who says which key signs.
pub(super) enum Choice {
    /// The application, by [`KeySet::roll_over`].
    Chosen(ArcSwap<Signing>),
    /// A key ring, by a plan that it keeps up to date.
    #[cfg(feature = "session")]
    Planned(Plan),
}

/// The room for the dots and a signature of any algorithm but RSA, ES512 and ML-DSA, in bytes.
const SIGNATURE: usize = 136;

/// The key that signs.
pub(super) struct Signing {
    pub(super) key: SigningKey,
    /// The header of the type that was signed first, which for most sets is the only one.
    header: OnceLock<Segment>,
    /// Since when this process signs with it.
    since: SystemTime,
}

/// The header of the tokens of a type, as they have it.
struct Segment {
    typ: Box<str>,
    text: Box<str>,
}

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
        Self::of(
            Choice::Chosen(ArcSwap::from_pointee(Signing::new(signing))),
            verifying,
        )
    }

    pub(super) fn of(choice: Choice, verifying: VerifyingKeys) -> Self {
        Self(Arc::new(Shared {
            choice,
            verifying,
            change: Mutex::new(()),
        }))
    }

    /// Adds a key that only verifies: the next one to sign with, by its
    /// [`verifying_key`](SigningKey::verifying_key), or an old one whose tokens have not expired.
    ///
    /// # Errors
    ///
    /// [`DuplicateKid`](super::KeyErrorKind::DuplicateKid) if the set has a key of that `kid`,
    /// [`KeysOfARing`](super::KeyErrorKind::KeysOfARing) if a ring keeps the set.
    pub fn add_verifying(&self, key: VerifyingKey) -> Result<(), KeyError> {
        self.chosen()?;
        let _change = self.change();
        self.0.verifying.add(key)
    }

    /// The keys that verify. They follow the roll-overs of this set.
    pub fn verifying(&self) -> VerifyingKeys {
        self.0.verifying.clone()
    }

    /// The keys that verify, for as long as the set is there.
    #[cfg(feature = "session")]
    pub(crate) fn trusted(&self) -> &VerifyingKeys {
        &self.0.verifying
    }

    /// Signs with `next` from now on. The key that signed until now still verifies, until it is
    /// [retired](Self::retire).
    ///
    /// `next` may be a key that the set already verifies with.
    ///
    /// # Errors
    ///
    /// [`DuplicateKid`](super::KeyErrorKind::DuplicateKid) if the set has another key of that
    /// `kid`, [`KeysOfARing`](super::KeyErrorKind::KeysOfARing) if a ring keeps the set.
    pub fn roll_over(&self, next: SigningKey) -> Result<(), KeyError> {
        let signer = self.chosen()?;
        let _change = self.change();
        let verifying = next.verifying_key();
        // The key must verify before it signs: no token may be out before its key is known.
        if !self.0.verifying.holds(&verifying) {
            self.0.verifying.add(verifying)?;
        }
        signer.store(Arc::new(Signing::new(next)));
        Ok(())
    }

    /// Removes a key that verifies. The key that signs cannot be retired: roll over first.
    ///
    /// Returns whether a key was removed. The keys of a ring are retired by the ring, and not here.
    pub fn retire(&self, kid: &str) -> bool {
        let _change = self.change();
        let Ok(signer) = self.chosen() else {
            return false;
        };
        signer.load().key.kid() != kid && self.0.verifying.remove(kid)
    }

    /// The key that the application has chosen. That of a ring it cannot choose.
    fn chosen(&self) -> Result<&ArcSwap<Signing>, KeyError> {
        match &self.0.choice {
            Choice::Chosen(signing) => Ok(signing),
            #[cfg(feature = "session")]
            Choice::Planned(_) => Err(KeyError::of_a_ring()),
        }
    }

    /// The key that signs now.
    pub(super) fn signing(&self) -> Result<Arc<Signing>, SignError> {
        match &self.0.choice {
            Choice::Chosen(signing) => Ok(signing.load_full()),
            #[cfg(feature = "session")]
            Choice::Planned(plan) => plan.signing(),
        }
    }

    /// The algorithm that tokens are signed with now.
    pub fn signing_algorithm(&self) -> Algorithm {
        match &self.0.choice {
            Choice::Chosen(signing) => signing.load().key.algorithm(),
            #[cfg(feature = "session")]
            Choice::Planned(plan) => plan.algorithm(),
        }
    }

    /// The `kid` of the key that signs.
    #[cfg(feature = "testing")]
    pub(crate) fn signing_kid(&self) -> String {
        let signing = self.signing();
        signing.map_or_else(|_| String::new(), |signing| signing.key.kid().to_owned())
    }

    /// Since when this process signs with the key.
    #[cfg_attr(not(feature = "session"), allow(dead_code))]
    pub(crate) fn signing_since(&self) -> Option<SystemTime> {
        self.signing().ok().map(|signing| signing.since)
    }

    /// Signs a payload into the compact serialisation (RFC 7515 §7.1), with `alg`, `typ` and
    /// `kid` in the header. This is not public API: the conformance suite forges tokens with it.
    #[doc(hidden)]
    pub fn sign(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        let signing = self.signing()?;
        let token = signing.unsigned(typ, payload)?;
        let signature = signing.key.sign(token.as_bytes())?;
        Ok(with_signature(token, &signature))
    }

    /// Signs like [`sign`](Self::sign), wherever the key is.
    #[cfg(feature = "session")]
    pub(crate) async fn sign_async(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        let signing = self.signing()?;
        let token = signing.unsigned(typ, payload)?;
        let signature = signing.key.sign_async(token.as_bytes()).await?;
        Ok(with_signature(token, &signature))
    }

    /// How long a signature may take, if the key that signs is elsewhere.
    #[cfg(feature = "session")]
    pub(crate) fn signer_timeout(&self) -> Option<Duration> {
        self.signing().ok()?.key.signer_timeout()
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data of its own, so a panic under it leaves nothing half-done.
        self.0.change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signing {
    fn new(key: SigningKey) -> Self {
        Self::since(key, SystemTime::now())
    }

    pub(super) fn since(key: SigningKey, since: SystemTime) -> Self {
        Self {
            key,
            header: OnceLock::new(),
            since,
        }
    }

    /// The token of this type up to its second dot, with room for a signature.
    fn unsigned(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        let header = self.header(typ)?;
        let unsigned = header.len() + payload.len().div_ceil(3) * 4;
        let mut token = String::with_capacity(unsigned + SIGNATURE);
        token.push_str(&header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(payload, &mut token);
        Ok(token)
    }

    /// The header segment of tokens of this type.
    fn header(&self, typ: &str) -> Result<Cow<'_, str>, SignError> {
        if let Some(first) = self.header.get().filter(|first| *first.typ == *typ) {
            return Ok(Cow::Borrowed(&first.text));
        }
        let header = Header {
            alg: self.key.algorithm().as_str(),
            kid: self.key.kid(),
            typ,
        };
        let header = serde_json::to_vec(&header).map_err(|_| SignError::signing())?;
        let text = URL_SAFE_NO_PAD.encode_to_string(&header);
        // It is kept only if none is yet.
        self.header.get_or_init(|| Segment {
            typ: typ.into(),
            text: text.as_str().into(),
        });
        Ok(Cow::Owned(text))
    }
}

fn with_signature(mut token: String, signature: &[u8]) -> String {
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, &mut token);
    token
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field(
                "signing",
                &self.signing().ok().map(|signing| signing.key.clone()),
            )
            .field("verifying", &self.0.verifying)
            .finish()
    }
}
