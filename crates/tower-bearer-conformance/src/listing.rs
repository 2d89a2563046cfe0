//! Cases of listing the sessions of a subject.

use tower_bearer::store::{EndReason, Record, SessionStore};

use crate::{Fixture, trial::*};

pub(super) async fn a_list_shows_live_sessions_only<F: Fixture>(trial: Trial<F>) {
    let full = trial.full_record(1);
    let of_the_same = |number| {
        let mut record = trial.record(number, &full.session.subject);
        record.session.issuer.clone_from(&full.session.issuer);
        record
    };
    let (mut idle, mut over, ended) = (of_the_same(2), of_the_same(3), of_the_same(4));
    idle.state.expires_at = trial.start + HOUR;
    over.state.expires_at = trial.start + 2 * HOUR;
    over.session.ends_at = trial.start + HOUR;
    let mut elsewhere = trial.record(5, &full.session.subject);
    elsewhere.session.issuer = "https://other.example".to_owned();
    let other = trial.record(6, "ada");
    for record in [&full, &idle, &over, &ended, &elsewhere, &other] {
        trial.insert(record).await;
    }
    assert!(trial.end(ended.session.id, EndReason::Logout).await);

    assert_lists(&trial, &full, &[&over, &idle, &full]).await;
    assert_lists(&trial, &elsewhere, &[&elsewhere]).await;
    // If the clock stands still, it now shows the end exactly, and nothing is live at its end.
    trial.advance(HOUR).await;
    assert_lists(&trial, &full, &[&full]).await;
}

/// Asserts that the list for the issuer and subject of `whose` has the expected sessions.
async fn assert_lists<F: Fixture>(trial: &Trial<F>, whose: &Record, expected: &[&Record]) {
    let listed = trial
        .store()
        .list(&whose.session.issuer, &whose.session.subject, None, 100)
        .await;
    let records = done("list", listed).records;
    let ids = |record: &Record| record.session.id;
    assert_eq!(
        records.iter().map(ids).collect::<Vec<_>>(),
        expected.iter().copied().map(ids).collect::<Vec<_>>()
    );
    for (kept, expected) in records.iter().zip(expected) {
        assert_same(kept, expected);
    }
}

pub(super) async fn a_list_is_paged_newest_first<F: Fixture>(trial: Trial<F>) {
    // The order is that of the identifiers, which differ in distant bytes, and not that of
    // insertion.
    for number in [5, 3 << 120, 1, 256, 0, u128::MAX, 2 << 64] {
        trial.insert(&trial.record(number, "ada")).await;
    }
    assert!(trial.end(id(5), EndReason::Logout).await);
    let page = async |before: Option<u128>, limit| trial.page("ada", before.map(id), limit).await;

    let all = [u128::MAX, 3 << 120, 2 << 64, 256, 1, 0].map(id);
    assert_eq!(page(None, usize::MAX).await, all);
    assert_eq!(page(None, 0).await, []);
    assert_eq!(page(None, 3).await, all[..3]);
    assert_eq!(page(Some(2 << 64), 2).await, all[3..5]);
    assert_eq!(page(Some(2 << 64), usize::MAX).await, all[3..]);
    assert_eq!(page(Some(2 << 64), 0).await, []);
    // A page can start below an identifier that is dead or unknown.
    assert_eq!(page(Some(5), 1).await, all[4..5]);
    assert_eq!(page(Some(77), 1).await, all[4..5]);
    assert_eq!(page(Some(u128::MAX), 1).await, all[1..2]);
    assert_eq!(page(Some(0), 1).await, []);
}

pub(super) async fn ten_thousand_sessions_of_one_subject<F: Fixture>(trial: Trial<F>) {
    let count = u128::from(trial.times(10_000));
    let all: Vec<_> = (0..count).rev().map(id).collect();
    let sessions = (0..count).map(|number| trial.record(number, "ada"));
    trial.insert_all(sessions).await;
    let mut seen = Vec::new();
    loop {
        let page = trial.page("ada", seen.last().copied(), 999).await;
        let due = 999.min(all.len() - seen.len());
        assert_eq!(page.len(), due, "so many on a page");
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert!(seen == all, "other sessions were listed");

    let mut ended = trial.end_all("ada", EndReason::Logout).await;
    assert_eq!(ended.len(), all.len(), "so many were ended");
    ended.reverse();
    assert!(ended == all, "other sessions were ended");
    assert_eq!(trial.live("ada").await, []);
}
