//! Refresh tokens of another program, for which sessions are begun.

use std::{sync::atomic::Ordering, time::Duration};

use tower_bearer::{
    Scope,
    clock::Timestamp,
    jws::KeyErrorKind,
    session::{
        EndReason, Grant, Overflow, RefreshDecision, RefreshKey, RefreshOutcome, RefreshRequest,
        Refusal, Reuse, SessionErrorKind, SessionEventKind, SessionsBuilder, Takeover,
    },
    store::{MemoryStore, SessionStore},
    testing::StoreCall,
};

use crate::{old_store::*, stepping::drop_at, support::*};

fn taken_over(old: &OldStore) -> World {
    world_with(|builder| builder.take_over(takeover(old)))
}

fn request(token: &str) -> RefreshRequest {
    RefreshRequest::new(foreign(token))
}

#[tokio::test]
async fn the_first_time_begins_a_session_and_the_old_store_forgets_the_token() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    let adopted = world.present(&foreign("uuid")).await.unwrap();
    assert_eq!(adopted.session.subject, "anna");
    assert_eq!(adopted.outcome, RefreshOutcome::Rotated);
    assert_eq!(generation(&adopted.tokens), 1);
    assert_eq!(adopted.tokens.scope, Scope::from_static("read"));
    assert!(!old.has("uuid"));
    assert_eq!(
        world.kinds(),
        [SessionEventKind::Adopted, SessionEventKind::Rotated]
    );

    let claims = world.claims(&adopted.tokens.access_token);
    assert_eq!(claims.sub, "anna");
    assert_eq!(claims.auth_time, Some(Timestamp::from_secs(0)));
    let next = rotate(&world, &adopted.tokens).await;
    assert_eq!(sid(&next), sid(&adopted.tokens));
}

#[tokio::test]
async fn a_token_that_comes_again_gets_the_same_successor() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    let first = world.present(&foreign("uuid")).await.unwrap().tokens;
    for (secs, event) in [
        (3, SessionEventKind::Neighbour),
        (3600, SessionEventKind::LateRedelivery),
    ] {
        world.wait(secs);
        let again = world.sessions.adopt(request("uuid")).await.unwrap();
        assert_eq!(again.outcome, RefreshOutcome::Redelivered);
        assert_eq!(refresh_payload(&again.tokens), {
            let mut first = refresh_payload(&first);
            first["exp"] = refresh_payload(&again.tokens)["exp"].clone();
            first
        });
        assert_eq!(world.kinds().last(), Some(&event));
    }
    assert_eq!(old.finds(), 2, "the session itself tells whose token it is");
    assert_eq!(world.listed().await, 1);
}

#[tokio::test]
async fn a_token_that_comes_after_the_client_has_moved_on_was_stolen() {
    for moves in [1, 2] {
        let old = OldStore::with(&["uuid"]);
        let world = taken_over(&old);
        let mut held = world.present(&foreign("uuid")).await.unwrap().tokens;
        world.verified(&held.access_token);
        for _ in 0..moves {
            world.wait(300);
            held = rotate(&world, &held).await;
        }
        world.wait(300);
        refused(world.present(&foreign("uuid")).await, Refusal::Reused);
        let reused = SessionEventKind::Reused(Reuse::Older);
        assert!(world.kinds().contains(&reused));
        refused(world.present(&held.refresh_token).await, Refusal::Ended);
        refused(world.present(&foreign("uuid")).await, Refusal::Ended);
    }
}

#[tokio::test]
async fn what_the_old_store_does_not_have_is_refused_as_any_other_text() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    refused(world.present(&foreign("other")).await, Refusal::Malformed);
    assert_eq!(world.kinds(), []);
    assert!(old.has("uuid"));
    let without = world_with(|builder| builder);
    refused(without.present(&foreign("uuid")).await, Refusal::Malformed);
    let adopted = without.sessions.adopt(request("uuid")).await;
    refused(adopted, Refusal::Malformed);
}

