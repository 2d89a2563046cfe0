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
use tower_bearer::{bearer::SessionGuard, session::Refusal};
use tracing::Instrument;

#[track_caller]
fn says(log: &Log, what: &str) {
    let text = log.take();
    assert!(text.contains(what), "{text:?} does not say {what:?}");
}

#[tokio::test]
async fn sessions_log_what_those_who_run_the_server_have_to_know() {
    let log = Log::listen();
    whoever_runs_the_server_learns_why_clients_get_a_503(&log).await;
    what_a_task_logs_for_a_request_belongs_to_the_span_of_the_request(&log).await;
}

async fn whoever_runs_the_server_learns_why_clients_get_a_503(log: &Log) {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| {
        builder.on_refresh(|_, _| async { Err::<bool, _>("the user database is down") })
    });
    let tokens = world.login().await;

    store.inject(down().times(1));
    unavailable(world.present(&tokens.refresh_token).await);
    says(log, "the store is unavailable");
    unavailable(world.present(&tokens.refresh_token).await);
    says(log, "the user database is down");
    store.inject(down().times(1));
    assert!(world.sessions.is_live(sid(&tokens)).await.is_err());
    says(log, "the store is unavailable");
}

async fn what_a_task_logs_for_a_request_belongs_to_the_span_of_the_request(log: &Log) {
    let world = world();
    let stolen = world.login().await;
    let second = rotate(&world, &stolen).await;
    world.wait(60);
    rotate(&world, &second).await;
    log.take();
    let request = tracing::info_span!("request", trace_id = "4bf92f35");
    let reused = world.present(&stolen.refresh_token).instrument(request);
    refused(reused.await, Refusal::Reused);
    let text = log.take();
    let told: Vec<_> = text
        .lines()
        .filter(|line| line.contains("session event"))
        .collect();
    assert_eq!(told.len(), 2, "{text}");
    for line in told {
        assert!(line.contains(r#"request{trace_id="4bf92f35"}"#), "{line}");
    }
}
