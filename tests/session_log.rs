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
#[path = "sessions/support.rs"]
mod support;

use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
};

use support::*;
use tower_bearer::bearer::SessionGuard;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    #[track_caller]
    fn says(&self, what: &str) {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        assert!(text.contains(what), "{text:?} does not say {what:?}");
    }
}

#[tokio::test]
async fn whoever_runs_the_server_learns_why_clients_get_a_503() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let clock = clock();
    let store = Moody::new(&clock);
    let world = world_on(store.clone(), clock, |builder| {
        builder.on_refresh(|_| async { Err::<bool, _>("the user database is down") })
    });
    let tokens = world.login().await;

    store.fail.store(1, Ordering::SeqCst);
    unavailable(world.present(&tokens.refresh_token).await);
    log.says("the session store is unavailable");
    unavailable(world.present(&tokens.refresh_token).await);
    log.says("the user database is down");
    store.fail.store(1, Ordering::SeqCst);
    assert!(world.sessions.is_live(sid(&tokens)).await.is_err());
    log.says("the session store is unavailable");
}
