use std::fmt;

use zeroize::Zeroizing;

use crate::jws::KeyError;

/// The secret behind everything that a browser has to send back: offers, challenges and session
/// identifiers. All servers of the same sessions need the same one.
///
/// It must not be the secret of anything else. If it is changed, browsers whose session is bound go
/// on with one more round trip, and those that have registered a key and not yet refreshed go on
/// unbound. `Debug` does not show it, and it is wiped from memory when dropped.
///
/// ```
/// use tower_bearer::dbsc::DeviceSecret;
///
/// # let random = [7_u8; 32];
/// let secret = DeviceSecret::from_secret(random)?;
/// assert!(DeviceSecret::from_secret("short").is_err());
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
pub struct DeviceSecret(Zeroizing<Vec<u8>>);

impl DeviceSecret {
    /// Takes at least 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Weak`](crate::jws::KeyErrorKind::Weak) if there are fewer.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        match secret.len() {
            bytes @ 0..32 => Err(KeyError::weak("device secret", 8 * bytes, 256)),
            _ => Ok(Self(Zeroizing::new(secret.to_vec()))),
        }
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(…)")
    }
}
