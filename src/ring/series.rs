//! The keys of one purpose, in the order in which they sign.

use std::{collections::HashSet, time::Duration};

use super::{
    KeyRingError,
    schedule::{self, Policy, Times},
};
use crate::{
    clock::Timestamp,
    jws::{KeyError, SigningKey},
};

/// The shortest time between two keys: a ring keeps whole milliseconds.
pub(super) const MOMENT: Duration = Duration::from_millis(1);

/// A key, and when it signs.
#[derive(Clone)]
pub(super) struct RingKey {
    pub(super) key: SigningKey,
    pub(super) times: Times,
}

/// Keys, sorted by when they begin to sign.
#[derive(Clone, Default)]
pub(super) struct Series(Vec<RingKey>);

impl Series {
    pub(super) fn new(mut keys: Vec<RingKey>) -> Self {
        sort(&mut keys);
        Self(keys)
    }

    pub(super) fn keys(&self) -> &[RingKey] {
        &self.0
    }

    pub(super) fn key(&self, kid: &str) -> Option<&RingKey> {
        self.0.iter().find(|key| key.key.kid() == kid)
    }

    pub(super) fn signer(&self, now: Timestamp) -> Option<&RingKey> {
        self.0.get(schedule::signer(&self.times(), now)?)
    }

    /// The keys that have verified their last token.
    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let expired = schedule::expired(&self.times(), now).into_iter();
        let keys = expired.filter_map(|place| self.0.get(place));
        keys.map(|key| key.key.kid())
    }

    /// Each key, and when it goes if that is known.
    pub(super) fn ending(&self) -> impl Iterator<Item = (&RingKey, Option<Timestamp>)> {
        let times = self.times();
        let keys = self.0.iter().enumerate();
        keys.map(move |(place, key)| (key, schedule::goes_at(&times, place)))
    }

    fn times(&self) -> Vec<Times> {
        self.0.iter().map(|key| key.times).collect()
    }

    /// Adds what other servers know. Some have signed with a key until now which, by what others know, has had a
    /// successor for long: it verifies from now on as if that had begun now.
    pub(super) fn merge(&mut self, other: &Self, now: Timestamp) {
        let ends: Vec<_> = self.ends(now).chain(other.ends(now)).collect();
        for theirs in &other.0 {
            match self
                .0
                .iter_mut()
                .find(|key| key.key.kid() == theirs.key.kid())
            {
                Some(own) => own.times = own.times.merged(theirs.times),
                None => self.0.push(theirs.clone()),
            }
        }
        sort(&mut self.0);
        for (kid, end) in self.ends(now).collect::<Vec<_>>() {
            let ends = ends.iter().filter(|(other, _)| *other == kid);
            let last = ends.map(|(_, end)| *end).max();
            let key = self.0.iter_mut().find(|key| key.key.kid() == kid);
            if let (Some(last), Some(key)) = (last.filter(|last| *last > end), key) {
                key.times.signed_until = key.times.signed_until.max(last);
            }
        }
    }

    /// Until when each key signs, at most until now.
    fn ends(&self, now: Timestamp) -> impl Iterator<Item = (String, Timestamp)> {
        let times = self.times();
        let end = move |place| schedule::signs_until(&times, place, now);
        let keys = self.0.iter().enumerate();
        keys.map(move |(place, key)| (key.key.kid().to_owned(), end(place)))
    }

    pub(super) fn remove(&mut self, is_to_go: impl Fn(&str) -> bool) {
        self.0.retain(|key| !is_to_go(key.key.kid()));
    }

    /// Removes a key before its time, and lets another sign if it has signed. Tells whether it was there.
    pub(super) fn retire(&mut self, kid: &str, now: Timestamp, policy: &Policy) -> bool {
        let signs = self.signer(now).is_some_and(|key| key.key.kid() == kid);
        let before = self.0.len();
        self.remove(|other| other == kid);
        if signs {
            self.change_times(|times| schedule::close_gap(times, now, policy));
        }
        self.0.len() < before
    }

    /// Lets the next key sign now, or as soon as all know it. Tells whether that is earlier than it would have.
    pub(super) fn roll_over(&mut self, now: Timestamp, policy: &Policy) -> bool {
        let before = self.times();
        self.change_times(|times| schedule::bring_forward(times, now, policy));
        self.times() != before
    }

    fn change_times(&mut self, change: impl FnOnce(&mut [Times])) {
        let mut times = self.times();
        change(&mut times);
        self.0
            .iter_mut()
            .zip(times)
            .for_each(|(key, times)| key.times = times);
        sort(&mut self.0);
    }

    /// Whether a key has to be made at this time.
    pub(super) fn lacks_key(&self, now: Timestamp, policy: &Policy) -> bool {
        schedule::missing(&self.times(), now, policy).is_some()
    }

    /// Takes a key of the application. It signs from now on if there is none yet, and verifies otherwise.
    pub(super) fn take(&mut self, key: &SigningKey, now: Timestamp, policy: &Policy) {
        if self.key(key.kid()).is_some() {
            return;
        }
        let mut times = Times::new(now, now, policy);
        if let Some(first) = self.0.first() {
            times.signs_from = first.times.signs_from.min(now) - MOMENT;
        }
        let key = key.clone();
        self.0.push(RingKey { key, times });
        sort(&mut self.0);
    }

    /// Brings the series up to this time: removes the expired keys that may go, and makes those that it lacks.
    pub(super) fn keep_up(
        &mut self,
        now: Timestamp,
        policy: &Policy,
        gone: &HashSet<String>,
        generate: impl Fn() -> Result<SigningKey, KeyError>,
    ) -> Result<(), KeyRingError> {
        self.keep_at_least(policy.keep_for);
        let expired: HashSet<_> = self.expired(now).map(str::to_owned).collect();
        self.remove(|kid| expired.contains(kid) && gone.contains(kid));
        self.change_times(|times| {
            schedule::note_followed(times, now);
            schedule::bring_back(times, now, policy);
        });
        // One to sign, and the next one.
        for _ in 0..2 {
            let Some(signs_from) = schedule::missing(&self.times(), now, policy) else {
                break;
            };
            let key = generate()?;
            let times = Times::new(now, signs_from, policy);
            self.0.push(RingKey { key, times });
            sort(&mut self.0);
        }
        Ok(())
    }

    /// Another server may let tokens live longer than the one that made the key.
    fn keep_at_least(&mut self, time: Duration) {
        for key in &mut self.0 {
            key.times.kept_for = key.times.kept_for.max(time);
        }
    }

    /// Whether the other one has all of these keys.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let mut kids = self.0.iter().map(|key| key.key.kid());
        kids.all(|kid| other.key(kid).is_some())
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        let said = |key: &RingKey| (key.key.kid().to_owned(), key.times);
        self.0.iter().map(said).eq(other.0.iter().map(said))
    }
}

/// By when they sign. Those of one time, which servers have made that knew nothing of each other, are in one order everywhere.
fn sort(keys: &mut [RingKey]) {
    keys.sort_by(|a, b| {
        let order = |key: &RingKey| (key.times.signs_from, key.times.made_at);
        order(a)
            .cmp(&order(b))
            .then_with(|| a.key.kid().cmp(b.key.kid()))
    });
}
