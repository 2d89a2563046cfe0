//! Which key signs when: pure functions of the times of the keys, the time, and the policy.
//!
//! The key that signs is the last one whose time has come. There is always one after it, which is published from
//! the moment on that its predecessor begins to sign. So a roll-over needs no write at its time, and every server
//! makes it at the same time, whether it can reach the store then or not.

use std::time::Duration;

use crate::{clock::Timestamp, jws::whose_turn};

/// When a key was made and is to sign, and how long what it has signed lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) made_at: Timestamp,
    pub(super) signs_from: Timestamp,
    /// How long the key verifies after its successor has begun to sign.
    pub(super) kept_for: Duration,
    /// Until when servers may have signed with it: the time at which its successor was first seen to sign, or a
    /// later one if some did not know of it then. Before that it is the time at which the key began.
    pub(super) signed_until: Timestamp,
}

/// How long keys of a series sign, are published before, and verify after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) sign_for: Duration,
    pub(super) publish_for: Duration,
    pub(super) keep_for: Duration,
}

impl Times {
    pub(super) fn new(made_at: Timestamp, signs_from: Timestamp, policy: &Policy) -> Self {
        Self {
            made_at,
            signs_from,
            kept_for: policy.keep_for,
            signed_until: signs_from,
        }
    }

    /// What two servers know of one key, together: the earlier begin, which a roll-over has brought forward, and the
    /// longer time that tokens live.
    pub(super) fn merged(self, other: Self) -> Self {
        Self {
            made_at: self.made_at.min(other.made_at),
            signs_from: self.signs_from.min(other.signs_from),
            kept_for: self.kept_for.max(other.kept_for),
            signed_until: self.signed_until.max(other.signed_until),
        }
    }
}

/// Until when a key signs or has signed, as far as these times tell: until the next one begins, if there is one.
pub(super) fn signs_until(times: &[Times], key: usize, now: Timestamp) -> Timestamp {
    let next = times.get(key.saturating_add(1));
    next.map_or(now, |next| next.signs_from.min(now))
}

/// The place of the key that signs: the last whose time has come, or the first if none has. The times are sorted by
/// when they sign.
pub(super) fn signer(times: &[Times], now: Timestamp) -> Option<usize> {
    whose_turn(times, |key| key.signs_from, now)
}

/// When a key is to begin to sign that has to be made now, if one has to be.
pub(super) fn missing(times: &[Times], now: Timestamp, policy: &Policy) -> Option<Timestamp> {
    let Some(last) = times.last() else {
        return Some(now);
    };
    let is_followed = last.signs_from > now;
    let begins = (last.signs_from + policy.sign_for).max(now + policy.publish_for);
    (!is_followed).then_some(begins)
}

/// Notes which keys have a successor that signs by now. They verify for their time from now on at least, so that a
/// store whose clock is wrong for a moment takes no key away.
pub(super) fn note_followed(times: &mut [Times], now: Timestamp) {
    let Some(signer) = signer(times, now) else {
        return;
    };
    let successors: Vec<_> = times.iter().skip(1).map(|next| next.signs_from).collect();
    for (key, successor) in times.iter_mut().zip(successors).take(signer) {
        if key.signed_until < successor {
            key.signed_until = now;
        }
    }
}

/// Brings the next key back that would sign later than it has to: the time was wrong when it was made, or keys signed
/// for longer then.
pub(super) fn bring_back(times: &mut [Times], now: Timestamp, policy: &Policy) {
    let begun = signer(times, now).and_then(|signer| times.get(signer));
    let Some(signs_from) = begun.map(|signer| signer.signs_from.min(now)) else {
        return;
    };
    let latest = (signs_from + policy.sign_for).max(now + policy.publish_for);
    if let Some(next) = times.iter_mut().find(|key| key.signs_from > now) {
        next.signs_from = next.signs_from.min(latest);
        next.made_at = next.made_at.min(now);
    }
}

/// When a key goes, once it is noted that its successor signs: when it has verified its last token.
pub(super) fn goes_at(times: &[Times], key: usize) -> Option<Timestamp> {
    let next = times.get(key.saturating_add(1))?;
    let key = times.get(key)?;
    let is_noted = key.signed_until >= next.signs_from;
    is_noted.then(|| key.signed_until + key.kept_for)
}

/// The places of the keys that have verified their last token. One that was noted by a clock that was ahead stays for
/// long, and holds back no other.
pub(super) fn expired(times: &[Times], now: Timestamp) -> Vec<usize> {
    (0..times.len())
        .filter(|key| goes_at(times, *key).is_some_and(|at| at <= now))
        .collect()
}

/// Lets the next key sign now, or as soon as it has been published long enough.
pub(super) fn bring_forward(times: &mut [Times], now: Timestamp, policy: &Policy) {
    let next = times.iter_mut().find(|key| key.signs_from > now);
    if let Some(next) = next {
        let is_public_from = next.made_at + policy.publish_for;
        next.signs_from = next.signs_from.min(is_public_from.max(now));
    }
}

