//! Token and revocation endpoint, metadata, and who has to prove a key.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tests_shared::proofs::ProofKey;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm,
    endpoint::{EndpointOptions, Endpoints},
    error::ConfigErrorKind,
    session::{Refusal, SessionEventKind},
};

use crate::support::*;

#[tokio::test]
async fn a_bound_session_is_refreshed_by_its_key_only() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let row = world.row(&tokens).await;
    assert_eq!(
        row.state.bound_to.as_ref().unwrap().to_string(),
        key.thumbprint()
    );
    let of_login = world.claims(tokens.access_token.expose());
    let jkt =
        |claims: &tower_bearer::Claims| claims.cnf.as_ref().unwrap().jkt().unwrap().to_string();
    assert_eq!(jkt(&of_login), key.thumbprint());

    world
        .refresh(&tokens, &[])
        .await
        .refused(400, "invalid_dpop_proof");
    world
        .refresh_by(&tokens, &ProofKey::es256())
        .await
        .refused(400, "invalid_grant");
    assert_eq!(world.row(&tokens).await, row);
    let unproven = SessionEventKind::Refused(Refusal::Unproven);
    assert_eq!(
        *world.events.lock().unwrap(),
        [SessionEventKind::Started, unproven, unproven]
    );

    let answer = world.refresh_by(&tokens, &key).await;
    let answer = answer.ok().json();
    assert_eq!(answer["token_type"], "DPoP");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(jkt(&world.claims(token)), key.thumbprint());
    world.me_by(token, &key).await.ok();
    world
        .ask(world.layer(), bearer(token))
        .await
        .refused(401, "invalid_token");
}

#[tokio::test]
async fn each_algorithm() {
    let world = world();
    for algorithm in ProofKey::ALGORITHMS {
        let key = ProofKey::new(algorithm);
        let tokens = world.bound(&key).await;
        let jkt = world.row(&tokens).await.state.bound_to.unwrap().to_string();
        assert_eq!(jkt, key.thumbprint(), "{algorithm}");
        world.refresh_by(&tokens, &key).await.ok();
        let token = tokens.access_token.expose();
        world.me_by(token, &key).await.ok();
    }
}

#[tokio::test]
async fn only_the_algorithms_that_are_allowed() {
    let (es256, eddsa) = (ProofKey::es256(), ProofKey::new("EdDSA"));
    let world = world();
    let tokens = world.bound(&es256).await;
    let world = world.with(|dpop| dpop.algorithms([Algorithm::EdDSA]).unwrap());
    world
        .refresh_by(&tokens, &es256)
        .await
        .refused(400, "invalid_dpop_proof");
    let others = world.bound(&eddsa).await;
    world.refresh_by(&others, &eddsa).await.ok();
    for wrong in [
        vec![],
        vec![Algorithm::ES256, Algorithm::HS256],
        vec![Algorithm::ES256, Algorithm::MLDSA65],
        vec![Algorithm::MLDSA87],
    ] {
        let error = world.dpop.clone().algorithms(wrong).unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Algorithm);
    }
}

/// The name of RFC 9864, in the header and in a key as a browser exports it.
#[tokio::test]
async fn the_curve_is_another_name_of_the_algorithm() {
    let (world, key) = (world(), ProofKey::new("EdDSA"));
    let tokens = world.bound(&key).await;
    let mut jwk = key.jwk();
    jwk["alg"] = "Ed25519".into();
    let proof = world.proof(&key, "POST", TOKEN);
    let proof = proof.member("alg", "Ed25519").member("jwk", jwk).sign();
    world.refresh(&tokens, &[&proof]).await.ok();
    for (key, alg) in [(key, "ed25519"), (ProofKey::es256(), "Ed25519")] {
        let proof = world.proof(&key, "POST", TOKEN).member("alg", alg).sign();
        let answer = world.refresh(&tokens, &[&proof]).await;
        answer.refused(400, "invalid_dpop_proof");
    }
}

/// A server that has forgotten to look at proofs does not make its clients throw their sessions away.
#[tokio::test]
async fn endpoints_without_proofs() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let row = world.row(&tokens).await;
    let endpoints = Endpoints::new(&world.sessions).options(EndpointOptions::new());
    let nothing = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let service = endpoints.layer(nothing);
    let refresh = tokens.refresh_token.expose();
    let request = Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("dpop", world.proof(&key, "POST", TOKEN).sign())
        .body(Full::from(format!(
            "grant_type=refresh_token&refresh_token={refresh}"
        )))
        .unwrap();
    let answer = service.clone().oneshot(request).await.unwrap();
    Answer::of(answer).await.refused(400, "invalid_dpop_proof");
    assert_eq!(world.row(&tokens).await, row);
    let metadata = Request::get("/.well-known/oauth-authorization-server");
    let metadata = service
        .oneshot(metadata.body(Full::default()).unwrap())
        .await
        .unwrap();
    let metadata = Answer::of(metadata).await.ok().json();
    assert!(metadata.get("dpop_signing_alg_values_supported").is_none());
}

