//! An empty store and its clock, and sessions to keep in it.

use std::{any::Any, time::Duration};

use tower_bearer::{
    clock::{Clock, ManualClock, Timestamp},
    store::SessionStore,
};
use tower_bearer_conformance::Fixture;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_000_000);

/// An empty store and the clock that it goes by.
pub(crate) struct Setup<St> {
    pub(crate) store: St,
    peer: Option<St>,
    pub(crate) clock: ManualClock,
    histories: u32,
    /// What has to live as long as the store, such as its directory.
    _keep: Box<dyn Any + Send + Sync>,
}

impl<St: SessionStore> Setup<St> {
    pub(crate) fn new(store: impl FnOnce(ManualClock) -> St) -> Self {
        let clock = ManualClock::new(START);
        Self {
            store: store(clock.clone()),
            peer: None,
            clock,
            histories: 200,
            _keep: Box::new(()),
        }
    }

    pub(crate) fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        let _keep = Box::new(keep);
        Self { _keep, ..self }
    }

    pub(crate) fn histories(self, histories: u32) -> Self {
        Self { histories, ..self }
    }

    pub(crate) fn with_peer(self, peer: impl FnOnce(ManualClock) -> St) -> Self {
        let peer = Some(peer(self.clock.clone()));
        Self { peer, ..self }
    }
}

impl<St: SessionStore + Clone> Fixture for Setup<St> {
    type Store = St;

    fn store(&self) -> &St {
        &self.store
    }

    fn peer(&self) -> &St {
        self.peer.as_ref().unwrap_or(&self.store)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.clock.set(self.clock.now() - by);
        true
    }

    fn histories(&self) -> u32 {
        self.histories
    }
}
