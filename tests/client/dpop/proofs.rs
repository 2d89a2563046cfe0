//! What each request proves, and what is made of a refused proof.

use std::sync::{Arc, Mutex};

use http::Request;
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};
use tower_bearer::VerifyingKey;
use tower_bearer_client::{ClientErrorKind as Kind, ClientSessionBuilder, EndReason, TokenStore};

use super::{LOGIN, NOW, Seen, World, ath, brought, challenge, refusal, says, tokens};
use crate::support::{API, Body, TOKEN};

#[tokio::test]
async fn login_refresh_and_requests_prove_one_key() {
    let world = World::with(ClientSessionBuilder::dpop);
    let mut login = world.session.dpop_login().unwrap();
    let jkt = login.jkt().clone();
    world.send(&mut login).await;
    login.sign_in(brought("dpop")).await.unwrap();
    assert_eq!(world.session.status().bound_to, Some(jkt.clone()));

    assert_eq!(world.get("/files?page=2").await, 200);
    world.server.answer([says(200, &[], &tokens("DPoP", 1))]);
    assert_eq!(world.refresh().await.unwrap(), "access-1");
    assert_eq!(world.get("/").await, 200);

    let seen = world.server.seen();
    let [login, files, refresh, root] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    for (request, method, htu, token) in [
        (login, "POST", LOGIN, None),
        (files, "GET", "https://api.example/files", Some("access-0")),
        (refresh, "POST", TOKEN, None),
        (root, "GET", "https://api.example/", Some("access-1")),
    ] {
        let jwk = request.key().to_string();
        let thumbprint = VerifyingKey::from_jwk(&jwk).unwrap();
        assert_eq!(thumbprint.kid(), jkt.to_string());
        assert_eq!(request.claim("htm"), method);
        assert_eq!(request.claim("htu"), htu);
        assert_eq!(request.claim("iat"), NOW);
        assert_eq!(request.claim("ath"), json!(token.map(ath)));
        let authorization = token.map(|token| format!("DPoP {token}"));
        assert_eq!(request.authorization, authorization);
    }
    assert_ne!(files.claim("jti"), root.claim("jti"));
}

#[tokio::test]
async fn an_api_gets_the_nonce_that_it_asks_for() {
    let world = World::new().await;
    world.server.answer([
        challenge("use_dpop_nonce", &[("dpop-nonce", "one")]),
        says(200, &[("dpop-nonce", "two")], &Value::Null),
    ]);
    assert_eq!(world.get("/").await, 200);
    assert_eq!(world.get("/").await, 200);
    let seen = world.server.seen();
    let nonces: Vec<_> = seen.iter().map(|request| request.claim("nonce")).collect();
    assert_eq!(nonces, [Value::Null, json!("one"), json!("two")]);
    let is_same = |request: &Seen| request.authorization.as_deref() == Some("DPoP access-0");
    assert!(seen.iter().all(is_same), "no token was refused");
}

#[tokio::test]
async fn a_server_that_always_wants_another_nonce_gets_two_requests() {
    let world = World::new().await;
    let asks = |nonce: &str| challenge("use_dpop_nonce", &[("dpop-nonce", nonce)]);
    world.server.answer([asks("one"), asks("two")]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 2);

    // One that wants the nonce that it has got, or names none, gets one.
    for answer in [asks("two"), challenge("use_dpop_nonce", &[])] {
        world.server.answer([answer]);
        assert_eq!(world.get("/").await, 401);
        assert_eq!(world.server.seen().len(), 1);
    }

    let asks = |nonce: &str| refusal("use_dpop_nonce", &[("dpop-nonce", nonce)]);
    world.server.answer([asks("one"), asks("two")]);
    let error = world.refresh().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::Refused, Some("use_dpop_nonce"))
    );
    assert_eq!(world.server.seen().len(), 2);
    assert!(world.session.status().is_signed_in());
}

#[tokio::test]
async fn what_cannot_be_sent_again_teaches_the_next_request() {
    let world = World::new().await;
    world
        .server
        .answer([challenge("use_dpop_nonce", &[("dpop-nonce", "one")])]);
    let client = world.layer().never_replay().layer(world.server.http());
    for status in [401, 200] {
        let request = Request::put(format!("{API}/"))
            .body(Body::from("text"))
            .unwrap();
        let answer = client.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
    }
    let seen = world.server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].claim("nonce"), "one");
}

#[tokio::test]
async fn the_nonces_of_servers_are_kept_apart() {
    let world = World::new().await;
    let client = world.layer().origin("https://b.example".parse().unwrap());
    let client = client.layer(world.server.http());
    let get = async |url: &str| {
        let request = Request::get(url).body(Body::default()).unwrap();
        client.clone().oneshot(request).await.unwrap();
    };
    let nonce = |nonce: &str| says(200, &[("dpop-nonce", nonce)], &tokens("DPoP", 1));
    world.server.answer([nonce("a"), nonce("b"), nonce("t")]);
    let urls = ["https://api.example/", "https://b.example/"];
    get(urls[0]).await;
    get(urls[1]).await;
    world.refresh().await.unwrap();
    get(urls[0]).await;
    get(urls[1]).await;
    let mut login = world.session.dpop_login().unwrap();
    world.send(&mut login).await;
    let seen = world.server.seen();
    let said = seen.iter().map(|it| (it.url.as_str(), it.claim("nonce")));
    let said: Vec<_> = said.collect();
    assert_eq!(
        said,
        [
            (urls[0], Value::Null),
            (urls[1], Value::Null),
            (TOKEN, Value::Null),
            (urls[0], json!("a")),
            (urls[1], json!("b")),
            (LOGIN, json!("t")),
        ]
    );
}

