//! Cases of logouts, with one caller at a time.

use tower_bearer::store::{EndReason, Session, SessionStore, Swap};

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
        expected.state.ended = ended.state.ended;
        expected.state.version += 1;
        assert_same(&ended, &expected);

        // A second end changes neither the reason nor the time.
        trial.advance(HOUR).await;
        assert!(!trial.end(expected.session.id, EndReason::Refused).await);
        assert_same(&trial.load(expected.session.id).await, &expected);
    }
}

pub(super) async fn an_end_changes_nothing_else<F: Fixture>(trial: Trial<F>) {
    let (mut one, mut all) = (trial.full_record(1), trial.full_record(2));
    let Session {
        issuer, subject, ..
    } = all.session.clone();
    trial.insert(&one).await;
    assert!(trial.end(id(1), EndReason::Logout).await);
    trial.insert(&all).await;
    let ended = trial.store().end_all(&issuer, &subject, EndReason::Logout);
    assert_eq!(done("end_all", ended.await), [id(2)]);

    for expected in [&mut one, &mut all] {
        let kept = trial.load(expected.session.id).await;
        assert!(kept.state.ended.is_some(), "{kept:?} is ended");
        expected.state.ended = kept.state.ended;
        expected.state.version += 1;
        assert_same(&kept, expected);
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
