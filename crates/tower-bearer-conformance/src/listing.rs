//! Lists of a subject's sessions.

use super::{Fixture, trial::*};
use tower_bearer::store::{RevokeReason, Session, SessionStore};

pub(super) async fn a_list_shows_live_sessions_only<F: Fixture>(trial: Trial<F>) {
    let full = trial.full_session(1);
    let of_the_same = |number| {
        let mut session = trial.session(number, &full.subject);
        session.issuer.clone_from(&full.issuer);
        session
    };
    let (mut idle, mut over, revoked) = (of_the_same(2), of_the_same(3), of_the_same(4));
    idle.expires_at = trial.start + HOUR;
    over.expires_at = trial.start + 2 * HOUR;
    over.ends_at = trial.start + HOUR;
    let mut elsewhere = trial.session(5, &full.subject);
    elsewhere.issuer = "https://other.example".to_owned();
    let other = trial.session(6, "ada");
    for session in [&full, &idle, &over, &revoked, &elsewhere, &other] {
        trial.insert(session).await;
    }
    assert!(trial.end(revoked.id, RevokeReason::Logout).await);

    assert_lists(&trial, &full, &[&full, &idle, &over]).await;
    assert_lists(&trial, &elsewhere, &[&elsewhere]).await;
    // Where the clock stands still it is now the very end, at which nothing is live any more.
    trial.advance(HOUR).await;
    assert_lists(&trial, &full, &[&full]).await;
}

/// Lists those of the issuer and subject of `whose`.
async fn assert_lists<F: Fixture>(trial: &Trial<F>, whose: &Session, expected: &[&Session]) {
    let listed = trial
        .store()
        .list(&whose.issuer, &whose.subject, None, 100)
        .await;
    let sessions = done("list", listed).sessions;
    let ids = |session: &Session| session.id;
    assert_eq!(
        sessions.iter().map(ids).collect::<Vec<_>>(),
        expected.iter().copied().map(ids).collect::<Vec<_>>()
    );
    for (kept, expected) in sessions.iter().zip(expected) {
        assert_same(kept, expected);
    }
}

pub(super) async fn a_list_is_paged_by_identifier<F: Fixture>(trial: Trial<F>) {
    // Neither in order of insertion nor of time, and numbers that differ in far bytes.
    for number in [5, 3 << 120, 1, 256, 0, u128::MAX, 2 << 64] {
        trial.insert(&trial.session(number, "ada")).await;
    }
    assert!(trial.end(id(5), RevokeReason::Logout).await);
    let page = async |after: Option<u128>, limit| trial.page("ada", after.map(id), limit).await;

    let all = [0, 1, 256, 2 << 64, 3 << 120, u128::MAX].map(id);
    assert_eq!(page(None, usize::MAX).await, all);
    assert_eq!(page(None, 0).await, []);
    assert_eq!(page(None, 3).await, all[..3]);
    assert_eq!(page(Some(256), 2).await, all[3..5]);
    // Neither a dead nor an unknown identifier is in the way.
    assert_eq!(page(Some(5), 1).await, all[2..3]);
    assert_eq!(page(Some(77), 1).await, all[2..3]);
    assert_eq!(page(Some(u128::MAX), 1).await, []);
}

pub(super) async fn ten_thousand_sessions_of_one_subject<F: Fixture>(trial: Trial<F>) {
    let all: Vec<_> = (0..10_000).map(id).collect();
    let sessions = (0..10_000).map(|number| trial.session(number, "ada"));
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

    let ended = trial.end_all("ada", RevokeReason::Logout).await;
    assert_eq!(ended.len(), all.len(), "so many were ended");
    assert!(ended == all, "other sessions were ended");
    assert_eq!(trial.live("ada").await, []);
}
