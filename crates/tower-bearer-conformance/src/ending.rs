//! Cases of logouts, with one caller at a time.

use std::time::Duration;

use tower_bearer::store::{EndReason, Ended, Record, Swap};

use crate::{Fixture, trial::*};

pub(super) async fn end_takes_effect_once<F: Fixture>(trial: Trial<F>) {
    assert!(!trial.end(id(1), EndReason::Logout).await);
    assert!(trial.find(id(1)).await.is_none(), "end created it");

    for (number, reason) in (1..).zip(EndReason::ALL.iter().copied()) {
        let mut first = trial.full_record(number);
        first.state.generation = 5;
        trial.insert(&first).await;
        let mut expected = rotated(&first, trial.start);
        assert_eq!(
            trial.swap(first.state.version, &expected).await,
            Swap::Swapped
        );

        assert!(trial.end(expected.session.id, reason).await);
        let ended = trial.load(expected.session.id).await;
        assert_eq!(ended.state.ended.expect("it is ended").reason, reason);
        expected.end(ended.state.ended.expect("it is ended"));
        assert_same(&ended, &expected);

        // A second end changes neither the reason nor the time.
        trial.advance(HOUR).await;
        assert!(!trial.end(expected.session.id, EndReason::Refused).await);
        assert_same(&trial.load(expected.session.id).await, &expected);
    }
}

/// The highest version cannot rise: it stays, or is one more where the store can keep that.
pub(super) async fn a_session_ends_whatever_its_version<F: Fixture>(trial: Trial<F>) {
    let last = i64::MAX as u64;
    for (turn, version) in (0..).zip([last - 1, last]) {
        let subject = format!("ada {turn}");
        let given = [1, 2, 3].map(|number| {
            let mut given = trial.record(10 * turn + number, &subject);
            given.state.version = version;
            given
        });
        let ordinary = trial.record(10 * turn + 4, "grace");
        for record in given.iter().chain([&ordinary]) {
            trial.insert(record).await;
        }
        let [ended, swapped, logged_out] = given;

        let pairs = [&ended, &ordinary].map(|it| (it.session.id, it.state.generation));
        trial.confirm(&pairs).await;
        let beside = trial.load(ordinary.session.id).await;
        assert!(beside.state.confirmed_at.is_some(), "it held up another");

        assert!(trial.end(ended.session.id, EndReason::Logout).await);
        // No swap follows the last one.
        if version < last {
            let mut next = swapped.clone();
            next.state.version = last;
            next.state.ended = Some(Ended::new(trial.now().await, EndReason::Reuse));
            assert_eq!(trial.swap(version, &next).await, Swap::Swapped);
        }
        let all = trial.end_all(&subject, EndReason::Logout).await;
        assert!(all.contains(&logged_out.session.id));
        for given in [ended, swapped, logged_out] {
            let kept = trial.load(given.session.id).await.state;
            assert!(kept.ended.is_some());
            assert!(
                kept.version >= version,
                "{} is below {version}",
                kept.version
            );
        }
    }
}

pub(super) async fn an_end_changes_nothing_else<F: Fixture>(trial: Trial<F>) {
    let records = [1, 2, 3].map(|number| trial.full_record(number));
    for expected in end_each(&trial, records).await {
        assert_same(&trial.load(expected.session.id).await, &expected);
    }
}

pub(super) async fn an_end_drops_notes_and_claims<F: Fixture>(trial: Trial<F>) {
    let records = [1, 2, 3].map(|number| trial.full_record(number));
    for way in end_each(&trial, records).await {
        let Record { session, state } = trial.load(way.session.id).await;
        assert!(session.metadata.is_empty(), "the notes are kept");
        assert_eq!(session.claims.to_json(), "{}", "the claims are kept");
        assert!(state.extra.is_empty(), "the state's extra members are kept");
    }
}

async fn end_each<F: Fixture>(trial: &Trial<F>, records: [Record; 3]) -> [Record; 3] {
    for record in &records {
        trial.insert(record).await;
    }
    trial.end_in_each_way(records).await
}

