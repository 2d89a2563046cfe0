//! Addresses, names, rights and the schema.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_make_the_tables_at_once() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (round, prepared) in [true, false, true].into_iter().enumerate() {
        let options = PostgresOptions::new()
            .schema(format!("round {round}"))
            .max_connections(2)
            .prepared_statements(prepared);
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
        let versions =
            format!("SELECT count(*) FROM \"round {round}\".tower_bearer_sessions_version");
        assert_eq!(told::<i64>(&server, &versions).await, 1);
    }
}

#[tokio::test]
async fn the_tables_leave_what_is_there() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server.run("CREATE TABLE users (id integer)").await;
    let given = kept(&open(&server.url()).await, 1, "ada").await;
    for _ in 0..2 {
        assert!(load(&open(&server.url()).await, 1).await == given);
    }
    let pool = PgPool::connect(&server.url()).await.expect("it connects");
    let over_a_pool = PostgresStore::new(pool).await.expect("it opens");
    assert!(load(&over_a_pool, 1).await == given);
    assert_eq!(told::<i64>(&server, "SELECT count(*) FROM users").await, 0);
}

#[tokio::test]
async fn another_schema_is_refused_and_left_alone() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    kept(&open(&server.url()).await, 1, "ada").await;
    for version in ["1", "3", "4", "9223372036854775807", "-1"] {
        server
            .run(&format!(
                "UPDATE tower_bearer_sessions_version SET version = {version}"
            ))
            .await;
        let why = "its tables are of another version of this crate";
        assert_eq!(refused(PostgresStore::connect(&server.url())).await, why);
        let sessions = "SELECT count(*) FROM tower_bearer_sessions";
        assert_eq!(told::<i64>(&server, sessions).await, 1);
    }
}

#[tokio::test]
async fn tables_may_have_any_name() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let longest = "ü".repeat(27) + "x";
    let names = [
        ("public", "sessions"),
        ("My \"odd\" schéma; DROP TABLE x; --", "$1 {now} \\' %s"),
        ("select", "table"),
        (&longest, &longest),
        ("pg", "public.sessions"),
        ("pg", "server"),
        ("pg", "kept"),
    ];
    let mut stores = Vec::new();
    for (number, (schema, table)) in (0..).zip(names) {
        let options = PostgresOptions::new().schema(schema).table(table);
        let store = open_with(&server.url(), options.clone()).await;
        let first = kept(&store, number, "ada").await;
        assert!(load(&store, number).await == first);
        stores.push(open_with(&server.url(), options).await);
    }
    for (number, store) in (0..).zip(&stores) {
        let listed = store.list(ISSUER, "ada", None, 99).await.expect("it lists");
        let ids: Vec<_> = listed
            .records
            .iter()
            .map(|record| record.session.id)
            .collect();
        assert_eq!(ids, [id(number)]);
        let next = rotated(&listed.records[0]);
        assert_eq!(
            store
                .swap(next.session.id, 0, &next.state)
                .await
                .expect("it swaps"),
            Swap::Swapped
        );
        store
            .confirm(&[(id(number), 1)])
            .await
            .expect("it confirms");
        let ended = store.end_all(ISSUER, "ada", None, EndReason::Logout).await;
        assert_eq!(ended.expect("it ends"), [id(number)]);
        assert_eq!(store.delete_expired(9).await.expect("it deletes"), 0);
    }
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    // Before anybody is asked.
    let nowhere = "postgres://127.0.0.1:1/x";
    let options = PostgresOptions::new();
    let long = "x".repeat(56);
    for (options, why) in [
        (options.clone().schema(""), "is empty"),
        (options.clone().table(""), "is empty"),
        (options.clone().schema("a\0b"), "holds a NUL"),
        (options.clone().table("a\0b"), "holds a NUL"),
        (options.clone().schema(long.repeat(2)), "more than 63 bytes"),
        (options.table(long), "more than 55"),
    ] {
        let told = refused(PostgresStore::connect_with(nowhere, options)).await;
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn addresses_are_urls() {
    let quick = PostgresOptions::new().timeout(Duration::from_millis(200));
    for (address, why) in [
        ("", "its address is no PostgreSQL address"),
        ("sqlite:app.db", "its address is no PostgreSQL address"),
        ("postgres:app", "its address is no PostgreSQL address"),
        (
            "postgres://h/x?sslmode=loud",
            "its address is no PostgreSQL address",
        ),
        ("postgres://h:x/x", "its address is no PostgreSQL address"),
        ("postgres://127.0.0.1:1/x", "its server cannot be reached"),
    ] {
        let opening = PostgresStore::connect_with(address, quick.clone());
        assert_eq!(refused(opening).await, why, "{address:?}");
    }
    let Some(server) = Postgres::start().await else {
        return;
    };
    let url = server.url();
    let missing = url.replace("/postgres?", "/missing?");
    let opening = PostgresStore::connect(&missing);
    assert_eq!(refused(opening).await, "there is no such database");
    open(&url.replace("postgres://", "postgresql://")).await;
    let shown = format!("{:?}", open(&url).await);
    assert_eq!(shown, "PostgresStore { closed: false, .. }");
}

#[tokio::test]
async fn a_role_that_may_only_use_the_tables_will_do() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server.run("CREATE ROLE app LOGIN").await;
    let url = server.url().replace("bearer@", "app@");
    let why = "the role may not make or read its tables";
    assert_eq!(refused(PostgresStore::connect(&url)).await, why);

    open(&server.url()).await;
    server
        .run(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON tower_bearer_sessions TO app;
            GRANT SELECT ON tower_bearer_sessions_version TO app",
        )
        .await;
    let store = open(&url).await;
    let first = kept(&store, 1, "ada").await;
    let next = rotated(&first);
    assert_eq!(
        store
            .swap(next.session.id, 0, &next.state)
            .await
            .expect("it swaps"),
        Swap::Swapped
    );
    store.confirm(&[(id(1), 1)]).await.expect("it confirms");
    assert!(store.end(id(1), EndReason::Logout).await.expect("it ends"));
    assert_eq!(store.delete_expired(9).await.expect("it deletes"), 0);
}

