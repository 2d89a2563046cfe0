//! Odd answers, and a server that takes the second use of a refresh token for a theft: what it has
//! handed out is not lost, whatever stands beside it.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use tokio::{runtime::Builder, time::sleep};
use tower_bearer_client::{ClientErrorKind as Kind, EndReason, MemoryTokenStore, TokenStore};

use crate::support::{Fault, LIFETIME, World, world_with};

/// A client that is signed in, and its store.
async fn signed_in() -> (World, MemoryTokenStore) {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    sleep(LIFETIME).await;
    (world, store)
}

/// The server rotates, and answers with this beside the new refresh token.
fn rotate(world: &World, answer: impl FnOnce(&str) -> String) {
    let next = world.server.rotate(1);
    world.server.fail([Fault::json(200, &answer(&next))]);
}

async fn kept(store: &MemoryTokenStore) -> String {
    let tokens = serde_json::to_value(store.load().await.unwrap().unwrap()).unwrap();
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_odd_hint_costs_nothing() {
    for rest in [
        r#""expires_in":"600.0""#,
        r#""expires_in":"-1""#,
        r#""expires_in":"""#,
        r#""expires_in":false"#,
        r#""expires_in":[600]"#,
        r#""expires_in":1e999"#,
        r#""expires_in":1,"expires_in":2"#,
        r#""scope":["read"],"id_token":7"#,
        r#""x":1,"x":2"#,
    ] {
        let (world, store) = signed_in().await;
        rotate(&world, |next| {
            format!(
                r#"{{"access_token":"a","token_type":"Bearer",{rest},"refresh_token":"{next}"}}"#
            )
        });
        assert_eq!(
            world.session.access_token().await.unwrap().expose(),
            "a",
            "{rest}"
        );
        assert_eq!(kept(&store).await, "refresh-1-1");
        sleep(LIFETIME).await;
        assert_eq!(world.get("/").await.unwrap(), 200, "{rest}");
        world.asked(["says", "refresh"]);
    }
}

/// The access token is not used, and the session lives on.
#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_used_costs_no_session() {
    for rest in [
        r#""access_token":"a""#,
        r#""access_token":"a","token_type":null"#,
        r#""access_token":"a","token_type":"bearer ""#,
        r#""access_token":"a","token_type":"DPoP""#,
        r#""access_token":"a","access_token":"b","token_type":"Bearer""#,
        r#""access_token":7,"token_type":"Bearer""#,
        r#""token_type":"Bearer""#,
        r#""error":"server_error""#,
    ] {
        let (world, store) = signed_in().await;
        rotate(&world, |next| {
            format!(r#"{{"refresh_token":"{next}",{rest}}}"#)
        });
        let error = world.session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Malformed, "{rest}");
        assert_eq!(kept(&store).await, "refresh-1-1");
        sleep(Duration::from_secs(60)).await;
        assert_eq!(world.get("/").await.unwrap(), 200, "{rest}");
        world.asked(["says", "refresh"]);
        assert!(world.ends.told().is_empty());
    }
}

/// It was good before the answer came, and is so after it.
#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_used_costs_no_access_token() {
    let (world, store) = signed_in().await;
    assert_eq!(world.get("/").await.unwrap(), 200);
    sleep(LIFETIME.mul_f64(0.85)).await;
    world.server.log();
    let next = world.server.rotate(1);
    let answer = format!(r#"{{"refresh_token":"{next}"}}"#);
    world.server.fail([Fault::json(200, &answer)]);
    assert_eq!(world.get("/").await.unwrap(), 200);
    crate::support::settle().await;
    assert_eq!(kept(&store).await, next);
    assert_eq!(world.get("/").await.unwrap(), 200);
    world.asked(["says"]);
}

