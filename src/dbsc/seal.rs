//! The values that a browser has to send back.

use std::{fmt, sync::Arc, time::Duration};

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::secret::DeviceSecret;
use crate::{
    claims::SessionId,
    clock::{Clock, Timestamp},
    seal::MAC,
};

const KEY: &str = "tower-bearer dbsc registered key 1";

/// What a sealed value is for. A value of one purpose is never taken for one of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// The `authorization` of an offer: it ties a registration to the login that it came with.
    Offer,
    /// What the browser signs next.
    Challenge,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Offer => "tower-bearer dbsc offer 1",
            Self::Challenge => "tower-bearer dbsc challenge 1",
        }
    }
}

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
        let (session, now) = (session.as_uuid(), self.clock.now());
        let secret = self.secret.inner();
        secret.seal(purpose.label(), session.as_bytes(), now)
    }

    /// The session of a sealed value that is not older than this.
    pub(super) fn open(
        &self,
        purpose: Purpose,
        text: &str,
        longest: Duration,
    ) -> Option<SessionId> {
        let (secret, now) = (self.secret.inner(), self.clock.now());
        let opened = secret.open(purpose.label(), text, now, longest)?;
        Some(SessionId::from_uuid(Uuid::from_bytes(opened.about)))
    }

    /// Says that this key was registered for this session.
    pub(super) fn vouch(&self, session: SessionId, key: &str) -> [u8; MAC] {
        let (session, secret) = (session.as_uuid(), self.secret.inner());
        secret.mac(KEY, &[session.as_bytes(), key.as_bytes()])
    }

    pub(super) fn has_vouched(&self, voucher: &[u8], session: SessionId, key: &str) -> bool {
        self.vouch(session, key).ct_eq(voucher).into()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}
