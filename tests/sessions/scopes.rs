//! A refresh that asks for more than was granted.

use tower_bearer::{
    Scope, TokenResponse,
    session::{ExcessScope, Grant, RefreshRequest, SessionError, SessionErrorKind},
};

use crate::support::*;

fn lenient() -> World {
    world_with(|builder| builder.excess_scope(ExcessScope::LeaveOut))
}

async fn ask(world: &World, held: &TokenResponse, scope: &str) -> Result<Scope, SessionError> {
    let request = RefreshRequest::new(held.refresh_token.clone());
    let request = request.scope(scope.parse().unwrap());
    let tokens = world.sessions.refresh(request).await?.tokens;
    let written: serde_json::Value = serde_json::to_value(&tokens).unwrap();
    let named = written["scope"].as_str().unwrap_or_default();
    assert_eq!(named, tokens.scope.as_str(), "the answer names it");
    let claims = world.claims(&tokens.access_token);
    assert_eq!(claims.scope, tokens.scope, "so does the token");
    Ok(tokens.scope)
}

#[tokio::test]
async fn what_was_not_granted_is_left_out_where_that_is_set() {
    let world = lenient();
    let login = world.login().await;
    for (asked, got) in [
        // As MSAL does.
        ("openid profile offline_access read", "read"),
        ("write openid read", "write read"),
        ("read write", "read write"),
        ("read", "read"),
    ] {
        assert_eq!(ask(&world, &login, asked).await.unwrap().as_str(), got);
    }
    let narrowed = world.row(&login).await.unwrap().session.scope;
    assert_eq!(narrowed.as_str(), "read write", "of this answer only");
}

#[tokio::test]
async fn where_nothing_of_it_was_granted_the_refresh_is_refused_and_the_token_still_good() {
    let world = lenient();
    let login = world.login().await;
    let error = ask(&world, &login, "openid profile").await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::InvalidScope);
    assert_eq!(world.row(&login).await.unwrap().state.generation, 0);
    rotate(&world, &login).await;
}

#[tokio::test]
async fn a_session_without_scope_has_nothing_to_refuse() {
    let asked = "openid profile offline_access";
    let world = lenient();
    let login = world.sessions.start(Grant::new("anna")).await.unwrap();
    assert_eq!(ask(&world, &login, asked).await.unwrap(), Scope::empty());

    let strict = crate::support::world();
    let login = strict.sessions.start(Grant::new("anna")).await.unwrap();
    let error = ask(&strict, &login, asked).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::InvalidScope);
}
