//! A service that answers something else.

use std::{convert::Infallible, error::Error, future::ready};

use tower::service_fn;
use tower_bearer::store::{
    EndReason, Listed, ListedAll, Loaded, SessionStore, StoreError, StoreErrorKind, Swap,
    service::{ServiceStore, StoreRequest, StoreResponse},
};

use crate::support::*;

/// One of each, in the order of the store's methods.
fn answers() -> [StoreResponse; 11] {
    let now = record().session.created_at;
    [
        StoreResponse::Now(now),
        StoreResponse::Inserted,
        StoreResponse::Loaded(Box::new(Loaded::new(Some(record()), now))),
        StoreResponse::Swapped(Swap::Swapped),
        StoreResponse::Confirmed,
        StoreResponse::Ended(true),
        StoreResponse::EndedAll(vec![record().session.id]),
        StoreResponse::Listed(Listed::new(vec![record()], now)),
        StoreResponse::ListedAll(ListedAll::new(vec![record()], None, now)),
        StoreResponse::EndedSince(vec![(record().session.id, now)]),
        StoreResponse::Deleted(1),
    ]
}

/// What each method makes of this answer.
async fn outcomes(answer: StoreResponse) -> [Result<(), StoreError>; 11] {
    let service = service_fn(move |_: StoreRequest| ready(Ok::<_, Infallible>(answer.clone())));
    let (store, record) = (ServiceStore::new(service), record());
    let (id, now) = (record.session.id, record.session.created_at);
    let reason = EndReason::Logout;
    [
        store.now().await.map(drop),
        store.insert(&record).await,
        store.load(id).await.map(drop),
        store
            .swap(id, 0, &record.state)
            .await
            .map(|swap| assert_eq!(swap, Swap::Swapped)),
        store.confirm(&[(id, 0)]).await,
        store.end(id, reason).await.map(|ended| assert!(ended)),
        store.end_all(ISSUER, "anna", None, reason).await.map(drop),
        store.list(ISSUER, "anna", None, 1).await.map(drop),
        store.list_all(ISSUER, None, 1).await.map(drop),
        store.ended_since(now, None, 1).await.map(drop),
        store
            .delete_expired(1)
            .await
            .map(|deleted| assert_eq!(deleted, 1)),
    ]
}

#[tokio::test]
async fn only_the_answer_that_was_asked_for_is_taken() {
    for (number, answer) in answers().into_iter().enumerate() {
        for (method, outcome) in outcomes(answer).await.into_iter().enumerate() {
            match outcome {
                Ok(()) => assert_eq!(method, number),
                Err(error) => {
                    assert_ne!(method, number, "{error:?}");
                    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                    let why = error.source().expect("a source").to_string();
                    assert!(why.ends_with("with something else"), "{why}");
                }
            }
        }
    }
}

#[test]
fn debug_shows_neither_secrets_nor_whose_sessions_they_are() {
    for answer in answers() {
        let shown = format!("{answer:?}");
        assert!(!shown.contains("whose"), "{shown}");
        assert!(!shown.contains("165") && !shown.contains("a5"), "{shown}");
    }
}
