//! What sessions log. In a process of its own: `tracing` remembers who listens, per process.
#![cfg(all(feature = "tracing", feature = "session"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../sessions/support.rs"]
mod support;

use support::*;
use tests_shared::log::Log;
use tower_bearer::bearer::SessionGuard;

#[track_caller]
fn says(log: &Log, what: &str) {
    let text = log.take();
    assert!(text.contains(what), "{text:?} does not say {what:?}");
}

#[tokio::test]
async fn whoever_runs_the_server_learns_why_clients_get_a_503() {
    let log = Log::listen();
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| {
        builder.on_refresh(|_| async { Err::<bool, _>("the user database is down") })
    });
    let tokens = world.login().await;

    store.inject(down().times(1));
    unavailable(world.present(&tokens.refresh_token).await);
    says(&log, "the session store is unavailable");
    unavailable(world.present(&tokens.refresh_token).await);
    says(&log, "the user database is down");
    store.inject(down().times(1));
    assert!(world.sessions.is_live(sid(&tokens)).await.is_err());
    says(&log, "the session store is unavailable");
}
