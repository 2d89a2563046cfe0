//! [`VerifyingKeys`].

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
    key::use_error,
    known::{Known, KnownHeaders},
};
use crate::{error::TokenError, json};

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
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKeys(Arc<Shared>);

struct Shared {
    keys: ArcSwap<Vec<VerifyingKey>>,
    /// Counts the changes of `keys`, each once it is made. Whoever reads it **before** the keys
    /// and finds it unchanged later knows that what was found then still holds.
    epoch: AtomicU64,
    known: KnownHeaders,
    /// Whether a [`KeySet`](super::KeySet) signs with one of them.
    are_of_a_key_set: bool,
}

/// What is in a token whose signature was right, and why that is believed.
pub(crate) struct Opened {
    pub(crate) payload: Vec<u8>,
    pub(crate) trust: Trust,
}

/// By which header and key a token was opened, as of a state of the set.
pub(crate) struct Trust {
    known: Arc<Known>,
    epoch: AtomicU64,
}

impl VerifyingKeys {
    /// A set of these keys.
    ///
    /// # Errors
    ///
    /// [`EmptySet`](KeyErrorKind::EmptySet) where there is none,
    /// [`DuplicateKid`](KeyErrorKind::DuplicateKid) where two have the same `kid`.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self, KeyError> {
        let mut set = Vec::new();
        for key in keys {
            push(&mut set, key)?;
        }
        if set.is_empty() {
            return Err(KeyError::new(
                KeyErrorKind::EmptySet,
                "the key set is empty",
            ));
        }
        Ok(Self::of(set, false))
    }

    /// Reads a JWK Set (RFC 7517 §5).
    ///
    /// As §5 asks, keys that cannot be used here are skipped: for another `use`, of an
    /// unsupported type, curve or `alg`, too weak, malformed, or RSA and `oct` without `alg`.
    /// Private members are ignored.
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) where it is no JWK Set,
    /// [`Use`](KeyErrorKind::Use) where it mixes secrets with public keys, so that it
    /// can be neither published nor kept secret,
    /// [`EmptySet`](KeyErrorKind::EmptySet) where no key is left,
    /// [`DuplicateKid`](KeyErrorKind::DuplicateKid) where two have the same `kid`.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::new(KeyErrorKind::Format, "it is no JWK Set");
        let mut set = json::object(json.as_bytes()).map_err(|_| malformed())?;
        let Some(Value::Array(keys)) = set.remove("keys") else {
            return Err(malformed());
        };
        let usable = keys.into_iter().filter_map(|key| match key {
            Value::Object(members) => VerifyingKey::from_jwk_members(members).ok(),
            _ => None,
        });
        let (public, secret): (Vec<_>, Vec<_>) = usable.partition(VerifyingKey::is_public);
        if !public.is_empty() && !secret.is_empty() {
            let mixed = "the set mixes secrets with public keys";
            return Err(use_error(mixed));
        }
        Self::new(public.into_iter().chain(secret))
    }

    /// Those of a [`KeySet`](super::KeySet), which signs with this one.
    pub(super) fn of_key_set(signing: VerifyingKey) -> Self {
        Self::of(vec![signing], true)
    }

    fn of(keys: Vec<VerifyingKey>, are_of_a_key_set: bool) -> Self {
        Self(Arc::new(Shared {
            keys: ArcSwap::from_pointee(keys),
            epoch: AtomicU64::new(0),
            known: KnownHeaders::new(),
            are_of_a_key_set,
        }))
    }

    /// Trusts the keys of `next` from now on, and no others: for a server that reads the key set of
    /// an issuer elsewhere, and has read it again. Clones of this set, and the verifiers that have
    /// one, follow at once; `next` stays as it is.
    ///
    /// Tokens of keys that are gone are refused with the next request, remembered ones too. Keys
    /// that are in both are the same keys: what is remembered of their tokens stays.
    ///
    /// The last call counts. Have one task fetch and replace: of two, the one that has fetched
    /// first may be the last to replace, and bring back a key that has leaked.
    ///
    /// # Errors
    ///
    /// [`KeysOfAKeySet`](KeyErrorKind::KeysOfAKeySet) where these are the keys of a
    /// [`KeySet`](crate::KeySet), which has to verify what it signs.
    ///
    /// ```
    /// use tower_bearer::{VerifyingKeys, jws::KeyError};
    ///
    /// fn read_again(trusted: &VerifyingKeys, fetched: &str) -> Result<(), KeyError> {
    ///     // What cannot be read, or has no key that can be used, changes nothing.
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
        if self.0.are_of_a_key_set {
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

    /// The JWK Set to publish (RFC 7517 §5): public keys only, each with `kid`, `alg` and
    /// `use`. Secrets never appear; where there is nothing else it is `{"keys":[]}`.
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

    /// Opens a compact JWS, once everything below the claims is right.
    ///
    /// In this order: the size, the shape, the header, the type, the key by `kid`, its
    /// algorithm, the signature. All that a peer learns of it is `invalid_token`.
    pub(crate) fn open(
        &self,
        token: &str,
        typ: &str,
        max_bytes: usize,
    ) -> Result<Opened, TokenError> {
        self.verified(&Compact::parse(token, max_bytes)?, Some(typ))
    }

    /// Opens a token of this type, or of any.
    pub(super) fn verified(
        &self,
        jws: &Compact<'_>,
        typ: Option<&str>,
    ) -> Result<Opened, TokenError> {
        let epoch = self.epoch();
        let seen = self.0.known.get(jws.header, epoch);
        let is_new = seen.is_none();
        let known = self.recognise(seen, jws.header, typ)?;
        let verify = |signature: &[u8]| known.key.verify(jws.signing_input.as_bytes(), signature);
        if !jws.with_signature(verify)? {
            return Err(TokenError::Signature);
        }
        if is_new {
            self.0.known.learn(jws.header, &known, epoch);
        }
        Ok(Opened {
            payload: jws.payload()?,
            trust: Trust {
                known,
                epoch: AtomicU64::new(epoch),
            },
        })
    }

    /// What a header says and which key it names, by memory or by reading it.
    fn recognise(
        &self,
        seen: Option<Arc<Known>>,
        segment: &str,
        typ: Option<&str>,
    ) -> Result<Arc<Known>, TokenError> {
        let of_type = |header: &Header| typ.is_none_or(|typ| header.is_type(typ));
        match seen {
            Some(known) if of_type(&known.header) => Ok(known),
            Some(_) => Err(TokenError::Type),
            None => {
                let header = Header::parse(segment)?;
                if !of_type(&header) {
                    return Err(TokenError::Type);
                }
                let key = self.find(&header)?;
                Ok(Arc::new(Known { header, key }))
            }
        }
    }

    /// Whether the token would still be opened, and by the same key.
    pub(crate) fn still_trusts(&self, trust: &Trust) -> bool {
        let epoch = self.epoch();
        if trust.epoch.load(Ordering::Relaxed) == epoch {
            return true;
        }
        let known = &trust.known;
        let holds = self.find(&known.header).is_ok_and(|key| key.is(&known.key));
        if holds {
            trust.epoch.store(epoch, Ordering::Relaxed);
        }
        holds
    }

    fn find(&self, header: &Header) -> Result<VerifyingKey, TokenError> {
        let keys = self.0.keys.load();
        match header.kid.as_deref() {
            Some(kid) => {
                let key = keys.iter().find(|key| key.kid() == kid);
                let key = key.ok_or(TokenError::UnknownKey)?;
                if key.algorithm() == header.algorithm {
                    Ok(key.clone())
                } else {
                    Err(TokenError::Algorithm)
                }
            }
            None => {
                let mut fitting = keys
                    .iter()
                    .filter(|key| key.algorithm() == header.algorithm);
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

    /// Whether any key is in both, whatever its `kid` or algorithm.
    #[cfg_attr(not(feature = "session"), allow(dead_code))] // sessions ask, nobody else does
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

    /// To be called by one writer at a time.
    pub(super) fn add(&self, key: VerifyingKey) -> Result<(), KeyError> {
        let mut keys = self.0.keys.load().to_vec();
        push(&mut keys, key)?;
        self.publish(keys);
        Ok(())
    }

    /// To be called by one writer at a time.
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

    /// The keys first, the count second: see [`Shared::epoch`].
    fn publish(&self, keys: Vec<VerifyingKey>) {
        self.0.keys.store(Arc::new(keys));
        self.0.epoch.fetch_add(1, Ordering::Release);
    }
}

fn push(keys: &mut Vec<VerifyingKey>, key: VerifyingKey) -> Result<(), KeyError> {
    if keys.iter().any(|held| held.kid() == key.kid()) {
        let twice = format!("two keys of the set have the same kid: {:?}", key.kid());
        return Err(KeyError::new(KeyErrorKind::DuplicateKid, twice));
    }
    keys.push(key);
    Ok(())
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys.load().iter()).finish()
    }
}
