//! A store that does not answer.

use tower::ServiceBuilder;
use tower_bearer::store::{EndReason, SessionStore, StoreErrorKind};

use crate::{gate::Fate, support::*};

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_a_503_and_costs_no_session() {
    let world = world(|gate| ServiceBuilder::new().timeout(TIMEOUT).service(gate));
    let token = world.login().await;
    for lost in [is_load, is_swap] {
        world.gate.next(lost, Fate::Lost);
        world.refresh(&token).await.unavailable();
        assert_eq!(world.gate.under_way(), 0, "what is given up is dropped");
        assert_eq!(world.row().await.state.generation, 0);
    }
    world.refresh(&token).await.granted();
    assert_eq!(world.row().await.state.generation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_503_and_the_next_has_it_all() {
    let world = world(|gate| ServiceBuilder::new().timeout(TIMEOUT).service(gate));
    let token = world.login().await;
    world.gate.next(is_swap, Fate::Unanswered);
    world.refresh(&token).await.unavailable();
    let row = world.row().await;
    assert_eq!(row.state.generation, 1, "it was swapped");

    let successor = world.refresh(&token).await.granted();
    assert!(world.row().await == row, "and is not swapped again");
    world.clock.advance(std::time::Duration::from_secs(600));
    world.refresh(&successor).await.granted();
    assert_eq!(world.row().await.state.generation, 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_a_timeout_by_whichever_call() {
    let world = world(|gate| ServiceBuilder::new().timeout(TIMEOUT).service(gate));
    let (store, record) = (world.sessions.store(), record());
    let (id, now) = (record.session.id, record.session.created_at);
    let reason = EndReason::Logout;
    for _ in 0..11 {
        world.gate.next(any, Fate::Lost);
    }
    let errors = [
        store.now().await.unwrap_err(),
        store.insert(&record).await.unwrap_err(),
        store.load(id).await.unwrap_err(),
        store.swap(id, 0, &record.state).await.unwrap_err(),
        store.confirm(&[(id, 0)]).await.unwrap_err(),
        store.end(id, reason).await.unwrap_err(),
        store
            .end_all(ISSUER, "anna", None, reason)
            .await
            .unwrap_err(),
        store.list(ISSUER, "anna", None, 1).await.unwrap_err(),
        store.list_all(ISSUER, None, 1).await.unwrap_err(),
        store.ended_since(now, None, 1).await.unwrap_err(),
        store.delete_expired(1).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error:?}");
    }
}