/// 14 Nov 2023 22:13:20 GMT is `NOW`.
const DATE: (&str, &str) = ("date", "Tue, 14 Nov 2023 23:13:20 GMT");

#[tokio::test]
async fn a_wrong_clock_is_put_right_by_the_answer() {
    let world = World::new().await;
    let wrong = challenge("invalid_dpop_proof", &[DATE]);
    world.server.answer([wrong.clone()]);
    assert_eq!(world.get("/").await, 200);
    let wrong_token = refusal("invalid_dpop_proof", &[DATE]);
    world
        .server
        .answer([wrong_token.clone(), says(200, &[], &tokens("DPoP", 1))]);
    world.refresh().await.unwrap();
    assert_eq!(world.get("/").await, 200);
    let times = world.server.seen();
    let times: Vec<_> = times.iter().map(|request| request.claim("iat")).collect();
    let hour = NOW + 3600;
    assert_eq!(times, [NOW, hour, NOW, hour, hour].map(Value::from));

    // It is right by now, so nothing but the proof can be wrong.
    world.server.answer([wrong]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 1);
    // Nor does a server without a clock get more than one.
    world.server.answer([challenge("invalid_dpop_proof", &[])]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 1);
}

#[tokio::test]
async fn all_that_can_be_wrong_is_mended_once_each() {
    let world = World::new().await;
    world.server.answer([
        challenge("use_dpop_nonce", &[("dpop-nonce", "one")]),
        challenge("invalid_dpop_proof", &[DATE]),
        challenge("invalid_token", &[]),
        says(200, &[], &tokens("DPoP", 1)),
        says(200, &[], &Value::Null),
    ]);
    assert_eq!(world.get("/").await, 200);
    let seen = world.server.seen();
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[4].claim("nonce"), "one");
    assert_eq!(seen[4].claim("iat"), NOW + 3600);
    assert_eq!(seen[4].claim("ath"), ath("access-1"));

    world.server.answer([
        challenge("use_dpop_nonce", &[("dpop-nonce", "two")]),
        challenge("use_dpop_nonce", &[("dpop-nonce", "three")]),
    ]);
    assert_eq!(world.get("/").await, 401);
    assert_eq!(world.server.seen().len(), 2);
}

#[tokio::test]
async fn grpc_says_it_in_its_own_way() {
    let world = World::new().await;
    let mut answer = challenge(
        "use_dpop_nonce",
        &[("grpc-status", "16"), ("dpop-nonce", "one")],
    );
    *answer.status_mut() = http::StatusCode::OK;
    let grpc = http::HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert("content-type", grpc);
    world.server.answer([answer]);
    assert_eq!(world.get("/greeter.Greeter/Hello").await, 200);
    let seen = world.server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].claim("nonce"), "one");
    assert_eq!(
        seen[1].claim("htu"),
        "https://api.example/greeter.Greeter/Hello"
    );
}

#[tokio::test]
async fn a_relative_url_is_proven_for_the_first_origin() {
    let world = World::new().await;
    let layer = world.layer().origin("https://b.example".parse().unwrap());
    let client = layer
        .danger_trust_relative_urls()
        .layer(world.server.http());
    let request = Request::get("/a?b").body(Body::default()).unwrap();
    client.oneshot(request).await.unwrap();
    assert_eq!(world.server.seen()[0].claim("htu"), "https://api.example/a");
}

/// Whatever is wrong with a proof says nothing about the refresh token.
#[tokio::test]
async fn a_refused_proof_ends_no_session() {
    let ends = Arc::new(Mutex::new(Vec::<EndReason>::new()));
    let told = Arc::clone(&ends);
    let world = World::with(|builder| {
        let builder = builder.dpop().ends_session_when(|_| true);
        builder.on_end(move |reason| told.lock().unwrap().push(reason))
    });
    world.sign_in("DPoP").await.unwrap();
    world.server.answer([refusal("invalid_dpop_proof", &[])]);
    let error = world.refresh().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::Refused, Some("invalid_dpop_proof"))
    );
    assert_eq!(world.server.seen().len(), 1);
    assert!(ends.lock().unwrap().is_empty());
    assert!(world.store.load().await.unwrap().is_some());
}

/// The request is repeated because its answer was lost, not the proof: servers take that once.
#[tokio::test]
async fn each_try_has_a_proof_of_its_own() {
    tokio::time::pause();
    let world = World::new().await;
    let down = says(503, &[], &Value::Null);
    world
        .server
        .answer([down.clone(), down, says(200, &[], &tokens("DPoP", 1))]);
    world.refresh().await.unwrap();
    let seen = world.server.seen();
    let mut proofs: Vec<_> = seen.iter().map(|it| it.claim("jti").to_string()).collect();
    proofs.sort();
    proofs.dedup();
    assert_eq!(proofs.len(), 3);
}
