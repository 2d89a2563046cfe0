use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tower_bearer::{
    RefreshToken, Scope, TokenResponse,
    clock::Timestamp,
    session::{
        Grant, RefreshKey, RefreshOutcome, RefreshRequest, Refusal, SessionErrorKind,
        SessionEventKind, Sessions,
    },
    store::MemoryStore,
    testing::{Fault, StoreCall},
};

use crate::support::*;

#[tokio::test]
async fn a_login_gives_tokens_of_generation_0() {
    let world = world();
    let tokens = world.login().await;
    let claims = world.claims(&tokens.access_token);
    assert_eq!((claims.sub.as_str(), claims.generation), ("anna", Some(0)));
    assert_eq!(claims.scope, "write read".parse().unwrap());
    assert_eq!(claims.session_id(), Some(sid(&tokens)));
    assert_eq!(tokens.expires_in.as_secs(), 600);
    assert_eq!(world.kinds(), [SessionEventKind::Started]);
}

#[tokio::test]
async fn a_refresh_token_tells_nothing_of_the_user() {
    let world = world();
    let payload = refresh_payload(&world.login().await);
    let names: BTreeSet<_> = payload
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        BTreeSet::from(["exp", "gen", "iat", "iss", "jti", "sid"])
    );
}

#[tokio::test]
async fn a_refresh_token_stays_under_a_kilobyte() {
    let world = world();
    let tokens = world
        .sessions
        .start(Grant::new("x".repeat(1024)))
        .await
        .unwrap();
    assert!(tokens.refresh_token.expose().len() < 1024);
}

#[tokio::test]
async fn fifty_rotations_in_a_row() {
    let world = world();
    let mut held = world.login().await;
    for generation in 1..=50 {
        world.wait(600);
        held = rotate(&world, &held).await;
        assert_eq!(refresh_payload(&held)["gen"], generation);
    }
    let row = world.row(&held).await.unwrap();
    assert_eq!(row.state.generation, 50);
    let kinds = world.kinds();
    assert_eq!(kinds[0], SessionEventKind::Started);
    assert_eq!(kinds[1..], [SessionEventKind::Rotated; 50]);
}

#[tokio::test]
async fn two_answers_for_one_generation_carry_the_same_claims() {
    let world = world();
    let old = world.login().await;
    world.wait(600);
    let first = rotate(&world, &old).await;
    world.wait(9);
    let neighbour = world.present(&old.refresh_token).await.unwrap();
    assert_eq!(neighbour.outcome, RefreshOutcome::Redelivered);
    world.wait(3600);
    let late = world.present(&old.refresh_token).await.unwrap();
    assert_eq!(late.outcome, RefreshOutcome::Redelivered);
    world.wait(20);
    let current = world.present(&first.refresh_token).await.unwrap();
    assert_eq!(current.outcome, RefreshOutcome::Current);
    for again in [neighbour, late, current] {
        assert_eq!(refresh_payload(&again.tokens), refresh_payload(&first));
        assert_ne!(
            access_payload(&again.tokens)["jti"],
            access_payload(&first)["jti"]
        );
    }
}

#[tokio::test]
async fn row_1_an_unknown_session_is_refused() {
    let (world, elsewhere) = (world(), world());
    let stranger = elsewhere.login().await;
    refused(
        world.present(&stranger.refresh_token).await,
        Refusal::Unknown,
    );
    assert_eq!(world.kinds(), [SessionEventKind::Refused(Refusal::Unknown)]);
}

#[tokio::test]
async fn row_2_a_token_from_a_leaked_key_is_forged_and_harms_nobody() {
    let world = world();
    let victim = world.login().await;
    let mut claims = refresh_payload(&victim);
    rotate(&world, &with_refresh_key(&victim, &claims)).await;
    world.wait(600);
    for generation in [0, 1, 2] {
        claims["gen"] = generation.into();
        claims["jti"] = uuid::Uuid::new_v8([generation as u8; 16])
            .to_string()
            .into();
        let forged = with_refresh_key(&victim, &claims);
        refused(world.present(&forged.refresh_token).await, Refusal::Forged);
        let told = *world.kinds().last().unwrap();
        assert_eq!(told, SessionEventKind::Refused(Refusal::Forged));
    }
    assert!(world.row(&victim).await.unwrap().state.ended.is_none());
}

/// The same tokens with a refresh token of these claims, signed as the server does.
fn with_refresh_key(tokens: &TokenResponse, claims: &serde_json::Value) -> TokenResponse {
    let header = tokens.refresh_token.expose().split('.').next().unwrap();
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).unwrap();
    mac.update(input.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let mut tokens = tokens.clone();
    tokens.refresh_token = RefreshToken::new(format!("{input}.{signature}"));
    tokens
}

#[tokio::test]
async fn garbage_and_access_tokens_are_no_refresh_tokens() {
    let world = world();
    let tokens = world.login().await;
    let access = tokens.access_token.expose();
    for garbage in ["", ".", "..", "nope", "a.b.c", access, &"x".repeat(100_000)] {
        refused(
            world.present(&RefreshToken::new(garbage)).await,
            Refusal::Malformed,
        );
    }
    assert_eq!(world.kinds(), [SessionEventKind::Started]);
}

