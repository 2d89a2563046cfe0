//! Sessions that are bound to a key of the client.

use std::time::Duration;

use tower_bearer::{
    RefreshToken, TokenResponse, TokenType,
    bearer::Admission,
    claims::KeyThumbprint,
    session::{
        Grant, KeyProof, RefreshOutcome, RefreshRequest, Refreshed, Refusal, SessionError,
        SessionErrorKind, SessionEventKind,
    },
    store::{MemoryStore, SessionStore, Swap},
};

use crate::support::*;

const DAY: u64 = 24 * 60 * 60;

/// The proof of the client, or of somebody with another key.
fn proof(key: u8) -> KeyProof {
    KeyProof::danger_unchecked(KeyThumbprint::from_bytes([key; 32]))
}

async fn bound_login(world: &World) -> TokenResponse {
    let grant = Grant::new("anna").bound_to(proof(7));
    world.sessions.start(grant).await.unwrap()
}

async fn prove(world: &World, token: &RefreshToken, key: u8) -> Result<Refreshed, SessionError> {
    let request = RefreshRequest::new(token.clone()).proof(proof(key));
    world.sessions.refresh(request).await
}

async fn proved(world: &World, held: &TokenResponse) -> Refreshed {
    prove(world, &held.refresh_token, 7).await.unwrap()
}

#[tokio::test]
async fn both_tokens_name_the_key_and_the_session_keeps_it() {
    let world = world();
    let login = bound_login(&world).await;
    let jkt = proof(7).thumbprint().to_string();
    let refreshed = proved(&world, &login).await;
    assert!(refreshed.session.bound);
    for tokens in [&login, &refreshed.tokens] {
        assert_eq!(tokens.token_type, TokenType::DPoP);
        assert_eq!(access_payload(tokens)["cnf"]["jkt"], jkt.as_str());
        assert_eq!(refresh_payload(tokens)["cnf"]["jkt"], jkt.as_str());
        let claims = world.claims(&tokens.access_token);
        assert_eq!(claims.cnf.unwrap().jkt(), Some(proof(7).thumbprint()));
        let wire = serde_json::to_value(tokens).unwrap();
        assert_eq!(wire["token_type"], "DPoP");
    }
    let row = world.row(&login).await.unwrap();
    assert_eq!(row.state.bound_to.as_ref(), Some(proof(7).thumbprint()));
}

#[tokio::test]
async fn without_the_key_nothing_is_given_and_nothing_written() {
    let world = world();
    let login = bound_login(&world).await;
    let live = proved(&world, &login).await.tokens;
    let row = world.row(&login).await;
    for token in [&login.refresh_token, &live.refresh_token] {
        refused(world.present(token).await, Refusal::Unproven);
        refused(prove(&world, token, 8).await, Refusal::Unproven);
        world.wait(60);
    }
    assert_eq!(world.row(&login).await, row);
    let unproven = SessionEventKind::Refused(Refusal::Unproven);
    assert_eq!(world.kinds()[2..], [unproven; 4]);
    assert_eq!(unproven.as_str(), "unproven");
    assert!(prove(&world, &live.refresh_token, 7).await.is_ok());
}

#[tokio::test]
async fn a_token_without_its_key_tells_no_more_of_the_session_than_one_that_is_over() {
    let world = world();
    let login = bound_login(&world).await;
    world.wait(31 * DAY);
    refused(world.present(&login.refresh_token).await, Refusal::Expired);
    let other = bound_login(&world).await;
    world.sessions.end(sid(&other), "anna").await.unwrap();
    refused(world.present(&other.refresh_token).await, Refusal::Ended);
}

#[tokio::test]
async fn copies_that_share_nothing_but_the_key_never_log_each_other_out() {
    let world = world();
    let login = bound_login(&world).await;
    let mut copies = [login.clone(), login.clone(), login.clone()];
    for round in 0..60 {
        // Each copy comes when it likes; one of them stays away for a long time.
        let copy = if round % 20 == 19 { 2 } else { round % 2 };
        world.wait(if round % 3 == 0 { 1 } else { 4_000 });
        let refreshed = proved(&world, &copies[copy]).await;
        world.sessions.flush().await.unwrap();
        copies[copy] = refreshed.tokens;
    }
    let row = world.row(&login).await.unwrap();
    assert_eq!((row.state.ended, row.state.late), (None, 0));
    assert!(world.kinds().contains(&SessionEventKind::Overtaken));
}

#[tokio::test]
async fn a_token_from_long_ago_gets_the_live_one_and_writes_nothing() {
    let world = world();
    let login = bound_login(&world).await;
    let mut live = login.clone();
    for _ in 0..5 {
        world.wait(25 * DAY);
        live = proved(&world, &live).await.tokens;
    }
    let row = world.row(&login).await;
    // Its own lifetime was over long ago; that of the session is not.
    let refreshed = proved(&world, &login).await;
    assert_eq!(refreshed.outcome, RefreshOutcome::Redelivered);
    assert_eq!(refresh_payload(&refreshed.tokens), refresh_payload(&live));
    assert_eq!(world.row(&login).await, row);
    let event = world.events.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (event.kind, event.distance),
        (SessionEventKind::Overtaken, 5)
    );
}

