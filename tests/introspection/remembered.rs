//! What is remembered, for how long, and that it is bounded.

use std::time::Duration;

use serde_json::json;
use tower_bearer::{clock::Timestamp, error::TokenError};

use crate::support::*;

const AGE: Duration = Duration::from_secs(30);
const MILLI: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_good_answer_counts_for_thirty_seconds() {
    let server = Server::start().await;
    let world = server.world();
    for _ in 0..100 {
        world.passes("token").await;
    }
    server.times(1);
    world.wait(AGE - MILLI);
    world.passes("token").await;
    assert!(world.verifier.verify("token").is_ok(), "without waiting");
    server.times(1);
    world.wait(MILLI);
    assert_eq!(
        world.verifier.verify("token").unwrap_err(),
        TokenError::Unavailable
    );
    server.times(1);
    world.passes("token").await;
    server.times(2);
}

#[tokio::test]
async fn what_is_remembered_is_judged_at_the_time_that_is_asked_for() {
    let server = Server::start().await;
    let world = server.world();
    world.passes("token").await;
    let at = |time| (world.verifier.verify_at("token", time)).map(|_| ());
    let asked = Timestamp::from_secs(NOW);
    assert_eq!(at(asked), Ok(()));
    assert_eq!(at(asked + AGE - MILLI), Ok(()));
    assert_eq!(at(asked + AGE), Err(TokenError::Unavailable));
    assert_eq!(at(asked - MILLI), Err(TokenError::Unavailable));
    server.times(1);
}

/// So long a revoked token lives, and no longer.
#[tokio::test]
async fn a_revocation_shows_when_the_answer_is_old() {
    let server = Server::start().await;
    let world = server.world();
    world.passes("token").await;
    server.says(&json!({ "active": false }));
    world.wait(AGE - MILLI);
    world.passes("token").await;
    world.wait(MILLI);
    let verdict = world.verifier.authenticate("token").await;
    assert_eq!(verdict.map(|_| ()), Err(TokenError::Inactive));
}

/// From the question on: what the server decided may be as old as that.
#[tokio::test]
async fn the_age_begins_with_the_question() {
    let server = Server::start().await;
    let world = server.world();
    server.hold();
    let asking = tokio::spawn(world.passes("token"));
    server.reached(1).await;
    world.wait(AGE - MILLI);
    server.release();
    asking.await.unwrap();
    world.passes("token").await;
    server.times(1);
    world.wait(MILLI);
    world.passes("token").await;
    server.times(2);
}

#[tokio::test]
async fn nothing_counts_beyond_the_expiry() {
    let server = Server::start().await;
    server.says(&with(json!({ "exp": NOW + 10 })));
    let world = server.world();
    world.passes("token").await;
    world.wait(Duration::from_secs(15) - MILLI);
    world.passes("token").await;
    server.times(1);
    world.wait(MILLI);
    let verdict = world.verifier.authenticate("token").await;
    assert_eq!(verdict.map(|_| ()), Err(TokenError::Expired));
    server.times(2);
}

/// The clock of the machine is set back: the answer would count for longer than it may.
#[tokio::test]
async fn a_clock_that_goes_back_forgets() {
    let server = Server::start().await;
    let world = server.world();
    world.passes("token").await;
    world
        .clock
        .set(tower_bearer::clock::Timestamp::from_secs(NOW - 1));
    world.passes("token").await;
    server.times(2);
}

#[tokio::test]
async fn a_bad_answer_counts_for_a_moment() {
    let server = Server::start().await;
    server.says(&json!({ "active": false }));
    let world = server.world();
    for _ in 0..100 {
        let verdict = world.verifier.authenticate("token").await;
        assert_eq!(verdict.map(|_| ()), Err(TokenError::Inactive));
    }
    server.times(1);
    server.says(&good());
    world.wait(SECOND - MILLI);
    assert!(world.verifier.authenticate("token").await.is_err());
    server.times(1);
    world.wait(MILLI);
    world.passes("token").await;
    server.times(2);
}

