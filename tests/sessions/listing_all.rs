//! The list of all sessions, for administrators.

use std::collections::BTreeMap;

use tower_bearer::{
    SessionId,
    error::ErrorCode,
    session::{AllSessionsPage, EndRequest, Grant, ListAllRequest, SessionErrorKind, Sessions},
    store::{Cursor, MemoryStore, Record, SessionStore, StoreErrorKind},
    testing::{ClockedStore, FailingStore, Fault, StoreCall},
};

use crate::support::*;

/// How often each session is on a page, and its user. Ends when there is no next page.
async fn walked<St: SessionStore>(
    sessions: &Sessions<St>,
    limit: usize,
) -> BTreeMap<SessionId, (usize, String)> {
    let (mut seen, mut request) = (BTreeMap::new(), ListAllRequest::new().limit(limit));
    for _ in 0..1_000 {
        let page = sessions.list_all(request.clone()).await.unwrap();
        assert!(page.sessions.len() <= limit);
        for session in page.sessions {
            let times = seen.entry(session.sid).or_insert((0, session.subject));
            times.0 += 1;
        }
        match page.next {
            Some(next) => request = request.after(next),
            None => return seen,
        }
    }
    panic!("the pages do not come to an end");
}

async fn login<St: SessionStore>(sessions: &Sessions<St>, user: &str) -> SessionId {
    sid(&sessions.start(Grant::new(user)).await.unwrap())
}

async fn an_administrator_sees_all<St: SessionStore>(world: &World<St>) {
    let sessions = &world.sessions;
    let mut due = BTreeMap::new();
    for number in 0..40 {
        let user = format!("user {}", number % 7);
        due.insert(login(sessions, &user).await, (1, user));
    }
    let idle: Vec<_> = due.keys().copied().take(10).collect();
    let logged_out = *due.keys().last().unwrap();
    let (_, user) = due.remove(&logged_out).unwrap();
    let end = EndRequest::from(user.as_str()).by_admin();
    assert!(sessions.end(logged_out, end).await.unwrap());
    // Another issuer's session in the same store.
    let mut other: Record = sessions
        .store()
        .load(idle[0])
        .await
        .unwrap()
        .record
        .unwrap();
    other.session.id = SessionId::from_uuid(uuid::Uuid::from_u128(1 << 100));
    other.session.issuer = "https://other.example".into();
    sessions.store().insert(&other).await.unwrap();
    for limit in [1, 7, 39, 40, 1000] {
        assert_eq!(walked(sessions, limit).await, due, "pages of {limit}");
    }

    world.wait(31 * 24 * 3600);
    assert_eq!(walked(sessions, 7).await, BTreeMap::new());
    let late = login(sessions, "late").await;
    let due = BTreeMap::from([(late, (1, "late".to_owned()))]);
    assert_eq!(walked(sessions, 7).await, due);
}

#[tokio::test]
async fn an_administrator_sees_all_in_memory() {
    an_administrator_sees_all(&world()).await;
}

#[tokio::test]
async fn an_administrator_sees_all_in_a_database() {
    let (_folder, store, clock) = sqlite().await;
    an_administrator_sees_all(&world_on(store, clock, |builder| builder)).await;
}

#[tokio::test]
async fn a_page_says_whose_sessions_it_has_and_where_the_next_one_begins() {
    let world = world();
    for user in ["anna", "bert"] {
        login(&world.sessions, user).await;
    }
    let page = ListAllRequest::default().limit(0);
    let page = world.sessions.list_all(page).await.unwrap();
    let json = serde_json::to_value(&page).unwrap();
    let next = page.next.as_ref().unwrap();
    assert_eq!(json["next"], next.as_str());
    assert_eq!(json["sessions"][0]["subject"], page.sessions[0].subject);
    let next: Cursor = serde_json::from_value(json["next"].clone()).unwrap();
    let rest = ListAllRequest::new().after(next);
    let rest = world.sessions.list_all(rest).await.unwrap();
    assert_ne!(rest.sessions[0].subject, page.sessions[0].subject);
    let json = serde_json::to_value(&rest).unwrap();
    assert_eq!(json.get("next"), None, "the last page");
}

/// A store gives pages without a session where it has looked at dead ones only.
#[tokio::test]
async fn nobody_has_to_look_at_empty_pages() {
    let clock = clock();
    let store = ClockedStore::new(MemoryStore::new(), clock.clone());
    let world = world_on(store, clock, |builder| builder);
    for _ in 0..50 {
        world.login().await;
    }
    world.wait(31 * 24 * 3600);
    let raw = world.sessions.store().list_all(ISSUER, None, 3).await;
    let raw = raw.unwrap();
    assert!(raw.records.is_empty() && raw.next.is_some(), "{raw:?}");
    let AllSessionsPage { sessions, next, .. } = world
        .sessions
        .list_all(ListAllRequest::new().limit(3))
        .await
        .unwrap();
    assert_eq!((sessions, next), (Vec::new(), None));
}

#[tokio::test]
async fn a_cursor_that_leads_nowhere_is_the_callers_fault_and_a_store_that_fails_is_not() {
    let store = FailingStore::new(MemoryStore::with_clock(clock()));
    let world = world_on(store, clock(), |builder| builder);
    world.login().await;
    let made_up: Cursor = "page-2".parse().unwrap();
    let request = ListAllRequest::new().after(made_up);
    let error = world.sessions.list_all(request).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::InvalidRequest);
    assert_eq!(error.code(), ErrorCode::InvalidRequest);
    for (kind, expected) in [
        (StoreErrorKind::Timeout, SessionErrorKind::Unavailable),
        (StoreErrorKind::Corrupt, SessionErrorKind::Store),
    ] {
        let fault = Fault::error(kind).on([StoreCall::ListAll]).times(1);
        world.sessions.store().inject(fault);
        let error = world.sessions.list_all(ListAllRequest::new()).await;
        assert_eq!(error.unwrap_err().kind(), expected);
    }
    let page = world.sessions.list_all(ListAllRequest::new()).await;
    assert_eq!(page.unwrap().sessions.len(), 1);
}
