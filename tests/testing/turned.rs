//! Sessions on a store that goes by another clock than the test's, which is turned.

use std::time::Duration;

use tower_bearer::{
    clock::{Clock, ManualClock, SystemClock},
    session::{
        Grant, RefreshKey, RefreshOutcome, RefreshRequest, Refusal, SessionErrorKind, Sessions,
    },
    store::SessionStore,
    testing::{ClockedStore, TestIssuer},
};

const DAY: Duration = Duration::from_secs(86_400);

/// The window, the expiry and the end of a session.
pub(crate) async fn turned(store: impl SessionStore + Clone) {
    let clock = ManualClock::new(SystemClock.now());
    let store = ClockedStore::new(store, clock.clone());
    let issuer = TestIssuer::new().clock(clock.clone());
    let key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer.issuer().clone(), key, store.clone())
        .build()
        .unwrap();
    let refresh = async |token: &tower_bearer::RefreshToken| {
        sessions.refresh(RefreshRequest::new(token.clone())).await
    };

    let first = sessions.start(Grant::new("alice")).await.unwrap();
    clock.advance(DAY);
    let verifier = issuer.verifier();
    assert!(
        verifier.verify(first.access_token.expose()).is_err(),
        "it has expired"
    );
    let second = refresh(&first.refresh_token).await.unwrap();
    assert_eq!(second.outcome, RefreshOutcome::Rotated);
    assert!(verifier.verify(second.tokens.access_token.expose()).is_ok());
    let again = refresh(&first.refresh_token).await.unwrap();
    assert_eq!(again.outcome, RefreshOutcome::Redelivered);

    assert_eq!(sessions.end_all("alice").await.unwrap(), 1);
    let told = store.ended_since(clock.now(), None, 9).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, clock.now());

    let third = sessions.start(Grant::new("alice")).await.unwrap();
    clock.advance(90 * DAY);
    let late = refresh(&third.refresh_token).await.unwrap_err();
    assert_eq!(
        late.kind(),
        SessionErrorKind::InvalidGrant(Refusal::Expired)
    );
}