#[tokio::test]
async fn the_metadata_name_the_algorithms() {
    let world = world().with(|dpop| {
        dpop.algorithms([Algorithm::ES256, Algorithm::PS256])
            .unwrap()
    });
    let endpoints = Endpoints::new(&world.sessions).options(world.options());
    let nothing = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let request = Request::get("/.well-known/oauth-authorization-server");
    let request = request.body(Full::default()).unwrap();
    let answer = endpoints.layer(nothing).oneshot(request).await.unwrap();
    let metadata = Answer::of(answer).await.ok().json();
    let algorithms = &metadata["dpop_signing_alg_values_supported"];
    assert_eq!(*algorithms, serde_json::json!(["ES256", "PS256"]));
}

/// A logout does not fail for a proof, whatever is wrong with it.
#[tokio::test]
async fn a_revocation_looks_at_no_proof() {
    let (world, key) = (world().with(|dpop| dpop.require()), ProofKey::es256());
    let sign = |key: &ProofKey, url: &str, at: i64| key.proof("POST", url).at(at).sign();
    let now = world.now();
    for proofs in [
        vec![],
        vec![sign(&key, REVOKE, now)],
        vec![sign(&key, REVOKE, now - 3600)],
        vec![sign(&key, TOKEN, now)],
        vec![sign(&ProofKey::es256(), REVOKE, now)],
        vec!["nonsense".to_owned()],
        vec![sign(&key, REVOKE, now), sign(&key, REVOKE, now)],
    ] {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        for by_access_token in [false, true] {
            let tokens = world.bound(&key).await;
            let token = match by_access_token {
                true => tokens.access_token.expose(),
                false => tokens.refresh_token.expose(),
            };
            let form = format!("token={token}");
            world.post("/revoke", &form, &proofs).await.ok();
            assert!(world.row(&tokens).await.state.ended.is_some(), "{proofs:?}");
            let refused = world.refresh_by(&tokens, &key).await;
            refused.refused(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn where_all_have_to_prove_a_key() {
    let (plain, key) = (world(), ProofKey::es256());
    let (unbound, bound) = (plain.unbound().await, plain.bound(&key).await);
    let world = plain.with(|dpop| dpop.require());
    // A session from before keeps its row, and its client learns that its user has to log in again.
    let row = world.row(&unbound).await;
    world
        .refresh(&unbound, &[])
        .await
        .refused(400, "invalid_grant");
    world
        .refresh_by(&unbound, &key)
        .await
        .refused(400, "invalid_grant");
    assert_eq!(world.row(&unbound).await, row);
    let refused = SessionEventKind::Refused(Refusal::Unbound);
    let events = world.events.lock().unwrap().clone();
    assert!(events.ends_with(&[refused, refused]), "{events:?}");
    assert_eq!(refused.as_str(), "refused");
    let token = unbound.access_token.expose();
    world
        .ask(world.layer(), bearer(token))
        .await
        .refused(401, "invalid_token");
    let form = format!("token={}", unbound.refresh_token.expose());
    world.post("/revoke", &form, &[]).await.ok();

    world.refresh_by(&bound, &key).await.ok();
    let token = bound.access_token.expose();
    world.me_by(token, &key).await.ok();
}

#[tokio::test]
async fn where_some_clients_have_to() {
    let (plain, key) = (world(), ProofKey::es256());
    let unbound = plain.unbound().await;
    let anybodys = plain
        .sessions
        .start(tower_bearer::session::Grant::new("anna"))
        .await
        .unwrap();
    for (clients, is_required) in [(["app", "web"], true), (["web", "tv"], false)] {
        let dpop = plain.dpop.clone().require_for(clients);
        assert_eq!(dpop.is_required_for(Some("app")), is_required);
        assert!(!dpop.is_required_for(None));
        let layer = plain.layer().dpop(&dpop);
        let by_itself = |token: &str| plain.ask(layer.clone(), bearer(token));
        by_itself(anybodys.access_token.expose()).await.ok();
        let answer = by_itself(unbound.access_token.expose()).await;
        assert_eq!(answer.status.as_u16(), if is_required { 401 } else { 200 });
        if is_required {
            // Others may use Bearer, so both are named.
            assert_eq!(answer.challenges().len(), 2);
        }
    }
    let world = plain.with(|dpop| dpop.require_for(["app"]));
    world
        .refresh(&unbound, &[])
        .await
        .refused(400, "invalid_grant");
    // It cannot get around that by naming no client, nor another.
    world
        .refresh_by(&unbound, &key)
        .await
        .refused(400, "invalid_grant");
    assert_eq!(world.row(&unbound).await.state.generation, 0);
    world.refresh(&anybodys, &[]).await.ok();
}

#[tokio::test]
async fn a_request_without_its_token_is_told_that_and_nothing_of_proofs() {
    let world = world().with(|dpop| dpop.require());
    let answer = world
        .post("/token", "grant_type=refresh_token", &["x"])
        .await;
    answer.refused(400, "invalid_request");
    let forged = "grant_type=refresh_token&refresh_token=a.b.c";
    world
        .post("/token", forged, &[])
        .await
        .refused(400, "invalid_grant");
}
