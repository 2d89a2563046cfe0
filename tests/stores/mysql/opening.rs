//! Addresses, names, rights, servers and the schema.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_make_the_tables_at_once() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    for round in 0..3 {
        let options = MySqlOptions::new()
            .table(format!("round {round}"))
            .max_connections(2);
        let mut tasks = JoinSet::new();
        for number in 0..16 {
            let (url, options) = (server.url(), options.clone());
            tasks.spawn(async move {
                let store = open_with(&url, options).await;
                kept(&store, number, "ada").await;
            });
        }
        tasks.join_all().await;
        let store = open_with(&server.url(), options).await;
        let all = store.list(ISSUER, "ada", None, 99).await;
        assert_eq!(all.expect("it lists").records.len(), 16);
        let versions = format!("SELECT COUNT(*) FROM app.`round {round}_version`");
        assert_eq!(told::<i64>(&server, &versions).await, 1);
    }
}

#[tokio::test]
async fn the_tables_leave_what_is_there() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    server.run("CREATE TABLE app.users (id integer)").await;
    let given = kept(&open(&server.url()).await, 1, "ada").await;
    for _ in 0..2 {
        assert!(load(&open(&server.url()).await, 1).await == given);
    }
    let pool = MySqlPool::connect(&server.url())
        .await
        .expect("it connects");
    let over_a_pool = MySqlStore::new(pool).await.expect("it opens");
    assert!(load(&over_a_pool, 1).await == given);
    let users = "SELECT COUNT(*) FROM app.users";
    assert_eq!(told::<i64>(&server, users).await, 0);

    let foreign = MySqlOptions::new().table("users");
    let why = "a table with its name is not one of this crate's";
    let url = server.url();
    let opening = MySqlStore::connect_with(&url, foreign);
    assert_eq!(refused(opening).await, why);
}

#[tokio::test]
async fn another_schema_is_refused_and_left_alone() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    kept(&open(&server.url()).await, 1, "ada").await;
    for version in ["1", "4", "7", "9223372036854775807", "-1"] {
        server
            .run(&format!(
                "UPDATE app.tower_bearer_sessions_version SET version = {version}"
            ))
            .await;
        let why = "its tables are of another version of this crate";
        assert_eq!(refused(MySqlStore::connect(&server.url())).await, why);
        let sessions = "SELECT COUNT(*) FROM app.tower_bearer_sessions";
        assert_eq!(told::<i64>(&server, sessions).await, 1);
    }
}

