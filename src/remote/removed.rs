//! Keys that the issuer has removed and that are kept for a while.

use std::time::Duration;

use crate::jws::VerifyingKey;

#[derive(Debug, Default)]
pub(super) struct Removed(Vec<(VerifyingKey, Duration)>);

impl Removed {
    /// Adds what is no longer published to `next`, until `keep` after `now`, up to `most` keys in all. `held` are the keys of
    /// before, with those that were kept then.
    pub(super) fn merge(
        &mut self,
        held: &[VerifyingKey],
        next: Vec<VerifyingKey>,
        now: Duration,
        keep: Duration,
        most: usize,
    ) -> Vec<VerifyingKey> {
        let replaced = |key: &VerifyingKey| {
            next.iter()
                .any(|next| next.kid() == key.kid() && next.algorithm() == key.algorithm())
        };
        let gone = held.iter().filter(|key| !replaced(key));
        let kept = gone.map(|key| {
            let before = self.0.iter().find(|(kept, _)| kept.equals(key));
            let until = before.map_or(now.saturating_add(keep), |(_, until)| *until);
            (key.clone(), until)
        });
        let mut kept: Vec<_> = kept.filter(|(_, until)| *until > now).collect();
        kept.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
        kept.truncate(most.saturating_sub(next.len()));
        self.0 = kept;
        let kept = self.0.iter().map(|(key, _)| key.clone());
        next.iter().cloned().chain(kept).collect()
    }

    /// When the first of them goes.
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.iter().map(|(_, until)| *until).min()
    }

    /// Takes those out of `held` whose time has come.
    pub(super) fn expire(&mut self, held: Vec<VerifyingKey>, now: Duration) -> Vec<VerifyingKey> {
        let (gone, kept) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(_, until)| *until <= now);
        self.0 = kept;
        let gone: Vec<(VerifyingKey, Duration)> = gone;
        let is_gone = |key: &VerifyingKey| gone.iter().any(|(gone, _)| gone.equals(key));
        held.into_iter().filter(|key| !is_gone(key)).collect()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::{Algorithm, SigningKey};

    fn key() -> VerifyingKey {
        SigningKey::generate(Algorithm::EdDSA)
            .unwrap()
            .verifying_key()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn kids(keys: &[VerifyingKey]) -> Vec<&str> {
        keys.iter().map(VerifyingKey::kid).collect()
    }

    #[test]
    fn a_key_goes_at_once_unless_it_is_to_be_kept() {
        let [a, b] = [key(), key()];
        let mut removed = Removed::default();
        let next = removed.merge(&[a], vec![b.clone()], seconds(5), seconds(0), 9);
        assert_eq!(kids(&next), kids(&[b]));
        assert_eq!(removed.next(), None);
    }

    #[test]
    fn a_key_is_kept_from_when_it_was_first_missing() {
        let [a, b] = [key(), key()];
        let mut removed = Removed::default();
        let held = removed.merge(
            std::slice::from_ref(&a),
            vec![b.clone()],
            seconds(5),
            seconds(10),
            9,
        );
        assert_eq!(kids(&held), kids(&[b.clone(), a.clone()]));
        let held = removed.merge(&held, vec![b.clone()], seconds(12), seconds(10), 9);
        assert_eq!(kids(&held), kids(&[b.clone(), a.clone()]));
        assert_eq!(removed.next(), Some(seconds(15)));
        let early = removed.expire(held.clone(), seconds(14));
        assert_eq!(early.len(), 2);
        assert_eq!(kids(&removed.expire(held, seconds(15))), kids(&[b]));
        assert_eq!(removed.next(), None);
    }

    #[test]
    fn no_more_keys_are_kept_than_a_set_may_have() {
        let (mut removed, mut held) = (Removed::default(), Vec::new());
        let keys = [(); 5].map(|()| key());
        for (now, key) in (0..).zip(&keys) {
            held = removed.merge(&held, vec![key.clone()], seconds(now), seconds(99), 3);
        }
        let [_, _, third, fourth, last] = keys;
        assert_eq!(kids(&held), kids(&[last, fourth, third]));
    }

    #[test]
    fn a_key_that_comes_back_is_kept_no_longer() {
        let [a, b] = [key(), key()];
        let mut removed = Removed::default();
        let held = removed.merge(
            std::slice::from_ref(&a),
            vec![b.clone()],
            seconds(0),
            seconds(10),
            9,
        );
        let held = removed.merge(&held, vec![a.clone()], seconds(1), seconds(10), 9);
        assert_eq!(kids(&held), kids(&[a.clone(), b.clone()]));
        assert_eq!(kids(&removed.expire(held, seconds(11))), kids(&[a]));
    }

    #[test]
    fn a_key_that_takes_a_name_over_leaves_nothing_of_the_one_before() {
        let a = key();
        let other = key().with_kid(a.kid()).unwrap();
        let mut removed = Removed::default();
        let held = removed.merge(&[a], vec![other.clone()], seconds(0), seconds(10), 9);
        assert!(held.len() == 1 && held[0].equals(&other));
    }
}
