//! The user authenticates again inside of a session, or is asked to.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tower_bearer::{
    Claims, RefreshToken, TokenResponse,
    claims::KeyThumbprint,
    clock::{Clock, Timestamp},
    session::{
        Grant, KeyProof, Reauthentication, RefreshDecision, RefreshOutcome, RefreshRequest,
        Refusal, SessionError, SessionErrorKind, SessionEventKind, SessionInfo,
    },
    store::{Extra, MemoryStore, SessionStore, StoreErrorKind},
    testing::{Fault, StoreCall},
};

use crate::support::*;

async fn login(world: &World) -> TokenResponse {
    let grant = Grant::new("anna").acr("pwd");
    world.sessions.start(grant).await.unwrap()
}

async fn again<St: SessionStore>(
    world: &World<St>,
    held: &TokenResponse,
    how: Reauthentication,
) -> Result<TokenResponse, SessionError> {
    let claims = world.claims(&held.access_token);
    world.sessions.reauthenticate(&claims, how).await
}

async fn refused(world: &World, claims: &Claims) -> SessionErrorKind {
    let how = Reauthentication::new();
    let answer = world.sessions.reauthenticate(claims, how).await;
    answer.unwrap_err().kind()
}

async fn by_passkey<St: SessionStore>(world: &World<St>, held: &TokenResponse) -> TokenResponse {
    let how = Reauthentication::new().acr("phr");
    again(world, held, how).await.unwrap()
}

/// How and when the user has authenticated, as the access token says.
fn told(tokens: &TokenResponse) -> (Value, i64) {
    let payload = access_payload(tokens);
    let at = payload["auth_time"].as_i64().unwrap();
    (payload["acr"].clone(), at)
}

const NOW: i64 = 2_000_000_000;

/// The store could not write it, or the application has learned of it from elsewhere.
#[tokio::test]
async fn in_a_session_that_ended_as_far_as_this_server_knows_nobody_authenticates() {
    let world = world();
    let held = login(&world).await;
    world.sessions.note_ended(sid(&held));
    let claims = world.claims(&held.access_token);
    let ended = SessionErrorKind::InvalidGrant(Refusal::Ended);
    assert_eq!(refused(&world, &claims).await, ended);
}

#[tokio::test]
async fn the_new_tokens_and_all_that_follow_tell_of_it() {
    let world = world();
    let first = login(&world).await;
    assert_eq!(told(&first), (json!("pwd"), NOW));
    world.wait(100);
    let mut held = by_passkey(&world, &first).await;
    assert_eq!(sid(&held), sid(&first));
    assert_eq!((generation(&first), generation(&held)), (0, 1));
    for _ in 0..3 {
        assert_eq!(told(&held), (json!("phr"), NOW + 100));
        world.wait(60);
        let refreshed = world.present(&held.refresh_token).await.unwrap();
        assert_eq!(refreshed.session.acr.as_deref(), Some("phr"));
        held = refreshed.tokens;
    }
    // Once more, without a name. The class of before is not kept.
    let held = again(&world, &held, Reauthentication::new()).await.unwrap();
    assert_eq!(told(&held), (Value::Null, NOW + 280));
    assert_eq!(told(&rotate(&world, &held).await), (Value::Null, NOW + 280));
    let listed = world.sessions.list("anna").await.unwrap();
    assert_eq!(listed.sessions.len(), 1);
    assert_eq!(listed.sessions[0].auth_time.as_secs(), NOW + 280);
    let kinds = world.kinds();
    assert_eq!(kinds[1], SessionEventKind::Reauthenticated);
    assert_eq!(kinds[1].as_str(), "reauthenticated");
}