#[tokio::test]
async fn the_takeover_ends_at_its_date() {
    let old = OldStore::with(&["first", "second"]);
    let world = taken_over(&old);
    world.present(&foreign("first")).await.unwrap();
    world.clock.set(UNTIL);
    for token in ["first", "second"] {
        refused(world.present(&foreign(token)).await, Refusal::Malformed);
        world.sessions.revoke(token, None).await.unwrap();
    }
    assert!(old.has("second"));
    assert_eq!(old.finds(), 2);
    assert_eq!(world.listed().await, 1);
}

#[tokio::test]
async fn what_can_be_no_token_is_not_looked_for() {
    let old = OldStore::default();
    let world = taken_over(&old);
    for token in ["", "a\nb", " a", "a ", "é", "\u{7f}", &"a".repeat(4097)] {
        refused(world.present(&foreign(token)).await, Refusal::Malformed);
    }
    assert_eq!(old.finds(), 0);
    let longest = "a".repeat(4096);
    old.add(&longest, "anna");
    world.present(&foreign(&longest)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_old_store_that_fails_costs_nobody_the_session() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    for (fault, removes) in [(&old.0.find_fails, 0), (&old.0.remove_fails, 1)] {
        fault.store(true, Ordering::SeqCst);
        unavailable(world.present(&foreign("uuid")).await);
        unavailable(world.present(&foreign("uuid")).await);
        fault.store(false, Ordering::SeqCst);
        assert!(old.has("uuid"), "{removes}");
    }
    old.0.hangs.store(true, Ordering::SeqCst);
    unavailable(world.present(&foreign("uuid")).await);
    old.0.hangs.store(false, Ordering::SeqCst);
    let adopted = world.present(&foreign("uuid")).await.unwrap();
    assert_eq!(generation(&adopted.tokens), 1);
    assert!(!old.has("uuid"));
    assert_eq!(world.listed().await, 1);
}

/// Nothing is answered while the other store may still have the token.
#[tokio::test]
async fn a_session_whose_token_is_not_removed_is_not_answered() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    old.0.remove_fails.store(true, Ordering::SeqCst);
    unavailable(world.present(&foreign("uuid")).await);
    let page = world.sessions.list("anna").await.unwrap();
    let row = world
        .sessions
        .store()
        .load(page.sessions[0].sid)
        .await
        .unwrap();
    assert_eq!(row.record.unwrap().state.generation, 0);
    assert!(old.has("uuid"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_at_any_call_costs_nobody_the_session() {
    let mut calls = 0;
    loop {
        let (clock, old) = (clock(), OldStore::with(&["uuid"]));
        let world = world_on(failing(&clock), clock, |builder| {
            builder.take_over(takeover(&old))
        });
        let fault = down().after(calls).times(1);
        world.sessions.store().inject(fault);
        if world.present(&foreign("uuid")).await.is_ok() {
            break;
        }
        calls += 1;
        world.wait(3600);
        let adopted = world.present(&foreign("uuid")).await.unwrap();
        assert_eq!(generation(&adopted.tokens), 1, "after {calls} calls");
        assert_eq!(world.listed().await, 1);
        assert!(!old.has("uuid"));
    }
    assert_eq!(calls, 5, "load, insert, confirm, load, swap");
}

#[tokio::test(start_paused = true)]
async fn an_adoption_can_be_dropped_at_any_await() {
    let mut awaits = 0;
    loop {
        let (clock, old) = (clock(), OldStore::with(&["uuid"]));
        old.0.gives_way.store(true, Ordering::SeqCst);
        let store = crate::stepping::Stepping::new(
            MemoryStore::with_clock(clock.clone()),
            crate::stepping::Steps::Split,
        );
        let world = world_on(store, clock, |builder| builder.take_over(takeover(&old)));
        let done = drop_at(awaits, world.present(&foreign("uuid"))).await;
        if done.is_some() {
            break;
        }
        awaits += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.wait(3600);
        world
            .present(&foreign("uuid"))
            .await
            .expect("it is tried again");
        assert_eq!(world.listed().await, 1);
        assert!(!old.has("uuid"));
    }
    assert!(awaits >= 8, "{awaits} awaits only");
}

#[tokio::test]
async fn only_so_many_are_looked_for_at_once() {
    let old = OldStore::with(&["uuid"]);
    let world = world_with(|builder| builder.take_over(takeover(&old).max_calls(1)));
    old.0.hangs.store(true, Ordering::SeqCst);
    let waits = world.sessions.clone();
    let waits = tokio::spawn(async move { waits.adopt(request("other")).await });
    while old.finds() == 0 {
        tokio::task::yield_now().await;
    }
    unavailable(world.present(&foreign("uuid")).await);
    waits.abort();
    assert!(waits.await.unwrap_err().is_cancelled());
    old.0.hangs.store(false, Ordering::SeqCst);
    world.present(&foreign("uuid")).await.unwrap();
}

#[tokio::test]
async fn another_client_is_refused_before_anything_is_written() {
    let old = OldStore::with(&["uuid"]);
    old.grants(|user| Grant::new(user).client_id("app"));
    let world = taken_over(&old);
    let other = world.sessions.adopt(request("uuid").client_id("other"));
    refused(other.await, Refusal::OtherClient);
    assert!(old.has("uuid") && world.listed().await == 0);
    let own = world.sessions.adopt(request("uuid").client_id("app"));
    own.await.unwrap();
    let other = world.sessions.adopt(request("uuid").client_id("other"));
    refused(other.await, Refusal::OtherClient);
}

/// The client would otherwise have no token left that anybody takes.
#[tokio::test]
async fn what_is_refused_for_good_leaves_the_token_where_it_is() {
    let wrong: [fn(RefreshRequest) -> RefreshRequest; 3] = [
        |request| request.scope(Scope::from_static("admin")),
        |request| request.resource("https://other.example"),
        |request| request.client_id("other"),
    ];
    for is_begun in [false, true] {
        let old = OldStore::with(&["uuid"]);
        old.grants(|user| {
            let grant = Grant::new(user).client_id("app");
            grant.scope(Scope::from_static("read"))
        });
        let world = taken_over(&old);
        if is_begun {
            old.0.remove_fails.store(true, Ordering::SeqCst);
            unavailable(world.present(&foreign("uuid")).await);
            old.0.remove_fails.store(false, Ordering::SeqCst);
        }
        for change in wrong {
            let adopted = world.sessions.adopt(change(request("uuid"))).await;
            assert_ne!(adopted.unwrap_err().kind(), SessionErrorKind::Unavailable);
            assert!(old.has("uuid"));
            assert_eq!(world.listed().await, usize::from(is_begun));
        }
        world.present(&foreign("uuid")).await.unwrap();
    }
}

#[tokio::test]
async fn a_grant_that_no_session_can_hold_leaves_the_token_where_it_is() {
    let old = OldStore::with(&["uuid"]);
    old.grants(|_| Grant::new(""));
    let world = taken_over(&old);
    let error = world.present(&foreign("uuid")).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::InvalidRequest);
    old.grants(|user| Grant::new(user).claims(&serde_json::json!({ "x": "y".repeat(9000) })));
    let error = world.present(&foreign("uuid")).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Grant);
    assert!(old.has("uuid") && world.listed().await == 0);
}

/// The other program has begun the session long ago.
#[tokio::test]
async fn what_is_left_of_a_session_may_be_less_than_an_access_token_lives() {
    const LEFT: [u64; 4] = [1, 30, 599, 600];
    let grants: [fn(String) -> Grant; 9] = [
        |user| Grant::new(user).session_lifetime(Duration::from_secs(LEFT[0])),
        |user| Grant::new(user).session_lifetime(Duration::from_secs(LEFT[1])),
        |user| Grant::new(user).session_lifetime(Duration::from_secs(LEFT[2])),
        |user| Grant::new(user).session_lifetime(Duration::from_secs(LEFT[3])),
        |user| Grant::new(user).idle_lifetime(Duration::from_secs(LEFT[0])),
        |user| Grant::new(user).idle_lifetime(Duration::from_secs(LEFT[1])),
        |user| Grant::new(user).idle_lifetime(Duration::from_secs(LEFT[2])),
        |user| Grant::new(user).idle_lifetime(Duration::from_secs(LEFT[3])),
        // The idle lifetime of the other program is what it always was.
        |user| {
            let grant = Grant::new(user).idle_lifetime(Duration::from_secs(3600));
            grant.session_lifetime(Duration::from_secs(LEFT[0]))
        },
    ];
    for (grant, left) in grants.into_iter().zip(LEFT.repeat(3)) {
        let old = OldStore::with(&["uuid"]);
        old.grants(grant);
        let world = taken_over(&old);
        let tokens = world.present(&foreign("uuid")).await.unwrap().tokens;
        assert_eq!(tokens.refresh_expires_in, Duration::from_secs(left));
        assert!(tokens.expires_in <= Duration::from_secs(left));
        world.wait(left);
        refused(world.present(&tokens.refresh_token).await, Refusal::Expired);
    }
}

#[tokio::test]
async fn a_session_of_which_nothing_is_left_is_not_begun() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    let grants: [fn(String) -> Grant; 2] = [
        |user| Grant::new(user).session_lifetime(Duration::ZERO),
        |user| Grant::new(user).idle_lifetime(Duration::ZERO),
    ];
    for grant in grants {
        old.grants(grant);
        refused(world.present(&foreign("uuid")).await, Refusal::Malformed);
    }
    assert_eq!(world.kinds(), []);
}

