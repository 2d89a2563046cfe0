//! Cases of callers that go away before the answer.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::{sleep, timeout};

use tower_bearer::store::{EndReason, SessionStore, StoreErrorKind};

use crate::{Fixture, trial::*};

const ROUNDS: u32 = 40;

pub(super) async fn a_dropped_future_leaves_the_store_whole<F: Fixture>(trial: Trial<F>) {
    for patience in 0..ROUNDS {
        let first = trial.record(u128::from(ROUNDS + patience), &newcomer(patience));
        abandon(trial.store().insert(&first), patience).await;
    }
    for patience in 0..ROUNDS {
        one_session(&trial, patience).await;
    }
    // What was abandoned first has come to its end by now.
    for patience in 0..ROUNDS {
        whole_or_not_at_all(&trial, patience).await;
    }
    trial.advance(2 * HOUR).await;
    abandon(trial.store().delete_expired(30), 3).await;
    // The abandoned call may still lock its rows for a moment, in which calls of a busy server are slow too.
    for _ in 0..200 {
        let deleted = trial.store().delete_expired(100).await;
        done("delete_expired", deleted);
        if is_empty(&trial).await {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("a dropped clean-up has left sessions that no other deletes");
}

async fn one_session<F: Fixture>(trial: &Trial<F>, patience: u32) {
    let store = trial.store();
    // Each session has a user of its own, because an abandoned call may still run, and end all
    // sessions that its user has by then.
    let subject = format!("user {patience}");
    let first = trial.record(u128::from(patience), &subject);
    abandon(store.insert(&first), patience).await;
    // A caller that saw no answer may insert again, whether the session was kept or not.
    match store.insert(&first).await {
        Err(error) if error.kind() == StoreErrorKind::Duplicate => {}
        inserted => done("insert", inserted),
    }
    assert_same(&trial.load(first.session.id).await, &first);

    let next = rotated(&first, trial.start);
    abandon(store.load(first.session.id), patience).await;
    abandon(store.list(ISSUER, &subject, None, 100), patience).await;
    abandon(store.list_all(ISSUER, None, 100), patience).await;
    abandon(store.swap(first.session.id, 0, &next.state), patience).await;
    let kept = trial.load(first.session.id).await;
    assert!(kept == first || kept == next, "half a swap: {kept:?}");

    abandon(
        store.confirm(&[(first.session.id, kept.state.generation)]),
        patience,
    )
    .await;
    abandon(store.end(first.session.id, EndReason::Logout), patience).await;
    let all = store.end_all(ISSUER, &subject, None, EndReason::Logout);
    abandon(all, patience).await;
    abandon(store.ended_since(trial.start, None, 100), patience).await;
    trial.end(first.session.id, EndReason::Logout).await;
    let kept = trial.load(first.session.id).await;
    assert!(kept.state.ended.is_some(), "not ended: {kept:?}");
}

/// Whose login was abandoned, and not tried again.
fn newcomer(patience: u32) -> String {
    format!("newcomer {patience}")
}

/// A session that can be loaded is in the list of its user, and a logout everywhere ends it.
async fn whole_or_not_at_all<F: Fixture>(trial: &Trial<F>, patience: u32) {
    let (id, subject) = (id((ROUNDS + patience).into()), newcomer(patience));
    if trial.find(id).await.is_none() {
        let listed = trial.live(&subject).await;
        // On a busy server it may have come in between.
        let is_kept = listed.is_empty() || trial.find(id).await.is_some();
        assert!(
            is_kept,
            "a dropped insert has left a session that is only listed"
        );
        return;
    }
    let why = "a dropped insert has left half a session";
    assert_eq!(
        trial.live(&subject).await,
        [id],
        "{why}, by its user's list"
    );
    let ended = trial.end_all(&subject, EndReason::Logout).await;
    assert_eq!(ended, [id], "{why}, by what a logout everywhere ends");
}

async fn is_empty<F: Fixture>(trial: &Trial<F>) -> bool {
    for number in 0..2 * ROUNDS {
        if trial.find(id(number.into())).await.is_some() {
            return false;
        }
    }
    true
}

/// Polls the future for a while and drops it. An even `patience` is twice the number of polls; an
/// odd one is a time.
pub(super) async fn abandon(future: impl Future, patience: u32) {
    let mut future = pin!(future);
    if patience % 2 == 1 {
        let _ = timeout(Duration::from_micros(100) * patience, future).await;
        return;
    }
    for _ in 0..patience / 2 {
        if poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}
