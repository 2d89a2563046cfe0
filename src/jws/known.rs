//! Remembers the headers of tokens, so that they need not be read again.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;

use super::{VerifyingKey, header::Header};

/// An issuer writes one header, or a few, for all tokens of a key and a type. Further headers of a
/// key are read each time.
const HEADERS_OF_A_KEY: usize = 8;
const MAX_SEGMENT_BYTES: usize = 1024;

/// A header that was read, and the key that it names.
pub(super) struct Known {
    pub(super) header: Header,
    pub(super) key: VerifyingKey,
}

/// The header segments of tokens with a valid signature. Equal segments mean the same, so they are
/// compared byte for byte. Only someone with a trusted key can add one.
pub(super) struct KnownHeaders(ArcSwap<Table>);

#[derive(Clone, Default)]
struct Table {
    /// The epoch of the key set that the headers were read with.
    epoch: u64,
    headers: BTreeMap<Box<str>, Arc<Known>>,
}

impl KnownHeaders {
    pub(super) fn new() -> Self {
        Self(ArcSwap::default())
    }

    pub(super) fn get(&self, segment: &str, epoch: u64) -> Option<Arc<Known>> {
        let table = self.0.load();
        let known = table.headers.get(segment)?;
        (table.epoch == epoch).then(|| Arc::clone(known))
    }

    pub(super) fn learn(&self, segment: &str, known: &Arc<Known>, epoch: u64) {
        if segment.len() <= MAX_SEGMENT_BYTES && self.0.load().has_room(known, epoch) {
            self.0.rcu(|table| table.with(segment, known, epoch));
        }
    }
}

impl Table {
    fn has_room(&self, known: &Known, epoch: u64) -> bool {
        let of_key = |other: &&Arc<Known>| other.key.is(&known.key);
        self.epoch < epoch
            || self.epoch == epoch
                && self.headers.values().filter(of_key).count() < HEADERS_OF_A_KEY
    }

    fn with(&self, segment: &str, known: &Arc<Known>, epoch: u64) -> Self {
        let mut table = if self.epoch < epoch {
            Self {
                epoch,
                headers: BTreeMap::new(),
            }
        } else {
            self.clone()
        };
        if table.has_room(known, epoch) {
            table.headers.insert(segment.into(), Arc::clone(known));
        }
        table
    }
}
