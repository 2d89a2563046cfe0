//! What is logged of cookies. In a process of its own: `tracing` remembers who listens, per
//! process.
#![cfg(all(feature = "cookie", feature = "session", feature = "tracing"))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tests_shared::log::Log;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    bearer::BearerLayer,
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    endpoint::{EndpointOptions, Endpoints},
    session::{Grant, RefreshKey, Sessions},
    store::MemoryStore,
};

fn request(path: &str, cookies: &[&str], site: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("sec-fetch-site", site);
    let request = cookies
        .iter()
        .fold(request, |request, line| request.header("cookie", *line));
    request.body(Full::default()).unwrap()
}

#[tokio::test]
async fn refusals_are_logged_without_the_cookie() {
    let log = Log::listen();
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let (issuer, audience) = ("https://id.example", "https://api.example");
    let verifier = Verifier::new(issuer, audience, keys.verifying()).unwrap();
    let issuer = Issuer::new(issuer, audience, keys).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer, refresh_key, MemoryStore::new());
    let sessions = sessions.build().unwrap();
    let access = AccessCookie::new(CookieOptions::new()).unwrap();
    let refresh = RefreshCookie::new(&sessions, CookieOptions::new()).unwrap();
    let tokens = sessions.start(Grant::new("alice")).await.unwrap();
    let layer = BearerLayer::new(verifier)
        .sessions(&sessions)
        .access_cookie(&access);
    let service = ServiceBuilder::new()
        .layer(Endpoints::new(&sessions).options(EndpointOptions::new().refresh_cookie(&refresh)))
        .layer(layer)
        .service(service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));

    let access_line = format!("{}={}", access.name(), tokens.access_token.expose());
    let refresh_line = format!("{}={}", refresh.name(), tokens.refresh_token.expose());
    let elsewhere = "a request with a cookie comes from another origin";
    for (path, cookies, site, status, logged) in [
        ("/", [&*access_line, "a=b"], "same-origin", 200, ""),
        ("/", [&access_line, "a=b"], "cross-site", 403, elsewhere),
        (
            "/",
            [&access_line, &access_line],
            "none",
            400,
            "code=InvalidRequest",
        ),
        (
            "/token",
            [&refresh_line, "a=b"],
            "cross-site",
            403,
            elsewhere,
        ),
        ("/token", [&refresh_line, &refresh_line], "none", 400, ""),
        ("/token", [&refresh_line, "a=b"], "same-origin", 200, ""),
        // A redelivery is an event; it says nothing of the token either.
        (
            "/token",
            [&refresh_line, "a=b"],
            "same-origin",
            200,
            "neighbour",
        ),
        ("/revoke", [&refresh_line, "a=b"], "same-origin", 200, ""),
        (
            "/token",
            ["c=d", "a=b"],
            "same-origin",
            400,
            "a request brings no token",
        ),
    ] {
        let request = request(path, &cookies, site);
        let response = service.clone().oneshot(request).await.unwrap();
        let written = log.take();
        assert_eq!(response.status(), status, "{path} {site}: {written}");
        assert!(written.contains(logged), "{logged}: {written}");
        for token in [tokens.access_token.expose(), tokens.refresh_token.expose()] {
            for part in token.split('.') {
                assert!(!written.contains(part), "{written}");
            }
        }
    }
}
