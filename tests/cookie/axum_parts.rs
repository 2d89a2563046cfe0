//! In axum a cookie is a part of a response, and the answer of a login is one.

use axum::response::IntoResponse;
use http::StatusCode;

use crate::support::*;

#[tokio::test]
async fn cookies_go_with_any_response() {
    let world = world();
    let cleared = (world.cookie.clear(), StatusCode::NO_CONTENT).into_response();
    assert_eq!(cleared.status(), StatusCode::NO_CONTENT);
    assert_eq!(cookies(cleared.headers())[0].max_age, 0);

    let alone = world.cookie.clear().into_response();
    assert_eq!(alone.status(), StatusCode::OK);
    assert_eq!(cookies(alone.headers()).len(), 1);

    let other = [("set-cookie", "theme=dark")];
    let both = (other, world.cookie.clear(), "bye").into_response();
    let lines: Vec<_> = both.headers().get_all("set-cookie").iter().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "theme=dark");
}

#[tokio::test]
async fn a_login_is_a_response() {
    let world = world();
    let response = world.cookie.response(&world.start().await).into_response();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(cookies(response.headers())[0].name, NAME);
}
