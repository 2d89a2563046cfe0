//! Cases of confirmations, with one caller at a time.

use tower_bearer::store::EndReason;

use crate::{Fixture, trial::*};

pub(super) async fn confirm_takes_only_what_fits<F: Fixture>(trial: Trial<F>) {
    let mut of_generation_3 = trial.record(1, "ada");
    of_generation_3.state.generation = 3;
    let mut confirmed = trial.record(2, "ada");
    confirmed.state.confirmed_at = Some(trial.start - HOUR);
    let mut last = trial.record(3, "ada");
    last.state.generation = u32::MAX;
    for record in [&of_generation_3, &confirmed, &last] {
        trial.insert(record).await;
    }

    trial.confirm(&[]).await;
    trial
        .confirm(&[(id(1), 2), (id(1), 4), (id(2), 0), (id(9), 0)])
        .await;
    for kept in [&of_generation_3, &confirmed] {
        assert_same(&trial.load(kept.session.id).await, kept);
    }
    assert!(trial.find(id(9)).await.is_none(), "confirm created it");

    // A pair that comes twice counts once, and pairs that do not fit are no obstacle.
    trial
        .confirm(&[(id(1), 2), (id(1), 3), (id(1), 3), (id(3), u32::MAX)])
        .await;
    for mut expected in [of_generation_3, last] {
        let kept = trial.load(expected.session.id).await;
        assert!(kept.state.confirmed_at.is_some(), "{kept:?} fits");
        expected.state.confirmed_at = kept.state.confirmed_at;
        expected.state.version = 1;
        assert_same(&kept, &expected);
    }
}

pub(super) async fn a_confirmation_changes_nothing_else<F: Fixture>(trial: Trial<F>) {
    let mut expected = trial.full_record(1);
    expected.state.confirmed_at = None;
    trial.insert(&expected).await;
    trial.confirm(&[(id(1), expected.state.generation)]).await;

    let kept = trial.load(id(1)).await;
    assert!(kept.state.confirmed_at.is_some(), "{kept:?} fits");
    expected.state.confirmed_at = kept.state.confirmed_at;
    expected.state.version += 1;
    assert_same(&kept, &expected);
}

pub(super) async fn an_ended_session_is_not_confirmed<F: Fixture>(trial: Trial<F>) {
    trial.insert(&trial.record(1, "ada")).await;
    assert!(trial.end(id(1), EndReason::Logout).await);
    let ended = trial.load(id(1)).await;
    trial.confirm(&[(id(1), 0)]).await;
    assert_same(&trial.load(id(1)).await, &ended);
}

pub(super) async fn confirm_takes_large_batches<F: Fixture>(trial: Trial<F>) {
    const COUNT: u128 = 700;
    let sessions = (0..COUNT).map(|number| trial.record(number, "ada"));
    trial.insert_all(sessions).await;
    // Every third pair does not fit, and most pairs name a session that does not exist.
    let fits = |number: u128| !number.is_multiple_of(3);
    let pairs: Vec<_> = (0..5 * COUNT)
        .map(|number| (id(number), u32::from(!fits(number))))
        .collect();
    trial.confirm(&pairs).await;
    for number in 0..COUNT {
        let kept = trial.load(id(number)).await;
        let is = (kept.state.confirmed_at.is_some(), kept.state.version);
        assert_eq!(is, (fits(number), u64::from(fits(number))), "{kept:?}");
    }
}
