//! What the application is told of, and how: by a hook, and by streams.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{FutureExt, StreamExt};
use tower_bearer::{
    clock::{Clock, SystemClock},
    session::{EndReason, EndRequest, Ended, EventsMissed, SessionEventKind, SessionEvents},
    testing::Fault,
};

use crate::support::*;

const CAPACITY: usize = 1024;

#[tokio::test]
async fn a_plain_rotation_is_told() {
    let world = world();
    let first = world.login().await;
    rotate(&world, &first).await;
    let told = world.events.lock().unwrap().clone();
    let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["started", "rotated"]);
    assert_eq!(told[1].session, sid(&first));
    assert_eq!(told[1].subject.as_deref(), Some("anna"));
    assert_eq!(told[1].distance, 0);
}

#[tokio::test]
async fn a_hook_that_panics_takes_no_answer_with_it() {
    let clock = clock();
    let world = world_on(failing(&clock), clock, |builder| {
        builder.on_event(|event| assert_eq!(event.kind, SessionEventKind::Started))
    });
    let mut events = world.sessions.events();
    let first = world.login().await;
    rotate(&world, &first).await;
    let kinds = [SessionEventKind::Started, SessionEventKind::Rotated];
    for kind in kinds {
        let told = events.next().now_or_never();
        assert_eq!(told.flatten().map(|told| told.unwrap().kind), Some(kind));
    }
}

#[tokio::test]
async fn a_rotation_that_lost_its_swap_is_told_once() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let first = world.login().await;
    store.inject(Fault::lost_swap().times(1));
    rotate(&world, &first).await;
    let rotated = SessionEventKind::Rotated;
    assert_eq!(world.kinds(), [SessionEventKind::Started, rotated]);
}

#[tokio::test]
async fn an_event_says_when_it_was_told() {
    let world = world();
    let before = SystemClock.now();
    world.login().await;
    let time = world.events.lock().unwrap()[0].time;
    assert!(before <= time && time <= SystemClock.now(), "{time:?}");
}

#[tokio::test]
async fn an_end_says_why() {
    let world = world();
    let logins = [
        world.login().await,
        world.login().await,
        world.login().await,
    ];
    let [admin, changed, kept] = [0, 1, 2].map(|login| sid(&logins[login]));
    let by_admin = EndRequest::new("anna").by_admin();
    assert!(world.sessions.end(admin, by_admin).await.unwrap());
    let password = EndRequest::new("anna").after_password_change();
    let ended = world.sessions.end_others(password, kept).await;
    assert_eq!(ended.unwrap(), 1);
    let claims = world.claims(&logins[2].access_token);
    assert_eq!(world.sessions.end_all(&claims).await.unwrap(), 1);

    let reasons = [
        (admin, EndReason::Admin),
        (changed, EndReason::PasswordChanged),
        (kept, EndReason::Logout),
    ];
    let told = world.events.lock().unwrap().clone();
    let ends = told.iter().filter_map(|event| match event.kind {
        SessionEventKind::Ended(reason) => Some((event.session, reason)),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), reasons);
    for (login, (_, reason)) in logins.iter().zip(reasons) {
        let ended: Option<Ended> = world.row(login).await.unwrap().state.ended;
        assert_eq!(ended.unwrap().reason, reason);
    }
}

#[tokio::test]
async fn another_users_session_is_not_ended_by_an_admins_mistake() {
    let world = world();
    let tokens = world.login().await;
    let request = EndRequest::new("bob").by_admin();
    assert!(!world.sessions.end(sid(&tokens), request).await.unwrap());
    rotate(&world, &tokens).await;
}

#[tokio::test]
async fn each_stream_has_all_events_since_it_was_made() {
    let world = world();
    let mut early = world.sessions.events();
    let tokens = world.login().await;
    let mut late = world.sessions.clone().events();
    rotate(&world, &tokens).await;
    let first = early.recv().await.unwrap().unwrap();
    assert_eq!(first, world.events.lock().unwrap()[0]);
    for stream in [&mut early, &mut late] {
        let rotated = stream.next().await.unwrap().unwrap();
        assert_eq!(rotated.kind, SessionEventKind::Rotated);
        assert!(stream.recv().now_or_never().is_none(), "nothing is left");
    }
}

#[tokio::test]
async fn a_slow_reader_loses_the_oldest_and_is_told_how_many() {
    let world = world();
    let mut slow = world.sessions.events();
    let mut quick = world.sessions.events();
    let mut tokens = world.login().await;
    for _ in 0..CAPACITY + 2 {
        tokens = rotate(&world, &tokens).await;
        assert!(quick.recv().await.unwrap().is_ok());
    }
    let told = world.events.lock().unwrap().clone();
    let missed = slow.recv().await.unwrap().unwrap_err();
    assert_eq!(missed.missed, 3);
    assert_eq!(missed.to_string(), "3 events were missed");
    let left: Vec<_> = slow
        .by_ref()
        .take(CAPACITY)
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(left, told[3..]);
    assert!(slow.recv().now_or_never().is_none());
}

#[tokio::test]
async fn a_reader_that_waits_is_woken() {
    let world = world();
    let mut events = world.sessions.events();
    let reader = tokio::spawn(async move { events.recv().await.unwrap().unwrap().kind });
    tokio::task::yield_now().await;
    world.login().await;
    assert_eq!(reader.await.unwrap(), SessionEventKind::Started);
}

#[tokio::test]
async fn a_stream_ends_with_its_sessions_and_not_before_what_was_told() {
    let world = world();
    let mut events = world.sessions.events();
    world.login().await;
    let mut waits = pin!(async move {
        let told = [events.recv().await, events.recv().await];
        told.map(|event| event.map(|event| event.map(|event| event.kind)))
    });
    let mut context = Context::from_waker(Waker::noop());
    assert!(waits.as_mut().poll(&mut context).is_pending());
    drop(world);
    let started = Some(Ok::<_, EventsMissed>(SessionEventKind::Started));
    assert_eq!(waits.poll(&mut context), Poll::Ready([started, None]));
}

#[tokio::test]
async fn a_stream_that_is_dropped_costs_nothing_any_more() {
    let world = world();
    let (events, other) = (world.sessions.events(), world.sessions.events());
    drop(events);
    world.login().await;
    let told: Vec<_> = {
        let mut other = other;
        std::iter::from_fn(move || other.recv().now_or_never().flatten()).collect()
    };
    assert_eq!(told.len(), 1);
}

/// A waker that drops a stream of the same sessions, as an executor may that runs a task at once.
struct DropsAStream(Mutex<Option<SessionEvents>>);

impl Wake for DropsAStream {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
    }
}

#[tokio::test]
async fn a_reader_may_be_dropped_while_another_is_woken() {
    let world = world();
    let other = world.sessions.events();
    let mut events = world.sessions.events();
    let waker = Waker::from(Arc::new(DropsAStream(Mutex::new(Some(other)))));
    let mut context = Context::from_waker(&waker);
    assert!(events.poll_next_unpin(&mut context).is_pending());
    world.login().await;
    assert!(events.next().now_or_never().is_some());
}
