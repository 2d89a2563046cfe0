//! [`JwkSetReader`]: which keys of a set are taken.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{JwkSet, SkippedKey};
use crate::{
    json,
    jws::{
        Algorithm, CryptoProvider, KeyError, KeyErrorKind, VerifyingKey, VerifyingKeys,
        algorithm::Family,
        key::{check_kid, format_error, use_error},
    },
};

const MAX_KEYS: usize = 1000;

/// Reads a JWK Set (RFC 7517 §5) as an issuer publishes it.
///
/// ```
/// use tower_bearer::{Algorithm, jws::JwkSetReader};
/// # let published = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"OKP","crv":"X25519","kid":"for encryption","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
///
/// let reader = JwkSetReader::new()
///     .rsa_algorithm(Algorithm::RS512)?
///     .without_secrets();
/// let set = reader.read(published)?;
/// for skipped in set.skipped() {
///     println!("{skipped}");
/// }
/// # assert_eq!(set.skipped()[0].to_string(), r#"key 1 of the set ("for encryption"): unsupported algorithm: "X25519"; there are HS, RS, PS and ES with 256, 384 and 512, EdDSA, Ed25519, and ML-DSA with 44, 65 and 87"#);
/// let keys = set.into_keys()?;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct JwkSetReader {
    rsa_algorithm: Algorithm,
    max_keys: usize,
    takes_secrets: bool,
    provider: Option<CryptoProvider>,
}

impl JwkSetReader {
    /// A reader of at most 1000 keys, with RS256 for RSA keys that name no algorithm.
    pub fn new() -> Self {
        Self {
            rsa_algorithm: Algorithm::RS256,
            max_keys: MAX_KEYS,
            takes_secrets: true,
            provider: None,
        }
    }

    /// The algorithm of RSA keys that have no `alg`, which is optional (RFC 7517 §4.4). It is one,
    /// so that each key is for one algorithm (RFC 8725 §3.1). The default is RS256, which an issuer
    /// of access tokens has to support (RFC 9068 §2.1).
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) if it is no algorithm of RSA keys.
    pub fn rsa_algorithm(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if algorithm.family() != Family::Rsa {
            return Err(format_error("the algorithm takes no RSA key"));
        }
        self.rsa_algorithm = algorithm;
        Ok(self)
    }

    /// How many keys a set may have, those that cannot be used included: 1000 by default.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Takes no secrets, whatever else is in the set. This is for sets that are fetched: a secret
    /// that others can read proves nothing.
    pub fn without_secrets(mut self) -> Self {
        self.takes_secrets = false;
        self
    }

    /// Whose cryptography the keys use. Without it, that is [the default](CryptoProvider::default) of the process.
    pub fn provider(mut self, provider: CryptoProvider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Reads a set. Keys that cannot be used are left out, as RFC 7517 §5 asks; see
    /// [`JwkSet::skipped`]. A byte order mark before the text is ignored (RFC 8259 §8.1).
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) if the text is not a JWK Set,
    /// [`TooManyKeys`](KeyErrorKind::TooManyKeys) if it has more keys than are allowed. A set of
    /// which no key can be used is no error here, but one of [`JwkSet::into_keys`].
    pub fn read(&self, json: &str) -> Result<JwkSet, KeyError> {
        let set = self.read_silently(json)?;
        set.log(None, None);
        Ok(set)
    }

    /// Like [`read`](Self::read), for a caller that knows when the log has been told already.
    pub(crate) fn read_silently(&self, json: &str) -> Result<JwkSet, KeyError> {
        let texts = texts(json)?;
        if texts.len() > self.max_keys {
            return Err(too_many(texts.len(), self.max_keys));
        }
        let mut items: Vec<_> = texts.into_iter().map(|text| self.item(text)).collect();
        let has_public = items.iter().any(|item| item.kind == Kind::Public);
        for item in items.iter_mut().filter(|item| item.kind == Kind::Secret) {
            if item.key.is_ok() && (has_public || !self.takes_secrets) {
                item.key = Err(use_error("a secret does not belong into a published set"));
            }
        }
        leave_out_twins(&mut items);
        Ok(JwkSet::of(items))
    }

    fn item(&self, text: &RawValue) -> Item {
        let Ok(members) = json::object(text.get().as_bytes()) else {
            return Item {
                kind: Kind::Unknown,
                kid: None,
                key: Err(format_error(
                    "the JWK is no JSON object without duplicate members",
                )),
                counts: true,
            };
        };
        let member = |name| members.get(name).and_then(Value::as_str);
        Item {
            kind: match member("kty") {
                Some("oct") => Kind::Secret,
                Some(_) => Kind::Public,
                None => Kind::Unknown,
            },
            kid: member("kid").and_then(|kid| check_kid(kid.to_owned()).ok()),
            key: VerifyingKey::with_provider(self.provider.unwrap_or_default())
                .jwk_of_set(members, self.rsa_algorithm),
            counts: true,
        }
    }
}