#[tokio::test]
async fn a_role_that_lacks_a_right_to_sessions_is_refused() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server
        .run("CREATE ROLE app LOGIN; CREATE ROLE servers; GRANT servers TO app")
        .await;
    let url = server.url().replace("bearer@", "app@");
    for (schema, table, name) in [
        (
            "public",
            "tower_bearer_sessions",
            r#""public"."tower_bearer_sessions""#,
        ),
        (
            "an app",
            "My \"odd\" table",
            r#""an app"."My ""odd"" table""#,
        ),
    ] {
        let options = PostgresOptions::new().schema(schema).table(table);
        open_with(&server.url(), options.clone()).await;
        let version = format!("\"{schema}\".{}", name_of(table, "_version"));
        server
            .run(&format!(
                "GRANT USAGE ON SCHEMA \"{schema}\" TO servers;
                GRANT SELECT ON {version} TO servers"
            ))
            .await;
        for (granted, lacks) in [
            ("REFERENCES", "SELECT, INSERT, UPDATE, DELETE"),
            ("SELECT", "INSERT, UPDATE, DELETE"),
            ("INSERT, DELETE", "UPDATE"),
        ] {
            let grant = format!("GRANT {granted} ON {name} TO servers");
            server.run(&grant).await;
            let opening = PostgresStore::connect_with(&url, options.clone());
            let error = opening.await.expect_err("it is refused");
            assert_eq!(error.kind(), OpenErrorKind::Refused);
            assert_eq!(
                error.to_string(),
                format!(
                    "the store cannot be opened: the role lacks rights on the table {name}: {lacks}"
                )
            );
        }
        // A right of its own counts as much as one of a role that it belongs to, and one to each column as one to all.
        server
            .run(&format!(
                "DO $$ DECLARE columns text; BEGIN
                    SELECT string_agg(quote_ident(attname), ',') INTO columns FROM pg_attribute
                    WHERE attrelid = '{name}'::regclass AND attnum > 0 AND NOT attisdropped;
                    EXECUTE 'GRANT UPDATE (' || columns || ') ON {name} TO app';
                END $$"
            ))
            .await;
        kept(&open_with(&url, options).await, 1, "ada").await;
    }
}

fn name_of(table: &str, suffix: &str) -> String {
    format!("\"{}{suffix}\"", table.replace('"', "\"\""))
}

#[tokio::test]
async fn a_server_without_a_free_connection_says_so() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server
        .run("CREATE ROLE app LOGIN CONNECTION LIMIT 1; CREATE SCHEMA app AUTHORIZATION app")
        .await;
    let url = server.url().replace("bearer@", "app@");
    let only = PgConnection::connect(&url).await.expect("it connects");
    let options = PostgresOptions::new().schema("app");
    let quick = options.clone().timeout(Duration::from_secs(4));
    let why = "its server has too many connections";
    let opening = PostgresStore::connect_with(&url, quick);
    assert_eq!(refused(opening).await, why);
    only.close().await.expect("it closes");
    // The server takes a moment to see that it is closed.
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = PostgresStore::connect_with(&url, options.clone()).await {
        assert!(Instant::now() < deadline, "{error:?}");
    }
}

#[tokio::test]
async fn a_database_of_another_encoding_keeps_all_characters() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server
        .run("CREATE DATABASE old ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
        .await;
    let store = open(&server.url().replace("/postgres?", "/old?")).await;
    let mut given = record(&store, 1, "ада\0🦀").await;
    given.session.client_id = Some("☎".to_owned());
    given.session.metadata = [("device".to_owned(), "Ada's ☎\0".to_owned())].into();
    store.insert(&given).await.expect("it inserts");
    assert!(load(&store, 1).await == given);
    let listed = store.list(ISSUER, "ада\0🦀", None, 9).await;
    assert!(listed.expect("it lists").records == [given]);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let Some(server) = Postgres::start().await else {
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
