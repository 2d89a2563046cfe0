//! Cases of the list of all sessions.

use std::collections::{BTreeMap, BTreeSet};

use tower_bearer::{
    SessionId,
    store::{Cursor, EndReason, ListedAll, Record, SessionStore, StoreErrorKind},
};

use crate::{Fixture, trial::*};

/// More than the stores of tower-bearer over a database look at in one call. That in memory would need some 8 200.
const MANY_DEAD: u32 = 2_100;

pub(super) async fn all_live_sessions_of_an_issuer_are_listed<F: Fixture>(trial: Trial<F>) {
    let full = trial.full_record(1);
    let of_the_same = |number, subject| {
        let mut record = trial.record(number, subject);
        record.session.issuer.clone_from(&full.session.issuer);
        record
    };
    let (mut idle, mut over) = (of_the_same(2, "ada"), of_the_same(3, "eve"));
    idle.state.expires_at = trial.start + HOUR;
    over.state.expires_at = trial.start + 2 * HOUR;
    over.session.ends_at = trial.start + HOUR;
    let ended = of_the_same(4, "ada");
    let elsewhere = trial.record(5, "ada");
    for record in [&full, &idle, &over, &ended, &elsewhere] {
        trial.insert(record).await;
    }
    assert!(trial.end(ended.session.id, EndReason::Logout).await);

    assert_lists(&trial, &full, &[&full, &idle, &over]).await;
    assert_lists(&trial, &elsewhere, &[&elsewhere]).await;
    let mut nobody = elsewhere.clone();
    nobody.session.issuer = "https://nobody.example".to_owned();
    assert_lists(&trial, &nobody, &[]).await;
    // If the clock stands still, it now shows the end exactly, and nothing is live at its end.
    trial.advance(HOUR).await;
    assert_lists(&trial, &full, &[&full]).await;
}

/// Asserts that the list for the issuer of `whose` has the expected sessions, on pages of any size.
async fn assert_lists<F: Fixture>(trial: &Trial<F>, whose: &Record, expected: &[&Record]) {
    for limit in [0, 1, 2, 100, usize::MAX] {
        let all = all(trial, &whose.session.issuer, limit).await;
        let ids: Vec<_> = all.keys().copied().collect();
        let due: BTreeSet<_> = expected.iter().map(|record| record.session.id).collect();
        assert!(ids.iter().eq(&due), "{ids:?} were listed, not {due:?}");
        for expected in expected {
            assert_same(&all[&expected.session.id], expected);
        }
    }
}

/// All sessions, read in pages of `limit`.
pub(super) async fn all<F: Fixture>(
    trial: &Trial<F>,
    issuer: &str,
    limit: usize,
) -> BTreeMap<SessionId, Record> {
    let (mut all, mut after) = (BTreeMap::new(), None);
    for _ in 0..10_000 {
        let page = page(trial, issuer, after.as_ref(), limit).await;
        let records = page.records.into_iter();
        all.extend(records.map(|record| (record.session.id, record)));
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
    panic!("the pages do not come to an end");
}

async fn page<F: Fixture>(
    trial: &Trial<F>,
    issuer: &str,
    after: Option<&Cursor>,
    limit: usize,
) -> ListedAll {
    let page = trial.store().list_all(issuer, after, limit).await;
    let page = done("list_all", page);
    // Where it can stop only now and then, a page may have a few more.
    let most = limit.saturating_add(8);
    assert!(
        page.records.len() <= most,
        "{} on a page of {limit}",
        page.records.len()
    );
    page
}

pub(super) async fn pages_go_through_all_while_others_come_and_go<F: Fixture>(trial: Trial<F>) {
    let count = u128::from(trial.times(1_000));
    let subject = |number: u128| format!("user {}", number % 7);
    // Their identifiers differ in distant bytes.
    let number = |number: u128| number << (8 * (number % 14)) | number;
    let sessions = (0..count).map(|turn| trial.record(number(turn), &subject(turn)));
    trial.insert_all(sessions).await;
    let goes = |turn: u128| turn.is_multiple_of(5);
    let due = (0..count).filter(|turn| !goes(*turn)).map(number).map(id);
    let due: BTreeSet<_> = due.collect();
    for limit in [7, 64, 999] {
        let (mut seen, mut after) = (BTreeSet::new(), None);
        let mut others = (0..count).filter(|turn| goes(*turn));
        for turn in 0_u32.. {
            assert!(turn < 10_000, "the pages do not come to an end");
            let trial = trial.by_turns(turn);
            let page = page(&trial, ISSUER, after.as_ref(), limit).await;
            seen.extend(page.records.iter().map(|record| record.session.id));
            let Some(next) = page.next else { break };
            after = Some(next);
            // Between two pages one session ends, and another one begins.
            if let Some(other) = others.next() {
                trial.end(id(number(other)), EndReason::Logout).await;
                let new = trial.record(u128::from(turn) << 64 | 1 << 127 | other, "new");
                let _ = trial.store().insert(&new).await;
            }
        }
        let missed: Vec<_> = due.difference(&seen).collect();
        assert!(missed.is_empty(), "pages of {limit} miss {missed:?}");
    }
}

/// A store looks at no more sessions in a call than it can in a moment, so a page may be short or empty although others
/// follow. In whichever direction a store goes, one session that is live comes after all that are dead.
pub(super) async fn dead_sessions_do_not_hide_those_behind_them<F: Fixture>(trial: Trial<F>) {
    let dead = u128::from(trial.times(MANY_DEAD));
    let ends = [id(0), id(u128::MAX)];
    for end in ends {
        let mut live = trial.record(0, "ada");
        live.session.id = end;
        trial.insert(&live).await;
    }
    let expired = (1..=dead).map(|number| {
        let mut expired = trial.record(number << 96 | number, &format!("user {}", number % 7));
        expired.state.expires_at = trial.start;
        expired
    });
    trial.insert_all(expired).await;
    for limit in [10, usize::MAX] {
        let all = all(&trial, ISSUER, limit).await;
        assert!(
            all.keys().eq(&ends),
            "pages of {limit} have {:?}",
            all.keys()
        );
    }
}

pub(super) async fn a_cursor_of_another_store_is_refused<F: Fixture>(trial: Trial<F>) {
    for number in 0..20 {
        trial.insert(&trial.record(number, "ada")).await;
    }
    let longest = "a".repeat(Cursor::LONGEST);
    for text in ["next", "0", "~", "00000000.0.00.x", longest.as_str()] {
        let cursor = text.parse::<Cursor>().expect("a cursor");
        let page = trial.store().list_all(ISSUER, Some(&cursor), 10).await;
        let error = page.map(|page| page.records.len());
        let error = error.expect_err("a cursor that it has not given was taken");
        assert_eq!(error.kind(), StoreErrorKind::Cursor, "{text}");
    }
}
