//! A session that is bound to a key, by a version that can check proofs.

use tower_bearer::{
    session::{Refusal, SessionEventKind},
    store::{KeyThumbprint, SessionStore, Swap},
};

use crate::support::*;

#[tokio::test]
async fn a_session_that_is_bound_to_a_key_is_not_refreshed_and_left_alone() {
    let world = world();
    let held = world.login().await;
    let mut bound = world.row(&held).await.unwrap();
    bound.state.version += 1;
    bound.state.bound_to = Some(KeyThumbprint::from_bytes([7; 32]));
    let store = world.sessions.store();
    let swap = store.swap(bound.session.id, 0, &bound.state).await;
    assert_eq!(swap.unwrap(), Swap::Swapped);

    refused(world.present(&held.refresh_token).await, Refusal::Unproven);
    assert_eq!(world.row(&held).await, Some(bound));
    assert_eq!(
        world.kinds(),
        [
            SessionEventKind::Started,
            SessionEventKind::Refused(Refusal::Unproven)
        ]
    );

    // It can still be ended, which needs no proof.
    let token = held.refresh_token.expose();
    world.sessions.revoke(token, None).await.unwrap();
    assert!(world.row(&held).await.unwrap().state.ended.is_some());
}
