//! The built `limits`: who comes too often is told so, and nobody is logged out by it.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod flood;
mod honest;

use std::time::Duration;

use serde_json::json;
use tests_shared::{
    client::{Answer, Call, Client, Tokens, get, post},
    program::Server,
};
use tokio::time::{Instant, sleep};

use flood::Flood;
use honest::Honest;

/// Of all tests that are about something else.
const MANY: &str = "100000/1";

struct World {
    _folder: tempfile::TempDir,
    server: Server,
    client: Client,
}

impl World {
    fn start(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all = vec![("STORE", "memory")];
        all.extend(
            [
                "LOGIN_LIMIT",
                "ENDPOINT_LIMIT",
                "SESSION_LIMIT",
                "CALL_LIMIT",
            ]
            .map(|it| (it, MANY)),
        );
        all.extend(env);
        let server = Server::start("limits", folder.path(), &all);
        Self {
            client: Client::new(server.addr),
            server,
            _folder: folder,
        }
    }

    async fn log_in(&self) -> Tokens {
        self.client.send(login()).await.tokens()
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.client.send(refresh(token)).await
    }
}

fn login() -> Call {
    let body = json!({ "username": "alice", "password": "wonderland" });
    post("/auth/login").json(body.to_string())
}

fn refresh(token: &str) -> Call {
    post("/auth/token").form(format!("grant_type=refresh_token&refresh_token={token}"))
}

fn from(address: &str, call: Call) -> Call {
    call.header("x-forwarded-for", address)
}

/// The seconds that it asks to wait, of which there is at least one.
#[track_caller]
fn told(answer: &Answer) -> u64 {
    let told = answer.header("retry-after").expect("Retry-After");
    let seconds = told.parse().expect("whole seconds");
    assert!(seconds >= 1, "{answer:?}");
    seconds
}

/// So many calls at once, and one more each period from then on.
struct Limit {
    burst: u128,
    period: Duration,
    begun: Instant,
}

impl Limit {
    fn begin(burst: u128, millis: u64) -> Self {
        let period = Duration::from_millis(millis);
        let begun = Instant::now();
        Self {
            burst,
            period,
            begun,
        }
    }

    /// The first answer of this status, once the burst has been let through. On a machine that has much else to do a
    /// period may pass between two calls, and one more is let through.
    async fn until(&self, status: u16, mut call: impl AsyncFnMut() -> Answer) -> Answer {
        for through in self.burst.. {
            let periods = self.begun.elapsed().as_nanos() / self.period.as_nanos();
            assert!(through <= self.burst + periods + 1, "too many let through");
            let answer = call().await;
            if answer.status == status {
                return answer;
            }
        }
        unreachable!("there are numbers enough");
    }
}

async fn wait(answer: &Answer) {
    sleep(Duration::from_secs(told(answer))).await;
}

