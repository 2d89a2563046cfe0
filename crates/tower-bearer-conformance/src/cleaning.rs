//! Cases of deleting ended sessions, by a clean-up or by the store itself.

use std::time::Duration;

use tower_bearer::{
    clock::Timestamp,
    store::{EndReason, SessionStore, Swap},
};

use crate::{Fixture, trial::*};

/// Which session ends after one hour, which after two, and so on. Neither the lowest nor the highest identifiers end
/// first.
const BY_END: [u128; 5] = [3, 5, 1, 4, 2];

pub(super) async fn what_has_ended_is_deleted_oldest_end_first<F: Fixture>(trial: Trial<F>) {
    // They are inserted in yet another order.
    for hours in [3, 4, 5, 2, 1] {
        let mut record = trial.record(BY_END[hours - 1], "ada");
        record.session.ends_at = trial.start + HOUR * hours as u32;
        // Neither an idle nor an ended session is deleted before its end.
        record.state.expires_at = trial.start;
        trial.insert(&record).await;
    }
    assert!(trial.end(id(BY_END[4]), EndReason::Logout).await);

    trial.clean_up(10, 0).await;
    assert_eq!(left(&trial).await, [1, 2, 3, 4, 5]);
    let gone = nothing_goes_a_millisecond_early(&trial).await;
    trial.advance(Duration::from_millis(1)).await;
    trial.clean_up(0, 1).await;
    trial.clean_up(10, 1 - gone).await;
    assert_eq!(left(&trial).await, [2, 3, 4, 5]);
    trial.advance(3 * HOUR).await;
    trial.clean_up(2, 3).await;
    if !trial.fixture.deletes_by_itself() {
        match trial.fixture.deletes_in_order() {
            true => assert_eq!(left(&trial).await, [4, 5]),
            false => assert_eq!(left(&trial).await.len(), 2),
        }
    }
    trial.clean_up(10, 1).await;
    assert_eq!(left(&trial).await, [5]);
    trial.advance(HOUR).await;
    trial.clean_up(10, 1).await;
    assert_eq!(left(&trial).await, [0; 0]);
}

/// Returns how many were deleted. This proves nothing if the clock runs and has passed the end by the time of the
/// answer.
async fn nothing_goes_a_millisecond_early<F: Fixture>(trial: &Trial<F>) -> usize {
    let millisecond = Duration::from_millis(1);
    let end = trial.start + HOUR;
    // A clock that runs is not there yet.
    let now = trial.now().await;
    trial.advance(end.saturating_since(now) - 2 * MINUTE).await;
    trial.clean_up(10, 0).await;
    assert_eq!(self::left(trial).await, [1, 2, 3, 4, 5]);
    let now = trial.now().await;
    trial.advance(end.saturating_since(now) - millisecond).await;
    let left = left(trial).await;
    let gone = clean_up_before(trial, end, 1).await;
    if gone.is_none() {
        assert_eq!(left, [1, 2, 3, 4, 5]);
    }
    gone.unwrap_or_default()
}

/// Asserts that nothing is deleted before `end`. If a clock that runs has passed it by the time of the answer, up to `most`
/// may be gone, and it returns how many this call has deleted.
async fn clean_up_before<F: Fixture>(
    trial: &Trial<F>,
    end: Timestamp,
    most: usize,
) -> Option<usize> {
    let deleted = done("delete_expired", trial.store().delete_expired(10).await);
    let is_over = trial.now().await >= end;
    assert!(
        is_over || deleted == 0,
        "{deleted} were deleted before {end:?}"
    );
    assert!(
        deleted <= most,
        "{deleted} were deleted, of {most} that ended"
    );
    is_over.then_some(deleted)
}

/// After how many hours those end that are left.
async fn left<F: Fixture>(trial: &Trial<F>) -> Vec<u32> {
    let mut left = Vec::new();
    for (hours, number) in (1..).zip(BY_END) {
        left.extend(trial.find(id(number)).await.map(|_| hours));
    }
    left
}

