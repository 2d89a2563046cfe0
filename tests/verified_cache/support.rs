use std::{ptr, time::Duration};

use tower_bearer::{
    Algorithm, Claims, Issuer, KeySet, SigningKey, VerifiedToken, Verifier, VerifyingKeys,
    clock::{Clock, ManualClock, Timestamp},
};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_000_000);
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

/// An issuer and a verifier of one key set and one clock.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) keys: KeySet,
    pub(crate) verifier: Verifier,
}

pub(crate) fn world() -> World {
    let keys = KeySet::new(key("first"));
    let trusted = keys.verifying();
    world_that_trusts(keys, trusted)
}

/// As it is where the verifier has not the issuer's own set.
pub(crate) fn world_that_trusts(keys: KeySet, trusted: VerifyingKeys) -> World {
    let clock = ManualClock::new(NOW);
    let verifier = Verifier::new("issuer", "audience", trusted)
        .unwrap()
        .leeway(Duration::ZERO)
        .unwrap()
        .clock(clock.clone());
    World {
        clock,
        keys,
        verifier,
    }
}

pub(crate) fn key(kid: &str) -> SigningKey {
    let key = SigningKey::generate(Algorithm::HS256).unwrap();
    key.with_kid(kid).unwrap()
}

impl World {
    pub(crate) fn token(&self, subject: &str) -> String {
        self.token_with(subject, |_| {})
    }

    pub(crate) fn token_with(&self, subject: &str, change: impl FnOnce(&mut Claims)) -> String {
        let issuer = Issuer::new("issuer", "audience", self.keys.clone()).unwrap();
        let mut claims = issuer.claims(subject, self.clock.now(), LIFETIME);
        change(&mut claims);
        issuer.sign(&claims).unwrap().expose().to_owned()
    }

    pub(crate) fn accept(&self, token: &str) -> VerifiedToken {
        self.verifier.verify(token).unwrap()
    }
}

/// Whether both came out of one verification. While one of them is there, no other claims can
/// lie where its claims lie.
pub(crate) fn is_remembered(earlier: &VerifiedToken, later: &VerifiedToken) -> bool {
    ptr::eq(earlier.claims(), later.claims())
}
