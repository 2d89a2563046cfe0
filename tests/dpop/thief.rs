//! Whoever has the tokens but not the key gets nothing, and takes nothing away.

use std::time::Duration;

use tests_shared::proofs::ProofKey;
use tower_bearer::{
    bearer::BearerLayer,
    session::{Refusal, SessionEventKind},
};

use crate::support::*;

#[tokio::test]
async fn a_thief_without_the_key_tries_a_thousand_times() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let row = world.row(&tokens).await;
    let used = world.for_me(&key, token).sign();
    world.me(token, &used).await.ok();

    let thiefs = ProofKey::es256();
    for try_ in 0..1_000 {
        let answer = match try_ % 7 {
            0 => world.ask(world.layer(), bearer(token)).await,
            1 => world.me(token, &world.for_me(&thiefs, token).sign()).await,
            2 => world.me(token, &used).await,
            3 => world.refresh(&tokens, &[]).await,
            4 => world.refresh_by(&tokens, &thiefs).await,
            // The jwk of the victim, and a signature of the thief.
            5 => {
                let proof = world.proof(&thiefs, "POST", TOKEN).member("jwk", key.jwk());
                world.refresh(&tokens, &[&proof.sign()]).await
            }
            _ => world.refresh(&tokens, &[&used]).await,
        };
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{answer:?}");
        let body = answer.json();
        assert!(body["access_token"].is_null() && body["refresh_token"].is_null());
    }
    assert_eq!(world.row(&tokens).await, row);
    let unproven = SessionEventKind::Refused(Refusal::Unproven);
    let events = world.events.lock().unwrap().clone();
    assert!(events.iter().filter(|kind| **kind == unproven).count() > 250);

    world.me_by(token, &key).await.ok();
    world.refresh_by(&tokens, &key).await.ok();
}

/// The thief was faster: it has the token that the victim is about to use.
#[tokio::test]
async fn a_thief_with_each_token_of_the_session_ends_nothing() {
    let (world, key, thiefs) = (world(), ProofKey::es256(), ProofKey::es256());
    let mut tokens = world.bound(&key).await;
    for _ in 0..20 {
        world.later(300);
        let answer = world.refresh_by(&tokens, &thiefs).await;
        answer.refused(400, "invalid_grant");
        let refreshed = world.refresh_by(&tokens, &key).await;
        let refresh = refreshed.ok().json()["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        world
            .refresh(&tokens, &[])
            .await
            .refused(400, "invalid_dpop_proof");
        tokens.refresh_token = tower_bearer::RefreshToken::new(refresh);
    }
    assert!(world.row(&tokens).await.state.ended.is_none());
}

#[tokio::test]
async fn a_replayed_proof_of_the_token_endpoint_gives_nothing_usable() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let proof = world.proof(&key, "POST", TOKEN).sign();
    world.refresh(&tokens, &[&proof]).await.ok();
    world
        .refresh(&tokens, &[&proof])
        .await
        .refused(400, "invalid_dpop_proof");
    // Neither at another server of the cluster, whose memory is its own: what comes is bound.
    let other = crate::support::World {
        dpop: world.dpop.clone().replay_limit(10),
        ..world
    };
    let answer = other.refresh(&tokens, &[&proof]).await;
    let token = answer.ok().json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    other
        .ask(other.layer(), bearer(&token))
        .await
        .refused(401, "invalid_token");
}

/// No token that was given out for a bound session passes by itself, wherever it comes from.
#[tokio::test]
async fn no_downgrade() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let without_dpop = BearerLayer::new(world.verifier.clone());
    for layer in [
        world.layer(),
        world.layer().optional(),
        without_dpop.clone(),
        without_dpop.clone().optional(),
        world.layer().check_live(&world.sessions),
    ] {
        world
            .ask(layer.clone(), bearer(token))
            .await
            .refused(401, "invalid_token");
        // A proof does not make a Bearer token of it.
        let mut request = bearer(token);
        let proof = world.for_me(&key, token).sign().parse().unwrap();
        request.headers_mut().insert("dpop", proof);
        world
            .ask(layer, request)
            .await
            .refused(401, "invalid_token");
    }
    // Where DPoP is off, the scheme is unknown, and so there is no token.
    let proof = world.for_me(&key, token).sign();
    let answer = world.ask(without_dpop.clone(), me(token, &proof)).await;
    answer.refused(401, "unauthorized");
    // Who asks for it gets it.
    let dangerous = without_dpop.danger_accept_bound_tokens_without_proof();
    world.ask(dangerous, bearer(token)).await.ok();
}

#[cfg(feature = "cookie")]
#[tokio::test]
async fn no_downgrade_into_a_cookie() {
    use http::HeaderMap;
    use tower_bearer::{
        TokenResponse,
        cookie::{AccessCookie, CookieOptions},
    };

    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let cookie = AccessCookie::new(CookieOptions::new()).unwrap();
    let with_cookie = |tokens: &TokenResponse| {
        let mut set = HeaderMap::new();
        cookie.set(tokens).unwrap().append_to(&mut set);
        let pair = set["set-cookie"].to_str().unwrap().split(';').next();
        let request = http::Request::get("/me").header("cookie", pair.unwrap());
        request.body(Default::default()).unwrap()
    };
    let layer = world.layer().access_cookie(&cookie);
    world
        .ask(layer.clone(), with_cookie(&tokens))
        .await
        .refused(401, "invalid_token");
    let unbound = world.unbound().await;
    world.ask(layer, with_cookie(&unbound)).await.ok();
    // Where all have to prove a key, nothing passes in a cookie.
    let world = world.with(|dpop| dpop.require());
    let layer = world.layer().access_cookie(&cookie);
    world
        .ask(layer, with_cookie(&unbound))
        .await
        .refused(401, "invalid_token");
}

#[tokio::test]
async fn a_token_of_another_key_is_an_invalid_token() {
    let (world, key, other) = (world(), ProofKey::es256(), ProofKey::es256());
    let (tokens, others) = (world.bound(&key).await, world.bound(&other).await);
    let token = tokens.access_token.expose();
    let answer = world.me(token, &world.for_me(&other, token).sign()).await;
    let challenges = answer.refused(401, "invalid_token").challenges();
    assert!(challenges[0].starts_with("DPoP "), "{challenges:?}");
    assert!(!challenges[0].contains("key"), "{challenges:?}");
    // Each with its own.
    let others = others.access_token.expose();
    world
        .me(others, &world.for_me(&other, others).sign())
        .await
        .ok();
    world.me_by(token, &key).await.ok();
}

#[tokio::test]
async fn a_token_that_is_not_bound_cannot_be_presented_with_a_proof() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.unbound().await;
    let token = tokens.access_token.expose();
    let answer = world.me_by(token, &key).await;
    answer.refused(401, "invalid_token");
    world.ask(world.layer(), bearer(token)).await.ok();
}

/// A thief of an unbound session must not be able to bind it.
#[tokio::test]
async fn a_session_that_began_without_a_key_stays_so() {
    let (world, thiefs) = (world(), ProofKey::es256());
    let tokens = world.unbound().await;
    world.clock.advance(Duration::from_secs(60));
    let answer = world.refresh_by(&tokens, &thiefs).await;
    assert_eq!(answer.ok().json()["token_type"], "Bearer");
    assert_eq!(world.row(&tokens).await.state.bound_to, None);
    world.refresh(&tokens, &[]).await.ok();
}
