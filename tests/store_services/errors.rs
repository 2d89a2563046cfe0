//! What comes of the errors of services and layers.

use std::{error::Error, future::ready, io};

use tower::{BoxError, load_shed::error::Overloaded, service_fn, timeout::error::Elapsed};
use tower_bearer::store::{
    SessionStore, StoreError, StoreErrorKind,
    service::{ServiceStore, StoreRequest, StoreResponse},
};

use crate::support::kind;

/// An error of a layer that wraps another.
#[derive(Debug, thiserror::Error)]
#[error("tried in vain")]
struct InVain(#[source] BoxError);

/// What a store says whose service fails so.
async fn failed(fail: impl Fn() -> BoxError + Clone + Send + Sync + 'static) -> StoreError {
    let service = service_fn(move |_: StoreRequest| ready(Err::<StoreResponse, _>(fail())));
    let store = ServiceStore::new(service).classify_errors(kind);
    store.now().await.unwrap_err()
}

#[tokio::test]
async fn a_store_error_is_passed_on_as_it_is() {
    let error = failed(|| {
        let source = io::Error::other("on fire");
        StoreError::with_source(StoreErrorKind::Corrupt, source).into()
    });
    let error = error.await;
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.source().unwrap().is::<io::Error>());
}

#[tokio::test]
async fn the_errors_of_layers_are_told_apart_and_kept() {
    let error = failed(|| Elapsed::new().into()).await;
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert!(error.source().unwrap().is::<Elapsed>());

    let error = failed(|| Overloaded::new().into()).await;
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert!(error.source().unwrap().is::<Overloaded>());

    let error = failed(|| io::Error::other("on fire").into()).await;
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.source().unwrap().is::<io::Error>());
}

#[tokio::test]
async fn a_store_error_is_found_in_another() {
    let duplicate = || StoreError::new(StoreErrorKind::Duplicate);
    let error = failed(move || InVain(InVain(duplicate().into()).into()).into()).await;
    assert_eq!(error.kind(), StoreErrorKind::Duplicate);
    assert!(error.source().unwrap().is::<InVain>());
}

#[tokio::test]
async fn nothing_is_known_of_errors_unless_it_is_told() {
    let overloaded = || ready(Err::<StoreResponse, _>(Overloaded::new()));
    let store = ServiceStore::new(service_fn(move |_: StoreRequest| overloaded()));
    let error = store.now().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.source().unwrap().is::<Overloaded>());
}