#[tokio::test]
async fn a_maximum_of_sessions_costs_no_taken_over_session() {
    for overflow in [Overflow::Refuse, Overflow::EvictOldest] {
        let old = OldStore::with(&["phone", "laptop", "tablet"]);
        let configure = |builder: SessionsBuilder<_>| {
            builder.take_over(takeover(&old)).max_sessions(2, overflow)
        };
        let world = world_with(configure);
        for token in ["phone", "laptop", "tablet"] {
            world.present(&foreign(token)).await.unwrap();
        }
        assert_eq!(world.listed().await, 3);
    }
}

#[tokio::test]
async fn the_refresh_hook_is_asked_too() {
    let old = OldStore::with(&["uuid"]);
    let world = world_with(|builder| {
        let hook = |_, _| async { RefreshDecision::RefuseAndEnd };
        builder.take_over(takeover(&old)).on_refresh(hook)
    });
    refused(world.present(&foreign("uuid")).await, Refusal::Subject);
    refused(world.present(&foreign("uuid")).await, Refusal::Ended);
}

#[tokio::test]
async fn a_logout_with_the_old_token_ends_both() {
    let old = OldStore::with(&["uuid", "unused"]);
    let world = taken_over(&old);
    let tokens = world.present(&foreign("uuid")).await.unwrap().tokens;
    for token in ["uuid", "unused", "unknown"] {
        world.sessions.revoke(token, None).await.unwrap();
    }
    assert!(!old.has("unused"));
    let ended = world.row(&tokens).await.unwrap().state.ended.unwrap();
    assert_eq!(ended.reason, EndReason::Revocation);
    refused(world.present(&tokens.refresh_token).await, Refusal::Ended);
    refused(world.present(&foreign("unused")).await, Refusal::Ended);
    refused(world.present(&foreign("unknown")).await, Refusal::Malformed);
}