/// The thief has copied the token before the user authenticated again.
#[tokio::test]
async fn an_older_token_and_all_that_comes_of_it_knows_nothing() {
    for wait in [0, 5, 60] {
        let world = world();
        let stolen = login(&world).await;
        let own = by_passkey(&world, &stolen).await;
        world.wait(wait);
        let answer = world.present(&stolen.refresh_token).await.unwrap();
        assert_eq!(answer.outcome, RefreshOutcome::Redelivered);
        assert_eq!(answer.session.acr.as_deref(), Some("pwd"));
        let mut thief = answer.tokens;
        assert_eq!(generation(&thief), generation(&own));
        assert_ne!(refresh_payload(&thief)["jti"], refresh_payload(&own)["jti"]);
        for _ in 0..3 {
            assert_eq!(told(&thief), (json!("pwd"), NOW));
            world.wait(30);
            thief = rotate(&world, &thief).await;
        }
    }
}

/// Nobody is logged out, and whoever has authenticated keeps it beside the other.
#[tokio::test]
async fn a_second_tab_is_served_as_ever_and_the_first_keeps_what_it_knows() {
    let world = world();
    let first = login(&world).await;
    let own = by_passkey(&world, &first).await;
    let other = rotate(&world, &first).await;
    let own = rotate(&world, &own).await;
    assert_eq!(told(&own).0, "phr");
    // Both are of the live generation. The other one goes ahead.
    world.wait(60);
    let ahead = rotate(&world, &other).await;
    assert_eq!(told(&ahead).0, "pwd");
    let own = rotate(&world, &own).await;
    assert_eq!(
        (told(&own).0, generation(&own)),
        (json!("phr"), generation(&ahead))
    );
    assert_eq!(world.listed().await, 1);
}

#[tokio::test]
async fn only_the_last_time_counts_and_only_for_its_own_line() {
    let world = world();
    let first = login(&world).await;
    let second = again(&world, &first, Reauthentication::new().acr("otp"))
        .await
        .unwrap();
    let third = by_passkey(&world, &second).await;
    // The answer to the second tab of the one before.
    let tab = rotate(&world, &second).await;
    assert_eq!(told(&tab), (json!("pwd"), NOW));
    assert_eq!(told(&rotate(&world, &third).await).0, "phr");
}

#[tokio::test]
async fn a_token_of_a_line_cannot_be_relabelled() {
    let world = world();
    let own = by_passkey(&world, &login(&world).await).await;
    let mut record = world.row(&own).await.unwrap();
    assert_eq!(refresh_payload(&own)["line"], 1);
    // What a thief with a plain token and the signing key could make: see the unit tests of `jti`. What a store
    // could do: lose that it was of a line. The token is genuine then, and tells nothing.
    record.state.extra = Extra::default();
    let later = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
    later.sessions.store().insert(&record).await.unwrap();
    assert_eq!(told(&rotate(&later, &own).await), (json!("pwd"), NOW));
}

/// A failover has lost the write: the token is ahead of the store.
#[tokio::test]
async fn a_store_that_has_lost_it_gives_no_more_than_the_login() {
    let world = world();
    let first = login(&world).await;
    let before = world.row(&first).await.unwrap();
    let own = by_passkey(&world, &first).await;
    let replica = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
    replica.sessions.store().insert(&before).await.unwrap();
    let restored = replica.present(&own.refresh_token).await.unwrap();
    assert_eq!(restored.outcome, RefreshOutcome::Restored);
    assert_eq!(told(&restored.tokens), (json!("pwd"), NOW));
    assert_eq!(told(&by_passkey(&replica, &restored.tokens).await).0, "phr");
}

fn proof(key: u8) -> KeyProof {
    KeyProof::danger_unchecked(KeyThumbprint::from_bytes([key; 32]))
}

async fn prove(world: &World, token: &RefreshToken) -> TokenResponse {
    let request = RefreshRequest::new(token.clone()).proof(proof(7));
    world.sessions.refresh(request).await.unwrap().tokens
}