#[tokio::test]
async fn tables_may_have_any_name() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let longest = "ü".repeat(56);
    let names = [
        "sessions",
        "My `odd` schéma; DROP TABLE x; --",
        "? {now} \\' %s",
    ];
    for name in names.into_iter().chain(["table", "live", "a.b", &longest]) {
        let options = MySqlOptions::new().table(name);
        let store = open_with(&server.url(), options.clone()).await;
        let first = kept(&store, 1, "ada").await;
        let store = open_with(&server.url(), options).await;
        let listed = store.list(ISSUER, "ada", None, 99).await;
        assert!(listed.expect("it lists").records == [first.clone()]);
        let next = rotated(&first);
        let swap = store.swap(next.session.id, 0, &next.state).await;
        assert_eq!(swap.expect("it swaps"), Swap::Swapped);
        let confirmed = store.confirm(&[(id(1), 1)]).await;
        confirmed.expect("it confirms");
        let ended = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
        assert_eq!(ended.expect("it ends"), [id(1)]);
        assert_eq!(store.delete_expired(9).await.expect("it deletes"), 0);
    }
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    // Before anybody is asked.
    let nowhere = "mysql://127.0.0.1:1/x";
    for (name, why) in [
        ("", "is empty"),
        ("a\0b", "holds a NUL"),
        ("a ", "ends with a space"),
        ("🦀", "beyond U+FFFF"),
        (&"x".repeat(57), "more than 56"),
    ] {
        let options = MySqlOptions::new().table(name);
        let told = refused(MySqlStore::connect_with(nowhere, options)).await;
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn addresses_are_urls() {
    let wrong = "its address is no MySQL address";
    for (address, why) in [
        ("", wrong),
        ("postgres://h/x", wrong),
        ("mysql:app", wrong),
        ("mysql://h/x?ssl-mode=loud", wrong),
        ("mysql://h:x/x", wrong),
        ("mysql://127.0.0.1:1/x", "its server cannot be reached"),
    ] {
        let opening = MySqlStore::connect(address);
        assert_eq!(refused(opening).await, why, "{address:?}");
    }
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let url = server.url();
    let at = |database: &str| url.trim_end_matches("app").to_owned() + database;
    for (address, why) in [
        (at("mysql"), "the user may not make or read its tables"),
        (at("missing"), "the user may not make or read its tables"),
        (
            at("missing").replace("app@", "root@"),
            "there is no such database",
        ),
        (at(""), "its address names no database"),
        (
            url.replace("app@", "app:wrong@"),
            "its server refuses the user or the password",
        ),
        (
            url.replace("app@", "nobody@"),
            "its server refuses the user or the password",
        ),
        (
            format!("{url}?ssl-mode=REQUIRED"),
            "its server cannot be reached by TLS",
        ),
    ] {
        assert_eq!(
            refused(MySqlStore::connect(&address)).await,
            why,
            "{address}"
        );
    }
    open(&url.replace("mysql://", "mariadb://")).await;
    let shown = format!("{:?}", open(&url).await);
    assert_eq!(shown, "MySqlStore { closed: false, .. }");
}

#[tokio::test]
async fn a_user_that_may_only_use_the_tables_will_do() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    server
        .run("CREATE USER poor; GRANT SELECT ON app.* TO poor")
        .await;
    let url = server.url().replace("app@", "poor@");
    let why = "the user may not make or read its tables";
    assert_eq!(refused(MySqlStore::connect(&url)).await, why);

    open(&server.url()).await;
    server
        .run(
            "REVOKE SELECT ON app.* FROM poor;
            GRANT SELECT, INSERT, UPDATE, DELETE ON app.tower_bearer_sessions TO poor;
            GRANT SELECT ON app.tower_bearer_sessions_version TO poor",
        )
        .await;
    let store = open(&url).await;
    let first = kept(&store, 1, "ada").await;
    let next = rotated(&first);
    let swap = store.swap(next.session.id, 0, &next.state).await;
    assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    store.confirm(&[(id(1), 1)]).await.expect("it confirms");
    let ended = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
    assert_eq!(ended.expect("it ends"), [id(1)]);
    assert_eq!(store.delete_expired(9).await.expect("it deletes"), 0);
}

#[tokio::test]
async fn a_server_without_a_free_connection_says_so() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    server
        .run("ALTER USER app WITH MAX_USER_CONNECTIONS 1")
        .await;
    let only = MySqlConnection::connect(&server.url()).await;
    let only = only.expect("it connects");
    let why = "its server has too many connections";
    assert_eq!(refused(MySqlStore::connect(&server.url())).await, why);
    only.close().await.expect("it closes");
    // The server takes a moment to see that it is closed.
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = MySqlStore::connect(&server.url()).await {
        assert!(Instant::now() < deadline, "{error:?}");
    }
}

#[tokio::test]
async fn servers_that_will_not_do_are_refused() {
    let old = "its server is too old: it takes MariaDB 10.5 or MySQL 8.0";
    let pages = "its server's pages are too small: it takes those of 16 KiB";
    for (settings, why) in [
        (vec!["--version=10.4.34-MariaDB"], old),
        (vec!["--version=5.7.44"], old),
        (
            vec!["--read-only"],
            "its server is read-only: it takes the primary",
        ),
        (
            vec!["--binlog-format=STATEMENT"],
            "its server logs statements: set binlog_format to ROW or MIXED",
        ),
    ] {
        let Some(server) = MariaDb::start_with(&settings).await else {
            return;
        };
        let url = server.url();
        let opening = MySqlStore::connect(&url);
        assert_eq!(refused(opening).await, why, "{settings:?}");
    }
    let Some(server) = MariaDb::with_pages("8K").await else {
        return;
    };
    assert_eq!(refused(MySqlStore::connect(&server.url())).await, pages);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let Some(server) = MariaDb::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    kept(&store, 1, "ada").await;
    let clone = store.clone();
    store.close().await;
    for store in [store, clone] {
        assert_eq!(kind(store.load(id(1)).await), StoreErrorKind::Unavailable);
    }
}
