//! Opaque tokens beside JWTs, and opaque tokens that are bound to a key.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tests_shared::proofs::ProofKey;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, VerifiedToken, Verifier, bearer::BearerLayer,
    clock::Clock, dpop::DpopVerifier, error::TokenError,
};

use crate::support::*;

#[tokio::test]
async fn jwts_are_verified_here_and_all_others_are_asked_about() {
    let server = Server::start().await;
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
    let World { clock, .. } = server.world();
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
    let verifier = verifier
        .opaque_tokens(server.builder().build().unwrap())
        .clock(clock.clone());
    let claims = issuer.claims("anna", clock.now(), Duration::from_secs(60));
    let jwt = issuer.sign(&claims).unwrap();
    let verified = verifier.authenticate(jwt.expose()).await.unwrap();
    assert_eq!(verified.claims().sub, "anna");
    // Whatever looks like a JWT is not asked about, however bad it is.
    let forged = &jwt.expose()[..jwt.expose().len() - 2];
    for bad in [forged, "a.b.c", ".."] {
        assert!(verifier.authenticate(bad).await.is_err());
    }
    server.times(0);
    for (asked, opaque) in ["opaque", "a.b", "a.b.c.d", "a.b.c.d.e", "a"]
        .iter()
        .enumerate()
    {
        let verified = verifier.authenticate(opaque).await.unwrap();
        assert_eq!(verified.claims().sub, "alice");
        server.times(asked + 1);
    }
    let long = "a".repeat(8 * 1024 + 1);
    assert_eq!(
        verifier.authenticate(&long).await.unwrap_err(),
        TokenError::TooLong
    );
    server.times(5);
}

#[tokio::test]
async fn a_verifier_that_asks_about_all_asks_about_jwts_too() {
    let server = Server::start().await;
    server.world().passes("a.b.c").await;
    server.times(1);
}

const ME: &str = "https://api.example/me";

/// `GET /me` with these headers: the status, and whose the token is.
async fn me(layer: &BearerLayer, authorization: &str, proof: Option<String>) -> (u16, Bytes) {
    let who = service_fn(async |request: Request<Full<Bytes>>| {
        let token = request.extensions().get::<VerifiedToken>().unwrap();
        let sub = token.claims().sub.clone();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(sub)))
    });
    let mut request = Request::get(ME).header("authorization", authorization);
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    let request = request.body(Full::default()).unwrap();
    let response = layer.layer(who).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        response.into_body().collect().await.unwrap().to_bytes(),
    )
}

/// The binding is in the answer instead of the token.
#[tokio::test]
async fn an_opaque_token_that_is_bound_needs_the_proof() {
    let server = Server::start().await;
    let (key, other) = (ProofKey::es256(), ProofKey::es256());
    let cnf = json!({ "jkt": key.thumbprint() });
    server.says(&with(json!({ "token_type": "DPoP", "cnf": cnf })));
    let World { verifier, clock } = server.world();
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    let layer = BearerLayer::new(verifier).dpop(&dpop.clock(clock.clone()));
    let proof =
        |key: &ProofKey, token: &str| Some(key.proof("GET", ME).at(NOW).token(token).sign());
    for _ in 0..2 {
        let good = me(&layer, "DPoP opaque", proof(&key, "opaque")).await;
        assert_eq!(good, (200, "alice".into()), "asked, and remembered");
        for (authorization, proof) in [
            ("Bearer opaque", None),
            ("Bearer opaque", proof(&key, "opaque")),
            ("DPoP opaque", None),
            ("DPoP opaque", proof(&other, "opaque")),
            ("DPoP opaque", proof(&key, "another")),
        ] {
            let (status, _) = me(&layer, authorization, proof).await;
            assert_eq!(status, 401, "{authorization}");
        }
    }
    server.times(1);
    // A layer that knows nothing of proofs accepts no bound token.
    let blind = BearerLayer::new(server.world().verifier);
    let (status, _) = me(&blind, "Bearer opaque", None).await;
    assert_eq!(status, 401);
}

/// A token that is bound to nothing is refused with a proof, as a JWT is.
#[tokio::test]
async fn an_opaque_token_that_is_not_bound_is_no_dpop_token() {
    let server = Server::start().await;
    let key = ProofKey::es256();
    let World { verifier, clock } = server.world();
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    let layer = BearerLayer::new(verifier).dpop(&dpop.clock(clock.clone()));
    let proof = Some(key.proof("GET", ME).at(NOW).token("opaque").sign());
    assert_eq!(me(&layer, "DPoP opaque", proof).await.0, 401);
    assert_eq!(
        me(&layer, "Bearer opaque", None).await,
        (200, "alice".into())
    );
}
