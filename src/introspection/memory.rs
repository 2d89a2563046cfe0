//! What is remembered of answers. There is no token in it: a keyed hash stands for each.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    queue::Standing,
    shelf::{Digest, Shelf},
};
use crate::{
    claims::VerifiedToken, clock::Timestamp, error::TokenError, jws::hmac_sha256, verifier::held_by,
};

/// For how long, and of how many tokens, answers are remembered.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) max_age: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) entries: usize,
    pub(super) negative_for: Duration,
    pub(super) negative_entries: usize,
}

/// A token that the server has called active.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) token: VerifiedToken,
    /// When the token is valid, without a leeway: those who share what is known may differ in theirs.
    pub(super) valid: Range<Timestamp>,
}

impl Known {
    /// The token, if it is valid at this time, give or take the leeway.
    pub(super) fn at(&self, now: Timestamp, leeway: Duration) -> Result<VerifiedToken, TokenError> {
        if now >= self.valid.end + leeway {
            return Err(TokenError::Expired);
        }
        if now < self.valid.start - leeway {
            return Err(TokenError::NotYetValid);
        }
        Ok(self.token.clone())
    }
}

struct Good {
    known: Known,
    asked: Timestamp,
}

struct Bad {
    why: TokenError,
    asked: Timestamp,
    /// Of whoever found the token too old or too young.
    leeway: Duration,
}

impl Bad {
    /// Whether the token is refused for anybody, whatever the leeway.
    fn is_for_all(&self) -> bool {
        !matches!(self.why, TokenError::Expired | TokenError::NotYetValid)
    }
}

pub(super) struct Memory {
    key: [u8; 32],
    limits: Limits,
    good: Mutex<Shelf<Good>>,
    /// Apart from the good ones, so that tokens that nobody knows take no room from them.
    bad: Mutex<Shelf<Bad>>,
    /// The tokens that were good the last time. It tells only who is to be asked about first.
    regulars: Mutex<Shelf<()>>,
}

/// How much the claims of a token take on average, at most. An answer may be much longer, and it is the
/// server's to say of what.
const BYTES: usize = 4 * 1024;

/// For how long a token that was good goes before strangers.
const REGULAR_FOR: Duration = Duration::from_secs(10 * 60);

impl Memory {
    pub(super) fn new(limits: Limits) -> Self {
        let mut key = [0; 32];
        // Without random bytes the hash is one that others could compute, which is no harm to a token
        // that cannot be guessed.
        let _ = getrandom::fill(&mut key);
        Self {
            key,
            good: Mutex::new(Shelf::new(
                limits.entries,
                limits.entries.saturating_mul(BYTES),
            )),
            bad: Mutex::new(Shelf::new(limits.negative_entries, 0)),
            regulars: Mutex::new(Shelf::new(limits.entries, 0)),
            limits,
        }
    }

    pub(super) fn emptied(&self) -> Self {
        Self::new(self.limits.clone())
    }

    pub(super) fn digest(&self, token: &str) -> Digest {
        hmac_sha256(&self.key, &[token.as_bytes()])
    }

    /// The token, if it was good when the server was asked, and that is not long ago. If the clock went
    /// back behind that time, nothing is known.
    pub(super) fn good(&self, digest: &Digest, now: Timestamp, leeway: Duration) -> Option<Known> {
        self.good_for(digest, now, leeway, self.limits.max_age)
    }

    /// The same, if the server cannot be asked again.
    pub(super) fn stale(&self, digest: &Digest, now: Timestamp, leeway: Duration) -> Option<Known> {
        let age = self.limits.max_age + self.limits.stale_if_error;
        self.good_for(digest, now, leeway, age)
            .filter(|_| !self.limits.stale_if_error.is_zero())
    }

    fn good_for(
        &self,
        digest: &Digest,
        now: Timestamp,
        leeway: Duration,
        age: Duration,
    ) -> Option<Known> {
        let shelf = lock(&self.good);
        let good = shelf.get(digest, now)?;
        let is_fresh = good.asked <= now && now < good.asked + age;
        (is_fresh && good.known.at(now, leeway).is_ok()).then(|| good.known.clone())
    }

    /// Why the token was refused a moment ago.
    pub(super) fn bad(
        &self,
        digest: &Digest,
        now: Timestamp,
        leeway: Duration,
    ) -> Option<TokenError> {
        let shelf = lock(&self.bad);
        let bad = shelf.get(digest, now)?;
        let counts = bad.asked <= now && (bad.is_for_all() || bad.leeway == leeway);
        counts.then_some(bad.why)
    }

    pub(super) fn standing(&self, digest: &Digest, now: Timestamp) -> Standing {
        match lock(&self.regulars).get(digest, now) {
            Some(()) => Standing::Regular,
            None => Standing::Stranger,
        }
    }

    /// Remembers the answer to a question that was asked at this time.
    pub(super) fn put(
        &self,
        digest: Digest,
        answer: &Result<Known, TokenError>,
        asked: Timestamp,
        now: Timestamp,
        leeway: Duration,
    ) {
        let answer = answer.as_ref().map_err(|why| *why);
        match answer.and_then(|known| known.at(now, leeway).map(|_| known.clone())) {
            Ok(known) => {
                let age = self.limits.max_age + self.limits.stale_if_error;
                let end = (known.valid.end + leeway).min(asked + age);
                lock(&self.bad).remove(&digest);
                lock(&self.regulars).put(digest, ((), 0), now + REGULAR_FOR, now);
                let bytes = held_by(known.token.content());
                let good = Good { known, asked };
                lock(&self.good).put(digest, (good, bytes), end, now);
            }
            Err(why) => {
                lock(&self.good).remove(&digest);
                lock(&self.regulars).remove(&digest);
                let end = asked + self.limits.negative_for;
                let bad = Bad { why, asked, leeway };
                lock(&self.bad).put(digest, (bad, 0), end, now);
            }
        }
    }
}

fn lock<V>(shelf: &Mutex<Shelf<V>>) -> MutexGuard<'_, Shelf<V>> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
