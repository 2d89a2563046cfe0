//! Cases of insert and load.

use tower_bearer::store::{EndReason, Record, SessionStore, StoreErrorKind};

use crate::{Fixture, trial::*};

pub(super) async fn a_session_is_kept_as_it_was_given<F: Fixture>(trial: Trial<F>) {
    let has_sessions = async || trial.store().has_sessions().await.expect("an answer");
    assert_ne!(has_sessions().await, Some(true), "there is none yet");
    let sessions = [
        trial.record(1, "ada"),
        trial.full_record(2),
        trial.record(u128::MAX, ""),
    ];
    for given in sessions {
        trial.insert(&given).await;
        assert_same(&trial.load(given.session.id).await, &given);
        assert_ne!(has_sessions().await, Some(false), "there is one");
    }
}

pub(super) async fn a_new_session_keeps_its_version<F: Fixture>(trial: Trial<F>) {
    for (number, version) in [(1, 0), (2, 7), (3, i64::MAX as u64 - 1)] {
        let mut given = trial.record(number, "ada");
        given.state.version = version;
        trial.insert(&given).await;
        assert_eq!(trial.load(given.session.id).await.state.version, version);
    }
}

pub(super) async fn a_taken_identifier_is_a_duplicate<F: Fixture>(trial: Trial<F>) {
    let first = trial.record(1, "ada");
    trial.insert(&first).await;
    let other = trial.record(1, "mallory");
    assert_eq!(refused(&trial, &other).await, StoreErrorKind::Duplicate);
    assert_same(&trial.load(first.session.id).await, &first);
    assert_eq!(trial.live("ada").await, [first.session.id]);
    assert_eq!(trial.live("mallory").await, []);

    // The identifier of an ended session is still taken.
    assert!(trial.end(first.session.id, EndReason::Logout).await);
    assert_eq!(refused(&trial, &first).await, StoreErrorKind::Duplicate);
    assert!(trial.load(first.session.id).await.state.ended.is_some());
}

async fn refused<F: Fixture>(trial: &Trial<F>, record: &Record) -> StoreErrorKind {
    let error = trial.store().insert(record).await;
    error.expect_err("a taken identifier was inserted").kind()
}
