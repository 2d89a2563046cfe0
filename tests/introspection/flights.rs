//! One question for one token, however many requests come with it and whichever of them stay.

use std::time::Duration;

use tower_bearer::error::TokenError;

use crate::support::*;

#[tokio::test]
async fn requests_at_the_same_time_share_a_question() {
    let server = Server::start().await;
    let world = server.world();
    server.hold();
    let requests: Vec<_> = (0..100)
        .map(|_| tokio::spawn(world.passes("token")))
        .collect();
    server.reached(1).await;
    server.release();
    for request in requests {
        request.await.unwrap();
    }
    server.times(1);
}

#[tokio::test]
async fn each_token_has_its_own_question() {
    let server = Server::start().await;
    let world = server.world();
    server.hold();
    let requests: Vec<_> = (0..20)
        .map(|number| tokio::spawn(world.passes(&format!("token-{}", number % 10))))
        .collect();
    server.reached(10).await;
    server.release();
    for request in requests {
        request.await.unwrap();
    }
    server.times(10);
}

/// The request that came first is dropped, as when its client hangs up.
#[tokio::test]
async fn who_follows_gets_the_answer_though_the_first_is_gone() {
    let server = Server::start().await;
    let world = server.world();
    server.hold();
    let first = tokio::spawn(world.passes("token"));
    server.reached(1).await;
    let second = tokio::spawn(world.passes("token"));
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    server.release();
    second.await.unwrap();
    server.times(1);
}

/// All of them are gone, and the answer is there for the next.
#[tokio::test]
async fn an_answer_that_nobody_waited_for_is_not_lost() {
    let server = Server::start().await;
    let world = server.world();
    server.hold();
    let only = tokio::spawn(world.passes("token"));
    server.reached(1).await;
    only.abort();
    assert!(only.await.unwrap_err().is_cancelled());
    server.release();
    world.passes("token").await;
    server.times(1);
}

#[tokio::test]
async fn a_failure_is_shared_and_then_forgotten() {
    let server = Server::start().await;
    let world = server.world();
    server.answers(status(500));
    server.hold();
    let requests: Vec<_> = (0..10)
        .map(|_| {
            let verifier = world.verifier.clone();
            tokio::spawn(async move { verifier.authenticate("token").await.map(|_| ()) })
        })
        .collect();
    server.reached(1).await;
    server.release();
    for request in requests {
        assert_eq!(request.await.unwrap(), Err(TokenError::Unavailable));
    }
    server.times(1);
    server.says(&good());
    world.passes("token").await;
    server.times(2);
}

/// Whoever only looks, without waiting, asks nobody.
#[tokio::test]
async fn a_look_asks_nobody() {
    let server = Server::start().await;
    let world = server.world();
    assert_eq!(
        world.verifier.verify("token").unwrap_err(),
        TokenError::Unavailable
    );
    drop(world.verifier.authenticate("token"));
    tokio::task::yield_now().await;
    server.times(0);
    world.passes("token").await;
    server.times(1);
}

/// A request that begins after another was answered gets an answer of its own. On one thread the answer
/// would have left before the next request could come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_not_for_those_who_come_later() {
    let server = Server::start().await;
    let builder = server.builder().max_age(Duration::ZERO);
    let world = world(builder.negative_for(Duration::ZERO));
    for asked in 1..=1000 {
        world.passes("token").await;
        server.times(asked);
    }
}
