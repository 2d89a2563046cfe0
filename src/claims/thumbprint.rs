use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// The SHA-256 thumbprint of a public key (RFC 7638). It is not a secret.
///
/// Its text is base64url without padding, as in the member `jkt` of a token's `cnf` claim (RFC 9449
/// §6.1):
///
/// ```
/// use tower_bearer::claims::KeyThumbprint;
///
/// let jkt: KeyThumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse()?;
/// assert_eq!(jkt.to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
/// assert!("0ZcOCORZNYy".parse::<KeyThumbprint>().is_err());
/// # Ok::<_, tower_bearer::claims::KeyThumbprintError>(())
/// ```
// Boxed, since most sessions have none: they then need the room of a pointer only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyThumbprint(Box<[u8; 32]>);

impl KeyThumbprint {
    /// Takes the 32 bytes of the hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Box::new(bytes))
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is not the base64url of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thumbprint is 43 characters of base64url")]
pub struct KeyThumbprintError;

impl FromStr for KeyThumbprint {
    type Err = KeyThumbprintError;

    fn from_str(text: &str) -> Result<Self, KeyThumbprintError> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Ok(Self::from_bytes(bytes)),
            _ => Err(KeyThumbprintError),
        }
    }
}

impl fmt::Display for KeyThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(*self.0))
    }
}

impl fmt::Debug for KeyThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyThumbprint({self})")
    }
}

impl Serialize for KeyThumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyThumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
