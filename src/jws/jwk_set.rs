//! [`JwkSet`], a set of keys as an issuer publishes it (RFC 7517 §5).

mod reader;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::reader::JwkSetReader;
use super::{KeyError, KeyErrorKind, VerifyingKey, VerifyingKeys};
use crate::trace;

/// How many different reasons an error names, and how much of each.
const REASONS: usize = 4;
const REASON_CHARS: usize = 200;

/// What a JWK Set has (RFC 7517 §5): the keys that can be used, and why the others cannot.
///
/// One odd key never spoils a set. A key is left out if it
///
/// - is for another `use`, or its `key_ops` lack `verify`,
/// - has a type, curve or `alg` that is not one of an [`Algorithm`](super::Algorithm),
/// - is weak, malformed, or has a member twice,
/// - is a secret (`oct`), and the set has a key of another type,
/// - has the `kid` of another key for the same algorithm. Then both are left out, for none of them is
///   the one that the issuer means.
///
/// The same key counts once, however often it is listed. Keys for different algorithms may share a
/// `kid`, as RFC 7517 §4.5 allows: a token finds its key by `kid` and `alg`. Private members are
/// ignored.
///
/// ```
/// use tower_bearer::jws::{JwkSet, KeyErrorKind};
///
/// let set = JwkSet::read(r#"{"keys":[{"kty":"RSA","use":"enc","kid":"a"}]}"#)?;
/// assert!(set.keys().is_empty());
/// let skipped = &set.skipped()[0];
/// assert_eq!((skipped.position(), skipped.kid()), (0, Some("a")));
/// assert_eq!(skipped.reason().kind(), KeyErrorKind::Use);
///
/// let error = set.into_keys().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "no key of the set can be used, 1 was left out: the key is not meant for this: its use is not sig"
/// );
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JwkSet {
    keys: Vec<VerifyingKey>,
    skipped: Vec<SkippedKey>,
}

impl JwkSet {
    /// The keys that can be used, in the order of the set.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// The keys that were left out, in the order of the set.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// The keys that can be used, to verify with.
    ///
    /// # Errors
    ///
    /// [`EmptySet`](KeyErrorKind::EmptySet) if there are none. The error tells how many were left
    /// out, and why.
    pub fn into_keys(self) -> Result<VerifyingKeys, KeyError> {
        if self.keys.is_empty() && !self.skipped.is_empty() {
            let why = self.why_skipped();
            let what = format!("no key of the set can be used, {why}");
            return Err(KeyError::new(KeyErrorKind::EmptySet, what));
        }
        VerifyingKeys::new(self.keys)
    }

    /// How many keys were left out and why, in a text of bounded length.
    fn why_skipped(&self) -> String {
        let mut reasons: Vec<String> = Vec::new();
        let mut others = 0_usize;
        for skipped in &self.skipped {
            let reason = skipped.reason.to_string();
            let reason: String = reason.chars().take(REASON_CHARS).collect();
            match reasons.contains(&reason) {
                true => {}
                false if reasons.len() < REASONS => reasons.push(reason),
                false => others += 1,
            }
        }
        if others > 0 {
            reasons.push(format!("and {others} for other reasons"));
        }
        let were = match self.skipped.len() {
            1 => "1 was",
            more => &format!("{more} were"),
        };
        format!("{were} left out: {}", reasons.join("; "))
    }

    #[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
    pub(crate) fn log(&self, issuer: Option<&str>, jwks_uri: Option<&str>) {
        for skipped in &self.skipped {
            trace::debug!(
                issuer,
                jwks_uri,
                position = skipped.position,
                kid = skipped.kid,
                reason = %skipped.reason,
                "a key of a JWK Set was left out"
            );
        }
        // Sets have keys for other purposes, and an issuer may sign with what is new.
        let is_fault = |skipped: &SkippedKey| {
            let kind = skipped.reason.kind();
            !matches!(kind, KeyErrorKind::Use | KeyErrorKind::UnsupportedAlgorithm)
        };
        if self.skipped.iter().any(is_fault) {
            trace::warn!(
                issuer,
                jwks_uri,
                used = self.keys.len(),
                why = %self.why_skipped(),
                "keys of a JWK Set were left out"
            );
        }
    }
}

/// A key of a JWK Set that cannot be used. `Display` tells all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    position: usize,
    kid: Option<String>,
    reason: KeyError,
}

impl SkippedKey {
    /// Its place in `keys`, from 0.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Its `kid`, if it has one that can be read: the issuer's text, of at most 256 bytes.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Why it cannot be used.
    pub fn reason(&self) -> &KeyError {
        &self.reason
    }
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} of the set", self.position)?;
        if let Some(kid) = &self.kid {
            write!(f, " ({kid:?})")?;
        }
        write!(f, ": {}", self.reason)
    }
}
