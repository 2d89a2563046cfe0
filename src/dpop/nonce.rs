//! Nonces that need no store: the time at which they were given out, under a seal (RFC 9449 §8).

use std::{fmt, time::Duration};

use http::HeaderValue;

use crate::{
    clock::Timestamp,
    jws::KeyError,
    seal::{Opened, SealSecret},
};

/// How long a nonce is accepted.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

const LABEL: &str = "tower-bearer dpop nonce 1";

/// The secret that seals the nonces of a server. Servers that share a secret accept each other's
/// nonces, for they hold nothing but the time. All servers that a client may meet need the same one:
/// where a load balancer takes turns among servers with secrets of their own, no request gets through.
///
/// `Debug` does not show it. It is wiped from memory when dropped.
///
/// ```
/// use tower_bearer::dpop::NonceSecret;
///
/// let of_this_process = NonceSecret::generate()?;
/// let of_all_servers = NonceSecret::from_secret([7; 32])?;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct NonceSecret(SealSecret);

/// What is known of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonce {
    Good {
        is_old: bool,
    },
    /// It was not given out here, or too long ago.
    Refused,
}

impl NonceSecret {
    /// Takes a secret of at least 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Weak`](crate::jws::KeyErrorKind::Weak) if it is shorter.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        SealSecret::new("nonce secret", secret.as_ref()).map(Self)
    }

    /// Makes a random secret, for a server that is the only one that its clients meet.
    ///
    /// # Errors
    ///
    /// [`Generate`](crate::jws::KeyErrorKind::Generate) if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        SealSecret::generate().map(Self)
    }

    pub(super) fn issue(&self, now: Timestamp) -> Option<HeaderValue> {
        HeaderValue::try_from(self.0.seal(LABEL, &[], now)).ok()
    }

    pub(super) fn judge(&self, nonce: &str, now: Timestamp) -> Nonce {
        match self.0.open(LABEL, nonce, now, LIFETIME) {
            Some(Opened { about: [], age }) if age < LIFETIME => Nonce::Good {
                is_old: age >= LIFETIME / 2,
            },
            _ => Nonce::Refused,
        }
    }
}

impl fmt::Debug for NonceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceSecret(…)")
    }
}
