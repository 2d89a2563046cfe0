//! Logouts, one caller at a time.

use super::{Fixture, trial::*};
use tower_bearer::store::{RevokeReason, Swap};

pub(super) async fn end_revokes_once<F: Fixture>(trial: Trial<F>) {
    assert!(!trial.end(id(1), RevokeReason::Logout).await);
    assert!(trial.find(id(1)).await.is_none(), "end created it");

    for (number, reason) in (1..).zip(RevokeReason::ALL.iter().copied()) {
        let mut first = trial.full_session(number);
        first.generation = 5;
        trial.insert(&first).await;
        let mut expected = rotated(&first, trial.start);
        assert_eq!(trial.swap(0, &expected).await, Swap::Swapped);

        assert!(trial.end(expected.id, reason).await);
        let ended = trial.load(expected.id).await;
        assert_eq!(ended.revoked.expect("it is revoked").reason, reason);
        expected.revoked = ended.revoked;
        expected.version += 1;
        assert_same(&ended, &expected);

        // The first reason and time stay.
        trial.advance(HOUR).await;
        assert!(!trial.end(expected.id, RevokeReason::Refused).await);
        assert_same(&trial.load(expected.id).await, &expected);
    }
}

pub(super) async fn end_all_takes_one_subject_of_one_issuer<F: Fixture>(trial: Trial<F>) {
    let mine = (1..=150).map(|number| trial.session(number, "ada"));
    trial.insert_all(mine).await;
    let mut expired = trial.session(203, "ada");
    expired.expires_at = trial.start;
    trial.insert(&expired).await;
    let mut elsewhere = trial.session(202, "ada");
    elsewhere.issuer = "https://other.example".to_owned();
    let others = [
        trial.session(200, "adam"),
        trial.session(201, "Ada"),
        elsewhere,
    ];
    for other in &others {
        trial.insert(other).await;
    }
    assert!(trial.end(id(7), RevokeReason::Reuse).await);

    let ended = trial.end_all("ada", RevokeReason::Logout).await;
    // The expired one too: whoever looks at it must see why it is gone.
    let all: Vec<_> = (1..=150)
        .filter(|&number| number != 7)
        .chain([203])
        .map(id)
        .collect();
    assert_eq!(ended, all);
    for &id in &ended {
        let kept = trial.load(id).await;
        let reason = kept.revoked.expect("it is revoked").reason;
        assert_eq!((reason, kept.version), (RevokeReason::Logout, 1));
    }
    let first = trial.load(id(7)).await.revoked.expect("it is revoked");
    assert_eq!(first.reason, RevokeReason::Reuse, "the first reason stays");
    for other in &others {
        assert_same(&trial.load(other.id).await, other);
    }

    assert_eq!(trial.end_all("ada", RevokeReason::Logout).await, []);
    assert_eq!(trial.end_all("nobody", RevokeReason::Logout).await, []);
}
