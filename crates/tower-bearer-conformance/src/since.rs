//! Cases of telling which sessions were ended of late.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    store::{EndReason, Ended, Record, Swap},
};

use crate::{Fixture, trial::*};

pub(super) async fn what_was_ended_is_told_earliest_first<F: Fixture>(trial: Trial<F>) {
    let mut elsewhere = trial.record(3, "ada");
    elsewhere.session.issuer = "https://other.example".to_owned();
    let mut expired = trial.record(8, "ada");
    expired.state.expires_at = trial.start;
    for record in [&elsewhere, &expired] {
        trial.insert(record).await;
    }
    for (number, subject) in [(1, "ada"), (2, "eve"), (4, "eve"), (5, "bob"), (6, "ada")] {
        trial.insert(&trial.record(number, subject)).await;
    }
    assert_eq!(trial.ended_since(trial.start, None, 100).await, []);

    assert!(trial.end(id(5), EndReason::Logout).await);
    trial.advance(MINUTE).await;
    let at = trial.now().await;
    end_by_swap(&trial, &elsewhere, at).await;
    trial.advance(MINUTE).await;
    // Session 8 has expired before and is ended all the same.
    let all = trial
        .end_others("ada", Some(id(6)), EndReason::Logout)
        .await;
    assert_eq!(all, [id(1), id(8)]);
    trial.advance(MINUTE).await;
    assert!(trial.by_turns(1).end(id(2), EndReason::Reuse).await);
    // A second end is none.
    assert!(!trial.end(id(5), EndReason::Logout).await);

    let mut due = Vec::new();
    for number in [5, 3, 1, 8, 2] {
        let ended = trial.load(id(number)).await.state.ended;
        due.push((id(number), ended.expect("it is ended").at));
    }
    due.sort_by_key(|&(id, at)| (at, id));
    assert_eq!(
        (due[0].0, due[4].0),
        (id(5), id(2)),
        "the order of the ends"
    );
    for turn in [0, 1] {
        let trial = trial.by_turns(turn);
        let told = async |since| trial.ended_since(since, None, usize::MAX).await;
        assert_eq!(told(Timestamp::from_secs(0)).await, due);
        assert_eq!(told(trial.start).await, due);
        assert_eq!(told(at).await, due[1..], "from the second end on");
        assert_eq!(told(at + Duration::from_millis(1)).await, due[2..]);
        assert_eq!(told(trial.now().await + HOUR).await, []);
    }
}

async fn end_by_swap<F: Fixture>(trial: &Trial<F>, record: &Record, at: Timestamp) {
    let mut next = rotated(record, at);
    next.state.ended = Some(Ended::new(at, EndReason::Reuse));
    assert_eq!(trial.swap(record.state.version, &next).await, Swap::Swapped);
}

pub(super) async fn ends_are_told_page_by_page<F: Fixture>(trial: Trial<F>) {
    trial.advance(HOUR).await;
    let now = trial.now().await;
    let times = [
        now - Duration::from_millis(2),
        now - Duration::from_millis(1),
    ];
    let mut due = Vec::new();
    // Many are ended at the same time. Their identifiers differ in distant bytes, and their order
    // is not that of their ends.
    for number in [
        5,
        3 << 120,
        1,
        256,
        0,
        u128::MAX,
        2 << 64,
        77,
        99 << 100,
        12,
    ] {
        for (turn, at) in times.into_iter().enumerate() {
            let record = trial.record(number ^ ((turn as u128) << 70), "ada");
            trial.insert(&record).await;
            end_by_swap(&trial, &record, at).await;
            due.push((record.session.id, at));
        }
    }
    due.sort_by_key(|&(id, at)| (at, id));

    for limit in [1, 3, 10, 19, 20, usize::MAX] {
        assert_eq!(
            pages(&trial, times[0], limit).await,
            due,
            "pages of {limit}"
        );
    }
    let page =
        async |since, after: u128, limit| trial.ended_since(since, Some(id(after)), limit).await;
    assert_eq!(trial.ended_since(times[0], None, 0).await, []);
    assert_eq!(page(times[0], 0, 0).await, []);
    // An identifier need not be that of a session, and counts at `since` itself only.
    let above = |after: u128| {
        due[..10]
            .iter()
            .filter(move |(ended, _)| *ended > id(after))
    };
    let first = above(78).copied().next().expect("one above");
    assert_eq!(page(times[0], 78, 1).await, [first]);
    assert_eq!(page(times[0], u128::MAX, 100).await, due[10..]);
    assert_eq!(page(times[0] - MINUTE, u128::MAX, 100).await, due);
}

/// All that were ended since then, read in pages of `limit`.
async fn pages<F: Fixture>(
    trial: &Trial<F>,
    mut since: Timestamp,
    limit: usize,
) -> Vec<(SessionId, Timestamp)> {
    let (mut all, mut after) = (Vec::new(), None);
    for _ in 0..100 {
        let page = trial.ended_since(since, after, limit).await;
        assert!(page.len() <= limit, "{} on a page of {limit}", page.len());
        let Some(&(id, at)) = page.last() else {
            return all;
        };
        (since, after) = (at, Some(id));
        all.extend(page);
    }
    panic!("the pages do not come to an end");
}

pub(super) async fn an_end_is_told_for_a_day<F: Fixture>(trial: Trial<F>) {
    let long = [1, 2, 3].map(|number| {
        let mut record = trial.record(number, "ada");
        record.session.ends_at = trial.start + 9 * DAY;
        record
    });
    for record in &long {
        trial.insert(record).await;
    }
    let ended = trial.end_in_each_way(long).await;
    trial.advance(23 * HOUR).await;
    trial.clean_up(usize::MAX, 0).await;
    let mut told = trial.ended_since(trial.start, None, 100).await;
    told.sort();
    let due = ended.map(|record| (record.session.id, record.state.ended.expect("an end").at));
    assert_eq!(told, due);
}
