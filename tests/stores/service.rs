//! Every store as a service, and that service as a store.

use std::time::Duration;

use tower_bearer::store::{
    conformance::Fixture,
    service::{ServiceStore, StoreService},
};

type AsService<St> = ServiceStore<StoreService<St>>;

/// A fixture whose store goes through a service.
pub(crate) struct Served<F: Fixture> {
    fixture: F,
    store: AsService<F::Store>,
    peer: AsService<F::Store>,
}

pub(crate) fn served<F: Fixture>(fixture: F) -> Served<F> {
    let serve = |store: &F::Store| ServiceStore::new(StoreService::new(store.clone()));
    Served {
        store: serve(fixture.store()),
        peer: serve(fixture.peer()),
        fixture,
    }
}

impl<F: Fixture> Fixture for Served<F> {
    type Store = AsService<F::Store>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn peer(&self) -> &Self::Store {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.fixture.advance(by).await;
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.fixture.turn_back(by).await
    }

    fn deletes_by_itself(&self) -> bool {
        self.fixture.deletes_by_itself()
    }

    /// What a history comes by is the store's; a few show that the service adds nothing.
    fn histories(&self) -> u32 {
        20
    }
}