pub(super) async fn an_ended_session_is_deleted_when_its_tokens_have_expired<F: Fixture>(
    trial: Trial<F>,
) {
    let record = |number, subject, expires_at| {
        let mut record = trial.record(number, subject);
        record.state.expires_at = trial.start + expires_at;
        record.session.ends_at = trial.start + 9 * DAY;
        record
    };
    let live = record(7, "ada", HOUR);
    trial.insert(&live).await;
    let mut ended = Vec::new();
    for (first, subject, expires_at) in [(1, "bob", HOUR), (4, "eve", 2 * DAY)] {
        let all = [0, 1, 2].map(|way| record(first + way, subject, expires_at));
        for record in &all {
            trial.insert(record).await;
        }
        ended.extend(trial.end_in_each_way(all).await);
    }
    for of_one_user in ended.chunks(3) {
        let ends = of_one_user.iter().map(|record| record.session.ends_at);
        let end = ends.clone().min().expect("three ends");
        let now = trial.now().await;
        trial.advance(end.saturating_since(now) - 2 * MINUTE).await;
        trial.clean_up(10, 0).await;
        for record in of_one_user {
            let found = trial.find(record.session.id).await;
            assert!(found.is_some(), "deleted minutes before {end:?}");
        }
        let now = trial.now().await;
        let millisecond = Duration::from_millis(1);
        trial.advance(end.saturating_since(now) - millisecond).await;
        let mut before = Vec::new();
        for record in of_one_user {
            before.extend(trial.find(record.session.id).await);
        }
        let gone = clean_up_before(&trial, end, 3).await;
        if gone.is_none() {
            assert_eq!(before, of_one_user, "deleted before {end:?}");
        }
        let end = ends.max().expect("three ends");
        trial.advance(end.saturating_since(trial.now().await)).await;
        trial.clean_up(10, 3 - gone.unwrap_or_default()).await;
        for record in of_one_user {
            assert!(trial.find(record.session.id).await.is_none());
        }
    }
    assert_same(&trial.load(live.session.id).await, &live);
}

pub(super) async fn no_more_than_the_limit_is_deleted<F: Fixture>(trial: Trial<F>) {
    const COUNT: u128 = 1_000;
    let user = |number| format!("user {}", number % 3);
    let sessions = (0..COUNT).map(|number| trial.record(number, &user(number)));
    trial.insert_all(sessions).await;
    let mut stays = trial.record(COUNT, "ada");
    stays.session.ends_at = trial.start + 3 * HOUR;
    trial.insert(&stays).await;
    trial.advance(2 * HOUR).await;

    let mut dead = COUNT as usize;
    for limit in [1, 256, 600, usize::MAX, 9] {
        trial.clean_up(limit, dead).await;
        dead = dead.saturating_sub(limit);
        if !trial.fixture.deletes_by_itself() {
            assert_eq!(kept(&trial, COUNT).await, dead, "so many are left");
        }
    }
    assert_eq!(kept(&trial, COUNT).await, 0, "so many are left");
    assert_same(&trial.load(stays.session.id).await, &stays);
}

async fn kept<F: Fixture>(trial: &Trial<F>, count: u128) -> usize {
    let mut kept = 0;
    for number in 0..count {
        kept += usize::from(trial.find(id(number)).await.is_some());
    }
    kept
}

pub(super) async fn a_deleted_session_stays_deleted<F: Fixture>(trial: Trial<F>) {
    let first = trial.record(1, "ada");
    trial.insert(&first).await;
    trial.advance(2 * HOUR).await;
    trial.clean_up(1, 1).await;

    let mut next = rotated(&first, trial.start + 2 * HOUR);
    (next.state.expires_at, next.session.ends_at) =
        (trial.start + 4 * HOUR, trial.start + 4 * HOUR);
    assert_eq!(trial.swap(0, &next).await, Swap::Lost);
    trial.confirm(&[(id(1), 0)]).await;
    assert!(!trial.end(id(1), EndReason::Logout).await);
    assert_eq!(trial.end_all("ada", EndReason::Logout).await, []);
    assert!(trial.find(id(1)).await.is_none(), "it was revived");
    assert_eq!(trial.live("ada").await, []);
}

pub(super) async fn a_deleted_identifier_is_free_again<F: Fixture>(trial: Trial<F>) {
    trial.insert(&trial.record(1, "ada")).await;
    trial.advance(2 * HOUR).await;
    trial.clean_up(1, 1).await;

    let mut again = trial.record(1, "eve");
    again.session.ends_at = trial.start + 4 * HOUR;
    again.state.expires_at = again.session.ends_at;
    trial.insert(&again).await;
    assert_eq!(trial.live("ada").await, []);
    assert_eq!(trial.live("eve").await, [id(1)]);
    assert_eq!(trial.end_all("ada", EndReason::Logout).await, []);
    trial.clean_up(1, 0).await;
    assert_same(&trial.load(id(1)).await, &again);
}
