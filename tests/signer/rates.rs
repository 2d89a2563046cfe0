//! What a signer does to the rate of refreshes. It is no test:
//! `cargo test --release -p tests-signer rates -- --ignored --nocapture`

use std::time::{Duration, Instant};

use tower_bearer::{RefreshToken, jws::SignerOptions, session::RefreshRequest};

use crate::support::*;

const CLIENTS: usize = 256;
const SPAN: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures, and takes a minute"]
async fn refreshes_with_a_signer() {
    println!("| takes | calls | refreshes/s | median | p99 | 503 |");
    for (takes, calls) in [0, 1, 5, 20]
        .iter()
        .flat_map(|ms| [8, 32, 128].map(|calls| (*ms, calls)))
    {
        let options = SignerOptions::new().max_calls(calls);
        let world = std::sync::Arc::new(world_with(options, |builder| builder));
        let mut logins = Vec::new();
        for _ in 0..CLIENTS {
            logins.push(world.login().await.refresh_token);
        }
        if takes > 0 {
            world.signer.is(Mood::Takes(Duration::from_millis(takes)));
        }
        let begun = Instant::now();
        let clients = logins
            .into_iter()
            .map(|token| tokio::spawn(client(world.clone(), token, begun)));
        let clients: Vec<_> = clients.collect();
        let (mut took, mut refused) = (Vec::new(), 0);
        for client in clients {
            let (times, failed) = client.await.unwrap();
            took.extend(times);
            refused += failed;
        }
        let rate = took.len() as f64 / begun.elapsed().as_secs_f64();
        took.sort();
        let at = |share: f64| took[(took.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "| {takes} ms | {calls} | {rate:.0} | {:.1} ms | {:.1} ms | {refused} |",
            at(0.5),
            at(0.99)
        );
    }
}

/// Refreshes again as soon as it has its answer.
async fn client(
    world: std::sync::Arc<World>,
    mut token: RefreshToken,
    begun: Instant,
) -> (Vec<Duration>, usize) {
    let (mut took, mut refused) = (Vec::new(), 0);
    while begun.elapsed() < SPAN {
        let since = Instant::now();
        match world
            .sessions
            .refresh(RefreshRequest::new(token.clone()))
            .await
        {
            Ok(refreshed) => {
                token = refreshed.tokens.refresh_token;
                took.push(since.elapsed());
            }
            Err(_) => refused += 1,
        }
    }
    (took, refused)
}
