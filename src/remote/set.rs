//! Reads a key set as it was fetched.

use serde::de::IgnoredAny;

use super::error::{RemoteKeysError, RemoteKeysErrorKind as Kind};
use crate::jws::{JwkSet, JwkSetReader, KeyError, KeyErrorKind};

/// A set in which at least one key can be used.
pub(super) fn read(body: &[u8], reader: &JwkSetReader) -> Result<JwkSet, RemoteKeysError> {
    let text =
        str::from_utf8(body).map_err(|error| RemoteKeysError::with_source(Kind::NotJson, error))?;
    let set = reader.read_silently(text);
    let set = set.map_err(|error| no_set(error, body))?;
    if set.keys().is_empty() {
        let why = set.skipped().first().map(ToString::to_string);
        let why = why.unwrap_or_else(|| "the set is empty".to_owned());
        return Err(RemoteKeysError::with_flaw(Kind::NoUsableKey, why));
    }
    Ok(set)
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
