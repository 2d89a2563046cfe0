//! Logins that prove a key, and tokens that are bound or not.

use serde_json::{Value, json};
use tower_bearer_client::{ClientErrorKind as Kind, ClientSessionBuilder, TokenStore};

use super::{NOW, World, brought, challenge, refusal, says, tokens};
use crate::support::{REVOKE, TOKEN};

#[tokio::test]
async fn a_login_asks_once_more_with_what_was_wrong() {
    let world = World::with(ClientSessionBuilder::dpop);
    let nonce = |nonce: &str| refusal("use_dpop_nonce", &[("dpop-nonce", nonce)]);
    let wrong_clock = challenge(
        "invalid_dpop_proof",
        &[("date", "Tue, 14 Nov 2023 23:13:20 GMT")],
    );
    world.server.answer([nonce("one"), wrong_clock.clone()]);
    let mut login = world.session.dpop_login().unwrap();
    for _ in 0..2 {
        let answer = world.send(&mut login).await;
        assert!(login.retry(&answer));
        assert!(!login.retry(&answer), "it is one answer");
    }
    // Each is mended once, whatever else the server may want.
    world.server.answer([nonce("two"), wrong_clock]);
    for _ in 0..2 {
        let answer = world.send(&mut login).await;
        assert!(!login.retry(&answer));
    }
    let seen = world.server.seen();
    let nonces = seen.iter().map(|it| it.claim("nonce"));
    let expected = [Value::Null, json!("one"), json!("one"), json!("two")];
    assert_eq!(nonces.collect::<Vec<_>>(), expected);
    let times = seen.iter().map(|it| it.claim("iat"));
    let expected = [0, 0, 3600, 3600].map(|ahead| json!(NOW + ahead));
    assert_eq!(times.collect::<Vec<_>>(), expected);
}

/// What another request has learnt meanwhile is what this one has not been sent with.
#[tokio::test]
async fn a_login_is_sent_again_though_another_has_the_nonce_already() {
    let world = World::with(ClientSessionBuilder::dpop);
    let nonce = refusal("use_dpop_nonce", &[("dpop-nonce", "one")]);
    world.server.answer([nonce.clone(), nonce]);
    let mut logins = [(); 2].map(|()| world.session.dpop_login().unwrap());
    let [first, second] = &mut logins;
    let (one, other) = (world.send(first).await, world.send(second).await);
    assert!(first.retry(&one) && second.retry(&other));
}

/// A password that is wrong is not sent twice, whatever comes with the answer.
#[tokio::test]
async fn an_answer_that_refuses_no_proof_ends_the_login() {
    let world = World::with(ClientSessionBuilder::dpop);
    let mut login = world.session.dpop_login().unwrap();
    let body = json!({ "error": "use_dpop_nonce" });
    world.server.answer([
        refusal("invalid_credentials", &[("dpop-nonce", "one")]),
        says(200, &[("dpop-nonce", "two")], &body),
    ]);
    for _ in 0..2 {
        let answer = world.send(&mut login).await;
        assert!(!login.retry(&answer));
    }
    world.send(&mut login).await;
    assert_eq!(world.server.seen()[2].claim("nonce"), "two");
}

#[tokio::test]
async fn each_login_has_a_key_of_its_own() {
    let world = World::new().await;
    let bound_to = || world.session.status().bound_to.unwrap();
    let first = bound_to();
    // One that comes to nothing has one too, and leaves the session as it is.
    let mut given_up = world.session.dpop_login().unwrap();
    world.send(&mut given_up).await;
    assert_eq!(bound_to(), first);
    let second = world.session.dpop_login().unwrap();
    let third = world.session.dpop_login().unwrap();
    second.sign_in(brought("DPoP")).await.unwrap();
    assert_eq!(bound_to(), *second.jkt());
    world.session.logout().await.unwrap();
    // It was begun before that, and its tokens are bound to its key all the same.
    third.sign_in(brought("DPoP")).await.unwrap();
    assert_eq!(bound_to(), *third.jkt());
    world.server.answer([says(200, &[], &tokens("DPoP", 1))]);
    world.refresh().await.unwrap();
    world.session.logout().await.unwrap();
    world.sign_in("DPoP").await.unwrap();

    let seen = world.server.seen();
    let [login, revoked, refreshed, revoked_too] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(revoked.url, REVOKE);
    assert_eq!(refreshed.url, TOKEN);
    assert_eq!(refreshed.key(), revoked_too.key());
    assert_ne!(login.key(), revoked.key());
    assert_ne!(revoked.key(), refreshed.key());
    let jkts = [
        &first,
        given_up.jkt(),
        second.jkt(),
        third.jkt(),
        &bound_to(),
    ];
    for (at, jkt) in jkts.iter().enumerate() {
        assert!(!jkts.split_at(at).0.contains(jkt), "{jkts:?}");
    }
}

/// RFC 9449 §5: such a token is to be discarded. What is not lost is the refresh token.
#[tokio::test]
async fn an_unbound_token_is_not_used_and_loses_no_session() {
    let world = World::new().await;
    world.server.answer([says(200, &[], &tokens("Bearer", 1))]);
    let error = world.refresh().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Malformed);
    assert_eq!(world.kept().await["refresh_token"], "refresh-1");
    assert!(world.session.status().is_signed_in());
    assert_eq!(world.get("/").await, 200);
    let seen = world.server.seen();
    assert_eq!(seen[1].authorization.as_deref(), Some("DPoP access-0"));

    let error = World::with(ClientSessionBuilder::dpop)
        .sign_in("Bearer")
        .await;
    assert_eq!(error.unwrap_err().kind(), Kind::Malformed);
}

/// RFC 9449 §5: a server may bind the refresh token alone.
#[tokio::test]
async fn unbound_tokens_are_used_where_the_program_says_so() {
    let world = World::with(|builder| builder.dpop().danger_accept_bearer_tokens());
    world.sign_in("Bearer").await.unwrap();
    assert_eq!(world.get("/").await, 200);
    world.server.answer([says(200, &[], &tokens("Bearer", 1))]);
    world.refresh().await.unwrap();
    let seen = world.server.seen();
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer access-0"));
    assert!(seen[0].proof.is_none());
    assert_eq!(seen[1].claim("htu"), TOKEN);
}

#[tokio::test]
async fn tokens_of_a_key_that_nobody_knows_are_not_signed_in_with() {
    for configure in [ClientSessionBuilder::dpop, |builder| builder] {
        let world = World::with(configure);
        let error = world.session.sign_in(brought("DPoP")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed);
        assert!(world.store.load().await.unwrap().is_none());
    }
}
