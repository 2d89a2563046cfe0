//! Each metric counts what its name says.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_bearer::{
    AccessToken, CacheLimits, RefreshToken, Scope, Verifier,
    bearer::BearerLayer,
    clock::Timestamp,
    ring::{KeyEncryptionKey, KeyRing},
    session::{EndRequest, FeedOptions, ForeignTokens, Grant, RefreshRequest, Refusal, Takeover},
    store::{MemoryStore, StoreErrorKind},
    testing::Fault,
};

use crate::{
    scrape::{is, listen, value},
    support::*,
};

async fn call(layer: &BearerLayer, authorization: Option<&str>) -> StatusCode {
    let inner = service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let mut request = Request::new(Empty::new());
    if let Some(value) = authorization {
        request
            .headers_mut()
            .insert("authorization", value.parse().unwrap());
    }
    let mut service = layer.layer(inner);
    let answer = service.ready().await.unwrap().call(request).await;
    answer.unwrap().status()
}

fn bearer(token: &AccessToken) -> String {
    format!("Bearer {}", token.expose())
}

fn requests(labels: &str) -> String {
    format!("tower_bearer_requests_total{{{labels}}}")
}

#[tokio::test]
async fn requests_are_counted_by_verdict() {
    let (metrics, _guard) = listen();
    let world = world();
    let tokens = world.login().await;
    let token = bearer(&tokens.access_token);
    let any = BearerLayer::new(world.verifier()).sessions(&world.sessions);
    let admins = any.clone().require_scope(Scope::from_static("admin"));

    assert_eq!(call(&any, Some(&token)).await, StatusCode::OK);
    assert_eq!(call(&any, Some(&token)).await, StatusCode::OK);
    assert_eq!(call(&any.clone().optional(), None).await, StatusCode::OK);
    for (layer, sent) in [
        (&any, None),
        (&any, Some("Bearer a.b.c")),
        (&admins, Some(&*token)),
    ] {
        assert_ne!(call(layer, sent).await, StatusCode::OK);
    }
    world.sessions.end_all("anna").await.unwrap();
    assert_eq!(call(&any, Some(&token)).await, StatusCode::UNAUTHORIZED);
    world.wait(3600);
    let expired = BearerLayer::new(world.verifier());
    assert_eq!(call(&expired, Some(&token)).await, StatusCode::UNAUTHORIZED);

    is(&metrics, &requests(r#"verdict="accepted""#), 2.0);
    is(&metrics, &requests(r#"verdict="anonymous""#), 1.0);
    is(&metrics, &requests(r#"verdict="missing""#), 1.0);
    is(
        &metrics,
        &requests(r#"verdict="invalid",error_type="malformed""#),
        1.0,
    );
    is(
        &metrics,
        &requests(r#"verdict="invalid",error_type="expired""#),
        1.0,
    );
    is(
        &metrics,
        &requests(r#"verdict="insufficient",error_type="scope""#),
        1.0,
    );
    is(&metrics, &requests(r#"verdict="ended""#), 1.0);
    is(
        &metrics,
        &requests(r#"verdict="unavailable",error_type="session""#),
        0.0,
    );
}

#[tokio::test]
async fn a_request_whose_session_cannot_be_asked_about_is_unavailable() {
    let (metrics, _guard) = listen();
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let token = bearer(&world.login().await.access_token);
    let layer = BearerLayer::new(world.verifier()).check_live(&world.sessions);
    store.inject(down().times(1));
    assert_eq!(
        call(&layer, Some(&token)).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(call(&layer, Some(&token)).await, StatusCode::OK);
    is(
        &metrics,
        &requests(r#"verdict="unavailable",error_type="session""#),
        1.0,
    );
    is(&metrics, &requests(r#"verdict="accepted""#), 1.0);
}

#[tokio::test]
async fn refreshes_and_events_are_counted() {
    let (metrics, _guard) = listen();
    let world = world();
    let event = |labels: &str| format!("tower_bearer_session_events_total{{{labels}}}");
    let refresh = |labels: &str| format!("tower_bearer_refreshes_total{{{labels}}}");
    // An alert on the first theft needs to see that there was none.
    is(&metrics, &event(r#"kind="reused_older""#), 0.0);
    is(&metrics, &event(r#"kind="adopted""#), 0.0);

    let stolen = world.login().await;
    let second = rotate(&world, &stolen).await;
    world.present(&stolen.refresh_token).await.unwrap();
    world.wait(3600);
    rotate(&world, &second).await;
    refused(world.present(&stolen.refresh_token).await, Refusal::Reused);
    refused(world.present(&second.refresh_token).await, Refusal::Ended);
    let other = world.login().await;
    let by_admin = EndRequest::new("anna").by_admin();
    world.sessions.end(sid(&other), by_admin).await.unwrap();

    is(&metrics, &refresh(r#"verdict="rotated""#), 2.0);
    is(&metrics, &refresh(r#"verdict="redelivered""#), 1.0);
    is(
        &metrics,
        &refresh(r#"verdict="refused",error_type="reused""#),
        1.0,
    );
    is(
        &metrics,
        &refresh(r#"verdict="refused",error_type="ended""#),
        1.0,
    );
    is(&metrics, &event(r#"kind="started""#), 2.0);
    is(&metrics, &event(r#"kind="rotated""#), 2.0);
    is(&metrics, &event(r#"kind="neighbour""#), 1.0);
    is(&metrics, &event(r#"kind="reused_older""#), 1.0);
    is(&metrics, &event(r#"kind="ended",reason="reuse""#), 1.0);
    is(&metrics, &event(r#"kind="ended",reason="admin""#), 1.0);
}

/// Another program, which has every token.
struct Other;

impl ForeignTokens for Other {
    type Error = Infallible;

    async fn find(&self, _token: &RefreshToken) -> Result<Option<Grant>, Infallible> {
        Ok(Some(Grant::new("anna")))
    }

    async fn remove(&self, _token: &RefreshToken) -> Result<(), Infallible> {
        Ok(())
    }

    async fn remove_all(&self, _subject: &str) -> Result<(), Infallible> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_taken_over_is_one_refresh_whichever_way_it_comes() {
    let (metrics, _guard) = listen();
    let until = Timestamp::from_secs(i64::from(u32::MAX));
    let takeover = Takeover::new([6; 32], until, Other).unwrap();
    let world = world_with(|builder| builder.take_over(takeover));
    let one = RefreshToken::new("one");
    world.present(&one).await.unwrap();
    let two = RefreshRequest::new(RefreshToken::new("two"));
    world.sessions.adopt(two).await.unwrap();

    let rotated = r#"tower_bearer_refreshes_total{verdict="rotated"}"#;
    is(&metrics, rotated, 2.0);
    let adopted = r#"tower_bearer_session_events_total{kind="adopted"}"#;
    is(&metrics, adopted, 2.0);
}

#[tokio::test(start_paused = true)]
async fn operations_of_the_store_are_timed_and_those_that_fail_named() {
    let (metrics, _guard) = listen();
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| {
        builder.store_timeout(Duration::from_secs(5))
    });
    let count =
        |labels: &str| format!("tower_bearer_store_operation_duration_seconds_count{{{labels}}}");
    let tokens = world.login().await;
    let tokens = rotate(&world, &tokens).await;
    is(&metrics, &count(r#"operation="insert""#), 1.0);
    is(&metrics, &count(r#"operation="load""#), 1.0);
    is(&metrics, &count(r#"operation="swap""#), 1.0);

    store.inject(Fault::error(StoreErrorKind::Busy).times(1));
    unavailable(world.present(&tokens.refresh_token).await);
    is(
        &metrics,
        &count(r#"operation="load",error_type="busy""#),
        1.0,
    );
    store.inject(Fault::hang().times(1));
    unavailable(world.present(&tokens.refresh_token).await);
    is(
        &metrics,
        &count(r#"operation="load",error_type="timeout""#),
        1.0,
    );
    store.inject(Fault::hang().times(1));
    let impatient = world.present(&tokens.refresh_token);
    let hung_up = tokio::time::timeout(Duration::from_secs(1), impatient).await;
    assert!(hung_up.is_err());
    is(
        &metrics,
        &count(r#"operation="load",error_type="abandoned""#),
        1.0,
    );
    is(
        &metrics,
        &count(r#"operation="load",error_type="timeout""#),
        1.0,
    );
    is(&metrics, &count(r#"operation="load""#), 1.0);
    let refreshes = r#"tower_bearer_refreshes_total{verdict="unavailable"}"#;
    is(&metrics, refreshes, 2.0);
}

#[tokio::test]
async fn the_memory_for_tokens_says_how_full_it_is_and_how_often_it_helps() {
    let (metrics, _guard) = listen();
    let world = world();
    let tokens = [world.login().await, world.login().await];
    let look = |verifier: &Verifier, of: usize| {
        verifier.verify(tokens[of].access_token.expose()).unwrap();
    };
    let lookups =
        |result: &str| format!("tower_bearer_token_cache_lookups_total{{result=\"{result}\"}}");
    let verifier = world.verifier();
    let other = world.verifier();
    for of in [0, 0, 1, 0] {
        look(&verifier, of);
    }
    look(&other, 0);
    is(&metrics, &lookups("hit"), 2.0);
    is(&metrics, &lookups("miss"), 3.0);
    is(&metrics, "tower_bearer_token_cache_entries", 3.0);
    let size = value(&metrics, "tower_bearer_token_cache_size_bytes").unwrap();
    assert!((3000.0..100_000.0).contains(&size), "{size}");

    drop(other);
    is(&metrics, "tower_bearer_token_cache_entries", 2.0);
    let emptied = verifier.cache(CacheLimits::default());
    is(&metrics, "tower_bearer_token_cache_entries", 0.0);
    is(&metrics, "tower_bearer_token_cache_size_bytes", 0.0);
    drop(emptied);
}

#[tokio::test(start_paused = true)]
async fn a_feed_says_when_it_has_read_and_that_it_is_behind() {
    let (metrics, _guard) = listen();
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let feed = world.sessions.follow(FeedOptions::new()).unwrap();
    is(&metrics, "tower_bearer_feed_behind", 1.0);
    feed.caught_up().await;
    is(&metrics, "tower_bearer_feed_behind", 0.0);
    let read = value(&metrics, "tower_bearer_feed_last_read_time_seconds").unwrap();
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    assert!((now - 60.0..=now).contains(&read), "{read} {now}");

    store.inject(down());
    tokio::time::sleep(Duration::from_secs(10)).await;
    is(&metrics, "tower_bearer_feed_behind", 1.0);
}

#[tokio::test]
async fn a_ring_says_when_it_was_read() {
    let (metrics, _guard) = listen();
    let key = KeyEncryptionKey::from_secret([7; 32]).unwrap();
    let ring = KeyRing::builder(MemoryStore::new(), key);
    let ring = ring.open().await.unwrap();
    let last = || value(&metrics, "tower_bearer_key_ring_last_read_time_seconds").unwrap();
    let first = last();
    ring.read().await.unwrap();
    assert!(last() > first && first > 1e9);
}

#[tokio::test]
async fn the_time_of_the_key_moves_when_the_key_is_rolled_over() {
    let (metrics, _guard) = listen();
    let world = world();
    let since = "tower_bearer_signing_key_start_time_seconds";
    let first = value(&metrics, since).unwrap();
    world.login().await;
    assert_eq!(value(&metrics, since), Some(first));
    let next = tower_bearer::SigningKey::generate(tower_bearer::Algorithm::EdDSA).unwrap();
    world.sessions.issuer().keys().roll_over(next).unwrap();
    world.login().await;
    assert!(value(&metrics, since).unwrap() > first);
}
