//! Keys that are replaced while many threads verify.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tests_shared::issuer::IssuerServer;
use tokio::time::sleep;
use tower_bearer::error::TokenError;

use crate::support::{discovered, verifier};

const ROUNDS: usize = 4;
const THREADS: usize = 4;

/// A key that is in every set always works, whatever is replaced around it; one that a fetch has removed
/// never works in a verification that begins after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_replaced_as_a_whole() {
    let server = IssuerServer::start().await;
    let lasting = server.signer();
    let passing: Arc<Vec<_>> = Arc::new((0..=ROUNDS).map(|_| server.signer()).collect());
    server.publish(&[&lasting, &passing[0]]);
    let keys = discovered(&server).fetch().await.unwrap();
    let verifier = verifier(&server, &keys);
    let without = verifier.clone().without_cache();

    let token = lasting.token();
    let tokens: Arc<Vec<String>> = Arc::new(passing.iter().map(|key| key.token()).collect());
    // The keys before this one are gone.
    let (gone, stop, checked) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let threads = (0..THREADS).map(|number| {
        let verifier = if number % 2 == 0 {
            verifier.clone()
        } else {
            without.clone()
        };
        let (token, tokens) = (token.clone(), Arc::clone(&tokens));
        let (gone, stop, checked) = (Arc::clone(&gone), Arc::clone(&stop), Arc::clone(&checked));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let gone = gone.load(Ordering::Acquire);
                assert!(verifier.verify(&token).is_ok());
                for token in &tokens[..gone] {
                    let refused = verifier.verify(token).unwrap_err();
                    assert!(
                        matches!(refused, TokenError::UnknownKey | TokenError::Unavailable),
                        "{refused}"
                    );
                }
                checked.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    for round in 1..=ROUNDS {
        server.publish(&[&passing[round], &lasting]);
        while verifier
            .authenticate(&passing[round].token())
            .await
            .is_err()
        {
            sleep(Duration::from_millis(20)).await;
        }
        gone.store(round, Ordering::Release);
    }
    sleep(Duration::from_millis(100)).await;
    stop.store(true, Ordering::Release);
    for thread in threads {
        thread.join().unwrap();
    }
    println!(
        "{ROUNDS} sets, {THREADS} threads, {} rounds of verifications",
        checked.load(Ordering::Relaxed)
    );
}