#[tokio::test]
async fn a_token_of_another_issuer_on_the_same_store_and_key_is_refused() {
    let world = world();
    let tokens = world.login().await;
    let keys = world.sessions.issuer().keys().clone();
    let other = tower_bearer::Issuer::new("https://other.example", AUDIENCE, keys).unwrap();
    let key = RefreshKey::from_secret(SECRET).unwrap();
    let sessions = Sessions::builder(other, key, world.sessions.store().clone())
        .build()
        .unwrap();
    let result = sessions
        .refresh(RefreshRequest::new(tokens.refresh_token.clone()))
        .await;
    refused(result, Refusal::Malformed);
    assert!(!sessions.end(sid(&tokens), "anna").await.unwrap());
    assert_eq!(sessions.end_all("anna").await.unwrap(), 0);
    assert!(sessions.list("anna").await.unwrap().sessions.is_empty());
}

#[tokio::test]
async fn a_previous_refresh_key_still_opens_and_the_new_one_signs() {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let before = world_on(store.clone(), clock.clone(), |builder| builder);
    let old = before.login().await;
    let key = RefreshKey::from_secret([9; 32])
        .unwrap()
        .with_previous_secret(SECRET)
        .unwrap();
    let sessions = Sessions::builder(issuer(), key, store).build().unwrap();
    let new = sessions
        .refresh(RefreshRequest::new(old.refresh_token))
        .await
        .unwrap()
        .tokens;
    clock.advance(std::time::Duration::from_secs(600));
    refused(before.present(&new.refresh_token).await, Refusal::Malformed);
    sessions
        .refresh(RefreshRequest::new(new.refresh_token))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_idle_session_expires_and_is_not_revoked() {
    let world = world();
    let tokens = world.login().await;
    world.wait(30 * 24 * 3600);
    refused(world.present(&tokens.refresh_token).await, Refusal::Expired);
    assert!(world.row(&tokens).await.unwrap().state.ended.is_none());
}

#[tokio::test]
async fn no_access_token_outlives_the_session_and_the_last_leaves_time_to_refresh() {
    let world = world_with(|builder| {
        builder
            .access_lifetime(std::time::Duration::from_secs(600))
            .idle_lifetime(std::time::Duration::from_secs(1000))
            .session_lifetime(std::time::Duration::from_secs(1500))
    });
    let mut held = world.login().await;
    assert_eq!(
        held.expires_in.as_secs(),
        500,
        "half of what is left of the refresh token"
    );
    let ends_at = world.row(&held).await.unwrap().session.ends_at;
    for _ in 0..6 {
        world.wait(held.expires_in.as_secs());
        held = rotate(&world, &held).await;
        let exp = access_payload(&held)["exp"].as_i64().unwrap();
        let refresh_exp = refresh_payload(&held)["exp"].as_i64().unwrap();
        assert!(exp < refresh_exp && Timestamp::from_secs(refresh_exp) <= ends_at);
    }
}

#[tokio::test]
async fn scope_can_be_narrowed_but_never_widened() {
    let world = world();
    let login = world.login().await;
    let ask = |scope: &str| {
        let request = RefreshRequest::new(login.refresh_token.clone());
        world
            .sessions
            .refresh(request.scope(scope.parse().unwrap()))
    };
    let wide = ask("read admin").await.unwrap_err();
    assert_eq!(wide.kind(), SessionErrorKind::InvalidScope);
    assert_eq!(
        world.row(&login).await.unwrap().state.generation,
        0,
        "nothing was written"
    );
    let narrow = ask("read").await.unwrap().tokens;
    assert_eq!(narrow.scope, "read".parse::<Scope>().unwrap());
    assert_eq!(access_payload(&narrow)["scope"], "read");
    world.wait(600);
    let whole = rotate(&world, &narrow).await;
    assert_eq!(whole.scope, "read write".parse::<Scope>().unwrap());
}

#[tokio::test]
async fn another_client_is_refused_and_the_session_left_alone() {
    let world = world();
    let grant = Grant::new("anna").client_id("app");
    let tokens = world.sessions.start(grant).await.unwrap();
    assert_eq!(access_payload(&tokens)["client_id"], "app");
    let as_client = |client: &str| {
        let request = RefreshRequest::new(tokens.refresh_token.clone()).client_id(client);
        world.sessions.refresh(request)
    };
    refused(as_client("other").await, Refusal::OtherClient);
    assert_eq!(
        as_client("app").await.unwrap().outcome,
        RefreshOutcome::Rotated
    );
}

#[tokio::test]
async fn a_session_without_a_client_is_bound_to_none() {
    let world = world();
    let tokens = world.login().await;
    let request = RefreshRequest::new(tokens.refresh_token).client_id("whatever-a-library-sends");
    world.sessions.refresh(request).await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_costs_nothing() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let tokens = world.login().await;
    store.inject(down().times(1));
    unavailable(world.present(&tokens.refresh_token).await);
    world.wait(600);
    rotate(&world, &tokens).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let tokens = world.login().await;
    store.inject(Fault::hang().times(1));
    unavailable(world.present(&tokens.refresh_token).await);
    rotate(&world, &tokens).await;
}

#[tokio::test(start_paused = true)]
async fn a_swap_that_keeps_losing_is_unavailable_after_five_tries() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let tokens = world.login().await;
    store.inject(Fault::lost_swap().times(5));
    let before = store.count(&[StoreCall::Load]);
    unavailable(world.present(&tokens.refresh_token).await);
    assert_eq!(store.count(&[StoreCall::Load]) - before, 5);
    store.inject(Fault::lost_swap().times(4));
    rotate(&world, &tokens).await;
}
