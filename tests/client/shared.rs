//! Several clients with one session, by tokens and stores that say little or fail.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};
use tower::service_fn;
use tower_bearer::clock::{Clock, ManualClock, SystemClock, Timestamp};
use tower_bearer_client::{ClientSession, MemoryTokenStore, NewTokens, TokenStore};

use crate::{
    faulty::Faulty,
    support::{Body, Fault, LIFETIME, TOKEN, builder, world_with},
};

/// What the store holds.
async fn kept(store: &MemoryTokenStore) -> serde_json::Value {
    serde_json::to_value(store.load().await.unwrap().unwrap()).unwrap()
}

/// The tokens of this crate's servers name their session and generation.
fn refresh_token(session: &str, generation: u32) -> String {
    let claims = json!({ "sid": session, "gen": generation }).to_string();
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn answer(refresh: &str) -> Fault {
    let answer = json!({
        "access_token": format!("of-{refresh}"), "token_type": "Bearer", "expires_in": 600,
        "refresh_token": refresh,
    });
    Fault::json(200, &answer.to_string())
}

#[tokio::test(start_paused = true)]
async fn one_refreshes_and_the_others_take_it_over() {
    let store = MemoryTokenStore::new();
    let first = world_with(|builder| builder.store(store.clone()));
    first.sign_in().await;
    let others: Vec<_> = (0..9)
        .map(|_| builder(&first.server).store(store.clone()).build().unwrap())
        .collect();
    for _ in 0..5 {
        sleep(LIFETIME).await;
        let mut requests = JoinSet::new();
        for session in others.iter().chain([&first.session]) {
            for _ in 0..20 {
                let session = session.clone();
                requests.spawn(async move { session.access_token().await.unwrap() });
            }
        }
        let tokens = requests.join_all().await;
        assert!(
            tokens
                .iter()
                .all(|token| token.expose() == tokens[0].expose())
        );
        first.asked(["refresh"]);
    }
}

/// A 401 for a token that another process has replaced: its tokens are taken, none are made.
#[tokio::test(start_paused = true)]
async fn a_refused_token_may_have_a_successor_in_the_store() {
    let store = MemoryTokenStore::new();
    let here = world_with(|builder| builder.store(store.clone()));
    here.sign_in().await;
    let there = builder(&here.server).store(store).build().unwrap();
    let old = there.access_token().await.unwrap();
    here.server.forget_access_tokens();
    there.access_token_after(&old).await.unwrap();
    here.asked(["refresh"]);
    assert_eq!(here.get("/").await.unwrap(), 200);
    here.asked([]);
}

/// What was taken over is no refresh: if that is refused too, there is one at once.
#[tokio::test(start_paused = true)]
async fn a_successor_that_is_refused_too_is_refreshed() {
    let store = MemoryTokenStore::new();
    let here = world_with(|builder| builder.store(store.clone()));
    here.sign_in().await;
    let there = builder(&here.server).store(store).build().unwrap();
    let old = there.access_token().await.unwrap();
    there.access_token_after(&old).await.unwrap();
    here.asked(["refresh"]);
    here.server.forget_access_tokens();
    assert_eq!(here.get("/").await.unwrap(), 401);
    here.asked([]);
    assert_eq!(here.get("/").await.unwrap(), 200);
    here.asked(["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_generation_takes_no_later_ones_place() {
    let store = MemoryTokenStore::new();
    let world = world_with(|builder| builder.store(store.clone()));
    let tokens = NewTokens::from_refresh_token(refresh_token("s", 5));
    world.session.sign_in(tokens).await.unwrap();
    for (answered, expected) in [(6, 6), (4, 6), (6, 6), (7, 7)] {
        world.server.fail([answer(&refresh_token("s", answered))]);
        let access = world.session.access_token().await.unwrap();
        assert!(
            access.expose().ends_with(&refresh_token("s", answered)),
            "it is fresh"
        );
        assert_eq!(
            kept(&store).await["refresh_token"],
            refresh_token("s", expected)
        );
        sleep(LIFETIME).await;
    }
    // Another session has its own count.
    world.server.fail([answer(&refresh_token("t", 0))]);
    world.session.access_token().await.unwrap();
    assert_eq!(kept(&store).await["refresh_token"], refresh_token("t", 0));
}

/// A restored backup, or a process that was late and heeded no lock.
#[tokio::test(start_paused = true)]
async fn an_earlier_generation_in_the_store_is_not_presented() {
    let presented = Arc::new(Mutex::new(Vec::new()));
    let kept_forms = Arc::clone(&presented);
    let http = service_fn(move |request: Request<Body>| {
        let forms = Arc::clone(&kept_forms);
        async move {
            let form = request.into_body().collect().await.unwrap().to_bytes();
            let form = form_urlencoded::parse(&form).into_owned();
            forms
                .lock()
                .unwrap()
                .extend(form.filter(|(name, _)| name == "refresh_token"));
            let Fault::Says(answer) = answer(&refresh_token("s", 6)) else {
                unreachable!()
            };
            Ok::<_, Infallible>(answer.map(Body::new))
        }
    });
    let store = MemoryTokenStore::new();
    let session = ClientSession::builder(TOKEN, http)
        .store(store.clone())
        .build()
        .unwrap();
    let tokens = NewTokens::from_refresh_token(refresh_token("s", 5));
    session.sign_in(tokens).await.unwrap();
    let old = json!({ "refresh_token": refresh_token("s", 4) });
    let mut lock = store.lock().await.unwrap();
    store
        .save(&mut lock, &serde_json::from_value(old).unwrap())
        .await
        .unwrap();
    drop(lock);
    session.access_token().await.unwrap();
    let expected = ("refresh_token".to_owned(), refresh_token("s", 5));
    assert_eq!(*presented.lock().unwrap(), [expected]);
    assert_eq!(kept(&store).await["refresh_token"], refresh_token("s", 6));
}

/// The age of kept tokens is told by the wall clock, which is a hint only.
#[tokio::test(start_paused = true)]
async fn kept_tokens_are_as_old_as_the_wall_clock_says() {
    let now = SystemClock.now();
    let hour = Duration::from_secs(3600);
    for (later, refreshes) in [
        (now + Duration::from_secs(1), false),
        (now + LIFETIME, true),
        (now + hour * 24 * 365, true),
        // From the future: nothing is known of its age.
        (now - Duration::from_secs(1), true),
        (Timestamp::from_secs(0), true),
    ] {
        let store = MemoryTokenStore::new();
        let first = world_with(|it| it.store(store.clone()).clock(ManualClock::new(now)));
        first.sign_in().await;
        let second = builder(&first.server)
            .store(store)
            .clock(ManualClock::new(later));
        let token = second.build().unwrap().access_token().await.unwrap();
        assert_eq!(token.expose() == "access-2", refreshes, "{later:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_cannot_be_saved_is_none() {
    let store = Faulty::default();
    let world = world_with(|builder| builder.store(store.clone()));
    world.sign_in().await;
    store.fail_saves(true);
    let second = world.server.login();
    assert!(world.session.sign_in(second).await.is_err());
    assert_eq!(
        world.session.access_token().await.unwrap().expose(),
        "access-1"
    );
    assert!(world.ends.told().is_empty());
}
