//! What the layer logs. In a process of its own: `tracing` remembers who listens, per process.
#![cfg(feature = "tracing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;

use http::{Request, Response};
use tests_shared::{
    log::Log,
    tokens::{Tokens, authorized, bearer},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{Scope, bearer::BearerLayer};

#[tokio::test]
async fn refusals_are_logged_by_kind_and_without_the_token() {
    let log = Log::listen();
    let tokens = Tokens::new();
    let good = tokens.plain();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    let service = BearerLayer::new(tokens.verifier.clone())
        .require_scope(Scope::from_static("admin"))
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
        (
            authorized(&format!("DPoP {good}")),
            "call BearerLayer::dpop",
        ),
    ] {
        service.clone().oneshot(request).await.unwrap();
        let written = log.take();
        assert!(written.contains("DEBUG tower_bearer::bearer"), "{written}");
        assert!(written.contains(kind), "{kind}: {written}");
        for part in good.split('.') {
            assert!(!written.contains(part), "{written}");
        }
    }
}
