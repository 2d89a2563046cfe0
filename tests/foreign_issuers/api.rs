//! The API that takes the tokens.

use std::time::Duration;

use axum::{Json, Router, body::Body, routing::get};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::sleep;
use tower::ServiceExt;
use tower_bearer::{Claims, Verifier, bearer::BearerLayer};

/// A route behind the layer.
#[derive(Clone)]
pub(crate) struct Api(Router);

impl Api {
    pub(crate) fn new(verifier: Verifier) -> Self {
        let me = get(async |claims: Claims| Json(claims));
        let layer = BearerLayer::new(verifier);
        Self(Router::new().route("/me", me).route_layer(layer))
    }

    async fn answer(&self, token: &str) -> Response<Body> {
        let request = Request::get("/me")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        self.0.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn status(&self, token: &str) -> StatusCode {
        self.answer(token).await.status()
    }

    /// The claims that the route gets.
    pub(crate) async fn claims(&self, token: &str) -> Value {
        let (head, body) = self.answer(token).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(head.status, StatusCode::OK, "{head:?} {body:?}");
        serde_json::from_slice(&body).unwrap()
    }

    /// Does what an honest client does: comes again when it is told to, a few times. Gives the last
    /// status, and how often it had to.
    pub(crate) async fn status_at_last(&self, token: &str) -> (StatusCode, usize) {
        for waits in 0..5 {
            let answer = self.answer(token).await;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                return (answer.status(), waits);
            }
            let pause = answer.headers()["retry-after"].to_str().unwrap();
            sleep(Duration::from_secs(pause.parse().unwrap())).await;
        }
        (StatusCode::SERVICE_UNAVAILABLE, 5)
    }
}
