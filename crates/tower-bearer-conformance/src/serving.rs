//! Cases with servers on the store, and with clients that all come at once.

use std::{collections::HashSet, time::Duration};

use tower_bearer::{
    TokenResponse,
    session::{
        EndReason, Grant, RefreshOutcome, RefreshRequest, Refreshed, SessionErrorKind, Sessions,
    },
    store::SessionStore,
};

use crate::{
    Fixture,
    racing::at_once,
    tokens::{self, Held},
    trial::*,
};

const TASKS: u32 = 100;
/// The longest there is: those who come last on a slow server must not be taken for thieves.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// One server on the fixture's store, and one on its peer.
fn servers<F: Fixture>(trial: &Trial<F>) -> [Sessions<F::Store>; 2] {
    let doors = [trial.fixture.store(), trial.fixture.peer()];
    doors.map(|door| {
        let builder = tokens::server(door.clone()).store_timeout(MINUTE);
        builder.reuse_window(WINDOW).build().unwrap()
    })
}

/// A hundred tasks present one token at once, and all get the same successor.
pub(super) async fn a_hundred_refreshes_of_one_token_give_one_successor<F: Fixture>(
    trial: Trial<F>,
) {
    let servers = servers(&trial);
    let login = servers[0].start(Grant::new("ada")).await.unwrap();
    trial.advance(10 * MINUTE).await;
    let answers = at_once(TASKS, |task| {
        let (server, login) = (servers[task as usize % 2].clone(), login.clone());
        async move { insist(&server, &login).await }
    })
    .await;

    let rotations = answers
        .iter()
        .filter(|answer| answer.outcome == RefreshOutcome::Rotated);
    assert_eq!(rotations.count(), 1, "so many rotations of one token");
    let (verifier, now) = (tokens::verifier(&servers[0]), trial.now().await);
    let opened = answers
        .into_iter()
        .map(|answer| Held::open(answer.tokens, &verifier, now));
    let opened: Vec<_> = opened.collect();
    let successors: HashSet<_> = opened.iter().map(|held| held.refresh.to_string()).collect();
    assert_eq!(successors.len(), 1, "so many successors of one token");
    assert_eq!(trial.load(opened[0].id).await.state.generation, 1);
}

/// Refreshes as an honest client does: while the server is too busy, it tries again with the same
/// token.
async fn insist<St: SessionStore>(server: &Sessions<St>, held: &TokenResponse) -> Refreshed {
    for _ in 0..100 {
        let request = RefreshRequest::new(held.refresh_token.clone());
        match server.refresh(request).await {
            Ok(refreshed) => return refreshed,
            Err(error) => assert_eq!(error.kind(), SessionErrorKind::Unavailable, "{error:?}"),
        }
    }
    panic!("a client was never served");
}

/// The session has ended afterwards, whether the logout or the rotation comes first.
pub(super) async fn a_logout_is_never_undone_by_a_rotation<F: Fixture>(trial: Trial<F>) {
    let [server, other] = servers(&trial);
    let verifier = tokens::verifier(&server);
    for _ in 0..100 {
        let login = server.start(Grant::new("ada")).await.unwrap();
        let held = Held::open(login, &verifier, trial.now().await);
        let request = || RefreshRequest::new(held.tokens.refresh_token.clone());
        let rotation = tokio::spawn({
            let (other, request) = (other.clone(), request());
            async move { other.refresh(request).await }
        });
        assert!(server.end(held.id, "ada").await.unwrap());
        let newest = match rotation.await.unwrap() {
            Ok(refreshed) => RefreshRequest::new(refreshed.tokens.refresh_token),
            Err(_) => request(),
        };
        assert!(other.refresh(newest).await.is_err(), "a token still works");
        let ended = trial
            .load(held.id)
            .await
            .state
            .ended
            .map(|ended| ended.reason);
        assert_eq!(ended, Some(EndReason::Logout));
    }
}
