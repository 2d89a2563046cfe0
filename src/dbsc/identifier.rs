//! The identifier of a browser's session. It is the registered key itself, so that no key is stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::seal::Sealer;
use crate::{Algorithm, VerifyingKey, claims::SessionId};

/// The longest identifier. That of an RSA key of 8192 bits has 1.9 KiB.
pub(super) const MAX_BYTES: usize = 4 * 1024;

/// A key that a browser says it has registered, and a voucher for that.
pub(super) struct Identifier<'a> {
    /// As it came, and has to be named in a challenge.
    pub(super) text: &'a str,
    pub(super) key: VerifyingKey,
    voucher: Vec<u8>,
}

impl<'a> Identifier<'a> {
    /// Reads `voucher.key`, both in base64url.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (voucher, jwk) = text.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let jwk = String::from_utf8(decode(jwk)?).ok()?;
        let key = VerifyingKey::from_jwk_as(Algorithm::ES256, &jwk)
            .or_else(|_| VerifyingKey::from_jwk_as(Algorithm::RS256, &jwk))
            .ok()?;
        Some(Self {
            text,
            key,
            voucher: decode(voucher)?,
        })
    }

    /// Whether this key was registered for this session.
    pub(super) fn is_vouched(&self, sealer: &Sealer, session: SessionId) -> bool {
        sealer.has_vouched(&self.voucher, session, self.key.thumbprint())
    }
}

/// The identifier of a session whose browser has just registered this key.
pub(super) fn write(sealer: &Sealer, session: SessionId, key: &VerifyingKey) -> Option<String> {
    let voucher = URL_SAFE_NO_PAD.encode(sealer.vouch(session, key.thumbprint()));
    let key = URL_SAFE_NO_PAD.encode(key.bare_jwk()?);
    Some(format!("{voucher}.{key}"))
}