/// An ended session may be deleted when its newest token expires, or a day after its end if that
/// is later, but never later than if it had not been ended.
pub(super) async fn an_end_brings_the_deletion_forward<F: Fixture>(trial: Trial<F>) {
    let after = |time| trial.start + time;
    let cases = [
        // When the newest token expires, when the session expires, and when it may be deleted once
        // it is ended: `None` is a day after its end.
        (2 * DAY, 9 * DAY, Some(2 * DAY)),
        (HOUR, 9 * DAY, None),
        (Duration::ZERO, 9 * DAY, None),
        (3 * HOUR, 3 * HOUR, Some(3 * HOUR)),
        (2 * DAY, 2 * DAY, Some(2 * DAY)),
    ];
    for (number, (expires_at, ends_at, due)) in (0_u128..).zip(cases) {
        let subject = format!("user {number}");
        let records = [1, 2, 3].map(|way| {
            let mut record = trial.record(10 * number + way, &subject);
            record.state.expires_at = after(expires_at);
            record.session.ends_at = after(ends_at);
            record
        });
        for ended in end_each(&trial, records).await {
            let at = ended.state.ended.expect("it is ended").at;
            let due = due.map_or(at + DAY, after);
            let kept = trial.load(ended.session.id).await;
            assert_eq!(kept.session.ends_at, due, "case {number}");
        }
    }
}

pub(super) async fn end_all_takes_one_subject_of_one_issuer<F: Fixture>(trial: Trial<F>) {
    let mine = (1..=150).map(|number| trial.record(number, "ada"));
    trial.insert_all(mine).await;
    let mut expired = trial.record(203, "ada");
    expired.state.expires_at = trial.start;
    trial.insert(&expired).await;
    let mut elsewhere = trial.record(202, "ada");
    elsewhere.session.issuer = "https://other.example".to_owned();
    let others = [
        trial.record(200, "adam"),
        trial.record(201, "Ada"),
        elsewhere,
    ];
    for other in &others {
        trial.insert(other).await;
    }
    assert!(trial.end(id(7), EndReason::Reuse).await);

    let ended = trial.end_all("ada", EndReason::Logout).await;
    // The expired session (203) is ended too, so that its row says why.
    let all: Vec<_> = (1..=150)
        .filter(|&number| number != 7)
        .chain([203])
        .map(id)
        .collect();
    assert_eq!(ended, all);
    for &id in &ended {
        let kept = trial.load(id).await;
        let reason = kept.state.ended.expect("it is ended").reason;
        assert_eq!((reason, kept.state.version), (EndReason::Logout, 1));
    }
    let first = trial.load(id(7)).await.state.ended.expect("it is ended");
    assert_eq!(first.reason, EndReason::Reuse, "the first reason stays");
    for other in &others {
        assert_same(&trial.load(other.session.id).await, other);
    }

    assert_eq!(trial.end_all("ada", EndReason::Logout).await, []);
    assert_eq!(trial.end_all("nobody", EndReason::Logout).await, []);
}

pub(super) async fn end_all_keeps_the_session_that_goes_on<F: Fixture>(trial: Trial<F>) {
    let mine = (1..=150).map(|number| trial.record(number, "ada"));
    trial.insert_all(mine).await;
    let others = trial
        .end_others("ada", Some(id(70)), EndReason::Logout)
        .await;
    let due: Vec<_> = (1..=150).filter(|&number| number != 70).map(id).collect();
    assert_eq!(others, due);
    assert_same(&trial.load(id(70)).await, &trial.record(70, "ada"));
    assert_eq!(trial.live("ada").await, [id(70)]);

    let again = trial
        .end_others("ada", Some(id(70)), EndReason::Logout)
        .await;
    assert_eq!(again, []);
    assert_eq!(trial.end_all("ada", EndReason::Logout).await, [id(70)]);
}

pub(super) async fn a_keep_of_another_subject_keeps_nothing<F: Fixture>(trial: Trial<F>) {
    let of_another = trial.record(100, "eve");
    let mut elsewhere = trial.record(101, "ada");
    elsewhere.session.issuer = "https://other.example".to_owned();
    let ended = trial.record(102, "ada");
    for record in [&of_another, &elsewhere, &ended] {
        trial.insert(record).await;
    }
    assert!(trial.end(id(102), EndReason::Logout).await);
    // The last one is unknown.
    for (number, keep) in (1..).zip([100, 101, 102, 103]) {
        trial.insert(&trial.record(number, "ada")).await;
        let ended = trial
            .end_others("ada", Some(id(keep)), EndReason::Logout)
            .await;
        assert_eq!(ended, [id(number)], "{keep} is kept");
    }
    for other in [&of_another, &elsewhere] {
        assert_same(&trial.load(other.session.id).await, other);
    }
}
