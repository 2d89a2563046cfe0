//! Insert and load.

use super::{Fixture, trial::*};
use tower_bearer::store::{RevokeReason, SessionStore, StoreErrorKind};

pub(super) async fn a_session_is_kept_as_it_was_given<F: Fixture>(trial: Trial<F>) {
    let sessions = [
        trial.session(1, "ada"),
        trial.full_session(2),
        trial.session(u128::MAX, ""),
    ];
    for given in sessions {
        trial.insert(&given).await;
        assert_same(&trial.load(given.id).await, &given);
    }
}

pub(super) async fn a_new_session_is_at_version_0<F: Fixture>(trial: Trial<F>) {
    let mut given = trial.session(1, "ada");
    given.version = 7;
    trial.insert(&given).await;
    assert_eq!(trial.load(given.id).await.version, 0);
}

pub(super) async fn a_taken_identifier_is_a_duplicate<F: Fixture>(trial: Trial<F>) {
    let first = trial.session(1, "ada");
    trial.insert(&first).await;
    let other = trial.session(1, "mallory");
    assert_eq!(refused(&trial, &other).await, StoreErrorKind::Duplicate);
    assert_same(&trial.load(first.id).await, &first);
    assert_eq!(trial.live("ada").await, [first.id]);
    assert_eq!(trial.live("mallory").await, []);

    // An ended session holds its identifier too.
    assert!(trial.end(first.id, RevokeReason::Logout).await);
    assert_eq!(refused(&trial, &first).await, StoreErrorKind::Duplicate);
    assert!(trial.load(first.id).await.revoked.is_some());
}

async fn refused<F: Fixture>(
    trial: &Trial<F>,
    session: &tower_bearer::store::Session,
) -> StoreErrorKind {
    let error = trial.store().insert(session).await;
    error.expect_err("a taken identifier was inserted").kind()
}
