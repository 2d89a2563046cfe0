//! Values that a client has to bring back, and that no server has to remember: each has the time at
//! which it was made and a MAC, so that it speaks for itself.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    jws::{KeyError, KeyErrorKind, hmac_sha256, long_enough},
};

/// By how much the clocks of the servers that share a secret may differ.
pub(crate) const SKEW: Duration = Duration::from_secs(30);

pub(crate) const MAC: usize = 32;
const TIME: usize = 8;
/// The longest of what is sealed: an identifier of a session.
const ABOUT: usize = 16;

/// The secret behind sealed values. It is wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct SealSecret(Arc<Zeroizing<Vec<u8>>>);

/// What a sealed value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened<const N: usize> {
    pub(crate) about: [u8; N],
    pub(crate) age: Duration,
}

impl SealSecret {
    /// Takes at least 32 bytes. `name` is what an error calls the secret.
    pub(crate) fn new(name: &'static str, secret: &[u8]) -> Result<Self, KeyError> {
        let secret = long_enough(name, secret)?;
        Ok(Self(Arc::new(Zeroizing::new(secret.to_vec()))))
    }

    pub(crate) fn generate() -> Result<Self, KeyError> {
        const FAILED: &str = "the operating system gave no random bytes";
        let mut secret = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut secret).map_err(|_| KeyError::new(KeyErrorKind::Generate, FAILED))?;
        Ok(Self(Arc::new(secret)))
    }

    /// A value that says this, made now. One with another label is never taken for it.
    pub(crate) fn seal<const N: usize>(
        &self,
        label: &str,
        about: &[u8; N],
        now: Timestamp,
    ) -> String {
        let made = now.as_millis().to_be_bytes();
        let mac = self.mac(label, &[about, &made]);
        URL_SAFE_NO_PAD.encode([about.as_slice(), &made, &mac].concat())
    }

    /// Opens a value that is not older than `longest`.
    pub(crate) fn open<const N: usize>(
        &self,
        label: &str,
        text: &str,
        now: Timestamp,
        longest: Duration,
    ) -> Option<Opened<N>> {
        let mut bytes = [0; ABOUT + TIME + MAC];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (about, rest) = bytes.get(..length)?.split_first_chunk::<N>()?;
        let (made, mac) = rest.split_first_chunk::<TIME>()?;
        if !bool::from(self.mac(label, &[about, made]).ct_eq(mac)) {
            return None;
        }
        let made = Timestamp::from_millis(i64::from_be_bytes(*made));
        let age = now.saturating_since(made);
        let (about, is_fresh) = (*about, made <= now + SKEW && age <= longest);
        is_fresh.then_some(Opened { about, age })
    }

    /// The MAC of these parts, of which all but the last must have a fixed length.
    pub(crate) fn mac(&self, label: &str, parts: &[&[u8]; 2]) -> [u8; MAC] {
        let [first, last] = parts;
        hmac_sha256(&self.0, &[label.as_bytes(), &[0], first, last])
    }
}

impl fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Timestamp {
        Timestamp::from_secs(1_800_000_000)
    }

    fn secret(byte: u8) -> SealSecret {
        SealSecret::new("secret", &[byte; 32]).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_as_long_as_it_is_fresh() {
        let sealed = secret(1).seal("offer", &[5; 16], now());
        let open = |at| secret(1).open::<16>("offer", &sealed, at, HOUR);
        for (at, age) in [
            (now(), Duration::ZERO),
            (now() + HOUR, HOUR),
            (now() - SKEW, Duration::ZERO),
        ] {
            let about = [5; 16];
            assert_eq!(open(at), Some(Opened { about, age }), "{at:?}");
        }
        let millisecond = Duration::from_millis(1);
        assert_eq!(open(now() + HOUR + millisecond), None);
        assert_eq!(open(now() - SKEW - millisecond), None);
    }

    #[test]
    fn nothing_else_is_opened() {
        let sealed = secret(1).seal("offer", &[5; 16], now());
        let open = |secret: SealSecret, label, text: &str| {
            secret.open::<16>(label, text, now(), HOUR).is_some()
        };
        assert!(open(secret(1), "offer", &sealed));
        assert!(!open(secret(2), "offer", &sealed));
        assert!(!open(secret(1), "challenge", &sealed));
        assert!(!open(secret(1), "offe", &sealed));
        let bare = secret(1).seal("offer", &[], now());
        assert!(!open(secret(1), "offer", &bare));
        assert_eq!(secret(1).open::<0>("offer", &sealed, now(), HOUR), None);
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            let other = URL_SAFE_NO_PAD.encode(other);
            assert!(!open(secret(1), "offer", &other), "{at}");
            assert!(!open(secret(1), "offer", &sealed[..at]), "{at}");
        }
        for text in [String::new(), sealed.clone() + "A", sealed.repeat(1000)] {
            assert!(!open(secret(1), "offer", &text));
        }
    }

    #[test]
    fn a_secret_is_long_and_not_shown() {
        assert!(SealSecret::new("secret", &[1; 31]).is_err());
        assert_eq!(format!("{:?}", secret(1)), "SealSecret(…)");
        let sealed = SealSecret::generate().unwrap().seal("a", &[], now());
        let other = SealSecret::generate().unwrap();
        assert_eq!(other.open::<0>("a", &sealed, now(), HOUR), None);
    }
}