impl Default for JwkSetReader {
    fn default() -> Self {
        Self::new()
    }
}

impl JwkSet {
    /// Reads a set by the defaults of [`JwkSetReader`].
    ///
    /// # Errors
    ///
    /// Those of [`JwkSetReader::read`].
    pub fn read(json: &str) -> Result<Self, KeyError> {
        JwkSetReader::new().read(json)
    }

    fn of(items: Vec<Item>) -> Self {
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (position, item) in items.into_iter().enumerate() {
            match item.key {
                Ok(key) if item.counts => keys.push(key),
                Ok(_) => {}
                Err(reason) => skipped.push(SkippedKey {
                    position,
                    kid: item.kid.map(|kid| kid.to_string()),
                    reason,
                }),
            }
        }
        Self { keys, skipped }
    }
}

impl VerifyingKeys {
    /// Reads a JWK Set (RFC 7517 §5). Keys that cannot be used here are left out, and RSA keys that
    /// have no `alg` are for RS256. A [`JwkSet`] tells which keys were left out and why, and a
    /// [`JwkSetReader`] takes another algorithm for such RSA keys.
    ///
    /// # Errors
    ///
    /// [`Format`](KeyErrorKind::Format) if the text is not a JWK Set,
    /// [`TooManyKeys`](KeyErrorKind::TooManyKeys) if it has more than 1000 keys,
    /// [`EmptySet`](KeyErrorKind::EmptySet) if no key can be used.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        JwkSet::read(json)?.into_keys()
    }
}

/// One element of `keys`.
struct Item {
    kind: Kind,
    kid: Option<Arc<str>>,
    key: Result<VerifyingKey, KeyError>,
    /// Whether it is not listed before.
    counts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Secret,
    /// It has no `kty`.
    Unknown,
}

/// The texts of the keys. Each is parsed by itself, so that none spoils the others.
fn texts(json: &str) -> Result<Vec<&RawValue>, KeyError> {
    #[derive(Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    // serde also reads a struct from an array.
    let is_object = json.trim_start().starts_with('{');
    match serde_json::from_str::<Set<'_>>(json) {
        Ok(set) if is_object => Ok(set.keys),
        _ => Err(KeyError::no_set()),
    }
}

/// Leaves out keys that share `kid` and algorithm but are not the same, and all but the first of
/// those that are.
fn leave_out_twins(items: &mut [Item]) {
    let mut first = HashMap::new();
    let mut twins = HashSet::new();
    for item in items.iter_mut() {
        let Ok(key) = &item.key else { continue };
        match first.entry(name_of(key)) {
            Entry::Vacant(entry) => {
                entry.insert(key.clone());
            }
            Entry::Occupied(entry) if entry.get().is_same_key(key) => item.counts = false,
            Entry::Occupied(entry) => {
                twins.insert(entry.key().clone());
            }
        }
    }
    for item in items {
        let Ok(key) = &item.key else { continue };
        if twins.contains(&name_of(key)) {
            let (kid, algorithm) = (key.kid(), key.algorithm());
            let what = format!("another key of the set has the same kid, {kid:?}, for {algorithm}");
            item.key = Err(KeyError::new(KeyErrorKind::DuplicateKid, what));
        }
    }
}

/// What a token finds its key by.
fn name_of(key: &VerifyingKey) -> (String, Algorithm) {
    (key.kid().to_owned(), key.algorithm().rfc8037())
}

fn too_many(keys: usize, maximum: usize) -> KeyError {
    let kind = KeyErrorKind::TooManyKeys { keys, maximum };
    let what = format!("the set has {keys} keys, at most {maximum} are allowed");
    KeyError::new(kind, what)
}
