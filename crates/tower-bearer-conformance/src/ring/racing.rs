//! Cases with many callers at once, half of them on the peer of the store.

use tokio::task::JoinSet;

use tower_bearer::store::{SealedRing, Swap};

use super::{
    Fixture,
    trial::{NAME, Trial, ring, ring_of},
};
use crate::{racing::at_once, trial::Patience};

const TASKS: u32 = 32;
const ROUNDS: u32 = 5;

pub(super) async fn of_many_first_swaps_one_wins<F: Fixture>(trial: Trial<F>) {
    for round in 0..trial.times(ROUNDS) {
        let name = format!("round {round}");
        one_wins(&trial, &name, None).await;
    }
}

pub(super) async fn of_many_swaps_one_wins<F: Fixture>(trial: Trial<F>) {
    trial.begin(NAME, &ring(0, "first")).await;
    for round in 0..trial.times(ROUNDS) {
        one_wins(&trial, NAME, Some(round.into())).await;
    }
}

async fn one_wins<F: Fixture>(trial: &Trial<F>, name: &str, expected: Option<u64>) {
    let version = expected.map_or(0, |expected| expected + 1);
    let outcomes = at_once(TASKS, |task| {
        let (trial, name) = (trial.by_turns(task), name.to_owned());
        let next = ring(version, format!("of task {task}"));
        async move { (trial.swap(&name, expected, &next).await, next) }
    })
    .await;
    let won = outcomes.iter().filter(|(swap, _)| *swap == Swap::Swapped);
    let won: Vec<_> = won.collect();
    assert_eq!(won.len(), 1, "so many of {TASKS} swaps of {expected:?} won");
    trial.assert_kept(name, Some(&won[0].1)).await;
}

/// Each server adds its own to what it has loaded, as it does with a key.
pub(super) async fn no_change_is_lost<F: Fixture>(trial: Trial<F>) {
    const WRITERS: u32 = 6;
    let turns = trial.times(20);
    at_once(WRITERS, |task| {
        let trial = trial.by_turns(task);
        async move {
            let (mut done, mut patience) = (0, Patience::default());
            while done < turns {
                let kept = trial.load(NAME).await;
                let mut bytes = kept.as_ref().map_or(vec![], |kept| kept.bytes().to_vec());
                bytes.extend_from_slice(&[task as u8, done as u8]);
                let expected = kept.map(|kept| kept.version());
                let next = ring(expected.map_or(1, |version| version + 1), bytes);
                done += u32::from(trial.swap(NAME, expected, &next).await == Swap::Swapped);
                patience.wait_for("a swap to win").await;
            }
        }
    })
    .await;
    let kept = trial.load(NAME).await.expect("a ring");
    let all = kept.bytes().chunks(2).collect::<Vec<_>>();
    for task in 0..WRITERS {
        let of_task = all.iter().filter(|change| change[0] == task as u8);
        let of_task: Vec<u32> = of_task.map(|change| change[1].into()).collect();
        let expected: Vec<u32> = (0..turns).collect();
        assert_eq!(
            of_task, expected,
            "the changes of task {task} that are kept"
        );
    }
}

pub(super) async fn a_load_sees_what_was_acknowledged<F: Fixture>(trial: Trial<F>) {
    let mut before: Option<SealedRing> = None;
    for turn in 0..trial.times(100) {
        let next = ring_of(u64::from(turn) + 1);
        let writer = trial.by_turns(turn / 2);
        let expected = before.map(|before| before.version());
        assert_eq!(writer.swap(NAME, expected, &next).await, Swap::Swapped);
        // From the other server first, which may have loaded the ring before.
        for reader in [1, 0] {
            let kept = writer.by_turns(turn + reader).load(NAME).await;
            let version = kept.as_ref().map(SealedRing::version);
            assert_eq!(
                version,
                Some(next.version()),
                "what a load gives after a swap"
            );
        }
        before = Some(next);
    }
}

pub(super) async fn a_load_sees_no_half_of_a_swap<F: Fixture>(trial: Trial<F>) {
    let last = u64::from(trial.times(100)) + 1;
    trial.begin(NAME, &ring_of(1)).await;
    let mut readers = JoinSet::new();
    for task in 0..4 {
        let trial = trial.by_turns(task);
        readers.spawn(async move {
            let mut seen = 1;
            while seen < last {
                let kept = trial.load(NAME).await.expect("a ring that is kept is gone");
                let version = kept.version();
                assert!(version >= seen, "version {version} after {seen}");
                assert!(
                    kept == ring_of(version),
                    "half of version {version}: {kept:?}"
                );
                seen = version;
                tokio::task::yield_now().await;
            }
        });
    }
    for version in 1..last {
        let writer = trial.by_turns(version as u32);
        let swap = writer
            .swap(NAME, Some(version), &ring_of(version + 1))
            .await;
        assert_eq!(swap, Swap::Swapped);
    }
    readers.join_all().await;
}
