//! [`VerifyingKeys`], the keys whose tokens are trusted.

#[cfg(feature = "session")]
use std::time::Duration;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use super::{
    KeyError, KeyErrorKind, VerifyingKey,
    compact::Compact,
    header::Header,
    known::{Known, KnownHeaders},
    origin::Origin,
};
use crate::error::TokenError;

/// A set of keys that verify, found by their `kid` and algorithm. Clones share the set.
///
/// A token without a `kid` is accepted only if the set has exactly one key of its algorithm.
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
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKeys(Arc<Shared>);

struct Shared {
    keys: ArcSwap<Vec<VerifyingKey>>,
    /// The number of changes to `keys`, each counted after it is made. Code that reads the count
    /// **before** the keys, and later finds it unchanged, knows that the keys are unchanged too.
    epoch: AtomicU64,
    known: KnownHeaders,
    origin: Origin,
}

/// The payload of a token with a valid signature, and why it is trusted.
pub(crate) struct Opened {
    pub(crate) payload: Vec<u8>,
    pub(crate) trust: Trust,
}

/// The set, the header and the key that opened a token, and the epoch of the set at that time.
pub(crate) struct Trust {
    keys: VerifyingKeys,
    known: Arc<Known>,
    epoch: AtomicU64,
}

impl VerifyingKeys {
    /// Creates a set of these keys.
    ///
    /// # Errors
    ///
    /// [`EmptySet`](KeyErrorKind::EmptySet) if there are no keys,
    /// [`DuplicateKid`](KeyErrorKind::DuplicateKid) if two have the same `kid` and algorithm.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut set = Vec::new();
        for key in keys {
            let same = |held: &&VerifyingKey| held.algorithm().is(key.algorithm());
            refuse_twin(set.iter().filter(same), &key)?;
            set.push(key);
        }
        if set.is_empty() {
            return Err(KeyError::new(
                KeyErrorKind::EmptySet,
                "the key set is empty",
            ));
        }
        Ok(Self::of(set, Origin::Others))
    }

    /// A set that is filled later.
    #[cfg(feature = "remote")]
    pub(crate) fn empty() -> Self {
        Self::of(Vec::new(), Origin::Others)
    }

    /// The keys of now.
    #[cfg(any(feature = "remote", feature = "session", feature = "tracing"))]
    pub(crate) fn list(&self) -> Vec<VerifyingKey> {
        self.0.keys.load().to_vec()
    }

    #[cfg(feature = "remote")]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.keys.load().is_empty()
    }

    /// Replaces the keys, as [`replace`](Self::replace) does, also by none. Only one writer may call
    /// this at a time.
    #[cfg(any(feature = "remote", feature = "session"))]
    pub(crate) fn set_list(&self, next: Vec<VerifyingKey>) {
        let held = self.0.keys.load();
        let pairs = || held.iter().zip(&next);
        if held.len() == next.len() && pairs().all(|(held, next)| held.equals(next)) {
            return;
        }
        let keys = next.into_iter().map(|key| {
            let same = held.iter().find(|held| held.equals(&key));
            same.cloned().unwrap_or(key)
        });
        self.publish(keys.collect());
    }

    /// Creates the verifying keys of a [`KeySet`](super::KeySet) that signs with `signing`.
    pub(super) fn of_key_set(signing: VerifyingKey) -> Self {
        Self::of(vec![signing], Origin::KeySet)
    }

    /// Creates the verifying keys of a [`KeySet`](super::KeySet) that a ring keeps and fills later.
    #[cfg(feature = "session")]
    pub(super) fn of_ring(clock: Arc<dyn super::PlanClock>, longest_kept: Duration) -> Self {
        let origin = Origin::Ring {
            clock,
            longest_kept,
        };
        Self::of(Vec::new(), origin)
    }

    /// The longest that anybody may keep the published set as it is now, if a ring rolls its keys over.
    #[cfg(feature = "session")]
    pub(crate) fn longest_kept(&self) -> Option<Duration> {
        self.0.origin.longest_kept()
    }

    /// Whether there is another clone of this set.
    #[cfg(feature = "session")]
    pub(super) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn of(keys: Vec<VerifyingKey>, origin: Origin) -> Self {
        Self(Arc::new(Shared {
            keys: ArcSwap::from_pointee(keys),
            epoch: AtomicU64::new(0),
            known: KnownHeaders::new(),
            origin,
        }))
    }

    /// Replaces the keys of this set by those of `next`. Use it on a server that fetches the key
    /// set of another issuer from time to time. Clones of this set, and the verifiers that have
    /// one, change at once. `next` itself does not change.
    ///
    /// From the next request on, tokens of removed keys are refused, even if a verifier remembers
    /// them. A key that is in both sets stays the same key, and its tokens stay remembered.
    ///
    /// If several calls race, the last one counts. Let only one task fetch and replace the keys: of
    /// two tasks, the one with the older keys may be the last, and bring back a key that has
    /// leaked.
    ///
    /// # Errors
    ///
    /// [`KeysOfAKeySet`](KeyErrorKind::KeysOfAKeySet) if these keys belong to a
    /// [`KeySet`](crate::KeySet), which must be able to verify what it signs,
    /// [`KeysOfARing`](KeyErrorKind::KeysOfARing) if a ring keeps that.
    ///
    /// ```
    /// use tower_bearer::{VerifyingKeys, jws::KeyError};
    ///
    /// fn read_again(trusted: &VerifyingKeys, fetched: &str) -> Result<(), KeyError> {
    ///     // A set that cannot be read, or has no key that can be used, changes nothing.
    ///     trusted.replace(&VerifyingKeys::from_jwks(fetched)?)
    /// }
    /// # use tower_bearer::{Algorithm, KeySet, SigningKey};
    /// # let issuer = || SigningKey::generate(Algorithm::ES256).map(KeySet::new);
    /// # let (first, second) = (issuer()?.verifying(), issuer()?.verifying());
    /// # let trusted = VerifyingKeys::from_jwks(&first.jwks())?;
    /// # read_again(&trusted, &second.jwks())?;
    /// # assert_eq!(trusted.jwks(), second.jwks());
    /// # Ok::<_, KeyError>(())
    /// ```
    pub fn replace(&self, next: &Self) -> Result<(), KeyError> {
        #[cfg(feature = "session")]
        if self.0.origin.is_ring() {
            return Err(KeyError::of_a_ring());
        }
        if self.0.origin.is_key_set() {
            let kept = "these are the keys of a KeySet, which has to verify what it signs: roll it over \
                        instead";
            return Err(KeyError::new(KeyErrorKind::KeysOfAKeySet, kept));
        }
        let held = self.0.keys.load();
        let next = next.0.keys.load();
        let keys = next.iter().map(|key| {
            let same = held.iter().find(|held| held.equals(key));
            same.unwrap_or(key).clone()
        });
        self.publish(keys.collect());
        Ok(())
    }

    /// The JWK Set to publish (RFC 7517 §5). It has only public keys, each with `kid`, `alg` and
    /// `use`. Secrets are left out; without public keys it is `{"keys":[]}`.
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self
            .0
            .keys
            .load()
            .iter()
            .filter_map(VerifyingKey::jwk)
            .collect();
        json!({ "keys": keys }).to_string()
    }

    /// Opens a compact JWS. It checks everything but the claims, in this order: the size, the
    /// shape, the header, the type, the key by `kid`, its algorithm, the signature.
    pub(crate) fn open(
        &self,
        token: &str,
        is_right_type: impl Fn(&Header) -> bool,
        max_bytes: usize,
    ) -> Result<Opened, TokenError> {
        self.verified(&Compact::parse(token, max_bytes)?, is_right_type)
    }

    /// The payload of a compact JWS, which is checked as [`open`](Self::open) does it. Whether it would still
    /// be trusted later cannot be asked.
    #[cfg(feature = "session")]
    pub(crate) fn payload(
        &self,
        token: &str,
        is_right_type: impl Fn(&Header) -> bool,
        max_bytes: usize,
    ) -> Result<Vec<u8>, TokenError> {
        let jws = Compact::parse(token, max_bytes)?;
        self.check(&jws, is_right_type)?;
        jws.payload()
    }

    pub(super) fn verified(
        &self,
        jws: &Compact<'_>,
        is_right_type: impl Fn(&Header) -> bool,
    ) -> Result<Opened, TokenError> {
        let (known, epoch) = self.check(jws, is_right_type)?;
        Ok(Opened {
            payload: jws.payload()?,
            trust: Trust {
                keys: self.clone(),
                known,
                epoch: AtomicU64::new(epoch),
            },
        })
    }

    /// Checks all but the claims, and tells the header, its key and the epoch of the set.
    fn check(
        &self,
        jws: &Compact<'_>,
        is_right_type: impl Fn(&Header) -> bool,
    ) -> Result<(Arc<Known>, u64), TokenError> {
        let epoch = self.epoch();
        let seen = self.0.known.get(jws.header, epoch);
        let is_new = seen.is_none();
        let known = self.recognise(seen, jws.header, is_right_type)?;
        let verify = |signature: &[u8]| known.key.verify(jws.signing_input.as_bytes(), signature);
        if !jws.with_signature(verify)? {
            return Err(TokenError::Signature);
        }
        if is_new {
            self.0.known.learn(jws.header, &known, epoch);
        }
        Ok((known, epoch))
    }

    /// The content of a header and the key that it names, from memory or read anew.
    fn recognise(
        &self,
        seen: Option<Arc<Known>>,
        segment: &str,
        is_right_type: impl Fn(&Header) -> bool,
    ) -> Result<Arc<Known>, TokenError> {
        match seen {
            Some(known) if is_right_type(&known.header) => Ok(known),
            Some(_) => Err(TokenError::Type),
            None => {
                let header = Header::parse(segment)?;
                if !is_right_type(&header) {
                    return Err(TokenError::Type);
                }
                let key = self.find(&header)?;
                Ok(Arc::new(Known { header, key }))
            }
        }
    }

    fn find(&self, header: &Header) -> Result<VerifyingKey, TokenError> {
        let missing = self.0.origin.missing();
        let keys = self.0.keys.load();
        match header.kid.as_deref() {
            Some(kid) => {
                let mut named = keys.iter().filter(|key| key.kid() == kid).peekable();
                if named.peek().is_none() {
                    return Err(missing);
                }
                // RFC 7517 §4.5 lets keys for different algorithms share a kid.
                let key = named.find(|key| key.algorithm().is(header.algorithm));
                key.cloned().ok_or(TokenError::Algorithm)
            }
            None => {
                let mut fitting = keys
                    .iter()
                    .filter(|key| key.algorithm().is(header.algorithm));
                match (fitting.next(), fitting.next()) {
                    (Some(key), None) => Ok(key.clone()),
                    _ => Err(TokenError::UnknownKey),
                }
            }
        }
    }

    fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// Whether some key is in both sets, whatever its `kid` or algorithm.
    #[cfg_attr(not(feature = "session"), allow(dead_code))] // only sessions use it
    pub(crate) fn shares_key_with(&self, other: &Self) -> bool {
        let theirs = other.0.keys.load();
        self.0.keys.load().iter().any(|mine| {
            theirs
                .iter()
                .any(|key| key.thumbprint() == mine.thumbprint())
        })
    }

    pub(super) fn holds(&self, key: &VerifyingKey) -> bool {
        self.0.keys.load().iter().any(|held| held.equals(key))
    }

    /// Adds a key. Only one writer may call this at a time.
    pub(super) fn add(&self, key: VerifyingKey) -> Result<(), KeyError> {
        let mut keys = self.0.keys.load().to_vec();
        refuse_twin(keys.iter(), &key)?;
        keys.push(key);
        self.publish(keys);
        Ok(())
    }

    /// Removes a key. Only one writer may call this at a time.
    pub(super) fn remove(&self, kid: &str) -> bool {
        let before = self.0.keys.load();
        let after: Vec<_> = before
            .iter()
            .filter(|key| key.kid() != kid)
            .cloned()
            .collect();
        let removed = after.len() < before.len();
        if removed {
            self.publish(after);
        }
        removed
    }

    /// Stores the keys first and counts the change afterwards; see [`Shared::epoch`].
    fn publish(&self, keys: Vec<VerifyingKey>) {
        self.0.keys.store(Arc::new(keys));
        self.0.epoch.fetch_add(1, Ordering::Release);
    }
}

impl Trust {
    /// The one issuer whose tokens the key may verify, if the key is bound to one.
    pub(crate) fn key_issuer(&self) -> Option<&str> {
        self.known.key.issuer()
    }

    /// Whether the token would still be opened with the same key.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        let epoch = self.keys.epoch();
        if self.epoch.load(Ordering::Relaxed) == epoch {
            return true;
        }
        let (header, key) = (&self.known.header, &self.known.key);
        let holds = self.keys.find(header).is_ok_and(|found| found.is(key));
        if holds {
            self.epoch.store(epoch, Ordering::Relaxed);
        }
        holds
    }
}

/// Refuses a key whose `kid` one of `held` has.
fn refuse_twin<'a>(
    mut held: impl Iterator<Item = &'a VerifyingKey>,
    key: &VerifyingKey,
) -> Result<(), KeyError> {
    if held.any(|held| held.kid() == key.kid()) {
        let twice = format!("two keys of the set have the same kid: {:?}", key.kid());
        return Err(KeyError::new(KeyErrorKind::DuplicateKid, twice));
    }
    Ok(())
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys.load().iter()).finish()
    }
}
