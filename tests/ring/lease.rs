//! What a server may do that cannot read the ring.

use http::{Request, header::CACHE_CONTROL};
use tower::ServiceExt;
use tower_bearer::{endpoint::JwksEndpoint, jws::SignErrorKind, ring::KeyRingBuilder};

use crate::support::{API, Database, EVERY, ISSUER, LEASE, Node, SIGN_FOR, kid, secs};
use tower_bearer::{Issuer, clock::Clock, error::TokenError};

#[tokio::test(start_paused = true)]
async fn it_signs_until_its_lease_ends_and_verifies_on() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let token = node.token();
    node.connection.cut(true);
    database.pass(LEASE - secs(1)).await;
    node.token();
    database.pass(secs(2)).await;
    assert!(node.sign().is_none());
    assert!(node.accepts(&token));
    let issuer = Issuer::new(ISSUER, API, node.ring.keys()).unwrap();
    let claims = issuer.claims("anna", database.clock.now(), secs(10));
    let error = issuer.sign(&claims).unwrap_err();
    assert_eq!(*error.kind(), SignErrorKind::NoKey);

    node.connection.cut(false);
    database.pass(EVERY).await;
    node.token();
}

#[tokio::test(start_paused = true)]
async fn after_a_long_sleep_it_signs_by_the_key_of_that_time_only() {
    let database = Database::new();
    let (awake, asleep) = (Node::start(&database).await, Node::start(&database).await);
    asleep.connection.cut(true);
    for _ in 0..SIGN_FOR.as_secs() * 3 / EVERY.as_secs() {
        database.pass(EVERY).await;
        assert!(asleep.sign().is_none_or(|token| awake.accepts(&token)));
    }
    assert!(asleep.sign().is_none());
    asleep.connection.cut(false);
    asleep.ring.read_now();
    database.pass(secs(0)).await;
    assert_eq!(kid(&asleep.token()), kid(&awake.token()));
}

#[tokio::test(start_paused = true)]
async fn it_does_not_refuse_the_token_of_a_key_that_it_may_have_missed() {
    let database = Database::new();
    let (awake, asleep) = (Node::start(&database).await, Node::start(&database).await);
    let unknown = Node::start(&Database::new()).await.token();
    asleep.connection.cut(true);
    for _ in 0..SIGN_FOR.as_secs() * 2 / EVERY.as_secs() {
        database.pass(EVERY).await;
    }
    let token = awake.token();
    assert_eq!(asleep.verdict(&token), Err(TokenError::Unavailable));
    assert_eq!(asleep.verdict(&unknown), Err(TokenError::Unavailable));
    asleep.connection.cut(false);
    asleep.ring.read_now();
    database.pass(secs(0)).await;
    assert_eq!(asleep.verdict(&token), Ok(()));
    assert_eq!(asleep.verdict(&unknown), Err(TokenError::UnknownKey));
}

#[tokio::test(start_paused = true)]
async fn nobody_may_keep_the_key_set_for_longer_than_a_key_is_published() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let endpoint = JwksEndpoint::new(node.ring.keys().verifying());
    let brief = endpoint.clone().max_age(secs(5));
    assert_eq!(cached(&endpoint).await, "public, max-age=20");
    assert_eq!(cached(&brief).await, "public, max-age=5, stale-if-error=15");
    node.connection.cut(true);
    database.pass(LEASE + secs(1)).await;
    assert_eq!(cached(&endpoint).await, "public, max-age=0");
    assert_eq!(cached(&brief).await, "public, max-age=0");

    // With more than a minute of it, half a minute is left to readers that ask no more often.
    let longer = |builder: KeyRingBuilder| {
        let builder = builder.sign_for(secs(200));
        builder.publish_for(LEASE + secs(100))
    };
    let node = Node::start_with(&Database::new(), longer).await;
    let endpoint = JwksEndpoint::new(node.ring.keys().verifying());
    assert_eq!(cached(&endpoint).await, "public, max-age=70");
}

/// What the endpoint tells caches.
async fn cached(endpoint: &JwksEndpoint) -> String {
    let answer = endpoint.clone().oneshot(Request::new(())).await.unwrap();
    let value = &answer.headers()[CACHE_CONTROL];
    value.to_str().unwrap().to_owned()
}
