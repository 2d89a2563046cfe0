//! Values that a browser has to send back. Each carries its own evidence, so that nothing of it is
//! stored.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::secret::DeviceSecret;
use crate::{
    claims::SessionId,
    clock::{Clock, Timestamp},
    jws,
};

/// By how much the clocks of two servers may differ.
const SKEW: Duration = Duration::from_secs(60);

const LABEL: &[u8] = b"tower-bearer dbsc v1\0";

/// What a sealed value is for. A value of one purpose is never taken for one of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The `authorization` of an offer: it ties a registration to the login that it came with.
    Offer,
    /// What the browser signs next.
    Challenge,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Offer => b"offer\0",
            Self::Challenge => b"challenge\0",
        }
    }
}

const SESSION: usize = 16;
const TIME: usize = 8;
const MAC: usize = 32;

pub(super) struct Sealer {
    secret: DeviceSecret,
    clock: Arc<dyn Clock>,
}

impl Sealer {
    pub(super) fn new(secret: DeviceSecret, clock: Arc<dyn Clock>) -> Self {
        Self { secret, clock }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A value for this session, made now.
    pub(super) fn seal(&self, purpose: Purpose, session: SessionId) -> String {
        let made = self.clock.now().as_millis().to_be_bytes();
        let session = session.as_uuid();
        let mac = self.mac(&[purpose.label(), session.as_bytes(), &made]);
        URL_SAFE_NO_PAD.encode([session.as_bytes(), &made[..], &mac].concat())
    }

    /// The session of a sealed value that is not older than this.
    pub(super) fn open(
        &self,
        purpose: Purpose,
        text: &str,
        longest: Duration,
    ) -> Option<SessionId> {
        let mut bytes = [0; SESSION + TIME + MAC];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (session, rest) = bytes.split_first_chunk::<SESSION>()?;
        let (made, mac) = rest.split_first_chunk::<TIME>()?;
        let right = self.mac(&[purpose.label(), session, made]);
        if !bool::from(right.ct_eq(mac)) {
            return None;
        }
        let made = Timestamp::from_millis(i64::from_be_bytes(*made));
        let now = self.clock.now();
        let is_fresh = made <= now + SKEW && now <= made + longest;
        is_fresh.then(|| SessionId::from_uuid(Uuid::from_bytes(*session)))
    }

    /// Says that this key was registered for this session.
    pub(super) fn vouch(&self, session: SessionId, key: &str) -> [u8; MAC] {
        let session = session.as_uuid();
        self.mac(&[b"key\0", session.as_bytes(), key.as_bytes()])
    }

    pub(super) fn has_vouched(&self, voucher: &[u8], session: SessionId, key: &str) -> bool {
        self.vouch(session, key).ct_eq(voucher).into()
    }

    /// The label of each purpose ends its own length, and all but the last part have a fixed one.
    fn mac(&self, parts: &[&[u8]; 3]) -> [u8; MAC] {
        let [purpose, session, last] = parts;
        jws::hmac_sha256(self.secret.expose(), &[LABEL, purpose, session, last])
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}
