//! A write that was acknowledged is kept, also where the server is set to forget it.

use super::*;

/// A commit is in the server's memory only, for as long as the test takes.
const FORGETFUL: [(&str, &str); 3] = [
    ("synchronous_commit", "off"),
    ("wal_writer_delay", "10s"),
    ("bgwriter_delay", "10s"),
];

#[tokio::test]
async fn what_was_acknowledged_outlives_kill_9() {
    let Some(mut server) = Postgres::start_with(&FORGETFUL).await else {
        return;
    };
    server.run("CREATE TABLE other (x integer)").await;
    let mut lost = 0;
    for round in 0..3 {
        server.run("TRUNCATE other").await;
        server.run("CHECKPOINT").await;
        let store = open(&server.url()).await;
        let first = kept(&store, round, "ada").await;
        let next = rotated(&first);
        assert_eq!(
            store
                .swap(next.session.id, 0, &next.state)
                .await
                .expect("it swaps"),
            Swap::Swapped
        );
        if round > 0 {
            let ended = store.end(first.session.id, EndReason::Logout).await;
            assert!(ended.expect("it ends"));
        }
        server.run("INSERT INTO other VALUES (1)").await;
        server.kill9();
        server.restart().await;
        let kept = load(&open(&server.url()).await, round).await;
        assert_eq!(kept.state.generation, 1);
        assert_eq!(kept.state.ended.is_some(), round > 0);
        lost += 1 - told::<i64>(&server, "SELECT count(*) FROM other").await;
    }
    assert!(
        lost > 0,
        "the server forgot nothing: this test shows nothing"
    );
}

#[tokio::test]
async fn each_write_is_as_durable_as_can_be() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    open(&server.url()).await;
    server
        .run(
            "CREATE TABLE seen (how text);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO public.seen VALUES (current_setting('synchronous_commit'));
                RETURN NULL;
            END $$;
            CREATE TRIGGER see AFTER INSERT OR UPDATE ON tower_bearer_sessions
                FOR EACH ROW EXECUTE FUNCTION see()",
        )
        .await;
    for (number, (set, expected)) in (1..).zip([
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"),
    ]) {
        server
            .run(&format!("ALTER ROLE bearer SET synchronous_commit = {set}"))
            .await;
        let store = open(&server.url()).await;
        let first = kept(&store, number, "ada").await;
        let next = rotated(&first);
        assert_eq!(
            store
                .swap(next.session.id, 0, &next.state)
                .await
                .expect("it swaps"),
            Swap::Swapped
        );
        store
            .confirm(&[(first.session.id, 1)])
            .await
            .expect("it confirms");
        assert!(
            store
                .end(first.session.id, EndReason::Logout)
                .await
                .expect("it ends")
        );
        kept(&store, number + 100, "eve").await;
        let ended = store.end_all(ISSUER, "eve", None, EndReason::Logout).await;
        assert_eq!(ended.expect("it ends").len(), 1);
        let seen: Vec<String> = told(&server, "SELECT array_agg(how) FROM seen").await;
        assert_eq!(seen, [expected; 6], "{set}");
        server.run("TRUNCATE seen").await;
    }
}

#[tokio::test]
async fn nothing_is_left_set_on_a_connection() {
    let Some(server) = Postgres::start_with(&FORGETFUL).await else {
        return;
    };
    for prepared in [true, false] {
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect(&server.url()).await.expect("it connects");
        let options = PostgresOptions::new().prepared_statements(prepared);
        let store = PostgresStore::new_with(pool.clone(), options).await;
        let store = store.expect("it opens");
        kept(&store, prepared.into(), "ada").await;
        for (setting, expected) in [
            ("synchronous_commit", "off"),
            ("lock_timeout", "0"),
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ] {
            let show = format!("SHOW {setting}");
            let show = sqlx::query_scalar(AssertSqlSafe(show));
            let value: String = show.fetch_one(&pool).await.expect("a setting");
            assert_eq!(value, expected, "{setting}");
        }
    }
}
