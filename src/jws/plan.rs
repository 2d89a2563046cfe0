//! The keys of a ring: which of them signs at which time, and until when this process may go by what it knows.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;

use super::{
    Algorithm, KeySet, SignError, SigningKey, VerifyingKey, VerifyingKeys,
    set::{Choice, Signing},
};
use crate::clock::Timestamp;

/// The time by which a plan goes.
pub(crate) trait PlanClock: Send + Sync {
    /// The time, or `None` if what this process knows of the ring is too old to sign by.
    fn now(&self) -> Option<Timestamp>;

    /// Whether this process has read the ring so lately that a key that it does not know is one that nobody has, unless
    /// others have made it in haste.
    fn is_fresh(&self) -> bool;
}

/// How long keys of a plan are there for others.
#[derive(Clone, Copy)]
pub(crate) struct PlanLifetimes {
    /// For how long a key verifies at least after it has signed.
    pub(crate) longest: Duration,
    /// For how much longer it stays, so that the clock of an application may be ahead of the ring's by as much.
    pub(crate) ahead: Duration,
    /// For how long others may keep the published set.
    pub(crate) longest_kept: Duration,
}

/// A key, and when it begins to sign.
pub(crate) struct Shift {
    pub(crate) from: Timestamp,
    pub(crate) key: SigningKey,
}

/// The place of the key that signs at a time, of keys that are sorted by when they begin: the last that has begun, or the
/// first if none has, as after a clock was set back.
pub(crate) fn whose_turn<K>(
    keys: &[K],
    begins: impl Fn(&K) -> Timestamp,
    now: Timestamp,
) -> Option<usize> {
    let begun = keys.partition_point(|key| begins(key) <= now);
    let place = begun.saturating_sub(1);
    keys.get(place).map(|_| place)
}

pub(super) struct Plan {
    clock: Arc<dyn PlanClock>,
    /// Sorted by when they begin. The last that has begun signs.
    shifts: ArcSwap<Vec<(Timestamp, Arc<Signing>)>>,
    /// That of the next keys, which counts as long as none signs.
    algorithm: Algorithm,
    lifetimes: PlanLifetimes,
}

impl Plan {
    pub(super) fn signing(&self) -> Result<Arc<Signing>, SignError> {
        let now = self.clock.now().ok_or_else(SignError::no_key)?;
        self.at(now).ok_or_else(SignError::no_key)
    }

    /// The key that signs at a time.
    fn at(&self, now: Timestamp) -> Option<Arc<Signing>> {
        let shifts = self.shifts.load();
        let (_, signing) = shifts.get(whose_turn(&shifts, |(from, _)| *from, now)?)?;
        Some(Arc::clone(signing))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        let signing = self.signing();
        signing.map_or(self.algorithm, |signing| signing.key.algorithm())
    }

    /// A shift that stays keeps what was made ready for it.
    fn set(&self, shifts: Vec<Shift>) {
        let held = self.shifts.load();
        let next = shifts.into_iter().map(|Shift { from, key }| {
            let verifying = key.verifying_key();
            let is_same = |signing: &Signing| signing.key.verifying_key().equals(&verifying);
            let same = |(since, signing): &&(_, Arc<Signing>)| *since == from && is_same(signing);
            match held.iter().find(same) {
                Some((_, signing)) => (from, Arc::clone(signing)),
                None => (from, Arc::new(Signing::since(key, from.into()))),
            }
        });
        self.shifts.store(Arc::new(next.collect()));
    }
}

impl KeySet {
    /// A set without keys, which gets them by [`follow_plan`](Self::follow_plan).
    pub(crate) fn planned(
        clock: Arc<dyn PlanClock>,
        algorithm: Algorithm,
        lifetimes: PlanLifetimes,
    ) -> Self {
        let verifying = VerifyingKeys::of_ring(Arc::clone(&clock), lifetimes.longest_kept);
        let plan = Plan {
            clock,
            shifts: ArcSwap::default(),
            algorithm,
            lifetimes,
        };
        Self::of(Choice::Planned(plan), verifying)
    }

    /// Signs from now on by these shifts, sorted by when they begin, and verifies by their keys. Only one
    /// writer may call this at a time. A set that is not [planned](Self::planned) stays as it is.
    pub(crate) fn follow_plan(&self, shifts: Vec<Shift>) {
        let Choice::Planned(plan) = &self.0.choice else {
            return;
        };
        let verifying = &self.0.verifying;
        let next: Vec<VerifyingKey> = shifts
            .iter()
            .map(|shift| shift.key.verifying_key())
            .collect();
        let gone = verifying.list().into_iter();
        let gone = gone.filter(|held| !next.iter().any(|key| key.equals(held)));
        // No token is out before its key is known, and none is made by a key that is forgotten.
        verifying.set_list(next.iter().cloned().chain(gone).collect());
        plan.set(shifts);
        verifying.set_list(next);
    }

    /// For how long at least a key verifies what it has signed, if a ring keeps this set.
    pub(crate) fn longest(&self) -> Option<Duration> {
        match &self.0.choice {
            Choice::Chosen(_) => None,
            Choice::Planned(plan) => Some(plan.lifetimes.longest),
        }
    }

    /// Refuses a token that expires when its key may have gone. The clock that it was made by may be a little ahead of the
    /// ring's.
    pub(crate) fn check_expiry(&self, exp: Timestamp) -> Result<(), SignError> {
        let Choice::Planned(plan) = &self.0.choice else {
            return Ok(());
        };
        let PlanLifetimes { longest, ahead, .. } = plan.lifetimes;
        let now = plan.clock.now().ok_or_else(SignError::no_key)?;
        match exp > now + longest + ahead {
            true => Err(SignError::outlives_key(longest)),
            false => Ok(()),
        }
    }

    /// Whether anybody else has this set or its verifying keys.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1 || self.0.verifying.is_shared()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use super::*;

    struct Still;

    impl PlanClock for Still {
        fn now(&self) -> Option<Timestamp> {
            Some(Timestamp::from_secs(0))
        }

        fn is_fresh(&self) -> bool {
            true
        }
    }

    #[test]
    fn no_token_is_out_before_its_key_is_known() {
        let hour = Duration::from_secs(3600);
        let lifetimes = PlanLifetimes {
            longest: hour,
            ahead: hour,
            longest_kept: hour,
        };
        let keys = KeySet::planned(Arc::new(Still), Algorithm::HS256, lifetimes);
        let made = (-200..0).map(|from| Shift {
            from: Timestamp::from_secs(from),
            key: SigningKey::generate(Algorithm::HS256).unwrap(),
        });
        let made: Vec<_> = made.collect();
        let (seen, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            let signer = scope.spawn(|| {
                let mut kids = HashSet::new();
                while !is_over.load(SeqCst) {
                    let Ok(signing) = keys.signing() else {
                        continue;
                    };
                    assert!(keys.trusted().holds(&signing.key.verifying_key()));
                    kids.insert(signing.key.kid().to_owned());
                    seen.store(kids.len(), SeqCst);
                }
            });
            for end in 1..=made.len() {
                let shifts = made.iter().take(end);
                let shifts = shifts.map(|Shift { from, key }| Shift {
                    from: *from,
                    key: key.clone(),
                });
                keys.follow_plan(shifts.collect());
                // It is at work from the first key on, and beyond the last.
                let awaited = match end {
                    1 => 1,
                    _ if end == made.len() => 2,
                    _ => 0,
                };
                while seen.load(SeqCst) < awaited && !signer.is_finished() {
                    thread::yield_now();
                }
            }
            is_over.store(true, SeqCst);
            signer.join().unwrap();
        });
    }
}
