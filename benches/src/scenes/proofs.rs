//! Requests with a proof that the sender holds the key of its token (RFC 9449).

use std::time::Duration;

use http::{HeaderValue, Method, Request, Uri};
use tower::Layer;
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    bearer::BearerLayer,
    claims::Confirmation,
    clock::{Clock, ManualClock, SystemClock},
    dpop::{DpopKey, DpopVerifier},
};

use super::Scene;
use crate::{
    stacks::{Inner, call},
    tokens::{AUDIENCE, ISSUER, verifier},
};

/// More proofs than are remembered, so that one is new again when its turn comes.
const PROOFS: usize = 500;
const REMEMBERED: usize = 100;

pub(super) fn scenes() -> [Scene; 2] {
    [Algorithm::ES256, Algorithm::EdDSA].map(scene)
}

fn scene(algorithm: Algorithm) -> Scene {
    let clock = ManualClock::new(SystemClock.now());
    let key = SigningKey::generate(algorithm).expect("a key");
    let key = DpopKey::from_signing_key(key).expect("a pair");
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).expect("a key"));
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).expect("both have names");
    let mut claims = issuer.claims("user", clock.now(), Duration::from_secs(3600));
    claims.cnf = Some(Confirmation::with_jkt(key.thumbprint().clone()));
    let token = issuer.sign(&claims).expect("it can be signed");
    let text = token.expose();
    let authorization = HeaderValue::from_str(&format!("DPoP {text}")).expect("plain");
    let url = Uri::from_static("https://api.example/");
    let proof = || {
        key.proof(&Method::GET, &url)
            .access_token(text)
            .at(clock.now())
    };
    let proofs: Vec<_> = (0..PROOFS)
        .map(|_| proof().sign().expect("a proof"))
        .collect();
    let dpop = DpopVerifier::new(AUDIENCE).expect("an address");
    let dpop = dpop.clock(clock).replay_limit(REMEMBERED);
    let mut service = BearerLayer::new(verifier(&keys)).dpop(&dpop).layer(Inner);
    Scene::in_turn(format!("proof/{algorithm}"), proofs, move |proof| {
        let mut request = Request::new(());
        let headers = request.headers_mut();
        headers.insert("authorization", authorization.clone());
        headers.insert("dpop", proof.clone());
        assert!(call(&mut service, request).status().is_success());
    })
}
