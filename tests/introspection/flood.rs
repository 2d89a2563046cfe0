//! A flood of unknown tokens does not become one at the server.

use std::time::Duration;

use serde_json::json;
use tower_bearer::error::TokenError;

use crate::support::*;

#[tokio::test]
async fn few_questions_are_on_their_way_and_few_wait() {
    let server = Server::start().await;
    let world = world(server.builder().max_concurrent(4).max_waiting(16));
    world.passes("known").await;
    server.hold();
    let requests: Vec<_> = (0..1000)
        .map(|number| {
            let verifier = world.verifier.clone();
            tokio::spawn(async move {
                let token = format!("random-{number}");
                verifier.authenticate(&token).await.map(|_| ())
            })
        })
        .collect();
    server.reached(1 + 3).await;
    // All but those that wait have their answer while the server has answered none.
    while requests
        .iter()
        .filter(|request| request.is_finished())
        .count()
        < 980
    {
        tokio::task::yield_now().await;
    }
    // Whoever is known is served meanwhile.
    world.passes("known").await;
    server.times(1 + 3);
    server.release();
    let (mut passed, mut refused) = (0, 0);
    for request in requests {
        match request.await.unwrap() {
            Ok(()) => passed += 1,
            Err(TokenError::Unavailable) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((passed, refused), (20, 980));
    assert_eq!(
        server.busiest(),
        3,
        "the fourth is for tokens that were good"
    );
    server.times(1 + 20);
    // The places are free again.
    world.passes("later").await;
}

/// The server is slow, and there is no place left. Whoever was good until lately is asked about all the same.
#[tokio::test]
async fn a_flood_keeps_nobody_out_who_is_in() {
    for concurrent in [4, 1] {
        let server = Server::start().await;
        let world = world(server.builder().max_concurrent(concurrent).max_waiting(4));
        world.passes("known").await;
        world.wait(Duration::from_secs(60));
        server.hold();
        let strangers: Vec<_> = (0..100)
            .map(|number| {
                let verifier = world.verifier.clone();
                tokio::spawn(
                    async move { verifier.authenticate(&format!("{number}")).await.is_ok() },
                )
            })
            .collect();
        let let_in = concurrent - concurrent / 4;
        server.reached(1 + let_in).await;
        let refused = 100 - concurrent - 4;
        while strangers.iter().filter(|one| one.is_finished()).count() < refused {
            tokio::task::yield_now().await;
        }
        let known = tokio::spawn(world.passes("known"));
        if concurrent == 4 {
            // At once, into the room that is kept.
            server.reached(1 + let_in + 1).await;
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        server.release();
        known.await.unwrap();
        // Before the strangers that had waited for longer.
        assert_eq!(server.asked()[1 + let_in].form["token"], "known");
        for stranger in strangers {
            stranger.await.unwrap();
        }
        server.times(1 + concurrent + 4 + 1);
    }
}

/// After ten minutes, or if the server has called it inactive since, a token is a stranger like others.
#[tokio::test]
async fn who_is_in_does_not_stay_so_for_ever() {
    let server = Server::start().await;
    let world = world(server.builder().max_concurrent(1).max_waiting(0));
    server.says(&with(json!({ "exp": NOW + 3600 })));
    world.passes("lately").await;
    world.passes("revoked").await;
    world.wait(Duration::from_secs(599));
    server.says(&json!({ "active": false }));
    assert!(world.verifier.authenticate("revoked").await.is_err());
    server.says(&with(json!({ "exp": NOW + 3600 })));
    world.wait(Duration::from_secs(1));
    server.hold();
    let flood = tokio::spawn(world.passes("stranger"));
    server.reached(3 + 1).await;
    for token in ["lately", "revoked"] {
        let verdict = world.verifier.authenticate(token).await.map(|_| ());
        assert_eq!(verdict, Err(TokenError::Unavailable), "{token}");
    }
    server.release();
    flood.await.unwrap();
}

/// A place that waited too long is free again, too.
#[tokio::test(start_paused = true)]
async fn places_are_not_lost_with_what_is_given_up() {
    let server = Server::start().await;
    let world = world(server.builder().max_concurrent(1).max_waiting(1));
    server.hold();
    for round in 0..5 {
        let tokens = [0, 1].map(|number| format!("random-{round}-{number}"));
        let ask = async |token: &str| world.verifier.authenticate(token).await.map(|_| ());
        let (first, second) = tokio::join!(ask(&tokens[0]), ask(&tokens[1]));
        assert_eq!(first, Err(TokenError::Unavailable));
        assert_eq!(second, Err(TokenError::Unavailable));
    }
    server.release();
    tokio::time::resume();
    world.passes("later").await;
}
