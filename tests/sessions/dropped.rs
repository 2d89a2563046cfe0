//! Calls that are dropped at one of their awaits, each in turn: before a store operation, in
//! it, after it, in the application's hook, asleep between two tries. What an honest client
//! does then is to try again.

use std::ops::AsyncFn;

use tower_bearer::{
    TokenResponse,
    bearer::Admission,
    session::{EndReason, RefreshOutcome, Refusal, SessionErrorKind},
    store::SessionStore,
};

use crate::{
    stepping::{Stepping, Steps, drop_at, give_way},
    support::*,
};

/// What is dropped, by the row of the protocol's table that it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    /// Row 5.
    Current,
    /// Row 6.
    Rotation,
    /// Row 6, and the first swap loses.
    Contested,
    /// Row 7.
    Neighbour,
    /// Row 8.
    Late,
}

const REFRESHES: [Refresh; 5] = [
    Refresh::Current,
    Refresh::Rotation,
    Refresh::Contested,
    Refresh::Neighbour,
    Refresh::Late,
];

/// Until the client tries again, in seconds: within the window, and long after it.
const RETRIES: [u64; 2] = [2, 3600];

type Stepped<St> = World<Stepping<St>>;

fn stepped<St: SessionStore>(store: St, clock: tower_bearer::clock::ManualClock) -> Stepped<St> {
    let store = Stepping::new(store, Steps::Split);
    world_on(store, clock, |builder| {
        builder.on_refresh(|_, _| async {
            give_way().await;
            true
        })
    })
}

fn on_failing() -> Stepped<Failing> {
    let clock = clock();
    stepped(failing(&clock), clock)
}

#[tokio::test(start_paused = true)]
async fn a_refresh_can_be_dropped_at_any_await() {
    let mut dropped = 0;
    for refresh in REFRESHES {
        for retry in RETRIES {
            let mut awaits = 0;
            loop {
                let world = on_failing();
                if !refresh_dropped(&world, refresh, awaits, retry).await {
                    break;
                }
                awaits += 1;
            }
            assert!(awaits > 2, "{refresh:?} has {awaits} awaits only");
            dropped += awaits;
        }
    }
    println!("memory: {dropped} refreshes dropped half way, 0 sessions lost");
}

/// There a write may go on after the call that began it was dropped.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_in_sqlite_can_be_dropped_at_any_await() {
    let mut dropped = 0;
    let (_folder, store, clock) = sqlite().await;
    let world = stepped(store, clock);
    for refresh in REFRESHES {
        for retry in RETRIES {
            for awaits in 0..16 {
                let was_dropped = refresh_dropped(&world, refresh, awaits, retry).await;
                dropped += usize::from(was_dropped);
            }
        }
    }
    println!("sqlite: {dropped} refreshes dropped half way, 0 sessions lost");
    assert!(dropped > 30, "{dropped} refreshes were dropped half way");
}

/// Whether the refresh was dropped and had not ended before. The client tries again.
async fn refresh_dropped<St: SessionStore>(
    world: &Stepped<St>,
    refresh: Refresh,
    awaits: usize,
    retry: u64,
) -> bool {
    let first = world.login().await;
    world.wait(600);
    let second = rotate(world, &first).await;
    let (held, wait) = match refresh {
        Refresh::Current => (second, 15),
        Refresh::Rotation | Refresh::Contested => (second, 600),
        Refresh::Neighbour => (first, 5),
        Refresh::Late => (first, 600),
    };
    world.wait(wait);
    let is_contested = refresh == Refresh::Contested;
    world.sessions.store().contest(is_contested);
    let answer = drop_at(awaits, world.present(&held.refresh_token)).await;

    world.wait(retry);
    let again = rotate(world, &held).await;
    if let Some(answer) = &answer
        && generation(&answer.as_ref().unwrap().tokens) == generation(&again)
    {
        let first = refresh_payload(&answer.as_ref().unwrap().tokens);
        assert_eq!(refresh_payload(&again), first);
    }
    goes_on(world, again).await;
    answer.is_none()
}