/// An issuer that names no type.
#[tokio::test(start_paused = true)]
async fn a_missing_type_can_be_accepted() {
    let world = world_with(|builder| builder.danger_accept_missing_token_type());
    world.sign_in().await;
    sleep(LIFETIME).await;
    rotate(&world, |next| {
        format!(r#"{{"access_token":"a","refresh_token":"{next}"}}"#)
    });
    assert_eq!(world.session.access_token().await.unwrap().expose(), "a");
}

/// What servers answer to a dead refresh token: glewlwyd, lemonldap-ng.
#[tokio::test(start_paused = true)]
async fn the_program_says_what_ends_a_session() {
    let dead = [
        Fault::status(400),
        Fault::json(400, r#"{"error":"invalid_request"}"#),
    ];
    for (number, fault) in dead.into_iter().enumerate() {
        let world = world_with(|builder| {
            builder.ends_session_when(move |response| match number {
                0 => response.status() == 400 && response.body().is_some_and(<[u8]>::is_empty),
                _ => response.code() == Some("invalid_request"),
            })
        });
        world.sign_in().await;
        sleep(LIFETIME).await;
        world.server.fail([fault]);
        let error = world.session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Ended(EndReason::Refused));
        assert_eq!(world.ends.told(), [EndReason::Refused]);
        world.asked(["says"]);
    }
}

/// Even a program that says yes to everything loses no session by an outage.
#[tokio::test(start_paused = true)]
async fn no_outage_ends_a_session() {
    let long = http::Response::builder().status(503);
    let long = long.body(vec![b' '; 100 * 1024].into()).unwrap();
    for fault in [
        Fault::Unreachable,
        Fault::Silent,
        Fault::Panics,
        Fault::Says(long),
        Fault::status(204),
        Fault::status(302),
        Fault::status(408),
        Fault::status(425),
        Fault::status(429),
        Fault::status(500),
        Fault::json(503, r#"{"error":"invalid_grant"}"#),
        Fault::json(200, r#"{"error":"invalid_grant"}"#),
        Fault::json(200, "{"),
    ] {
        let world = world_with(|builder| builder.ends_session_when(|_| true));
        world.sign_in().await;
        sleep(LIFETIME).await;
        world.server.fail(vec![fault.clone(); 3]);
        let error = world.session.access_token().await.unwrap_err();
        assert!(!error.is_signed_out(), "{fault:?}");
        let mut outcome = Err(error);
        for _ in 0..3 {
            sleep(Duration::from_secs(60)).await;
            outcome = world.session.access_token().await;
        }
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
        assert!(world.ends.told().is_empty());
    }
}

/// Another process, which heeds no lock, was faster: its token is in the store.
#[tokio::test(start_paused = true)]
async fn what_the_program_says_is_not_believed_before_a_second_look_into_the_store() {
    let store = MemoryTokenStore::new();
    let world = world_with(|it| it.store(store.clone()).ends_session_when(|_| true));
    world.sign_in().await;
    sleep(LIFETIME).await;
    world.server.latency(Duration::from_secs(2));
    world.server.fail([Fault::status(400)]);
    let ours = tokio::spawn(world.get("/"));
    sleep(Duration::from_millis(500)).await;
    let next = world.server.rotate(1);
    let tokens = serde_json::from_value(serde_json::json!({ "refresh_token": next })).unwrap();
    let mut unlocked = MemoryTokenStore::new().lock().await.unwrap();
    store.save(&mut unlocked, &tokens).await.unwrap();
    assert_eq!(ours.await.unwrap().unwrap(), 200);
    assert!(world.ends.told().is_empty());
}

/// A page that is too long to be read is not an empty one.
#[tokio::test(start_paused = true)]
async fn a_page_that_was_not_read_is_no_empty_body() {
    let world = world_with(|builder| {
        builder.ends_session_when(|response| response.body().is_some_and(<[u8]>::is_empty))
    });
    world.sign_in().await;
    sleep(LIFETIME).await;
    let page = http::Response::builder().status(400);
    let page = page.body(vec![b' '; 100 * 1024].into()).unwrap();
    world.server.fail([Fault::Says(page)]);
    let error = world.session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Status);
}

/// A member of an answer, of whatever kind.
fn member() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => prop::sample::select(vec!["access_token", "token_type", "expires_in", "scope", "error"]),
        1 => prop::sample::select(vec!["id_token", "x", "", "\\u0000", "refresh_Token"]),
    ];
    let value = prop_oneof![
        prop::sample::select(vec![
            r#""Bearer""#,
            r#""bearer ""#,
            r#""a""#,
            r#""""#,
            "null",
            "true",
            "-1",
            "600",
            "1e999",
            "[]",
            "{}",
            r#"{"refresh_token":"inner"}"#,
            r#""é\n""#,
        ])
        .prop_map(str::to_owned),
        any::<f64>()
            .prop_filter("JSON has no others", |it| it.is_finite())
            .prop_map(|it| it.to_string()),
    ];
    (name, value).prop_map(|(name, value)| format!(r#""{name}":{value}"#))
}

proptest! {
    #[test]
    fn a_refresh_token_that_can_be_read_is_never_lost(
        before in vec(member(), 0..6),
        after in vec(member(), 0..6),
        tail in prop::sample::select(vec!["}", "} ", "}}", "", ",", "}\u{0}"]),
    ) {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (world, store) = signed_in().await;
            let next = world.server.rotate(1);
            let token = format!(r#""refresh_token":"{next}""#);
            let members: Vec<_> = before.into_iter().chain([token]).chain(after).collect();
            let answer = format!("{{{}{tail}", members.join(","));
            world.server.fail([Fault::json(200, &answer)]);
            let _ = world.session.access_token().await;
            assert_eq!(kept(&store).await, next, "{answer}");
            sleep(LIFETIME).await;
            assert!(world.session.access_token().await.is_ok(), "{answer}");
            assert!(world.ends.told().is_empty());
        });
    }
}
