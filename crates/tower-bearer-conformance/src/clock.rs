//! Cases of the clock, which must be the same for all servers, and in all answers and rows.

use std::time::Instant;

use tower_bearer::{
    clock::Timestamp,
    store::{EndReason, SessionStore},
};

use crate::{Fixture, trial::*};

pub(super) async fn every_call_tells_the_time_by_one_clock<F: Fixture>(trial: Trial<F>) {
    let begin = Instant::now();
    let least = trial.now().await + HOUR;
    trial.advance(HOUR).await;
    let most = |begin: Instant| least + begin.elapsed() + MINUTE;
    let mut last = least;
    let mut check = |call: &str, now: Timestamp| {
        assert!(now >= last, "{call} gave {now:?}, after {last:?}");
        assert!(now <= most(begin), "{call} gave {now:?}, {least:?} was due");
        last = now;
    };
    for store in [trial.fixture.store(), trial.fixture.peer()] {
        check("now", done("now", store.now().await));
        check("load", done("load", store.load(id(1)).await).now);
        let listed = store.list(ISSUER, "ada", None, 1).await;
        check("list", done("list", listed).now);
        let all = store.list_all(ISSUER, None, 1).await;
        check("list_all", done("list_all", all).now);
        check("now", done("now", store.now().await));
    }
}

pub(super) async fn every_write_takes_the_time_of_one_clock<F: Fixture>(trial: Trial<F>) {
    for number in 1..=3 {
        trial.insert(&trial.record(number, "ada")).await;
    }
    trial.advance(HOUR).await;
    let before = trial.now().await;
    trial.confirm(&[(id(1), 0)]).await;
    assert!(trial.end(id(2), EndReason::Logout).await);
    let all = trial.end_all("ada", EndReason::Logout).await;
    let after = trial.now().await;

    assert_eq!(all, [id(1), id(3)]);
    let check = |call: &str, at: Timestamp| {
        assert!(
            (before..=after).contains(&at),
            "{call} wrote {at:?}, between {before:?} and {after:?}"
        );
    };
    let confirmed_at = trial.load(id(1)).await.state.confirmed_at;
    check("confirm", confirmed_at.expect("a confirmation"));
    for (call, number) in [("end", 2), ("end_all", 1), ("end_all", 3)] {
        let ended = trial.load(id(number)).await.state.ended;
        check(call, ended.expect("an end").at);
    }
}
