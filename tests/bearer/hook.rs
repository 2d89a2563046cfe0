//! The application's own answers to refused requests.

use bytes::Bytes;
use http::{Method, Response, header::WWW_AUTHENTICATE};
use tower_bearer::{
    bearer::{BearerLayer, Realm, Rejection},
    error::{ErrorCode, TokenError},
};

use crate::{
    challenge, refused,
    tokens::{LIFETIME, Tokens, bare, bearer},
};

fn teapot(_: &Rejection) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"teapot"));
    *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
    response
}

#[tokio::test]
async fn the_hook_answers_and_the_layer_completes() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone()).realm(Realm::from_static("pot"));
    let answer = refused(
        layer.on_rejection(|rejection, _| teapot(rejection)),
        bare(),
        418,
    )
    .await;
    assert_eq!(answer.body(), "teapot");
    assert_eq!(challenge(answer.headers()), r#"Bearer realm="pot""#);
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn what_the_hook_says_stays() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone()).on_rejection(|rejection, _| {
        let mut response = teapot(rejection);
        for (name, value) in [("www-authenticate", "Tea"), ("cache-control", "private")] {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    });
    let answer = refused(layer, bare(), 418).await;
    assert_eq!(answer.headers().get_all(WWW_AUTHENTICATE).iter().count(), 1);
    assert_eq!(challenge(answer.headers()), "Tea");
    assert_eq!(answer.headers()["cache-control"], "private");
}

#[tokio::test]
async fn the_hook_learns_the_cause() {
    let tokens = Tokens::new();
    let layer = BearerLayer::new(tokens.verifier.clone()).on_rejection(|rejection, _| {
        let told = format!("{:?} {:?}", rejection.code(), rejection.cause());
        Response::new(told.into())
    });
    let told = |code, cause: Option<TokenError>| format!("{code:?} {cause:?}");

    let answer = refused(layer.clone(), bare(), 200).await;
    assert_eq!(*answer.body(), told(ErrorCode::MissingToken, None));

    let answer = refused(layer.clone(), bearer("a.b.c"), 200).await;
    assert_eq!(
        *answer.body(),
        told(ErrorCode::InvalidToken, Some(TokenError::Malformed))
    );

    // The length is looked at before the characters are.
    for (length, cause) in [(8_192, None), (8_193, Some(TokenError::TooLong))] {
        let answer = refused(layer.clone(), bearer(&",".repeat(length)), 200).await;
        assert_eq!(*answer.body(), told(ErrorCode::InvalidRequest, cause));
    }

    let token = tokens.plain();
    tokens.clock.advance(2 * LIFETIME);
    let answer = refused(layer, bearer(&token), 200).await;
    assert_eq!(
        *answer.body(),
        told(ErrorCode::InvalidToken, Some(TokenError::Expired))
    );
}

#[tokio::test]
async fn head_drops_the_hooks_body_too() {
    let tokens = Tokens::new();
    let mut request = bare();
    *request.method_mut() = Method::HEAD;
    let layer =
        BearerLayer::new(tokens.verifier.clone()).on_rejection(|rejection, _| teapot(rejection));
    let answer = refused(layer, request, 418).await;
    assert_eq!(answer.body(), "");
    assert_eq!(answer.headers()["content-length"], "6");
}
