//! What is broken, full or read-only.

use super::*;

async fn only_reads(read_only: &Setup<SqliteStore>) {
    assert!(read_only.load(id(1)).await == record(1, "ada"));
    assert_eq!(read_only.live("ada").await, [id(1)]);
    let next = rotated(&record(1, "ada"));
    let outcomes = [
        read_only.store.insert(&record(2, "ada")).await.unwrap_err(),
        read_only
            .store
            .swap(next.session.id, 0, &next.state)
            .await
            .unwrap_err(),
        read_only.store.confirm(&[(id(1), 0)]).await.unwrap_err(),
        read_only
            .store
            .end(id(1), EndReason::Logout)
            .await
            .unwrap_err(),
    ];
    for error in outcomes {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    assert!(read_only.load(id(1)).await == record(1, "ada"));
}

#[tokio::test]
async fn a_read_only_database_is_unavailable_to_writers() {
    let (_directory, url) = place();
    let writer = open(&url).await;
    writer.insert(&record(1, "ada")).await;
    only_reads(&open(&format!("{url}?mode=ro")).await).await;
    only_reads(&over(pool(options(&url).read_only(true)).await).await).await;
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_harms_nothing() {
    let (_directory, url) = place();
    let pool = pool(options(&url).pragma("max_page_count", "60")).await;
    let setup = over(pool.clone()).await;
    let mut kept = Vec::new();
    let error = loop {
        let record = long_record(kept.len() as u128);
        match setup.store.insert(&record).await {
            Ok(()) => kept.push(record),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!kept.is_empty());
    for record in &kept {
        assert!(setup.load(record.session.id).await == *record);
    }
    // A row this long is written anew before the old one goes, for which there is no room.
    let next = rotated(&kept[0]);
    let swap = setup.store.swap(next.session.id, 0, &next.state).await;
    assert_eq!(swap.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert!(setup.load(kept[0].session.id).await == kept[0]);
    // One that ends becomes shorter.
    let ended = setup.store.end(kept[1].session.id, EndReason::Logout);
    assert!(ended.await.unwrap());

    // Once there is room again, everything works.
    sqlx::raw_sql("PRAGMA max_page_count = 10000")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(setup.swap(0, &next).await, Swap::Swapped);
    assert!(setup.load(kept[0].session.id).await == next);
    let check: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn a_row_that_a_constraint_or_trigger_refuses_is_never_kept() {
    const CHANGES: [&str; 3] = [
        "CREATE UNIQUE INDEX one_each ON tower_bearer_sessions (subject)",
        "CREATE TRIGGER refuse BEFORE INSERT ON tower_bearer_sessions WHEN NEW.generation = 99
            BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER empty BEFORE INSERT ON tower_bearer_sessions WHEN NEW.generation = 99
            BEGIN INSERT INTO tower_bearer_schema (only, version) VALUES (2, 0); END",
    ];
    for change in CHANGES {
        let (_directory, url) = place();
        let setup = open(&url).await;
        setup.insert(&record(1, "ada")).await;
        run(&mut connection(&url).await, change).await;
        let mut refused = record(2, "ada");
        refused.state.generation = 99;
        let error = setup.store.insert(&refused).await.expect_err(change);
        assert_eq!(error.kind(), StoreErrorKind::Unstorable, "{change}");
        let error = setup.store.insert(&record(1, "bob")).await;
        let kind = error.expect_err(change).kind();
        assert_eq!(kind, StoreErrorKind::Duplicate, "{change}");
        setup.insert(&record(3, "eve")).await;
    }
}

/// The others of its group are written.
#[tokio::test]
async fn a_rotation_that_a_trigger_refuses_fails_alone() {
    let (_directory, url) = place();
    let setup = open(&url).await;
    let records: Vec<_> = (1..=9).map(|number| record(number, "ada")).collect();
    for one in &records {
        setup.insert(one).await;
    }
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON tower_bearer_sessions WHEN NEW.late = 99
        BEGIN SELECT RAISE(ABORT, 'no'); END";
    run(&mut connection(&url).await, refuse).await;
    let swaps = records.iter().enumerate().map(|(number, before)| {
        let (store, mut next) = (setup.store.clone(), rotated(before));
        next.state.late = if number == 4 { 99 } else { 1 };
        tokio::spawn(async move { store.swap(next.session.id, 0, &next.state).await })
    });
    for (number, swap) in swaps.collect::<Vec<_>>().into_iter().enumerate() {
        match (number, swap.await.unwrap()) {
            (4, swap) => assert_eq!(swap.unwrap_err().kind(), StoreErrorKind::Unstorable),
            (_, swap) => assert_eq!(swap.unwrap(), Swap::Swapped, "{number}"),
        }
    }
}

#[tokio::test]
async fn a_subject_may_be_longer_than_promised() {
    let (_directory, url) = place();
    let setup = open(&url).await;
    for (number, bytes) in (1..).zip([3_000, 1_000_000]) {
        let subject = "é".repeat(bytes / 2);
        let first = record(number, &subject);
        setup.insert(&first).await;
        assert_eq!(setup.live(&subject).await, [id(number)]);
        let ended = setup
            .store
            .end_all(ISSUER, &subject, None, EndReason::Logout);
        assert_eq!(ended.await.unwrap(), [id(number)]);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_corrupt() {
    let damages = [
        "UPDATE tower_bearer_sessions SET secret = x'00'",
        "UPDATE tower_bearer_sessions SET generation = -1",
        "UPDATE tower_bearer_sessions SET generation = 4294967296",
        "UPDATE tower_bearer_sessions SET late = 4294967296",
        "UPDATE tower_bearer_sessions SET version = -1",
        "UPDATE tower_bearer_sessions SET scope = 'é'",
        "UPDATE tower_bearer_sessions SET claims = '{\"sub\":\"mallory\"}'",
        "UPDATE tower_bearer_sessions SET claims = '['",
        "UPDATE tower_bearer_sessions SET metadata = '{\"a\":1}'",
        "UPDATE tower_bearer_sessions SET ended_at = 1",
        "UPDATE tower_bearer_sessions SET end_reason = 'logout'",
        "UPDATE tower_bearer_sessions SET ended_at = 1, end_reason = 'boredom!'",
    ];
    for damage in damages {
        let (_directory, url) = place();
        let setup = open(&url).await;
        setup.insert(&record(1, "ada")).await;
        let mut connection = connection(&url).await;
        let done = sqlx::raw_sql(damage)
            .execute(&mut connection)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1, "{damage}");

        let error = setup.store.load(id(1)).await.expect_err(damage);
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{damage}");
        let source = std::error::Error::source(&error)
            .expect("a cause")
            .to_string();
        assert!(
            !source.contains("mallory") && !source.contains("boredom"),
            "{source}"
        );
        // The other sessions are not harmed, and the damaged one still goes at its end.
        setup.insert(&record(2, "eve")).await;
        assert_eq!(setup.live("eve").await, [id(2)]);
        setup.clock.advance(2 * HOUR);
        assert_eq!(setup.store.delete_expired(9).await.unwrap(), 2);
    }
}

/// All of them begin before the first query, as the test's runtime has one thread.
#[tokio::test]
async fn a_reason_of_a_later_version_is_another_reason() {
    let (_directory, url) = place();
    let setup = open(&url).await;
    setup.insert(&record(1, "ada")).await;
    assert!(setup.store.end(id(1), EndReason::Admin).await.unwrap());
    let later = "UPDATE tower_bearer_sessions SET end_reason = 'boredom'";
    let mut connection = connection(&url).await;
    sqlx::raw_sql(later).execute(&mut connection).await.unwrap();
    let loaded = setup.store.load(id(1)).await.unwrap();
    let ended = loaded.record.unwrap().state.ended.unwrap();
    assert_eq!(ended.reason, EndReason::Other);
}

#[tokio::test]
async fn loads_that_go_together_get_their_own_answers() {
    let (_directory, url) = place();
    let setup = open(&url).await;
    for number in 1..=3 {
        setup.insert(&record(number, "ada")).await;
    }
    run(
        &mut connection(&url).await,
        "UPDATE tower_bearer_sessions SET generation = -1 WHERE id = unhex(format('%032d', 2))",
    )
    .await;
    let loads = [1, 404, 2, 1, 3].map(|number| {
        let store = setup.store.clone();
        tokio::spawn(async move { store.load(id(number)).await })
    });
    for (number, load) in [1, 404, 2, 1, 3].into_iter().zip(loads) {
        match (number, load.await.expect("no panic")) {
            (2, outcome) => {
                let error = outcome.expect_err("it cannot be read");
                assert_eq!(error.kind(), StoreErrorKind::Corrupt);
            }
            (404, loaded) => assert!(loaded.expect("it loads").record.is_none()),
            (_, loaded) => {
                let record = loaded.expect("it loads").record.expect("a session");
                assert_eq!(record.session.id, id(number));
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let (directory, url) = place();
    std::fs::write(directory.path().join("app.db"), [b'x'; 4096]).unwrap();
    assert_eq!(
        refused(SqliteStore::connect(&url)).await,
        "its database cannot be read or written"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_deleted_is_not_made_again() {
    let (directory, url) = place();
    let setup = open(&format!("{url}?mode=rwc")).await;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    // The first read opens a connection.
    let error = setup.store.load(id(1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!directory.path().join("app.db").exists());
}
