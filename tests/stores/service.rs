//! Every store as a service, and that service as a store.

use std::{
    future::{Ready, ready},
    mem,
    time::Duration,
};

use tower::{ServiceBuilder, retry::Policy};
use tower_bearer::store::{
    SessionStore,
    service::{ServiceStore, StoreRequest, StoreResponse, StoreService},
};
use tower_bearer_conformance::Fixture;

/// A fixture whose store goes through a service.
struct Served<F, St> {
    fixture: F,
    store: St,
    peer: St,
}

/// Nothing between the store and the service.
pub(crate) fn served<F: Fixture>(fixture: F) -> impl Fixture {
    through(fixture, |store| ServiceStore::new(StoreService::new(store)))
}

/// Layers between, each of which has something to do when many come at once.
pub(crate) fn layered<F: Fixture>(fixture: F) -> impl Fixture {
    through(fixture, |store| {
        let service = ServiceBuilder::new()
            .buffer(8)
            .concurrency_limit(16)
            .retry(Twice(true))
            .timeout(Duration::from_secs(60))
            .service(StoreService::new(store));
        ServiceStore::new(service)
    })
}

fn through<F: Fixture, St: SessionStore + Clone>(
    fixture: F,
    service: impl Fn(F::Store) -> St,
) -> Served<F, St> {
    Served {
        store: service(fixture.store().clone()),
        peer: service(fixture.peer().clone()),
        fixture,
    }
}

impl<F: Fixture, St: SessionStore + Clone> Fixture for Served<F, St> {
    type Store = St;

    fn store(&self) -> &St {
        &self.store
    }

    fn peer(&self) -> &St {
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

    fn repetitions_divided_by(&self) -> u32 {
        self.fixture.repetitions_divided_by()
    }

    fn deletes_in_order(&self) -> bool {
        self.fixture.deletes_in_order()
    }

    /// What a history comes by is the store's; a few show that the service adds nothing.
    fn histories(&self) -> u32 {
        20
    }
}

/// Makes each request that may be made again a second time, as if the first had been lost.
#[derive(Clone)]
struct Twice(bool);

impl<E> Policy<StoreRequest, StoreResponse, E> for Twice {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut StoreRequest,
        _: &mut Result<StoreResponse, E>,
    ) -> Option<Ready<()>> {
        mem::replace(&mut self.0, false).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &StoreRequest) -> Option<StoreRequest> {
        request.is_idempotent().then(|| request.clone())
    }
}
