//! The contract of `RingStore`, for the stores that need no server. Those with one are beside their own tests.

#[cfg(test)]
#[cfg(unix)]
mod processes;

use std::time::Duration;

use tempfile::TempDir;
use tower_bearer::{
    clock::ManualClock,
    store::{FileRingStore, MemoryStore},
};
use tower_bearer_conformance::{ring, ring_conformance};

#[cfg(test)]
use crate::sqlite;
use crate::support::{START, Setup};

ring_conformance!(memory, async || Setup::new(MemoryStore::with_clock));
ring_conformance!(file, in_a_file);
ring_conformance!(sqlite_file, sqlite::in_a_file);
ring_conformance!(sqlite_memory, sqlite::in_memory);

struct InAFile {
    ring: FileRingStore,
    peer: FileRingStore,
    clock: ManualClock,
    _folder: TempDir,
}

async fn in_a_file() -> InAFile {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::new(START);
    let open = async || {
        let ring = FileRingStore::open(folder.path().join("keys.ring")).await;
        let ring = ring.expect("the file is new").with_clock(clock.clone());
        // With patience: the machine may be busy with other tests.
        ring.with_timeout(Duration::from_secs(60))
    };
    InAFile {
        ring: open().await,
        peer: open().await,
        clock,
        _folder: folder,
    }
}

impl ring::Fixture for InAFile {
    type Store = FileRingStore;

    fn store(&self) -> &FileRingStore {
        &self.ring
    }

    fn peer(&self) -> &FileRingStore {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}
