//! One request that is checked in several places, and what else a token may be bound to.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use tests_shared::proofs::ProofKey;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    bearer::BearerLayer,
    dpop::{DpopErrorKind, DpopVerifier},
};

use crate::support::*;

/// The answer of a request that goes through these layers, the first of them first, to a handler that
/// asks these verifiers itself and counts how many have accepted the proof.
async fn through(
    layers: [BearerLayer; 3],
    request: Request<Full<Bytes>>,
    verifiers: &[&DpopVerifier],
) -> Answer {
    let verifiers: Vec<_> = verifiers.iter().map(|&verifier| verifier.clone()).collect();
    let handler = service_fn(move |request: Request<Full<Bytes>>| {
        let accepted = verifiers.iter().map(|dpop| dpop.verify(&request));
        let count = accepted
            .filter(|result| matches!(result, Ok(Some(_))))
            .count();
        async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(count.to_string()))) }
    });
    let [first, second, third] = layers;
    let service = first.layer(second.layer(third.layer(handler)));
    Answer::of(service.oneshot(request).await.unwrap()).await
}

/// As nested routers have them.
#[tokio::test]
async fn a_proof_is_good_for_all_layers_of_a_request_and_for_no_other_request() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let proof = world.for_me(&key, token).sign();
    let others = world.dpop.clone().require();
    let layers = || {
        let scoped = world.layer().require_scope("read".parse().unwrap());
        // A verifier with settings of its own has a memory of its own.
        [world.layer(), world.layer().dpop(&others), scoped]
    };
    let handlers = [&world.dpop, &world.dpop, &others];
    let answer = through(layers(), me(token, &proof), &handlers).await;
    assert_eq!(answer.ok().body, "3", "the handler may ask as well");
    for layers in [layers(), layers().map(|layer| layer.dpop(&others))] {
        let again = through(layers, me(token, &proof), &[]).await;
        again.refused(401, "invalid_dpop_proof");
    }
}

/// The note of one proof is for no other that is put in its place.
#[tokio::test]
async fn another_proof_is_judged_by_itself() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let (used, fresh) = (
        world.for_me(&key, token).sign(),
        world.for_me(&key, token).sign(),
    );
    world.me(token, &used).await.ok();
    let inner = world.layer();
    let swap = service_fn(move |mut request: Request<Full<Bytes>>| {
        request.headers_mut().insert("dpop", used.parse().unwrap());
        let handler = service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        inner.layer(handler).oneshot(request)
    });
    let answer = world.layer().layer(swap).oneshot(me(token, &fresh)).await;
    Answer::of(answer.unwrap())
        .await
        .refused(401, "invalid_dpop_proof");
}

/// Nothing is noted with a request that only a handler has checked: it may come twice.
#[tokio::test]
async fn a_handler_alone_accepts_a_proof_once() {
    let (world, key) = (world(), ProofKey::es256());
    let proof = world
        .proof(&key, "POST", "https://api.example/login")
        .sign();
    let request = Request::post("/login").header("dpop", proof);
    let request = request.body(()).unwrap();
    assert!(world.dpop.verify(&request).unwrap().is_some());
    let error = world.dpop.verify(&request).unwrap_err();
    assert_eq!(error.kind(), DpopErrorKind::Replayed);
}

/// The proof says nothing of the certificate (RFC 8705) that the token is bound to as well.
#[tokio::test]
async fn a_token_that_is_bound_to_more_than_the_key() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let mut claims = world.claims(tokens.access_token.expose());
    let jkt = key.thumbprint();
    for (cnf, status) in [
        (json!({ "jkt": jkt }), 200),
        (
            json!({ "jkt": jkt, "x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" }),
            401,
        ),
        (json!({ "jkt": jkt, "jwk": ProofKey::es256().jwk() }), 401),
        (json!({ "jkt": jkt, "kid": "1" }), 401),
    ] {
        claims.cnf = Some(serde_json::from_value(cnf.clone()).unwrap());
        let token = world.issuer.sign(&claims).unwrap();
        let token = token.expose();
        // The second time it comes out of the verifier's cache.
        for _ in 0..2 {
            let answer = world.me_by(token, &key).await;
            assert_eq!(answer.status.as_u16(), status, "{cnf}");
            if status == 401 {
                answer.refused(401, "invalid_token");
            }
        }
        let lenient = world.layer().danger_accept_bound_tokens_without_proof();
        let proof = world.for_me(&key, token).sign();
        let answer = world.ask(lenient, me(token, &proof)).await;
        assert_eq!(answer.status, StatusCode::OK, "{cnf}");
    }
}
