//! The proof of a login, which the application checks itself.

use http::Request;
use tests_shared::proofs::ProofKey;
use tower_bearer::{
    claims::KeyThumbprint,
    dpop::{DpopError, DpopErrorKind},
    error::ErrorCode,
};

use crate::support::*;

const LOGIN: &str = "https://api.example/login";

fn request(proof: Option<&str>) -> Request<()> {
    let request = Request::post("/login?next=%2Fme");
    match proof {
        Some(proof) => request.header("dpop", proof).body(()).unwrap(),
        None => request.body(()).unwrap(),
    }
}

#[track_caller]
fn refused(result: Result<Option<tower_bearer::dpop::KeyProof>, DpopError>, kind: DpopErrorKind) {
    assert_eq!(result.unwrap_err().kind(), kind);
}

#[tokio::test]
async fn a_login_with_a_proof_and_one_without() {
    let (world, key) = (world(), ProofKey::es256());
    assert_eq!(world.dpop.verify(&request(None)).unwrap(), None);
    let proof = world.proof(&key, "POST", LOGIN).sign();
    // The parts of a request are as good as the request.
    let (parts, ()) = request(Some(&proof)).into_parts();
    let proved = world.dpop.verify(&parts).unwrap().unwrap();
    assert_eq!(proved.thumbprint().to_string(), key.thumbprint());
    refused(world.dpop.verify(&parts), DpopErrorKind::Replayed);

    let required = world.dpop.clone().require();
    refused(required.verify(&request(None)), DpopErrorKind::Missing);
    let proof = world.proof(&key, "POST", LOGIN).sign();
    assert!(required.verify(&request(Some(&proof))).unwrap().is_some());
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let (world, key) = (world(), ProofKey::es256());
    let proof = world.proof(&key, "POST", ME).sign();
    let error = world.dpop.verify(&request(Some(&proof))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidDpopProof);
    assert!(!error.to_string().contains(&proof));
    Answer::of(error.to_response().map(http_body_util::Full::new))
        .await
        .refused(400, "invalid_dpop_proof");

    let asks = world.dpop.clone().nonces(&secret());
    let proof = world.proof(&key, "POST", LOGIN);
    let error = asks.verify(&request(Some(&proof.sign()))).unwrap_err();
    assert_eq!(error.kind(), DpopErrorKind::NonceMissing);
    let answer = Answer::of(error.to_response().map(http_body_util::Full::new)).await;
    let nonce = answer
        .refused(400, "use_dpop_nonce")
        .nonce()
        .unwrap()
        .to_owned();
    assert_eq!(error.nonce().unwrap(), nonce.as_str());
    assert!(
        asks.verify(&request(Some(&proof.nonce(&nonce).sign())))
            .unwrap()
            .is_some()
    );
    assert!(asks.nonce().is_some() && world.dpop.nonce().is_none());
}

/// An authorization request has named the key (RFC 9449 §10), so that no other can be bound.
#[tokio::test]
async fn the_key_of_an_authorization_request() {
    let (world, key) = (world(), ProofKey::es256());
    let dpop_jkt: KeyThumbprint = key.thumbprint().parse().unwrap();
    for (key, is_same) in [(&key, true), (&ProofKey::es256(), false)] {
        let proof = world.proof(key, "POST", LOGIN).sign();
        let proved = world.dpop.verify(&request(Some(&proof))).unwrap().unwrap();
        assert_eq!(*proved.thumbprint() == dpop_jkt, is_same);
    }
}

#[test]
fn nothing_secret_is_shown() {
    let dpop = world().dpop.nonces(&secret()).require_for(["app"]);
    let shown = format!("{dpop:?} {:?}", secret());
    assert!(
        !shown.contains("9, 9") && shown.contains("NonceSecret(…)"),
        "{shown}"
    );
}

#[test]
fn settings_that_cannot_be_used() {
    use std::time::Duration;
    use tower_bearer::{
        dpop::{DpopVerifier, NonceSecret},
        error::ConfigErrorKind,
    };

    for address in [
        "",
        "api.example",
        "ftp://a",
        "https://a/?q",
        "https://a/#f",
        "https://u@a",
        "https://",
    ] {
        let error = DpopVerifier::new(address).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Url, "{address}");
    }
    let dpop = DpopVerifier::new(API).unwrap();
    assert!(dpop.clone().also_at("x").is_err());
    for window in [Duration::ZERO, Duration::from_secs(301)] {
        let error = dpop.clone().window(window).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Lifetime);
    }
    dpop.window(Duration::from_secs(300)).unwrap();
    assert!(NonceSecret::from_secret([7; 31]).is_err());
    NonceSecret::generate().unwrap();
}