#[tokio::test]
async fn a_bound_session_asks_for_its_key_and_all_who_have_it_know() {
    let world = world();
    let grant = Grant::new("anna").acr("pwd").bound_to(proof(7));
    let first = world.sessions.start(grant).await.unwrap();
    let copy = prove(&world, &first.refresh_token).await;
    for wrong in [None, Some(8)] {
        let mut how = Reauthentication::new().acr("phr");
        if let Some(key) = wrong {
            how = how.proof(proof(key));
        }
        let error = again(&world, &first, how).await.unwrap_err();
        assert_eq!(
            error.kind(),
            SessionErrorKind::InvalidGrant(Refusal::Unproven)
        );
    }
    let how = Reauthentication::new().acr("phr").proof(proof(7));
    let own = again(&world, &first, how).await.unwrap();
    assert_eq!(told(&own).0, "phr");
    assert!(access_payload(&own)["cnf"]["jkt"].is_string());
    world.wait(3600);
    // Copies of the client, with tokens of any age.
    for token in [&first, &copy, &own] {
        let answer = prove(&world, &token.refresh_token).await;
        assert_eq!(told(&answer).0, "phr");
    }
}

#[tokio::test]
async fn who_acts_for_the_user_cannot_authenticate_as_the_user() {
    let world = world();
    let grant = Grant::new("anna").actor("admin-7");
    let acting = world.sessions.start(grant).await.unwrap();
    let error = again(&world, &acting, Reauthentication::new().acr("phr")).await;
    assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidRequest);
    assert_eq!(world.row(&acting).await.unwrap().state.generation, 0);
}

#[tokio::test]
async fn claims_that_name_no_live_session_of_the_user_are_refused() {
    let world = world();
    let held = login(&world).await;
    let claims = world.claims(&held.access_token);
    let change = |change: fn(&mut Claims)| {
        let mut other = claims.clone();
        change(&mut other);
        other
    };
    for other in [
        change(|it| it.iss = "https://other.example".to_owned()),
        change(|it| it.sub = "bert".to_owned()),
        change(|it| it.sid = None),
        change(|it| it.sid = Some("x".to_owned())),
        change(|it| it.sid = Some("0192d3a0-0000-7000-8000-000000000001".to_owned())),
    ] {
        let unknown = SessionErrorKind::InvalidGrant(Refusal::Unknown);
        assert_eq!(refused(&world, &other).await, unknown, "{other:?}");
    }
    world.sessions.end(sid(&held), "anna").await.unwrap();
    assert_eq!(
        refused(&world, &claims).await,
        SessionErrorKind::InvalidGrant(Refusal::Ended)
    );
    let short = Grant::new("anna").session_lifetime(Duration::from_secs(700));
    let short = world.sessions.start(short).await.unwrap();
    let claims = world.claims(&short.access_token);
    world.wait(700);
    assert_eq!(
        refused(&world, &claims).await,
        SessionErrorKind::InvalidGrant(Refusal::Expired)
    );
}

#[tokio::test]
async fn classes_and_times_are_within_limits() {
    let world = world();
    let held = login(&world).await;
    for wrong in [String::new(), "a".repeat(1025)] {
        let error = again(&world, &held, Reauthentication::new().acr(wrong)).await;
        assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidRequest);
    }
    let before = Timestamp::from_secs(NOW - 50);
    let held = again(&world, &held, Reauthentication::new().auth_time(before))
        .await
        .unwrap();
    assert_eq!(told(&held).1, NOW - 50);
    // A login that is still to come would be a recent one for ever.
    let ahead = Timestamp::from_secs(NOW + 1_000_000);
    let held = again(&world, &held, Reauthentication::new().auth_time(ahead))
        .await
        .unwrap();
    assert_eq!(told(&held).1, NOW);
    let longest = Reauthentication::new().acr("a".repeat(1024));
    let held = again(&world, &held, longest).await.unwrap();
    rotate(&world, &held).await;
}