#[tokio::test]
async fn the_use_of_a_bound_access_token_writes_nothing() {
    let world = world();
    let login = bound_login(&world).await;
    let live = proved(&world, &login).await.tokens;
    let row = world.row(&login).await;
    let admission = admit(&world.sessions, &world.verified(&live.access_token));
    assert_eq!(admission, Admission::Admitted);
    world.sessions.flush().await.unwrap();
    assert_eq!(world.row(&login).await, row);
}

#[tokio::test]
async fn strict_rotation_is_for_sessions_without_a_key() {
    let world = world_with(|builder| builder.strict_rotation());
    let login = bound_login(&world).await;
    let live = proved(&world, &login).await.tokens;
    let again = proved(&world, &login).await;
    assert_eq!(again.outcome, RefreshOutcome::Redelivered);
    assert_eq!(generation(&again.tokens), generation(&live));
}

#[tokio::test]
async fn a_bound_session_rotates_as_rarely_as_it_is_told_to() {
    let world = world_with(|builder| builder.rotate_bound_after(Duration::from_secs(DAY)));
    let login = bound_login(&world).await;
    let live = proved(&world, &login).await.tokens;
    world.wait(600);
    proved(&world, &live).await;
    let row = world.row(&login).await;
    for _ in 0..100 {
        world.wait(600);
        let refreshed = proved(&world, &live).await;
        assert_eq!(refreshed.outcome, RefreshOutcome::Current);
        assert_eq!(access_payload(&refreshed.tokens)["gen"], 1);
    }
    assert_eq!(world.row(&login).await, row, "100 refreshes, no write");
    world.wait(DAY);
    assert_eq!(proved(&world, &live).await.outcome, RefreshOutcome::Rotated);
}

/// Whatever the policy says, the client of a login with a short life of its own does not come too late.
#[tokio::test]
async fn a_bound_session_with_a_short_life_rotates_in_time() {
    let world = world_with(|builder| builder.rotate_bound_after(Duration::from_secs(10 * DAY)));
    let grant = Grant::new("anna").idle_lifetime(Duration::from_secs(DAY));
    let mut held = world
        .sessions
        .start(grant.bound_to(proof(7)))
        .await
        .unwrap();
    for _ in 0..40 {
        world.wait(DAY / 4);
        held = proved(&world, &held).await.tokens;
    }
    assert_eq!(world.row(&held).await.unwrap().state.ended, None);
}

/// How often the row changes within a day, with a refresh every ten minutes and a request after each.
async fn writes_of_a_day(world: &World, login: TokenResponse, proof: Option<KeyProof>) -> usize {
    let (mut held, mut writes) = (login, 0);
    let mut version = world.row(&held).await.unwrap().state.version;
    for _ in 0..144 {
        world.wait(600);
        let mut request = RefreshRequest::new(held.refresh_token.clone());
        if let Some(proof) = &proof {
            request = request.proof(proof.clone());
        }
        held = world.sessions.refresh(request).await.unwrap().tokens;
        for _ in 0..2 {
            let now = world.row(&held).await.unwrap().state.version;
            writes += usize::from(now != version);
            version = now;
            let admission = admit(&world.sessions, &world.verified(&held.access_token));
            assert_eq!(admission, Admission::Admitted);
            world.sessions.flush().await.unwrap();
        }
    }
    writes
}

#[tokio::test]
async fn a_bound_session_writes_less() {
    let world = world();
    let unbound = world.login().await;
    assert_eq!(writes_of_a_day(&world, unbound, None).await, 288);
    let bound = bound_login(&world).await;
    assert_eq!(writes_of_a_day(&world, bound, Some(proof(7))).await, 144);

    let world = world_with(|builder| builder.rotate_bound_after(Duration::from_secs(DAY)));
    let bound = bound_login(&world).await;
    assert_eq!(writes_of_a_day(&world, bound, Some(proof(7))).await, 2);
}

#[tokio::test]
async fn a_refresh_with_a_proof_binds_no_session() {
    let world = world();
    let held = world.login().await;
    let refreshed = prove(&world, &held.refresh_token, 8).await.unwrap();
    assert_eq!(refreshed.tokens.token_type, TokenType::Bearer);
    assert!(access_payload(&refreshed.tokens).get("cnf").is_none());
    assert_eq!(world.row(&held).await.unwrap().state.bound_to, None);
    let rotated = rotate(&world, &refreshed.tokens).await;
    assert_eq!(rotated.token_type, TokenType::Bearer);
}

#[tokio::test]
async fn a_session_is_bound_later_once_and_for_all() {
    let world = world();
    let held = world.login().await;
    let id = sid(&held);
    assert!(world.sessions.bind(id, &proof(7)).await.unwrap());
    assert!(!world.sessions.bind(id, &proof(7)).await.unwrap());
    let other = world.sessions.bind(id, &proof(8)).await.unwrap_err();
    assert_eq!(
        other.kind(),
        SessionErrorKind::InvalidGrant(Refusal::Unproven)
    );
    assert_eq!(
        world.kinds(),
        [SessionEventKind::Started, SessionEventKind::Bound]
    );
    // The token from before is of no use without the key either.
    refused(world.present(&held.refresh_token).await, Refusal::Unproven);
    let next = proved(&world, &held).await.tokens;
    assert_eq!(next.token_type, TokenType::DPoP);
}