/// Closes the gap that a retired key has left which had signed. An older key signs again until the next one has been
/// published long enough. Without an older one the next signs at once: somebody has to.
pub(super) fn close_gap(times: &mut [Times], now: Timestamp, policy: &Policy) {
    let has_older = times.first().is_some_and(|key| key.signs_from <= now);
    if has_older {
        bring_forward(times, now, policy);
    } else if let Some(next) = times.first_mut() {
        next.signs_from = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        sign_for: Duration::from_secs(100),
        publish_for: Duration::from_secs(20),
        keep_for: Duration::from_secs(30),
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    /// Keys that were made and sign at these times.
    fn keys(times: &[(i64, i64)]) -> Vec<Times> {
        let key = |&(made, signs)| Times::new(at(made), at(signs), &POLICY);
        times.iter().map(key).collect()
    }

    fn begins(times: &[Times]) -> Vec<i64> {
        times.iter().map(|key| key.signs_from.as_secs()).collect()
    }

    #[test]
    fn the_last_key_signs_whose_time_has_come() {
        let keys = keys(&[(0, 0), (0, 100), (100, 200)]);
        for (now, expected) in [
            (-1, 0),
            (0, 0),
            (99, 0),
            (100, 1),
            (199, 1),
            (200, 2),
            (999, 2),
        ] {
            assert_eq!(signer(&keys, at(now)), Some(expected), "{now}");
        }
        assert_eq!(signer(&[], at(0)), None);
    }

    #[test]
    fn there_is_always_a_next_key() {
        assert_eq!(missing(&[], at(7), &POLICY), Some(at(7)));
        assert_eq!(missing(&keys(&[(7, 7)]), at(7), &POLICY), Some(at(107)));
        let two = keys(&[(0, 0), (0, 100)]);
        assert_eq!(missing(&two, at(99), &POLICY), None);
        assert_eq!(missing(&two, at(100), &POLICY), Some(at(200)));
        // Whoever has slept publishes the next key before it signs.
        assert_eq!(missing(&two, at(195), &POLICY), Some(at(215)));
        assert_eq!(missing(&two, at(900), &POLICY), Some(at(920)));
    }

    #[test]
    fn a_key_verifies_until_its_last_token_has_expired() {
        let mut keys = keys(&[(0, 0), (0, 100), (100, 200)]);
        for (noted, now, gone) in [
            (99, 9999, 0),
            (101, 130, 0),
            (102, 131, 1),
            (200, 229, 1),
            (200, 9999, 2),
        ] {
            note_followed(&mut keys, at(noted));
            assert_eq!(expired(&keys, at(now)).len(), gone, "{noted} {now}");
        }
        assert_eq!(expired(&keys[..1], at(9999)).len(), 0);
    }

    #[test]
    fn a_key_that_was_noted_too_late_holds_back_no_other() {
        let mut keys = keys(&[(0, 0), (0, 100), (100, 200)]);
        note_followed(&mut keys, at(200));
        keys[0].signed_until = at(99_999);
        assert_eq!(expired(&keys, at(230)), [1]);
    }

    #[test]
    fn a_time_that_was_wrong_for_a_moment_costs_no_key() {
        let mut keys = keys(&[(0, 0), (0, 100)]);
        note_followed(&mut keys, at(99_999));
        assert_eq!(expired(&keys, at(99_999)).len(), 0);
        let begins_late = missing(&keys, at(99_999), &POLICY).unwrap();
        keys.push(Times::new(at(99_999), begins_late, &POLICY));
        bring_back(&mut keys, at(50), &POLICY);
        assert_eq!(begins(&keys), [0, 100, 100_019], "the next one is in time");
        bring_back(&mut keys, at(110), &POLICY);
        assert_eq!(begins(&keys), [0, 100, 200]);
        assert_eq!(expired(&keys, at(150)).len(), 0);
    }

    #[test]
    fn a_key_verifies_longer_if_some_have_signed_with_it_for_longer() {
        let mut keys = keys(&[(0, 0), (0, 100), (100, 200)]);
        note_followed(&mut keys, at(100));
        keys[0].signed_until = at(150);
        assert_eq!(expired(&keys, at(179)).len(), 0);
        assert_eq!(expired(&keys, at(180)).len(), 1);
        for (key, now, until) in [(0, 50, 50), (0, 150, 100), (2, 250, 250)] {
            assert_eq!(signs_until(&keys, key, at(now)), at(until));
        }
    }

    #[test]
    fn a_next_key_is_brought_forward_once_it_is_known() {
        let brought = |now| {
            let mut keys = keys(&[(0, 0), (0, 100)]);
            bring_forward(&mut keys, at(now), &POLICY);
            begins(&keys)
        };
        assert_eq!(brought(50), [0, 50]);
        assert_eq!(brought(20), [0, 20]);
        assert_eq!(brought(5), [0, 20]);
        assert_eq!(brought(100), [0, 100]);
    }

    #[test]
    fn the_next_key_takes_the_place_of_one_that_is_retired() {
        let closed = |times: &[(i64, i64)], now| {
            let mut keys = keys(times);
            close_gap(&mut keys, at(now), &POLICY);
            begins(&keys)
        };
        assert_eq!(closed(&[(0, 100)], 50), [50]);
        assert_eq!(closed(&[(45, 100)], 50), [50], "nobody else can sign");
        assert_eq!(closed(&[(0, 0), (0, 200)], 150), [0, 150]);
        let is_new = closed(&[(0, 0), (149, 200)], 150);
        assert_eq!(is_new, [0, 169], "the older one signs until all know it");
        assert_eq!(closed(&[(0, 0)], 150), [0]);
    }

    #[test]
    fn what_two_servers_know_of_a_key_comes_together() {
        let one = Times {
            signed_until: at(170),
            ..Times::new(at(5), at(100), &POLICY)
        };
        let other = Times {
            kept_for: Duration::from_secs(40),
            signed_until: at(160),
            ..Times::new(at(4), at(60), &POLICY)
        };
        let both = one.merged(other);
        assert_eq!(both, other.merged(one));
        let expected = Times {
            made_at: at(4),
            signs_from: at(60),
            kept_for: Duration::from_secs(40),
            signed_until: at(170),
        };
        assert_eq!(both, expected);
    }
}
