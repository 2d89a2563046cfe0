//! What the store makes of a server's errors: the kind, and none of the server's words.

use mongodb::bson::{Document, doc};

use super::{
    scripted::{Reply, Scripted, TIME, found, name_of},
    *,
};

const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable;

fn failure(code: i32) -> Document {
    doc! { "ok": 0, "code": code, "codeName": "Name", "errmsg": "mallory" }
}

#[tokio::test]
async fn an_error_of_the_server_has_its_kind_and_not_its_words() {
    let (server, store) = on_a_replica_set().await;
    for (code, expected) in [
        (13, UNAVAILABLE),
        (10107, UNAVAILABLE),
        (11600, UNAVAILABLE),
        (14031, UNAVAILABLE),
        (50, StoreErrorKind::Timeout),
        (112, StoreErrorKind::Busy),
    ] {
        server.script(move |_| Some(Reply::Answer(failure(code))));
        let swap = store
            .swap(id(1), 0, &record(1, Timestamp::default()).state)
            .await;
        let error = swap.expect_err("it fails");
        assert_eq!(error.kind(), expected, "{code}");
        let source = std::error::Error::source(&error).expect("a cause");
        assert!(
            !format!("{source:?} {source}").contains("mallory"),
            "{source:?}"
        );
        server.script(|_| None);
    }
}

#[tokio::test]
async fn a_write_that_failed_is_what_the_server_says_of_it() {
    let (server, store) = on_a_replica_set().await;
    let failed = |code: i32| doc! { "ok": 1, "n": 0, "writeErrors": [{ "index": 0, "code": code, "errmsg": "mallory" }] };
    let first = record(1, Timestamp::from_millis(TIME));
    for (code, expected) in [
        (11000, StoreErrorKind::Duplicate),
        (10334, StoreErrorKind::Unstorable),
        (121, StoreErrorKind::Unstorable),
        (14031, UNAVAILABLE),
    ] {
        server.answer("insert", failed(code));
        assert_eq!(kind(store.insert(&first).await), expected, "{code}");
    }
    // Damage of one document holds up no confirmation of another; a full disk does.
    server.answer("update", failed(14));
    store.confirm(&[(id(1), 0)]).await.unwrap();
    server.answer("update", failed(14031));
    assert_eq!(kind(store.confirm(&[(id(1), 0)]).await), UNAVAILABLE);
}

#[tokio::test]
async fn a_write_that_no_majority_has_is_not_acknowledged() {
    let (server, store) = on_a_replica_set().await;
    let alone = doc! {
        "ok": 1, "n": 1, "nModified": 1,
        "writeConcernError": { "code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting" },
    };
    server.answer("update", alone.clone());
    let next = rotated(&record(1, Timestamp::from_millis(TIME)));
    let timeout = StoreErrorKind::Timeout;
    assert_eq!(kind(store.swap(id(1), 0, &next.state).await), timeout);
    assert_eq!(kind(store.confirm(&[(id(1), 0)]).await), timeout);
    server.answer("insert", alone);
    assert_eq!(kind(store.insert(&next).await), timeout);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_in_time_and_asked_again() {
    let server = ready().await;
    let options = MongoOptions::new().timeout(Duration::from_secs(1));
    let store = MongoStore::connect_with(&server.url(), options)
        .await
        .unwrap();
    server.script(|command| (name_of(command) == "find").then_some(Reply::Silence));
    let asked = tokio::time::Instant::now();
    // More than the driver has connections.
    for _ in 0..12 {
        assert_eq!(kind(store.load(id(1)).await), StoreErrorKind::Timeout);
    }
    assert!(asked.elapsed() < Duration::from_secs(60));
    server.script(|_| None);
    assert!(store.load(id(1)).await.unwrap().record.is_none());
}

#[tokio::test]
async fn a_session_that_others_keep_changing_is_busy() {
    let (server, store) = on_a_replica_set().await;
    let seen = doc! {
        "_id": id(1).to_string(), "format": 2, "live": true, "version": 1_i64,
        "expires_at": mongodb::bson::DateTime::from_millis(TIME),
    };
    server.script(move |command| match name_of(command).as_str() {
        "find" => Some(Reply::Answer(found(vec![seen.clone()]))),
        "update" => Some(Reply::Answer(doc! { "ok": 1, "n": 0, "nModified": 0 })),
        _ => None,
    });
    let ended = store.end(id(1), EndReason::Logout).await;
    assert_eq!(kind(ended), StoreErrorKind::Busy);
}

async fn refusal(server: &Scripted, options: &str) -> String {
    let url = format!("{}?{options}", server.url());
    refused(MongoStore::connect_with(
        &url,
        MongoOptions::new().timeout(Duration::from_secs(5)),
    ))
    .await
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_refused_in_one_line() {
    let unfit = |code| move |name: &'static str| (name, failure(code));
    for ((name, answer), expected) in [
        (
            unfit(13)("find"),
            "the user lacks a right that the store needs",
        ),
        (
            unfit(13)("createIndexes"),
            "the user lacks a right that the store needs",
        ),
        (unfit(10107)("createIndexes"), "its server takes no writes"),
        (unfit(59)("hello"), "its server is older than MongoDB 4.4"),
        (
            unfit(85)("createIndexes"),
            "its collection has an index of the same name or the same fields that is another",
        ),
        (
            ("find", found(vec![doc! { "_id": "format", "format": 3 }])),
            "its documents are of another version of this crate",
        ),
    ] {
        let server = ready().await;
        let usual = found(vec![doc! { "_id": "format", "format": 2 }]);
        server.script(move |command| match name_of(command) {
            asked if asked == name => Some(Reply::Answer(answer.clone())),
            asked if asked == "find" => Some(Reply::Answer(usual.clone())),
            _ => None,
        });
        assert_eq!(
            refusal(&server, "retryReads=false&retryWrites=false").await,
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_old_server_and_one_that_takes_no_writes_are_refused() {
    let old = Scripted::start_with(doc! { "maxWireVersion": 8 }).await;
    assert_eq!(
        refusal(&old, "").await,
        "its server is older than MongoDB 4.4"
    );
    let no_primary = doc! { "isWritablePrimary": false, "ismaster": false, "secondary": true };
    let secondary = Scripted::start_with(no_primary).await;
    assert_eq!(
        refusal(&secondary, "directConnection=true").await,
        "its server takes no writes"
    );
}

/// The driver would read from it also when it is no primary any more.
#[tokio::test]
async fn a_direct_connection_to_a_member_of_a_replica_set_is_refused() {
    let primary = Scripted::start().await;
    assert_eq!(
        refusal(&primary, "directConnection=true").await,
        "its address has directConnection=true, which is not for a replica set"
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let server = ready().await;
    server.script(|_| Some(Reply::Answer(failure(18))));
    let url = server.url().replace("://", "://ada:hunter2@");
    assert_eq!(
        refused(MongoStore::connect(&url)).await,
        "its server refuses the user or the password"
    );
}
