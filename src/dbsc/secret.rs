use std::fmt;

use crate::{jws::KeyError, seal::SealSecret};

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
/// let of_this_process = DeviceSecret::generate()?;
/// let of_all_servers = DeviceSecret::from_secret([7; 32])?;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct DeviceSecret(SealSecret);

impl DeviceSecret {
    /// Takes at least 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Weak`](crate::jws::KeyErrorKind::Weak) if there are fewer.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        SealSecret::new("device secret", secret.as_ref()).map(Self)
    }

    /// Makes a random secret, for a server that shares its sessions with no other and whose bound
    /// browsers may need one more round trip after each of its starts.
    ///
    /// # Errors
    ///
    /// [`Generate`](crate::jws::KeyErrorKind::Generate) if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        SealSecret::generate().map(Self)
    }

    pub(super) fn inner(&self) -> &SealSecret {
        &self.0
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceSecret(…)")
    }
}
