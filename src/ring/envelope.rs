//! A ring at rest: encrypted under a key that only the servers of the issuer have.
//!
//! ```text
//! "TBKR"  4 bytes
//! format  1 byte
//! key     8 bytes   names the key-encryption key
//! salt   32 bytes   random
//! sealed            AES-256-GCM, with its tag at the end
//! ```
//!
//! Each document has a key of its own: HMAC-SHA-256 of the salt under the key-encryption key. The name of the ring, its
//! version and all that stands before `sealed` are authenticated with it, so that no document can be taken for another.

use std::{fmt, sync::Arc};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{KeyRingError, KeyRingErrorKind};
use crate::{
    jws::{KeyError, KeyErrorKind, decrypt_once, encrypt_once, hmac_sha256, long_enough},
    store::SealedRing,
};

const MAGIC: &[u8; 4] = b"TBKR";
const FORMAT: u8 = 1;
const ID: usize = 8;
const SALT: usize = 32;
const HEAD: usize = MAGIC.len() + 1 + ID + SALT;

const ID_LABEL: &[u8] = b"tower-bearer key ring id v1\0";
const KEY_LABEL: &[u8] = b"tower-bearer key ring key v1\0";
/// What an error calls it.
const SECRET: &str = "key-encryption secret";

/// The key that a [`KeyRing`](super::KeyRing) is encrypted under where it is kept. All servers of an issuer have the same.
///
/// It is changed in three steps, each of which is rolled out to all servers before the next one begins:
///
/// 1. Every server can open what is sealed under the new secret, by [`with_next_secret`](Self::with_next_secret).
/// 2. Every server seals under the new secret, and can still open what is sealed under the old one, by
///    [`with_previous_secret`](Self::with_previous_secret). The first one that reads the ring writes it anew.
/// 3. The old secret goes.
///
/// `Debug` shows no secret. It is wiped from memory when its last clone is dropped.
///
/// ```
/// use tower_bearer::ring::KeyEncryptionKey;
///
/// # let (new, old) = ([7_u8; 32], [8_u8; 32]);
/// let first_step = KeyEncryptionKey::from_secret(old)?.with_next_secret(new)?;
/// let second_step = KeyEncryptionKey::from_secret(new)?.with_previous_secret(old)?;
/// let third_step = KeyEncryptionKey::from_secret(new)?;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyEncryptionKey {
    /// The first seals.
    secrets: Arc<[Secret]>,
}

#[derive(Clone)]
struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether what is sealed under it is sealed anew under the first.
    is_previous: bool,
}

impl KeyEncryptionKey {
    /// Takes at least 32 random bytes. What `openssl rand -base64 32` prints is a good secret: it is taken as it is, and
    /// not decoded. A line break at its end counts: trim it at all servers, or at none.
    ///
    /// # Errors
    ///
    /// [`Weak`](KeyErrorKind::Weak) if it is shorter.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secrets = Arc::new([]) as Arc<[Secret]>;
        Self { secrets }.with(secret.as_ref(), false)
    }

    /// Also opens rings that are sealed under this older secret. They are sealed under the first one when they are next read.
    ///
    /// # Errors
    ///
    /// [`Weak`](KeyErrorKind::Weak) if it is shorter than 32 bytes.
    pub fn with_previous_secret(self, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        self.with(secret.as_ref(), true)
    }

    /// Also opens rings that other servers have sealed under this newer secret, and leaves them as they are.
    ///
    /// # Errors
    ///
    /// [`Weak`](KeyErrorKind::Weak) if it is shorter than 32 bytes.
    pub fn with_next_secret(self, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        self.with(secret.as_ref(), false)
    }

    fn with(self, secret: &[u8], is_previous: bool) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(long_enough(SECRET, secret)?.to_vec());
        let others = self.secrets.iter().cloned();
        let secrets = others.chain([Secret { bytes, is_previous }]).collect();
        Ok(Self { secrets })
    }

    pub(super) fn seal(
        &self,
        name: &str,
        version: u64,
        document: Vec<u8>,
    ) -> Result<SealedRing, KeyRingError> {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|_| no_random())?;
        let secret = self.secrets.first().map_or(&[][..], |first| &first.bytes);
        let head = [MAGIC, &[FORMAT][..], &id_of(secret), &salt].concat();
        let key = Zeroizing::new(hmac_sha256(secret, &[KEY_LABEL, &salt]));
        let sealed = encrypt_once(&key, &context(name, version, &head), document);
        let sealed = sealed.ok_or_else(no_random)?;
        SealedRing::new(version, [head, sealed].concat())
            .map_err(|_| KeyRingError::new(KeyRingErrorKind::TooLarge))
    }

    /// The document, and whether it may stay sealed as it is.
    pub(super) fn open(
        &self,
        name: &str,
        ring: &SealedRing,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), KeyRingError> {
        let (head, sealed) = ring
            .bytes()
            .split_at_checked(HEAD)
            .ok_or_else(KeyRingError::damaged)?;
        let (id, salt) = read_head(head)?;
        let secret = self.secrets.iter().find(|secret| {
            let own = id_of(&secret.bytes);
            bool::from(own.as_slice().ct_eq(id))
        });
        let unknown = || KeyRingError::new(KeyRingErrorKind::KeyEncryptionKey);
        let Secret { bytes, is_previous } = secret.ok_or_else(unknown)?;
        let key = Zeroizing::new(hmac_sha256(bytes, &[KEY_LABEL, salt]));
        let document = decrypt_once(&key, &context(name, ring.version(), head), sealed);
        Ok((document.ok_or_else(KeyRingError::damaged)?, !is_previous))
    }
}

