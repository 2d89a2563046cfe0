//! What the inner service finds in the request.

use http::{HeaderValue, header::AUTHORIZATION};
use tests_shared::tokens::{Tokens, authorized, bare, bearer};
use tower_bearer::{VerifiedToken, bearer::BearerLayer};

use crate::{passed, user};

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone())
}

/// A token of bob's, as an earlier layer could have left it.
fn stale(tokens: &Tokens) -> VerifiedToken {
    let mut claims = tokens.claims();
    claims.sub = "bob".into();
    tokens.verifier.verify(&tokens.sign(&claims)).unwrap()
}

#[tokio::test]
async fn the_verified_token_is_there() {
    let tokens = Tokens::new();
    let seen = passed(layer(&tokens), bearer(&tokens.scoped("read"))).await;
    let token = seen.extensions().get::<VerifiedToken>().unwrap();
    assert_eq!(token.claims().sub, "alice");
    assert!(token.claims().scope.contains("read"));
}

#[tokio::test]
async fn a_token_of_an_earlier_layer_is_replaced() {
    let tokens = Tokens::new();
    let mut request = bearer(&tokens.plain());
    request.extensions_mut().insert(stale(&tokens));
    let seen = passed(layer(&tokens), request).await;
    assert_eq!(user(&seen), "alice");
}

#[tokio::test]
async fn a_token_of_an_earlier_layer_is_removed() {
    let tokens = Tokens::new();
    let mut request = bare();
    request.extensions_mut().insert(stale(&tokens));
    let seen = passed(layer(&tokens).optional(), request).await;
    assert!(seen.extensions().get::<VerifiedToken>().is_none());
}

#[tokio::test]
async fn the_header_stays_and_is_sensitive() {
    let tokens = Tokens::new();
    for request in [bearer(&tokens.plain()), authorized("Basic YTpi")] {
        let sent = request.headers()[AUTHORIZATION].clone();
        let seen = passed(layer(&tokens).optional(), request).await;
        let value: &HeaderValue = &seen.headers()[AUTHORIZATION];
        assert_eq!(value, sent);
        assert!(value.is_sensitive());
        assert!(!format!("{:?}", seen.headers()).contains(sent.to_str().unwrap()));
    }
}
