//! A process that starts again refuses what was ended before, once it has loaded that.

use tower_bearer::{bearer::Admission, session::Grant, store::MemoryStore};

use crate::support::*;

const KEPT: u64 = 600 + 600;

#[tokio::test]
async fn a_logout_survives_a_restart() {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let before = world_on(store.clone(), clock.clone(), |builder| builder);
    let (out, still_in) = (before.login().await, before.login().await);
    before.sessions.end(sid(&out), "anna").await.unwrap();
    admits(&before, &out.access_token, Admission::Ended);

    before.wait(599);
    let after = world_on(store, clock, |builder| builder);
    admits(&after, &out.access_token, Admission::Admitted);
    assert_eq!(after.sessions.load_ended().await.unwrap(), 1);
    admits(&after, &out.access_token, Admission::Ended);
    admits(&after, &still_in.access_token, Admission::Admitted);
}

#[tokio::test]
async fn a_logout_survives_a_restart_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let open = async || {
        let store = tower_bearer_sqlx::SqliteStore::connect(&address)
            .await
            .unwrap();
        let clock = clock();
        world_on(store.with_clock(clock.clone()), clock, |builder| builder)
    };
    let before = open().await;
    let (out, still_in) = (before.login().await, before.login().await);
    before.sessions.end(sid(&out), "anna").await.unwrap();
    drop(before);

    let after = open().await;
    assert_eq!(after.sessions.load_ended().await.unwrap(), 1);
    admits(&after, &out.access_token, Admission::Ended);
    admits(&after, &still_in.access_token, Admission::Admitted);
}

#[tokio::test]
async fn what_was_ended_long_ago_is_not_loaded() {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let before = world_on(store.clone(), clock.clone(), |builder| builder);
    for _ in 0..3 {
        let tokens = before.login().await;
        before.sessions.end(sid(&tokens), "anna").await.unwrap();
        before.wait(KEPT / 2 + 1);
    }
    let after = world_on(store, clock, |builder| builder);
    assert_eq!(after.sessions.load_ended().await.unwrap(), 1);
}

#[tokio::test]
async fn all_pages_are_loaded() {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let before = world_on(store.clone(), clock.clone(), |builder| builder);
    let (mut first, mut last) = (None, None);
    // Many are ended in the same millisecond, and more than a page holds.
    for subject in 0..25 {
        for _ in 0..100 {
            let grant = Grant::new(subject.to_string());
            last = Some(before.sessions.start(grant).await.unwrap());
            first = first.or(last.clone());
        }
        before
            .sessions
            .end_all(&*subject.to_string())
            .await
            .unwrap();
        if subject % 12 == 0 {
            before.wait(1);
        }
    }
    let after = world_on(store, clock, |builder| builder);
    assert_eq!(after.sessions.load_ended().await.unwrap(), 2500);
    for tokens in [first, last] {
        admits(&after, &tokens.unwrap().access_token, Admission::Ended);
    }
}

#[tokio::test]
async fn a_store_that_fails_at_the_start_is_told() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    for fails in [0, 1] {
        store.inject(down().after(fails).times(1));
        unavailable(world.sessions.load_ended().await);
    }
    store.heal();
    assert_eq!(world.sessions.load_ended().await.unwrap(), 0);
}
