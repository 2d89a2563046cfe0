//! A process that follows the store knows what others end, and says so when it may not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{advance, sleep, timeout};
use tower_bearer::{
    bearer::Admission,
    clock::{Clock, ManualClock, SystemClock},
    error::ConfigErrorKind,
    session::{FeedOptions, FeedStatus, Grant, Sessions, WhenBehind},
    store::MemoryStore,
    testing::Fault,
};

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);
const HALF: Duration = Duration::from_millis(500);

/// Two processes on one store, of which each has a clock of the store's time.
fn two() -> (World, World) {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let other = world_on(store.clone(), clock.clone(), |builder| builder);
    (world_on(store, clock, |builder| builder), other)
}

/// Lets time pass, for the store and for the tasks.
async fn pass<St>(world: &World<St>, time: Duration) {
    const STEP: Duration = Duration::from_millis(100);
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(STEP);
        world.clock.advance(step);
        sleep(step).await;
        left -= step;
    }
}

/// On a store that can be told to fail, and another process that works.
fn on_failing() -> (World<Failing>, Failing, World) {
    let clock = clock();
    let store = failing(&clock);
    let other = world_on(store.inner().clone(), clock.clone(), |builder| builder);
    let world = world_on(store.clone(), clock, |builder| builder);
    (world, store, other)
}

fn when_behind(when: WhenBehind) -> FeedOptions {
    FeedOptions::new()
        .behind_after(2 * SECOND)
        .when_behind(when)
}

#[tokio::test(start_paused = true)]
async fn what_another_process_ends_is_refused_after_the_next_read() {
    let (here, there) = two();
    let (out, still_in) = (there.login().await, there.login().await);
    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    there.sessions.end(sid(&out), "anna").await.unwrap();
    admits(&here, &out.access_token, Admission::Admitted);
    pass(&here, HALF + HALF / 5).await;
    admits(&here, &out.access_token, Admission::Ended);
    admits(&here, &still_in.access_token, Admission::Admitted);
}

#[tokio::test(start_paused = true)]
async fn a_theft_that_another_process_sees_is_known_too() {
    let (here, there) = two();
    let stolen = there.login().await;
    let held = rotate(&there, &rotate(&there, &stolen).await).await;
    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    there.wait(60);
    there.present(&stolen.refresh_token).await.unwrap_err();
    pass(&here, SECOND).await;
    admits(&here, &held.access_token, Admission::Ended);
}

