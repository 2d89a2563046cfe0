//! Reads a key set as it was fetched.

use serde::de::IgnoredAny;

use super::error::{RemoteKeysError, RemoteKeysErrorKind as Kind};
use crate::jws::{Algorithm, JwkSetReader, KeyError, KeyErrorKind, VerifyingKey};

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
    let text =
        str::from_utf8(body).map_err(|error| RemoteKeysError::with_source(Kind::NotJson, error))?;
    let reader = JwkSetReader::new().max_keys(max_keys).without_secrets();
    let set = reader
        .rsa_algorithm(rsa)
        .and_then(|reader| reader.read(text));
    let set = set.map_err(|error| no_set(error, body))?;
    let skipped: Vec<String> = set.skipped().iter().map(ToString::to_string).collect();
    if set.keys().is_empty() {
        let why = skipped.first().cloned();
        let why = why.unwrap_or_else(|| "the set is empty".to_owned());
        return Err(RemoteKeysError::with_flaw(Kind::NoUsableKey, why));
    }
    Ok(FetchedSet {
        keys: set.keys().to_vec(),
        skipped,
    })
}

fn no_set(error: KeyError, body: &[u8]) -> RemoteKeysError {
    match (error.kind(), serde_json::from_slice::<IgnoredAny>(body)) {
        (KeyErrorKind::TooManyKeys { .. }, _) => {
            RemoteKeysError::with_flaw(Kind::TooManyKeys, error.to_string())
        }
        (_, Err(error)) => RemoteKeysError::with_source(Kind::NotJson, error),
        (_, Ok(_)) => RemoteKeysError::with_source(Kind::NotAKeySet, error),
    }
}