#[tokio::test]
async fn a_failure_leaves_the_session_as_it_was_and_a_lost_swap_is_tried_again() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let held = world.sessions.start(Grant::new("anna")).await.unwrap();
    for call in [StoreCall::Load, StoreCall::Swap] {
        store.inject(down().on([call]));
        unavailable(again(&world, &held, Reauthentication::new().acr("phr")).await);
        store.heal();
    }
    store.inject(Fault::lost_swap().times(3));
    assert_eq!(told(&by_passkey(&world, &held).await).0, "phr");
    store.heal();

    // The answer is lost, and the client goes on with what it has. It authenticates once more.
    store.inject(
        Fault::lost_answer(StoreErrorKind::Unavailable)
            .on([StoreCall::Swap])
            .times(1),
    );
    let held = world.sessions.start(Grant::new("anna")).await.unwrap();
    unavailable(again(&world, &held, Reauthentication::new().acr("phr")).await);
    let held = rotate(&world, &held).await;
    assert_eq!(told(&held).0, Value::Null);
    assert_eq!(told(&by_passkey(&world, &held).await).0, "phr");
}

/// The number of a generation grows, and with it the access token.
#[tokio::test]
async fn what_can_authenticate_again_can_be_refreshed() {
    let world = world();
    let mut fitted = 0;
    for length in (0..40).map(|more| 4_500 + 10 * more) {
        let grant = Grant::new("anna").claims(&json!({ "note": "a".repeat(length) }));
        let mut held = world.sessions.start(grant).await.unwrap();
        for _ in 0..8 {
            world.wait(60);
            held = rotate(&world, &held).await;
        }
        let Ok(mut held) =
            again(&world, &held, Reauthentication::new().acr("b".repeat(1024))).await
        else {
            continue;
        };
        assert_eq!(generation(&held), 9);
        for _ in 0..3 {
            world.wait(60);
            held = rotate(&world, &held).await;
        }
        fitted += 1;
    }
    assert!((1..40).contains(&fitted), "{fitted}");
}

/// What the hook sees and answers.
#[tokio::test]
async fn the_hook_is_asked_and_may_refuse() {
    let asked = Arc::new(AtomicU32::new(0));
    let says = Arc::new(Mutex::new(RefreshDecision::StepUp));
    let (count, answer) = (asked.clone(), says.clone());
    let world = world_with(|builder| {
        builder.on_refresh(move |session: SessionInfo, _| {
            count.fetch_add(1, Ordering::SeqCst);
            assert_eq!(session.acr.as_deref(), Some("phr"));
            assert_eq!(session.auth_time.as_secs(), NOW);
            let answer = answer.lock().unwrap().clone();
            async move { answer }
        })
    });
    let first = login(&world).await;
    let held = by_passkey(&world, &first).await;
    assert_eq!(
        (told(&held).0, asked.load(Ordering::SeqCst)),
        (json!("phr"), 1)
    );
    for (decision, ends) in [
        (RefreshDecision::Refuse, false),
        (RefreshDecision::RefuseAndEnd, true),
    ] {
        *says.lock().unwrap() = decision;
        let error = again(&world, &held, Reauthentication::new().acr("phr")).await;
        let refused = SessionErrorKind::InvalidGrant(Refusal::Subject);
        assert_eq!(error.unwrap_err().kind(), refused);
        let state = world.row(&held).await.unwrap().state;
        assert_eq!((state.generation, state.ended.is_some()), (1, ends));
    }
}

/// A hook that steps up while this is set.
fn odd(is_odd: &Arc<AtomicBool>) -> World {
    let is_odd = is_odd.clone();
    world_with(|builder| {
        builder.on_refresh(move |_, _| {
            let is_odd = is_odd.load(Ordering::SeqCst);
            async move {
                Ok::<_, io::Error>(match is_odd {
                    true => RefreshDecision::StepUp,
                    false => RefreshDecision::Continue,
                })
            }
        })
    })
}

