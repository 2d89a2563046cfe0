//! From each older schema to the newest.

use super::*;

/// The schema of version 1, as it was, with one session of each kind.
const VERSION_1: &str = "
CREATE TABLE tower_bearer_schema (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
) STRICT;
CREATE TABLE tower_bearer_sessions (
    id BLOB NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    secret BLOB NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER,
    delivered_at INTEGER,
    confirmed INTEGER NOT NULL,
    late INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_refreshed_at INTEGER,
    auth_time INTEGER NOT NULL,
    scope TEXT NOT NULL,
    client_id TEXT,
    claims TEXT NOT NULL,
    metadata TEXT NOT NULL
) STRICT;
CREATE INDEX tower_bearer_sessions_subject ON tower_bearer_sessions (issuer, subject, id);
CREATE INDEX tower_bearer_sessions_ends_at ON tower_bearer_sessions (ends_at);
INSERT INTO tower_bearer_schema (only, version) VALUES (1, 1);
";
/// Session `?1`, with its `delivered_at`, `confirmed` and `revoked_at`.
const INSERT_1: &str = "
INSERT INTO tower_bearer_sessions
VALUES (?1, 'https://id.example', 'ada', zeroblob(32), 3, ?2, ?2, ?3, 5, 900000, 9000000,
    ?4, iif(?4 IS NULL, NULL, 'logout'), 4, 1000, ?2, 1000, 'read', NULL, '{}', '{}')";

/// A database as version 1 of the schema left it: a fresh session, an unconfirmed and a
/// confirmed one, a confirmed one that was never refreshed, and one that was revoked.
async fn of_version_1(url: &str) {
    let mut old = connection(&format!("{url}?mode=rwc")).await;
    run(&mut old, VERSION_1).await;
    for (number, delivered_at, confirmed, revoked_at) in [
        (1, None, false, None),
        (2, Some(2000), false, None),
        (3, Some(2000), true, None),
        (4, None, true, None),
        (5, Some(2000), true, Some(3000)),
    ] {
        let id = id(number).as_uuid().as_bytes().to_vec();
        let insert = sqlx::query(INSERT_1)
            .bind(id)
            .bind(delivered_at)
            .bind(confirmed)
            .bind(revoked_at);
        insert.execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();
}

#[tokio::test]
async fn version_1_told_whether_a_session_was_confirmed_and_not_when() {
    let (_directory, url) = place();
    of_version_1(&url).await;
    let setup = open(&url).await;
    let at = |millis| Some(Timestamp::from_millis(millis));
    for (number, delivered_at, confirmed_at) in [
        (1, None, None),
        (2, at(2000), None),
        (3, at(2000), at(2000)),
        (4, None, at(1000)),
        (5, at(2000), at(2000)),
    ] {
        let kept = setup.load(id(number)).await;
        assert_eq!(kept.confirmed_at, confirmed_at, "session {number}");
        assert_eq!(kept.delivered_at, delivered_at, "session {number}");
        assert_eq!((kept.generation, kept.late, kept.version), (3, 5, 4));
        assert_eq!(kept.revoked.is_some(), number == 5);
    }
    let mut connection = connection(&url).await;
    let version = number(&mut connection, "SELECT version FROM tower_bearer_schema").await;
    assert_eq!(version, 2);

    // It goes on as any other.
    let kept = setup.load(id(2)).await;
    let next = rotated(&kept);
    assert_eq!(setup.swap(kept.version, &next).await, Swap::Swapped);
    assert!(setup.load(id(2)).await == next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_bring_version_1_up_to_date_at_once() {
    let (_directory, url) = place();
    of_version_1(&url).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        tasks.spawn(async move { open(&url).await.load(id(3)).await });
    }
    for kept in tasks.join_all().await {
        assert_eq!(kept.confirmed_at, Some(Timestamp::from_millis(2000)));
    }
}
