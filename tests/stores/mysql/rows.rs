//! Sessions to keep, a store's calls in a word, and rows that are damaged.

use super::*;

pub(super) fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// A session that is live for an hour and ends after two.
pub(super) async fn record(store: &MySqlStore, number: u128, subject: &str) -> Record {
    let now = store.now().await.expect("it tells the time");
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id(number), ISSUER, subject, secret, now);
    session.ends_at = now + 2 * HOUR;
    let state = SessionState::new(now + HOUR);
    Record { session, state }
}

/// The same, kept.
pub(super) async fn kept(store: &MySqlStore, number: u128, subject: &str) -> Record {
    let record = record(store, number, subject).await;
    store.insert(&record).await.expect("the store inserts");
    record
}

pub(super) async fn load(store: &MySqlStore, number: u128) -> Record {
    let loaded = store.load(id(number)).await.expect("the store loads");
    loaded.record.expect("the session is there")
}

/// What a rotation makes of a session.
pub(super) fn rotated(record: &Record) -> Record {
    let mut next = record.clone();
    next.state.generation += 1;
    next.state.rotated_at = Some(record.session.created_at);
    next.state.delivered_at = Some(record.session.created_at);
    next.state.confirmed_at = None;
    next.state.late <<= 1;
    next.state.expires_at = record.state.expires_at + Duration::from_secs(1);
    next.state.last_refreshed_at = Some(record.session.created_at);
    next.state.version += 1;
    next
}

pub(super) fn kind<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> StoreErrorKind {
    outcome.expect_err("it fails").kind()
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_corrupt() {
    const DAMAGES: [&str; 17] = [
        "secret = x'00'",
        "generation = -1",
        "generation = 4294967296",
        "late = 4294967296",
        "version = -1",
        "subject = x'ff'",
        "scope = 'é'",
        "claims = '{\"sub\":\"mallory\"}'",
        "claims = '['",
        "metadata = '{\"a\":1}'",
        "idle_lifetime = -1",
        "extra = '[]'",
        "state_extra = ''",
        "bound_to = x'00'",
        "ended_at = 1",
        "end_reason = 'logout'",
        "ended_at = 1, end_reason = 'boredom!'",
    ];
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    kept(&store, 0, "eve").await;
    for (number, damage) in (1..).zip(DAMAGES) {
        kept(&store, number, "ada").await;
        let id = Uuid::from_u128(number);
        let sessions = "app.tower_bearer_sessions";
        let damaged = format!(
            "UPDATE {sessions} SET {damage} WHERE id = x'{}'",
            id.simple()
        );
        server.run(&damaged).await;
        let error = store
            .load(SessionId::from_uuid(id))
            .await
            .expect_err(damage);
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{damage}");
        let shown = format!("{error:?}");
        assert!(
            !shown.contains("mallory") && !shown.contains("boredom"),
            "{shown}"
        );
    }
    // The others are not harmed, and the damaged ones still go at their end.
    assert_eq!(load(&store, 0).await.session.subject, "eve");
    server
        .run("UPDATE app.tower_bearer_sessions SET ends_at = 0 WHERE subject <> 'eve'")
        .await;
    let deleted = store.delete_expired(99).await.expect("it deletes");
    assert_eq!(deleted, DAMAGES.len());
}

#[tokio::test]
async fn an_error_shows_no_row() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    server
        .run(
            "ALTER TABLE app.tower_bearer_sessions ADD CHECK (subject <> 'mallory'),
                ADD UNIQUE (claims(9))",
        )
        .await;
    let mut refused = record(&store, 1, "mallory").await;
    refused.session.metadata = [("device".to_owned(), "a typewriter".to_owned())].into();
    let error = store.insert(&refused).await.expect_err("it is refused");
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for shown in [format!("{error:?}"), format!("{error:#?}")] {
        for value in [
            "mallory",
            "a5a5a5",
            "typewriter",
            &hex("typewriter"),
            &hex("mallory"),
        ] {
            assert!(!shown.contains(value), "{shown}");
        }
        assert!(shown.contains("23000"), "{shown}");
    }
}
