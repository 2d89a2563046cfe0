//! A bounded map whose entries have an end.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Timestamp;

/// What stands for a token.
pub(super) type Digest = [u8; 32];

/// At most `limit` entries. Where there is no room, the one that would end first goes.
pub(super) struct Shelf<V> {
    limit: usize,
    entries: HashMap<Digest, (Timestamp, V)>,
    by_end: BTreeSet<(Timestamp, Digest)>,
}

impl<V> Shelf<V> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: HashMap::new(),
            by_end: BTreeSet::new(),
        }
    }

    /// The entry, if it has not ended.
    pub(super) fn get(&self, digest: &Digest, now: Timestamp) -> Option<&V> {
        let (end, value) = self.entries.get(digest)?;
        (now < *end).then_some(value)
    }

    pub(super) fn put(&mut self, digest: Digest, value: V, end: Timestamp, now: Timestamp) {
        self.remove(&digest);
        if self.limit == 0 || end <= now {
            return;
        }
        while let Some((first, _)) = self.by_end.first()
            && (*first <= now || self.entries.len() >= self.limit)
        {
            self.drop_first();
        }
        self.by_end.insert((end, digest));
        self.entries.insert(digest, (end, value));
    }

    pub(super) fn remove(&mut self, digest: &Digest) {
        if let Some((end, _)) = self.entries.remove(digest) {
            self.by_end.remove(&(end, *digest));
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, digest)) = self.by_end.pop_first() {
            self.entries.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn an_entry_ends() {
        let mut shelf = Shelf::new(2);
        shelf.put([1; 32], 'a', at(10), at(0));
        assert_eq!(shelf.get(&[1; 32], at(9)), Some(&'a'));
        assert_eq!(shelf.get(&[1; 32], at(10)), None);
        shelf.put([2; 32], 'b', at(10), at(10));
        assert_eq!(shelf.get(&[2; 32], at(0)), None, "it had ended before");
    }

    #[test]
    fn the_one_that_ends_first_makes_room() {
        let mut shelf = Shelf::new(2);
        for (digest, end) in [(1, 30), (2, 10), (3, 20)] {
            shelf.put([digest; 32], digest, at(end), at(0));
        }
        assert_eq!(shelf.get(&[2; 32], at(0)), None);
        assert!(shelf.get(&[1; 32], at(0)).is_some() && shelf.get(&[3; 32], at(0)).is_some());
        shelf.put([1; 32], 9, at(5), at(0));
        assert_eq!(
            shelf.get(&[1; 32], at(0)),
            Some(&9),
            "replaced, not doubled"
        );
        assert_eq!((shelf.entries.len(), shelf.by_end.len()), (2, 2));
        shelf.remove(&[1; 32]);
        shelf.remove(&[1; 32]);
        assert_eq!((shelf.entries.len(), shelf.by_end.len()), (1, 1));
    }

    #[test]
    fn what_has_ended_does_not_stay() {
        let mut shelf = Shelf::new(1000);
        for n in 0..100_u8 {
            shelf.put([n; 32], n, at(i64::from(n) + 1), at(i64::from(n)));
        }
        assert_eq!(shelf.entries.len(), 1);
    }
}
