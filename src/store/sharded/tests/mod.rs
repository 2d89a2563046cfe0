#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod failing;
mod interleavings;
mod opening;
mod placing;
mod returning;
mod stepping;
mod walking;

use std::time::Duration;

use tower_service::Service;
use uuid::Uuid;

use super::*;
use crate::{
    clock::ManualClock,
    store::{
        MemoryStore, Session, SessionSecret,
        service::{ServiceStore, StoreRequest, StoreService},
    },
};

const START: Timestamp = Timestamp::from_secs(1_000_000);
const ISSUER: &str = "https://id.example";

fn record(id: SessionId) -> Record {
    let secret = SessionSecret::from_bytes([7; 32]);
    let mut session = Session::new(id, ISSUER, "anna", secret, START);
    session.ends_at = START + Duration::from_secs(90 * 86_400);
    let mut record = Record::new(session);
    record.state.expires_at = START + Duration::from_secs(30 * 86_400);
    record
}

fn memory() -> MemoryStore {
    MemoryStore::with_clock(ManualClock::new(START))
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// The store, with something that happens before each call and may fail it.
fn before<Fut>(
    store: MemoryStore,
    happens: impl Fn(&StoreRequest) -> Fut + Clone + Send + Sync + 'static,
) -> impl SessionStore
where
    Fut: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    ServiceStore::new(tower::service_fn(move |request: StoreRequest| {
        let happens = happens(&request);
        let call = StoreService::new(store.clone()).call(request);
        async move {
            happens.await?;
            call.await
        }
    }))
}