/// Whoever has copied a token of the other program, and has not used it yet, is out too.
#[tokio::test]
async fn a_change_of_the_password_reaches_tokens_that_never_came_here() {
    for keeps_own in [false, true] {
        let old = OldStore::with(&["copied", "own"]);
        old.add("another's", "bert");
        let world = taken_over(&old);
        let own = world.present(&foreign("own")).await.unwrap().tokens;
        match keeps_own {
            true => world.sessions.end_others("anna", sid(&own)).await.unwrap(),
            false => world.sessions.end_all("anna").await.unwrap(),
        };
        refused(world.present(&foreign("copied")).await, Refusal::Malformed);
        assert_eq!(world.listed().await, usize::from(keeps_own));
        assert!(old.has("another's") && !old.has("copied"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_password_tells_that_the_old_store_failed() {
    let old = OldStore::with(&["copied", "own"]);
    let world = taken_over(&old);
    let own = world.present(&foreign("own")).await.unwrap().tokens;
    let faults = [&old.0.remove_fails, &old.0.remove_panics, &old.0.hangs];
    for fault in faults {
        let second = world.login().await;
        fault.store(true, Ordering::SeqCst);
        unavailable(world.sessions.end_all("anna").await);
        fault.store(false, Ordering::SeqCst);
        refused(world.present(&own.refresh_token).await, Refusal::Ended);
        refused(world.present(&second.refresh_token).await, Refusal::Ended);
        assert!(old.has("copied"));
    }
    assert_eq!(world.sessions.end_all("anna").await.unwrap(), 0);
    assert!(!old.has("copied"));
}

/// A session that was begun for a token which is gone since then.
#[tokio::test]
async fn a_session_whose_token_was_not_seen_again_is_ended() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    old.0.only_finds.store(1, Ordering::SeqCst);
    unavailable(world.present(&foreign("uuid")).await);
    old.0.only_finds.store(0, Ordering::SeqCst);
    old.rotate("uuid", "next").await;
    refused(world.present(&foreign("uuid")).await, Refusal::Ended);
    assert_eq!(world.listed().await, 0);
}

#[tokio::test]
async fn an_ended_session_lets_the_old_store_forget_its_token_too() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    old.0.remove_fails.store(true, Ordering::SeqCst);
    unavailable(world.present(&foreign("uuid")).await);
    let page = world.sessions.list("anna").await.unwrap();
    let id = page.sessions[0].sid;
    world.sessions.end(id, "anna").await.unwrap();
    old.0.remove_fails.store(false, Ordering::SeqCst);
    world.sessions.revoke("uuid", None).await.unwrap();
    assert!(!old.has("uuid"));
}

/// By the process's own clock.
#[tokio::test]
async fn long_after_its_date_a_takeover_costs_nothing() {
    let (clock, old) = (clock(), OldStore::with(&["uuid"]));
    let store = failing(&clock);
    let long_ago = Timestamp::from_secs(1_000_000_000);
    let takeover = Takeover::new([6; 32], long_ago, old.clone()).unwrap();
    let world = world_on(store, clock, |builder| builder.take_over(takeover));
    refused(world.present(&foreign("uuid")).await, Refusal::Malformed);
    world.sessions.end_all("anna").await.unwrap();
    let loads = world.sessions.store().count(&[StoreCall::Load]);
    assert_eq!((loads, old.finds(), old.has("uuid")), (0, 0, true));
}

/// The store has nothing by which the token could be found out, and another secret gives another session.
#[tokio::test]
async fn the_session_is_named_by_the_token_under_the_secret() {
    let mut ids = Vec::new();
    for secret in [[1; 32], [1; 32], [2; 32]] {
        let old = OldStore::with(&["uuid"]);
        let takeover = Takeover::new(secret, UNTIL, old.clone()).unwrap();
        let world = world_with(|builder| builder.take_over(takeover));
        let tokens = world.present(&foreign("uuid")).await.unwrap().tokens;
        let row = world.row(&tokens).await.unwrap();
        ids.push((sid(&tokens), *row.session.secret.expose()));
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0].0, ids[2].0);
    assert_ne!(ids[0].1, ids[2].1);
    let version = ids[0].0.as_uuid().get_version_num();
    assert_eq!(version, 7);
    let short = Takeover::new([0; 31], UNTIL, OldStore::default()).unwrap_err();
    assert!(matches!(short.kind(), KeyErrorKind::Weak { .. }));
}

/// The refresh key may be rolled over during the takeover.
#[tokio::test]
async fn another_refresh_key_gives_the_same_session() {
    let old = OldStore::with(&["uuid"]);
    let world = taken_over(&old);
    let tokens = world.present(&foreign("uuid")).await.unwrap().tokens;
    let key = RefreshKey::from_secret([9; 32]).unwrap();
    let key = key.with_previous_secret(SECRET).unwrap();
    let store = world.sessions.store().clone();
    let next = SessionsBuilder::new(issuer(), key, store).take_over(takeover(&old));
    let next = next.build().unwrap();
    let again = next.refresh(request("uuid")).await.unwrap();
    assert_eq!(sid(&again.tokens), sid(&tokens));
}