/// The name of the key, and the salt.
fn read_head(head: &[u8]) -> Result<(&[u8], &[u8]), KeyRingError> {
    let rest = head.strip_prefix(MAGIC).ok_or_else(KeyRingError::damaged)?;
    match rest.split_first() {
        Some((&FORMAT, rest)) => rest.split_at_checked(ID).ok_or_else(KeyRingError::damaged),
        Some((&format, _)) if format > FORMAT => {
            Err(KeyRingError::new(KeyRingErrorKind::NewerFormat))
        }
        _ => Err(KeyRingError::damaged()),
    }
}

fn id_of(secret: &[u8]) -> [u8; ID] {
    let hash = hmac_sha256(secret, &[ID_LABEL]);
    *hash.first_chunk().unwrap_or(&[0; ID])
}

fn context(name: &str, version: u64, head: &[u8]) -> Vec<u8> {
    [head, &version.to_be_bytes(), name.as_bytes()].concat()
}

fn no_random() -> KeyRingError {
    KeyError::new(KeyErrorKind::Generate, "the ring could not be encrypted").into()
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey")
            .field("secrets", &self.secrets.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_secret([byte; 32]).unwrap()
    }

    #[track_caller]
    fn refused(key: &KeyEncryptionKey, name: &str, ring: &SealedRing) -> KeyRingErrorKind {
        key.open(name, ring).unwrap_err().kind()
    }

    #[test]
    fn a_ring_is_opened_by_who_has_the_key() {
        let ring = key(1).seal("main", 7, b"document".to_vec()).unwrap();
        let (document, is_newest) = key(1).open("main", &ring).unwrap();
        assert_eq!((&**document, is_newest), (&b"document"[..], true));
        let next = key(2).with_previous_secret([1; 32]).unwrap();
        assert!(!next.open("main", &ring).unwrap().1, "to be sealed anew");
        let before = key(2).with_next_secret([1; 32]).unwrap();
        assert!(
            before.open("main", &ring).unwrap().1,
            "it may stay as it is"
        );
        let again = key(1).seal("main", 7, b"document".to_vec()).unwrap();
        assert_ne!(ring.bytes(), again.bytes());
    }

    #[test]
    fn a_ring_is_of_one_name_version_and_key() {
        let ring = key(1).seal("main", 7, b"document".to_vec()).unwrap();
        let other = SealedRing::new(8, ring.bytes()).unwrap();
        assert_eq!(refused(&key(1), "main", &other), KeyRingErrorKind::Damaged);
        assert_eq!(refused(&key(1), "mai", &ring), KeyRingErrorKind::Damaged);
        let unknown = KeyRingErrorKind::KeyEncryptionKey;
        assert_eq!(refused(&key(2), "main", &ring), unknown);
    }

    #[test]
    fn no_byte_may_change_or_be_missing() {
        let ring = key(1).seal("main", 7, b"document".to_vec()).unwrap();
        for at in 0..ring.bytes().len() {
            let mut bytes = ring.bytes().to_vec();
            bytes[at] ^= 1;
            let other = SealedRing::new(7, bytes).unwrap();
            assert!(key(1).open("main", &other).is_err(), "{at}");
            if at > 0 {
                let half = SealedRing::new(7, &ring.bytes()[..at]).unwrap();
                assert!(key(1).open("main", &half).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn a_newer_format_is_told_as_one() {
        let ring = key(1).seal("main", 7, b"document".to_vec()).unwrap();
        let mut bytes = ring.bytes().to_vec();
        bytes[4] = FORMAT + 1;
        let newer = SealedRing::new(7, bytes).unwrap();
        assert_eq!(
            refused(&key(1), "main", &newer),
            KeyRingErrorKind::NewerFormat
        );
    }

    #[test]
    fn a_secret_is_long_and_not_shown() {
        assert!(KeyEncryptionKey::from_secret([1; 31]).is_err());
        assert!(key(1).with_previous_secret([1; 31]).is_err());
        assert!(key(1).with_next_secret([1; 31]).is_err());
        assert_eq!(
            format!("{:?}", key(1)),
            "KeyEncryptionKey { secrets: 1, .. }"
        );
    }
}
