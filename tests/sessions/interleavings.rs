//! Rotation against everything that can happen beside it, in every order of their steps.
//!
//! The actors are the real calls on the real store; a step is one operation of the store. The
//! memory store does each operation on a session under one lock, so that there are no finer
//! steps for one session. No session may be lost, forked or come back to life.

use std::time::Duration;

use tests_shared::careless::{Careless, Fault};
use tower_bearer::{
    clock::{ManualClock, Timestamp},
    store::{MemoryStore, SessionStore},
};

use crate::{
    schedule::Schedule,
    stage::{
        Act::{self, *},
        PAUSE, Scene, Stage,
    },
    stepping::Steps,
};

const PAIRS: [&[Act]; 18] = [
    &[Tab, End],
    &[Tab, EndAll],
    &[Tab, Revoke],
    &[Tab, RevokeAccess],
    &[Tab, Evict],
    &[Tab, CleanUp],
    &[Tab, Flush],
    &[Tab, Tab],
    &[Tab, Predecessor],
    &[Tab, Older],
    &[TwoSteps, End],
    &[TwoSteps, EndAll],
    &[TwoSteps, Flush],
    &[Predecessor, End],
    &[Predecessor, Flush],
    &[Older, End],
    &[Flush, End],
    &[End, Revoke],
];

const TRIPLES: [&[Act]; 16] = [
    &[Tab, Tab, Tab],
    &[Tab, Tab, End],
    &[Tab, Tab, EndAll],
    &[Tab, Tab, Revoke],
    &[Tab, Tab, Evict],
    &[Tab, Tab, Flush],
    &[Tab, Tab, CleanUp],
    &[Tab, Flush, End],
    &[Tab, Flush, EndAll],
    &[Tab, End, Revoke],
    &[Tab, EndAll, Evict],
    &[Tab, Predecessor, End],
    &[Tab, Predecessor, Flush],
    &[Tab, Older, End],
    &[TwoSteps, Flush, End],
    &[TwoSteps, End, RevokeAccess],
];

const QUADRUPLES: [&[Act]; 2] = [&[Tab, Tab, Flush, End], &[Tab, Predecessor, Flush, End]];

#[tokio::test(start_paused = true)]
async fn every_interleaving_of_two() {
    all("two", &PAIRS, Steps::Split).await;
}

#[tokio::test(start_paused = true)]
async fn every_interleaving_of_three() {
    all("three", &TRIPLES, Steps::Whole).await;
}

#[tokio::test(start_paused = true)]
async fn every_interleaving_of_four() {
    all("four", &QUADRUPLES, Steps::Whole).await;
}

async fn all(actors: &str, casts: &[&'static [Act]], steps: Steps) {
    let (mut schedules, mut scenes) = (0, 0);
    for scene in casts.iter().flat_map(|acts| Scene::of(acts, steps)) {
        match explore(&scene, MemoryStore::with_clock).await {
            Ok(ran) => schedules += ran,
            Err(why) => panic!("{why}"),
        }
        scenes += 1;
    }
    println!(
        "{actors} at once: {scenes} scenes, {schedules} schedules, each in full: \
         0 sessions lost, 0 forked, 0 resurrected"
    );
}

/// The checks have teeth: whichever promise a store breaks, some order of steps shows it.
#[tokio::test(start_paused = true)]
async fn every_broken_promise_shows() {
    for (fault, acts, wanted) in FAULTS {
        let scenes = || Scene::of(acts, Steps::Whole);
        for scene in scenes() {
            let sound = explore(&scene, |clock| careless(clock, Fault::None)).await;
            sound.expect("nothing is wrong with it");
        }
        let mut shown = Ok(0);
        for scene in scenes() {
            shown = shown.and(explore(&scene, |clock| careless(clock, fault)).await);
        }
        let why = shown.expect_err("it does not show");
        println!("{fault:?}: {why}");
        assert!(why.starts_with(wanted), "{fault:?} looks like this: {why}");
    }
}

/// What shows a fault, and how.
const FAULTS: [(Fault, &[Act], &str); 9] = [
    (
        Fault::SwapsAnyVersion,
        &[Tab, Tab],
        "a generation has two tokens",
    ),
    (
        Fault::SwapsRevoked,
        &[Tab, End],
        "an ended session was changed",
    ),
    (
        Fault::ConfirmsEnded,
        &[Flush, End],
        "an ended session was changed",
    ),
    (
        Fault::ConfirmsAnyGeneration,
        &[Tab, Tab, Flush],
        "an honest client was logged out",
    ),
    (
        Fault::CreatesBySwap,
        &[Tab, Tab, CleanUp],
        "a session came back",
    ),
    (Fault::Lags, &[Tab, Flush], "an honest client was refused"),
    (
        Fault::LosesSwaps,
        &[Tab, Tab],
        "a generation has two tokens",
    ),
    (Fault::LosesEnds, &[Tab, End], "the session goes on"),
    (Fault::DeletesEarly, &[Tab, CleanUp], "a session was lost"),
];

fn careless(clock: ManualClock, fault: Fault) -> Careless {
    let from = Timestamp::from_secs(2_000_000_000) + Duration::from_secs(PAUSE * 3);
    Careless::new(clock, fault, from)
}

/// Runs the scene in every order and tells how many there are, or what went wrong in one.
async fn explore<St: SessionStore>(
    scene: &Scene,
    store: impl Fn(ManualClock) -> St,
) -> Result<usize, String> {
    let (mut schedule, mut ran) = (Schedule::default(), 0);
    loop {
        let run = async {
            let stage = Stage::new(scene, &store).await;
            stage.play(&mut schedule).await
        };
        // The budget of a task that has not waited for long would count as a reason to wait.
        if let Err(why) = tokio::task::unconstrained(run).await {
            return Err(format!("{why}, in {scene:?}, steps {schedule}"));
        }
        ran += 1;
        if !schedule.next() {
            return Ok(ran);
        }
    }
}