/// The client uses its tokens, is confirmed, and rotates.
async fn goes_on<St: SessionStore>(world: &Stepped<St>, mut held: TokenResponse) {
    for _ in 0..3 {
        world.wait(30);
        let token = world.verified(&held.access_token);
        assert_eq!(admit(&world.sessions, &token), Admission::Admitted);
        world.sessions.flush().await.unwrap();
        world.wait(600);
        let next = world.present(&held.refresh_token).await.expect("served");
        assert_eq!(next.outcome, RefreshOutcome::Rotated);
        held = next.tokens;
    }
    let row = world.row(&held).await.unwrap();
    assert_eq!(row.state.ended, None);
    assert!(
        row.state.late.count_ones() <= 1,
        "late: {:b}",
        row.state.late
    );
    assert_eq!(u64::from(row.state.generation), generation(&held));
}

/// However a replay is cut off, the next one ends the session at the latest.
#[tokio::test(start_paused = true)]
async fn a_replay_that_goes_away_is_still_seen() {
    for awaits in 0.. {
        let world = on_failing();
        let stolen = world.login().await;
        let mut held = stolen.clone();
        for _ in 0..2 {
            world.wait(600);
            held = rotate(&world, &held).await;
        }
        let answer = drop_at(awaits, world.present(&stolen.refresh_token)).await;
        let again = world.present(&stolen.refresh_token).await.unwrap_err();
        let SessionErrorKind::InvalidGrant(Refusal::Reused | Refusal::Ended) = again.kind() else {
            panic!("{again:?}")
        };
        refused(world.present(&held.refresh_token).await, Refusal::Ended);
        let ended = world.row(&held).await.unwrap().state.ended.unwrap();
        assert_eq!(ended.reason, EndReason::Reuse);
        if answer.is_some() {
            return assert!(awaits > 2, "{awaits} awaits only");
        }
    }
}

/// A logout whose caller has gone is whole or has not happened; tried again, it has.
async fn end_dropped(end: impl AsyncFn(&Stepped<Failing>, &TokenResponse)) {
    for awaits in 0.. {
        let world = on_failing();
        let held = world.login().await;
        let answer = drop_at(awaits, end(&world, &held)).await;
        world.wait(30);
        let newest = match world.present(&held.refresh_token).await {
            Ok(refreshed) => refreshed.tokens,
            Err(error) => {
                refused(Err(error), Refusal::Ended);
                held
            }
        };
        end(&world, &newest).await;
        assert!(world.row(&newest).await.unwrap().state.ended.is_some());
        let token = world.verified(&newest.access_token);
        assert_eq!(admit(&world.sessions, &token), Admission::Ended);
        refused(world.present(&newest.refresh_token).await, Refusal::Ended);
        if answer.is_some() {
            return assert!(awaits > 0, "{awaits} awaits only");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_can_be_dropped_at_any_await() {
    end_dropped(async |world, held| {
        world.sessions.end(sid(held), "anna").await.unwrap();
    })
    .await;
    end_dropped(async |world, _| {
        world.sessions.end_all("anna").await.unwrap();
    })
    .await;
    end_dropped(async |world, held| {
        let token = held.refresh_token.expose();
        world.sessions.revoke(token, None).await.unwrap();
    })
    .await;
    end_dropped(async |world, held| {
        let token = held.access_token.expose();
        world.sessions.revoke(token, None).await.unwrap();
    })
    .await;
}

/// No confirmation is lost with the flush that was to write it.
#[tokio::test(start_paused = true)]
async fn a_flush_can_be_dropped_at_any_await() {
    for awaits in 0.. {
        let world = on_failing();
        let first = world.login().await;
        let second = rotate(&world, &first).await;
        let _ = admit(&world.sessions, &world.verified(&second.access_token));
        let answer = drop_at(awaits, world.sessions.flush()).await;
        world.sessions.flush().await.unwrap();
        assert!(
            world
                .row(&second)
                .await
                .unwrap()
                .state
                .confirmed_at
                .is_some()
        );
        if answer.is_some() {
            return assert!(awaits > 1, "{awaits} awaits only");
        }
    }
}