#[tokio::test]
async fn a_session_that_is_over_is_not_bound() {
    let world = world();
    let (ended, expired) = (world.login().await, world.login().await);
    world.sessions.end(sid(&ended), "anna").await.unwrap();
    world.wait(1);
    let bind = async |tokens| world.sessions.bind(sid(tokens), &proof(7)).await;
    let kind = |error: SessionError| error.kind();
    assert_eq!(
        bind(&ended).await.map_err(kind),
        Err(SessionErrorKind::InvalidGrant(Refusal::Ended))
    );
    world.wait(31 * DAY);
    assert_eq!(
        bind(&expired).await.map_err(kind),
        Err(SessionErrorKind::InvalidGrant(Refusal::Expired))
    );
    let unknown = "0192d3a0-0000-7000-8000-000000000001".parse().unwrap();
    let unknown = world.sessions.bind(unknown, &proof(7)).await;
    assert_eq!(
        unknown.map_err(kind),
        Err(SessionErrorKind::InvalidGrant(Refusal::Unknown))
    );
}

#[tokio::test]
async fn many_that_bind_at_once_bind_to_one_key() {
    let world = world();
    let held = world.login().await;
    let id = sid(&held);
    let tasks: Vec<_> = (1..=8)
        .map(|key| {
            let sessions = world.sessions.clone();
            tokio::spawn(async move { sessions.bind(id, &proof(key)).await })
        })
        .collect();
    let mut bound = 0;
    for task in tasks {
        bound += u32::from(task.await.unwrap().unwrap_or(false));
    }
    assert_eq!(bound, 1);
}

#[tokio::test]
async fn a_store_that_loses_the_binding_gets_it_back_from_the_token() {
    let world = world();
    let held = world.login().await;
    let lost = world.row(&held).await.unwrap();
    world.sessions.bind(sid(&held), &proof(7)).await.unwrap();
    let live = proved(&world, &held).await.tokens;
    // A failover to the state before the binding.
    let store: &MemoryStore = world.sessions.store();
    let mut back = lost.state.clone();
    let version = world.row(&held).await.unwrap().state.version;
    back.version = version + 1;
    let swap = store.swap(sid(&held), version, &back).await;
    assert_eq!(swap.unwrap(), Swap::Swapped);

    refused(world.present(&live.refresh_token).await, Refusal::Unproven);
    refused(
        prove(&world, &live.refresh_token, 8).await,
        Refusal::Unproven,
    );
    let restored = proved(&world, &live).await;
    assert_eq!(restored.outcome, RefreshOutcome::Restored);
    assert_eq!(restored.tokens.token_type, TokenType::DPoP);
    let row = world.row(&held).await.unwrap();
    assert_eq!(row.state.bound_to.as_ref(), Some(proof(7).thumbprint()));
}

/// The live token that was just given out, and one that has been passed: neither verdict writes.
#[tokio::test]
async fn a_lost_binding_comes_back_though_nothing_else_is_written() {
    let world = world();
    let login = bound_login(&world).await;
    let first = proved(&world, &login).await.tokens;
    world.wait(60);
    let live = proved(&world, &first).await.tokens;
    proved(&world, &live).await;
    for (held, outcome) in [
        (&live, RefreshOutcome::Current),
        (&first, RefreshOutcome::Redelivered),
    ] {
        let before = world.row(&login).await.unwrap().state;
        let mut lost = before.clone();
        (lost.bound_to, lost.version) = (None, before.version + 1);
        let store: &MemoryStore = world.sessions.store();
        let swap = store.swap(sid(&login), before.version, &lost).await;
        assert_eq!(swap.unwrap(), Swap::Swapped);

        let answer = proved(&world, held).await;
        assert_eq!(answer.outcome, outcome);
        assert!(answer.session.bound);
        let jkt = proof(7).thumbprint().to_string();
        assert_eq!(access_payload(&answer.tokens)["cnf"]["jkt"], jkt.as_str());
        assert_eq!(refresh_payload(&answer.tokens), refresh_payload(&live));
        let mut after = world.row(&login).await.unwrap().state;
        assert!(after.version > lost.version);
        (after.version, after.last_refreshed_at) = (before.version, before.last_refreshed_at);
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn a_bound_session_is_revoked_without_a_proof() {
    let world = world();
    let login = bound_login(&world).await;
    let token = login.refresh_token.expose();
    world.sessions.revoke(token, None).await.unwrap();
    assert!(world.row(&login).await.unwrap().state.ended.is_some());
    refused(prove(&world, &login.refresh_token, 7).await, Refusal::Ended);

    let login = bound_login(&world).await;
    let token = login.access_token.expose();
    world.sessions.revoke(token, None).await.unwrap();
    assert!(world.row(&login).await.unwrap().state.ended.is_some());
}
