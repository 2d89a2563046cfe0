//! [`KeySet`] and [`VerifyingKeys`].

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use super::{Algorithm, SignError, SigningKey, VerifyingKey, compact::Compact, key::base64url};
use crate::{
    error::{ConfigError, ConfigErrorKind, TokenError},
    json,
};

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
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct KeySet(Arc<Shared>);

struct Shared {
    signing: ArcSwap<SigningKey>,
    verifying: VerifyingKeys,
    /// Held by whoever changes the set; tokens are signed and verified without it.
    change: Mutex<()>,
}

impl KeySet {
    /// A set that signs and verifies with `signing`.
    pub fn new(signing: SigningKey) -> Self {
        let verifying = VerifyingKeys::of(vec![signing.verifying_key()]);
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
    /// [`DuplicateKid`](ConfigErrorKind::DuplicateKid) where the set has a key of that `kid`.
    pub fn add_verifying(&self, key: VerifyingKey) -> Result<(), ConfigError> {
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
    /// [`DuplicateKid`](ConfigErrorKind::DuplicateKid) where the set has another key of that
    /// `kid`.
    pub fn roll_over(&self, next: SigningKey) -> Result<(), ConfigError> {
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
    /// `kid` in the header.
    pub(crate) fn sign(&self, typ: &str, payload: &[u8]) -> Result<String, SignError> {
        let key = self.0.signing.load();
        let header = json!({ "alg": key.algorithm().as_str(), "typ": typ, "kid": key.kid() });
        let mut token = base64url(header.to_string().as_bytes());
        token.push('.');
        token.push_str(&base64url(payload));
        let signature = key
            .sign(token.as_bytes())
            .map_err(|_| SignError::signing())?;
        token.push('.');
        token.push_str(&base64url(&signature));
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

/// Keys that verify, found by their `kid`. Clones share the set.
///
/// A token without a `kid` is accepted only where exactly one key of its algorithm is here.
///
/// ```
/// use tower_bearer::{Algorithm, KeySet, SigningKey, VerifyingKeys};
///
/// let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?);
/// let published = keys.verifying().jwks();
///
/// // on another server
/// let trusted = VerifyingKeys::from_jwks(&published)?;
/// assert_eq!(trusted.jwks(), published);
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKeys(Arc<ArcSwap<Vec<VerifyingKey>>>);

impl VerifyingKeys {
    /// A set of these keys.
    ///
    /// # Errors
    ///
    /// [`EmptyKeySet`](ConfigErrorKind::EmptyKeySet) where there is none,
    /// [`DuplicateKid`](ConfigErrorKind::DuplicateKid) where two have the same `kid`.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, ConfigError> {
        let mut set = Vec::new();
        for key in keys {
            push(&mut set, key)?;
        }
        if set.is_empty() {
            return Err(ConfigErrorKind::EmptyKeySet.into());
        }
        Ok(Self::of(set))
    }

    /// Reads a JWK Set (RFC 7517 §5).
    ///
    /// As §5 asks, keys that cannot be used here are skipped: for another `use`, of an
    /// unsupported type, curve or `alg`, too weak, malformed, or RSA and `oct` without `alg`.
    /// Private members are ignored.
    ///
    /// # Errors
    ///
    /// [`KeyFormat`](ConfigErrorKind::KeyFormat) where it is no JWK Set,
    /// [`KeyUse`](ConfigErrorKind::KeyUse) where it mixes secrets with public keys, so that it
    /// can be neither published nor kept secret,
    /// [`EmptyKeySet`](ConfigErrorKind::EmptyKeySet) where no key is left,
    /// [`DuplicateKid`](ConfigErrorKind::DuplicateKid) where two have the same `kid`.
    pub fn from_jwks(json: &str) -> Result<Self, ConfigError> {
        let malformed = || ConfigErrorKind::KeyFormat("it is no JWK Set");
        let mut set = json::object(json.as_bytes()).map_err(|_| malformed())?;
        let Some(Value::Array(keys)) = set.remove("keys") else {
            return Err(malformed().into());
        };
        let usable = keys.into_iter().filter_map(|key| match key {
            Value::Object(members) => VerifyingKey::from_jwk_members(members).ok(),
            _ => None,
        });
        let (public, secret): (Vec<_>, Vec<_>) = usable.partition(VerifyingKey::is_public);
        if !public.is_empty() && !secret.is_empty() {
            return Err(ConfigErrorKind::KeyUse("the set mixes secrets with public keys").into());
        }
        Self::new(public.into_iter().chain(secret))
    }

    fn of(keys: Vec<VerifyingKey>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(keys)))
    }

    /// The JWK Set to publish (RFC 7517 §5): public keys only, each with `kid`, `alg` and
    /// `use`. Secrets never appear; where there is nothing else it is `{"keys":[]}`.
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self.0.load().iter().filter_map(VerifyingKey::jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Opens a compact JWS and returns its payload, once everything below the claims is right.
    ///
    /// In this order: the size, the shape, the header, the type, the key by `kid`, its
    /// algorithm, the signature. All that a peer learns of it is `invalid_token`.
    pub(crate) fn open(
        &self,
        token: &str,
        typ: &str,
        max_bytes: usize,
    ) -> Result<Vec<u8>, TokenError> {
        let jws = Compact::parse(token, max_bytes)?;
        if jws.header.is_type(typ) {
            self.verified(&jws)
        } else {
            Err(TokenError::Type)
        }
    }

    /// The payload of a token of any type, once its signature has been verified.
    pub(super) fn verified(&self, jws: &Compact<'_>) -> Result<Vec<u8>, TokenError> {
        let key = self.find(jws)?;
        if !key.verify(jws.signing_input.as_bytes(), &jws.signature) {
            return Err(TokenError::Signature);
        }
        jws.payload()
    }

    fn find(&self, jws: &Compact<'_>) -> Result<VerifyingKey, TokenError> {
        let algorithm = jws.header.algorithm;
        let keys = self.0.load();
        match jws.header.kid.as_deref() {
            Some(kid) => {
                let key = keys.iter().find(|key| key.kid() == kid);
                let key = key.ok_or(TokenError::UnknownKey)?;
                if key.algorithm() == algorithm {
                    Ok(key.clone())
                } else {
                    Err(TokenError::Algorithm)
                }
            }
            None => {
                let mut fitting = keys.iter().filter(|key| key.algorithm() == algorithm);
                match (fitting.next(), fitting.next()) {
                    (Some(key), None) => Ok(key.clone()),
                    _ => Err(TokenError::UnknownKey),
                }
            }
        }
    }

    /// Whether any key is in both, whatever its `kid` or algorithm.
    #[cfg_attr(not(feature = "session"), allow(dead_code))] // sessions ask, nobody else does
    pub(crate) fn shares_key_with(&self, other: &Self) -> bool {
        let theirs = other.0.load();
        self.0.load().iter().any(|mine| {
            theirs
                .iter()
                .any(|key| key.thumbprint() == mine.thumbprint())
        })
    }

    fn holds(&self, key: &VerifyingKey) -> bool {
        self.0.load().iter().any(|held| {
            (held.kid(), held.algorithm(), held.thumbprint())
                == (key.kid(), key.algorithm(), key.thumbprint())
        })
    }

    /// To be called by one writer at a time.
    fn add(&self, key: VerifyingKey) -> Result<(), ConfigError> {
        let mut keys = self.0.load().to_vec();
        push(&mut keys, key)?;
        self.0.store(Arc::new(keys));
        Ok(())
    }

    /// To be called by one writer at a time.
    fn remove(&self, kid: &str) -> bool {
        let before = self.0.load();
        let after: Vec<_> = before
            .iter()
            .filter(|key| key.kid() != kid)
            .cloned()
            .collect();
        let removed = after.len() < before.len();
        if removed {
            self.0.store(Arc::new(after));
        }
        removed
    }
}

fn push(keys: &mut Vec<VerifyingKey>, key: VerifyingKey) -> Result<(), ConfigError> {
    if keys.iter().any(|held| held.kid() == key.kid()) {
        return Err(ConfigErrorKind::DuplicateKid(key.kid().to_owned()).into());
    }
    keys.push(key);
    Ok(())
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.load().iter()).finish()
    }
}
