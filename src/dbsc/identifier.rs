//! The identifier of a browser's session. It is the registered key itself, so that no key is stored.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::seal::Sealer;
use crate::{Algorithm, VerifyingKey, claims::SessionId, clock::Timestamp, jws::CryptoProvider};

/// The longest identifier. That of an RSA key of 8192 bits has 1.9 KiB.
pub(super) const MAX_BYTES: usize = 4 * 1024;

const TIME: usize = 8;

/// A key that a browser says it has registered, and a voucher for that.
pub(super) struct Identifier<'a> {
    /// As it came, and has to be named in a challenge.
    pub(super) text: &'a str,
    pub(super) key: VerifyingKey,
    registered_at: Timestamp,
    voucher: Vec<u8>,
}

impl<'a> Identifier<'a> {
    /// Reads `voucher.key`, both in base64url.
    pub(super) fn read(text: &'a str, provider: CryptoProvider) -> Option<Self> {
        let (voucher, jwk) = text.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let voucher = decode(voucher)?;
        let (registered_at, voucher) = voucher.split_first_chunk::<TIME>()?;
        let jwk = String::from_utf8(decode(jwk)?).ok()?;
        let reader = VerifyingKey::with_provider(provider);
        let key = reader
            .from_jwk_as(Algorithm::ES256, &jwk)
            .or_else(|_| reader.from_jwk_as(Algorithm::RS256, &jwk))
            .ok()?;
        Some(Self {
            text,
            key,
            registered_at: Timestamp::from_millis(i64::from_be_bytes(*registered_at)),
            voucher: voucher.to_vec(),
        })
    }

    /// Whether this key was registered for this session, at the time that it says.
    pub(super) fn is_vouched(&self, sealer: &Sealer, session: SessionId) -> bool {
        let what = vouched(&self.key, self.registered_at);
        sealer.has_vouched(&self.voucher, session, &what)
    }

    /// Whether the registration is not older than this.
    pub(super) fn is_younger(&self, sealer: &Sealer, longest: Duration) -> bool {
        sealer.now() <= self.registered_at + longest
    }
}

/// The identifier of a session whose browser has just registered this key.
pub(super) fn write(sealer: &Sealer, session: SessionId, key: &VerifyingKey) -> Option<String> {
    let now = sealer.now();
    let voucher = sealer.vouch(session, &vouched(key, now));
    let voucher = [&now.as_millis().to_be_bytes()[..], &voucher].concat();
    let voucher = URL_SAFE_NO_PAD.encode(voucher);
    let key = URL_SAFE_NO_PAD.encode(key.bare_jwk()?);
    Some(format!("{voucher}.{key}"))
}

fn vouched(key: &VerifyingKey, registered_at: Timestamp) -> String {
    format!("{} {}", key.thumbprint(), registered_at.as_millis())
}
