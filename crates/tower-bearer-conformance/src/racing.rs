//! Cases with many callers at once.

use std::{future::Future, sync::Arc};

use tokio::{sync::Barrier, task::JoinSet};

use tower_bearer::{
    claims::SessionId,
    store::{EndReason, SessionStore, StoreErrorKind, Swap},
};

use crate::{Fixture, trial::*};

const TASKS: u32 = 100;
const ROUNDS: u32 = 5;

/// Runs a task for each number, all at once, and returns their results.
pub(super) async fn at_once<T, Fut>(numbers: u32, task: impl Fn(u32) -> Fut) -> Vec<T>
where
    T: Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(numbers as usize));
    let mut tasks = JoinSet::new();
    for number in 0..numbers {
        let (start, task) = (start.clone(), task(number));
        tasks.spawn(async move {
            start.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

pub(super) async fn of_many_swaps_one_wins<F: Fixture>(trial: Trial<F>) {
    for round in 0..u128::from(trial.times(ROUNDS)) {
        let first = trial.record(round, "ada");
        trial.insert(&first).await;
        let outcomes = at_once(TASKS, |task| {
            let trial = trial.by_turns(task);
            let mut next = rotated(&first, trial.start);
            next.state.late = task;
            async move { (trial.swap(0, &next).await, next) }
        })
        .await;
        let won = outcomes.iter().filter(|(swap, _)| *swap == Swap::Swapped);
        let won: Vec<_> = won.collect();
        assert_eq!(won.len(), 1, "so many of {TASKS} swaps of one version won");
        assert_same(&trial.load(first.session.id).await, &won[0].1);
    }
}

pub(super) async fn of_many_inserts_one_wins<F: Fixture>(trial: Trial<F>) {
    for round in 0..u128::from(trial.times(ROUNDS)) {
        let outcomes = at_once(TASKS, |task| {
            let trial = trial.by_turns(task);
            let record = trial.record(round, &format!("user {task}"));
            async move { (trial.store().insert(&record).await, record) }
        })
        .await;
        let mut won = Vec::new();
        for (inserted, record) in outcomes {
            match inserted {
                Ok(()) => won.push(record),
                Err(error) if error.kind() == StoreErrorKind::Duplicate => {}
                Err(error) => done("insert", Err(error)),
            }
        }
        assert_eq!(won.len(), 1, "so many of {TASKS} of one identifier got in");
        assert_same(&trial.load(id(round)).await, &won[0]);
        assert!(
            trial
                .live(&won[0].session.subject)
                .await
                .contains(&id(round))
        );
    }
}

pub(super) async fn no_update_is_lost<F: Fixture>(trial: Trial<F>) {
    const WRITERS: u32 = 8;
    const TURNS: u32 = 25;
    trial.insert(&trial.record(1, "ada")).await;
    at_once(WRITERS, |task| {
        let trial = trial.by_turns(task);
        async move {
            let (mut turns, mut patience) = (0, Patience::default());
            while turns < TURNS {
                let kept = trial.load(id(1)).await;
                let next = rotated(&kept, trial.start);
                turns += u32::from(trial.swap(kept.state.version, &next).await == Swap::Swapped);
                patience.wait_for("a swap to win").await;
            }
        }
    })
    .await;
    let kept = trial.load(id(1)).await;
    assert_eq!(
        kept.state.generation,
        WRITERS * TURNS,
        "so many swaps counted"
    );
}

pub(super) async fn nothing_changes_after_the_end<F: Fixture>(trial: Trial<F>) {
    for round in 0..u128::from(trial.times(20)) {
        let id = id(round);
        trial.insert(&trial.record(round, "ada")).await;
        let mut tasks = JoinSet::new();
        for task in 0..4 {
            tasks.spawn(rotate_until_ended(trial.by_turns(task), id));
            tasks.spawn(confirm_until_ended(trial.by_turns(task), id));
        }
        // Some rounds end the session while the tasks rotate it, some before.
        let mut patience = Patience::default();
        while u128::from(trial.load(id).await.state.generation) < round {
            patience.wait_for("a swap to be seen").await;
        }
        assert!(trial.end(id, EndReason::Logout).await);
        let ended = trial.load(id).await;
        let end = ended.state.ended.expect("the end is seen");
        assert_eq!(end.reason, EndReason::Logout);
        tasks.join_all().await;
        assert_same(&trial.load(id).await, &ended);
    }
}

/// Rotates a session until it is ended. The last swap deliberately asks to undo the revocation.
async fn rotate_until_ended<F: Fixture>(trial: Trial<F>, id: SessionId) {
    let mut patience = Patience::default();
    loop {
        let kept = trial.load(id).await;
        let mut next = rotated(&kept, trial.start);
        next.state.ended = None;
        let swap = trial.swap(kept.state.version, &next).await;
        if kept.state.ended.is_some() {
            return assert_eq!(swap, Swap::Lost, "an ended session was swapped");
        }
        patience.wait_for("the end to be seen").await;
    }
}

async fn confirm_until_ended<F: Fixture>(trial: Trial<F>, id: SessionId) {
    let mut patience = Patience::default();
    loop {
        let kept = trial.load(id).await;
        trial.confirm(&[(id, kept.state.generation)]).await;
        if kept.state.ended.is_some() {
            return;
        }
        patience.wait_for("the end to be seen").await;
    }
}

pub(super) async fn of_many_ends_one_wins<F: Fixture>(trial: Trial<F>) {
    for round in 0..u128::from(trial.times(ROUNDS)) {
        let all: Vec<_> = (0..10).map(|number| id(10 * round + number)).collect();
        for number in 10 * round..10 * (round + 1) {
            trial.insert(&trial.record(number, "ada")).await;
        }
        let ended = at_once(20, |task| {
            let (trial, all) = (trial.by_turns(task), all.clone());
            async move {
                if task % 2 == 0 {
                    return trial.end_all("ada", EndReason::Logout).await;
                }
                let mut ended = Vec::new();
                for id in all {
                    ended.extend(trial.end(id, EndReason::Reuse).await.then_some(id));
                }
                ended
            }
        })
        .await;
        let mut ended = ended.concat();
        ended.sort();
        assert_eq!(ended, all, "each is told to have ended once");
    }
}

/// A store deadlocks here if it locks rows in the order in which a caller names them.
pub(super) async fn writers_of_many_sessions_do_not_block_each_other<F: Fixture>(trial: Trial<F>) {
    const COUNT: u128 = 200;
    let sessions = (0..COUNT).map(|number| trial.record(number, "ada"));
    trial.insert_all(sessions).await;
    at_once(12, |task| {
        let trial = trial.by_turns(task);
        // Each task has an order of its own. 1, 3, 7 and 9 have no factor in common with 200, so
        // each order contains every session.
        let step = [1, 3, 7, 9][task as usize % 4];
        let pairs: Vec<_> = (0..COUNT).map(|n| (id(n * step % COUNT), 0)).collect();
        async move {
            trial.confirm(&pairs).await;
            if task % 3 == 0 {
                trial.end_all("ada", EndReason::Logout).await;
            }
            trial.confirm(&pairs).await;
        }
    })
    .await;
    for number in 0..COUNT {
        let kept = trial.load(id(number)).await;
        assert!(kept.state.ended.is_some(), "{kept:?} was left out");
        let writes = 1 + u64::from(kept.state.confirmed_at.is_some());
        assert_eq!(
            kept.state.version, writes,
            "each write counts once: {kept:?}"
        );
    }
}

pub(super) async fn many_clean_ups_delete_each_session_once<F: Fixture>(trial: Trial<F>) {
    for _ in 0..trial.times(ROUNDS) {
        clean_up_at_once(&trial).await;
    }
}

async fn clean_up_at_once<F: Fixture>(trial: &Trial<F>) {
    const COUNT: u128 = 200;
    let sessions = (0..COUNT).map(|number| trial.record(number, "ada"));
    trial.insert_all(sessions).await;
    trial.advance(2 * HOUR).await;
    let deleted = at_once(8, |task| {
        let trial = trial.by_turns(task);
        async move {
            let deleted = trial.store().delete_expired(20).await;
            done("delete_expired", deleted)
        }
    })
    .await;
    let deleted: usize = deleted.into_iter().sum();
    assert!(deleted <= 8 * 20, "{deleted} were deleted");
    let rest = done(
        "delete_expired",
        trial.store().delete_expired(usize::MAX).await,
    );
    let all = deleted + rest;
    if trial.fixture.deletes_by_itself() {
        assert!(all <= 200, "{all} of 200 were deleted");
    } else {
        assert_eq!(all, 200, "so many of 200 were deleted");
    }
    for number in 0..COUNT {
        assert!(trial.find(id(number)).await.is_none());
    }
}
