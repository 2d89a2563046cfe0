//! What a process that refuses many tells its clients. In a process of its own: all that it refuses counts.
#![cfg(feature = "session")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    convert::Infallible,
    io,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use tests_shared::tokens::{Tokens, bearer};
use tokio::time::sleep;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SessionId, SigningKey, VerifiedToken,
    bearer::{Admission, BearerLayer, Rejection, SessionGuard, Unavailable},
    context::RequestHead,
    endpoint::TokenEndpoint,
    error::TokenError,
    session::{Grant, RefreshKey, Sessions},
    store::{
        MemoryStore, SessionStore,
        service::{ServiceStore, StoreRequest, StoreResponse, StoreService},
    },
};

/// Longer than it takes by far.
const PATIENCE: Duration = Duration::from_secs(120);

fn sessions<St: SessionStore>(store: St) -> Sessions {
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    let issuer = Issuer::new(
        "https://id.example",
        "https://api.example",
        KeySet::new(key),
    );
    let key = RefreshKey::from_secret([7; 32]).unwrap();
    Sessions::builder(issuer.unwrap(), key, store)
        .build()
        .unwrap()
}

/// Presents the token where the store is down, and gives the seconds to wait.
async fn refresh(down: &Sessions, token: &str) -> u32 {
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let request = Request::post("/")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::<Bytes>::from(form))
        .unwrap();
    let endpoint = TokenEndpoint::new(down.clone());
    let answer = endpoint.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    number(answer.headers(), "retry-after")
}

#[track_caller]
fn number(headers: &HeaderMap, name: &str) -> u32 {
    let text = headers[name].to_str().unwrap();
    text.parse().unwrap()
}

/// A guard that cannot tell anything.
#[derive(Clone)]
struct Lost;

impl SessionGuard for Lost {
    fn admit(&self, _: &VerifiedToken, _: RequestHead<'_>) -> Admission {
        Admission::Unavailable
    }

    async fn is_live(&self, _: SessionId) -> Result<bool, Unavailable> {
        Err(Unavailable)
    }
}

#[tokio::test]
async fn the_pause_grows_with_what_the_process_refuses_and_shrinks_again() {
    tokens_of_made_up_keys_count_for_nothing();
    let store = MemoryStore::new();
    let tokens = sessions(store.clone()).start(Grant::new("anna")).await;
    let token = tokens.unwrap().refresh_token;
    let broken = service_fn(async |_: StoreRequest| Err::<StoreResponse, _>(io::Error::other("")));
    let down = sessions(ServiceStore::new(broken));

    for _ in 0..100 {
        assert_eq!(refresh(&down, token.expose()).await, 1, "these are few");
    }
    let start = Instant::now();
    let mut longest = 1;
    while longest <= 5 {
        let told = refresh(&down, token.expose()).await;
        assert!((1..=120).contains(&told), "{told}");
        longest = longest.max(told);
        assert!(start.elapsed() < PATIENCE, "it never grows");
    }
    a_layer_follows_as_far_as_is_good_for_a_call(&down, token.expose()).await;
    a_rotation_in_doubt_comes_back_within_the_window(&down, token.expose(), &store).await;

    // One at a time is few again.
    let mut of_a_second = 0;
    while of_a_second < 20 {
        of_a_second = match refresh(&down, token.expose()).await {
            1 => of_a_second + 1,
            _ => 0,
        };
        sleep(Duration::from_millis(50)).await;
        assert!(start.elapsed() < PATIENCE, "it never shrinks");
    }
}

/// However many come, and for longer than it takes for the limit to grow.
fn tokens_of_made_up_keys_count_for_nothing() {
    let undecided = Rejection::from(TokenError::Unavailable);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(3_500) {
        let answer = undecided.to_response();
        assert_eq!(number(answer.headers(), "retry-after"), 1);
    }
}

/// Refuses so many that the limit is above what layers tell.
async fn many_are_refused(down: &Sessions, token: &str) {
    let start = Instant::now();
    while refresh(down, token).await <= 5 {
        assert!(start.elapsed() < PATIENCE, "it does not stay");
    }
}

/// The answer to the swap is lost, and the client must not come when the window has passed.
async fn a_rotation_in_doubt_comes_back_within_the_window(
    down: &Sessions,
    token: &str,
    store: &MemoryStore,
) {
    let inner = StoreService::new(store.clone());
    let deaf = service_fn(move |request: StoreRequest| {
        let inner = inner.clone();
        async move {
            match request {
                StoreRequest::Swap { .. } => Err("no answer".into()),
                other => inner.oneshot(other).await.map_err(BoxError::from),
            }
        }
    });
    let deaf = sessions(ServiceStore::new(deaf));
    let mut longest = 1;
    for _ in 0..50 {
        many_are_refused(down, token).await;
        longest = longest.max(refresh(&deaf, token).await);
    }
    assert!(
        (2..=5).contains(&longest),
        "half of 10 s, and not {longest} s"
    );
}

/// It belongs to the same process, and gRPC's header is of the same draw as `Retry-After`.
async fn a_layer_follows_as_far_as_is_good_for_a_call(down: &Sessions, token: &str) {
    let tokens = Tokens::new();
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Bytes::new())));
    let layer = BearerLayer::new(tokens.verifier.clone()).sessions(&Lost);
    let service = layer.layer(inner);
    let mut longest = 1;
    for _ in 0..50 {
        many_are_refused(down, token).await;
        let (mut head, body) =
            bearer(&tokens.with_sid("0190d0c8-5c00-7000-8000-000000000001")).into_parts();
        head.method = http::Method::POST;
        head.headers
            .insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
        let request = Request::from_parts(head, body);
        let answer = service.clone().oneshot(request).await.unwrap();
        let told = number(answer.headers(), "retry-after");
        let millis = number(answer.headers(), "grpc-retry-pushback-ms");
        assert_eq!(millis, 1000 * told);
        longest = longest.max(told);
    }
    assert!((2..=5).contains(&longest), "{longest}");
}