#[tokio::test]
async fn a_flood_from_one_address_is_nothing_to_another() {
    let world = World::start(&[
        ("PROXIES", "1"),
        ("ENDPOINT_LIMIT", "5/200"),
        ("ACCESS_TTL", "3"),
    ]);
    let flood = Flood::from("203.0.113.9", world.server.addr);
    let honest = Honest::log_in(world.server.addr, "198.51.100.7").await;
    let mut calls = 0;
    while flood.seen(503) < 500 || honest.seen(200) < 3 {
        honest.call().await.expect("a token").is(200);
        calls += 1;
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(honest.seen(503), 0);
    honest.is_in().await;
    let seen = flood.stop().await;
    println!("{calls} calls beside {seen:?}");
    assert!(
        seen.keys().all(|status| [400, 503].contains(status)),
        "{seen:?}"
    );
}

/// As behind one address of a company or of a mobile network.
#[tokio::test]
async fn who_shares_the_address_of_a_flood_waits_and_stays_in() {
    let world = World::start(&[("ENDPOINT_LIMIT", "5/200"), ("ACCESS_TTL", "3")]);
    let honest = Honest::log_in(world.server.addr, "198.51.100.7").await;
    let flood = Flood::from("203.0.113.9", world.server.addr);
    let (mut served, mut waited) = (0, 0);
    while waited < 20 {
        match honest.call().await {
            Ok(answer) => served += u32::from(answer.is(200).status == 200),
            Err(error) => {
                assert!(!error.is_signed_out(), "{error:?}");
                waited += 1;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    let seen = flood.stop().await;
    println!("{served} calls served and {waited} without a token beside {seen:?}");
    // It asks for nothing but to be refreshed when it is told to.
    while honest.call().await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(honest.seen(503) > 0);
    honest.is_in().await;
    println!("the honest client got {:?}", honest.statuses());
}

#[tokio::test]
async fn a_session_that_refreshes_in_a_loop_waits_and_goes_on() {
    let world = World::start(&[("SESSION_LIMIT", "3/1500")]);
    let (mut token, other) = (world.log_in().await.refresh, world.log_in().await.refresh);
    let limit = Limit::begin(3, 1500);
    for _ in 0..3 {
        token = world.refresh(&token).await.tokens().refresh;
    }
    let again = async || {
        let answer = world.refresh(&token).await;
        if answer.status == 200 {
            token = answer.json()["refresh_token"]
                .as_str()
                .expect("a token")
                .to_owned();
        }
        answer
    };
    let refused = limit
        .until(503, again)
        .await
        .error("temporarily_unavailable");
    assert!((1..=2).contains(&told(&refused)), "{refused:?}");
    // From the same address.
    world.refresh(&other).await.tokens();
    wait(&refused).await;
    world.refresh(&token).await.tokens();
}

/// Nothing that a sender makes up counts against somebody.
#[tokio::test]
async fn nobody_uses_up_what_another_session_may_do() {
    let world = World::start(&[("SESSION_LIMIT", "1/600000")]);
    let token = world.log_in().await.refresh;
    let (head, signature) = token.rsplit_once('.').expect("a JWT");
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for _ in 0..20 {
        world.refresh(&forged).await.is(400).error("invalid_grant");
    }
    world.refresh(&token).await.tokens();
}

#[tokio::test]
async fn too_many_logins_get_429_and_whoever_is_in_stays_in() {
    let world = World::start(&[("LOGIN_LIMIT", "2/1200")]);
    let limit = Limit::begin(2, 1200);
    let first = world.log_in().await;
    world.log_in().await;
    // What names nobody counts too. A login may take as long as a period.
    let nobody = async || world.client.send(post("/auth/login").json("{}")).await;
    let refused = limit.until(429, nobody).await.uncached();
    assert!((1..=2).contains(&told(&refused)), "{refused:?}");
    let refused = refused.error("too_many_requests");
    world.refresh(&first.refresh).await.tokens();
    wait(&refused).await;
    world.log_in().await;
}

/// The caller gets it. Another token would not help, so none is asked for.
#[tokio::test]
async fn too_many_calls_get_429_and_refresh_nothing() {
    let world = World::start(&[("CALL_LIMIT", "3/1500")]);
    let honest = Honest::log_in(world.server.addr, "198.51.100.7").await;
    let other = Honest::log_in(world.server.addr, "198.51.100.7").await;
    let limit = Limit::begin(3, 1500);
    for _ in 0..3 {
        honest.call().await.expect("a token").is(200);
    }
    let refused = limit
        .until(429, async || honest.call().await.expect("a token"))
        .await;
    other.call().await.expect("a token").is(200);
    wait(&refused).await;
    honest.call().await.expect("a token").is(200);
    assert_eq!(honest.statuses().len(), 0, "no refresh");
    honest.is_in().await;
}

#[tokio::test]
async fn without_a_proxy_no_header_gives_another_address() {
    let world = World::start(&[("LOGIN_LIMIT", "2/600000")]);
    for address in ["198.51.100.1", "198.51.100.2"] {
        world.client.send(from(address, login())).await.is(200);
    }
    world
        .client
        .send(from("198.51.100.3", login()))
        .await
        .is(429);
}

#[tokio::test]
async fn behind_a_proxy_only_its_own_entry_counts() {
    let world = World::start(&[("PROXIES", "1"), ("LOGIN_LIMIT", "1/600000")]);
    let log_in = async |line: &str| world.client.send(from(line, login())).await.status;
    assert_eq!(log_in("198.51.100.1").await, 200);
    assert_eq!(log_in("192.0.2.44, 198.51.100.1").await, 429);
    assert_eq!(log_in("198.51.100.1, 198.51.100.2").await, 200);
    assert_eq!(log_in("2001:db8:1:2::3").await, 200);
    assert_eq!(log_in("2001:db8:1:2:ffff::4").await, 429);
    assert_eq!(log_in("2001:db8:1:3::3").await, 200);
}

#[tokio::test]
async fn whoever_wants_to_go_may_go_and_documents_are_given_out() {
    let world = World::start(&[("ENDPOINT_LIMIT", "1/600000"), ("CALL_LIMIT", "1/600000")]);
    let tokens = world.log_in().await;
    let begun = Instant::now();
    world.refresh("nonsense").await.is(400);
    world.refresh(&tokens.refresh).await.is(503);
    let introspect = post("/auth/introspect").form("token=nonsense");
    let told_to_wait = world.client.send(introspect).await.is(503);
    let waited = begun.elapsed().as_secs();
    assert!(
        (600 - waited..=600).contains(&told(&told_to_wait)),
        "{told_to_wait:?}"
    );
    let me = || get("/me").bearer(&tokens.access);
    world.client.send(me()).await.is(200);
    world.client.send(me()).await.is(429);
    for _ in 0..5 {
        world
            .client
            .send(get("/.well-known/jwks.json"))
            .await
            .is(200);
    }
    let logout = post("/auth/logout").bearer(&tokens.access);
    world.client.send(logout).await.is(204);
    world.client.send(me()).await.is(401);
}
