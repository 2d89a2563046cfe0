//! Addresses, files and the schema.

use super::*;

#[tokio::test]
async fn the_tables_leave_what_is_there() {
    let (_directory, url) = place();
    let mut application = connection(&format!("{url}?mode=rwc")).await;
    run(
        &mut application,
        "PRAGMA user_version = 42; CREATE TABLE users (id INTEGER)",
    )
    .await;
    for _ in 0..2 {
        open(&url).await;
    }
    open(&url).await.insert(&record(1, "ada")).await;
    let again = open(&url).await;
    assert!(again.load(id(1)).await == record(1, "ada"));
    assert_eq!(
        number(
            &mut application,
            "SELECT user_version FROM pragma_user_version"
        )
        .await,
        42
    );
    assert_eq!(
        number(&mut application, "SELECT count(*) FROM users").await,
        0
    );
    assert_eq!(
        number(&mut application, "SELECT version FROM tower_bearer_schema").await,
        6
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_make_the_tables_at_once() {
    for journal_mode in [
        None,
        Some(SqliteJournalMode::Delete),
        Some(SqliteJournalMode::Wal),
    ] {
        let (_directory, url) = place();
        let mut pools = Vec::new();
        for _ in 0..8 {
            let options = options(&url).synchronous(SqliteSynchronous::Off);
            if let Some(mode) = journal_mode {
                pools.push(pool(options.journal_mode(mode)).await);
            }
        }
        let mut tasks = JoinSet::new();
        for number in 0..8 {
            let (url, pool) = (url.clone(), pools.pop());
            tasks.spawn(async move {
                let setup = match pool {
                    Some(pool) => over(pool).await,
                    None => open(&url).await,
                };
                setup.insert(&record(number, "ada")).await;
            });
        }
        tasks.join_all().await;
        assert_eq!(
            open(&url).await.live("ada").await,
            (0..8).rev().map(id).collect::<Vec<_>>()
        );
        let mut connection = connection(&url).await;
        assert_eq!(
            number(&mut connection, "SELECT count(*) FROM tower_bearer_schema").await,
            1
        );
    }
}

#[tokio::test]
async fn another_schema_is_refused_and_left_alone() {
    for version in ["1", "3", "4", "9223372036854775807", "-1"] {
        let (_directory, url) = place();
        open(&url).await.insert(&record(1, "ada")).await;
        let mut connection = connection(&url).await;
        let update = format!("UPDATE tower_bearer_schema SET version = {version}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(update))
            .execute(&mut connection)
            .await
            .unwrap();

        let why = "its tables are of another version of this crate";
        assert_eq!(refused(SqliteStore::connect(&url)).await, why);
        assert_eq!(
            refused(SqliteStore::new(pool(options(&url)).await)).await,
            why
        );
        assert_eq!(
            number(
                &mut connection,
                "SELECT count(*) FROM tower_bearer_sessions"
            )
            .await,
            1
        );
    }
}

/// It was made before there were key rings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_table_of_rings_gets_one() {
    let (_directory, url) = place();
    open(&url).await.insert(&record(1, "ada")).await;
    let mut connection = connection(&url).await;
    run(
        &mut connection,
        "DROP TABLE tower_bearer_rings; UPDATE tower_bearer_schema SET version = 5",
    )
    .await;
    let read_only = SqliteStore::connect(&format!("{url}?mode=ro")).await;
    read_only.expect_err("it may not be changed");
    let opening = (0..8).map(|_| {
        let url = url.clone();
        async move { open(&url).await.store }
    });
    for store in opening.collect::<JoinSet<_>>().join_all().await {
        assert!(store.load_ring("ring").await.unwrap().ring.is_none());
    }
    let versions = "SELECT sum(version) FROM tower_bearer_schema";
    assert_eq!(number(&mut connection, versions).await, 6);
    let setup = open(&url).await;
    assert!(setup.load(id(1)).await == record(1, "ada"));
    let ring = SealedRing::new(1, *b"sealed").unwrap();
    let swap = setup.store.swap_ring("ring", None, &ring).await;
    assert_eq!(swap.unwrap(), Swap::Swapped);
    let kept = open(&url).await.store.load_ring("ring").await.unwrap();
    assert_eq!(kept.ring, Some(ring));
}

#[tokio::test]
async fn a_row_of_a_ring_that_cannot_be_read_is_corrupt() {
    let (_directory, url) = place();
    let store = open(&url).await.store;
    let mut connection = connection(&url).await;
    for insert in [
        "INSERT INTO tower_bearer_rings VALUES ('ring', -1, x'00')",
        "INSERT INTO tower_bearer_rings VALUES (x'72696e67', -1, x'00')",
        "UPDATE tower_bearer_rings SET version = 1, document = x''",
        "UPDATE tower_bearer_rings SET document = zeroblob(262145)",
    ] {
        let written = sqlx::raw_sql(insert).execute(&mut connection).await;
        match written {
            Ok(_) => {
                let error = store.load_ring("ring").await.unwrap_err();
                assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{insert}");
            }
            // The table takes no text as a name.
            Err(_) => assert!(insert.contains("'ring'")),
        }
    }
    run(&mut connection, "DROP TABLE tower_bearer_rings").await;
    let ring = SealedRing::new(1, *b"sealed").unwrap();
    for error in [
        store.load_ring("ring").await.map(drop).unwrap_err(),
        store
            .swap_ring("ring", None, &ring)
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_database_that_is_locked_for_long_is_refused() {
    let (_directory, url) = place();
    let mut locker = connection(&format!("{url}?mode=rwc")).await;
    run(&mut locker, "BEGIN EXCLUSIVE").await;
    let options = SqliteOptions::new().busy_timeout(Duration::from_millis(50));
    let why = refused(SqliteStore::connect_with(&url, options)).await;
    assert_eq!(why, "its database is locked by another process");
    run(&mut locker, "ROLLBACK").await;
    open(&url).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_alone() {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    fn mode(file: &Path) -> u32 {
        file.metadata()
            .expect("the file is there")
            .permissions()
            .mode()
            & 0o777
    }

    let (directory, url) = place();
    let setup = open(&url).await;
    setup.insert(&record(1, "ada")).await;
    for name in ["app.db", "app.db-wal", "app.db-shm"] {
        assert_eq!(mode(&directory.path().join(name)), 0o600, "{name}");
    }

    // The mode of a file that is there is its owner's business.
    let shared = directory.path().join("shared.db");
    std::fs::write(&shared, "").unwrap();
    std::fs::set_permissions(&shared, Permissions::from_mode(0o640)).unwrap();
    open(shared.to_str().unwrap()).await;
    assert_eq!(mode(&shared), 0o640);
}

#[tokio::test]
async fn addresses_are_urls_or_paths() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();

    open(&path("100% plain?.db")).await;
    assert!(Path::new(&path("100% plain?.db")).exists());
    open(&format!("sqlite://{}", path("url.db"))).await;
    assert!(Path::new(&path("url.db")).exists());
    open(&format!("sqlite:{}?mode=rwc", path("created.db"))).await;
    open(&format!("sqlite:{}?mode=rw", path("created.db"))).await;
    open(&format!("sqlite:{}?mode=memory", path("memory.db"))).await;
    assert!(!Path::new(&path("memory.db")).exists());

    for (address, why) in [
        ("", "its address names no file"),
        ("sqlite:", "its address names no file"),
        ("sqlite://", "its address names no file"),
        ("sqlite:?mode=rw", "its address names no file"),
        (
            "sqlite:app.db?colour=red",
            "its address is no SQLite address",
        ),
        (
            "sqlite:app.db?mode=loud",
            "its address is no SQLite address",
        ),
        (
            &format!("sqlite:{}", path("no/such/directory/app.db")),
            "its file cannot be written",
        ),
        (
            &format!("sqlite:{}?mode=rw", path("none.db")),
            "its database cannot be read or written",
        ),
        (
            &format!("sqlite:{}?mode=ro", path("none.db")),
            "its database cannot be read or written",
        ),
    ] {
        assert_eq!(
            refused(SqliteStore::connect(address)).await,
            why,
            "{address:?}"
        );
    }
    assert!(!Path::new(&path("none.db")).exists());
}

#[tokio::test]
async fn debug_shows_no_address() {
    let (_directory, url) = place();
    let shown = format!("{:?}", SqliteStore::connect(&url).await.unwrap());
    assert_eq!(shown, "SqliteStore { closed: false, .. }");
}
