//! Time, restarts and signals.

use std::{fs, future::Future, path::Path, time::Duration};

use tests_shared::client::{Answer, Tokens, post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

use super::site::Site;

/// Asks again until the answer has that status, for a minute at most.
async fn until<F: Future<Output = Answer>>(status: u16, ask: impl Fn() -> F) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {answer:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Longer than a server takes that does what it has to.
const PATIENCE: Duration = Duration::from_secs(60);
/// What lives for two seconds, and ends with a whole one, lives at least for so long.
const ALIVE: Duration = Duration::from_secs(1);

/// Tokens that get a 200. Any other answer came when they were over already, as on a busy machine, which gets
/// others then.
async fn while_they_live<G, A>(get: impl Fn() -> G, ask: impl Fn(Tokens) -> A) -> Tokens
where
    G: Future<Output = Tokens>,
    A: Future<Output = Answer>,
{
    let start = Instant::now();
    loop {
        let begun = Instant::now();
        let tokens = get().await;
        let answer = ask(tokens.clone()).await;
        if answer.status == 200 {
            return tokens;
        }
        assert!(begun.elapsed() >= ALIVE, "they live: {answer:?}");
        assert!(start.elapsed() < PATIENCE, "this machine is too slow");
    }
}

/// An access token ends, and a refresh gives another.
pub(crate) async fn access_tokens_expire(example: &str, folder: &Path) {
    let env = [
        ("STORE", "memory"),
        ("ACCESS_TTL", "2"),
        ("REUSE_WINDOW", "60"),
    ];
    let site = Site::start(example, folder, &env);
    let me = async |tokens: Tokens| site.me(&tokens.access).await;
    let alice = while_they_live(|| site.alice(), me).await;
    assert_eq!(alice.expires_in, 2);
    let lived = Instant::now();
    let refused = loop {
        let asked = lived.elapsed();
        let answer = site.me(&alice.access).await;
        if answer.status == 401 {
            break answer.error("invalid_token");
        }
        answer.is(200);
        assert!(asked < Duration::from_secs(4), "long after its time");
        sleep(Duration::from_millis(50)).await;
    };
    assert!(refused.challenge().contains("expired"), "{refused:?}");
    // Told only of what the server has signed itself.
    let (signed, _) = alice.access.rsplit_once('.').expect("three segments");
    let forged = site.me(&format!("{signed}.AAAA")).await.is(401);
    assert!(!forged.challenge().contains("expired"), "{forged:?}");

    let next = async || site.refresh(&alice.refresh).await.tokens();
    while_they_live(next, me).await;
}

/// A session ends, whatever happens.
pub(crate) async fn sessions_expire(example: &str, folder: &Path) {
    let env = [
        ("STORE", "memory"),
        ("ACCESS_TTL", "1"),
        ("REFRESH_IDLE_TTL", "2"),
        ("SESSION_TTL", "2"),
    ];
    let site = Site::start(example, folder, &env);
    let refresh = async |tokens: Tokens| site.refresh(&tokens.refresh).await;
    let alice = while_they_live(|| site.alice(), refresh).await;
    until(400, || site.refresh(&alice.refresh))
        .await
        .error("invalid_grant");
}

/// Outside the window, and once the client has shown that it holds the successor.
pub(crate) async fn reuse_is_seen(example: &str, folder: &Path) {
    for window in ["0", "1"] {
        let site = Site::start(
            example,
            folder,
            &[("STORE", "memory"), ("REUSE_WINDOW", window)],
        );
        let (thief, victim) = (site.alice().await, site.alice().await);
        let live = site.refresh(&thief.refresh).await.tokens();
        site.me(&live.access).await.is(200);
        until(400, || site.refresh(&thief.refresh))
            .await
            .error("invalid_grant")
            .unchallenged();
        // All of the session is over, and nothing else.
        site.refresh(&live.refresh)
            .await
            .is(400)
            .error("invalid_grant");
        site.me(&live.access).await.is(401).error("invalid_token");
        site.refresh(&victim.refresh).await.is(200);
    }
}

/// Two generations behind is never a neighbour.
pub(crate) async fn older_is_reuse(example: &str, folder: &Path) {
    let site = Site::start(
        example,
        folder,
        &[("STORE", "memory"), ("REUSE_WINDOW", "0")],
    );
    let first = site.alice().await;
    let second = site.refresh(&first.refresh).await.tokens();
    // With no window the live token rotates, but not within the millisecond of its delivery.
    sleep(Duration::from_millis(5)).await;
    let third = site.refresh(&second.refresh).await.tokens();
    assert_ne!(third.refresh, second.refresh);
    site.refresh(&first.refresh)
        .await
        .is(400)
        .error("invalid_grant");
    site.refresh(&third.refresh)
        .await
        .is(400)
        .error("invalid_grant");
}

/// Sessions, keys and logouts outlive the process.
pub(crate) async fn restarts(example: &str, folder: &Path) {
    let site = Site::start(example, folder, &[]);
    let (alice, bob) = (site.alice().await, site.bob().await);
    let logout = post("/auth/logout").bearer(&bob.access);
    site.send(logout).await.is(204);
    let rotated = site.refresh(&alice.refresh).await.tokens();
    site.server.stop();
    only_for_the_owner(folder);

    let site = Site::start(example, folder, &[]);
    site.me(&rotated.access).await.is(200);
    site.me(&bob.access).await.is(401).error("invalid_token");
    let again = site.refresh(&rotated.refresh).await.tokens();
    assert_eq!(again.sid(), alice.sid());
    site.refresh(&bob.refresh)
        .await
        .is(400)
        .error("invalid_grant");
    site.server.stop();
}

fn only_for_the_owner(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let mut secrets = 0;
    for entry in fs::read_dir(folder).expect("readable") {
        let entry = entry.expect("readable");
        let name = entry.file_name().into_string().expect("UTF-8");
        assert!(
            name.starts_with("tower-bearer.db"),
            "{name} was left behind"
        );
        if name.ends_with(".key-encryption-secret") {
            let mode = entry.metadata().expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            secrets += 1;
        }
    }
    assert_eq!(secrets, 1);
}

/// Two servers that start at once, on nothing, have the same keys.
pub(crate) async fn twins(example: &str, folder: &Path) {
    let start = || {
        let (example, folder) = (example.to_owned(), folder.to_owned());
        tokio::task::spawn_blocking(move || Site::start(&example, &folder, &[]))
    };
    let (one, other) = (start(), start());
    let (one, other) = (one.await.expect("started"), other.await.expect("started"));
    let alice = one.alice().await;
    other.me(&alice.access).await.is(200);
    let rotated = other.refresh(&alice.refresh).await.tokens();
    one.me(&rotated.access).await.is(200);
    one.refresh(&rotated.refresh).await.is(200);
}

/// A request that is under way is answered before the server stops.
pub(crate) async fn signals(example: &str, folder: &Path) {
    for signal in ["TERM", "INT"] {
        let mut site = Site::start(example, folder, &[("STORE", "memory")]);
        // A connection that lies idle must not hold the server up.
        site.alice().await;
        let body = r#"{"username":"alice","password":"wonderland"}"#;
        let (sent, held_back) = body.split_at(10);
        let mut stream = TcpStream::connect(site.server.addr)
            .await
            .expect("connected");
        let head = format!(
            "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        // The server asks for the body once it has begun with the request.
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.expect("an answer");
        assert_eq!(&line, b"HTTP/1.1 100");
        stream.write_all(sent.as_bytes()).await.expect("sent");

        site.server.signal(signal);
        refuses_connections(&site).await;
        stream.write_all(held_back.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(
            answer.contains("HTTP/1.1 200") && answer.contains("access_token"),
            "{answer}"
        );
        assert_eq!(site.server.wait().code(), Some(0), "SIG{signal}");
    }
}

async fn refuses_connections(site: &Site) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(site.server.addr).await.is_ok() {
        assert!(Instant::now() < deadline, "new connections are still taken");
        sleep(Duration::from_millis(20)).await;
    }
}
