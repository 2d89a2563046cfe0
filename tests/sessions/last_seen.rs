//! Where and by what a session was used last.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tower_bearer::{
    TokenResponse,
    session::{Grant, LastSeen, RefreshRequest, Refreshed, Session, SessionState, SessionsBuilder},
    store::{Extra, MemoryStore, Record, SessionStore, Swap},
};

use crate::{
    context::{address, request_from},
    old_store::*,
    support::*,
};

fn remembering() -> World {
    world_with(SessionsBuilder::remember_context)
}

async fn login<St: SessionStore>(world: &World<St>, last: u8) -> TokenResponse {
    let grant = Grant::new("anna").context(&request_from(last));
    world.sessions.start(grant).await.unwrap()
}

async fn refresh<St: SessionStore>(world: &World<St>, held: &TokenResponse, last: u8) -> Refreshed {
    let request = RefreshRequest::new(held.refresh_token.clone());
    let request = request.context(&request_from(last));
    world.sessions.refresh(request).await.unwrap()
}

/// What the list shows of the only session.
async fn seen<St: SessionStore>(world: &World<St>) -> Option<LastSeen> {
    let page = world.sessions.list("anna").await.unwrap();
    let [session] = page.sessions.try_into().unwrap();
    session.last_seen
}

#[track_caller]
fn is_from(seen: Option<LastSeen>, last: u8) {
    let seen = seen.expect("something was seen");
    assert_eq!(seen.address, Some(address(last)));
    assert_eq!(seen.user_agent.as_deref(), Some("shop/1.2"));
}

#[tokio::test]
async fn nothing_is_kept_by_default() {
    let world = world();
    let first = login(&world, 1).await;
    let refreshed = refresh(&world, &first, 2).await;
    assert_eq!(refreshed.session.last_seen, None);
    assert_eq!(seen(&world).await, None);
    assert!(world.row(&first).await.unwrap().state.extra.is_empty());
}

#[tokio::test]
async fn a_login_and_each_refresh_that_writes_are_seen() {
    let world = remembering();
    let first = login(&world, 1).await;
    is_from(seen(&world).await, 1);
    let refreshed = refresh(&world, &first, 2).await;
    is_from(refreshed.session.last_seen, 2);
    is_from(seen(&world).await, 2);
    // A second tab, for which nothing is written.
    is_from(refresh(&world, &first, 3).await.session.last_seen, 2);
    is_from(seen(&world).await, 2);
    // An answer that was lost.
    world.wait(300);
    is_from(refresh(&world, &first, 4).await.session.last_seen, 4);
    is_from(seen(&world).await, 4);
}

#[tokio::test]
async fn the_list_shows_it_in_json() {
    let world = remembering();
    login(&world, 1).await;
    let page = world.sessions.list("anna").await.unwrap();
    let json = serde_json::to_value(&page.sessions[0]).unwrap();
    let expected = json!({ "address": "192.0.2.1", "user_agent": "shop/1.2" });
    assert_eq!(json["last_seen"], expected);
}

#[tokio::test]
async fn the_hook_sees_the_time_before() {
    let before = Arc::<Mutex<Vec<Option<LastSeen>>>>::default();
    let sees = Arc::clone(&before);
    let world = world_with(|builder| {
        builder.remember_context().on_refresh(move |session, _| {
            sees.lock().unwrap().push(session.last_seen);
            async { true }
        })
    });
    let first = login(&world, 1).await;
    let second = refresh(&world, &first, 2).await.tokens;
    world.wait(300);
    refresh(&world, &second, 3).await;
    let [one, two] = before.lock().unwrap().clone().try_into().unwrap();
    is_from(one, 1);
    is_from(two, 2);
}

#[tokio::test]
async fn what_is_not_known_is_not_kept() {
    let world = remembering();
    let first = login(&world, 1).await;
    rotate(&world, &first).await;
    assert_eq!(seen(&world).await, None);
    assert!(world.row(&first).await.unwrap().state.extra.is_empty());

    let mut request = request_from(7);
    request.headers_mut().clear();
    let grant = Grant::new("bert").context(&request);
    world.sessions.start(grant).await.unwrap();
    let page = world.sessions.list("bert").await.unwrap();
    let json = serde_json::to_value(&page.sessions[0]).unwrap();
    assert_eq!(json["last_seen"], json!({ "address": "192.0.2.7" }));
}

#[tokio::test]
async fn an_end_forgets_it() {
    let world = remembering();
    let tokens = login(&world, 1).await;
    world.sessions.end(sid(&tokens), "anna").await.unwrap();
    assert!(world.row(&tokens).await.unwrap().state.extra.is_empty());
}

/// Sets what the state has besides, as another version would.
async fn set(world: &World, tokens: &TokenResponse, extra: &str) {
    let Record { session, state } = world.row(tokens).await.unwrap();
    let next = SessionState {
        version: state.version + 1,
        extra: Extra::from_json(extra).unwrap(),
        ..state.clone()
    };
    let Session { id, .. } = session;
    let swapped = world.sessions.store().swap(id, state.version, &next);
    assert_eq!(swapped.await.unwrap(), Swap::Swapped);
}

#[tokio::test]
async fn turned_off_it_is_forgotten_with_the_next_refresh_and_all_else_stays() {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let on = |remembers| {
        world_on(store.clone(), clock.clone(), |builder| match remembers {
            true => builder.remember_context(),
            false => builder,
        })
    };
    let first = login(&on(false), 1).await;
    set(&on(false), &first, r#"{"later":[1]}"#).await;
    let second = refresh(&on(true), &first, 2).await.tokens;
    is_from(seen(&on(false)).await, 2);
    clock.advance(std::time::Duration::from_secs(300));
    refresh(&on(false), &second, 3).await;
    let state = on(false).row(&first).await.unwrap().state;
    assert_eq!(state.extra.to_json(), r#"{"later":[1]}"#);
}

#[tokio::test]
async fn what_cannot_be_read_was_not_seen() {
    let world = remembering();
    let first = login(&world, 1).await;
    for unreadable in [
        r#"{"seen":5}"#,
        r#"{"seen":{}}"#,
        r#"{"seen":{"address":"here","user_agent":7}}"#,
    ] {
        set(&world, &first, unreadable).await;
        assert_eq!(seen(&world).await, None, "{unreadable}");
    }
    is_from(refresh(&world, &first, 2).await.session.last_seen, 2);
}

#[tokio::test]
async fn a_database_keeps_it() {
    let (_folder, store, clock) = sqlite().await;
    let world = world_on(store, clock, SessionsBuilder::remember_context);
    let first = login(&world, 1).await;
    is_from(seen(&world).await, 1);
    let second = refresh(&world, &first, 2).await.tokens;
    world.wait(300);
    refresh(&world, &second, 3).await;
    is_from(seen(&world).await, 3);
    world.sessions.end_all("anna").await.unwrap();
    assert!(world.row(&first).await.unwrap().state.extra.is_empty());
}

#[tokio::test]
async fn a_session_that_is_taken_over_is_seen_where_its_token_comes_from() {
    let old = OldStore::with(&["uuid"]);
    let world = world_with(|builder| builder.take_over(takeover(&old)).remember_context());
    let request = RefreshRequest::new(foreign("uuid")).context(&request_from(7));
    world.sessions.refresh(request).await.unwrap();
    is_from(seen(&world).await, 7);
}
