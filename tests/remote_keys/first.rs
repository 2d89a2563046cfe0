//! Before there are keys: 503 with Retry-After, and never 401.

use std::time::Duration;

use tests_shared::issuer::{IssuerServer, KEYS, METADATA, Signer};
use tower_bearer::{
    error::TokenError,
    remote::{RemoteKeys, RemoteKeysErrorKind as Kind},
    testing::Answer,
};

use crate::support::{discovered, status, until, verifier};

#[tokio::test]
async fn without_keys_a_token_gets_a_503_and_not_a_401() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.answer(METADATA, Answer::status(500));
    let keys = discovered(&server).start().unwrap();
    let verifier = verifier(&server, &keys);
    until(|| keys.status().failures() > 0).await;
    for token in [good.token(), Signer::new(&server.url()).token()] {
        assert_eq!(status(&verifier, &token).await, 503);
        assert_eq!(
            verifier.verify(&token).unwrap_err(),
            TokenError::Unavailable
        );
    }
    assert_eq!(
        status(&verifier, "no.such.token").await,
        401,
        "no key would help"
    );

    let of_another = Signer::new(&format!("{}/", server.url())).token();
    assert_eq!(status(&verifier, &of_another).await, 401, "nor here");
    assert_eq!(
        verifier.verify(&of_another).unwrap_err(),
        TokenError::Issuer
    );

    server.answer(METADATA, Answer::json(server.metadata()));
    server.publish(&[&good]);
    until(|| keys.status().keys() > 0).await;
    assert_eq!(status(&verifier, &good.token()).await, 200);
    let before = Signer::new(&server.url()).token_of(tower_bearer::clock::Timestamp::from_secs(1));
    assert_eq!(status(&verifier, &before).await, 401, "now it is known");
}

#[tokio::test]
async fn the_first_requests_wait_for_the_first_fetch() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let keys = discovered(&server).start().unwrap();
    let verifier = verifier(&server, &keys);
    let many = (0..50).map(|_| {
        let (verifier, token) = (verifier.clone(), good.token());
        tokio::spawn(async move { status(&verifier, &token).await })
    });
    for answer in many.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert_eq!((server.asked(METADATA), server.asked(KEYS)), (1, 1));
}

#[tokio::test]
async fn fetch_fails_where_the_first_fetch_does() {
    let server = IssuerServer::start().await;
    let error = discovered(&server).fetch().await.unwrap_err();
    assert_eq!(error.kind(), Kind::NoUsableKey);
    let shown = format!("{error}");
    assert!(
        shown.contains("no key of the set can be used") && shown.contains(KEYS),
        "{shown}"
    );
    let asked = server.asked_in_all();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(server.asked_in_all(), asked, "the task is gone");
}

#[tokio::test]
async fn what_was_configured_wrongly_is_told_by_fetch_too() {
    let error = RemoteKeys::discover("http://id.example", crate::support::http())
        .fetch()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("is not https"), "{cause}");
}