#[tokio::test]
async fn after_a_step_up_nobody_counts_as_authenticated_until_the_user_does_it_again() {
    let is_odd = Arc::new(AtomicBool::new(false));
    let world = odd(&is_odd);
    let first = login(&world).await;
    let own = by_passkey(&world, &first).await;
    let thief = rotate(&world, &first).await;
    is_odd.store(true, Ordering::SeqCst);
    let asked = world.present(&own.refresh_token).await.unwrap();
    assert_eq!(told(&asked.tokens), (Value::Null, 0));
    assert_eq!(
        (asked.session.acr, asked.session.auth_time.as_secs()),
        (None, 0)
    );
    is_odd.store(false, Ordering::SeqCst);
    let (mut own, mut thief) = (asked.tokens, thief);
    for held in [&mut own, &mut thief] {
        world.wait(5);
        *held = rotate(&world, held).await;
        assert_eq!(told(held), (Value::Null, 0), "it stays so");
    }
    let listed = world
        .sessions
        .list("anna")
        .await
        .unwrap()
        .sessions
        .remove(0);
    assert_eq!((listed.acr, listed.auth_time.as_secs()), (None, 0));

    // The user does, and not whoever has another token.
    let own = by_passkey(&world, &own).await;
    assert_eq!(told(&own), (json!("phr"), NOW + 10));
    assert_eq!(told(&rotate(&world, &thief).await), (Value::Null, 0));
    assert_eq!(told(&rotate(&world, &own).await), (json!("phr"), NOW + 10));
}

/// Also by a verdict that writes nothing by itself, and once only.
#[tokio::test]
async fn a_step_up_is_written_whatever_the_verdict() {
    let is_odd = Arc::new(AtomicBool::new(false));
    let world = odd(&is_odd);
    let first = login(&world).await;
    let second = rotate(&world, &first).await;
    rotate(&world, &second).await;
    is_odd.store(true, Ordering::SeqCst);
    let before = world.row(&first).await.unwrap().state;
    for held in [&first, &second] {
        let answer = rotate(&world, held).await;
        assert_eq!(told(&answer), (Value::Null, 0));
        assert_eq!(
            refresh_payload(&answer)["jti"],
            refresh_payload(&second)["jti"]
        );
    }
    let after = world.row(&first).await.unwrap().state;
    assert_eq!(
        after.extra,
        Extra::from_json(r#"{"auth":{"lapsed":true}}"#).unwrap()
    );
    assert_eq!(
        (after.generation, after.confirmed_at),
        (before.generation, before.confirmed_at)
    );
    assert!(after.version > before.version);
    let again = world.row(&first).await.unwrap().state;
    rotate(&world, &second).await;
    assert_eq!(world.row(&first).await.unwrap().state, again);

    world.sessions.end(sid(&first), "anna").await.unwrap();
    assert!(world.row(&first).await.unwrap().state.extra.is_empty());
}

/// Else tokens could tell of an authentication that has lapsed.
#[tokio::test]
async fn what_cannot_be_read_gives_no_tokens() {
    for odd in [
        json!(7),
        json!(null),
        json!([]),
        json!({ "lapsed": 1 }),
        json!({ "again": { "at": 1 } }),
        json!({ "again": { "at": 1, "line": -1 } }),
        json!({ "again": { "at": 1, "line": 1, "acr": 2 } }),
    ] {
        let world = world();
        let held = login(&world).await;
        let mut record = world.row(&held).await.unwrap();
        record.state.extra = Extra::from_json(&json!({ "auth": odd }).to_string()).unwrap();
        let later = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
        later.sessions.store().insert(&record).await.unwrap();
        let error = later.present(&held.refresh_token).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Store, "{odd}");
        let error = again(&later, &held, Reauthentication::new())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Store, "{odd}");
        assert_eq!(later.row(&held).await.unwrap(), record);
        let listed = later
            .sessions
            .list("anna")
            .await
            .unwrap()
            .sessions
            .remove(0);
        assert_eq!((listed.acr, listed.auth_time.as_secs()), (None, 0));
    }
}

/// All of it survives in a database.
#[tokio::test]
async fn a_store_keeps_it() {
    let (_folder, store, clock) = sqlite().await;
    let world = world_on(store.clone(), clock.clone(), |builder| builder);
    let first = world.sessions.start(Grant::new("anna")).await.unwrap();
    let own = by_passkey(&world, &first).await;
    let later = world_on(store, clock, |builder| builder);
    assert_eq!(
        told(&rotate(&later, &own).await),
        (json!("phr"), later.clock.now().as_secs())
    );
    assert_eq!(told(&rotate(&later, &first).await).0, Value::Null);
}
