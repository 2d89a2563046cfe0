//! Cases of compare-and-swap, with one caller at a time.

use std::time::Duration;

use tower_bearer::store::{EndReason, Ended, Extra, SessionState, Swap};

use crate::{Fixture, racing, trial::*};

pub(super) async fn a_swap_writes_the_next_state<F: Fixture>(trial: Trial<F>) {
    let mut first = trial.full_record(1);
    first.state.generation = 40;
    trial.insert(&first).await;

    let mut next = rotated(&first, trial.start + HOUR);
    // Each time is different and has milliseconds.
    let odd = |millis| Some(trial.start + MINUTE + Duration::from_millis(millis));
    let state = &mut next.state;
    (state.rotated_at, state.delivered_at) = (odd(1), odd(23));
    (state.confirmed_at, state.last_refreshed_at) = (odd(457), odd(891));
    state.bound_to = Some(key(101));
    state.extra = Extra::from_json(r#"{"other":1}"#).expect("an object");
    assert_eq!(trial.swap(first.state.version, &next).await, Swap::Swapped);
    assert_same(&trial.load(id(1)).await, &next);

    // Optional fields can become empty again, and a version can be the next number.
    let mut empty = next.clone();
    let expires_at = next.state.expires_at;
    empty.state = SessionState::new(expires_at);
    empty.state.version = next.state.version + 1;
    assert_eq!(trial.swap(next.state.version, &empty).await, Swap::Swapped);
    assert_same(&trial.load(id(1)).await, &empty);
}

/// Some stores write them over those before, which may have been longer.
pub(super) async fn the_extra_members_are_those_of_the_last_swap<F: Fixture>(trial: Trial<F>) {
    let mut kept = trial.record(1, "ada");
    trial.insert(&kept).await;
    let largest = MOST_EXTRA - extra_of(0).to_json().len();
    for bytes in [1, largest, 2, 2, 0, largest, 0] {
        let mut next = rotated(&kept, trial.start);
        next.state.extra = match bytes {
            0 => Extra::default(),
            bytes => extra_of(bytes),
        };
        assert_eq!(trial.swap(kept.state.version, &next).await, Swap::Swapped);
        trial.confirm(&[(id(1), next.state.generation)]).await;
        kept = trial.load(id(1)).await;
        next.state.confirmed_at = kept.state.confirmed_at;
        next.state.version = kept.state.version;
        assert_same(&kept, &next);
    }
}

/// Members whose values take so many bytes.
fn extra_of(bytes: usize) -> Extra {
    let text = format!(r#"{{"n":"{}"}}"#, "e".repeat(bytes));
    Extra::from_json(&text).expect("an object")
}

pub(super) async fn a_swap_of_another_version_is_lost<F: Fixture>(trial: Trial<F>) {
    let first = trial.record(1, "ada");
    trial.insert(&first).await;
    let second = rotated(&first, trial.start);
    assert_eq!(trial.swap(0, &second).await, Swap::Swapped);

    let (below, above) = (second.state.version - 1, second.state.version + 1);
    let far = [i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1];
    for wrong in [0, 1, below, above].into_iter().chain(far) {
        let mut next = rotated(&second, trial.start + HOUR);
        next.state.version = wrong + 1;
        let swap = trial.swap(wrong, &next).await;
        assert_eq!(swap, Swap::Lost, "expected version {wrong}");
    }
    assert_same(&trial.load(first.session.id).await, &second);

    // A confirmation makes a new version too.
    trial.confirm(&[(first.session.id, 1)]).await;
    let stale = rotated(&second, trial.start);
    assert_eq!(trial.swap(second.state.version, &stale).await, Swap::Lost);
    let confirmed = trial.load(first.session.id).await;
    assert_eq!(confirmed.state.version, second.state.version + 1);
    let next = rotated(&confirmed, trial.start);
    assert_eq!(
        trial.swap(confirmed.state.version, &next).await,
        Swap::Swapped
    );
}

pub(super) async fn a_swap_of_an_ended_session_is_lost<F: Fixture>(trial: Trial<F>) {
    trial.insert(&trial.record(1, "ada")).await;
    assert!(trial.end(id(1), EndReason::Logout).await);
    let ended = trial.load(id(1)).await;

    let mut revived = rotated(&ended, trial.start);
    revived.state.ended = None;
    for expected in [0, 1] {
        assert_eq!(trial.swap(expected, &revived).await, Swap::Lost);
    }
    assert_same(&trial.load(id(1)).await, &ended);
}

pub(super) async fn a_swap_can_end_for_every_reason<F: Fixture>(trial: Trial<F>) {
    for (number, reason) in (1..).zip(EndReason::ALL.iter().copied()) {
        let first = trial.record(number, "ada");
        trial.insert(&first).await;
        let mut next = rotated(&first, trial.start);
        next.state.ended = Some(Ended::new(trial.start + HOUR, reason));
        assert_eq!(trial.swap(0, &next).await, Swap::Swapped);
        assert_same(&trial.load(first.session.id).await, &next);

        let mut revived = rotated(&next, trial.start);
        revived.state.ended = None;
        assert_eq!(trial.swap(next.state.version, &revived).await, Swap::Lost);
        assert!(!trial.end(first.session.id, EndReason::Logout).await);
        assert_same(&trial.load(first.session.id).await, &next);
    }
    assert_eq!(trial.live("ada").await, []);
}

pub(super) async fn a_binding_stays_whatever_is_written<F: Fixture>(trial: Trial<F>) {
    let first = trial.record(1, "ada");
    trial.insert(&first).await;
    let mut bound = first.clone();
    (bound.state.bound_to, bound.state.version) = (Some(key(7)), 1);
    assert_eq!(trial.swap(0, &bound).await, Swap::Swapped);
    // What was decided before the binding must not undo it.
    let stale = rotated(&first, trial.start);
    assert_eq!(trial.swap(0, &stale).await, Swap::Lost);
    assert_same(&trial.load(id(1)).await, &bound);

    trial.confirm(&[(id(1), 0)]).await;
    let confirmed = trial.load(id(1)).await;
    assert!(confirmed.state.confirmed_at.is_some(), "{confirmed:?} fits");
    let swaps = racing::at_once(8, |task| {
        let trial = trial.by_turns(task);
        async move {
            let kept = trial.load(id(1)).await;
            let next = rotated(&kept, trial.start);
            trial.swap(kept.state.version, &next).await
        }
    });
    assert!(swaps.await.contains(&Swap::Swapped), "one swap wins");
    let rotated = trial.load(id(1)).await;
    assert!(trial.end(id(1), EndReason::Logout).await);
    let ended = trial.load(id(1)).await;
    for kept in [confirmed, rotated, ended] {
        assert_eq!(kept.state.bound_to, Some(key(7)), "{kept:?}");
    }
}

pub(super) async fn a_swap_never_creates_a_session<F: Fixture>(trial: Trial<F>) {
    let next = rotated(&trial.record(1, "ada"), trial.start);
    for expected in [0, next.state.version] {
        assert_eq!(trial.swap(expected, &next).await, Swap::Lost);
    }
    assert!(trial.find(id(1)).await.is_none(), "the swap created it");
    assert_eq!(trial.live("ada").await, []);
}
