//! The limits of a grant, and that no client's input becomes a server's fault.

use http::StatusCode;
use serde_json::json;
use tower_bearer::{
    Scope,
    session::{ExcessScope, Grant, RefreshRequest, SessionErrorKind},
    store::StoreErrorKind,
    testing::Fault,
};

use crate::support::*;

const KIB: usize = 1024;

/// A scope of so many bytes.
fn scope(bytes: usize) -> Scope {
    "s".repeat(bytes).parse().unwrap()
}

#[track_caller]
fn status(kind: SessionErrorKind, error: &tower_bearer::session::SessionError, status: StatusCode) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.to_response().status(), status);
}

#[tokio::test]
async fn what_may_come_from_a_client_is_a_400_beyond_its_limit() {
    let world = world();
    let grant = || Grant::new("anna");
    for wrong in [
        Grant::new(""),
        Grant::new("x".repeat(KIB + 1)),
        Grant::new("x".repeat(3 << 20)),
        // As JSON it is six times as long, too long for an access token.
        Grant::new("\u{1}".repeat(KIB)),
        grant().client_id(""),
        grant().client_id("x".repeat(KIB + 1)),
        grant().scope(scope(8 * KIB + 1)),
        grant().scope(scope(3 << 20)),
        // Within the limit, but not within that of an access token.
        grant().scope(scope(8 * KIB)),
        grant()
            .scope(scope(8 * KIB))
            .claims(&json!({ "role": "editor" })),
    ] {
        let error = world.sessions.start(wrong).await.unwrap_err();
        status(
            SessionErrorKind::InvalidRequest,
            &error,
            StatusCode::BAD_REQUEST,
        );
    }
    for right in [
        Grant::new("x".repeat(KIB)),
        Grant::new("ä".repeat(KIB / 2)),
        grant().client_id("x".repeat(KIB)),
        grant().scope(scope(5 * KIB)),
    ] {
        world.sessions.start(right).await.unwrap();
    }
    assert!(world.sessions.list("anna").await.unwrap().sessions.len() == 2);
}

#[tokio::test]
async fn what_the_application_makes_itself_is_its_own_fault() {
    let world = world();
    let notes = (0..65).fold(Grant::new("anna"), |grant, number| {
        grant.metadata(format!("note {number}"), "x".repeat(KIB))
    });
    for wrong in [
        notes,
        Grant::new("anna").metadata("x".repeat(64 * KIB), "x"),
        Grant::new("anna").claims(&json!({ "large": "x".repeat(8_000) })),
        Grant::new("anna").claims(&json!({ "large": "x".repeat(3 << 20) })),
    ] {
        let error = world.sessions.start(wrong).await.unwrap_err();
        status(
            SessionErrorKind::Grant,
            &error,
            StatusCode::INTERNAL_SERVER_ERROR,
        );
    }
}

#[tokio::test]
async fn a_long_note_is_cut_and_the_login_goes_on() {
    let world = world();
    let agent = "☎".repeat(70_000);
    let grant = Grant::new("anna").metadata("user_agent", &*agent);
    let tokens = world.sessions.start(grant).await.unwrap();
    let row = world.row(&tokens).await.unwrap();
    assert_eq!(row.session.metadata["user_agent"], "☎".repeat(KIB / 3));
}

#[tokio::test]
async fn what_can_log_in_can_refresh() {
    // The longest scope with which a login is accepted.
    let world = world();
    let (mut most, mut too_much) = (4 * KIB, 8 * KIB);
    while most + 1 < too_much {
        let half = (most + too_much) / 2;
        match world
            .sessions
            .start(Grant::new("anna").scope(scope(half)))
            .await
        {
            Ok(_) => most = half,
            Err(_) => too_much = half,
        }
    }
    let grant = Grant::new("anna").scope(scope(most));
    let mut tokens = world.sessions.start(grant).await.unwrap();
    // The number of the generation gets longer, and so does the token.
    for _ in 0..=100 {
        tokens = rotate(&world, &tokens).await;
        world.wait(21);
    }
    assert_eq!(generation(&tokens), 101);
}

#[tokio::test]
async fn a_requested_scope_of_any_size_is_no_fault_of_the_server() {
    for excess in [ExcessScope::Refuse, ExcessScope::LeaveOut] {
        let world = world_with(|builder| builder.excess_scope(excess));
        let tokens = world.login().await;
        for requested in [scope(9 * KIB), scope(3 << 20)] {
            let request = RefreshRequest::new(tokens.refresh_token.clone()).scope(requested);
            let error = world.sessions.refresh(request).await.unwrap_err();
            status(
                SessionErrorKind::InvalidScope,
                &error,
                StatusCode::BAD_REQUEST,
            );
        }
        rotate(&world, &tokens).await;
    }
}

#[tokio::test]
async fn what_will_never_pass_is_not_told_as_an_outage() {
    use SessionErrorKind::{Store, Unavailable};
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let tokens = world.login().await;
    for (fault, kind, code) in [
        (StoreErrorKind::Unstorable, Store, 500),
        (StoreErrorKind::Corrupt, Store, 500),
        (StoreErrorKind::Duplicate, Unavailable, 503),
        (StoreErrorKind::Unavailable, Unavailable, 503),
        (StoreErrorKind::Timeout, Unavailable, 503),
        (StoreErrorKind::Busy, Unavailable, 503),
    ] {
        store.inject(Fault::error(fault).times(1));
        let error = world.present(&tokens.refresh_token).await.unwrap_err();
        status(kind, &error, StatusCode::from_u16(code).unwrap());
    }
    rotate(&world, &tokens).await;
}
