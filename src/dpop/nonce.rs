//! Nonces that need no store: the time at which they were given out, under a seal (RFC 9449 §8).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderValue;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    jws::{KeyError, KeyErrorKind, hmac_sha256},
};

/// How long a nonce is accepted.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// By how much the clocks of the servers that share a secret may differ.
pub(super) const SKEW: Duration = Duration::from_secs(30);

const LABEL: &[u8] = b"tower-bearer dpop nonce 1";
const TIME_BYTES: usize = 8;
const SEAL_BYTES: usize = 16;

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
pub struct NonceSecret(Arc<Zeroizing<Vec<u8>>>);

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
    /// [`Weak`](KeyErrorKind::Weak) if it is shorter.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        match secret.as_ref() {
            secret if secret.len() < 32 => {
                Err(KeyError::weak("nonce secret", 8 * secret.len(), 256))
            }
            secret => Ok(Self(Arc::new(Zeroizing::new(secret.to_vec())))),
        }
    }

    /// Makes a random secret, for a server that is the only one that its clients meet.
    ///
    /// # Errors
    ///
    /// [`Generate`](KeyErrorKind::Generate) if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut secret).map_err(|_| {
            KeyError::new(
                KeyErrorKind::Generate,
                "the operating system gave no random bytes",
            )
        })?;
        Ok(Self(Arc::new(secret)))
    }

    pub(super) fn issue(&self, now: Timestamp) -> Option<HeaderValue> {
        let time = now.as_millis().to_be_bytes();
        let sealed = [time.as_slice(), &self.seal(time)].concat();
        HeaderValue::try_from(URL_SAFE_NO_PAD.encode(sealed)).ok()
    }

    pub(super) fn judge(&self, nonce: &str, now: Timestamp) -> Nonce {
        let Some(issued) = self.opened(nonce) else {
            return Nonce::Refused;
        };
        let age = now.saturating_since(issued);
        match issued <= now + SKEW && age < LIFETIME {
            true => Nonce::Good {
                is_old: age >= LIFETIME / 2,
            },
            false => Nonce::Refused,
        }
    }

    /// When the nonce was given out, if its seal is right.
    fn opened(&self, nonce: &str) -> Option<Timestamp> {
        let mut bytes = [0; TIME_BYTES + SEAL_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes).ok()?;
        let (time, seal) = bytes.get(..length)?.split_first_chunk::<TIME_BYTES>()?;
        let is_own: bool = self.seal(*time).as_slice().ct_eq(seal).into();
        is_own.then(|| Timestamp::from_millis(i64::from_be_bytes(*time)))
    }

    fn seal(&self, time: [u8; TIME_BYTES]) -> [u8; SEAL_BYTES] {
        let mac = hmac_sha256(&self.0, &[LABEL, &time]);
        *mac.first_chunk().unwrap_or(&[0; SEAL_BYTES])
    }
}

impl fmt::Debug for NonceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceSecret(…)")
    }
}
