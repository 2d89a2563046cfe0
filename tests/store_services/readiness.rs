//! Who is called is who was polled ready.

use std::{
    error::Error,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use tower_bearer::store::{
    SessionStore, StoreErrorKind,
    service::{ServiceStore, StoreRequest, StoreResponse},
};
use tower_test::mock;

use crate::support::*;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn each_call_waits_until_the_service_is_ready_for_it() {
    let (service, mut handle) = mock::pair::<StoreRequest, StoreResponse>();
    let store = ServiceStore::new(service);
    handle.allow(0);
    let (mut first, mut second) = (pin!(store.now()), pin!(store.delete_expired(1)));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert!(handle.poll_request().is_pending());

    handle.allow(1);
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    let (request, send) = handle.next_request().await.unwrap();
    assert!(matches!(request, StoreRequest::Now));
    assert!(handle.poll_request().is_pending(), "it is ready for one");
    let now = record().session.created_at;
    send.send_response(StoreResponse::Now(now));
    assert_eq!(first.await.unwrap(), now);

    handle.allow(1);
    assert!(poll(second.as_mut()).is_pending());
    let (request, send) = handle.next_request().await.unwrap();
    assert!(matches!(request, StoreRequest::DeleteExpired { limit: 1 }));
    send.send_response(StoreResponse::Deleted(3));
    assert_eq!(second.await.unwrap(), 3);
}

#[tokio::test]
async fn a_service_that_cannot_be_ready_is_unavailable() {
    let (service, mut handle) = mock::pair::<StoreRequest, StoreResponse>();
    let store = ServiceStore::new(service);
    handle.send_error("out of order");
    let error = store.load(record().session.id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let source = error.source().expect("a source").to_string();
    assert_eq!(source, "out of order");
}