#[tokio::test]
async fn either_memory_can_be_switched_off() {
    let server = Server::start().await;
    let builder = server.builder().max_age(Duration::ZERO);
    let world = world(builder.negative_for(Duration::ZERO));
    for asked in 1..=3 {
        world.passes("token").await;
        server.times(asked);
    }
    server.says(&json!({ "active": false }));
    for asked in 4..=6 {
        assert!(world.verifier.authenticate("token").await.is_err());
        server.times(asked);
    }
}

/// A flood of tokens that nobody knows takes no room from those that are good.
#[tokio::test]
async fn bad_tokens_push_no_good_one_out() {
    let server = Server::start().await;
    let builder = server.builder().max_entries(5).max_negative_entries(5);
    let world = world(builder);
    for number in 0..5 {
        world.passes(&format!("good-{number}")).await;
    }
    server.says(&json!({ "active": false }));
    for number in 0..50 {
        let verdict = world.verifier.authenticate(&format!("bad-{number}")).await;
        assert_eq!(verdict.map(|_| ()), Err(TokenError::Inactive));
    }
    server.times(55);
    for number in 0..5 {
        world.passes(&format!("good-{number}")).await;
    }
    server.times(55);
    // Of the bad ones the last five are remembered.
    for number in 0..50 {
        let _ = world.verifier.authenticate(&format!("bad-{number}")).await;
    }
    assert!(server.asked().len() >= 100, "{}", server.asked().len());
}

#[tokio::test]
async fn there_is_an_end_to_what_is_remembered() {
    let server = Server::start().await;
    let world = world(server.builder().max_entries(10));
    for number in 0..100 {
        world.clock.advance(MILLI);
        world.passes(&format!("token-{number}")).await;
    }
    server.times(100);
    for number in 90..100 {
        world.passes(&format!("token-{number}")).await;
    }
    server.times(100);
    world.passes("token-0").await;
    server.times(101);
}

/// 4 KiB for each is what they take together, however long the answers are.
#[tokio::test]
async fn long_answers_take_the_room_of_several() {
    let server = Server::start().await;
    let world = world(server.builder().max_entries(10));
    server.says(&with(json!({ "notes": "x".repeat(15 * 1024) })));
    for number in 0..3 {
        world.clock.advance(MILLI);
        world.passes(&format!("token-{number}")).await;
    }
    server.times(3);
    for number in [2, 1] {
        world.passes(&format!("token-{number}")).await;
    }
    server.times(3);
    world.passes("token-0").await;
    server.times(4);
}

#[tokio::test]
async fn clones_share_what_is_remembered() {
    let server = Server::start().await;
    let world = server.world();
    let other = world.verifier.clone();
    world.passes("token").await;
    assert!(other.verify("token").is_ok());
    server.times(1);
}

/// The answer is the same for all of them, and what each of them makes of its times is not.
#[tokio::test]
async fn each_verifier_has_its_own_leeway() {
    let server = Server::start().await;
    server.says(&with(json!({ "exp": NOW + 10 })));
    let World { verifier, clock } = server.world();
    let patient = verifier.clone().leeway(Duration::from_secs(300)).unwrap();
    let strict = verifier.leeway(Duration::ZERO).unwrap();

    clock.advance(Duration::from_secs(11));
    assert!(patient.authenticate("remembered").await.is_ok());
    for _ in 0..2 {
        let verdict = strict.authenticate("remembered").await.map(|_| ());
        assert_eq!(verdict, Err(TokenError::Expired));
    }
    assert!(patient.authenticate("remembered").await.is_ok());
    let verdict = strict.authenticate("asked about first").await.map(|_| ());
    assert_eq!(verdict, Err(TokenError::Expired));
    assert!(patient.authenticate("asked about first").await.is_ok());

    server.hold();
    let ask = |verifier: &tower_bearer::Verifier| {
        let verifier = verifier.clone();
        tokio::spawn(async move { verifier.authenticate("shared").await.map(|_| ()) })
    };
    let asked = server.asked().len();
    let first = ask(&patient);
    server.reached(asked + 1).await;
    let second = ask(&strict);
    tokio::task::yield_now().await;
    server.release();
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Err(TokenError::Expired));
    server.times(asked + 1);
}