#[tokio::test(start_paused = true)]
async fn what_was_ended_before_the_start_is_known() {
    let (here, there) = two();
    let out = there.login().await;
    there.sessions.end(sid(&out), "anna").await.unwrap();
    there.wait(590);
    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    admits(&here, &out.access_token, Admission::Ended);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_while_away_is_learned_on_return() {
    let (here, store, there) = on_failing();
    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    feed.caught_up().await;
    store.inject(down());
    let mut out = Vec::new();
    for _ in 0..40 {
        let tokens = there.login().await;
        there.sessions.end(sid(&tokens), "anna").await.unwrap();
        out.push(tokens);
        pass(&here, 10 * SECOND).await;
    }
    assert!(feed.age().unwrap() > 300 * SECOND);
    store.heal();
    pass(&here, SECOND).await;
    assert!(feed.age().unwrap() <= SECOND);
    for tokens in &out {
        admits(&here, &tokens.access_token, Admission::Ended);
    }
}

/// An end has the time at which its write began.
#[tokio::test(start_paused = true)]
async fn a_write_that_took_long_is_seen_when_it_is_done() {
    for (took, seen_after) in [(9, SECOND), (60, 31 * SECOND), (190, 301 * SECOND)] {
        let (here, there) = two();
        let (newest, late) = (there.login().await, there.login().await);
        there.wait(200);
        let feed = here.sessions.follow(FeedOptions::new()).unwrap();
        there.sessions.end(sid(&newest), "anna").await.unwrap();
        pass(&here, SECOND).await;
        let now = there.clock.now();
        there.clock.set(now - Duration::from_secs(took));
        there.sessions.end(sid(&late), "anna").await.unwrap();
        there.clock.set(now);
        admits(&here, &late.access_token, Admission::Admitted);
        pass(&here, seen_after).await;
        admits(&here, &late.access_token, Admission::Ended);
        drop(feed);
    }
}

/// What requests are told, once the store could not be read for longer than two seconds.
const WHEN_BEHIND: [(WhenBehind, Admission); 3] = [
    (WhenBehind::ServeOn, Admission::Admitted),
    (WhenBehind::AskStore, Admission::IfLive),
    (WhenBehind::Refuse, Admission::Unavailable),
];

#[tokio::test(start_paused = true)]
async fn the_promise_is_broken_in_time_whether_the_store_fails_or_is_silent() {
    for silent in [false, true] {
        for (when, expected) in WHEN_BEHIND {
            let (here, store, there) = on_failing();
            let (out, held) = (there.login().await, there.login().await);
            let feed = here.sessions.follow(when_behind(when)).unwrap();
            feed.caught_up().await;
            here.sessions.note_ended(sid(&out));
            assert_eq!(feed.status(), FeedStatus::Current);

            store.inject(if silent { Fault::hang() } else { down() });
            // The last read is up to half a second old.
            pass(&here, 2 * SECOND - HALF - HALF / 5).await;
            admits(&here, &held.access_token, Admission::Admitted);
            pass(&here, SECOND).await;
            assert_eq!(feed.status(), FeedStatus::Behind);
            admits(&here, &held.access_token, expected);
            admits(&here, &out.access_token, Admission::Ended);

            store.heal();
            pass(&here, 6 * SECOND).await;
            assert_eq!(feed.status(), FeedStatus::Current);
            admits(&here, &held.access_token, Admission::Admitted);
        }
    }
}

/// The process was frozen, or a thread of it: requests come before the task of the feed.
#[tokio::test(start_paused = true)]
async fn the_promise_is_broken_in_time_where_the_task_has_no_turn() {
    const MOMENT: Duration = Duration::from_millis(1);
    // It advances the clock at its first poll, and would let tasks run from then on.
    let freeze = |time| assert!(advance(time).now_or_never().is_none());
    for (when, expected) in WHEN_BEHIND {
        let (here, _, there) = on_failing();
        let held = there.login().await;
        let feed = here.sessions.follow(when_behind(when)).unwrap();
        feed.caught_up().await;
        for _ in 0..2 {
            freeze(2 * SECOND - feed.age().unwrap() - MOMENT);
            admits(&here, &held.access_token, Admission::Admitted);
            assert_eq!(feed.status(), FeedStatus::Current);
            freeze(MOMENT);
            admits(&here, &held.access_token, expected);
            assert_eq!(feed.status(), FeedStatus::Behind);
            pass(&here, SECOND).await;
            admits(&here, &held.access_token, Admission::Admitted);
            assert_eq!(feed.status(), FeedStatus::Current);
        }
        feed.stop().await;
        freeze(3 * SECOND);
        admits(&here, &held.access_token, Admission::Admitted);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promised_before_the_first_read() {
    for (when, expected) in WHEN_BEHIND {
        let (here, store, there) = on_failing();
        store.inject(down().times(3));
        let held = there.login().await;
        let feed = here.sessions.follow(when_behind(when)).unwrap();
        assert_eq!((feed.age(), feed.status()), (None, FeedStatus::Starting));
        admits(&here, &held.access_token, expected);
        feed.caught_up().await;
        admits(&here, &held.access_token, Admission::Admitted);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_without_a_session_and_of_others_are_none_of_its_business() {
    let (here, store, _) = on_failing();
    store.inject(down());
    let _feed = here
        .sessions
        .follow(when_behind(WhenBehind::Refuse))
        .unwrap();
    let claims = here
        .sessions
        .issuer()
        .claims("anna", here.clock.now(), 60 * SECOND);
    let token = here.sessions.issuer().sign(&claims).unwrap();
    admits(&here, &token, Admission::Admitted);
}

#[tokio::test(start_paused = true)]
async fn the_application_is_told_of_each_change() {
    let (here, store, _) = on_failing();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let options =
        when_behind(WhenBehind::ServeOn).on_change(move |status| tell.lock().unwrap().push(status));
    let feed = here.sessions.follow(options).unwrap();
    feed.caught_up().await;
    pass(&here, SECOND).await;
    store.inject(down().times(10));
    pass(&here, 10 * SECOND).await;
    use FeedStatus::{Behind, Current};
    assert_eq!(*told.lock().unwrap(), [Current, Behind, Current]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_from_the_start_is_told_of_once() {
    let (here, store, _) = on_failing();
    store.inject(down());
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let options =
        when_behind(WhenBehind::Refuse).on_change(move |status| tell.lock().unwrap().push(status));
    let feed = here.sessions.follow(options).unwrap();
    pass(&here, 10 * SECOND).await;
    assert_eq!(*told.lock().unwrap(), [FeedStatus::Behind]);
    assert!(timeout(SECOND, feed.caught_up()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_stops_nothing() {
    let (here, store, there) = on_failing();
    let held = there.login().await;
    let options = when_behind(WhenBehind::Refuse).on_change(|_| panic!("the application's"));
    let feed = here.sessions.follow(options).unwrap();
    for _ in 0..2 {
        feed.caught_up().await;
        admits(&here, &held.access_token, Admission::Admitted);
        store.inject(down().times(10));
        pass(&here, 3 * SECOND).await;
        admits(&here, &held.access_token, Admission::Unavailable);
        pass(&here, 4 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_is_as_one_that_cannot_be_read_until_it_is_followed_again() {
    for (when, expected) in WHEN_BEHIND {
        let (here, store, there) = on_failing();
        let held = there.login().await;
        let feed = here.sessions.follow(when_behind(when)).unwrap();
        feed.caught_up().await;
        store.inject(Fault::panic().times(1));
        pass(&here, SECOND).await;
        assert_eq!(feed.status(), FeedStatus::Behind);
        admits(&here, &held.access_token, expected);
        assert!(timeout(SECOND, feed.caught_up()).await.is_err());

        let feed = here.sessions.follow(when_behind(when)).unwrap();
        feed.caught_up().await;
        admits(&here, &held.access_token, Admission::Admitted);
    }
}

/// The requests may be served by another runtime.
#[test]
fn a_feed_whose_runtime_has_stopped_is_behind() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    for (when, expected) in WHEN_BEHIND {
        let (here, _, there) = on_failing();
        let held = runtime().block_on(there.login());
        let following = runtime();
        let feed = following.block_on(async {
            let options = FeedOptions::new().behind_after(60 * SECOND);
            let feed = here.sessions.follow(options.when_behind(when)).unwrap();
            feed.caught_up().await;
            feed
        });
        admits(&here, &held.access_token, Admission::Admitted);
        drop(following);
        assert_eq!(feed.status(), FeedStatus::Behind);
        admits(&here, &held.access_token, expected);
        // It is not wanted any more.
        drop(feed);
        admits(&here, &held.access_token, Admission::Admitted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_handle_has_no_say_in_a_newer_feed() {
    let (here, store, there) = on_failing();
    let held = there.login().await;
    let old = here
        .sessions
        .follow(when_behind(WhenBehind::Refuse))
        .unwrap();
    store.inject(Fault::panic().times(1));
    pass(&here, SECOND).await;
    store.inject(down());
    let _new = here
        .sessions
        .follow(when_behind(WhenBehind::Refuse))
        .unwrap();
    old.stop().await;
    admits(&here, &held.access_token, Admission::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_on_its_way_goes_on_from_there() {
    let (here, store, there) = on_failing();
    let mut first = None;
    for subject in 0..35 {
        for _ in 0..100 {
            let tokens = there.sessions.start(Grant::new(subject.to_string())).await;
            first = first.or(tokens.ok());
        }
        there.sessions.end_all(&*subject.to_string()).await.unwrap();
    }
    // The time and a page, and then each page but one fails.
    store.inject(down().after(2).times(1));
    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    for _ in 0..3 {
        pass(&here, HALF / 2).await;
        assert_eq!(feed.status(), FeedStatus::Starting);
        admits(
            &here,
            &first.as_ref().unwrap().access_token,
            Admission::Ended,
        );
        store.inject(down().after(1).times(1));
        pass(&here, HALF / 2).await;
    }
    pass(&here, HALF / 10).await;
    assert_eq!(feed.status(), FeedStatus::Current);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_followed_at_once() {
    let (here, there) = two();
    let out = there.login().await;
    let options = FeedOptions::new()
        .every(60 * SECOND)
        .behind_after(120 * SECOND);
    let feed = here.sessions.follow(options).unwrap();
    feed.caught_up().await;
    there.sessions.end(sid(&out), "anna").await.unwrap();
    feed.read_now();
    pass(&here, HALF).await;
    admits(&here, &out.access_token, Admission::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_was_stopped_promises_nothing_and_forgets_nothing() {
    let (here, store, there) = on_failing();
    let (out, held) = (there.login().await, there.login().await);
    there.sessions.end(sid(&out), "anna").await.unwrap();
    let feed = here
        .sessions
        .follow(when_behind(WhenBehind::Refuse))
        .unwrap();
    feed.caught_up().await;
    store.inject(down());
    pass(&here, 5 * SECOND).await;
    admits(&here, &held.access_token, Admission::Unavailable);
    feed.stop().await;
    admits(&here, &held.access_token, Admission::Admitted);
    admits(&here, &out.access_token, Admission::Ended);
    drop(
        here.sessions
            .follow(FeedOptions::new())
            .expect("there is none any more"),
    );
}

#[tokio::test]
async fn wrong_options_are_told() {
    let here = world();
    let kind = |options: FeedOptions| here.sessions.follow(options).unwrap_err().kind();
    let never = FeedOptions::new().every(Duration::ZERO);
    assert_eq!(kind(never), ConfigErrorKind::Lifetime);
    let always_behind = FeedOptions::new().every(5 * SECOND);
    assert_eq!(kind(always_behind), ConfigErrorKind::Lifetime);
    let never_behind = FeedOptions::new().behind_after(Duration::MAX);
    assert_eq!(kind(never_behind), ConfigErrorKind::Lifetime);

    let feed = here.sessions.follow(FeedOptions::new()).unwrap();
    let twice = here.sessions.clone().follow(FeedOptions::new());
    assert_eq!(twice.unwrap_err().kind(), ConfigErrorKind::FollowedTwice);
    feed.stop().await;
    here.sessions
        .follow(FeedOptions::new())
        .unwrap()
        .stop()
        .await;
}

#[test]
fn it_needs_a_runtime() {
    let here = world();
    let kind = |sessions: &Sessions<MemoryStore>| {
        let feed = sessions.follow(FeedOptions::new());
        feed.unwrap_err().kind()
    };
    // Neither attempt has begun a feed.
    assert_eq!(kind(&here.sessions), ConfigErrorKind::NoRuntime);
    assert_eq!(kind(&here.sessions), ConfigErrorKind::NoRuntime);
}

#[tokio::test]
async fn what_one_process_ends_on_sqlite_another_knows() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let open = async || {
        let store = tower_bearer_sqlx::SqliteStore::connect(&address).await;
        // The store goes by the system's clock, and the verifier by one that stands still.
        let clock = ManualClock::new(SystemClock.now());
        world_on(store.unwrap(), clock, |builder| builder)
    };
    let (here, there) = (open().await, open().await);
    let options = FeedOptions::new().every(Duration::from_millis(5));
    let feed = here.sessions.follow(options).unwrap();
    feed.caught_up().await;
    for _ in 0..3 {
        let out = there.login().await;
        there.sessions.end_all("anna").await.unwrap();
        let ended = async {
            let verifier = here.verifier().leeway(60 * SECOND).unwrap();
            let token = verifier.verify(out.access_token.expose()).unwrap();
            while admit(&here.sessions, &token) != Admission::Ended {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(60 * SECOND, ended).await.unwrap();
    }
}
