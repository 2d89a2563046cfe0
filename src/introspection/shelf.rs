//! A bounded map whose entries have an end.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Timestamp;

/// What stands for a token.
pub(super) type Digest = [u8; 32];

/// At most `limit` entries, whose values take at most so many bytes beside themselves. Where there is no
/// room, the one that would end first goes.
pub(super) struct Shelf<V> {
    limit: usize,
    max_bytes: usize,
    bytes: usize,
    entries: HashMap<Digest, Entry<V>>,
    by_end: BTreeSet<(Timestamp, Digest)>,
}

struct Entry<V> {
    end: Timestamp,
    bytes: usize,
    value: V,
}

impl<V> Shelf<V> {
    pub(super) fn new(limit: usize, max_bytes: usize) -> Self {
        Self {
            limit,
            max_bytes,
            bytes: 0,
            entries: HashMap::new(),
            by_end: BTreeSet::new(),
        }
    }

    /// The entry, if it has not ended.
    pub(super) fn get(&self, digest: &Digest, now: Timestamp) -> Option<&V> {
        let entry = self.entries.get(digest)?;
        (now < entry.end).then_some(&entry.value)
    }

    /// `bytes` is what the value takes beside itself.
    pub(super) fn put(
        &mut self,
        digest: Digest,
        (value, bytes): (V, usize),
        end: Timestamp,
        now: Timestamp,
    ) {
        self.remove(&digest);
        if self.limit == 0 || bytes > self.max_bytes || end <= now {
            return;
        }
        while let Some((first, other)) = self.by_end.first().copied()
            && (first <= now
                || self.entries.len() >= self.limit
                || self.bytes > self.max_bytes - bytes)
        {
            self.remove(&other);
        }
        self.bytes += bytes;
        self.by_end.insert((end, digest));
        self.entries.insert(digest, Entry { end, bytes, value });
    }

    pub(super) fn remove(&mut self, digest: &Digest) {
        if let Some(entry) = self.entries.remove(digest) {
            self.bytes -= entry.bytes;
            self.by_end.remove(&(entry.end, *digest));
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
        let mut shelf = Shelf::new(2, 0);
        shelf.put([1; 32], ('a', 0), at(10), at(0));
        assert_eq!(shelf.get(&[1; 32], at(9)), Some(&'a'));
        assert_eq!(shelf.get(&[1; 32], at(10)), None);
        shelf.put([2; 32], ('b', 0), at(10), at(10));
        assert_eq!(shelf.get(&[2; 32], at(0)), None, "it had ended before");
    }

    #[test]
    fn the_one_that_ends_first_makes_room() {
        let mut shelf = Shelf::new(2, 0);
        for (digest, end) in [(1, 30), (2, 10), (3, 20)] {
            shelf.put([digest; 32], (digest, 0), at(end), at(0));
        }
        assert_eq!(shelf.get(&[2; 32], at(0)), None);
        assert!(shelf.get(&[1; 32], at(0)).is_some() && shelf.get(&[3; 32], at(0)).is_some());
        shelf.put([1; 32], (9, 0), at(5), at(0));
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
        let mut shelf = Shelf::new(1000, 0);
        for n in 0..100_u8 {
            shelf.put([n; 32], (n, 0), at(i64::from(n) + 1), at(i64::from(n)));
        }
        assert_eq!(shelf.entries.len(), 1);
    }

    #[test]
    fn large_entries_take_the_room_of_several() {
        let mut shelf = Shelf::new(100, 100);
        for (digest, end) in [(1, 10), (2, 20), (3, 30)] {
            shelf.put([digest; 32], (digest, 40), at(end), at(0));
        }
        assert_eq!((shelf.get(&[1; 32], at(0)), shelf.bytes), (None, 80));
        shelf.put([4; 32], (4, 100), at(40), at(0));
        assert_eq!((shelf.entries.len(), shelf.bytes), (1, 100));
        shelf.put([5; 32], (5, 101), at(50), at(0));
        assert_eq!(shelf.get(&[5; 32], at(0)), None, "it never fits");
        assert_eq!(
            shelf.get(&[4; 32], at(0)),
            Some(&4),
            "and takes nobody's room"
        );
        shelf.put([4; 32], (6, 1), at(40), at(0));
        assert_eq!(shelf.bytes, 1, "what was replaced does not count");
        shelf.remove(&[4; 32]);
        assert_eq!((shelf.bytes, shelf.by_end.len()), (0, 0));
    }
}
