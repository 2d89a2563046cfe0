//! The issuer's keys roll over, and it has the faults that it is told to have, as an application sees it.

use std::time::Duration;

use http::HeaderMap;
use tower_bearer::{
    Verifier,
    error::TokenError,
    remote::{HttpClient, RemoteKeys},
    testing::{Answer, FakeIssuer},
};

const AUDIENCE: &str = "https://api.example";
/// Longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An issuer, and an application that trusts it.
async fn pair() -> (FakeIssuer, Verifier) {
    let issuer = FakeIssuer::start(AUDIENCE).await;
    let verifier = trusting(&issuer);
    (issuer, verifier)
}

fn trusting(issuer: &FakeIssuer) -> Verifier {
    let keys = RemoteKeys::discover(issuer.url(), HttpClient::new().unwrap())
        .danger_allow_plain_http()
        .timeout(PATIENCE)
        .wait_timeout(PATIENCE)
        .start()
        .unwrap();
    Verifier::new(issuer.url(), AUDIENCE, keys).unwrap()
}

async fn passes(verifier: &Verifier, issuer: &FakeIssuer) -> Result<(), TokenError> {
    let token = issuer.token("alice").sign();
    verifier.authenticate(token.expose()).await.map(drop)
}

#[tokio::test]
async fn tokens_pass_and_new_keys_are_fetched() {
    let (issuer, verifier) = pair().await;
    assert_eq!(passes(&verifier, &issuer).await, Ok(()));
    let before = issuer.token("alice").sign();
    let asked = issuer.asked(FakeIssuer::KEYS);
    assert_eq!(asked, 1);
    issuer.roll_over();
    assert_eq!(passes(&trusting(&issuer), &issuer).await, Ok(()));
    assert!(
        trusting(&issuer)
            .authenticate(before.expose())
            .await
            .is_ok()
    );
    issuer.retire_old_keys();
    assert_eq!(passes(&trusting(&issuer), &issuer).await, Ok(()));
    let old = trusting(&issuer).authenticate(before.expose()).await;
    assert_eq!(old.unwrap_err(), TokenError::UnknownKey);
}

#[tokio::test]
async fn a_key_that_is_not_published_is_not_known() {
    let (issuer, verifier) = pair().await;
    issuer.roll_over_unpublished();
    assert_eq!(
        passes(&verifier, &issuer).await,
        Err(TokenError::UnknownKey)
    );
    issuer.publish();
    assert_eq!(passes(&trusting(&issuer), &issuer).await, Ok(()));
}

#[tokio::test]
async fn who_knows_the_keys_goes_on_while_the_issuer_is_down() {
    let (issuer, verifier) = pair().await;
    assert_eq!(passes(&verifier, &issuer).await, Ok(()));
    issuer.go_down();
    assert_eq!(passes(&verifier, &issuer).await, Ok(()));
    let newcomer = trusting(&issuer);
    assert_eq!(
        passes(&newcomer, &issuer).await,
        Err(TokenError::Unavailable)
    );
    issuer.come_back();
    assert_eq!(passes(&trusting(&issuer), &issuer).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_answers_what_it_is_told_to() {
    let (issuer, _) = pair().await;
    let get = async |path: &str| {
        let client =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
                .build_http::<http_body_util::Empty<bytes::Bytes>>();
        client
            .get(format!("{}{path}", issuer.url()).parse().unwrap())
            .await
    };
    assert_eq!(get("/nothing").await.unwrap().status(), 404);
    issuer.answer("/odd", Answer::status(418));
    assert_eq!(get("/odd").await.unwrap().status(), 418);
    issuer.answer("/odd", Answer::Cut);
    assert!(get("/odd").await.is_err());
    let mut headers = HeaderMap::new();
    headers.append("cache-control", "max-age=9".parse().unwrap());
    headers.append("cache-control", "public".parse().unwrap());
    issuer.headers(headers);
    let metadata = get(FakeIssuer::OAUTH_METADATA).await.unwrap();
    let cache: Vec<_> = metadata.headers().get_all("cache-control").iter().collect();
    assert_eq!(cache, ["max-age=9", "public"]);
    assert_eq!(issuer.asked("/odd"), 2);
    assert_eq!(
        issuer.last_request().unwrap().uri,
        FakeIssuer::OAUTH_METADATA
    );
}

#[tokio::test]
#[should_panic = "1999 is no status of HTTP"]
async fn a_status_that_there_is_not_is_told_to_the_test() {
    let issuer = FakeIssuer::start(AUDIENCE).await;
    issuer.answer("/odd", Answer::status(1_999));
}

#[tokio::test]
#[should_panic = "no value of a header"]
async fn an_address_that_no_header_can_have_is_told_to_the_test() {
    let issuer = FakeIssuer::start(AUDIENCE).await;
    issuer.answer("/odd", Answer::Redirect("/\n".to_owned()));
}
