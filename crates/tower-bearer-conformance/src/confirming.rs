//! Confirmations, one caller at a time.

use super::{Fixture, trial::*};
use tower_bearer::store::RevokeReason;

pub(super) async fn confirm_takes_only_what_fits<F: Fixture>(trial: Trial<F>) {
    let mut of_generation_3 = trial.session(1, "ada");
    of_generation_3.generation = 3;
    let mut confirmed = trial.session(2, "ada");
    confirmed.confirmed_at = Some(trial.start - HOUR);
    let mut last = trial.session(3, "ada");
    last.generation = u32::MAX;
    for session in [&of_generation_3, &confirmed, &last] {
        trial.insert(session).await;
    }

    trial.confirm(&[]).await;
    trial
        .confirm(&[(id(1), 2), (id(1), 4), (id(2), 0), (id(9), 0)])
        .await;
    for kept in [&of_generation_3, &confirmed] {
        assert_same(&trial.load(kept.id).await, kept);
    }
    assert!(trial.find(id(9)).await.is_none(), "confirm created it");

    // A pair that comes twice counts once, and misfits do not hold it up.
    trial
        .confirm(&[(id(1), 2), (id(1), 3), (id(1), 3), (id(3), u32::MAX)])
        .await;
    for mut expected in [of_generation_3, last] {
        let kept = trial.load(expected.id).await;
        assert!(kept.confirmed_at.is_some(), "{kept:?} fits");
        expected.confirmed_at = kept.confirmed_at;
        expected.version = 1;
        assert_same(&kept, &expected);
    }
}

pub(super) async fn a_revoked_session_is_not_confirmed<F: Fixture>(trial: Trial<F>) {
    trial.insert(&trial.session(1, "ada")).await;
    assert!(trial.end(id(1), RevokeReason::Logout).await);
    let revoked = trial.load(id(1)).await;
    trial.confirm(&[(id(1), 0)]).await;
    assert_same(&trial.load(id(1)).await, &revoked);
}

pub(super) async fn confirm_takes_large_batches<F: Fixture>(trial: Trial<F>) {
    const COUNT: u128 = 700;
    let sessions = (0..COUNT).map(|number| trial.session(number, "ada"));
    trial.insert_all(sessions).await;
    // Every third does not fit, and most are of sessions that nobody has.
    let fits = |number: u128| !number.is_multiple_of(3);
    let pairs: Vec<_> = (0..5 * COUNT)
        .map(|number| (id(number), u32::from(!fits(number))))
        .collect();
    trial.confirm(&pairs).await;
    for number in 0..COUNT {
        let kept = trial.load(id(number)).await;
        let is = (kept.confirmed_at.is_some(), kept.version);
        assert_eq!(is, (fits(number), u64::from(fits(number))), "{kept:?}");
    }
}
