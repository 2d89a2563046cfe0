//! What the layer logs. In a process of its own: `tracing` remembers who listens, per process.
#![cfg(feature = "tracing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod tokens;

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use tokens::{Tokens, authorized, bearer};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::bearer::BearerLayer;

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

#[tokio::test]
async fn refusals_are_logged_by_kind_and_without_the_token() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let tokens = Tokens::new();
    let good = tokens.plain();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    let service = BearerLayer::new(tokens.verifier.clone())
        .require_scope("admin")
        .layer(inner);
    for (request, kind) in [
        (bearer(&format!("{good}A")), "code=InvalidToken cause=Some("),
        (bearer(&good), "code=InsufficientScope cause=None"),
        (
            authorized(&format!("Bearer {good},")),
            "code=InvalidRequest cause=None",
        ),
        (
            authorized(&format!("Basic {good}")),
            "code=MissingToken cause=None",
        ),
    ] {
        service.clone().oneshot(request).await.unwrap();
        let written = std::mem::take(&mut *log.0.lock().unwrap());
        let written = String::from_utf8(written).unwrap();
        assert!(written.contains("DEBUG tower_bearer::bearer"), "{written}");
        assert!(written.contains(kind), "{kind}: {written}");
        for part in good.split('.') {
            assert!(!written.contains(part), "{written}");
        }
    }
}
