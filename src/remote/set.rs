//! Reads a key set as it was fetched.

use serde_json::Value;

use super::error::{RemoteKeysError, RemoteKeysErrorKind as Kind};
use crate::{
    json,
    jws::{Algorithm, VerifyingKey},
};

/// The keys of a set that can be used, and why the others cannot.
#[derive(Debug, Default)]
pub(super) struct FetchedSet {
    pub(super) keys: Vec<VerifyingKey>,
    pub(super) skipped: Vec<String>,
}

/// `rsa` is the algorithm of RSA keys without `alg`. Only public keys are taken: a secret that an
/// issuer publishes is none.
pub(super) fn read(
    body: &[u8],
    rsa: Algorithm,
    max_keys: usize,
) -> Result<FetchedSet, RemoteKeysError> {
    let mut set =
        json::object(body).map_err(|error| RemoteKeysError::with_source(Kind::NotJson, error))?;
    let Some(Value::Array(keys)) = set.remove("keys") else {
        return Err(RemoteKeysError::new(Kind::NotAKeySet));
    };
    if keys.len() > max_keys {
        let many = format!("{} keys, at most {max_keys} are read", keys.len());
        return Err(RemoteKeysError::with_flaw(Kind::TooManyKeys, many));
    }
    let mut read = FetchedSet::default();
    for key in keys {
        let lacks_alg =
            key.get("kty").and_then(Value::as_str) == Some("RSA") && key.get("alg").is_none();
        let text = key.to_string();
        let key = match lacks_alg {
            true => VerifyingKey::from_jwk_as(rsa, &text),
            false => VerifyingKey::from_jwk(&text),
        };
        match key {
            Ok(key) if !key.is_public() => read.skipped.push("it is a secret".to_owned()),
            Ok(key) if read.keys.iter().any(|held| held.kid() == key.kid()) => {
                read.skipped
                    .push("its kid is that of another key".to_owned());
            }
            Ok(key) => read.keys.push(key),
            Err(error) => read.skipped.push(error.to_string()),
        }
    }
    if read.keys.is_empty() {
        let why = read.skipped.first().cloned();
        let why = why.unwrap_or_else(|| "the set is empty".to_owned());
        return Err(RemoteKeysError::with_flaw(Kind::NoUsableKey, why));
    }
    Ok(read)
}
