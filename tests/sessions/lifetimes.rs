//! Lifetimes of a login's own.

use std::time::Duration;

use tower_bearer::{
    TokenResponse,
    clock::Clock,
    error::TokenError,
    session::{Grant, Refusal, SessionErrorKind},
};

use crate::support::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn started(world: &World, grant: Grant) -> TokenResponse {
    world.sessions.start(grant).await.unwrap()
}

#[tokio::test]
async fn a_login_may_have_an_idle_lifetime_of_its_own() {
    let world = world();
    let own = started(&world, Grant::new("anna").idle_lifetime(HOUR)).await;
    let usual = started(&world, Grant::new("anna")).await;
    assert_eq!(own.refresh_expires_in, HOUR);
    assert_eq!(usual.refresh_expires_in, 30 * DAY);

    world.wait(3599);
    let own = rotate(&world, &own).await;
    assert_eq!(own.refresh_expires_in, HOUR, "each rotation renews it");
    world.wait(3600);
    refused(world.present(&own.refresh_token).await, Refusal::Expired);
    rotate(&world, &usual).await;
}

#[tokio::test]
async fn a_login_may_have_a_session_lifetime_of_its_own() {
    let world = world();
    let grant = Grant::new("anna").session_lifetime(2 * HOUR);
    let mut held = started(&world, grant).await;
    assert_eq!(
        held.refresh_expires_in,
        2 * HOUR,
        "the usual idle lifetime ends with the session"
    );
    let session = world.row(&held).await.unwrap().session;
    assert_eq!(session.ends_at, session.created_at + 2 * HOUR);
    assert_eq!(session.idle_lifetime, None);

    for left in [80, 40] {
        world.wait(40 * 60);
        held = rotate(&world, &held).await;
        assert_eq!(held.refresh_expires_in, left * MINUTE);
    }
    world.wait(40 * 60);
    refused(world.present(&held.refresh_token).await, Refusal::Expired);

    let longer = Grant::new("anna").session_lifetime(1000 * DAY);
    let held = started(&world, longer).await;
    let session = world.row(&held).await.unwrap().session;
    assert_eq!(session.ends_at, session.created_at + 1000 * DAY);
    assert_eq!(held.refresh_expires_in, 30 * DAY);
}

#[tokio::test]
async fn an_own_idle_lifetime_is_kept_in_whole_milliseconds() {
    let world = world();
    let grant = Grant::new("anna").idle_lifetime(HOUR + Duration::from_nanos(1_999_999));
    let held = started(&world, grant).await;
    let session = world.row(&held).await.unwrap().session;
    assert_eq!(session.idle_lifetime, Some(HOUR + Duration::from_millis(1)));
}

#[tokio::test]
async fn own_lifetimes_are_checked_as_the_configured_ones() {
    let world = world();
    let grant = || Grant::new("anna");
    for wrong in [
        grant().idle_lifetime(Duration::ZERO),
        grant().session_lifetime(Duration::ZERO),
        grant().idle_lifetime(9 * MINUTE),
        grant().session_lifetime(9 * MINUTE),
        grant().idle_lifetime(181 * DAY),
        grant().idle_lifetime(2 * HOUR).session_lifetime(HOUR),
        grant().session_lifetime(Duration::MAX),
        grant()
            .idle_lifetime(Duration::MAX)
            .session_lifetime(Duration::MAX),
    ] {
        let error = world.sessions.start(wrong).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Grant);
    }
    for right in [
        grant().idle_lifetime(10 * MINUTE),
        grant().session_lifetime(10 * MINUTE),
        grant().idle_lifetime(HOUR).session_lifetime(HOUR),
        grant().idle_lifetime(181 * DAY).session_lifetime(200 * DAY),
    ] {
        started(&world, right).await;
    }
}

#[tokio::test]
async fn no_access_token_lives_longer_than_said_at_any_fraction_of_a_second() {
    for access in [1, 2, 600] {
        for millis in [0, 1, 499, 500, 999] {
            let world = world_with(|builder| builder.access_lifetime(Duration::from_secs(access)));
            world.clock.advance(Duration::from_millis(millis));
            let held = started(&world, Grant::new("anna")).await;
            let claims = world.claims(&held.access_token);
            let lives = claims.exp.saturating_since(world.clock.now());
            assert!(
                lives <= Duration::from_secs(access),
                "{access} s + {millis} ms"
            );
            assert_eq!(claims.exp.saturating_since(claims.iat), held.expires_in);
            assert_eq!(held.expires_in.as_secs(), access, "as the answer says");

            let verifier = world.verifier().leeway(Duration::ZERO).unwrap();
            world.clock.advance(Duration::from_secs(access));
            let refused = verifier.verify(held.access_token.expose()).unwrap_err();
            assert_eq!(refused, TokenError::Expired, "{access} s + {millis} ms");
        }
    }
}

#[tokio::test]
async fn a_lifetime_with_a_fraction_is_rounded_down() {
    let lifetime = Duration::from_millis(2_900);
    let world = world_with(|builder| builder.access_lifetime(lifetime));
    world.clock.advance(Duration::from_millis(900));
    let held = started(&world, Grant::new("anna")).await;
    let claims = world.claims(&held.access_token);
    assert_eq!(held.expires_in, Duration::from_secs(2));
    assert_eq!(claims.exp, claims.iat + held.expires_in);
}
