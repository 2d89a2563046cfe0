//! A flood of unknown tokens does not become one at the server.

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
    server.reached(1 + 4).await;
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
    server.times(1 + 4);
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
    assert_eq!(server.busiest(), 4);
    server.times(1 + 20);
    // The places are free again.
    world.passes("later").await;
}

/// A place that waited too long is free again, too.
#[tokio::test(start_paused = true)]
async fn places_are_not_lost_with_what_is_given_up() {
    let server = Server::start().await;
    let builder = server.builder().max_concurrent(1).max_waiting(1);
    let world = world(builder.time_limit(SECOND));
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
